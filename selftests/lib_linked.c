// SPDX-License-Identifier: GPL-2.0
/* lib_basic.c with the library linked, before CANN, instead of preloaded. */
#define LIB_LINKED
#include "lib_basic.c"

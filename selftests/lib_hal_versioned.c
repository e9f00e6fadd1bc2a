// SPDX-License-Identifier: GPL-2.0
/* lib_window.c over a HAL that gives its symbols versions. */
#define LIB_HAL "versioned"
#define LIB_HAL_VERSION "ASCEND_HAL_1.0"
#include "lib_window.c"

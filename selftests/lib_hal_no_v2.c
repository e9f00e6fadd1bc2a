// SPDX-License-Identifier: GPL-2.0
/* lib_window.c over a HAL that lacks the newer opens. */
#define LIB_HAL "no-v2"
#define LIB_HAL_VERSION "ASCEND_HAL_1.0"
#include "lib_window.c"

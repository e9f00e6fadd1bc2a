// SPDX-License-Identifier: GPL-2.0
/* lib_window.c over a HAL that opens and closes devices in the old way. */
#define LIB_HAL "no-device-open"
#define LIB_HAL_VERSION "ASCEND_HAL_1.0"
#include "lib_window.c"

// SPDX-License-Identifier: GPL-2.0
/*
 * All calls from a program with another C library than GNU's, which has the
 * uapi header alone.  The Makefile builds it with musl-gcc.  Field case 135.
 */
#include <limits.h>

#ifdef __GLIBC__
#error "not musl"
#endif
#define ANY_POINTER

#include "ioctl_compat32.c"

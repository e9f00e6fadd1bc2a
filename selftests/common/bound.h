/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BOUND_H
#define BOUND_H

/* the harness has functions of its own: not for what is linked to a test */
#ifdef T_COMMON
#include "kselftest.h"
#else
#include "kselftest_harness.h"
#endif

/*
 * Longer than anything takes that works, also in a debug kernel on a busy
 * machine: these only say "does not hang".
 */
#define BOUND_MS		60000
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	240	/* seconds */

#endif /* BOUND_H */

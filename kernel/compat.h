/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The differences between the supported kernels, each found by a feature, not
 * by a version number: vendor kernels carry backports.
 */
#ifndef ACLIPC_COMPAT_H
#define ACLIPC_COMPAT_H

#include <linux/sched/signal.h>

/*
 * Until 5.16 a process that dumps core has a flag of its own; from 5.17 on
 * (commit 0258b5fd7c71 "coredump: Limit coredumps to a single thread group")
 * SIGNAL_GROUP_EXIT is set as for any other end.
 */
#ifdef SIGNAL_GROUP_COREDUMP
#define ACLIPC_SIGNAL_ENDING	(SIGNAL_GROUP_EXIT | SIGNAL_GROUP_COREDUMP)
#else
#define ACLIPC_SIGNAL_ENDING	SIGNAL_GROUP_EXIT
#endif

#endif /* ACLIPC_COMPAT_H */

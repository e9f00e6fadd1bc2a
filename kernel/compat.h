/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The differences between the supported kernels, Linux 5.4 and later.  Each is
 * found by a feature, not by a version number, as vendor kernels carry
 * backports: by a macro of the kernel if it has one, else by what probe.sh can
 * compile, which also stops the build if the kernel lacks what is needed.
 */
#ifndef ACLIPC_COMPAT_H
#define ACLIPC_COMPAT_H

#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>

#include "probed.h"

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

/* 32-bit callers: the argument is a pointer.  The kernel's own is of 5.5. */
#ifdef ACLIPC_HAVE_COMPAT_PTR_IOCTL
#define aclipc_compat_ioctl	compat_ptr_ioctl
#elif defined(CONFIG_COMPAT)
static inline long aclipc_compat_ioctl(struct file *file, unsigned int cmd,
				       unsigned long arg)
{
	return file->f_op->unlocked_ioctl(file, cmd,
					  (unsigned long)compat_ptr(arg));
}
#else
#define aclipc_compat_ioctl	NULL
#endif

/*
 * Where tasks can be preempted, RCU has a grace period that waits for them all to
 * have left what they do; where they cannot, the ordinary one does that, and some
 * kernels have no other.
 */
#ifndef ACLIPC_HAVE_CALL_RCU_TASKS
#define call_rcu_tasks		call_rcu
#define synchronize_rcu_tasks	synchronize_rcu
#endif

/* The pid namespace that a file of procfs belongs to; 5.8 changed the way. */
static inline struct pid_namespace *aclipc_proc_pid_ns(const struct file *file)
{
#ifdef ACLIPC_HAVE_PROC_PID_NS_OF_SB
	return proc_pid_ns(file_inode(file)->i_sb);
#else
	return proc_pid_ns(file_inode(file));
#endif
}

#endif /* ACLIPC_COMPAT_H */

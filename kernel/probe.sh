#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# probe.sh COMPILER FLAGS...: what has this kernel?  Found out by compiling, as
# vendor kernels carry backports.  Prints probed.h, which compat.h includes.
#
# A difference is a program in two variants, of which exactly one compiles.  If
# none does, or both do, something else is wrong: the build stops then, rather
# than go on with a guess.
set -u

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

stop() {
	cat "$dir"/*.log >&2
	echo "aclipc: error: $1" >&2
	exit 1
}

# compiles VARIANT COMPILER FLAGS...
compiles() {
	variant=$1
	shift
	"$@" -DMODULE "-D$variant" -Werror=incompatible-pointer-types \
		-Werror=implicit-function-declaration -fsyntax-only \
		-x c "$dir/probe.c" > "$dir/$variant.log" 2>&1
}

# differs NAME COMPILER FLAGS...: reads the program; a macro if it is PRESENT
differs() {
	name=$1
	shift
	cat > "$dir/probe.c"
	rm -f "$dir"/*.log
	compiles PRESENT "$@" && present=1 || present=0
	compiles ABSENT "$@" && absent=1 || absent=0
	case $present$absent in
	10) echo "#define ACLIPC_HAVE_$name" ;;
	01) echo "/* ACLIPC_HAVE_$name is not defined */" ;;
	*) stop "the probe for $name is of no use here: $present$absent" ;;
	esac
}

# needs WHAT COMPILER FLAGS...: reads the program; without it nothing works
needs() {
	what=$1
	shift
	cat > "$dir/probe.c"
	rm -f "$dir"/*.log
	compiles ABSENT "$@" ||
		stop "nothing compiles with the headers of this kernel"
	rm -f "$dir"/*.log
	compiles PRESENT "$@" ||
		stop "this kernel is not supported, it has no $what"
}

echo "/* made by probe.sh */"

# 5.3: who waits for a process is woken when its last thread is gone
needs "wait_pidfd in struct pid (Linux 5.3)" "$@" << 'C'
#include <linux/pid.h>
#ifdef PRESENT
wait_queue_head_t *probe(struct pid *pid);
wait_queue_head_t *probe(struct pid *pid) { return &pid->wait_pidfd; }
#endif
C

needs "copy_struct_from_user() (Linux 5.4)" "$@" << 'C'
#include <linux/uaccess.h>
#ifdef PRESENT
int probe(void *to, const void __user *from);
int probe(void *to, const void __user *from)
{
	return copy_struct_from_user(to, 8, from, 8);
}
#endif
C

# 5.5; a macro if there are no 32-bit callers
differs COMPAT_PTR_IOCTL "$@" << 'C'
#include <linux/fs.h>
#ifdef PRESENT
const struct file_operations probe = { .compat_ioctl = compat_ptr_ioctl };
#else
static long compat_ptr_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg) { return 0; }
const struct file_operations probe = { .compat_ioctl = compat_ptr_ioctl };
#endif
C

# 5.8: of the file system; until then of an inode
differs PROC_PID_NS_OF_SB "$@" << 'C'
#include <linux/fs.h>
#include <linux/proc_fs.h>
#ifdef PRESENT
struct pid_namespace *(*probe)(struct super_block *) = proc_pid_ns;
#else
struct pid_namespace *(*probe)(const struct inode *) = proc_pid_ns;
#endif
C

# not there, or another name of call_rcu(), where no task can be preempted
differs CALL_RCU_TASKS "$@" << 'C'
#include <linux/rcupdate.h>
#ifdef PRESENT
void probe(struct rcu_head *head, rcu_callback_t f);
void probe(struct rcu_head *head, rcu_callback_t f) { call_rcu_tasks(head, f); }
#else
static void call_rcu_tasks(struct rcu_head *head, rcu_callback_t f) { }
void probe(struct rcu_head *head, rcu_callback_t f);
void probe(struct rcu_head *head, rcu_callback_t f) { call_rcu_tasks(head, f); }
#endif
C

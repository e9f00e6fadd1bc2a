#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# like.sh NAME: the headers of 5.10, changed to those of a kernel that Debian has
# not, with 5.10 itself to run what is built with them.  Prints the folder, laid
# out like those of kernel.sh.  5.4-like: what 5.4 has, and no call_rcu_tasks.
# no-pidfd, no-pid-ns: kernels for which aclipc must not build.
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

name=$1
base=$("$vm_dir/kernel.sh" 5.10)
kernel=$build/kernels/$name

# A changed file is a new one: the base has the old one still.
change() {
	local headers

	[ ! -e "$kernel/ready" ] || return 0
	rm -rf "$kernel"
	mkdir -p "$kernel"
	cp -al "$base/." "$kernel"
	rm "$kernel/ready"
	sed -i "s|^include .*/kernels/5.10/|include $kernel/|" \
		"$kernel"/root/usr/src/linux-headers-*-amd64/Makefile
	headers=$(echo "$kernel"/root/usr/src/linux-headers-*-common)
	cd "$headers/include/linux"
	case $name in
	5.4-like)
		sed -i 's/\bcompat_ptr_ioctl\b/not_in_5_4/' fs.h
		sed -i '/\*proc_pid_ns(/s/struct super_block \*sb/const struct inode *inode/
			s/proc_sb_info(sb)->pid_ns/proc_sb_info(inode->i_sb)->pid_ns/' \
			proc_fs.h
		# which some have under no name, where no task can be preempted
		sed -i 's/\bcall_rcu_tasks\b/not_there/' rcupdate.h
		;;
	no-pidfd) sed -i 's/\bwait_pidfd\b/not_in_5_2/' pid.h ;;
	no-pid-ns) sed -i 's/\bproc_pid_ns\b/not_known/' proc_fs.h ;;
	esac
	: > "$kernel/ready"
}

[ -e "$kernel/ready" ] || with_lock "$kernel.lock" change
echo "$kernel"

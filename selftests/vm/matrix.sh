#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# matrix.sh KERNEL...: does the module build without warnings for each kernel,
# find what the kernel has, and refuse a kernel that it cannot work with?  As
# TAP.  To run the tests there is check.sh's.
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

builds() {
	local log

	log=$("$vm_dir/modules.sh" "$1") || return
	# the folder, and no word besides
	[ "$log" = "$build/modules/$1" ] && [ -e "$log/aclipc.ko" ] || echo "$log"
}

# what the probes found, by name
found() { # KERNEL
	sed -n 's/^#define ACLIPC_HAVE_//p' \
		"$build/modules/$1/aclipc/kernel/probed.h" | sort | paste -sd ' '
}

finds() { # KERNEL EXPECTED
	[ "$(found "$1")" = "$2" ] || { echo "found: $(found "$1")"; return 1; }
}

# The last word of a build that has to fail is what is wrong.
refuses() { # KERNEL MESSAGE
	local log=$build/matrix-$1.log

	rm -rf "$build/modules/$1"
	if "$vm_dir/modules.sh" "$1" > "$log" 2>&1; then
		echo "aclipc builds for $1"
	else
		grep -q "^aclipc: error: .*$2" "$log" || cat "$log"
	fi
	[ ! -e "$build/modules/$1/aclipc.ko" ]
}

compiled_by() { # KERNEL COMPILER
	readelf -p .comment "$build/modules/$1/aclipc.ko" | grep -q "$2"
}

all="CALL_RCU_TASKS COMPAT_PTR_IOCTL PROC_PID_NS_OF_SB"
echo "@@ begin matrix"
nr=0
for kernel in "$@"; do
	"$vm_dir/kernel.sh" "$kernel" > /dev/null
	check "no warnings on $kernel" builds "$kernel"
	case $kernel in
	5.4-like) check "$kernel lacks what 5.4 lacks" finds "$kernel" "" ;;
	*) check "$kernel has what 5.8 has" finds "$kernel" "$all" ;;
	esac
	case $kernel in
	*-clang) check "$kernel is clang's" compiled_by "$kernel" clang ;;
	esac
done
check "refuses a kernel without pidfd" refuses no-pidfd "has no wait_pidfd"
check "a broken probe stops the build" refuses no-pid-ns "of no use here: 00"
echo "1..$nr"
echo "@@ end matrix 0"

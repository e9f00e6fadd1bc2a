#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tests.sh PROGRAM...: run test programs one after the other, in the VM.
# check.sh counts what they print.

# what is random runs under the checker of traces, if it is at hand
run() {
	under=
	case $1 in
	torture | aclipc_fuzz) [ ! -x ./conform ] || under=./conform ;;
	esac
	timeout -s KILL "${timeout:-300}" $under "./$1" 2>&1
}

timeout=$(sed -n 's/.*test_timeout=\([0-9]*\).*/\1/p' /proc/cmdline)
for t in "$@"; do
	echo "@@ begin $t"
	# so that the kernel log tells whose the messages are
	echo "aclipc test program: $t" > /dev/kmsg
	run "$t"
	status=$?
	printf '\n@@ end %s %s\n' "$t" $status
	# what a program leaves behind must not disturb the next
	[ $status != 137 ] || kill -KILL -1
done
[ ! -e left.sh ] || sh ./left.sh

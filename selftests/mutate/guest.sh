#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# guest.sh SECONDS SPLAT: in the VM, try mutants: each line of "plan" is the name
# of one and the tests to run with it.  NAME.ko is loaded instead of aclipc.ko,
# NAME.so is put in the library's place.  Ends with the first that is caught: it
# may have done harm that the next one would be blamed for; at the latest with
# the one that is being tried after SECONDS.  SPLAT: what in the kernel log
# tells of a defect, for grep -E.
end=$(($(date +%s) + $1))
splat=$2
# an expectation that fails is told at once, the end of its test may take long
failed='^not ok|^# .*:Expected '
log=/tmp/log
library=$(readlink -f /usr/lib/*/libaclipc.so)
cp "$library" /tmp/library

# Put the mutant in place; a name that has no file is a control.
place() {
	cp "/tmp/library" "$library"
	[ ! -e "$1.so" ] || cp "$1.so" "$library"
	unload ascend_sim && unload aclipc || return 1
	module=/modules/aclipc.ko
	[ ! -e "$1.ko" ] || module=./$1.ko
	insmod "$module" && driver
}

# Kill the test that runs when something has failed, or after two minutes.
watch() {
	i=0
	while [ $i -lt 600 ] && ! grep -qE "$failed" $log; do
		sleep 0.2
		i=$((i + 1))
	done
	kill -KILL "$(cat /tmp/pid)"
}

# Run a test.  Sets what was noticed.  It is not in the background, where a
# shell has signals ignored.
run() {
	noticed=
	echo "@@ run $1"
	# so that it has left the machine, whatever happens now
	sleep 0.1
	: > $log
	only=
	case $1 in *:*) only="-t ${1#*:}" ;; esac
	watch &
	# shellcheck disable=SC2016,SC2086 # the inner shell's, words
	sh -c 'echo $$ > /tmp/pid; exec "$@"' - "./${1%%:*}" $only \
		> $log 2>&1 < /dev/null
	status=$?
	kill -KILL -1
	case $status in
	0 | 4) ;;
	137) noticed="does not end" ;;
	*) noticed="status $status" ;;
	esac
	! grep -qE "$failed" $log || noticed=$(grep -m 1 -E "$failed" $log)
	if dmesg | grep -qE "$splat"; then
		noticed="$noticed; kernel log: $(dmesg | grep -m 1 -E "$splat")"
		spoiled=1
	fi
	[ -z "$noticed" ]
}

try() { # NAME TEST...
	name=$1
	shift
	echo "@@ begin $name"
	if ! place "$name" > $log 2>&1; then
		echo "@@ end $name caught load $(head -n 1 $log)"
		spoiled=1
		return
	fi
	for t in "$@"; do
		if ! run "$t"; then
			echo "@@ end $name caught $t $noticed"
			spoiled=1
			return
		fi
	done
	echo "@@ end $name survived"
}

spoiled=
dmesg -c > /dev/null
while read -r line && [ -z "$spoiled" ] && [ "$(date +%s)" -lt $end ]; do
	# shellcheck disable=SC2086 # words
	try $line
done < plan

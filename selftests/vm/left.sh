#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# left.sh: the end of a VM's tests.  The modules can be unloaded, and a debug
# kernel finds no memory that nobody knows.  Prints TAP.
kmemleak=/sys/kernel/debug/kmemleak
nr=0

# result STATUS NAME
result() {
	nr=$((nr + 1))
	[ "$1" = 0 ] || printf 'not '
	echo "ok $nr $2"
}

# It wants to see an object twice, and not a young one.
leaks() {
	[ -s "$log" ] && return
	sleep "$1"
	echo scan > $kmemleak
	echo scan > $kmemleak
	cat $kmemleak > "$log"
}

echo "@@ begin left_behind"
log=/tmp/leaks
: > $log
if [ -e $kmemleak ]; then
	echo "1..4"
	# with the modules: their functions have names
	leaks 6
else
	echo "1..3"
fi
for m in aclipc ascend_sim ascend_dpa; do
	unload $m
	rc=$?
	[ $rc = 0 ] || grep "^$m " /proc/modules | sed 's/^/# /'
	result $rc "unload $m"
done
if [ -e $kmemleak ]; then
	leaks 6
	sed 's/^/# /' $log
	[ ! -s $log ]
	result $? "no leak"
fi
printf '\n@@ end left_behind 0\n'

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs in the VM, as root, with aclipc.ko and the stand-in driver (SVM v2)
# loaded.  The same two programs three times: without aclipc, with it, and with
# an importer that is killed.  Exit status 0: all as described.

here=$(cd "$(dirname "$0")" && pwd)
bin=${DEMO_BIN:-$here}
lib=${ACLIPC_LIB:-libaclipc.so.0}
work=$(mktemp -d)
tracing=/sys/kernel/tracing
trace=$tracing/instances/demo
settle_ms=$(cat /sys/module/aclipc/parameters/settle_ms)
failed=0

[ -d $tracing/events ] || mount -t tracefs nodev $tracing || exit 2
[ -d /sys/kernel/debug/aclipc ] || mount -t debugfs nodev /sys/kernel/debug ||
	exit 2
mkdir $trace || exit 2
trap 'rmdir $trace; rm -rf "$work"' EXIT
echo mono >$trace/trace_clock
echo 0 >$trace/options/irq-info

# start DIR ROLE PRELOAD PROGRAM ARGS...
start() {
	dir=$1 role=$2 preload=$3
	shift 3
	if [ -n "$preload" ]; then
		LD_PRELOAD=$preload "$@" >"$dir/$role.log" 2>>"$dir/errors" &
	else
		"$@" >"$dir/$role.log" 2>>"$dir/errors" &
	fi
	echo "$! $role" >>"$dir/roles"
}

# finish DIR: wait for all and note how they ended
finish() {
	while read -r pid role; do
		wait "$pid"
		echo "$? $role" >>"$1/status"
	done <"$1/roles"
}

# kill the importer that reads for ever, once it does
kill_victim() {
	until grep -qsE "read|failed|FAILED" "$1/importer 2.log"; do
		sleep 0.02
	done
	while read -r pid role; do
		[ "$role" = "importer 2" ] && kill -KILL "$pid"
	done <"$1/roles"
}

left() {
	awk '$1 != "watches" { n += $2 } END { print n + 0 }' \
		/sys/kernel/debug/aclipc/counts
}

# The dead are buried asynchronously, by both modules.
quiet() {
	tries=0
	while [ $tries -lt 100 ] && {
		[ "$(left)" != 0 ] || ! grep -q '^procs 0$' \
			/sys/kernel/debug/ascend_sim/counts; }; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

# play CASE PRELOAD MIB ORDER ROUNDS1 ROUNDS2 WORK_MS TITLE
play() {
	dir=$work/$1
	mkdir "$dir"
	echo "$8" >"$dir/title"
	mkfifo "$dir/said" "$dir/go-1" "$dir/go-2"
	echo 1 >/sys/kernel/debug/ascend_sim/reset
	echo >$trace/trace
	echo 1 >$trace/events/aclipc/enable
	echo 1 >$trace/events/ascend_sim/enable

	start "$dir" exporter "$2" "$bin/exporter" "$dir" "$3" "$4" 2 "$7"
	start "$dir" "importer 1" "$2" "$bin/importer" "$dir" 1 "$3" "$5"
	start "$dir" "importer 2" "$2" "$bin/importer" "$dir" 2 "$3" "$6"
	[ "$6" = 0 ] && kill_victim "$dir"
	finish "$dir" 2>/dev/null
	quiet

	echo 0 >$trace/events/enable
	cat $trace/trace >"$dir/trace"
	cat /sys/kernel/debug/ascend_sim/violations >"$dir/violations"
	cat /sys/kernel/debug/aclipc/counts >"$dir/counts"
	echo "settle_ms $settle_ms" >"$dir/settings"
}

act() {
	name=$1
	shift
	"$bin/timeline" "$name" "$@" || failed=1
}

echo "ACT 1: without aclipc.  The exporter closes and frees first."
play bare-40 "" 40 close-first 1 1 0 "40 MiB, times in ms"
play bare-1 "" 1 free-first 1 1 0 "1 MiB, freed first, closed later"
act bare "$work/bare-40" "$work/bare-1"

echo
echo "ACT 2: the same programs with LD_PRELOAD=libaclipc.so."
play ordered-40 "$lib" 40 close-first 1 3 0 "40 MiB, times in ms"
play ordered-1 "$lib" 1 free-first 1 3 0 "1 MiB, freed first, closed later"
act ordered "$work/ordered-40" "$work/ordered-1"

work_ms=$((settle_ms + 1500))
echo
echo "ACT 3: importer 2 is killed (SIGKILL) while it holds the key."
play killed-1 "$lib" 40 close-first 1 0 $work_ms \
	"the exporter closed before; imports of the killed settle for $settle_ms ms"
play killed-2 "$lib" 40 close-late 1 0 $work_ms "the exporter closes after"
act killed "$work/killed-1" "$work/killed-2"

if [ $failed != 0 ]; then
	echo "demo: NOT as described"
	cat "$work"/*/errors >&2
fi
exit $failed

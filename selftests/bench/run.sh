#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: the benchmark.  A table, build/bench.json, exit status 1 if a row
# misses its bound.
#
# Two VMs.  In the first, guest time counts instructions: it repeats to 0.1 %,
# so what needs one processor is judged there.  The second has two processors
# and the clock on the wall: two threads, and a million keys, since counts of
# instructions know no cache.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
export BUILD=${BUILD:-$top/build}
out=$BUILD/bench

make -s -C "$here" OUT="$out" CANN="$BUILD/cann"
rm -rf "$out/count" "$out/wall"

vm() { # RESULT-FOLDER WORK...
	local folder=$1

	shift
	FILES="$out/bench $out/bench_acl $out/bench_watch \
		$BUILD/selftests/death_big" OUT="$out/$folder" SVM=v2 \
		"$top/selftests/vm/run.sh" "$here/guest.sh" /out/rows "$@" \
		> "$out/$folder.log" 2>&1 || {
		cat "$out/$folder.log" >&2
		exit 2
	}
}

echo "bench: counting instructions on one processor ..." >&2
ICOUNT=1 vm count cost acl memory watch
echo "bench: measuring time on two processors ..." >&2
SMP=2 MEM=3072 vm wall cost acl threads watch death keys
awk -v json="$BUILD/bench.json" -f "$here/report.awk" \
	"$out/count/rows" "$out/wall/rows"

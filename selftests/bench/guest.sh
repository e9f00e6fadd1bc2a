#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Runs in the VM: guest.sh RESULTS WORK...  The rows go to RESULTS.

here=$(cd "$(dirname "$0")" && pwd)
results=$1
shift
params=/sys/module/aclipc/parameters
echo 2000000 >$params/max_exports
echo 2000000 >$params/max_imports

# What one waits for beside the death of an exporter of 65,535 keys: at most twice
# what it takes alone, and 10 ms.
death() {
	"$here/death_big" >/tmp/death 2>&1 || { cat /tmp/death >&2; return 1; }
	sed -n 's/.*:open \(.*\) ms, beside \(.*\) ms; exit \(.*\) ms, beside \(.*\) ms;.*/\1 \2 \3 \4/p' \
		/tmp/death | awk '
	function one(id, alone, beside) {
		printf("row %s %.3f <= 1 %.0f %.0f 1\n", id,
		       beside / (2 * alone + 10), beside * 1e6, alone * 1e6)
	}
	{ one("death/open", $1, $2); one("death/exit", $3, $4) }
	END { exit NR != 1 }'
}

for work in "$@"; do
	case $work in
	acl) "$here/bench_acl" "${ACLIPC_LIB:-libaclipc.so.0}" ;;
	watch) "$here/bench_watch" ;;
	death) death ;;
	*) "$here/bench" "$work" ;;
	esac >"$results.new"
	code=$?
	cat "$results.new" >>"$results"
	cat "$results.new"
	rm "$results.new"
	if [ $code != 0 ]; then
		echo "bench: $work failed, $code" >&2
		exit 1
	fi
done

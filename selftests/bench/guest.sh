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

for work in "$@"; do
	if [ "$work" = acl ]; then
		"$here/bench_acl" "${ACLIPC_LIB:-libaclipc.so.0}"
	else
		"$here/bench" "$work"
	fi >"$results.new"
	code=$?
	cat "$results.new" >>"$results"
	cat "$results.new"
	rm "$results.new"
	if [ $code != 0 ]; then
		echo "bench: $work failed, $code" >&2
		exit 1
	fi
done

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# check.sh: all tests.  Host checks, then the kselftests in VMs, for each kernel
# of KERNELS (6.1 6.12) with each SVM version of SVMS (v2 v3), JOBS (2) VMs at a
# time.  TESTS: names of test programs, instead of all.  A program has
# TEST_TIMEOUT seconds (300).  What is random begins with SEED (1), as make
# torture and make fuzz look for what is new.  HOST=no: the VMs alone;
# HOST=matrix: matrix.sh before them.  The last line counts, logs are in LOGS
# (build/check).
set -eu
set -m		# jobs get process groups, so that none outlives this script
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=programs.sh
. "$(dirname "$0")/programs.sh"

KERNELS=${KERNELS:-6.1 6.12}
SVMS=${SVMS:-v2 v3}
logs=${LOGS:-$build/check}
rm -rf "$logs"
mkdir -p "$logs"

stop() {
	local job

	for job in $(jobs -p); do
		kill -- "-$job" 2> /dev/null || true
	done
	wait
}
trap stop EXIT
trap 'exit 130' INT TERM HUP

# those for for_kernel's processor
programs() {
	local list=${TESTS:-$(all_programs)}

	read -ra left <<< "${list//$'\n'/ }"
	[ ${#left[@]} -gt 0 ] || die "no test programs"
}

# One VM with all programs.  Should it go down, another one has the rest.
vm() { # KERNEL SVM
	local name=$1-$2 left paths begun rc attempt=1

	for_kernel "$1"
	programs
	echo "kernel $1, SVM $2: ${#left[@]} programs" >&2
	paths=$(files "${left[@]}" | tr '\n' ' ')
	# torture and the fuzzer run under the checker of traces
	[ "$arch" != amd64 ] || paths+=" $build/conform/conform"
	: > "$logs/$name.log"
	while [ ${#left[@]} -gt 0 ]; do
		rc=0
		KERNEL=$1 SVM=$2 FILES="$paths $vm_dir/left.sh" \
			TIMEOUT=${TIMEOUT:-2400} \
			CONSOLE=$logs/$name-${#left[@]}.console \
			ATTEMPTS=1 APPEND="test_timeout=${TEST_TIMEOUT:-300} SEED=${SEED:-1}" \
			"$vm_dir/run.sh" "$vm_dir/tests.sh" "${left[@]}" \
			> "$logs/part-$name" 2> "$logs/$name.err" || rc=$?
		begun=$(grep -c '^@@ begin' "$logs/part-$name" || true)
		if [ "$rc" = 75 ] && [ "$attempt" -lt 4 ]; then
			# once more from the program that it was at
			attempt=$((attempt + 1))
			[ "$begun" -gt 0 ] || begun=1
			left=("${left[@]:begun - 1}")
			echo "$name: the emulator failed, ${left[0]} again" >&2
			sed "/^@@ begin ${left[0]}\$/,\$d" "$logs/part-$name" \
				>> "$logs/$name.log"
			continue
		fi
		cat "$logs/part-$name" >> "$logs/$name.log"
		rm "$logs/part-$name"
		[ "$rc" != 0 ] || break
		printf '\n@@ begin vm\n1..1\nnot ok 1 status %s: %s\n@@ end vm 1\n' \
			"$rc" "$(tail -n 1 "$logs/$name.err")" >> "$logs/$name.log"
		sed "s/^/$name: /" "$logs/$name.err" >&2
		left=("${left[@]:begun}")
		[ "$begun" -gt 0 ] || break
	done
}

host() {
	"$vm_dir/style.sh" > "$logs/host-style.log" 2>&1 || true
	"$vm_dir/analyze.sh" > "$logs/host-analyze.log" 2>&1 || true
	"$top/selftests/model/run.sh" > "$logs/host-model.log" 2>&1 || true
	"$top/selftests/conform/test.sh" "$build/conform/conform" \
		> "$logs/host-conform.log" 2>&1 || true
	{
		echo "@@ begin library"
		rc=0
		make -s -C "$top/lib" check OUT="$build" || rc=$?
		printf '\n@@ end library %s\n' "$rc"
	} > "$logs/host-library.log" 2>&1
}

for kernel in $KERNELS; do
	[ "${HOST:-}" = matrix ] ||
		"$vm_dir/modules.sh" "$kernel" > /dev/null
	for_kernel "$kernel"
	[ "$arch" = amd64 ] || "$vm_dir/foreign.sh" "$kernel" > /dev/null
	programs
	files "${left[@]}" > /dev/null
done
case ${HOST:-} in
no) ;;
matrix)
	# shellcheck disable=SC2086 # a list
	"$vm_dir/matrix.sh" $KERNELS > "$logs/matrix.log" 2>&1 || true
	;;
*) [ -n "${TESTS:-}" ] || host ;;
esac
for kernel in $KERNELS; do
	for svm in $SVMS; do
		while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-2}" ]; do
			wait -n || true
		done
		vm "$kernel" "$svm" &
	done
done
wait

for log in "$logs"/*.log; do
	name=${log##*/}
	name=${name%.log}
	echo "== $name"
	awk -v where="$name " -f "$vm_dir/count.awk" "$log" |
		tee "$logs/count"
	tail -n 1 "$logs/count" >> "$logs/counts"
done
awk '{ p += $1; f += $3; s += $5 } END {
	printf "%d passed, %d failed, %d skipped\n", p, f, s
	exit f > 0 || p == 0 }' "$logs/counts"

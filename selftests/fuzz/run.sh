#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: fuzzing.  What the library and the tool parse, on the host; then
# random programs of calls against a model, in a VM, under the checker of traces.
# TAP, counted at the end.
#
# Environment: DURATION (60: seconds of calls), PARSE_SECONDS (20: for each
# parser, 0: none), SEED, KERNEL (debug; kcsan, 6.1 ...), COVER (of 100 programs
# so many are variants of such that reached new code; the kernel has to have
# KCOV, as debug has).  What fails is left in build/fuzz/found.
set -eu
# shellcheck source-path=SCRIPTDIR source=../vm/common.sh
. "$(dirname "$0")/../vm/common.sh"

fuzz_dir=$top/selftests/fuzz
out=$build/fuzz
found=$out/found
KERNEL=${KERNEL:-debug}
SEED=${SEED:-$(date +%s)}
DURATION=${DURATION:-60}
parse_seconds=${PARSE_SECONDS:-20}
mkdir -p "$found"

# A sample of each kind is where the fuzzer begins.
parse() { # TARGET
	local corpus=$out/corpus/$1 log=$out/$1.log

	mkdir -p "$corpus"
	cp "$fuzz_dir/seeds/$1" "$corpus/"
	[ "$1" != parse_elf ] || head -c 4096 "$out/$1" > "$corpus/elf"
	"$out/$1" -seed=$((SEED % 1000000000)) -max_total_time="$parse_seconds" \
		-timeout=5 -rss_limit_mb=2048 -artifact_prefix="$found/$1-" \
		"$corpus" > "$log" 2>&1 || { tail -n 30 "$log"; return 1; }
	# one that ran nothing has found nothing
	grep -q '^#[0-9]*[[:space:]]DONE' "$log" || return 1
	echo "# $(grep '^#[0-9]*[[:space:]]DONE' "$log")"
}

parsers() {
	local targets t nr=0

	targets=$(cd "$fuzz_dir/seeds" && echo parse_*)
	echo "@@ begin parse"
	for t in $targets; do
		nr=$((nr + 1))
		if parse "$t"; then
			echo "ok $nr $t"
		else
			echo "not ok $nr $t"
		fi
	done
	printf '1..%s\n\n@@ end parse 0\n' $nr
}

# Instrumented modules have a build folder of their own.
cover_build() {
	local d

	mkdir -p "$out/cover"
	for d in kernels lib bin cann include; do
		ln -sfn "$build/$d" "$out/cover/$d"
	done
	BUILD=$out/cover "$vm_dir/modules.sh" "$KERNEL" KCOV_INSTRUMENT=y \
		> /dev/null
	echo "$out/cover"
}

programs() {
	local rc=0 args=(--seconds "$DURATION" --seed "$SEED") vm_build=$build

	# what comes to nothing from here on has not ended
	echo "@@ begin fuzz"
	if [ -n "${COVER:-}" ]; then
		args+=(--cover "$COVER")
		vm_build=$(cover_build)
	fi
	# the checker keeps the events of a minute or two, and all exports
	BUILD=$vm_build OUT=$found TIMEOUT=$((DURATION * 2 + 900)) \
		MEM=$((1024 + 4 * (DURATION < 768 ? DURATION : 768))) \
		KERNEL=$KERNEL FILES=$out/aclipc_fuzz "$vm_dir/run.sh" \
		"$build/conform/conform" ./aclipc_fuzz "${args[@]}" || rc=$?
	printf '\n@@ end fuzz %s\n' $rc
}

kselftest=$("$vm_dir/kselftest.sh")
make -s -C "$fuzz_dir" OUT="$out" \
	KSELFTEST="$kselftest/tools/testing/selftests" all
make -s -C "$top/selftests/conform" OUT="$build/conform"
[ "$parse_seconds" = 0 ] || make -s -C "$fuzz_dir" OUT="$out" parse
echo "SEED=$SEED"
{
	[ "$parse_seconds" = 0 ] || parsers
	programs
} | tee "$out/log"
awk -f "$vm_dir/count.awk" "$out/log" | tee "$out/count"
tail -n 1 "$out/count" | grep -q ' 0 failed,'

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# mutate.sh: do the tests notice small defects?  Makes the mutations of
# kernel.list and lib.list, one at a time, in a copy of the sources, runs the
# tests that each one names, and counts those that fail.  MUTANTS: names of
# some, CONTROL=no: without trying the tests on the sources as they are,
# MAKE_ONLY=yes: builds the mutants, and tries none in a VM.  UNTIL: seconds after
# which no VM is started any more; with AGAIN=yes it goes on where it was.
#
# Exit status 1: less than MIN_CAUGHT (95) per cent are caught, one survives
# without a reason, or the tests fail anyway.  Results are in
# build/mutate/results, one a line.
set -eu
# shellcheck source=../vm/common.sh
. "$(dirname "$0")/../vm/common.sh"

here=$(cd "$(dirname "$0")" && pwd)
out=$build/mutate
tree=$out/tree
work=$out/build
results=$out/results
declare -A file kernel tests old new why
names=()

# words TEXT: each once, one a line
words() {
	tr ' ' '\n' <<< "$1" | awk 'NF && !seen[$1]++'
}

# The lists: see kernel.list.
read_list() {
	local line name=

	while IFS= read -r line; do
		case $line in
		'@ '*)
			read -r _ name line <<< "$line"
			[ -z "${file[$name]:-}" ] || die "two of $name"
			names+=("$name")
			read -r "file[$name]" "kernel[$name]" "tests[$name]" \
				<<< "$line"
			;;
		-*) old[$name]+=${line#-}$'\n' ;;
		+*) new[$name]+=${line#+}$'\n' ;;
		=*) why[$name]=${line#=} ;;
		'#'* | '') ;;
		*) die "not a line of a list: $line" ;;
		esac
	done < "$1"
}

# The text that a mutation changes has to be there, and only once.
mutated() { # NAME
	local content rest from=${old[$1]}

	content=$(cat "$top/${file[$1]}"; echo .)
	content=${content%.}
	rest=${content#*"$from"}
	[ "$rest" != "$content" ] || die "$1: not in ${file[$1]}"
	[[ $rest != *"$from"* ]] || die "$1: more than once in ${file[$1]}"
	printf %s "${content%%"$from"*}${new[$1]:-}$rest"
}

restore() {
	cp "$top/${file[$1]}" "$tree/${file[$1]}"
}

prepare() {
	local f

	mkdir -p "$tree" "$work" "$out/made"
	cd "$top"
	find Kbuild kernel lib uapi selftests/vm selftests/ascend_sim -type f |
	while read -r f; do
		cmp -s "$f" "$tree/$f" || cp --parents "$f" "$tree"
	done
	for f in kernels cann; do
		ln -sfn "$build/$f" "$work/$f"
	done
	[ "${AGAIN:-}" ] || : > "$results"
	touch "$results"
}

made() { # NAME: what was built of it
	case ${file[$1]} in
	kernel/*) echo "$out/made/$1.ko" ;;
	*) echo "$out/made/$1.so" ;;
	esac
}

make_module() { # NAME
	local modules

	modules=$(BUILD=$work "$tree/selftests/vm/modules.sh" "${kernel[$1]}")
	objcopy --strip-debug "$modules/aclipc.ko" "$out/made/$1.ko"
}

make_library() { # NAME
	make -s -C "$tree/lib" OUT="$work" > "$out/make.log" 2>&1 ||
		{ cat "$out/make.log" >&2; die "$1 does not build"; }
	cp -L "$work/lib/libaclipc.so" "$out/made/$1.so"
}

# With the same sources as last time there is nothing to build.
key_of() { # NAME
	local sources=(uapi/aclipc.h lib/* lib/tests/*)

	case ${file[$1]} in
	kernel/*) sources=(Kbuild uapi/aclipc.h kernel/*) ;;
	esac
	{ echo "${kernel[$1]}"; cat "${sources[@]}"; } 2> /dev/null | sha256sum
}

make_mutant() { # NAME
	local key

	mutated "$1" > "$tree/${file[$1]}"
	key=$(cd "$tree" && key_of "$1")
	if [ ! -e "$(made "$1")" ] ||
	   [ "$key" != "$(cat "$out/made/$1.key" 2> /dev/null)" ]; then
		rm -f "$out/made/$1".*
		case ${file[$1]} in
		kernel/*) make_module "$1" ;;
		*) make_library "$1"; try_here "$1" ;;
		esac
		echo "$key" > "$out/made/$1.key"
	fi
	restore "$1"
}

# The library's unit tests need no VM; they run with the library just built.
try_here() { # NAME
	local t program log=$out/host.log

	for t in ${tests[$1]}; do
		case $t in test_*) ;; *) continue ;; esac
		program=$work/obj/lib/tests/$t
		make -s -C "$tree/lib" OUT="$work" "$program" >> "$out/make.log" 2>&1 ||
			die "$t does not build"
		timeout 60 "$program" > "$log" 2>&1 && continue
		[ "$1" != control ] || die "$t fails as it is, see $log"
		echo "$1 caught $t $(grep -m 1 '^not ok' "$log" ||
			echo "did not end well")" > "$out/made/$1.here"
		return 0
	done
}

# One VM after the other, until all lines of a plan are done.  What stops the
# kernel is caught; what the emulator fails at is tried again.
try_in_vms() { # KERNEL FILE...: the plan is in $out/plan
	local k=$1 rc begun tries=0 log=$out/vm.log

	shift
	while [ -s "$out/plan" ]; do
		[ $SECONDS -lt "${UNTIL:-86400}" ] || die "out of time"
		rc=0
		KERNEL=$k FILES="$out/plan $*" TIMEOUT=$((VM_SECONDS + 120)) \
			CONSOLE=$out/console ATTEMPTS=1 \
			"$vm_dir/run.sh" "$here/guest.sh" "$VM_SECONDS" "$splat" \
			> "$log" 2> "$out/vm.err" || rc=$?
		sed -n 's/^@@ end //p' "$log" | tee -a "$results"
		begun=$(sed -n 's/^@@ begin //p' "$log" | tail -n 1)
		# before its test has begun it is not to blame
		if ! grep -q "^@@ end $begun " "$log" && [ $rc != 75 ] &&
		   sed -n "/^@@ begin $begun\$/,\$p" "$log" | grep -q '^@@ run'
		then
			echo "$begun caught $(sed -n 's/^@@ run //p' "$log" |
				tail -n 1) the VM stopped" | tee -a "$results"
		fi
		tries=$((tries + 1))
		! grep -q '^@@ end' "$log" || tries=0
		[ $tries -lt 4 ] || { cat "$out/vm.err" >&2; die "no VM works"; }
		awk 'NR == FNR { done[$1] = 1; next } !($1 in done)' \
			"$results" "$out/plan" > "$out/plan.new"
		mv "$out/plan.new" "$out/plan"
	done
}

# plan KERNEL: what is left for VMs of it, and then a control: all these tests
# without a mutation.  Prints the programs.
plan() {
	local name list all=

	for name in "${names[@]}"; do
		[ "${kernel[$name]}" = "$1" ] || continue
		list=$(words "${tests[$name]}" | grep -v '^test_' | tr '\n' ' ')
		all="$all $list"
		grep -q "^$name " "$results" || echo "$name $list"
	done > "$out/plan.mutants"
	cp "$out/plan.mutants" "$out/plan"
	words "$all"
	[ "${CONTROL:-}" != no ] || return 0
	for name in $all; do
		grep -q "^control-$1-$name " "$results" "$out/plan" ||
			echo "control-$1-$name $name" >> "$out/plan"
	done
}

# A mutant that is caught although it should not be: its reason is wrong.
report() {
	local name line caught=0 failed=0 all=${#names[@]}

	if grep '^control-.* caught' "$results"; then
		echo "FAILED: these tests fail without a mutation"
		failed=1
	fi
	for name in "${names[@]}"; do
		line=$(grep "^$name " "$results" | tail -n 1)
		case $line in
		*' caught '*)
			caught=$((caught + 1))
			[ -z "${why[$name]:-}" ] ||
				{ echo "FAILED caught after all: $name"; failed=1; }
			;;
		*' survived')
			[ -z "${why[$name]:-}" ] || line="$line: ${why[$name]}"
			[ -n "${why[$name]:-}" ] ||
				{ echo "FAILED no test notices: $name"; failed=1; }
			;;
		*) echo "FAILED not tried: $name"; failed=1 ;;
		esac
		printf '%-22s %s\n' "${file[$name]}" "$line"
	done
	echo "$caught of $all mutants caught, $((100 * caught / all)) %"
	[ $((100 * caught)) -ge $((${MIN_CAUGHT:-95} * all)) ] || failed=1
	return $failed
}

for list in "$here"/kernel.list "$here"/lib.list; do
	read_list "$list"
done
prepare
[ -z "${MUTANTS:-}" ] || read -ra names <<< "$MUTANTS"
# a list that does not fit the sources is to be seen at once
for name in "${names[@]}"; do
	mutated "$name" > /dev/null
done
VM_SECONDS=${VM_SECONDS:-150}
if [ "${CONTROL:-}" != no ]; then
	file[control]=lib
	tests[control]=$(words "${tests[*]}" | grep '^test_' | tr '\n' ' ')
	make_library control
	try_here control
fi
for name in "${names[@]}"; do
	make_mutant "$name"
	[ ! -e "$out/made/$name.here" ] || grep -q "^$name " "$results" ||
		tee -a "$results" < "$out/made/$name.here"
done
[ -z "${MAKE_ONLY:-}" ] || exit 0
for k in $(words "${kernel[*]}"); do
	programs=$(plan "$k")
	[ -s "$out/plan" ] || continue
	paths=
	while read -r p; do
		case $p in
		left.sh) paths="$paths $vm_dir/$p" ;;
		*) paths="$paths $build/selftests/$p" ;;
		esac
	done <<< "$(cut -d: -f1 <<< "$programs" | sort -u)"
	while read -r name _; do
		paths="$paths $(made "$name")"
	done < "$out/plan.mutants"
	# shellcheck disable=SC2086 # a list
	try_in_vms "$k" $paths
done
report

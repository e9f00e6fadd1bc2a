#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# coverage.sh: lines and branches of kernel/, lib/ and the tool that the tests
# run.  The tests of SVMS (v2 v3) run in VMs of the kernel "gcov", PER_VM (6)
# programs each; TESTS: names of some instead of all.  AGAIN=yes adds to what is
# there.  Prints tables.  Exit status 1: kernel/ is below MIN_LINES (95) or
# MIN_BRANCHES (90) per cent, or its lines that were not run are not those of
# coverage.list.  What was missed is in build/coverage/missed-*.
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=programs.sh
. "$(dirname "$0")/programs.sh"

# counters lie under the names that the compiler was given
build=$(realpath -m "$build")
top=$(realpath "$top")
out=$build/coverage
all=$build
modules=$out/modules/gcov/aclipc/kernel
objects=$out/obj/lib
cflags="-O0 -g --coverage -fprofile-update=atomic"

# A build of its own; what does not differ is that of the others.
prepare() {
	local d

	mkdir -p "$out" "$all/kernels"
	for d in kernels kselftest cann selftests; do
		ln -sfn "$all/$d" "$out/$d"
	done
	export BUILD=$out
	gcc -O2 -fPIC -Wall -Werror -c -o "$out/dump.o" "$vm_dir/coverage_dump.c"
	make -s -C "$top/lib" OUT="$out" LDFLAGS="$out/dump.o" \
		CFLAGS="$cflags"
	"$vm_dir/modules.sh" gcov > /dev/null
	[ "${AGAIN:-}" ] || rm -rf "$out/counted" "$out/log"
	find "$objects" -name '*.gcda' -delete
	touch "$out/log"
}

# add FROM TO: counters to those of earlier runs
add() {
	[ -e "$1" ] || return 0
	if [ -e "$2" ]; then
		gcov-tool merge -o "$out/sum" "$1" "$2" 2> /dev/null
		rm -rf "$2"
		mv "$out/sum" "$2"
	else
		mkdir -p "${2%/*}"
		cp -r "$1" "$2"
	fi
}

# A VM with some programs.  What runs out of time does not count.
run() { # SVM PROGRAM...
	local svm=$1 rc=0 paths tmp=$out/vm-out

	shift
	paths=$(files "$@")
	rm -rf "$tmp"
	KERNEL=gcov SVM=$svm OUT=$tmp TIMEOUT=${TIMEOUT:-1200} \
		FILES="${paths//$'\n'/ } $vm_dir/tests.sh $vm_dir/left.sh" \
		APPEND="test_timeout=${TEST_TIMEOUT:-300}" \
		"$vm_dir/run.sh" "$vm_dir/coverage_guest.sh" "$@" \
		>> "$out/log" || rc=$?
	[ $rc = 0 ] || echo "SVM $svm, $*: status $rc" >&2
	add "$tmp/kernel$modules" "$out/counted/kernel"
	add "$tmp/lib$objects" "$out/counted/lib"
}

# table WHAT SOURCES OBJECTS COUNTERS [AWK ARGS]: objects are the compiler's
# notes, counters the folder beside
table() {
	local name=$1 sources=$2 notes=$3 counters=$4
	local file=${1//\//-}
	local work=$out/report-$file

	shift 4
	rm -rf "$work"
	mkdir -p "$work"
	cp "$notes"/*.gcno "$work"
	cp "$counters"/*.gcda "$work"
	(cd "$work" && gcov -b -c -r -s "$sources" ./*.gcno > gcov.log 2>&1)
	rm -f "$out/missed-$file"
	echo "== $name/"
	awk -v missed="$out/missed-$file" "$@" -f "$vm_dir/coverage.awk" \
		"$work"/*.gcov
}

prepare
list=${TESTS:-$(all_programs)}
read -ra tests <<< "${list//$'\n'/ }"
for svm in ${SVMS:-v2 v3}; do
	for ((i = 0; i < ${#tests[@]}; i += ${PER_VM:-6})); do
		run "$svm" "${tests[@]:i:${PER_VM:-6}}"
	done
done
make -s -C "$top/lib" check CXX= OUT="$out" LDFLAGS="$out/dump.o" \
	CFLAGS="$cflags" > "$out/host.log" 2>&1 || true
rm -rf "$out/host"
mkdir "$out/host"
cp "$objects"/*.gcda "$out/host"
add "$out/host" "$out/counted/lib"
awk -f "$vm_dir/count.awk" "$out/log" || true

rc=0
table lib "$top" "$objects" "$out/counted/lib"
[ ! -e "$out/counted/lib/tool" ] ||
	table lib/tool "$top" "$objects/tool" \
		"$out/counted/lib/tool"
table kernel "${modules%/kernel}" "$modules" "$out/counted/kernel" \
	-v list="$vm_dir/coverage.list" \
	-v lines="${MIN_LINES:-95}" -v branches="${MIN_BRANCHES:-90}" || rc=1
exit $rc

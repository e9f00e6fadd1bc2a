#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# analyze.sh: what static analyzers say of the sources, as TAP.  style.sh has
# the kernel's own: checkpatch, sparse, W=1.  Whatever an analyzer is told not
# to look for has its reason here, for clang-tidy in .clang-tidy.
set -u
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

kselftest=$("$vm_dir/kselftest.sh") || die "no kernel source"
rules=$kselftest/scripts/coccinelle
include=$build/include
make -s -C "$top/lib" OUT="$build" "$include/aclipc.h" \
	"$include/linux/aclipc.h" || die "no headers"

# each FUNCTION ITEM...: run it for each, on all processors
each() {
	export -f "${1?}"
	printf '%s\0' "${@:2}" |
		xargs -0 -n 1 -P "$(nproc)" bash -c "$1 \"\$1\"" each
}

# Of Debian's packages none has it.
smatch() { :; }

# Files, since of two folders spatch takes one.  A rule's own remarks on how it
# is written are none on the sources.
rule() { # FILE
	local options

	read -ra options <<< "$(sed -n 's,^// Options: *,,p' "$1")"
	spatch -D report --very-quiet --cocci-file "$1" "${options[@]}" \
		"$top"/kernel/*.[ch] "$top"/selftests/ascend_sim/*.[ch] 2>&1 |
		grep -v ': should .* be a metavariable?$'
	[ "${PIPESTATUS[0]}" = 0 ]
}

# Without two rules that want a compiler of OCaml: one for a driver's tables,
# and badzero, whose finds sparse finds too.
coccinelle() {
	local list

	readarray -t list < <(find "$rules" -name '*.cocci' \
		! -name badzero.cocci ! -name check_bq27xxx_data.cocci)
	[ ${#list[@]} -gt 60 ] || die "no rules for coccinelle"
	export top
	each rule "${list[@]}"
}

# Warnings are errors in the Makefile.  -O0: a malloc() and its free() are still
# there; -O2: what is called is seen through.  Exceptions, which could come out
# of every call, would be leaks.  vmm.c: what tsearch() is given it keeps.
fanalyzer() {
	local out=$build/analyze level flags make

	for level in -O0 -O2; do
		flags="$level -fanalyzer -fdiagnostics-path-format=none"
		make=(make -s -C "$top/lib" OUT="$out" CFLAGS="$flags"
			LIBFLAGS="\$(BASE) -fPIC")
		rm -rf "$out"
		"${make[@]}" "$out/obj/lib/vmm.o" \
			CFLAGS="$flags -Wno-analyzer-malloc-leak"
		"${make[@]}" -k -j"$(nproc)" || echo "failed with $level"
	done
}

# One file at a time: with several at once it takes a va_list of the second for
# uninitialized.  hal_export.c: what the attribute "cleanup" frees is no leak.
# doctor_load.c: a command with its whole path, of which nothing is variable.
tidy() { # FILE
	local checks=

	case ${1##*/} in
	hal_export.c) checks=-clang-analyzer-unix.Malloc ;;
	doctor_load.c) checks=-cert-env33-c ;;
	esac
	clang-tidy --quiet ${checks:+--checks="$checks"} "$1" -- -std=gnu11 \
		-D_GNU_SOURCE -I"$include" 2>&1 | grep -v ' warnings\? generated'
	[ "${PIPESTATUS[0]}" = 0 ]
}

clang_tidy() {
	export include
	each tidy "$top"/lib/*.c "$top"/lib/tool/*.c
}

# Suppressed: what "cleanup" frees; libraries and a descriptor that are to stay
# open; functions that only threads would need another one for.
cppcheck_lib() {
	cppcheck -q -j"$(nproc)" --error-exitcode=1 --std=c11 \
		--enable=warning,performance,portability \
		--library=posix --library=gnu -I"$include" \
		--suppress=memleak:"$top/lib/hal_export.c" \
		--suppress=resourceLeak:"$top/lib/next.c" \
		--suppress=resourceLeak:"$top/lib/unwind.c" \
		--suppress=resourceLeak:"$top/lib/tool/device.c" \
		--suppress=readdirCalled:"$top/lib/tool/*" \
		--suppress=getgrgidCalled:"$top/lib/tool/*" \
		--suppress=getpwuidCalled:"$top/lib/tool/*" "$top/lib"
}

# Loops by macros of the kernel are loops; the rest it can guess.  GCC does
# calculate with void pointers.
cppcheck_kernel() {
	local loop='while ((p = entry_of(h)))'

	cppcheck -q -j"$(nproc)" --error-exitcode=1 --std=c11 \
		--enable=warning,performance,portability \
		-D__KERNEL__ -DBITS_PER_LONG=64 \
		-D"list_for_each_entry(p, h, m)=$loop" \
		-D"hash_for_each(h, b, p, m)=$loop" \
		-D"hash_for_each_possible(h, p, m, k)=$loop" \
		-D"for_each_thread(h, p)=$loop" \
		--suppress=arithOperationsOnVoidPointer "$top/kernel"
}

# SC2016: programs for other shells stand in single quotes.
# SC2317: it does not see who calls a function that trap or check() is given.
scripts() {
	find "$top" \( -path "$build" -o -path "$top/build" -o -name .git \) \
		-prune -o -type f \( -name '*.sh' -o -name '*.bash' \
		-o -path '*/.ci/run' -o -path '*/vm/init' \) -print0 |
		xargs -0 shellcheck -f gcc -x -P SCRIPTDIR -e SC2016,SC2317
}

echo "@@ begin analyze"
echo "1..7"
check "smatch # SKIP Debian has no package of it" smatch
check coccinelle coccinelle
check "gcc -fanalyzer of the library and the tool" fanalyzer
check "clang-tidy of the library and the tool" clang_tidy
check "cppcheck of the library and the tool" cppcheck_lib
check "cppcheck of the module" cppcheck_kernel
check "shellcheck of all scripts" scripts
echo "@@ end analyze 0"

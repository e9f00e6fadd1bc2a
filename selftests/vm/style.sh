#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# style.sh: what a compiler or a script can say of the sources, as TAP.
set -u
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

read -ra kernels <<< "${KERNELS:-6.1 6.12}"
kselftest=$("$vm_dir/kselftest.sh") || die "no kernel source"
for kernel in "${kernels[@]}"; do
	"$vm_dir/kernel.sh" "$kernel" > /dev/null || die "no kernel $kernel"
done
checkpatch=(perl "$kselftest/scripts/checkpatch.pl" --no-tree --no-summary
	--terse --show-types)

# A tracepoint header cannot be written as checkpatch wants it.
kernel_style() {
	local sim=$top/selftests/ascend_sim

	"${checkpatch[@]}" --strict -f "$top"/kernel/*.c "$top"/kernel/[!t]*.h \
		"$top"/uapi/*.h "$sim"/*.c "$sim"/[!t]*.h
	"${checkpatch[@]}" --strict -f "$top/kernel/trace.h" "$sim/trace.h" \
		--ignore COMPLEX_MACRO,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT
}

# Programs have libc's functions and the vendor's names, but the same layout.
user_style() {
	find "$top/lib" "$top/selftests" -name '*.[ch]' \
		-exec "${checkpatch[@]}" -f \
		--types "SPDX_LICENSE_TAG,TRAILING_WHITESPACE,CODE_INDENT,$(
		)SPACE_BEFORE_TAB,SUSPECT_CODE_INDENT,LONG_LINE,OPEN_BRACE,$(
		)ELSE_AFTER_BRACE,BRACES,C99_COMMENTS,TRAILING_STATEMENTS,$(
		)MISSING_EOF_NEWLINE,DOS_LINE_ENDINGS,RETURN_PARENTHESES,$(
		)ASSIGN_IN_IF,SPLIT_STRING,SWITCH_CASE_INDENT_LEVEL" \
		--ignore C99_COMMENT_TOLERANCE {} + |
		grep -v ':1: ERROR:C99_COMMENTS:'	# of the licence
	[ "${PIPESTATUS[0]}" -le 1 ]
}

sparse() {
	local kernel headers m

	kernel=$build/kernels/${kernels[0]}
	headers=$kernel/root/usr/src/linux-headers-$(cat "$kernel/release")
	rm -rf "$build/sparse"
	mkdir -p "$build/sparse/aclipc"
	cp -r "$top/Kbuild" "$top/kernel" "$top/uapi" "$build/sparse/aclipc"
	cp -r "$top/selftests/ascend_sim" "$build/sparse"
	for m in aclipc ascend_sim; do
		make -C "$headers" M="$build/sparse/$m" C=2 W=1 \
			CF=-Wsparse-error CONFIG_DEBUG_INFO_BTF_MODULES= \
			modules 2>&1 | grep -E 'warning|error'
	done
	[ -e "$build/sparse/ascend_sim/ascend_sim.ko" ]
}

warnings() { "$vm_dir/modules.sh" "$1" > /dev/null; }

uapi() { # COMPILER-AND-OPTIONS
	echo '#include "uapi/aclipc.h"' |
		"$@" -Wall -Wextra -Werror -fsyntax-only -I"$top" -
}

# The size of every struct and the place of every field: for each name that the
# header has, the compiler makes an array that is as long.
layout() { # -m32 or -m64
	local body

	body=$(awk '/^struct aclipc_[a-z]+ \{/ { s = $2; print "S(" s ")" }
		/^\t__/ && s { f = $NF; sub(/\[.*/, "", f); sub(/;.*/, "", f)
			print "F(" s ", " f ")" }
		/^\};/ { s = "" }' "$top/uapi/aclipc.h")
	printf '%s\n' '#include <stddef.h>' '#include "uapi/aclipc.h"' \
		'#define S(s) int size_##s[sizeof(struct s)];' \
		'#define F(s, f) int at_##s##_##f[offsetof(struct s, f) + 1];' \
		"$body" |
		gcc -x c "$1" -fno-common -c -I"$top" -idirafter \
		"/usr/include/$(gcc -print-multiarch)" -o "$build/layout$1.o" - &&
		nm -S "$build/layout$1.o" | awk '{ print $2, $4 }' |
		sed 's/^0*//' | sort > "$build/layout$1"
	[ "$(wc -l < "$build/layout$1")" -gt 80 ]
}

same_layout() { cmp "$build/layout-m32" "$build/layout-m64"; }

# what a maintainer would refuse at a glance
leftovers() {
	! grep -rnE '\b(TO[D]O|FIX[M]E|XX[X])\b' "$top"/{kernel,uapi,lib,selftests} \
		--include='*.[ch]' --include='*.sh'
}

echo "@@ begin style"
echo "1..$((10 + ${#kernels[@]}))"
check "checkpatch of the modules" kernel_style
check "checkpatch of programs" user_style
check sparse sparse
for kernel in "${kernels[@]}"; do
	check "no warnings on $kernel" warnings "$kernel"
done
check "uapi is C11" uapi gcc -x c -std=c11 -pedantic
check "uapi is C++" uapi g++ -x c++ -std=c++11
check "uapi for 32 bits" layout -m32
check "uapi for 64 bits" layout -m64
check "one uapi layout" same_layout
check "no left-overs" leftovers
check "module and uapi versions agree" grep -q \
	"PACKAGE_VERSION=\"$(sed -n 's/^#define ACLIPC_VERSION\t"\(.*\)"/\1/p' \
	"$top/kernel/aclipc.h")\"" "$top/dkms.conf"
echo "@@ end style 0"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# modules.sh NAME [MAKE ARGS]: build aclipc.ko and the stand-ins for a kernel,
# from copies of their sources.  Prints the folder that has them.
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

name=$1
shift
kernel=$("$vm_dir/kernel.sh" "$name")
headers=$kernel/root/usr/src/linux-headers-$(cat "$kernel/release")
for_kernel "$name"
[ "$arch" = amd64 ] || "$vm_dir/cross.sh"
out=$build/modules/$name
log=$out/build.log

# copy what changed, so that nothing is built again for nothing
changed=
sync_tree() {
	local to=$1 f

	shift
	for f in "$@"; do
		if [ -f "$f" ] && ! cmp -s "$f" "$to/$f"; then
			install -D -m 644 "$f" "$to/$f"
			changed=1
		fi
	done
}

# Options of Debian's kernels that are gcc's, or of a newer clang than there is:
# of mitigations and of tracing functions, which change no data.
clang_options=(CONFIG_CC_IS_GCC= CONFIG_CC_IS_CLANG=y CONFIG_GCC_VERSION=0
	CONFIG_CC_IMPLICIT_FALLTHROUGH=-Wimplicit-fallthrough
	CONFIG_RETHUNK= CONFIG_SLS= CONFIG_FTRACE_MCOUNT_USE_CC=
	CONFIG_INIT_STACK_ALL_ZERO=)

# The compiler that built the kernel, else the one there is: without options
# that it lacks and, as pahole may be too old, without BTF.
compiler() {
	local gcc

	echo CONFIG_DEBUG_INFO_BTF_MODULES=
	if [ "$name" != "${name%-clang}" ]; then
		printf '%s\n' LLVM=1 CC=clang "${clang_options[@]}"
		return
	fi
	gcc=$cc-$(sed -n 's/^CONFIG_GCC_VERSION=\([0-9]*\)[0-9]\{4\}$/\1/p' \
		"$headers/.config")
	command -v "$gcc" > /dev/null || gcc=$cc
	echo "CC=$gcc"
	[ -z "$cross" ] || printf '%s\n' "ARCH=$arch" "CROSS_COMPILE=$cross"
	"$gcc" -fmin-function-alignment=16 -E - < /dev/null > /dev/null 2>&1 ||
		echo CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=
}

# the kernel's own remarks on the compiler, and on things that it lacks
harmless='the compiler differs|X86_X32 enabled but no binutils support'
harmless="$harmless|CONFIG_X86_X32|Skipping BTF generation|pahole version"

build_modules() {
	local m options

	sync_tree "$out/aclipc" Kbuild kernel/* uapi/*
	sync_tree "$out" selftests/ascend_sim/*
	[ "$changed" ] || [ $# -gt 0 ] || [ ! -e "$out/built" ] || return 0
	rm -f "$out/built"
	readarray -t options <<< "$(compiler)"
	[ "$name" != gcov ] || options+=(GCOV_PROFILE=y KCFLAGS=-fno-early-inlining)
	for m in aclipc selftests/ascend_sim; do
		make -C "$headers" M="$out/$m" W=1 "${options[@]}" "$@" \
			modules > "$log" 2>&1 ||
			{ cat "$log" >&2; die "$m does not build on $name"; }
		if grep -E 'warning:|WARNING:' "$log" |
				grep -vE "$harmless" >&2; then
			die "$m builds with warnings on $name"
		fi
		mv -f "$out/$m"/*.ko "$out"
	done
	: > "$out/built"
}

cd "$top"
with_lock "$out.lock" build_modules "$@"
echo "$out"

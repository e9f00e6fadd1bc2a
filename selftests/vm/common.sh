# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by the scripts of this folder: where things are.

vm_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$vm_dir/../.." && pwd)
build=${BUILD:-$top/build}

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# The kernels that the VM can run, by short name: SUITE[:ARCH] META-PACKAGE.
# With -clang behind the name its modules are built with clang.
kernel_package() {
	case $1 in
	5.10) echo bullseye linux-headers-amd64 ;;
	6.1) echo bookworm linux-headers-amd64 ;;
	6.12) echo bookworm linux-headers-6.12-amd64 ;;
	7.x) echo trixie-backports linux-headers-amd64 ;;
	6.1-arm64) echo bookworm:arm64 linux-headers-arm64 ;;
	6.12-arm64) echo bookworm:arm64 linux-headers-6.12-arm64 ;;
	*) die "unknown kernel '$1': 5.10, 6.1, 6.12, 7.x, 6.1-arm64 or" \
		"6.12-arm64" ;;
	esac
}

# for_kernel NAME: its processor, what compiles programs for it, and where these
# are
for_kernel() {
	case $1 in
	*-arm64)
		arch=arm64
		cross=aarch64-linux-gnu-
		cc=$build/cross/usr/bin/${cross}gcc
		user=$build/arm64
		;;
	*) arch=amd64 cross='' cc=gcc user=$build ;;
	esac
}

# What in a kernel log tells of a defect, for grep -E.
splat='BUG:|WARNING:|KASAN:|KCSAN:|UBSAN:|Oops|ODEBUG|INFO: task|Kernel panic'
splat="$splat|possible .* detected|refcount_t:|general protection fault"
splat="$splat|rcu: INFO:|unreferenced object"

# with_lock FILE COMMAND ARGS: of several at a time, one after the other
with_lock() {
	local file=$1

	shift
	mkdir -p "${file%/*}"
	(flock 9; "$@" 9>&-) 9> "$file"
}

# check NAME COMMAND: as TAP; passes if the command succeeds and prints nothing
check() {
	local name=$1 out rc=0 begun=$SECONDS

	shift
	nr=$((${nr:-0} + 1))
	out=$("$@" 2>&1) || rc=$?
	echo "# $((SECONDS - begun)) s"
	if [ "$rc" = 0 ] && [ -z "$out" ]; then
		echo "ok $nr $name"
	else
		printf '%s\n' "$out" | head -n 40 | sed 's/^/# /'
		echo "not ok $nr $name"
	fi
}

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

# The kernels that the VM can run, by short name: SUITE META-PACKAGE
kernel_package() {
	case $1 in
	5.10) echo bullseye linux-headers-amd64 ;;
	6.1) echo bookworm linux-headers-amd64 ;;
	6.12) echo bookworm linux-headers-6.12-amd64 ;;
	7.x) echo trixie-backports linux-headers-amd64 ;;
	*) die "unknown kernel '$1': 5.10, 6.1, 6.12 or 7.x" ;;
	esac
}

# with_lock FILE COMMAND ARGS: of several at a time, one after the other
with_lock() {
	local file=$1

	shift
	mkdir -p "${file%/*}"
	(flock 9; "$@" 9>&-) 9> "$file"
}

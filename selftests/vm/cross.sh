#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# cross.sh: the compiler for arm64, made ready where for_kernel says.  Its package
# and that for 32-bit programs exclude each other, so it is unpacked, over
# what the packages have that it needs.
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

for_kernel 6.1-arm64
cross_dir=$build/cross
version=$(gcc -dumpversion)
lib=usr/lib/gcc-cross/aarch64-linux-gnu

fetch() {
	[ ! -e "$cross_dir/ready" ] || return 0
	echo "fetching the compiler for arm64" >&2
	rm -rf "$cross_dir"
	mkdir -p "$cross_dir/$lib"
	cd "$cross_dir"
	apt-get -q -o APT::Sandbox::User=root download \
		"gcc-$version-aarch64-linux-gnu" > /dev/null
	cp -as "/$lib/$version" "$lib"
	ln -s /usr/aarch64-linux-gnu usr/aarch64-linux-gnu
	dpkg-deb -x ./*.deb .
	rm ./*.deb
	ln -sf "aarch64-linux-gnu-gcc-$version" "$cc"
	echo 'int main(void) { return 0; }' | "$cc" -x c -o works -
	: > ready
}

[ -e "$cross_dir/ready" ] || with_lock "$cross_dir.lock" fetch

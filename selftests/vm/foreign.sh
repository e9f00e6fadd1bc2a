#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# foreign.sh KERNEL: for a kernel of another processor, build the library, the
# stand-ins of CANN and the tests, and fetch the programs of Debian that every
# VM has.  Prints the folder, laid out like build/, with these in root/.
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

for_kernel "$1"
package=$(kernel_package "$1")
suite=${package%% *}
root=$user/root

# the programs, and the packages of the libraries that they need
fetch_root() {
	local deb

	[ ! -e "$user/root.ready" ] || return 0
	echo "fetching programs for $arch" >&2
	rm -rf "$root" "$user/debs"
	mkdir -p "$root"/usr/{bin,lib} "$user/debs/all"
	ln -s usr/bin "$root/bin"
	ln -s usr/lib "$root/lib"
	cd "$user/debs"
	"$vm_dir/apt.sh" "$suite" apt-get -q download busybox-static bash \
		util-linux libc6 libtinfo6 libcap-ng0 libselinux1 \
		libpcre2-8-0 > /dev/null
	for deb in *.deb; do dpkg-deb -x "$deb" all; done
	rm -r all/usr/lib/*/gconv
	cp -a all/lib/. all/usr/lib/. "$root/usr/lib"
	cp -a all/bin/{bash,busybox} all/usr/bin/{nsenter,setpriv,unshare} \
		"$root/usr/bin"
	rm -rf "$user/debs"
	: > "$user/root.ready"
}

build_programs() {
	local kselftest

	kselftest=$("$vm_dir/kselftest.sh")
	make -s -C "$top/lib" OUT="$user" CC="$cc" AR="${cross}ar"
	make -s -C "$top/selftests/cann" OUT="$user/cann" CC="$cc"
	mkdir -p "$user/selftests"
	make -s -C "$top/selftests" OUTPUT="$user/selftests" CC="$cc" \
		KSELFTEST="$kselftest/tools/testing/selftests" \
		ACLIPC="$user/include" ACLIPC_LIB="$user/lib" \
		CANN="$user/cann" all
}

"$vm_dir/cross.sh"
with_lock "$user/root.lock" fetch_root
with_lock "$user/programs.lock" build_programs >&2
echo "$user"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh NAME: fetch and unpack a Debian kernel with its headers, without
# installing it, or build one that debugs (debug.sh).  Prints the folder:
# vmlinux, release, root/.  Cached.
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

name=${1%-clang}
case $name in
debug | kcsan | gcov) exec "$vm_dir/debug.sh" "$name" ;;
5.4-like | no-pidfd | no-pid-ns) exec "$vm_dir/like.sh" "$name" ;;
esac
kernel=$build/kernels/$name
package=$(kernel_package "$name")
read -r suite meta <<< "$package"
apt() { "$vm_dir/apt.sh" "$suite" "$@"; }

depends() {
	apt apt-cache show --no-all-versions "$1" |
		sed -n 's/^\(Pre-\)\?Depends: //p' | tr ',|' '[\n*]' |
		sed 's/(.*//; s/ //g'
}

# The ELF image inside the compressed one boots faster: no decompression.
# That of arm64 is not compressed.
unpack_vmlinux() {
	local pattern tool offset

	if [ "$(tail -c +57 "$1" | head -c 3 | tr -d '\0')" = ARM ]; then
		cp "$1" "$2"
		return
	fi
	for pattern in 'xz \xfd7zXZ\x00' 'zstd \x28\xb5\x2f\xfd'; do
		tool=${pattern%% *}
		# shellcheck disable=SC2013 # numbers
		for offset in $(LC_ALL=C grep -aboP "${pattern#* }" "$1" |
				cut -d: -f1); do
			tail -c +$((offset + 1)) "$1" |
				"$tool" -dc > "$2" 2> /dev/null || true
			[ "$(head -c 4 "$2" | tail -c 3)" != ELF ] || return 0
		done
	done
	return 1
}

# unpack PACKAGE...: download, and unpack into root/; of a kernel, drivers are
# not needed
unpack() (
	mkdir -p "$kernel/debs" "$kernel/root"
	cd "$kernel/debs"
	apt apt-get -q download "$@" > /dev/null
	for deb in *.deb; do
		dpkg-deb --fsys-tarfile "$deb" |
			tar -x -C "$kernel/root" --exclude='*.ko' \
			--exclude='*.ko.xz' --exclude='./usr/share'
	done
	rm -rf "$kernel/debs"
)

# Programs of a newer Debian run with its own loader and libraries.  They look
# at their name, which therefore has to stay.
wrap_tools() {
	local tools lib ld f

	readarray -t tools <<< "$(find "$kernel"/root/usr/lib/linux-kbuild-* \
		-type f -perm -u+x -exec sh -c 'for f; do
			ldd "$f" 2>&1 | grep -q "GLIBC.* not found" && echo "$f"
		done' - {} +)"
	[ "${tools[*]}" ] || return 0
	unpack libc6 libelf1t64 zlib1g libzstd1
	lib=$(echo "$kernel"/root/usr/lib/*-linux-gnu)
	ld=$(echo "$lib"/ld-linux*.so.*)
	for f in "${tools[@]}"; do
		mv "$f" "$f.elf"
		printf '#!/bin/sh\nexec %s --argv0 "$0" --library-path %s %s "$@"\n' \
			"$ld" "$lib" "$f.elf" > "$f"
		chmod 755 "$f"
	done
}

fetch() {
	local headers release packages tools image

	[ ! -e "$kernel/ready" ] || return 0
	echo "fetching kernel $name" >&2
	rm -rf "$kernel"
	headers=$(depends "$meta" | grep -E '^linux-headers-[0-9]' | head -n 1)
	[ -n "$headers" ] || die "no $meta in $suite"
	release=${headers#linux-headers-}
	packages=$({
		printf '%s\n' "$headers" "linux-image-$release"
		depends "$headers" | grep -E '^linux-headers-'
		depends "linux-image-$release" |
			grep -E '^linux-(modules|binary)-'
	} | sort -u)
	tools=$(depends "$headers" | grep -E '^linux-kbuild-')
	# shellcheck disable=SC2086 # a list
	unpack $packages
	# what builds modules runs here
	# shellcheck disable=SC2086 # a list
	suite=${suite%:*} unpack $tools
	image=$(find "$kernel/root" -name "vmlinuz*" -type f | head -n 1)
	unpack_vmlinux "$image" "$kernel/vmlinux" ||
		die "no ELF image in the kernel of $release"
	# the only absolute paths in the headers
	sed -i "s|/usr/src/|$kernel/root/usr/src/|" \
		"$kernel/root/usr/src/linux-headers-$release/Makefile"
	wrap_tools
	echo "$release" > "$kernel/release"
	: > "$kernel/ready"
}

[ -e "$kernel/ready" ] || with_lock "$kernel.lock" fetch
echo "$kernel"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# root.sh SUITE: a Debian root file system with DKMS and a kernel with headers,
# and beside it the packages of a second kernel.  Prints the folder: root/,
# second/*.deb.  Cached.
set -eu
# shellcheck source=../vm/common.sh
. "$(dirname "$0")/../vm/common.sh"

suite=$1
dir=$build/dkms/$suite
case $suite in
bookworm)
	sources=bookworm
	second="linux-image-6.12-amd64 linux-headers-6.12-amd64"
	;;
trixie)
	sources=trixie-backports
	second="linux-image-amd64/$sources linux-headers-amd64/$sources"
	;;
*) die "unknown suite '$suite': bookworm or trixie" ;;
esac

# what neither a build nor a VM needs
exclude() {
	local path

	for path in /usr/share/{doc,man,locale}/'*' \
			{,/usr}/lib/modules/'*'/kernel/{drivers,sound}/'*'; do
		echo "--dpkgopt=path-exclude=$path"
	done
	for path in {,/usr}/lib/modules/'*'/kernel/drivers/{virtio,block/virtio}'*'; do
		echo "--dpkgopt=path-include=$path"
	done
}

# No initramfs: initrd.sh makes a small one.
# shellcheck disable=SC2016 # for mmdebstrap
no_initramfs='chroot "$1" dpkg-divert --quiet --local --rename --add \
		/usr/sbin/update-initramfs
	ln -s /bin/true "$1/usr/sbin/update-initramfs"'
# apt from outside, as mmdebstrap does it
fetch_second="rm -f \"\$1\"/var/cache/apt/archives/*.deb
	APT_CONFIG=\$MMDEBSTRAP_APT_CONFIG apt-get -q -y \
		--no-install-recommends --download-only install $second &&
	mv \"\$1\"/var/cache/apt/archives/*.deb '$dir/second/'"

fetch() {
	local options

	[ ! -e "$dir/ready" ] || return 0
	echo "making a root file system of $suite" >&2
	"$vm_dir/apt.sh" "$sources" true
	rm -rf "$dir"
	mkdir -p "$dir/second"
	readarray -t options <<< "$(exclude)"
	mmdebstrap --quiet --mode=root --variant=minbase --architectures=amd64 \
		--aptopt='APT::Install-Recommends "false"' \
		--dpkgopt=force-unsafe-io "${options[@]}" \
		--include=dkms,kmod,openssl,mokutil,systemd-sysv,udev \
		--include=linux-image-amd64,linux-headers-amd64 \
		--essential-hook="$no_initramfs" \
		--customize-hook="$fetch_second" \
		"${suite}" "$dir/root" \
		"$build/kernels/apt-$sources/etc/apt/sources.list" \
		> "$dir/log" 2>&1 || { tail -n 20 "$dir/log" >&2; return 1; }
	: > "$dir/ready"
}

with_lock "$dir.lock" fetch
echo "$dir"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# debug.sh NAME: build a debug kernel from Debian's source of 6.12, laid out
# like the kernels that kernel.sh unpacks.  NAME is debug (KASAN, leaks, locks),
# kcsan (data races, locks) or gcov (coverage).  Prints the folder.  Cached by
# its configuration; the first build takes minutes, on two processors.
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

name=$1
options=()
case $name in
debug) fragments=(base checks kasan) ;;
kcsan)
	fragments=(base checks kcsan)
	# the races of the modules, not those of the kernel
	options=(KCSAN_SANITIZE=n)
	;;
gcov) fragments=(base gcov) ;;
*) die "unknown debug kernel '$name': debug, kcsan or gcov" ;;
esac
fragments=("${fragments[@]/#/$vm_dir/debug/}")
fragments=("${fragments[@]/%/.config}")
key=$({ printf %s "${options[*]}"; grep -hv '^# [^C]' "${fragments[@]}"; } |
	sha256sum | head -c 12)
source=$build/kernels/source-6.12
kernel=$build/kernels/$name-$key

fetch_source() {
	[ ! -e "$source/ready" ] || return 0
	echo "fetching the source of 6.12" >&2
	rm -rf "$source"
	mkdir -p "$source/deb"
	cd "$source/deb"
	"$vm_dir/apt.sh" bookworm apt-get -q download linux-source-6.12 >/dev/null
	dpkg-deb -x ./*.deb .
	xz -T0 -dc usr/src/linux-source-6.12.tar.xz |
		tar -x -C "$source" --strip-components=1
	rm -rf "$source/deb"
	: > "$source/ready"
}

# A wanted option that was not taken would make the lane blind: no kernel then.
configured() {
	local line ok=0

	while read -r line; do
		if ! grep -qxF "$line" "$1/.config"; then
			echo "debug.sh: not taken: $line" >&2
			ok=1
		fi
	done <<< "$(grep -hE '^CONFIG_[A-Za-z0-9_]+=' "${fragments[@]}")"
	return $ok
}

build_kernel() {
	local tree release log=$kernel.log

	[ ! -e "$kernel/ready" ] || return 0
	echo "building kernel $name, once: some minutes (log: $log)" >&2
	# one of another configuration is of no use any more
	find "$build/kernels" -maxdepth 1 -name "$name-*" \
		! -name "${kernel##*/}*" -exec rm -rf {} +
	rm -rf "$build/modules/$name"
	mkdir -p "$kernel"
	tree=$kernel/tree
	{
		make -s -C "$source" O="$tree" tinyconfig
		(cd "$source" && scripts/kconfig/merge_config.sh -m \
			-O "$tree" "$tree/.config" "${fragments[@]}")
		make -s -C "$source" O="$tree" olddefconfig
	} > "$log" 2>&1 || { tail -n 20 "$log" >&2; die "no configuration"; }
	configured "$tree" || die "the kernel $name would lack options"
	nice make -C "$source" O="$tree" -j"$(nproc)" "${options[@]}" \
		bzImage modules \
		>> "$log" 2>&1 || { tail -n 20 "$log" >&2; die "no kernel $name"; }
	release=$(cat "$tree/include/config/kernel.release")
	# a kernel with early instrumentation boots from its bzImage only
	cp "$tree/arch/x86/boot/bzImage" "$kernel/vmlinux"
	# modules are built against the tree; its objects are not needed
	find "$tree" \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' \) \
		-not -path "$tree/scripts/*" -not -path "$tree/tools/*" -delete
	mv "$tree/vmlinux" "$kernel/vmlinux.elf"
	mkdir -p "$kernel/root/usr/src"
	ln -s ../../../tree "$kernel/root/usr/src/linux-headers-$release"
	# KASAN mistakes memory for none where a booting kernel with five levels
	# of page tables looks at the processor
	echo no5lvl > "$kernel/append"
	echo "$release" > "$kernel/release"
	: > "$kernel/ready"
}

if [ ! -e "$kernel/ready" ]; then
	with_lock "$source.lock" fetch_source
	with_lock "$build/kernels/$name.lock" build_kernel
fi
echo "$kernel"

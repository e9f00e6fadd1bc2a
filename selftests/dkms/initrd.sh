#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# initrd.sh ROOT KERNEL OUT: a small initramfs that mounts the disk /dev/vda and
# goes on with the init that is there.
set -eu

root=$1
kernel=$2
out=$3
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

mkdir -p "$tmp/bin" "$tmp/modules"
cp "$(command -v busybox)" "$tmp/bin/busybox"
nr=100
for module in virtio_pci virtio_blk ext4; do
	modprobe -d "$(realpath "$root")" -S "$kernel" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
while read -r file; do
	nr=$((nr + 1))
	case $file in
	*.xz) xz -dc "$file" > "$tmp/modules/$nr.ko" ;;
	*) cp "$file" "$tmp/modules/$nr.ko" ;;
	esac
done
cat > "$tmp/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
for m in /modules/*; do
	/bin/busybox insmod "$m"
done
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox umount /proc /dev
exec /bin/busybox switch_root /root /sbin/init
INIT
chmod 755 "$tmp/init"
(cd "$tmp" && find . | cpio -o -H newc --quiet | gzip -1) > "$out"

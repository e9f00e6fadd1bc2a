#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# image.sh ROOT IMAGE: a disk with what is in a root file system, without what
# only builds need, that runs guest.sh when booted.
set -eu
# shellcheck source=../vm/common.sh
. "$(dirname "$0")/../vm/common.sh"

root=$1
image=$2
tests="order_close ioctl_access ioctl_show"

cp "${0%/*}/guest.sh" "${0%/*}/tap.sh" "$root/job"
for t in $tests; do
	cp "$build/selftests/$t" "$root/job"
done
echo 0123456789abcdef0123456789abcdef > "$root/etc/machine-id"
cat > "$root/etc/systemd/system/test.service" <<'UNIT'
[Service]
Type=oneshot
ExecStart=/job/guest.sh
UNIT
rm -rf "$root"/usr/lib/gcc "$root"/usr/libexec/gcc "$root"/usr/include \
	"$root"/usr/src/linux-* "$root"/usr/lib/linux-kbuild-*
rm -f "$image"
truncate -s 1G "$image"
mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1 -d "$root" \
	-F "$image"

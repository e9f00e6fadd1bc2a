#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# packages.sh TARGET: install what a make target needs, or name it and fail.
# Says nothing and does nothing if all is there.
set -eu

build="gcc libc6-dev make pkg-config"
vm="$build flex bison libelf-dev libssl-dev bc cpio kmod xz-utils zstd gzip \
	busybox-static qemu-system-x86 debian-archive-keyring"
case ${1:-} in
build) want=$build ;;
vm) want=$vm ;;
check) want="$vm g++ gcc-multilib sparse perl" ;;
python) want=python3 ;;
*) echo "usage: packages.sh build|vm|check|python" >&2; exit 2 ;;
esac

# shellcheck disable=SC2086 # a list
have=$(dpkg-query -W -f '${db:Status-Status} ${Package} \n' $want \
	2> /dev/null | sed -n 's/^installed//p' || true)
missing=
for p in $want; do
	case $have in
	*" $p "*) ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
	sudo=sudo
else
	echo "missing packages, install them as root: apt-get install$missing" >&2
	exit 1
fi
echo "installing:$missing" >&2
$sudo apt-get -q -y update > /dev/null
# shellcheck disable=SC2086 # a list
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y install \
	-o DPkg::Lock::Timeout=300 --no-install-recommends $missing > /dev/null

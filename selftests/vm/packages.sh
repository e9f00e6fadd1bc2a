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
# gcc-multilib itself conflicts with cross compilers
check) want="$vm g++ gcc-12-multilib musl-tools sparse perl coccinelle clang-tidy \
	cppcheck shellcheck spin" ;;
model) want="$build spin" ;;
deb) want="$build debhelper dh-dkms dpkg-dev" ;;
rpm) want="$build rpm" ;;
packages) want="$vm debhelper dh-dkms dpkg-dev lintian rpm man-db mandoc udev \
	openssl" ;;
dkms) want="$vm mmdebstrap e2fsprogs openssl ovmf efitools sbsigntool dpkg-dev \
	debhelper dh-dkms" ;;
fuzz) want="$vm clang libclang-rt-14-dev" ;;
kernels)
	n=$(gcc -dumpversion 2> /dev/null || echo 12)
	want="$vm clang lld llvm qemu-system-arm binutils-aarch64-linux-gnu \
		cpp-$n-aarch64-linux-gnu libgcc-$n-dev-arm64-cross \
		libc6-dev-arm64-cross"
	;;
python) want=python3 ;;
*)
	echo "usage: packages.sh build|vm|check|model|deb|rpm|packages|dkms|$(
		)fuzz|kernels|python" >&2
	exit 2
	;;
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

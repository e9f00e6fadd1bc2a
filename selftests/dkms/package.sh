#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# package.sh: in a root file system with DKMS and one kernel, not booted: the
# packages' life.  Ends with the package and two kernels installed, for VMs.
set -u
# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"

first=$(ls /lib/modules)
log=/tmp/log
export DEBIAN_FRONTEND=noninteractive

deb_version() { # FOLDER
	dpkg-deb -f "$1"/aclipc-dkms_*.deb Version | sed 's/-.*//'
}

install() { # FOLDER
	dpkg -i "$1"/*.deb
}

# the second kernel's packages without, and then with, its headers
images() {
	# shellcheck disable=SC2046 # a list
	dpkg --force-depends -i $(find /job/second -name '*.deb' \
		! -name 'linux-headers-*')
}

headers() {
	dpkg -i /job/second/linux-headers-*.deb &&
	same '' "$(dpkg --audit)"
}

no_headers() {
	! dkms build "aclipc/$this" -k "$second" > $log 2>&1 &&
	says "linux-headers-$second" $log
}

# Each kernel has its own, in this version and no other.
both() { # VERSION
	built "$first" "$1" && built "$second" "$1" &&
	same "aclipc-$1" "$(cd /usr/src && echo aclipc*)" &&
	same "$1" "$(cd /var/lib/dkms/aclipc && echo [0-9]*)"
}

not_first_anew() {
	same "$sum" "$(sha256sum /lib/modules/"$first"/updates/dkms/*)"
}

# the names of all files, but what dpkg and DKMS make for themselves
listing() {
	find / -xdev \( -path /proc -o -path /tmp -o -path /job \
		-o -path /var/lib/dpkg -o -path /var/log \) -prune -o \
		! -path '/var/lib/dkms/mok.*' ! -name '*.cache*' \
		! -path '/var/cache/ldconfig/*' -print | sort
}

# Modules that a kernel has reason to refuse, for the VMs.
misfits() { # KERNEL
	local file headers=/usr/src/linux-headers-$1

	file=$(info "$1" filename)
	case $file in
	*.xz) xz -dc "$file" > /tmp/dkms.ko ;;
	*) cp "$file" /tmp/dkms.ko ;;
	esac
	# a signature is no part of the ELF file
	objcopy --strip-debug /tmp/dkms.ko "/job/unsigned-$1.ko" &&
	"$headers/scripts/sign-file" sha256 /tmp/other.key /tmp/other.der \
		"/job/unsigned-$1.ko" "/job/foreign-$1.ko" &&
	head -c 64 /dev/zero > /tmp/btf &&
	objcopy -R .BTF -R .BTF.base "/job/unsigned-$1.ko" /tmp/plain.ko &&
	objcopy --add-section .BTF=/tmp/btf \
		--set-section-flags .BTF=alloc,readonly \
		/tmp/plain.ko "/job/btf-$1.ko"
}

other_key() {
	openssl req -new -x509 -newkey rsa:2048 -nodes -days 3650 \
		-subj /CN=another -outform DER \
		-keyout /tmp/other.key -out /tmp/other.der
}

purge() {
	dpkg -P aclipc-dkms aclipc-tools libaclipc0 &&
	! dpkg-query -W 'aclipc*' 'libaclipc*'
}

this=$(deb_version /job/debs/this)
next=$(deb_version /job/debs/next)
begin "dkms_package_$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)"
listing > /tmp/before
check "install the packages" install /job/debs/this
check "the module is built" built "$first" "$this"
check "purge them" purge
listing > /tmp/after
check "nothing is left" diff /tmp/before /tmp/after
check "install them again" install /job/debs/this
sum=$(sha256sum /lib/modules/"$first"/updates/dkms/*)
check "install a second kernel, without its headers" images
second=$(cd /lib/modules && ls -I "$first")
check "nothing is built for it" not_built "$second"
check "DKMS fails and names the headers' package" no_headers
check "install its headers" headers
check "the module is built for it by itself" built "$second" "$this"
check "the first kernel's module is as before" not_first_anew
check "install the same version again" install /job/debs/this
check "both kernels have it" both "$this"
check "upgrade" install /job/debs/next
check "both kernels have the newer one, alone" both "$next"
check "downgrade" install /job/debs/this
check "both kernels have the older one, alone" both "$this"
check "another key" other_key
check "modules that $first will not like" misfits "$first"
check "modules that $second will not like" misfits "$second"
finish

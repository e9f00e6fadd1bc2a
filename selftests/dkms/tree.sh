#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tree.sh SOURCE.TAR: in a root file system with DKMS and one kernel, not booted:
# what DKMS makes of the source alone.
set -u
# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"

kernel=$(ls /lib/modules)
log=/tmp/log

# the source, and the same with a version that is one higher
unpack() { # TAR
	mkdir -p /usr/src/aclipc
	tar -xf "$1" -C /usr/src/aclipc
	version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' \
		/usr/src/aclipc/dkms.conf)
	next=${version%.*}.$((${version##*.} + 1))
	mv /usr/src/aclipc "/usr/src/aclipc-$version"
	cp -r "/usr/src/aclipc-$version" "/usr/src/aclipc-$next"
	sed -i "s/${version//./\\.}/$next/" \
		"/usr/src/aclipc-$next"/{dkms.conf,kernel/aclipc.h}
}

conf() { # run in a subshell: the file is code
	unset "${!MAKE@}" PRE_BUILD POST_BUILD POST_INSTALL
	# shellcheck disable=SC2034 # for the file
	kernel_source_dir=/headers kernelver=K dkms_tree=/tree
	# shellcheck source=/dev/null
	. "/usr/src/aclipc-$version/dkms.conf"
}

one_command() (
	conf
	same 1 "${#MAKE[@]}" &&
	same "make -C /headers M=/tree/aclipc/$version/build modules" \
		"${MAKE[0]}"
)

settings() (
	conf
	same yes "$AUTOINSTALL" && same yes "$NO_WEAK_MODULES" &&
	same 1 "${#BUILT_MODULE_NAME[@]}" && same aclipc "$PACKAGE_NAME"
)

no_token() {
	# shellcheck disable=SC2016 # git's
	! grep -nE '@|#[A-Z_]+#|\$Format|%[A-Z]' \
		"/usr/src/aclipc-$version/dkms.conf"
}

other_kernel_runs() {
	[ "$(uname -r)" != "$kernel" ]
}

# the build's log, which DKMS keeps
quiet() {
	! grep -iE 'warning|error' \
		"/var/lib/dkms/aclipc/$version/$kernel/x86_64/log/make.log" |
		grep -vE 'Skipping BTF|the compiler differs|WARNING: modpost: missing Module.symvers'
}

no_headers() {
	mv "/lib/modules/$kernel/build" /tmp/build
	"$@" > $log 2>&1
	rc=$?
	mv /tmp/build "/lib/modules/$kernel/build"
	[ $rc != 0 ] && says "linux-headers-$kernel" $log
}

# all names of files, but for what DKMS makes for itself
listing() {
	find / -xdev \( -path /proc -o -path /tmp -o -path /job \) -prune -o \
		! -path '/var/lib/dkms/mok.*' ! -path '/usr/src/aclipc-*' \
		-print | sort
}

dkms_() { dkms "$@" -k "$kernel"; }

begin "dkms_source_$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)"
unpack "$1"
listing > /tmp/before
check "DKMS runs one make, in the headers of the kernel" one_command
check "built for new kernels, never taken from another" settings
check "no token is left in dkms.conf" no_token
check "the kernel that runs is not the one to build for" other_kernel_runs
check "dkms add" dkms add "aclipc/$version"
check "without headers DKMS fails and names the package" \
	no_headers dkms_ build "aclipc/$version"
check "dkms build" dkms_ build "aclipc/$version"
check "the build says nothing" quiet
check "dkms install" dkms_ install "aclipc/$version"
check "the module is that kernel's" built "$kernel" "$version"
check "install once more" dkms_ install "aclipc/$version"
check "build and install over it" \
	dkms_ install --force "aclipc/$version"
check "the module is that kernel's" built "$kernel" "$version"
check "install a newer one" dkms_ install "aclipc/$next"
check "the newer one is in its place" built "$kernel" "$next"
check "remove it" dkms remove "aclipc/$next" --all
check "install the older one again" \
	dkms_ install --force "aclipc/$version"
check "the older one is in its place" built "$kernel" "$version"
check "dkms remove" dkms remove "aclipc/$version" --all
check "no module is left" not_built "$kernel"
listing > /tmp/after
check "nothing is left" diff /tmp/before /tmp/after
finish

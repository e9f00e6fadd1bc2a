#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# guest.sh: what a booted Debian with the package says of it.  The kernel's
# command line has the test: first, second, enforce or trust.
set -u
cd /job || exit
stty -F /dev/ttyS1 raw -echo
exec > /dev/ttyS1 2>&1 < /dev/null
. ./tap.sh

param() { sed -n "s/.*\<$1=\([^ ]*\).*/\1/p" /proc/cmdline; }

kernel=$(param kernel)
node=/dev/aclipc
log=/run/said
group=HwHiAiUser
module=$(echo "/lib/modules/$kernel/updates/dkms"/aclipc.ko*)

loaded() { [ -e /sys/module/aclipc ]; }
not_loaded() { ! loaded; }

installed_one() {
	same "$(info "$kernel" srcversion)" "$(cat /sys/module/aclipc/srcversion)"
}

node_is() { # OWNER MODE
	udevadm settle
	same "$1 $2" "$(stat -c '%U:%G %a' $node)"
}

reload() {
	! loaded || rmmod aclipc
	modprobe aclipc && udevadm settle
}

# can somebody who is not root, with this group, open the node?
may_open() { # GROUP
	setpriv --reuid 65534 --regid "$1" --clear-groups \
		sh -c ": <> $node"
}

may_not_open() { ! may_open "$1"; }

doctor() { # TEXT...: says it fails, and this
	local text

	! aclipc doctor > $log 2>&1 || { cat $log; return 1; }
	for text; do
		says "$text" $log || return
	done
}

doctor_well() { aclipc doctor; }

# what the packages say when they are installed
package() { # TEXT...
	local text

	/usr/share/aclipc/module installed > $log 2>&1
	for text; do
		says "$text" $log || return
	done
}

# take another file for the module, in the form that modprobe knows
put() { # FILE
	rm -f "$module"
	case $module in
	*.xz) xz --check=crc32 -c "$1" > "$module" ;;
	*) cp "$1" "$module" ;;
	esac
}

refused() {
	! loaded || rmmod aclipc || return
	! modprobe aclipc && ! loaded
}

kselftests() {
	for t in order_close ioctl_access ioctl_show; do
		echo "@@ begin $t"
		./$t | grep -vE '^# +(RUN|OK) '
		printf '\n@@ end %s %s\n' $t "${PIPESTATUS[0]}"
	done
}

works() {
	check "this kernel runs" same "$kernel" "$(uname -r)"
	check "the module was loaded at boot" loaded
	check "it is the one that DKMS built" installed_one
	check "without a group the node is root's" node_is root:root 660
	echo "$group:x:900:" >> /etc/group
	check "load it again" reload
	check "the node is the group's" node_is root:$group 660
	check "a member of the group may open it" may_open 900
	check "others may not" may_not_open 901
	echo UserGroup=video > /etc/ascend_install.info
	check "load it again" reload
	check "the node is the driver's group's" node_is root:video 660
	rm /etc/ascend_install.info
	check "doctor finds nothing wrong" doctor_well
}

# Debian's kernels up to 6.12 take a module whose BTF is wrong.
takes_any_btf() {
	grep -q '^CONFIG_MODULE_ALLOW_BTF_MISMATCH=y' "/boot/config-$kernel"
}

btf() {
	cp "$module" /run/kept
	put "btf-$kernel.ko"
	if takes_any_btf; then
		check "this kernel takes a module with another BTF" reload
	else
		check "a module with another BTF is refused" refused
		check "doctor says why" doctor BTF
	fi
	cp /run/kept "$module"
	check "the one that DKMS built is accepted" reload
}

no_complaint() {
	! dmesg | grep -iE 'aclipc.*(BTF|magic|disagrees|unknown symbol)'
}

purge_in_use() {
	dpkg -P aclipc-dkms > $log 2>&1 || { cat $log; return 1; }
	says "still loaded, it has 1 user" $log && says "rmmod aclipc" $log
}

# What the package manager has started may have inherited the descriptor.
unload() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		! rmmod aclipc || break
		sleep 0.5
	done
	find /proc/[0-9]*/fd -lname $node -printf '%p\n' 2> /dev/null
	! loaded && [ ! -e $node ]
}

nothing_left() {
	dpkg -P aclipc-tools libaclipc0 &&
	! find / -xdev -iname '*aclipc*' ! -path '/job/*' | grep . &&
	! dkms status | grep .
}

# a block of checks about what follows
block() { # NAME COMMAND
	begin "dkms_$1_$kernel"
	"${2:-$1}"
	finish
}

boots() {
	works
	check "no complaint in the kernel's log" no_complaint
}

purged() {
	exec 7<> $node
	check "purged while the node is open, the package says so" purge_in_use
	check "the module goes on" loaded
	exec 7>&-
	check "it can be unloaded when its user has left" unload
	check "nothing is left" nothing_left
}

# The disk has no headers, so that no module is built.
reinstall() {
	dpkg -i debs/*.deb > $log 2>&1
	says "linux-headers-$kernel" $log
}

no_headers() {
	check "installed without headers, the module loaded: names them" \
		reinstall
	rmmod aclipc
	check "installed without headers: names them" reinstall
	check "doctor names them" doctor "not built for this kernel" \
		"apt-get install linux-headers-$kernel"
}

unsigned() { # WHAT-DOCTOR-SAYS-LAST
	put "unsigned-$kernel.ko"
	check "unsigned: the kernel refuses it" refused
	check "unsigned: doctor says why and what to do" \
		doctor "not signed" "dkms build --force aclipc/" "$1"
	check "unsigned: the package says it too" \
		package "not signed" "dkms build --force aclipc/" "$1"
}

foreign() { # WHAT-DOCTOR-SAYS-LAST
	put "$2"
	check "unknown key: the kernel refuses it" refused
	check "unknown key: doctor says why and what to do" \
		doctor "a key that this kernel does not trust" "$1"
	check "unknown key: the package says it too" \
		package "a key that this kernel does not trust" "$1"
}

enforced() {
	check "this kernel runs" same "$kernel" "$(uname -r)"
	check "it wants signatures" same Y \
		"$(cat /sys/module/module/parameters/sig_enforce)"
	check "DKMS's key is not trusted: not loaded at boot" not_loaded
	foreign "$no_efi" "foreign-$kernel.ko"
	unsigned "$no_efi"
}

locked_down() {
	echo integrity > /sys/kernel/security/lockdown
	foreign "$no_efi" "foreign-$kernel.ko"
	unsigned "$no_efi"
}

secure_boot() {
	mokutil --sb-state | grep 'SecureBoot enabled' &&
	grep '\[integrity\]' /sys/kernel/security/lockdown
}

trusted() {
	check "Secure Boot is on, the kernel locked down" secure_boot
	works
}

mistrusted() {
	foreign "$efi" "foreign-$kernel.ko"
	unsigned "$efi"
}

no_efi="this machine has no EFI"
efi="mokutil --import /var/lib/dkms/mok.pub"
case $(param test) in
first)
	block boots
	kselftests
	block purged
	;;
second)
	block boots
	kselftests
	block btf
	block no_headers
	;;
enforce) block enforced ;;
lockdown) block locked_down ;;
trust)
	block trusted
	kselftests
	block mistrusted
	;;
esac
echo "@@ done"
# a change of the terminal waits until all is written
stty -F /dev/ttyS1 raw -echo
systemctl poweroff --force --force

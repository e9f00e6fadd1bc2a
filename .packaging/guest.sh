#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What packages do with the module of the running kernel, and what doctor says
# when it does not load.  Runs in a VM (check.sh); prints TAP.  Beside it:
# ok.sh, module.sh, 60-aclipc.rules, udevadm, and the modules signed.ko, other.ko
# (another srcversion) and magic.ko (of another kernel).
PATH=$PWD:$PATH
# shellcheck source=../selftests/vm/ok.sh
. ./ok.sh
release=$(uname -r)
dir=/lib/modules/$release/updates
sys=/sys/module/aclipc
# no host's package manager is here; modprobe and doctor find these
mkdir -p "$dir" /lib/modules/0.0-other/updates
echo updates/aclipc.ko: > "/lib/modules/$release/modules.dep"
cp /modules/aclipc.ko "$dir/"

doctor() {
	aclipc doctor > /tmp/out 2>&1
	[ $? = 1 ]
}

says() {
	grep -qF -- "$1" /tmp/out
}

module() {
	sh ./module.sh "$1" > /tmp/out 2>&1
}

hold() {
	exec 7<> /dev/aclipc
}

let_go() {
	exec 7>&-
}

# removal
hold
module removing; says "still loaded, it has 1 user"
ok "a module in use stays, and that is said"
[ -e $sys ]; ok "it is still there"
let_go
module removing; [ ! -s /tmp/out ] && [ ! -e $sys ]
ok "without users it is unloaded without a word"
module removing; [ ! -s /tmp/out ]
ok "removing what is not loaded says nothing"

# installation
module installed; [ ! -s /tmp/out ] && [ -e $sys ]
ok "an installed module is loaded"
hold
cp other.ko "$dir/aclipc.ko"
module installed; says "module of before is still loaded, it has 1 user" &&
	says "rmmod aclipc; modprobe aclipc"
ok "an old module in use stays, and the next command is said"
rm "$dir/aclipc.ko"
: > "/lib/modules/$release/modules.dep"
module installed; says "the module of before is still loaded; no module is built" &&
	says "$release: after the next boot there is none; its headers are missing" &&
	says "install the headers of kernel $release; "
ok "the same, and the new one is not built"
cp other.ko "$dir/aclipc.ko"
echo updates/aclipc.ko: > "/lib/modules/$release/modules.dep"
let_go
module installed; [ ! -s /tmp/out ] &&
	[ "$(cat $sys/srcversion)" = "$(modinfo -F srcversion other.ko)" ]
ok "an old module without users is replaced"
# as in a chroot: all of this under another root
mkdir -p /tmp/root
mount -t tmpfs root /tmp/root
for d in /*/; do
	mkdir "/tmp/root$d"
	mount --bind "$d" "/tmp/root$d"
done
chroot /tmp/root sh /job/module.sh removing > /tmp/out 2>&1
[ ! -s /tmp/out ] && [ -e $sys ]
ok "in a chroot the kernel is left alone"
umount /tmp/root/* /tmp/root
rmmod aclipc

# the node's group
node() { # RULES-FOLDER GROUP
	mkdir -p "$1"
	cp 60-aclipc.rules "$1/"
	udevadm control --reload
	insmod /modules/aclipc.ko
	udevadm settle
	stat -c '%U:%G %a' /dev/aclipc > /tmp/out
	rmmod aclipc
	rm "$1/60-aclipc.rules"
	[ "$(cat /tmp/out)" = "root:$2 660" ]
}
mkdir -p /etc /run/udev
cp udevadm /usr/bin/systemd-udevd
systemd-udevd --daemon 2> /dev/null
node /usr/lib/udev/rules.d root; ok "no such group: root's, closed to the world"
echo HwHiAiUser:x:1001: >> /etc/group
node /usr/lib/udev/rules.d HwHiAiUser; ok "the default group"
node /usr/local/lib/udev/rules.d HwHiAiUser; ok "the rule in /usr/local"
printf 'UserName=npu\nUserGroup=npu\nDriver_Install_For_All=yes\n' \
	> /etc/ascend_install.info
echo npu:x:1002: >> /etc/group
node /usr/lib/udev/rules.d npu; ok "the group of the driver's installer"
sed -i /UserGroup/d /etc/ascend_install.info
node /usr/lib/udev/rules.d HwHiAiUser; ok "the installer names none"
udevadm control --exit

# not loaded
doctor; says "is built for $release but not loaded" && says "modprobe aclipc"
ok "built, not loaded"
rm "/lib/modules/$release/modules.dep"
doctor; says "not built for this kernel, $release; its headers are missing" &&
	says "install the headers of kernel $release;"
ok "not built, no headers"
mkdir -p /usr/bin; touch /usr/bin/apt-get; chmod 755 /usr/bin/apt-get
doctor; says "apt-get install linux-headers-$release; "
ok "the package of the headers, apt-get"
rm /usr/bin/apt-get; touch /usr/bin/dnf; chmod 755 /usr/bin/dnf
doctor; says "dnf install kernel-devel-$release; "
ok "the package of the headers, dnf"
mkdir -p "/lib/modules/$release/build" /var/lib/dkms/aclipc
touch "/lib/modules/$release/build/Makefile"
doctor; says "not built for this kernel, $release "  && says "dkms autoinstall -k $release; modprobe aclipc"
ok "not built, DKMS has it"
echo updates/aclipc.ko.xz: > /lib/modules/0.0-other/modules.dep
doctor; says "$release, but for 0.0-other"
ok "built for another kernel"
module installed; says "aclipc: the module is not built for this kernel"
ok "the package says so, too"
mkdir -p /run; touch /run/.containerenv
doctor; says "on the host, not in this container: modprobe aclipc"
ok "in a container, the host is meant"
rm /run/.containerenv

# refused
echo updates/aclipc.ko: > "/lib/modules/$release/modules.dep"
cp magic.ko "$dir/aclipc.ko"
module installed; says "refused the module: it was built for another kernel"
ok "another kernel's module"
cp /modules/aclipc.ko "$dir/aclipc.ko"
module installed; [ -e $sys ]; ok "the right one again"
rmmod aclipc
# Debian's kernels would take it: what others say is said here in their place
echo "failed to validate module [aclipc] BTF: -22" > /dev/kmsg
doctor; says "refused the module: its type information (BTF) is of another kernel — dkms build --force aclipc/"
ok "type information of another kernel"

# from here on, the kernel takes signed modules only
echo Y > /sys/module/module/parameters/sig_enforce
! insmod /modules/aclipc.ko 2> /dev/null; ok "the kernel refuses"
module installed; says "not signed, and this kernel takes signed modules only (module.sig_enforce is set)" &&
	says "openssl req -new -x509 " && says "-out /root/aclipc.der && /lib/modules/$release/build/scripts/sign-file sha256 /root/aclipc.key /root/aclipc.der $dir/aclipc.ko && " &&
	says "no EFI"
ok "unsigned, no keys, no EFI"
mkdir -p /tmp/firmware/efi; mount --bind /tmp/firmware /sys/firmware
doctor; says "aclipc.ko && mokutil --import /root/aclipc.der; reboot and confirm the key; modprobe aclipc"
ok "unsigned, no keys"
mkdir -p /var/lib/dkms /var/lib/shim-signed/mok
touch /var/lib/dkms/mok.key /var/lib/dkms/mok.pub
doctor; says " — /lib/modules/$release/build/scripts/sign-file sha256 /var/lib/dkms/mok.key /var/lib/dkms/mok.pub $dir/aclipc.ko && mokutil --import /var/lib/dkms/mok.pub; "
ok "unsigned, the keys of DKMS"
touch /var/lib/shim-signed/mok/MOK.priv /var/lib/shim-signed/mok/MOK.der
doctor; says "sha256 /var/lib/shim-signed/mok/MOK.priv /var/lib/shim-signed/mok/MOK.der $dir/aclipc.ko && mokutil --import /var/lib/shim-signed/mok/MOK.der; "
ok "unsigned, the keys of Ubuntu"
rm -r /var/lib/shim-signed
mkdir "$dir/dkms"; cp /modules/aclipc.ko "$dir/dkms/"
echo updates/dkms/aclipc.ko: > "/lib/modules/$release/modules.dep"
doctor; says "install openssl; dkms build --force aclipc/0.1.0 -k $release && dkms install --force aclipc/0.1.0 -k $release; mokutil --import /var/lib/dkms/mok.pub; "
ok "unsigned, built by DKMS"
cp signed.ko "$dir/dkms/aclipc.ko"
module installed; says "refused the module: it is signed with a key that this kernel does not trust" &&
	says "mokutil --import /var/lib/dkms/mok.pub; reboot"
ok "signed with an unknown key"
# not for real: a locked kernel forbids the port that ends this VM
mount -t tmpfs lockdown /sys/kernel/security
echo 'none [integrity] confidentiality' > /sys/kernel/security/lockdown
cp /modules/aclipc.ko "$dir/dkms/"
doctor; says "(the kernel is locked down, as Secure Boot does it)"
ok "unsigned, lockdown"
cp signed.ko "$dir/dkms/aclipc.ko"
echo "Lockdown: modprobe: unsigned module loading is restricted; see man" \
	"kernel_lockdown.7" > /dev/kmsg
doctor; says "it is signed with a key that this kernel does not trust"
ok "signed with an unknown key, lockdown"

finish

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# vm.sh DIR KERNEL TEST [efi]: boot the disk of DIR with one of its kernels, for
# a test of guest.sh; with efi by way of Secure Boot.  Prints the guest's TAP.
# What the guest changes on its disk is lost.
set -eu
# shellcheck source=../vm/common.sh
. "$(dirname "$0")/../vm/common.sh"

dir=$1
kernel=$2
test=$3
firmware=${4:-}
log=$dir/vm-$test
image=$dir/kernels/vmlinuz-$kernel
options=(-M pc -smp 2)
append="test=$test kernel=$kernel"

if [ "$firmware" = efi ]; then
	# only a system management mode guards Secure Boot's variables
	options=(-M "q35,smm=on" -smp 1
		-global "driver=cfi.pflash01,property=secure,value=on"
		-drive "if=pflash,unit=0,format=raw,readonly=on,file=$(
		)/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"
		-drive "if=pflash,unit=1,format=raw,snapshot=on,file=$dir/efi.fd")
	image=$dir/efi.kernel
fi
case $test in
enforce) append="$append module.sig_enforce=1" ;;
esac

boot() {
	rm -f "$log.out"
	timeout --foreground -k 5 "${TIMEOUT:-240}" qemu-system-x86_64 "${options[@]}" \
		-accel "tcg,thread=multi" -cpu max -m 1024 \
		-nodefaults -no-user-config -display none -no-reboot \
		-drive "file=$dir/disk,format=raw,if=virtio,snapshot=on" \
		-serial "file:$log.console" -serial "file:$log.out" \
		-kernel "$image" -initrd "$dir/kernels/initrd-$kernel" \
		-append "console=ttyS0 loglevel=6 panic=-1 oops=panic rw $(
			)systemd.unit=test.service systemd.firstboot=off $(
			)systemd.journald.forward_to_console=1 $append" \
		< /dev/null
}

ended() { grep -q '^@@ done' "$log.out" 2> /dev/null; }

# like run.sh of vm/: an emulator that failed is asked again
for attempt in 1 2 3; do
	boot || true
	! ended || break
	echo "vm.sh: $test: no end, attempt $attempt" >&2
done
cat "$log.out" || true
if ! ended; then
	tail -n 40 "$log.console" | sed 's/^/# /'
	printf '@@ begin dkms_vm\n1..1\nnot ok 1 %s did not end\n%s\n' \
		"$test" '@@ end dkms_vm 1'
fi
if grep -qE 'BUG:|Oops|Kernel panic|WARNING: CPU' "$log.console"; then
	grep -E -A 30 'BUG:|Oops|Kernel panic|WARNING: CPU' "$log.console" |
		head -n 60 | sed 's/^/# /'
	printf '@@ begin dkms_log\n1..1\nnot ok 1 kernel log of %s\n%s\n' \
		"$test" '@@ end dkms_log 1'
fi

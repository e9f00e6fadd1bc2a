#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh PROGRAM [ARGS]: run a program or script as root in a VM.
#
# aclipc.ko and the stand-in driver are loaded; the library, the tool, the
# stand-ins of CANN and the headers are in the usual places.  The program's output passes
# through and its exit status is this script's.  Other statuses: 90 the kernel
# log shows a defect, 124 time-out, 70 the VM ended without a verdict, 97 the
# modules do not load, 75 the emulator failed ATTEMPTS times; a line on stderr
# tells them from the program's own.
#
# For a kernel of another processor PROGRAM has to be one that it can run, of
# build/arm64/selftests say.
#
# Environment: KERNEL (6.1), SVM (v2; v3; v2-old, see driver.sh), FILES (more files for the working
# folder), TIMEOUT (600 s), MEM (1024 MB), SMP (2), ICOUNT (1: instructions are
# the clock; implies SMP=1), ACLIPC_PARAMS, SIM_PARAMS (module parameters),
# APPEND (kernel parameters), OUT (folder for what the program leaves in /out),
# CONSOLE (file for the kernel log, kept only after a failure if not given),
# ATTEMPTS (3).
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

[ $# -ge 1 ] || die "usage: run.sh PROGRAM [ARGS]"
program=$1
shift
export KERNEL=${KERNEL:-6.1}
SVM=${SVM:-v2}
case $SVM in v2 | v2-old | v3) ;; *) die "SVM is v2, v2-old or v3, not '$SVM'" ;; esac
[ -f "$program" ] || die "no such file: $program"

for_kernel "$KERNEL"
kernel=$("$vm_dir/kernel.sh" "$KERNEL")
modules=$("$vm_dir/modules.sh" "$KERNEL")
[ "$arch" = amd64 ] || "$vm_dir/foreign.sh" "$KERNEL" > /dev/null
mkdir -p "$build/vm" "$user/vm"
tmp=$(mktemp -d "$build/vm/run.XXXXXX")
qemu=
cleanup() {
	if [ -n "$qemu" ]; then
		kill "$qemu" 2>/dev/null || true
		wait "$qemu" 2>/dev/null || true
	fi
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# The part that all runs share is made once for each state of the build.
base_image() {
	local root=$tmp/base libdir files programs f

	files=("$user"/lib/lib* "$user"/bin/aclipc "$user"/cann/lib/*.so)
	if [ -e "$user/vm/base.gz" ]; then
		f=$(find "${files[@]}" "$user/cann" "$vm_dir" "$user/include" \
			-newer "$user/vm/base.gz" | head -n 1)
		[ -n "$f" ] || return 0
	fi
	$cc -O -static -o "$tmp/vmexit" "$vm_dir/vmexit.c"
	libdir=/usr/lib/$($cc -print-multiarch)
	mkdir -p "$root$libdir" "$root/etc"
	if [ "$arch" = amd64 ]; then
		programs=("$(command -v busybox)=/usr/bin/busybox" /bin/bash \
			/usr/bin/unshare /usr/bin/setpriv /usr/bin/nsenter)
	else
		programs=()
		cp -a "$user/root/." "$root"
	fi
	cp -a "$user"/lib/lib* "$user"/cann/lib/*.so "$root$libdir"
	# libc loads it by name when a thread is cancelled
	f=$($cc -print-file-name=libgcc_s.so.1)
	echo root:x:0:0:root:/:/bin/sh > "$root/etc/passwd"
	echo root:x:0: > "$root/etc/group"
	mkdir -p "$root/usr/lib/cann"
	cp -a "$user/cann/lib/variants" "$root/usr/lib/cann/"
	cp -rL "$user/include" "$root/usr/include"
	cp -rn "$user"/cann/include/. "$root/usr/include/"
	"$vm_dir/root.sh" "$root" "${programs[@]}" \
		"$tmp/vmexit=/usr/bin/vmexit" "$vm_dir/init=/init" \
		"$vm_dir/unload.sh=/usr/bin/unload" \
		"$vm_dir/driver.sh=/usr/bin/driver" \
		"$user/bin/aclipc=/usr/bin/aclipc" "$f=$libdir/${f##*/}"
	chmod 755 "$root/init"
	(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) \
		> "$tmp/base.gz"
	# what follows in the initramfs has to be aligned
	truncate -s %4 "$tmp/base.gz"
	mv "$tmp/base.gz" "$user/vm/base.gz"
}
(flock 9; base_image) 9> "$user/vm/base.lock"

root=$tmp/root
"$vm_dir/root.sh" "$root" "$program=/job/${program##*/}"
for f in ${FILES:-}; do
	"$vm_dir/root.sh" "$root" "$f=/job/${f##*/}"
done
for m in aclipc ascend_sim ascend_dpa ascend_smp; do
	"${cross}objcopy" --strip-debug "$modules/$m.ko" "$root/modules/$m.ko"
done
printf 'SVM=%q\nACLIPC_PARAMS=%q\nSIM_PARAMS=%q\n' "$SVM" \
	"${ACLIPC_PARAMS:-}" "${SIM_PARAMS:-}" > "$root/vm.conf"
# an executable speaks for itself, a script may lack the bit
if [ -x "$program" ]; then
	run=("./${program##*/}" "$@")
else
	run=(/bin/sh "./${program##*/}" "$@")
fi
{
	echo "export SVM=$SVM"
	printf 'exec'
	printf ' %q' "${run[@]}"
	echo
} > "$root/vm.run"
(cd "$root" && find . | cpio -o -H newc --quiet) > "$tmp/extra.cpio"
cat "$user/vm/base.gz" "$tmp/extra.cpio" > "$tmp/initrd"

console=${CONSOLE:-$build/vm/console-$KERNEL-$SVM-$$.log}
options=(-accel "tcg,thread=multi" -smp "${SMP:-2}")
# When 5.10 patches itself, both processors may run into the stale breakpoint
# (see below) with interrupts off, and nothing would ever be said of it.
case $KERNEL in
5.10 | 5.4-like) options=(-accel "tcg,thread=single" -smp "${SMP:-2}") ;;
esac
if [ "${ICOUNT:-}" ]; then
	options=(-accel tcg -icount "shift=0,sleep=off" -smp 1)
fi
# The kernel log goes to the first serial port; the other three have the same
# names on each machine.
case $arch in
amd64)
	machine=(qemu-system-x86_64 -M pc -cpu max -serial "file:$console"
		-serial chardev:out -serial chardev:files -serial chardev:status
		-device "isa-debug-exit,iobase=0xf4,iosize=0x04")
	tty=ttyS0
	;;
arm64)
	# the architecture's own pointer authentication is slow to emulate
	ports=pci-serial-4x,chardev1=none,chardev2=out
	ports=$ports,chardev3=files,chardev4=status
	machine=(qemu-system-aarch64 -M virt -cpu "max,pauth-impdef=on"
		-serial "file:$console" -chardev "null,id=none"
		-device "$ports")
	tty=ttyAMA0
	;;
esac
boot() {
	rc=0
	rm -f "$tmp/out.tar" "$tmp/status"
	timeout -k 5 "${TIMEOUT:-600}" "${machine[@]}" "${options[@]}" \
		-m "${MEM:-1024}" -nodefaults -no-user-config \
		-display none -no-reboot -chardev stdio,id=out,signal=off \
		-chardev "file,id=files,path=$tmp/out.tar" \
		-chardev "file,id=status,path=$tmp/status" \
		-kernel "$kernel/vmlinux" -initrd "$tmp/initrd" \
		-append "console=$tty loglevel=6 panic=-1 oops=panic $(cat "$kernel/append" 2> /dev/null) $(
			)softlockup_panic=1 hung_task_panic=1 ${APPEND:-}" \
		< /dev/null &
	qemu=$!
	wait "$qemu" || rc=$?
	qemu=
	return 0
}

# When the kernel patches its own code, QEMU may go on running the breakpoint
# that was there for a moment: int3 out of nowhere, a processor that never gets
# past a patched no-op, or a reset without a word.  That says nothing of the
# program, and what is not the emulator's fault happens each time.
emulator_failed() {
	grep -q 'Oops: int3\|int3: 0000' "$console" && return
	grep -A 15 'soft lockup\|self-detected stall' "$console" |
		grep -q 'Code:.*<\(cc\|0f> 1f 44 00 00\|66> 90\)' && return
	[ "$rc" = 0 ] && [ ! -s "$tmp/status" ] && ! grep -qE "$splat" "$console"
}

attempt=1
while boot && emulator_failed && [ $attempt -lt "${ATTEMPTS:-3}" ]; do
	echo "run.sh: the emulator failed, attempt $attempt" >&2
	attempt=$((attempt + 1))
done

if [ -s "$tmp/out.tar" ]; then
	out=${OUT:-$build/vm/out}
	mkdir -p "$out"
	tar -xf "$tmp/out.tar" -C "$out"
fi
why=
status=$(cat "$tmp/status" 2>/dev/null || true)
case $rc,$status in
124,*) status=124; why="timed out after ${TIMEOUT:-600} s" ;;
*,[0-9]*) ;;
*) status=70; why="the VM ended without a verdict, QEMU with $rc" ;;
esac
if emulator_failed; then
	status=75
	why="the emulator failed${why:+: $why}"
	tail -n 40 "$console" >&2
elif grep -qE "$splat" "$console"; then
	[ "$status" != 0 ] || status=90
	why="${why:+$why; }the kernel log shows a defect"
	grep -E -A 40 "$splat" "$console" | head -n 120 >&2
elif [ -n "$why" ]; then
	tail -n 40 "$console" >&2
fi
[ -z "$why" ] || echo "run.sh: $why (log: $console)" >&2
[ "$status" != 0 ] || [ -n "${CONSOLE:-}" ] || rm -f "$console"
exit "$status"

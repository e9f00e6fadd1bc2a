#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: the module in DKMS's hands, in Debian root file systems and, booted,
# in VMs.  SUITES (bookworm trixie), JOBS (2) at a time; STEPS: some of source
# package disk first second enforce lockdown trust, which use what those before
# them left.  Prints TAP, and on stderr what failed and the counts; fails if a test
# did.  Logs are in build/dkms.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../vm/common.sh
. "$here/../vm/common.sh"

SUITES=${SUITES:-bookworm trixie}
STEPS=${STEPS:-source package disk first second enforce lockdown trust}

# the source as in a release: what git knows, or would
source_tar() {
	if [ -e "$top/.git" ]; then
		git -C "$top" ls-files -z -co --exclude-standard
	else
		cd "$top"
		find . -path ./build -prune -o -type f -print0
	fi | tar -C "$top" --null --ignore-failed-read -T - -cf "$1"
}

# inside ROOT SCRIPT ARGS: without booting it
inside() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount sh -c 'mount -t proc proc "$1/proc" || exit
		root=$1 script=$2; shift 2
		exec chroot "$root" /usr/bin/env -i HOME=/root \
			PATH=/usr/sbin:/usr/bin:/sbin:/bin \
			"/job/$script" "$@"' - "$@"
}

step_source() {
	rm -rf "$live"
	cp -a "$dir/root" "$live"
	mkdir -p "$live/job"
	cp "$here/tap.sh" "$here/tree.sh" "$here/package.sh" "$live/job"
	source_tar "$live/job/source.tar"
	inside "$live" tree.sh /job/source.tar
	rm "$live/job/source.tar"
	rm -rf "$live"/usr/src/aclipc-*
}

step_package() {
	cp -r "$("$here/debs.sh")" "$live/job/debs"
	cp -r "$dir/second" "$live/job/second"
	inside "$live" package.sh
	rm -rf "$live/job/second" "$live/job/debs/next"
	mv "$live"/job/debs/this/* "$live/job/debs"
}

step_disk() {
	local which

	mkdir -p "$dir/kernels"
	cp "$live"/boot/vmlinuz-* "$dir/kernels"
	for which in first second; do
		"$here/initrd.sh" "$live" "$(kernel "$which")" \
			"$dir/kernels/initrd-$(kernel "$which")"
	done
	"$here/efi.sh" "$live"/var/lib/dkms/mok.{pub,key} \
		"$dir/kernels/vmlinuz-$(kernel first)" "$dir/efi"
	"$here/image.sh" "$live" "$dir/disk"
}

# the one that was there, the one that came
kernel() {
	local first

	first=$(ls "$dir/root/lib/modules")
	if [ "$1" = first ]; then
		echo "$first"
	else
		ls -I "$first" "$live/lib/modules"
	fi
}

step_first() { "$here/vm.sh" "$dir" "$(kernel first)" first; }
step_second() { "$here/vm.sh" "$dir" "$(kernel second)" second; }
step_enforce() { "$here/vm.sh" "$dir" "$(kernel first)" enforce; }
step_lockdown() { "$here/vm.sh" "$dir" "$(kernel second)" lockdown; }
step_trust() { "$here/vm.sh" "$dir" "$(kernel first)" trust efi; }

suite() {
	local step begun

	dir=$("$here/root.sh" "$1")
	live=$dir/live
	for step in $STEPS; do
		begun=$SECONDS
		"step_$step"
		echo "$1: $step: $((SECONDS - begun)) s" >&2
	done
	: > "$build/dkms/$1.ended"
}

all_suites() {
	local s

	for s in $SUITES; do
		rm -f "$build/dkms/$s.ended"
		while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-2}" ]; do
			wait -n || true
		done
		(suite "$s") > "$build/dkms/$s.log" &
	done
	wait
	for s in $SUITES; do
		cat "$build/dkms/$s.log"
		# a step that failed may have left nothing to count
		[ -e "$build/dkms/$s.ended" ] ||
			printf '@@ begin dkms_%s\n1..1\nnot ok 1 %s\n%s\n' \
				"$s" "all steps" "@@ end dkms_$s 1"
	done
}

mkdir -p "$build/dkms"
all_suites | tee "$build/dkms/log"
awk -f "$vm_dir/count.awk" "$build/dkms/log" > "$build/dkms/counts" || true
cat "$build/dkms/counts" >&2
tail -n 1 "$build/dkms/counts" | grep -q ' 0 failed'

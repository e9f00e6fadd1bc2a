#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# lane.sh: does the debug lane see defects?  Loads a module that has them, each
# in a VM of its own, and looks for the report of exactly this kind.  As TAP.
# KERNELS: of debug and kcsan; BUGS: some instead of all.
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

logs=$build/lane
nr=0
rm -rf "$logs"
mkdir -p "$logs"

# the report that each defect has to give, and where
report() {
	case $1 in
	none) echo ;;
	uaf) echo 'KASAN: slab-use-after-free in lane_uaf' ;;
	bounds) echo 'KASAN: slab-out-of-bounds in lane_bounds' ;;
	inversion) echo 'possible circular locking dependency detected' ;;
	atomic) echo 'sleeping function called from invalid context' ;;
	rcu) echo 'Voluntary context switch within RCU' ;;
	leak) echo 'lane_leak\+' ;;
	object) echo 'ODEBUG: free active' ;;
	list) echo 'list_del corruption' ;;
	overflow) echo 'UBSAN: shift-out-of-bounds' ;;
	race) echo 'KCSAN: data-race in lane_racer' ;;
	esac
}

bugs() {
	case $1 in
	debug) echo none uaf bounds inversion atomic rcu leak object list \
		overflow ;;
	kcsan) echo none race ;;
	esac
}

build_module() { # KERNEL
	local kernel out=$build/modules/$1/lane

	kernel=$("$vm_dir/kernel.sh" "$1")
	rm -rf "$out"
	cp -r "$vm_dir/selftest_lane" "$out"
	make -C "$kernel/root/usr/src/linux-headers-$(cat "$kernel/release")" \
		M="$out" modules > "$logs/build-$1.log" 2>&1 ||
		{ cat "$logs/build-$1.log" >&2; die "the defects do not build"; }
}

# The lane fails for a defect, and passes without one.
try() { # KERNEL BUG
	local rc=0 log=$logs/$1-$2 want

	want=$(report "$2")
	printf 'insmod lane_bugs.ko bug=%s; sh left.sh\n' "$2" > "$logs/$2.sh"
	KERNEL=$1 FILES="$build/modules/$1/lane/lane_bugs.ko $vm_dir/left.sh" \
		CONSOLE=$log.console TIMEOUT=300 "$vm_dir/run.sh" \
		"$logs/$2.sh" > "$log.out" 2> "$log.err" || rc=$?
	[ "$2" != none ] || { ! grep -q '^not ok' "$log.out" && return $rc; }
	grep -qE "$want" "$log.console" "$log.out" || return 1
	# a leak is a failed test, the rest spoils the kernel's log
	grep -q '^not ok' "$log.out" || [ "$rc" = 90 ] || [ "$rc" = 70 ]
}

KERNELS=${KERNELS:-debug kcsan}
total=0
for kernel in $KERNELS; do
	for bug in ${BUGS:-$(bugs "$kernel")}; do total=$((total + 1)); done
done
failed=0
echo "@@ begin lane"
echo "1..$total"
for kernel in $KERNELS; do
	"$vm_dir/modules.sh" "$kernel" > /dev/null
	build_module "$kernel"
	for bug in ${BUGS:-$(bugs "$kernel")}; do
		nr=$((nr + 1))
		if try "$kernel" "$bug"; then
			echo "ok $nr $kernel: $bug"
		else
			echo "# see $logs/$kernel-$bug.*"
			echo "not ok $nr $kernel: $bug"
			failed=1
		fi
	done
done
printf '\n@@ end lane 0\n'
exit $failed

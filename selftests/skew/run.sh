#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: library, tool and module of different versions together, in a VM: one
# and two releases apart in either direction.  The later releases are this one
# with what a release may add to the interface.  Prints TAP.
#
# Environment: KERNEL (6.1), SVM (v2).
set -eu
# shellcheck source=../vm/common.sh
. "$(dirname "$0")/../vm/common.sh"

here=$top/selftests/skew
out=$build/skew
kernel=${KERNEL:-6.1}

# variant N: the tree of N releases from now, built
variant() {
	local dir=$out/$1 tree=$out/$1/tree version=0.$((1 + $1)).0

	rm -rf "$dir"
	mkdir -p "$tree"
	(cd "$top" && cp -r Kbuild kernel uapi lib selftests "$tree")
	awk -v n="$1" -f "$here/header.awk" "$top/uapi/aclipc.h" \
		> "$tree/uapi/aclipc.h"
	sed -i "/define ACLIPC_VERSION/s/\"0\.[0-9.]*\"/\"$version\"/" \
		"$tree/kernel/aclipc.h" "$tree/lib/internal.h" \
		"$tree/lib/tool/tool.h"
	ln -s "$build/kernels" "$dir/kernels"
	ln -s "$build/cann" "$dir/cann"
	make -s -C "$tree/lib" OUT="$dir"
	cp "$(BUILD=$dir "$tree/selftests/vm/modules.sh" "$kernel")/aclipc.ko" \
		"$out/aclipc-$1.ko"
	cp "$dir/lib/libaclipc.so.$version" "$out/lib-$1.so"
	cp "$dir/bin/aclipc" "$out/tool-$1"
}

"$vm_dir/kernel.sh" "$kernel" > /dev/null
for n in 0 1 2; do
	variant $n
done
KERNEL=$kernel FILES="$(echo "$out"/{aclipc-?.ko,lib-?.so,tool-?}) \
	$build/selftests/lib_basic $vm_dir/ok.sh" \
	"$vm_dir/run.sh" "$here/guest.sh"

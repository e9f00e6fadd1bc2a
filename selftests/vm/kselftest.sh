#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kselftest.sh: take kselftest's harness and checkpatch from Debian's kernel
# source.  Prints the folder, laid out like the source.  Cached.
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

out=$build/kselftest
if [ ! -e "$out/ready" ]; then
	echo "fetching kselftest and checkpatch" >&2
	rm -rf "$out"
	mkdir -p "$out/deb"
	cd "$out/deb"
	"$vm_dir/apt.sh" bookworm apt-get -q download linux-source-6.12 >/dev/null
	dpkg-deb -x ./*.deb .
	s=tools/testing/selftests
	xz -T0 -dc usr/src/linux-source-6.12.tar.xz |
		tar -x -C "$out" --strip-components=1 --wildcards \
		"*/$s/kselftest.h" "*/$s/kselftest_harness.h" "*/$s/lib.mk" \
		"*/$s/run_kselftest.sh" "*/$s/kselftest_install.sh" \
		"*/$s/kselftest" "*/$s/kselftest_deps.sh" \
		"*/scripts/checkpatch.pl" "*/scripts/spdxcheck.py" \
		"*/scripts/spelling.txt" "*/scripts/const_structs.checkpatch"
	cd "$out"
	rm -rf deb
	: > ready
fi
echo "$out"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kselftest.sh: take kselftest's harness, checkpatch and the scripts for
# coccinelle from Debian's kernel source.  Prints the folder, laid out like the
# source.  Cached.
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

s=tools/testing/selftests
files=("$s/kselftest.h" "$s/kselftest_harness.h" "$s/lib.mk"
	"$s/run_kselftest.sh" "$s/kselftest_install.sh" "$s/kselftest"
	"$s/kselftest_deps.sh" scripts/checkpatch.pl scripts/spdxcheck.py
	scripts/spelling.txt scripts/const_structs.checkpatch
	scripts/coccinelle)
out=$build/kselftest
# a list that grew is fetched again
ready=$out/ready-$(printf '%s\n' "${files[@]}" | sha256sum | head -c 12)

fetch() {
	[ ! -e "$ready" ] || return 0
	echo "fetching kselftest, checkpatch and coccinelle's scripts" >&2
	rm -rf "$out.new"
	mkdir -p "$out.new/deb"
	cd "$out.new/deb"
	"$vm_dir/apt.sh" bookworm apt-get -q download linux-source-6.12 >/dev/null
	dpkg-deb -x ./*.deb .
	xz -T0 -dc usr/src/linux-source-6.12.tar.xz |
		tar -x -C "$out.new" --strip-components=1 --wildcards \
		"${files[@]/#/*/}"
	rm -rf "$out.new/deb" "$out"
	mv "$out.new" "$out"
	: > "$ready"
}

[ -e "$ready" ] || with_lock "$out.lock" fetch
echo "$out"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# debs.sh: the Debian packages of this tree and, for an upgrade, those of a
# version that is one higher.  Prints the folder: this/*.deb and next/*.deb.
set -eu
# shellcheck source=../vm/common.sh
. "$(dirname "$0")/../vm/common.sh"

out=$build/dkms/debs
sources="Kbuild dkms.conf kernel uapi lib LICENSES .packaging"
version=$(sed -n 's/^#define ACLIPC_VERSION\t"\(.*\)"/\1/p' \
	"$top/kernel/aclipc.h")
next=${version%.*}.$((${version##*.} + 1))

# build_debs NAME VERSION
build_debs() {
	local tree=$out/tree/$1

	rm -rf "$tree" "${out:?}/$1"
	mkdir -p "$tree"
	# shellcheck disable=SC2086 # a list
	(cd "$top" && tar -c --exclude='*.o' README.md $sources) |
		tar -x -C "$tree"
	# as the version is written in several places, all of which have to agree
	grep -rlF "$version" "$tree" | xargs sed -i "s/${version//./\\.}/$2/g"
	DEB_BUILD_OPTIONS=nocheck BUILD=$tree/build \
		"$tree/.packaging/build.sh" deb > "$out/$1.log" 2>&1 ||
		{ tail -n 30 "$out/$1.log" >&2; die "no packages of $2"; }
	mkdir "$out/$1"
	cp "$tree"/build/packages/{aclipc-dkms,aclipc-tools,libaclipc0}_*.deb \
		"$out/$1"
}

build_both() {
	local changed

	if [ -e "$out/ready" ]; then
		# shellcheck disable=SC2086 # a list
		changed=$(cd "$top" && find $sources -newer "$out/ready" |
			head -n 1)
		[ -n "$changed" ] || return 0
	fi
	rm -rf "$out"
	mkdir -p "$out"
	: > "$out/begun"
	build_debs this "$version"
	build_debs next "$next"
	rm -rf "$out/tree"
	mv "$out/begun" "$out/ready"
}

with_lock "$build/dkms/debs.lock" build_both
echo "$out"

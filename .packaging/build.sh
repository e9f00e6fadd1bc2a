#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# build.sh deb|rpm: packages, in BUILD/packages (build/packages).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=${here%/*}
out=${BUILD:-$top/build}/packages
version=$(sed -n 's/^#define ACLIPC_VERSION\t"\(.*\)"/\1/p' \
	"$top/kernel/aclipc.h")

die() {
	echo "build.sh: $*" >&2
	exit 1
}

# the same version everywhere, or nobody knows what is installed
check_version() {
	local file found

	for file in "lib/internal.h:ACLIPC_VERSION_TEXT[^\"]*\"\([^\"]*\)" \
		"lib/tool/tool.h:define ACLIPC_VERSION[^\"]*\"\([^\"]*\)" \
		"dkms.conf:PACKAGE_VERSION=\"\([^\"]*\)" \
		".packaging/debian/changelog:aclipc (\([^)]*\)-[^-)]*)" \
		".packaging/aclipc.spec:Version:[[:space:]]*\(.*\)"; do
		found=$(sed -n "s/.*${file#*:}.*/\1/p" "$top/${file%%:*}" |
			head -n 1)
		[ "$found" = "$version" ] ||
			die "${file%%:*} says '$found', not $version"
	done
}

# tree DIR: what belongs to a release, without what was built
tree() {
	rm -rf "$1"
	mkdir -p "$1"
	tar -C "$top" --exclude=./.git --exclude=./build --exclude='*.o' \
		--exclude='*.ko' --exclude=__pycache__ -cf - . |
		tar -C "$1" -xf -
}

# tarball FILE DIR: the same bytes for the same tree
tarball() {
	tar -C "${2%/*}" --sort=name --owner=0 --group=0 --numeric-owner \
		--mtime="@$SOURCE_DATE_EPOCH" --exclude="${2##*/}/.packaging" \
		-cf - "${2##*/}" | gzip -9n > "$1"
}

deb() {
	local work=$out/deb.tmp dir=$out/deb.tmp/aclipc-$version

	rm -rf "$work"
	tree "$dir"
	tarball "$work/aclipc_$version.orig.tar.gz" "$dir"
	mv "$dir/.packaging/debian" "$dir/debian"
	rm -rf "$dir/.packaging"
	(cd "$dir" && env -u BUILD -u MAKEFLAGS -u MAKELEVEL \
		dpkg-buildpackage --no-sign) > "$out/deb.log" 2>&1 || {
		tail -n 30 "$out/deb.log" >&2
		die "dpkg-buildpackage failed (log: $out/deb.log)"
	}
	rm -f "$out"/*.deb "$out"/*.dsc "$out"/*.changes
	mv "$work"/*.deb "$work"/*.tar.?z "$work"/*.dsc "$work"/*.buildinfo \
		"$work"/*.changes "$out"
	rm -rf "$work"
	ls "$out"/*.deb
}

rpm() {
	local work=$out/rpm.tmp

	rm -rf "$work"
	mkdir -p "$work/SOURCES"
	tree "$work/aclipc-$version"
	tarball "$work/SOURCES/aclipc-$version.tar.gz" "$work/aclipc-$version"
	# what a spec requires by name, dpkg knows under other names
	env -u BUILD -u MAKEFLAGS -u MAKELEVEL rpmbuild -ba --nodeps \
		--define "_topdir $work" "$here/aclipc.spec" \
		> "$out/rpm.log" 2>&1 || {
		tail -n 30 "$out/rpm.log" >&2
		die "rpmbuild failed (log: $out/rpm.log)"
	}
	rm -f "$out"/*.rpm
	mv "$work"/RPMS/*/*.rpm "$work"/SRPMS/*.rpm "$out"
	rm -rf "$work"
	ls "$out"/*.rpm
}

mkdir -p "$out"
SOURCE_DATE_EPOCH=$(date -d "$(sed -n 's/^ -- .*>  //p' \
	"$here/debian/changelog" | head -n 1)" +%s)
export SOURCE_DATE_EPOCH
case ${1:-} in
deb | rpm) check_version; "$1" ;;
*) die "usage: build.sh deb|rpm" ;;
esac

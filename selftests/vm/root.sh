#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# root.sh DIR FILE...: put programs with all that they need into a root folder.
# FILE is SOURCE or SOURCE=PATH-IN-THE-ROOT.  Programs get their libraries,
# scripts their interpreter.  KERNEL says for which processor.
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

root=$1
shift
for_kernel "${KERNEL:-6.1}"
libdir=usr/lib/$($cc -print-multiarch)

add_libs() {
	local lib to

	ldd "$1" 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^\s*\(\/[^ ]*\).*/\1/p' |
	while read -r lib; do
		case $lib in
		/lib64/*) to=$root/usr/lib64/${lib##*/} ;;
		"$build"/*) continue ;;		# in place already
		*) to=$root/$libdir/${lib##*/} ;;
		esac
		[ -e "$to" ] || install -D "$(readlink -f "$lib")" "$to"
	done
}

# The standard library without what nobody runs in a VM.
add_python() {
	local lib so

	lib=$(/usr/bin/python3 -c 'import os; print(os.path.dirname(os.__file__))')
	[ ! -e "$root$lib" ] || return 0
	mkdir -p "$root$lib"
	tar -C "$lib" --exclude=test --exclude=__pycache__ --exclude=idlelib \
		--exclude=dist-packages --exclude=ensurepip -cf - . |
		tar -C "$root$lib" -xf -
	find "$root$lib" -name '*.so' | while read -r so; do add_libs "$so"; done
}

add_interpreter() {
	local line interpreter

	line=$(head -c 256 "$1" | tr -d '\0' | head -n 1)
	interpreter=${line#\#!}
	interpreter=${interpreter# }
	# shellcheck disable=SC2086 # with its arguments
	set -- $interpreter
	[ "${1##*/}" != env ] || shift
	case ${1##*/} in
	python3* | bash) [ "$arch" = amd64 ] || return 0 ;;
	esac
	case ${1##*/} in
	python3*)
		"$vm_dir/packages.sh" python
		add /usr/bin/python3
		add_python ;;
	bash) add /bin/bash ;;
	esac
}

add() {
	local from=${1%%=*} to=${1#*=}

	[ -e "$from" ] || die "no such file: $from"
	case $1 in
	*=*) ;;
	/bin/*) to=/usr$from ;;
	esac
	[ ! -e "$root$to" ] || return 0
	mkdir -p "$root${to%/*}"
	cp -rL "$from" "$root$to"
	[ -f "$from" ] || return 0
	case $(head -c 4 "$from" | tr -d '\0') in
	?ELF) add_libs "$from" ;;
	'#!'*) add_interpreter "$from" ;;
	esac
}

mkdir -p "$root"/usr/{bin,lib,lib64} "$root/job" "$root/modules"
for d in bin sbin lib lib64; do
	[ -e "$root/$d" ] || ln -s "usr/${d/sbin/bin}" "$root/$d"
done
for f in "$@"; do
	add "$f"
done

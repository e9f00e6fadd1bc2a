#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# check.sh: make install and uninstall, manual pages, completion, the packages,
# and, in a VM, what they do with the module.  Prints TAP.
#
# Environment: KERNEL (6.1), VM=no (the host's part alone).
set -eu
# shellcheck source=../selftests/vm/common.sh
. "$(dirname "$0")/../selftests/vm/common.sh"

here=$top/.packaging
packages=$build/packages
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
kernel=${KERNEL:-6.1}
status=0

# pass NAME COMMAND: check() that also sets the exit status
pass() {
	check "$@" > "$tmp/tap"
	cat "$tmp/tap"
	! grep -q '^not ok' "$tmp/tap" || status=1
}

files() {
	(cd "$1" && find . ! -type d | sort)
}

install_to() { # DIR TARGET
	make -s -C "$top/lib" "$2" OUT="$build" DESTDIR="$1" \
		PREFIX=/usr LIBDIR=/usr/lib64 &&
	make -s -C "$top/kernel/dist" "$2" DESTDIR="$1" PREFIX=/usr
}

# A file of somebody else's in each folder stays.
uninstall_takes_what_install_brought() {
	local root=$tmp/root

	install_to "$root" install
	(cd "$root" && find . -type d -exec touch {}/other \;)
	(cd "$root" && find . -type d | sed 's,$,/other,' | sort) \
		> "$tmp/others"
	install_to "$root" uninstall
	files "$root" | diff "$tmp/others" -
}

installed_in() { # all of these FILES are in DIR
	local dir=$1 f

	shift
	for f in "$@"; do
		[ -e "$dir/$f" ] || echo "missing: $f"
	done
}

install_brings_all() {
	local root=$tmp/all

	install_to "$root" install
	installed_in "$root" usr/bin/aclipc usr/lib64/libaclipc.so.0 \
		usr/lib64/libaclipc.so usr/lib64/libaclipc.a \
		usr/lib64/pkgconfig/libaclipc.pc usr/include/aclipc.h \
		usr/include/linux/aclipc.h usr/share/man/man1/aclipc.1 \
		usr/share/man/man4/aclipc.4 usr/share/man/man7/libaclipc.7 \
		usr/share/bash-completion/completions/aclipc \
		usr/lib/udev/rules.d/60-aclipc.rules \
		usr/lib/modprobe.d/aclipc.conf usr/lib/modules-load.d/aclipc.conf
	find "$root" ! -type l -perm /022
}

pkg_config() {
	local flags

	flags=$(PKG_CONFIG_LIBDIR=$tmp/all/usr/lib64/pkgconfig pkg-config \
		--define-variable=prefix="$tmp/all/usr" \
		--define-variable=libdir="$tmp/all/usr/lib64" \
		--cflags --libs libaclipc)
	printf '%s\n' '#include <aclipc.h>' \
		'int main(void) { return !*aclipc_version(); }' > "$tmp/p.c"
	# shellcheck disable=SC2086 # a list
	gcc -o "$tmp/p" "$tmp/p.c" $flags
	LD_LIBRARY_PATH=$tmp/all/usr/lib64 "$tmp/p"
}

manual_pages() {
	local page

	for page in "$top"/lib/man/*.[17] "$top/kernel/dist/aclipc.4"; do
		# other projects' pages need not be installed here
		mandoc -T lint "$page" 2> /dev/null |
			grep -v 'referenced manual not found' || true
		LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 \
			-Z "$page" > /dev/null
	done
}

# commands and options that the tool has, and the page and completion have
manual_and_completion_name_all() {
	local command option page=$top/lib/man/aclipc.1
	local completion=$top/lib/tool/aclipc.bash

	"$build/bin/aclipc" --help | sed -n 's/^  \([a-z]*\) .*/\1/p' |
	while read -r command; do
		grep -q "^\.Cm $command" "$page" || echo "page: no $command"
		grep -q "\b$command\b" "$completion" ||
			echo "completion: no $command"
		"$build/bin/aclipc" "$command" --help |
			sed -n 's/^  \(--[a-z]*\).*/\1/p' |
		while read -r option; do
			grep -q -- "Fl -${option#--}" "$page" ||
				echo "page: no $command $option"
			grep -q -- "$option" "$completion" ||
				echo "completion: no $command $option"
		done
	done
	[ -n "$("$build/bin/aclipc" --help)" ] || echo "no tool"
}

parameters_are_described() {
	local name value

	sed -n 's/^unsigned int aclipc_\([a-z_]*\) = \([0-9]*\);/\1 \2/p' \
		"$top/kernel/main.c" | while read -r name value; do
		grep -A 4 "^\.It Cm $name\$" "$top/kernel/dist/aclipc.4" |
			grep -q "(${value}[,)]" || echo "$name ($value)"
	done
}

# complete EXPECTED WORD...: the last word is the one that is completed
complete_to() {
	local expected=$1 got

	shift
	# shellcheck disable=SC2016 # the inner shell's
	got=$(PATH=$tmp:$PATH bash --norc -c '. "$0"; COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1)); _aclipc aclipc "${!#}" "${COMP_WORDS[-2]}"
		echo "${COMPREPLY[*]}"' "$top/lib/tool/aclipc.bash" "$@")
	[ "$got" = "$expected" ] || echo "$*: '$got', not '$expected'"
}

completion() {
	# shellcheck disable=SC2016
	printf '%s\n' '#!/bin/sh' '[ "$1" = list ] || exit' \
		'echo " GEN  STATE"; echo "   7  live"; echo "  12  live"' \
		> "$tmp/aclipc"
	chmod 755 "$tmp/aclipc"
	complete_to "list" aclipc li
	complete_to "revoke run" aclipc r
	complete_to "--json --help" aclipc list --
	complete_to "--yes" aclipc revoke --y
	complete_to "gen:7 gen:12" aclipc holders ""
	complete_to "gen:12" aclipc holders gen:1
	complete_to "12" aclipc revoke gen : 1
	complete_to "7 12" aclipc revoke gen :
	complete_to "--strict" aclipc run --s
	complete_to "lintian-check-of-aclipc" aclipc run \
		lintian-check-of-acl
	complete_to "lintian-check-of-aclipc" aclipc run --strict -- \
		lintian-check-of-acl
	case $(complete_to none aclipc doctor $$) in
	*"$$"*) ;;
	*) echo "doctor: no process ids" ;;
	esac
}

udev_rule() {
	grep -n 'MODE="[^"]*[1-7]"' "$top/kernel/dist/60-aclipc.rules" || true
	! udevadm verify --help > /dev/null 2>&1 ||
		udevadm verify "$top/kernel/dist/60-aclipc.rules" 2>&1 |
		grep -v '^$\|^1 udev rules\|Success: 1\|Fail:  *0' || true
}

deb() {
	"$here/build.sh" deb > "$tmp/debs" || return
	lintian --allow-root --fail-on error "$packages"/*.changes > "$tmp/lintian" ||
		cat "$tmp/lintian"
	# what make install brings, some package has, and nothing else
	for f in "$packages"/*_amd64.deb "$packages"/*_all.deb; do
		case $f in *dbgsym*) continue ;; esac
		dpkg -c "$f" | sed -n 's/^[^d].* \.\(\/[^ ]*\).*/\1/p'
	done | grep -v '^/usr/share/doc/\|^/usr/src/\|^/usr/share/aclipc/' |
		sed 's/\.gz$//; s,/lib/[a-z0-9_]*-linux-gnu/,/lib64/,' |
		sort > "$tmp/packaged"
	files "$tmp/all" | sed 's/^\.//' | diff "$tmp/packaged" -
	! dpkg -c "$packages"/aclipc-dkms_*.deb | grep '@'
}

# Without rpm's own database nothing can be resolved here: files and scripts.
rpms() {
	local root=$tmp/rpm

	"$here/build.sh" rpm > "$tmp/rpms" || return
	mkdir -p "$root"
	rpm --force-debian --root "$root" --dbpath /db -i --nodeps --noscripts --ignorearch \
		"$packages"/aclipc-{tools,dkms}-*.rpm "$packages"/libaclipc-*.rpm 2>&1 || true
	rm -rf "$root/db"
	files "$root" | sed 's/^\.//' |
		grep -v '/licenses/\|^/usr/src/\|^/usr/share/aclipc/\|build-id\|/doc/' |
		sed 's/\.gz$//' | sort > "$tmp/packaged"
	files "$tmp/all" | sed 's/^\.//' | diff "$tmp/packaged" -
	rpm -qp --scripts "$packages"/aclipc-dkms-*.noarch.rpm |
		sed '/scriptlet/d' | bash -n
}

# a key that no kernel knows
sign() { # KERNEL-FOLDER MODULE
	openssl req -new -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test \
		-outform DER -keyout "$tmp/key" -out "$tmp/cert" 2> /dev/null
	"$1/root/usr/src/linux-headers-$(cat "$1/release")/scripts/sign-file" \
		sha256 "$tmp/key" "$tmp/cert" "$2"
}

in_vm() {
	local modules folder rc=0

	folder=$("$vm_dir/kernel.sh" "$kernel")
	modules=$("$vm_dir/modules.sh" "$kernel")
	objcopy --strip-debug "$modules/aclipc.ko" "$tmp/signed.ko"
	sed 's/srcversion=..../srcversion=XXXX/' "$tmp/signed.ko" \
		> "$tmp/other.ko"
	sed 's/\(vermagic=[^ ]* \)SMP/\1SMQ/' "$tmp/signed.ko" \
		> "$tmp/magic.ko"
	sign "$folder" "$tmp/signed.ko"
	KERNEL=$kernel FILES="$(echo "$tmp"/{signed,other,magic}.ko) $vm_dir/ok.sh \
		$top/kernel/dist/module.sh $top/kernel/dist/60-aclipc.rules \
		/bin/udevadm" "$vm_dir/run.sh" "$here/guest.sh" \
		> "$tmp/vm" 2>&1 || rc=$?
	grep -v '^1\.\.' "$tmp/vm" | awk -v n="$nr" \
		'/^(not )?ok [0-9]/ { sub(/ok [0-9]+/, "ok " ++n) } { print }'
	nr=$((nr + $(grep -cE '^(not )?ok [0-9]' "$tmp/vm" || true)))
	[ "$rc" = 0 ] || status=1
}

"$vm_dir/packages.sh" packages
make -s -C "$top/lib" OUT="$build"
: > "$tmp/lintian-check-of-aclipc"
chmod 755 "$tmp/lintian-check-of-aclipc"
pass "install brings all, open to nobody's writing" install_brings_all
pass "uninstall takes what install brought" uninstall_takes_what_install_brought
pass "pkg-config" pkg_config
pass "manual pages" manual_pages
pass "manual and completion name all commands and options" \
	manual_and_completion_name_all
pass "manual has the parameters and their defaults" parameters_are_described
pass "completion" completion
pass "udev rule: closed to the world" udev_rule
pass "Debian packages" deb
pass "RPM packages" rpms
[ "${VM:-}" = no ] || in_vm
echo "1..$nr"
exit $status

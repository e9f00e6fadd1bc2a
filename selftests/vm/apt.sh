#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# apt.sh SUITE[:ARCH] COMMAND ARGS: apt-get or apt-cache for another suite, with
# a state of its own.  The mirror is the one that this machine's apt uses.
set -eu
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

suite=${1%:*}
arch=amd64
[ "$suite" = "$1" ] || arch=${1#*:}
state=$build/kernels/apt-${1/:/-}
command=$2
shift 2

# mirror 0: of Debian, mirror 1: of its security updates
mirror() {
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(REPO_URI) $(RELEASE)' \
		'Created-By: Packages' 'Origin: Debian' |
		awk -v s="$1" '($2 ~ /-security$/ || $1 ~ /security/) == s \
			{ print $1; exit }'
}

sources() {
	local signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
	local base=${suite%-backports}

	echo "deb $signed $(mirror 0) $base main"
	[ "$suite" = "$base" ] || echo "deb $signed $(mirror 0) $suite main"
	[ "$suite" = sid ] || [ -z "$(mirror 1)" ] ||
		echo "deb $signed $(mirror 1) $base-security main"
}

prepare() {
	[ ! -e "$state/ready" ] || return 0
	rm -rf "$state"
	mkdir -p "$state"/etc/apt/{apt.conf.d,preferences.d,sources.list.d} \
		"$state"/etc/apt/trusted.gpg.d \
		"$state"/var/lib/{apt/lists/partial,dpkg} \
		"$state"/var/cache/apt/archives/partial
	: > "$state/var/lib/dpkg/status"
	[ -n "$(mirror 0)" ] || apt-get -q update > /dev/null
	[ -n "$(mirror 0)" ] || die "apt knows no Debian mirror"
	sources > "$state/etc/apt/sources.list"
	# the newest of all, as if backports were no special place
	printf 'Package: *\nPin: release n=%s\nPin-Priority: 500\n' "$suite" \
		> "$state/etc/apt/preferences.d/suite"
	cat > "$state/apt.conf" <<-CONF
	Dir "$state";
	Dir::State::status "$state/var/lib/dpkg/status";
	APT::Architecture "$arch";
	APT::Architectures { "$arch"; };
	APT::Sandbox::User "root";
	Acquire::Languages "none";
	CONF
	APT_CONFIG=$state/apt.conf apt-get -q update > /dev/null
	: > "$state/ready"
}

with_lock "$state.lock" prepare
APT_CONFIG=$state/apt.conf exec "$command" "$@"

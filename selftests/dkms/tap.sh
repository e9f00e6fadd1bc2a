# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced in the root file systems and in their VMs: checks, printed as TAP.
begin() {
	nr=0
	# a line of its own, whatever a firmware has printed there before
	printf '\n@@ begin %s\n' "$1"
	program=$1
}

finish() {
	printf '1..%s\n\n@@ end %s 0\n' "$nr" "$program"
}

# check NAME COMMAND: what the command printed is shown if it fails
check() {
	local name=$1 out rc=0

	shift
	nr=$((nr + 1))
	out=$("$@" 2>&1) || rc=$?
	if [ "$rc" = 0 ]; then
		echo "ok $nr $name"
	else
		printf '%s\n' "$out" | tail -n 40 | sed 's/^/# /'
		echo "not ok $nr $name"
	fi
}

# skip NAME WHY
skip() {
	nr=$((nr + 1))
	echo "ok $nr $1 # SKIP $2"
}

# same WANT HAVE
same() {
	[ "$1" = "$2" ] || { echo "wanted '$1', have '$2'"; return 1; }
}

# says TEXT FILE: the text is somewhere in it
says() {
	grep -qF -- "$1" "$2" || { cat "$2"; echo "does not say: $1"; return 1; }
}

# info KERNEL FIELD: of the module that modprobe would take
info() {
	modinfo -k "$1" -F "$2" aclipc
}

# The module is there for this kernel, in this version, and in DKMS's place.
built() { # KERNEL VERSION
	same "$2" "$(info "$1" version)" &&
	same "$1" "$(info "$1" vermagic | cut -d' ' -f1)" &&
	info "$1" filename | grep "^/lib/modules/$1/updates/dkms/aclipc\.ko" &&
	dkms status -m aclipc -v "$2" -k "$1" | grep ': installed'
}

not_built() { # KERNEL
	! info "$1" filename && ! dkms status -m aclipc -k "$1" | grep -E ': (built|installed)'
}

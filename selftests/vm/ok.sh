# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Sourced by scripts that check something in the VM and print TAP.  What they run
# leaves its output in /tmp/out.
n=0
bad=0

ok() { # DESCRIPTION, of the command before
	set -- $? "$1"
	n=$((n + 1))
	[ "$1" != 0 ] || { echo "ok $n - $2"; return; }
	bad=1
	echo "not ok $n - $2"
	tail -n 30 /tmp/out | sed 's/^/# /'
}

finish() {
	echo "1..$n"
	exit $bad
}

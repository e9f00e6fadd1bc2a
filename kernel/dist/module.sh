#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# module installed|removing: what packages do with the module in the running
# kernel, after DKMS has built it and before its files go.  Never fails: a
# module that cannot be loaded or unloaded now must not stop the package.
set -u
sys=/sys/module/aclipc

say()
{
	echo "aclipc: $*" >&2
}

# In a container or a chroot the running kernel is not ours to change.
elsewhere()
{
	[ "$(stat -L -c %d:%i /proc/1/root/. 2> /dev/null)" != \
		"$(stat -L -c %d:%i /.)" ] ||
	systemd-detect-virt -q --container 2> /dev/null
}

# "1 user", or "3 users": open descriptors and watched regions
users()
{
	n=$(cat "$sys/refcnt" 2> /dev/null || echo some)
	[ "$n" = 1 ] && echo "1 user" || echo "$n users"
}

# never modprobe -r: it takes the softdep, the Ascend driver, along
unload()
{
	rmmod aclipc 2> /dev/null || [ ! -e "$sys" ]
}

# the first check of doctor is the module's
why_not()
{
	why=$(aclipc doctor 2> /dev/null | sed -n 's/^FAIL *//p' | head -n 1)
	say "${why:-the module does not load: $1}"
}

load()
{
	err=$(modprobe aclipc 2>&1) || why_not "$err"
}

installed()
{
	# the node's group comes from a rule that is new, too
	udevadm control --reload 2> /dev/null || :
	if [ ! -e "$sys" ]; then
		load
		return
	fi
	new=$(modinfo -F srcversion aclipc 2> /dev/null)
	if [ -z "$new" ]; then
		why=$(aclipc doctor 2> /dev/null |
			sed -n 's/^warn *\(no module is built\)/\1/p')
		say "the module of before is still loaded;" \
			"${why:-the new one is not built for $(uname -r)}"
		return
	fi
	[ "$new" != "$(cat "$sys/srcversion" 2> /dev/null)" ] || return 0
	if unload; then
		load
	else
		say "the module of before is still loaded, it has $(users);" \
			"when they have ended: rmmod aclipc; modprobe aclipc"
	fi
}

removing()
{
	[ -e "$sys" ] || return 0
	unload ||
		say "the module is still loaded, it has $(users) and goes on" \
			"until they have ended; then: rmmod aclipc"
}

case ${1:-} in
installed) elsewhere || installed ;;
removing) elsewhere || removing ;;
*)
	echo "usage: module installed|removing" >&2
	exit 2 ;;
esac
exit 0

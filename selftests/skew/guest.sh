#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# In the VM: every library with every module; the main job, and what is said.
# shellcheck source=../vm/ok.sh
. ./ok.sh
lib=$(ls -d /usr/lib/*/libaclipc.so.0.*)
version() {
	echo 0.$((1 + $1)).0
}

apart() { # VERDICT TEXT
	grep -q "^$1  .*$2" /tmp/out
}

for module in 0 1 2; do
	rmmod aclipc
	insmod "aclipc-$module.ko" || exit 1
	for user in 0 1 2; do
		what="library $(version $user), module $(version $module)"
		cp "lib-$user.so" "$lib"
		./lib_basic > /tmp/out 2>&1 && ! grep '^aclipc: ' /tmp/out
		ok "$what: the main job, without a word"

		"./tool-$user" doctor > /tmp/out 2>&1 &&
			if [ $module = $user ]; then
				apart "ok  " "version $(version $module)"
			else
				apart warn "version $(version $module), this tool is $(version $user)" &&
				apart warn "speaks ABI $((1 + module)), this tool $((1 + user))"
			fi
		ok "$what: doctor says it"
		"./tool-$user" list > /tmp/out 2>&1
		ok "$what: list"
	done
done
finish

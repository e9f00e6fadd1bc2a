# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Sourced after common.sh: the test programs.

# What the Makefile of kselftests says that there is, for for_kernel's processor.
# There is no Python for another one.
all_programs() {
	make -s -C "$top/selftests" OUTPUT="${user:-$build}/selftests" \
		COLLECTION=all CC="${cc:-gcc}" \
		KSELFTEST="$build/kselftest/tools/testing/selftests" \
		emit_tests | sed -n 's/^all://p' |
		if [ "${arch:-amd64}" = amd64 ]; then cat; else grep -v '\.py$'; fi
}

# files PROGRAM...: where they are; scripts are not built
files() {
	local p

	for p in "$@"; do
		if [ -e "${user:-$build}/selftests/$p" ]; then
			echo "${user:-$build}/selftests/$p"
		elif [ -e "$top/selftests/$p" ]; then
			echo "$top/selftests/$p"
		else
			die "no test program '$p'"
		fi
	done
}

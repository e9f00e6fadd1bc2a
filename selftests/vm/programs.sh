# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
# Sourced after common.sh: the test programs.

# what the Makefile of kselftests says that there is
all_programs() {
	make -s -C "$top/selftests" OUTPUT="$build/selftests" COLLECTION=all \
		KSELFTEST="$build/kselftest/tools/testing/selftests" \
		emit_tests | sed -n 's/^all://p'
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

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# coverage_guest.sh PROGRAM...: run tests.sh in the VM, and leave what the
# modules and the library counted in /out.
counters=/sys/kernel/debug/gcov

# processes of any user write, and what they find there already counts on
umask 0
mkdir -p /out/lib /out/kernel
export GCOV_PREFIX=/out/lib
# not a process of its own: tests.sh may end all others
# shellcheck disable=SC1091 # beside it
. ./tests.sh
cd $counters || exit 1
# they have no size: only reading tells
find . -name '*.gcda' | while read -r f; do
	mkdir -p "/out/kernel/${f%/*}"
	cat "$f" > "/out/kernel/$f"
done

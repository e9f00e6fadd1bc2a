#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# unload.sh MODULE: a command of the VM.  What dying processes still hold is
# given up within seconds.
i=0
while grep -q "^$1 " /proc/modules; do
	[ $i -lt 100 ] || exit 1
	rmmod "$1" 2> /dev/null || sleep 0.2
	i=$((i + 1))
done

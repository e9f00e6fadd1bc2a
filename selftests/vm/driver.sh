#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# driver.sh: a command of the VM.  Loads what is not loaded of the stand-in
# driver, as SVM says: v2, v3, or v2-old, which is v2 until March 2026.
# shellcheck disable=SC1091
. /vm.conf
old=0
[ "$SVM" != v2-old ] || old=1
modules="ascend_sim ascend_dpa"
[ "$SVM" != v3 ] || modules="$modules ascend_smp"
generation=${SVM%-old}
for m in $modules; do
	options=
	[ "$m" != ascend_sim ] ||
		options="svm=${generation#v} old=$old $SIM_PARAMS"
	# shellcheck disable=SC2086 # parameters
	grep -q "^$m " /proc/modules ||
		insmod /modules/$m.ko $options || exit
done

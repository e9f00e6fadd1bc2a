// SPDX-License-Identifier: GPL-2.0
/*
 * What the third generation of the driver has and the second has not, loaded
 * beside ascend_sim with svm=3.  Nobody calls it: that it is there tells that
 * the memory of an import is pinned, also by the dead.
 */
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/module.h>

#include "p2p.h"

int svm_smp_pin_mem(u32 udevid, int tgid, u64 va, u64 size, bool cross_app)
{
	return -EOPNOTSUPP;
}
EXPORT_SYMBOL_GPL(svm_smp_pin_mem);

MODULE_DESCRIPTION("Stand-in for pins of the Ascend driver (tests only)");
MODULE_LICENSE("GPL");

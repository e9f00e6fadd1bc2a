// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for the part of the Ascend driver that knows which process on a
 * device belongs to which process of the host.  Another module than the one with
 * the memory, as in the driver; it can be missing, and so can that one.
 */
#include <linux/export.h>
#include <linux/module.h>

#include "p2p.h"

int hal_kernel_devdrv_query_process_by_host_pid_kernel(unsigned int host_pid,
						       unsigned int chip_id,
						       unsigned int cp_type,
						       unsigned int vfid,
						       int *pid)
{
	int (*ask)(unsigned int host_pid, unsigned int chip_id, int *pid);
	int ret;

	/* the stand-in knows aicpu_scheduler alone, and no virtual devices */
	if (!pid || cp_type || vfid)
		return -EINVAL;
	ask = symbol_get(sim_device_process);
	if (!ask)
		return -ENODATA;
	ret = ask(host_pid, chip_id, pid);
	symbol_put(sim_device_process);
	return ret;
}
EXPORT_SYMBOL_GPL(hal_kernel_devdrv_query_process_by_host_pid_kernel);

MODULE_DESCRIPTION("Stand-in for the process map of the Ascend driver (tests only)");
MODULE_LICENSE("GPL");

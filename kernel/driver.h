/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the Ascend driver offers to other modules and is used here, as its public
 * header documents it.  Declared here, since the driver installs no kernel
 * headers; found at run time only, all of it by symbol_get().
 */
#ifndef ACLIPC_DRIVER_H
#define ACLIPC_DRIVER_H

#include <linux/types.h>

/* version of the page table that this module understands */
#define P2P_GET_PAGE_VERSION	0x1

/* devices that the driver can have, as its map of processes numbers them */
#define DRIVER_MAX_DEVICES	64

/* a device's process that holds the mappings of its host process */
#define DEVDRV_PROCESS_CP1	0

/* the map of processes knows nobody: an error of the driver's user library */
#define DRV_ERROR_NO_PROCESS	62

struct p2p_page_info {
	u64 pa;
	u64 reserved[4];
};

struct p2p_page_table {
	u32 version;
	u64 page_size;
	struct p2p_page_info *pages_info;
	u64 page_num;
	u64 reserved[4];
};

/* of the driver's memory management, both generations */
int hal_kernel_p2p_get_pages(u64 va, u64 len, void (*free_callback)(void *data),
			     void *data, struct p2p_page_table **page_table);
int hal_kernel_p2p_put_pages(struct p2p_page_table *page_table);

/* of generation 3 alone: that it is there is all that is asked */
int svm_smp_pin_mem(u32 udevid, int tgid, u64 va, u64 size, bool cross_app);

/* of another module of the driver; cp_type is an enum there */
int hal_kernel_devdrv_query_process_by_host_pid_kernel(unsigned int host_pid,
						       unsigned int chip_id,
						       unsigned int cp_type,
						       unsigned int vfid,
						       int *pid);

#endif /* ACLIPC_DRIVER_H */

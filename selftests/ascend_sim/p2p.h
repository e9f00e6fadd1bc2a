/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel-side contract that layered modules bind to by symbol_get(). */
#ifndef _ASCEND_SIM_P2P_H
#define _ASCEND_SIM_P2P_H

#include <linux/types.h>

#define P2P_GET_PAGE_VERSION	0x1

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

int hal_kernel_p2p_get_pages(u64 va, u64 len, void (*free_callback)(void *data),
			     void *data, struct p2p_page_table **page_table);
int hal_kernel_p2p_put_pages(struct p2p_page_table *page_table);

/* of ascend_dpa.ko, which asks ascend_sim.ko; cp_type is an enum of the driver */
int hal_kernel_devdrv_query_process_by_host_pid_kernel(unsigned int host_pid,
						       unsigned int chip_id,
						       unsigned int cp_type,
						       unsigned int vfid,
						       int *pid);
int sim_device_process(unsigned int host_pid, unsigned int chip_id, int *pid);

/* v3 alone: what tells the generations apart */
int svm_smp_pin_mem(u32 udevid, int tgid, u64 va, u64 size, bool cross_app);

#endif /* _ASCEND_SIM_P2P_H */

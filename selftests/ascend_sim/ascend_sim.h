/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * ioctl interface between the stand-in driver (ascend_sim.ko) and the
 * stand-in libascend_hal.so.  Test code only, no stable ABI.
 */
#ifndef _ASCEND_SIM_H
#define _ASCEND_SIM_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define ASCEND_SIM_DEV		"/dev/ascend_sim"
#define ASCEND_SIM_MAX_DEV	16
#define ASCEND_SIM_MAX_PIDS	31
#define ASCEND_SIM_NAME_LEN	65
#define ASCEND_SIM_VFID		0

/**
 * struct ascend_sim_arg - the one argument of every call
 * @va:    device address (destination of a copy)
 * @addr:  second address (source of a copy), or start of the memory set
 * @len:   bytes
 * @id:    key number (v3), VMM handle, attribute value, or note kind
 * @devid: device
 * @flags: ASCEND_SIM_F_*, copy direction or attribute type
 * @pid:   bare tgid, or number of entries in @pids
 * @pids:  whitelist additions
 * @name:  key text (v2)
 */
struct ascend_sim_arg {
	__u64 va;
	__u64 addr;
	__u64 len;
	__u64 id;
	__u32 devid;
	__u32 flags;
	__s32 pid;
	__u32 sdid;
	__s32 pids[ASCEND_SIM_MAX_PIDS + 1];
	char name[72];
};

/* ALLOC */
#define ASCEND_SIM_F_LINEAR	0x1	/* v3: importers share one address */
#define ASCEND_SIM_F_HUGE	0x10	/* pages of 2 MiB, if the length is of them */
#define ASCEND_SIM_F_BARE	0x20	/* addresses alone: no pages, not counted */
/* FREE */
#define ASCEND_SIM_F_HEAP	0x2	/* heap teardown or cache shrink */
/* v2: a later page is in use, v3: the handle is not found.  The free fails, and
 * that is noticed after the callbacks.
 */
#define ASCEND_SIM_F_FAIL	0x40
/* VMM_UNMAP: with the addresses, v2, where nobody asks for keys */
#define ASCEND_SIM_F_ADDRESS	0x80

/* COPY: bit 0 set: destination is device, bit 1 set: source is device */
#define ASCEND_SIM_DST_DEV	0x1
#define ASCEND_SIM_SRC_DEV	0x2

/* SET_ATTR, GET_ATTR: numbers as in the public HAL header */
#define ASCEND_SIM_ATTR_MEM_MAP	0
#define ASCEND_SIM_ATTR_NO_WLIST 1

/* NOTE: what user space alone can see and the ledger must know */
#define ASCEND_SIM_NOTE_RECYCLE		1
#define ASCEND_SIM_NOTE_DOUBLE_FREE	2
#define ASCEND_SIM_NOTE_LOST_FREE	3

/* P2P_TEST: a registration of the driver's own, for tests of the contract */
#define ASCEND_SIM_P2P_OP		0x3
#define ASCEND_SIM_P2P_GET		0x0	/* va, len; returns id */
#define ASCEND_SIM_P2P_PUT		0x1	/* id */
#define ASCEND_SIM_P2P_CALLS		0x2	/* id; pid, devid: begun, ended */
#define ASCEND_SIM_P2P_ASK		0x3	/* pid, devid; pid: the answer */
#define ASCEND_SIM_P2P_PUT_INSIDE	0x4	/* with GET: put in the callback */
#define ASCEND_SIM_P2P_SLOW		0x8	/* with GET: callback sleeps 1 s */
#define ASCEND_SIM_P2P_PUT_WORK		0x10	/* put in work that it queues */
#define ASCEND_SIM_P2P_PUT_GRACE	0x20	/* the same, a grace period later */

#define ASCEND_SIM_IOC(nr)	_IOWR('S', nr, struct ascend_sim_arg)
#define ASCEND_SIM_INFO		ASCEND_SIM_IOC(0)
#define ASCEND_SIM_DEV_OPEN	ASCEND_SIM_IOC(1)
#define ASCEND_SIM_DEV_CLOSE	ASCEND_SIM_IOC(2)
#define ASCEND_SIM_ALLOC	ASCEND_SIM_IOC(3)
#define ASCEND_SIM_FREE		ASCEND_SIM_IOC(4)
#define ASCEND_SIM_COPY		ASCEND_SIM_IOC(5)
#define ASCEND_SIM_CREATE	ASCEND_SIM_IOC(6)
#define ASCEND_SIM_DESTROY	ASCEND_SIM_IOC(7)
#define ASCEND_SIM_QUERY	ASCEND_SIM_IOC(8)
#define ASCEND_SIM_OPEN		ASCEND_SIM_IOC(9)
#define ASCEND_SIM_CLOSE	ASCEND_SIM_IOC(10)
#define ASCEND_SIM_SET_PID	ASCEND_SIM_IOC(11)
#define ASCEND_SIM_SET_ATTR	ASCEND_SIM_IOC(12)
#define ASCEND_SIM_GET_ATTR	ASCEND_SIM_IOC(13)
#define ASCEND_SIM_EVENT	ASCEND_SIM_IOC(14)
#define ASCEND_SIM_NOTE		ASCEND_SIM_IOC(15)
#define ASCEND_SIM_VMM_CREATE	ASCEND_SIM_IOC(16)
#define ASCEND_SIM_VMM_MAP	ASCEND_SIM_IOC(17)
#define ASCEND_SIM_VMM_UNMAP	ASCEND_SIM_IOC(18)
#define ASCEND_SIM_VMM_RELEASE	ASCEND_SIM_IOC(19)
#define ASCEND_SIM_P2P_TEST	ASCEND_SIM_IOC(20)
#define ASCEND_SIM_REPAIR	ASCEND_SIM_IOC(21)
#define ASCEND_SIM_NR		22

#endif /* _ASCEND_SIM_H */

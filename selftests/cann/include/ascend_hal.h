/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests need of the driver's user API, declared for the stand-in.
 * Names, numbers and prototypes are those of the public headers.
 */
#ifndef _ASCEND_HAL_H
#define _ASCEND_HAL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tagDrvError {
	DRV_ERROR_NONE = 0,
	DRV_ERROR_NO_DEVICE = 1,
	DRV_ERROR_INVALID_DEVICE = 2,
	DRV_ERROR_INVALID_VALUE = 3,
	DRV_ERROR_INVALID_HANDLE = 4,
	DRV_ERROR_OUT_OF_MEMORY = 6,
	DRV_ERROR_INNER_ERR = 7,
	DRV_ERROR_PARA_ERROR = 8,
	DRV_ERROR_UNINIT = 9,
	DRV_ERROR_REPEATED_INIT = 10,
	DRV_ERROR_NOT_EXIST = 11,
	DRV_ERROR_REPEATED_USERD = 12,
	DRV_ERROR_BUSY = 13,
	DRV_ERROR_NO_RESOURCES = 14,
	DRV_ERROR_WAIT_TIMEOUT = 16,
	DRV_ERROR_IOCRL_FAIL = 17,
	DRV_ERROR_OVER_LIMIT = 37,
	DRV_ERROR_FILE_OPS = 38,
	DRV_ERROR_PROCESS_EXIT = 42,
	DRV_ERROR_OPER_NOT_PERMITTED = 46,
	DRV_ERROR_TRY_AGAIN = 51,
	DRV_ERROR_RESUME = 89,
	DRV_ERROR_NOT_SUPPORT = 0xfffe,
	DRV_ERROR_RESERVED
} drvError_t;

typedef uint32_t DVdevice;
typedef uint64_t DVdeviceptr;
typedef drvError_t DVresult;

/* halMemAlloc() flags */
#define MEM_DEVID_WIDTH		10
#define MEM_DEVID_MASK		((1UL << MEM_DEVID_WIDTH) - 1)
#define MEM_VIRT_BIT		10
#define MEM_DEV			(0x1UL << MEM_VIRT_BIT)
#define MEM_PHY_BIT		14
#define MEM_TYPE_HBM		(0x1UL << MEM_PHY_BIT)
#define MEM_PAGE_BIT		17
#define MEM_PAGE_NORMAL		(0x0UL << MEM_PAGE_BIT)
#define MEM_PAGE_HUGE		(0x1UL << MEM_PAGE_BIT)
#define MEM_ADVISE_P2P		(0x1UL << 25)

#define DV_MEM_LOCK_HOST	0x0008
#define DV_MEM_LOCK_DEV		0x0010
#define DV_MEM_USER_MALLOC	0x0080
#define DV_MEM_RESV		8

struct DVattribute {
	uint32_t memType;
	uint32_t resv1;
	uint32_t resv2;
	uint32_t devId;
	uint32_t pageSize;
	uint32_t resv[DV_MEM_RESV];
};

enum ShmemAttrType {
	SHMEM_ATTR_TYPE_MEM_MAP = 0,
	SHMEM_ATTR_TYPE_NO_WLIST_IN_SERVER,
	SHMEM_ATTR_TYPE_MAX
};

#define SHMEM_WLIST_ENABLE	0x0
#define SHMEM_NO_WLIST_ENABLE	0x1

struct ShmemGetInfo {
	unsigned int phyDevid;
	unsigned int reserve[8];
};

#define SVM_AGENT_DEVICE	0U
#define SVM_AGENT_HOST		1U

typedef struct hal_dev_open_in {
	uint64_t reserve[8];
} halDevOpenIn;

typedef struct hal_dev_open_out {
	uint64_t reserve[8];
} halDevOpenOut;

typedef enum {
	DEV_CLOSE_HOST_DEVICE = 0,
	DEV_CLOSE_ONLY_HOST,
	DEV_CLOSE_HOST_USER,
	DEV_CLOSE_TYPE_MAX,
} DEV_CLOSE_TYPE;

typedef struct hal_dev_close_in {
	uint32_t close_type;
	uint32_t reserve0;
	uint64_t reserve[7];
} halDevCloseIn;

typedef enum tagDrvMemcpyKind {
	DRV_MEMCPY_HOST_TO_HOST,
	DRV_MEMCPY_HOST_TO_DEVICE,
	DRV_MEMCPY_DEVICE_TO_HOST,
	DRV_MEMCPY_DEVICE_TO_DEVICE,
} drvMemcpyKind_t;

struct memcpy_info {
	drvMemcpyKind_t dir;
	uint32_t devid;
	uint64_t reserve[2];
};

#define CTRL_TYPE_MEM_REPAIR	4
#define MEM_REPAIR_MAX_CNT	20

struct MemRepairAddr {
	unsigned long long ptr;
	unsigned long long len;
};

struct MemRepairInPara {
	unsigned int devid;
	unsigned int count;
	struct MemRepairAddr repairAddrs[MEM_REPAIR_MAX_CNT];
};

typedef struct drv_mem_handle drv_mem_handle_t;

struct drv_mem_prop {
	uint32_t side;
	uint32_t devid;
	uint32_t module_id;
	uint32_t pg_type;
	uint32_t mem_type;
	uint64_t reserve;
};

/* devices */
drvError_t drvGetDevNum(uint32_t *num_dev);
drvError_t halDeviceOpen(uint32_t devid, halDevOpenIn *in, halDevOpenOut *out);
drvError_t halDeviceClose(uint32_t devid, halDevCloseIn *in);
drvError_t drvDeviceOpen(void **devInfo, uint32_t devId);
drvError_t drvDeviceClose(uint32_t devId);
drvError_t halMemAgentOpen(uint32_t devid, uint32_t flag);
drvError_t halMemAgentClose(uint32_t devid, uint32_t flag);
int drvMemDeviceOpen(uint32_t devid, int devfd);
int drvMemDeviceClose(uint32_t devid);
pid_t drvDeviceGetBareTgid(void);

/* memory */
drvError_t halMemAlloc(void **pp, unsigned long long size,
		       unsigned long long flag);
drvError_t halMemFree(void *pp);
DVresult drvMemcpy(DVdeviceptr dst, size_t dest_max, DVdeviceptr src,
		   size_t byte_count);
drvError_t halMemcpy(void *dst, size_t dst_size, void *src, size_t count,
		     struct memcpy_info *info);
DVresult drvMemsetD8(DVdeviceptr dst, size_t destMax, uint8_t value,
		     size_t num);
DVresult drvMemGetAttribute(DVdeviceptr vptr, struct DVattribute *attr);
drvError_t halMemGetAddressRange(DVdeviceptr ptr, DVdeviceptr *pbase,
				 size_t *psize);

/* addresses and physical memory apart */
drvError_t halMemAddressReserve(void **ptr, size_t size, size_t alignment,
				void *addr, uint64_t flag);
drvError_t halMemAddressFree(void *ptr);
drvError_t halMemCreate(drv_mem_handle_t **handle, size_t size,
			const struct drv_mem_prop *prop, uint64_t flag);
drvError_t halMemRelease(drv_mem_handle_t *handle);
drvError_t halMemMap(void *ptr, size_t size, size_t offset,
		     drv_mem_handle_t *handle, uint64_t flag);
drvError_t halMemUnmap(void *ptr);
drvError_t halMemCtl(int type, void *param_value, size_t param_value_size,
		     void *out_value, size_t *out_size_ret);

/* memory shared between processes */
DVresult halShmemCreateHandle(DVdeviceptr vptr, size_t byte_count, char *name,
			      uint32_t name_len);
DVresult halShmemDestroyHandle(const char *name);
DVresult halShmemSetPidHandle(const char *name, int pid[], int num);
DVresult halShmemSetPodPid(const char *name, uint32_t sdid, int pid[], int num);
DVresult halShmemOpenHandle(const char *name, DVdeviceptr *vptr);
DVresult halShmemOpenHandleByDevId(DVdevice dev_id, const char *name,
				   DVdeviceptr *vptr);
DVresult halShmemOpenHandleV2(DVdevice dev_id, const char *name,
			      DVdeviceptr *vptr, uint64_t flag);
DVresult halShmemMapRouteCheck(const char *name, DVdevice dst_devid,
			       uint32_t map_route);
DVresult halShmemCloseHandle(DVdeviceptr vptr);
DVresult halShmemSetAttribute(const char *name, uint32_t type, uint64_t attr);
DVresult halShmemGetAttribute(const char *name, enum ShmemAttrType type,
			      uint64_t *attr);
DVresult halShmemInfoGet(const char *name, struct ShmemGetInfo *info);

/*
 * Not part of the real library: how tests steer and ask the stand-in.
 *
 * ascend_sim_fail(): the nth call of op from now on answers code and does
 * nothing; nth < 0: that one and all later ones; nth 0: forget op (NULL: all).
 * Ops: alloc free create open close destroy setpid setattr copy devopen
 * devclose create_handle; and two that do something first: freelate, which tells
 * who has registered, and devclosed, which closes.
 * Environment: ASCEND_SIM_FAIL="destroy:2:7,open:-1:6".
 */
void ascend_sim_fail(const char *op, int nth, int code);
unsigned long ascend_sim_calls(const char *op);	/* of op, since the first rule */
int ascend_sim_svm(void);		/* 2, 3, or 0: no driver */
int ascend_sim_nr_devices(void);
size_t ascend_sim_mem_bytes(void);	/* of one device */
size_t ascend_sim_cache_max(void);	/* frees up to this stay in user space */
unsigned long long ascend_sim_faults(void);	/* device faults of this process */

#ifdef __cplusplus
}
#endif

#endif /* _ASCEND_HAL_H */

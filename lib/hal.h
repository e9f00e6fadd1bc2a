/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * The functions of libascend_hal and libascendcl that the library hooks or
 * calls, with the types and numbers it needs.  Binary interface only: nothing
 * is linked, every function is looked up at run time.
 */
#ifndef ACLIPC_HAL_H
#define ACLIPC_HAL_H

#include <stddef.h>
#include <stdint.h>

typedef int drvError_t;
typedef drvError_t DVresult;
typedef uint32_t DVdevice;
typedef uint64_t DVdeviceptr;

enum {
	DRV_ERROR_NONE = 0,
	DRV_ERROR_NO_DEVICE = 1,
	DRV_ERROR_INVALID_VALUE = 3,
	DRV_ERROR_INVALID_HANDLE = 4,
	DRV_ERROR_OUT_OF_MEMORY = 6,
	DRV_ERROR_PARA_ERROR = 8,
	DRV_ERROR_NOT_EXIST = 11,
	DRV_ERROR_BUSY = 13,
	DRV_ERROR_WAIT_TIMEOUT = 16,
	DRV_ERROR_IOCRL_FAIL = 17,
	DRV_ERROR_OVER_LIMIT = 37,
	DRV_ERROR_OPER_NOT_PERMITTED = 46,
	DRV_ERROR_NOT_SUPPORT = 0xfffe,
};

/* halShmemSetAttribute: nobody is on a list, everybody may import */
#define SHMEM_ATTR_TYPE_NO_WLIST_IN_SERVER	1
#define SHMEM_NO_WLIST_ENABLE			1

/* halMemAlloc: the device number is in the low bits of the flags */
#define MEM_DEVID_MASK		0x3ffUL

/* halDeviceClose: the host side of all devices */
#define DEV_CLOSE_HOST_USER	2

typedef struct hal_dev_close_in {
	uint32_t close_type;
	uint32_t reserve0;
	uint64_t reserve[7];
} halDevCloseIn;

struct DVattribute {
	uint32_t memType;
	uint32_t resv1;
	uint32_t resv2;
	uint32_t devId;
	uint32_t pageSize;
	uint32_t resv[8];
};

typedef struct drv_mem_handle drv_mem_handle_t;

/* hooked */
DVresult halShmemCreateHandle(DVdeviceptr vptr, size_t byte_count, char *name,
			      uint32_t name_len);
DVresult halShmemDestroyHandle(const char *name);
DVresult halShmemSetPidHandle(const char *name, int pid[], int num);
DVresult halShmemSetPodPid(const char *name, uint32_t sdid, int pid[], int num);
DVresult halShmemSetAttribute(const char *name, uint32_t type, uint64_t attr);
DVresult halShmemOpenHandle(const char *name, DVdeviceptr *vptr);
DVresult halShmemOpenHandleByDevId(DVdevice dev_id, const char *name,
				   DVdeviceptr *vptr);
DVresult halShmemOpenHandleV2(DVdevice dev_id, const char *name,
			      DVdeviceptr *vptr, uint64_t flag);
DVresult halShmemCloseHandle(DVdeviceptr vptr);
drvError_t halMemAlloc(void **pp, unsigned long long size,
		       unsigned long long flag);
drvError_t halMemFree(void *pp);
drvError_t halMemMap(void *ptr, size_t size, size_t offset,
		     drv_mem_handle_t *handle, uint64_t flag);
drvError_t halMemUnmap(void *ptr);
drvError_t halDeviceClose(uint32_t devid, halDevCloseIn *in);
int drvMemDeviceClose(uint32_t devid);
drvError_t halMemAgentClose(uint32_t devid, uint32_t flag);

/* called */
DVresult drvMemGetAttribute(DVdeviceptr vptr, struct DVattribute *attr);
drvError_t halMemGetAddressRange(DVdeviceptr ptr, DVdeviceptr *pbase,
				 size_t *psize);
drvError_t drvDeviceClose(uint32_t devid);

typedef int aclError;

enum {
	ACL_ERROR_RT_PARAM_INVALID = 107000,
	ACL_ERROR_RT_INVALID_HANDLE = 107017,
	ACL_ERROR_RT_FEATURE_NOT_SUPPORT = 207000,
	ACL_ERROR_RT_MEMORY_ALLOCATION = 207001,
	ACL_ERROR_RT_NO_DEVICE = 207004,
	ACL_ERROR_RT_NO_PERMISSION = 207006,
	ACL_ERROR_RT_OVER_LIMIT = 207012,
	ACL_ERROR_RT_TIMEOUT = 207020,
	ACL_ERROR_RT_DRV_INTERNAL_ERROR = 507899,
};

typedef enum aclrtIpcMemAttrType {
	ACL_RT_IPC_MEM_ATTR_ACCESS_LINK = 0,
} aclrtIpcMemAttrType;

typedef struct aclrtServerPid {
	uint32_t sdid;
	int32_t *pid;
	size_t num;
} aclrtServerPid;

aclError aclrtIpcMemGetExportKey(void *devPtr, size_t size, char *key,
				 size_t len, uint64_t flags);
aclError aclrtIpcMemClose(const char *key);
aclError aclrtIpcMemImportByKey(void **devPtr, const char *key, uint64_t flags);
aclError aclrtIpcMemSetImportPid(const char *key, int32_t *pid, size_t num);
aclError aclrtIpcMemSetAttr(const char *key, aclrtIpcMemAttrType type,
			    uint64_t attr);
aclError aclrtIpcMemImportPidInterServer(const char *key,
					 aclrtServerPid *serverPids,
					 size_t num);

#endif /* ACLIPC_HAL_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* Between the runtime and its driver plug-in. Results are runtime errors. */
#ifndef _CANN_NPU_DRIVER_H
#define _CANN_NPU_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#define RT_INPUT		107000
#define RT_DEVICEID		107001
#define RT_CONTEXT_NULL		107002
#define RT_HANDLE		107017
#define RT_REPEATED_FINALIZE	100037
#define RT_NOT_SUPPORT		207000
#define RT_NO_MEMORY		207001
#define RT_NO_DEVICE		207004
#define RT_NO_RESOURCE		207005
#define RT_NO_PERMISSION	207006
#define RT_OVER_LIMIT		207012
#define RT_TIMEOUT		207020
#define RT_LINK_TYPE		207021
#define RT_DEVICE_NOT_SET	507007
#define RT_REPORT_TIMEOUT	507012
#define RT_DRV_ERR		507899

struct npu_driver {
	int (*dev_num)(uint32_t *num);
	int (*dev_open)(uint32_t devid);
	int (*dev_close)(uint32_t devid);
	int (*bare_tgid)(int32_t *pid);
	int (*mem_alloc)(void **ptr, uint64_t size, uint32_t policy,
			 uint32_t devid);
	int (*mem_free)(void *ptr);
	int (*mem_copy)(void *dst, size_t max, const void *src, size_t n);
	int (*mem_set)(void *dst, size_t max, int value, size_t n);
	int (*vmm_reserve)(void **ptr, uint64_t size);
	int (*vmm_release)(void *ptr);
	int (*vmm_create)(void **handle, uint64_t size, uint32_t devid);
	int (*vmm_destroy)(void *handle);
	int (*vmm_map)(void *ptr, uint64_t size, void *handle);
	int (*vmm_unmap)(void *ptr);
	int (*ipc_create)(const void *ptr, uint64_t size, char *name,
			  uint32_t len);
	int (*ipc_destroy)(const char *name);
	int (*ipc_open)(const char *name, uint64_t *va, uint32_t devid,
			uint64_t attr);
	int (*ipc_close)(uint64_t va);
	int (*ipc_set_pid)(const char *name, int32_t pid[], int num);
	int (*ipc_set_pod_pid)(const char *name, uint32_t sdid, int32_t pid[],
			       int num);
	int (*ipc_set_attr)(const char *name, uint32_t type, uint64_t attr);
	int (*ipc_phy_device)(const char *name, uint32_t *phy);
	int (*ipc_route)(const char *name, uint32_t devid, uint64_t route);
	int (*generation)(void);	/* 2: 910B and 910C, 3: 950 */
};

typedef const struct npu_driver *(*construct_npu_driver_fn)(void);

#define CONSTRUCT_NPU_DRIVER "ConstructNpuDriver"

#endif /* _CANN_NPU_DRIVER_H */

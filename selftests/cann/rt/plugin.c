// SPDX-License-Identifier: GPL-2.0
/*
 * The driver layer of the runtime, a plug-in: opened RTLD_NOW|RTLD_LOCAL and
 * linked -Bsymbolic, its calls of the driver library are ordinary undefined
 * symbols, and what only some driver libraries have is weak and tested.
 */
#include "ascend_hal.h"
#include "npu_driver.h"

#define WEAK __attribute__((weak))

#define HUGE_CRITICAL (1UL << 20)

extern WEAK __typeof__(halShmemOpenHandleByDevId) halShmemOpenHandleByDevId;
extern WEAK __typeof__(halShmemOpenHandleV2) halShmemOpenHandleV2;
extern WEAK __typeof__(halShmemMapRouteCheck) halShmemMapRouteCheck;
extern WEAK __typeof__(halShmemSetPodPid) halShmemSetPodPid;
extern WEAK __typeof__(halShmemSetAttribute) halShmemSetAttribute;
extern WEAK __typeof__(halShmemInfoGet) halShmemInfoGet;
extern WEAK __typeof__(halDeviceOpen) halDeviceOpen;
extern WEAK __typeof__(halDeviceClose) halDeviceClose;
extern WEAK __typeof__(drvDeviceOpen) drvDeviceOpen;
extern WEAK __typeof__(drvDeviceClose) drvDeviceClose;
extern WEAK __typeof__(drvMemDeviceOpen) drvMemDeviceOpen;
extern WEAK __typeof__(drvMemDeviceClose) drvMemDeviceClose;
extern WEAK __typeof__(halMemcpy) halMemcpy;

static int from_drv(drvError_t err)
{
	switch (err) {
	case DRV_ERROR_NONE:
		return 0;
	case DRV_ERROR_INVALID_VALUE:
		return RT_INPUT;
	case DRV_ERROR_INVALID_DEVICE:
		return RT_DEVICEID;
	case DRV_ERROR_INVALID_HANDLE:
		return RT_HANDLE;
	case DRV_ERROR_NO_DEVICE:
		return RT_NO_DEVICE;
	case DRV_ERROR_OUT_OF_MEMORY:
		return RT_NO_MEMORY;
	case DRV_ERROR_NO_RESOURCES:
		return RT_NO_RESOURCE;
	case DRV_ERROR_WAIT_TIMEOUT:
		return RT_REPORT_TIMEOUT;
	case DRV_ERROR_OVER_LIMIT:
		return RT_OVER_LIMIT;
	case DRV_ERROR_OPER_NOT_PERMITTED:
		return RT_NO_PERMISSION;
	case DRV_ERROR_RESUME:
		return RT_TIMEOUT;
	case DRV_ERROR_NOT_SUPPORT:
		return RT_NOT_SUPPORT;
	default:
		return RT_DRV_ERR;
	}
}

static int npu_dev_num(uint32_t *num)
{
	return from_drv(drvGetDevNum(num));
}

static int npu_dev_open(uint32_t devid)
{
	halDevOpenIn in = { { 0 } };
	halDevOpenOut out;
	void *info;
	drvError_t ret;

	if (&halDeviceOpen) {
		ret = halDeviceOpen(devid, &in, &out);
		/* an earlier close failed, and its result was ignored */
		return ret == DRV_ERROR_REPEATED_INIT ? 0 : from_drv(ret);
	}
	if (!&drvDeviceOpen || !&drvMemDeviceOpen)
		return RT_NOT_SUPPORT;
	ret = drvDeviceOpen(&info, devid);
	if (!ret)
		ret = drvMemDeviceOpen(devid, -1);
	return from_drv(ret);
}

static int npu_dev_close(uint32_t devid)
{
	halDevCloseIn in = { 0 };
	drvError_t ret;

	if (&halDeviceClose)
		return from_drv(halDeviceClose(devid, &in));
	if (!&drvDeviceClose || !&drvMemDeviceClose)
		return RT_NOT_SUPPORT;
	ret = drvDeviceClose(devid);
	if (!ret)
		ret = drvMemDeviceClose(devid);
	return from_drv(ret);
}

static int npu_bare_tgid(int32_t *pid)
{
	*pid = drvDeviceGetBareTgid();
	return *pid < 0 ? RT_DRV_ERR : 0;
}

/*
 * 0 and 3: huge pages first, 1 and 4: huge pages only, 2 and 5: normal pages
 * only.  What is small gets normal pages unless it may not.
 */
static int npu_mem_try(void **ptr, uint64_t size, uint32_t policy,
		       uint32_t devid)
{
	uint64_t flag = devid | MEM_DEV | MEM_TYPE_HBM;
	uint32_t kind = policy & 0xff;
	drvError_t ret;

	if (kind % 3 == 2 || (kind % 3 == 0 && size <= HUGE_CRITICAL))
		return from_drv(halMemAlloc(ptr, size, flag));
	ret = halMemAlloc(ptr, size, flag | MEM_PAGE_HUGE);
	if (ret && kind % 3 == 0)
		ret = halMemAlloc(ptr, size, flag);
	return from_drv(ret);
}

/* The second time after the runtime's own pools were trimmed: four calls. */
static int npu_mem_alloc(void **ptr, uint64_t size, uint32_t policy,
			 uint32_t devid)
{
	int ret = npu_mem_try(ptr, size, policy, devid);

	return ret ? npu_mem_try(ptr, size, policy, devid) : 0;
}

static int npu_vmm_reserve(void **ptr, uint64_t size)
{
	return from_drv(halMemAddressReserve(ptr, size, 0, NULL, 0));
}

static int npu_vmm_release(void *ptr)
{
	return from_drv(halMemAddressFree(ptr));
}

static int npu_vmm_create(void **handle, uint64_t size, uint32_t devid)
{
	struct drv_mem_prop prop = { .devid = devid };

	return from_drv(halMemCreate((drv_mem_handle_t **)handle, size, &prop,
				     0));
}

static int npu_vmm_destroy(void *handle)
{
	return from_drv(halMemRelease(handle));
}

static int npu_vmm_map(void *ptr, uint64_t size, void *handle)
{
	return from_drv(halMemMap(ptr, size, 0, handle, 0));
}

static int npu_vmm_unmap(void *ptr)
{
	return from_drv(halMemUnmap(ptr));
}

static int npu_mem_free(void *ptr)
{
	return from_drv(halMemFree(ptr));
}

static int npu_mem_copy(void *dst, size_t max, const void *src, size_t n)
{
	return from_drv(drvMemcpy((DVdeviceptr)dst, max, (DVdeviceptr)src, n));
}

static int npu_mem_set(void *dst, size_t max, int value, size_t n)
{
	return from_drv(drvMemsetD8((DVdeviceptr)dst, max, value, n));
}

static int npu_ipc_create(const void *ptr, uint64_t size, char *name,
			  uint32_t len)
{
	return from_drv(halShmemCreateHandle((DVdeviceptr)ptr, size, name, len));
}

static int npu_ipc_destroy(const char *name)
{
	return from_drv(halShmemDestroyHandle(name));
}

static int npu_ipc_open(const char *name, uint64_t *va, uint32_t devid,
			uint64_t attr)
{
	DVdeviceptr ptr = 0;
	drvError_t ret;

	if (&halShmemOpenHandleV2)
		ret = halShmemOpenHandleV2(devid, name, &ptr, attr);
	else if (&halShmemOpenHandleByDevId)
		ret = halShmemOpenHandleByDevId(devid, name, &ptr);
	else
		ret = halShmemOpenHandle(name, &ptr);
	*va = ptr;
	return from_drv(ret);
}

static int npu_ipc_close(uint64_t va)
{
	return from_drv(halShmemCloseHandle(va));
}

static int npu_ipc_set_pid(const char *name, int32_t pid[], int num)
{
	return from_drv(halShmemSetPidHandle(name, pid, num));
}

static int npu_ipc_set_pod_pid(const char *name, uint32_t sdid, int32_t pid[],
			       int num)
{
	if (!&halShmemSetPodPid)
		return RT_NOT_SUPPORT;
	return from_drv(halShmemSetPodPid(name, sdid, pid, num));
}

static int npu_ipc_set_attr(const char *name, uint32_t type, uint64_t attr)
{
	if (!&halShmemSetAttribute)
		return RT_NOT_SUPPORT;
	return from_drv(halShmemSetAttribute(name, type, attr));
}

static int npu_ipc_phy_device(const char *name, uint32_t *phy)
{
	struct ShmemGetInfo info = { 0 };
	drvError_t ret;

	if (!&halShmemInfoGet)
		return RT_NOT_SUPPORT;
	ret = halShmemInfoGet(name, &info);
	*phy = info.phyDevid;
	return from_drv(ret);
}

static int npu_ipc_route(const char *name, uint32_t devid, uint64_t route)
{
	drvError_t ret;

	if (!&halShmemMapRouteCheck)
		return RT_NOT_SUPPORT;
	ret = halShmemMapRouteCheck(name, devid, route);
	return ret == DRV_ERROR_NOT_EXIST ? RT_LINK_TYPE : from_drv(ret);
}

const struct npu_driver *ConstructNpuDriver(void);

const struct npu_driver *ConstructNpuDriver(void)
{
	static const struct npu_driver driver = {
		.dev_num = npu_dev_num,
		.dev_open = npu_dev_open,
		.dev_close = npu_dev_close,
		.bare_tgid = npu_bare_tgid,
		.mem_alloc = npu_mem_alloc,
		.mem_free = npu_mem_free,
		.mem_copy = npu_mem_copy,
		.mem_set = npu_mem_set,
		.vmm_reserve = npu_vmm_reserve,
		.vmm_release = npu_vmm_release,
		.vmm_create = npu_vmm_create,
		.vmm_destroy = npu_vmm_destroy,
		.vmm_map = npu_vmm_map,
		.vmm_unmap = npu_vmm_unmap,
		.ipc_create = npu_ipc_create,
		.ipc_destroy = npu_ipc_destroy,
		.ipc_open = npu_ipc_open,
		.ipc_close = npu_ipc_close,
		.ipc_set_pid = npu_ipc_set_pid,
		.ipc_set_pod_pid = npu_ipc_set_pod_pid,
		.ipc_set_attr = npu_ipc_set_attr,
		.ipc_phy_device = npu_ipc_phy_device,
		.ipc_route = npu_ipc_route,
		.generation = ascend_sim_svm,
	};

	return &driver;
}

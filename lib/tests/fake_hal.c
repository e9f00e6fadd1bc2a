// SPDX-License-Identifier: LGPL-2.1-only
/* libascend_hal.so and libascendcl.so of the unit tests. */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "../hal.h"
#include "fake_hal.h"

#pragma weak halShmemOpenHandleV2

struct fake_hal fake_hal = { .next_addr = 0x7000000, .known = 1 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note(char c)
{
	int err = errno;
	size_t len;

	pthread_mutex_lock(&lock);
	len = strlen(fake_hal.log);
	if (len < sizeof(fake_hal.log) - 1)
		fake_hal.log[len] = c;
	fake_hal.seen_errno = err;
	pthread_mutex_unlock(&lock);
	errno = fake_hal.set_errno ? fake_hal.set_errno : err;
}

static int fail(const int *code)
{
	return __atomic_load_n(code, __ATOMIC_SEQ_CST);
}

DVresult halShmemCreateHandle(DVdeviceptr vptr, size_t n, char *name,
			      uint32_t len)
{
	int nr;

	note('C');
	(void)vptr;
	(void)n;
	nr = __atomic_add_fetch(&fake_hal.create, 1, __ATOMIC_SEQ_CST);
	snprintf(name, len, "key%061d", fake_hal.same_key ? 1 : nr);
	return 0;
}

DVresult halShmemDestroyHandle(const char *name)
{
	(void)name;
	note('D');
	__atomic_add_fetch(&fake_hal.destroy, 1, __ATOMIC_SEQ_CST);
	return fail(&fake_hal.fail_destroy);
}

DVresult halShmemSetPidHandle(const char *name, int pid[], int num)
{
	(void)name;
	(void)pid;
	(void)num;
	note('P');
	fake_hal.set_pid++;
	return fail(&fake_hal.fail_set);
}

DVresult halShmemSetAttribute(const char *name, uint32_t type, uint64_t attr)
{
	(void)name;
	(void)type;
	(void)attr;
	note('A');
	fake_hal.set_attr++;
	return fail(&fake_hal.fail_set);
}

DVresult halShmemOpenHandle(const char *name, DVdeviceptr *vptr)
{
	(void)name;
	note('O');
	fake_hal.open++;
	*vptr = fake_hal.next_addr;
	return fail(&fake_hal.fail_open);
}

/* calls itself through the PLT, as the real one does */
DVresult halShmemOpenHandleByDevId(DVdevice dev, const char *name,
				   DVdeviceptr *vptr)
{
	(void)dev;
	fake_hal.open_by_dev++;
	return halShmemOpenHandle(name, vptr);
}

DVresult halShmemCloseHandle(DVdeviceptr vptr)
{
	(void)vptr;
	note('X');
	if (fake_hal.at_close)
		fake_hal.at_close();
	fake_hal.close++;
	return fail(&fake_hal.fail_close);
}

drvError_t halMemAlloc(void **pp, unsigned long long size,
		       unsigned long long flag)
{
	(void)size;
	(void)flag;
	note('M');
	fake_hal.alloc++;
	*pp = (void *)0x10000000;
	return fail(&fake_hal.fail_alloc);
}

drvError_t halMemFree(void *pp)
{
	(void)pp;
	note('F');
	if (fake_hal.at_free)
		fake_hal.at_free();
	__atomic_add_fetch(&fake_hal.free, 1, __ATOMIC_SEQ_CST);
	return fail(&fake_hal.fail_free);
}

drvError_t halMemMap(void *ptr, size_t size, size_t offset,
		     drv_mem_handle_t *handle, uint64_t flag)
{
	(void)ptr;
	(void)size;
	(void)offset;
	(void)handle;
	(void)flag;
	return 0;
}

drvError_t halMemUnmap(void *pp)
{
	(void)pp;
	note('U');
	fake_hal.unmap++;
	return 0;
}

DVresult drvMemGetAttribute(DVdeviceptr vptr, struct DVattribute *attr)
{
	attr->devId = (uint32_t)(vptr >> 40);
	return fake_hal.known ? 0 : DRV_ERROR_NOT_EXIST;
}

drvError_t halMemGetAddressRange(DVdeviceptr ptr, DVdeviceptr *base,
				 size_t *size)
{
	if (ptr < fake_hal.base || ptr - fake_hal.base >= fake_hal.size)
		return DRV_ERROR_NOT_EXIST;
	*base = fake_hal.base;
	*size = fake_hal.size;
	return 0;
}

drvError_t drvDeviceClose(uint32_t devid)
{
	(void)devid;
	note('d');
	fake_hal.dev_close++;
	return fail(&fake_hal.fail_dev_close);
}

int drvMemDeviceClose(uint32_t devid)
{
	(void)devid;
	note('m');
	fake_hal.mem_close++;
	return 0;
}

aclError aclrtIpcMemClose(const char *key)
{
	if (!key)
		return 100000;
	/* as the runtime: opaque where it has no code of its own */
	switch (halShmemDestroyHandle(key)) {
	case 0:
		return 0;
	default:
		return ACL_ERROR_RT_DRV_INTERNAL_ERROR;
	}
}

aclError aclrtIpcMemImportByKey(void **ptr, const char *key, uint64_t flags)
{
	DVdeviceptr va = 0;
	int ret = 0;

	(void)flags;
	if (!fake_hal.around)
		ret = halShmemOpenHandleV2 ?
		      halShmemOpenHandleV2(0, key, &va, 0) :
		      halShmemOpenHandleByDevId(0, key, &va);
	*ptr = (void *)(uintptr_t)va;
	return ret ? ACL_ERROR_RT_DRV_INTERNAL_ERROR : 0;
}

/* goes around the hooks */
aclError aclrtIpcMemGetExportKey(void *ptr, size_t size, char *key, size_t len,
				 uint64_t flags)
{
	(void)ptr;
	(void)size;
	(void)len;
	(void)flags;
	strcpy(key, "around");
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/* Synchronous copies, and what an address is. */
#include <errno.h>
#include <string.h>

#include "hal.h"

static drvError_t hal_copy(uint64_t dst, uint64_t src, size_t n)
{
	struct ascend_sim_arg a = { .va = dst, .addr = src, .len = n };
	int ret = hal_fail("copy");

	if (ret)
		return ret;
	if (hal_is_device(dst))
		a.flags |= ASCEND_SIM_DST_DEV;
	if (hal_is_device(src))
		a.flags |= ASCEND_SIM_SRC_DEV;
	if (!a.flags) {
		memmove((void *)dst, (void *)src, n);
		return DRV_ERROR_NONE;
	}
	pthread_rwlock_rdlock(&hal.pipeline);
	ret = hal_call_raw(ASCEND_SIM_COPY, &a);
	pthread_rwlock_unlock(&hal.pipeline);
	if (ret == -ENXIO) {
		__atomic_add_fetch(&hal.faults, 1, __ATOMIC_RELAXED);
		hal_trace("device page fault dst=0x%llx src=0x%llx",
			  (unsigned long long)dst, (unsigned long long)src);
		return DRV_ERROR_INVALID_HANDLE;
	}
	return hal_errno(-ret);
}

DVresult drvMemcpy(DVdeviceptr dst, size_t dest_max, DVdeviceptr src,
		   size_t byte_count)
{
	if (!dst || !src || !byte_count || byte_count > dest_max)
		return DRV_ERROR_INVALID_VALUE;
	return hal_copy(dst, src, byte_count);
}

drvError_t halMemcpy(void *dst, size_t dst_size, void *src, size_t count,
		     struct memcpy_info *info)
{
	if (!info)
		return DRV_ERROR_INVALID_VALUE;
	return drvMemcpy((DVdeviceptr)dst, dst_size, (DVdeviceptr)src, count);
}

DVresult drvMemsetD8(DVdeviceptr dst, size_t destMax, uint8_t value, size_t num)
{
	uint8_t chunk[HAL_PAGE];
	DVresult ret = DRV_ERROR_NONE;
	size_t done, n;

	if (!dst || !num || num > destMax)
		return DRV_ERROR_INVALID_VALUE;
	memset(chunk, value, sizeof(chunk));
	for (done = 0; done < num && !ret; done += n) {
		n = num - done < sizeof(chunk) ? num - done : sizeof(chunk);
		ret = hal_copy(dst + done, (uint64_t)chunk, n);
	}
	return ret;
}

DVresult drvMemGetAttribute(DVdeviceptr vptr, struct DVattribute *attr)
{
	struct hal_block *b;

	if (!vptr || !attr)
		return DRV_ERROR_INVALID_VALUE;
	memset(attr, 0, sizeof(*attr));
	attr->pageSize = HAL_PAGE;
	if (!hal_is_device(vptr)) {
		attr->memType = DV_MEM_USER_MALLOC;
		return DRV_ERROR_NONE;
	}
	pthread_mutex_lock(&hal.lock);
	b = hal_block_of(vptr);
	if (b) {
		attr->memType = DV_MEM_LOCK_DEV;
		attr->devId = b->devid;
	}
	pthread_mutex_unlock(&hal.lock);
	return b ? DRV_ERROR_NONE : DRV_ERROR_INVALID_VALUE;
}

drvError_t halMemGetAddressRange(DVdeviceptr ptr, DVdeviceptr *pbase,
				 size_t *psize)
{
	struct hal_block *b;

	if (!pbase && !psize)
		return DRV_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&hal.lock);
	b = hal_block_of(ptr);
	if (b && b->state != HAL_USED && b->state != HAL_RESERVED)
		b = NULL;
	if (b && pbase)
		*pbase = b->va;
	if (b && psize)
		*psize = b->size;
	pthread_mutex_unlock(&hal.lock);
	return b ? DRV_ERROR_NONE : DRV_ERROR_INVALID_VALUE;
}

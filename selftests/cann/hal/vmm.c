// SPDX-License-Identifier: GPL-2.0
/* Addresses and physical memory apart from each other. */
#include <stdlib.h>

#include "hal.h"

struct drv_mem_handle {
	uint64_t id;
	uint64_t size;
	uint32_t devid;
};

drvError_t halMemAddressReserve(void **ptr, size_t size, size_t alignment,
				void *addr, uint64_t flag)
{
	drvError_t ret = DRV_ERROR_OUT_OF_MEMORY;
	struct hal_block *b;
	uint64_t va;

	(void)flag;
	if (!ptr || !size || alignment || addr)
		return DRV_ERROR_INVALID_VALUE;
	if (hal_init())
		return DRV_ERROR_NO_DEVICE;
	pthread_rwlock_rdlock(&hal.pipeline);
	pthread_mutex_lock(&hal.lock);
	va = hal_va_get(hal_round(size));
	b = va ? hal_block_new(va, size, 0, HAL_RESERVED) : NULL;
	if (b) {
		/* belongs to no device until something is mapped there */
		b->devid = ASCEND_SIM_MAX_DEV;
		*ptr = (void *)va;
		ret = DRV_ERROR_NONE;
	}
	pthread_mutex_unlock(&hal.lock);
	pthread_rwlock_unlock(&hal.pipeline);
	return ret;
}

drvError_t halMemAddressFree(void *ptr)
{
	drvError_t ret = DRV_ERROR_INVALID_VALUE;
	struct hal_block *b;

	pthread_rwlock_rdlock(&hal.pipeline);
	pthread_mutex_lock(&hal.lock);
	b = hal_block_at((uint64_t)ptr);
	if (b && b->state == HAL_RESERVED && b->devid == ASCEND_SIM_MAX_DEV) {
		hal_block_del(b);
		ret = DRV_ERROR_NONE;
	}
	pthread_mutex_unlock(&hal.lock);
	pthread_rwlock_unlock(&hal.pipeline);
	return ret;
}

drvError_t halMemCreate(drv_mem_handle_t **handle, size_t size,
			const struct drv_mem_prop *prop, uint64_t flag)
{
	struct ascend_sim_arg a = { .len = size };
	drv_mem_handle_t *h;
	drvError_t ret;

	if (!handle || !size || !prop || flag || size % HAL_HUGE)
		return DRV_ERROR_INVALID_VALUE;
	if (!hal_dev_ready(prop->devid))
		return DRV_ERROR_NO_DEVICE;
	h = calloc(1, sizeof(*h));
	if (!h)
		return DRV_ERROR_OUT_OF_MEMORY;
	a.devid = prop->devid;
	pthread_rwlock_rdlock(&hal.pipeline);
	ret = hal_call(ASCEND_SIM_VMM_CREATE, &a);
	pthread_rwlock_unlock(&hal.pipeline);
	if (ret) {
		free(h);
		return ret;
	}
	h->id = a.id;
	h->size = size;
	h->devid = prop->devid;
	*handle = h;
	return DRV_ERROR_NONE;
}

drvError_t halMemRelease(drv_mem_handle_t *handle)
{
	struct ascend_sim_arg a = { 0 };
	drvError_t ret;

	if (!handle)
		return DRV_ERROR_INVALID_VALUE;
	a.id = handle->id;
	pthread_rwlock_rdlock(&hal.pipeline);
	ret = hal_call(ASCEND_SIM_VMM_RELEASE, &a);
	pthread_rwlock_unlock(&hal.pipeline);
	if (!ret)
		free(handle);
	return ret;
}

drvError_t halMemMap(void *ptr, size_t size, size_t offset,
		     drv_mem_handle_t *handle, uint64_t flag)
{
	struct ascend_sim_arg a = { .va = (uint64_t)ptr, .len = size };
	struct hal_block *b;
	drvError_t ret;

	if (!ptr || !size || offset || flag || !handle)
		return DRV_ERROR_INVALID_VALUE;
	a.id = handle->id;
	pthread_rwlock_rdlock(&hal.pipeline);
	ret = hal_call(ASCEND_SIM_VMM_MAP, &a);
	pthread_mutex_lock(&hal.lock);
	b = ret ? NULL : hal_block_at((uint64_t)ptr);
	if (b)
		b->devid = handle->devid;
	pthread_mutex_unlock(&hal.lock);
	pthread_rwlock_unlock(&hal.pipeline);
	return ret;
}

drvError_t halMemUnmap(void *ptr)
{
	struct ascend_sim_arg a = { .va = (uint64_t)ptr };
	struct hal_block *b;
	drvError_t ret;

	if (!ptr)
		return DRV_ERROR_INVALID_VALUE;
	pthread_rwlock_rdlock(&hal.pipeline);
	ret = hal_call(ASCEND_SIM_VMM_UNMAP, &a);
	pthread_mutex_lock(&hal.lock);
	b = ret ? NULL : hal_block_at((uint64_t)ptr);
	if (b)
		b->devid = ASCEND_SIM_MAX_DEV;
	pthread_mutex_unlock(&hal.lock);
	pthread_rwlock_unlock(&hal.pipeline);
	hal_trace("%s va=%p -> %d", __func__, ptr, ret);
	return ret;
}

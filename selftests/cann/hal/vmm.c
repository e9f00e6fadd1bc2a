// SPDX-License-Identifier: GPL-2.0
/* Addresses and physical memory apart from each other. */
#include <stdlib.h>
#include <string.h>

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
	size = hal_round(size, size >= HAL_HUGE);
	va = hal_va_get(size);
	/* belongs to no device until something is mapped there */
	b = va ? hal_block_new(va, size, size, ASCEND_SIM_MAX_DEV,
			       HAL_RESERVED) : NULL;
	if (b) {
		b->count = 0;
		*ptr = (void *)va;
		ret = DRV_ERROR_NONE;
	}
	pthread_mutex_unlock(&hal.lock);
	pthread_rwlock_unlock(&hal.pipeline);
	return ret;
}

/*
 * v2: what is still mapped in the range goes with the addresses, exported or not.
 * v3 wants it unmapped before.
 */
static bool hal_reserved_empty(struct hal_block *b)
{
	struct ascend_sim_arg a;
	uint64_t at;

	if (hal.svm == 3)
		return !b->count;
	for (at = b->va; b->count && at < b->va + b->len; at += HAL_HUGE) {
		a = (struct ascend_sim_arg){
			.va = at, .flags = ASCEND_SIM_F_ADDRESS,
		};
		if (!hal_call_raw(ASCEND_SIM_VMM_UNMAP, &a))
			b->count--;
	}
	return true;
}

drvError_t halMemAddressFree(void *ptr)
{
	drvError_t ret = DRV_ERROR_INVALID_VALUE;
	struct hal_block *b;

	pthread_rwlock_rdlock(&hal.pipeline);
	pthread_mutex_lock(&hal.lock);
	b = hal_block_at((uint64_t)ptr);
	if (b && b->state == HAL_RESERVED && hal_reserved_empty(b)) {
		hal_block_del(b);
		ret = DRV_ERROR_NONE;
	}
	pthread_mutex_unlock(&hal.lock);
	pthread_rwlock_unlock(&hal.pipeline);
	hal_trace("%s va=%p -> %d", __func__, ptr, ret);
	return ret;
}

drvError_t halMemCreate(drv_mem_handle_t **handle, size_t size,
			const struct drv_mem_prop *prop, uint64_t flag)
{
	struct ascend_sim_arg a = { .len = size, .flags = ASCEND_SIM_F_HUGE };
	drv_mem_handle_t *h;
	drvError_t ret;
	int code;

	if (!handle || !size || !prop || flag || size % HAL_HUGE)
		return DRV_ERROR_INVALID_VALUE;
	code = hal_fail("create_handle");
	if (code)
		return code;
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
	/* several in one reservation, at any multiple of 2 MiB */
	pthread_mutex_lock(&hal.lock);
	b = hal_block_of((uint64_t)ptr);
	ret = DRV_ERROR_INVALID_VALUE;
	if (b && b->state == HAL_RESERVED && !((uint64_t)ptr % HAL_HUGE) &&
	    size <= b->va + b->len - (uint64_t)ptr)
		ret = hal_call(ASCEND_SIM_VMM_MAP, &a);
	if (!ret) {
		b->devid = handle->devid;
		b->count++;
	}
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
	b = ret ? NULL : hal_block_of((uint64_t)ptr);
	if (b && !--b->count)
		b->devid = ASCEND_SIM_MAX_DEV;
	pthread_mutex_unlock(&hal.lock);
	pthread_rwlock_unlock(&hal.pipeline);
	hal_trace("%s va=%p -> %d", __func__, ptr, ret);
	return ret;
}

/* Of what this call can do: to replace pages that the device found broken. */
drvError_t halMemCtl(int type, void *param_value, size_t param_value_size,
		     void *out_value, size_t *out_size_ret)
{
	struct MemRepairInPara *in = param_value;
	drvError_t ret = DRV_ERROR_NONE;
	struct ascend_sim_arg a;
	uint32_t i;

	(void)out_value;
	(void)out_size_ret;
	if (type != CTRL_TYPE_MEM_REPAIR)
		return DRV_ERROR_NOT_SUPPORT;
	if (!in || param_value_size != sizeof(*in) || !in->count ||
	    in->count > MEM_REPAIR_MAX_CNT)
		return DRV_ERROR_INVALID_VALUE;
	pthread_rwlock_wrlock(&hal.pipeline);
	for (i = 0; i < in->count && !ret; i++) {
		a = (struct ascend_sim_arg){
			.va = in->repairAddrs[i].ptr,
			.len = in->repairAddrs[i].len,
		};
		ret = hal_call(ASCEND_SIM_REPAIR, &a);
	}
	pthread_rwlock_unlock(&hal.pipeline);
	hal_trace("%s count=%u -> %d", __func__, in->count, ret);
	return ret;
}

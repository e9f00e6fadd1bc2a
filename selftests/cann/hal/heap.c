// SPDX-License-Identifier: GPL-2.0
/*
 * Device memory as the library hands it out.  A small free stays in the
 * process: the kernel hears nothing, and the next allocation of that size
 * gets the same memory at the same address, whoever else still maps it.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hal.h"

#define EVENT_TRIES	10
#define EVENT_SLEEP_US	1000	/* the driver's 10, for emulated processors */

static void hal_note(uint64_t kind, uint64_t va)
{
	struct ascend_sim_arg a = { .va = va, .id = kind };

	hal_call_raw(ASCEND_SIM_NOTE, &a);
}

static drvError_t hal_kernel_free(uint64_t va, uint32_t flags)
{
	struct ascend_sim_arg a = { .va = va, .flags = flags };

	return hal_call(ASCEND_SIM_FREE, &a);
}

/* The block that was freed last, of that size; hal.lock held. */
static struct hal_block *hal_cache_get(uint32_t devid, uint64_t len, bool huge)
{
	struct hal_block *b, *best = NULL;

	for (b = hal.blocks; b; b = b->next)
		if (b->state == HAL_CACHED && b->devid == devid &&
		    b->len == len && b->huge == huge && (!best || b->id > best->id))
			best = b;
	return best;
}

/* Out of memory: what the cache holds really goes back (the driver's shrink). */
static bool hal_cache_shrink(uint32_t devid)
{
	struct hal_block *b;
	bool any = false;

	pthread_mutex_lock(&hal.lock);
again:
	for (b = hal.blocks; b; b = b->next) {
		if (b->state != HAL_CACHED || b->devid != devid)
			continue;
		b->state = HAL_FREEING;
		pthread_mutex_unlock(&hal.lock);
		/* v3 may defer it: then it is no memory to be had now */
		if (hal_kernel_free(b->va, ASCEND_SIM_F_HEAP)) {
			pthread_mutex_lock(&hal.lock);
			b->state = HAL_DEFERRED;
		} else {
			any = true;
			pthread_mutex_lock(&hal.lock);
			hal_block_del(b);
		}
		goto again;
	}
	pthread_mutex_unlock(&hal.lock);
	return any;
}

static drvError_t hal_alloc_new(uint64_t size, uint32_t devid, bool huge,
				void **pp)
{
	struct ascend_sim_arg a = {
		.devid = devid,
		.len = hal_round(size, huge),
		.flags = huge ? ASCEND_SIM_F_HUGE : 0,
	};
	const char *linear = getenv("ASCEND_SIM_LINEAR");
	struct hal_block *b = NULL;
	drvError_t ret;

	if (hal.svm == 3 && linear && *linear == '1')
		a.flags |= ASCEND_SIM_F_LINEAR;
	pthread_mutex_lock(&hal.lock);
	a.va = hal_va_get(a.len);
	pthread_mutex_unlock(&hal.lock);
	if (!a.va)
		return DRV_ERROR_OUT_OF_MEMORY;
	ret = hal_call(ASCEND_SIM_ALLOC, &a);
	if (ret == DRV_ERROR_OUT_OF_MEMORY && hal_cache_shrink(devid))
		ret = hal_call(ASCEND_SIM_ALLOC, &a);

	pthread_mutex_lock(&hal.lock);
	if (!ret)
		b = hal_block_new(a.va, a.len, size, devid, HAL_USED);
	if (!ret && !b) {
		hal_kernel_free(a.va, 0);
		ret = DRV_ERROR_OUT_OF_MEMORY;
	}
	if (ret) {
		hal_va_put(a.va, a.len, false);
	} else {
		b->huge = huge;
		*pp = (void *)a.va;
	}
	pthread_mutex_unlock(&hal.lock);
	return ret;
}

drvError_t halMemAlloc(void **pp, unsigned long long size,
		       unsigned long long flag)
{
	bool huge = flag & MEM_PAGE_HUGE, exported = false;
	uint32_t devid = flag & MEM_DEVID_MASK;
	struct hal_block *b;
	drvError_t ret;
	int code;

	if (!pp || !size)
		return DRV_ERROR_INVALID_VALUE;
	code = hal_fail("alloc");
	if (code)
		return code;
	pthread_rwlock_rdlock(&hal.pipeline);
	/* a forked child has the library's state, and nothing behind it */
	if (!hal_dev_ready(devid) || hal.pid != getpid()) {
		ret = DRV_ERROR_NO_DEVICE;
		goto out;
	}
	pthread_mutex_lock(&hal.lock);
	b = hal_cache_get(devid, hal_round(size, huge), huge);
	if (b) {
		b->state = HAL_USED;
		b->size = size;
		exported = b->exported;
		*pp = (void *)b->va;
	}
	pthread_mutex_unlock(&hal.lock);
	if (exported)
		hal_note(ASCEND_SIM_NOTE_RECYCLE, (uint64_t)*pp);
	ret = b ? DRV_ERROR_NONE : hal_alloc_new(size, devid, huge, pp);
out:
	pthread_rwlock_unlock(&hal.pipeline);
	hal_trace("%s va=%p size=%llu dev=%u -> %d",
		  __func__, ret ? NULL : *pp, size, devid, ret);
	return ret;
}

/*
 * The kernel's half of a free.  The block is in no table meanwhile; on v3 a
 * free that importers' pins defer is a success, and comes back by an event.
 * On demand ("freelate") it fails after it has told who registered.
 */
static drvError_t hal_free_block(struct hal_block *b)
{
	uint32_t flags = hal_fail("freelate") ? ASCEND_SIM_F_FAIL : 0;
	drvError_t ret = hal_kernel_free(b->va, flags);

	pthread_mutex_lock(&hal.lock);
	if (!ret) {
		hal_block_del(b);
	} else if (hal.svm == 3 && ret == DRV_ERROR_BUSY) {
		b->state = HAL_DEFERRED;
		ret = DRV_ERROR_NONE;
	} else {
		b->state = HAL_USED;
	}
	pthread_mutex_unlock(&hal.lock);
	return ret;
}

static drvError_t hal_free(uint64_t va)
{
	static uint64_t stamp;
	bool again = false, cached = false;
	struct hal_block *b;

	pthread_mutex_lock(&hal.lock);
	b = hal_block_at(va);
	if (!b) {
		again = hal_va_was_memory(va);
	} else if (b->state == HAL_USED &&
		   b->len <= (b->huge ? hal.cache_max : hal.cache_max / 2)) {
		b->state = HAL_CACHED;
		b->id = ++stamp;
		cached = true;
	} else if (b->state == HAL_USED) {
		b->state = HAL_FREEING;
	} else {
		again = b->state == HAL_CACHED || b->state == HAL_FREEING ||
			b->state == HAL_DEFERRED;
		b = NULL;
	}
	pthread_mutex_unlock(&hal.lock);

	if (again)
		hal_note(ASCEND_SIM_NOTE_DOUBLE_FREE, va);
	if (!b)
		return DRV_ERROR_INVALID_VALUE;
	return cached ? DRV_ERROR_NONE : hal_free_block(b);
}

drvError_t halMemFree(void *pp)
{
	drvError_t ret;
	int code;

	if (!pp)
		return DRV_ERROR_INVALID_VALUE;
	code = hal_fail("free");
	if (code)
		return code;
	if (hal.fd >= 0 && hal.pid != getpid())
		return hal.svm == 3 ? DRV_ERROR_NOT_EXIST :
				      DRV_ERROR_PARA_ERROR;
	pthread_rwlock_rdlock(&hal.pipeline);
	ret = hal_free((uint64_t)pp);
	pthread_rwlock_unlock(&hal.pipeline);
	hal_trace("%s va=%p -> %d", __func__, pp, ret);
	return ret;
}

/* v2, device close: every allocation and what the cache holds; pipeline held. */
void hal_heap_close(uint32_t devid)
{
	struct hal_block *b;

	for (b = hal.blocks; b; b = b->next)
		if (b->devid == devid && (b->state == HAL_USED ||
					  b->state == HAL_CACHED))
			hal_kernel_free(b->va, ASCEND_SIM_F_HEAP);
}

/* The device is closed: its blocks are nobody's; pipeline held. */
void hal_heap_forget(uint32_t devid)
{
	struct hal_block *b, *next;

	pthread_mutex_lock(&hal.lock);
	for (b = hal.blocks; b; b = next) {
		next = b->next;
		if (b->devid == devid)
			hal_block_del(b);
	}
	pthread_mutex_unlock(&hal.lock);
}

/* The driver wants a deferred free again: find the handle, or lose it. */
static void hal_event(uint64_t va)
{
	struct hal_block *b = NULL;
	int i;

	for (i = 0; i < EVENT_TRIES && !b; i++) {
		pthread_rwlock_rdlock(&hal.pipeline);
		pthread_mutex_lock(&hal.lock);
		b = hal_block_at(va);
		if (b && b->state == HAL_DEFERRED)
			b->state = HAL_FREEING;
		else
			b = NULL;
		pthread_mutex_unlock(&hal.lock);
		if (b)
			hal_free_block(b);
		pthread_rwlock_unlock(&hal.pipeline);
		if (!b)
			usleep(EVENT_SLEEP_US);
	}
	if (!b)
		hal_note(ASCEND_SIM_NOTE_LOST_FREE, va);
	hal_trace("event free va=0x%llx -> %s", (unsigned long long)va,
		  b ? "done" : "lost");
}

static void *hal_event_thread(void *unused)
{
	struct ascend_sim_arg a;
	int ret;

	(void)unused;
	for (;;) {
		memset(&a, 0, sizeof(a));
		ret = hal_call_raw(ASCEND_SIM_EVENT, &a);
		if (!ret)
			hal_event(a.va);
		else if (ret != -EINTR)
			return NULL;
	}
}

int hal_event_start(void)
{
	sigset_t all, old;
	pthread_t thread;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&thread, NULL, hal_event_thread, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!ret)
		pthread_detach(thread);
	return -ret;
}

// SPDX-License-Identifier: LGPL-2.1-only
/* Hooks: free, unmap and allocate.  Nearly every call only passes through. */

#include "internal.h"

static drvError_t memory_next(void *addr, bool unmap)
{
	drvError_t (*next)(void *) = unmap ? NEXT(halMemUnmap) :
					     NEXT(halMemFree);

	return next ? INSIDE(next(addr)) : DRV_ERROR_NOT_SUPPORT;
}

/* All keys are held: destroy them, free the memory, then forget the keys. */
static drvError_t memory_free_held(struct state *state, struct region *region,
				   void *addr, bool unmap)
{
	drvError_t drv = close_destroy_all(state, region);

	if (drv) {
		close_finish_all(state, region);
		close_unhold_all(state, region);
		return drv;
	}
	drv = memory_next(addr, unmap);
	close_finish_all(state, region);
	return drv;
}

struct memory_call {
	struct state *state;
	struct region *region;
};

/* Also when the HAL throws or the thread is cancelled. */
static void memory_release(struct memory_call *call)
{
	if (!call->region)
		return;
	if (!call->region->free_pending)
		close_unhold_all(call->state, call->region);
	region_release(call->state, call->region);
}

static drvError_t memory_free_region(struct memory_call *call, void *addr,
				     bool unmap)
{
	struct region *region = call->region;
	struct close_ask ask = close_ask(call->state, region->size);
	int ret;

	if (unmap)
		close_never_defer(&ask);
	ret = close_hold_all(call->state, region, &ask);
	if (ret < 0)
		return refuse(-ret);
	if (!ret)
		return memory_free_held(call->state, region, addr, unmap);
	defer_add(call->state, region, true, (uintptr_t)addr);
	return DRV_ERROR_NONE;
}

static drvError_t memory_free(void *addr, bool unmap)
{
	struct memory_call call CLEANUP(memory_release) = {
		.state = state_get(),
	};
	struct config config;
	int ret;

	if (!call.state)
		return memory_next(addr, unmap);
	if (self.has_lock)
		return refuse(EBUSY);
	defer_poke(call.state);
	config_get(&config);
	ret = region_acquire(call.state, (uintptr_t)addr,
			     now_ms() + config.timeout_ms, &call.region);
	if (ret == -ENOENT) {
		/* an imported address is closed, never freed */
		if (import_is_live(call.state, (uintptr_t)addr))
			return refuse(EBUSY);
		return memory_next(addr, unmap);
	}
	if (ret)
		return refuse(ret == -EALREADY ? EBUSY : -ret);
	/* not the start of its allocation: the HAL will say so */
	if (call.region->exact && call.region->base != (uintptr_t)addr)
		return memory_next(addr, unmap);
	return memory_free_region(&call, addr, unmap);
}

HOOK drvError_t halMemFree(void *pp)
{
	if (likely(state_idle()) || self.in_next) {
		__typeof__(&halMemFree) next = NEXT(halMemFree);

		return likely(next) ? next(pp) : DRV_ERROR_NOT_SUPPORT;
	}
	GUARD();
	return memory_free(pp, false);
}

HOOK drvError_t halMemUnmap(void *ptr)
{
	struct state *state;
	drvError_t drv;

	if (self.in_next)
		return NEXT(halMemUnmap) ? NEXT(halMemUnmap)(ptr) :
					   DRV_ERROR_NOT_SUPPORT;
	GUARD();
	drv = state_idle() ? memory_next(ptr, true) : memory_free(ptr, true);
	state = atomic_load(&state_page);
	if (!drv && state && !self.has_lock && state == state_get())
		vmm_del(state, (uintptr_t)ptr);
	return drv;
}

static drvError_t memory_alloc_again(void **pp, unsigned long long size,
				     unsigned long long flag)
{
	struct state *state = state_get();
	struct config config;

	if (!state || self.has_lock)
		return DRV_ERROR_OUT_OF_MEMORY;
	config_get(&config);
	defer_wait_memory(state, (uint32_t)(flag & MEM_DEVID_MASK), size,
			  config.oom_wait_ms);
	return INSIDE(NEXT(halMemAlloc)(pp, size, flag));
}

static drvError_t memory_alloc(void **pp, unsigned long long size,
			       unsigned long long flag)
{
	struct state *state = atomic_load(&state_page);
	/* as of before: what is freed meanwhile may be what was lacking */
	bool pending = state && atomic_load(&state->nr_pending);
	drvError_t drv = INSIDE(NEXT(halMemAlloc)(pp, size, flag));

	if (likely(drv != DRV_ERROR_OUT_OF_MEMORY) || !pending)
		return drv;
	return memory_alloc_again(pp, size, flag);
}

HOOK drvError_t halMemAlloc(void **pp, unsigned long long size,
			    unsigned long long flag)
{
	__typeof__(&halMemAlloc) next = NEXT(halMemAlloc);

	if (unlikely(!next))
		return DRV_ERROR_NOT_SUPPORT;
	if (likely(state_idle()) || self.in_next)
		return next(pp, size, flag);
	GUARD();
	return memory_alloc(pp, size, flag);
}

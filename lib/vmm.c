// SPDX-License-Identifier: LGPL-2.1-only
/*
 * Addresses that were mapped by hand.  Whoever unmaps them uses the range again
 * at once, so a close of what is exported there cannot come later.
 */

#include <search.h>
#include <stdlib.h>

#include "internal.h"

struct mapping {
	uint64_t base;
	uint64_t size;
};

/* Ranges that overlap are equal: what is mapped never overlaps. */
static int mapping_cmp(const void *a, const void *b)
{
	const struct mapping *x = a, *y = b;

	if (x->base + (x->size - 1) < y->base)
		return -1;
	return y->base + (y->size - 1) < x->base;
}

static void mapping_del_locked(struct state *state, uint64_t addr,
			       uint64_t size)
{
	struct mapping probe = { .base = addr, .size = size }, **found, *old;

	while ((found = tfind(&probe, &state->mappings, mapping_cmp))) {
		old = *found;
		tdelete(old, &state->mappings, mapping_cmp);
		free(old);
	}
}

static void mapping_add(struct state *state, uint64_t addr, uint64_t size)
{
	struct mapping *new = malloc(sizeof(*new));

	if (!new)
		return;
	*new = (struct mapping){ .base = addr, .size = size };
	state_lock(state);
	mapping_del_locked(state, addr, size);
	if (!tsearch(new, &state->mappings, mapping_cmp))
		free(new);
	state_unlock(state);
}

/* It was unmapped.  Call without state->lock. */
void vmm_del(struct state *state, uint64_t addr)
{
	if (!atomic_load_explicit(&state->has_mappings, memory_order_relaxed))
		return;
	state_lock(state);
	mapping_del_locked(state, addr, 1);
	state_unlock(state);
}

bool vmm_is_mapped(struct state *state, uint64_t addr)
{
	struct mapping probe = { .base = addr, .size = 1 };
	bool mapped;

	state_lock(state);
	mapped = tfind(&probe, &state->mappings, mapping_cmp) != NULL;
	state_unlock(state);
	return mapped;
}

HOOK drvError_t halMemMap(void *ptr, size_t size, size_t offset,
			  drv_mem_handle_t *handle, uint64_t flag)
{
	__typeof__(&halMemMap) next = NEXT(halMemMap);
	struct state *state;
	drvError_t drv;

	if (!next)
		return DRV_ERROR_NOT_SUPPORT;
	if (self.in_next)
		return next(ptr, size, offset, handle, flag);
	GUARD();
	drv = INSIDE(next(ptr, size, offset, handle, flag));
	if (drv || !size || self.has_lock)
		return drv;
	state = state_get();
	if (state) {
		atomic_store(&state->has_mappings, true);
		mapping_add(state, (uintptr_t)ptr, size);
	}
	return drv;
}

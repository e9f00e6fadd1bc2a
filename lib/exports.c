// SPDX-License-Identifier: LGPL-2.1-only
/* What this process exported: keys, and the allocations they stand for. */

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/*
 * Keys of the past that are remembered.  Some programs free and never close,
 * and a second close should not reach the driver; beyond these it does, and the
 * driver says that it knows no such key.
 */
static const unsigned int past_max[2] = { 16384, 1024 };

/* A struct export begins with its key, so a key alone will do for searching. */
static int export_cmp(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct aclipc_key));
}

/* Ranges that overlap are equal: what is in the tree never overlaps. */
static int region_cmp(const void *a, const void *b)
{
	const struct region *x = a, *y = b;

	if (x->base + (x->size - 1) < y->base)
		return -1;
	return y->base + (y->size - 1) < x->base;
}

struct export *export_find_locked(struct state *state,
				  const struct aclipc_key *key)
{
	struct export **found = tfind(key, &state->exports, export_cmp);

	return found ? *found : NULL;
}

struct region *region_find_locked(struct state *state, uint64_t addr,
				  uint64_t size)
{
	struct region range = { .base = addr, .size = size ? size : 1 };
	struct region **found = tfind(&range, &state->regions, region_cmp);

	return found ? *found : NULL;
}

static void region_link(struct state *state, struct region *region)
{
	region->prev = NULL;
	region->next = state->all;
	if (state->all)
		state->all->prev = region;
	state->all = region;
	atomic_fetch_add(&state->nr_busy, 1);
}

static void region_unlink(struct state *state, struct region *region)
{
	if (region->prev)
		region->prev->next = region->next;
	else
		state->all = region->next;
	if (region->next)
		region->next->prev = region->prev;
	atomic_fetch_sub(&state->nr_busy, 1);
}

static void region_free_locked(struct state *state, struct region *region)
{
	defer_del_locked(state, region);
	tdelete(region, &state->regions, region_cmp);
	region_unlink(state, region);
	free(region);
}

/* Take over the exports of a region whose range has been swallowed. */
static void region_absorb(struct state *state, struct region *region,
			  struct region *old)
{
	uint64_t end = old->base + old->size, own = region->base + region->size;
	struct export *export;

	while ((export = old->exports)) {
		old->exports = export->next;
		export->region = region;
		export->next = region->exports;
		region->exports = export;
	}
	region->base = old->base < region->base ? old->base : region->base;
	region->size = (end > own ? end : own) - region->base;
	region->exact = false;
	region_free_locked(state, old);
}

/*
 * Enter @region.  Where the HAL cannot tell allocations apart, exports of parts
 * of one overlap: what overlaps becomes one region.
 */
static int region_insert_locked(struct state *state, struct region *region)
{
	struct region *old, **slot;

	while ((old = region_find_locked(state, region->base, region->size))) {
		if (old->busy || old->linked)
			return -EAGAIN;
		region_absorb(state, region, old);
	}
	slot = tsearch(region, &state->regions, region_cmp);
	if (!slot)
		return -ENOMEM;
	region_link(state, region);
	return 0;
}

static bool region_covers(const struct region *region,
			  const struct region *range)
{
	return range->base >= region->base &&
	       range->base + range->size <= region->base + region->size;
}

static int export_place_locked(struct state *state, struct export *export,
			       const struct region *range,
			       struct region **spare)
{
	struct region *region;
	int ret;

	region = region_find_locked(state, range->base, range->size);
	if (region && region->busy)
		return -EAGAIN;
	if (!region || !region_covers(region, range)) {
		region = *spare;
		*region = *range;
		ret = region_insert_locked(state, region);
		if (ret)
			return ret;
		*spare = NULL;
	}
	region->busy = true;
	export->region = region;
	export->next = region->exports;
	region->exports = export;
	return 0;
}

static struct past *past_of(struct state *state, enum export_state past)
{
	return &state->past[past == EXPORT_GONE];
}

static bool export_is_past(const struct export *export)
{
	return export->state == EXPORT_GHOST || export->state == EXPORT_GONE;
}

static void past_unlink(struct state *state, struct export *export)
{
	struct past *past = past_of(state, export->state);
	struct export **link = &past->first;

	while (*link != export)
		link = &(*link)->next;
	*link = export->next;
	if (!export->next)
		past->last = link;
	past->nr--;
}

static void past_drop_locked(struct state *state, struct export *export)
{
	past_unlink(state, export);
	tdelete(export, &state->exports, export_cmp);
	free(export);
}

static void past_add_locked(struct state *state, struct export *export,
			    enum export_state when)
{
	struct past *past = past_of(state, when);

	if (past->nr >= past_max[when == EXPORT_GONE])
		past_drop_locked(state, past->first);
	if (!past->first)
		past->last = &past->first;
	export->state = when;
	export->region = NULL;
	export->next = NULL;
	*past->last = export;
	past->last = &export->next;
	past->nr++;
}

/*
 * -EEXIST: this key is in the table, and not of the past.  0: it is, and its
 * region is busy, so that nobody closes what the module does not know yet.
 */
int export_insert(struct state *state, struct export *export,
		  const struct region *range)
{
	struct region *spare = calloc(1, sizeof(*spare));
	uint64_t until = now_ms() + 1000;
	struct export *old;
	int ret;

	if (!spare)
		return -ENOMEM;
	state_lock(state);
	old = export_find_locked(state, &export->key);
	if (old && export_is_past(old)) {
		past_drop_locked(state, old);
		old = NULL;
	}
	ret = old ? -EEXIST : 0;
	if (!ret && !tsearch(export, &state->exports, export_cmp))
		ret = -ENOMEM;
	while (!ret) {
		ret = export_place_locked(state, export, range, &spare);
		if (ret != -EAGAIN)
			break;
		ret = state_wait(state, &state->done, until) ? 0 : -EBUSY;
	}
	if (ret && ret != -EEXIST)
		tdelete(export, &state->exports, export_cmp);
	/* who closes it already waits for that */
	pthread_cond_broadcast(&state->done);
	state_unlock(state);
	free(spare);
	return ret;
}

/*
 * Take an export out of its region, which stays, even if empty: its busy thread
 * releases it.  @past: EXPORT_GHOST or EXPORT_GONE, or 0 to forget it.
 */
void export_remove(struct state *state, struct export *export,
		   enum export_state past)
{
	struct export **link;

	state_lock(state);
	for (link = &export->region->exports; *link != export;
	     link = &(*link)->next)
		;
	*link = export->next;
	if (past) {
		past_add_locked(state, export, past);
	} else {
		tdelete(export, &state->exports, export_cmp);
		free(export);
	}
	state_unlock(state);
}

/* A thread that is inside the library already must not wait for itself. */
static int region_wait_locked(struct state *state, uint64_t until_ms)
{
	if (self.in_lib > 1)
		return -EBUSY;
	return state_wait(state, &state->done, until_ms) ? 0 : -ETIMEDOUT;
}

/*
 * Find an export and make its region busy.  -EALREADY: its caller closed it
 * before; -EINPROGRESS: it went with a free or will, and this is the close that
 * came late; it was counted now.
 */
int export_acquire(struct state *state, const struct aclipc_key *key,
		   uint64_t until_ms, struct export **result)
{
	struct export *export;
	int ret;

	state_lock(state);
	for (;;) {
		export = export_find_locked(state, key);
		ret = !export ? -ENOENT : export->closing ? -EALREADY : 0;
		if (ret)
			break;
		if (export_is_past(export)) {
			ret = export->state == EXPORT_GONE ? -EALREADY :
							     -EINPROGRESS;
			past_unlink(state, export);
			past_add_locked(state, export, EXPORT_GONE);
			break;
		}
		/* without a region it is being entered: wait for that */
		if (export->region && export->region->free_pending) {
			export->closing = true;
			ret = -EINPROGRESS;
			break;
		}
		if (export->region && !export->region->busy) {
			export->region->busy = true;
			*result = export;
			break;
		}
		ret = region_wait_locked(state, until_ms);
		if (ret)
			break;
	}
	state_unlock(state);
	return ret;
}

/* Find the region of an address and make it busy; -ENOENT if there is none. */
int region_acquire(struct state *state, uint64_t addr, uint64_t until_ms,
		   struct region **result)
{
	struct region *region;
	int ret = 0;

	state_lock(state);
	for (;;) {
		region = region_find_locked(state, addr, 1);
		if (!region) {
			ret = -ENOENT;
			break;
		}
		/* busy: if it is being freed, it may be the caller's anew */
		if (region->free_pending && !region->busy) {
			ret = -EALREADY;
			break;
		}
		if (!region->busy) {
			region->busy = true;
			*result = region;
			break;
		}
		ret = region_wait_locked(state, until_ms);
		if (ret)
			break;
	}
	state_unlock(state);
	return ret;
}

void region_release(struct state *state, struct region *region)
{
	state_lock(state);
	region->busy = false;
	region->held_back = false;
	if (!region->exports && !region->free_pending)
		region_free_locked(state, region);
	else if (region->ready)
		pthread_cond_signal(&state->work);
	pthread_cond_broadcast(&state->done);
	state_unlock(state);
}

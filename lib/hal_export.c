// SPDX-License-Identifier: LGPL-2.1-only
/* Hooks of the exporter: create, say who may import, destroy. */

#include <stdlib.h>

#include "internal.h"

struct create_call {
	struct state *state;
	struct export *export;	/* not in the table yet */
	struct region *region;	/* busy, or NULL */
};

static void create_cleanup(struct create_call *call)
{
	if (call->region)
		region_release(call->state, call->region);
	free(call->export);
}

static DVresult create_next(DVdeviceptr vptr, size_t bytes, char *name,
			    uint32_t len)
{
	return NEXT(halShmemCreateHandle) ?
	       INSIDE(NEXT(halShmemCreateHandle)(vptr, bytes, name, len)) :
	       DRV_ERROR_NOT_SUPPORT;
}

/*
 * Memory that waits for its free is not the caller's any more, and v2 corrupts
 * its lists when one address has two names: let an old one go first.
 */
static int create_wait(struct state *state, DVdeviceptr vptr, size_t bytes)
{
	uint64_t until;
	struct region *region;
	struct export *export;
	struct config config;
	int ret = 0;

	if (!atomic_load(&state->nr_pending))
		return 0;
	config_get(&config);
	until = now_ms() + config.timeout_ms;
	state_lock(state);
	for (;;) {
		region = region_find_locked(state, vptr, bytes);
		if (region && region->free_pending && !region->busy) {
			ret = -EBUSY;
			break;
		}
		export = region ? region->exports : NULL;
		while (export && !export->closing)
			export = export->next;
		/* busy: if it is being freed, it may be the caller's anew */
		if (!export && !(region && region->free_pending))
			break;
		ret = self.in_lib > 1 ? -EBUSY :
		      state_wait(state, &state->done, until) ? 0 : -ETIMEDOUT;
		if (ret)
			break;
	}
	state_unlock(state);
	return ret;
}

static struct region create_range(const struct export *export)
{
	struct region range = {
		.base = export->addr,
		.size = export->length,
		.device = device_of(export->addr),
	};
	DVdeviceptr base = 0;
	size_t size = 0;

	if (NEXT(halMemGetAddressRange) &&
	    !INSIDE(NEXT(halMemGetAddressRange)(export->addr, &base, &size)) &&
	    base <= export->addr && export->addr - base < size) {
		range.base = base;
		range.size = size;
		range.exact = true;
	}
	return range;
}

/* The table has a key that the driver gives out again: it must be stale. */
static void create_drop_stale(struct state *state, const struct aclipc_key *key)
{
	struct export *old;
	struct region *region;

	if (export_acquire(state, key, 0, &old))
		return;
	region = old->region;
	session_revoke(state, key, old->generation, ACLIPC_REASON_FREED);
	export_remove(state, old, 0);
	region_release(state, region);
}

static int create_insert(struct create_call *call)
{
	struct region range = create_range(call->export);
	int ret;

	ret = export_insert(call->state, call->export, &range);
	if (ret == -EEXIST) {
		create_drop_stale(call->state, &call->export->key);
		ret = export_insert(call->state, call->export, &range);
	}
	return ret;
}

/* Make the new key known: here first, then in the module. */
static int create_track(struct create_call *call, const char *name)
{
	struct state *state = call->state;
	struct export *export = call->export;
	int ret;

	if (!key_from_name(&export->key, name))
		return -EINVAL;
	export->state = EXPORT_LIVE;
	ret = create_insert(call);
	if (ret)
		return ret;
	call->export = NULL;
	call->region = export->region;
	ret = session_export(state, export);
	if (ret == -EEXIST &&
	    !session_revoke(state, &export->key, 0, ACLIPC_REASON_FREED))
		ret = session_export(state, export);
	if (ret)
		export_remove(state, export, 0);
	return ret;
}

static DVresult create_tracked(struct state *state, DVdeviceptr vptr,
			       size_t bytes, char *name, uint32_t len)
{
	struct create_call call CLEANUP(create_cleanup) = { .state = state };
	DVresult drv;
	int ret;

	ret = create_wait(state, vptr, bytes);
	if (ret)
		return refuse(-ret);
	call.export = calloc(1, sizeof(*call.export));
	if (!call.export)
		return refuse(ENOMEM);
	call.export->addr = vptr;
	call.export->length = bytes;
	drv = create_next(vptr, bytes, name, len);
	if (drv)
		return drv;
	ret = create_track(&call, name);
	if (!ret)
		return DRV_ERROR_NONE;
	/* a key that is not tracked must not exist */
	log_once(LOG_EXPORT, "a new key cannot be tracked (errno %d): refused",
		 -ret);
	if (NEXT(halShmemDestroyHandle))
		(void)INSIDE(NEXT(halShmemDestroyHandle)(name));
	return refuse(-ret);
}

HOOK DVresult halShmemCreateHandle(DVdeviceptr vptr, size_t byte_count,
				   char *name, uint32_t name_len)
{
	__typeof__(&halShmemCreateHandle) next = NEXT(halShmemCreateHandle);
	struct state *state;
	int ret;

	if (self.in_next)
		return next ? next(vptr, byte_count, name, name_len) :
			      DRV_ERROR_NOT_SUPPORT;
	GUARD();
	/* what the HAL itself will complain about */
	if (!vptr || !byte_count || !name || name_len <= ACLIPC_KEY_MAX)
		return create_next(vptr, byte_count, name, name_len);
	/* a vfork child is sent on its way before anything is touched */
	ret = state_get() ? hook_begin(&state) : 1;
	if (ret < 0)
		return refuse(-ret);
	if (ret)
		return create_next(vptr, byte_count, name, name_len);
	return create_tracked(state, vptr, byte_count, name, name_len);
}

/* After the driver let them in.  Keys that are not tracked or not ours pass. */
static DVresult allow(const char *name, uint32_t flags, const int *pids,
		      int nr)
{
	struct aclipc_key key;
	struct state *state;
	int ret;

	if (!key_from_name(&key, name) || hook_begin(&state))
		return DRV_ERROR_NONE;
	ret = session_allow(state, &key, flags, pids,
			    nr > 0 ? (unsigned int)nr : 0);
	if (!ret || ret == -ENOENT || ret == -EPERM || ret == -EINVAL ||
	    ret == -ENODEV || ret == -EOPNOTSUPP)
		return DRV_ERROR_NONE;
	return refuse(-ret);
}

HOOK DVresult halShmemSetPidHandle(const char *name, int pid[], int num)
{
	__typeof__(&halShmemSetPidHandle) next = NEXT(halShmemSetPidHandle);
	DVresult drv;

	if (!next)
		return DRV_ERROR_NOT_SUPPORT;
	if (self.in_next)
		return next(name, pid, num);
	GUARD();
	drv = INSIDE(next(name, pid, num));
	return drv ? drv : allow(name, 0, pid, num);
}

HOOK DVresult halShmemSetPodPid(const char *name, uint32_t sdid, int pid[],
				int num)
{
	__typeof__(&halShmemSetPodPid) next = NEXT(halShmemSetPodPid);
	DVresult drv;

	if (!next)
		return DRV_ERROR_NOT_SUPPORT;
	if (self.in_next)
		return next(name, sdid, pid, num);
	GUARD();
	drv = INSIDE(next(name, sdid, pid, num));
	return drv ? drv : allow(name, ACLIPC_ALLOW_REMOTE, pid, num);
}

HOOK DVresult halShmemSetAttribute(const char *name, uint32_t type,
				   uint64_t attr)
{
	__typeof__(&halShmemSetAttribute) next = NEXT(halShmemSetAttribute);
	DVresult drv;

	if (!next)
		return DRV_ERROR_NOT_SUPPORT;
	if (self.in_next)
		return next(name, type, attr);
	GUARD();
	drv = INSIDE(next(name, type, attr));
	if (drv || type != SHMEM_ATTR_TYPE_NO_WLIST_IN_SERVER ||
	    attr != SHMEM_NO_WLIST_ENABLE)
		return drv;
	return allow(name, ACLIPC_ALLOW_ANYONE, NULL, 0);
}

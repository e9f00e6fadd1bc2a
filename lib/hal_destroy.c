// SPDX-License-Identifier: LGPL-2.1-only
/* Hook of the exporter: destroy a key, when nobody else has it open. */

#include "internal.h"

static DVresult destroy_next(const char *name)
{
	return NEXT(halShmemDestroyHandle) ?
	       INSIDE(NEXT(halShmemDestroyHandle)(name)) :
	       DRV_ERROR_NOT_SUPPORT;
}

/*
 * Not in our table: exported by nobody the module knows, by somebody else, or
 * by this process through the session API.
 */
static DVresult destroy_unknown(struct state *state,
				const struct aclipc_key *key, const char *name)
{
	uint32_t answer;
	DVresult drv;
	int ret;

	if (session_fd(state) < 0)
		return destroy_next(name);
	ret = session_begin(state, key, 0, ACLIPC_CLOSE_TRY, 0, &answer);
	if (ret == -ENOENT || ret == -ENODEV || ret == -EOPNOTSUPP)
		return destroy_next(name);
	if (ret == -EPERM || ret == -EINVAL)
		return refuse_surplus();
	if (ret)
		return refuse(-ret);
	drv = destroy_next(name);
	session_end(state, key, 0, drv ? ACLIPC_CLOSE_ABORT :
					 ACLIPC_CLOSE_FINISH);
	return drv;
}

struct destroy_call {
	struct state *state;
	struct region *region;
	struct export *export;	/* begun, and nothing else is decided yet */
};

/* Also when the HAL throws or the thread is cancelled. */
static void destroy_release(struct destroy_call *call)
{
	if (call->export) {
		call->export->closing = false;
		close_unhold(call->state, call->export);
	}
	region_release(call->state, call->region);
}

static int destroy_hold(struct destroy_call *call)
{
	struct close_ask ask = close_ask(call->state, 0);

	if (atomic_load(&call->state->has_mappings) &&
	    vmm_is_mapped(call->state, call->export->addr))
		close_never_defer(&ask);
	return close_hold(call->state, call->export, &ask);
}

static DVresult destroy_tracked(struct state *state, struct export *export)
{
	struct destroy_call call CLEANUP(destroy_release) = {
		.state = state, .region = export->region, .export = export,
	};
	DVresult drv;
	int ret;

	/* from here on another close of it is one too many */
	export->closing = true;
	ret = destroy_hold(&call);
	if (ret < 0)
		return refuse(-ret);
	if (ret) {
		call.export = NULL;
		defer_add(state, call.region, false, 0);
		return DRV_ERROR_NONE;
	}
	drv = close_destroy(state, export);
	if (export->state == EXPORT_DESTROYED) {
		call.export = NULL;
		close_finish(state, export, false);
	}
	return drv;
}

static DVresult destroy(const char *name)
{
	struct aclipc_key key;
	struct config config;
	struct export *export;
	struct state *state;
	int ret;

	if (!key_from_name(&key, name))
		return destroy_next(name);
	if (self.has_lock)
		return refuse(EBUSY);
	state = state_get();
	if (!state)
		return destroy_next(name);
	defer_poke(state);
	config_get(&config);
	ret = export_acquire(state, &key, now_ms() + config.timeout_ms,
			     &export);
	switch (ret) {
	case 0:
		return destroy_tracked(state, export);
	case -ENOENT:
		return destroy_unknown(state, &key, name);
	case -EINPROGRESS:
		return DRV_ERROR_NONE;	/* the free before it does it all */
	case -EALREADY:
		return refuse_surplus();
	default:
		return refuse(-ret);
	}
}

HOOK DVresult halShmemDestroyHandle(const char *name)
{
	if (self.in_next)
		return NEXT(halShmemDestroyHandle) ?
		       NEXT(halShmemDestroyHandle)(name) :
		       DRV_ERROR_NOT_SUPPORT;
	GUARD();
	return destroy(name);
}

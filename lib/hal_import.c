// SPDX-License-Identifier: LGPL-2.1-only
/* Hooks of the importer: open and close. */

#include <stdlib.h>

#include "internal.h"

struct open_call {
	const char *name;
	DVdeviceptr *vptr;
	DVdevice device;
	uint64_t flag;
	enum { OPEN_PLAIN, OPEN_BY_DEVICE, OPEN_V2 } how;
};

/*
 * The runtime takes the newest function that is defined, and all of them are
 * defined here: go down to what the HAL has.
 */
static DVresult open_next(const struct open_call *call)
{
	if (call->how == OPEN_V2 && NEXT(halShmemOpenHandleV2))
		return NEXT(halShmemOpenHandleV2)(call->device, call->name,
						  call->vptr, call->flag);
	if (call->how != OPEN_PLAIN && NEXT(halShmemOpenHandleByDevId))
		return NEXT(halShmemOpenHandleByDevId)(call->device,
						       call->name, call->vptr);
	if (NEXT(halShmemOpenHandle))
		return NEXT(halShmemOpenHandle)(call->name, call->vptr);
	return DRV_ERROR_NOT_SUPPORT;
}

static DVresult close_next(DVdeviceptr vptr)
{
	return NEXT(halShmemCloseHandle) ?
	       INSIDE(NEXT(halShmemCloseHandle)(vptr)) : DRV_ERROR_NOT_SUPPORT;
}

/* A count that the module has made and that may have to be taken back. */
struct open_count {
	struct state *state;
	struct import *import;
};

static void open_uncount(struct open_count *count)
{
	if (!count->import)
		return;
	session_close_import(count->state, count->import);
	free(count->import);
}

static DVresult open_counted(struct open_count *count,
			     const struct open_call *call)
{
	DVresult drv = INSIDE(open_next(call));
	DVdeviceptr addr;

	if (drv)
		return drv;
	addr = *call->vptr;
	count->import->device = call->how == OPEN_PLAIN ? device_of(addr) :
							  call->device;
	if (import_add(count->state, addr, count->import)) {
		(void)close_next(addr);
		return refuse(ENOMEM);
	}
	count->import = NULL;
	return DRV_ERROR_NONE;
}

static DVresult open_tracked(struct state *state, struct aclipc_key *key,
			     const struct open_call *call)
{
	struct open_count count CLEANUP(open_uncount) = { .state = state };
	struct import *import = malloc(sizeof(*import));
	int ret;

	if (!import)
		return refuse(ENOMEM);
	*import = (struct import){ .key = *key };
	ret = session_import(state, import);
	if (!ret) {
		count.import = import;
		return open_counted(&count, call);
	}
	free(import);
	/* a key that the module has never seen is nobody's business */
	if (ret == -ENOENT || (ret == -EPERM && state_is_foreign(state)) ||
	    ((ret == -ENODEV || ret == -EOPNOTSUPP) && !config_strict()))
		return INSIDE(open_next(call));
	return refuse(-ret);
}

static DVresult open_handle(const struct open_call *call)
{
	struct aclipc_key key;
	struct state *state;
	int ret;

	if (self.in_next)
		return open_next(call);
	GUARD();
	if (!call->vptr || !key_from_name(&key, call->name))
		return INSIDE(open_next(call));
	ret = hook_begin(&state);
	if (ret < 0)
		return refuse(-ret);
	if (ret)
		return INSIDE(open_next(call));
	return open_tracked(state, &key, call);
}

HOOK DVresult halShmemOpenHandle(const char *name, DVdeviceptr *vptr)
{
	struct open_call call = {
		.name = name, .vptr = vptr, .how = OPEN_PLAIN,
	};

	return open_handle(&call);
}

HOOK DVresult halShmemOpenHandleByDevId(DVdevice dev_id, const char *name,
					DVdeviceptr *vptr)
{
	struct open_call call = {
		.name = name, .vptr = vptr, .device = dev_id,
		.how = OPEN_BY_DEVICE,
	};

	return open_handle(&call);
}

HOOK DVresult halShmemOpenHandleV2(DVdevice dev_id, const char *name,
				   DVdeviceptr *vptr, uint64_t flag)
{
	struct open_call call = {
		.name = name, .vptr = vptr, .device = dev_id, .flag = flag,
		.how = OPEN_V2,
	};

	return open_handle(&call);
}

/* An import that is out of the table until its real close is done. */
struct close_call {
	struct state *state;
	struct import *import;
	uint64_t addr;
};

static void close_put_back(struct close_call *call)
{
	if (call->import)
		import_put_back(call->state, call->addr, call->import);
}

static DVresult close_taken(struct close_call *call)
{
	DVresult drv = close_next(call->addr);

	if (drv && device_knows(call->addr))
		return drv;
	/* in a vfork child it is put back: the parent has it still */
	if (session_close_import(call->state, call->import) == -EPERM &&
	    state_is_foreign(call->state))
		return drv;
	import_done(call->state, call->addr, call->import, false);
	call->import = NULL;
	return drv;
}

static DVresult close_handle(DVdeviceptr vptr)
{
	struct close_call call CLEANUP(close_put_back) = { .addr = vptr };

	if (self.has_lock)
		return refuse(EBUSY);
	call.state = state_get_fast();
	if (!call.state)
		return close_next(vptr);
	switch (import_take(call.state, vptr, &call.import)) {
	case IMPORT_TAKEN:
		return close_taken(&call);
	case IMPORT_RACE:
		return refuse_surplus();
	case IMPORT_WAS_GHOST:
		return DRV_ERROR_NONE;
	default:
		return close_next(vptr);
	}
}

HOOK DVresult halShmemCloseHandle(DVdeviceptr vptr)
{
	if (self.in_next)
		return NEXT(halShmemCloseHandle) ?
		       NEXT(halShmemCloseHandle)(vptr) : DRV_ERROR_NOT_SUPPORT;
	GUARD();
	return close_handle(vptr);
}

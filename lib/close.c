// SPDX-License-Identifier: LGPL-2.1-only
/*
 * The exporter's close, step by step: hold, destroy, finish, or unhold.
 *
 * Everything here is called by the thread that made the region busy, so the
 * list of its exports shrinks only under the caller's own hands.
 */

#include <string.h>

#include "internal.h"

/* How to hold exports of @bytes: by policy, and as the situation allows. */
struct close_ask close_ask(struct state *state, uint64_t bytes)
{
	struct close_ask ask = { 0 };
	struct config config;
	uint64_t pending;

	config_get(&config);
	ask.policy = config.policy;
	ask.until_ms = now_ms() + config.timeout_ms;
	if (ask.policy == ACLIPC_POLICY_DEFER && config.defer_max_bytes) {
		state_lock(state);
		pending = state->pending_bytes;
		state_unlock(state);
		if (bytes > config.defer_max_bytes ||
		    pending > config.defer_max_bytes - bytes)
			ask.policy = ACLIPC_POLICY_WAIT;
	}
	/* a signal handler must not make its own thread wait for itself */
	if (ask.policy == ACLIPC_POLICY_WAIT && self.in_lib > 1)
		ask.policy = ACLIPC_POLICY_REFUSE;
	return ask;
}

/* Where the work cannot come later, wait instead. */
void close_never_defer(struct close_ask *ask)
{
	ask->never_defer = true;
	if (ask->policy == ACLIPC_POLICY_DEFER)
		ask->policy = self.in_lib > 1 ? ACLIPC_POLICY_REFUSE :
						ACLIPC_POLICY_WAIT;
}

static enum aclipc_close_op close_op(const struct close_ask *ask)
{
	switch (ask->policy) {
	case ACLIPC_POLICY_WAIT:
		return ACLIPC_CLOSE_WAIT;
	case ACLIPC_POLICY_REFUSE:
		return ACLIPC_CLOSE_TRY;
	default:
		return ACLIPC_CLOSE_DEFER;
	}
}

static uint32_t close_remaining(const struct close_ask *ask)
{
	uint64_t now = now_ms();

	return now < ask->until_ms ? (uint32_t)(ask->until_ms - now) : 0;
}

/*
 * Hold one export: 0 if it is held, 1 if a deferral stands, or a negative errno
 * and nothing has changed.
 */
int close_hold(struct state *state, struct export *export,
	       const struct close_ask *ask)
{
	enum aclipc_close_op op = close_op(ask);
	unsigned int again = 0;
	uint32_t answer;
	int ret;

	if (export->state == EXPORT_HELD || export->state == EXPORT_DESTROYED)
		return 0;
	for (;;) {
		ret = session_begin(state, &export->key, export->generation,
				    op, close_remaining(ask), &answer);
		/* the wait would close a cycle: let the others go on */
		if (ret == -EDEADLK && !ask->never_defer)
			op = ACLIPC_CLOSE_DEFER;
		/* revoked while it waited: the next answer says so */
		else if (ret != -EOWNERDEAD || again++)
			break;
	}
	if (ret == -EDEADLK)
		return -EBUSY;
	if (!ret && answer == ACLIPC_ANSWER_PENDING) {
		export->state = EXPORT_PENDING;
		return 1;
	}
	/*
	 * The module knows the export no more, or there is no module any more:
	 * nothing is counted, and the driver's key has still to go.
	 */
	if (!ret || ret == -ENOENT || ret == -ENODEV || ret == -EOPNOTSUPP ||
	    ret == -EOWNERDEAD) {
		export->state = EXPORT_HELD;
		return 0;
	}
	return ret;
}

/* Call the deferral or the close off. */
void close_unhold(struct state *state, struct export *export)
{
	if (export->state != EXPORT_PENDING && export->state != EXPORT_HELD)
		return;
	session_end(state, &export->key, export->generation,
		    ACLIPC_CLOSE_ABORT);
	export->state = EXPORT_LIVE;
}

/* What the caller has not closed is LIVE again. */
void close_unhold_all(struct state *state, struct region *region)
{
	struct export *export;

	for (export = region->exports; export; export = export->next)
		if (!export->closing)
			close_unhold(state, export);
}

/*
 * Hold all exports of a region: 0 if all are held, 1 if some are pending, or a
 * negative errno and what was LIVE is LIVE.
 */
int close_hold_all(struct state *state, struct region *region,
		   const struct close_ask *ask)
{
	struct export *export;
	int ret, pending = 0;

	for (export = region->exports; export; export = export->next) {
		ret = close_hold(state, export, ask);
		if (ret < 0) {
			close_unhold_all(state, region);
			return ret;
		}
		pending |= ret;
	}
	return pending;
}

/* These say that the driver does not know the key: there is nothing to do. */
static bool close_no_such_key(drvError_t drv)
{
	return drv == DRV_ERROR_PARA_ERROR || drv == DRV_ERROR_NOT_EXIST ||
	       drv == DRV_ERROR_INVALID_HANDLE;
}

/* The real destroy.  The key may be gone even if it says no. */
drvError_t close_destroy(struct state *state, struct export *export)
{
	char name[ACLIPC_KEY_MAX + 1];
	drvError_t drv;

	(void)state;
	if (export->state == EXPORT_DESTROYED)
		return DRV_ERROR_NONE;
	if (!NEXT(halShmemDestroyHandle))
		return DRV_ERROR_NOT_SUPPORT;
	key_to_name(&export->key, name);
	drv = INSIDE(NEXT(halShmemDestroyHandle)(name));
	if (!drv || close_no_such_key(drv))
		export->state = EXPORT_DESTROYED;
	return drv;
}

/* Destroy all keys of a held region; stops at the first that stays. */
drvError_t close_destroy_all(struct state *state, struct region *region)
{
	struct export *export;
	drvError_t drv;

	for (export = region->exports; export; export = export->next) {
		drv = close_destroy(state, export);
		if (export->state != EXPORT_DESTROYED)
			return drv;
	}
	return DRV_ERROR_NONE;
}

/*
 * The driver has let go.  @ghost: the caller has not closed the key yet, and
 * when it does so it shall succeed, once.
 */
void close_finish(struct state *state, struct export *export, bool ghost)
{
	session_end(state, &export->key, export->generation,
		    ACLIPC_CLOSE_FINISH);
	export_remove(state, export, ghost && !export->closing ?
				     EXPORT_GHOST : EXPORT_GONE);
}

void close_finish_all(struct state *state, struct region *region)
{
	struct export *export, *next;

	for (export = region->exports; export; export = next) {
		next = export->next;
		if (export->state == EXPORT_DESTROYED)
			close_finish(state, export, true);
	}
}

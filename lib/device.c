// SPDX-License-Identifier: LGPL-2.1-only
/* The close or reset of a device: everything of this process on it ends. */

#include <stdlib.h>

#include "internal.h"

/* An import whose real close failed: the device close will do it. */
struct leftover {
	struct import *import;
	uint64_t addr;
	struct leftover *next;
};

struct closing {
	struct state *state;
	uint32_t device;
	uint64_t until_ms;
	struct leftover *leftovers;
};

uint32_t device_of(uint64_t addr)
{
	struct DVattribute attr = { 0 };

	if (!NEXT(drvMemGetAttribute) ||
	    INSIDE(NEXT(drvMemGetAttribute)(addr, &attr)))
		return DEVICE_UNKNOWN;
	return attr.devId;
}

/* Memory on an unknown device goes with any: better late than never. */
bool device_matches(uint32_t device, uint32_t wanted)
{
	return device == wanted || wanted == DEVICE_ALL ||
	       device == DEVICE_UNKNOWN;
}

/* Does the HAL still have something at this address? */
bool device_knows(uint64_t addr)
{
	struct DVattribute attr = { 0 };
	DVdeviceptr base = 0;
	size_t size = 0;

	/* the one speaks of own memory, the other of imports as well */
	if (NEXT(halMemGetAddressRange) &&
	    !INSIDE(NEXT(halMemGetAddressRange)(addr, &base, &size)))
		return true;
	if (NEXT(drvMemGetAttribute))
		return !INSIDE(NEXT(drvMemGetAttribute)(addr, &attr));
	return !NEXT(halMemGetAddressRange);
}

static drvError_t import_close_real(uint64_t addr)
{
	return NEXT(halShmemCloseHandle) ?
	       INSIDE(NEXT(halShmemCloseHandle)(addr)) : DRV_ERROR_NOT_SUPPORT;
}

/*
 * First the own imports, so that processes that reset together do not wait for
 * each other.
 */
static void closing_imports(struct closing *closing)
{
	struct state *state = closing->state;
	struct leftover *leftover;
	struct import *import;
	uint64_t addr;

	while ((import = import_take_device(state, closing->device, &addr))) {
		if (import_close_real(addr) && device_knows(addr)) {
			leftover = malloc(sizeof(*leftover));
			if (leftover) {
				*leftover = (struct leftover){
					import, addr, closing->leftovers
				};
				closing->leftovers = leftover;
				continue;
			}
		}
		session_close_import(state, import);
		import_done(state, addr, import, true);
	}
}

static void closing_leftovers(struct closing *closing, bool closed)
{
	struct leftover *leftover;

	while ((leftover = closing->leftovers)) {
		closing->leftovers = leftover->next;
		if (closed) {
			session_close_import(closing->state, leftover->import);
			import_done(closing->state, leftover->addr,
				    leftover->import, true);
		} else {
			import_put_back(closing->state, leftover->addr,
					leftover->import);
		}
		free(leftover);
	}
}

/* The next region of the device that is not ours yet, made busy. */
static struct region *closing_take(struct closing *closing)
{
	struct state *state = closing->state;
	struct region *region;
	bool busy = true;

	state_lock(state);
	while (busy) {
		busy = false;
		for (region = state->all; region; region = region->next) {
			if (region->held_back ||
			    !device_matches(region->device, closing->device))
				continue;
			if (!region->busy)
				break;
			busy = true;
		}
		if (region) {
			region->busy = true;
			region->held_back = true;
			break;
		}
		/* others are at work on the rest: give them their time */
		if (busy && (self.in_lib > 1 ||
			     !state_wait(state, &state->done,
					 closing->until_ms)))
			break;
	}
	state_unlock(state);
	return region;
}

static struct region *closing_first(struct closing *closing,
				    const struct region *after)
{
	struct state *state = closing->state;
	struct region *region;

	state_lock(state);
	region = after ? after->next : state->all;
	while (region && !(region->held_back &&
			   device_matches(region->device, closing->device)))
		region = region->next;
	state_unlock(state);
	return region;
}

/* Every importer is told before anybody is waited for. */
static void closing_announce(struct closing *closing)
{
	struct close_ask ask = { .policy = ACLIPC_POLICY_DEFER };
	struct region *region;
	struct export *export;

	while ((region = closing_take(closing))) {
		for (export = region->exports; export; export = export->next)
			close_hold(closing->state, export, &ask);
		defer_run_region(closing->state, region);
	}
}

static void closing_wait(struct closing *closing)
{
	struct close_ask ask = {
		.policy = ACLIPC_POLICY_WAIT,
		.never_defer = true,
		.until_ms = closing->until_ms,
	};
	struct region *region = NULL;
	struct export *export;
	int ret;

	while ((region = closing_first(closing, region))) {
		for (export = region->exports; export; export = export->next) {
			/* a signal is no reason to cut importers off */
			do {
				ret = self.in_lib > 1 ? 0 :
				      close_hold(closing->state, export, &ask);
			} while (ret == -EINTR && now_ms() < ask.until_ms);
		}
		defer_run_region(closing->state, region);
	}
}

/* The driver has freed it all: whatever is left is nobody's any more. */
static void closing_forget(struct closing *closing, struct region *region)
{
	struct state *state = closing->state;
	struct export *export;

	while ((export = region->exports)) {
		if (export->state == EXPORT_HELD ||
		    export->state == EXPORT_DESTROYED) {
			close_finish(state, export, false);
			continue;
		}
		session_revoke(state, &export->key, export->generation,
			       ACLIPC_REASON_DEVICE);
		export_remove(state, export, EXPORT_GONE);
	}
	state_lock(state);
	defer_del_locked(state, region);
	region->free_pending = false;
	state_unlock(state);
}

/* It failed: LIVE again, except what the caller had closed or freed before. */
static void closing_restore(struct closing *closing, struct region *region)
{
	if (!region->free_pending)
		close_unhold_all(closing->state, region);
	state_lock(closing->state);
	region->ready = region->linked;
	state_unlock(closing->state);
}

static void closing_end(struct closing *closing, bool closed)
{
	struct region *region, *next;

	region = closing_first(closing, NULL);
	while (region) {
		next = closing_first(closing, region);
		if (closed)
			closing_forget(closing, region);
		else
			closing_restore(closing, region);
		region_release(closing->state, region);
		region = next;
	}
	closing_leftovers(closing, closed);
}

/*
 * Without this a thread that the real close throws or is cancelled out of would
 * leave the gate shut.
 */
static void closing_ungate(struct state **state)
{
	if (*state)
		pthread_rwlock_unlock(&(*state)->gate);
}

static drvError_t closing_real(struct state *state,
			       drvError_t (*real)(void *data), void *data)
{
	struct state *gate CLEANUP(closing_ungate) = NULL;

	if (!pthread_rwlock_wrlock(&state->gate))
		gate = state;
	return INSIDE(real(data));
}

/* Do it around the real close of a device, or of DEVICE_ALL. */
drvError_t device_close(uint32_t device, drvError_t (*real)(void *data),
			void *data)
{
	struct closing closing = { .device = device };
	struct config config;
	drvError_t drv;

	if (state_idle() || self.has_lock)
		return INSIDE(real(data));
	closing.state = state_get();
	if (!closing.state)
		return INSIDE(real(data));
	config_get(&config);
	closing.until_ms = now_ms() + config.timeout_ms;
	closing_imports(&closing);
	closing_announce(&closing);
	closing_wait(&closing);
	drv = closing_real(closing.state, real, data);
	closing_end(&closing, !drv);
	return drv;
}

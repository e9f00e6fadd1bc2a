// SPDX-License-Identifier: LGPL-2.1-only
/*
 * Deferred work: what the caller closed or freed while others still import.
 *
 * A region with such work is on a list.  One thread, made with the first
 * deferral, waits for DRAINED events and does the destroy and the free.  Any
 * hook may do the work of a region as well, if it needs the memory now.
 */

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "internal.h"

#define DEFER_TRIES		9
#define DEFER_RETRY_MS		10
#define DEFER_RETRY_MAX_MS	1000
#define DEFER_AGAIN_MS		10
#define DEFER_IDLE_MS		1000
#define DEFER_EXIT_MS		2000

/* Closed by the caller, or part of a free: to be destroyed when held. */
static bool defer_is_due(const struct region *region,
			 const struct export *export)
{
	return region->free_pending || export->closing;
}

void defer_del_locked(struct state *state, struct region *region)
{
	if (!region->linked)
		return;
	region->linked = false;
	if (region->pending_prev)
		region->pending_prev->pending_next = region->pending_next;
	else
		state->pending = region->pending_next;
	if (region->pending_next)
		region->pending_next->pending_prev = region->pending_prev;
	atomic_fetch_sub(&state->nr_pending, 1);
	if (region->free_pending)
		state->pending_bytes -= region->size;
}

static void defer_link_locked(struct state *state, struct region *region)
{
	region->linked = true;
	region->pending_prev = NULL;
	region->pending_next = state->pending;
	if (state->pending)
		state->pending->pending_prev = region;
	state->pending = region;
	atomic_fetch_add(&state->nr_pending, 1);
}

/* Plan the next try; after too many of them keep the memory for good. */
static void defer_retry(struct state *state, struct region *region,
			const char *what, drvError_t drv)
{
	uint64_t delay = DEFER_RETRY_MS << region->tries;

	if (++region->tries > DEFER_TRIES) {
		log_once(LOG_STUCK,
			 "the driver refuses to %s shared memory at 0x%llx (error %d): it stays allocated",
			 what, (unsigned long long)region->base, drv);
		state_lock(state);
		region->stuck = true;
		state_unlock(state);
		return;
	}
	if (delay > DEFER_RETRY_MAX_MS)
		delay = DEFER_RETRY_MAX_MS;
	state_lock(state);
	region->retry_at = now_ms() + delay;
	state_unlock(state);
}

static void defer_destroy_each(struct state *state, struct region *region)
{
	struct export *export, *next;
	drvError_t drv;

	for (export = region->exports; export; export = next) {
		next = export->next;
		if (export->state != EXPORT_HELD || !export->closing)
			continue;
		drv = close_destroy(state, export);
		if (export->state == EXPORT_DESTROYED)
			close_finish(state, export, false);
		else
			defer_retry(state, region, "destroy a key of", drv);
	}
}

static void defer_free(struct state *state, struct region *region)
{
	drvError_t drv = close_destroy_all(state, region);
	struct export *export;

	for (export = region->exports; export; export = export->next)
		if (export->state != EXPORT_DESTROYED) {
			defer_retry(state, region, "destroy a key of", drv);
			return;
		}
	drv = NEXT(halMemFree) ?
	      INSIDE(NEXT(halMemFree)((void *)(uintptr_t)region->free_addr)) :
	      DRV_ERROR_NOT_SUPPORT;
	if (drv) {
		defer_retry(state, region, "free", drv);
		return;
	}
	close_finish_all(state, region);
	state_lock(state);
	defer_del_locked(state, region);
	region->free_pending = false;
	state->freed_bytes += region->size;
	state_unlock(state);
}

/* True if all that is due is held. */
static bool defer_hold(struct state *state, struct region *region)
{
	struct close_ask ask = { .policy = ACLIPC_POLICY_DEFER };
	struct export *export;
	bool all = true;

	for (export = region->exports; export; export = export->next)
		if (defer_is_due(region, export) &&
		    close_hold(state, export, &ask))
			all = false;
	return all;
}

/* Do what can be done for a region that the caller made busy. */
void defer_run_region(struct state *state, struct region *region)
{
	bool all, left = false, taken;
	struct export *export;

	if (!region->linked || region->stuck)
		return;
	all = defer_hold(state, region);
	/* never begin anything in the HAL once exit has begun */
	taken = gate_read(state);
	if (!atomic_load(&state->exiting)) {
		if (!region->free_pending)
			defer_destroy_each(state, region);
		else if (all)
			defer_free(state, region);
	}
	gate_unread(state, taken);
	for (export = region->exports; export; export = export->next)
		left |= export->closing;
	if (!left && !region->free_pending) {
		state_lock(state);
		defer_del_locked(state, region);
		state_unlock(state);
	}
}

/*
 * Pick a region of the device with work to try, and make it busy.  @epoch: any
 * region, but each once in this epoch; 0: what is ready or due, and *next_ms
 * becomes the time when something else is.
 */
static struct region *defer_pick(struct state *state, uint32_t device,
				 unsigned int epoch, uint64_t *next_ms)
{
	struct region *region, *found = NULL;
	uint64_t now = now_ms();

	state_lock(state);
	for (region = state->pending; region; region = region->pending_next) {
		if (region->stuck || (epoch && region->epoch == epoch) ||
		    !device_matches(region->device, device))
			continue;
		if (region->busy) {
			if (region->ready && *next_ms > now + DEFER_AGAIN_MS)
				*next_ms = now + DEFER_AGAIN_MS;
			continue;
		}
		if (region->retry_at > now && !epoch) {
			if (region->retry_at < *next_ms)
				*next_ms = region->retry_at;
			continue;
		}
		if (!epoch && !region->ready && !region->retry_at)
			continue;
		region->busy = true;
		region->epoch = epoch;
		region->ready = false;
		region->retry_at = 0;
		found = region;
		break;
	}
	state_unlock(state);
	return found;
}

/* Run what is drained of a device, in the calling thread. */
void defer_run(struct state *state, uint32_t device)
{
	struct region *region;
	uint64_t next = UINT64_MAX;
	unsigned int epoch;

	if (!atomic_load(&state->nr_pending))
		return;
	epoch = atomic_fetch_add(&state->epoch, 1) + 1;
	while ((region = defer_pick(state, device, epoch, &next))) {
		defer_run_region(state, region);
		region_release(state, region);
	}
}

/* Where no thread could be made, every hook does its part. */
void defer_poke(struct state *state)
{
	if (atomic_load(&state->nr_pending) &&
	    !atomic_load(&state->has_thread) && self.in_lib <= 1)
		defer_run(state, DEVICE_ALL);
}

/* An event names a key: mark its region.  Events of imports are not for us. */
static void defer_event(struct state *state, const struct aclipc_event *event)
{
	struct aclipc_key key;
	struct export *export;

	if (event->type != ACLIPC_EVENT_DRAINED &&
	    event->type != ACLIPC_EVENT_REVOKED)
		return;
	memcpy(key.bytes, event->key, sizeof(key.bytes));
	state_lock(state);
	export = export_find_locked(state, &key);
	if (export && export->region)
		export->region->ready = true;
	state_unlock(state);
}

static void defer_read(struct state *state, int fd)
{
	struct aclipc_event events[16];
	ssize_t len, i;

	/* never read what may be somebody else's by now */
	if (!session_fd_is_ours(state, fd)) {
		usleep(DEFER_AGAIN_MS * 1000);
		return;
	}
	len = read(fd, events, sizeof(events));
	if (len <= 0) {
		usleep(DEFER_AGAIN_MS * 1000);
		return;
	}
	for (i = 0; i < len / (ssize_t)sizeof(events[0]); i++)
		defer_event(state, &events[i]);
}

/* After a lost descriptor no event will come for what was pending. */
static void defer_ready_all(struct state *state)
{
	struct region *region;

	state_lock(state);
	for (region = state->pending; region; region = region->pending_next)
		region->ready = true;
	state_unlock(state);
}

static void defer_sleep(struct state *state)
{
	state_lock(state);
	while (!state->pending)
		pthread_cond_wait(&state->work, &state->lock);
	state_unlock(state);
}

static void defer_poll(struct state *state, int *old_fd, uint64_t until_ms)
{
	struct pollfd pollfd = { .events = POLLIN };
	uint64_t now = now_ms();

	pollfd.fd = session_fd(state);
	if (pollfd.fd != *old_fd)
		defer_ready_all(state);
	*old_fd = pollfd.fd;
	if (poll(&pollfd, 1, now < until_ms ? (int)(until_ms - now) : 0) > 0)
		defer_read(state, pollfd.fd);
}

static void *defer_thread(void *data)
{
	struct state *state = data;
	struct region *region;
	uint64_t next;
	int fd = -1;

	prctl(PR_SET_NAME, "aclipc-defer");
	self.in_lib = 1;
	while (!atomic_load(&state->exiting)) {
		defer_sleep(state);
		next = now_ms() + DEFER_IDLE_MS;
		while ((region = defer_pick(state, DEVICE_ALL, 0, &next))) {
			defer_run_region(state, region);
			region_release(state, region);
		}
		defer_poll(state, &fd, next);
	}
	return NULL;
}

/* From here on the thread enters the HAL no more.  Waits for one call of it. */
static void defer_at_exit(void)
{
	struct state *state = state_get();
	struct timespec ts;

	if (!state)
		return;
	atomic_store(&state->exiting, true);
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += DEFER_EXIT_MS / 1000;
	if (!pthread_rwlock_timedwrlock(&state->gate, &ts))
		pthread_rwlock_unlock(&state->gate);
}

static void defer_start(struct state *state)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	if (atomic_exchange(&state->has_thread, true))
		return;
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&thread, &attr, defer_thread, state);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (!ret) {
		atexit(defer_at_exit);
		return;
	}
	/* the next deferral tries again; until then hooks do the work */
	atomic_store(&state->has_thread, false);
	log_once(LOG_NO_THREAD, "no thread for deferred closes: %s",
		 strerror(ret));
}

/*
 * Leave a busy region to be finished later.  @with_free: the caller freed it,
 * by @free_addr.
 */
void defer_add(struct state *state, struct region *region, bool with_free,
	       uint64_t free_addr)
{
	state_lock(state);
	if (with_free && !region->free_pending) {
		region->free_pending = true;
		region->free_addr = free_addr;
		state->pending_bytes += region->size;
	}
	region->tries = 0;
	if (!region->linked)
		defer_link_locked(state, region);
	/* an event may have come before there was anything to do for it */
	region->ready = true;
	pthread_cond_signal(&state->work);
	state_unlock(state);
	defer_start(state);
}

static bool defer_has_free_locked(struct state *state, uint32_t device)
{
	struct region *region;

	for (region = state->pending; region; region = region->pending_next)
		if (region->free_pending && !region->stuck &&
		    device_matches(region->device, device))
			return true;
	return false;
}

/*
 * An allocation failed: make the memory of pending frees available, at best
 * @size bytes of it, in at most @wait_ms.
 */
void defer_wait_memory(struct state *state, uint32_t device, uint64_t size,
		       uint32_t wait_ms)
{
	uint64_t until = now_ms() + wait_ms, before;
	bool more = true;

	state_lock(state);
	before = state->freed_bytes;
	more = defer_has_free_locked(state, device);
	state_unlock(state);
	if (!more)
		return;
	defer_run(state, device);
	while (more && self.in_lib <= 1) {
		state_lock(state);
		more = state->freed_bytes - before < size &&
		       defer_has_free_locked(state, device) &&
		       state_wait(state, &state->done, until);
		state_unlock(state);
		/* without a thread nobody else would do it */
		if (more && !atomic_load(&state->has_thread))
			defer_run(state, device);
	}
}

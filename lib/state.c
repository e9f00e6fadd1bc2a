// SPDX-License-Identifier: LGPL-2.1-only
/* The state of this process, and how a child comes to have its own. */

#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

_Static_assert(sizeof(struct state) <= 4096, "the state fits on one page");

struct state *_Atomic state_page;

/* Only where the kernel cannot wipe: misses a raw clone(2). */
static void state_wipe(void)
{
	memset(atomic_load(&state_page), 0, sizeof(struct state));
}

static struct state *state_create(void)
{
	struct state *state, *old = NULL;
	bool wiped;

	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (state == MAP_FAILED)
		return NULL;
	wiped = !madvise(state, sizeof(*state), MADV_WIPEONFORK);
	if (!atomic_compare_exchange_strong(&state_page, &old, state)) {
		munmap(state, sizeof(*state));
		return old;
	}
	if (!wiped)
		pthread_atfork(NULL, NULL, state_wipe);
	return state;
}

/*
 * The state of this process; NULL in a vfork child, which runs in its parent's
 * memory and must leave that alone.  A forked child finds a page of zeros.
 */
struct state *state_get(void)
{
	struct state *state = atomic_load(&state_page);
	int pid = getpid(), old = 0;

	if (!state)
		state = state_create();
	if (!state || atomic_load(&state->pid) == pid)
		return state;
	if (atomic_compare_exchange_strong(&state->pid, &old, pid) ||
	    old == pid)
		return state;
	return NULL;
}

/* Only a vfork child finds that the state is another's. */
bool state_is_foreign(struct state *state)
{
	return atomic_load(&state->pid) != getpid();
}

/*
 * Begin a hook that makes something to be tracked: 0, or 1 if it has to pass
 * untracked, or a negative errno if it has to be refused.
 */
int hook_begin(struct state **state)
{
	int fd;

	if (self.has_lock)
		return -EBUSY;
	*state = state_get_fast();
	if (!*state)
		return 1;
	/* without a descriptor nothing will say whose state this is */
	if (unlikely(!atomic_load(&(*state)->fd)) && state_is_foreign(*state))
		return 1;
	fd = session_fd(*state);
	if (fd >= 0)
		return 0;
	return config_strict() ? fd : 1;
}

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/*
 * Wait for a change; false if the time is over.  The condition variables are
 * zeros, so they go by the wall clock: wait in short pieces, and look at the
 * monotonic one between them.  May return early.
 */
bool state_wait(struct state *state, pthread_cond_t *cond, uint64_t until_ms)
{
	uint64_t now = now_ms(), piece;
	struct timespec ts;
	int cancel;

	if (now >= until_ms)
		return false;
	piece = until_ms - now < 100 ? until_ms - now : 100;
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += (long)piece * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	/* to be cancelled here would leave with the lock */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_cond_timedwait(cond, &state->lock, &ts);
	pthread_setcancelstate(cancel, NULL);
	return true;
}

/*
 * The lock prefers readers, so a thread may take it for reading twice.  It is
 * refused to a signal handler whose thread has it for writing: go on without.
 */
bool gate_read(struct state *state)
{
	return !pthread_rwlock_rdlock(&state->gate);
}

void gate_unread(struct state *state, bool taken)
{
	if (taken)
		pthread_rwlock_unlock(&state->gate);
}

/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * Private header of libaclipc.
 *
 * All state of a process is in one struct state, on a page that a fork wipes:
 * a child, however it was made, starts from zeros, and zeros are a valid empty
 * state.  Nothing depends on constructors or destructors.
 *
 * Locks, outermost first:
 *
 *  1. region->busy   not a lock, a mark: its thread alone begins, destroys,
 *		      frees and removes the exports of the region.  Set and
 *		      cleared under 3.  Held across HAL calls and waits.
 *		      Never two, but for a device close, which takes all of a
 *		      device one after the other and drops any it must wait for.
 *  2. state->gate    read: everything the deferred thread does in the HAL.
 *		      write: the real device close; the start of exit.
 *  3. state->lock    tables, lists, counters.  Leaf: never across an ioctl, a
 *		      HAL call or anything that may sleep.
 *
 * A signal handler that calls in while its thread is inside the library finds
 * self.in_lib set: it never waits for 1, and is refused if its thread has 3.
 */
#ifndef ACLIPC_INTERNAL_H
#define ACLIPC_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "aclipc.h"
#include "hal.h"

#define ACLIPC_VERSION_TEXT	"0.1.0"

#define HOOK			__attribute__((visibility("default")))
#define API			__attribute__((visibility("default")))
#define CLEANUP(fn)		__attribute__((cleanup(fn)))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)

#define DEVICE_UNKNOWN		0xffffffffU
#define DEVICE_ALL		0xfffffffeU

/* guard.c: what this thread is doing */
struct self {
	unsigned int in_lib;	/* inside a hook */
	unsigned int in_next;	/* inside the next definition of one */
	unsigned int in_acl;	/* inside an aclrtIpcMem* wrapper */
	bool has_lock;		/* holds state->lock */
	bool hook_ran;		/* a hook ran since the wrapper began */
	int refused;		/* errno of the hook that refused, 0: none */
	int saved_errno;	/* what the caller shall find in errno */
	const struct aclipc_key *hint;	/* key that the wrapper closes */
};

extern __thread struct self self
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Put first in every hook; undone however the hook is left. */
struct guard {
	int outer_errno;
};

static inline struct guard guard_enter(void)
{
	struct guard guard = { .outer_errno = self.saved_errno };

	self.saved_errno = errno;
	self.in_lib++;
	self.hook_ran = true;
	return guard;
}

/* Runs on return, on an exception and on cancellation alike. */
static inline void guard_leave(struct guard *guard)
{
	self.in_lib--;
	errno = self.saved_errno;
	self.saved_errno = guard->outer_errno;
}

#define GUARD()								\
	struct guard guard_ CLEANUP(guard_leave)			\
		__attribute__((unused)) = guard_enter()

/* Put around every call of a next definition. */
struct inside {
	unsigned int depth;
};

static inline struct inside inside_enter(void)
{
	struct inside inside = { .depth = self.in_next };

	self.in_next++;
	errno = self.saved_errno;
	return inside;
}

/* What the real call left in errno is what the caller shall see. */
static inline void inside_leave(struct inside *inside)
{
	self.in_next = inside->depth;
	self.saved_errno = errno;
}

#define INSIDE(call) ({							\
	struct inside inside_ CLEANUP(inside_leave) = inside_enter();	\
	(void)inside_;							\
	call;								\
})

/* Refuse a call: remember why for the wrapper, return the HAL's number. */
drvError_t refuse(int err);
/* Refuse a surplus call with the code that CANN itself would give. */
drvError_t refuse_surplus(void);
drvError_t err_to_drv(int err);
aclError err_to_acl(int err);

/* next.c: the next definition of a function, NULL if there is none */
#define NEXT_HAL(X)							\
	X(halShmemCreateHandle) X(halShmemDestroyHandle)		\
	X(halShmemSetPidHandle) X(halShmemSetPodPid)			\
	X(halShmemSetAttribute) X(halShmemOpenHandle)			\
	X(halShmemOpenHandleByDevId) X(halShmemOpenHandleV2)		\
	X(halShmemCloseHandle) X(halMemAlloc) X(halMemFree)		\
	X(halMemMap) X(halMemUnmap) X(halDeviceClose)			\
	X(drvMemDeviceClose) X(halMemAgentClose) X(drvMemGetAttribute)	\
	X(halMemGetAddressRange) X(drvDeviceClose)
#define NEXT_ACL(X)							\
	X(aclrtIpcMemGetExportKey) X(aclrtIpcMemClose)			\
	X(aclrtIpcMemImportByKey) X(aclrtIpcMemSetImportPid)		\
	X(aclrtIpcMemSetAttr) X(aclrtIpcMemImportPidInterServer)

enum next_id {
#define NEXT_ID(name) NEXT_##name,
	NEXT_HAL(NEXT_ID)
	NEXT_ACL(NEXT_ID)
#undef NEXT_ID
	NEXT_NR
};

extern void *_Atomic next_fns[NEXT_NR] __attribute__((visibility("hidden")));
void *next_resolve(enum next_id id);

#define NEXT_MISSING	((void *)1)	/* the HAL is there and lacks it */

static inline void *next_get(enum next_id id)
{
	void *fn = atomic_load_explicit(&next_fns[id], memory_order_relaxed);

	return likely(fn && fn != NEXT_MISSING) ? fn : next_resolve(id);
}

#define NEXT(name)	((__typeof__(&(name)))next_get(NEXT_##name))

/* config.c */
struct config {
	enum aclipc_policy policy;
	uint32_t timeout_ms;
	uint32_t oom_wait_ms;
	uint64_t defer_max_bytes;
	bool strict;
	bool quiet;
};

void config_parse(struct config *config, const char *(*get)(const char *));
void config_get(struct config *config);
void config_set_policy(enum aclipc_policy policy, uint32_t timeout_ms);
bool config_strict(void);

/* log.c: one line to stderr, once per process and id */
enum log_id {
	LOG_NO_DEVICE, LOG_OLD_MODULE, LOG_BYPASS, LOG_STUCK, LOG_NO_THREAD,
	LOG_EXPORT, LOG_NR
};

void log_once(enum log_id id, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * One exported key.  Belongs to its region; a ghost or a gone one, which is kept
 * for the sake of closes to come, to one of state->past.
 */
enum export_state {
	EXPORT_LIVE = 1,
	EXPORT_PENDING,		/* a deferral stands in the module */
	EXPORT_HELD,		/* nothing is counted, the destroy is ours */
	EXPORT_DESTROYED,	/* the driver has let go, FINISH is to come */
	EXPORT_GHOST,		/* gone by a free; its late close is due */
	EXPORT_GONE,		/* closed; another close is one too many */
};

struct export {
	struct aclipc_key key;
	uint64_t generation;
	uint64_t addr;
	uint64_t length;
	enum export_state state;	/* written by the busy thread */
	bool closing;		/* the caller closed it: surplus from now on */
	struct region *region;
	struct export *next;
};

/* One allocation with exported keys.  Regions never overlap. */
struct region {
	uint64_t base;
	uint64_t size;
	uint64_t free_addr;	/* what the caller freed, if free_pending */
	uint32_t device;
	bool exact;		/* base is the allocation's own */
	bool busy;
	bool free_pending;	/* the caller freed it */
	bool linked;		/* on state->pending */
	bool ready;		/* something drained, or look again */
	bool stuck;		/* the driver refuses, no more tries */
	bool held_back;		/* a device close has it busy until it is over */
	unsigned int epoch;	/* of the last pass that ran it */
	unsigned int tries;
	uint64_t retry_at;	/* milliseconds, 0: none */
	struct export *exports;
	struct region *prev, *next;			/* state->all */
	struct region *pending_prev, *pending_next;	/* state->pending */
};

/* One import.  Belongs to the node of its address. */
struct import {
	struct aclipc_key key;
	uint64_t generation;
	uint32_t device;
	bool self;		/* its address is the process's own memory */
	bool ghost;		/* closed by a device close; its close is due */
	struct import *next;
};

struct import_node {
	uint64_t addr;
	struct import *first;
	unsigned int nr_closing;
};

struct state {
	atomic_int pid;
	atomic_uint nr_busy;	/* regions, and imports that are not ghosts */
	atomic_uint nr_pending;	/* regions on the pending list */
	atomic_uint epoch;
	atomic_int fd;		/* plus 1; 0: none */
	atomic_bool exiting;
	atomic_bool has_thread;
	atomic_bool has_mappings; /* ever had any */
	/* under open_lock */
	pthread_mutex_t open_lock;
	int no_device_err;	/* why the last open failed */
	uint64_t no_device_until;
	atomic_ullong dev_id[2]; /* st_rdev and st_ino of the descriptor */
	pthread_rwlock_t gate;
	pthread_mutex_t lock;
	/* under lock */
	pthread_cond_t work;	/* something became pending or ready */
	pthread_cond_t done;	/* a region ceased to be busy or went away */
	void *regions;		/* tsearch() by range */
	void *exports;		/* tsearch() by key, ghosts too */
	struct import_node *nodes; /* imports, sorted by address */
	unsigned int nr_nodes;
	unsigned int max_nodes;
	void *mappings;		/* tsearch() by range, see vmm.c */
	struct region *all;
	struct region *pending;
	struct past {		/* oldest first */
		struct export *first, **last;
		unsigned int nr;
	} past[2];		/* ghosts, gone */
	uint64_t pending_bytes;
	uint64_t freed_bytes;	/* by deferred work, ever */
};

/* state.c */
extern struct state *_Atomic state_page __attribute__((visibility("hidden")));
struct state *state_get(void);
bool state_is_foreign(struct state *state);
int hook_begin(struct state **state);
bool state_wait(struct state *state, pthread_cond_t *cond, uint64_t until_ms);
uint64_t now_ms(void);
bool gate_read(struct state *state);
void gate_unread(struct state *state, bool taken);

/* First the mark: a signal handler that sees it keeps off. */
static inline void state_lock(struct state *state)
{
	self.has_lock = true;
	atomic_signal_fence(memory_order_seq_cst);
	pthread_mutex_lock(&state->lock);
}

static inline void state_unlock(struct state *state)
{
	pthread_mutex_unlock(&state->lock);
	atomic_signal_fence(memory_order_seq_cst);
	self.has_lock = false;
}

/*
 * state_get() without asking the system who we are, for calls that end in an
 * ioctl: the module knows, and answers EPERM to a vfork child, which then asks
 * state_is_foreign() and leaves everything as it was.
 */
static inline struct state *state_get_fast(void)
{
	struct state *state = atomic_load_explicit(&state_page,
						   memory_order_acquire);

	if (likely(state && atomic_load_explicit(&state->pid,
						 memory_order_relaxed)))
		return state;
	return state_get();
}

/* Nothing is exported, imported or pending: one load decides. */
static inline bool state_idle(void)
{
	struct state *state = atomic_load_explicit(&state_page,
						   memory_order_acquire);

	return likely(!state || !atomic_load_explicit(&state->nr_busy,
						      memory_order_acquire));
}

/* session.c: the module, through the descriptor of this process */
int session_fd_slow(struct state *state);

/* The descriptor, or -ENODEV, or -EOPNOTSUPP for a strange module. */
static inline int session_fd(struct state *state)
{
	int fd = atomic_load_explicit(&state->fd, memory_order_acquire) - 1;

	return likely(fd >= 0) ? fd : session_fd_slow(state);
}

bool session_fd_is_ours(struct state *state, int fd);
int session_export(struct state *state, struct export *export);
int session_allow(struct state *state, const struct aclipc_key *key,
		  uint32_t flags, const int *pids, unsigned int nr);
int session_import(struct state *state, struct import *import);
int session_close_import(struct state *state, const struct import *import);
int session_begin(struct state *state, const struct aclipc_key *key,
		  uint64_t generation, enum aclipc_close_op op,
		  uint32_t timeout_ms, uint32_t *answer);
int session_end(struct state *state, const struct aclipc_key *key,
		uint64_t generation, enum aclipc_close_op op);
int session_revoke(struct state *state, const struct aclipc_key *key,
		   uint64_t generation, uint32_t reason);
int session_query(struct state *state, const struct aclipc_key *key,
		  struct aclipc_query *query);

/* key.c */
bool key_from_name(struct aclipc_key *key, const char *name);
void key_to_name(const struct aclipc_key *key, char name[ACLIPC_KEY_MAX + 1]);

/* exports.c.  *_locked: call with state->lock held */
struct export *export_find_locked(struct state *state,
				  const struct aclipc_key *key);
struct region *region_find_locked(struct state *state, uint64_t addr,
				  uint64_t size);
int export_insert(struct state *state, struct export *export,
		  const struct region *range);
void export_remove(struct state *state, struct export *export,
		   enum export_state past);
int export_acquire(struct state *state, const struct aclipc_key *key,
		   uint64_t until_ms, struct export **export);
int region_acquire(struct state *state, uint64_t addr, uint64_t until_ms,
		   struct region **region);
void region_release(struct state *state, struct region *region);

/* imports.c */
int import_add(struct state *state, uint64_t addr, struct import *import);
enum import_taken {
	IMPORT_NONE,		/* not tracked */
	IMPORT_TAKEN,		/* close it, then import_done() or _put_back() */
	IMPORT_RACE,		/* another thread closes the last one */
	IMPORT_WAS_GHOST,	/* a device close did it already */
};
enum import_taken import_take(struct state *state, uint64_t addr,
			      struct import **import);
void import_put_back(struct state *state, uint64_t addr,
		     struct import *import);
void import_done(struct state *state, uint64_t addr, struct import *import,
		 bool ghost);
struct import *import_take_device(struct state *state, uint32_t device,
				  uint64_t *addr);
bool import_is_live(struct state *state, uint64_t addr);

/* close.c: call with the region acquired */
struct close_ask {
	enum aclipc_policy policy;
	bool never_defer;
	uint64_t until_ms;
};

struct close_ask close_ask(struct state *state, uint64_t bytes);
void close_never_defer(struct close_ask *ask);
int close_hold(struct state *state, struct export *export,
	       const struct close_ask *ask);
int close_hold_all(struct state *state, struct region *region,
		   const struct close_ask *ask);
void close_unhold(struct state *state, struct export *export);
void close_unhold_all(struct state *state, struct region *region);
drvError_t close_destroy(struct state *state, struct export *export);
drvError_t close_destroy_all(struct state *state, struct region *region);
void close_finish(struct state *state, struct export *export, bool ghost);
void close_finish_all(struct state *state, struct region *region);

/* defer.c */
void defer_add(struct state *state, struct region *region, bool with_free,
	       uint64_t free_addr);
void defer_del_locked(struct state *state, struct region *region);
void defer_run_region(struct state *state, struct region *region);
void defer_run(struct state *state, uint32_t device);
void defer_poke(struct state *state);
void defer_wait_memory(struct state *state, uint32_t device, uint64_t size,
		       uint32_t wait_ms);

/* vmm.c */
void vmm_del(struct state *state, uint64_t addr);
bool vmm_is_mapped(struct state *state, uint64_t addr);

/* device.c: what a device close does before and after the real one */
uint32_t device_of(uint64_t addr);
bool device_matches(uint32_t device, uint32_t wanted);
bool device_knows(uint64_t addr);
drvError_t device_close(uint32_t device, drvError_t (*real)(void *data),
			void *data);

#endif /* ACLIPC_INTERNAL_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * aclipc: objects and rules inside the module.
 *
 * owner    one process that has sessions, as a struct pid reference.  All
 *          rules that speak of a process compare owners.
 * session  one open of /dev/aclipc.
 * share    one exported region: key, generation, state, imports.
 * import   one (session, share) pair with its count: struct aclipc_imp, since
 *          the uapi has the name struct aclipc_import for the call.
 * watch    one registration with the driver, for a range of one owner.
 *
 * Lock order, outermost first:
 *
 * 0. aclipc_graph_lock   mutex.  Who waits for what; only when a WAIT blocks.
 * 1. owner->watch_mutex  One export of a process at a time has itself watched.
 *                        The driver is called under it; its callbacks never
 *                        take it.
 * 2. aclipc_owners_lock  mutex.  The owners and their sessions.  Nothing is
 *                        allocated and nothing walked under it that grows with
 *                        what a process has: the driver's callbacks take it,
 *                        and so do the opens and exits of others.
 * 3. session->mutex      The growth of allow lists, each one at a time.
 * 4. share->lock         spinlock.  State, counts, imports of one share.  Never
 *                        two of them.  Never across user copies, allocations
 *                        or calls into the driver.
 * 5. session->lock       spinlock.  The session's end, lists, pending events.
 *    owner->watch_lock   spinlock.  The process's watches and the shares in them.
 * 6. leaves              hash buckets, tombstone list, wait queues.
 *
 * 0 is held with none of the others, those of one number not together.
 * session->read_lock serializes readers of events and is taken with nothing
 * held.  What only a session's work does has no lock: there is one at a time.
 *
 * Memory: a share is freed by RCU after its last reference.  Inside an RCU
 * section a share that was found in a table is valid memory; what it says holds
 * only under its lock.  An import is found only under the lock of its share or
 * of its session.
 */
#ifndef ACLIPC_H
#define ACLIPC_H

#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../uapi/aclipc.h"

#if BITS_PER_LONG != 64
#error "aclipc needs a 64-bit kernel: the driver hands back ids in a pointer"
#endif

#define ACLIPC_VERSION	"0.1.0"

struct aclipc_watch;
struct file;
struct p2p_page_table;
struct poll_table_struct;

/*
 * A key that is looked for: the checked bytes in the caller's struct, aligned
 * like all keys.
 */
struct aclipc_key {
	const u8 *bytes;
	u32 hash;
};

struct aclipc_owner {
	struct hlist_node node;		/* aclipc_owners_lock */
	struct pid *pid;		/* set once: the process, by reference */
	refcount_t refs;		/* table, each session, each watch */
	unsigned int nr_sessions;	/* aclipc_owners_lock: on its list */
	unsigned int nr_watches;	/* aclipc_owners_lock: until they are put */
	atomic_t nr_open;		/* of these: not ended */
	atomic_t nr_exports;
	atomic_t nr_imports;
	atomic_t nr_listeners;		/* others' imports of its, that listen */
	bool known;			/* once set: has been on a device */
	bool reused;			/* once set: its number is another's */
	unsigned long ask_again;	/* jiffies: whether it is known */
	struct mutex watch_mutex;	/* see the lock order above */
	spinlock_t watch_lock;		/* see the lock order above */
	struct list_head watches;	/* watch_lock: not called back yet */
	unsigned long watch_again;	/* bits: devices whose watch was called back */
	struct list_head sessions;	/* aclipc_owners_lock */
	struct list_head waits;		/* aclipc_graph_lock: its waiters */
	struct list_head todo;		/* aclipc_graph_lock: walk */
	u64 stamp;			/* aclipc_graph_lock: walk */
	unsigned long grace_end;	/* cmpxchg: jiffies, 0 before the first */
	wait_queue_entry_t exit_entry;	/* on pid->wait_pidfd */
	struct work_struct exit_work;
};

enum aclipc_phase {
	ACLIPC_PHASE_OPEN,
	ACLIPC_PHASE_ENDED,		/* exports revoked, waits for the exit */
	ACLIPC_PHASE_SETTLING,		/* imports counted for settle_ms more */
};

struct aclipc_session {
	refcount_t refs;		/* file, owner's list, each share */
	u64 id;				/* set once */
	struct aclipc_owner *owner;	/* set once, a reference */
	u64 exec_id;			/* set once: the owner's program */
	struct list_head owner_node;	/* aclipc_owners_lock */
	enum aclipc_phase phase;	/* lock to ENDED, then by its work */
	bool listens;			/* once set: its owner polled or read */
	bool clock_from_exit;		/* by its work: settles since the exit */
	bool pinned;			/* by its work: nothing to ask for */
	unsigned long settle_end;	/* by its work: jiffies, at the earliest */
	unsigned long settle_max_end;	/* by its work: jiffies, at the latest */
	struct mutex mutex;		/* see the lock order above */
	struct mutex read_lock;		/* one reader of events at a time */
	struct delayed_work work;	/* takes an ended session further */
	spinlock_t lock;
	struct list_head imports;	/* lock */
	struct list_head shares;	/* lock: the known ones, by their place */
	struct list_head events;	/* lock: pending marks */
	u64 event_seq;			/* lock */
	unsigned int nr_superseded;	/* lock: shares that left the registry */
	unsigned int nr_stale;		/* lock: imports of such shares */
	struct aclipc_imp *spare;	/* xchg: kept for the next import */
	wait_queue_head_t wq;		/* poll and read */
};

/* A pending event.  It lives inside the object that it speaks of. */
struct aclipc_mark {
	struct list_head node;		/* session->lock, empty: none pending */
	struct aclipc_share *share;	/* set once */
	u64 seq;			/* session->lock */
	u8 type;			/* session->lock: 0, or a change of state */
	u8 reason;			/* session->lock */
	bool driver;			/* session->lock: the event DRIVER, too */
};

/* The processes that may import a key; replaced as a whole. */
struct aclipc_list {
	struct rcu_head rcu;
	unsigned int nr;
	struct pid *pids[];		/* sorted by address */
};

/* Where a share stands among those of its session. */
enum aclipc_place {
	ACLIPC_PLACE_FIRST,		/* to be revoked if the owner dies */
	ACLIPC_PLACE_REVOKED,		/* its importers may hinder the exit */
	ACLIPC_PLACE_CLEARED,		/* and these do not */
};

struct aclipc_share {
	struct rhash_head node;		/* registry */
	u32 hash;			/* set once: of the key */
	u8 key[ACLIPC_KEY_MAX] __aligned(8);	/* set once */
	refcount_t refs;		/* known, each import, callers */
	struct rhash_head id_node;	/* aclipc_shares, by generation */
	u64 generation;			/* set once */
	u64 addr;			/* set once */
	u64 length;			/* set once */
	u32 device;			/* set once */
	struct aclipc_session *session;	/* set once, a reference */
	struct list_head session_node;	/* session->lock */
	enum aclipc_place place;	/* session->lock: where it is listed */
	bool watchable;			/* set once */
	struct aclipc_watch *watch;	/* owner->watch_mutex, and the last put */
	struct list_head watch_node;	/* owner->watch_lock */

	spinlock_t lock;		/* protects all below */
	u8 state;			/* enum aclipc_state */
	u8 reason;			/* enum aclipc_reason */
	bool known;			/* in its session's list */
	bool hashed;			/* in the registry */
	bool begun;			/* a closer was answered HELD or REVOKED */
	bool gone;			/* the driver has forgotten the key */
	bool deferred;
	bool anyone;
	bool remote;
	bool watched;			/* its watch was not called back yet */
	unsigned int nr_waiters;	/* threads in WAIT or in the exit grace */
	u64 nr_imports;			/* of other processes, settling included */
	u64 nr_settling;		/* of these */
	u64 nr_self;			/* the exporter's own */
	struct list_head imports;
	struct aclipc_list __rcu *allow;
	wait_queue_head_t wq;
	struct aclipc_mark mark;	/* DRAINED, to its session */
	struct list_head tombstone_node;	/* aclipc_tombstones_lock */
	struct rcu_head rcu;
};

struct aclipc_imp {
	struct aclipc_session *session;	/* set once */
	struct list_head session_node;	/* session->lock */
	struct list_head share_node;	/* share->lock */
	struct aclipc_mark mark;	/* mark.share is its share, a reference */
	u64 since_ns;			/* set once */
	u32 count;			/* share->lock, never 0 */
	bool settling;			/* share->lock */
	bool listens;			/* share->lock: its exporter counts it */
};

/* main.c */
extern unsigned int aclipc_settle_ms;
extern unsigned int aclipc_settle_max_ms;
extern unsigned int aclipc_exit_grace_ms;
extern unsigned int aclipc_max_sessions;
extern unsigned int aclipc_max_exports;
extern unsigned int aclipc_max_imports;
extern unsigned int aclipc_max_allow;
extern unsigned int aclipc_max_tombstones;
extern unsigned int aclipc_max_settling;
extern struct workqueue_struct *aclipc_wq;

static inline int aclipc_charge(atomic_t *nr, unsigned int max)
{
	if (likely((unsigned int)atomic_inc_return(nr) <= max))
		return 0;
	atomic_dec(nr);
	return -EDQUOT;
}

/* session.c */
extern atomic64_t aclipc_nr_settling;

struct aclipc_session *aclipc_session_open(void);
void aclipc_session_release(struct aclipc_session *session);
void aclipc_session_put(struct aclipc_session *session);
bool aclipc_session_is_owner(const struct aclipc_session *session);
bool aclipc_pid_exiting(struct pid *pid);
u32 aclipc_session_settles(const struct aclipc_session *session);
void aclipc_owner_get(struct aclipc_owner *owner);
void aclipc_owner_put(struct aclipc_owner *owner);
bool aclipc_owner_watched(struct aclipc_owner *owner, unsigned int max);
void aclipc_owner_unwatched(struct aclipc_owner *owner);
void aclipc_owner_know(struct aclipc_owner *owner);
void aclipc_owner_die(struct aclipc_owner *owner);
void aclipc_sessions_count(unsigned int *owners, unsigned int *sessions);
void aclipc_sessions_exit(void);

/* share.c */
extern struct rhashtable aclipc_shares;

int aclipc_key_check(struct aclipc_key *key,
		     const __u8 bytes[ACLIPC_KEY_MAX]);
int aclipc_key_init(struct aclipc_key *key,
		    const __u8 bytes[ACLIPC_KEY_MAX]);
struct aclipc_share *aclipc_share_lookup(const struct aclipc_key *key);
struct aclipc_share *aclipc_share_get(const struct aclipc_key *key, u64 gen);
struct aclipc_share *aclipc_share_lookup_id(u64 generation);
struct aclipc_share *aclipc_share_get_id(u64 generation);
struct aclipc_share *aclipc_share_get_own(struct aclipc_session *session,
					  const struct aclipc_key *key,
					  u64 generation);
void aclipc_share_put(struct aclipc_share *share);
struct aclipc_share *aclipc_share_new(struct aclipc_session *session,
				      const struct aclipc_key *key);
int aclipc_share_publish(struct aclipc_share *share);
void aclipc_share_set_state_locked(struct aclipc_share *share, u8 state);
void aclipc_share_turn_locked(struct aclipc_share *share, u8 state);
bool aclipc_share_revoke_locked(struct aclipc_share *share, u8 reason);
bool aclipc_share_retire_locked(struct aclipc_share *share);
void aclipc_share_revoke(struct aclipc_share *share, u8 reason, bool gone);
void aclipc_share_set_place(struct aclipc_share *share,
			    enum aclipc_place place);
void aclipc_share_set_watched(struct aclipc_share *share, bool watched);
void aclipc_share_called_back(struct aclipc_share *share);
bool aclipc_share_grace(struct aclipc_share *share, unsigned long end);
bool aclipc_share_allows(struct aclipc_share *share,
			 struct aclipc_session *session);
int aclipc_shares_init(void);
void aclipc_shares_exit(void);

/* What follows a key is zero: compare it all, in words. */
static inline bool aclipc_share_has_key(const struct aclipc_share *share,
					const struct aclipc_key *key)
{
	const u64 *a = (const u64 *)share->key;
	const u64 *b = (const u64 *)key->bytes;
	u64 differ = 0;
	int i;

	for (i = 0; i < ACLIPC_KEY_MAX / sizeof(u64); i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

static inline struct aclipc_owner *
aclipc_share_owner(const struct aclipc_share *share)
{
	return share->session->owner;
}

/* tombstone.c */
void aclipc_tombstone_add_locked(struct aclipc_share *share);
void aclipc_tombstone_del_locked(struct aclipc_share *share);
void aclipc_tombstones_trim(void);
unsigned int aclipc_tombstones_count(void);

/* export.c */
int aclipc_ioctl_export(struct aclipc_session *session, void *arg);
int aclipc_ioctl_allow(struct aclipc_session *session, void *arg);
void aclipc_allow_free(struct aclipc_list *allow);

/* import.c */
int aclipc_ioctl_import(struct aclipc_session *session, void *arg);
int aclipc_import_close(struct aclipc_session *session,
			const struct aclipc_key *key,
			struct aclipc_close *cmd);
u32 aclipc_import_count(struct aclipc_session *session,
			struct aclipc_share *share);
struct aclipc_share *aclipc_import_stale(struct aclipc_session *session,
					 const struct aclipc_key *key);
void aclipc_imports_stale_locked(struct aclipc_share *share, int by);
void aclipc_import_drain(struct aclipc_session *session);
void aclipc_imports_settle(struct aclipc_session *session);
void aclipc_imports_drop(struct aclipc_session *session);
bool aclipc_import_is_self(const struct aclipc_imp *import);
bool aclipc_import_hinders(const struct aclipc_imp *import);
int aclipc_imports_init(void);
void aclipc_imports_exit(void);

/* close.c */
int aclipc_ioctl_close(struct aclipc_session *session, void *arg);
int aclipc_begin_locked(struct aclipc_share *share, struct aclipc_close *cmd);

/* wait.c */
int aclipc_wait(struct aclipc_share *share, struct aclipc_close *cmd);

/* query.c */
int aclipc_ioctl_info(struct aclipc_session *session, void *arg);
int aclipc_ioctl_query(struct aclipc_session *session, void *arg);
int aclipc_ioctl_holders(struct aclipc_session *session, void *arg);
int aclipc_ioctl_revoke(struct aclipc_session *session, void *arg);

/* event.c */
void aclipc_mark(struct aclipc_session *session, struct aclipc_mark *mark,
		 u8 type, u8 reason);
void aclipc_unmark_locked(struct aclipc_mark *mark);
ssize_t aclipc_read(struct file *file, char __user *buf, size_t len,
		    loff_t *pos);
__poll_t aclipc_poll(struct file *file, struct poll_table_struct *wait);

/* watch.c */
unsigned int aclipc_watch_count(void);
void aclipc_watch_share(struct aclipc_share *share);
void aclipc_watch_again(struct aclipc_session *session);
void aclipc_watch_leave(struct aclipc_share *share);
void aclipc_watch_exit(void);

/* driver.c */
enum aclipc_device {
	ACLIPC_DEVICE_UNKNOWN,		/* the driver does not tell */
	ACLIPC_DEVICE_PRESENT,
	ACLIPC_DEVICE_NONE,
};

bool aclipc_driver_available(void);
bool aclipc_driver_get(void);
void aclipc_driver_put(void);
struct p2p_page_table *aclipc_driver_register(u64 start, u64 length,
					      void (*callback)(void *data),
					      u32 id);
void aclipc_driver_unregister(struct p2p_page_table *table);
bool aclipc_driver_pins(void);
enum aclipc_device aclipc_driver_device(unsigned int nr);

/* show.c */
void aclipc_show_fdinfo(struct seq_file *m, struct file *file);
void aclipc_debugfs_init(void);
void aclipc_debugfs_exit(void);

#endif /* ACLIPC_H */

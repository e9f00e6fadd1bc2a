// SPDX-License-Identifier: GPL-2.0
/*
 * Driver watch: the Ascend driver calls back when memory goes away, or seems to.
 *
 * What it is for: delaying the exit of an exporter, for which one registration
 * for each device is enough, and telling importers of frees that pass by the
 * library.  A registration is no right to anything; memory that is not watched
 * is ordered all the same.
 *
 * The driver gives up the owner of a registration before it walks its list, and
 * older ones write to an entry after its callback has returned.  So put_pages is
 * called in one place only, for a registration whose callback has ended, after a
 * grace period in which each task has left what it did then.  Nothing else ever
 * ends a registration: not FINISH, not the last put.  It stays until the driver
 * calls back, and serves the next export in its range.
 *
 * The callback may come before get_pages has returned, so it is given an id, not
 * a pointer, and of the two the one that comes second has the put follow.
 */

#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "aclipc.h"
#include "compat.h"
#include "driver.h"
#include "trace.h"

/*
 * How much of a region is watched.  The driver takes whole allocations back, so
 * a part tells; and its table has 40 bytes for each page, of 4 KiB at worst.
 */
#define ACLIPC_WATCH_LENGTH	(64 * 1024)

/* The driver wants whole pages of this size. */
#define ACLIPC_WATCH_ALIGN	4096

/*
 * Registrations that the driver has of one process for one device.  It searches
 * them all for each page that it frees: one makes the free of 16 GiB in pages of
 * 2 MiB some 17 % slower, two would make it 34 %.
 */
#define ACLIPC_WATCH_MAX	1

/* With those that were called back and wait for their grace period. */
#define ACLIPC_WATCH_MAX_ALL	256

/* How many shares are looked at for one that could be watched. */
#define ACLIPC_WATCH_LOOK	64

struct aclipc_watch {
	refcount_t refs;		/* registration, each share in it */
	u32 id;				/* set once: in aclipc_watches */
	u32 device;			/* set once */
	u64 start;			/* set once */
	u64 end;			/* owner->watch_lock */
	struct aclipc_owner *owner;	/* set once, a reference */
	struct list_head owner_node;	/* owner->watch_lock, until called back */
	struct list_head shares;	/* owner->watch_lock */
	struct p2p_page_table *table;	/* set once, by who registers */
	refcount_t sides;			/* get_pages and the callback: to end */
	struct work_struct work;
	struct rcu_head rcu;
};

static DEFINE_XARRAY_ALLOC1(aclipc_watches);
static u32 aclipc_watch_next;
static atomic_t aclipc_nr_watches;

unsigned int aclipc_watch_count(void)
{
	return atomic_read(&aclipc_nr_watches);
}

static void aclipc_watch_put(struct aclipc_watch *watch)
{
	if (!refcount_dec_and_test(&watch->refs))
		return;
	aclipc_owner_put(watch->owner);
	kfree_rcu(watch, rcu);
}

/* The registration is over: give back all that it held. */
static void aclipc_watch_end(struct aclipc_watch *watch)
{
	xa_erase(&aclipc_watches, watch->id);
	aclipc_owner_unwatched(watch->owner);
	aclipc_driver_put();
	aclipc_watch_put(watch);
	module_put(THIS_MODULE);
}

static void aclipc_watch_work(struct work_struct *work)
{
	struct aclipc_watch *watch = container_of(work, struct aclipc_watch,
						  work);

	trace_aclipc_unwatch(watch->id, watch->owner, false);
	aclipc_driver_unregister(watch->table);
	atomic_dec(&aclipc_nr_watches);
	aclipc_watch_end(watch);
}

static void aclipc_watch_rcu(struct rcu_head *rcu)
{
	struct aclipc_watch *watch = container_of(rcu, struct aclipc_watch,
						  rcu);

	queue_work(aclipc_wq, &watch->work);
}

/*
 * One of the two has ended: get_pages, which knows the table, or the callback.
 * With the second begins the grace period.  It is the last thing that a callback
 * does, since what the driver does after it does not sleep: the grace period
 * lasts until that is over.
 */
static void aclipc_watch_side(struct aclipc_watch *watch)
{
	if (refcount_dec_and_test(&watch->sides))
		call_rcu_tasks(&watch->rcu, aclipc_watch_rcu);
}

/* It is over: no share joins any more. */
static void aclipc_watch_unlist(struct aclipc_watch *watch)
{
	struct aclipc_owner *owner = watch->owner;

	spin_lock(&owner->watch_lock);
	list_del_init(&watch->owner_node);
	spin_unlock(&owner->watch_lock);
}

/*
 * Tell importers of the keys in it.  A share stays on the list until its last
 * reference is put; one that is held keeps its place.
 */
static void aclipc_watch_tell(struct aclipc_watch *watch)
{
	struct aclipc_share *share, *told = NULL;
	struct aclipc_owner *owner = watch->owner;

	spin_lock(&owner->watch_lock);
	list_for_each_entry(share, &watch->shares, watch_node) {
		if (!refcount_inc_not_zero(&share->refs))
			continue;
		spin_unlock(&owner->watch_lock);
		aclipc_share_called_back(share);
		if (told)
			aclipc_share_put(told);
		told = share;
		cond_resched();
		spin_lock(&owner->watch_lock);
	}
	spin_unlock(&owner->watch_lock);
	if (told)
		aclipc_share_put(told);
}

/*
 * The driver says that memory goes away.  It may hold its own locks, mmap_lock
 * or a mmu-notifier section, so nothing is allocated and the driver is not
 * called.  Only the exit of the owner is believed, and delayed; all else may be
 * a repair, or a free that fails yet, and is news.
 */
static void aclipc_watch_callback(void *data)
{
	struct aclipc_watch *watch;
	bool exiting;

	rcu_read_lock();
	watch = xa_load(&aclipc_watches, (unsigned long)data);
	rcu_read_unlock();
	/* its registration keeps it, which ends after this */
	if (WARN_ON_ONCE(!watch))
		return;
	exiting = aclipc_pid_exiting(watch->owner->pid);
	trace_aclipc_callback(watch->id, watch->owner, exiting);
	aclipc_watch_unlist(watch);
	if (exiting) {
		aclipc_owner_die(watch->owner);
	} else {
		set_bit(watch->device, &watch->owner->watch_again);
		aclipc_watch_tell(watch);
	}
	aclipc_watch_side(watch);
}

/* One that covers the beginning of the share, or the number there is. */
static struct aclipc_watch *aclipc_watch_find(struct aclipc_share *share,
					      unsigned int *nr)
{
	struct aclipc_owner *owner = aclipc_share_owner(share);
	struct aclipc_watch *watch;

	lockdep_assert_held(&owner->watch_lock);

	*nr = 0;
	list_for_each_entry(watch, &owner->watches, owner_node) {
		if (watch->device != share->device)
			continue;
		++*nr;
		if (share->addr >= watch->start && share->addr < watch->end)
			return watch;
	}
	return NULL;
}

/* Let the share be told by @watch, with it for as long as it has memory. */
static void aclipc_watch_join(struct aclipc_watch *watch,
			      struct aclipc_share *share)
{
	lockdep_assert_held(&watch->owner->watch_lock);

	refcount_inc(&watch->refs);
	share->watch = watch;
	list_add_tail(&share->watch_node, &watch->shares);
}

/* The last reference of the share is put, or it is watched by nobody. */
void aclipc_watch_leave(struct aclipc_share *share)
{
	struct aclipc_watch *watch = share->watch;

	if (!watch)
		return;
	spin_lock(&watch->owner->watch_lock);
	list_del(&share->watch_node);
	spin_unlock(&watch->owner->watch_lock);
	share->watch = NULL;
	aclipc_watch_put(watch);
}

static struct aclipc_watch *aclipc_watch_new(struct aclipc_share *share)
{
	struct aclipc_watch *watch;
	u64 length;

	watch = kzalloc(sizeof(*watch), GFP_KERNEL_ACCOUNT);
	if (!watch)
		return NULL;
	refcount_set(&watch->refs, 1);
	watch->device = share->device;
	watch->start = round_down(share->addr, ACLIPC_WATCH_ALIGN);
	length = min_t(u64, share->addr - watch->start + share->length,
		       ACLIPC_WATCH_LENGTH);
	watch->end = watch->start + round_up(length, ACLIPC_WATCH_ALIGN);
	INIT_LIST_HEAD(&watch->shares);
	INIT_WORK(&watch->work, aclipc_watch_work);
	refcount_set(&watch->sides, 2);
	if (xa_alloc_cyclic(&aclipc_watches, &watch->id, watch, xa_limit_32b,
			    &aclipc_watch_next, GFP_KERNEL_ACCOUNT) < 0) {
		kfree(watch);
		return NULL;
	}
	watch->owner = aclipc_share_owner(share);
	aclipc_owner_get(watch->owner);
	return watch;
}

/* Ask the driver, from the owner's own ioctl.  It may call back at once. */
static void aclipc_watch_register(struct aclipc_watch *watch,
				  struct aclipc_share *share)
{
	struct aclipc_owner *owner = watch->owner;

	clear_bit(watch->device, &owner->watch_again);
	spin_lock(&owner->watch_lock);
	list_add(&watch->owner_node, &owner->watches);
	aclipc_watch_join(watch, share);
	spin_unlock(&owner->watch_lock);

	trace_aclipc_watch(watch->id, owner, watch->start, watch->end);
	watch->table = aclipc_driver_register(watch->start,
					      watch->end - watch->start,
					      aclipc_watch_callback, watch->id);
	if (!watch->table) {
		trace_aclipc_unwatch(watch->id, owner, true);
		aclipc_watch_unlist(watch);
		aclipc_watch_leave(share);
		aclipc_watch_end(watch);
		return;
	}
	atomic_inc(&aclipc_nr_watches);
	if (watch->table->version != P2P_GET_PAGE_VERSION) {
		/* not understood: stays until it is called back, for nobody */
		spin_lock(&owner->watch_lock);
		watch->end = watch->start;
		spin_unlock(&owner->watch_lock);
		aclipc_watch_leave(share);
	}
	aclipc_watch_side(watch);
}

static void aclipc_watch_start(struct aclipc_share *share)
{
	struct aclipc_owner *owner = aclipc_share_owner(share);
	struct aclipc_watch *watch;

	if (!aclipc_driver_get())
		return;
	if (!aclipc_owner_watched(owner, ACLIPC_WATCH_MAX_ALL))
		goto err_driver;
	watch = aclipc_watch_new(share);
	if (!watch)
		goto err_owner;
	__module_get(THIS_MODULE);
	aclipc_watch_register(watch, share);
	return;

err_owner:
	aclipc_owner_unwatched(owner);
err_driver:
	aclipc_driver_put();
}

/* By a registration there is, or by a new one. */
static void aclipc_watch_share_locked(struct aclipc_share *share)
{
	struct aclipc_owner *owner = aclipc_share_owner(share);
	struct aclipc_watch *watch;
	unsigned int nr;

	lockdep_assert_held(&owner->watch_mutex);

	if (share->watch)
		return;
	/* first, as a callback may take it back from the moment that it joins */
	aclipc_share_set_watched(share, true);
	spin_lock(&owner->watch_lock);
	watch = aclipc_watch_find(share, &nr);
	if (watch)
		aclipc_watch_join(watch, share);
	spin_unlock(&owner->watch_lock);
	if (!watch && nr < ACLIPC_WATCH_MAX)
		aclipc_watch_start(share);
	if (!share->watch)
		aclipc_share_set_watched(share, false);
}

/* Have the share watched if that can be, by its owner. */
void aclipc_watch_share(struct aclipc_share *share)
{
	struct aclipc_owner *owner = aclipc_share_owner(share);

	mutex_lock(&owner->watch_mutex);
	aclipc_watch_share_locked(share);
	mutex_unlock(&owner->watch_mutex);
}

/* One of the newest shares that could be watched, with a reference. */
static struct aclipc_share *aclipc_watch_pick(struct aclipc_session *session,
					      unsigned long devices)
{
	unsigned int left = ACLIPC_WATCH_LOOK;
	struct aclipc_share *share;

	spin_lock(&session->lock);
	list_for_each_entry(share, &session->shares, session_node) {
		if (!left-- || share->place != ACLIPC_PLACE_FIRST)
			break;
		if (!share->watchable || READ_ONCE(share->watch) ||
		    !test_bit(share->device, &devices))
			continue;
		/* a listed share is known, so it is alive */
		refcount_inc(&share->refs);
		spin_unlock(&session->lock);
		return share;
	}
	spin_unlock(&session->lock);
	return NULL;
}

/*
 * The watch of a device was called back while its owner lives on.  What else it
 * exported of that device is watched with its next call, so that its exit is
 * told of.
 */
void aclipc_watch_again(struct aclipc_session *session)
{
	unsigned long devices = xchg(&session->owner->watch_again, 0);
	struct aclipc_share *share;

	while (devices) {
		share = aclipc_watch_pick(session, devices);
		if (!share)
			break;
		clear_bit(share->device, &devices);
		aclipc_watch_share(share);
		aclipc_share_put(share);
	}
}

/* The module goes: wait for the tails of callbacks. */
void aclipc_watch_exit(void)
{
	WARN_ON(atomic_read(&aclipc_nr_watches));
	synchronize_rcu_tasks();
	xa_destroy(&aclipc_watches);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Driver watch: the Ascend driver calls back when a region goes away.
 *
 * The driver's functions are bound while a region is watched and never
 * otherwise, so that the driver can be unloaded when nothing is watched.
 * Watching is best effort: what the driver refuses is ordered all the same.
 *
 * put_pages may come only from the exporter's own ioctl while it lives, or
 * after the callback of this registration.  A callback may come before
 * get_pages has returned, and its tail may still run after put_pages; so it is
 * given an id, not a pointer, and the state of the watch makes one side alone
 * responsible for put_pages.  While a registration is out it holds its share
 * and the module.
 */

#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>

#include "aclipc.h"
#include "p2p.h"
#include "trace.h"

/* The driver wants whole pages of this size. */
#define ACLIPC_P2P_ALIGN	4096

#define ACLIPC_GRACE_MAX_MS	10000

/*
 * The binding to the driver: one for all registrations, bound with the first
 * and given up with the last.
 */
static struct {
	struct mutex mutex;		/* a leaf; the driver is not called */
	unsigned int users;
	int (*get)(u64 va, u64 len, void (*free_callback)(void *), void *data,
		   struct p2p_page_table **page_table);
	int (*put)(struct p2p_page_table *page_table);
} aclipc_driver = {
	.mutex = __MUTEX_INITIALIZER(aclipc_driver.mutex),
};

static atomic_t aclipc_nr_watches;

unsigned int aclipc_watch_count(void)
{
	return atomic_read(&aclipc_nr_watches);
}

/* Both functions, or none. */
static bool aclipc_driver_bind(void)
{
	aclipc_driver.get = symbol_get(hal_kernel_p2p_get_pages);
	if (!aclipc_driver.get)
		return false;
	aclipc_driver.put = symbol_get(hal_kernel_p2p_put_pages);
	if (aclipc_driver.put)
		return true;
	symbol_put(hal_kernel_p2p_get_pages);
	return false;
}

static bool aclipc_driver_get(void)
{
	bool bound;

	mutex_lock(&aclipc_driver.mutex);
	bound = aclipc_driver.users || aclipc_driver_bind();
	if (bound)
		aclipc_driver.users++;
	mutex_unlock(&aclipc_driver.mutex);
	return bound;
}

static void aclipc_driver_put(void)
{
	mutex_lock(&aclipc_driver.mutex);
	if (!--aclipc_driver.users) {
		symbol_put(hal_kernel_p2p_put_pages);
		symbol_put(hal_kernel_p2p_get_pages);
	}
	mutex_unlock(&aclipc_driver.mutex);
}

bool aclipc_watch_available(void)
{
	if (!aclipc_driver_get())
		return false;
	aclipc_driver_put();
	return true;
}

/* What a registration holds. */
static void aclipc_watch_release(struct aclipc_share *share)
{
	aclipc_driver_put();
	aclipc_share_put(share);
	module_put(THIS_MODULE);
}

/* End the registration.  By whom ACLIPC_WATCH_PUTTING makes responsible. */
static void aclipc_watch_put(struct aclipc_share *share)
{
	aclipc_driver.put(share->watch.table);
	spin_lock(&share->lock);
	WRITE_ONCE(share->watch.state, ACLIPC_WATCH_NONE);
	WRITE_ONCE(share->watched, false);
	spin_unlock(&share->lock);
	atomic_dec(&aclipc_nr_watches);
	aclipc_watch_release(share);
}

static void aclipc_watch_work(struct work_struct *work)
{
	aclipc_watch_put(container_of(work, struct aclipc_share, watch.work));
}

/* Does a living process that is not the exporter still use the region? */
static bool aclipc_watch_hindered(struct aclipc_share *share)
{
	struct aclipc_imp *import;
	bool hindered = false;

	spin_lock(&share->lock);
	list_for_each_entry(import, &share->imports, share_node) {
		if (aclipc_import_is_self(import) || import->settling ||
		    aclipc_pid_exiting(import->session->owner->pid))
			continue;
		hindered = true;
		break;
	}
	spin_unlock(&share->lock);
	return hindered;
}

/*
 * Give importers that were told a bounded time to leave before the driver takes
 * the memory of a dying exporter.  One deadline for all that it exported.  The
 * exporter has a fatal signal pending, so the sleep cannot be interruptible.
 */
static void aclipc_watch_grace(struct aclipc_share *share)
{
	struct aclipc_owner *owner = aclipc_share_owner(share);
	unsigned int ms = min_t(unsigned int, READ_ONCE(aclipc_exit_grace_ms),
				ACLIPC_GRACE_MAX_MS);
	unsigned long end = (jiffies + msecs_to_jiffies(ms)) | 1;
	unsigned long first = cmpxchg(&owner->grace_end, 0, end);

	if (first)
		end = first;
	spin_lock(&share->lock);
	share->nr_waiters++;
	spin_unlock(&share->lock);
	/* who begins to exit wakes nobody: look again every 10 ms */
	while (time_before(jiffies, end) && aclipc_watch_hindered(share))
		wait_event_idle_timeout(share->wq,
					!aclipc_watch_hindered(share),
					msecs_to_jiffies(10));
	spin_lock(&share->lock);
	share->nr_waiters--;
	spin_unlock(&share->lock);
}

/*
 * The driver takes the region away.  It may hold its own locks, mmap_lock or a
 * mmu-notifier section, so nothing is allocated and the driver is not called.
 * Only the exit of the exporter is delayed.
 */
static void aclipc_watch_callback(void *data)
{
	struct aclipc_share *share = aclipc_share_get_id((unsigned long)data);
	enum aclipc_watch_state state;
	bool exiting, retired = false;

	if (!share)
		return;
	exiting = aclipc_pid_exiting(aclipc_share_owner(share)->pid);
	spin_lock(&share->lock);
	state = share->watch.state;
	if (state == ACLIPC_WATCH_STARTING)
		WRITE_ONCE(share->watch.state, ACLIPC_WATCH_FIRED);
	if (state == ACLIPC_WATCH_OUT)
		WRITE_ONCE(share->watch.state, ACLIPC_WATCH_PUTTING);
	trace_aclipc_callback(share, exiting);
	if (state == ACLIPC_WATCH_STARTING || state == ACLIPC_WATCH_OUT)
		retired = aclipc_share_revoke_locked(share, exiting ?
						     ACLIPC_REASON_EXIT :
						     ACLIPC_REASON_FREED);
	spin_unlock(&share->lock);
	if (retired)
		aclipc_share_put(share);

	if (exiting && state == ACLIPC_WATCH_OUT) {
		aclipc_owner_revoke(aclipc_share_owner(share));
		aclipc_watch_grace(share);
	}
	aclipc_share_put(share);
	/* the registration still holds the share; nothing may follow this */
	if (state == ACLIPC_WATCH_OUT)
		queue_work(aclipc_wq, &share->watch.work);
}

/* Take over what get_pages returned.  False if it is to be given back. */
static bool aclipc_watch_accept(struct aclipc_share *share,
				struct p2p_page_table *table)
{
	struct aclipc_watch *watch = &share->watch;
	bool accept;

	spin_lock(&share->lock);
	accept = table && table->version == P2P_GET_PAGE_VERSION &&
		 watch->state == ACLIPC_WATCH_STARTING;
	if (accept) {
		watch->table = table;
		WRITE_ONCE(share->watched, true);
		atomic_inc(&aclipc_nr_watches);
	}
	WRITE_ONCE(watch->state, accept ? ACLIPC_WATCH_OUT : ACLIPC_WATCH_NONE);
	spin_unlock(&share->lock);
	return accept;
}

/* Ask the driver to call back.  From the exporter's own ioctl. */
void aclipc_watch_start(struct aclipc_share *share)
{
	u64 start = round_down(share->addr, ACLIPC_P2P_ALIGN);
	u64 length = round_up(share->addr - start + share->length,
			      ACLIPC_P2P_ALIGN);
	struct p2p_page_table *table = NULL;

	if (!aclipc_driver_get())
		return;
	__module_get(THIS_MODULE);
	refcount_inc(&share->refs);
	INIT_WORK(&share->watch.work, aclipc_watch_work);
	spin_lock(&share->lock);
	WRITE_ONCE(share->watch.state, ACLIPC_WATCH_STARTING);
	spin_unlock(&share->lock);

	if (aclipc_driver.get(start, length, aclipc_watch_callback,
			      (void *)(unsigned long)share->generation, &table))
		table = NULL;
	if (aclipc_watch_accept(share, table))
		return;
	if (table)
		aclipc_driver.put(table);
	aclipc_watch_release(share);
}

/* The exporter has let go: no need to watch.  From its own ioctl. */
void aclipc_watch_stop(struct aclipc_share *share)
{
	bool out;

	if (READ_ONCE(share->watch.state) == ACLIPC_WATCH_NONE)
		return;
	spin_lock(&share->lock);
	out = share->watch.state == ACLIPC_WATCH_OUT;
	if (out)
		WRITE_ONCE(share->watch.state, ACLIPC_WATCH_PUTTING);
	spin_unlock(&share->lock);
	/* else there is none, or its callback sees to it */
	if (out)
		aclipc_watch_put(share);
}

/* The module goes: wait for the tails of callbacks. */
void aclipc_watch_exit(void)
{
	WARN_ON(atomic_read(&aclipc_nr_watches));
	synchronize_rcu_tasks();
}

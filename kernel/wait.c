// SPDX-License-Identifier: GPL-2.0
/*
 * WAIT: an exporter sleeps until other processes have closed.
 *
 * A wait is an edge from the waiting process to each process that has the key
 * imported.  The edges are walked when a wait blocks; a cycle of waits is
 * refused.  No new import comes while a share is CLOSING, so that a cycle can
 * only be closed by the wait that comes last, and that one looks.
 */

#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>

#include "aclipc.h"
#include "trace.h"

struct aclipc_waiter {
	struct list_head node;		/* owner->waits */
	struct aclipc_share *share;
};

/* Who waits for whom.  Above all share locks, of which one is taken a time. */
static DEFINE_MUTEX(aclipc_graph_lock);
static u64 aclipc_graph_stamp;

/* Queue the processes that hinder @share, unless seen.  True if @goal does. */
static bool aclipc_graph_visit(struct aclipc_share *share,
			       struct aclipc_owner *goal,
			       struct list_head *todo)
{
	struct aclipc_imp *import;
	struct aclipc_owner *next;
	bool found = false;

	spin_lock(&share->lock);
	list_for_each_entry(import, &share->imports, share_node) {
		next = import->session->owner;
		/* what settles ends by itself, own imports never hinder */
		if (import->settling || next == aclipc_share_owner(share))
			continue;
		if (next == goal)
			found = true;
		if (next->stamp == aclipc_graph_stamp ||
		    list_empty(&next->waits))
			continue;
		next->stamp = aclipc_graph_stamp;
		list_add_tail(&next->todo, todo);
	}
	spin_unlock(&share->lock);
	return found;
}

/* Does @goal wait for itself?  Owners that wait stay while the lock is held. */
static bool aclipc_graph_cycle(struct aclipc_owner *goal)
{
	struct aclipc_waiter *waiter;
	struct aclipc_owner *owner;
	bool found = false;
	LIST_HEAD(todo);

	lockdep_assert_held(&aclipc_graph_lock);

	goal->stamp = ++aclipc_graph_stamp;
	list_add_tail(&goal->todo, &todo);
	while (!list_empty(&todo)) {
		owner = list_first_entry(&todo, struct aclipc_owner, todo);
		list_del_init(&owner->todo);
		list_for_each_entry(waiter, &owner->waits, node)
			if (aclipc_graph_visit(waiter->share, goal, &todo))
				found = true;
	}
	return found;
}

static int aclipc_graph_add(struct aclipc_waiter *waiter)
{
	struct aclipc_owner *owner = aclipc_share_owner(waiter->share);
	int ret = 0;

	if (mutex_lock_interruptible(&aclipc_graph_lock))
		return -EINTR;
	list_add_tail(&waiter->node, &owner->waits);
	if (aclipc_graph_cycle(owner)) {
		list_del(&waiter->node);
		ret = -EDEADLK;
	}
	mutex_unlock(&aclipc_graph_lock);
	return ret;
}

static void aclipc_graph_del(struct aclipc_waiter *waiter)
{
	mutex_lock(&aclipc_graph_lock);
	list_del(&waiter->node);
	mutex_unlock(&aclipc_graph_lock);
}

/* The last waiter leaves without success: the key can be imported again. */
static void aclipc_wait_leave_locked(struct aclipc_share *share)
{
	if (--share->nr_waiters || share->deferred ||
	    share->state != ACLIPC_STATE_CLOSING)
		return;
	aclipc_share_turn_locked(share, ACLIPC_STATE_LIVE);
}

/* Without the lock: is it worth to look under the lock again? */
static bool aclipc_wait_over(struct aclipc_share *share)
{
	return READ_ONCE(share->state) != ACLIPC_STATE_CLOSING ||
	       !READ_ONCE(share->nr_imports);
}

static int aclipc_wait_sleep(struct aclipc_share *share,
			     struct aclipc_close *cmd)
{
	long left = msecs_to_jiffies(cmd->timeout_ms);
	int ret;

	for (;;) {
		left = wait_event_interruptible_timeout(share->wq,
							aclipc_wait_over(share),
							left);
		spin_lock(&share->lock);
		/* the memory went while we waited; a deferral is still told */
		if (share->state == ACLIPC_STATE_REVOKED)
			ret = share->begun ||
			      share->reason == ACLIPC_REASON_CLOSED ?
			      -ENOENT : -EOWNERDEAD;
		else
			ret = aclipc_begin_locked(share, cmd);
		spin_unlock(&share->lock);
		if (ret != -EBUSY)
			break;
		if (!left) {
			ret = -ETIMEDOUT;
			break;
		}
		if (left < 0) {
			ret = -EINTR;
			break;
		}
	}
	return ret;
}

int aclipc_wait(struct aclipc_share *share, struct aclipc_close *cmd)
{
	struct aclipc_waiter waiter = { .share = share };
	/* not jiffies: what remains must never be more than was given */
	ktime_t end = ktime_add_ms(ktime_get(), cmd->timeout_ms);
	s64 left;
	int ret;

	spin_lock(&share->lock);
	ret = aclipc_begin_locked(share, cmd);
	if (ret == -EBUSY) {
		/* while one waits it is not LIVE again, see ABORT */
		share->nr_waiters++;
		if (share->state == ACLIPC_STATE_LIVE)
			aclipc_share_turn_locked(share, ACLIPC_STATE_CLOSING);
	}
	spin_unlock(&share->lock);
	if (ret != -EBUSY)
		return ret;

	ret = aclipc_graph_add(&waiter);
	if (!ret) {
		ret = aclipc_wait_sleep(share, cmd);
		aclipc_graph_del(&waiter);
	}

	spin_lock(&share->lock);
	aclipc_wait_leave_locked(share);
	spin_unlock(&share->lock);
	left = ktime_ms_delta(end, ktime_get());
	/* a tick may come a little early */
	cmd->timeout_ms = ret == -ETIMEDOUT ? 0 : max_t(s64, left, 0);
	return ret;
}

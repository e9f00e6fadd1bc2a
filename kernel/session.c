// SPDX-License-Identifier: GPL-2.0
/*
 * Owners and sessions: who has the module open, and how that ends.
 *
 * A session ends with the last put of its descriptor, or with the exit or an
 * exec of its owner, whichever comes first.  Its exports are revoked at once.
 * Its imports stay counted for settle_ms more, since the driver takes the device
 * mappings of a dead process down later than the process dies.  While the owner
 * is exiting, this time starts only when all its threads are gone.
 */

#include <linux/hashtable.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "aclipc.h"
#include "compat.h"
#include "trace.h"

/* How often an exiting owner is looked at that no wake-up was heard of. */
#define ACLIPC_RECHECK_MS	100

/* How often all owners are looked at, for what wakes nobody. */
#define ACLIPC_LOOK_MS		1000

/* Above session->mutex.  Owners, their sessions, the sessions' phases. */
static DEFINE_MUTEX(aclipc_owners_lock);
static DEFINE_HASHTABLE(aclipc_owners, 8);
static unsigned int aclipc_nr_owners;
static unsigned int aclipc_nr_sessions;
static u64 aclipc_session_id;

static void aclipc_owners_look(struct work_struct *work);
static DECLARE_DELAYED_WORK(aclipc_look, aclipc_owners_look);

/*
 * Has the process begun to end?  A leader may end before its threads, so its
 * own flags say nothing; the signal state that all threads share does.
 */
bool aclipc_pid_exiting(struct pid *pid)
{
	struct task_struct *task;
	bool exiting = true;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	if (task)
		exiting = (READ_ONCE(task->signal->flags) &
			   ACLIPC_SIGNAL_ENDING) ||
			  !atomic_read(&task->signal->live);
	rcu_read_unlock();
	return exiting;
}

/* Are all threads gone and their files put?  An unreaped zombie is dead. */
static bool aclipc_pid_dead(struct pid *pid)
{
	struct task_struct *task, *thread;
	bool dead = true;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	if (task)
		for_each_thread(task, thread)
			if (!READ_ONCE(thread->exit_state))
				dead = false;
	rcu_read_unlock();
	return dead;
}

/*
 * Has the owner become another program, which inherited the descriptor?  The
 * driver knows nothing of the old one any more.
 */
static bool aclipc_session_execed(const struct aclipc_session *session)
{
	struct task_struct *task;
	bool execed = false;

	rcu_read_lock();
	task = pid_task(session->owner->pid, PIDTYPE_TGID);
	if (task)
		execed = READ_ONCE(task->self_exec_id) != session->exec_id;
	rcu_read_unlock();
	return execed;
}

bool aclipc_session_is_owner(const struct aclipc_session *session)
{
	return task_tgid(current) == session->owner->pid &&
	       current->self_exec_id == session->exec_id &&
	       READ_ONCE(session->phase) == ACLIPC_PHASE_OPEN;
}

static void aclipc_owner_put(struct aclipc_owner *owner)
{
	if (!refcount_dec_and_test(&owner->refs))
		return;
	put_pid(owner->pid);
	kfree(owner);
}

void aclipc_session_put(struct aclipc_session *session)
{
	if (!refcount_dec_and_test(&session->refs))
		return;
	aclipc_import_drain(session);
	aclipc_owner_put(session->owner);
	kfree(session);
}

/* Revoke what the session exported, all of it.  Under session->mutex. */
static void aclipc_session_revoke(struct aclipc_session *session, u8 reason,
				  bool gone)
{
	struct aclipc_share *share;
	LIST_HEAD(done);

	lockdep_assert_held(&session->mutex);

	for (;;) {
		spin_lock(&session->lock);
		share = list_first_entry_or_null(&session->shares,
						 struct aclipc_share,
						 session_node);
		if (share) {
			/* a listed share is known, so it is alive */
			refcount_inc(&share->refs);
			list_move_tail(&share->session_node, &done);
		}
		spin_unlock(&session->lock);
		if (!share)
			break;
		aclipc_share_revoke(share, reason, gone);
		aclipc_share_put(share);
		cond_resched();
	}
	spin_lock(&session->lock);
	list_splice(&done, &session->shares);
	spin_unlock(&session->lock);
}

/* No new export or import from here on, and nobody closes but time. */
static void aclipc_session_end(struct aclipc_session *session)
{
	bool exiting = aclipc_pid_exiting(session->owner->pid);

	lockdep_assert_held(&session->mutex);

	trace_aclipc_end(session, exiting);
	WRITE_ONCE(session->phase, ACLIPC_PHASE_ENDED);
	atomic_dec(&session->owner->nr_open);
	wake_up_interruptible_poll(&session->wq, EPOLLHUP);
	aclipc_session_revoke(session, exiting ? ACLIPC_REASON_EXIT :
						 ACLIPC_REASON_SESSION, false);
}

static bool aclipc_session_idle(struct aclipc_session *session)
{
	return list_empty_careful(&session->shares) &&
	       list_empty_careful(&session->imports);
}

/* Start the settle time, or start it anew. */
static long aclipc_session_clock(struct aclipc_session *session)
{
	unsigned long delay = msecs_to_jiffies(READ_ONCE(aclipc_settle_ms));

	session->settle_end = jiffies + delay;
	return delay;
}

/*
 * Take the session as far towards its end as it can go now.  Returns after how
 * many jiffies to look again, 0 if it is over, -1 to wait for the owner's exit.
 */
static long aclipc_session_step(struct aclipc_session *session)
{
	bool dead = aclipc_pid_dead(session->owner->pid);
	long left;

	lockdep_assert_held(&session->mutex);

	if (session->phase == ACLIPC_PHASE_OPEN) {
		if (!dead && !aclipc_session_execed(session))
			return -1;	/* a spurious wake-up */
		aclipc_session_end(session);
	}
	if (aclipc_session_idle(session))
		return 0;
	if (session->phase == ACLIPC_PHASE_ENDED) {
		if (!dead && aclipc_pid_exiting(session->owner->pid))
			return msecs_to_jiffies(ACLIPC_RECHECK_MS);
		WRITE_ONCE(session->phase, ACLIPC_PHASE_SETTLING);
		WRITE_ONCE(session->clock_from_exit, dead);
		aclipc_imports_settle(session);
		return max(aclipc_session_clock(session), 1L);
	}
	/* the mappings of a process go only after it, whatever it closed */
	if (dead && !session->clock_from_exit) {
		WRITE_ONCE(session->clock_from_exit, true);
		return max(aclipc_session_clock(session), 1L);
	}
	/* read the clock once: 0 and -1 have a meaning of their own */
	left = session->settle_end - jiffies;
	if (left > 0)
		return left;
	aclipc_imports_drop(session);
	if (dead)
		aclipc_session_revoke(session, ACLIPC_REASON_EXIT, true);
	return dead || aclipc_session_idle(session) ? 0 : -1;
}

/*
 * Take the session off its owner's list.  Whoever does that puts the list's
 * reference; with the last session the owner is not listened to any more.
 */
static void aclipc_session_remove(struct aclipc_session *session)
{
	struct aclipc_owner *owner = session->owner;
	bool last;

	mutex_lock(&aclipc_owners_lock);
	if (list_empty(&session->owner_node)) {
		mutex_unlock(&aclipc_owners_lock);
		return;
	}
	list_del_init(&session->owner_node);
	owner->nr_sessions--;
	aclipc_nr_sessions--;
	last = list_empty(&owner->sessions);
	if (last) {
		hash_del(&owner->node);
		aclipc_nr_owners--;
	}
	mutex_unlock(&aclipc_owners_lock);

	if (last) {
		/* no lock held: the work that is waited for takes it */
		remove_wait_queue(&owner->pid->wait_pidfd, &owner->exit_entry);
		cancel_work_sync(&owner->exit_work);
		aclipc_owner_put(owner);
	}
	/* off the list, nobody queues it again */
	cancel_delayed_work(&session->work);
	aclipc_session_put(session);
}

static void aclipc_session_work(struct work_struct *work)
{
	struct aclipc_session *session =
		container_of(to_delayed_work(work), struct aclipc_session, work);
	long next;

	mutex_lock(&session->mutex);
	next = aclipc_session_step(session);
	mutex_unlock(&session->mutex);
	if (!next)
		aclipc_session_remove(session);
	else if (next > 0)
		queue_delayed_work(aclipc_wq, &session->work, next);
}

/* The process may be dead: let each of its sessions look. */
static void aclipc_owner_exit_work(struct work_struct *work)
{
	struct aclipc_owner *owner =
		container_of(work, struct aclipc_owner, exit_work);
	struct aclipc_session *session;

	mutex_lock(&aclipc_owners_lock);
	if (aclipc_pid_dead(owner->pid))
		list_for_each_entry(session, &owner->sessions, owner_node)
			mod_delayed_work(aclipc_wq, &session->work, 0);
	mutex_unlock(&aclipc_owners_lock);
}

/* Should the session's work have run, or run again? */
static bool aclipc_session_overdue(struct aclipc_session *session, bool dead)
{
	if (dead)
		return !READ_ONCE(session->clock_from_exit);
	return READ_ONCE(session->phase) == ACLIPC_PHASE_OPEN &&
	       aclipc_session_execed(session);
}

/*
 * Two ends wake nobody while another process, or the owner itself, keeps the
 * descriptor: exec, and the exit of a process of which a tracer does not reap a
 * thread.  So look at all owners now and then.
 */
static void aclipc_owners_look(struct work_struct *work)
{
	struct aclipc_session *session;
	struct aclipc_owner *owner;
	bool dead;
	int bkt;

	mutex_lock(&aclipc_owners_lock);
	hash_for_each(aclipc_owners, bkt, owner, node) {
		dead = aclipc_pid_dead(owner->pid);
		list_for_each_entry(session, &owner->sessions, owner_node)
			if (aclipc_session_overdue(session, dead))
				mod_delayed_work(aclipc_wq, &session->work, 0);
	}
	if (aclipc_nr_owners)
		queue_delayed_work(aclipc_wq, &aclipc_look,
				   msecs_to_jiffies(ACLIPC_LOOK_MS));
	mutex_unlock(&aclipc_owners_lock);
}

/*
 * Called with tasklist_lock held and interrupts off, also when nothing has
 * happened (ptrace, reaping).
 */
static int aclipc_owner_wake(wait_queue_entry_t *entry, unsigned int mode,
			     int flags, void *key)
{
	struct aclipc_owner *owner =
		container_of(entry, struct aclipc_owner, exit_entry);

	queue_work(aclipc_wq, &owner->exit_work);
	return 0;
}

/*
 * An exporter was seen dying: revoke all that it exported, in all sessions, not
 * only the region that gave it away.
 */
void aclipc_owner_revoke(struct aclipc_owner *owner)
{
	struct aclipc_session *session;

	mutex_lock(&aclipc_owners_lock);
	if (!owner->told) {
		owner->told = true;
		list_for_each_entry(session, &owner->sessions, owner_node) {
			mutex_lock(&session->mutex);
			aclipc_session_revoke(session, ACLIPC_REASON_EXIT,
					      false);
			mutex_unlock(&session->mutex);
		}
	}
	mutex_unlock(&aclipc_owners_lock);
}

static struct aclipc_owner *aclipc_owner_find(struct pid *pid)
{
	struct aclipc_owner *owner;

	lockdep_assert_held(&aclipc_owners_lock);

	hash_for_each_possible(aclipc_owners, owner, node, (unsigned long)pid)
		if (owner->pid == pid)
			return owner;
	return NULL;
}

static struct aclipc_owner *aclipc_owner_alloc(void)
{
	struct aclipc_owner *owner = kzalloc(sizeof(*owner),
					     GFP_KERNEL_ACCOUNT);

	if (!owner)
		return NULL;
	owner->pid = get_pid(task_tgid(current));
	refcount_set(&owner->refs, 1);
	INIT_LIST_HEAD(&owner->sessions);
	INIT_LIST_HEAD(&owner->waits);
	INIT_LIST_HEAD(&owner->todo);
	INIT_WORK(&owner->exit_work, aclipc_owner_exit_work);
	init_waitqueue_func_entry(&owner->exit_entry, aclipc_owner_wake);
	return owner;
}

/*
 * Have sessions removed that ended long ago and whose last share is forgotten
 * meanwhile, so that a process cannot pile them up.
 */
static void aclipc_owner_sweep(struct aclipc_owner *owner)
{
	struct aclipc_session *session;

	lockdep_assert_held(&aclipc_owners_lock);

	list_for_each_entry(session, &owner->sessions, owner_node)
		if (READ_ONCE(session->phase) == ACLIPC_PHASE_SETTLING &&
		    aclipc_session_idle(session))
			mod_delayed_work(aclipc_wq, &session->work, 0);
}

/* Give the session to the calling process.  @new is used if it is its first. */
static int aclipc_session_link(struct aclipc_session *session,
			       struct aclipc_owner **new)
{
	unsigned int max = READ_ONCE(aclipc_max_sessions);
	struct aclipc_owner *owner;
	int ret;

	lockdep_assert_held(&aclipc_owners_lock);

	owner = aclipc_owner_find(task_tgid(current)) ?: *new;
	ret = aclipc_charge(&owner->nr_open, max);
	if (ret)
		return ret;
	if (owner == *new) {
		*new = NULL;
		hash_add(aclipc_owners, &owner->node,
			 (unsigned long)owner->pid);
		aclipc_nr_owners++;
		queue_delayed_work(aclipc_wq, &aclipc_look,
				   msecs_to_jiffies(ACLIPC_LOOK_MS));
		add_wait_queue(&owner->pid->wait_pidfd, &owner->exit_entry);
	} else if (owner->nr_sessions >= max) {
		aclipc_owner_sweep(owner);
	}
	refcount_inc(&owner->refs);
	session->owner = owner;
	session->id = ++aclipc_session_id;
	session->exec_id = current->self_exec_id;
	list_add_tail(&session->owner_node, &owner->sessions);
	owner->nr_sessions++;
	aclipc_nr_sessions++;
	return 0;
}

static struct aclipc_session *aclipc_session_alloc(void)
{
	struct aclipc_session *session = kzalloc(sizeof(*session),
						 GFP_KERNEL_ACCOUNT);

	if (!session)
		return NULL;
	refcount_set(&session->refs, 2);	/* file, owner's list */
	mutex_init(&session->mutex);
	mutex_init(&session->read_lock);
	spin_lock_init(&session->lock);
	INIT_DELAYED_WORK(&session->work, aclipc_session_work);
	INIT_LIST_HEAD(&session->owner_node);
	INIT_LIST_HEAD(&session->imports);
	INIT_LIST_HEAD(&session->shares);
	INIT_LIST_HEAD(&session->events);
	init_waitqueue_head(&session->wq);
	return session;
}

struct aclipc_session *aclipc_session_open(void)
{
	struct aclipc_session *session;
	struct aclipc_owner *owner;
	int ret = -ENOMEM;

	session = aclipc_session_alloc();
	if (!session)
		return ERR_PTR(-ENOMEM);
	owner = aclipc_owner_alloc();
	if (!owner)
		goto err_session;

	mutex_lock(&aclipc_owners_lock);
	ret = aclipc_session_link(session, &owner);
	mutex_unlock(&aclipc_owners_lock);
	if (owner)
		aclipc_owner_put(owner);
	if (ret)
		goto err_session;
	trace_aclipc_open(session);
	return session;

err_session:
	kfree(session);
	return ERR_PTR(ret);
}

/*
 * The last put of the descriptor, by whomever.  The owner's state decides what
 * it means, never current.
 */
void aclipc_session_release(struct aclipc_session *session)
{
	mutex_lock(&session->mutex);
	if (session->phase == ACLIPC_PHASE_OPEN) {
		aclipc_session_end(session);
		queue_delayed_work(aclipc_wq, &session->work, 0);
	}
	mutex_unlock(&session->mutex);
	aclipc_session_put(session);
}

void aclipc_sessions_count(unsigned int *owners, unsigned int *sessions)
{
	mutex_lock(&aclipc_owners_lock);
	*owners = aclipc_nr_owners;
	*sessions = aclipc_nr_sessions;
	mutex_unlock(&aclipc_owners_lock);
}

static struct aclipc_session *aclipc_session_any(void)
{
	struct aclipc_session *session = NULL;
	struct aclipc_owner *owner;
	int bkt;

	mutex_lock(&aclipc_owners_lock);
	hash_for_each(aclipc_owners, bkt, owner, node) {
		session = list_first_entry(&owner->sessions,
					   struct aclipc_session, owner_node);
		refcount_inc(&session->refs);
		break;
	}
	mutex_unlock(&aclipc_owners_lock);
	return session;
}

/* The module goes: nothing is open, what settles has settled. */
void aclipc_sessions_exit(void)
{
	struct aclipc_session *session;

	while ((session = aclipc_session_any())) {
		aclipc_session_remove(session);
		cancel_delayed_work_sync(&session->work);
		mutex_lock(&session->mutex);
		aclipc_imports_settle(session);
		aclipc_imports_drop(session);
		aclipc_session_revoke(session, ACLIPC_REASON_EXIT, true);
		mutex_unlock(&session->mutex);
		aclipc_session_put(session);
	}
	cancel_delayed_work_sync(&aclipc_look);
}

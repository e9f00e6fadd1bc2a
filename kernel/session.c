// SPDX-License-Identifier: GPL-2.0
/*
 * Owners and sessions: who has the module open, and how that ends.
 *
 * A session ends with the last put of its descriptor, or with the exit or an
 * exec of its owner, whichever comes first.  Its exports are revoked at once.
 * Its imports settle: they stay counted, since the driver takes the device
 * mappings of a dead process down later than the process dies.  While the owner
 * is exiting, this time starts only when all its threads are gone.  It lasts for
 * settle_ms, and until the driver says that the process has left its devices, or
 * settle_max_ms have gone by.
 *
 * All that takes long is done by the session's work, one at a time, or by the
 * owner itself in the driver's callback; nobody who ends or opens a session, or
 * passes by with the last put of somebody else's, waits for it.
 */

#define pr_fmt(fmt) "aclipc: " fmt

#include <linux/hashtable.h>
#include <linux/pid_namespace.h>
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

/* How often the driver is asked whether a process has left its devices. */
#define ACLIPC_ASK_MS		500

/*
 * How long keys are revoked where somebody waits for it that should not: in the
 * last put of a descriptor, and in an exit of which no importer wants to be told.
 */
#define ACLIPC_REVOKE_MS	5

/* Keys of a session that are revoked whatever time that takes. */
#define ACLIPC_REVOKE_MIN	64

#define ACLIPC_GRACE_MAX_MS	10000

/* Above session->mutex.  Owners and their sessions. */
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

void aclipc_owner_get(struct aclipc_owner *owner)
{
	refcount_inc(&owner->refs);
}

void aclipc_owner_put(struct aclipc_owner *owner)
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

/* The first share of the session, with a reference, if that is in @place. */
static struct aclipc_share *aclipc_session_first(struct aclipc_session *session,
						 enum aclipc_place place)
{
	struct aclipc_share *share;

	spin_lock(&session->lock);
	share = list_first_entry_or_null(&session->shares, struct aclipc_share,
					 session_node);
	if (share && share->place != place)
		share = NULL;
	/* a listed share is known, so it is alive */
	if (share)
		refcount_inc(&share->refs);
	spin_unlock(&session->lock);
	return share;
}

/*
 * Revoke what the session exported, until @end if that is not 0, but always some.
 * Several may do so at a time: what is revoked is behind the others.
 */
static void aclipc_session_revoke(struct aclipc_session *session, u8 reason,
				  unsigned long end)
{
	unsigned int nr = 0;
	struct aclipc_share *share;

	while (!end || nr++ < ACLIPC_REVOKE_MIN || time_before(jiffies, end)) {
		share = aclipc_session_first(session, ACLIPC_PLACE_FIRST);
		if (!share)
			break;
		aclipc_share_revoke(share, reason, false);
		aclipc_share_put(share);
		cond_resched();
	}
}

static u8 aclipc_session_reason(const struct aclipc_session *session)
{
	return aclipc_pid_exiting(session->owner->pid) ? ACLIPC_REASON_EXIT :
							 ACLIPC_REASON_SESSION;
}

/* The driver has forgotten all that the session exported.  By its work. */
static void aclipc_session_forget(struct aclipc_session *session)
{
	struct aclipc_share *share;
	LIST_HEAD(done);

	for (;;) {
		spin_lock(&session->lock);
		share = list_first_entry_or_null(&session->shares,
						 struct aclipc_share,
						 session_node);
		if (share) {
			refcount_inc(&share->refs);
			list_move_tail(&share->session_node, &done);
		}
		spin_unlock(&session->lock);
		if (!share)
			break;
		aclipc_share_revoke(share, ACLIPC_REASON_EXIT, true);
		aclipc_share_put(share);
		cond_resched();
	}
	spin_lock(&session->lock);
	list_splice(&done, &session->shares);
	spin_unlock(&session->lock);
}

/* Give importers until @end to leave what the session exported. */
static void aclipc_session_grace(struct aclipc_session *session,
				 unsigned long end)
{
	struct aclipc_share *share;
	bool left = true;

	while (left) {
		share = aclipc_session_first(session, ACLIPC_PLACE_REVOKED);
		if (!share)
			break;
		left = aclipc_share_grace(share, end);
		if (left)
			aclipc_share_set_place(share, ACLIPC_PLACE_CLEARED);
		aclipc_share_put(share);
		cond_resched();
	}
}

/*
 * No new export or import from here on, and nobody closes but time.  False if it
 * had ended before.
 */
static bool aclipc_session_end(struct aclipc_session *session)
{
	bool ends;

	spin_lock(&session->lock);
	ends = session->phase == ACLIPC_PHASE_OPEN;
	/* told before anybody can see it, and leave out an event */
	if (ends) {
		trace_aclipc_end(session,
				 aclipc_pid_exiting(session->owner->pid));
		WRITE_ONCE(session->phase, ACLIPC_PHASE_ENDED);
	}
	spin_unlock(&session->lock);
	if (!ends)
		return false;
	atomic_dec(&session->owner->nr_open);
	wake_up_interruptible_poll(&session->wq, EPOLLHUP);
	return true;
}

static bool aclipc_session_idle(struct aclipc_session *session)
{
	return list_empty_careful(&session->shares) &&
	       list_empty_careful(&session->imports);
}

/* Start the settle time, or start it anew. */
static long aclipc_session_clock(struct aclipc_session *session)
{
	unsigned int min_ms = READ_ONCE(aclipc_settle_ms);
	unsigned int max_ms = max(min_ms, READ_ONCE(aclipc_settle_max_ms));
	unsigned long delay = msecs_to_jiffies(min_ms);

	session->pinned = aclipc_driver_pins();
	session->settle_end = jiffies + delay;
	WRITE_ONCE(session->settle_max_end, session->pinned ?
		   session->settle_end : jiffies + msecs_to_jiffies(max_ms));
	return max_t(long, delay, 1);
}

/* For how much longer the session's imports settle at most, in ms. */
u32 aclipc_session_settles(const struct aclipc_session *session)
{
	long left = READ_ONCE(session->settle_max_end) - jiffies;

	return left > 0 ? jiffies_to_msecs(left) : 0;
}

/*
 * Has the process left all devices?  The driver knows it by its number alone, so
 * what it says is of use while that is its own, and only if it ever knew it.
 */
static bool aclipc_owner_gone(struct aclipc_owner *owner)
{
	unsigned int nr = pid_nr(owner->pid);
	enum aclipc_device device = aclipc_driver_device(nr);
	struct pid *pid;

	rcu_read_lock();
	pid = find_pid_ns(nr, &init_pid_ns);
	if (pid && pid != owner->pid)
		WRITE_ONCE(owner->reused, true);
	rcu_read_unlock();
	if (device == ACLIPC_DEVICE_PRESENT)
		WRITE_ONCE(owner->known, true);
	return device == ACLIPC_DEVICE_NONE && READ_ONCE(owner->known) &&
	       !READ_ONCE(owner->reused);
}

/*
 * A living process exports or imports: does the driver know it?  By then it
 * should, as the device is open.  Asked until it does, once a second at most.
 */
void aclipc_owner_know(struct aclipc_owner *owner)
{
	if (likely(READ_ONCE(owner->known)) ||
	    time_before(jiffies, READ_ONCE(owner->ask_again)))
		return;
	WRITE_ONCE(owner->ask_again, jiffies + HZ);
	if (aclipc_driver_device(pid_nr(owner->pid)) == ACLIPC_DEVICE_PRESENT)
		WRITE_ONCE(owner->known, true);
}

/*
 * May the session's imports be taken back, and the keys that it exported be
 * forgotten?  0, or after how many jiffies to look again.
 */
static long aclipc_session_settled(struct aclipc_session *session)
{
	struct aclipc_owner *owner = session->owner;
	long left = session->settle_end - jiffies;

	if (left > 0)
		return left;
	if (session->pinned || aclipc_owner_gone(owner))
		return 0;
	left = session->settle_max_end - jiffies;
	if (left > 0)
		return min_t(long, left, msecs_to_jiffies(ACLIPC_ASK_MS));
	if (list_empty_careful(&session->imports))
		return 0;
	pr_warn_ratelimited("imports that process %d left have settled for settle_max_ms, the driver %s; they are taken back\n",
			    pid_nr(owner->pid), READ_ONCE(owner->known) ?
			    "still has it on a device" :
			    "does not say whether it is still on a device");
	return 0;
}

/*
 * Take the session as far towards its end as it can go now.  Returns after how
 * many jiffies to look again, 0 if it is over, -1 to wait for the owner's exit.
 */
static long aclipc_session_step(struct aclipc_session *session)
{
	bool dead = aclipc_pid_dead(session->owner->pid);
	bool exiting = aclipc_pid_exiting(session->owner->pid);
	long left;

	if (session->phase == ACLIPC_PHASE_OPEN) {
		if (!dead && !aclipc_session_execed(session))
			return -1;	/* a spurious wake-up */
		aclipc_session_end(session);
	}
	aclipc_session_revoke(session, aclipc_session_reason(session), 0);
	if (aclipc_session_idle(session))
		return 0;
	if (session->phase == ACLIPC_PHASE_ENDED) {
		if (!dead && exiting)
			return msecs_to_jiffies(ACLIPC_RECHECK_MS);
		left = aclipc_session_clock(session);
		WRITE_ONCE(session->phase, ACLIPC_PHASE_SETTLING);
		WRITE_ONCE(session->clock_from_exit, dead);
		aclipc_imports_settle(session);
		return left;
	}
	/* the mappings of a process go only after it, whatever it closed */
	if (dead && !session->clock_from_exit) {
		WRITE_ONCE(session->clock_from_exit, true);
		return aclipc_session_clock(session);
	}
	left = aclipc_session_settled(session);
	if (left)
		return left;
	aclipc_imports_drop(session);
	if (dead)
		aclipc_session_forget(session);
	return dead || aclipc_session_idle(session) ? 0 : -1;
}

/*
 * The owner has no session and no watch any more: it is not listened to any
 * more.  Who found that puts the table's reference.
 */
static void aclipc_owner_remove(struct aclipc_owner *owner)
{
	bool last;

	mutex_lock(&aclipc_owners_lock);
	last = list_empty(&owner->sessions) && !owner->nr_watches &&
	       !hlist_unhashed(&owner->node);
	if (last) {
		hash_del(&owner->node);
		aclipc_nr_owners--;
	}
	mutex_unlock(&aclipc_owners_lock);
	if (!last)
		return;
	/* no lock held: the work that is waited for takes it */
	remove_wait_queue(&owner->pid->wait_pidfd, &owner->exit_entry);
	cancel_work_sync(&owner->exit_work);
	aclipc_owner_put(owner);
}

/* The driver is to be asked to watch for the owner.  False: too many. */
bool aclipc_owner_watched(struct aclipc_owner *owner, unsigned int max)
{
	bool may;

	mutex_lock(&aclipc_owners_lock);
	may = owner->nr_watches < max;
	if (may)
		owner->nr_watches++;
	mutex_unlock(&aclipc_owners_lock);
	return may;
}

/* One of its watches is over.  The caller has a reference. */
void aclipc_owner_unwatched(struct aclipc_owner *owner)
{
	mutex_lock(&aclipc_owners_lock);
	owner->nr_watches--;
	mutex_unlock(&aclipc_owners_lock);
	aclipc_owner_remove(owner);
}

/*
 * Take the session off its owner's list.  Whoever does that puts the list's
 * reference.
 */
static void aclipc_session_remove(struct aclipc_session *session)
{
	struct aclipc_owner *owner = session->owner;

	mutex_lock(&aclipc_owners_lock);
	if (list_empty(&session->owner_node)) {
		mutex_unlock(&aclipc_owners_lock);
		return;
	}
	list_del_init(&session->owner_node);
	owner->nr_sessions--;
	aclipc_nr_sessions--;
	mutex_unlock(&aclipc_owners_lock);

	aclipc_owner_remove(owner);
	/* off the list, nobody queues it again */
	cancel_delayed_work(&session->work);
	aclipc_session_put(session);
}

static void aclipc_session_work(struct work_struct *work)
{
	struct aclipc_session *session =
		container_of(to_delayed_work(work), struct aclipc_session, work);
	long next = aclipc_session_step(session);

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
 * The owner's session after @prev, or its first, with a reference; that of @prev
 * is put.  Where @prev has left the list meanwhile it begins again.
 */
static struct aclipc_session *aclipc_owner_next(struct aclipc_owner *owner,
						struct aclipc_session *prev)
{
	struct aclipc_session *next;

	mutex_lock(&aclipc_owners_lock);
	if (!prev || list_empty(&prev->owner_node))
		next = list_first_entry_or_null(&owner->sessions,
						struct aclipc_session,
						owner_node);
	else if (list_is_last(&prev->owner_node, &owner->sessions))
		next = NULL;
	else
		next = list_next_entry(prev, owner_node);
	if (next)
		refcount_inc(&next->refs);
	mutex_unlock(&aclipc_owners_lock);
	if (prev)
		aclipc_session_put(prev);
	return next;
}

/* When the exit of the owner has been delayed long enough: set once. */
static unsigned long aclipc_owner_deadline(struct aclipc_owner *owner)
{
	unsigned int ms = min_t(unsigned int, READ_ONCE(aclipc_exit_grace_ms),
				atomic_read(&owner->nr_listeners) ?
				ACLIPC_GRACE_MAX_MS : ACLIPC_REVOKE_MS);
	unsigned long end = (jiffies + msecs_to_jiffies(ms)) | 1;

	return cmpxchg(&owner->grace_end, 0, end) ?: end;
}

/*
 * The driver takes the memory of a dying exporter.  Revoke all that it exported,
 * in all sessions, then give importers who were told a bounded time to leave.
 * Both fall under one deadline, for all of the driver's callbacks; what is left
 * then is revoked by the sessions' work.  No lock is held that another one needs.
 */
void aclipc_owner_die(struct aclipc_owner *owner)
{
	unsigned long end = aclipc_owner_deadline(owner);
	struct aclipc_session *session = NULL;

	while ((session = aclipc_owner_next(owner, session)))
		aclipc_session_revoke(session, ACLIPC_REASON_EXIT, end);
	while ((session = aclipc_owner_next(owner, session)))
		aclipc_session_grace(session, end);
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
	owner->ask_again = jiffies;
	mutex_init(&owner->watch_mutex);
	spin_lock_init(&owner->watch_lock);
	INIT_LIST_HEAD(&owner->watches);
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
 * it means, never current.  Nobody is held up by it for long: what could not be
 * revoked in a moment is left to the session's work, as all that follows.
 */
void aclipc_session_release(struct aclipc_session *session)
{
	if (aclipc_session_end(session)) {
		aclipc_session_revoke(session, aclipc_session_reason(session),
				      jiffies +
				      msecs_to_jiffies(ACLIPC_REVOKE_MS));
		mutex_lock(&aclipc_owners_lock);
		if (!list_empty(&session->owner_node))
			mod_delayed_work(aclipc_wq, &session->work, 0);
		mutex_unlock(&aclipc_owners_lock);
	}
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
		aclipc_imports_settle(session);
		aclipc_imports_drop(session);
		aclipc_session_forget(session);
		aclipc_session_put(session);
	}
	cancel_delayed_work_sync(&aclipc_look);
}

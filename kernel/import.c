// SPDX-License-Identifier: GPL-2.0
/* Imports: counted, taken back one by one, or settled as a whole. */

#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "aclipc.h"
#include "trace.h"

static struct kmem_cache *aclipc_import_cache;

/* Imports of sessions that ended, on the whole machine. */
atomic64_t aclipc_nr_settling;

/* Is it the exporter's own?  Such imports never hinder its close. */
bool aclipc_import_is_self(const struct aclipc_imp *import)
{
	return import->session->owner ==
	       aclipc_share_owner(import->mark.share);
}

/*
 * Does the exit of the exporter wait for it?  Not for who cannot hear that it
 * should leave: while the driver is held up in a mmu notifier, no other process
 * with one can end.
 */
bool aclipc_import_hinders(const struct aclipc_imp *import)
{
	return import->listens &&
	       !aclipc_pid_exiting(import->session->owner->pid);
}

/* It is gone, or nobody is there any more who listens. */
static void aclipc_import_unlisten_locked(struct aclipc_imp *import,
					  struct aclipc_share *share)
{
	lockdep_assert_held(&share->lock);

	if (!import->listens)
		return;
	import->listens = false;
	atomic_dec(&aclipc_share_owner(share)->nr_listeners);
}

/* The session's import of this share.  A share has few importers. */
static struct aclipc_imp *
aclipc_import_find_locked(struct aclipc_share *share,
			  struct aclipc_session *session)
{
	struct aclipc_imp *import;

	lockdep_assert_held(&share->lock);

	list_for_each_entry(import, &share->imports, share_node)
		if (import->session == session)
			return import;
	return NULL;
}

/* How often this session has the share imported. */
u32 aclipc_import_count(struct aclipc_session *session,
			struct aclipc_share *share)
{
	struct aclipc_imp *import;
	u32 count;

	spin_lock(&share->lock);
	import = aclipc_import_find_locked(share, session);
	count = import ? import->count : 0;
	spin_unlock(&share->lock);
	return count;
}

/* The imports of @share are found in their sessions only, from now on. */
void aclipc_imports_stale_locked(struct aclipc_share *share, int by)
{
	struct aclipc_imp *import;

	lockdep_assert_held(&share->lock);

	list_for_each_entry(import, &share->imports, share_node) {
		spin_lock(&import->session->lock);
		WRITE_ONCE(import->session->nr_stale,
			   import->session->nr_stale + by);
		spin_unlock(&import->session->lock);
	}
}

/*
 * The share of this key that has left the registry and that the session has
 * still imported, with a reference.  ENOENT: none, EINVAL: several.
 */
struct aclipc_share *aclipc_import_stale(struct aclipc_session *session,
					 const struct aclipc_key *key)
{
	struct aclipc_share *found = ERR_PTR(-ENOENT);
	struct aclipc_imp *import;

	spin_lock(&session->lock);
	if (!session->nr_stale)
		goto out;
	list_for_each_entry(import, &session->imports, session_node) {
		if (READ_ONCE(import->mark.share->hashed) ||
		    !aclipc_share_has_key(import->mark.share, key))
			continue;
		if (!IS_ERR(found)) {
			found = ERR_PTR(-EINVAL);
			break;
		}
		found = import->mark.share;
	}
	if (!IS_ERR(found))
		refcount_inc(&found->refs);
out:
	spin_unlock(&session->lock);
	return found;
}

static int aclipc_admit_locked(struct aclipc_share *share,
			       struct aclipc_session *session)
{
	lockdep_assert_held(&share->lock);

	if (!aclipc_share_allows(share, session))
		return -EACCES;
	switch (share->state) {
	case ACLIPC_STATE_LIVE:
		/* about to be revoked */
		if (READ_ONCE(share->session->phase) != ACLIPC_PHASE_OPEN)
			return -EOWNERDEAD;
		break;
	case ACLIPC_STATE_REVOKED:
		return share->reason == ACLIPC_REASON_CLOSED ? -ESHUTDOWN :
							       -EOWNERDEAD;
	default:
		return -ESHUTDOWN;
	}
	if (atomic64_read(&aclipc_nr_settling) >=
	    READ_ONCE(aclipc_max_settling))
		return -EDQUOT;
	return aclipc_charge(&session->owner->nr_imports,
			     READ_ONCE(aclipc_max_imports));
}

/* Put a new import on the share and into the session. */
static void aclipc_import_attach_locked(struct aclipc_imp *import,
					struct aclipc_share *share,
					struct aclipc_session *session)
{
	lockdep_assert_held(&share->lock);

	import->session = session;
	import->mark.share = share;
	import->listens = READ_ONCE(session->listens) &&
			  !aclipc_import_is_self(import);
	if (import->listens)
		atomic_inc(&aclipc_share_owner(share)->nr_listeners);
	refcount_inc(&share->refs);
	list_add_tail(&import->share_node, &share->imports);
	spin_lock(&session->lock);
	list_add_tail(&import->session_node, &session->imports);
	spin_unlock(&session->lock);
}

/* Count one import.  @new is used and set to NULL if it is the first one. */
static int aclipc_import_add_locked(struct aclipc_share *share,
				    struct aclipc_session *session,
				    struct aclipc_imp **new)
{
	struct aclipc_imp *import;
	int ret;

	ret = aclipc_admit_locked(share, session);
	if (ret)
		return ret;
	import = aclipc_import_find_locked(share, session);
	if (!import) {
		import = *new;
		*new = NULL;
		aclipc_import_attach_locked(import, share, session);
	}
	WRITE_ONCE(import->count, import->count + 1);
	if (aclipc_import_is_self(import))
		share->nr_self++;
	else
		WRITE_ONCE(share->nr_imports, share->nr_imports + 1);
	trace_aclipc_import(share, session, import->count);
	return 0;
}

/*
 * A session that imports and closes by turns, for each chunk of a transfer,
 * keeps one import for that.
 */
static struct aclipc_imp *aclipc_import_alloc(struct aclipc_session *session)
{
	struct aclipc_imp *import = xchg(&session->spare, NULL);

	if (!import)
		import = kmem_cache_alloc(aclipc_import_cache,
					  GFP_KERNEL_ACCOUNT);
	if (!import)
		return NULL;
	INIT_LIST_HEAD(&import->mark.node);
	import->mark.type = 0;
	import->mark.driver = false;
	import->count = 0;
	import->settling = false;
	import->since_ns = ktime_get_coarse_boottime_ns();
	return import;
}

static void aclipc_import_free(struct aclipc_session *session,
			       struct aclipc_imp *import)
{
	import = xchg(&session->spare, import);
	if (import)
		kmem_cache_free(aclipc_import_cache, import);
}

/* The session goes: nothing is kept. */
void aclipc_import_drain(struct aclipc_session *session)
{
	if (session->spare)
		kmem_cache_free(aclipc_import_cache, session->spare);
}

int aclipc_ioctl_import(struct aclipc_session *session, void *arg)
{
	struct aclipc_import *cmd = arg;
	struct aclipc_share *share;
	struct aclipc_imp *new;
	struct aclipc_key key;
	int ret;

	if (cmd->flags)
		return -EOPNOTSUPP;
	ret = aclipc_key_init(&key, cmd->key);
	if (ret)
		return ret;
	new = aclipc_import_alloc(session);
	if (!new)
		return -ENOMEM;

	rcu_read_lock();
	do {
		share = aclipc_share_lookup(&key);
		if (!share) {
			ret = -ENOENT;
			break;
		}
		spin_lock(&share->lock);
		/* off the registry meanwhile: look what stands there now */
		ret = -EAGAIN;
		if (share->hashed)
			ret = aclipc_import_add_locked(share, session, &new);
		cmd->out_generation = share->generation;
		cmd->out_length = share->length;
		spin_unlock(&share->lock);
	} while (ret == -EAGAIN);
	rcu_read_unlock();

	/* it was the second import of this key, or refused */
	if (new)
		aclipc_import_free(session, new);
	if (!ret)
		aclipc_owner_know(session->owner);
	return ret;
}

/* Take an import whose count is zero off everything, and free it. */
static void aclipc_import_detach_locked(struct aclipc_imp *import,
					struct aclipc_share *share)
{
	struct aclipc_session *session = import->session;

	lockdep_assert_held(&share->lock);

	aclipc_import_unlisten_locked(import, share);
	list_del(&import->share_node);
	spin_lock(&session->lock);
	if (!share->hashed)
		WRITE_ONCE(session->nr_stale, session->nr_stale - 1);
	list_del(&import->session_node);
	aclipc_unmark_locked(&import->mark);
	spin_unlock(&session->lock);
	aclipc_import_free(session, import);
}

/* Another process's import is gone: tell whoever wants to close. */
static void aclipc_share_dropped_locked(struct aclipc_share *share)
{
	if (!share->nr_imports && share->deferred)
		aclipc_mark(share->session, &share->mark, ACLIPC_EVENT_DRAINED,
			    0);
	if (share->nr_waiters)
		wake_up(&share->wq);
}

/*
 * Take @n imports back.  Returns how many references of the share the caller
 * has to put after unlocking.
 */
static int aclipc_import_drop_locked(struct aclipc_imp *import, u32 n)
{
	struct aclipc_share *share = import->mark.share;

	lockdep_assert_held(&share->lock);

	WRITE_ONCE(import->count, import->count - n);
	atomic_sub(n, &import->session->owner->nr_imports);
	if (aclipc_import_is_self(import)) {
		share->nr_self -= n;
	} else {
		WRITE_ONCE(share->nr_imports, share->nr_imports - n);
		if (import->settling)
			WRITE_ONCE(share->nr_settling, share->nr_settling - n);
		aclipc_share_dropped_locked(share);
	}
	if (import->count)
		return 0;
	aclipc_import_detach_locked(import, share);
	return 1 + aclipc_share_retire_locked(share);
}

/* One import of the session goes, if it has this share imported. */
static int aclipc_import_close_share(struct aclipc_session *session,
				     struct aclipc_share *share,
				     struct aclipc_close *cmd)
{
	struct aclipc_imp *import;
	int puts;

	spin_lock(&share->lock);
	import = aclipc_import_find_locked(share, session);
	if (!import) {
		spin_unlock(&share->lock);
		return -ENOENT;
	}
	cmd->out_imports = import->count - 1;
	puts = aclipc_import_drop_locked(import, 1);
	trace_aclipc_close(share, session, cmd->out_imports);
	spin_unlock(&share->lock);
	while (puts--)
		aclipc_share_put(share);
	return 0;
}

/* The key names a share that left the registry, and maybe another one too. */
static int aclipc_import_close_stale(struct aclipc_session *session,
				     const struct aclipc_key *key,
				     struct aclipc_close *cmd)
{
	struct aclipc_share *share = aclipc_import_stale(session, key);
	int ret;

	if (IS_ERR(share))
		return PTR_ERR(share);
	ret = aclipc_import_close_share(session, share, cmd);
	aclipc_share_put(share);
	return ret;
}

/* Does the session hold a stale import of the key beside the registered one? */
static bool aclipc_import_unclear(struct aclipc_session *session,
				  const struct aclipc_key *key)
{
	struct aclipc_share *stale = aclipc_import_stale(session, key);
	struct aclipc_share *share;
	bool unclear = PTR_ERR(stale) == -EINVAL;

	if (IS_ERR(stale))
		return unclear;
	share = aclipc_share_get(key, 0);
	if (share) {
		/* the same: it is about to leave the registry */
		unclear = share != stale &&
			  aclipc_import_count(session, share);
		aclipc_share_put(share);
	}
	aclipc_share_put(stale);
	return unclear;
}

/*
 * CLOSE as importer.  The usual import is found through the registry.  One
 * whose share left the registry meanwhile is found in the session, which is
 * told before that happens.
 */
int aclipc_import_close(struct aclipc_session *session,
			const struct aclipc_key *key,
			struct aclipc_close *cmd)
{
	bool stale = !cmd->generation && READ_ONCE(session->nr_stale);
	struct aclipc_share *share;
	int ret = -ENOENT;

	if (stale && aclipc_import_unclear(session, key))
		return -EINVAL;
	rcu_read_lock();
	share = cmd->generation ? aclipc_share_lookup_id(cmd->generation) :
				  aclipc_share_lookup(key);
	if (share && aclipc_share_has_key(share, key))
		ret = aclipc_import_close_share(session, share, cmd);
	rcu_read_unlock();
	if (ret == -ENOENT && !cmd->generation)
		ret = aclipc_import_close_stale(session, key, cmd);
	return ret;
}

/*
 * The session has ended: its imports stay counted, as settling.  Nobody adds
 * to the list any more, and nobody but the session's work takes anything off.
 */
void aclipc_imports_settle(struct aclipc_session *session)
{
	struct aclipc_imp *import;
	struct aclipc_share *share;

	list_for_each_entry(import, &session->imports, session_node) {
		share = import->mark.share;
		spin_lock(&share->lock);
		if (!import->settling) {
			import->settling = true;
			atomic64_add(import->count, &aclipc_nr_settling);
			if (!aclipc_import_is_self(import))
				WRITE_ONCE(share->nr_settling, share->nr_settling +
					   import->count);
			aclipc_import_unlisten_locked(import, share);
			if (share->nr_waiters)
				wake_up(&share->wq);
		}
		spin_unlock(&share->lock);
		cond_resched();
	}
}

/* The settle time is over: the imports go. */
void aclipc_imports_drop(struct aclipc_session *session)
{
	struct aclipc_share *share;
	struct aclipc_imp *import;
	u32 count;
	int puts;

	while ((import = list_first_entry_or_null(&session->imports,
						  struct aclipc_imp,
						  session_node))) {
		share = import->mark.share;
		spin_lock(&share->lock);
		count = import->count;
		atomic64_sub(count, &aclipc_nr_settling);
		puts = aclipc_import_drop_locked(import, count);
		trace_aclipc_settled(share, session, count);
		spin_unlock(&share->lock);
		while (puts--)
			aclipc_share_put(share);
		cond_resched();
	}
}

int aclipc_imports_init(void)
{
	aclipc_import_cache = kmem_cache_create("aclipc_import",
						sizeof(struct aclipc_imp), 0,
						SLAB_ACCOUNT, NULL);
	return aclipc_import_cache ? 0 : -ENOMEM;
}

void aclipc_imports_exit(void)
{
	rcu_barrier();
	kmem_cache_destroy(aclipc_import_cache);
}

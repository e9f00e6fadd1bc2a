// SPDX-License-Identifier: GPL-2.0
/* Imports: counted, taken back one by one, or settled as a whole. */

#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "aclipc.h"
#include "trace.h"

static struct kmem_cache *aclipc_import_cache;

/* Imports of sessions that ended, on the whole machine. */
atomic64_t aclipc_nr_settling;

static u32 aclipc_import_hashfn(const void *data, u32 len, u32 seed)
{
	const struct aclipc_key *key = data;

	return key->hash ^ seed;
}

static u32 aclipc_import_obj_hashfn(const void *data, u32 len, u32 seed)
{
	const struct aclipc_imp *import = data;

	return import->mark.share->key.hash ^ seed;
}

static int aclipc_import_cmpfn(struct rhashtable_compare_arg *arg,
			       const void *obj)
{
	const struct aclipc_imp *import = obj;

	return memcmp(&import->mark.share->key, arg->key,
		      sizeof(struct aclipc_key));
}

static const struct rhashtable_params aclipc_import_params = {
	.head_offset = offsetof(struct aclipc_imp, node),
	.key_len = sizeof(struct aclipc_key),
	.hashfn = aclipc_import_hashfn,
	.obj_hashfn = aclipc_import_obj_hashfn,
	.obj_cmpfn = aclipc_import_cmpfn,
	.min_size = 16,
	.automatic_shrinking = true,
};

int aclipc_session_table_init(struct aclipc_session *session)
{
	return rhltable_init(&session->table, &aclipc_import_params);
}

/* Is it the exporter's own?  Such imports never hinder its close. */
bool aclipc_import_is_self(const struct aclipc_imp *import)
{
	return import->session->owner ==
	       aclipc_share_owner(import->mark.share);
}

/* The session's import of this share.  Under RCU. */
static struct aclipc_imp *aclipc_import_find(struct aclipc_session *session,
						struct aclipc_share *share)
{
	struct rhlist_head *list, *pos;
	struct aclipc_imp *import;

	list = rhltable_lookup(&session->table, &share->key,
			       aclipc_import_params);
	rhl_for_each_entry_rcu(import, pos, list, node)
		if (import->mark.share == share && READ_ONCE(import->count))
			return import;
	return NULL;
}

/*
 * The session's import of this key and generation, 0: the only one.  Under RCU;
 * it may have been closed already, which its count tells under the share's
 * lock.
 */
static struct aclipc_imp *
aclipc_import_find_key(struct aclipc_session *session,
		       const struct aclipc_key *key, u64 generation)
{
	struct aclipc_imp *import, *found = NULL;
	struct rhlist_head *list, *pos;

	list = rhltable_lookup(&session->table, key, aclipc_import_params);
	rhl_for_each_entry_rcu(import, pos, list, node) {
		if (!READ_ONCE(import->count))
			continue;
		if (generation && import->mark.share->generation != generation)
			continue;
		if (found)
			return ERR_PTR(-EINVAL);
		found = import;
	}
	return found ?: ERR_PTR(-ENOENT);
}

/* How often this session has the share imported. */
u32 aclipc_import_count(struct aclipc_session *session,
			struct aclipc_share *share)
{
	struct aclipc_imp *import;
	u32 count;

	rcu_read_lock();
	import = aclipc_import_find(session, share);
	count = import ? READ_ONCE(import->count) : 0;
	rcu_read_unlock();
	return count;
}

/* The share that this session has imported under the key, with a reference. */
struct aclipc_share *aclipc_import_share(struct aclipc_session *session,
					 const struct aclipc_key *key)
{
	struct aclipc_share *share;
	struct aclipc_imp *import;

	rcu_read_lock();
	import = aclipc_import_find_key(session, key, 0);
	if (IS_ERR(import)) {
		share = ERR_CAST(import);
	} else {
		share = import->mark.share;
		if (!refcount_inc_not_zero(&share->refs))
			share = ERR_PTR(-ENOENT);
	}
	rcu_read_unlock();
	return share;
}

static int aclipc_admit_locked(struct aclipc_share *share,
			       struct aclipc_session *session)
{
	lockdep_assert_held(&share->lock);

	if (!aclipc_share_allows(share, session))
		return -EACCES;
	switch (share->state) {
	case ACLIPC_STATE_LIVE:
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
static int aclipc_import_attach_locked(struct aclipc_imp *import,
				       struct aclipc_share *share,
				       struct aclipc_session *session)
{
	int ret;

	lockdep_assert_held(&share->lock);

	import->session = session;
	import->mark.share = share;
	import->count = 1;
	ret = rhltable_insert(&session->table, &import->node,
			      aclipc_import_params);
	if (ret)
		return -ENOMEM;
	refcount_inc(&share->refs);
	list_add_tail(&import->share_node, &share->imports);
	spin_lock(&session->lock);
	list_add_tail(&import->session_node, &session->imports);
	spin_unlock(&session->lock);
	return 0;
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
	import = aclipc_import_find(session, share);
	if (import) {
		WRITE_ONCE(import->count, import->count + 1);
	} else {
		import = *new;
		ret = aclipc_import_attach_locked(import, share, session);
		if (ret) {
			atomic_dec(&session->owner->nr_imports);
			return ret;
		}
		*new = NULL;
	}
	if (aclipc_import_is_self(import))
		share->nr_self++;
	else
		share->nr_imports++;
	trace_aclipc_import(share, session, import->count);
	return 0;
}

static struct aclipc_imp *aclipc_import_alloc(void)
{
	struct aclipc_imp *import;

	import = kmem_cache_alloc(aclipc_import_cache, GFP_KERNEL_ACCOUNT);
	if (!import)
		return NULL;
	INIT_LIST_HEAD(&import->mark.node);
	import->settling = false;
	import->since_ns = ktime_get_boottime_ns();
	return import;
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
	new = aclipc_import_alloc();
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
		kmem_cache_free(aclipc_import_cache, new);
	return ret;
}

static void aclipc_import_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(aclipc_import_cache,
			container_of(rcu, struct aclipc_imp, rcu));
}

/* Take an import whose count is zero off everything. */
static void aclipc_import_detach_locked(struct aclipc_imp *import,
					struct aclipc_share *share)
{
	struct aclipc_session *session = import->session;

	lockdep_assert_held(&share->lock);

	rhltable_remove(&session->table, &import->node, aclipc_import_params);
	list_del(&import->share_node);
	spin_lock(&session->lock);
	list_del(&import->session_node);
	aclipc_unmark_locked(&import->mark);
	spin_unlock(&session->lock);
	call_rcu(&import->rcu, aclipc_import_free_rcu);
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
		share->nr_imports -= n;
		if (import->settling)
			share->nr_settling -= n;
		aclipc_share_dropped_locked(share);
	}
	if (import->count)
		return 0;
	aclipc_import_detach_locked(import, share);
	return 1 + aclipc_share_retire_locked(share);
}

/* CLOSE as importer: one import of the session goes. */
int aclipc_import_close(struct aclipc_session *session,
			const struct aclipc_key *key,
			struct aclipc_close *cmd)
{
	struct aclipc_share *share;
	struct aclipc_imp *import;
	int puts;

	rcu_read_lock();
	import = aclipc_import_find_key(session, key, cmd->generation);
	if (IS_ERR(import)) {
		rcu_read_unlock();
		return PTR_ERR(import);
	}
	share = import->mark.share;
	spin_lock(&share->lock);
	if (!import->count) {
		/* another thread closed it meanwhile */
		spin_unlock(&share->lock);
		rcu_read_unlock();
		return -ENOENT;
	}
	cmd->out_imports = import->count - 1;
	puts = aclipc_import_drop_locked(import, 1);
	trace_aclipc_close(share, session, cmd->out_imports);
	spin_unlock(&share->lock);
	rcu_read_unlock();

	while (puts--)
		aclipc_share_put(share);
	return 0;
}

/*
 * The session has ended: its imports stay counted, as settling.  Nobody adds
 * to the list any more; session->mutex keeps it from being dropped meanwhile.
 */
void aclipc_imports_settle(struct aclipc_session *session)
{
	struct aclipc_imp *import;
	struct aclipc_share *share;

	lockdep_assert_held(&session->mutex);

	list_for_each_entry(import, &session->imports, session_node) {
		share = import->mark.share;
		spin_lock(&share->lock);
		if (!import->settling) {
			import->settling = true;
			atomic64_add(import->count, &aclipc_nr_settling);
			if (!aclipc_import_is_self(import))
				share->nr_settling += import->count;
			/* the exit grace does not count it any more */
			if (share->nr_waiters)
				wake_up(&share->wq);
		}
		spin_unlock(&share->lock);
	}
}

/* The settle time is over: the imports go. */
void aclipc_imports_drop(struct aclipc_session *session)
{
	struct aclipc_share *share;
	struct aclipc_imp *import;
	u32 count;
	int puts;

	lockdep_assert_held(&session->mutex);

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

// SPDX-License-Identifier: GPL-2.0
/* Shares: the registry by key, the states, revocation. */

#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <asm/word-at-a-time.h>

#include "aclipc.h"
#include "trace.h"

static hsiphash_key_t aclipc_secret __read_mostly;
static struct kmem_cache *aclipc_share_cache;
static atomic64_t aclipc_generation;
static struct rhashtable aclipc_registry;

/* Every share that has memory, by generation. */
struct rhashtable aclipc_shares;

/* Generations are counted up: nobody can choose them. */
static u32 aclipc_generation_hashfn(const void *data, u32 len, u32 seed)
{
	return hash_64(*(const u64 *)data, 32) ^ seed;
}

static const struct rhashtable_params aclipc_shares_params = {
	.head_offset = offsetof(struct aclipc_share, id_node),
	.key_offset = offsetof(struct aclipc_share, generation),
	.key_len = sizeof_field(struct aclipc_share, generation),
	.hashfn = aclipc_generation_hashfn,
	.automatic_shrinking = true,
};

static u32 aclipc_key_hashfn(const void *data, u32 len, u32 seed)
{
	const struct aclipc_key *key = data;

	return key->hash ^ seed;
}

static u32 aclipc_share_hashfn(const void *data, u32 len, u32 seed)
{
	const struct aclipc_share *share = data;

	return share->hash ^ seed;
}

static int aclipc_share_cmpfn(struct rhashtable_compare_arg *arg,
			      const void *obj)
{
	return !aclipc_share_has_key(obj, arg->key);
}

static const struct rhashtable_params aclipc_registry_params = {
	.head_offset = offsetof(struct aclipc_share, node),
	.key_len = sizeof(struct aclipc_key),
	.hashfn = aclipc_key_hashfn,
	.obj_hashfn = aclipc_share_hashfn,
	.obj_cmpfn = aclipc_share_cmpfn,
	.automatic_shrinking = true,
};

/*
 * Check a key field: 1 to 64 non-zero bytes and then only zeros.  @bytes is
 * aligned like the structs of the uapi.  Enough to compare with; to look the key
 * up it takes aclipc_key_init().
 */
int aclipc_key_check(struct aclipc_key *key, const __u8 bytes[ACLIPC_KEY_MAX])
{
	const struct word_at_a_time constants = WORD_AT_A_TIME_CONSTANTS;
	const unsigned long *word = (const unsigned long *)bytes;
	const unsigned long *end = word + ACLIPC_KEY_MAX / sizeof(*word);
	unsigned long data, zero;

	if (!bytes[0])
		return -EINVAL;
	while (word < end && !has_zero(*word, &zero, &constants))
		word++;
	if (word < end) {
		zero = prep_zero_mask(*word, zero, &constants);
		zero = create_zero_mask(zero);
		data = *word++ & ~zero_bytemask(zero);
		while (word < end)
			data |= *word++;
		if (data)
			return -EINVAL;
	}
	key->bytes = bytes;
	key->hash = 0;
	return 0;
}

/*
 * Check and hash a key field.  The hash is seeded, since keys come from
 * processes that do not trust each other.
 */
int aclipc_key_init(struct aclipc_key *key, const __u8 bytes[ACLIPC_KEY_MAX])
{
	int ret = aclipc_key_check(key, bytes);

	if (ret)
		return ret;
	key->hash = hsiphash(bytes, ACLIPC_KEY_MAX, &aclipc_secret);
	return 0;
}

/* Find the registered share of a key.  Valid inside the RCU section only. */
struct aclipc_share *aclipc_share_lookup(const struct aclipc_key *key)
{
	return rhashtable_lookup(&aclipc_registry, key, aclipc_registry_params);
}

/* Take a reference of what was found in a table, unless it is dying. */
static struct aclipc_share *aclipc_share_tryget(struct aclipc_share *share)
{
	if (share && refcount_inc_not_zero(&share->refs))
		return share;
	return NULL;
}

/* Find any share by its generation.  Valid inside the RCU section only. */
struct aclipc_share *aclipc_share_lookup_id(u64 generation)
{
	return rhashtable_lookup(&aclipc_shares, &generation,
				 aclipc_shares_params);
}

struct aclipc_share *aclipc_share_get_id(u64 generation)
{
	struct aclipc_share *share;

	rcu_read_lock();
	share = aclipc_share_tryget(aclipc_share_lookup_id(generation));
	rcu_read_unlock();
	return share;
}

/*
 * Find a known share by key and generation, or the registered one of the key if
 * @gen is 0.  The caller owns one reference.
 */
struct aclipc_share *aclipc_share_get(const struct aclipc_key *key, u64 gen)
{
	struct aclipc_share *share;

	if (gen) {
		share = aclipc_share_get_id(gen);
		if (share && (!READ_ONCE(share->known) ||
			      !aclipc_share_has_key(share, key))) {
			aclipc_share_put(share);
			share = NULL;
		}
		return share;
	}
	rcu_read_lock();
	share = aclipc_share_tryget(aclipc_share_lookup(key));
	rcu_read_unlock();
	return share;
}

/*
 * The share of this key that the session exported, that left the registry and
 * that is not finished, with a reference.  ENOENT: none, EINVAL: several.
 */
static struct aclipc_share *
aclipc_share_superseded(struct aclipc_session *session,
			const struct aclipc_key *key)
{
	struct aclipc_share *found = ERR_PTR(-ENOENT);
	struct aclipc_share *share;

	if (likely(!READ_ONCE(session->nr_superseded)))
		return found;
	spin_lock(&session->lock);
	list_for_each_entry(share, &session->shares, session_node) {
		if (READ_ONCE(share->hashed) ||
		    (READ_ONCE(share->gone) && !READ_ONCE(share->begun)) ||
		    !aclipc_share_has_key(share, key))
			continue;
		if (!IS_ERR(found)) {
			found = ERR_PTR(-EINVAL);
			break;
		}
		found = share;
	}
	/* a listed share is known, so it is alive */
	if (!IS_ERR(found))
		refcount_inc(&found->refs);
	spin_unlock(&session->lock);
	return found;
}

/*
 * Find an export of the caller's process.  Another process's key is EPERM if it
 * is registered; generation 0 is refused where it could mean two exports.
 */
struct aclipc_share *aclipc_share_get_own(struct aclipc_session *session,
					  const struct aclipc_key *key,
					  u64 generation)
{
	struct aclipc_share *old = ERR_PTR(-ENOENT);
	struct aclipc_share *share;

	share = aclipc_share_get(key, generation);
	if (!generation) {
		/* pairs with the exchange in aclipc_share_supersede() */
		smp_rmb();
		old = aclipc_share_superseded(session, key);
	}
	if (!share) {
		share = ERR_PTR(-ENOENT);
	} else if (aclipc_share_owner(share) != session->owner) {
		aclipc_share_put(share);
		share = ERR_PTR(-EPERM);
	}
	if (PTR_ERR(old) == -ENOENT)
		return share;
	if (IS_ERR(share))
		return old;
	aclipc_share_put(share);
	/* the same: it left the registry just now */
	if (old == share)
		return old;
	if (!IS_ERR(old))
		aclipc_share_put(old);
	return ERR_PTR(-EINVAL);
}

static void aclipc_share_free_rcu(struct rcu_head *rcu)
{
	struct aclipc_share *share =
		container_of(rcu, struct aclipc_share, rcu);

	kmem_cache_free(aclipc_share_cache, share);
}

void aclipc_share_put(struct aclipc_share *share)
{
	if (!refcount_dec_and_test(&share->refs))
		return;
	aclipc_watch_leave(share);
	rhashtable_remove_fast(&aclipc_shares, &share->id_node,
			       aclipc_shares_params);
	aclipc_allow_free(rcu_dereference_protected(share->allow, true));
	aclipc_session_put(share->session);
	call_rcu(&share->rcu, aclipc_share_free_rcu);
}

/* Make a share that can be found by its generation but not by its key yet. */
struct aclipc_share *aclipc_share_new(struct aclipc_session *session,
				      const struct aclipc_key *key)
{
	struct aclipc_share *share;
	int ret;

	share = kmem_cache_zalloc(aclipc_share_cache, GFP_KERNEL_ACCOUNT);
	if (!share)
		return ERR_PTR(-ENOMEM);
	memcpy(share->key, key->bytes, ACLIPC_KEY_MAX);
	share->hash = key->hash;
	refcount_set(&share->refs, 1);
	share->generation = atomic64_inc_return(&aclipc_generation);
	share->state = ACLIPC_STATE_LIVE;
	spin_lock_init(&share->lock);
	INIT_LIST_HEAD(&share->session_node);
	INIT_LIST_HEAD(&share->watch_node);
	INIT_LIST_HEAD(&share->imports);
	INIT_LIST_HEAD(&share->tombstone_node);
	INIT_LIST_HEAD(&share->mark.node);
	share->mark.share = share;
	init_waitqueue_head(&share->wq);
	refcount_inc(&session->refs);
	share->session = session;

	ret = rhashtable_insert_fast(&aclipc_shares, &share->id_node,
				     aclipc_shares_params);
	if (ret) {
		aclipc_session_put(session);
		kmem_cache_free(aclipc_share_cache, share);
		/* the table cannot grow, whatever it calls that */
		return ERR_PTR(-ENOMEM);
	}
	return share;
}

/* Take the share out of the registry. */
static void aclipc_share_unhash_locked(struct aclipc_share *share)
{
	lockdep_assert_held(&share->lock);

	if (!share->hashed)
		return;
	rhashtable_remove_fast(&aclipc_registry, &share->node,
			       aclipc_registry_params);
	WRITE_ONCE(share->hashed, false);
}

/*
 * The one predicate for the end of a share: revoked, nobody has it open, and
 * no import can come that would have to be told so.  True if this call ended
 * it: the caller then puts the reference of "known" after unlocking.
 */
bool aclipc_share_retire_locked(struct aclipc_share *share)
{
	struct aclipc_session *session = share->session;

	lockdep_assert_held(&share->lock);

	if (!share->known || share->state != ACLIPC_STATE_REVOKED ||
	    !list_empty(&share->imports))
		return false;
	if (share->hashed && !share->gone) {
		aclipc_tombstone_add_locked(share);
		return false;
	}
	aclipc_tombstone_del_locked(share);
	spin_lock(&session->lock);
	if (!share->hashed)
		WRITE_ONCE(session->nr_superseded, session->nr_superseded - 1);
	list_del_init(&share->session_node);
	aclipc_unmark_locked(&share->mark);
	spin_unlock(&session->lock);
	aclipc_share_unhash_locked(share);
	WRITE_ONCE(share->known, false);
	atomic_dec(&session->owner->nr_exports);
	return true;
}

/* The exporter's session counts those that are found in its list only. */
static void aclipc_superseded_locked(struct aclipc_share *share, int by)
{
	struct aclipc_session *session = share->session;

	lockdep_assert_held(&share->lock);

	spin_lock(&session->lock);
	WRITE_ONCE(session->nr_superseded, session->nr_superseded + by);
	spin_unlock(&session->lock);
}

/*
 * Put @share where the revoked share @old of the same key stands.  @old keeps
 * its imports and is found by its generation only.
 */
static int aclipc_share_supersede(struct aclipc_share *old,
				  struct aclipc_share *share)
{
	bool retired = false;
	int ret = -EAGAIN;

	spin_lock(&old->lock);
	if (!old->hashed)
		goto out;
	/* before anyone can miss it in the registry */
	WRITE_ONCE(old->hashed, false);
	aclipc_imports_stale_locked(old, 1);
	aclipc_superseded_locked(old, 1);
	ret = rhashtable_replace_fast(&aclipc_registry, &old->node,
				      &share->node, aclipc_registry_params);
	if (ret) {
		aclipc_superseded_locked(old, -1);
		aclipc_imports_stale_locked(old, -1);
		WRITE_ONCE(old->hashed, true);
		goto out;
	}
	retired = aclipc_share_retire_locked(old);
out:
	spin_unlock(&old->lock);
	if (retired)
		aclipc_share_put(old);
	return ret == -ENOENT ? -EAGAIN : ret;
}

static int aclipc_share_insert(struct aclipc_share *share)
{
	const struct aclipc_key key = {
		.bytes = share->key,
		.hash = share->hash,
	};
	struct aclipc_share *old;
	int ret;

	do {
		rcu_read_lock();
		old = rhashtable_lookup_get_insert_key(&aclipc_registry, &key,
						       &share->node,
						       aclipc_registry_params);
		if (!IS_ERR_OR_NULL(old) && !refcount_inc_not_zero(&old->refs))
			old = ERR_PTR(-EAGAIN);
		rcu_read_unlock();
		if (IS_ERR_OR_NULL(old)) {
			ret = PTR_ERR_OR_ZERO(old);
			continue;
		}
		ret = -EEXIST;
		if (READ_ONCE(old->state) == ACLIPC_STATE_REVOKED)
			ret = aclipc_share_supersede(old, share);
		aclipc_share_put(old);
	} while (ret == -EAGAIN);
	return ret == 0 || ret == -EEXIST ? ret : -ENOMEM;
}

/* Behind those of its session that are in an earlier place. */
void aclipc_share_set_place(struct aclipc_share *share, enum aclipc_place place)
{
	struct aclipc_session *session = share->session;

	spin_lock(&session->lock);
	share->place = place;
	if (!list_empty(&share->session_node))
		list_move_tail(&share->session_node, &session->shares);
	spin_unlock(&session->lock);
}

/*
 * Make the share known under its key.  From here on its end is decided by
 * aclipc_share_retire_locked() alone.  The caller keeps its own reference.
 */
int aclipc_share_publish(struct aclipc_share *share)
{
	struct aclipc_session *session = share->session;
	bool retired;
	int ret;

	share->hashed = true;
	ret = aclipc_share_insert(share);
	if (ret) {
		share->hashed = false;
		return ret;
	}

	refcount_inc(&share->refs);
	spin_lock(&share->lock);
	WRITE_ONCE(share->known, true);
	spin_lock(&session->lock);
	list_add(&share->session_node, &session->shares);
	spin_unlock(&session->lock);
	if (share->state == ACLIPC_STATE_REVOKED)
		aclipc_share_set_place(share, ACLIPC_PLACE_REVOKED);
	/* it may have been revoked as soon as it could be found */
	retired = aclipc_share_retire_locked(share);
	spin_unlock(&share->lock);
	if (retired)
		aclipc_share_put(share);
	return 0;
}

void aclipc_share_set_state_locked(struct aclipc_share *share, u8 state)
{
	lockdep_assert_held(&share->lock);

	trace_aclipc_state(share, state);
	WRITE_ONCE(share->state, state);
}

/* Give every importer but the exporter itself an event. */
static void aclipc_share_tell_locked(struct aclipc_share *share, u8 type)
{
	struct aclipc_imp *import;

	lockdep_assert_held(&share->lock);

	list_for_each_entry(import, &share->imports, share_node)
		if (!aclipc_import_is_self(import))
			aclipc_mark(import->session, &import->mark, type,
				    share->reason);
}

/* Change between LIVE and CLOSING, and tell importers of it. */
void aclipc_share_turn_locked(struct aclipc_share *share, u8 state)
{
	aclipc_share_set_state_locked(share, state);
	aclipc_share_tell_locked(share, state == ACLIPC_STATE_LIVE ?
				 ACLIPC_EVENT_LIVE : ACLIPC_EVENT_CLOSING);
}

/* True if that ended the share, see aclipc_share_retire_locked(). */
bool aclipc_share_revoke_locked(struct aclipc_share *share, u8 reason)
{
	lockdep_assert_held(&share->lock);

	if (share->state != ACLIPC_STATE_REVOKED) {
		WRITE_ONCE(share->reason, reason);
		/* nothing is left to wait for */
		if (share->deferred)
			aclipc_mark(share->session, &share->mark,
				    ACLIPC_EVENT_DRAINED, 0);
		share->deferred = false;
		aclipc_share_set_state_locked(share, ACLIPC_STATE_REVOKED);
		aclipc_share_set_place(share, ACLIPC_PLACE_REVOKED);
		aclipc_share_tell_locked(share, ACLIPC_EVENT_REVOKED);
		wake_up(&share->wq);
	}
	return aclipc_share_retire_locked(share);
}

/* Revoke; @gone says that the driver does not know the key any more. */
void aclipc_share_revoke(struct aclipc_share *share, u8 reason, bool gone)
{
	bool retired;

	spin_lock(&share->lock);
	if (gone)
		WRITE_ONCE(share->gone, true);
	retired = aclipc_share_revoke_locked(share, reason);
	spin_unlock(&share->lock);
	if (retired)
		aclipc_share_put(share);
	aclipc_tombstones_trim();
}

void aclipc_share_set_watched(struct aclipc_share *share, bool watched)
{
	spin_lock(&share->lock);
	WRITE_ONCE(share->watched, watched);
	spin_unlock(&share->lock);
}

/*
 * The driver has called back for memory of a living process: it frees it, or
 * repairs it, or has tried to.  That proves nothing, so no state changes.
 */
void aclipc_share_called_back(struct aclipc_share *share)
{
	spin_lock(&share->lock);
	WRITE_ONCE(share->watched, false);
	if (share->state != ACLIPC_STATE_REVOKED)
		aclipc_share_tell_locked(share, ACLIPC_EVENT_DRIVER);
	spin_unlock(&share->lock);
}

/* Does somebody use the region for whom the exit of its exporter waits? */
static bool aclipc_share_hindered(struct aclipc_share *share)
{
	struct aclipc_imp *import;
	bool hindered = false;

	spin_lock(&share->lock);
	list_for_each_entry(import, &share->imports, share_node)
		if (aclipc_import_hinders(import)) {
			hindered = true;
			break;
		}
	spin_unlock(&share->lock);
	return hindered;
}

/*
 * Wait until importers that were told have left the share, until @end at most.
 * The exporter has a fatal signal pending, so the sleep cannot be interruptible.
 * False if the time is over.
 */
bool aclipc_share_grace(struct aclipc_share *share, unsigned long end)
{
	bool hindered = true;

	spin_lock(&share->lock);
	share->nr_waiters++;
	spin_unlock(&share->lock);
	/* who begins to exit wakes nobody: look again every 10 ms */
	while (time_before(jiffies, end)) {
		hindered = aclipc_share_hindered(share);
		if (!hindered)
			break;
		wait_event_idle_timeout(share->wq,
					!aclipc_share_hindered(share),
					msecs_to_jiffies(10));
	}
	spin_lock(&share->lock);
	share->nr_waiters--;
	spin_unlock(&share->lock);
	return !hindered;
}

/* May this process import?  Under share->lock or RCU. */
bool aclipc_share_allows(struct aclipc_share *share,
			 struct aclipc_session *session)
{
	struct pid *pid = session->owner->pid;
	struct aclipc_list *allow;
	unsigned int lo = 0, hi, mid;
	bool found = false;

	if (READ_ONCE(share->anyone) ||
	    aclipc_share_owner(share) == session->owner)
		return true;
	rcu_read_lock();
	allow = rcu_dereference(share->allow);
	hi = allow ? allow->nr : 0;
	while (lo < hi && !found) {
		mid = lo + (hi - lo) / 2;
		found = allow->pids[mid] == pid;
		if (allow->pids[mid] < pid)
			lo = mid + 1;
		else
			hi = mid;
	}
	rcu_read_unlock();
	return found;
}

int aclipc_shares_init(void)
{
	int ret;

	get_random_bytes(&aclipc_secret, sizeof(aclipc_secret));
	aclipc_share_cache = kmem_cache_create("aclipc_share",
					       sizeof(struct aclipc_share), 0,
					       SLAB_ACCOUNT, NULL);
	if (!aclipc_share_cache)
		return -ENOMEM;
	ret = rhashtable_init(&aclipc_registry, &aclipc_registry_params);
	if (ret)
		goto err_cache;
	ret = rhashtable_init(&aclipc_shares, &aclipc_shares_params);
	if (ret)
		goto err_registry;
	return 0;

err_registry:
	rhashtable_destroy(&aclipc_registry);
err_cache:
	kmem_cache_destroy(aclipc_share_cache);
	return ret;
}

void aclipc_shares_exit(void)
{
	WARN_ON(atomic_read(&aclipc_shares.nelems));
	rhashtable_destroy(&aclipc_shares);
	rhashtable_destroy(&aclipc_registry);
	rcu_barrier();
	kmem_cache_destroy(aclipc_share_cache);
}

// SPDX-License-Identifier: GPL-2.0
/* INFO, QUERY, HOLDERS, REVOKE. */

#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "aclipc.h"
#include "trace.h"

int aclipc_ioctl_info(struct aclipc_session *session, void *arg)
{
	struct aclipc_info *cmd = arg;

	if (cmd->flags)
		return -EOPNOTSUPP;
	cmd->out_abi = ACLIPC_ABI_VERSION;
	cmd->out_caps = ACLIPC_CAP_EXIT;
	if (aclipc_driver_available())
		cmd->out_caps |= ACLIPC_CAP_DRIVER;
	cmd->out_settle_ms = READ_ONCE(aclipc_settle_ms);
	cmd->out_settle_max_ms = max(READ_ONCE(aclipc_settle_ms),
				     READ_ONCE(aclipc_settle_max_ms));
	cmd->out_exit_grace_ms = READ_ONCE(aclipc_exit_grace_ms);
	cmd->out_max_sessions = READ_ONCE(aclipc_max_sessions);
	cmd->out_max_exports = READ_ONCE(aclipc_max_exports);
	cmd->out_max_imports = READ_ONCE(aclipc_max_imports);
	cmd->out_max_allow = READ_ONCE(aclipc_max_allow);
	cmd->out_max_tombstones = READ_ONCE(aclipc_max_tombstones);
	cmd->out_max_settling = READ_ONCE(aclipc_max_settling);
	cmd->out_nr_watches = aclipc_watch_count();
	memset(cmd->out_version, 0, sizeof(cmd->out_version));
	strscpy((char *)cmd->out_version, ACLIPC_VERSION,
		sizeof(cmd->out_version));
	return 0;
}

/* The exporter, importers, those who may import, and administrators. */
static bool aclipc_may_ask(struct aclipc_share *share,
			   struct aclipc_session *session)
{
	return aclipc_share_allows(share, session) ||
	       aclipc_import_count(session, share) || capable(CAP_SYS_ADMIN);
}

/*
 * Find what a question is about.  Without a generation it is the registered
 * share, or one that left the registry and that the session still holds; if
 * both are there, it is unclear.
 */
static struct aclipc_share *aclipc_ask(struct aclipc_session *session,
				       const struct aclipc_key *key,
				       u64 generation)
{
	struct aclipc_share *stale = ERR_PTR(-ENOENT);
	struct aclipc_share *share;

	share = aclipc_share_get(key, generation);
	if (share && !aclipc_may_ask(share, session)) {
		aclipc_share_put(share);
		share = NULL;
	}
	if (!generation)
		stale = aclipc_import_stale(session, key);
	if (!share || PTR_ERR(stale) == -ENOENT)
		return share ?: stale;
	aclipc_share_put(share);
	/* the same: it left the registry just now */
	if (stale == share)
		return stale;
	if (!IS_ERR(stale))
		aclipc_share_put(stale);
	return ERR_PTR(-EINVAL);
}

static u32 aclipc_clamp(u64 nr)
{
	return min_t(u64, nr, U32_MAX);
}

/* For how much longer at most the last of those that settle does. */
static u32 aclipc_settles_locked(struct aclipc_share *share)
{
	struct aclipc_imp *import;
	u32 ms = 0;

	lockdep_assert_held(&share->lock);

	if (!share->nr_settling)
		return 0;
	list_for_each_entry(import, &share->imports, share_node)
		if (import->settling)
			ms = max(ms, aclipc_session_settles(import->session));
	return ms;
}

static void aclipc_query_fill(struct aclipc_share *share,
			      struct aclipc_session *session,
			      struct aclipc_query *cmd)
{
	cmd->out_generation = share->generation;
	cmd->out_length = share->length;
	cmd->out_my_imports = aclipc_import_count(session, share);
	cmd->out_flags = 0;
	spin_lock(&share->lock);
	cmd->out_state = share->state;
	cmd->out_reason = share->reason;
	cmd->out_imports = aclipc_clamp(share->nr_imports);
	cmd->out_settling = aclipc_clamp(share->nr_settling);
	cmd->out_self_imports = aclipc_clamp(share->nr_self);
	cmd->out_waiters = share->nr_waiters;
	cmd->out_settle_ms = aclipc_settles_locked(share);
	cmd->__reserved = 0;
	if (share->anyone)
		cmd->out_flags |= ACLIPC_QUERY_ANYONE;
	if (share->remote)
		cmd->out_flags |= ACLIPC_QUERY_REMOTE;
	if (share->watched && share->state != ACLIPC_STATE_REVOKED)
		cmd->out_flags |= ACLIPC_QUERY_WATCHED;
	if (share->deferred)
		cmd->out_flags |= ACLIPC_QUERY_DEFERRED;
	if (aclipc_share_owner(share) == session->owner)
		cmd->out_flags |= ACLIPC_QUERY_OWNER;
	spin_unlock(&share->lock);
}

int aclipc_ioctl_query(struct aclipc_session *session, void *arg)
{
	struct aclipc_query *cmd = arg;
	struct aclipc_share *share;
	struct aclipc_key key;
	int ret;

	if (cmd->flags)
		return -EOPNOTSUPP;
	ret = aclipc_key_init(&key, cmd->key);
	if (ret)
		return ret;
	share = aclipc_ask(session, &key, cmd->generation);
	if (IS_ERR(share))
		return PTR_ERR(share);
	aclipc_query_fill(share, session, cmd);
	aclipc_share_put(share);
	return 0;
}

static void aclipc_holder_fill(struct aclipc_imp *import,
			       struct aclipc_holder *holder)
{
	struct pid *pid = import->session->owner->pid;

	rcu_read_lock();
	holder->pid = pid_task(pid, PIDTYPE_TGID) ? pid_vnr(pid) : 0;
	rcu_read_unlock();
	holder->count = import->count;
	holder->since_ns = import->since_ns;
	if (import->settling) {
		holder->flags |= ACLIPC_HOLDER_SETTLING;
		holder->settle_ms = aclipc_session_settles(import->session);
	}
	if (aclipc_import_is_self(import))
		holder->flags |= ACLIPC_HOLDER_SELF;
}

/* Fill as many as there is room for; returns how many there are. */
static u32 aclipc_holders_fill(struct aclipc_share *share,
			       struct aclipc_holder *holders, u32 room)
{
	struct aclipc_imp *import;
	u32 nr = 0;

	spin_lock(&share->lock);
	list_for_each_entry(import, &share->imports, share_node) {
		if (nr < room)
			aclipc_holder_fill(import, &holders[nr]);
		nr++;
	}
	spin_unlock(&share->lock);
	return nr;
}

static int aclipc_holders(struct aclipc_share *share,
			  struct aclipc_holders *cmd)
{
	struct aclipc_holder *holders = NULL;
	int ret = 0;
	u32 nr;

	if (cmd->nr_holders) {
		holders = kvcalloc(cmd->nr_holders, sizeof(*holders),
				   GFP_KERNEL_ACCOUNT);
		if (!holders)
			return -ENOMEM;
	}
	nr = aclipc_holders_fill(share, holders, cmd->nr_holders);
	cmd->out_holders = nr;
	nr = min(nr, cmd->nr_holders);
	if (nr && copy_to_user(u64_to_user_ptr(cmd->holders), holders,
			       nr * sizeof(*holders)))
		ret = -EFAULT;
	kvfree(holders);
	return ret;
}

int aclipc_ioctl_holders(struct aclipc_session *session, void *arg)
{
	struct aclipc_holders *cmd = arg;
	struct aclipc_share *share;
	struct aclipc_key key;
	int ret;

	if (cmd->flags)
		return -EOPNOTSUPP;
	if (cmd->nr_holders > ACLIPC_HOLDERS_MAX)
		return -EINVAL;
	ret = aclipc_key_init(&key, cmd->key);
	if (ret)
		return ret;
	share = aclipc_ask(session, &key, cmd->generation);
	if (IS_ERR(share))
		return PTR_ERR(share);
	ret = aclipc_holders(share, cmd);
	aclipc_share_put(share);
	return ret;
}

/* The exporter's own export, or with privilege any. */
static struct aclipc_share *aclipc_revoke_get(struct aclipc_session *session,
					      const struct aclipc_key *key,
					      u64 generation)
{
	struct aclipc_share *share;

	share = aclipc_share_get_own(session, key, generation);
	if (!IS_ERR(share) || PTR_ERR(share) != -EPERM ||
	    !capable(CAP_SYS_ADMIN))
		return share;
	share = aclipc_share_get(key, generation);
	return share ?: ERR_PTR(-ENOENT);
}

int aclipc_ioctl_revoke(struct aclipc_session *session, void *arg)
{
	struct aclipc_revoke *cmd = arg;
	u32 reason = cmd->reason ?: ACLIPC_REASON_FORCED;
	struct aclipc_share *share;
	struct aclipc_key key;
	bool gone, own;
	int ret;

	if (cmd->flags & ~ACLIPC_REVOKE_GONE)
		return -EOPNOTSUPP;
	if (reason != ACLIPC_REASON_FORCED && reason != ACLIPC_REASON_FREED &&
	    reason != ACLIPC_REASON_DEVICE)
		return -EINVAL;
	ret = aclipc_key_init(&key, cmd->key);
	if (ret)
		return ret;
	share = aclipc_revoke_get(session, &key, cmd->generation);
	if (IS_ERR(share))
		return PTR_ERR(share);

	gone = cmd->flags & ACLIPC_REVOKE_GONE;
	own = aclipc_share_owner(share) == session->owner;
	if (!own && (gone || reason != ACLIPC_REASON_FORCED)) {
		/* only the exporter knows such things */
		aclipc_share_put(share);
		return -EPERM;
	}
	cmd->out_imports = aclipc_clamp(READ_ONCE(share->nr_imports));
	aclipc_share_revoke(share, reason, gone);
	aclipc_share_put(share);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/* CLOSE: the importer's close, and the steps of the exporter's close. */

#include "aclipc.h"
#include "trace.h"

/* What the caller learns of who still has the key, also when refused. */
static void aclipc_close_fill_locked(struct aclipc_share *share,
				     struct aclipc_close *cmd)
{
	cmd->out_imports = min_t(u64, share->nr_imports, U32_MAX);
	cmd->out_settling = min_t(u64, share->nr_settling, U32_MAX);
}

/* The deferral is over: what DRAINED would say is no longer so. */
static void aclipc_undefer_locked(struct aclipc_share *share)
{
	if (!share->deferred && list_empty_careful(&share->mark.node))
		return;
	share->deferred = false;
	spin_lock(&share->session->lock);
	aclipc_unmark_locked(&share->mark);
	spin_unlock(&share->session->lock);
}

/* Of concurrent closers exactly one is told. */
static int aclipc_claim_locked(struct aclipc_share *share,
			       struct aclipc_close *cmd, u32 answer)
{
	if (share->begun)
		return -ENOENT;
	WRITE_ONCE(share->begun, true);
	aclipc_undefer_locked(share);
	cmd->out_answer = answer;
	return 0;
}

/*
 * Begin to close if nothing is counted.  Answers 0 with HELD or REVOKED, ENOENT
 * if another thread closes already, EBUSY if imports remain.
 */
int aclipc_begin_locked(struct aclipc_share *share, struct aclipc_close *cmd)
{
	lockdep_assert_held(&share->lock);

	aclipc_close_fill_locked(share, cmd);
	switch (share->state) {
	case ACLIPC_STATE_HELD:
		return -ENOENT;
	case ACLIPC_STATE_REVOKED:
		if (share->gone)
			return -ENOENT;
		return aclipc_claim_locked(share, cmd, ACLIPC_ANSWER_REVOKED);
	}
	if (share->nr_imports)
		return -EBUSY;
	aclipc_share_set_state_locked(share, ACLIPC_STATE_HELD);
	return aclipc_claim_locked(share, cmd, ACLIPC_ANSWER_HELD);
}

static int aclipc_begin(struct aclipc_share *share, struct aclipc_close *cmd)
{
	int ret;

	spin_lock(&share->lock);
	ret = aclipc_begin_locked(share, cmd);
	if (ret == -EBUSY && cmd->op == ACLIPC_CLOSE_DEFER) {
		share->deferred = true;
		if (share->state == ACLIPC_STATE_LIVE)
			aclipc_share_turn_locked(share, ACLIPC_STATE_CLOSING);
		cmd->out_answer = ACLIPC_ANSWER_PENDING;
		ret = 0;
	}
	spin_unlock(&share->lock);
	return ret;
}

/*
 * The real destroy and the real free are done.  What is left of the exporter's
 * own imports stays closable.
 */
static int aclipc_finish(struct aclipc_share *share, struct aclipc_close *cmd)
{
	bool retired;

	spin_lock(&share->lock);
	if (!share->begun) {
		spin_unlock(&share->lock);
		return -EINVAL;
	}
	trace_aclipc_finish(share);
	WRITE_ONCE(share->begun, false);
	WRITE_ONCE(share->gone, true);
	aclipc_close_fill_locked(share, cmd);
	retired = aclipc_share_revoke_locked(share, ACLIPC_REASON_CLOSED);
	spin_unlock(&share->lock);

	if (retired)
		aclipc_share_put(share);
	return 0;
}

/* The real destroy failed, or a deferral is called off. */
static int aclipc_abort(struct aclipc_share *share, struct aclipc_close *cmd)
{
	int ret = 0;

	spin_lock(&share->lock);
	if (!share->begun && !share->deferred) {
		ret = -EINVAL;
		goto out;
	}
	trace_aclipc_abort(share);
	WRITE_ONCE(share->begun, false);
	aclipc_undefer_locked(share);
	aclipc_close_fill_locked(share, cmd);
	if (share->nr_waiters && share->state == ACLIPC_STATE_HELD) {
		/* one of them tries next; no import comes in between */
		aclipc_share_set_state_locked(share, ACLIPC_STATE_CLOSING);
		wake_up(&share->wq);
	} else if (!share->nr_waiters &&
		   share->state != ACLIPC_STATE_REVOKED) {
		aclipc_share_turn_locked(share, ACLIPC_STATE_LIVE);
	}
out:
	spin_unlock(&share->lock);
	return ret;
}

static int aclipc_exporter_close(struct aclipc_share *share,
				 struct aclipc_close *cmd)
{
	int ret;

	switch (cmd->op) {
	case ACLIPC_CLOSE_FINISH:
		return aclipc_finish(share, cmd);
	case ACLIPC_CLOSE_ABORT:
		return aclipc_abort(share, cmd);
	case ACLIPC_CLOSE_WAIT:
		ret = aclipc_wait(share, cmd);
		break;
	default:
		ret = aclipc_begin(share, cmd);
		break;
	}
	trace_aclipc_begin(share, cmd, ret);
	return ret;
}

int aclipc_ioctl_close(struct aclipc_session *session, void *arg)
{
	struct aclipc_close *cmd = arg;
	struct aclipc_share *share;
	struct aclipc_key key;
	int ret;

	if (cmd->flags)
		return -EOPNOTSUPP;
	if (cmd->op < ACLIPC_CLOSE_IMPORT || cmd->op > ACLIPC_CLOSE_ABORT ||
	    cmd->__reserved)
		return -EINVAL;
	if (cmd->op == ACLIPC_CLOSE_WAIT ?
	    cmd->timeout_ms > ACLIPC_WAIT_MAX_MS : cmd->timeout_ms)
		return -EINVAL;
	/* with a generation, an import is not looked up by its key */
	if (cmd->op == ACLIPC_CLOSE_IMPORT && cmd->generation)
		ret = aclipc_key_check(&key, cmd->key);
	else
		ret = aclipc_key_init(&key, cmd->key);
	if (ret)
		return ret;

	cmd->out_answer = 0;
	cmd->out_imports = 0;
	cmd->out_settling = 0;
	if (cmd->op == ACLIPC_CLOSE_IMPORT)
		return aclipc_import_close(session, &key, cmd);

	share = aclipc_share_get_own(session, &key, cmd->generation);
	if (IS_ERR(share))
		return PTR_ERR(share);
	ret = aclipc_exporter_close(share, cmd);
	aclipc_share_put(share);
	return ret;
}

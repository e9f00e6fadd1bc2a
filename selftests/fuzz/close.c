// SPDX-License-Identifier: GPL-2.0
/* Model: CLOSE in all its steps. */
#include "model.h"

static void m_fill(struct model *m, struct m_share *share, struct expect *e)
{
	e->imports = model_imports(m, share, false, false);
	e->settling = model_imports(m, share, false, true);
}

static int m_begin(struct m_share *share, struct expect *e)
{
	if (share->state == ACLIPC_STATE_HELD || share->begun ||
	    (share->state == ACLIPC_STATE_REVOKED && share->gone))
		return -ENOENT;
	if (share->state == ACLIPC_STATE_REVOKED) {
		m_claim(share);
		e->answer = ACLIPC_ANSWER_REVOKED;
		return 0;
	}
	if (e->imports)
		return -EBUSY;
	share->state = ACLIPC_STATE_HELD;
	m_claim(share);
	e->answer = ACLIPC_ANSWER_HELD;
	return 0;
}

static int m_defer(struct model *m, struct m_share *share, struct expect *e)
{
	int ret = m_begin(share, e);

	if (ret != -EBUSY)
		return ret;
	share->deferred = true;
	if (share->state == ACLIPC_STATE_LIVE)
		m_turn(m, share, ACLIPC_STATE_CLOSING);
	e->answer = ACLIPC_ANSWER_PENDING;
	return 0;
}

/* The first half of a WAIT.  EBUSY: it has to sleep. */
static int m_wait_enter(struct model *m, struct m_share *share,
			struct expect *e)
{
	int ret = m_begin(share, e);

	if (ret != -EBUSY)
		return ret;
	if (share->state == ACLIPC_STATE_LIVE)
		m_turn(m, share, ACLIPC_STATE_CLOSING);
	if (!m_deadlock(m, share - m->shares))
		return -EBUSY;
	m_leave(m, share - m->shares);
	return -EDEADLK;
}

static int m_wait(struct model *m, struct m_share *share, struct expect *e)
{
	int ret = m_wait_enter(m, share, e);

	if (ret != -EBUSY)
		return ret;
	m_leave(m, share - m->shares);
	return -ETIMEDOUT;
}

static int m_finish(struct model *m, struct m_share *share)
{
	if (!share->begun)
		return -EINVAL;
	share->begun = false;
	share->gone = true;
	share->watched = false;
	m_revoke(m, share, ACLIPC_REASON_CLOSED);
	return 0;
}

static int m_abort(struct model *m, struct m_share *share)
{
	if (!share->begun && !share->deferred)
		return -EINVAL;
	share->begun = false;
	share->deferred = false;
	share->drained = false;
	if (share->state == ACLIPC_STATE_HELD)
		m_turn(m, share, ACLIPC_STATE_LIVE);
	m_leave(m, share - m->shares);
	return 0;
}

static int m_close_import(struct model *m, int session, const struct step *s,
			  struct expect *e)
{
	struct m_share *share;
	int err;

	e->share = m_held(m, session, s, &err);
	if (err)
		return err;
	share = &m->shares[e->share];
	e->imports = share->imports[session].count - 1;
	m_drop(m, share, session, 1);
	return 0;
}

int m_begin_wait(struct model *m, struct m_proc *p, int session,
		 const struct step *s, struct expect *e)
{
	struct m_share *share;
	int err;

	e->share = m_own(m, session, s, &err);
	if (err)
		return err;
	share = &m->shares[e->share];
	m_fill(m, share, e);
	err = m_wait_enter(m, share, e);
	if (err != -EBUSY)
		return err;
	e->blocks = true;
	p->wait_share = e->share;
	p->wait_session = session;
	m->sessions[session].refs++;
	return 0;
}

int m_close(struct model *m, int session, const struct step *s,
	    struct expect *e)
{
	struct m_share *share;
	int err;

	if (s->op == OP_close)
		return m_close_import(m, session, s, e);
	e->share = m_own(m, session, s, &err);
	if (err)
		return err;
	share = &m->shares[e->share];
	m_fill(m, share, e);
	switch (s->op) {
	case OP_try:
		return m_begin(share, e);
	case OP_wait:
		return m_wait(m, share, e);
	case OP_defer:
		return m_defer(m, share, e);
	case OP_finish:
		return m_finish(m, share);
	default:
		return m_abort(m, share);
	}
}

// SPDX-License-Identifier: GPL-2.0
/* Model: what happens to sessions, shares and imports. */
#include "model.h"

bool model_is_self(const struct model *m, const struct m_share *share,
		   int session)
{
	return m->sessions[session].owner ==
	       m->sessions[share->session].owner;
}

unsigned int model_imports(const struct model *m, const struct m_share *share,
			   bool self, bool settling_only)
{
	unsigned int nr = 0;
	int i;

	for (i = 0; i < m->nr_sessions; i++)
		if (model_is_self(m, share, i) == self &&
		    (!settling_only || share->imports[i].settling))
			nr += share->imports[i].count;
	return nr;
}

unsigned int model_waiters(const struct model *m, int share)
{
	unsigned int nr = 0;
	int i;

	for (i = 0; i < PROCS; i++)
		nr += m->procs[i].wait_share == share;
	return nr;
}

int m_session_new(struct model *m, int owner)
{
	m->sessions[m->nr_sessions] = (struct m_session){
		.owner = owner,
		.open = true,
	};
	return m->nr_sessions++;
}

/*
 * Each key has one pending change of state, the newest, and DRIVER after it, if
 * that is not the last that can come; a dead session has none.
 */
void m_tell(struct model *m, struct m_share *share, int type)
{
	int i;

	for (i = 0; i < m->nr_sessions; i++) {
		if (!share->imports[i].count || model_is_self(m, share, i) ||
		    !m->sessions[i].open)
			continue;
		share->imports[i].told = type == ACLIPC_EVENT_DRIVER ||
			(share->imports[i].told && type != ACLIPC_EVENT_REVOKED);
		if (type == ACLIPC_EVENT_DRIVER)
			continue;
		share->imports[i].event = type;
		share->imports[i].reason = type == ACLIPC_EVENT_REVOKED ?
					   share->reason : 0;
	}
}

void m_turn(struct model *m, struct m_share *share, unsigned int state)
{
	share->state = state;
	m_tell(m, share, state == ACLIPC_STATE_LIVE ? ACLIPC_EVENT_LIVE :
						      ACLIPC_EVENT_CLOSING);
}

static bool m_has_imports(const struct m_share *share)
{
	int i;

	for (i = 0; i < M_MAX; i++)
		if (share->imports[i].count)
			return true;
	return false;
}

/* Gone with the last import; a key only when the driver has forgotten it. */
void m_retire(struct m_share *share)
{
	if (!share->known || share->state != ACLIPC_STATE_REVOKED ||
	    m_has_imports(share) || (share->registered && !share->gone))
		return;
	share->known = false;
	share->registered = false;
	share->drained = false;
}

void m_revoke(struct model *m, struct m_share *share, unsigned int reason)
{
	if (share->state != ACLIPC_STATE_REVOKED) {
		share->reason = reason;
		share->state = ACLIPC_STATE_REVOKED;
		if (share->deferred && m->sessions[share->session].open)
			share->drained = true;
		share->deferred = false;
		m_tell(m, share, ACLIPC_EVENT_REVOKED);
	}
	m_retire(share);
}

/* A closer was answered: the deferral is over. */
void m_claim(struct m_share *share)
{
	share->begun = true;
	share->deferred = false;
	share->drained = false;
}

void m_drop(struct model *m, struct m_share *share, int session,
	    unsigned int nr)
{
	struct m_import *import = &share->imports[session];

	import->count -= nr;
	if (!import->count)
		*import = (struct m_import){};
	if (!model_is_self(m, share, session) && share->deferred &&
	    !model_imports(m, share, false, false) &&
	    m->sessions[share->session].open)
		share->drained = true;
	m_retire(share);
}

/* The settle time of a session's imports begins, and may be over at once. */
static void m_settle(struct model *m, int session)
{
	struct m_share *share;

	for (share = m->shares; share < m->shares + m->nr_shares; share++) {
		if (!share->imports[session].count)
			continue;
		share->imports[session].settling = true;
		if (!m->settle_long)
			m_drop(m, share, session,
			       share->imports[session].count);
	}
}

void m_session_end(struct model *m, int session)
{
	struct m_session *s = &m->sessions[session];
	bool dead = m->owners[s->owner].dead;
	struct m_share *share;

	m->disturbed = true;
	s->open = false;
	for (share = m->shares; share < m->shares + m->nr_shares; share++)
		if (share->session == session && share->known)
			m_revoke(m, share, dead ? ACLIPC_REASON_EXIT :
						  ACLIPC_REASON_SESSION);
	m_settle(m, session);
}

void m_session_put(struct model *m, int session)
{
	if (session == NONE || --m->sessions[session].refs ||
	    !m->sessions[session].open)
		return;
	m_session_end(m, session);
}

/* What a descriptor of a process refers to from now on. */
void m_slot_set(struct model *m, int *slot, int session)
{
	int old = *slot;

	if (session != NONE)
		m->sessions[session].refs++;
	*slot = session;
	m_session_put(m, old);
}

/* After the exit and the settle time the driver has forgotten the keys. */
static void m_forget(struct model *m, int session)
{
	struct m_share *share;

	for (share = m->shares; share < m->shares + m->nr_shares; share++) {
		if (share->session != session || !share->known)
			continue;
		share->gone = true;
		m_retire(share);
	}
}

void m_die(struct model *m, int proc)
{
	struct m_proc *p = &m->procs[proc];
	int i;

	m->disturbed = true;
	m->owners[p->owner].dead = true;
	p->alive = false;
	if (p->wait_share != NONE)
		m->sessions[p->wait_session].refs--;
	p->wait_share = NONE;
	for (i = 0; i < SLOTS; i++)
		m_slot_set(m, &p->slots[i], NONE);
	for (i = 0; i < m->nr_sessions; i++)
		if (m->sessions[i].owner == p->owner && m->sessions[i].open)
			m_session_end(m, i);
	for (i = 0; i < m->nr_sessions && !m->settle_long; i++)
		if (m->sessions[i].owner == p->owner)
			m_forget(m, i);
}

void m_exec(struct model *m, int proc, bool keep)
{
	struct m_proc *p = &m->procs[proc];
	int i;

	for (i = 0; i < SLOTS && !keep; i++)
		m_slot_set(m, &p->slots[i], NONE);
	for (i = 0; i < m->nr_sessions; i++)
		if (m->sessions[i].owner == p->owner && m->sessions[i].open)
			m_session_end(m, i);
}

/* The last waiter goes without success: the key can be imported again. */
void m_leave(struct model *m, int share)
{
	struct m_share *s = &m->shares[share];

	if (!model_waiters(m, share) && !s->deferred &&
	    s->state == ACLIPC_STATE_CLOSING)
		m_turn(m, s, ACLIPC_STATE_LIVE);
}

void m_wait_end(struct model *m, struct m_proc *p, int ret)
{
	int share = p->wait_share;
	struct m_share *s = &m->shares[share];

	p->wait_over = true;
	p->wait_ret = ret;
	p->wait_answer = 0;
	p->wait_imports = model_imports(m, s, false, false);
	p->wait_settling = model_imports(m, s, false, true);
	p->wait_share = NONE;
	if (!ret) {
		s->state = ACLIPC_STATE_HELD;
		m_claim(s);
		p->wait_answer = ACLIPC_ANSWER_HELD;
	}
	m_leave(m, share);
	m_session_put(m, p->wait_session);
}

/* Waits that this step has ended. */
void m_wake(struct model *m)
{
	struct m_share *share;
	struct m_proc *p;

	for (p = m->procs; p < m->procs + PROCS; p++) {
		if (p->wait_share == NONE)
			continue;
		share = &m->shares[p->wait_share];
		if (share->state == ACLIPC_STATE_REVOKED)
			m_wait_end(m, p, -EOWNERDEAD);
		else if (!model_imports(m, share, false, false))
			m_wait_end(m, p, 0);
	}
}

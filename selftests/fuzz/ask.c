// SPDX-License-Identifier: GPL-2.0
/* Model: which share is meant, and who may. */
#include "model.h"

int m_registered(const struct model *m, int key)
{
	int i;

	for (i = 0; i < m->nr_shares; i++)
		if (m->shares[i].registered && m->shares[i].key == key)
			return i;
	return NONE;
}

__u64 model_generation(const struct model *m, int gen)
{
	if (gen == GEN_ANY)
		return 0;
	if (gen > m->nr_shares)
		return 1ULL << 60;
	return m->shares[gen - 1].generation;
}

/* The known share of this key and generation. */
static int m_exact(const struct model *m, const struct step *s)
{
	const struct m_share *share = &m->shares[s->gen - 1];

	if (s->gen > m->nr_shares || !share->known || share->key != s->key)
		return NONE;
	return s->gen - 1;
}

/*
 * Shares of the key that left the registry: those that this session exported
 * and has not finished, or those that it still has imported.
 */
static int m_stale(const struct model *m, int session, int key, bool exported,
		   int *err)
{
	const struct m_share *share;
	int i, found = NONE;

	*err = -ENOENT;
	for (i = 0; i < m->nr_shares; i++) {
		share = &m->shares[i];
		if (share->registered || share->key != key)
			continue;
		if (exported ? !share->known || share->session != session ||
			       (share->gone && !share->begun) :
			       !share->imports[session].count)
			continue;
		if (found != NONE) {
			*err = -EINVAL;
			return NONE;
		}
		found = i;
		*err = 0;
	}
	return found;
}

/* An export of the caller's process. */
int m_own(const struct model *m, int session, const struct step *s, int *err)
{
	int share = s->gen ? m_exact(m, s) : m_registered(m, s->key);
	int old, old_err = -ENOENT;

	*err = share == NONE ? -ENOENT : 0;
	if (share != NONE && !model_is_self(m, &m->shares[share], session))
		*err = -EPERM;
	if (s->gen)
		return share;
	old = m_stale(m, session, s->key, true, &old_err);
	if (old_err == -ENOENT)
		return share;
	if (*err) {
		*err = old_err;
		return old;
	}
	*err = -EINVAL;
	return NONE;
}

/* What a question is about. */
int m_ask(const struct model *m, int session, bool admin, const struct step *s,
	  int *err)
{
	int share = s->gen ? m_exact(m, s) : m_registered(m, s->key);
	int old, old_err = -ENOENT;

	if (share != NONE && !admin &&
	    !m_allows(m, &m->shares[share], m->sessions[session].owner) &&
	    !m->shares[share].imports[session].count)
		share = NONE;
	*err = share == NONE ? -ENOENT : 0;
	if (s->gen)
		return share;
	old = m_stale(m, session, s->key, false, &old_err);
	if (old_err == -ENOENT)
		return share;
	*err = share == NONE ? old_err : -EINVAL;
	return old;
}

/* What the session has imported under this key. */
int m_held(const struct model *m, int session, const struct step *s, int *err)
{
	int i, found = NONE;

	*err = -ENOENT;
	for (i = 0; i < m->nr_shares; i++) {
		if (m->shares[i].key != s->key || (s->gen && s->gen != i + 1) ||
		    !m->shares[i].imports[session].count)
			continue;
		*err = found == NONE ? 0 : -EINVAL;
		found = i;
	}
	return found;
}

bool m_allows(const struct model *m, const struct m_share *share, int owner)
{
	return share->anyone || m->sessions[share->session].owner == owner ||
	       share->allow[owner];
}

/* Would one who waits for @share wait for @goal, over some others? */
static bool m_waits_for(const struct model *m, int share, int goal,
			bool seen[M_MAX])
{
	const struct m_import *imports = m->shares[share].imports;
	const struct m_proc *p;
	int i, next;

	for (i = 0; i < m->nr_sessions; i++) {
		next = m->sessions[i].owner;
		if (!imports[i].count || imports[i].settling ||
		    model_is_self(m, &m->shares[share], i))
			continue;
		if (next == goal)
			return true;
		if (seen[next])
			continue;
		seen[next] = true;
		for (p = m->procs; p < m->procs + PROCS; p++)
			if (p->wait_share != NONE && p->owner == next &&
			    m_waits_for(m, p->wait_share, goal, seen))
				return true;
	}
	return false;
}

/* Would its exporter wait for itself? */
bool m_deadlock(const struct model *m, int share)
{
	bool seen[M_MAX] = {};

	return m_waits_for(m, share,
			   m->sessions[m->shares[share].session].owner, seen);
}

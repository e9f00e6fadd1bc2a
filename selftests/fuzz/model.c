// SPDX-License-Identifier: GPL-2.0
/* Model: what each step does and is answered. */
#include "model.h"

void model_begin(struct model *m, const struct program *program)
{
	int i, j;

	memset(m, 0, sizeof(*m));
	m->settle_long = program->settle_long;
	m->limits = program->limits;
	for (i = 0; i < PROCS; i++) {
		m->procs[i].wait_share = NONE;
		for (j = 0; j < SLOTS; j++) {
			m->procs[i].slots[j] = NONE;
			m->procs[i].lingering[j] = NONE;
		}
	}
}

void model_spawned(struct model *m, int proc, pid_t pid, bool admin)
{
	struct m_proc *p = &m->procs[proc];

	p->alive = true;
	p->admin = admin;
	p->memory = false;
	p->owner = m->nr_owners++;
	m->owners[p->owner] = (struct m_owner){ .pid = pid };
}

void model_exported(struct model *m, const struct step *s,
		    const struct expect *e, __u64 generation)
{
	m->shares[e->share].generation = generation;
	m->last_generation = generation;
}

/* Of what nobody watches nobody is told that it goes. */
bool m_wants_memory(const struct step *s)
{
	return s->arg && !s->child && !(s->flags & ACLIPC_EXPORT_UNWATCHED);
}

static int m_export(struct model *m, int session, const struct step *s,
		    struct expect *e)
{
	int old = m_registered(m, s->key);
	struct m_share *share;

	if (m_full_exports(m, m->sessions[session].owner))
		return -EDQUOT;
	if (old != NONE && m->shares[old].state != ACLIPC_STATE_REVOKED)
		return -EEXIST;
	if (old != NONE) {
		m->shares[old].registered = false;
		m_retire(&m->shares[old]);
	}
	e->share = m->nr_shares++;
	share = &m->shares[e->share];
	share->key = s->key;
	share->session = session;
	share->state = ACLIPC_STATE_LIVE;
	share->known = true;
	share->registered = true;
	share->anyone = s->flags & ACLIPC_EXPORT_ANYONE;
	share->watched = m->driver && m_wants_memory(s);
	return 0;
}

/* What the driver watched is told of, and not watched any more. */
static void m_memfree(struct model *m, const struct m_proc *p)
{
	struct m_share *share;

	m->disturbed = true;
	for (share = m->shares; share < m->shares + m->nr_shares; share++) {
		if (!share->watched ||
		    m->sessions[share->session].owner != p->owner)
			continue;
		share->watched = false;
		if (share->state != ACLIPC_STATE_REVOKED)
			m_tell(m, share, ACLIPC_EVENT_DRIVER);
	}
}

static int m_allow(struct model *m, int session, const struct step *s,
		   struct expect *e)
{
	struct m_share *share, before;
	int err, i;

	e->share = m_own(m, session, s, &err);
	if (err)
		return err;
	if (s->mut == MUT_aux && s->arg)
		return -EFAULT;
	if (s->arg & 0x40)
		return -EINVAL;
	share = &m->shares[e->share];
	before = *share;
	for (i = 0; i < PROCS; i++) {
		if (!(s->arg & 1 << i) || !m->procs[i].alive ||
		    m->procs[i].owner == m->sessions[share->session].owner)
			continue;
		share->allow[m->procs[i].owner] = true;
		e->added++;
	}
	if (m_full_allow(m, share)) {
		*share = before;
		return -EDQUOT;
	}
	share->anyone |= !!(s->flags & ACLIPC_ALLOW_ANYONE);
	share->remote |= !!(s->flags & ACLIPC_ALLOW_REMOTE);
	return 0;
}

static int m_import(struct model *m, int session, const struct step *s,
		    struct expect *e)
{
	struct m_import *import;
	struct m_share *share;

	e->share = m_registered(m, s->key);
	if (e->share == NONE)
		return -ENOENT;
	share = &m->shares[e->share];
	if (!m_allows(m, share, m->sessions[session].owner))
		return -EACCES;
	if (share->state == ACLIPC_STATE_REVOKED &&
	    share->reason != ACLIPC_REASON_CLOSED)
		return -EOWNERDEAD;
	if (share->state != ACLIPC_STATE_LIVE)
		return -ESHUTDOWN;
	if (m_full_imports(m, m->sessions[session].owner))
		return -EDQUOT;
	import = &share->imports[session];
	if (!import->count++)
		import->order = ++m->nr_orders;
	return 0;
}

static int m_holders(struct model *m, bool admin, int session,
		     const struct step *s, struct expect *e)
{
	int err, i;

	e->share = m_ask(m, session, admin, s, &err);
	if (err)
		return err;
	for (i = 0; i < m->nr_sessions; i++)
		e->imports += !!m->shares[e->share].imports[i].count;
	return s->mut == MUT_aux && s->arg && e->imports ? -EFAULT : 0;
}

static int m_revoke_call(struct model *m, bool admin, int session,
			 const struct step *s, struct expect *e)
{
	bool gone = s->flags & ACLIPC_REVOKE_GONE;
	struct m_share *share;
	int err;

	e->share = m_own(m, session, s, &err);
	/* EPERM was about a share that is there: nothing else is found now */
	if (err && (err != -EPERM || !admin))
		return err;
	share = &m->shares[e->share];
	if (err && (gone || (s->arg && s->arg != ACLIPC_REASON_FORCED)))
		return -EPERM;
	e->imports = model_imports(m, share, false, false);
	share->gone |= gone;
	share->watched &= !gone;
	m_revoke(m, share, s->arg ?: ACLIPC_REASON_FORCED);
	return 0;
}

/* A call with a descriptor that is one. */
static int m_call(struct model *m, struct m_proc *p, const struct step *s,
		  struct expect *e)
{
	struct m_session *session = &m->sessions[e->session];
	bool owner = session->open && !s->child && session->owner == p->owner;
	int ret, err;

	if (s->op == OP_badcmd)
		return -ENOTTY;
	if (!owner && s->op != OP_info && s->op != OP_query &&
	    s->op != OP_holders)
		return -EPERM;
	ret = mut_refused(s);
	if (ret)
		return ret;
	switch (s->op) {
	case OP_info:
		return 0;
	case OP_export:
		return m_export(m, e->session, s, e);
	case OP_allow:
		return m_allow(m, e->session, s, e);
	case OP_import:
		return m_import(m, e->session, s, e);
	case OP_query:
		e->share = m_ask(m, e->session, p->admin, s, &err);
		return err;
	case OP_holders:
		return m_holders(m, p->admin, e->session, s, e);
	case OP_revoke:
		return m_revoke_call(m, p->admin, e->session, s, e);
	case OP_begin_wait:
		return m_begin_wait(m, p, e->session, s, e);
	default:
		return m_close(m, e->session, s, e);
	}
}

int model_events(const struct model *m, int session)
{
	int nr = 0, i;

	for (i = 0; i < m->nr_shares; i++) {
		nr += !!m->shares[i].imports[session].event;
		nr += m->shares[i].imports[session].told;
		nr += m->shares[i].session == session && m->shares[i].drained;
	}
	return nr;
}

bool model_event(struct model *m, int session,
		 const struct aclipc_event *event)
{
	struct m_import *import;
	struct m_share *share;

	for (share = m->shares; share < m->shares + m->nr_shares; share++) {
		if (share->generation != event->generation)
			continue;
		import = &share->imports[session];
		if (event->type == ACLIPC_EVENT_DRAINED &&
		    share->session == session && share->drained &&
		    !event->reason) {
			share->drained = false;
			return true;
		}
		if (event->type == ACLIPC_EVENT_DRIVER && !import->event &&
		    import->told && !event->reason) {
			import->told = false;
			return true;
		}
		if (import->event && import->event == (int)event->type &&
		    import->reason == event->reason) {
			import->event = 0;
			return true;
		}
	}
	return false;
}

static int m_read(struct model *m, struct m_proc *p, const struct step *s,
		  struct expect *e)
{
	int pending = model_events(m, e->session);
	int room = s->arg / sizeof(struct aclipc_event);

	if (!m->sessions[e->session].open || s->child ||
	    m->sessions[e->session].owner != p->owner)
		return -EPERM;
	if (!room)
		return -EINVAL;
	if (!pending)
		return -EAGAIN;
	if (s->mut == MUT_null || s->mut == MUT_unmapped)
		return -EFAULT;
	if (s->mut == MUT_edge)
		room = 1;
	return (pending < room ? pending : room) * sizeof(struct aclipc_event);
}

static void m_fork(struct model *m, struct m_proc *p)
{
	int i;

	p->lingers = true;
	for (i = 0; i < SLOTS; i++)
		m_slot_set(m, &p->lingering[i], p->slots[i]);
}

static void m_reap(struct model *m, struct m_proc *p)
{
	int i;

	p->lingers = false;
	for (i = 0; i < SLOTS; i++)
		m_slot_set(m, &p->lingering[i], NONE);
}

/* What has no descriptor, or another one afterwards. */
static int m_other(struct model *m, struct m_proc *p, const struct step *s)
{
	switch (s->op) {
	case OP_open:
		if (m_full_sessions(m, p->owner))
			return -EDQUOT;
		m_slot_set(m, &p->slots[s->slot], m_session_new(m, p->owner));
		break;
	case OP_fork:
		m_fork(m, p);
		break;
	case OP_reap:
		m_reap(m, p);
		break;
	case OP_kill:
	case OP_exit:
		m_die(m, s->proc);
		break;
	case OP_exec:
		m_exec(m, s->proc, s->arg);
		break;
	case OP_kick:
		m_wait_end(m, p, -EINTR);
		break;
	case OP_memfree:
		m_memfree(m, p);
		break;
	default:
		break;
	}
	return 0;
}

static bool m_skip(const struct model *m, const struct step *s)
{
	const struct m_proc *p = &m->procs[s->proc];

	if (s->op == OP_reap)
		return !p->lingers;
	if (p->alive == (s->op == OP_spawn))
		return true;
	switch (s->op) {
	case OP_kick:
		return p->wait_share == NONE;
	case OP_begin_wait:
		return p->wait_share != NONE;
	case OP_exec:
		/* whether driver or session is first, nobody knows */
		return p->wait_share != NONE || p->memory;
	case OP_memfree:
		return !p->memory;
	case OP_fork:
		return p->lingers;
	case OP_pass:
		return p->slots[s->slot] == NONE || !m->procs[s->arg].alive;
	case OP_fdinfo:
		return p->slots[s->slot] == NONE;
	default:
		return false;
	}
}

static int m_with_slot(struct model *m, struct m_proc *p,
		       const struct step *s, struct expect *e)
{
	if (e->session == NONE)
		return -EBADF;
	if (op_is_ioctl(s->op))
		return m_call(m, p, s, e);
	if (s->op == OP_read)
		return m_read(m, p, s, e);
	if (s->op == OP_closefd)
		m_slot_set(m, &p->slots[s->slot], NONE);
	if (s->op == OP_dup)
		m_slot_set(m, &p->slots[s->slot2], e->session);
	if (s->op == OP_pass)
		m_slot_set(m, &m->procs[s->arg].slots[s->slot2], e->session);
	return 0;
}

void model_step(struct model *m, const struct step *s, struct expect *e)
{
	struct m_proc *p = &m->procs[s->proc];
	int i;

	memset(e, 0, sizeof(*e));
	e->share = NONE;
	e->session = NONE;
	m->disturbed = false;
	for (i = 0; i < PROCS; i++)
		m->procs[i].wait_over = false;
	e->skipped = m_skip(m, s);
	if (e->skipped || s->op == OP_spawn)
		return;
	if (s->op == OP_export && m_wants_memory(s))
		p->memory = m->driver;
	if (op_is_ioctl(s->op) || s->op >= OP_read ||
	    (s->op >= OP_closefd && s->op <= OP_pass)) {
		e->session = p->slots[s->slot];
		e->ret = m_with_slot(m, p, s, e);
	} else {
		e->ret = m_other(m, p, s);
	}
	e->replies = !e->ret || e->ret == -EBUSY || e->ret == -ETIMEDOUT ||
		     e->ret == -EINTR || e->ret == -EDEADLK;
	m_wake(m);
}

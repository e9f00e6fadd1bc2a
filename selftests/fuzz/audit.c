// SPDX-License-Identifier: GPL-2.0
/* After each step: does all that can be asked agree with the model? */
#include <stdio.h>
#include <time.h>

#include "director.h"

/* The answer to a question about @share; @session asks, or a stranger. */
void audit_query(const struct director *d, int share, int session,
		 const struct aclipc_query *got, struct aclipc_query *query)
{
	const struct m_share *s = &d->m.shares[share];
	const struct model *m = &d->m;
	bool watched = s->watched && s->state != ACLIPC_STATE_REVOKED;

	/* the driver takes its time with who has ended */
	if (m->owners[m->sessions[s->session].owner].dead)
		watched = got->out_flags & ACLIPC_QUERY_WATCHED;

	query->out_generation = s->generation;
	query->out_length = M_LENGTH;
	query->out_state = s->state;
	query->out_reason = s->reason;
	query->out_my_imports = session == NONE ? 0 :
				s->imports[session].count;
	query->out_imports = model_imports(m, s, false, false);
	query->out_settling = model_imports(m, s, false, true);
	query->out_self_imports = model_imports(m, s, true, false);
	query->out_waiters = model_waiters(m, share);
	/* for how much longer, that is for a clock to say */
	query->out_settle_ms = query->out_settling ? got->out_settle_ms : 0;
	query->out_flags = 0;
	if (s->anyone)
		query->out_flags |= ACLIPC_QUERY_ANYONE;
	if (s->remote)
		query->out_flags |= ACLIPC_QUERY_REMOTE;
	if (s->deferred)
		query->out_flags |= ACLIPC_QUERY_DEFERRED;
	if (watched)
		query->out_flags |= ACLIPC_QUERY_WATCHED;
	if (session != NONE && model_is_self(m, s, session))
		query->out_flags |= ACLIPC_QUERY_OWNER;
}

static bool audit_share(struct director *d, int share,
			struct aclipc_query *got, struct aclipc_query *want,
			int *ret)
{
	const struct m_share *s = &d->m.shares[share];

	memset(got, 0, sizeof(*got));
	got->size = sizeof(*got);
	got->generation = s->generation;
	memcpy(got->key, d->keys[s->key], ACLIPC_KEY_MAX);
	*want = *got;
	*ret = t_ioctl(d->fd, ACLIPC_QUERY, got);
	if (!s->known)
		return *ret == -ENOENT;
	audit_query(d, share, NONE, got, want);
	return !*ret && !memcmp(got, want, sizeof(*got));
}

/* Which of the exporter's own imports settle, only HOLDERS tells. */
static bool audit_settling(const struct director *d, int share)
{
	const struct m_share *s = &d->m.shares[share];
	struct aclipc_holder holders[M_MAX];
	struct aclipc_holders cmd = {
		.size = sizeof(cmd),
		.generation = s->generation,
		.holders = (uintptr_t)holders,
		.nr_holders = M_MAX,
	};
	int nr = 0, i;

	if (!s->known || !model_imports(&d->m, s, true, true))
		return true;
	memcpy(cmd.key, d->keys[s->key], ACLIPC_KEY_MAX);
	if (t_ioctl(d->fd, ACLIPC_HOLDERS, &cmd))
		return false;
	for (i = 0; i < (int)cmd.out_holders && i < M_MAX; i++)
		nr += !!(holders[i].flags & ACLIPC_HOLDER_SETTLING);
	for (i = 0; i < d->m.nr_sessions; i++)
		nr -= s->imports[i].settling;
	return !nr;
}

static void query_text(char *buf, size_t size, int ret,
		       const struct aclipc_query *q)
{
	if (ret)
		snprintf(buf, size, "%s", strerror(-ret));
	else
		snprintf(buf, size, "state %u reason %u imports %u settling %u self %u waiters %u flags %#x",
			 q->out_state, q->out_reason, q->out_imports,
			 q->out_settling, q->out_self_imports,
			 q->out_waiters, q->out_flags);
}

static bool audit_failed(struct director *d, int share,
			 const struct aclipc_query *got,
			 const struct aclipc_query *want, int ret)
{
	bool known = d->m.shares[share].known;
	char is[128], should[128];

	query_text(is, sizeof(is), ret, got);
	query_text(should, sizeof(should), known ? 0 : -ENOENT, want);
	return director_fail(d, "state", "export %d (K%d) is: %s; expected: %s",
			     share + 1, d->m.shares[share].key, is, should);
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void audit_nap(void)
{
	const struct timespec nap = { 0, 300000 };

	nanosleep(&nap, NULL);
}

/*
 * What is asked of a process has happened when the call returns.  What follows
 * from the end of a process or a session needs a moment.
 */
bool audit(struct director *d, bool patient)
{
	long long end = now_ms() + T_BOUND_MS;
	struct aclipc_query got, want;
	const struct m_share *s;
	int i, ret;

	for (i = 0; i < d->m.nr_shares; i++) {
		s = &d->m.shares[i];
		while (!audit_share(d, i, &got, &want, &ret) ||
		       !audit_settling(d, i)) {
			if ((!patient && !d->m.owners[d->m.sessions[
			      s->session].owner].dead) || now_ms() > end)
				return audit_failed(d, i, &got, &want, ret);
			if (director_woken(d))
				return false;
			audit_nap();
		}
	}
	return true;
}

static bool fdinfo_export(struct director *d, int session, const char *line,
			  int *nr)
{
	static const char * const states[] = {
		"", "live", "closing", "held", "revoked",
	};
	unsigned long long generation, length;
	char state[13];
	unsigned int imports;
	struct m_share *s;

	if (sscanf(line, "aclipc_export: %llu %12s %*s %llu %u", &generation,
		   state, &length, &imports) != 4)
		return true;
	++*nr;
	for (s = d->m.shares; s < d->m.shares + d->m.nr_shares; s++)
		if (s->generation == generation && s->session == session &&
		    s->known && !strcmp(state, states[s->state]) &&
		    length == M_LENGTH &&
		    imports == model_imports(&d->m, s, false, false))
			return true;
	return director_fail(d, "fdinfo", "fdinfo: %s", line);
}

static bool fdinfo_import(struct director *d, int session, const char *line,
			  int *nr)
{
	unsigned long long generation;
	struct m_share *s;
	unsigned int count;

	if (sscanf(line, "aclipc_import: %llu %*s %u", &generation,
		   &count) != 2)
		return true;
	++*nr;
	for (s = d->m.shares; s < d->m.shares + d->m.nr_shares; s++)
		if (s->generation == generation &&
		    s->imports[session].count == count)
			return true;
	return director_fail(d, "fdinfo", "fdinfo: %s", line);
}

bool audit_fdinfo(struct director *d, const struct step *s,
		  const struct expect *e)
{
	int exports = 0, imports = 0, i;
	char path[64], line[256];
	bool ok = true;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d",
		 d->procs[s->proc].pid, FD_SLOT + s->slot);
	f = fopen(path, "re");
	while (f && ok && fgets(line, sizeof(line), f))
		ok = fdinfo_export(d, e->session, line, &exports) &&
		     fdinfo_import(d, e->session, line, &imports);
	if (f)
		fclose(f);
	for (i = 0; i < d->m.nr_shares; i++) {
		exports -= d->m.shares[i].known &&
			   d->m.shares[i].session == e->session;
		imports -= !!d->m.shares[i].imports[e->session].count;
	}
	if (ok && (!f || exports || imports))
		return director_fail(d, "fdinfo", "fdinfo: %d exports and %d imports too many",
				     exports, imports);
	return ok;
}

/* The director's own session is left, nothing else. */
static bool audit_is_empty(struct t_counts *c)
{
	return !t_counts(c) && c->owners == 1 && c->sessions == 1 &&
	       !c->shares && !c->imports && !c->settling && !c->watches &&
	       !c->tombstones;
}

bool audit_empty(struct director *d)
{
	long long end = now_ms() + T_BOUND_MS;
	struct t_counts c;

	while (!audit_is_empty(&c)) {
		if (now_ms() > end)
			return director_fail(d, "left", "left: owners %u sessions %u shares %lu imports %lu settling %lld tombstones %u",
					     c.owners, c.sessions, c.shares,
					     c.imports, c.settling,
					     c.tombstones);
		audit_nap();
	}
	return true;
}

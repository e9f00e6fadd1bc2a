// SPDX-License-Identifier: GPL-2.0
/* Random steps, mostly such that mean something in the state that there is. */
#include "generate.h"

static const unsigned char weights[NR_OPS] = {
	[OP_info] = 2, [OP_export] = 30, [OP_allow] = 12, [OP_import] = 66,
	[OP_close] = 40, [OP_query] = 6, [OP_holders] = 8, [OP_revoke] = 8,
	[OP_try] = 15, [OP_wait] = 8, [OP_defer] = 18, [OP_finish] = 20,
	[OP_abort] = 12, [OP_badcmd] = 2, [OP_begin_wait] = 12, [OP_kick] = 5,
	[OP_open] = 18, [OP_closefd] = 8, [OP_dup] = 6, [OP_pass] = 6,
	[OP_fork] = 3, [OP_reap] = 3, [OP_kill] = 6, [OP_exit] = 2,
	[OP_spawn] = 12, [OP_exec] = 1, [OP_memfree] = 2, [OP_read] = 18, [OP_poll] = 6,
	[OP_fdinfo] = 6,
};

unsigned int dice(__u64 *seed, unsigned int sides)
{
	return (t_rand(seed) >> 11) % sides;
}

static enum op random_op(__u64 *seed)
{
	static unsigned int total;
	unsigned int n, i;

	if (!total)
		for (i = 0; i < NR_OPS; i++)
			total += weights[i];
	n = dice(seed, total);
	for (i = 0; n >= weights[i]; i++)
		n -= weights[i];
	return i;
}

/* A descriptor of the session, in a process that may use it. */
static bool aim_session(const struct model *m, int session, struct step *s)
{
	int proc, slot;

	for (proc = 0; proc < PROCS; proc++) {
		if (!m->procs[proc].alive ||
		    m->procs[proc].owner != m->sessions[session].owner)
			continue;
		for (slot = 0; slot < SLOTS; slot++) {
			if (m->procs[proc].slots[slot] != session)
				continue;
			s->proc = proc;
			s->slot = slot;
			return true;
		}
	}
	return false;
}

static bool is_target(const struct model *m, enum op op, int share,
		      int session)
{
	const struct m_share *s = &m->shares[share];

	switch (op) {
	case OP_close:
		return s->imports[session].count;
	case OP_import:
	case OP_query:
	case OP_holders:
		return s->known;
	default:
		return s->known && s->session == session;
	}
}

/* Choose what fits, if there is something. */
static bool aim(const struct model *m, __u64 *seed, struct step *s)
{
	int share, session, tries;

	if (!m->nr_shares)
		return false;
	for (tries = 0; tries < 40; tries++) {
		share = dice(seed, m->nr_shares);
		session = dice(seed, m->nr_sessions);
		if (!is_target(m, s->op, share, session) ||
		    !aim_session(m, session, s))
			continue;
		s->key = m->shares[share].key;
		if (!dice(seed, 4))
			s->gen = share + 1;
		return true;
	}
	return false;
}

static void random_place(const struct model *m, __u64 *seed, struct step *s)
{
	int tries;

	s->key = dice(seed, KEYS);
	if (!dice(seed, 10))
		s->gen = dice(seed, 2) ? GEN_NONE :
					 1 + dice(seed, m->nr_shares + 1);
	for (tries = 0; tries < 20; tries++) {
		s->proc = dice(seed, PROCS);
		s->slot = dice(seed, SLOTS);
		if (s->op == OP_spawn ? !m->procs[s->proc].alive :
		    s->op == OP_reap ? m->procs[s->proc].lingers :
		    s->op == OP_memfree ? m->procs[s->proc].memory :
		    s->op == OP_kick ? m->procs[s->proc].wait_share != NONE :
		    s->op == OP_open ? m->procs[s->proc].slots[s->slot] == NONE :
		    m->procs[s->proc].slots[s->slot] != NONE)
			break;
	}
}

static int random_arg(__u64 *seed, enum op op)
{
	static const int reasons[] = { 0, ACLIPC_REASON_FORCED,
		ACLIPC_REASON_FREED, ACLIPC_REASON_DEVICE };
	static const int lengths[] = { 0, 1, 103, 104, 105, 208, 1000, 8000 };

	switch (op) {
	case OP_allow:
		return dice(seed, dice(seed, 4) ? 16 : 128);
	case OP_wait:
		return dice(seed, 8);
	case OP_holders:
		return dice(seed, 2) ? 16 : dice(seed, 3);
	case OP_revoke:
		return reasons[dice(seed, ARRAY_SIZE(reasons))];
	case OP_pass:
		return dice(seed, PROCS);
	case OP_exec:
		/* with descriptors that stay it takes a second */
		return !dice(seed, 8);
	case OP_read:
		return dice(seed, 2) ? 8000 :
		       lengths[dice(seed, ARRAY_SIZE(lengths))];
	case OP_export:
		return !dice(seed, 12);
	case OP_badcmd:
		return dice(seed, 2) * 100 + dice(seed, 100);
	default:
		return 0;
	}
}

static unsigned int random_flags(__u64 *seed, enum op op)
{
	switch (op) {
	case OP_export:
		return (dice(seed, 4) ? ACLIPC_EXPORT_ANYONE : 0) |
		       (dice(seed, 2) ? ACLIPC_EXPORT_UNWATCHED : 0);
	case OP_allow:
		return dice(seed, 3) ? 0 : dice(seed, 4);
	case OP_revoke:
		return dice(seed, 3) ? 0 : ACLIPC_REVOKE_GONE;
	default:
		return 0;
	}
}

static bool has_target(enum op op)
{
	return op == OP_begin_wait || (op >= OP_allow && op <= OP_abort);
}

static void random_oddity(__u64 *seed, struct step *s)
{
	if (!dice(seed, 12))
		s->mut = dice(seed, NR_MUTS);
	if (!mut_fits(s->op, s->mut))
		s->mut = MUT_none;
	s->child = op_is_ioctl(s->op) && s->op != OP_begin_wait &&
		   !dice(seed, 25);
}

void generate_step(const struct model *m, __u64 *seed, struct step *s)
{
	memset(s, 0, sizeof(*s));
	s->op = random_op(seed);
	if (!has_target(s->op) || !dice(seed, 6) || !aim(m, seed, s))
		random_place(m, seed, s);
	/* an importer is anybody */
	if (s->op == OP_import && dice(seed, 8)) {
		int key = s->key;

		random_place(m, seed, s);
		s->key = key;
	}
	if (s->op == OP_import || s->op == OP_export)
		s->gen = GEN_ANY;
	s->arg = random_arg(seed, s->op);
	s->flags = random_flags(seed, s->op);
	s->slot2 = s->op == OP_dup || s->op == OP_pass ? dice(seed, SLOTS) : 0;
	random_oddity(seed, s);
}

static void mutate_step(struct step *s, __u64 *seed)
{
	switch (dice(seed, 7)) {
	case 0:
		s->proc = dice(seed, PROCS);
		break;
	case 1:
		s->slot = dice(seed, SLOTS);
		break;
	case 2:
		s->key = dice(seed, KEYS);
		break;
	case 3:
		s->gen = dice(seed, 4);
		break;
	case 4:
		s->op = random_op(seed);
		s->arg = random_arg(seed, s->op);
		s->flags = random_flags(seed, s->op);
		break;
	case 5:
		s->flags = random_flags(seed, s->op);
		break;
	default:
		random_oddity(seed, s);
		break;
	}
	if (!mut_fits(s->op, s->mut))
		s->mut = MUT_none;
}

void generate_mutant(const struct program *from, __u64 *seed,
		     struct program *to)
{
	int changes = 1 + dice(seed, 6), at;

	*to = *from;
	while (changes-- && to->nr) {
		at = dice(seed, to->nr);
		switch (dice(seed, 3)) {
		case 0:
			mutate_step(&to->steps[at], seed);
			break;
		case 1:
			to->nr--;
			memmove(&to->steps[at], &to->steps[at + 1],
				(to->nr - at) * sizeof(to->steps[0]));
			break;
		case 2:
			/* once more, or at another place */
			if (to->nr == STEPS)
				break;
			memmove(&to->steps[at + 1], &to->steps[at],
				(to->nr - at) * sizeof(to->steps[0]));
			to->steps[at] = to->steps[dice(seed, to->nr)];
			to->nr++;
			break;
		}
	}
}

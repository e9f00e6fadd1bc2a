// SPDX-License-Identifier: GPL-2.0
/* What a call is given, and what has to come back, byte by byte. */
#include <stdio.h>

#include "director.h"

/* No process has this number. */
#define NO_PID	0x7ffffff0

/* Whose struct it is: a call that is unknown gets that of CLOSE. */
static unsigned int call_struct(enum op op)
{
	return op <= OP_revoke ? op : _IOC_NR(ACLIPC_CLOSE);
}

static unsigned int call_nr(const struct step *s)
{
	if (s->op == OP_badcmd)
		return s->arg < 100 ? ACLIPC_IOC(_IOC_NR(ACLIPC_REVOKE) + 1 +
						 s->arg) :
				      _IOWR(ACLIPC_IOC_TYPE, s->arg % 8, __u64);
	return op_is_close(s->op) ? ACLIPC_CLOSE : ACLIPC_IOC(s->op);
}

static void build_export(struct director *d, const struct step *s,
			 union args *a, struct call *call)
{
	a->export.addr = s->mut == MUT_wrap ? -4096ULL : T_ADDR;
	a->export.length = M_LENGTH;
	call->memory = m_wants_memory(s) && s->mut != MUT_wrap;
	if (call->memory)
		call->aux_at = offsetof(struct aclipc_export, addr);
	a->export.out_generation = 0x6d6d6d6d;
	a->export.device = s->mut == MUT_reserved ? ACLIPC_DEVICES : 0;
}

static void build_allow(struct director *d, const struct step *s,
			union args *a, struct call *call)
{
	__s32 *pids = (__s32 *)call->aux;
	int i, nr = 0;

	for (i = 0; i < PROCS; i++)
		if (s->arg & 1 << i)
			pids[nr++] = d->procs[i].pid ?: NO_PID;
	if (s->arg & 0x10)
		pids[nr++] = NO_PID;
	if (s->arg & 0x20)
		pids[nr++] = 0;
	if (s->arg & 0x40)
		pids[nr++] = -1;
	a->allow.generation = model_generation(&d->m, s->gen);
	a->allow.nr_pids = s->mut == MUT_count ? ACLIPC_ALLOW_MAX + 1 : nr;
	call->aux_len = nr * sizeof(*pids);
	call->aux_at = offsetof(struct aclipc_allow, pids);
}

static void build_close(struct director *d, const struct step *s,
			union args *a, struct call *call)
{
	static const __u32 ops[NR_OPS] = {
		[OP_close] = ACLIPC_CLOSE_IMPORT,
		[OP_try] = ACLIPC_CLOSE_TRY,
		[OP_wait] = ACLIPC_CLOSE_WAIT,
		[OP_begin_wait] = ACLIPC_CLOSE_WAIT,
		[OP_defer] = ACLIPC_CLOSE_DEFER,
		[OP_finish] = ACLIPC_CLOSE_FINISH,
		[OP_abort] = ACLIPC_CLOSE_ABORT,
	};
	bool wait = s->op == OP_wait || s->op == OP_begin_wait;

	a->close.op = s->mut == MUT_op ? 7 + s->arg : ops[s->op];
	if (wait)
		a->close.timeout_ms = s->op == OP_wait ? s->arg : 600000;
	if (s->mut == MUT_timeout)
		a->close.timeout_ms = wait ? ACLIPC_WAIT_MAX_MS + 1 : 1;
	a->close.generation = model_generation(&d->m, s->gen);
	a->close.out_answer = 77;
	a->close.out_imports = -1;
	a->close.__reserved = s->mut == MUT_reserved;
}

static void build_holders(struct director *d, const struct step *s,
			  union args *a, struct call *call)
{
	unsigned int nr = s->arg;

	if (nr > CALL_AUX / sizeof(struct aclipc_holder))
		nr = CALL_AUX / sizeof(struct aclipc_holder);
	a->holders.generation = model_generation(&d->m, s->gen);
	a->holders.nr_holders = s->mut == MUT_count ? ACLIPC_HOLDERS_MAX + 1 :
						      nr;
	memset(call->aux, 0x5a, CALL_AUX);
	call->aux_len = CALL_AUX;
	call->aux_at = offsetof(struct aclipc_holders, holders);
}

/* The fields that are right. */
static void call_fields(struct director *d, const struct step *s,
			union args *a, struct call *call)
{
	switch (s->op) {
	case OP_info:
		return;
	case OP_export:
		build_export(d, s, a, call);
		break;
	case OP_allow:
		build_allow(d, s, a, call);
		break;
	case OP_import:
		a->import.out_length = 99;
		break;
	case OP_query:
		a->query.generation = model_generation(&d->m, s->gen);
		a->query.out_state = -1;
		break;
	case OP_holders:
		build_holders(d, s, a, call);
		break;
	case OP_revoke:
		a->revoke.generation = model_generation(&d->m, s->gen);
		a->revoke.reason = s->mut == MUT_reason ? 77 : s->arg;
		break;
	default:
		build_close(d, s, a, call);
		break;
	}
	memcpy(args_key(a, call_struct(s->op)), d->keys[s->key],
	       ACLIPC_KEY_MAX);
}

/* And what is wrong with them. */
static void call_mutate(const struct step *s, union args *a, struct call *call)
{
	__u8 *key = args_key(a, call_struct(s->op));

	switch (s->mut) {
	case MUT_small:
		a->size--;
		break;
	case MUT_zero_size:
		a->size = 0;
		break;
	case MUT_long:
		call->len = a->size += 16;
		break;
	case MUT_dirty:
		call->len = a->size += 16;
		call->bytes[call->len - 1] = 1;
		break;
	case MUT_page:
		call->len = a->size = 4096;
		break;
	case MUT_huge:
		call->len = a->size = 4097;
		break;
	case MUT_flag:
		a->flags |= 0x80000000;
		break;
	case MUT_no_key:
		memset(key, 0, ACLIPC_KEY_MAX);
		break;
	case MUT_hole:
		key[1] = 0;
		break;
	default:
		break;
	}
}

void call_build(struct director *d, const struct step *s, struct call *call)
{
	union args *a = (union args *)call->bytes;

	call->op = s->op;
	call->slot = s->slot;
	call->slot2 = s->slot2;
	call->mut = mut_fits(s->op, s->mut) ? s->mut : MUT_none;
	call->child = s->child && s->op != OP_begin_wait &&
		      (op_is_ioctl(s->op) || s->op == OP_read ||
		       s->op == OP_poll);
	call->memory = false;
	call->aux_at = 0;
	call->aux_len = 0;
	call->len = s->arg;
	if (!op_is_ioctl(s->op))
		return;
	memset(call->bytes, 0, sizeof(call->bytes));
	call->cmd = call_nr(s);
	call->len = args_layout[call_struct(s->op)].size;
	a->size = call->len;
	a->flags = s->flags;
	call_fields(d, s, a, call);
	if (mut_fits(s->op, s->mut))
		call_mutate(s, a, call);
}

static bool check_export(struct director *d, const struct step *s,
			 const struct expect *e, union args *want,
			 const union args *got)
{
	__u64 generation = got->export.out_generation;

	if (generation <= d->m.last_generation)
		return director_fail(d, "export: generation", "generation %llu after %llu",
				     generation, d->m.last_generation);
	model_exported(&d->m, s, e, generation);
	want->export.out_generation = generation;
	want->export.out_watched = d->m.shares[e->share].watched;
	return true;
}

static void want_close(const struct step *s, const struct expect *e,
		       union args *want, const union args *got)
{
	want->close.out_answer = e->answer;
	want->close.out_imports = e->imports;
	want->close.out_settling = e->settling;
	if ((s->op == OP_wait || s->op == OP_begin_wait) &&
	    got->close.timeout_ms <= want->close.timeout_ms)
		want->close.timeout_ms = got->close.timeout_ms;
}

static bool same_holder(const struct director *d, int share, int session,
			const struct aclipc_holder *h)
{
	const struct m_share *m = &d->m.shares[share];
	const struct m_import *import = &m->imports[session];
	const struct m_owner *owner;
	__u32 flags = 0;

	owner = &d->m.owners[d->m.sessions[session].owner];
	if (import->settling)
		flags |= ACLIPC_HOLDER_SETTLING;
	if (model_is_self(&d->m, m, session))
		flags |= ACLIPC_HOLDER_SELF;
	return h->pid == (owner->dead ? 0 : owner->pid) && h->since_ns &&
	       h->count == import->count && h->flags == flags &&
	       (import->settling || !h->settle_ms);
}

/* Each entry is one of the model's, and what lies behind is untouched. */
static bool check_holders(struct director *d, const struct step *s,
			  const struct expect *e, const struct call *call)
{
	const struct aclipc_holder *h = (const void *)call->aux;
	unsigned int nr = e->imports, i;
	bool seen[M_MAX] = {};
	int j;

	if (nr > (unsigned int)s->arg)
		nr = s->arg;
	for (i = 0; i < nr; i++) {
		for (j = 0; j < d->m.nr_sessions; j++)
			if (!seen[j] && same_holder(d, e->share, j, &h[i]))
				break;
		if (j == d->m.nr_sessions)
			return director_fail(d, "holders", "entry %u: pid %d count %u flags %#x",
					     i, h[i].pid, h[i].count,
					     h[i].flags);
		seen[j] = true;
	}
	for (i = nr * sizeof(*h); i < CALL_AUX; i++)
		if (call->aux[i] != 0x5a)
			return director_fail(d, "holders", "byte %u written, %u entries asked for",
					     i, nr);
	return true;
}

/* What stands in the struct afterwards. */
static bool call_want(struct director *d, const struct step *s,
		      const struct expect *e, const struct call *call,
		      union args *want)
{
	const union args *got = (const union args *)call->bytes;

	switch (s->op) {
	case OP_info:
		want->info = got->info;
		want->info.size = call->len;
		return got->info.out_abi == ACLIPC_ABI_VERSION ||
		       director_fail(d, "info", "abi %u", got->info.out_abi);
	case OP_export:
		return check_export(d, s, e, want, got);
	case OP_allow:
		want->allow.out_added = e->added;
		return true;
	case OP_import:
		want->import.out_generation =
			d->m.shares[e->share].generation;
		want->import.out_length = M_LENGTH;
		return true;
	case OP_query:
		audit_query(d, e->share, e->session, &got->query,
			    &want->query);
		return true;
	case OP_holders:
		want->holders.out_holders = e->imports;
		return check_holders(d, s, e, call);
	case OP_revoke:
		want->revoke.out_imports = e->imports;
		return true;
	default:
		want_close(s, e, want, got);
		return true;
	}
}

static bool check_read(struct director *d, const struct expect *e,
		       const struct call *call)
{
	const struct aclipc_event *event = (const void *)call->bytes;
	int i, nr = e->ret / (int)sizeof(*event);
	const struct m_share *share;

	for (i = 0; i < nr; i++, event++) {
		if (event->size != sizeof(*event) || event->__reserved ||
		    !model_event(&d->m, e->session, event))
			return director_fail(d, "event", "type %u reason %u of generation %llu was not pending",
					     event->type, event->reason,
					     event->generation);
		for (share = d->m.shares; share->generation !=
		     event->generation; share++)
			;
		if (memcmp(event->key, d->keys[share->key], ACLIPC_KEY_MAX))
			return director_fail(d, "event", "wrong key");
	}
	return true;
}

static bool check_poll(struct director *d, const struct expect *e,
		       const struct call *call)
{
	bool open = d->m.sessions[e->session].open;
	bool in = call->revents & POLLIN, hup = call->revents & POLLHUP;
	int nr = model_events(&d->m, e->session);

	if (hup == open || (open && in != !!nr))
		return director_fail(d, "poll", "revents %#x, %d events, %s",
				     call->revents, nr,
				     open ? "open" : "ended");
	return true;
}

bool call_check(struct director *d, const struct step *s,
		const struct expect *e, const struct call *call,
		const __u8 *sent)
{
	static __u8 want[CALL_BYTES] __attribute__((aligned(8)));
	char kind[64];
	unsigned int i;

	snprintf(kind, sizeof(kind), "%s", op_names[s->op]);
	if (call->ret != e->ret)
		return director_fail(d, kind, "%s: %ld (%s), expected %d (%s)",
				     kind, call->ret, call->ret < 0 ?
				     strerror(-call->ret) : "done", e->ret,
				     e->ret < 0 ? strerror(-e->ret) : "done");
	if (s->op == OP_read && e->ret > 0)
		return check_read(d, e, call);
	if (s->op == OP_poll && !e->ret)
		return check_poll(d, e, call);
	if (!op_is_ioctl(s->op) || s->op == OP_badcmd)
		return true;
	memcpy(want, sent, call->len);
	if (e->replies && !call_want(d, s, e, call, (union args *)want))
		return false;
	for (i = 0; i < call->len; i++)
		if (want[i] != call->bytes[i])
			return director_fail(d, kind, "%s: byte %u of the struct is %#x, expected %#x (returned %ld)",
					     kind, i, call->bytes[i],
					     want[i], call->ret);
	return true;
}

// SPDX-License-Identifier: GPL-2.0
/* The director: processes, and one step after the other. */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "director.h"
#include "../ascend_sim/ascend_sim.h"

bool director_fail(struct director *d, const char *kind, const char *fmt, ...)
{
	va_list args;

	/* the first one counts, others may follow from it */
	if (d->failed)
		return false;
	d->failed = true;
	snprintf(d->kind, sizeof(d->kind), "%s", kind);
	va_start(args, fmt);
	vsnprintf(d->what, sizeof(d->what), fmt, args);
	va_end(args);
	return false;
}

static const struct {
	const char *name;
	long low;
} d_limits[] = {
	{ "max_sessions", LIMIT_SESSIONS },
	{ "max_exports", LIMIT_EXPORTS },
	{ "max_imports", LIMIT_IMPORTS },
	{ "max_allow", LIMIT_ALLOW },
};

static void d_limit(const struct director *d, bool low)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(d_limits); i++)
		t_set_param(d_limits[i].name,
			    low ? d_limits[i].low : d->usual[i]);
}

static int d_proc_open(struct d_proc *p)
{
	p->memfd = memfd_create("calls", MFD_CLOEXEC);
	if (p->memfd < 0 || ftruncate(p->memfd, sizeof(*p->calls)))
		return -errno;
	p->calls = mmap(NULL, sizeof(*p->calls), PROT_READ | PROT_WRITE,
			MAP_SHARED, p->memfd, 0);
	return p->calls == MAP_FAILED ? -errno : 0;
}

int director_open(struct director *d)
{
	size_t i;
	int ret;

	memset(d, 0, sizeof(*d));
	for (i = 0; i < ARRAY_SIZE(d_limits); i++)
		d->usual[i] = t_param(d_limits[i].name);
	/* children of killed actors are reaped here */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	d->driver = !access(ASCEND_SIM_DEV, F_OK);
	/* importers that are told do not leave: no use in waiting for them */
	t_set_param("exit_grace_ms", 0);
	for (i = 0; i < PROCS; i++) {
		ret = d_proc_open(&d->procs[i]);
		if (ret)
			return ret;
	}
	d->fd = t_open();
	return d->fd < 0 ? d->fd : 0;
}

/* Becomes the actor: only what it needs stays open. */
static void d_child(struct d_proc *p, int sock, bool admin)
{
	int pair[2] = { fcntl(sock, F_DUPFD, FD_SLOT + SLOTS),
			fcntl(p->memfd, F_DUPFD, FD_SLOT + SLOTS) };

	if (dup3(pair[0], FD_SOCK, O_CLOEXEC) < 0 ||
	    dup3(pair[1], FD_CALL, O_CLOEXEC) < 0)
		_exit(3);
	syscall(SYS_close_range, 3, FD_SOCK - 1, 0);
	syscall(SYS_close_range, FD_CALL + 1, ~0U, 0);
	actor_main(admin);
}

/* The next message of an actor: 0 of a step, 1 of the WAIT, or -errno. */
static int d_message(struct d_proc *p)
{
	struct pollfd pfd = { .fd = p->sock, .events = POLLIN };
	int ret = poll(&pfd, 1, T_BOUND_MS);
	char which;

	if (ret <= 0)
		return ret ? -errno : -ETIME;
	if (recv(p->sock, &which, 1, 0) != 1)
		return -ESRCH;
	return which;
}

/* A WAIT that the step ends may answer before the step itself. */
static bool d_answered(struct director *d, const struct step *s)
{
	struct d_proc *p = &d->procs[s->proc];
	int ret;

	while ((ret = d_message(p)) == 1)
		p->wait_over = true;
	if (ret == -ETIME)
		return director_fail(d, "hang", "%s does not return",
				     op_names[s->op]);
	if (ret)
		return director_fail(d, "died", "the process died in %s",
				     op_names[s->op]);
	return true;
}

static bool d_tell(struct director *d, const struct step *s)
{
	char byte = 0;

	send(d->procs[s->proc].sock, &byte, 1, MSG_NOSIGNAL);
	return d_answered(d, s);
}

static bool d_spawn(struct director *d, const struct step *s)
{
	bool admin = !(s->proc & 1);
	struct d_proc *p = &d->procs[s->proc];
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return director_fail(d, "spawn", "socketpair: %m");
	p->pid = fork();
	if (!p->pid)
		d_child(p, sv[1], admin);
	close(sv[1]);
	p->sock = sv[0];
	p->wait_over = false;
	if (p->pid < 0)
		return director_fail(d, "spawn", "fork: %m");
	model_spawned(&d->m, s->proc, p->pid, admin);
	return d_answered(d, s);
}

static void d_gone(struct d_proc *p)
{
	waitpid(p->pid, NULL, 0);
	close(p->sock);
	p->pid = 0;
}

static bool d_kill(struct d_proc *p)
{
	kill(p->pid, SIGKILL);
	d_gone(p);
	return true;
}

static bool d_exit(struct director *d, const struct step *s)
{
	struct d_proc *p = &d->procs[s->proc];
	char byte = 0;

	p->calls->step.op = OP_exit;
	p->calls->step.child = false;
	send(p->sock, &byte, 1, MSG_NOSIGNAL);
	d_gone(p);
	return true;
}

/* The child that lingers ends: all its descriptors are put then. */
static bool d_reap(struct d_proc *p)
{
	struct pollfd pfd = { .fd = p->child_pidfd, .events = POLLIN };

	kill(p->child, SIGKILL);
	poll(&pfd, 1, T_BOUND_MS);
	/* ours by now if its parent is dead */
	waitpid(p->child, NULL, WNOHANG);
	close(p->child_pidfd);
	p->child = 0;
	return true;
}

static bool d_fork(struct director *d, const struct step *s)
{
	struct d_proc *p = &d->procs[s->proc];

	if (!d_tell(d, s))
		return false;
	p->child = p->calls->step.pid;
	p->child_pidfd = syscall(SYS_pidfd_open, p->child, 0);
	if (p->calls->step.ret || p->child_pidfd < 0)
		return director_fail(d, "fork", "fork: %m");
	return true;
}

/* The descriptor goes from the one to the director, and on to the other. */
static bool d_pass(struct director *d, const struct step *s)
{
	struct d_proc *from = &d->procs[s->proc], *to = &d->procs[s->arg];
	struct step step = *s;
	char byte = 0;
	int fd;

	send(from->sock, &byte, 1, MSG_NOSIGNAL);
	fd = t_recv_fd(from->sock);
	if (fd < 0 || !d_answered(d, s))
		return director_fail(d, "pass", "descriptor: %d", fd);
	step.proc = s->arg;
	to->calls->step = from->calls->step;
	to->calls->step.slot = NONE;
	send(to->sock, &byte, 1, MSG_NOSIGNAL);
	t_send_fd(to->sock, fd);
	close(fd);
	return d_answered(d, &step);
}

static bool d_wait_answered(struct d_proc *p)
{
	bool over = p->wait_over || d_message(p) == 1;

	p->wait_over = false;
	return over;
}

/* A call that is made by an actor, with an answer that is foreseen. */
static bool d_call(struct director *d, const struct step *s,
		   const struct expect *e)
{
	struct calls *calls = d->procs[s->proc].calls;
	bool waits = s->op == OP_begin_wait;
	struct call *call = waits ? &calls->wait : &calls->step;
	static __u8 sent[CALL_BYTES];

	call_build(d, s, call);
	if (waits) {
		calls->step.op = OP_begin_wait;
		calls->step.child = false;
	}
	memcpy(sent, call->bytes, call->len);
	if (!d_tell(d, s))
		return false;
	if (e->blocks)
		return true;
	if (waits && !d_wait_answered(&d->procs[s->proc]))
		return director_fail(d, "hang", "WAIT does not return");
	return call_check(d, s, e, call, sent);
}

static bool d_do(struct director *d, const struct step *s,
		 const struct expect *e)
{
	struct call *call = &d->procs[s->proc].calls->step;

	/* shared with an actor that a mutation of the program may have ended */
	call->op = s->op;
	call->slot = s->slot;
	call->slot2 = s->slot2;
	call->mut = s->mut;
	call->child = false;
	call->keep = s->arg;
	call->memory = false;
	switch (s->op) {
	case OP_spawn:
		return d_spawn(d, s);
	case OP_kill:
		return d_kill(&d->procs[s->proc]);
	case OP_exit:
		return d_exit(d, s);
	case OP_reap:
		return d_reap(&d->procs[s->proc]);
	case OP_fork:
		return d_fork(d, s);
	case OP_pass:
		return d_pass(d, s);
	case OP_fdinfo:
		return audit_fdinfo(d, s, e);
	default:
		return d_call(d, s, e);
	}
}

/* A WAIT that the step has ended according to the model. */
static bool d_wait_over(struct director *d, int proc)
{
	const struct m_proc *m = &d->m.procs[proc];
	struct d_proc *p = &d->procs[proc];
	const struct aclipc_close *close = (void *)p->calls->wait.bytes;
	int ret;

	if (!d_wait_answered(p))
		return director_fail(d, "wait", "P%d still waits", proc);
	ret = p->calls->wait.ret;
	if (ret != m->wait_ret)
		return director_fail(d, "wait", "WAIT of P%d: %d (%s), expected %d",
				     proc, ret, strerror(-ret), m->wait_ret);
	if (ret == -EOWNERDEAD)
		return true;
	if (close->out_answer != m->wait_answer ||
	    close->out_imports != m->wait_imports ||
	    close->out_settling != m->wait_settling)
		return director_fail(d, "wait", "WAIT of P%d: answer %u imports %u settling %u, expected %u, %u, %u",
				     proc, close->out_answer,
				     close->out_imports, close->out_settling,
				     m->wait_answer, m->wait_imports,
				     m->wait_settling);
	return true;
}

/* Whoever still has a descriptor of a session that ended is told so. */
static bool d_hung_up(struct director *d)
{
	struct step s = { .op = OP_poll };
	struct call *call;
	int session, tries;

	for (s.proc = 0; s.proc < PROCS; s.proc++) {
		for (s.slot = 0; s.slot < SLOTS; s.slot++) {
			session = d->m.procs[s.proc].slots[s.slot];
			if (session == NONE || d->m.sessions[session].open)
				continue;
			call = &d->procs[s.proc].calls->step;
			call_build(d, &s, call);
			for (tries = T_BOUND_MS / 2; tries; tries--) {
				if (!d_tell(d, &s))
					return false;
				if (call->revents & POLLHUP)
					break;
				poll(NULL, 0, 2);
			}
			if (!tries)
				return director_fail(d, "hang up", "no POLLHUP");
		}
	}
	return true;
}

/* WAITs of which the model says that this step has ended them, and no other. */
static bool d_waits(struct director *d, bool *patient)
{
	int i;

	for (i = 0; i < PROCS; i++) {
		if (d->m.procs[i].wait_over) {
			*patient = true;
			if (!d_wait_over(d, i))
				return false;
		} else if (d->procs[i].wait_over) {
			return director_fail(d, "wait", "WAIT of P%d has ended: %ld",
					     i, d->procs[i].calls->wait.ret);
		}
	}
	return true;
}

/* A WAIT can be seen a moment before it looks for cycles, and sleeps. */
static bool d_asleep(struct director *d, int proc)
{
	struct d_proc *p = &d->procs[proc];
	char path[64], stat[512], *state;
	int tries;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", p->pid,
		 p->calls->wait.pid);
	for (tries = T_BOUND_MS; tries; tries--) {
		if (t_slurp(path, stat, sizeof(stat)) > 0) {
			state = strrchr(stat, ')');
			if (state && state[2] == 'S')
				return true;
		}
		poll(NULL, 0, 1);
	}
	return director_fail(d, "wait", "WAIT of P%d does not sleep", proc);
}

bool director_woken(struct director *d)
{
	struct pollfd pfd = { .events = POLLIN };
	int i;

	for (i = 0; i < PROCS; i++) {
		pfd.fd = d->procs[i].sock;
		if (d->m.procs[i].wait_share == NONE || poll(&pfd, 1, 0) <= 0)
			continue;
		director_fail(d, "wait", "WAIT of P%d has ended: %ld", i,
			      d->procs[i].calls->wait.ret);
		return true;
	}
	return false;
}

bool director_step(struct director *d, const struct step *s)
{
	bool patient;
	struct expect e;

	model_step(&d->m, s, &e);
	if (e.skipped)
		return true;
	if (!d_do(d, s, &e))
		return false;
	patient = d->m.disturbed || e.blocks;
	if (!d_waits(d, &patient))
		return false;
	if (d->m.disturbed && !d_hung_up(d))
		return false;
	return audit(d, patient) && (!e.blocks || d_asleep(d, s->proc));
}

/* Keys that no program before had: what settles still knows theirs. */
static void d_keys(struct director *d)
{
	__u8 *key = d->keys[0];
	unsigned int i, n = d->serial++;

	memset(d->keys, 0, sizeof(d->keys));
	for (i = 0; i < 4; i++, n >>= 7)
		key[i] = 1 + (n & 0x7f);
	for (i = 1; i < KEYS; i++)
		memcpy(d->keys[i], key, 4);
	memset(d->keys[1] + 4, 'x', ACLIPC_KEY_MAX - 4);
	d->keys[2][4] = 0xff;
	memcpy(d->keys[3] + 4, "key", 3);
}

void director_begin(struct director *d, const struct program *program)
{
	__u64 last = d->m.last_generation;
	struct step spawn = { .op = OP_spawn };

	d->failed = false;
	d_keys(d);
	t_set_settle(program->settle_long ? d->settle_long :
							SETTLE_SHORT);
	if (program->limits)
		d_limit(d, true);
	model_begin(&d->m, program);
	d->m.last_generation = last;
	d->m.driver = d->driver;
	for (spawn.proc = 0; spawn.proc < PROCS; spawn.proc++)
		director_step(d, &spawn);
}

bool director_end(struct director *d)
{
	struct d_proc *p;

	for (p = d->procs; p < d->procs + PROCS; p++) {
		if (p->pid)
			d_kill(p);
		if (p->child)
			d_reap(p);
	}
	if (d->m.limits)
		d_limit(d, false);
	if (!d->failed && !d->m.settle_long)
		audit_empty(d);
	return !d->failed;
}

int director_run(struct director *d, const struct program *program)
{
	int i;

	director_begin(d, program);
	for (i = 0; i < program->nr; i++)
		if (!director_step(d, &program->steps[i]))
			break;
	return director_end(d) ? -1 : i;
}

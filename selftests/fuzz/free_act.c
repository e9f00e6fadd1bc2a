// SPDX-License-Identifier: GPL-2.0
/* What the threads of one process do, and the ledger of its imports. */
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include "free.h"

struct free_self self;


static __attribute__((format(printf, 1, 2))) void wrong(const char *fmt, ...)
{
	struct board *b = self.board;
	va_list args;

	if (__atomic_fetch_add(&b->wrong, 1, __ATOMIC_SEQ_CST))
		return;
	va_start(args, fmt);
	vsnprintf(b->what, sizeof(b->what), fmt, args);
	va_end(args);
}

static int *ledger(int proc, __u64 generation)
{
	__u64 at = generation - self.board->base;

	return &self.board->ledger[proc][at % FREE_GENS];
}

static void enter(__u64 generation, int by)
{
	__atomic_fetch_add(ledger(self.nr, generation), by, __ATOMIC_SEQ_CST);
}

/* Imports of other processes that nobody is about to kill. */
static int others(__u64 generation)
{
	int i, nr = 0;

	for (i = 0; i < FREE_PROCS; i++)
		if (i != self.nr && !READ_ONCE(self.board->dying[i]))
			nr += __atomic_load_n(ledger(i, generation),
					      __ATOMIC_SEQ_CST);
	return nr;
}

static void free_key(__u8 bytes[ACLIPC_KEY_MAX], int key)
{
	memset(bytes, 0, ACLIPC_KEY_MAX);
	snprintf((char *)bytes, ACLIPC_KEY_MAX, "free-%d", key);
}

static int free_close(int session, int key, __u64 generation, __u32 op,
		      struct aclipc_close *cmd)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->size = sizeof(*cmd);
	cmd->op = op;
	cmd->timeout_ms = op == ACLIPC_CLOSE_WAIT ? 4 : 0;
	cmd->generation = generation;
	free_key(cmd->key, key);
	return t_ioctl(self.fds[session], ACLIPC_CLOSE, cmd);
}

/* Put the export in the place of one that is not, or take it out again. */
static void own_add(__u64 generation, int key)
{
	int i;

	pthread_mutex_lock(&self.table);
	for (i = 0; i < FREE_OWN - 1; i++)
		if (!self.own[i].generation)
			break;
	self.own[i] = (struct own){ generation, key };
	pthread_mutex_unlock(&self.table);
}

static struct own own_pick(__u64 *seed)
{
	struct own own;

	pthread_mutex_lock(&self.table);
	own = self.own[dice(seed, FREE_OWN)];
	pthread_mutex_unlock(&self.table);
	return own;
}

static void own_drop(__u64 generation)
{
	int i;

	pthread_mutex_lock(&self.table);
	for (i = 0; i < FREE_OWN; i++)
		if (self.own[i].generation == generation)
			self.own[i].generation = 0;
	pthread_mutex_unlock(&self.table);
}

/* False: no room. */
static bool held_add(__u64 generation, int key, int session)
{
	int i;

	pthread_mutex_lock(&self.table);
	for (i = 0; i < FREE_HELD; i++)
		if (!self.held[i].generation)
			break;
	if (i < FREE_HELD)
		self.held[i] = (struct held){ generation, key, session };
	pthread_mutex_unlock(&self.table);
	return i < FREE_HELD;
}

/* Take one out: it is the caller's to close. */
static struct held held_take(unsigned int at)
{
	struct held held;

	pthread_mutex_lock(&self.table);
	held = self.held[at];
	self.held[at].generation = 0;
	if (held.generation)
		enter(held.generation, -1);
	pthread_mutex_unlock(&self.table);
	return held;
}

static void close_held(struct held held)
{
	struct aclipc_close cmd;
	int ret;

	if (!held.generation)
		return;
	ret = free_close(held.session, held.key, held.generation,
			 ACLIPC_CLOSE_IMPORT, &cmd);
	if (ret)
		wrong("CLOSE of a counted import: %s", strerror(-ret));
}

static void do_export(__u64 *seed)
{
	struct aclipc_export cmd = {
		.size = sizeof(cmd),
		.flags = ACLIPC_EXPORT_ANYONE | (dice(seed, 2) ?
			 ACLIPC_EXPORT_UNWATCHED : 0),
		.addr = T_ADDR,
		.length = M_LENGTH,
	};
	int key = dice(seed, FREE_KEYS);

	free_key(cmd.key, key);
	if (t_ioctl(self.fds[dice(seed, FREE_SESSIONS)], ACLIPC_EXPORT, &cmd))
		return;
	if (cmd.out_generation - self.board->base >= FREE_GENS)
		WRITE_ONCE(self.board->stop, true);
	own_add(cmd.out_generation, key);
}

static void do_import(__u64 *seed)
{
	struct aclipc_import cmd = { .size = sizeof(cmd) };
	int key = dice(seed, FREE_KEYS), session = dice(seed, FREE_SESSIONS);

	free_key(cmd.key, key);
	if (t_ioctl(self.fds[session], ACLIPC_IMPORT, &cmd))
		return;
	__atomic_fetch_add(&self.board->imports, 1, __ATOMIC_RELAXED);
	if (cmd.out_generation - self.board->base >= FREE_GENS)
		WRITE_ONCE(self.board->stop, true);
	enter(cmd.out_generation, 1);
	if (held_add(cmd.out_generation, key, session))
		return;
	enter(cmd.out_generation, -1);
	close_held((struct held){ cmd.out_generation, key, session });
}

/* HELD: it is ours alone, until FINISH or ABORT. */
static void is_held(__u64 *seed, int session, struct own own)
{
	int *holders = &self.board->holders[(own.generation -
					     self.board->base) % FREE_GENS];
	struct aclipc_close cmd;
	int i, nr, ret;

	__atomic_fetch_add(&self.board->held, 1, __ATOMIC_RELAXED);
	if (__atomic_fetch_add(holders, 1, __ATOMIC_SEQ_CST))
		wrong("two closers were answered HELD");
	for (i = dice(seed, 4); i >= 0; i--) {
		nr = others(own.generation);
		if (nr > 0)
			wrong("HELD with %d imports", nr);
		sched_yield();
	}
	__atomic_fetch_sub(holders, 1, __ATOMIC_SEQ_CST);
	ret = free_close(session, own.key, own.generation, dice(seed, 3) ?
			 ACLIPC_CLOSE_FINISH : ACLIPC_CLOSE_ABORT, &cmd);
	/* ENOENT: revoked meanwhile, and the driver has forgotten it */
	if (ret && ret != -ENOENT)
		wrong("FINISH or ABORT after HELD: %s", strerror(-ret));
}

static void do_begin(__u64 *seed)
{
	static const __u32 ops[] = {
		ACLIPC_CLOSE_TRY, ACLIPC_CLOSE_WAIT, ACLIPC_CLOSE_DEFER,
	};
	struct own own = own_pick(seed);
	int session = dice(seed, FREE_SESSIONS), ret;
	struct aclipc_close cmd;

	if (!own.generation)
		return;
	ret = free_close(session, own.key, own.generation, ops[dice(seed, 3)],
			 &cmd);
	if (ret == -ENOENT)
		own_drop(own.generation);
	if (ret)
		return;
	if (cmd.out_answer == ACLIPC_ANSWER_HELD)
		is_held(seed, session, own);
	else if (cmd.out_answer == ACLIPC_ANSWER_REVOKED)
		free_close(session, own.key, own.generation,
			   ACLIPC_CLOSE_FINISH, &cmd);
}

static void do_query(__u64 *seed)
{
	struct aclipc_query q = { .size = sizeof(q) };

	free_key(q.key, dice(seed, FREE_KEYS));
	if (t_ioctl(self.fds[dice(seed, FREE_SESSIONS)], ACLIPC_QUERY, &q))
		return;
	if (q.out_settling > q.out_imports || q.out_imports > 100000 ||
	    q.out_self_imports > 100000 || q.out_waiters > 100 ||
	    q.out_state < ACLIPC_STATE_LIVE ||
	    q.out_state > ACLIPC_STATE_REVOKED ||
	    (q.out_state == ACLIPC_STATE_HELD && q.out_imports))
		wrong("QUERY: state %u imports %u settling %u self %u waiters %u",
		      q.out_state, q.out_imports, q.out_settling,
		      q.out_self_imports, q.out_waiters);
}

static void do_holders(__u64 *seed)
{
	struct aclipc_holder holders[8];
	struct aclipc_holders cmd = {
		.size = sizeof(cmd),
		.holders = (uintptr_t)holders,
		.nr_holders = dice(seed, 9),
	};
	unsigned int i;

	free_key(cmd.key, dice(seed, FREE_KEYS));
	if (t_ioctl(self.fds[dice(seed, FREE_SESSIONS)], ACLIPC_HOLDERS, &cmd))
		return;
	for (i = 0; i < cmd.nr_holders && i < cmd.out_holders; i++)
		if (!holders[i].count || holders[i].count > 100000)
			wrong("HOLDERS: count %u", holders[i].count);
}

static void do_revoke(__u64 *seed)
{
	struct own own = own_pick(seed);
	struct aclipc_revoke cmd = {
		.size = sizeof(cmd),
		.flags = dice(seed, 2),
		.generation = own.generation,
	};

	free_key(cmd.key, own.key);
	if (own.generation)
		t_ioctl(self.fds[dice(seed, FREE_SESSIONS)], ACLIPC_REVOKE,
			&cmd);
}

static void do_events(__u64 *seed)
{
	int fd = self.fds[dice(seed, FREE_SESSIONS)];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct aclipc_event events[4];
	ssize_t len;
	int i;

	poll(&pfd, 1, 0);
	if (pfd.revents & POLLHUP)
		wrong("POLLHUP of an open session");
	len = read(fd, events, sizeof(events));
	for (i = 0; i < len / (ssize_t)sizeof(events[0]); i++)
		if (events[i].type < ACLIPC_EVENT_CLOSING ||
		    events[i].type > ACLIPC_EVENT_DRAINED)
			wrong("event of type %u", events[i].type);
}

static void do_child(__u64 *seed)
{
	struct aclipc_close cmd;
	struct own own = own_pick(seed);
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(free_close(0, own.key, own.generation, ACLIPC_CLOSE_TRY,
				 &cmd) != -EPERM);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status)
		wrong("a child may close what its parent exported");
}

/* A new session instead of an old one, whose imports settle. */
void free_reopen(__u64 *seed)
{
	int session = dice(seed, FREE_SESSIONS), i;

	pthread_rwlock_wrlock(&self.lock);
	for (i = 0; i < FREE_HELD; i++)
		if (self.held[i].session == session)
			held_take(i);
	close(self.fds[session]);
	self.fds[session] = open(ACLIPC_DEVICE,
				 O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (self.fds[session] < 0)
		wrong("open: %m");
	pthread_rwlock_unlock(&self.lock);
}

void free_act(__u64 *seed)
{
	switch (dice(seed, 32)) {
	case 0 ... 4:
		do_export(seed);
		break;
	case 5 ... 13:
		do_import(seed);
		break;
	case 14 ... 20:
		close_held(held_take(dice(seed, FREE_HELD)));
		break;
	case 21 ... 25:
		do_begin(seed);
		break;
	case 26 ... 27:
		do_query(seed);
		break;
	case 28:
		do_holders(seed);
		break;
	case 29:
		do_events(seed);
		break;
	case 30:
		if (!dice(seed, 4))
			do_revoke(seed);
		break;
	case 31:
		if (!dice(seed, 16))
			do_child(seed);
		break;
	}
}

void free_close_all(void)
{
	int i;

	for (i = 0; i < FREE_HELD; i++)
		close_held(held_take(i));
}

/* All is quiet in this process: what it has is what the module counts. */
void free_compare(void)
{
	struct held *h, *other;
	struct aclipc_query q;
	unsigned int nr;

	for (h = self.held; h < self.held + FREE_HELD; h++) {
		if (!h->generation)
			continue;
		nr = 0;
		for (other = self.held; other < self.held + FREE_HELD; other++)
			nr += other->generation == h->generation &&
			      other->session == h->session;
		memset(&q, 0, sizeof(q));
		q.size = sizeof(q);
		q.generation = h->generation;
		free_key(q.key, h->key);
		if (t_ioctl(self.fds[h->session], ACLIPC_QUERY, &q) ||
		    q.out_my_imports != nr)
			wrong("%u imports of mine, %u counted", nr,
			      q.out_my_imports);
	}
}

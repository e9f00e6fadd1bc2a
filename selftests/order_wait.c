// SPDX-License-Identifier: GPL-2.0
/* WAIT: bounded, interruptible, never in a circle. */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "common/aclipc_test.h"

#define KEY	"order_wait"
#define ANYONE	ACLIPC_EXPORT_ANYONE

FIXTURE(wait)
{
	int fd;
	int exporter;
	int importer;
};

FIXTURE_SETUP(wait)
{
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	self->fd = t_open();
	ASSERT_LE(0, self->fd);
	self->exporter = t_peer();
	ASSERT_LE(0, self->exporter);
	self->importer = t_peer();
	ASSERT_LE(0, self->importer);
	ASSERT_EQ(0, t_export(self->exporter, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->importer, KEY));
}

FIXTURE_TEARDOWN_PARENT(wait)
{
	EXPECT_EQ(0, t_nothing_left());
}

TEST_F(wait, time_out_makes_it_live_again)
{
	static const __u32 ms[] = { 0, 1, 50 };
	struct aclipc_close cmd;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ms); i++) {
		EXPECT_EQ(-ETIMEDOUT, t_closer(self->exporter, &cmd, KEY,
					       ACLIPC_CLOSE_WAIT, ms[i], 0));
		EXPECT_EQ(0, cmd.timeout_ms);
		EXPECT_EQ(1, cmd.out_imports);
		EXPECT_EQ(0, cmd.out_settling);
		EXPECT_EQ(0, cmd.out_answer);
		/* CLOSING was replaced by LIVE, nobody had read it */
		EXPECT_EQ(ACLIPC_EVENT_LIVE, t_event_type(self->importer, KEY));
		EXPECT_EQ(-EAGAIN, t_event_now(self->importer, KEY));
		EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->importer, KEY));
		EXPECT_EQ(0, t_import(self->importer, KEY));
		EXPECT_EQ(1, t_close(self->importer, KEY));
	}
}

static void nothing(int sig)
{
}

static long fn_handler(int fd, void *arg)
{
	struct sigaction sa = {
		.sa_handler = nothing,
		.sa_flags = *(int *)arg,
	};

	return sigaction(SIGUSR1, &sa, NULL) ? -errno : 0;
}

static int handler(int peer, int flags)
{
	return t_run(peer, fn_handler, &flags, sizeof(flags));
}

TEST_F(wait, signal_ends_it_and_what_remains_is_told)
{
	static const int flags[] = { 0, SA_RESTART };
	struct aclipc_close cmd;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		ASSERT_EQ(0, handler(self->exporter, flags[i]));
		ASSERT_EQ(0, t_wait_start(self->exporter, KEY,
					  ACLIPC_WAIT_MAX_MS, 1));
		EXPECT_EQ(ACLIPC_EVENT_CLOSING,
			  t_event_type(self->importer, KEY));
		/* more than one: the first may come before it sleeps */
		EXPECT_EQ(0, t_signal(self->exporter, SIGUSR1));
		EXPECT_EQ(-EINTR, t_wait_done(self->exporter, &cmd));
		EXPECT_LT(ACLIPC_WAIT_MAX_MS - T_BOUND_MS, cmd.timeout_ms);
		EXPECT_GE(ACLIPC_WAIT_MAX_MS, cmd.timeout_ms);
		EXPECT_EQ(1, cmd.out_imports);
		EXPECT_EQ(ACLIPC_EVENT_LIVE, t_event_type(self->importer, KEY));
		EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->importer, KEY));
	}
}

/* An ignored signal is none. */
TEST_F(wait, ignored_signal_does_not_end_it)
{
	struct aclipc_close cmd;

	ASSERT_EQ(0, t_wait_start(self->exporter, KEY, T_BOUND_MS, 1));
	EXPECT_EQ(0, t_signal(self->exporter, SIGCHLD));
	EXPECT_EQ(0, t_signal(self->exporter, SIGURG));
	EXPECT_TRUE(t_busy(self->exporter));
	EXPECT_EQ(0, t_close(self->importer, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait_done(self->exporter, &cmd));
}

/* Field case 84: the waiter is killed. */
TEST_F(wait, killed_waiter_leaves_nothing_waiting)
{
	struct aclipc_query query;
	struct aclipc_event event;

	ASSERT_EQ(0, t_wait_start(self->exporter, KEY, ACLIPC_WAIT_MAX_MS, 1));
	EXPECT_EQ(ACLIPC_EVENT_CLOSING, t_event_type(self->importer, KEY));
	EXPECT_EQ(SIGKILL, t_kill(self->exporter));
	/* LIVE may be seen before REVOKED, as it may not */
	do {
		ASSERT_EQ(0, t_event_wait(self->importer, &event));
	} while (event.type == ACLIPC_EVENT_LIVE);
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	EXPECT_EQ(ACLIPC_REASON_EXIT, event.reason);
	EXPECT_EQ(0, t_query(self->importer, KEY, 0, &query));
	EXPECT_EQ(0, query.out_waiters);
	EXPECT_EQ(ACLIPC_STATE_REVOKED, query.out_state);
	EXPECT_EQ(0, t_close(self->importer, KEY));
}

/* Field case 19: the importer is killed. */
TEST_F(wait, killed_importer_ends_it)
{
	struct aclipc_close cmd;

	ASSERT_EQ(0, t_wait_start(self->exporter, KEY, T_BOUND_MS, 1));
	EXPECT_EQ(SIGKILL, t_kill(self->importer));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait_done(self->exporter, &cmd));
	EXPECT_EQ(0, t_finish(self->exporter, KEY));
}

TEST_F(wait, time_out_tells_how_many_are_settling)
{
	struct aclipc_close cmd;

	ASSERT_EQ(0, t_import(self->importer, KEY));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_set_settle(T_SETTLE_LOOK));
	EXPECT_EQ(SIGKILL, t_kill(self->importer));
	EXPECT_EQ(0, t_until(t_closer(self->exporter, &cmd, KEY,
				      ACLIPC_CLOSE_WAIT, 1, 0) != -ETIMEDOUT ||
			     cmd.out_settling));
	EXPECT_EQ(2, cmd.out_settling);
	EXPECT_EQ(3, cmd.out_imports);
	EXPECT_EQ(0, t_close(self->fd, KEY));
}

TEST_F(wait, revoked_meanwhile)
{
	struct aclipc_close cmd;

	/* no time-out will end it */
	ASSERT_EQ(0, t_wait_start(self->exporter, KEY, ACLIPC_WAIT_MAX_MS, 1));
	/* by an administrator */
	EXPECT_EQ(1, t_revoke(self->fd, KEY, 0, 0));
	EXPECT_EQ(-EOWNERDEAD, t_wait_done(self->exporter, &cmd));
	EXPECT_EQ(ACLIPC_ANSWER_REVOKED, t_wait(self->exporter, KEY, 1));
	EXPECT_EQ(0, t_finish(self->exporter, KEY));
	EXPECT_EQ(0, t_close(self->importer, KEY));
}

/* Threads of the exporter that wait: a process of its own, for clarity. */
struct two {
	int sessions;
	__u32 timeouts[2];
	int rets[2];
};

struct one {
	pthread_t thread;
	int fd;
	__u32 timeout;
	int ret;
};

static void *wait_one(void *arg)
{
	struct one *one = arg;

	one->ret = t_wait(one->fd, KEY, one->timeout);
	return NULL;
}

static long fn_two(int fd, void *arg)
{
	struct two *two = arg;
	struct one ones[2];
	int i;

	for (i = 0; i < 2; i++) {
		ones[i].fd = i && two->sessions > 1 ? t_open() : fd;
		ones[i].timeout = two->timeouts[i];
		if (pthread_create(&ones[i].thread, NULL, wait_one, &ones[i]))
			return -EAGAIN;
	}
	for (i = 0; i < 2; i++) {
		pthread_join(ones[i].thread, NULL);
		two->rets[i] = ones[i].ret;
	}
	return 0;
}

static unsigned int waiters(int fd)
{
	struct aclipc_query query;

	return t_query(fd, KEY, 0, &query) ? 99 : query.out_waiters;
}

TEST_F(wait, of_two_waiters_one_is_held)
{
	struct two two = { .timeouts = { T_BOUND_MS, T_BOUND_MS } };

	for (two.sessions = 1; two.sessions <= 2; two.sessions++) {
		ASSERT_EQ(0, t_start(self->exporter, fn_two, &two,
				     sizeof(two)));
		ASSERT_EQ(0, t_until(waiters(self->importer) == 2));
		EXPECT_EQ(0, t_close(self->importer, KEY));
		ASSERT_EQ(0, t_done(self->exporter, &two, sizeof(two)));
		EXPECT_EQ(ACLIPC_ANSWER_HELD - ENOENT,
			  two.rets[0] + two.rets[1]);
		EXPECT_EQ(0, t_abort(self->exporter, KEY));
		ASSERT_EQ(0, t_import(self->importer, KEY));
	}
}

/* The waiter that stays, in the exporter, between the two calls. */
static struct one staying;

/* Leaves one thread waiting; returns what a second, short wait came to. */
static long fn_one_stays_one_leaves(int fd, void *arg)
{
	(void)arg;
	staying.fd = fd;
	staying.timeout = T_BOUND_MS;
	if (pthread_create(&staying.thread, NULL, wait_one, &staying) ||
	    t_until(waiters(fd) == 1))
		return -EAGAIN;
	return t_wait(fd, KEY, 1);
}

static long fn_join_staying(int fd, void *arg)
{
	(void)fd;
	(void)arg;
	pthread_join(staying.thread, NULL);
	return staying.ret;
}

TEST_F(wait, first_of_two_waiters_times_out)
{
	ASSERT_EQ(-ETIMEDOUT, t_run(self->exporter, fn_one_stays_one_leaves,
				    NULL, 0));
	/* the other still wants to close */
	EXPECT_EQ(1, waiters(self->importer));
	EXPECT_EQ(ACLIPC_STATE_CLOSING, t_state(self->importer, KEY));
	EXPECT_EQ(0, t_close(self->importer, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_run(self->exporter, fn_join_staying,
					    NULL, 0));
}

static long fn_defer_and_two(int fd, void *arg)
{
	int ret = t_defer(fd, KEY);

	if (ret != ACLIPC_ANSWER_PENDING)
		return ret ?: -EPROTO;
	return fn_two(fd, arg);
}

TEST_F(wait, time_out_of_waiters_leaves_the_deferral)
{
	struct two two = { .timeouts = { 1, 20 } };

	EXPECT_EQ(0, t_run(self->exporter, fn_defer_and_two, &two,
			   sizeof(two)));
	EXPECT_EQ(-ETIMEDOUT, two.rets[0]);
	EXPECT_EQ(-ETIMEDOUT, two.rets[1]);
	EXPECT_EQ(ACLIPC_STATE_CLOSING, t_state(self->importer, KEY));
	EXPECT_EQ(ACLIPC_EVENT_CLOSING, t_event_type(self->importer, KEY));
	EXPECT_EQ(-EAGAIN, t_event_now(self->importer, KEY));
	EXPECT_EQ(-ESHUTDOWN, t_import(self->importer, KEY));
	EXPECT_EQ(0, t_close(self->importer, KEY));
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(self->exporter, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_defer(self->exporter, KEY));
	EXPECT_EQ(0, t_finish(self->exporter, KEY));
}

struct mixed {
	int wait, defer, abort;
	int state, last;
};

/* A deferral is called off while another thread waits. */
static long fn_wait_and_abort(int fd, void *arg)
{
	struct one one = { .fd = fd, .timeout = 200 };
	struct mixed *mixed = arg;

	if (pthread_create(&one.thread, NULL, wait_one, &one))
		return -EAGAIN;
	mixed->defer = t_defer(fd, KEY);
	if (t_until(waiters(fd) == 1))
		return -ETIMEDOUT;
	mixed->abort = t_abort(fd, KEY);
	mixed->last = t_abort(fd, KEY);
	pthread_join(one.thread, NULL);
	mixed->wait = one.ret;
	mixed->state = t_state(fd, KEY);
	return 0;
}

TEST_F(wait, last_waiter_after_an_aborted_deferral_makes_it_live)
{
	struct mixed mixed = {};

	ASSERT_EQ(0, t_run(self->exporter, fn_wait_and_abort, &mixed,
			   sizeof(mixed)));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, mixed.defer);
	EXPECT_EQ(0, mixed.abort);
	EXPECT_EQ(-EINVAL, mixed.last);
	EXPECT_EQ(-ETIMEDOUT, mixed.wait);
	EXPECT_EQ(ACLIPC_STATE_LIVE, mixed.state);
	EXPECT_EQ(ACLIPC_EVENT_LIVE, t_event_type(self->importer, KEY));
	EXPECT_EQ(0, t_import(self->importer, KEY));
}

static const char *const ring[] = {
	"ring0", "ring1", "ring2", "ring3", "ring4", "ring5", "ring6", "ring7",
};

FIXTURE(cycle)
{
	int peers[ARRAY_SIZE(ring)];
	int last;
};

FIXTURE_VARIANT(cycle)
{
	int nr;
};

FIXTURE_VARIANT_ADD(cycle, processes_2) { .nr = 2 };
FIXTURE_VARIANT_ADD(cycle, processes_3) { .nr = 3 };
FIXTURE_VARIANT_ADD(cycle, processes_8) { .nr = 8 };

/* Processes that export one key each and import the next one's. */
FIXTURE_SETUP(cycle)
{
	int i, nr = variant->nr;

	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	self->last = nr - 1;
	for (i = 0; i < nr; i++) {
		self->peers[i] = t_peer();
		ASSERT_LE(0, self->peers[i]);
		ASSERT_EQ(0, t_export(self->peers[i], ring[i], ANYONE));
	}
	for (i = 0; i < nr; i++)
		ASSERT_EQ(0, t_import(self->peers[i], ring[(i + 1) % nr]));
}

FIXTURE_TEARDOWN_PARENT(cycle)
{
	EXPECT_EQ(0, t_nothing_left());
}

/* The processes from first on, up to end, wait for their keys. */
static int ring_wait(const int *peers, int first, int end)
{
	int i, ret = 0;

	for (i = first; i < end && !ret; i++)
		ret = t_wait_start(peers[i], ring[i], T_BOUND_MS, 1);
	return ret;
}

TEST_F(cycle, last_to_wait_is_refused_and_the_others_go_on)
{
	int i, *peers = self->peers, last = self->last;
	struct aclipc_close cmd;

	ASSERT_EQ(0, ring_wait(peers, 0, last));
	EXPECT_EQ(-EDEADLK, t_closer(peers[last], &cmd, ring[last],
				     ACLIPC_CLOSE_WAIT, T_BOUND_MS, 0));
	EXPECT_EQ(1, cmd.out_imports);
	/* refused: it is as if it had not asked */
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(peers[last], ring[last]));
	for (i = 0; i < last; i++)
		EXPECT_TRUE(t_busy(peers[i]));

	/* it closes its import; so the one before it is held, and so on */
	EXPECT_EQ(0, t_close(peers[last], ring[0]));
	for (i = 0; i < last; i++) {
		EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait_done(peers[i], &cmd));
		EXPECT_EQ(0, t_finish(peers[i], ring[i]));
		EXPECT_EQ(0, t_close(peers[i], ring[i + 1]));
	}
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(peers[last], ring[last]));
	EXPECT_EQ(0, t_finish(peers[last], ring[last]));
}

TEST_F(cycle, refused_waiter_can_defer)
{
	int i, *peers = self->peers, last = self->last;
	struct aclipc_close cmd;

	ASSERT_EQ(0, ring_wait(peers, 0, last));
	/* what remains is never more than what was given */
	EXPECT_EQ(-EDEADLK, t_closer(peers[last], &cmd, ring[last],
				     ACLIPC_CLOSE_WAIT, 5, 0));
	EXPECT_GE(5, cmd.timeout_ms);
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(peers[last], ring[last]));
	EXPECT_EQ(-EDEADLK, t_wait(peers[last], ring[last], T_BOUND_MS));
	EXPECT_EQ(ACLIPC_STATE_CLOSING, t_state(peers[last], ring[last]));
	EXPECT_EQ(0, t_close(peers[last], ring[0]));
	for (i = 0; i < last; i++) {
		EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait_done(peers[i], &cmd));
		EXPECT_EQ(0, t_close(peers[i], ring[i + 1]));
	}
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(peers[last], ring[last]));
}

/* Waiting in a line, not in a circle. */
TEST_F(cycle, chain_of_waiters_is_no_cycle)
{
	int i, *peers = self->peers, last = self->last;
	struct aclipc_close cmd;

	EXPECT_EQ(0, t_close(peers[last], ring[0]));
	ASSERT_EQ(0, ring_wait(peers, 1, last + 1));
	/* the head of the line has nothing to wait for */
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait(peers[0], ring[0], T_BOUND_MS));
	for (i = 0; i < last; i++) {
		EXPECT_EQ(0, t_close(peers[i], ring[i + 1]));
		EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait_done(peers[i + 1], &cmd));
	}
}

/* Whoever was killed waits for nothing, and what settles ends by itself. */
TEST_F(cycle, killed_process_is_no_part_of_a_cycle)
{
	int i, *peers = self->peers, last = self->last;
	struct aclipc_close cmd;

	ASSERT_EQ(0, ring_wait(peers, 0, last));
	EXPECT_EQ(SIGKILL, t_kill(peers[last]));
	/* its import of the first key settles, so the first is held */
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait_done(peers[0], &cmd));
	for (i = 1; i < last; i++) {
		EXPECT_EQ(0, t_close(peers[i - 1], ring[i]));
		EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait_done(peers[i], &cmd));
	}
}

T_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * The exporter's close is answered HELD only when no other process has the key
 * open, however it asks and however many there are.
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "common/aclipc_test.h"

#define KEY	"order_close"
#define ANYONE	ACLIPC_EXPORT_ANYONE
#define PEERS	16

FIXTURE(order)
{
	int fd;
	int peers[PEERS];
};

FIXTURE_VARIANT(order)
{
	int nr;
};

FIXTURE_VARIANT_ADD(order, importers_1) { .nr = 1 };
FIXTURE_VARIANT_ADD(order, importers_2) { .nr = 2 };
FIXTURE_VARIANT_ADD(order, importers_16) { .nr = 16 };

FIXTURE_SETUP(order)
{
	int i;

	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	self->fd = t_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	for (i = 0; i < variant->nr; i++) {
		self->peers[i] = t_peer();
		ASSERT_LE(0, self->peers[i]);
		ASSERT_EQ(0, t_import(self->peers[i], KEY));
	}
}

FIXTURE_TEARDOWN_PARENT(order)
{
	EXPECT_EQ(0, t_nothing_left());
}

/* Field case 25: three of four have closed is not closed. */
TEST_F(order, try_is_refused_until_the_last_close)
{
	struct aclipc_close cmd;
	int i;

	for (i = variant->nr; i; i--) {
		EXPECT_EQ(-EBUSY, t_closer(self->fd, &cmd, KEY,
					   ACLIPC_CLOSE_TRY, 0, 0));
		EXPECT_EQ(i, cmd.out_imports);
		EXPECT_EQ(0, cmd.out_settling);
		EXPECT_EQ(0, cmd.out_answer);
		EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, KEY));
		EXPECT_EQ(-EINVAL, t_finish(self->fd, KEY));
		EXPECT_EQ(0, t_close(self->peers[i - 1], KEY));
	}
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	EXPECT_EQ(ACLIPC_STATE_HELD, t_state(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	EXPECT_EQ(-ENOENT, t_state(self->fd, KEY));
}

/* A refused TRY tells nobody. */
TEST_F(order, refused_try_is_not_seen_by_importers)
{
	EXPECT_EQ(-EBUSY, t_try(self->fd, KEY));
	EXPECT_EQ(-EAGAIN, t_event_now(self->peers[0], KEY));
	EXPECT_EQ(0, t_import(self->peers[0], KEY));
}

/* Field case 23: the exporter closes first, the importers later. */
TEST_F(order, wait_ends_with_the_last_close)
{
	int exporter = t_peer(), i;
	struct aclipc_close cmd;
	struct aclipc_query query;

	ASSERT_LE(0, exporter);
	ASSERT_EQ(0, t_export(exporter, "waited", ANYONE));
	for (i = 0; i < variant->nr; i++)
		ASSERT_EQ(0, t_import(self->peers[i], "waited"));
	ASSERT_EQ(0, t_wait_start(exporter, "waited", T_BOUND_MS, 1));
	EXPECT_EQ(0, t_query(self->fd, "waited", 0, &query));
	EXPECT_EQ(ACLIPC_STATE_CLOSING, query.out_state);
	EXPECT_EQ(1, query.out_waiters);
	EXPECT_EQ(variant->nr, query.out_imports);
	for (i = 0; i < variant->nr; i++) {
		EXPECT_EQ(ACLIPC_EVENT_CLOSING,
			  t_event_type(self->peers[i], "waited"));
		EXPECT_EQ(-ESHUTDOWN, t_import(self->peers[i], "waited"));
		EXPECT_TRUE(t_busy(exporter));
		EXPECT_EQ(0, t_close(self->peers[i], "waited"));
	}
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait_done(exporter, &cmd));
	EXPECT_EQ(0, cmd.out_imports);
	EXPECT_LT(0, cmd.timeout_ms);
	EXPECT_GE(T_BOUND_MS, cmd.timeout_ms);
	EXPECT_EQ(0, t_finish(exporter, "waited"));
}

TEST_F(order, deferral_is_drained_by_the_last_close)
{
	struct aclipc_close cmd;
	struct aclipc_query query;
	int i;

	EXPECT_EQ(0, t_closer(self->fd, &cmd, KEY, ACLIPC_CLOSE_DEFER, 0, 0));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, cmd.out_answer);
	EXPECT_EQ(variant->nr, cmd.out_imports);
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
	EXPECT_EQ(ACLIPC_STATE_CLOSING, query.out_state);
	EXPECT_TRUE(query.out_flags & ACLIPC_QUERY_DEFERRED);
	for (i = 0; i < variant->nr; i++) {
		EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
		EXPECT_EQ(-EBUSY, t_try(self->fd, KEY));
		EXPECT_EQ(-EINVAL, t_finish(self->fd, KEY));
		EXPECT_EQ(-EAGAIN, t_event_now(self->fd, KEY));
		EXPECT_EQ(ACLIPC_EVENT_CLOSING,
			  t_event_type(self->peers[i], KEY));
		EXPECT_EQ(-EAGAIN, t_event_now(self->peers[i], KEY));
		EXPECT_EQ(-ESHUTDOWN, t_import(self->peers[i], KEY));
		EXPECT_EQ(0, t_close(self->peers[i], KEY));
	}
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(self->fd, KEY));
	EXPECT_EQ(ACLIPC_STATE_CLOSING, t_state(self->fd, KEY));
	EXPECT_EQ(-ESHUTDOWN, t_import(self->peers[0], KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_defer(self->fd, KEY));
	EXPECT_EQ(-ESHUTDOWN, t_import(self->peers[0], KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	EXPECT_EQ(-EAGAIN, t_event_now(self->fd, KEY));
	EXPECT_EQ(-ENOENT, t_import(self->peers[0], KEY));
}

TEST_F(order, revoke_tells_all_and_their_closes_succeed)
{
	struct aclipc_event event;
	int i;

	EXPECT_EQ(variant->nr, t_revoke(self->fd, KEY, 0, 0));
	for (i = 0; i < variant->nr; i++) {
		EXPECT_EQ(0, t_event_wait(self->peers[i], &event));
		EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
		EXPECT_EQ(ACLIPC_REASON_FORCED, event.reason);
		EXPECT_EQ(-EOWNERDEAD, t_import(self->peers[i], KEY));
		EXPECT_EQ(0, t_close(self->peers[i], KEY));
		EXPECT_EQ(-ENOENT, t_close(self->peers[i], KEY));
	}
	EXPECT_EQ(ACLIPC_ANSWER_REVOKED, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
}

/* Field case 26: N imports need N closes. */
TEST_F(order, each_import_needs_its_close)
{
	struct aclipc_close cmd;
	int i, n;

	for (i = 0; i < variant->nr; i++) {
		for (n = 0; n < 4; n++)
			EXPECT_EQ(0, t_import(self->peers[i], KEY));
	}
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	for (n = 4; n >= 0; n--) {
		for (i = 0; i < variant->nr; i++) {
			EXPECT_EQ(-EBUSY, t_closer(self->fd, &cmd, KEY,
						   ACLIPC_CLOSE_TRY, 0, 0));
			EXPECT_EQ(n, t_close(self->peers[i], KEY));
		}
	}
	/* field cases 2, 18: one more is refused and destroys nothing */
	for (i = 0; i < variant->nr; i++)
		EXPECT_EQ(-ENOENT, t_close(self->peers[i], KEY));
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
}

T_FIXTURE(close);

/* Field case 53. */
TEST_F(close, nobody_imported_is_held_at_once)
{
	__u32 op;

	for (op = ACLIPC_CLOSE_TRY; op <= ACLIPC_CLOSE_DEFER; op++) {
		ASSERT_EQ(0, t_export(self->fd, KEY, 0));
		EXPECT_EQ(ACLIPC_ANSWER_HELD, t_begin(self->fd, KEY, op));
		EXPECT_EQ(-EEXIST, t_export(self->fd, KEY, 0));
		EXPECT_EQ(0, t_finish(self->fd, KEY));
		EXPECT_EQ(-ENOENT, t_finish(self->fd, KEY));
		EXPECT_EQ(-ENOENT, t_begin(self->fd, KEY, op));
	}
}

TEST_F(close, second_begin_is_told_that_another_closes)
{
	__u32 op;

	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	for (op = ACLIPC_CLOSE_TRY; op <= ACLIPC_CLOSE_DEFER; op++)
		EXPECT_EQ(-ENOENT, t_begin(self->fd, KEY, op));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
}

TEST_F(close, finish_and_abort_need_a_begin)
{
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(-EINVAL, t_finish(self->fd, KEY));
	EXPECT_EQ(-EINVAL, t_abort(self->fd, KEY));
	EXPECT_EQ(-EBUSY, t_try(self->fd, KEY));
	EXPECT_EQ(-EINVAL, t_finish(self->fd, KEY));
	EXPECT_EQ(-EINVAL, t_abort(self->fd, KEY));
	EXPECT_EQ(-ETIMEDOUT, t_wait(self->fd, KEY, 1));
	EXPECT_EQ(-EINVAL, t_finish(self->fd, KEY));
	EXPECT_EQ(-EINVAL, t_abort(self->fd, KEY));
	EXPECT_LE(0, t_revoke(self->fd, KEY, 0, 0));
	EXPECT_EQ(-EINVAL, t_finish(self->fd, KEY));
	EXPECT_EQ(-EINVAL, t_abort(self->fd, KEY));
}

TEST_F(close, abort_makes_it_live_again)
{
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	EXPECT_EQ(-ESHUTDOWN, t_import(peer, KEY));
	EXPECT_EQ(0, t_abort(self->fd, KEY));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, KEY));
	EXPECT_EQ(-EINVAL, t_finish(self->fd, KEY));
	EXPECT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(-EBUSY, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_close(peer, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
}

TEST_F(close, abort_calls_a_deferral_off)
{
	struct aclipc_query query;
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	EXPECT_EQ(ACLIPC_EVENT_CLOSING, t_event_type(peer, KEY));
	EXPECT_EQ(0, t_abort(self->fd, KEY));
	EXPECT_EQ(ACLIPC_EVENT_LIVE, t_event_type(peer, KEY));
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
	EXPECT_EQ(ACLIPC_STATE_LIVE, query.out_state);
	EXPECT_FALSE(query.out_flags & ACLIPC_QUERY_DEFERRED);
	EXPECT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(1, t_close(peer, KEY));
	EXPECT_EQ(0, t_close(peer, KEY));
	/* nothing is deferred any more */
	EXPECT_EQ(-EAGAIN, t_event_now(self->fd, KEY));
}

/* A deferral that is called off or over leaves no DRAINED behind. */
TEST_F(close, drained_is_forgotten_with_its_deferral)
{
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	EXPECT_EQ(0, t_close(peer, KEY));
	EXPECT_EQ(0, t_abort(self->fd, KEY));
	EXPECT_EQ(-EAGAIN, t_event_now(self->fd, KEY));

	ASSERT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	EXPECT_EQ(0, t_close(peer, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_defer(self->fd, KEY));
	EXPECT_EQ(-EAGAIN, t_event_now(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
}

TEST_F(close, aborted_revoked_key_stays_revoked)
{
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	EXPECT_EQ(0, t_revoke(self->fd, KEY, 0, 0));
	EXPECT_EQ(ACLIPC_ANSWER_REVOKED, t_try(self->fd, KEY));
	EXPECT_EQ(-ENOENT, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_abort(self->fd, KEY));
	EXPECT_EQ(ACLIPC_STATE_REVOKED, t_state(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_REVOKED, t_defer(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	EXPECT_EQ(-ENOENT, t_state(self->fd, KEY));
}

TEST_F(close, revoked_while_held_can_be_finished)
{
	struct aclipc_query query;

	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_revoke(self->fd, KEY, 0, ACLIPC_REASON_FREED));
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
	EXPECT_EQ(ACLIPC_STATE_REVOKED, query.out_state);
	EXPECT_EQ(ACLIPC_REASON_FREED, query.out_reason);
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	EXPECT_EQ(-ENOENT, t_state(self->fd, KEY));
}

TEST_F(close, deferral_that_is_revoked_is_answered_revoked)
{
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	EXPECT_EQ(1, t_revoke(self->fd, KEY, 0, 0));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(peer, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_REVOKED, t_defer(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	EXPECT_EQ(0, t_close(peer, KEY));
}

/* The import is closed although the exporter has finished long ago. */
TEST_F(close, importers_of_a_finished_revoked_key_can_close)
{
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(peer, KEY));
	ASSERT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(2, t_revoke(self->fd, KEY, 0, 0));
	EXPECT_EQ(ACLIPC_ANSWER_REVOKED, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	EXPECT_EQ(-EOWNERDEAD, t_import(peer, KEY));
	EXPECT_EQ(1, t_close(peer, KEY));
	EXPECT_EQ(0, t_close(peer, KEY));
	EXPECT_EQ(-ENOENT, t_close(peer, KEY));
	EXPECT_EQ(-ENOENT, t_import(peer, KEY));
}

TEST_F(close, own_imports_never_block)
{
	struct aclipc_close cmd;
	struct aclipc_query query;
	__u32 op;

	for (op = ACLIPC_CLOSE_TRY; op <= ACLIPC_CLOSE_DEFER; op++) {
		ASSERT_EQ(0, t_export(self->fd, KEY, 0));
		ASSERT_EQ(0, t_import(self->fd, KEY));
		ASSERT_EQ(0, t_import(self->fd, KEY));
		EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
		EXPECT_EQ(0, query.out_imports);
		EXPECT_EQ(2, query.out_self_imports);
		EXPECT_EQ(2, query.out_my_imports);
		EXPECT_TRUE(query.out_flags & ACLIPC_QUERY_OWNER);
		EXPECT_EQ(0, t_closer(self->fd, &cmd, KEY, op, 0, 0));
		EXPECT_EQ(ACLIPC_ANSWER_HELD, cmd.out_answer);
		EXPECT_EQ(0, cmd.out_imports);
		/* one goes before FINISH, one after it */
		EXPECT_EQ(1, t_close(self->fd, KEY));
		EXPECT_EQ(0, t_finish(self->fd, KEY));
		EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
		EXPECT_EQ(ACLIPC_STATE_REVOKED, query.out_state);
		EXPECT_EQ(ACLIPC_REASON_CLOSED, query.out_reason);
		EXPECT_EQ(-ESHUTDOWN, t_import(self->fd, KEY));
		EXPECT_EQ(-ENOENT, t_try(self->fd, KEY));
		EXPECT_EQ(0, t_close(self->fd, KEY));
		EXPECT_EQ(-ENOENT, t_close(self->fd, KEY));
		EXPECT_EQ(-ENOENT, t_state(self->fd, KEY));
	}
}

/* What is left of the last life of the key does not make the next unclear. */
TEST_F(close, key_exported_again_before_own_import_is_closed)
{
	__u64 first, second;

	ASSERT_EQ(0, t_export_gen(self->fd, KEY, 0, &first));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	ASSERT_EQ(0, t_export_gen(self->fd, KEY, 0, &second));
	EXPECT_NE(first, second);
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
}

TEST_F(close, own_imports_get_no_events)
{
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	EXPECT_EQ(-EAGAIN, t_event_now(self->fd, KEY));
	EXPECT_EQ(0, t_close(peer, KEY));
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(self->fd, KEY));
	EXPECT_EQ(-EAGAIN, t_event_now(self->fd, KEY));
}

/* Field case 77: the rules compare processes, the counts are of sessions. */
TEST_F(close, sessions_of_one_process)
{
	int other = t_open(), third = t_open();
	struct aclipc_query query;

	ASSERT_LE(0, other);
	ASSERT_LE(0, third);
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	/* nobody is on the list, but it is the same process */
	ASSERT_EQ(0, t_import(other, KEY));
	ASSERT_EQ(0, t_import(other, KEY));
	EXPECT_EQ(0, t_query(other, KEY, 0, &query));
	EXPECT_EQ(0, query.out_imports);
	EXPECT_EQ(2, query.out_self_imports);
	EXPECT_EQ(2, query.out_my_imports);
	EXPECT_TRUE(query.out_flags & ACLIPC_QUERY_OWNER);
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
	EXPECT_EQ(0, query.out_my_imports);
	EXPECT_EQ(2, t_holders(self->fd, KEY, NULL, 0) + 1);
	/* an import is closed where it was made */
	EXPECT_EQ(-ENOENT, t_close(self->fd, KEY));
	EXPECT_EQ(-ENOENT, t_close(third, KEY));
	EXPECT_EQ(1, t_close(other, KEY));
	/* the export is closed by any session of the process */
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(third, KEY));
	EXPECT_EQ(-ENOENT, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_finish(other, KEY));
	EXPECT_EQ(0, t_close(other, KEY));
}

TEST_F(close, end_of_one_session_leaves_the_others)
{
	int other = t_open(), peer = t_peer();

	ASSERT_LE(0, other);
	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_export(other, "other", ANYONE));
	ASSERT_EQ(0, t_import(peer, KEY));
	ASSERT_EQ(0, t_import(peer, "other"));
	EXPECT_EQ(0, close(other));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(peer, "other"));
	EXPECT_EQ(-EAGAIN, t_event_now(peer, KEY));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(peer, KEY));
	EXPECT_EQ(0, t_close(peer, KEY));
	EXPECT_EQ(0, t_close(peer, "other"));
}

struct racer {
	pthread_t thread;
	pthread_barrier_t *barrier;
	int fd;
	__u32 op;
	int ret;
};

static void *race(void *arg)
{
	struct racer *racer = arg;
	struct aclipc_close cmd;

	pthread_barrier_wait(racer->barrier);
	racer->ret = t_closer(racer->fd, &cmd, KEY, racer->op,
			      racer->op == ACLIPC_CLOSE_WAIT ? 1000 : 0, 0);
	if (!racer->ret)
		racer->ret = cmd.out_answer;
	return NULL;
}

static void race_all(struct racer *racers, int nr, int fd, __u32 op)
{
	pthread_barrier_t barrier;
	int i;

	pthread_barrier_init(&barrier, NULL, nr);
	for (i = 0; i < nr; i++) {
		racers[i] = (struct racer){
			.barrier = &barrier,
			.fd = fd,
			.op = op ?: ACLIPC_CLOSE_TRY + i % 3,
		};
		pthread_create(&racers[i].thread, NULL, race, &racers[i]);
	}
	for (i = 0; i < nr; i++)
		pthread_join(racers[i].thread, NULL);
}

TEST_F(close, of_concurrent_closers_one_is_held)
{
	struct racer racers[12];
	int round, i, held;

	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, t_export(self->fd, KEY, 0));
		race_all(racers, 12, self->fd, 0);
		for (held = 0, i = 0; i < 12; i++) {
			if (racers[i].ret == ACLIPC_ANSWER_HELD)
				held++;
			else
				EXPECT_EQ(-ENOENT, racers[i].ret);
		}
		EXPECT_EQ(1, held);
		EXPECT_EQ(0, t_finish(self->fd, KEY));
	}
}

TEST_F(close, of_concurrent_closers_one_is_told_revoked)
{
	struct racer racers[12];
	int round, i, told;

	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, t_export(self->fd, KEY, 0));
		ASSERT_EQ(0, t_revoke(self->fd, KEY, 0, 0));
		race_all(racers, 12, self->fd, 0);
		for (told = 0, i = 0; i < 12; i++) {
			if (racers[i].ret == ACLIPC_ANSWER_REVOKED)
				told++;
			else
				EXPECT_EQ(-ENOENT, racers[i].ret);
		}
		EXPECT_EQ(1, told);
		EXPECT_EQ(0, t_finish(self->fd, KEY));
	}
}

/* Field case 3: eight threads close what was imported once. */
TEST_F(close, of_concurrent_import_closes_one_succeeds)
{
	int exporter = t_peer(), round, i, good;
	struct aclipc_query query;
	struct racer racers[8];

	ASSERT_LE(0, exporter);
	ASSERT_EQ(0, t_export(exporter, KEY, ANYONE));
	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, t_import(self->fd, KEY));
		race_all(racers, 8, self->fd, ACLIPC_CLOSE_IMPORT);
		for (good = 0, i = 0; i < 8; i++) {
			if (!racers[i].ret)
				good++;
			else
				EXPECT_EQ(-ENOENT, racers[i].ret);
		}
		EXPECT_EQ(1, good);
		EXPECT_EQ(0, t_query(exporter, KEY, 0, &query));
		EXPECT_EQ(0, query.out_imports);
	}
}

static void *import_once(void *arg)
{
	struct racer *racer = arg;

	pthread_barrier_wait(racer->barrier);
	racer->ret = t_import(racer->fd, KEY);
	return NULL;
}

/* Field case 39: threads that import one key first. */
TEST_F(close, concurrent_first_imports_all_count)
{
	pthread_barrier_t barrier;
	struct racer racers[32];
	int exporter = t_peer(), i;
	struct aclipc_query query;

	ASSERT_LE(0, exporter);
	ASSERT_EQ(0, t_export(exporter, KEY, ANYONE));
	pthread_barrier_init(&barrier, NULL, 32);
	for (i = 0; i < 32; i++) {
		racers[i] = (struct racer){
			.barrier = &barrier,
			.fd = self->fd,
		};
		ASSERT_EQ(0, pthread_create(&racers[i].thread, NULL,
					    import_once, &racers[i]));
	}
	for (i = 0; i < 32; i++) {
		pthread_join(racers[i].thread, NULL);
		EXPECT_EQ(0, racers[i].ret);
	}
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
	EXPECT_EQ(32, query.out_my_imports);
	EXPECT_EQ(32, query.out_imports);
	EXPECT_EQ(1, t_holders(self->fd, KEY, NULL, 0));
	for (i = 31; i >= 0; i--)
		EXPECT_EQ(i, t_close(self->fd, KEY));
}

T_MAIN

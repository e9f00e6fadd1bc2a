// SPDX-License-Identifier: GPL-2.0
/*
 * REVOKE, what is remembered of revoked keys, and keys that are used again.
 * Field cases 45, 47, 48, 51, 55.
 */
#include <signal.h>
#include <stdio.h>

#include "common/aclipc_test.h"

#define KEY	"ioctl_revoke"
#define ANYONE	ACLIPC_EXPORT_ANYONE
#define GONE	ACLIPC_REVOKE_GONE

T_FIXTURE(revoke);

TEST_F(revoke, key_is_remembered_until_it_is_gone)
{
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	EXPECT_EQ(0, t_revoke(self->fd, KEY, 0, 0));
	EXPECT_EQ(-EOWNERDEAD, t_import(peer, KEY));
	EXPECT_EQ(-EOWNERDEAD, t_import(self->fd, KEY));
	EXPECT_EQ(ACLIPC_STATE_REVOKED, t_state(peer, KEY));
	/* again is no error */
	EXPECT_EQ(0, t_revoke(self->fd, KEY, 0, 0));
	EXPECT_EQ(0, t_revoke(self->fd, KEY, GONE, 0));
	EXPECT_EQ(-ENOENT, t_import(peer, KEY));
	EXPECT_EQ(-ENOENT, t_state(self->fd, KEY));
	EXPECT_EQ(-ENOENT, t_revoke(self->fd, KEY, GONE, 0));
	EXPECT_EQ(-ENOENT, t_try(self->fd, KEY));
}

TEST_F(revoke, first_reason_stays)
{
	struct aclipc_query query;

	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	EXPECT_EQ(0, t_revoke(self->fd, KEY, 0, ACLIPC_REASON_DEVICE));
	EXPECT_EQ(0, t_revoke(self->fd, KEY, 0, ACLIPC_REASON_FREED));
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
	EXPECT_EQ(ACLIPC_REASON_DEVICE, query.out_reason);
}

TEST_F(revoke, gone_while_imported)
{
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(1, t_revoke(self->fd, KEY, GONE, ACLIPC_REASON_FREED));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(peer, KEY));
	EXPECT_EQ(-EOWNERDEAD, t_import(peer, KEY));
	/* nothing is left to close for the exporter */
	EXPECT_EQ(-ENOENT, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_close(peer, KEY));
	EXPECT_EQ(-ENOENT, t_import(peer, KEY));
}

TEST_F(revoke, finished_key_is_forgotten)
{
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	EXPECT_EQ(0, t_revoke(self->fd, KEY, 0, 0));
	EXPECT_EQ(ACLIPC_ANSWER_REVOKED, t_wait(self->fd, KEY, T_BOUND_MS));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	EXPECT_EQ(-ENOENT, t_import(self->fd, KEY));
}

TEST_F(revoke, memory_of_revoked_keys_is_bounded)
{
	struct t_counts counts;
	char key[16];
	int i;

	ASSERT_EQ(0, t_set_param("max_tombstones", 5));
	for (i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "tomb%d", i);
		ASSERT_EQ(0, t_export(self->fd, key, 0));
		ASSERT_EQ(0, t_revoke(self->fd, key, 0, 0));
	}
	ASSERT_EQ(0, t_counts(&counts));
	EXPECT_EQ(5, counts.tombstones);
	EXPECT_EQ(5, counts.shares);
	for (i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "tomb%d", i);
		EXPECT_EQ(i < 15 ? -ENOENT : -EOWNERDEAD,
			  t_import(self->fd, key));
	}
	/* fewer from now on, at the next one */
	ASSERT_EQ(0, t_set_param("max_tombstones", 0));
	ASSERT_EQ(0, t_export(self->fd, "last", 0));
	ASSERT_EQ(0, t_revoke(self->fd, "last", 0, 0));
	EXPECT_EQ(-ENOENT, t_import(self->fd, "last"));
	ASSERT_EQ(0, t_counts(&counts));
	EXPECT_EQ(0, counts.tombstones);
	EXPECT_EQ(0, counts.shares);
	ASSERT_EQ(0, t_set_param("max_tombstones", 65536));
}

/* What somebody still has to close is no tombstone. */
TEST_F(revoke, imported_key_is_not_forgotten_by_the_bound)
{
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_set_param("max_tombstones", 0));
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(1, t_revoke(self->fd, KEY, 0, 0));
	EXPECT_EQ(-EOWNERDEAD, t_import(peer, KEY));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(peer, KEY));
	EXPECT_EQ(0, t_close(peer, KEY));
	ASSERT_EQ(0, t_set_param("max_tombstones", 65536));
}

TEST_F(revoke, generations_never_repeat)
{
	__u64 last = 0, generation;
	int i;

	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, t_export_gen(self->fd, KEY, 0, &generation));
		EXPECT_LT(last, generation);
		last = generation;
		ASSERT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
		ASSERT_EQ(0, t_finish(self->fd, KEY));
	}
}

TEST_F(revoke, key_in_use_cannot_be_exported_again)
{
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	EXPECT_EQ(-EEXIST, t_export(self->fd, KEY, 0));
	EXPECT_EQ(-EEXIST, t_export(peer, KEY, 0));
	ASSERT_EQ(0, t_import(peer, KEY));
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	EXPECT_EQ(-EEXIST, t_export(peer, KEY, 0));
	ASSERT_EQ(0, t_close(peer, KEY));
	EXPECT_EQ(-EEXIST, t_export(peer, KEY, 0));
	ASSERT_EQ(ACLIPC_ANSWER_HELD, t_defer(self->fd, KEY));
	EXPECT_EQ(-EEXIST, t_export(peer, KEY, 0));
	ASSERT_EQ(0, t_finish(self->fd, KEY));
	EXPECT_EQ(0, t_export(peer, KEY, 0));
}

TEST_F(revoke, tombstone_makes_room_for_the_next)
{
	struct t_counts counts;
	__u64 first, second;
	struct aclipc_query query;

	ASSERT_EQ(0, t_export_gen(self->fd, KEY, 0, &first));
	ASSERT_EQ(0, t_revoke(self->fd, KEY, 0, 0));
	ASSERT_EQ(0, t_export_gen(self->fd, KEY, 0, &second));
	EXPECT_LT(first, second);
	EXPECT_EQ(-ENOENT, t_query(self->fd, KEY, first, &query));
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
	EXPECT_EQ(second, query.out_generation);
	EXPECT_EQ(ACLIPC_STATE_LIVE, query.out_state);
	ASSERT_EQ(0, t_counts(&counts));
	EXPECT_EQ(1, counts.shares);
	EXPECT_EQ(0, counts.tombstones);
}

/* A key that is exported again while somebody has its last life open. */
FIXTURE(reused)
{
	int fd;			/* exporter of both */
	int old;		/* imports the first */
	int both;		/* imports both */
	__u64 first;
	__u64 second;
};

FIXTURE_SETUP(reused)
{
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	self->fd = t_open();
	self->old = t_peer();
	self->both = t_peer();
	ASSERT_LE(0, self->both);
	ASSERT_EQ(0, t_export_gen(self->fd, KEY, ANYONE, &self->first));
	ASSERT_EQ(0, t_import(self->old, KEY));
	ASSERT_EQ(0, t_import(self->both, KEY));
	ASSERT_EQ(2, t_revoke(self->fd, KEY, 0, 0));
	ASSERT_EQ(0, t_export_gen(self->fd, KEY, ANYONE, &self->second));
	ASSERT_EQ(0, t_import(self->both, KEY));
}

FIXTURE_TEARDOWN_PARENT(reused)
{
	EXPECT_EQ(0, t_nothing_left());
}

TEST_F(reused, importers_close_what_they_mean)
{
	EXPECT_EQ(0, t_close(self->old, KEY));
	EXPECT_EQ(-ENOENT, t_close(self->old, KEY));
	EXPECT_EQ(-EINVAL, t_close(self->both, KEY));
	EXPECT_EQ(-ENOENT, t_close_gen(self->both, KEY, self->second + 1));
	EXPECT_EQ(0, t_close_gen(self->both, KEY, self->first));
	EXPECT_EQ(-ENOENT, t_close_gen(self->both, KEY, self->first));
	/* now there is only one */
	EXPECT_EQ(0, t_close(self->both, KEY));
	EXPECT_EQ(-ENOENT, t_close(self->both, KEY));
}

TEST_F(reused, newer_one_is_closed_first)
{
	EXPECT_EQ(0, t_close_gen(self->both, KEY, self->second));
	EXPECT_EQ(-ENOENT, t_close_gen(self->both, KEY, self->second));
	EXPECT_EQ(0, t_close(self->both, KEY));
}

TEST_F(reused, questions_are_about_one_of_them)
{
	struct aclipc_query query;

	EXPECT_EQ(-EINVAL, t_query(self->both, KEY, 0, &query));
	EXPECT_EQ(-EINVAL, t_holders(self->both, KEY, NULL, 0));
	EXPECT_EQ(0, t_query(self->both, KEY, self->first, &query));
	EXPECT_EQ(ACLIPC_STATE_REVOKED, query.out_state);
	EXPECT_EQ(2, query.out_imports);
	EXPECT_EQ(1, query.out_my_imports);
	EXPECT_EQ(0, t_query(self->both, KEY, self->second, &query));
	EXPECT_EQ(ACLIPC_STATE_LIVE, query.out_state);
	EXPECT_EQ(1, query.out_imports);
	EXPECT_EQ(1, query.out_my_imports);
}

TEST_F(reused, event_says_of_which)
{
	struct aclipc_event event;

	EXPECT_EQ(0, t_event_wait(self->both, &event));
	EXPECT_EQ(self->first, event.generation);
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	EXPECT_EQ(-EAGAIN, t_event(self->both, &event));
	EXPECT_EQ(1, t_revoke_gen(self->fd, KEY, self->second, 0, 0));
	EXPECT_EQ(0, t_event_wait(self->both, &event));
	EXPECT_EQ(self->second, event.generation);
}

TEST_F(reused, exporter_closes_what_it_means)
{
	struct aclipc_close cmd;

	EXPECT_EQ(-EINVAL, t_try(self->fd, KEY));
	EXPECT_EQ(-EINVAL, t_wait(self->fd, KEY, 0));
	EXPECT_EQ(-EINVAL, t_defer(self->fd, KEY));
	EXPECT_EQ(-EINVAL, t_revoke(self->fd, KEY, 0, 0));
	EXPECT_EQ(-EINVAL, t_allow(self->fd, KEY, 0, NULL, 0));
	EXPECT_EQ(-EBUSY, t_closer(self->fd, &cmd, KEY, ACLIPC_CLOSE_TRY, 0,
				   self->second));
	EXPECT_EQ(1, cmd.out_imports);
	EXPECT_EQ(0, t_closer(self->fd, &cmd, KEY, ACLIPC_CLOSE_TRY, 0,
			      self->first));
	EXPECT_EQ(ACLIPC_ANSWER_REVOKED, cmd.out_answer);
	EXPECT_EQ(0, t_closer(self->fd, &cmd, KEY, ACLIPC_CLOSE_FINISH, 0,
			      self->first));
	/* the first is done with: 0 is not unclear any more */
	EXPECT_EQ(-EBUSY, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_close_gen(self->both, KEY, self->second));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	EXPECT_EQ(-ENOENT, t_try(self->fd, KEY));
}

/* The second life ends first: 0 means the first, the only one there is. */
TEST_F(reused, first_is_the_only_one_again)
{
	struct aclipc_close cmd;

	EXPECT_EQ(0, t_close_gen(self->both, KEY, self->second));
	EXPECT_EQ(0, t_closer(self->fd, &cmd, KEY, ACLIPC_CLOSE_TRY, 0,
			      self->second));
	EXPECT_EQ(0, t_closer(self->fd, &cmd, KEY, ACLIPC_CLOSE_FINISH, 0,
			      self->second));
	EXPECT_EQ(-ENOENT, t_import(self->both, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_REVOKED, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
}

TEST_F(reused, many_lives_of_one_key)
{
	__u64 generations[50];
	int i;

	EXPECT_EQ(0, t_close_gen(self->both, KEY, self->second));
	EXPECT_EQ(0, t_revoke_gen(self->fd, KEY, self->second, GONE, 0));
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, t_export_gen(self->fd, KEY, ANYONE,
					  &generations[i]));
		ASSERT_EQ(0, t_import(self->both, KEY));
		ASSERT_EQ(1, t_revoke_gen(self->fd, KEY, generations[i], 0,
					  0));
	}
	for (i = 49; i >= 0; i -= 2)
		EXPECT_EQ(0, t_close_gen(self->both, KEY, generations[i]));
	for (i = 0; i < 50; i += 2)
		EXPECT_EQ(0, t_close_gen(self->both, KEY, generations[i]));
	EXPECT_EQ(0, t_close(self->both, KEY));
	EXPECT_EQ(-ENOENT, t_close(self->both, KEY));
}

/* The key of a living process's memory that is gone, taken by another one. */
TEST_F(reused, by_another_process)
{
	int next = t_peer();
	struct aclipc_close cmd;
	__u64 third;

	ASSERT_LE(0, next);
	EXPECT_EQ(1, t_revoke_gen(self->fd, KEY, self->second, 0, 0));
	EXPECT_EQ(0, t_export_gen(next, KEY, ANYONE, &third));
	EXPECT_EQ(-EPERM, t_closer(self->fd, &cmd, KEY, ACLIPC_CLOSE_TRY, 0,
				   third));
	EXPECT_EQ(0, t_closer(self->fd, &cmd, KEY, ACLIPC_CLOSE_TRY, 0,
			      self->second));
	EXPECT_EQ(ACLIPC_ANSWER_REVOKED, cmd.out_answer);
	EXPECT_EQ(0, t_closer(self->fd, &cmd, KEY, ACLIPC_CLOSE_FINISH, 0,
			      self->second));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(next, KEY));
	EXPECT_EQ(0, t_finish(next, KEY));
}

/* A killed importer's holdings go, whichever generation they are of. */
TEST_F(reused, holder_of_both_is_killed)
{
	struct aclipc_close cmd;

	EXPECT_EQ(0, t_closer(self->fd, &cmd, KEY, ACLIPC_CLOSE_DEFER, 0,
			      self->second));
	EXPECT_EQ(SIGKILL, t_kill(self->both));
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(self->fd, KEY));
	EXPECT_EQ(0, t_closer(self->fd, &cmd, KEY, ACLIPC_CLOSE_DEFER, 0,
			      self->second));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, cmd.out_answer);
}

T_MAIN

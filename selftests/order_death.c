// SPDX-License-Identifier: GPL-2.0
/*
 * Whoever ends, at whatever point and in whatever way: what was counted stays
 * counted while the driver takes the mappings down, and is gone after that.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/aclipc_test.h"

#define KEY	"order_death"
#define ANYONE	ACLIPC_EXPORT_ANYONE
#define PAUSE	"ORDER_DEATH_PAUSE"

/* What a peer becomes by exec: a program that has nothing open. */
__attribute__((constructor)) static void pause_if_told(void)
{
	if (!getenv(PAUSE))
		return;
	for (;;)
		pause();
}

static long fn_exec(int fd, void *arg)
{
	char *argv[] = { "paused", NULL };
	char *envp[] = { PAUSE "=1", NULL };

	execve("/proc/self/exe", argv, envp);
	return -errno;
}

/* A child of the peer holds all its files until the test is over. */
static long fn_fork(int fd, void *arg)
{
	pid_t test = *(pid_t *)arg, pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, 0);
	while (!kill(test, 0))
		poll(NULL, 0, 20);
	_exit(0);
}

static __u32 settling(int fd, const char *key)
{
	struct aclipc_query query;

	return t_query(fd, key, 0, &query) ? 0 : query.out_settling;
}

/* Ways in which an importer ends. */
enum how {
	KILLED,
	KILLED_NOT_REAPED,
	EXITED,
	CLOSED,
	EXECED,
	KILLED_WITH_CHILD,
};

FIXTURE(importer)
{
	int fd;
	int peer;
	pid_t child;
};

FIXTURE_VARIANT(importer)
{
	enum how how;
};

FIXTURE_VARIANT_ADD(importer, killed) { .how = KILLED };
/* field case 58: nobody reaps it */
FIXTURE_VARIANT_ADD(importer, killed_and_not_reaped) {
	.how = KILLED_NOT_REAPED
};
FIXTURE_VARIANT_ADD(importer, exited) { .how = EXITED };
FIXTURE_VARIANT_ADD(importer, closed_its_descriptor) { .how = CLOSED };
/* field case 72 */
FIXTURE_VARIANT_ADD(importer, executed_another_program) { .how = EXECED };
/* field case 80: a child has inherited the descriptor */
FIXTURE_VARIANT_ADD(importer, killed_but_its_child_has_the_file) {
	.how = KILLED_WITH_CHILD
};

FIXTURE_SETUP(importer)
{
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	self->fd = t_open();
	ASSERT_LE(0, self->fd);
	self->peer = t_peer();
	ASSERT_LE(0, self->peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	ASSERT_EQ(0, t_import(self->peer, KEY));
}

FIXTURE_TEARDOWN_PARENT(importer)
{
	EXPECT_EQ(0, t_nothing_left());
}

static int end(int peer, enum how how, pid_t *child)
{
	pid_t self = getpid();
	int ret;

	switch (how) {
	case KILLED:
		return t_kill(peer) == SIGKILL ? 0 : -EPROTO;
	case KILLED_NOT_REAPED:
		return t_signal(peer, SIGKILL);
	case EXITED:
		return t_exit(peer);
	case CLOSED:
		return t_close_fd(peer);
	case EXECED:
		return t_start(peer, fn_exec, NULL, 0);
	case KILLED_WITH_CHILD:
		ret = t_run(peer, fn_fork, &self, sizeof(self));
		if (ret < 0)
			return ret;
		*child = ret;
		return t_kill(peer) == SIGKILL ? 0 : -EPROTO;
	}
	return -EINVAL;
}

static void after(int peer, enum how how, pid_t child)
{
	switch (how) {
	case KILLED_NOT_REAPED:
		t_gone(peer);
		break;
	case CLOSED:
	case EXECED:
		t_kill(peer);
		break;
	case KILLED_WITH_CHILD:
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		break;
	default:
		break;
	}
}

TEST_F(importer, stays_counted_as_settling)
{
	struct aclipc_holder holder;
	struct aclipc_query query;
	struct aclipc_close cmd;

	ASSERT_EQ(0, t_set_settle(T_SETTLE_LOOK));
	ASSERT_EQ(0, end(self->peer, variant->how, &self->child));
	ASSERT_EQ(0, t_until(settling(self->fd, KEY) == 2));
	EXPECT_EQ(-EBUSY, t_closer(self->fd, &cmd, KEY, ACLIPC_CLOSE_TRY, 0,
				   0));
	EXPECT_EQ(2, cmd.out_imports);
	EXPECT_EQ(2, cmd.out_settling);
	EXPECT_EQ(1, t_holders(self->fd, KEY, &holder, 1));
	EXPECT_EQ(2, holder.count);
	EXPECT_EQ(ACLIPC_HOLDER_SETTLING, holder.flags);
	EXPECT_LT(0, holder.since_ns);
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
	EXPECT_EQ(ACLIPC_STATE_LIVE, query.out_state);
	EXPECT_EQ(2, query.out_imports);
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_defer(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	after(self->peer, variant->how, self->child);
}

TEST_F(importer, ends_while_the_exporter_defers)
{
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	ASSERT_EQ(0, end(self->peer, variant->how, &self->child));
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_defer(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	after(self->peer, variant->how, self->child);
}

TEST_F(importer, ends_before_the_exporter_waits)
{
	ASSERT_EQ(0, end(self->peer, variant->how, &self->child));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait(self->fd, KEY, T_BOUND_MS));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	after(self->peer, variant->how, self->child);
}

FIXTURE(exporter)
{
	int fd;
	int peer;
	pid_t child;
};

FIXTURE_VARIANT(exporter)
{
	enum how how;
	__u32 reason;
};

FIXTURE_VARIANT_ADD(exporter, killed) {
	.how = KILLED, .reason = ACLIPC_REASON_EXIT
};
FIXTURE_VARIANT_ADD(exporter, killed_and_not_reaped) {
	.how = KILLED_NOT_REAPED, .reason = ACLIPC_REASON_EXIT
};
/* field case 16 */
FIXTURE_VARIANT_ADD(exporter, exited) {
	.how = EXITED, .reason = ACLIPC_REASON_EXIT
};
FIXTURE_VARIANT_ADD(exporter, closed_its_descriptor) {
	.how = CLOSED, .reason = ACLIPC_REASON_SESSION
};
FIXTURE_VARIANT_ADD(exporter, executed_another_program) {
	.how = EXECED, .reason = ACLIPC_REASON_SESSION
};
FIXTURE_VARIANT_ADD(exporter, killed_but_its_child_has_the_file) {
	.how = KILLED_WITH_CHILD, .reason = ACLIPC_REASON_EXIT
};

FIXTURE_SETUP(exporter)
{
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	self->fd = t_open();
	ASSERT_LE(0, self->fd);
	self->peer = t_peer();
	ASSERT_LE(0, self->peer);
	ASSERT_EQ(0, t_export(self->peer, KEY, ANYONE));
	ASSERT_EQ(0, t_export(self->peer, "never imported", ANYONE));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	ASSERT_EQ(0, t_import(self->fd, KEY));
}

FIXTURE_TEARDOWN_PARENT(exporter)
{
	EXPECT_EQ(0, t_nothing_left());
}

/* Field cases 16, 31, 32, 52. */
TEST_F(exporter, importers_are_told_and_can_close)
{
	struct aclipc_event event;
	struct aclipc_query query;

	ASSERT_EQ(0, end(self->peer, variant->how, &self->child));
	EXPECT_EQ(0, t_event_wait(self->fd, &event));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	EXPECT_EQ(variant->reason, event.reason);
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
	EXPECT_EQ(ACLIPC_STATE_REVOKED, query.out_state);
	EXPECT_EQ(variant->reason, query.out_reason);
	EXPECT_EQ(1, query.out_my_imports);
	EXPECT_EQ(-EOWNERDEAD, t_import(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(-ENOENT, t_close(self->fd, KEY));
	EXPECT_EQ(-EAGAIN, t_event(self->fd, &event));
	after(self->peer, variant->how, self->child);
}

/* The key is known for a while as what it was: on v2 the native key lives. */
TEST_F(exporter, key_is_known_until_the_process_is_gone_and_settled)
{
	bool gone = variant->how != CLOSED && variant->how != EXECED;

	ASSERT_EQ(0, t_set_settle(T_SETTLE_LOOK));
	ASSERT_EQ(0, end(self->peer, variant->how, &self->child));
	ASSERT_EQ(0, t_until(t_state(self->fd, "never imported") ==
			     ACLIPC_STATE_REVOKED));
	EXPECT_EQ(-EOWNERDEAD, t_import(self->fd, "never imported"));
	EXPECT_EQ(-EOWNERDEAD, t_import(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(-EOWNERDEAD, t_import(self->fd, KEY));
	if (!gone) {
		/* it may still own the driver's key: only its end counts */
		ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
		t_kill(self->peer);
	}
	EXPECT_EQ(0, t_until(t_import(self->fd, KEY) == -ENOENT));
	EXPECT_EQ(0, t_until(t_import(self->fd, "never imported") == -ENOENT));
	if (gone)
		after(self->peer, variant->how, self->child);
}

TEST_F(exporter, key_can_be_exported_by_another_at_once)
{
	__u64 first, second;
	int next = t_peer();

	ASSERT_LE(0, next);
	ASSERT_EQ(0, t_import_gen(self->fd, KEY, &first));
	ASSERT_EQ(-EEXIST, t_export(next, KEY, ANYONE));
	ASSERT_EQ(0, end(self->peer, variant->how, &self->child));
	EXPECT_EQ(0, t_until(t_state(self->fd, KEY) == ACLIPC_STATE_REVOKED));
	/* field case 7 */
	EXPECT_EQ(0, t_export_gen(next, KEY, ANYONE, &second));
	EXPECT_LT(first, second);
	EXPECT_EQ(1, t_close_gen(self->fd, KEY, first));
	EXPECT_EQ(0, t_import(self->fd, KEY));
	EXPECT_EQ(-EINVAL, t_close(self->fd, KEY));
	EXPECT_EQ(0, t_close_gen(self->fd, KEY, first));
	EXPECT_EQ(-EBUSY, t_try(next, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(next, KEY));
	after(self->peer, variant->how, self->child);
}

/* Field cases 74, 76, 84: each side is killed in each state. */
enum stage {
	EXPORTED,
	ALLOWED,
	IMPORTED,
	DEFERRED,
	WAITING,
	DRAINED,
	HELD,
	REVOKED,
	REVOKED_BEGUN,
	NR_STAGES,
};

static int go_to(enum stage stage, int exporter, int importer)
{
	__s32 pid = t_pid(importer);
	int ret;

	ret = t_export(exporter, KEY, 0);
	if (ret || stage == EXPORTED)
		return ret;
	ret = t_allow(exporter, KEY, 0, &pid, 1);
	if (ret != 1 || stage == ALLOWED)
		return ret == 1 ? 0 : -EPROTO;
	ret = t_import(importer, KEY);
	if (ret || stage == IMPORTED)
		return ret;
	switch (stage) {
	case DEFERRED:
		return t_defer(exporter, KEY) == ACLIPC_ANSWER_PENDING ?
		       0 : -EPROTO;
	case WAITING:
		return t_wait_start(exporter, KEY, T_BOUND_MS, 1);
	case DRAINED:
		t_defer(exporter, KEY);
		return t_close(importer, KEY);
	case HELD:
		t_close(importer, KEY);
		return t_try(exporter, KEY) == ACLIPC_ANSWER_HELD ?
		       0 : -EPROTO;
	case REVOKED:
		return t_revoke(exporter, KEY, 0, 0) == 1 ? 0 : -EPROTO;
	case REVOKED_BEGUN:
		t_revoke(exporter, KEY, 0, 0);
		return t_try(exporter, KEY) == ACLIPC_ANSWER_REVOKED ?
		       0 : -EPROTO;
	default:
		return -EINVAL;
	}
}

T_FIXTURE(death);

TEST_F(death, of_the_exporter_at_any_stage)
{
	int stage, exporter, importer;

	for (stage = 0; stage < NR_STAGES; stage++) {
		exporter = t_peer();
		importer = t_peer();
		ASSERT_LE(0, importer);
		ASSERT_EQ(0, go_to(stage, exporter, importer)) {
			TH_LOG("stage %d", stage);
		}
		EXPECT_EQ(SIGKILL, t_kill(exporter));
		if (stage >= IMPORTED && stage != DRAINED && stage != HELD) {
			EXPECT_EQ(0, t_until(t_state(importer, KEY) ==
					     ACLIPC_STATE_REVOKED));
			EXPECT_EQ(0, t_close(importer, KEY));
		}
		EXPECT_EQ(-ENOENT, t_close(importer, KEY));
		EXPECT_EQ(0, t_until(t_import(importer, KEY) == -ENOENT)) {
			TH_LOG("stage %d", stage);
		}
		EXPECT_EQ(0, t_exit(importer));
	}
}

TEST_F(death, of_the_importer_at_any_stage)
{
	struct aclipc_close cmd;
	int stage, exporter, importer;

	for (stage = 0; stage < NR_STAGES; stage++) {
		exporter = t_peer();
		importer = t_peer();
		ASSERT_LE(0, importer);
		ASSERT_EQ(0, go_to(stage, exporter, importer));
		EXPECT_EQ(SIGKILL, t_kill(importer));
		switch (stage) {
		case WAITING:
			EXPECT_EQ(ACLIPC_ANSWER_HELD,
				  t_wait_done(exporter, &cmd));
			break;
		case HELD:
		case REVOKED_BEGUN:
			break;
		case REVOKED:
			EXPECT_EQ(ACLIPC_ANSWER_REVOKED,
				  t_wait(exporter, KEY, T_BOUND_MS));
			break;
		default:
			EXPECT_EQ(ACLIPC_ANSWER_HELD,
				  t_wait(exporter, KEY, T_BOUND_MS));
			break;
		}
		EXPECT_EQ(0, t_finish(exporter, KEY)) {
			TH_LOG("stage %d", stage);
		}
		EXPECT_EQ(0, t_exit(exporter));
	}
}

TEST_F(death, of_both_at_any_stage)
{
	int stage, exporter, importer;

	for (stage = 0; stage < NR_STAGES; stage++) {
		exporter = t_peer();
		importer = t_peer();
		ASSERT_LE(0, importer);
		ASSERT_EQ(0, go_to(stage, exporter, importer));
		EXPECT_EQ(0, t_signal(exporter, SIGKILL));
		EXPECT_EQ(0, t_signal(importer, SIGKILL));
		EXPECT_EQ(SIGKILL, t_gone(exporter));
		EXPECT_EQ(SIGKILL, t_gone(importer));
		EXPECT_EQ(0, t_until(t_import(self->fd, KEY) == -ENOENT));
	}
}

/* A job: everybody exports to everybody, and all are killed together. */
TEST_F(death, of_a_whole_job)
{
	int peers[8], i, j;
	char key[16];

	for (i = 0; i < 8; i++) {
		peers[i] = t_peer();
		ASSERT_LE(0, peers[i]);
		snprintf(key, sizeof(key), "job%d", i);
		ASSERT_EQ(0, t_export(peers[i], key, ANYONE));
	}
	for (i = 0; i < 8; i++) {
		for (j = 0; j < 8; j++) {
			snprintf(key, sizeof(key), "job%d", j);
			ASSERT_EQ(0, t_import(peers[i], key));
		}
	}
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0, t_signal(peers[i], SIGKILL));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(SIGKILL, t_gone(peers[i]));
	for (i = 0; i < 8; i++) {
		snprintf(key, sizeof(key), "job%d", i);
		EXPECT_EQ(0, t_until(t_import(self->fd, key) == -ENOENT));
	}
}

static void *stay(void *arg)
{
	int *ready = arg;

	if (write(*ready, "x", 1) == 1)
		pause();
	return NULL;
}

/* The first thread of a process ends, another one goes on. */
static pid_t leaderless(const char *import, const char *export, int *ready)
{
	pthread_t thread;
	int fds[2];
	pid_t pid;
	char byte;

	if (pipe(fds))
		return -errno;
	pid = fork();
	if (!pid) {
		int fd;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = t_open();
		if (t_import(fd, import) || t_export(fd, export, ANYONE) ||
		    pthread_create(&thread, NULL, stay, &fds[1]))
			_exit(1);
		pthread_exit(NULL);
	}
	close(fds[1]);
	*ready = read(fds[0], &byte, 1);
	close(fds[0]);
	return pid;
}

static bool leader_ended(pid_t pid)
{
	char path[64], stat[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (t_slurp(path, stat, sizeof(stat)) < 0)
		return false;
	return strstr(stat, ") Z ");
}

TEST_F(death, of_the_first_thread_is_not_the_end)
{
	struct aclipc_query query;
	int ready = 0, i;
	pid_t pid;

	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	pid = leaderless(KEY, "leaderless", &ready);
	ASSERT_EQ(1, ready);
	ASSERT_EQ(0, t_until(leader_ended(pid)));
	EXPECT_EQ(0, t_import(self->fd, "leaderless"));
	/* longer than the settle time, and than a second: all are looked at */
	for (i = 0; i < 60; i++) {
		EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
		EXPECT_EQ(1, query.out_imports);
		EXPECT_EQ(0, query.out_settling);
		poll(NULL, 0, T_SETTLE_MS / 4);
	}
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, "leaderless"));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(self->fd, "leaderless"));
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, "leaderless"));
}

/* Field case 86: a forked child that ends takes nothing with it. */
TEST_F(death, of_a_forked_child_changes_nothing)
{
	struct aclipc_query before, after;
	int peer = t_peer(), i;
	pid_t pid;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_export(peer, "peer", ANYONE));
	ASSERT_EQ(0, t_import(self->fd, "peer"));
	ASSERT_EQ(0, t_query(self->fd, KEY, 0, &before));
	for (i = 0; i < 10; i++) {
		pid = fork();
		if (!pid) {
			close(self->fd);
			_exit(0);
		}
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	}
	ASSERT_EQ(0, t_query(self->fd, KEY, 0, &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(after)));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(peer, "peer"));
	EXPECT_EQ(-EBUSY, t_try(peer, "peer"));
	EXPECT_EQ(0, t_close(self->fd, "peer"));
	EXPECT_EQ(0, t_close(self->fd, KEY));
}

/* Field case 68: the last put runs in a process that is not the owner. */
TEST_F(death, of_the_session_by_the_receiver_of_the_descriptor)
{
	struct aclipc_event event;
	int peer = t_peer(), copy;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(peer, KEY, ANYONE));
	ASSERT_EQ(0, t_export(self->fd, "mine", ANYONE));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_import(peer, "mine"));
	copy = t_take_fd(peer);
	ASSERT_LE(0, copy);
	ASSERT_EQ(0, t_close_fd(peer));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, KEY));
	EXPECT_EQ(-EBUSY, t_try(self->fd, "mine"));
	EXPECT_EQ(0, close(copy));
	EXPECT_EQ(0, t_event_wait(self->fd, &event));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	EXPECT_EQ(ACLIPC_REASON_SESSION, event.reason);
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, "mine"));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait(self->fd, "mine", T_BOUND_MS));
	EXPECT_EQ(0, t_close(self->fd, KEY));
}

static long fn_open_more(int fd, void *arg)
{
	int more = t_open();

	if (more < 0)
		return more;
	return t_import(more, KEY) ?: t_import(more, KEY) ?: t_import(fd, KEY);
}

TEST_F(death, of_a_process_with_several_sessions)
{
	struct aclipc_query query;
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_run(peer, fn_open_more, NULL, 0));
	ASSERT_EQ(0, t_run(peer, fn_open_more, NULL, 0));
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
	EXPECT_EQ(6, query.out_imports);
	EXPECT_EQ(3, t_holders(self->fd, KEY, NULL, 0));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	EXPECT_EQ(SIGKILL, t_kill(peer));
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(self->fd, KEY));
	EXPECT_EQ(0, t_holders(self->fd, KEY, NULL, 0));
}

/* The settle time of what was closed before the end counts from the end. */
TEST_F(death, after_a_stray_close_starts_the_clock_again)
{
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(peer, KEY));
	ASSERT_EQ(0, t_set_settle(T_SETTLE_LOOK));
	ASSERT_EQ(0, t_close_fd(peer));
	ASSERT_EQ(0, t_until(settling(self->fd, KEY) == 1));
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	EXPECT_EQ(SIGKILL, t_kill(peer));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait(self->fd, KEY, T_BOUND_MS));
}

T_MAIN

// SPDX-License-Identifier: GPL-2.0
/* The session API of the library: for programs that manage keys themselves. */
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/aclipc_test.h"
#include "kselftest_harness.h"
#include "aclipc.h"

#define KEY	"lib_linked_session"
#define ANYONE	ACLIPC_EXPORT_ANYONE
#define GONE	ACLIPC_REVOKE_GONE

static struct aclipc *s;
static struct aclipc_key key;

T_FIXTURE(session);

static int begin_test(void)
{
	int ret = aclipc_session_open(&s);

	return ret ? ret : aclipc_key_from_string(&key, KEY, sizeof(KEY));
}

/* What errno is before and after each call. */
#define CALL(call) ({							\
	int ret_;							\
									\
	errno = 1234;							\
	ret_ = call;							\
	EXPECT_EQ(1234, errno);						\
	ret_;								\
})

TEST_F(session, bad_arguments)
{
	struct aclipc_event event;

	ASSERT_EQ(0, begin_test());
	EXPECT_EQ(-EINVAL, CALL(aclipc_session_open(NULL)));
	EXPECT_EQ(-EINVAL, aclipc_fd(NULL));
	EXPECT_EQ(-EINVAL, CALL(aclipc_get_info(NULL, NULL)));
	EXPECT_EQ(-EINVAL, CALL(aclipc_export(NULL, &key, 1, 1, 0, NULL)));
	EXPECT_EQ(-EINVAL, CALL(aclipc_export(s, NULL, 1, 1, 0, NULL)));
	EXPECT_EQ(-EINVAL, CALL(aclipc_allow(s, NULL, 0, NULL, 0, 0, NULL)));
	EXPECT_EQ(-EINVAL, CALL(aclipc_import(s, NULL, NULL, NULL)));
	EXPECT_EQ(-EINVAL, CALL(aclipc_import_close(s, NULL, 0, NULL)));
	EXPECT_EQ(-EINVAL, CALL(aclipc_close_begin(s, NULL, 0,
						   ACLIPC_CLOSE_TRY, 0, NULL)));
	/* other closes have calls of their own */
	EXPECT_EQ(-EINVAL, CALL(aclipc_close_begin(s, &key, 0,
						   ACLIPC_CLOSE_IMPORT, 0,
						   NULL)));
	EXPECT_EQ(-EINVAL, CALL(aclipc_close_begin(s, &key, 0,
						   ACLIPC_CLOSE_FINISH, 0,
						   NULL)));
	EXPECT_EQ(-EINVAL, CALL(aclipc_close_finish(s, NULL, 0)));
	EXPECT_EQ(-EINVAL, CALL(aclipc_close_abort(s, NULL, 0)));
	EXPECT_EQ(-EINVAL, CALL(aclipc_query(s, NULL, 0, NULL)));
	EXPECT_EQ(-EINVAL, CALL(aclipc_holders(s, NULL, 0, NULL, 0, NULL)));
	EXPECT_EQ(-EINVAL, CALL(aclipc_revoke(s, NULL, 0, 0, 0, NULL)));
	EXPECT_EQ(-EINVAL, CALL(aclipc_next_event(NULL, &event, 0)));
	EXPECT_EQ(-EINVAL, CALL(aclipc_next_event(s, NULL, 0)));
	aclipc_session_close(NULL);
	aclipc_session_close(s);
}

TEST_F(session, no_such_key)
{
	ASSERT_EQ(0, begin_test());
	EXPECT_EQ(-ENOENT, CALL(aclipc_allow(s, &key, 0, NULL, 0,
					     ACLIPC_ALLOW_ANYONE, NULL)));
	EXPECT_EQ(-ENOENT, CALL(aclipc_import(s, &key, NULL, NULL)));
	EXPECT_EQ(-ENOENT, CALL(aclipc_import_close(s, &key, 0, NULL)));
	EXPECT_EQ(-ENOENT, CALL(aclipc_close_begin(s, &key, 0,
						   ACLIPC_CLOSE_TRY, 0, NULL)));
	EXPECT_EQ(-ENOENT, CALL(aclipc_close_finish(s, &key, 0)));
	EXPECT_EQ(-ENOENT, CALL(aclipc_close_abort(s, &key, 0)));
	EXPECT_EQ(-ENOENT, CALL(aclipc_query(s, &key, 0, NULL)));
	EXPECT_EQ(-ENOENT, CALL(aclipc_holders(s, &key, 0, NULL, 0, NULL)));
	EXPECT_EQ(-ENOENT, CALL(aclipc_revoke(s, &key, 0, 0, 0, NULL)));
	aclipc_session_close(s);
}

TEST_F(session, exporter)
{
	struct aclipc_begin begin;
	struct aclipc_event event;
	struct aclipc_holder holder;
	struct aclipc_query query;
	uint64_t generation = 0;
	uint32_t nr = 0;
	int peer = t_peer();
	int32_t pid;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, begin_test());
	ASSERT_EQ(0, CALL(aclipc_export(s, &key, T_ADDR, T_LENGTH, 0,
					&generation)));
	EXPECT_LT(0, generation);
	EXPECT_EQ(-EEXIST, CALL(aclipc_export(s, &key, T_ADDR, T_LENGTH, 0,
					      NULL)));
	ASSERT_EQ(0, CALL(aclipc_query(s, &key, 0, &query)));
	EXPECT_EQ(ACLIPC_STATE_LIVE, query.out_state);
	EXPECT_EQ(generation, query.out_generation);
	EXPECT_EQ(T_LENGTH, query.out_length);

	EXPECT_EQ(-EACCES, t_import(peer, KEY));
	pid = t_pid(peer);
	ASSERT_EQ(0, CALL(aclipc_allow(s, &key, generation, &pid, 1, 0, &nr)));
	EXPECT_EQ(1, nr);
	ASSERT_EQ(0, t_import(peer, KEY));
	ASSERT_EQ(0, CALL(aclipc_holders(s, &key, 0, &holder, 1, &nr)));
	EXPECT_EQ(1, nr);
	EXPECT_EQ(pid, holder.pid);
	EXPECT_EQ(1, holder.count);

	memset(&begin, 0xff, sizeof(begin));
	EXPECT_EQ(-EBUSY, CALL(aclipc_close_begin(s, &key, 0, ACLIPC_CLOSE_TRY,
						  0, &begin)));
	EXPECT_EQ(0, begin.answer);
	EXPECT_EQ(1, begin.imports);
	EXPECT_EQ(0, begin.settling);
	memset(&begin, 0xff, sizeof(begin));
	EXPECT_EQ(-ETIMEDOUT, CALL(aclipc_close_begin(s, &key, 0,
						      ACLIPC_CLOSE_WAIT, 10,
						      &begin)));
	EXPECT_EQ(1, begin.imports);
	EXPECT_EQ(0, begin.remaining_ms);
	/* the result is as it was: nothing of this was answered */
	memset(&begin, 0xff, sizeof(begin));
	EXPECT_EQ(-ENOENT, CALL(aclipc_close_begin(s, &key, generation + 1,
						   ACLIPC_CLOSE_TRY, 0,
						   &begin)));
	EXPECT_EQ(~0U, begin.answer);

	EXPECT_EQ(0, CALL(aclipc_close_begin(s, &key, generation,
					     ACLIPC_CLOSE_DEFER, 0, &begin)));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, begin.answer);
	EXPECT_EQ(1, begin.imports);
	EXPECT_EQ(-ETIMEDOUT, CALL(aclipc_next_event(s, &event, 0)));
	EXPECT_EQ(0, t_close(peer, KEY));
	EXPECT_EQ(0, CALL(aclipc_next_event(s, &event, T_BOUND_MS)));
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, event.type);
	EXPECT_EQ(generation, event.generation);
	EXPECT_EQ(0, memcmp(event.key, key.bytes, sizeof(event.key)));
	EXPECT_EQ(-ETIMEDOUT, CALL(aclipc_next_event(s, &event, 10)));

	EXPECT_EQ(0, CALL(aclipc_close_begin(s, &key, 0, ACLIPC_CLOSE_TRY, 0,
					     &begin)));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, begin.answer);
	EXPECT_EQ(0, CALL(aclipc_close_abort(s, &key, generation)));
	EXPECT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(0, t_close(peer, KEY));
	EXPECT_EQ(0, CALL(aclipc_close_begin(s, &key, 0, ACLIPC_CLOSE_WAIT,
					     T_BOUND_MS, NULL)));
	EXPECT_EQ(0, CALL(aclipc_close_finish(s, &key, generation)));
	EXPECT_EQ(-ENOENT, CALL(aclipc_query(s, &key, 0, &query)));
	aclipc_session_close(s);
}

TEST_F(session, importer)
{
	uint64_t generation = 0, length = 0;
	__u64 exported;
	struct aclipc_event event;
	uint32_t left = 0;
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, begin_test());
	ASSERT_EQ(0, t_export_gen(peer, KEY, ANYONE, &exported));
	ASSERT_EQ(0, CALL(aclipc_import(s, &key, &generation, &length)));
	EXPECT_EQ(exported, generation);
	EXPECT_EQ(T_LENGTH, length);
	ASSERT_EQ(0, CALL(aclipc_import(s, &key, NULL, NULL)));
	EXPECT_EQ(0, CALL(aclipc_import_close(s, &key, 0, &left)));
	EXPECT_EQ(1, left);
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(peer, KEY));
	EXPECT_EQ(0, CALL(aclipc_next_event(s, &event, -1)));
	EXPECT_EQ(ACLIPC_EVENT_CLOSING, event.type);
	EXPECT_EQ(-ESHUTDOWN, CALL(aclipc_import(s, &key, NULL, NULL)));
	EXPECT_EQ(1, t_revoke(peer, KEY, 0, 0));
	EXPECT_EQ(0, CALL(aclipc_next_event(s, &event, T_BOUND_MS)));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	EXPECT_EQ(-EOWNERDEAD, CALL(aclipc_import(s, &key, NULL, NULL)));
	EXPECT_EQ(0, CALL(aclipc_import_close(s, &key, generation, &left)));
	EXPECT_EQ(0, left);
	EXPECT_EQ(-ENOENT, CALL(aclipc_import_close(s, &key, 0, NULL)));
	aclipc_session_close(s);
}

TEST_F(session, revoke)
{
	struct aclipc_begin begin;
	struct aclipc_event event;
	uint32_t told = 0;
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, begin_test());
	ASSERT_EQ(0, CALL(aclipc_export(s, &key, T_ADDR, T_LENGTH, ANYONE,
					NULL)));
	ASSERT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(0, CALL(aclipc_revoke(s, &key, 0, ACLIPC_REASON_FREED, 0,
					&told)));
	EXPECT_EQ(1, told);
	EXPECT_EQ(0, t_event_wait(peer, &event));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	EXPECT_EQ(ACLIPC_REASON_FREED, event.reason);
	EXPECT_EQ(0, CALL(aclipc_close_begin(s, &key, 0, ACLIPC_CLOSE_TRY, 0,
					     &begin)));
	EXPECT_EQ(ACLIPC_ANSWER_REVOKED, begin.answer);
	EXPECT_EQ(0, CALL(aclipc_close_finish(s, &key, 0)));
	EXPECT_EQ(0, t_close(peer, KEY));
	aclipc_session_close(s);
}

static long close_later(int fd, void *arg)
{
	poll(NULL, 0, 100);
	return t_close(fd, arg);
}

TEST_F(session, waits_for_an_event)
{
	struct aclipc_event event;
	int peer = t_peer();
	char name[] = KEY;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, begin_test());
	ASSERT_EQ(0, CALL(aclipc_export(s, &key, T_ADDR, T_LENGTH, ANYONE,
					NULL)));
	ASSERT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(0, aclipc_close_begin(s, &key, 0, ACLIPC_CLOSE_DEFER, 0,
					NULL));
	ASSERT_EQ(0, t_start(peer, close_later, name, sizeof(name)));
	EXPECT_EQ(0, CALL(aclipc_next_event(s, &event, -1)));
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, event.type);
	EXPECT_EQ(0, t_done(peer, name, sizeof(name)));
	aclipc_session_close(s);
}

static void no_op(int sig)
{
}

TEST_F(session, signal_ends_the_wait)
{
	/* again and again, since one might come before the wait */
	struct itimerval timer = { { 0, 20000 }, { 0, 20000 } }, off = { 0 };
	struct sigaction sa = { .sa_handler = no_op };
	struct aclipc_event event;

	ASSERT_EQ(0, begin_test());
	ASSERT_EQ(0, sigaction(SIGALRM, &sa, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &timer, NULL));
	EXPECT_EQ(-EINTR, CALL(aclipc_next_event(s, &event, -1)));
	setitimer(ITIMER_REAL, &off, NULL);
	aclipc_session_close(s);
}

/* 0, or where it went wrong */
static int use_in_a_child(void)
{
	struct aclipc_event event;

	if (aclipc_export(s, &key, T_ADDR, T_LENGTH, 0, NULL) != -EPERM)
		return 1;
	if (aclipc_import(s, &key, NULL, NULL) != -EPERM)
		return 2;
	if (aclipc_close_finish(s, &key, 0) != -EPERM)
		return 3;
	if (aclipc_next_event(s, &event, T_BOUND_MS) != -EPERM)
		return 4;
	aclipc_session_close(s);
	if (aclipc_session_open(&s))
		return 5;
	if (aclipc_import(s, &key, NULL, NULL))
		return 6;
	if (aclipc_import_close(s, &key, 0, NULL))
		return 7;
	aclipc_session_close(s);
	return 0;
}

TEST_F(session, belongs_to_the_process_that_opened_it)
{
	int status, peer = t_peer();
	struct aclipc_event event;
	pid_t pid;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, begin_test());
	ASSERT_EQ(0, t_export(peer, KEY, ANYONE));
	ASSERT_EQ(0, aclipc_import(s, &key, NULL, NULL));
	/* an event that the child must not take */
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(peer, KEY));
	ASSERT_EQ(0, t_abort(peer, KEY));
	pid = fork();
	if (!pid)
		_exit(use_in_a_child());
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, aclipc_next_event(s, &event, 0));
	EXPECT_EQ(ACLIPC_EVENT_LIVE, event.type);
	EXPECT_EQ(0, aclipc_import_close(s, &key, 0, NULL));
	aclipc_session_close(s);
}

/* The child has a copy of the descriptor, so the file is still open. */
TEST_F(session, is_over_when_the_process_ends)
{
	struct aclipc_event event;
	int fds[2], ret = 1;

	ASSERT_EQ(0, pipe(fds));
	if (!fork()) {
		if (begin_test())
			_exit(1);
		if (!fork()) {
			ret = aclipc_next_event(s, &event, T_BOUND_MS);
			_exit(write(fds[1], &ret, sizeof(ret)) != sizeof(ret));
		}
		_exit(0);
	}
	close(fds[1]);
	EXPECT_EQ(sizeof(ret), read(fds[0], &ret, sizeof(ret)));
	EXPECT_EQ(-EPIPE, ret);
	wait(NULL);
}

T_MAIN

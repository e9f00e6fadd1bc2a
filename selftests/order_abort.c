// SPDX-License-Identifier: GPL-2.0
/*
 * A destroy that fails while others wait: were the key LIVE for a moment, it
 * could be imported, and who waits for it could wait for a process that waits
 * for him meanwhile.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "common/aclipc_test.h"

#define OURS	"abort-ours"
#define THEIRS	"abort-theirs"
#define HURRY_MS	20000

struct wait {
	pthread_t thread;
	int fd, cpu, ret;
	bool over;
	char key[32];
};

static int pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

static void *wait_main(void *arg)
{
	struct wait *wait = arg;
	struct aclipc_close cmd;

	pin(wait->cpu);
	wait->ret = t_closer(wait->fd, &cmd, wait->key, ACLIPC_CLOSE_WAIT,
			     T_BOUND_MS, 0);
	if (!wait->ret)
		wait->ret = cmd.out_answer;
	WRITE_ONCE(wait->over, true);
	return NULL;
}

/* A thread of this process waits. */
static int wait_start(struct wait *wait, int fd, const char *key, int cpu)
{
	wait->fd = fd;
	wait->cpu = cpu;
	strcpy(wait->key, key);
	return -pthread_create(&wait->thread, NULL, wait_main, wait);
}

/* In a peer, which goes on to do what it is told */
static long peer_waits(int fd, void *arg)
{
	static struct wait wait;

	return wait_start(&wait, fd, arg, 0);
}

/* Nothing else runs on this processor until it is killed. */
static pid_t hog(int cpu)
{
	struct sched_param param = { .sched_priority = 1 };
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pin(cpu) || sched_setscheduler(0, SCHED_FIFO, &param))
		_exit(1);
	for (;;)
		;
}

static unsigned int waiters(int handle, const char *key)
{
	struct aclipc_query query;

	return t_query(handle, key, 0, &query) ? 0 : query.out_waiters;
}

T_FIXTURE(failed)

TEST_F(failed, nobody_imports_what_others_wait_for)
{
	char theirs[] = THEIRS;
	struct wait wait = {};
	int peer = t_peer();
	int answer, aborted, state, import, i;
	pid_t pid;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one processor");
	ASSERT_LE(0, peer);
	ASSERT_EQ(0, pin(0));
	ASSERT_EQ(0, t_export(self->fd, OURS, ACLIPC_EXPORT_ANYONE |
					      ACLIPC_EXPORT_UNWATCHED));
	ASSERT_EQ(0, t_export(peer, THEIRS, ACLIPC_EXPORT_ANYONE |
					    ACLIPC_EXPORT_UNWATCHED));
	ASSERT_EQ(0, t_import(self->fd, THEIRS));
	ASSERT_EQ(0, t_import(peer, OURS));
	ASSERT_EQ(0, wait_start(&wait, self->fd, OURS, 1));
	ASSERT_EQ(0, t_until(waiters(self->fd, OURS) == 1));
	/* asleep; from here on it is woken and cannot run */
	poll(NULL, 0, 200);
	pid = hog(1);
	ASSERT_LT(0, pid);
	poll(NULL, 0, 50);

	EXPECT_EQ(0, t_close(peer, OURS));
	answer = t_try(self->fd, OURS);
	EXPECT_EQ(0, t_run(peer, peer_waits, theirs, sizeof(theirs)));
	EXPECT_EQ(0, t_until(waiters(self->fd, THEIRS) == 1));
	poll(NULL, 0, 50);
	aborted = t_abort(self->fd, OURS);
	state = t_state(self->fd, OURS);
	import = t_import(peer, OURS);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);

	/* else each would wait for the other now */
	for (i = 0; i < HURRY_MS / 10 && !READ_ONCE(wait.over); i++)
		poll(NULL, 0, 10);
	EXPECT_TRUE(wait.over);
	EXPECT_EQ(SIGKILL, t_kill(peer));
	pthread_join(wait.thread, NULL);
	/* the kernel lets others run beside what never sleeps, if only a little */
	if (answer != ACLIPC_ANSWER_HELD || wait.ret == -ENOENT)
		SKIP(return, "who waited was not kept from running");
	EXPECT_EQ(0, aborted);
	EXPECT_EQ(ACLIPC_STATE_CLOSING, state);
	EXPECT_EQ(-ESHUTDOWN, import);
	EXPECT_EQ(ACLIPC_ANSWER_HELD, wait.ret);
	EXPECT_EQ(0, t_finish(self->fd, OURS));
}

TEST_HARNESS_MAIN

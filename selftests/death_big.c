// SPDX-License-Identifier: GPL-2.0
/*
 * A process with as many keys as it may have dies while others import them all.
 * Whoever opens the device or dies meanwhile does not wait for it.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "common/driver.h"

#define KEYS		65535
#define SLOW_KEYS	8192	/* in the debug kernels of selftests/vm */
#define IMPORTERS	8
#define OPENS		200
#define OPEN_NAP_US	2000

/*
 * Alone, both take less than a millisecond.  To tell the importers of all keys
 * takes seconds, and the exit waits for a part of it.
 */
#define HOLD_UP_MS	300

#define ANYONE		ACLIPC_EXPORT_ANYONE

/* What the processes tell each other. */
struct big {
	pid_t keeper;
	unsigned int exported, imported, failed;
};

static int nr_keys = KEYS;

static void big_key(char *key, size_t size, int nr)
{
	snprintf(key, size, "big %d", nr);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* Memory that is watched, so that the driver's callback delays the exit. */
static int export_watched(int fd, const char *key)
{
	struct memory memory = {};
	struct aclipc_export cmd;
	int ret = d_alloc(fd, &memory, 1 << 20);

	if (!ret)
		ret = t_export_at(fd, key, ANYONE, memory.va, memory.length,
				  &cmd);
	return ret ?: !cmd.out_watched;
}

static void export_all(struct big *big)
{
	char key[16];
	pid_t keeper;
	int fd, i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = t_open();
	if (fd < 0 || export_watched(fd, "watched"))
		big->failed++;

	for (i = 0; i < nr_keys; i++) {
		big_key(key, sizeof(key), i);
		if (t_export(fd, key, ANYONE))
			big->failed++;
	}
	/* the descriptor stays, as with any forked child */
	keeper = fork();
	if (keeper) {
		big->keeper = keeper;
		__atomic_store_n(&big->exported, 1, __ATOMIC_RELEASE);
	}
	for (;;)
		pause();
}

static void import_all(struct big *big)
{
	char key[16];
	int fd = t_open(), i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < nr_keys; i++) {
		big_key(key, sizeof(key), i);
		if (t_import(fd, key))
			__atomic_add_fetch(&big->failed, 1, __ATOMIC_SEQ_CST);
	}
	__atomic_add_fetch(&big->imported, 1, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

/* The longest of many that somebody else waits for an open. */
static double longest_open(void)
{
	double longest = 0, t;
	int i, fd;

	for (i = 0; i < OPENS; i++) {
		t = now_ms();
		fd = t_open();
		t = now_ms() - t;
		if (fd < 0)
			return -1;
		close(fd);
		if (t > longest)
			longest = t;
		usleep(OPEN_NAP_US);
	}
	return longest;
}

/* How long a small exporter takes to be killed and reaped. */
static double killed(int peer)
{
	double t = now_ms();

	if (t_kill(peer) != SIGKILL)
		return -1;
	return now_ms() - t;
}

FIXTURE(big)
{
	struct big big;		/* shared, as it is with FIXTURE_TEARDOWN_PARENT() */
	int small[2];
	pid_t exporter;
};

FIXTURE_SETUP(big)
{
	struct utsname name;
	pid_t pid;
	int i;

	if (!d_svm())
		SKIP(return, "no ascend_sim");
	if (!uname(&name) && strstr(name.release, "-aclipc"))
		nr_keys = SLOW_KEYS;
	ASSERT_EQ(0, t_nothing_left());
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	for (i = 0; i < 2; i++) {
		self->small[i] = t_peer();
		ASSERT_LE(0, self->small[i]);
		ASSERT_EQ(0, export_watched(self->small[i],
					    i ? "small 1" : "small 0"));
	}
	pid = fork();
	if (!pid)
		export_all(&self->big);
	self->exporter = pid;
	while (!__atomic_load_n(&self->big.exported, __ATOMIC_ACQUIRE))
		usleep(1000);
	for (i = 0; i < IMPORTERS; i++) {
		if (!fork())
			import_all(&self->big);
	}
	while (__atomic_load_n(&self->big.imported, __ATOMIC_SEQ_CST) <
	       IMPORTERS)
		usleep(10000);
	ASSERT_EQ(0, self->big.failed);
}

FIXTURE_TEARDOWN_PARENT(big)
{
	if (self->big.keeper)
		kill(self->big.keeper, SIGKILL);
	EXPECT_EQ(0, t_nothing_left());
}

TEST_F_TIMEOUT(big, death_holds_nobody_up, 280)
{
	double open_alone = longest_open(), exit_alone = killed(self->small[0]);
	double open_beside, exit_beside, all;
	char last[16];

	EXPECT_LE(0, exit_alone);
	big_key(last, sizeof(last), 0);
	all = now_ms();
	ASSERT_EQ(0, kill(self->exporter, SIGKILL));
	exit_beside = killed(self->small[1]);
	open_beside = longest_open();
	EXPECT_EQ(self->exporter, waitpid(self->exporter, NULL, 0));
	EXPECT_EQ(0, t_until(t_state(t_open(), last) != ACLIPC_STATE_LIVE));
	all = now_ms() - all;
	TH_LOG("open %.1f ms, beside %.1f ms; exit %.1f ms, beside %.1f ms; all was over after %.0f ms",
	       open_alone, open_beside, exit_alone, exit_beside, all);
	EXPECT_LE(0, exit_beside);
	EXPECT_LE(0, open_beside);
	EXPECT_GT(2 * exit_alone + HOLD_UP_MS, exit_beside);
	EXPECT_GT(2 * open_alone + HOLD_UP_MS, open_beside);
}

T_MAIN

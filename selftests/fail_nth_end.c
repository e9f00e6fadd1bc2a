// SPDX-License-Identifier: GPL-2.0
/*
 * Failures beside those of a call: tables that grow, processes that end.
 * Needs a kernel with fault injection (fail-nth).
 */
#include <signal.h>
#include <sys/wait.h>

#include "fail_nth.h"

/*
 * Tables that are full grow with the next key, unless a work item did it
 * before.  It cannot here: the test leaves it neither the processor nor the part
 * of each second that the scheduler keeps for others.
 */
FIXTURE(full)
{
	struct world w;
	unsigned int refused, failed;
	int cpu;
};

static int others_share(int cpu, const char *ns)
{
	char path[128];

	snprintf(path, sizeof(path),
		 "/sys/kernel/debug/sched/fair_server/cpu%d/runtime", cpu);
	return t_put(path, ns);
}

FIXTURE_SETUP(full)
{
	static const struct sched_param first = { .sched_priority = 1 };
	cpu_set_t here;

	self->cpu = sched_getcpu();
	ASSERT_EQ(0, world_init(&self->w, false));
	ASSERT_EQ(0, world_begin(&self->w));
	CPU_ZERO(&here);
	CPU_SET(self->cpu, &here);
	ASSERT_EQ(0, sched_setaffinity(0, sizeof(here), &here));
	ASSERT_EQ(0, others_share(self->cpu, "0"));
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_FIFO, &first));
}

FIXTURE_TEARDOWN_PARENT(full)
{
	EXPECT_EQ(0, others_share(self->cpu, "50000000"));
	EXPECT_EQ(0, t_nothing_left());
}

/* How many points an export has that finds room. */
static unsigned int export_points(struct world *w)
{
	unsigned int left;

	fail_nth(LIMIT);
	own(w);
	left = fail_left(fail_fd);
	fail_nth(0);
	t_revoke(w->fd, KEY, ACLIPC_REVOKE_GONE, 0);
	return LIMIT - left;
}

/*
 * Export, with points failing that come after the usual ones.  Each memory that
 * is had takes a second point, with which the kernel keeps book of it: after the
 * first table it is the second one's turn.
 */
static void export_full(struct __test_metadata *_metadata,
			FIXTURE_DATA(full) *self, const char *key,
			unsigned int usual)
{
	unsigned int n = usual + 1;
	struct aclipc_query query;
	bool failed;
	int ret;

	do {
		fail_nth(n);
		ret = t_export(self->w.fd, key, UNWATCHED);
		failed = !fail_left(fail_fd);
		fail_nth(0);
		self->failed += failed;
		if (ret) {
			self->refused++;
			EXPECT_EQ(-ENOMEM, ret);
			EXPECT_EQ(-ENOENT, t_query(self->w.fd, key, 0, &query));
		}
		n += 2;
	} while (ret && failed && n < LIMIT);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(0, t_query(self->w.fd, key, 0, &query));
}

TEST_F(full, export_into_tables_that_are_full)
{
	static const struct sched_param param;
	unsigned int usual = LIMIT, points, i;
	char key[16];

	/* now and then one more is for the kernel's own stock */
	for (i = 0; i < 8; i++) {
		points = export_points(&self->w);
		usual = points < usual ? points : usual;
	}
	for (i = 0; i < KEYS; i++) {
		snprintf(key, sizeof(key), "%08u", i);
		export_full(_metadata, self, key, usual);
	}
	ASSERT_EQ(0, sched_setscheduler(0, SCHED_OTHER, &param));
	TH_LOG("%u failures beyond %u, %u refused", self->failed, usual,
	       self->refused);
	/* two tables, each doubled from at most 64 */
	EXPECT_LE(4, self->refused);
	for (i = 0; i < KEYS; i++) {
		snprintf(key, sizeof(key), "%08u", i);
		EXPECT_EQ(0, t_revoke(self->w.fd, key, ACLIPC_REVOKE_GONE, 0));
	}
	EXPECT_EQ(0, world_end(&self->w));
}

/* The end of a process: whatever fails there, nothing stays. */
FIXTURE(end)
{
	struct world w;
};

FIXTURE_VARIANT(end)
{
	void (*end)(void);
	bool watched;
};

static void end_kill(void)
{
	kill(getpid(), SIGKILL);
}

static void end_exit(void)
{
	_exit(0);
}

static void end_exec(void)
{
	execl("/bin/true", "true", NULL);
}

FIXTURE_VARIANT_ADD(end, killed) { .end = end_kill };
FIXTURE_VARIANT_ADD(end, exit) { .end = end_exit };
FIXTURE_VARIANT_ADD(end, exec) { .end = end_exec };
FIXTURE_VARIANT_ADD(end, killed_watched) { .end = end_kill, .watched = true };
FIXTURE_VARIANT_ADD(end, exit_watched) { .end = end_exit, .watched = true };

FIXTURE_SETUP(end)
{
	if (variant->watched && access(ASCEND_SIM_DEV, F_OK))
		SKIP(return, "no ascend_sim");
	ASSERT_EQ(0, t_set_settle(1));
	self->w.peer = t_peer();
	ASSERT_LE(0, self->w.peer);
	ASSERT_EQ(0, foreign(&self->w));
}

FIXTURE_TEARDOWN_PARENT(end)
{
	EXPECT_EQ(0, t_set_settle(T_SETTLE_MS));
	EXPECT_EQ(0, t_nothing_left());
	EXPECT_EQ(0, t_until(driver_count("procs") <= 0));
}

static void end_child(const FIXTURE_VARIANT(end) *v, struct world *w,
		      unsigned int n)
{
	struct aclipc_export cmd;

	w->fd = t_open();
	w->va = T_ADDR;
	if (w->fd < 0 || (v->watched && (sim_init(w) || sim_alloc(w))) ||
	    fail_open() || t_import(w->fd, KEY) ||
	    t_export_at(w->fd, KEY2, v->watched ? ANYONE : UNWATCHED, w->va,
			T_LENGTH, &cmd) || cmd.out_watched != v->watched)
		_exit(1);
	fail_nth(n);
	v->end();
	/* it did not end: then it still has all that it had */
	fail_nth(0);
	_exit(t_close(w->fd, KEY) || t_try(w->fd, KEY2) != ACLIPC_ANSWER_HELD ||
	      t_finish(w->fd, KEY2) ? 1 : 0);
}

static bool only_peer(void)
{
	struct t_counts c;

	return !t_counts(&c) && c.sessions == 1 && c.shares == 1 &&
	       !c.imports && !c.settling && !c.watches && !c.tombstones;
}

TEST_F_TIMEOUT(end, of_a_process, SECONDS)
{
	unsigned int n = 0, left;
	struct aclipc_query query;
	char path[64];
	int status, fd;
	siginfo_t info;
	pid_t pid;

	do {
		ASSERT_GT(LIMIT, ++n);
		pid = fork();
		if (!pid)
			end_child(variant, &self->w, n);
		ASSERT_EQ(0, waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
		snprintf(path, sizeof(path), "/proc/%d/task/%d/fail-nth", pid,
			 pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		ASSERT_LE(0, fd);
		left = fail_left(fd);
		close(fd);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_NE(1 << 8, status) {
			TH_LOG("failure %u", n);
		}
		ASSERT_EQ(0, t_until(only_peer()));
		EXPECT_EQ(SEEN(LIVE, 0, 0), seen(self->w.peer));
		EXPECT_EQ(-ENOENT, t_query(self->w.peer, KEY2, 0, &query));
	} while (!left);
	TH_LOG("%u failures", n - 1);
}

T_MAIN

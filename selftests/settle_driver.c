// SPDX-License-Identifier: GPL-2.0
/*
 * How long the imports of the dead stay counted: for settle_ms at least, until
 * the driver says that nothing of the process is on a device any more, for
 * settle_max_ms at most, which is said.  Generation 3 pins what the dead map, so
 * there settle_ms is enough.
 */
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "common/driver.h"

#define KEY	"settle_driver"
#define ANYONE	ACLIPC_EXPORT_ANYONE

/* of the device processes of the dead */
#define SOON_MS		1000
#define LATE_MS		20000

/* The least settle time, and one that is longer than anything here. */
#define LEAST_MS	500
#define MOST_MS		120000

FIXTURE(settle)
{
	int fd;			/* exporter, with a process on a device, too */
	int peer;		/* importer, with a process on a device */
	int svm;
};

FIXTURE_SETUP(settle)
{
	self->svm = d_svm();
	if (!self->svm)
		SKIP(return, "no ascend_sim");
	ASSERT_EQ(0, t_nothing_left());
	ASSERT_EQ(0, t_until(!d_count("procs")));
	ASSERT_EQ(0, t_set_param("settle_ms", LEAST_MS));
	ASSERT_EQ(0, t_set_param("settle_max_ms", MOST_MS));
	self->fd = t_open();
	self->peer = t_peer();
	ASSERT_LE(0, self->peer);
	/* or its keys would stay known for all of MOST_MS */
	ASSERT_EQ(0, d_open(self->fd, 1));
	ASSERT_EQ(0, d_open(self->peer, 1));
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->peer, KEY));
}

FIXTURE_TEARDOWN_PARENT(settle)
{
	if (!d_svm())
		return;
	d_param("device_hold", 0);
	d_param("teardown_min_ms", 50);
	d_param("teardown_max_ms", 1500);
	t_set_settle(T_SETTLE_MS);
	EXPECT_EQ(0, t_nothing_left());
}

#define ONLY(v)		do { if (self->svm != (v)) SKIP(return, "SVM v" #v " only"); } while (0)

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

static void ends_after(long ms)
{
	d_param("teardown_min_ms", ms);
	d_param("teardown_max_ms", ms);
}

static struct aclipc_query ask(int fd)
{
	struct aclipc_query query = {};

	if (t_query(fd, KEY, 0, &query))
		query.out_state = 0;
	return query;
}

/* Kill the importer; how many ms its import has been counted after that. */
static long settled(int fd, int peer)
{
	long begin = now_ms();

	if (t_kill(peer) != SIGKILL)
		return -1;
	/* the test's own is not to take as long */
	ends_after(0);
	if (t_until(!ask(fd).out_imports))
		return -1;
	return now_ms() - begin;
}

/* Does the kernel log say so of this process? */
static bool said(const char *what, pid_t pid)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char line[1024], name[64];
	bool found = false;
	ssize_t n;

	snprintf(name, sizeof(name), "aclipc: imports that process %d left ", pid);
	/* what was overwritten meanwhile is EPIPE */
	while ((n = read(fd, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		errno = 0;
		if (n <= 0)
			continue;
		line[n] = 0;
		found |= strstr(line, name) && strstr(line, what);
	}
	close(fd);
	return found;
}

TEST_F(settle, lasts_for_settle_ms_at_least)
{
	ends_after(0);
	EXPECT_LE(LEAST_MS, settled(self->fd, self->peer));
}

TEST_F(settle, device_process_that_is_gone_soon)
{
	ONLY(2);
	ends_after(SOON_MS);
	EXPECT_LE(SOON_MS, settled(self->fd, self->peer));
	EXPECT_EQ(0, t_until(d_count("procs") == 1));
}

TEST_F(settle, device_process_that_is_gone_late)
{
	ONLY(2);
	ends_after(LATE_MS);
	EXPECT_LE(LATE_MS, settled(self->fd, self->peer));
	EXPECT_EQ(0, t_until(d_count("procs") == 1));
}

/* As long as it is there, whatever settle_ms says; not longer than it is said. */
TEST_F(settle, device_process_that_is_never_gone)
{
	pid_t pid = t_pid(self->peer);
	long ms;

	ONLY(2);
	d_param("device_hold", 1);
	ASSERT_EQ(0, t_set_param("settle_max_ms", 4000));
	ms = settled(self->fd, self->peer);
	EXPECT_LE(4000, ms);
	EXPECT_EQ(2, d_count("procs"));
	EXPECT_TRUE(said("still has it on a device", pid));
}

/* The same with a close that waits for it: no free before its time. */
TEST_F(settle, close_is_ordered_by_what_settles)
{
	ONLY(2);
	d_param("device_hold", 1);
	EXPECT_EQ(SIGKILL, t_kill(self->peer));
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	poll(NULL, 0, 4 * LEAST_MS);
	EXPECT_EQ(1, ask(self->fd).out_settling);
	EXPECT_EQ(-EBUSY, t_try(self->fd, KEY));
	d_param("device_hold", 0);
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
}

/* Nobody can be asked. */
TEST_F(settle, driver_that_does_not_tell)
{
	pid_t pid = t_pid(self->peer);
	long ms;

	ONLY(2);
	ends_after(0);
	ASSERT_EQ(0, t_unload("ascend_dpa"));
	ASSERT_EQ(0, t_set_param("settle_max_ms", 3000));
	ms = settled(self->fd, self->peer);
	ASSERT_EQ(0, t_load("ascend_dpa", ""));
	EXPECT_LE(3000, ms);
	/* it was asked while the process lived, and said that it has one */
	EXPECT_TRUE(said("on a device", pid));
}

/* It never knew this one: then that it does not is nothing to go by. */
TEST_F(settle, process_that_the_driver_never_knew)
{
	int stranger = t_peer();
	pid_t pid = t_pid(stranger);
	long ms;

	ONLY(2);
	ends_after(0);
	ASSERT_LE(0, stranger);
	ASSERT_EQ(0, t_close(self->peer, KEY));
	ASSERT_EQ(0, t_import(stranger, KEY));
	ASSERT_EQ(0, t_set_param("settle_max_ms", 3000));
	ms = settled(self->fd, stranger);
	EXPECT_LE(3000, ms);
	EXPECT_TRUE(said("does not say", pid));
}

/* Nor is it known because nobody could be asked while it lived. */
TEST_F(settle, process_that_nobody_could_be_asked_about)
{
	int stranger = t_peer();
	pid_t pid = t_pid(stranger);
	long ms;

	ONLY(2);
	ends_after(0);
	ASSERT_LE(0, stranger);
	ASSERT_EQ(0, t_close(self->peer, KEY));
	ASSERT_EQ(0, t_unload("ascend_dpa"));
	ASSERT_EQ(0, t_import(stranger, KEY));
	ASSERT_EQ(0, t_load("ascend_dpa", ""));
	ASSERT_EQ(0, t_set_param("settle_max_ms", 3000));
	ms = settled(self->fd, stranger);
	EXPECT_LE(3000, ms);
	EXPECT_TRUE(said("does not say", pid));
}

/* It knew it late: the device was opened after the first import. */
TEST_F(settle, process_that_the_driver_came_to_know)
{
	int late = t_peer();

	ONLY(2);
	ends_after(0);
	ASSERT_LE(0, late);
	ASSERT_EQ(0, t_close(self->peer, KEY));
	ASSERT_EQ(0, t_import(late, KEY));
	ASSERT_EQ(0, d_open(late, 0));
	poll(NULL, 0, 1500);
	ASSERT_EQ(0, t_import(late, KEY));
	EXPECT_LE(LEAST_MS, settled(self->fd, late));
}

/* It was killed before it was asked again: what it said after that counts, too. */
TEST_F(settle, process_that_is_known_by_its_death)
{
	int late = t_peer();

	ONLY(2);
	ends_after(4 * LEAST_MS);
	ASSERT_LE(0, late);
	ASSERT_EQ(0, t_close(self->peer, KEY));
	ASSERT_EQ(0, t_import(late, KEY));
	ASSERT_EQ(0, d_open(late, 0));
	EXPECT_LE(4 * LEAST_MS, settled(self->fd, late));
}

/* Bring the next pid to want; only a kernel built for it lets us. */
static bool next_pid(pid_t want)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", want - 1);
	return !t_put("/proc/sys/kernel/ns_last_pid", text);
}

/*
 * Its number is another's, who was on a device and has left it: the driver says
 * that nobody is there, and the older one's process still is.
 */
TEST_F(settle, number_that_was_reused)
{
	pid_t pid = t_pid(self->peer);
	int other;
	long begin;

	ONLY(2);
	d_param("device_hold", 1);
	ASSERT_EQ(0, t_set_param("settle_max_ms", 6000));
	begin = now_ms();
	EXPECT_EQ(SIGKILL, t_kill(self->peer));
	if (!next_pid(pid))
		SKIP(return, "no ns_last_pid");
	other = t_peer();
	ASSERT_LE(0, other);
	if (t_pid(other) != pid)
		SKIP(return, "pid %d not to be had again", pid);
	ASSERT_EQ(0, d_open(other, 1));
	ASSERT_EQ(0, d_reset(other, 1));
	ASSERT_EQ(0, t_until(ask(self->fd).out_settling));
	EXPECT_EQ(0, t_until(!ask(self->fd).out_imports));
	EXPECT_LE(6000, now_ms() - begin);
	EXPECT_EQ(SIGKILL, t_kill(other));
}

/* v3: what the dead map is pinned, and nobody has to be asked. */
TEST_F(settle, pins_hold_for_the_dead)
{
	long ms, queries = d_count("query");

	ONLY(3);
	d_param("stage_ms", 3000);
	ms = settled(self->fd, self->peer);
	d_param("stage_ms", 0);
	EXPECT_LE(LEAST_MS, ms);
	EXPECT_EQ(2, d_count("procs"));
	EXPECT_EQ(queries, d_count("query"));
}

/* How much longer at most: told by QUERY and HOLDERS, and it becomes less. */
TEST_F(settle, what_is_left_of_it_is_told)
{
	struct aclipc_query first, later;
	struct aclipc_holder holder;

	ONLY(2);
	d_param("device_hold", 1);
	EXPECT_EQ(0, ask(self->fd).out_settle_ms);
	ASSERT_EQ(1, t_holders(self->fd, KEY, &holder, 1));
	EXPECT_EQ(0, holder.settle_ms);
	EXPECT_EQ(SIGKILL, t_kill(self->peer));
	ASSERT_EQ(0, t_until(ask(self->fd).out_settling));
	first = ask(self->fd);
	EXPECT_LT(0, first.out_settle_ms);
	EXPECT_GE(MOST_MS, first.out_settle_ms);
	ASSERT_EQ(1, t_holders(self->fd, KEY, &holder, 1));
	EXPECT_EQ(ACLIPC_HOLDER_SETTLING, holder.flags);
	EXPECT_LT(0, holder.settle_ms);
	EXPECT_GE(first.out_settle_ms, holder.settle_ms);
	poll(NULL, 0, 100);
	later = ask(self->fd);
	EXPECT_GT(first.out_settle_ms, later.out_settle_ms);
	d_param("device_hold", 0);
	EXPECT_EQ(0, t_until(!ask(self->fd).out_imports));
	EXPECT_EQ(0, ask(self->fd).out_settle_ms);
}

/* settle_max_ms less than settle_ms: the least is the most. */
TEST_F(settle, most_that_is_less_than_the_least)
{
	struct aclipc_info info;

	ONLY(2);
	d_param("device_hold", 1);
	ASSERT_EQ(0, t_set_param("settle_max_ms", 0));
	ASSERT_EQ(0, t_info(self->fd, &info));
	EXPECT_EQ(LEAST_MS, info.out_settle_ms);
	EXPECT_EQ(LEAST_MS, info.out_settle_max_ms);
	EXPECT_LE(LEAST_MS, settled(self->fd, self->peer));
}

static long fn_export(int fd, void *arg)
{
	return t_export(fd, "of the dead", ANYONE);
}

/* The driver has a dead exporter's key as long, so it is not forgotten. */
TEST_F(settle, key_of_the_dead_stays_known)
{
	ONLY(2);
	d_param("device_hold", 1);
	ASSERT_EQ(0, t_run(self->peer, fn_export, NULL, 0));
	EXPECT_EQ(SIGKILL, t_kill(self->peer));
	EXPECT_EQ(0, t_until(t_state(self->fd, "of the dead") ==
			     ACLIPC_STATE_REVOKED));
	poll(NULL, 0, 4 * LEAST_MS);
	EXPECT_EQ(-EOWNERDEAD, t_import(self->fd, "of the dead"));
	d_param("device_hold", 0);
	EXPECT_EQ(0, t_until(t_import(self->fd, "of the dead") == -ENOENT));
}

/* The module goes while somebody settles for whom the driver has to be asked. */
TEST_F(settle, module_is_unloaded_meanwhile)
{
	ONLY(2);
	d_param("device_hold", 1);
	EXPECT_EQ(SIGKILL, t_kill(self->peer));
	ASSERT_EQ(0, t_until(ask(self->fd).out_settling));
	poll(NULL, 0, 2 * LEAST_MS);
	ASSERT_EQ(0, close(self->fd));
	ASSERT_EQ(0, t_until(!t_unload("aclipc")));
	ASSERT_EQ(0, t_load("aclipc", ""));
}

T_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * The life of the module and of the driver, and who its users are: loaded and
 * unloaded while others open, close and look; the driver gone and back; users
 * in containers, users without rights, users that the kernel kills for memory.
 */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/aclipc_test.h"

#define KEY		"life_module"
#define ANYONE		ACLIPC_EXPORT_ANYONE
#define USER		1000

#define OPENERS		4
#define READERS		3
#define LOADS		12
#define STORM_S		40

#define CGROUP		"/sys/fs/cgroup"
#define LIMIT		"33554432"
#define HOG		(256L << 20)

static bool loaded(const char *module)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	return !access(path, F_OK);
}

struct storm {
	bool stop;
	unsigned long opened, refused, read, lines, unexpected;
	pid_t opener[OPENERS];
};

static void count(unsigned long *what)
{
	__atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

/* Opens, uses and closes, or leaves that to its end. */
static void opener_main(struct storm *storm, int nr)
{
	__u64 seed = 77 + nr;
	char mine[16], other[16];
	int fd;

	snprintf(mine, sizeof(mine), "storm%d", nr);
	snprintf(other, sizeof(other), "storm%d", (nr + 1) % OPENERS);
	while (!READ_ONCE(storm->stop)) {
		struct timespec nap = { 0, t_rand(&seed) % 3000000 };

		fd = t_open();
		if (fd < 0) {
			count(&storm->refused);
			if (fd != -ENOENT && fd != -ENODEV && fd != -ENXIO)
				count(&storm->unexpected);
		} else {
			count(&storm->opened);
			t_export(fd, mine, ANYONE);
			t_import(fd, other);
			t_import(fd, mine);
			if (t_rand(&seed) / 7 % 2)
				t_close(fd, other);
			close(fd);
		}
		nanosleep(&nap, NULL);
	}
	_exit(0);
}

static void read_file(struct storm *storm, const char *path)
{
	char buf[65536];

	if (t_slurp(path, buf, sizeof(buf)) > 0)
		count(&storm->lines);
	count(&storm->read);
}

static void reader_main(struct storm *storm, int nr)
{
	char path[64];
	int i, fd;

	while (!READ_ONCE(storm->stop)) {
		read_file(storm, "/sys/kernel/debug/aclipc/counts");
		read_file(storm, "/sys/kernel/debug/aclipc/shares");
		read_file(storm, "/sys/module/aclipc/parameters/settle_ms");
		for (i = 0; i < OPENERS; i++) {
			for (fd = 3; fd < 8; fd++) {
				snprintf(path, sizeof(path),
					 "/proc/%d/fdinfo/%d",
					 READ_ONCE(storm->opener[i]), fd);
				read_file(storm, path);
			}
		}
	}
	_exit(0);
}

FIXTURE(life)
{
	int unused;
};

FIXTURE_SETUP(life)
{
	if (access("/modules/aclipc.ko", R_OK))
		SKIP(return, "no /modules");
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	ASSERT_EQ(0, t_nothing_left());
}

/* Whatever the test did: both are there, and nothing is left. */
FIXTURE_TEARDOWN_PARENT(life)
{
	if (!loaded("aclipc"))
		t_load("aclipc", "");
	EXPECT_EQ(0, t_set_settle(T_SETTLE_MS));
	EXPECT_EQ(0, t_nothing_left());
}

/* Field cases 100, 103. */
TEST_F(life, storm_of_loads_and_opens)
{
	struct storm *storm = mmap(NULL, sizeof(*storm), PROT_READ |
				   PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
				   0);
	unsigned int unloads = 0, busy = 0;
	pid_t pids[OPENERS + READERS];
	struct timespec now;
	time_t end;
	int i, ret;

	ASSERT_NE(MAP_FAILED, storm);
	fflush(stdout);
	for (i = 0; i < OPENERS + READERS; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (i < OPENERS)
				opener_main(storm, i);
			reader_main(storm, i);
		}
		if (i < OPENERS)
			WRITE_ONCE(storm->opener[i], pids[i]);
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + STORM_S;
	while (unloads < LOADS && now.tv_sec < end) {
		ret = t_unload("aclipc");
		if (!ret) {
			unloads++;
			ASSERT_EQ(0, t_load("aclipc", "settle_ms=100"));
		} else {
			ASSERT_EQ(-EAGAIN, ret);
			busy++;
		}
		/* those who open get their turn */
		poll(NULL, 0, 1 + busy % 7);
		clock_gettime(CLOCK_MONOTONIC, &now);
	}
	WRITE_ONCE(storm->stop, true);
	for (i = 0; i < OPENERS + READERS; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &ret, 0));
		EXPECT_EQ(0, ret);
	}
	TH_LOG("%u loads, %u refused; %lu opens, %lu refused; %lu reads, %lu with an answer",
	       unloads, busy, storm->opened, storm->refused, storm->read,
	       storm->lines);
	EXPECT_LT(0, unloads);
	EXPECT_LT(0, storm->opened);
	EXPECT_LT(0, storm->lines);
	EXPECT_EQ(0, storm->unexpected);
}

/* Field case 105. */
TEST_F(life, of_odd_parameters)
{
	static const char *const names[] = {
		"settle_ms", "settle_max_ms", "exit_grace_ms", "max_sessions",
		"max_exports", "max_imports", "max_allow", "max_tombstones",
		"max_settling",
	};
	static const char *const good[] = { "0", "1", "4294967295" };
	static const char *const bad[] = { "", "x", "-1", "4294967296" };
	char params[512];
	size_t i, j, len;
	int fd;

	ASSERT_EQ(0, t_until(!t_unload("aclipc")));
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(params, sizeof(params), "%s=%s", names[i],
			 bad[i % ARRAY_SIZE(bad)]);
		EXPECT_GT(0, t_load("aclipc", params)) {
			TH_LOG("%s", params);
		}
		EXPECT_FALSE(loaded("aclipc"));
	}
	for (j = 0; j < ARRAY_SIZE(good); j++) {
		for (i = len = 0; i < ARRAY_SIZE(names); i++)
			len += snprintf(params + len, sizeof(params) - len,
					"%s=%s ", names[i], good[j]);
		ASSERT_EQ(0, t_load("aclipc", params));
		fd = t_open();
		if (fd >= 0) {
			t_export(fd, KEY, ANYONE);
			t_import(fd, KEY);
			close(fd);
		}
		ASSERT_EQ(0, t_until(!t_unload("aclipc")));
	}
	ASSERT_EQ(0, t_load("aclipc", ""));
}

/* Field case 99: a driver that watches nothing can go, and come back. */
TEST_F(life, of_the_driver)
{
	struct aclipc_export cmd;
	struct aclipc_info info;
	char svm[16], params[32];
	int fd, peer, i;

	if (access("/modules/ascend_sim.ko", R_OK) || !loaded("ascend_sim"))
		SKIP(return, "no ascend_sim");
	ASSERT_LT(0, t_slurp("/sys/module/ascend_sim/parameters/svm", svm,
			     sizeof(svm)));
	snprintf(params, sizeof(params), "svm=%d", atoi(svm));
	fd = t_open();
	peer = t_peer();
	ASSERT_LE(0, fd);
	ASSERT_LE(0, peer);
	for (i = 0; i < 3; i++) {
		/* not the driver's memory, so not watched */
		ASSERT_EQ(0, t_export_at(fd, KEY, ANYONE, T_ADDR, T_LENGTH,
					 &cmd));
		EXPECT_EQ(0, cmd.out_watched);
		ASSERT_EQ(0, t_import(peer, KEY));
		EXPECT_EQ(0, t_info(fd, &info));
		EXPECT_TRUE(info.out_caps & ACLIPC_CAP_DRIVER);
		ASSERT_EQ(0, t_until(!t_unload("ascend_sim")));
		EXPECT_EQ(0, t_info(fd, &info));
		EXPECT_FALSE(info.out_caps & ACLIPC_CAP_DRIVER);
		/* the order holds without a driver */
		EXPECT_EQ(-EBUSY, t_try(fd, KEY));
		EXPECT_EQ(0, t_close(peer, KEY));
		EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(fd, KEY));
		EXPECT_EQ(0, t_finish(fd, KEY));
		EXPECT_EQ(0, t_export_at(fd, KEY, ANYONE, T_ADDR, T_LENGTH,
					 &cmd));
		EXPECT_EQ(0, cmd.out_watched);
		ASSERT_EQ(0, t_load("ascend_sim", params));
		EXPECT_EQ(0, t_revoke(fd, KEY, ACLIPC_REVOKE_GONE, 0));
	}
	close(fd);
}

/* From here on the handle's descriptor was opened by the process as it is. */
static int open_again(int fd)
{
	int again;

	close(fd);
	again = t_open();
	if (again < 0)
		return again;
	if (again != fd) {
		if (dup3(again, fd, O_CLOEXEC) < 0)
			return -errno;
		close(again);
	}
	return 0;
}

/* Rootless: root of a user namespace, and nobody outside. */
static long fn_contain(int fd, void *arg)
{
	uid_t uid = *(uid_t *)arg;
	char map[32];

	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid) || prctl(PR_SET_DUMPABLE, 1))
		return -errno;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return -EOPNOTSUPP;
	if (t_put("/proc/self/setgroups", "deny") ||
	    t_put("/proc/self/uid_map", map) || t_put("/proc/self/gid_map", map))
		return -EPROTO;
	return open_again(fd);
}

static long fn_getpid(int fd, void *arg)
{
	return getpid();
}

/* The first process of a pid namespace of its own, in a user namespace. */
static int container(uid_t uid)
{
	int ns = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC), peer, ret;

	if (ns < 0 || unshare(CLONE_NEWPID))
		return -EOPNOTSUPP;
	peer = t_peer();
	ret = setns(ns, CLONE_NEWPID) ? -errno : 0;
	close(ns);
	if (peer < 0 || ret)
		return peer < 0 ? peer : ret;
	ret = t_run(peer, fn_contain, &uid, sizeof(uid));
	return ret ?: peer;
}

/* Field cases 130, 132, 134. */
TEST_F(life, containers)
{
	struct aclipc_holder holder;
	struct aclipc_query query;
	int a, b, c, fd;
	__s32 pids[2];

	/* the node is passed in */
	ASSERT_EQ(0, chmod(ACLIPC_DEVICE, 0666));
	a = container(USER);
	if (a == -EOPNOTSUPP) {
		chmod(ACLIPC_DEVICE, 0660);
		SKIP(return, "no namespaces");
	}
	b = container(USER + 1);
	c = container(USER);
	EXPECT_EQ(0, chmod(ACLIPC_DEVICE, 0660));
	ASSERT_LE(0, a);
	ASSERT_LE(0, b);
	ASSERT_LE(0, c);
	fd = t_open();
	/* the same number, and not the same process */
	ASSERT_EQ(1, t_run(a, fn_getpid, NULL, 0));
	ASSERT_EQ(1, t_run(b, fn_getpid, NULL, 0));
	ASSERT_EQ(1, t_run(c, fn_getpid, NULL, 0));

	/* lists have the numbers of the initial namespace: 1 is its init */
	pids[0] = t_pid(b);
	pids[1] = 1;
	ASSERT_EQ(0, t_export(a, KEY, 0));
	EXPECT_EQ(-EACCES, t_import(b, KEY));
	EXPECT_EQ(2, t_allow(a, KEY, 0, pids, 2));
	EXPECT_EQ(-EACCES, t_import(c, KEY));
	EXPECT_EQ(-ENOENT, t_query(c, KEY, 0, &query));
	ASSERT_EQ(0, t_import(b, KEY));
	EXPECT_EQ(-EBUSY, t_try(a, KEY));

	/* each sees it as its own namespace does */
	EXPECT_EQ(1, t_holders(a, KEY, &holder, 1));
	EXPECT_EQ(0, holder.pid);
	EXPECT_EQ(1, t_holders(b, KEY, &holder, 1));
	EXPECT_EQ(1, holder.pid);
	EXPECT_EQ(1, t_holders(fd, KEY, &holder, 1));
	EXPECT_EQ(t_pid(b), holder.pid);

	/* root of a container is nobody here */
	EXPECT_EQ(-EPERM, t_revoke(b, KEY, 0, 0));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(a, KEY));
	EXPECT_EQ(ACLIPC_EVENT_CLOSING, t_event_type(b, KEY));
	EXPECT_EQ(0, t_close(b, KEY));
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(a, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(a, KEY));
	EXPECT_EQ(0, t_finish(a, KEY));

	/* and one container ends under the other */
	ASSERT_EQ(0, t_export(a, KEY, ANYONE));
	ASSERT_EQ(0, t_import(b, KEY));
	ASSERT_EQ(0, t_import(c, KEY));
	EXPECT_EQ(SIGKILL, t_kill(c));
	EXPECT_EQ(0, t_until(!t_query(a, KEY, 0, &query) &&
			     query.out_imports == 1));
	EXPECT_EQ(SIGKILL, t_kill(a));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(b, KEY));
	EXPECT_EQ(0, t_close(b, KEY));
	close(fd);
}

static long fn_become_user(int fd, void *arg)
{
	if (setgroups(0, NULL) || setresgid(USER, USER, USER) ||
	    setresuid(USER, USER, USER))
		return -errno;
	return open_again(fd);
}

/* Field cases 75, 134: the node's mode and group say who can open it. */
TEST_F(life, node_mode_and_group)
{
	struct aclipc_query query;
	struct stat st;
	int fd = t_open(), peer;

	ASSERT_EQ(0, stat(ACLIPC_DEVICE, &st));
	EXPECT_EQ(0660, st.st_mode & 07777);
	EXPECT_EQ(0, st.st_uid);
	peer = t_peer();
	ASSERT_LE(0, peer);
	EXPECT_EQ(-EACCES, t_run(peer, fn_become_user, NULL, 0));
	ASSERT_EQ(0, chown(ACLIPC_DEVICE, 0, USER));
	peer = t_peer();
	ASSERT_LE(0, peer);
	EXPECT_EQ(0, t_run(peer, fn_become_user, NULL, 0));
	EXPECT_EQ(0, chown(ACLIPC_DEVICE, st.st_uid, st.st_gid));

	/* who has it open can do nothing to what is not its own */
	ASSERT_EQ(0, t_export(fd, KEY, 0));
	EXPECT_EQ(-EACCES, t_import(peer, KEY));
	EXPECT_EQ(-ENOENT, t_query(peer, KEY, 0, &query));
	EXPECT_EQ(-ENOENT, t_holders(peer, KEY, NULL, 0));
	EXPECT_EQ(-ENOENT, t_close(peer, KEY));
	EXPECT_EQ(-EPERM, t_try(peer, KEY));
	EXPECT_EQ(-EPERM, t_revoke(peer, KEY, 0, 0));
	EXPECT_EQ(-EEXIST, t_export(peer, KEY, 0));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(fd, KEY));
	close(fd);
}

/* Memory without end, so that the kernel kills it. */
static long fn_hog(int fd, void *arg)
{
	char *p = mmap(NULL, HOG, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	memset(p, 1, HOG);
	return 0;
}

static int cgroup_add(int peer)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", t_pid(peer));
	return t_put(CGROUP "/aclipc/cgroup.procs", pid);
}

static bool oom_killed(int peer)
{
	return t_gone(peer) == SIGKILL;
}

FIXTURE(oom)
{
	int fd;
	int peer;
	bool skip;
};

FIXTURE_SETUP(oom)
{
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	t_put(CGROUP "/cgroup.subtree_control", "+memory");
	if (mkdir(CGROUP "/aclipc", 0755) && errno != EEXIST) {
		self->skip = true;
		SKIP(return, "no cgroup2");
	}
	if (t_put(CGROUP "/aclipc/memory.max", LIMIT)) {
		self->skip = true;
		SKIP(return, "no memory controller of cgroup2");
	}
	t_put(CGROUP "/aclipc/memory.swap.max", "0");
	/* all of the group die, not the fattest alone */
	ASSERT_EQ(0, t_put(CGROUP "/aclipc/memory.oom.group", "1"));
	self->fd = t_open();
	self->peer = t_peer();
	ASSERT_LE(0, self->peer);
	ASSERT_EQ(0, cgroup_add(self->peer));
}

FIXTURE_TEARDOWN_PARENT(oom)
{
	EXPECT_EQ(0, t_nothing_left());
	rmdir(CGROUP "/aclipc");
}

TEST_F(oom, of_an_importer)
{
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	ASSERT_EQ(0, t_start(self->peer, fn_hog, NULL, 0));
	EXPECT_TRUE(oom_killed(self->peer));
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
}

TEST_F(oom, of_an_exporter)
{
	struct aclipc_event event;

	ASSERT_EQ(0, t_export(self->peer, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_start(self->peer, fn_hog, NULL, 0));
	EXPECT_TRUE(oom_killed(self->peer));
	EXPECT_EQ(0, t_event_wait(self->fd, &event));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	EXPECT_EQ(ACLIPC_REASON_EXIT, event.reason);
	EXPECT_EQ(0, t_close(self->fd, KEY));
}

/* Another process of its group takes the memory. */
TEST_F(oom, of_a_waiter)
{
	int hog = t_peer();

	ASSERT_LE(0, hog);
	ASSERT_EQ(0, cgroup_add(hog));
	ASSERT_EQ(0, t_export(self->peer, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_wait_start(self->peer, KEY, 600000, 1));
	ASSERT_EQ(0, t_start(hog, fn_hog, NULL, 0));
	EXPECT_TRUE(oom_killed(self->peer));
	EXPECT_TRUE(oom_killed(hog));
	EXPECT_EQ(0, t_until(t_state(self->fd, KEY) == ACLIPC_STATE_REVOKED));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
}

T_MAIN

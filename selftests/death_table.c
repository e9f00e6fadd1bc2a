// SPDX-License-Identifier: GPL-2.0
/*
 * The table of ends that order_death.c does not have: each side, in each state,
 * by a core dump, exec, closefrom(), with a leader that went first, with a
 * thread that a tracer does not reap, with another process that shares memory
 * and files; in the exit grace; and the module itself, while something settles.
 * Every cell ends empty, and who survives gets the documented answer.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/aclipc_test.h"
#include "ascend_sim.h"

#define KEY	"death_table"
#define ANYONE	ACLIPC_EXPORT_ANYONE
#define PAUSE	"DEATH_TABLE_PAUSE"
#define MODULE	"/modules/aclipc.ko"
#define LENGTH	(1 << 20)
#define GRACE_MS	10000

enum how {
	DUMPED,			/* core dump */
	EXEC_KEEPING,		/* exec, the descriptor stays open */
	EXEC_CLOEXEC,
	CLOSEFROM,
	LEADER_FIRST,		/* the first thread ends, later all */
	TRACED_ZOMBIE,		/* a thread is not reaped; a child has the file */
	SHARER,			/* another process shares memory and files */
};

/* Who else takes part; to and from the peer. */
struct cast {
	pid_t test;
	pid_t child;
	pid_t thread;
};

/* What a peer becomes by exec. */
__attribute__((constructor)) static void pause_if_told(void)
{
	if (!getenv(PAUSE))
		return;
	for (;;)
		pause();
}

static long fn_dump(int fd, void *arg)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_CORE, &unlimited);
	return kill(getpid(), SIGQUIT);
}

static long fn_exec(int fd, void *arg)
{
	char *argv[] = { "paused", NULL };
	char *envp[] = { PAUSE "=1", NULL };

	if (*(int *)arg && fcntl(fd, F_SETFD, 0))
		return -errno;
	execve("/proc/self/exe", argv, envp);
	return -errno;
}

static long fn_closefrom(int fd, void *arg)
{
	syscall(SYS_close_range, 3U, ~0U, 0);
	return pause();
}

static void *stay(void *arg)
{
	pid_t *thread = arg;

	WRITE_ONCE(*thread, syscall(SYS_gettid));
	pause();
	return NULL;
}

static pid_t second_thread(void)
{
	static pid_t tid;
	pthread_t thread;

	if (pthread_create(&thread, NULL, stay, &tid))
		return -EAGAIN;
	while (!READ_ONCE(tid))
		sched_yield();
	return tid;
}

static long fn_leader(int fd, void *arg)
{
	second_thread();
	pthread_exit(NULL);
}

/* A child that has all files, and a thread that can be traced. */
static long fn_child_and_thread(int fd, void *arg)
{
	struct cast *cast = arg;

	cast->child = fork();
	if (!cast->child) {
		prctl(PR_SET_PDEATHSIG, 0);
		while (!kill(cast->test, 0))
			poll(NULL, 0, 20);
		_exit(0);
	}
	cast->thread = second_thread();
	return 0;
}

static int sharer_main(void *arg)
{
	struct timespec nap = { 0, 20000000 };
	pid_t test = *(pid_t *)arg;

	while (!syscall(SYS_kill, test, 0))
		syscall(SYS_nanosleep, &nap, NULL);
	return 0;
}

static long fn_sharer(int fd, void *arg)
{
	static char stack[65536] __attribute__((aligned(16)));
	static pid_t test;
	struct cast *cast = arg;

	test = cast->test;
	cast->child = clone(sharer_main, stack + sizeof(stack),
			    CLONE_VM | CLONE_FILES | SIGCHLD, &test);
	return cast->child < 0 ? -errno : 0;
}

static bool in_state(pid_t pid, const char *letter)
{
	char path[64], stat[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	return t_slurp(path, stat, sizeof(stat)) > 0 && strstr(stat, letter);
}

/* Have it end.  In some ways it has to be brought to the brink before. */
static int prepare(int peer, enum how how, struct cast *cast)
{
	int ret;

	cast->test = getpid();
	switch (how) {
	case LEADER_FIRST:
		ret = t_start(peer, fn_leader, NULL, 0);
		return ret ?: t_until(in_state(t_pid(peer), ") Z "));
	case TRACED_ZOMBIE:
		ret = t_run(peer, fn_child_and_thread, cast, sizeof(*cast));
		if (ret || cast->child < 0 || cast->thread < 0)
			return ret ?: -EPROTO;
		return ptrace(PTRACE_SEIZE, cast->thread, 0, 0) ? -errno : 0;
	case SHARER:
		return t_run(peer, fn_sharer, cast, sizeof(*cast));
	default:
		return 0;
	}
}

static int end(int peer, enum how how)
{
	int keeping = how == EXEC_KEEPING, status;

	switch (how) {
	case DUMPED:
		t_start(peer, fn_dump, NULL, 0);
		status = t_gone(peer);
		return WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT ?
		       0 : -EPROTO;
	case EXEC_KEEPING:
	case EXEC_CLOEXEC:
		return t_start(peer, fn_exec, &keeping, sizeof(keeping));
	case CLOSEFROM:
		return t_start(peer, fn_closefrom, NULL, 0);
	case TRACED_ZOMBIE:
		/* as long as its thread is not reaped, nor can it be */
		return t_signal(peer, SIGKILL);
	case LEADER_FIRST:
	case SHARER:
		return t_kill(peer) == SIGKILL ? 0 : -EPROTO;
	}
	return -EINVAL;
}

static bool lives_on(enum how how)
{
	return how == EXEC_KEEPING || how == EXEC_CLOEXEC || how == CLOSEFROM;
}

static void after(int peer, enum how how, struct cast *cast)
{
	if (lives_on(how))
		t_kill(peer);
	if (how == TRACED_ZOMBIE) {
		waitpid(cast->thread, NULL, __WALL);
		t_gone(peer);
	}
	if (cast->child > 0) {
		kill(cast->child, SIGKILL);
		waitpid(cast->child, NULL, __WALL);
	}
	memset(cast, 0, sizeof(*cast));
}

static __u32 settling(int fd, const char *key)
{
	struct aclipc_query query;

	return t_query(fd, key, 0, &query) ? 0 : query.out_settling;
}

/* The sides of the table, its rows are variants and its columns the tests. */
FIXTURE(table)
{
	int fd;
	int peer;
	struct cast cast;
};

FIXTURE_VARIANT(table)
{
	enum how how;
};

FIXTURE_VARIANT_ADD(table, core_dump) { .how = DUMPED };
FIXTURE_VARIANT_ADD(table, exec_keeping_the_file) { .how = EXEC_KEEPING };
FIXTURE_VARIANT_ADD(table, exec) { .how = EXEC_CLOEXEC };
FIXTURE_VARIANT_ADD(table, closefrom) { .how = CLOSEFROM };
FIXTURE_VARIANT_ADD(table, leader_first) { .how = LEADER_FIRST };
FIXTURE_VARIANT_ADD(table, traced_zombie_thread) { .how = TRACED_ZOMBIE };
FIXTURE_VARIANT_ADD(table, sharer_of_memory_and_files) { .how = SHARER };

FIXTURE_SETUP(table)
{
	int core = open("/proc/sys/kernel/core_pattern", O_WRONLY);

	/* a core on disk is in nobody's way */
	if (core >= 0) {
		EXPECT_LT(0, write(core, "/tmp/core", 9));
		close(core);
	}
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
	self->fd = t_open();
	ASSERT_LE(0, self->fd);
	self->peer = t_peer();
	ASSERT_LE(0, self->peer);
}

FIXTURE_TEARDOWN_PARENT(table)
{
	t_set_settle(T_SETTLE_MS);
	t_set_param("exit_grace_ms", 1000);
	unlink("/tmp/core");
	EXPECT_EQ(0, t_nothing_left());
}

TEST_F(table, importing)
{
	struct aclipc_close cmd;

	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	ASSERT_EQ(0, prepare(self->peer, variant->how, &self->cast));
	ASSERT_EQ(0, t_set_settle(T_SETTLE_LOOK));
	EXPECT_EQ(-EBUSY, t_closer(self->fd, &cmd, KEY, ACLIPC_CLOSE_TRY, 0,
				   0));
	EXPECT_EQ(2, cmd.out_imports);
	EXPECT_EQ(0, cmd.out_settling);
	ASSERT_EQ(0, end(self->peer, variant->how));
	EXPECT_EQ(0, t_until(settling(self->fd, KEY) == 2));
	EXPECT_EQ(-EBUSY, t_try(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait(self->fd, KEY, T_BOUND_MS));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	after(self->peer, variant->how, &self->cast);
}

TEST_F(table, closing_deferred)
{
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	ASSERT_EQ(0, prepare(self->peer, variant->how, &self->cast));
	ASSERT_EQ(0, end(self->peer, variant->how));
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	after(self->peer, variant->how, &self->cast);
}

/* Who has closed its import ends between the exporter's BEGIN and FINISH. */
TEST_F(table, importer_while_held)
{
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	ASSERT_EQ(0, t_close(self->peer, KEY));
	ASSERT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	ASSERT_EQ(0, prepare(self->peer, variant->how, &self->cast));
	ASSERT_EQ(0, end(self->peer, variant->how));
	EXPECT_EQ(ACLIPC_STATE_HELD, t_state(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	after(self->peer, variant->how, &self->cast);
}

TEST_F(table, exporting_and_imported)
{
	struct aclipc_event event;

	ASSERT_EQ(0, t_export(self->peer, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, prepare(self->peer, variant->how, &self->cast));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, KEY));
	ASSERT_EQ(0, end(self->peer, variant->how));
	EXPECT_EQ(0, t_event_wait(self->fd, &event));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	EXPECT_EQ(lives_on(variant->how) ? ACLIPC_REASON_SESSION :
					   ACLIPC_REASON_EXIT, event.reason);
	EXPECT_EQ(-EOWNERDEAD, t_import(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(-ENOENT, t_close(self->fd, KEY));
	if (!lives_on(variant->how))
		EXPECT_EQ(0, t_until(t_import(self->fd, KEY) == -ENOENT));
	after(self->peer, variant->how, &self->cast);
	EXPECT_EQ(0, t_until(t_import(self->fd, KEY) == -ENOENT));
}

TEST_F(table, exporter_that_defers)
{
	ASSERT_EQ(0, t_export(self->peer, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->peer, KEY));
	ASSERT_EQ(0, prepare(self->peer, variant->how, &self->cast));
	ASSERT_EQ(ACLIPC_EVENT_CLOSING, t_event_type(self->fd, KEY));
	ASSERT_EQ(0, end(self->peer, variant->how));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	after(self->peer, variant->how, &self->cast);
	EXPECT_EQ(0, t_until(t_import(self->fd, KEY) == -ENOENT));
}

/* It does the real destroy just now: may be done, may be not. */
TEST_F(table, exporter_between_begin_and_finish)
{
	ASSERT_EQ(0, t_export(self->peer, KEY, ANYONE));
	ASSERT_EQ(ACLIPC_ANSWER_HELD, t_try(self->peer, KEY));
	ASSERT_EQ(0, prepare(self->peer, variant->how, &self->cast));
	EXPECT_EQ(-ESHUTDOWN, t_import(self->fd, KEY));
	ASSERT_EQ(0, end(self->peer, variant->how));
	EXPECT_EQ(0, t_until(t_import(self->fd, KEY) != -ESHUTDOWN));
	after(self->peer, variant->how, &self->cast);
	EXPECT_EQ(0, t_until(t_import(self->fd, KEY) == -ENOENT));
	EXPECT_EQ(0, t_export(self->fd, KEY, ANYONE));
}

/* It ends while the import that it waits for settles. */
TEST_F(table, exporter_while_its_importer_settles)
{
	int importer = t_peer();

	ASSERT_LE(0, importer);
	ASSERT_EQ(0, t_export(self->peer, KEY, ANYONE));
	ASSERT_EQ(0, t_import(importer, KEY));
	ASSERT_EQ(0, prepare(self->peer, variant->how, &self->cast));
	ASSERT_EQ(0, t_set_settle(T_SETTLE_LOOK));
	EXPECT_EQ(SIGKILL, t_kill(importer));
	ASSERT_EQ(0, t_until(settling(self->fd, KEY) == 1));
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	ASSERT_EQ(0, end(self->peer, variant->how));
	EXPECT_EQ(0, t_until(t_state(self->fd, KEY) != ACLIPC_STATE_LIVE));
	after(self->peer, variant->how, &self->cast);
	EXPECT_EQ(0, t_until(t_import(self->fd, KEY) == -ENOENT));
}

/* A process whose descriptor is closed, with imports that settle, ends. */
TEST_F(table, importer_that_settles_already)
{
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	ASSERT_EQ(0, t_set_settle(T_SETTLE_LOOK));
	ASSERT_EQ(0, t_close_fd(self->peer));
	ASSERT_EQ(0, t_until(settling(self->fd, KEY) == 1));
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	ASSERT_EQ(0, prepare(self->peer, variant->how, &self->cast));
	ASSERT_EQ(0, end(self->peer, variant->how == EXEC_KEEPING ?
			 EXEC_CLOEXEC : variant->how));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait(self->fd, KEY, T_BOUND_MS));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	after(self->peer, variant->how, &self->cast);
}

static int sim_fd = -1;

/* The peer's memory, at an address that it reserved; watched by the driver. */
static long fn_export_memory(int fd, void *arg)
{
	struct ascend_sim_arg sim = { .len = LENGTH };
	struct aclipc_export cmd;
	int ret;

	sim_fd = open(ASCEND_SIM_DEV, O_RDWR | O_CLOEXEC);
	sim.va = (uintptr_t)mmap(NULL, LENGTH, PROT_NONE, MAP_PRIVATE |
				 MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ioctl(sim_fd, ASCEND_SIM_DEV_OPEN, &sim) ||
	    ioctl(sim_fd, ASCEND_SIM_ALLOC, &sim))
		return -errno;
	ret = t_export_at(fd, KEY, ANYONE, sim.va, LENGTH, &cmd);
	return ret ?: !cmd.out_watched;
}

static unsigned int watches(void)
{
	struct t_counts counts;

	return t_counts(&counts) ? 9999 : counts.watches;
}

/*
 * The exporter is in its exit grace, for an importer that ends now: that ends
 * the grace, which is far longer than this takes.
 */
TEST_F(table, importer_for_which_an_exit_is_delayed)
{
	int exporter = t_peer();
	struct timespec t0, t1;

	if (access(ASCEND_SIM_DEV, F_OK))
		SKIP(return, "no ascend_sim");
	ASSERT_LE(0, exporter);
	ASSERT_EQ(0, t_set_param("exit_grace_ms", GRACE_MS));
	ASSERT_EQ(0, t_run(exporter, fn_export_memory, NULL, 0));
	ASSERT_EQ(0, t_listen(self->peer));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	ASSERT_EQ(0, prepare(self->peer, variant->how, &self->cast));
	clock_gettime(CLOCK_MONOTONIC, &t0);
	ASSERT_EQ(0, t_signal(exporter, SIGKILL));
	ASSERT_EQ(0, t_until(t_state(self->fd, KEY) < 0 ||
			     t_state(self->fd, KEY) == ACLIPC_STATE_REVOKED));
	ASSERT_EQ(0, end(self->peer, variant->how));
	EXPECT_EQ(SIGKILL, t_gone(exporter));
	EXPECT_EQ(0, t_until(watches() == 0));
	clock_gettime(CLOCK_MONOTONIC, &t1);
	EXPECT_GT(GRACE_MS / 1000 - 1, t1.tv_sec - t0.tv_sec);
	after(self->peer, variant->how, &self->cast);
}

/* The other way round: the way in which an exporter comes to its grace. */
TEST_F(table, exporter_with_an_importer_that_closes_in_the_grace)
{
	bool dies = !lives_on(variant->how) && variant->how != DUMPED &&
		    variant->how != SHARER && variant->how != LEADER_FIRST;
	struct aclipc_event event;

	if (access(ASCEND_SIM_DEV, F_OK))
		SKIP(return, "no ascend_sim");
	/* end() reaps some: then the close has to come from the side */
	ASSERT_EQ(0, t_set_param("exit_grace_ms", dies ? GRACE_MS : 200));
	ASSERT_EQ(0, t_run(self->peer, fn_export_memory, NULL, 0));
	ASSERT_EQ(0, t_listen(self->fd));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, prepare(self->peer, variant->how, &self->cast));
	ASSERT_EQ(0, end(self->peer, variant->how));
	/* the driver calls back first for who lives on, as after an exec */
	do {
		ASSERT_EQ(0, t_event_wait(self->fd, &event));
	} while (event.type == ACLIPC_EVENT_DRIVER);
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	EXPECT_EQ(0, t_close(self->fd, KEY));
	after(self->peer, variant->how, &self->cast);
	EXPECT_EQ(0, t_until(watches() == 0));
}

/* After exec the new program has no part in it, though it has the file. */
TEST(of_the_old_program_only)
{
	int fd, peer, keeping = 1, copy;

	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	fd = t_open();
	ASSERT_LE(0, fd);
	peer = t_peer();
	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(peer, KEY));
	copy = t_take_fd(peer);
	ASSERT_LE(0, copy);
	ASSERT_EQ(0, t_start(peer, fn_exec, &keeping, sizeof(keeping)));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait(fd, KEY, T_BOUND_MS));
	/* the session is dead, whoever has its file */
	struct pollfd pfd = { .fd = copy, .events = POLLIN };

	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_TRUE(pfd.revents & POLLHUP);
	EXPECT_EQ(-EPERM, t_import(copy, KEY));
	EXPECT_EQ(0, t_finish(fd, KEY));
	EXPECT_EQ(SIGKILL, t_kill(peer));
	close(copy);
	close(fd);
	EXPECT_EQ(0, t_nothing_left());
}

FIXTURE(module)
{
	int peers[3];
};

FIXTURE_SETUP(module)
{
	int i;

	if (access(MODULE, R_OK))
		SKIP(return, "no " MODULE);
	ASSERT_EQ(0, t_nothing_left());
	ASSERT_EQ(0, t_set_settle(600000));
	for (i = 0; i < 3; i++) {
		self->peers[i] = t_peer();
		ASSERT_LE(0, self->peers[i]);
	}
	ASSERT_EQ(0, t_export(self->peers[0], KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->peers[1], KEY));
	ASSERT_EQ(0, t_import(self->peers[2], KEY));
}

FIXTURE_TEARDOWN(module)
{
}

static bool nothing_counted(void)
{
	struct t_counts c;

	return !t_counts(&c) && !c.owners && !c.sessions && !c.shares &&
	       !c.imports && !c.settling && !c.watches && !c.tombstones;
}

/* Field case 98: files hold it; what settles does not, for ten minutes. */
TEST_F(module, unloads_while_imports_settle)
{
	struct t_counts c;

	EXPECT_EQ(SIGKILL, t_kill(self->peers[1]));
	EXPECT_EQ(-EAGAIN, t_unload("aclipc"));
	EXPECT_EQ(SIGKILL, t_kill(self->peers[0]));
	EXPECT_EQ(-EAGAIN, t_unload("aclipc"));
	EXPECT_EQ(SIGKILL, t_kill(self->peers[2]));
	ASSERT_EQ(0, t_until(!t_counts(&c) && c.settling == 2));
	ASSERT_EQ(0, t_until(!t_unload("aclipc")));
	EXPECT_NE(0, access("/sys/module/aclipc", F_OK));
	EXPECT_EQ(-ENOENT, t_open());
	ASSERT_EQ(0, t_load("aclipc", ""));
	EXPECT_TRUE(nothing_counted());
}

/* Imports of living processes settle: their descriptors are closed. */
TEST_F(module, unloads_while_the_processes_live)
{
	int i, fd;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, t_close_fd(self->peers[i]));
	ASSERT_EQ(0, t_until(!t_unload("aclipc")));
	/* the exits of those that it listened to are nobody's now */
	EXPECT_EQ(SIGKILL, t_kill(self->peers[0]));
	ASSERT_EQ(0, t_load("aclipc", ""));
	EXPECT_EQ(SIGKILL, t_kill(self->peers[1]));
	EXPECT_TRUE(nothing_counted());
	fd = t_open();
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENOENT, t_import(fd, KEY));
	EXPECT_EQ(0, t_export(fd, KEY, ANYONE));
	EXPECT_EQ(-EAGAIN, t_unload("aclipc"));
	close(fd);
}

T_MAIN

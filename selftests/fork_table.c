// SPDX-License-Identifier: GPL-2.0
/*
 * Children, through the library: a child owns nothing of its parent's, can have
 * a session of its own, and its end, destructors included, changes nothing for
 * the parent.  After exec no descriptor is left.  A parent that is killed while
 * its children live is cleaned up all the same.
 *
 * Peer 0 exports key 0 and imports key 1; peer 1, the parent, the other way
 * round.
 */
#include <dirent.h>
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>

#include "lib_test.h"
#include "common/aclipc_test.h"

#define TOLD		"FORK_TABLE"
#define GRACE_MS	10000

extern char **environ;

/* How many descriptors of aclipc and of the driver this process has. */
static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char link[256];
	int nr = 0;
	ssize_t len;

	while (dir && (entry = readdir(dir))) {
		len = readlinkat(dirfd(dir), entry->d_name, link,
				 sizeof(link) - 1);
		if (len < 0)
			continue;
		link[len] = '\0';
		nr += !strcmp(link, ACLIPC_DEVICE) ||
		      !strcmp(link, "/dev/ascend_sim");
	}
	if (dir)
		closedir(dir);
	return dir ? nr : 99;
}

/* What a child becomes by exec. */
__attribute__((constructor)) static void do_as_told(void)
{
	const char *told = getenv(TOLD);

	if (!told)
		return;
	if (!strcmp(told, "count"))
		_exit(count_fds());
	for (;;)
		pause();
}

static int my_fd(void)
{
	char path[64], link[256];
	ssize_t len;
	int fd;

	for (fd = 1023; fd > 2; fd--) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, link, sizeof(link) - 1);
		if (len < 0)
			continue;
		link[len] = '\0';
		if (!strcmp(link, ACLIPC_DEVICE))
			return fd;
	}
	return -1;
}

static long status_of(pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

/* The child's part in a fork; the result is its exit status. */
static long child_exit(struct peer_state *s, long a)
{
	exit(0);
}

static long child__exit(struct peer_state *s, long a)
{
	_exit(0);
}

/* All that a parent can do to its own, and none may take effect. */
static long child_closes(struct peer_state *s, long a)
{
	aclrtIpcMemClose(s->board->key[0]);
	aclrtIpcMemClose(s->board->key[1]);
	aclrtFree(s->slot[1]);
	exit(0);
}

/* A descriptor that is inherited is good for nothing. */
static long child_uses_the_file(struct peer_state *s, long a)
{
	int fd = my_fd();

	if (fd < 0)
		_exit(1);
	if (t_import(fd, s->board->key[0]) != -EPERM)
		_exit(2);
	if (t_close(fd, s->board->key[0]) != -EPERM)
		_exit(3);
	if (t_defer(fd, s->board->key[1]) != -EPERM)
		_exit(4);
	if (t_revoke(fd, s->board->key[1], 0, 0) != -EPERM)
		_exit(5);
	_exit(0);
}

/* A session of its own counts for itself. */
static long child_opens(struct peer_state *s, long a)
{
	struct aclipc_query query;
	struct aclipc *session;
	struct aclipc_key key;
	int fd;

	if (LIB(aclipc_key_from_string)(&key, s->board->key[0], 64) ||
	    LIB(aclipc_session_open)(&session))
		_exit(1);
	fd = LIB(aclipc_fd)(session);
	if (t_import(fd, s->board->key[0]))
		_exit(2);
	if (t_query(fd, s->board->key[0], 0, &query) ||
	    query.out_imports != 2 || query.out_my_imports != 1)
		_exit(3);
	if (t_close(fd, s->board->key[0]) ||
	    t_close(fd, s->board->key[0]) != -ENOENT)
		_exit(4);
	exit(0);
}

typedef long (*child_fn)(struct peer_state *s, long a);

static long do_fork(struct peer_state *s, long a, long b)
{
	pid_t pid = fork();

	if (!pid)
		_exit(200 + ((child_fn)a)(s, b));
	return status_of(pid);
}

static long do_clone_files(struct peer_state *s, long a, long b)
{
	pid_t pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);

	if (!pid)
		_exit(200 + ((child_fn)a)(s, b));
	return status_of(pid);
}

static long do_vfork(struct peer_state *s, long a, long b)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	return status_of(pid);
}

static long do_vfork_close(struct peer_state *s, long a, long b)
{
	pid_t pid = vfork();

	if (!pid) {
		aclrtIpcMemClose(s->board->key[0]);
		_exit(0);
	}
	return status_of(pid);
}

static long do_vfork_exec(struct peer_state *s, long a, long b)
{
	char *argv[] = { "child", NULL };
	pid_t pid;

	setenv(TOLD, "count", 1);
	pid = vfork();
	if (!pid) {
		execve("/proc/self/exe", argv, environ);
		_exit(99);
	}
	unsetenv(TOLD);
	return status_of(pid);
}

static long do_fork_exec(struct peer_state *s, long a, long b)
{
	char *argv[] = { "child", NULL };
	pid_t pid = fork();

	if (!pid) {
		setenv(TOLD, "count", 1);
		execve("/proc/self/exe", argv, environ);
		_exit(99);
	}
	return status_of(pid);
}

static long do_spawn(struct peer_state *s, long a, long b)
{
	char *argv[] = { "child", NULL };
	pid_t pid;
	int ret;

	setenv(TOLD, "count", 1);
	ret = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
	unsetenv(TOLD);
	return ret ? 98 : status_of(pid);
}

static long do_system(struct peer_state *s, long a, long b)
{
	int status = system("exit 3");

	return WIFEXITED(status) ? WEXITSTATUS(status) - 3 : -1;
}

/* A child that stays, with all files; its pid. */
static long do_fork_and_stay(struct peer_state *s, long a, long b)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, 0);
		while (!kill((pid_t)a, 0))
			poll(NULL, 0, 20);
		_exit(0);
	}
	return pid;
}

static long do_exec(struct peer_state *s, long a, long b)
{
	char *argv[] = { "after", NULL };

	setenv(TOLD, "pause", 1);
	execve("/proc/self/exe", argv, environ);
	return -errno;
}

LIB_FIXTURE(table)

#define BOTH() do {							\
	ASSERT_EQ(0, P(0, do_malloc, 0, BIG));				\
	ASSERT_EQ(0, P(0, do_fill, 0, 7));				\
	ASSERT_EQ(0, P(0, do_export_any, 0, KEY(0, BIG)));		\
	ASSERT_EQ(0, P(1, do_import, 0, 0));				\
	ASSERT_EQ(0, P(1, do_malloc, 1, BIG));				\
	ASSERT_EQ(0, P(1, do_fill, 1, 8));				\
	ASSERT_EQ(0, P(1, do_export_any, 1, KEY(1, BIG)));		\
	ASSERT_EQ(0, P(0, do_import, 1, 1));				\
	unchanged(_metadata, self);					\
} while (0)

#define unchanged(m, s)	check_unchanged(m, (s)->board, (s)->p)

/* The parent owns what it owned, and it is as it was. */
static void check_unchanged(struct __test_metadata *_metadata,
			    struct sim_board *board, struct peer *p)
{
	struct aclipc_query query;
	int fd = t_open(), key;

	EXPECT_LE(0, fd);
	for (key = 0; key < 2; key++) {
		EXPECT_EQ(0, t_query(fd, board->key[key], 0, &query));
		EXPECT_EQ(ACLIPC_STATE_LIVE, query.out_state);
		EXPECT_EQ(1, query.out_imports);
		EXPECT_EQ(0, query.out_settling);
		EXPECT_EQ(0, query.out_waiters);
	}
	EXPECT_EQ(7, peer_call(&p[1], do_read, 0, 0));
	EXPECT_EQ(8, peer_call(&p[0], do_read, 1, 0));
	EXPECT_EQ(0, DESTROYS());
	EXPECT_EQ(0, FREES());
	close(fd);
}

/* And can be closed, by both, in order. */
static void check_closable(struct __test_metadata *_metadata, struct peer *p)
{
	EXPECT_EQ(0, peer_call(&p[0], do_close, 1, 0));
	EXPECT_EQ(0, peer_call(&p[1], do_close, 1, 0));
	EXPECT_EQ(0, peer_call(&p[1], do_free, 1, 0));
	EXPECT_EQ(0, peer_call(&p[1], do_close, 0, 0));
	EXPECT_EQ(0, peer_call(&p[0], do_close, 0, 0));
	EXPECT_EQ(0, peer_call(&p[0], do_free, 0, 0));
	EXPECT_EQ(2, DESTROYS());
	EXPECT_EQ(2, FREES());
	EXPECT_EQ(ACL_DRV, peer_call(&p[1], do_close, 0, 0));
}

#define ROW(name, call, x) TEST_F(table, name)				\
{									\
	int i;								\
									\
	BOTH();								\
	for (i = 0; i < 3; i++) {					\
		EXPECT_EQ(0, P(1, call, (long)(x), 0));			\
		unchanged(_metadata, self);				\
	}								\
	check_closable(_metadata, self->p);				\
}

/* Field cases 86, 87, 88, 90. */
ROW(fork_and_exit_with_destructors, do_fork, child_exit)
ROW(fork_and__exit, do_fork, child__exit)
ROW(fork_and_close_what_is_the_parents, do_fork, child_closes)
ROW(fork_and_use_the_descriptor, do_fork, child_uses_the_file)
ROW(fork_and_open_a_session, do_fork, child_opens)
ROW(fork_and_exec, do_fork_exec, 0)
ROW(vfork_and__exit, do_vfork, 0)
ROW(vfork_and_close_what_is_the_parents, do_vfork_close, 0)
ROW(vfork_and_exec, do_vfork_exec, 0)
ROW(posix_spawn_, do_spawn, 0)
ROW(system_, do_system, 0)
ROW(clone_files_and_exit, do_clone_files, child_exit)
ROW(clone_files_and_use_the_descriptor, do_clone_files, child_uses_the_file)

/* The deferral's thread is the parent's; a child does not wait for it. */
TEST_F(table, fork_while_a_close_is_deferred)
{
	BOTH();
	ASSERT_EQ(0, P(1, do_close, 1, 0));
	ASSERT_EQ(0, P(1, do_free, 1, 0));
	EXPECT_EQ(1, P(1, do_pending, 0, 0));
	EXPECT_EQ(0, P(1, do_fork, (long)child_exit, 0));
	EXPECT_EQ(0, P(1, do_fork, (long)child__exit, 0));
	EXPECT_EQ(0, P(1, do_vfork, 0, 0));
	EXPECT_EQ(0, P(1, do_spawn, 0, 0));
	EXPECT_EQ(1, P(1, do_pending, 0, 0));
	EXPECT_EQ(0, DESTROYS());
	EXPECT_EQ(8, P(0, do_read, 1, 0));
	EXPECT_EQ(0, P(0, do_close, 1, 0));
	EXPECT_TRUE(lib_until(!P(1, do_pending, 0, 0)));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(1, FREES());
	EXPECT_EQ(0, P(1, do_close, 0, 0));
}

static bool gone(int fd, const char *key)
{
	struct aclipc_query query;

	return t_query(fd, key, 0, &query) == -ENOENT;
}

/* Field case 80: what the child holds keeps nothing of the parent's counted. */
TEST_F(table, parent_killed_while_its_child_lives)
{
	struct aclipc_query query;
	int fd = t_open();
	pid_t child;

	BOTH();
	ASSERT_EQ(0, lib_param("exit_grace_ms", GRACE_MS));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	child = P(1, do_fork_and_stay, getpid(), 0);
	ASSERT_LT(0, child);
	kill(self->p[1].pid, SIGKILL);
	EXPECT_EQ(0, t_until(t_state(fd, self->board->key[1]) ==
			     ACLIPC_STATE_REVOKED));
	/* told in time: the memory goes after it */
	EXPECT_EQ(0, P(0, do_close, 1, 0));
	EXPECT_EQ(SIGKILL, peer_kill(&self->p[1]));
	EXPECT_EQ(0, t_until(!t_query(fd, self->board->key[0], 0, &query) &&
			     !query.out_imports));
	EXPECT_EQ(0, t_until(gone(fd, self->board->key[1])));
	EXPECT_EQ(0, kill(child, 0));
	/* the driver itself cleans up only when the child has let go */
	kill(child, SIGKILL);
	EXPECT_EQ(child, waitpid(child, NULL, 0));
	EXPECT_LE(1, sim_wait_count("procs", 1, 15000) + 1);
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, DESTROYS());
	lib_param("exit_grace_ms", 1000);
	close(fd);
}

/* Field case 72. */
TEST_F(table, exec_of_the_parent_itself)
{
	struct aclipc_query query;
	char path[64], link[256];
	int fd = t_open(), i;
	ssize_t len;

	BOTH();
	/* exec does not wait: the memory would go under the importer */
	EXPECT_EQ(0, P(0, do_close, 1, 0));
	ASSERT_EQ(0, peer_send(&self->p[1], do_exec, 0, 0));
	EXPECT_EQ(0, t_until(t_state(fd, self->board->key[1]) ==
			     ACLIPC_STATE_REVOKED));
	EXPECT_EQ(0, t_until(!t_query(fd, self->board->key[0], 0, &query) &&
			     !query.out_imports));
	for (i = 0; i < 1024; i++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d",
			 self->p[1].pid, i);
		len = readlink(path, link, sizeof(link) - 1);
		if (len < 0)
			continue;
		link[len] = '\0';
		EXPECT_NE(0, strcmp(link, ACLIPC_DEVICE));
	}
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	close(fd);
}

LIB_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * Who may do what: descriptors that were inherited or passed on, lists of
 * importers, what outsiders learn.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/aclipc_test.h"

#define KEY	"ioctl_access"
#define ANYONE	ACLIPC_EXPORT_ANYONE

T_FIXTURE(access);

/* Every call that changes something, and read(). */
static int try_all(int fd, int err)
{
	struct aclipc_event event;
	struct aclipc_close cmd;
	__s32 pid = getpid();
	__u32 op;

	if (t_export(fd, "access_new", 0) != -err)
		return 1;
	if (t_allow(fd, KEY, ACLIPC_ALLOW_ANYONE, &pid, 1) != -err)
		return 2;
	if (t_import(fd, KEY) != -err)
		return 3;
	if (t_revoke(fd, KEY, 0, 0) != -err)
		return 4;
	if (t_revoke(fd, KEY, ACLIPC_REVOKE_GONE, 0) != -err)
		return 5;
	if (read(fd, &event, sizeof(event)) >= 0 || errno != err)
		return 6;
	for (op = ACLIPC_CLOSE_IMPORT; op <= ACLIPC_CLOSE_ABORT; op++)
		if (t_closer(fd, &cmd, KEY, op, 0, 0) != -err)
			return 10 + op;
	/* arguments are not even looked at */
	if (t_ioctl(fd, ACLIPC_EXPORT, NULL) != -err)
		return 20;
	return 0;
}

/* Calls that only ask. */
static int ask_all(int fd)
{
	struct aclipc_query query;
	struct aclipc_info info;

	if (t_info(fd, &info))
		return 30;
	if (t_query(fd, KEY, 0, &query) || query.out_my_imports != 1)
		return 31;
	if (t_holders(fd, KEY, NULL, 0) != 1)
		return 32;
	return 0;
}

static int exit_status(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

/* Field cases 11, 72, 86: a forked child has the file, not the session. */
TEST_F(access, forked_child_can_only_ask)
{
	struct aclipc_query before, after;
	pid_t pid;

	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_query(self->fd, KEY, 0, &before));
	pid = fork();
	if (!pid)
		_exit(try_all(self->fd, EPERM) ?: ask_all(self->fd));
	EXPECT_EQ(0, exit_status(pid));
	ASSERT_EQ(0, t_query(self->fd, KEY, 0, &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(after)));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
}

/* clone(CLONE_VM | CLONE_FILES) without CLONE_THREAD: shares all but identity */
static int clone_main(void *arg)
{
	return try_all(*(int *)arg, EPERM);
}

TEST_F(access, child_that_shares_memory_and_files_is_no_thread)
{
	char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	ASSERT_NE(MAP_FAILED, stack);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	pid = clone(clone_main, stack + 65536,
		    CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD, &self->fd);
	ASSERT_LT(0, pid);
	EXPECT_EQ(0, exit_status(pid));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, KEY));
}

TEST_F(access, receiver_of_the_descriptor_can_only_ask)
{
	int sv[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv));
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	pid = fork();
	if (!pid) {
		int fd;

		close(self->fd);
		fd = t_recv_fd(sv[1]);
		if (fd < 0)
			_exit(99);
		_exit(try_all(fd, EPERM) ?: ask_all(fd));
	}
	EXPECT_EQ(0, t_send_fd(sv[0], self->fd));
	EXPECT_EQ(0, exit_status(pid));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, KEY));
}

/* The other way: whoever opened it keeps it, also if it came back. */
TEST_F(access, descriptor_that_came_back_is_the_openers)
{
	int sv[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv));
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	ASSERT_EQ(0, t_send_fd(sv[0], self->fd));
	ASSERT_EQ(0, close(self->fd));
	fd = t_recv_fd(sv[1]);
	ASSERT_LE(0, fd);
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(fd, KEY));
	EXPECT_EQ(0, t_finish(fd, KEY));
}

TEST_F(access, foreign_key_is_not_closed_by_others)
{
	int peer = t_peer();
	struct aclipc_close cmd;
	__u32 op;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(peer, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	for (op = ACLIPC_CLOSE_TRY; op <= ACLIPC_CLOSE_ABORT; op++)
		EXPECT_EQ(-EPERM, t_closer(self->fd, &cmd, KEY, op, 0, 0));
	EXPECT_EQ(-EPERM, t_allow(self->fd, KEY, 0, NULL, 0));
	EXPECT_EQ(-EPERM, t_allow(self->fd, KEY, ACLIPC_ALLOW_ANYONE, NULL, 0));
	EXPECT_EQ(-EEXIST, t_export(self->fd, KEY, 0));
	/* an administrator may revoke, but does not know what the driver knows */
	EXPECT_EQ(-EPERM, t_revoke(self->fd, KEY, ACLIPC_REVOKE_GONE, 0));
	EXPECT_EQ(-EPERM, t_revoke(self->fd, KEY, 0, ACLIPC_REASON_FREED));
	EXPECT_EQ(-EPERM, t_revoke(self->fd, KEY, 0, ACLIPC_REASON_DEVICE));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(peer, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
}

static long fn_drop_uid(int fd, void *arg)
{
	return setresuid(65534, 65534, 65534) ? -errno : 0;
}

static int unprivileged(void)
{
	int peer = t_peer();

	return peer < 0 ? peer : (int)t_run(peer, fn_drop_uid, NULL, 0) ?: peer;
}

/* Field case 75. */
TEST_F(access, outsider_without_privilege_sees_and_does_nothing)
{
	int peer = unprivileged();
	struct aclipc_query query;
	struct aclipc_close cmd;
	__u32 op;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	EXPECT_EQ(-ENOENT, t_query(peer, KEY, 0, &query));
	EXPECT_EQ(-ENOENT, t_holders(peer, KEY, NULL, 0));
	EXPECT_EQ(-EACCES, t_import(peer, KEY));
	EXPECT_EQ(-EPERM, t_revoke(peer, KEY, 0, 0));
	EXPECT_EQ(-EPERM, t_revoke(peer, KEY, ACLIPC_REVOKE_GONE, 0));
	EXPECT_EQ(-EPERM, t_allow(peer, KEY, ACLIPC_ALLOW_ANYONE, NULL, 0));
	for (op = ACLIPC_CLOSE_TRY; op <= ACLIPC_CLOSE_ABORT; op++)
		EXPECT_EQ(-EPERM, t_closer(peer, &cmd, KEY, op, 0, 0));
	EXPECT_EQ(-ENOENT, t_close(peer, KEY));
	EXPECT_EQ(-ENOENT, t_query(peer, "access_never", 0, &query));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, KEY));
}

TEST_F(access, importer_without_privilege_may_ask)
{
	int peer = unprivileged();
	__s32 pid = t_pid(peer);
	struct aclipc_query query;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	ASSERT_EQ(1, t_allow(self->fd, KEY, 0, &pid, 1));
	/* it may import, so it may ask */
	EXPECT_EQ(0, t_query(peer, KEY, 0, &query));
	EXPECT_EQ(0, query.out_my_imports);
	EXPECT_EQ(0, query.out_flags & ACLIPC_QUERY_OWNER);
	EXPECT_EQ(0, t_holders(peer, KEY, NULL, 0));
	EXPECT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(1, t_holders(peer, KEY, NULL, 0));
	EXPECT_EQ(-EPERM, t_revoke(peer, KEY, 0, 0));
	EXPECT_EQ(0, t_close(peer, KEY));
}

TEST_F(access, administrator_may_ask_and_revoke)
{
	struct aclipc_query query;
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(peer, KEY, 0));
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
	EXPECT_EQ(0, query.out_flags);
	EXPECT_EQ(-EACCES, t_import(self->fd, KEY));
	EXPECT_EQ(0, t_revoke(self->fd, KEY, 0, ACLIPC_REASON_FORCED));
	EXPECT_EQ(0, t_query(peer, KEY, 0, &query));
	EXPECT_EQ(ACLIPC_STATE_REVOKED, query.out_state);
	EXPECT_EQ(ACLIPC_REASON_FORCED, query.out_reason);
	EXPECT_EQ(ACLIPC_QUERY_OWNER, query.out_flags);
}

TEST_F(access, list_decides_who_imports)
{
	int one = t_peer(), two = t_peer();
	__s32 pid;

	ASSERT_LE(0, one);
	ASSERT_LE(0, two);
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	EXPECT_EQ(-EACCES, t_import(one, KEY));
	EXPECT_EQ(-EACCES, t_import(two, KEY));
	pid = t_pid(one);
	EXPECT_EQ(1, t_allow(self->fd, KEY, 0, &pid, 1));
	EXPECT_EQ(0, t_import(one, KEY));
	EXPECT_EQ(-EACCES, t_import(two, KEY));
	/* lists grow */
	pid = t_pid(two);
	EXPECT_EQ(1, t_allow(self->fd, KEY, 0, &pid, 1));
	EXPECT_EQ(0, t_import(one, KEY));
	EXPECT_EQ(0, t_import(two, KEY));
}

TEST_F(access, anyone_is_everybody_from_then_on)
{
	struct aclipc_query query;
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	EXPECT_EQ(-EACCES, t_import(peer, KEY));
	EXPECT_EQ(0, t_allow(self->fd, KEY, ACLIPC_ALLOW_ANYONE, NULL, 0));
	EXPECT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
	EXPECT_TRUE(query.out_flags & ACLIPC_QUERY_ANYONE);
	EXPECT_FALSE(query.out_flags & ACLIPC_QUERY_REMOTE);
	EXPECT_EQ(0, t_allow(self->fd, KEY, ACLIPC_ALLOW_REMOTE, NULL, 0));
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
	EXPECT_TRUE(query.out_flags & ACLIPC_QUERY_ANYONE);
	EXPECT_TRUE(query.out_flags & ACLIPC_QUERY_REMOTE);
}

/* Importers elsewhere are possible, but that lets nobody in here. */
TEST_F(access, remote_is_not_anyone)
{
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	EXPECT_EQ(0, t_allow(self->fd, KEY, ACLIPC_ALLOW_REMOTE, NULL, 0));
	EXPECT_EQ(-EACCES, t_import(peer, KEY));
}

TEST_F(access, exporter_is_always_allowed)
{
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	EXPECT_EQ(0, t_import(self->fd, KEY));
}

TEST_F(access, list_skips_zero_itself_and_nobody)
{
	int peer = t_peer(), dead = t_peer();
	__s32 pids[8];

	ASSERT_LE(0, peer);
	ASSERT_LE(0, dead);
	pids[0] = 0;
	pids[1] = getpid();
	pids[2] = t_pid(peer);
	pids[3] = t_pid(dead);
	pids[4] = INT32_MAX;
	pids[5] = t_pid(peer);
	ASSERT_EQ(SIGKILL, t_kill(dead));
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	EXPECT_EQ(0, t_allow(self->fd, KEY, 0, pids, 2));
	EXPECT_EQ(0, t_allow(self->fd, KEY, 0, pids + 3, 2));
	/* named twice, and there before */
	EXPECT_EQ(2, t_allow(self->fd, KEY, 0, pids, 6));
	EXPECT_EQ(1, t_allow(self->fd, KEY, 0, pids + 2, 1));
	EXPECT_EQ(0, t_import(peer, KEY));
}

TEST_F(access, negative_pid_refuses_the_whole_call)
{
	int peer = t_peer();
	__s32 pids[2] = { t_pid(peer), -1 };

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	EXPECT_EQ(-EINVAL, t_allow(self->fd, KEY, ACLIPC_ALLOW_ANYONE, pids,
				   2));
	EXPECT_EQ(-EACCES, t_import(peer, KEY));
}

struct tids {
	pthread_t thread;
	int pipe[2];
	pid_t tid;
};

static void *thread_main(void *arg)
{
	struct tids *tids = arg;

	tids->tid = syscall(SYS_gettid);
	if (write(tids->pipe[1], "x", 1) == 1)
		pause();
	return NULL;
}

static long fn_thread(int fd, void *arg)
{
	static struct tids tids;
	char byte;

	if (pipe(tids.pipe) ||
	    pthread_create(&tids.thread, NULL, thread_main, &tids) ||
	    read(tids.pipe[0], &byte, 1) != 1)
		return -errno;
	return tids.tid;
}

TEST_F(access, thread_id_is_no_process)
{
	int peer = t_peer();
	__s32 tid;

	ASSERT_LE(0, peer);
	tid = t_run(peer, fn_thread, NULL, 0);
	ASSERT_LT(0, tid);
	ASSERT_NE(t_pid(peer), tid);
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	EXPECT_EQ(0, t_allow(self->fd, KEY, 0, &tid, 1));
	EXPECT_EQ(-EACCES, t_import(peer, KEY));
}

struct thread_call {
	pthread_t thread;
	int fd;
	int ret;
};

static void *thread_import(void *arg)
{
	struct thread_call *call = arg;

	call->ret = t_import(call->fd, KEY);
	return NULL;
}

static long fn_thread_import(int fd, void *arg)
{
	struct thread_call call = { .fd = fd };

	if (pthread_create(&call.thread, NULL, thread_import, &call))
		return -EAGAIN;
	pthread_join(call.thread, NULL);
	return call.ret;
}

/* Thread exit is not death. */
TEST_F(access, every_thread_of_the_process_is_the_owner)
{
	int peer = t_peer();
	__s32 pid = t_pid(peer);

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	ASSERT_EQ(1, t_allow(self->fd, KEY, 0, &pid, 1));
	EXPECT_EQ(0, t_run(peer, fn_thread_import, NULL, 0));
	EXPECT_EQ(-EBUSY, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_close(peer, KEY));
}

TEST_F(access, list_of_4096)
{
	struct aclipc_allow cmd = { .size = sizeof(cmd) };
	__s32 *pids = calloc(ACLIPC_ALLOW_MAX, sizeof(*pids));
	int peer = t_peer(), i;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	for (i = 0; i < ACLIPC_ALLOW_MAX; i++)
		pids[i] = t_pid(peer);
	t_key(cmd.key, KEY);
	cmd.pids = (uintptr_t)pids;
	cmd.nr_pids = ACLIPC_ALLOW_MAX;
	EXPECT_EQ(0, t_ioctl(self->fd, ACLIPC_ALLOW, &cmd));
	EXPECT_EQ(ACLIPC_ALLOW_MAX, cmd.out_added);
	EXPECT_EQ(0, t_import(peer, KEY));
	/* all that exist: it does not matter how many */
	for (i = 0; i < ACLIPC_ALLOW_MAX; i++)
		pids[i] = i;
	EXPECT_EQ(0, t_ioctl(self->fd, ACLIPC_ALLOW, &cmd));
	EXPECT_LT(0, cmd.out_added);
	free(pids);
}

/* The list holds the process, not its number. */
TEST_F(access, later_process_with_the_same_number_is_not_on_the_list)
{
	int next = open("/proc/sys/kernel/ns_last_pid", O_RDWR | O_CLOEXEC);
	int first = t_peer(), second, tries;
	char buf[16];
	__s32 pid;

	if (next < 0)
		SKIP(return, "no ns_last_pid");
	ASSERT_LE(0, first);
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	pid = t_pid(first);
	ASSERT_EQ(1, t_allow(self->fd, KEY, 0, &pid, 1));
	ASSERT_EQ(0, t_import(first, KEY));
	ASSERT_EQ(0, t_close(first, KEY));
	ASSERT_EQ(SIGKILL, t_kill(first));
	for (tries = 0; tries < 10; tries++) {
		snprintf(buf, sizeof(buf), "%d", pid - 1);
		ASSERT_LT(0, pwrite(next, buf, strlen(buf), 0));
		second = t_peer();
		ASSERT_LE(0, second);
		if (t_pid(second) == pid)
			break;
		t_kill(second);
	}
	if (tries == 10)
		SKIP(return, "the number did not come again");
	EXPECT_EQ(-EACCES, t_import(second, KEY));
	EXPECT_EQ(1, t_allow(self->fd, KEY, 0, &pid, 1));
	EXPECT_EQ(0, t_import(second, KEY));
	EXPECT_EQ(0, t_close(second, KEY));
}

/* Field case 75: the node is not for everybody. */
TEST_F(access, node_is_for_its_group_only)
{
	struct stat st;

	ASSERT_EQ(0, stat(ACLIPC_DEVICE, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0660, st.st_mode & 0777);
}

struct in_ns {
	int import, holders, state;
	struct aclipc_holder holder[4];
	pid_t pid;
};

/* In a new pid namespace: what the first process of it sees. */
static int ns_main(void *arg)
{
	struct in_ns *ns = arg;
	int fd = t_open();

	ns->pid = getpid();
	ns->import = t_import(fd, KEY);
	ns->holders = t_holders(fd, KEY, ns->holder, 4);
	ns->state = t_state(fd, KEY);
	return t_close(fd, KEY);
}

/* Field case 130. */
TEST_F(access, pids_are_those_of_the_callers_namespace)
{
	struct in_ns *ns = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct aclipc_holder holders[4];
	int peer = t_peer();
	pid_t pid;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(peer, KEY));
	pid = clone(ns_main, stack + 65536, CLONE_NEWPID | SIGCHLD, ns);
	ASSERT_LT(0, pid);
	EXPECT_EQ(0, exit_status(pid));
	EXPECT_EQ(1, ns->pid);
	EXPECT_EQ(0, ns->import);
	EXPECT_EQ(2, ns->holders);
	EXPECT_EQ(ACLIPC_STATE_LIVE, ns->state);
	/* the peer is not in there, the caller itself is */
	EXPECT_EQ(0, ns->holder[0].pid);
	EXPECT_EQ(1, ns->holder[1].pid);

	EXPECT_EQ(1, t_holders(self->fd, KEY, holders, 4));
	EXPECT_EQ(t_pid(peer), holders[0].pid);
}

T_MAIN

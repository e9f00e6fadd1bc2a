// SPDX-License-Identifier: GPL-2.0
/*
 * Random and hostile callers.  Whatever they pass, what a well-behaved exporter
 * and its importer have counted stays as it is, and nothing is left of them.
 * Field cases 56, 67, 71, 78.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/aclipc_test.h"
#include "common/args.h"

#define KEY	"hostile_victim"
#define LIVES	4		/* hostile processes */
#define ROUNDS	4000		/* calls of each */

struct job {
	__u64 seed;
	int rounds;
	int found;
};

static __u64 bad_pointer(__u64 *seed, char *page)
{
	const __u64 pointers[] = {
		0, 1, 4095, 4096, (uintptr_t)page, (uintptr_t)page + 1,
		(uintptr_t)page + 4096 - 4, (uintptr_t)page + 4096 - 32,
		(uintptr_t)page + 4096, 0x7ffffffff000ULL,
		0x8000000000000000ULL, 0xffff888000000000ULL,
		0xffffffff81000000ULL, ~0ULL, ~0ULL - 7,
	};

	return pointers[t_rand(seed) % ARRAY_SIZE(pointers)];
}

static __u32 odd_number(__u64 *seed)
{
	const __u32 numbers[] = {
		0, 1, 2, 3, 4, 7, 8, 64, 255, 256, 4095, 4096, 4097, 65535,
		0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 104, 120,
	};
	__u64 r = t_rand(seed);

	return r & 1 ? numbers[(r >> 8) % ARRAY_SIZE(numbers)] : r >> 32;
}

/* A key: the victim's, one of few of our own, or any bytes. */
static void some_key(__u64 *seed, __u8 *key)
{
	__u64 r = t_rand(seed);
	char name[32];
	int i;

	if (r % 8 == 0) {
		for (i = 0; i < ACLIPC_KEY_MAX; i++)
			key[i] = t_rand(seed);
		return;
	}
	snprintf(name, sizeof(name), "hostile%u", (unsigned int)(r >> 8) % 8);
	t_key(key, r % 8 < 3 ? KEY : name);
}

/* Something that is nearly right, so that it gets far. */
static void some_struct(__u64 *seed, unsigned int nr, __u8 *arg, char *page)
{
	union args *args = (union args *)arg;
	__u32 *words = (__u32 *)arg;
	int i;

	memset(arg, 0, 256);
	words[0] = nr < ARGS_NR ? args_layout[nr].size : 64;
	if (nr < ARGS_NR && args_layout[nr].key_at)
		some_key(seed, args_key(args, nr));
	switch (nr) {
	case _IOC_NR(ACLIPC_EXPORT):
		args->flags = t_rand(seed) % 4;
		args->export.addr = t_rand(seed);
		args->export.length = t_rand(seed) >> 8;
		break;
	case _IOC_NR(ACLIPC_ALLOW):
		args->flags = t_rand(seed) % 4;
		args->allow.pids = bad_pointer(seed, page);
		args->allow.nr_pids = t_rand(seed) % 4098;
		break;
	case _IOC_NR(ACLIPC_CLOSE):
		args->close.op = t_rand(seed) % 8;
		if (args->close.op == ACLIPC_CLOSE_WAIT)
			args->close.timeout_ms = t_rand(seed) % 3;
		break;
	case _IOC_NR(ACLIPC_HOLDERS):
		args->holders.holders = bad_pointer(seed, page);
		args->holders.nr_holders = t_rand(seed) % 4098;
		break;
	case _IOC_NR(ACLIPC_REVOKE):
		args->flags = t_rand(seed) % 2;
		break;
	}
	/* one word in it is wrong, often */
	if (t_rand(seed) % 3 == 0)
		words[t_rand(seed) % 32] = odd_number(seed);
	if (t_rand(seed) % 16 == 0)
		for (i = 0; i < 64; i++)
			words[i] = odd_number(seed);
}

/* A wait of any length is no attack, but takes too long here. */
static void no_long_wait(unsigned int nr, __u8 *arg)
{
	struct aclipc_close *cmd = (struct aclipc_close *)arg;

	if (nr == 4 && cmd->op == ACLIPC_CLOSE_WAIT && cmd->timeout_ms > 2)
		cmd->timeout_ms %= 3;
}

static long fn_random(int fd, void *arg)
{
	static const int known[] = {
		0, ENOENT, EACCES, EPERM, EEXIST, EBUSY, ESHUTDOWN, EOWNERDEAD,
		ETIMEDOUT, EINTR, EDEADLK, EDQUOT, EINVAL, E2BIG, EFAULT,
		ENOTTY, EOPNOTSUPP, ENOMEM,
	};
	struct job *job = arg;
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u64 seed = job->seed;
	size_t k;
	int i;

	munmap(page + 4096, 4096);
	for (i = 0; i < job->rounds; i++) {
		__u64 r = t_rand(&seed);
		unsigned int nr = r % 9;
		void *at = page + (r >> 16) % 3000;
		int ret;

		some_struct(&seed, nr, at, page);
		no_long_wait(nr, at);
		if (r >> 60 == 0)
			at = (void *)(uintptr_t)bad_pointer(&seed, page);
		if ((r >> 56 & 15) == 0)
			at = page + 4096 - (r >> 16) % 128;
		ret = t_ioctl(fd, ACLIPC_IOC(nr), at);
		for (k = 0; k < ARRAY_SIZE(known); k++)
			if (ret == -known[k])
				break;
		if (k == ARRAY_SIZE(known)) {
			job->found = ret;
			return -EPROTO;
		}
		if (r >> 58 == 1) {
			fcntl(fd, F_SETFL, O_NONBLOCK);
			if (read(fd, (void *)(uintptr_t)
				 bad_pointer(&seed, page), r % 300) < 0 &&
			    errno != EAGAIN && errno != EINVAL &&
			    errno != EFAULT) {
				job->found = -errno;
				return -EPROTO;
			}
		}
	}
	munmap(page, 4096);
	return 0;
}

FIXTURE(hostile)
{
	int fd;
	int importer;
	__u64 generation;
	__u64 seed;
};

FIXTURE_SETUP(hostile)
{
	__s32 pid;

	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	self->seed = t_seed("HOSTILE_SEED");
	self->fd = t_open();
	self->importer = t_peer();
	ASSERT_LE(0, self->importer);
	pid = t_pid(self->importer);
	ASSERT_EQ(0, t_export_gen(self->fd, KEY, 0, &self->generation));
	ASSERT_EQ(1, t_allow(self->fd, KEY, 0, &pid, 1));
	ASSERT_EQ(0, t_import(self->importer, KEY));
	ASSERT_EQ(0, t_import(self->importer, KEY));
}

FIXTURE_TEARDOWN_PARENT(hostile)
{
	EXPECT_EQ(0, t_nothing_left());
}

/* The victim: as it was, and working. */
#define EXPECT_UNHARMED()						\
do {									\
	struct aclipc_query query;					\
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));		\
	EXPECT_EQ(self->generation, query.out_generation);		\
	EXPECT_EQ(ACLIPC_STATE_LIVE, query.out_state);			\
	EXPECT_EQ(2, query.out_imports);				\
	EXPECT_EQ(0, query.out_settling);				\
	EXPECT_EQ(0, query.out_self_imports);				\
	EXPECT_EQ(0, query.out_waiters);				\
	EXPECT_EQ(ACLIPC_QUERY_OWNER, query.out_flags);			\
	EXPECT_EQ(-EBUSY, t_try(self->fd, KEY));			\
	EXPECT_EQ(1, t_close(self->importer, KEY));			\
	EXPECT_EQ(0, t_close(self->importer, KEY));			\
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));		\
	EXPECT_EQ(0, t_finish(self->fd, KEY));				\
} while (0)

static long fn_drop_uid(int fd, void *arg)
{
	return setresuid(65534, 65534, 65534) ? -errno : 0;
}

TEST_F(hostile, random_calls)
{
	int peers[LIVES], i;
	struct job job;

	for (i = 0; i < LIVES; i++) {
		peers[i] = t_peer();
		ASSERT_LE(0, peers[i]);
		ASSERT_EQ(0, t_run(peers[i], fn_drop_uid, NULL, 0));
		job = (struct job){ self->seed + i, ROUNDS, 0 };
		ASSERT_EQ(0, t_start(peers[i], fn_random, &job, sizeof(job)));
	}
	for (i = 0; i < LIVES; i++)
		EXPECT_EQ(0, t_done(peers[i], &job, sizeof(job))) {
			TH_LOG("answered %d", job.found);
		}
	for (i = 0; i < LIVES; i++)
		EXPECT_EQ(SIGKILL, t_kill(peers[i]));
	EXPECT_UNHARMED();
}

/* The same, and one is killed at any moment.  Field case 74. */
TEST_F(hostile, random_calls_and_kills)
{
	struct job job = { self->seed, 1 << 30, 0 };
	int peers[LIVES], i, round;

	for (round = 0; round < 6; round++) {
		for (i = 0; i < LIVES; i++) {
			peers[i] = t_peer();
			ASSERT_LE(0, peers[i]);
			ASSERT_EQ(0, t_run(peers[i], fn_drop_uid, NULL, 0));
			job.seed = t_rand(&self->seed);
			ASSERT_EQ(0, t_start(peers[i], fn_random, &job,
					     sizeof(job)));
		}
		for (i = 0; i < LIVES; i++) {
			poll(NULL, 0, t_rand(&self->seed) % 60);
			EXPECT_TRUE(t_busy(peers[i]));
			EXPECT_EQ(SIGKILL, t_kill(peers[i]));
		}
	}
	EXPECT_UNHARMED();
}

struct fetch {
	__u8 *arg;
	bool stop;
	unsigned int nr;
	__u64 seed;
};

static void *change_it(void *data)
{
	struct fetch *fetch = data;

	while (!READ_ONCE(fetch->stop))
		fetch->arg[t_rand(&fetch->seed) % args_layout[fetch->nr].size] ^=
			t_rand(&fetch->seed) & 3;
	return NULL;
}

static long fn_double_fetch(int fd, void *arg)
{
	struct job *job = arg;
	struct fetch fetch = { .seed = job->seed };
	pthread_t thread;
	int i;

	/* nothing behind it that the module might be told to write to */
	fetch.arg = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(fetch.arg + 4096, 4096);
	if (pthread_create(&thread, NULL, change_it, &fetch))
		return -EAGAIN;
	for (i = 0; i < job->rounds; i++) {
		/* the thread may write while we do: that is the point */
		fetch.nr = i % 8;
		some_struct(&job->seed, fetch.nr, fetch.arg,
			    (char *)fetch.arg);
		no_long_wait(fetch.nr, fetch.arg);
		if (fetch.nr == 4 &&
		    ((struct aclipc_close *)fetch.arg)->op ==
		    ACLIPC_CLOSE_WAIT)
			continue;
		t_ioctl(fd, ACLIPC_IOC(fetch.nr), fetch.arg);
	}
	WRITE_ONCE(fetch.stop, true);
	pthread_join(thread, NULL);
	return 0;
}

TEST_F(hostile, struct_that_changes_during_the_call)
{
	struct job job = { self->seed, ROUNDS, 0 };
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_run(peer, fn_drop_uid, NULL, 0));
	EXPECT_EQ(0, t_run(peer, fn_double_fetch, &job, sizeof(job)));
	EXPECT_EQ(SIGKILL, t_kill(peer));
	EXPECT_UNHARMED();
}

/* Field case 71: close(2) under calls, polls and reads of other threads. */
struct busy {
	pthread_t thread;
	int *fd;
	bool *stop;
	__u64 seed;
};

static void *use_it(void *data)
{
	struct busy *busy = data;
	struct aclipc_event event;
	struct pollfd pfd = { .events = POLLIN };
	char key[16];

	while (!READ_ONCE(*busy->stop)) {
		int fd = READ_ONCE(*busy->fd);

		snprintf(key, sizeof(key), "busy%u",
			 (unsigned int)t_rand(&busy->seed) % 4);
		switch (t_rand(&busy->seed) % 7) {
		case 0:
			t_export(fd, key, ACLIPC_EXPORT_ANYONE);
			break;
		case 1:
			t_import(fd, key);
			break;
		case 2:
			t_close(fd, key);
			break;
		case 3:
			t_wait(fd, key, 1);
			break;
		case 4:
			t_finish(fd, key);
			break;
		case 5:
			pfd.fd = fd;
			if (poll(&pfd, 1, 1) == 1 && pfd.revents & POLLIN)
				t_event(fd, &event);
			break;
		case 6:
			t_revoke(fd, key, ACLIPC_REVOKE_GONE, 0);
			break;
		}
	}
	return NULL;
}

/* One thread may read what another one was told of. */
static int open_nonblock(void)
{
	int fd = t_open();

	if (fd >= 0)
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	return fd;
}

static long fn_close_under(int unused, void *arg)
{
	struct job *job = arg;
	struct busy busy[4];
	int fd = open_nonblock(), i;
	bool stop = false;

	for (i = 0; i < 4; i++) {
		busy[i] = (struct busy){
			.fd = &fd,
			.stop = &stop,
			.seed = job->seed + i,
		};
		if (pthread_create(&busy[i].thread, NULL, use_it, &busy[i]))
			return -EAGAIN;
	}
	for (i = 0; i < job->rounds; i++) {
		int next = open_nonblock(), old = fd;

		if (next < 0) {
			poll(NULL, 0, 1);
			continue;
		}
		poll(NULL, 0, t_rand(&job->seed) % 5);
		WRITE_ONCE(fd, next);
		close(old);
	}
	WRITE_ONCE(stop, true);
	for (i = 0; i < 4; i++)
		pthread_join(busy[i].thread, NULL);
	return 0;
}

TEST_F(hostile, close_under_calls_of_other_threads)
{
	struct job job = { self->seed, 300, 0 };
	int peers[2], i;

	for (i = 0; i < 2; i++) {
		peers[i] = t_peer();
		ASSERT_LE(0, peers[i]);
		job.seed += i;
		ASSERT_EQ(0, t_start(peers[i], fn_close_under, &job,
				     sizeof(job)));
	}
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(0, t_done(peers[i], &job, sizeof(job)));
		EXPECT_EQ(SIGKILL, t_kill(peers[i]));
	}
	EXPECT_UNHARMED();
}

/* A process that has nothing to do with it stops in the middle of a call. */
TEST_F(hostile, stopped_process_holds_up_nobody_else)
{
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(peer, "stopped", ACLIPC_EXPORT_ANYONE));
	ASSERT_EQ(0, t_import(self->importer, "stopped"));
	ASSERT_EQ(0, t_wait_start(peer, "stopped", T_BOUND_MS, 1));
	ASSERT_EQ(0, t_signal(peer, SIGSTOP));
	EXPECT_EQ(0, t_close(self->importer, "stopped"));
	EXPECT_UNHARMED();
	ASSERT_EQ(SIGKILL, t_kill(peer));
}

T_MAIN

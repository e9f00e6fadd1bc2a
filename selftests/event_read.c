// SPDX-License-Identifier: GPL-2.0
/* Events: what importers and the exporter are told, and that none is lost. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/aclipc_test.h"

#define KEY	"event_read"
#define ANYONE	ACLIPC_EXPORT_ANYONE
#define MANY	3000

FIXTURE(event)
{
	int fd;			/* imports */
	int exporter;
};

FIXTURE_SETUP(event)
{
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	self->exporter = t_peer();
	ASSERT_LE(0, self->exporter);
	self->fd = t_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, t_export(self->exporter, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->fd, KEY));
}

FIXTURE_TEARDOWN_PARENT(event)
{
	EXPECT_EQ(0, t_nothing_left());
}

static int flags(int fd, int set)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | set);
}

/* The bits that poll() reports at once. */
static int bits(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	return poll(&pfd, 1, 0) < 0 ? -errno : pfd.revents;
}

TEST_F(event, record_says_it_all)
{
	struct aclipc_event event;
	__u8 key[ACLIPC_KEY_MAX];
	__u64 generation;

	ASSERT_EQ(0, t_import_gen(self->fd, KEY, &generation));
	EXPECT_EQ(2, t_revoke(self->exporter, KEY, 0, ACLIPC_REASON_DEVICE));
	memset(&event, 0xff, sizeof(event));
	EXPECT_EQ(sizeof(event), read(self->fd, &event, sizeof(event)));
	EXPECT_EQ(sizeof(event), event.size);
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	EXPECT_EQ(ACLIPC_REASON_DEVICE, event.reason);
	EXPECT_EQ(0, event.__reserved);
	EXPECT_EQ(generation, event.generation);
	t_key(key, KEY);
	EXPECT_EQ(0, memcmp(key, event.key, sizeof(key)));
}

TEST_F(event, newest_event_of_a_key_counts)
{
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->exporter, KEY));
	ASSERT_EQ(0, t_abort(self->exporter, KEY));
	EXPECT_EQ(ACLIPC_EVENT_LIVE, t_event_now(self->fd, KEY));
	EXPECT_EQ(-EAGAIN, t_event_now(self->fd, KEY));
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->exporter, KEY));
	ASSERT_EQ(1, t_revoke(self->exporter, KEY, 0, 0));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_now(self->fd, KEY));
	EXPECT_EQ(-EAGAIN, t_event_now(self->fd, KEY));
	/* revoked already: nobody is told twice */
	EXPECT_LE(0, t_revoke(self->exporter, KEY, 0, ACLIPC_REASON_FREED));
	EXPECT_EQ(-EAGAIN, t_event_now(self->fd, KEY));
}

TEST_F(event, goes_with_its_import)
{
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(2, t_revoke(self->exporter, KEY, 0, 0));
	EXPECT_EQ(POLLIN, bits(self->fd));
	EXPECT_EQ(1, t_close(self->fd, KEY));
	EXPECT_EQ(POLLIN, bits(self->fd));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(0, bits(self->fd));
	EXPECT_EQ(-EAGAIN, t_event_now(self->fd, KEY));
}

TEST_F(event, each_session_is_told)
{
	int other = t_open();

	ASSERT_LE(0, other);
	ASSERT_EQ(0, t_import(other, KEY));
	ASSERT_EQ(2, t_revoke(self->exporter, KEY, 0, 0));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_now(self->fd, KEY));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_now(other, KEY));
}

/* Importers that come after CLOSING was called off hear nothing of it. */
TEST_F(event, those_who_did_not_import_hear_nothing)
{
	int other = t_open();

	ASSERT_LE(0, other);
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->exporter, KEY));
	ASSERT_EQ(0, t_abort(self->exporter, KEY));
	ASSERT_EQ(0, t_import(other, KEY));
	EXPECT_EQ(-EAGAIN, t_event_now(other, KEY));
}

TEST_F(event, short_buffer_is_refused_and_the_event_stays)
{
	struct aclipc_event event;

	ASSERT_EQ(1, t_revoke(self->exporter, KEY, 0, 0));
	EXPECT_EQ(-1, read(self->fd, &event, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->fd, &event, 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->fd, &event, sizeof(event) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_now(self->fd, KEY));
}

TEST_F(event, whole_records_only)
{
	struct aclipc_event events[3];

	ASSERT_EQ(0, t_export(self->exporter, "second", ANYONE));
	ASSERT_EQ(0, t_import(self->fd, "second"));
	ASSERT_EQ(1, t_revoke(self->exporter, KEY, 0, 0));
	ASSERT_EQ(1, t_revoke(self->exporter, "second", 0, 0));
	EXPECT_EQ(sizeof(events[0]),
		  read(self->fd, events, sizeof(events[0]) * 2 - 1));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_now(self->fd, "second"));

	ASSERT_EQ(0, t_close(self->fd, KEY));
	ASSERT_EQ(0, t_close(self->fd, "second"));
	ASSERT_EQ(0, t_export(self->exporter, "third", ANYONE));
	ASSERT_EQ(0, t_export(self->exporter, "fourth", ANYONE));
	ASSERT_EQ(0, t_import(self->fd, "third"));
	ASSERT_EQ(0, t_import(self->fd, "fourth"));
	ASSERT_EQ(1, t_revoke(self->exporter, "fourth", 0, 0));
	ASSERT_EQ(1, t_revoke(self->exporter, "third", 0, 0));
	/* in the order in which they came */
	EXPECT_EQ(sizeof(events[0]) * 2,
		  read(self->fd, events, sizeof(events)));
	EXPECT_STREQ("fourth", (char *)events[0].key);
	EXPECT_STREQ("third", (char *)events[1].key);
}

TEST_F(event, bad_buffer_keeps_the_event)
{
	struct aclipc_event *event;
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + 4096, 4096));
	ASSERT_EQ(1, t_revoke(self->exporter, KEY, 0, 0));
	EXPECT_EQ(-1, read(self->fd, page + 4096, sizeof(*event)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, read(self->fd, page + 4096 - 8, sizeof(*event)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(POLLIN, bits(self->fd));
	event = (void *)(page + 4096 - sizeof(*event));
	EXPECT_EQ(sizeof(*event), read(self->fd, event, 4096));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event->type);
	EXPECT_EQ(0, bits(self->fd));
}

/* The second record does not fit: the first is told, the second stays. */
TEST_F(event, buffer_that_ends_in_unmapped_memory)
{
	struct aclipc_event *event;
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + 4096, 4096));
	ASSERT_EQ(0, t_export(self->exporter, "second", ANYONE));
	ASSERT_EQ(0, t_import(self->fd, "second"));
	ASSERT_EQ(1, t_revoke(self->exporter, KEY, 0, 0));
	ASSERT_EQ(1, t_revoke(self->exporter, "second", 0, 0));
	event = (void *)(page + 4096 - sizeof(*event) - 8);
	EXPECT_EQ(sizeof(*event), read(self->fd, event, 2 * sizeof(*event)));
	EXPECT_STREQ(KEY, (char *)event->key);
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_now(self->fd, "second"));
}

TEST_F(event, nonblocking_read_of_nothing)
{
	struct aclipc_event event;

	ASSERT_EQ(0, flags(self->fd, O_NONBLOCK));
	EXPECT_EQ(-1, read(self->fd, &event, sizeof(event)));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(1, t_revoke(self->exporter, KEY, 0, 0));
	EXPECT_EQ(sizeof(event), read(self->fd, &event, sizeof(event)));
	EXPECT_EQ(-1, read(self->fd, &event, sizeof(event)));
	EXPECT_EQ(EAGAIN, errno);
}

static long fn_read(int fd, void *arg)
{
	ssize_t len = read(fd, arg, sizeof(struct aclipc_event));

	return len < 0 ? -errno : len;
}

TEST_F(event, blocking_read_waits)
{
	struct aclipc_event event;
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_import(peer, KEY));
	ASSERT_EQ(0, t_start(peer, fn_read, &event, sizeof(event)));
	EXPECT_EQ(2, t_revoke(self->exporter, KEY, 0, 0));
	EXPECT_EQ(sizeof(event), t_done(peer, &event, sizeof(event)));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
}

static void nothing(int sig)
{
}

static long fn_handler(int fd, void *arg)
{
	struct sigaction sa = { .sa_handler = nothing };

	return sigaction(SIGUSR1, &sa, NULL) ? -errno : 0;
}

TEST_F(event, blocking_read_is_interrupted)
{
	struct aclipc_event event;
	int peer = t_peer(), i;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_run(peer, fn_handler, NULL, 0));
	ASSERT_EQ(0, t_start(peer, fn_read, &event, sizeof(event)));
	/* again and again: the first may come before it sleeps */
	for (i = 0; i < T_BOUND_MS / 10 && t_busy(peer); i++) {
		ASSERT_EQ(0, t_signal(peer, SIGUSR1));
		poll(NULL, 0, 10);
	}
	EXPECT_EQ(-EINTR, t_done(peer, &event, sizeof(event)));
	/* and a killed one ends */
	ASSERT_EQ(0, t_start(peer, fn_read, &event, sizeof(event)));
	EXPECT_EQ(SIGKILL, t_kill(peer));
}

TEST_F(event, poll_bits)
{
	EXPECT_EQ(0, bits(self->fd));
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->exporter, KEY));
	EXPECT_EQ(POLLIN, bits(self->fd));
	EXPECT_EQ(ACLIPC_EVENT_CLOSING, t_event_now(self->fd, KEY));
	EXPECT_EQ(0, bits(self->fd));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(0, bits(self->fd));
}

TEST_F(event, write_is_not_for_this_node)
{
	EXPECT_EQ(-1, write(self->fd, "x", 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, lseek(self->fd, 1, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED,
				   self->fd, 0));
	EXPECT_EQ(ENODEV, errno);
}

TEST_F(event, epoll_edge_and_level)
{
	struct epoll_event level = { .events = EPOLLIN };
	struct epoll_event edge = { .events = EPOLLIN | EPOLLET };
	int le = epoll_create1(0), ee = epoll_create1(0);
	struct epoll_event out;

	ASSERT_EQ(0, epoll_ctl(le, EPOLL_CTL_ADD, self->fd, &level));
	ASSERT_EQ(0, epoll_ctl(ee, EPOLL_CTL_ADD, self->fd, &edge));
	EXPECT_EQ(0, epoll_wait(le, &out, 1, 0));
	EXPECT_EQ(0, epoll_wait(ee, &out, 1, 0));
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->exporter, KEY));
	EXPECT_EQ(1, epoll_wait(le, &out, 1, T_BOUND_MS));
	EXPECT_EQ(EPOLLIN, out.events);
	EXPECT_EQ(1, epoll_wait(le, &out, 1, T_BOUND_MS));
	EXPECT_EQ(1, epoll_wait(ee, &out, 1, T_BOUND_MS));
	EXPECT_EQ(0, epoll_wait(ee, &out, 1, 0));
	/* the next one of the same key is an edge again */
	ASSERT_EQ(0, t_abort(self->exporter, KEY));
	EXPECT_EQ(1, epoll_wait(ee, &out, 1, T_BOUND_MS));
	EXPECT_EQ(ACLIPC_EVENT_LIVE, t_event_now(self->fd, KEY));
	EXPECT_EQ(0, epoll_wait(le, &out, 1, 0));
	close(le);
	close(ee);
}

/* Field cases 16, 32: the broker lives, the exporter dies. */
TEST_F(event, killed_exporter_is_told_at_once)
{
	struct aclipc_event event;

	EXPECT_EQ(SIGKILL, t_kill(self->exporter));
	EXPECT_EQ(0, t_event_wait(self->fd, &event));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	EXPECT_EQ(ACLIPC_REASON_EXIT, event.reason);
	EXPECT_EQ(-EAGAIN, t_event(self->fd, &event));
	EXPECT_EQ(0, t_close(self->fd, KEY));
}

/* The session is over though somebody has its descriptor. */
TEST_F(event, dead_session_hangs_up)
{
	struct aclipc_event event;
	struct pollfd pfd = { .events = POLLIN };
	int peer = t_peer(), fd;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_import(peer, KEY));
	fd = t_take_fd(peer);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, bits(fd));
	EXPECT_EQ(SIGKILL, t_kill(peer));
	pfd.fd = fd;
	EXPECT_EQ(1, poll(&pfd, 1, T_BOUND_MS));
	EXPECT_EQ(POLLHUP, pfd.revents);
	EXPECT_EQ(-1, read(fd, &event, sizeof(event)));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-EPERM, t_import(fd, KEY));
	/* it does not hold the exporter up */
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait(self->exporter, KEY, T_BOUND_MS));
	close(fd);
}

/* Thousands of keys, nothing is read meanwhile: each has its event. */
TEST_F_TIMEOUT(event, none_of_many_is_lost, 300)
{
	struct aclipc_event *events = calloc(MANY, sizeof(*events));
	char seen[MANY] = {}, key[32];
	ssize_t len;
	int i, nr;

	for (i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		ASSERT_EQ(0, t_export(self->exporter, key, ANYONE));
		ASSERT_EQ(0, t_import(self->fd, key));
	}
	EXPECT_EQ(SIGKILL, t_kill(self->exporter));
	/* and all within one call, once the exporter's end has been seen */
	ASSERT_EQ(0, t_until(t_state(self->fd, key) == ACLIPC_STATE_REVOKED &&
			     t_state(self->fd, KEY) == ACLIPC_STATE_REVOKED));
	for (nr = 0; nr < MANY + 1; nr += len / sizeof(*events)) {
		len = read(self->fd, events, MANY * sizeof(*events));
		ASSERT_LT(0, len);
		for (i = 0; i < len / (ssize_t)sizeof(*events); i++) {
			int which;

			EXPECT_EQ(ACLIPC_EVENT_REVOKED, events[i].type);
			if (sscanf((char *)events[i].key, "many%d", &which) == 1)
				seen[which]++;
		}
	}
	EXPECT_EQ(0, bits(self->fd));
	for (i = 0; i < MANY; i++)
		EXPECT_EQ(1, seen[i]);
	free(events);
}

/* One end reads while the other makes events: the last state is seen. */
static long fn_flap(int fd, void *arg)
{
	int rounds = *(int *)arg, i;

	for (i = 0; i < rounds; i++) {
		if (t_defer(fd, KEY) != ACLIPC_ANSWER_PENDING)
			return -EPROTO;
		if (t_abort(fd, KEY))
			return -EPROTO;
	}
	t_defer(fd, KEY);
	return 0;
}

TEST_F(event, last_state_is_seen_by_a_reader_that_races)
{
	int rounds = 2000, last = 0, ret;

	ASSERT_EQ(0, t_start(self->exporter, fn_flap, &rounds,
			     sizeof(rounds)));
	do {
		ret = t_event_now(self->fd, KEY);
		if (ret != -EAGAIN)
			last = ret;
	} while (t_busy(self->exporter));
	EXPECT_EQ(0, t_done(self->exporter, NULL, 0));
	ret = t_event_now(self->fd, KEY);
	if (ret != -EAGAIN)
		last = ret;
	EXPECT_EQ(ACLIPC_EVENT_CLOSING, last);
	EXPECT_EQ(-EAGAIN, t_event_now(self->fd, KEY));
}

struct reader {
	pthread_t thread;
	int fd;
	int seen;
};

static void *read_all(void *arg)
{
	struct reader *reader = arg;
	struct aclipc_event events[7];
	ssize_t len;

	do {
		len = read(reader->fd, events, sizeof(events));
		if (len > 0)
			reader->seen += len / sizeof(events[0]);
	} while (len > 0);
	return NULL;
}

TEST_F(event, two_readers_share_the_events)
{
	struct reader readers[2] = {};
	char key[32];
	int i;

	for (i = 0; i < 500; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		ASSERT_EQ(0, t_export(self->exporter, key, ANYONE));
		ASSERT_EQ(0, t_import(self->fd, key));
	}
	ASSERT_EQ(0, flags(self->fd, O_NONBLOCK));
	ASSERT_EQ(SIGKILL, t_kill(self->exporter));
	ASSERT_EQ(0, t_until(t_state(self->fd, key) == ACLIPC_STATE_REVOKED &&
			     t_state(self->fd, KEY) == ACLIPC_STATE_REVOKED));
	for (i = 0; i < 2; i++) {
		readers[i].fd = self->fd;
		pthread_create(&readers[i].thread, NULL, read_all,
			       &readers[i]);
	}
	for (i = 0; i < 2; i++)
		pthread_join(readers[i].thread, NULL);
	EXPECT_EQ(501, readers[0].seen + readers[1].seen);
}

T_MAIN

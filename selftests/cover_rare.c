// SPDX-License-Identifier: GPL-2.0
/*
 * Paths that need luck, or a hand that stops a call half way: userfaultfd holds
 * a copy to user space up, and scheduling classes decide who runs first.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/aclipc_test.h"

#define KEY	"cover_rare"
#define OTHER	"cover_rare_2"
#define ANYONE	ACLIPC_EXPORT_ANYONE
#define GONE	ACLIPC_REVOKE_GONE

T_FIXTURE(rare);

/* Memory of which the first access waits until it is let go. */
struct stop {
	int uffd;
	char *page;
};

static int stop_make(struct stop *stop)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	stop->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (stop->uffd < 0 || ioctl(stop->uffd, UFFDIO_API, &api))
		return -errno;
	stop->page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stop->page == MAP_FAILED)
		return -errno;
	reg.range.start = (uintptr_t)stop->page;
	reg.range.len = getpagesize();
	return ioctl(stop->uffd, UFFDIO_REGISTER, &reg) ? -errno : 0;
}

/* Wait until somebody stands there. */
static int stop_wait(struct stop *stop)
{
	struct pollfd pfd = { .fd = stop->uffd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&pfd, 1, T_BOUND_MS) != 1)
		return -ETIMEDOUT;
	return read(stop->uffd, &msg, sizeof(msg)) == sizeof(msg) ? 0 : -EIO;
}

static int stop_let_go(struct stop *stop)
{
	struct uffdio_zeropage zero = {
		.range = { (uintptr_t)stop->page, getpagesize() },
	};

	return ioctl(stop->uffd, UFFDIO_ZEROPAGE, &zero) ? -errno : 0;
}

static void stop_end(struct stop *stop)
{
	munmap(stop->page, getpagesize());
	close(stop->uffd);
}

struct thread {
	pthread_t thread;
	int fd;
	void *buf;
	ssize_t ret;
	int err;
	bool over;
};

static void *read_one(void *arg)
{
	struct thread *t = arg;

	t->ret = read(t->fd, t->buf, sizeof(struct aclipc_event));
	t->err = errno;
	WRITE_ONCE(t->over, true);
	return NULL;
}

static void no_op(int sig)
{
}

/* A first reader stands still in the copy; a second one waits behind it. */
TEST_F(rare, reader_behind_another_is_interrupted)
{
	struct sigaction sa = { .sa_handler = no_op };
	struct thread first = { .fd = self->fd }, second = { .fd = self->fd };
	struct aclipc_event event;
	struct stop stop;
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	ASSERT_EQ(0, t_export(peer, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(peer, KEY));
	ASSERT_EQ(0, stop_make(&stop));
	first.buf = stop.page;
	second.buf = &event;
	ASSERT_EQ(0, pthread_create(&first.thread, NULL, read_one, &first));
	ASSERT_EQ(0, stop_wait(&stop));
	ASSERT_EQ(0, pthread_create(&second.thread, NULL, read_one, &second));
	/* until the signal meets it inside */
	while (!READ_ONCE(second.over)) {
		pthread_kill(second.thread, SIGUSR1);
		poll(NULL, 0, 10);
	}
	pthread_join(second.thread, NULL);
	EXPECT_EQ(-1, second.ret);
	EXPECT_EQ(EINTR, second.err);
	EXPECT_FALSE(first.over);

	/* what is newer than the copy under way is not cleared with it */
	EXPECT_EQ(0, t_abort(peer, KEY));
	EXPECT_EQ(0, stop_let_go(&stop));
	pthread_join(first.thread, NULL);
	EXPECT_EQ(sizeof(event), first.ret);
	EXPECT_EQ(ACLIPC_EVENT_CLOSING, ((struct aclipc_event *)stop.page)->type);
	EXPECT_EQ(ACLIPC_EVENT_LIVE, t_event_now(self->fd, KEY));
	stop_end(&stop);
	EXPECT_EQ(0, t_close(self->fd, KEY));
}

/* The same, and the import is closed meanwhile: nothing is left to clear. */
TEST_F(rare, import_goes_while_its_event_is_read)
{
	struct thread reader = { .fd = self->fd };
	struct aclipc_event event;
	struct stop stop;
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(peer, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(peer, KEY));
	ASSERT_EQ(0, stop_make(&stop));
	reader.buf = stop.page;
	ASSERT_EQ(0, pthread_create(&reader.thread, NULL, read_one, &reader));
	ASSERT_EQ(0, stop_wait(&stop));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(0, stop_let_go(&stop));
	pthread_join(reader.thread, NULL);
	EXPECT_EQ(sizeof(event), reader.ret);
	stop_end(&stop);
	EXPECT_EQ(-EAGAIN, t_event(self->fd, &event));
}

static void *ask_holders(void *arg)
{
	struct thread *t = arg;

	t->ret = ioctl(t->fd, ACLIPC_HOLDERS, t->buf);
	t->err = errno;
	return NULL;
}

/* It could be written to when the call began. */
TEST_F(rare, answer_cannot_be_written_any_more)
{
	struct thread asker = { .fd = self->fd };
	struct aclipc_holders *cmd;
	struct stop stop;

	cmd = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, cmd);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, stop_make(&stop));
	cmd->size = sizeof(*cmd);
	t_key(cmd->key, KEY);
	cmd->nr_holders = 1;
	cmd->holders = (uintptr_t)stop.page;
	asker.buf = cmd;
	ASSERT_EQ(0, pthread_create(&asker.thread, NULL, ask_holders, &asker));
	ASSERT_EQ(0, stop_wait(&stop));
	ASSERT_EQ(0, mprotect(cmd, getpagesize(), PROT_READ));
	EXPECT_EQ(0, stop_let_go(&stop));
	pthread_join(asker.thread, NULL);
	EXPECT_EQ(-1, asker.ret);
	EXPECT_EQ(EFAULT, asker.err);
	stop_end(&stop);
	munmap(cmd, getpagesize());
	EXPECT_EQ(0, t_close(self->fd, KEY));
}

struct waiter {
	pthread_t thread;
	int fd;
	int policy;
	bool abort;		/* as soon as it is held */
	int ret;
	__u32 answer;
};

static void *wait_on_first_cpu(void *arg)
{
	struct aclipc_close cmd = {
		.size = sizeof(cmd), .op = ACLIPC_CLOSE_WAIT,
		.timeout_ms = T_BOUND_MS,
	};
	struct sched_param param = { .sched_priority = 0 };
	struct waiter *w = arg;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	param.sched_priority = w->policy == SCHED_FIFO;
	if (sched_setaffinity(0, sizeof(cpus), &cpus) ||
	    sched_setscheduler(0, w->policy, &param)) {
		w->ret = -errno;
		return NULL;
	}
	t_key(cmd.key, KEY);
	w->ret = ioctl(w->fd, ACLIPC_CLOSE, &cmd) ? -errno : 0;
	w->answer = cmd.out_answer;
	if (!w->ret && w->abort)
		w->ret = t_abort(w->fd, KEY);
	return NULL;
}

/*
 * The one that is held gives it back before the other one has run at all.  Who
 * began to wait last is woken first.
 */
TEST_F(rare, aborted_before_the_other_waiter_runs)
{
	struct waiter w[2] = {
		{ .fd = self->fd, .policy = SCHED_IDLE },
		{ .fd = self->fd, .policy = SCHED_FIFO, .abort = true },
	};
	struct aclipc_query query;
	int i, peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(peer, KEY));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL,
					    wait_on_first_cpu, &w[i]));
		ASSERT_EQ(0, t_until(!t_query(self->fd, KEY, 0, &query) &&
				     query.out_waiters == i + 1));
	}
	/* counted before they sleep */
	poll(NULL, 0, 100);
	EXPECT_EQ(0, t_close(peer, KEY));
	for (i = 0; i < 2; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_EQ(0, w[i].ret);
		EXPECT_EQ(ACLIPC_ANSWER_HELD, w[i].answer);
	}
	EXPECT_EQ(0, t_finish(self->fd, KEY));
}

/* Revoked while it waits, and the driver has forgotten the key as well. */
TEST_F(rare, waiter_for_a_key_that_is_gone)
{
	struct waiter w = { .fd = self->fd, .policy = SCHED_OTHER };
	struct aclipc_query query;
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(peer, KEY));
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, wait_on_first_cpu, &w));
	ASSERT_EQ(0, t_until(!t_query(self->fd, KEY, 0, &query) &&
			     query.out_waiters == 1));
	EXPECT_EQ(1, t_revoke(self->fd, KEY, GONE, 0));
	pthread_join(w.thread, NULL);
	EXPECT_EQ(-EOWNERDEAD, w.ret);
	EXPECT_EQ(0, t_close(peer, KEY));
}

TEST_F(rare, generation_of_another_key)
{
	struct aclipc_query query;
	__u64 generation;

	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_export_gen(self->fd, OTHER, ANYONE, &generation));
	ASSERT_EQ(0, t_import(self->fd, OTHER));
	EXPECT_EQ(-ENOENT, t_query(self->fd, KEY, generation, &query));
	EXPECT_EQ(-ENOENT, t_close_gen(self->fd, KEY, generation));
	EXPECT_EQ(-ENOENT, t_revoke_gen(self->fd, KEY, generation, 0, 0));
	EXPECT_EQ(0, t_close_gen(self->fd, OTHER, generation));
}

/* Two keys with two lives behind them each, all still imported. */
TEST_F(rare, many_lives_of_two_keys)
{
	static const char *const keys[2] = { KEY, OTHER };
	struct aclipc_query query;
	__u64 gen[2][2];
	int i, j;

	for (i = 0; i < 2; i++)
		for (j = 0; j < 2; j++) {
			ASSERT_EQ(0, t_export_gen(self->fd, keys[i], ANYONE,
						  &gen[i][j]));
			ASSERT_EQ(0, t_import(self->fd, keys[i]));
			ASSERT_LE(0, t_revoke_gen(self->fd, keys[i], gen[i][j],
						  0, 0));
		}
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_export(self->fd, OTHER, ANYONE));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-EINVAL, t_close(self->fd, keys[i]));
		EXPECT_EQ(-EINVAL, t_query(self->fd, keys[i], 0, &query));
		EXPECT_EQ(-EINVAL, t_try(self->fd, keys[i]));
		EXPECT_EQ(0, t_close_gen(self->fd, keys[i], gen[i][0]));
		/* one is left, and the live one is not imported */
		EXPECT_EQ(0, t_close(self->fd, keys[i]));
		EXPECT_EQ(-ENOENT, t_close(self->fd, keys[i]));
	}
}

/*
 * The driver begins to clean up then, however long ago the close was.  How long
 * it takes is read when the clock starts, which tells when that was.
 */
TEST_F(rare, clock_begins_with_the_death_of_the_process)
{
	struct aclipc_query query;
	int peer = t_peer();

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_import(peer, KEY));
	ASSERT_EQ(0, t_set_settle(10 * T_BOUND_MS));
	ASSERT_EQ(0, t_close_fd(peer));
	ASSERT_EQ(0, t_until(!t_query(self->fd, KEY, 0, &query) &&
			     query.out_settling == 1));
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	EXPECT_EQ(SIGKILL, t_kill(peer));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait(self->fd, KEY, T_BOUND_MS));
}

/* Another descriptor of the peer, which it closes itself. */
static long import_and_close_fd(int fd, void *arg)
{
	int other = t_open();
	int ret;

	if (other < 0)
		return other;
	ret = t_import(other, arg);
	close(other);
	return ret;
}

/*
 * The peer waits for us.  What we wait for is an import of it that settles, so
 * that is no cycle: it ends whatever the peer does.
 */
TEST_F(rare, settling_import_is_no_part_of_a_cycle)
{
	struct aclipc_close cmd;
	struct aclipc_query query;
	int peer = t_peer();
	char key[] = KEY;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_set_settle(T_SETTLE_LOOK));
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_export(peer, OTHER, ANYONE));
	ASSERT_EQ(0, t_import(self->fd, OTHER));
	ASSERT_EQ(0, t_run(peer, import_and_close_fd, key, sizeof(key)));
	/* a moment after the last put */
	ASSERT_EQ(0, t_until(!t_query(self->fd, KEY, 0, &query) &&
			     query.out_settling == 1));
	ASSERT_EQ(0, t_wait_start(peer, OTHER, T_BOUND_MS, 1));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait(self->fd, KEY, T_BOUND_MS));
	EXPECT_EQ(0, t_close(self->fd, OTHER));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait_done(peer, &cmd));
}

/* Wherever in the list it stands. */
TEST_F(rare, each_process_of_a_list_may_import)
{
	int peers[7], i;
	__s32 pids[7];

	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	for (i = 0; i < 7; i++) {
		peers[i] = t_peer();
		ASSERT_LE(0, peers[i]);
		pids[i] = t_pid(peers[i]);
	}
	for (i = 1; i <= 7; i++) {
		ASSERT_EQ(1, t_allow(self->fd, KEY, 0, pids + i - 1, 1));
		EXPECT_EQ(0, t_import(peers[i - 1], KEY));
		EXPECT_EQ(0, t_import(peers[0], KEY));
	}
	for (i = 0; i < 7; i++)
		EXPECT_EQ(0, t_import(peers[i], KEY));
}

T_MAIN

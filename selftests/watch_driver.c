// SPDX-License-Identifier: GPL-2.0
/*
 * The driver calls back when memory goes away, or seems to, and so do we.  The
 * driver is ascend_sim; without it there is nothing to watch.  A callback is
 * news and no more, unless the exporter exits; and what was registered is given
 * back after its callback only, whatever else the exporter does.  Field cases
 * 35, 54, 99.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#include "common/driver.h"

#define KEY	"watch_driver"
#define ANYONE	ACLIPC_EXPORT_ANYONE
#define LENGTH	(1 << 20)
#define RANGE	(64 << 10)	/* of a region, that is watched */
#define WAITING	256		/* registrations that are over, of one process */

FIXTURE(watch)
{
	int fd;
	int peer;		/* exporter */
	struct memory memory;
	struct aclipc_export cmd;
	long broken, gets;
	int svm;
};

FIXTURE_SETUP(watch)
{
	self->svm = d_svm();
	if (!self->svm)
		SKIP(return, "no ascend_sim");
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	self->broken = d_broken();
	self->fd = t_open();
	self->peer = t_peer();
	ASSERT_LE(0, self->peer);
	ASSERT_EQ(0, d_alloc(self->peer, &self->memory, LENGTH));
	ASSERT_EQ(0, t_export_at(self->peer, KEY, ANYONE, self->memory.va,
				 LENGTH, &self->cmd));
	ASSERT_EQ(1, self->cmd.out_watched);
	self->gets = d_count("p2p_get");
}

FIXTURE_TEARDOWN_PARENT(watch)
{
	if (!d_svm())
		return;
	EXPECT_EQ(0, d_param("p2p_fail", 0));
	EXPECT_EQ(0, d_param("p2p_version", 1));
	EXPECT_EQ(0, d_param("hide_ms", 1));
	EXPECT_EQ(0, d_param("tail_us", 200));
	EXPECT_EQ(0, t_set_param("exit_grace_ms", 1000));
	EXPECT_EQ(0, t_nothing_left());
	EXPECT_EQ(0, t_until(t_refcount("aclipc") == 0));
	EXPECT_EQ(0, t_until(t_refcount("ascend_sim") == 0));
	EXPECT_EQ(0, d_count("registrations"));
	EXPECT_EQ(self->broken, d_broken());
}

static bool watched(int handle, const char *key)
{
	struct aclipc_query query;

	return !t_query(handle, key, 0, &query) &&
	       query.out_flags & ACLIPC_QUERY_WATCHED;
}

/* FINISH leaves it out; the next export of that memory is told by it. */
TEST_F(watch, registration_outlives_the_key)
{
	struct aclipc_export cmd;
	struct aclipc_info info;

	EXPECT_EQ(1, d_watches());
	EXPECT_EQ(0, t_info(self->fd, &info));
	EXPECT_EQ(1, info.out_nr_watches);
	EXPECT_TRUE(info.out_caps & ACLIPC_CAP_DRIVER);
	EXPECT_TRUE(watched(self->fd, KEY));
	EXPECT_LT(0, t_refcount("ascend_sim"));
	ASSERT_EQ(ACLIPC_ANSWER_HELD, t_try(self->peer, KEY));
	ASSERT_EQ(0, t_finish(self->peer, KEY));
	EXPECT_EQ(1, d_watches());
	EXPECT_EQ(1, d_count("registrations"));
	/* at its beginning, in it, and at the end of what is watched */
	EXPECT_EQ(0, t_export_at(self->peer, "a", ANYONE, self->memory.va,
				 LENGTH, &cmd));
	EXPECT_EQ(1, cmd.out_watched);
	EXPECT_EQ(0, t_export_at(self->peer, "b", ANYONE,
				 self->memory.va + RANGE - 1, 1, &cmd));
	EXPECT_EQ(1, cmd.out_watched);
	EXPECT_EQ(0, t_export_at(self->peer, "c", ANYONE,
				 self->memory.va + RANGE, LENGTH - RANGE,
				 &cmd));
	EXPECT_EQ(0, cmd.out_watched);
	EXPECT_EQ(self->gets, d_count("p2p_get"));
	/* the free that follows ends it */
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	EXPECT_FALSE(watched(self->fd, "a"));
	EXPECT_EQ(0, t_until(d_watches() == 0));
}

TEST_F(watch, free_is_news)
{
	struct aclipc_event event;

	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	EXPECT_EQ(0, t_event(self->fd, &event));
	EXPECT_EQ(ACLIPC_EVENT_DRIVER, event.type);
	EXPECT_EQ(0, event.reason);
	EXPECT_EQ(self->cmd.out_generation, event.generation);
	EXPECT_EQ(-EAGAIN, t_event(self->fd, &event));
	/* nothing else has changed */
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, KEY));
	EXPECT_FALSE(watched(self->fd, KEY));
	EXPECT_EQ(0, t_import(self->fd, KEY));
	EXPECT_EQ(-EBUSY, t_try(self->peer, KEY));
	EXPECT_EQ(1, t_close(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->peer, KEY));
	EXPECT_EQ(0, t_finish(self->peer, KEY));
	EXPECT_EQ(-ENOENT, t_import(self->fd, KEY));
}

/* Importers that are no exporters; of these the exporter's own is not told. */
TEST_F(watch, free_tells_other_processes)
{
	struct aclipc_event event;
	int other = t_peer();

	ASSERT_LE(0, other);
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_import(other, KEY));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	EXPECT_EQ(ACLIPC_EVENT_DRIVER, t_event_now(self->fd, KEY));
	EXPECT_EQ(ACLIPC_EVENT_DRIVER, t_event_now(other, KEY));
	EXPECT_EQ(-EAGAIN, t_event(self->peer, &event));
}

/* News takes no change of state away that was not read, nor its place. */
TEST_F(watch, news_comes_after_changes_of_state)
{
	struct aclipc_event event;

	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->peer, KEY));
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	EXPECT_EQ(ACLIPC_EVENT_CLOSING, t_event_now(self->fd, KEY));
	EXPECT_EQ(ACLIPC_EVENT_DRIVER, t_event_now(self->fd, KEY));
	EXPECT_EQ(-EAGAIN, t_event(self->fd, &event));

	/* a change that comes later is read first, the news is not lost */
	ASSERT_EQ(0, t_abort(self->peer, KEY));
	EXPECT_EQ(ACLIPC_EVENT_LIVE, t_event_now(self->fd, KEY));
	ASSERT_EQ(0, d_alloc(self->peer, &self->memory, LENGTH));
	ASSERT_EQ(0, t_export_at(self->peer, "again", ANYONE, self->memory.va,
				 LENGTH, &self->cmd));
	ASSERT_EQ(1, self->cmd.out_watched);
	ASSERT_EQ(0, t_import(self->fd, "again"));
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->peer, "again"));
	EXPECT_EQ(ACLIPC_EVENT_CLOSING, t_event_now(self->fd, "again"));
	EXPECT_EQ(ACLIPC_EVENT_DRIVER, t_event_now(self->fd, "again"));
	EXPECT_EQ(-EAGAIN, t_event(self->fd, &event));
}

/* Revoked, there is nothing more to be told. */
TEST_F(watch, revocation_is_the_last_word)
{
	struct aclipc_event event;

	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	ASSERT_LE(0, t_revoke(self->peer, KEY, 0, 0));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_now(self->fd, KEY));
	EXPECT_EQ(-EAGAIN, t_event(self->fd, &event));
}

TEST_F(watch, revoked_key_is_told_no_news)
{
	struct aclipc_event event;

	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_LE(0, t_revoke(self->peer, KEY, 0, 0));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_now(self->fd, KEY));
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	EXPECT_EQ(-EAGAIN, t_event(self->fd, &event));
}

/* One registration for the keys of a range, and all of them are told. */
TEST_F(watch, free_of_several_exports)
{
	struct aclipc_export cmd;
	char key[16];
	int i;

	for (i = 0; i < 8; i++) {
		snprintf(key, sizeof(key), "part%d", i);
		ASSERT_EQ(0, t_export_at(self->peer, key, ANYONE,
					 self->memory.va + i * 4096 + 100,
					 4000, &cmd));
		EXPECT_EQ(1, cmd.out_watched);
		ASSERT_EQ(0, t_import(self->fd, key));
	}
	EXPECT_EQ(1, d_watches());
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	for (i = 0; i < 8; i++) {
		snprintf(key, sizeof(key), "part%d", i);
		EXPECT_EQ(ACLIPC_EVENT_DRIVER, t_event_now(self->fd, key));
		EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, key));
		EXPECT_EQ(0, t_close(self->fd, key));
	}
	EXPECT_EQ(0, t_until(d_watches() == 0));
}

TEST_F(watch, reset_of_the_device_is_news)
{
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, d_reset(self->peer, 0));
	EXPECT_EQ(ACLIPC_EVENT_DRIVER, t_event_now(self->fd, KEY));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
}

/* v3: a page is replaced.  Memory, key and mappings stay. */
TEST_F(watch, repair_is_news)
{
	struct aclipc_export cmd;
	struct aclipc_event event;

	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_run(self->peer, d_fn_repair, &self->memory,
			   sizeof(self->memory)));
	if (self->svm == 2) {
		/* and v2 tells nobody */
		EXPECT_EQ(-EAGAIN, t_event(self->fd, &event));
		EXPECT_TRUE(watched(self->fd, KEY));
		return;
	}
	EXPECT_EQ(ACLIPC_EVENT_DRIVER, t_event_now(self->fd, KEY));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, KEY));
	EXPECT_FALSE(watched(self->fd, KEY));
	EXPECT_EQ(0, t_import(self->fd, KEY));
	EXPECT_EQ(-EBUSY, t_try(self->peer, KEY));
	/* who exports now is told again */
	ASSERT_EQ(0, t_export_at(self->peer, "again", ANYONE, self->memory.va,
				 LENGTH, &cmd));
	EXPECT_EQ(1, cmd.out_watched);
	ASSERT_EQ(0, t_import(self->fd, "again"));
	ASSERT_EQ(0, t_run(self->peer, d_fn_repair, &self->memory,
			   sizeof(self->memory)));
	EXPECT_EQ(ACLIPC_EVENT_DRIVER, t_event_now(self->fd, "again"));
	EXPECT_EQ(-EAGAIN, t_event(self->fd, &event));
}

/* v2: another page is in use; v3: the delete fails.  All is as it was. */
TEST_F(watch, free_that_fails_is_news)
{
	struct memory failing = self->memory;
	struct aclipc_export cmd;

	failing.flags = ASCEND_SIM_F_FAIL;
	ASSERT_EQ(0, t_import(self->fd, KEY));
	EXPECT_EQ(self->svm == 2 ? -EBUSY : -EINVAL,
		  d_free(self->peer, &failing));
	EXPECT_EQ(ACLIPC_EVENT_DRIVER, t_event_now(self->fd, KEY));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, KEY));
	EXPECT_EQ(-EBUSY, t_try(self->peer, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->peer, KEY));
	EXPECT_EQ(0, t_finish(self->peer, KEY));
	ASSERT_EQ(0, t_export_at(self->peer, KEY, ANYONE, self->memory.va,
				 LENGTH, &cmd));
	EXPECT_EQ(1, cmd.out_watched);
}

/* The exporter of the memory is killed: told before it is taken. */
TEST_F(watch, killed_exporter)
{
	struct aclipc_event event;

	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_signal(self->peer, SIGKILL));
	EXPECT_EQ(0, t_event_wait(self->fd, &event));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	EXPECT_EQ(ACLIPC_REASON_EXIT, event.reason);
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(SIGKILL, t_gone(self->peer));
	EXPECT_EQ(0, t_until(d_watches() == 0));
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Also what is not watched of it: one registration tells of the exit. */
TEST_F(watch, killed_exporter_of_what_is_not_watched)
{
	struct aclipc_event event;
	double from;

	ASSERT_EQ(0, t_listen(self->fd));
	ASSERT_EQ(0, t_export(self->peer, "other", ANYONE));
	ASSERT_EQ(0, t_import(self->fd, "other"));
	ASSERT_EQ(0, t_set_param("exit_grace_ms", 10000));
	from = now_s();
	ASSERT_EQ(0, t_signal(self->peer, SIGKILL));
	EXPECT_EQ(0, t_event_wait(self->fd, &event));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	/* its exit waits in the callback; on v3 what follows it does */
	EXPECT_EQ(1, d_count("registrations"));
	EXPECT_EQ(0, t_close(self->fd, "other"));
	EXPECT_EQ(SIGKILL, t_gone(self->peer));
	EXPECT_EQ(0, t_until(d_watches() == 0));
	EXPECT_GT(9, now_s() - from);
}

/* An importer that does not leave delays it by the grace, and no longer. */
TEST_F(watch, killed_exporter_and_an_importer_that_stays)
{
	double from;

	ASSERT_EQ(0, t_listen(self->fd));
	ASSERT_EQ(0, t_set_param("exit_grace_ms", 400));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	from = now_s();
	EXPECT_EQ(SIGKILL, t_kill(self->peer));
	EXPECT_EQ(0, t_until(d_watches() == 0));
	/* v3 keeps the memory for importers, and calls back when it likes to */
	EXPECT_TRUE(self->svm == 3 || now_s() - from >= 0.4);
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
}

/* Nobody waits for one that never asked to be told. */
TEST_F(watch, killed_exporter_and_an_importer_that_does_not_listen)
{
	double from;

	ASSERT_EQ(0, t_set_param("exit_grace_ms", 10000));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	from = now_s();
	EXPECT_EQ(SIGKILL, t_kill(self->peer));
	EXPECT_EQ(0, t_until(d_watches() == 0));
	EXPECT_GT(9, now_s() - from);
	/* it is told all the same */
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
}

/* Both sides are killed: nobody waits for the other, whatever the grace. */
TEST_F(watch, killed_job)
{
	int importer = t_peer();

	ASSERT_LE(0, importer);
	ASSERT_EQ(0, t_listen(importer));
	ASSERT_EQ(0, t_import(importer, KEY));
	EXPECT_EQ(0, t_signal(importer, SIGKILL));
	EXPECT_EQ(0, t_signal(self->peer, SIGKILL));
	EXPECT_EQ(SIGKILL, t_gone(self->peer));
	EXPECT_EQ(SIGKILL, t_gone(importer));
	EXPECT_EQ(0, t_until(d_watches() == 0));
}

/* Our descriptor goes first; the registration stays until memory goes. */
TEST_F(watch, descriptor_closed_while_the_memory_stays)
{
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_close_fd(self->peer));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(1, d_watches());
	/* no descriptor is open, but the registration holds both modules */
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(0, t_until(t_refcount("aclipc") == 1));
	EXPECT_EQ(-1, syscall(SYS_delete_module, "aclipc", O_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, syscall(SYS_delete_module, "ascend_sim", O_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	EXPECT_EQ(0, t_until(d_watches() == 0));
}

static long fn_open_and_export(int unused, void *arg)
{
	struct memory *memory = arg;
	struct aclipc_export cmd;
	int fd = t_open(), ret;

	ret = t_export_at(fd, "another", 0, memory->va, memory->length, &cmd);
	close(fd);
	return ret ?: cmd.out_watched;
}

/* Who opens, exports and closes again and again has one all the same. */
TEST_F(watch, descriptors_do_not_multiply_registrations)
{
	int i;

	ASSERT_EQ(0, t_close_fd(self->peer));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(1, t_run(self->peer, fn_open_and_export,
				   &self->memory, sizeof(self->memory)));
		EXPECT_EQ(0, t_until(t_state(self->fd, "another") !=
				     ACLIPC_STATE_LIVE));
	}
	EXPECT_EQ(1, d_watches());
	EXPECT_EQ(self->gets, d_count("p2p_get"));
}

TEST_F(watch, driver_descriptor_closed_first)
{
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_run(self->peer, d_fn_close, NULL, 0));
	/* v3 frees at once, v2 when the process is gone: the key stays */
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(SIGKILL, t_kill(self->peer));
	EXPECT_EQ(0, t_until(d_watches() == 0));
}

/* Whatever is said of the key, its memory is still the driver's. */
TEST_F(watch, revoked_by_force)
{
	ASSERT_EQ(0, t_revoke(self->fd, KEY, 0, 0));
	EXPECT_EQ(1, d_watches());
	ASSERT_EQ(0, t_revoke(self->peer, KEY, ACLIPC_REVOKE_GONE, 0));
	EXPECT_EQ(1, d_watches());
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	EXPECT_EQ(0, t_until(d_watches() == 0));
}

TEST_F(watch, unwatched_by_request)
{
	struct aclipc_event event;
	struct aclipc_export cmd;

	ASSERT_EQ(0, t_export_at(self->peer, "unwatched",
				 ACLIPC_EXPORT_UNWATCHED | ANYONE,
				 self->memory.va, LENGTH, &cmd));
	EXPECT_EQ(0, cmd.out_watched);
	EXPECT_EQ(1, d_watches());
	EXPECT_FALSE(watched(self->peer, "unwatched"));
	ASSERT_EQ(0, t_import(self->fd, "unwatched"));
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	EXPECT_EQ(-EAGAIN, t_event(self->fd, &event));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->peer, "unwatched"));
}

/* One for each device; what is beyond is ordered and not watched. */
TEST_F(watch, few_registrations_of_one_process)
{
	struct memory other = {}, second = { .device = 1 };
	struct aclipc_export cmd;

	ASSERT_EQ(0, d_alloc(self->peer, &other, LENGTH));
	ASSERT_EQ(0, d_alloc(self->peer, &second, LENGTH));
	EXPECT_EQ(0, t_export_at(self->peer, "other", ANYONE, other.va, LENGTH,
				 &cmd));
	EXPECT_EQ(0, cmd.out_watched);
	EXPECT_EQ(0, t_export_on(self->peer, 1, "second", ANYONE, second.va,
				 LENGTH, &cmd));
	EXPECT_EQ(1, cmd.out_watched);
	EXPECT_EQ(2, d_watches());
	EXPECT_EQ(0, t_import(self->fd, "other"));
	EXPECT_EQ(-EBUSY, t_try(self->peer, "other"));
	/* the place is free as soon as the first was called back */
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	EXPECT_EQ(0, t_export_at(self->peer, "third", ANYONE, other.va, LENGTH,
				 &cmd));
	EXPECT_EQ(1, cmd.out_watched);
	EXPECT_EQ(self->gets + 2, d_count("p2p_get"));
	/* devices that there cannot be */
	EXPECT_EQ(-EINVAL, t_export_on(self->peer, ACLIPC_DEVICES, "bad", 0,
				       other.va, LENGTH, &cmd));
	EXPECT_EQ(-EINVAL, t_export_on(self->peer, ~0U, "bad", 0, other.va,
				       LENGTH, &cmd));
}

/*
 * With the one that was called back nobody would tell of the exit: what is left
 * of that device has one as soon as its owner calls again.
 */
TEST_F(watch, next_call_watches_what_is_left)
{
	struct memory other = {}, second = { .device = 1 };
	struct aclipc_export cmd;
	struct aclipc_event event;

	ASSERT_EQ(0, d_alloc(self->peer, &other, LENGTH));
	ASSERT_EQ(0, d_alloc(self->peer, &second, LENGTH));
	EXPECT_EQ(0, t_export_at(self->peer, "other", ANYONE, other.va, LENGTH,
				 &cmd));
	EXPECT_EQ(0, t_export_on(self->peer, 1, "second", ANYONE, second.va,
				 LENGTH, &cmd));
	EXPECT_EQ(0, t_export_at(self->peer, "by request",
				 ANYONE | ACLIPC_EXPORT_UNWATCHED, other.va,
				 LENGTH, &cmd));
	ASSERT_EQ(0, t_import(self->fd, "other"));
	EXPECT_FALSE(watched(self->fd, "other"));
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	EXPECT_FALSE(watched(self->fd, "other"));
	EXPECT_EQ(-EBUSY, t_try(self->peer, "other"));
	EXPECT_TRUE(watched(self->fd, "other"));
	EXPECT_FALSE(watched(self->fd, "by request"));
	EXPECT_FALSE(watched(self->fd, KEY));
	EXPECT_EQ(self->gets + 2, d_count("p2p_get"));
	/* one for each device, and not again with each call */
	EXPECT_EQ(-EBUSY, t_try(self->peer, "other"));
	EXPECT_EQ(self->gets + 2, d_count("p2p_get"));
	ASSERT_EQ(0, t_listen(self->fd));
	ASSERT_EQ(0, t_set_param("exit_grace_ms", 10000));
	ASSERT_EQ(0, t_signal(self->peer, SIGKILL));
	EXPECT_EQ(0, t_event_wait(self->fd, &event));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	EXPECT_LT(0, d_count("registrations"));
	EXPECT_EQ(0, t_close(self->fd, "other"));
	EXPECT_EQ(SIGKILL, t_gone(self->peer));
	EXPECT_EQ(0, t_until(d_watches() == 0));
}

/* Best effort: memory that the driver does not watch is ordered all the same. */
TEST_F(watch, region_that_the_driver_refuses)
{
	static const __u64 lengths[] = { 1, 4096, 1ULL << 40, ~0ULL - 8192 };
	long refused = d_count("p2p_refused");
	struct aclipc_export cmd;
	char key[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		snprintf(key, sizeof(key), "refused%zu", i);
		EXPECT_EQ(0, t_export_on(self->peer, 1, key, ANYONE, 4096,
					 lengths[i], &cmd));
		EXPECT_EQ(0, cmd.out_watched);
		EXPECT_EQ(0, t_import(self->fd, key));
		EXPECT_EQ(-EBUSY, t_try(self->peer, key));
		EXPECT_EQ(0, t_close(self->fd, key));
		EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->peer, key));
		EXPECT_EQ(0, t_finish(self->peer, key));
	}
	/* somebody else's memory, and the end of all addresses */
	EXPECT_EQ(0, t_export_at(self->fd, "foreign", ANYONE, self->memory.va,
				 LENGTH, &cmd));
	EXPECT_EQ(0, cmd.out_watched);
	EXPECT_EQ(0, t_export_at(self->fd, "last", ANYONE, ~0ULL - 1, 1, &cmd));
	EXPECT_EQ(0, cmd.out_watched);
	EXPECT_EQ(1, d_watches());
	EXPECT_EQ(refused + 6, d_count("p2p_refused"));
}

TEST_F(watch, driver_that_fails)
{
	static const int errors[] = { EINVAL, ENOMEM, EOPNOTSUPP, ESRCH };
	struct aclipc_export cmd;
	struct memory other = { .device = 1 };
	size_t i;

	ASSERT_EQ(0, d_alloc(self->peer, &other, LENGTH));
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		ASSERT_EQ(0, d_param("p2p_fail", errors[i]));
		EXPECT_EQ(0, t_export_on(self->peer, 1, "fails", ANYONE,
					 other.va, LENGTH, &cmd));
		EXPECT_EQ(0, cmd.out_watched);
		EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->peer, "fails"));
		EXPECT_EQ(0, t_finish(self->peer, "fails"));
	}
	ASSERT_EQ(0, d_param("p2p_fail", 0));
	EXPECT_EQ(1, d_watches());
	EXPECT_EQ(0, t_export_on(self->peer, 1, "fails", ANYONE, other.va,
				 LENGTH, &cmd));
	EXPECT_EQ(1, cmd.out_watched);
}

/*
 * What is not understood cannot be given back before it was called back either.
 * It stays out for nobody, and takes the place of another.
 */
TEST_F(watch, page_table_of_another_version)
{
	static const int versions[] = { 0, 2, 0x10001 };
	struct memory other = { .device = 1 };
	struct aclipc_export cmd;
	struct aclipc_event event;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(versions); i++) {
		ASSERT_EQ(0, d_param("p2p_version", versions[i]));
		ASSERT_EQ(0, d_alloc(self->peer, &other, LENGTH));
		EXPECT_EQ(0, t_export_on(self->peer, 1, "version", ANYONE,
					 other.va, LENGTH, &cmd));
		EXPECT_EQ(0, cmd.out_watched);
		EXPECT_EQ(2, d_count("registrations"));
		EXPECT_FALSE(watched(self->fd, "version"));
		EXPECT_EQ(0, t_import(self->fd, "version"));
		EXPECT_EQ(-EBUSY, t_try(self->peer, "version"));
		EXPECT_EQ(0, t_close(self->fd, "version"));
		EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->peer, "version"));
		EXPECT_EQ(0, t_finish(self->peer, "version"));
		ASSERT_EQ(0, d_param("p2p_version", 1));
		EXPECT_EQ(0, t_export_on(self->peer, 1, "version", ANYONE,
					 other.va, LENGTH, &cmd));
		EXPECT_EQ(0, cmd.out_watched);
		EXPECT_EQ(self->gets + 1 + i, d_count("p2p_get"));
		EXPECT_EQ(0, t_import(self->fd, "version"));
		ASSERT_EQ(0, d_free(self->peer, &other));
		EXPECT_EQ(-EAGAIN, t_event(self->fd, &event));
		EXPECT_EQ(0, t_until(d_watches() == 1));
		EXPECT_EQ(1, d_count("registrations"));
		EXPECT_EQ(0, t_close(self->fd, "version"));
		EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->peer, "version"));
		EXPECT_EQ(0, t_finish(self->peer, "version"));
	}
}

static long fn_cycles(int fd, void *arg)
{
	struct memory *memory = arg;
	struct aclipc_export cmd;
	int i, ret;

	for (i = 0; i < 500; i++) {
		ret = t_export_at(fd, "cycle", 0, memory->va, 8192, &cmd);
		if (ret || cmd.out_watched != 1)
			return ret ?: -EPROTO;
		if (i & 1) {
			ret = t_try(fd, "cycle");
			ret = ret == ACLIPC_ANSWER_HELD ?
			      t_finish(fd, "cycle") : -EPROTO;
		} else {
			ret = t_revoke(fd, "cycle", ACLIPC_REVOKE_GONE, 0);
		}
		if (ret)
			return ret;
	}
	return 0;
}

/* Field case 54. */
TEST_F(watch, nothing_grows_with_cycles)
{
	int before = t_refcount("aclipc");

	EXPECT_EQ(0, t_run(self->peer, fn_cycles, &self->memory,
			   sizeof(self->memory)));
	EXPECT_EQ(1, d_watches());
	EXPECT_EQ(self->gets, d_count("p2p_get"));
	EXPECT_EQ(before, t_refcount("aclipc"));
}

static long fn_alloc_export_free(int fd, void *arg)
{
	struct memory *memory = arg;
	struct aclipc_export cmd;
	int i, ret = 0, nr = 0;

	for (i = 0; !ret && i < 4 * WAITING; i++) {
		ret = d_fn_free(fd, memory) ?: d_fn_alloc(fd, memory) ?:
		      t_export_at(fd, "cycle", 0, memory->va, 8192, &cmd);
		nr += cmd.out_watched;
		if (!ret && t_try(fd, "cycle") == ACLIPC_ANSWER_HELD)
			ret = t_finish(fd, "cycle");
	}
	return ret ?: nr;
}

/*
 * The grace periods of those that were called back take their time.  So many of
 * one process may wait for it, then there is no watching.
 */
TEST_F(watch, registrations_that_are_over_are_few)
{
	int nr;

	nr = t_run(self->peer, fn_alloc_export_free, &self->memory,
		   sizeof(self->memory));
	EXPECT_LE(WAITING / 2, nr);
	EXPECT_GE(WAITING, d_watches());
	EXPECT_EQ(nr + self->gets, d_count("p2p_get"));
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	EXPECT_EQ(0, t_until(d_watches() == 0));
	EXPECT_EQ(d_count("p2p_get"), d_count("p2p_put"));
}

struct round {
	struct memory memory;
	int odd;
	int what;
};

/* Other threads export and finish while the memory goes, or the process does. */
struct racer {
	pthread_t thread;
	int fd;
	struct memory memory;
	int nr;
	bool *stop;
};

static void *export_and_finish(void *arg)
{
	struct racer *racer = arg;
	struct aclipc_export cmd;
	char key[16];

	snprintf(key, sizeof(key), "race%d", racer->nr);
	while (!READ_ONCE(*racer->stop)) {
		if (t_export_at(racer->fd, key, 0, racer->memory.va, 8192,
				&cmd))
			return "export";
		if (t_try(racer->fd, key) >= 0)
			t_finish(racer->fd, key);
	}
	return NULL;
}

static long race(int fd, struct round *round, void (*meanwhile)(struct round *))
{
	struct racer racers[3];
	bool stop = false;
	void *bad;
	int i;

	for (i = 0; i < 3; i++) {
		racers[i] = (struct racer){
			.fd = fd,
			.memory = round->memory,
			.nr = i,
			.stop = &stop,
		};
		if (pthread_create(&racers[i].thread, NULL, export_and_finish,
				   &racers[i]))
			return -EAGAIN;
	}
	meanwhile(round);
	WRITE_ONCE(stop, true);
	for (i = 0; i < 3; i++) {
		pthread_join(racers[i].thread, &bad);
		if (bad)
			round->odd++;
	}
	return 0;
}

static void free_and_alloc(struct round *round)
{
	int i;

	for (i = 0; i < 200; i++)
		if (d_fn_free(-1, &round->memory) ||
		    d_fn_alloc(-1, &round->memory))
			round->odd++;
}

static long fn_race(int fd, void *arg)
{
	return race(fd, arg, free_and_alloc);
}

TEST_F(watch, free_that_races_with_export_and_finish)
{
	struct round round = { .memory = self->memory };

	EXPECT_EQ(0, t_run(self->peer, fn_race, &round, sizeof(round)));
	EXPECT_EQ(0, round.odd);
	ASSERT_EQ(0, d_free(self->peer, &round.memory));
	EXPECT_EQ(0, t_until(d_watches() == 0));
	EXPECT_EQ(d_count("p2p_get"), d_count("p2p_put"));
}

static void lose_driver(struct round *round)
{
	poll(NULL, 0, 20);
	if (round->what)
		close(d_fd);
	else
		munmap((void *)(uintptr_t)round->memory.va, 4096);
	poll(NULL, 0, 20);
}

static long fn_lose(int fd, void *arg)
{
	return race(fd, arg, lose_driver);
}

/*
 * The driver gives up who unmaps a part of its range (v2) or closes its
 * descriptor (v3): it hides the process, and walks its registrations after that.
 * Who gives one back in between corrupts its list.
 */
TEST_F(watch, process_that_the_driver_gives_up)
{
	struct round round = { .memory = self->memory };
	int i;

	ASSERT_EQ(0, d_param("hide_ms", 50));
	for (i = 0; i < 2; i++) {
		round.what = i;
		if (i) {
			ASSERT_EQ(SIGKILL, t_kill(self->peer));
			self->peer = t_peer();
			ASSERT_LE(0, self->peer);
			memset(&round.memory, 0, sizeof(round.memory));
			ASSERT_EQ(0, d_alloc(self->peer, &round.memory,
					     LENGTH));
		}
		EXPECT_EQ(0, t_run(self->peer, fn_lose, &round, sizeof(round)));
		EXPECT_EQ(0, round.odd);
		EXPECT_EQ(self->broken, d_broken());
	}
}

/*
 * The old age of v2 writes to a registration after its callback has returned,
 * and frees one that is given back while the process is hidden at once.
 */
TEST_F(watch, driver_that_writes_after_the_callback)
{
	int i;

	ASSERT_EQ(0, d_param("tail_us", 100000));
	ASSERT_EQ(0, t_listen(self->fd));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_set_param("exit_grace_ms", 10));
	ASSERT_EQ(SIGKILL, t_kill(self->peer));
	EXPECT_EQ(0, t_until(d_watches() == 0));
	for (i = 0; i < 5; i++) {
		int peer = t_peer();

		ASSERT_LE(0, peer);
		memset(&self->memory, 0, sizeof(self->memory));
		ASSERT_EQ(0, d_alloc(peer, &self->memory, LENGTH));
		ASSERT_EQ(0, t_export_at(peer, "again", ANYONE,
					 self->memory.va, LENGTH, &self->cmd));
		ASSERT_EQ(1, self->cmd.out_watched);
		if (i & 1)
			ASSERT_EQ(0, d_free(peer, &self->memory));
		ASSERT_EQ(SIGKILL, t_kill(peer));
		EXPECT_EQ(0, t_until(t_state(self->fd, "again") == -ENOENT));
	}
	EXPECT_EQ(0, t_until(d_watches() == 0));
	EXPECT_EQ(self->broken, d_broken());
}

static long fn_free_and_finish(int fd, void *arg)
{
	struct memory *memory = arg;
	struct aclipc_export cmd;
	int i;

	for (i = 0; i < 100; i++) {
		if (t_export_at(fd, "freed", ANYONE, memory->va,
				memory->length, &cmd) ||
		    d_fn_free(fd, memory) ||
		    t_try(fd, "freed") != ACLIPC_ANSWER_HELD ||
		    t_finish(fd, "freed") || d_fn_alloc(fd, memory))
			return -EPROTO;
	}
	return 0;
}

/* FINISH comes before the work that the callback has left. */
TEST_F(watch, finish_right_after_the_free)
{
	EXPECT_EQ(0, t_run(self->peer, fn_free_and_finish, &self->memory,
			   sizeof(self->memory)));
	EXPECT_EQ(0, t_until(d_watches() == 0));
	EXPECT_EQ(d_count("p2p_get"), d_count("p2p_put"));
}

static long fn_exit_with_many(int fd, void *arg)
{
	struct memory *memory = arg;
	struct aclipc_export cmd;
	char key[16];
	int i, ret;

	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		ret = t_export_at(fd, key, ANYONE, memory->va + i * 4096, 4096,
				  &cmd);
		if (ret)
			return ret;
	}
	return 0;
}

/* One deadline for all that a dying process exported, not one for each. */
TEST_F(watch, grace_is_one_for_all_exports)
{
	double from;
	char key[16];
	int i;

	ASSERT_EQ(0, t_run(self->peer, fn_exit_with_many, &self->memory,
			   sizeof(self->memory)));
	ASSERT_EQ(0, t_listen(self->fd));
	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		ASSERT_EQ(0, t_import(self->fd, key));
	}
	ASSERT_EQ(0, t_set_param("exit_grace_ms", 500));
	from = now_s();
	EXPECT_EQ(SIGKILL, t_kill(self->peer));
	EXPECT_EQ(0, t_until(d_watches() == 0));
	/* a hundred of them would be 50 s */
	EXPECT_TRUE(self->svm == 3 || now_s() - from >= 0.5);
	EXPECT_GE(20, now_s() - from);
	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		EXPECT_EQ(ACLIPC_STATE_REVOKED, t_state(self->fd, key));
		EXPECT_EQ(0, t_close(self->fd, key));
	}
}

/* Nor one for each device, which all call back. */
TEST_F(watch, grace_is_one_for_all_devices)
{
	struct memory second = { .device = 1 };
	struct aclipc_export cmd;
	double from;

	if (self->svm != 2)
		SKIP(return, "v3 calls back later than the keys are forgotten");
	ASSERT_EQ(0, d_alloc(self->peer, &second, LENGTH));
	ASSERT_EQ(0, t_export_on(self->peer, 1, "second", ANYONE, second.va,
				 LENGTH, &cmd));
	ASSERT_EQ(1, cmd.out_watched);
	ASSERT_EQ(0, t_listen(self->fd));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_import(self->fd, "second"));
	ASSERT_EQ(0, t_set_param("exit_grace_ms", 8000));
	from = now_s();
	EXPECT_EQ(SIGKILL, t_kill(self->peer));
	EXPECT_EQ(0, t_until(d_watches() == 0));
	EXPECT_LE(8, now_s() - from);
	EXPECT_GT(15.5, now_s() - from);
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, "second"));
}

/* Field case 99: idle, we are not in the way of the driver's removal. */
TEST_F(watch, driver_is_free_when_nothing_is_watched)
{
	struct aclipc_info info;

	ASSERT_EQ(ACLIPC_ANSWER_HELD, t_try(self->peer, KEY));
	ASSERT_EQ(0, t_finish(self->peer, KEY));
	ASSERT_EQ(0, d_free(self->peer, &self->memory));
	ASSERT_EQ(SIGKILL, t_kill(self->peer));
	ASSERT_EQ(0, t_until(t_refcount("ascend_sim") == 0));
	EXPECT_EQ(0, t_info(self->fd, &info));
	EXPECT_TRUE(info.out_caps & ACLIPC_CAP_DRIVER);
	EXPECT_EQ(0, t_refcount("ascend_sim"));
}

T_MAIN

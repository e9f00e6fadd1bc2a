// SPDX-License-Identifier: GPL-2.0
/*
 * The driver tells when memory goes away, and so do we.  The driver is
 * ascend_sim; without it there is nothing to watch.  Field cases 35, 99.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ascend_sim/ascend_sim.h"
#include "common/aclipc_test.h"

#define KEY	"watch_driver"
#define ANYONE	ACLIPC_EXPORT_ANYONE
#define LENGTH	(1 << 20)

/* Memory of a device that a peer has, at an address that it reserved. */
struct memory {
	__u64 va;
	__u64 length;
};

static int sim_fd = -1;

static long sim_call(unsigned int cmd, struct ascend_sim_arg *arg)
{
	if (sim_fd < 0)
		sim_fd = open(ASCEND_SIM_DEV, O_RDWR | O_CLOEXEC);
	if (sim_fd < 0)
		return -errno;
	return ioctl(sim_fd, cmd, arg) ? -errno : 0;
}

static long fn_alloc(int fd, void *arg)
{
	struct memory *memory = arg;
	struct ascend_sim_arg sim = { .len = memory->length };
	long ret;

	/* the device address is a reserved range of the process */
	sim.va = (uintptr_t)mmap(NULL, memory->length, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				 -1, 0);
	ret = sim_call(ASCEND_SIM_DEV_OPEN, &sim);
	if (ret && ret != -EBUSY)
		return ret;
	memory->va = sim.va;
	return sim_call(ASCEND_SIM_ALLOC, &sim);
}

static long fn_free(int fd, void *arg)
{
	struct memory *memory = arg;
	struct ascend_sim_arg sim = { .va = memory->va };

	return sim_call(ASCEND_SIM_FREE, &sim);
}

static long fn_reset(int fd, void *arg)
{
	struct ascend_sim_arg sim = {};

	return sim_call(ASCEND_SIM_DEV_CLOSE, &sim);
}

static long fn_close_driver(int fd, void *arg)
{
	int ret = close(sim_fd) ? -errno : 0;

	sim_fd = -1;
	return ret;
}

static int alloc(int peer, struct memory *memory, __u64 length)
{
	memory->length = length;
	return t_run(peer, fn_alloc, memory, sizeof(*memory));
}

static int release(int peer, struct memory *memory)
{
	return t_run(peer, fn_free, memory, sizeof(*memory));
}

static int sim_param(const char *name, int value)
{
	char path[128], buf[16];

	snprintf(path, sizeof(path), "/sys/module/ascend_sim/parameters/%s",
		 name);
	snprintf(buf, sizeof(buf), "%d", value);
	return t_put(path, buf);
}

static int refcount(const char *module)
{
	char path[128], buf[16];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	if (t_slurp(path, buf, sizeof(buf)) < 0)
		return -1;
	return atoi(buf);
}

static unsigned int watches(void)
{
	struct t_counts counts;

	return t_counts(&counts) ? 9999 : counts.watches;
}

/* What the driver counts in file under name. */
static long ledger(const char *file, const char *name)
{
	char path[128], buf[4096], *at;

	snprintf(path, sizeof(path), "/sys/kernel/debug/ascend_sim/%s", file);
	if (t_slurp(path, buf, sizeof(buf)) < 0)
		return 0;
	at = strstr(buf, name);
	return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

/* A promise to the driver that we broke. */
static long violations(const char *name)
{
	return ledger("violations", name);
}

FIXTURE(watch)
{
	int fd;
	int peer;		/* exporter */
	struct memory memory;
	struct aclipc_export cmd;
	long wrong;
};

FIXTURE_SETUP(watch)
{
	if (access(ASCEND_SIM_DEV, F_OK))
		SKIP(return, "no ascend_sim");
	ASSERT_EQ(0, t_set_param("settle_ms", T_SETTLE_MS));
	self->wrong = violations("put_wrong_context") +
		      violations("use_after_callback");
	self->fd = t_open();
	self->peer = t_peer();
	ASSERT_LE(0, self->peer);
	ASSERT_EQ(0, alloc(self->peer, &self->memory, LENGTH));
	ASSERT_EQ(0, t_export_at(self->peer, KEY, ANYONE, self->memory.va,
				 LENGTH, &self->cmd));
	ASSERT_EQ(1, self->cmd.out_watched);
}

FIXTURE_TEARDOWN_PARENT(watch)
{
	if (access(ASCEND_SIM_DEV, F_OK))
		return;
	EXPECT_EQ(0, sim_param("p2p_fail", 0));
	EXPECT_EQ(0, sim_param("p2p_version", 1));
	EXPECT_EQ(0, t_nothing_left());
	EXPECT_EQ(0, t_until(refcount("aclipc") == 0));
	EXPECT_EQ(0, t_until(refcount("ascend_sim") == 0));
	EXPECT_EQ(self->wrong, violations("put_wrong_context") +
			       violations("use_after_callback"));
}

TEST_F(watch, registration_holds_the_module_and_ends_with_finish)
{
	struct aclipc_query query;
	struct aclipc_info info;
	int before = refcount("aclipc");

	EXPECT_EQ(1, watches());
	EXPECT_EQ(0, t_info(self->fd, &info));
	EXPECT_EQ(1, info.out_nr_watches);
	EXPECT_TRUE(info.out_caps & ACLIPC_CAP_DRIVER);
	EXPECT_EQ(0, t_query(self->fd, KEY, 0, &query));
	EXPECT_TRUE(query.out_flags & ACLIPC_QUERY_WATCHED);
	EXPECT_LT(0, before);
	EXPECT_LT(0, refcount("ascend_sim"));
	ASSERT_EQ(ACLIPC_ANSWER_HELD, t_try(self->peer, KEY));
	EXPECT_EQ(1, watches());
	ASSERT_EQ(0, t_finish(self->peer, KEY));
	EXPECT_EQ(0, watches());
	EXPECT_EQ(before - 1, refcount("aclipc"));
	ASSERT_EQ(0, release(self->peer, &self->memory));
}

TEST_F(watch, free_revokes)
{
	struct aclipc_event event;

	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, release(self->peer, &self->memory));
	EXPECT_EQ(0, t_event_wait(self->fd, &event));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, event.type);
	EXPECT_EQ(ACLIPC_REASON_FREED, event.reason);
	EXPECT_EQ(-EOWNERDEAD, t_import(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(0, t_until(watches() == 0));
	EXPECT_EQ(ACLIPC_ANSWER_REVOKED, t_try(self->peer, KEY));
	EXPECT_EQ(0, t_finish(self->peer, KEY));
	EXPECT_EQ(-ENOENT, t_import(self->fd, KEY));
}

/* One free takes all keys of the memory, and the free is not delayed. */
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
	EXPECT_EQ(9, watches());
	ASSERT_EQ(0, release(self->peer, &self->memory));
	for (i = 0; i < 8; i++) {
		snprintf(key, sizeof(key), "part%d", i);
		EXPECT_EQ(ACLIPC_STATE_REVOKED, t_state(self->fd, key));
		EXPECT_EQ(0, t_close(self->fd, key));
	}
	EXPECT_EQ(0, t_until(watches() == 0));
}

TEST_F(watch, reset_of_the_device_revokes)
{
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_run(self->peer, fn_reset, NULL, 0));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
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
	EXPECT_EQ(0, t_until(watches() == 0));
}

/* An importer that does not leave delays it by the grace, and no longer. */
TEST_F(watch, killed_exporter_and_an_importer_that_stays)
{
	ASSERT_EQ(0, t_set_param("exit_grace_ms", 100));
	ASSERT_EQ(0, t_import(self->fd, KEY));
	EXPECT_EQ(SIGKILL, t_kill(self->peer));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(self->fd, KEY));
	EXPECT_EQ(0, t_until(watches() == 0));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	ASSERT_EQ(0, t_set_param("exit_grace_ms", 1000));
}

/* Both sides are killed: nobody waits for the other, whatever the grace. */
TEST_F(watch, killed_job)
{
	int importer = t_peer();

	ASSERT_LE(0, importer);
	ASSERT_EQ(0, t_import(importer, KEY));
	EXPECT_EQ(0, t_signal(importer, SIGKILL));
	EXPECT_EQ(0, t_signal(self->peer, SIGKILL));
	EXPECT_EQ(SIGKILL, t_gone(self->peer));
	EXPECT_EQ(SIGKILL, t_gone(importer));
	EXPECT_EQ(0, t_until(watches() == 0));
}

/* Our descriptor goes first; the registration stays until memory goes. */
TEST_F(watch, descriptor_closed_while_the_memory_stays)
{
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_close_fd(self->peer));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(self->fd, KEY));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(1, watches());
	/* no descriptor is open, but the registration holds both modules */
	ASSERT_EQ(0, close(self->fd));
	EXPECT_EQ(0, t_until(refcount("aclipc") == 1));
	EXPECT_EQ(-1, syscall(SYS_delete_module, "aclipc", O_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(-1, syscall(SYS_delete_module, "ascend_sim", O_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, release(self->peer, &self->memory));
	EXPECT_EQ(0, t_until(watches() == 0));
}

TEST_F(watch, driver_descriptor_closed_first)
{
	ASSERT_EQ(0, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_run(self->peer, fn_close_driver, NULL, 0));
	EXPECT_EQ(0, t_close(self->fd, KEY));
	EXPECT_EQ(SIGKILL, t_kill(self->peer));
	EXPECT_EQ(0, t_until(watches() == 0));
}

/* Revoked without GONE: it may still be in the driver, so it is watched. */
TEST_F(watch, revoked_by_force)
{
	ASSERT_EQ(0, t_revoke(self->fd, KEY, 0, 0));
	EXPECT_EQ(1, watches());
	ASSERT_EQ(0, t_revoke(self->peer, KEY, ACLIPC_REVOKE_GONE, 0));
	EXPECT_EQ(0, watches());
	ASSERT_EQ(0, release(self->peer, &self->memory));
}

TEST_F(watch, unwatched_by_request)
{
	struct aclipc_export cmd;
	struct aclipc_query query;

	ASSERT_EQ(0, t_export_at(self->peer, "unwatched",
				 ACLIPC_EXPORT_UNWATCHED, self->memory.va,
				 LENGTH, &cmd));
	EXPECT_EQ(0, cmd.out_watched);
	EXPECT_EQ(1, watches());
	EXPECT_EQ(0, t_query(self->peer, "unwatched", 0, &query));
	EXPECT_FALSE(query.out_flags & ACLIPC_QUERY_WATCHED);
	ASSERT_EQ(0, release(self->peer, &self->memory));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->peer, "unwatched"));
}

/* Best effort: memory that the driver does not watch is ordered all the same. */
TEST_F(watch, region_that_the_driver_refuses)
{
	static const __u64 lengths[] = { 1, 4096, 1ULL << 40, ~0ULL - 8192 };
	struct aclipc_export cmd;
	char key[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		snprintf(key, sizeof(key), "refused%zu", i);
		EXPECT_EQ(0, t_export_at(self->peer, key, ANYONE, 4096,
					 lengths[i], &cmd));
		EXPECT_EQ(0, cmd.out_watched);
		EXPECT_EQ(0, t_import(self->fd, key));
		EXPECT_EQ(-EBUSY, t_try(self->peer, key));
		EXPECT_EQ(0, t_close(self->fd, key));
		EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->peer, key));
		EXPECT_EQ(0, t_finish(self->peer, key));
	}
	EXPECT_EQ(1, watches());
	/* somebody else's memory */
	EXPECT_EQ(0, t_export_at(self->fd, "foreign", ANYONE, self->memory.va,
				 LENGTH, &cmd));
	EXPECT_EQ(0, cmd.out_watched);
}

TEST_F(watch, driver_that_fails)
{
	static const int errors[] = { EINVAL, ENOMEM, EOPNOTSUPP, ESRCH };
	struct aclipc_export cmd;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		ASSERT_EQ(0, sim_param("p2p_fail", errors[i]));
		EXPECT_EQ(0, t_export_at(self->peer, "fails", ANYONE,
					 self->memory.va, LENGTH, &cmd));
		EXPECT_EQ(0, cmd.out_watched);
		EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->peer, "fails"));
		EXPECT_EQ(0, t_finish(self->peer, "fails"));
	}
	ASSERT_EQ(0, sim_param("p2p_fail", 0));
	EXPECT_EQ(1, watches());
}

/* What is not understood is given back, and the memory ordered all the same. */
TEST_F(watch, page_table_of_another_version)
{
	static const int versions[] = { 0, 2, 0x10001 };
	long gets = ledger("counts", "p2p_get");
	struct aclipc_export cmd;
	struct aclipc_query query;
	struct aclipc_event event;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(versions); i++) {
		ASSERT_EQ(0, sim_param("p2p_version", versions[i]));
		EXPECT_EQ(0, t_export_at(self->peer, "version", ANYONE,
					 self->memory.va, LENGTH, &cmd));
		EXPECT_EQ(0, cmd.out_watched);
		/* the driver did hand one out */
		EXPECT_EQ(gets + i + 1, ledger("counts", "p2p_get"));
		EXPECT_EQ(1, ledger("counts", "registrations"));
		EXPECT_EQ(1, watches());
		EXPECT_EQ(0, t_query(self->peer, "version", 0, &query));
		EXPECT_FALSE(query.out_flags & ACLIPC_QUERY_WATCHED);
		EXPECT_EQ(0, t_import(self->fd, "version"));
		EXPECT_EQ(-EBUSY, t_try(self->peer, "version"));
		EXPECT_EQ(0, t_close(self->fd, "version"));
		EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->peer, "version"));
		EXPECT_EQ(0, t_finish(self->peer, "version"));
	}
	/* and nobody is told of a free, but for the key that is watched */
	EXPECT_EQ(0, t_export_at(self->peer, "version", ANYONE,
				 self->memory.va, LENGTH, &cmd));
	EXPECT_EQ(0, t_import(self->fd, "version"));
	ASSERT_EQ(0, release(self->peer, &self->memory));
	EXPECT_EQ(-EAGAIN, t_event(self->fd, &event));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->peer, "version"));
	EXPECT_EQ(0, t_close(self->fd, "version"));
	EXPECT_EQ(0, t_until(watches() == 0));
	EXPECT_EQ(0, ledger("counts", "registrations"));
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
	int before = refcount("aclipc");

	EXPECT_EQ(0, t_run(self->peer, fn_cycles, &self->memory,
			   sizeof(self->memory)));
	EXPECT_EQ(1, watches());
	EXPECT_EQ(before, refcount("aclipc"));
}

struct round {
	struct memory memory;
	__u64 seed;
	int odd;
};

/* The free comes while other threads export and finish: both may put. */
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
		int ret = t_export_at(racer->fd, key, 0, racer->memory.va,
				      8192, &cmd);

		if (ret && ret != -EOWNERDEAD)
			return "export";
		if (!ret && t_try(racer->fd, key) >= 0)
			t_finish(racer->fd, key);
	}
	return NULL;
}

static long fn_race(int fd, void *arg)
{
	struct ascend_sim_arg sim = {};
	struct round *round = arg;
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
	for (i = 0; i < 200; i++) {
		sim = (struct ascend_sim_arg){ .va = round->memory.va };
		sim_call(ASCEND_SIM_FREE, &sim);
		sim = (struct ascend_sim_arg){
			.va = round->memory.va,
			.len = round->memory.length,
		};
		if (sim_call(ASCEND_SIM_ALLOC, &sim))
			round->odd++;
	}
	WRITE_ONCE(stop, true);
	for (i = 0; i < 3; i++) {
		pthread_join(racers[i].thread, &bad);
		if (bad)
			round->odd++;
	}
	return 0;
}

TEST_F(watch, free_that_races_with_export_and_finish)
{
	struct round round = { .memory = self->memory };

	EXPECT_EQ(0, t_run(self->peer, fn_race, &round, sizeof(round)));
	EXPECT_EQ(0, round.odd);
	EXPECT_EQ(0, t_until(watches() == 0));
}

static long fn_free_and_finish(int fd, void *arg)
{
	struct memory *memory = arg;
	struct ascend_sim_arg sim = {
		.va = memory->va, .len = memory->length,
	};
	struct aclipc_export cmd;
	int i;

	for (i = 0; i < 100; i++) {
		if (t_export_at(fd, "freed", ANYONE, memory->va,
				memory->length, &cmd) ||
		    sim_call(ASCEND_SIM_FREE, &sim) ||
		    t_try(fd, "freed") != ACLIPC_ANSWER_REVOKED ||
		    t_finish(fd, "freed") ||
		    sim_call(ASCEND_SIM_ALLOC, &sim))
			return -EPROTO;
	}
	return 0;
}

/* FINISH comes before the work that the callback has left: one of them puts. */
TEST_F(watch, finish_right_after_the_free)
{
	EXPECT_EQ(0, t_run(self->peer, fn_free_and_finish, &self->memory,
			   sizeof(self->memory)));
	EXPECT_EQ(0, t_until(watches() == 0));
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
	struct timespec from, to;
	char key[16];
	int i;

	ASSERT_EQ(0, t_run(self->peer, fn_exit_with_many, &self->memory,
			   sizeof(self->memory)));
	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		ASSERT_EQ(0, t_import(self->fd, key));
	}
	ASSERT_EQ(0, t_set_param("exit_grace_ms", 500));
	clock_gettime(CLOCK_MONOTONIC, &from);
	EXPECT_EQ(SIGKILL, t_kill(self->peer));
	EXPECT_EQ(0, t_until(watches() == 0));
	clock_gettime(CLOCK_MONOTONIC, &to);
	/* a hundred of them would be 50 s */
	EXPECT_GE(20, to.tv_sec - from.tv_sec);
	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		EXPECT_EQ(ACLIPC_STATE_REVOKED, t_state(self->fd, key));
		EXPECT_EQ(0, t_close(self->fd, key));
	}
	ASSERT_EQ(0, t_set_param("exit_grace_ms", 1000));
}

/* Field case 99: idle, we are not in the way of the driver's removal. */
TEST_F(watch, driver_is_free_when_nothing_is_watched)
{
	struct aclipc_info info;

	ASSERT_EQ(ACLIPC_ANSWER_HELD, t_try(self->peer, KEY));
	ASSERT_EQ(0, t_finish(self->peer, KEY));
	ASSERT_EQ(0, release(self->peer, &self->memory));
	ASSERT_EQ(SIGKILL, t_kill(self->peer));
	ASSERT_EQ(0, t_until(refcount("ascend_sim") == 0));
	EXPECT_EQ(0, t_info(self->fd, &info));
	EXPECT_TRUE(info.out_caps & ACLIPC_CAP_DRIVER);
	EXPECT_EQ(0, refcount("ascend_sim"));
}

T_MAIN

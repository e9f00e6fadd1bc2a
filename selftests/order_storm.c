// SPDX-License-Identifier: GPL-2.0
/*
 * Sixteen processes import, close, export, revoke and die at once.  A ledger in
 * shared memory says how many have each key open; nobody is ever answered HELD
 * while it says that somebody has.  Field cases 67, 74, 100.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/aclipc_test.h"

#define NR_KEYS		6
#define NR_PROCS	16
#define ROUNDS		1500
#define ANYONE		ACLIPC_EXPORT_ANYONE

/* What importers say of themselves: written after IMPORT and before CLOSE. */
struct ledger {
	int open[NR_KEYS];	/* by others than the exporter, at least */
	int early;		/* HELD while somebody had it open */
	int lost;		/* a close that was counted was refused */
	int odd;		/* an answer that cannot be */
	int odd_what;
	long held, imports;
};

static struct ledger *ledger;

struct task {
	__u64 seed;
	int rounds;
	int nr;			/* exporter of this key, importer if < 0 */
};

static void key_name(char *key, int nr)
{
	sprintf(key, "storm%d", nr);
}

static void odd(int what)
{
	__atomic_add_fetch(&ledger->odd, 1, __ATOMIC_SEQ_CST);
	ledger->odd_what = what;
}

static void held(int nr)
{
	if (__atomic_load_n(&ledger->open[nr], __ATOMIC_SEQ_CST))
		__atomic_add_fetch(&ledger->early, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&ledger->held, 1, __ATOMIC_SEQ_CST);
}

/* Export, close in any way, again. */
static long fn_exporter(int fd, void *arg)
{
	struct task *task = arg;
	struct aclipc_event event;
	char key[16];
	int i, ret;

	key_name(key, task->nr);
	for (i = 0; i < task->rounds; i++) {
		ret = t_export(fd, key, ANYONE);
		if (ret)
			odd(1000 - ret);
		sched_yield();
		switch (t_rand(&task->seed) % 3) {
		case 0:
			do {
				ret = t_try(fd, key);
				if (ret == -EBUSY)
					ret = t_wait(fd, key, 5);
			} while (ret == -ETIMEDOUT || ret == -EDEADLK);
			break;
		case 1:
			do
				ret = t_wait(fd, key, T_BOUND_MS);
			while (ret == -EDEADLK);
			break;
		default:
			ret = t_defer(fd, key);
			while (ret == ACLIPC_ANSWER_PENDING) {
				if (t_event_wait(fd, &event))
					odd(3000);
				ret = t_defer(fd, key);
			}
			break;
		}
		if (ret != ACLIPC_ANSWER_HELD) {
			odd(2000 - ret);
			continue;
		}
		held(task->nr);
		if (t_rand(&task->seed) % 4 == 0) {
			ret = t_abort(fd, key);
			if (ret)
				odd(5000 - ret);
			do
				ret = t_wait(fd, key, T_BOUND_MS);
			while (ret == -EDEADLK);
			if (ret != ACLIPC_ANSWER_HELD)
				odd(6000 - ret);
			else
				held(task->nr);
		}
		sched_yield();
		held(task->nr);
		ret = t_finish(fd, key);
		if (ret)
			odd(4000 - ret);
	}
	return 0;
}

/* Import any key, hold it for a moment, close it as often. */
static long fn_importer(int fd, void *arg)
{
	struct task *task = arg;
	char key[16];
	int i, n, ret;

	for (i = 0; i < task->rounds; i++) {
		int nr = t_rand(&task->seed) % NR_KEYS;
		int times = 1 + t_rand(&task->seed) % 3, got = 0;

		key_name(key, nr);
		for (n = 0; n < times; n++) {
			ret = t_import(fd, key);
			if (!ret) {
				__atomic_add_fetch(&ledger->open[nr], 1,
						   __ATOMIC_SEQ_CST);
				got++;
			} else if (ret != -ENOENT && ret != -ESHUTDOWN &&
				   ret != -EOWNERDEAD) {
				odd(7000 - ret);
			}
		}
		__atomic_add_fetch(&ledger->imports, got, __ATOMIC_SEQ_CST);
		sched_yield();
		while (got) {
			__atomic_sub_fetch(&ledger->open[nr], 1,
					   __ATOMIC_SEQ_CST);
			ret = t_close(fd, key);
			if (ret != --got)
				__atomic_add_fetch(&ledger->lost, 1,
						   __ATOMIC_SEQ_CST);
		}
		if (t_close(fd, key) != -ENOENT)
			odd(8000);
	}
	return 0;
}

FIXTURE(storm)
{
	int fd;
	__u64 seed;
	int peers[NR_PROCS];
};

FIXTURE_SETUP(storm)
{
	int i;

	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	self->seed = t_seed("STORM_SEED");
	ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, ledger);
	self->fd = t_open();
	for (i = 0; i < NR_PROCS; i++) {
		self->peers[i] = t_peer();
		ASSERT_LE(0, self->peers[i]);
	}
}

FIXTURE_TEARDOWN_PARENT(storm)
{
	EXPECT_EQ(0, t_nothing_left());
}

/* Longer than T_BOUND_MS in all, but never without an answer of anybody. */
static int done(int peer)
{
	if (t_until(!t_busy(peer)))
		return -ETIMEDOUT;
	return t_done(peer, NULL, 0);
}

TEST_F(storm, of_exporters_and_importers)
{
	struct task task;
	int i;

	for (i = 0; i < NR_PROCS; i++) {
		task = (struct task){
			.seed = t_rand(&self->seed),
			.rounds = i < NR_KEYS ? ROUNDS / 5 : ROUNDS,
			.nr = i,
		};
		ASSERT_EQ(0, t_start(self->peers[i], i < NR_KEYS ?
				     fn_exporter : fn_importer, &task,
				     sizeof(task)));
	}
	for (i = 0; i < NR_PROCS; i++)
		EXPECT_EQ(0, done(self->peers[i]));
	EXPECT_EQ(0, ledger->early);
	EXPECT_EQ(0, ledger->lost);
	EXPECT_EQ(0, ledger->odd) {
		TH_LOG("what %d", ledger->odd_what);
	}
	EXPECT_LT(0, ledger->held);
	EXPECT_LT(0, ledger->imports);
}

/* Field case 74: a kill between any two calls. */
TEST_F(storm, of_importers_that_are_killed)
{
	struct task task;
	int i, round;

	for (i = 0; i < NR_PROCS; i++) {
		task = (struct task){
			.seed = t_rand(&self->seed),
			.rounds = i < NR_KEYS ? 40 : 1 << 30,
			.nr = i,
		};
		ASSERT_EQ(0, t_start(self->peers[i], i < NR_KEYS ?
				     fn_exporter : fn_importer, &task,
				     sizeof(task)));
	}
	for (round = NR_KEYS; round < NR_PROCS; round++) {
		poll(NULL, 0, t_rand(&self->seed) % 50);
		EXPECT_TRUE(t_busy(self->peers[round]));
		EXPECT_EQ(SIGKILL, t_kill(self->peers[round]));
	}
	/* the ledger knows of no death, so only answers count here */
	for (i = 0; i < NR_KEYS; i++)
		EXPECT_EQ(0, done(self->peers[i]));
	EXPECT_EQ(0, ledger->lost);
	EXPECT_EQ(0, ledger->odd) {
		TH_LOG("what %d", ledger->odd_what);
	}
}

/* All of one process, with all kinds of calls, and revoked from outside. */
static long fn_anything(int fd, void *arg)
{
	struct task *task = arg;
	struct aclipc_query query;
	struct aclipc_event event;
	char key[16];
	int i, nr;

	for (i = 0; i < task->rounds; i++) {
		nr = t_rand(&task->seed) % NR_KEYS;
		key_name(key, nr);
		switch (t_rand(&task->seed) % 12) {
		case 0:
			t_export(fd, key, ANYONE);
			break;
		case 1:
		case 2:
			t_import(fd, key);
			break;
		case 3:
		case 4:
			t_close(fd, key);
			break;
		case 5:
			t_wait(fd, key, t_rand(&task->seed) % 3);
			break;
		case 6:
			t_defer(fd, key);
			break;
		case 7:
			t_finish(fd, key);
			break;
		case 8:
			t_abort(fd, key);
			break;
		case 9:
			/* peers are privileged: anybody's key */
			t_revoke(fd, key, 0, 0);
			break;
		case 10:
			if (!t_query(fd, key, 0, &query) &&
			    query.out_settling > query.out_imports)
				odd(9000);
			t_holders(fd, key, NULL, 0);
			break;
		case 11:
			t_event(fd, &event);
			break;
		}
	}
	return 0;
}

TEST_F(storm, of_all_calls_by_all_on_the_same_keys)
{
	struct aclipc_query query;
	struct t_counts counts;
	struct task task;
	char key[16];
	int i;

	for (i = 0; i < NR_PROCS; i++) {
		task = (struct task){
			.seed = t_rand(&self->seed),
			.rounds = 2 * ROUNDS,
		};
		ASSERT_EQ(0, t_start(self->peers[i], fn_anything, &task,
				     sizeof(task)));
	}
	for (i = 0; i < NR_PROCS; i++) {
		int dead = i % 4 == 0;

		EXPECT_EQ(dead ? SIGKILL : 0, dead ? t_kill(self->peers[i]) :
						     done(self->peers[i]));
	}
	EXPECT_EQ(0, ledger->odd);
	for (i = 1; i < NR_PROCS; i++)
		if (i % 4)
			EXPECT_EQ(SIGKILL, t_kill(self->peers[i]));
	/* all ended: no import is left of anybody */
	EXPECT_EQ(0, t_until(!t_counts(&counts) && !counts.imports &&
			     !counts.settling));
	for (i = 0; i < NR_KEYS; i++) {
		key_name(key, i);
		EXPECT_EQ(0, t_until(t_query(self->fd, key, 0, &query) ==
				     -ENOENT));
	}
}

/* Revoke and export the same key for ever; nothing else ends its lives. */
static long fn_supersede(int fd, void *arg)
{
	struct task *task = arg;
	__u64 generation;
	int i;

	for (i = 0; i < task->rounds; i++) {
		if (t_export_gen(fd, "superseded", ANYONE, &generation))
			odd(10000);
		if (t_revoke_gen(fd, "superseded", generation, 0, 0) < 0)
			odd(10001);
	}
	WRITE_ONCE(ledger->early, 1);
	return 0;
}

static long fn_close_superseded(int fd, void *arg)
{
	struct aclipc_query query;

	while (!READ_ONCE(ledger->early)) {
		if (t_import(fd, "superseded"))
			continue;
		__atomic_add_fetch(&ledger->imports, 1, __ATOMIC_SEQ_CST);
		/* whatever became of the key, it is the only one we have */
		if (t_query(fd, "superseded", 0, &query) == -ENOENT)
			odd(10002);
		if (t_close(fd, "superseded"))
			__atomic_add_fetch(&ledger->lost, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

TEST_F(storm, of_exports_over_keys_that_are_being_closed)
{
	struct task task = { .rounds = 10 * ROUNDS };
	int i;

	ASSERT_EQ(0, t_start(self->peers[0], fn_supersede, &task,
			     sizeof(task)));
	for (i = 1; i < 4; i++)
		ASSERT_EQ(0, t_start(self->peers[i], fn_close_superseded, &task,
				     sizeof(task)));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, done(self->peers[i]));
	EXPECT_EQ(0, ledger->lost);
	EXPECT_EQ(0, ledger->odd) {
		TH_LOG("what %d", ledger->odd_what);
	}
	EXPECT_LT(0, ledger->imports);
}

T_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * Torture: processes that export, import, close, free, fork and reset at random
 * through the library, killed, stopped and continued at random, from outside
 * and by themselves between any two calls.
 *
 * Oracle: the driver's ledger shows no broken promise, everybody who is left
 * alone ends by itself, and then nothing is left anywhere.
 *
 * SEED=n runs it again, as far as the scheduler allows; DURATION=n is how many
 * seconds it goes on (make torture SEED=n DURATION=n).
 */
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include "lib_test.h"
#include "common/aclipc_test.h"

#define ACTORS		8
#define KEYS		24	/* of the board */
#define OWN		4
#define HELD		6
#define SECONDS		20
#define END_MS		60000

/*
 * Far shorter than what the dead leave on the device takes to go; and far longer,
 * also if the machine stands still for seconds.  The driver has to be asked.
 */
#define SETTLE_MS	100
#define SETTLE_MAX_MS	60000
#define TEARDOWN_MS	8000
#define GRACE_MS	50

struct actor {
	pid_t pid;
	unsigned int born;
	bool stopped;
};

/* what all see; written without locks, so a key may be torn: then it is bad */
struct board {
	char key[KEYS][65];
	unsigned long calls[ACTORS];
	unsigned long exports, imports, closes, frees, forks, suicides;
	unsigned long repairs, late, munmaps, driver_closes;
	bool stop;
};

struct own {
	void *addr;
	char key[65];
	bool exported;
};

struct held {
	void *addr;
	char key[65];
};

/* one process's own */
struct self {
	struct board *board;
	int nr;
	__u64 seed;
	struct own own[OWN];
	struct held held[HELD];
	bool lost;			/* the driver knows it no more */
};

static long option(const char *name, long otherwise)
{
	const char *env = getenv(name);

	return env && *env ? atol(env) : otherwise;
}

static __u64 dice(struct self *s, __u64 sides)
{
	return (t_rand(&s->seed) >> 11) % sides;
}

static void count(unsigned long *what)
{
	__atomic_fetch_add(what, 1, __ATOMIC_RELAXED);
}

/* Between every pair of calls: die, stop, sleep, or go on. */
static void between(struct self *s)
{
	struct timespec nap = { 0, 1000 * (long)dice(s, 2000) };

	count(&s->board->calls[s->nr]);
	switch (dice(s, 256)) {
	case 0:
		count(&s->board->suicides);
		kill(getpid(), SIGKILL);
		break;
	case 1:
		kill(getpid(), SIGSTOP);
		break;
	case 2 ... 63:
		nanosleep(&nap, NULL);
		break;
	case 64 ... 70:
		sched_yield();
		break;
	}
}

static void act_policy(struct self *s)
{
	LIB(aclipc_set_policy)(ACLIPC_POLICY_DEFER + dice(s, 3),
			       dice(s, 200));
}

static void act_export(struct self *s)
{
	static const long sizes[] = {
		4096, 65536, SMALL, MIB, BIG, BIG + 4096,
	};
	struct own *own = &s->own[dice(s, OWN)];
	long size = sizes[dice(s, ARRAY_SIZE(sizes))];
	int32_t pids[2] = { 1, getppid() };
	bool anyone = dice(s, 8);

	if (!own->addr) {
		if (aclrtMalloc(&own->addr, size, ACL_MEM_MALLOC_HUGE_FIRST)) {
			own->addr = NULL;
			return;
		}
		between(s);
		if (aclrtIpcMemGetExportKey(own->addr, size, own->key, 65,
					    anyone))
			return;
		own->exported = true;
		count(&s->board->exports);
		between(s);
		if (!anyone)
			aclrtIpcMemSetImportPid(own->key, pids, 2);
	}
	if (own->exported)
		memcpy(s->board->key[dice(s, KEYS)], own->key, 65);
}

static void act_close_own(struct self *s, struct own *own)
{
	if (!own->exported)
		return;
	/* refused or timed out: it is as it was */
	if (!aclrtIpcMemClose(own->key)) {
		own->exported = false;
		count(&s->board->closes);
	}
}

static void act_free_own(struct self *s, struct own *own)
{
	if (!own->addr || aclrtFree(own->addr))
		return;
	own->addr = NULL;
	own->exported = false;
	count(&s->board->frees);
}

/* The driver tells of memory that stays: v3, as if the page were freed. */
static void act_repair(struct self *s)
{
	struct own *own = &s->own[dice(s, OWN)];
	struct MemRepairInPara in = {
		.count = 1,
		.repairAddrs = { { (uintptr_t)own->addr, 4096 } },
	};

	if (own->addr &&
	    !halMemCtl(CTRL_TYPE_MEM_REPAIR, &in, sizeof(in), NULL, NULL))
		count(&s->board->repairs);
}

/* The next free that reaches the driver fails when it has told. */
static void act_fail_late(struct self *s)
{
	ascend_sim_fail("freelate", 1, 1);
	count(&s->board->late);
	act_free_own(s, &s->own[dice(s, OWN)]);
}

/* The driver's descriptor: replaced, so that nobody else gets its number. */
static void close_driver(void)
{
	int fd, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char path[32], target[64];
	ssize_t n;

	for (fd = 3; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = 0;
		if (!strcmp(target, "/dev/ascend_sim"))
			dup3(null, fd, O_CLOEXEC);
	}
	close(null);
}

static void *close_all(void *arg)
{
	struct self *s = arg;
	int i;

	for (i = 0; i < OWN; i++) {
		act_close_own(s, &s->own[i]);
		act_free_own(s, &s->own[i]);
	}
	return NULL;
}

/*
 * The driver gives a process up that unmaps a part of its range (v2), or closes
 * its descriptor (v3), while other threads of it close and free.
 */
static void act_lose(struct self *s)
{
	void *addr = s->own[dice(s, OWN)].addr;
	pthread_t thread;

	if (s->lost || !addr)
		return;
	s->lost = true;
	if (pthread_create(&thread, NULL, close_all, s))
		return;
	if (dice(s, 2))
		sched_yield();
	if (dice(s, 4)) {
		count(&s->board->munmaps);
		munmap(addr, 4096);
	} else {
		count(&s->board->driver_closes);
		close_driver();
	}
	pthread_join(thread, NULL);
	/* it lives on for a while, in which nothing can be done */
	if (dice(s, 2))
		_exit(0);
}

static bool is_mine(const struct self *s, const char *key)
{
	int i;

	for (i = 0; i < OWN; i++)
		if (s->own[i].exported && !memcmp(s->own[i].key, key, 65))
			return true;
	return false;
}

static void act_import(struct self *s)
{
	struct held *held = &s->held[dice(s, HELD)];
	char byte;

	if (held->addr)
		return;
	memcpy(held->key, s->board->key[dice(s, KEYS)], 65);
	held->key[64] = 0;
	if (!held->key[0] || is_mine(s, held->key))
		return;
	if (aclrtIpcMemImportByKey(&held->addr, held->key, dice(s, 2))) {
		held->addr = NULL;
		return;
	}
	count(&s->board->imports);
	between(s);
	/* an error if its exporter was killed */
	aclrtMemcpy(&byte, 1, held->addr, 1, ACL_MEMCPY_DEVICE_TO_HOST);
}

static void act_close_held(struct self *s, struct held *held)
{
	if (!held->addr)
		return;
	aclrtIpcMemClose(held->key);
	held->addr = NULL;
	count(&s->board->closes);
}

/*
 * A child that keeps the driver's descriptor would put its cleaning off beyond
 * any settle time, which nobody can help; so it gives its descriptors up first.
 */
static void act_fork(struct self *s)
{
	bool destructors = dice(s, 2);
	pid_t pid = dice(s, 3) ? fork() : vfork();

	if (!pid && destructors) {
		syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_UNSHARE);
		_exit(0);
	}
	if (!pid)
		_exit(0);
	count(&s->board->forks);
	between(s);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* A reset takes what others still use, after its bound: only as an importer. */
static void act_reset(struct self *s)
{
	uint32_t pending = 0;
	uint64_t bytes = 0;
	int i;

	for (i = 0; i < OWN; i++)
		if (s->own[i].addr)
			return;
	if (s->lost)
		return;
	if (LIB(aclipc_pending)(NULL, 0, &pending, &bytes) || pending || bytes)
		return;
	if (aclrtResetDevice(0))
		return;
	for (i = 0; i < HELD; i++)
		s->held[i].addr = NULL;
	between(s);
	aclrtSetDevice(0);
}

static void act(struct self *s)
{
	switch (dice(s, 16)) {
	case 0:
		act_policy(s);
		break;
	case 1 ... 4:
		act_export(s);
		break;
	case 5 ... 9:
		act_import(s);
		break;
	case 10 ... 11:
		act_close_held(s, &s->held[dice(s, HELD)]);
		break;
	case 12:
		act_close_own(s, &s->own[dice(s, OWN)]);
		break;
	case 13:
		act_free_own(s, &s->own[dice(s, OWN)]);
		break;
	case 14:
		act_fork(s);
		break;
	case 15:
		switch (dice(s, 16)) {
		case 0 ... 1:
			act_reset(s);
			break;
		case 2 ... 7:
			act_repair(s);
			break;
		case 8 ... 11:
			act_fail_late(s);
			break;
		case 12 ... 13:
			act_lose(s);
			break;
		}
		break;
	}
}

/* Left alone: closes all that it has, in some order, and ends by itself. */
static int settle_down(struct self *s)
{
	uint32_t pending = 0;
	uint64_t bytes = 0;
	int i;

	LIB(aclipc_set_policy)(ACLIPC_POLICY_DEFER, 1000);
	ascend_sim_fail(NULL, 0, 0);
	if (s->lost || dice(s, 2))
		return 0;	/* leaves by exit, with everything */
	for (i = 0; i < OWN; i++) {
		act_close_own(s, &s->own[i]);
		act_free_own(s, &s->own[i]);
	}
	for (i = 0; i < HELD; i++)
		act_close_held(s, &s->held[i]);
	if (!lib_until(!LIB(aclipc_pending)(NULL, 0, &pending, &bytes) &&
		       !pending && !bytes))
		return 3;
	return 0;
}

static int actor_main(struct board *board, int nr, __u64 seed)
{
	struct self self = { .board = board, .nr = nr, .seed = seed | 1 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/*
	 * What the dead still have on the device is not to be had; and a signal
	 * makes the kernel refuse the driver's notifier.
	 */
	while (aclrtSetDevice(0)) {
		if (READ_ONCE(board->stop))
			return 0;
		poll(NULL, 0, 10);
	}
	while (!READ_ONCE(board->stop)) {
		act(&self);
		between(&self);
	}
	return settle_down(&self);
}

static pid_t actor_start(struct board *board, struct actor *actor, int nr,
			 __u64 seed)
{
	actor->stopped = false;
	actor->born++;
	fflush(stdout);
	actor->pid = fork();
	if (!actor->pid)
		exit(actor_main(board, nr, seed ^ (nr + 1) * 0x9e3779b97f4a7c15 ^
				actor->born * 0xbf58476d1ce4e5b9));
	return actor->pid;
}

/* Kill, stop and continue from outside, and let others follow the dead. */
static unsigned int torment(struct board *board, struct actor actors[ACTORS],
			    __u64 *seed, __u64 first)
{
	unsigned int nr = t_rand(seed) / 7 % ACTORS, status, kills = 0;
	struct actor *actor = &actors[nr];
	int i;

	switch (t_rand(seed) / 7 % 8) {
	case 0:
		kill(actor->pid, SIGKILL);
		kills++;
		break;
	case 1 ... 2:
		kill(actor->pid, SIGSTOP);
		break;
	default:
		/* also those that stopped themselves */
		kill(actor->pid, SIGCONT);
		break;
	}
	/* now and then a whole job */
	if (!(t_rand(seed) / 7 % 100)) {
		for (i = 0; i < ACTORS; i++)
			kill(actors[i].pid, SIGKILL);
		kills += ACTORS;
	}
	for (i = 0; i < ACTORS; i++)
		if (waitpid(actors[i].pid, (int *)&status, WNOHANG) ==
		    actors[i].pid)
			actor_start(board, &actors[i], i, first);
	return kills;
}

static const char *const promises[] = {
	"destroy_while_mapped", "free_while_mapped", "recycled_while_mapped",
	"double_destroy", "double_free", "put_wrong_context",
	"use_after_callback", "freed_while_listed", "used_after_free",
	"lost_free", "dangling_key",
};

static const char *const objects[] = {
	"procs", "mems", "pages", "keys", "mappings", "registrations",
};

/* How many of these are not zero; says which. */
static int not_zero(const char *file, const char *const names[], int nr)
{
	int i, bad = 0;
	long value;

	for (i = 0; i < nr; i++) {
		value = sim_ledger(file, names[i]);
		if (!value)
			continue;
		ksft_print_msg("%s %ld\n", names[i], value);
		bad++;
	}
	return bad;
}

/*
 * All that lives is to end by itself.  One may wait for an import of another
 * that is stopped, so all are continued until the last has ended.
 */
static void calm(struct actor actors[ACTORS], int status[ACTORS])
{
	int left, alive = ACTORS, i;

	for (i = 0; i < ACTORS; i++)
		status[i] = -1;
	for (left = END_MS / 10; left && alive; left--) {
		for (i = 0; i < ACTORS; i++) {
			if (status[i] != -1)
				continue;
			kill(actors[i].pid, SIGCONT);
			if (waitpid(actors[i].pid, &status[i], WNOHANG) ==
			    actors[i].pid)
				alive--;
			else
				status[i] = -1;
		}
		poll(NULL, 0, 10);
	}
	for (i = 0; i < ACTORS; i++) {
		if (status[i] != -1)
			continue;
		kill(actors[i].pid, SIGKILL);
		waitpid(actors[i].pid, NULL, 0);
		status[i] = -ETIMEDOUT;
	}
}

FIXTURE(torture)
{
	struct board *board;
	long grace;
};

FIXTURE_SETUP(torture)
{
	if (!ascend_sim_svm())
		SKIP(return, "no stand-in driver");
	self->board = mmap(NULL, sizeof(*self->board), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->board);
	setenv("ASCEND_SIM_CACHE_MAX", "0x100000", 1);
	setenv("ACLIPC_OOM_WAIT_MS", "100", 1);
	ASSERT_EQ(0, sim_set_param("teardown_min_ms", 0));
	ASSERT_EQ(0, sim_set_param("teardown_max_ms", TEARDOWN_MS));
	ASSERT_EQ(0, t_set_settle(SETTLE_MS));
	ASSERT_EQ(0, t_set_param("settle_max_ms", SETTLE_MAX_MS));
	ASSERT_EQ(0, t_set_param("exit_grace_ms", GRACE_MS));
	ASSERT_LE(0, sim_wait_count("procs", 0, 10000));
	ASSERT_EQ(0, sim_reset_ledger());
}

FIXTURE_TEARDOWN(torture)
{
	t_set_param("exit_grace_ms", 1000);
	t_set_settle(T_SETTLE_MS);
}

/* Field cases 57, 76, 80, 84, 86, 87. */
TEST_F_TIMEOUT(torture, order_holds_and_nothing_stays,
	       option("DURATION", SECONDS) + 240)
{
	struct actor actors[ACTORS] = {};
	__u64 first = t_seed("SEED"), seed = first;
	unsigned int kills = 0, born = 0, i;
	unsigned long calls = 0;
	int status[ACTORS];
	struct timespec now;
	time_t end;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + option("DURATION", SECONDS);
	for (i = 0; i < ACTORS; i++)
		ASSERT_LT(0, actor_start(self->board, &actors[i], i, first));
	do {
		kills += torment(self->board, actors, &seed, first);
		poll(NULL, 0, t_rand(&seed) / 7 % 30);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end);
	WRITE_ONCE(self->board->stop, true);
	calm(actors, status);
	for (i = 0; i < ACTORS; i++) {
		/* one that was about to be killed may still be */
		EXPECT_TRUE(status[i] == 0 || status[i] == SIGKILL) {
			TH_LOG("actor %u status %#x", i, status[i]);
		}
		born += actors[i].born;
		calls += self->board->calls[i];
	}
	TH_LOG("%lu calls by %u processes, %u kills and %lu suicides",
	       calls, born, kills, self->board->suicides);
	TH_LOG("%lu exports, %lu imports, %lu closes, %lu frees, %lu forks",
	       self->board->exports, self->board->imports,
	       self->board->closes, self->board->frees, self->board->forks);
	TH_LOG("%lu repairs, %lu frees that failed late, %lu munmaps, %lu closes of the driver",
	       self->board->repairs, self->board->late, self->board->munmaps,
	       self->board->driver_closes);
	TH_LOG("exporters that died beyond the grace: %ld, with the dead: %ld",
	       sim_violation("exit_while_mapped"),
	       sim_counted("exit_dead_mapped"));
	TH_LOG("lost under importers: %ld, recycled under an exit of v3: %ld",
	       sim_counted("lost_while_mapped"),
	       sim_counted("recycled_while_dead_mapped"));
	EXPECT_LT(0, self->board->exports);
	EXPECT_LT(0, self->board->imports);

	EXPECT_EQ(0, t_nothing_left());
	EXPECT_LE(0, sim_wait_count("procs", 0, BOUND_MS));
	EXPECT_EQ(0, not_zero("violations", promises, ARRAY_SIZE(promises)));
	EXPECT_EQ(0, not_zero("counts", objects, ARRAY_SIZE(objects)));
	EXPECT_EQ(0, t_refcount("aclipc"));
	EXPECT_EQ(0, t_refcount("ascend_sim"));
	/* each was registered with the driver and given back */
	EXPECT_EQ(sim_counted("p2p_get"), sim_counted("p2p_put"));
}

LIB_MAIN

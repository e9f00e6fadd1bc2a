// SPDX-License-Identifier: GPL-2.0
/*
 * A whole job is killed at once: processes that all import from each other.
 * Every one is reaped without waiting for another, and nothing stays behind.
 */
#include <sys/utsname.h>

#include "lib_test.h"
#include "common/aclipc_test.h"

#define RANKS		200
#define SLOW_RANKS	32	/* in the debug kernels of selftests/vm */
#define ROUNDS		50	/* as many of them as go into JOB_SECONDS */
#define SECONDS		60	/* unless the environment says another number */
#define MIN_ROUNDS	3
/* so many looks in a row at a process that sleeps uninterruptibly */
#define LOOKS		200
#define LOOK_MS		20

#define LIB_RANKS	8
#define LIB_ROUNDS	5
#define GRACE_MS	10000

enum mode {
	IDLE,
	DEFERRING,
	WAITING,
	NR_MODES,
};

struct job {
	unsigned int exported, imported, ready, failed;
	pid_t pid[RANKS];
	int looks[RANKS];
};

static int ranks = RANKS;

static void job_key(char *key, size_t size, int rank)
{
	snprintf(key, size, "job %d", rank);
}

static void arrive(unsigned int *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

/* Opens when the test closes the other end. */
static void pass(int gate)
{
	char byte;

	if (read(gate, &byte, 1))
		_exit(1);
}

static void rank_main(struct job *job, int rank, enum mode mode,
		      const int gates[2])
{
	char key[16], other[16];
	int fd = t_open(), i, ret;

	job_key(key, sizeof(key), rank);
	ret = fd < 0 ? fd : t_export(fd, key, ACLIPC_EXPORT_ANYONE);
	if (ret)
		arrive(&job->failed);
	arrive(&job->exported);
	pass(gates[0]);
	for (i = 0; i < ranks; i++) {
		job_key(other, sizeof(other), i);
		if (t_import(fd, other))
			arrive(&job->failed);
	}
	arrive(&job->imported);
	/* from here on no key can be imported any more */
	pass(gates[1]);
	if (mode == DEFERRING)
		t_defer(fd, key);
	arrive(&job->ready);
	/* the cycle of all is refused, whoever closes it goes on */
	if (mode == WAITING)
		t_wait(fd, key, 600000);
	for (;;)
		pause();
}

static char state_of(pid_t pid)
{
	char path[64], stat[512], *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (t_slurp(path, stat, sizeof(stat)) < 0)
		return 0;
	at = strstr(stat, ") ");
	return at ? at[2] : 0;
}

/* All of them reaped; false: one stays, or sleeps uninterruptibly for long. */
static bool reap_all(struct job *job)
{
	int left = ranks, looks, i;

	for (looks = T_BOUND_MS / LOOK_MS; left && looks; looks--) {
		for (i = 0; i < ranks; i++) {
			if (!job->pid[i])
				continue;
			if (waitpid(job->pid[i], NULL, WNOHANG)) {
				job->pid[i] = 0;
				left--;
				continue;
			}
			job->looks[i] = state_of(job->pid[i]) == 'D' ?
					job->looks[i] + 1 : 0;
			if (job->looks[i] > LOOKS)
				return false;
		}
		poll(NULL, 0, left ? LOOK_MS : 0);
	}
	return !left;
}

/* Nothing but the session of the test. */
static bool only_me(void)
{
	struct t_counts counts;

	return !t_counts(&counts) && counts.owners == 1 &&
	       counts.sessions == 1 && !counts.shares && !counts.imports &&
	       !counts.settling;
}

static int job_start(struct job *job, enum mode mode, int fd)
{
	int first[2], second[2], i, ret;
	pid_t pid;

	memset(job, 0, sizeof(*job));
	if (pipe(first) || pipe(second))
		return -errno;
	fflush(stdout);
	for (i = 0; i < ranks; i++) {
		pid = fork();
		if (!pid) {
			const int gates[2] = { first[0], second[0] };

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(fd);
			close(first[1]);
			close(second[1]);
			rank_main(job, i, mode, gates);
		}
		if (pid < 0)
			return -errno;
		job->pid[i] = pid;
	}
	close(first[0]);
	close(second[0]);
	ret = t_until(READ_ONCE(job->exported) == ranks);
	close(first[1]);
	ret = ret ?: t_until(READ_ONCE(job->imported) == ranks);
	close(second[1]);
	return ret ?: t_until(READ_ONCE(job->ready) == ranks);
}

T_FIXTURE(job);

/* Field cases 57, 76, 82. */
TEST_F_TIMEOUT(job, of_200_killed_at_once, 1800)
{
	const char *seconds = getenv("JOB_SECONDS");
	struct job *job = mmap(NULL, sizeof(*job), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct timespec now;
	struct utsname kernel;
	int round, i;
	time_t end;

	ASSERT_NE(MAP_FAILED, job);
	if (!uname(&kernel) && strstr(kernel.release, "-aclipc"))
		ranks = SLOW_RANKS;
	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + (seconds ? atoi(seconds) : SECONDS);
	for (round = 0; round < ROUNDS; round++) {
		if (round >= MIN_ROUNDS && now.tv_sec >= end)
			break;
		ASSERT_EQ(0, job_start(job, round % NR_MODES, self->fd));
		ASSERT_EQ(0, job->failed);
		for (i = 0; i < ranks; i++)
			kill(job->pid[i], SIGKILL);
		ASSERT_TRUE(reap_all(job)) {
			TH_LOG("round %d", round);
		}
		ASSERT_EQ(0, t_until(only_me())) {
			TH_LOG("round %d", round);
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	}
	TH_LOG("%d rounds of %d processes, %d imports each", round, ranks,
	       ranks * ranks);
}

static long do_import_ranks(struct peer_state *s, long a, long b)
{
	long i, ret;

	for (i = 0; i < b; i++) {
		if (i == a)
			continue;
		ret = do_import(s, 1 + i, i);
		if (ret || do_read(s, 1 + i, 0) != 10 + i)
			return ret ?: -1;
	}
	return 0;
}

LIB_FIXTURE(lib_job);

/*
 * The same over the driver, whose exit callback would wait for importers.  The
 * bound is the grace, with which a single wait would be too long.
 */
TEST_F(lib_job, ends_without_the_grace)
{
	struct timespec t0, t1;
	long ms, longest = 0;
	int round, i;

	ASSERT_EQ(0, lib_param("exit_grace_ms", GRACE_MS));
	for (round = 0; round < LIB_ROUNDS; round++) {
		for (i = round ? 0 : 2; i < LIB_RANKS; i++)
			ASSERT_EQ(0, lib_start(&self->p[i], self->board));
		for (i = 0; i < LIB_RANKS; i++) {
			ASSERT_EQ(0, P(i, do_malloc, 0, BIG));
			ASSERT_EQ(0, P(i, do_fill, 0, 10 + i));
			ASSERT_EQ(0, P(i, do_export_any, 0, KEY(i, BIG)));
		}
		for (i = 0; i < LIB_RANKS; i++)
			ASSERT_EQ(0, P(i, do_import_ranks, i, LIB_RANKS));
		clock_gettime(CLOCK_MONOTONIC, &t0);
		for (i = 0; i < LIB_RANKS; i++)
			kill(self->p[i].pid, SIGKILL);
		for (i = 0; i < LIB_RANKS; i++)
			EXPECT_EQ(SIGKILL, peer_kill(&self->p[i]));
		EXPECT_LE(0, sim_wait_count("procs", 0, BOUND_MS));
		clock_gettime(CLOCK_MONOTONIC, &t1);
		ms = (t1.tv_sec - t0.tv_sec) * 1000 +
		     (t1.tv_nsec - t0.tv_nsec) / 1000000;
		longest = ms > longest ? ms : longest;
		EXPECT_GT(GRACE_MS, ms) {
			TH_LOG("round %d", round);
		}
		/* that they die together broke no promise among the living */
		EXPECT_EQ(0, sim_violation("free_while_mapped"));
		EXPECT_EQ(0, sim_violation("destroy_while_mapped"));
		EXPECT_EQ(0, sim_violation("put_wrong_context"));
		EXPECT_EQ(0, t_nothing_left());
	}
	TH_LOG("%d rounds of %d processes, at most %ld ms", round, LIB_RANKS,
	       longest);
	lib_param("exit_grace_ms", 1000);
	/* who dies last may still have been mapped by who dies with it */
	sim_reset_ledger();
}

LIB_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * Processes whose threads call as they like, at the same time, while others of
 * them are killed.  No model knows what each call has to answer, but:
 *
 * - an import that was counted can be closed, once;
 * - HELD is answered to one closer at a time, and while it stands no other
 *   process has the key imported;
 * - numbers agree with each other, and in the end with what was counted here.
 *
 * The ledger is always a little behind: an import is entered when it is done,
 * and taken out before its close is asked for.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "free.h"

#define ROUND_MS	1500

static void *free_thread(void *arg)
{
	__u64 seed = (uintptr_t)arg;

	while (!READ_ONCE(self.board->stop)) {
		pthread_rwlock_rdlock(&self.lock);
		free_act(&seed);
		pthread_rwlock_unlock(&self.lock);
		if (!dice(&seed, 400))
			free_reopen(&seed);
		__atomic_fetch_add(&self.board->calls, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void free_process(struct board *board, int nr, __u64 seed)
{
	pthread_t threads[FREE_THREADS];
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	self.board = board;
	self.nr = nr;
	pthread_rwlock_init(&self.lock, NULL);
	pthread_mutex_init(&self.table, NULL);
	for (i = 0; i < FREE_SESSIONS; i++)
		self.fds[i] = open(ACLIPC_DEVICE,
				   O_RDWR | O_CLOEXEC | O_NONBLOCK);
	for (i = 0; i < FREE_THREADS; i++) {
		t_rand(&seed);
		if (pthread_create(&threads[i], NULL, free_thread,
				   (void *)(uintptr_t)(seed | 1)))
			_exit(1);
	}
	for (i = 0; i < FREE_THREADS; i++)
		pthread_join(threads[i], NULL);
	free_compare();
	if (seed & 2)
		free_close_all();
	_exit(0);
}

static pid_t free_spawn(struct board *board, int nr, __u64 *seed)
{
	pid_t pid;

	t_rand(seed);
	pid = fork();
	if (!pid)
		free_process(board, nr, *seed);
	return pid;
}

/* Kill one, and let another take its place. */
static void free_kill(struct board *board, pid_t *pid, int nr, __u64 *seed)
{
	WRITE_ONCE(board->dying[nr], true);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	memset(board->ledger[nr], 0, sizeof(board->ledger[nr]));
	WRITE_ONCE(board->dying[nr], false);
	*pid = free_spawn(board, nr, seed);
}

static __u64 newest_generation(void)
{
	struct aclipc_export cmd = {};
	struct aclipc_close close_cmd;
	int fd = t_open();

	t_export_at(fd, "free-newest", ACLIPC_EXPORT_UNWATCHED, T_ADDR,
		    M_LENGTH, &cmd);
	t_closer(fd, &close_cmd, "free-newest", ACLIPC_CLOSE_TRY, 0, 0);
	t_closer(fd, &close_cmd, "free-newest", ACLIPC_CLOSE_FINISH, 0, 0);
	close(fd);
	return cmd.out_generation;
}

static void free_round(struct board *board, __u64 *seed, unsigned int ms)
{
	pid_t pids[FREE_PROCS];
	int i;

	board->stop = false;
	board->base = newest_generation();
	memset(board->ledger, 0, sizeof(board->ledger));
	memset(board->holders, 0, sizeof(board->holders));
	for (i = 0; i < FREE_PROCS; i++)
		pids[i] = free_spawn(board, i, seed);
	while (ms && !READ_ONCE(board->stop) && !READ_ONCE(board->wrong)) {
		poll(NULL, 0, ms < 50 ? ms : 50);
		ms -= ms < 50 ? ms : 50;
		if (!dice(seed, 4)) {
			i = dice(seed, FREE_PROCS);
			free_kill(board, &pids[i], i, seed);
		}
	}
	WRITE_ONCE(board->stop, true);
	for (i = 0; i < FREE_PROCS; i++)
		waitpid(pids[i], NULL, 0);
}

int free_run(__u64 seed, unsigned int seconds)
{
	struct board *board = mmap(NULL, sizeof(*board),
				   PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct timespec now;
	time_t end;

	if (board == MAP_FAILED)
		return -errno;
	t_set_settle(2);
	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + seconds;
	do {
		free_round(board, &seed, ROUND_MS);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end && !board->wrong);
	ksft_print_msg("free running: %lu steps, %lu imports, %lu HELD\n",
		       board->calls, board->imports, board->held);
	if (board->wrong)
		ksft_print_msg("wrong: %s\n", board->what);
	return board->wrong || !board->imports || !board->held ? -EPROTO : 0;
}

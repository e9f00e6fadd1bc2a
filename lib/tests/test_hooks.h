/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * Scenarios over a HAL and a module that are both made up, one process for
 * each.
 */
#ifndef TEST_HOOKS_H
#define TEST_HOOKS_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <aclipc.h>

#include "../hal.h"
#include "fake_hal.h"
#include "fake_module.h"

static int failed;

#define check(cond) do {						\
	if (!(cond)) {							\
		printf("# %s:%d: %s\n", __func__, __LINE__, #cond);	\
		fflush(stdout);						\
		failed++;						\
	}								\
} while (0)

#define check_is(a, b) do {						\
	long long a_ = (long long)(a), b_ = (long long)(b);		\
									\
	if (a_ != b_) {							\
		printf("# %s:%d: %s is %lld, not %lld\n", __func__,	\
		       __LINE__, #a, a_, b_);				\
		fflush(stdout);						\
		failed++;						\
	}								\
} while (0)

#define check_log(log, text) do {					\
	if (strcmp(log, text)) {					\
		printf("# %s:%d: calls are \"%s\", not \"%s\"\n",	\
		       __func__, __LINE__, log, text);			\
		fflush(stdout);						\
		failed++;						\
	}								\
	memset(log, 0, sizeof(log));					\
} while (0)

#define ADDR	0x1000000UL
#define SIZE	4096UL

static int stderr_pipe;

/* Lines printed to stderr so far. */
static inline int warnings(void)
{
	char buf[4096];
	ssize_t len = syscall(SYS_read, stderr_pipe, buf, sizeof(buf)), i;
	int nr = 0;

	for (i = 0; i < len; i++)
		nr += buf[i] == '\n';
	return nr;
}

static inline void sleep_until(const int *count, int value)
{
	int i;

	for (i = 0; i < 3000 && __atomic_load_n(count, __ATOMIC_SEQ_CST) != value; i++)
		usleep(1000);
}

/* A thread of the hooks may not have written its counters yet. */
static inline void settle(void)
{
	uint32_t total = 1;
	int i;

	for (i = 0; i < 3000 && total; i++) {
		aclipc_pending(NULL, 0, &total, NULL);
		usleep(1000);
	}
}

static inline void export_key(char name[65])
{
	check_is(halShmemCreateHandle(ADDR, SIZE, name, 65), 0);
}

struct scenario {
	const char *name;
	void (*run)(void);
};

#define SCENARIO(name)	{ #name, name }

static int run(void (*scenario)(void))
{
	int fds[2], status;
	pid_t pid;

	if (pipe2(fds, O_NONBLOCK))
		return 1;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(30);
		dup2(fds[1], 2);
		close(fds[1]);
		stderr_pipe = fds[0];
		scenario();
		exit(failed > 100 ? 100 : failed);
	}
	close(fds[0]);
	close(fds[1]);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("# killed by signal %d\n", WTERMSIG(status));
	return status;
}

static int run_all(int argc, char **argv, const struct scenario *scenarios,
		   int nr)
{
	int i, bad = 0;

	for (i = 0; i < nr; i++) {
		if (argc > 1 && strcmp(argv[1], scenarios[i].name))
			continue;
		if (run(scenarios[i].run)) {
			bad = 1;
			printf("not ");
		}
		printf("ok %d - %s\n", i + 1, scenarios[i].name);
	}
	printf("1..%d\n", nr);
	return bad;
}

#define SCENARIOS(...)							\
static const struct scenario scenarios[] = { __VA_ARGS__ };		\
									\
int main(int argc, char **argv)						\
{									\
	return run_all(argc, argv, scenarios,				\
		       (int)(sizeof(scenarios) / sizeof(scenarios[0])));	\
}

#endif

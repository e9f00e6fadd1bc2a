/* SPDX-License-Identifier: GPL-2.0 */
/* "aclipc watch", for tests of it. */
#ifndef WATCH_H
#define WATCH_H

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "aclipc_test.h"

#define INSTANCES	"/sys/kernel/tracing/instances"

/* Start it; *out is what it prints.  Ends, and cleans up, with its parent. */
static pid_t watch_start(const char *option, int *out)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execlp("aclipc", "aclipc", "watch", option, NULL);
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

/* From now on no event is lost. */
static bool watching(pid_t pid)
{
	char path[128], text[8];

	snprintf(path, sizeof(path),
		 INSTANCES "/aclipc-watch-%d/events/aclipc/enable", pid);
	return t_slurp(path, text, sizeof(text)) > 0 && text[0] == '1';
}

#endif /* WATCH_H */

// SPDX-License-Identifier: LGPL-2.1-only
/*
 * Linked to the library when its coverage is measured: most test processes end
 * by _exit() or are killed, and would not write their counters.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT		__attribute__((visibility("default")))
#define DUMP_SIGNAL	SIGSYS		/* no test uses it */
#define DUMP_MS		500

void __gcov_dump(void);
void __gcov_reset(void);

static void dump(void)
{
	__gcov_dump();
	/* a vfork child shares them with its parent */
	__gcov_reset();
}

EXPORT _Noreturn void _exit(int status)
{
	dump();
	for (;;)
		syscall(SYS_exit_group, status);
}

static void dump_and_die(int sig)
{
	(void)sig;
	dump();
	syscall(SYS_kill, getpid(), SIGKILL);
}

__attribute__((constructor)) static void dump_init(void)
{
	signal(DUMP_SIGNAL, dump_and_die);
}

/* Would it write its counters now?  Not if it is dead, or another program. */
static bool can_dump(pid_t pid)
{
	bool dead = true, catches = false;
	unsigned long long mask;
	char line[128], state;
	FILE *file;

	snprintf(line, sizeof(line), "/proc/%d/status", pid);
	file = fopen(line, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "State: %c", &state) == 1)
			dead = state == 'Z' || state == 'X';
		if (sscanf(line, "SigCgt: %llx", &mask) == 1)
			catches = mask & 1ULL << (DUMP_SIGNAL - 1);
	}
	fclose(file);
	return catches && !dead;
}

/* Whoever is to be killed writes its counters, if it can, and is killed then. */
EXPORT int kill(pid_t pid, int sig)
{
	int i;

	if (sig == SIGKILL && pid > 0 && can_dump(pid)) {
		syscall(SYS_kill, pid, DUMP_SIGNAL);
		for (i = 0; i < DUMP_MS && can_dump(pid); i++)
			usleep(1000);
	}
	return (int)syscall(SYS_kill, pid, sig);
}

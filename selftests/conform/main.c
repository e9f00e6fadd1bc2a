// SPDX-License-Identifier: GPL-2.0
/*
 * conform [--keep FILE] PROGRAM ARGS: run a program with the tracepoints of
 * aclipc and of the stand-in driver on, and see whether the model allows what
 * they tell.  Keeps the trace in FILE.
 * conform --check FILE: the same for a trace that was kept.
 *
 * Exit status: the program's own if it fails; 1 for the first event that cannot
 * be; 3 if it cannot be judged, because events were lost or came too late.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conform.h"

#define TRACING		"/sys/kernel/tracing/instances/conform"
#define COUNTS		"/sys/kernel/debug/aclipc/counts"
#define BUFFER_KB	"16384"
#define TICK_MS		20
#define BATCH_TICKS	3000	/* an event is visible after this time */
#define QUIET_MS	30000

static struct event *pending;
static size_t nr_pending, room;
static unsigned long long newest, judged;
static bool lost, broken;
static FILE *kept;

static void nap(void)
{
	usleep(TICK_MS * 1000);
}

static bool write_to(const char *name, const char *value)
{
	char path[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), TRACING "/%s", name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return false;
	n = write(fd, value, strlen(value));
	close(fd);
	return n > 0;
}

/* Lines "NAME ... VALUE": the sum of those whose first word is given. */
static long count(const char *path, const char *words)
{
	FILE *f = fopen(path, "r");
	char line[128], find[130];
	long sum = 0;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		snprintf(find, sizeof(find), " %.*s ",
			 (int)strcspn(line, " :"), line);
		if (strstr(words, find) && strrchr(line, ' '))
			sum += atol(strrchr(line, ' '));
	}
	fclose(f);
	return sum;
}

/* Nobody is left whose end would still be traced. */
static bool quiet(void)
{
	int left;

	for (left = QUIET_MS / TICK_MS; left; left--) {
		if (!count(COUNTS, " owners sessions shares imports watches "))
			return true;
		nap();
	}
	return false;
}

static bool overrun(void)
{
	char path[256];
	long n, sum = 0;
	int cpu;

	for (cpu = 0; ; cpu++) {
		snprintf(path, sizeof(path), TRACING "/per_cpu/cpu%d/stats",
			 cpu);
		n = count(path, " overrun commit dropped ");
		if (n < 0)
			return sum != 0;
		sum += n;
	}
}

static void keep(const char *line)
{
	struct event event;

	if (strstr(line, "LOST")) {
		lost = true;
		return;
	}
	if (!event_parse(&event, line))
		return;
	if (event.seq <= judged)
		lost = true;
	if (event.seq > newest)
		newest = event.seq;
	if (nr_pending == room) {
		room = room ? 2 * room : 4096;
		pending = realloc(pending, room * sizeof(*pending));
		if (!pending)
			exit(3);
	}
	pending[nr_pending++] = event;
}

static int by_seq(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/* Judge what happened up to @until; of what came later something may lack. */
static void judge(unsigned long long until)
{
	size_t i, n;

	qsort(pending, nr_pending, sizeof(*pending), by_seq);
	for (n = 0; n < nr_pending && pending[n].seq <= until; n++) {
		if (kept)
			fprintf(kept, "%llu: %s: %s\n", pending[n].seq,
				pending[n].name, pending[n].text);
		if (!broken && !lost)
			broken = !rules_event(&pending[n]);
	}
	for (i = n; i < nr_pending; i++)
		pending[i - n] = pending[i];
	nr_pending -= n;
	judged = until;
}

/* False if there is nothing to read now. */
static bool drain(int fd)
{
	static char buf[65536];
	static size_t used;
	ssize_t n = read(fd, buf + used, sizeof(buf) - 1 - used);
	char *line, *end;

	if (n <= 0)
		return false;
	used += n;
	buf[used] = 0;
	for (line = buf; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		keep(line);
	}
	used -= line - buf;
	memmove(buf, line, used);
	return true;
}

static bool trace_on(void)
{
	if (mkdir(TRACING, 0700) && errno != EEXIST)
		return false;
	if (!write_to("trace_clock", "counter") ||
	    !write_to("buffer_size_kb", BUFFER_KB) ||
	    !write_to("options/irq-info", "0") ||
	    !write_to("events/aclipc/enable", "1"))
		return false;
	/* tests without the stand-in driver have less to show */
	write_to("events/ascend_sim/enable", "1");
	return true;
}

static void trace_off(void)
{
	write_to("events/enable", "0");
	rmdir(TRACING);
}

static int svm_version(void)
{
	FILE *f = fopen("/sys/module/ascend_sim/parameters/svm", "r");
	int version = 2;

	if (f) {
		if (fscanf(f, "%d", &version) != 1)
			version = 2;
		fclose(f);
	}
	return version;
}

static int verdict(bool gone)
{
	char what[80];

	if (!broken && !lost && gone)
		broken = !rules_end(true);
	rules_summary(what, sizeof(what));
	if (broken) {
		printf("# conform: not as the model allows: %s\n", what);
		return 1;
	}
	if (lost || !gone) {
		printf("# conform: cannot judge, %s: %s\n",
		       lost ? "events were lost" : "something is left", what);
		return 3;
	}
	printf("# conform: as the model allows: %s\n", what);
	return 0;
}

/* Read while the program runs, so that the buffer does not overflow. */
static int follow(pid_t pid, int fd)
{
	unsigned long long until = 0;
	int status = 0, tick;

	for (tick = 1; !waitpid(pid, &status, WNOHANG); tick++) {
		while (drain(fd))
			;
		if (!(tick % BATCH_TICKS)) {
			judge(until);
			until = newest;
		}
		nap();
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	       128 + WTERMSIG(status);
}

static int run(char **argv)
{
	int fd, status, result;
	bool gone;
	pid_t pid;

	if (!quiet() || !trace_on()) {
		printf("# conform: cannot judge, no tracing or no quiet\n");
		return 3;
	}
	rules_svm(svm_version());
	if (kept)
		fprintf(kept, "# svm %d\n", svm_version());
	fd = open(TRACING "/trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return 3;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	status = follow(pid, fd);
	gone = quiet();
	while (drain(fd))
		;
	nap();
	while (drain(fd))
		;
	judge(~0ULL);
	if (overrun())
		lost = true;
	if (kept)
		fprintf(kept, "%s", lost ? "LOST\n" : gone ? "# gone\n" : "");
	close(fd);
	trace_off();
	result = verdict(gone);
	return status ? status : result;
}

static int check(const char *path)
{
	FILE *f = fopen(path, "r");
	struct event event;
	bool gone = false;
	char line[1024];
	int version;

	if (!f) {
		fprintf(stderr, "conform: no %s\n", path);
		return 2;
	}
	while (!broken && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "# svm %d", &version) == 1)
			rules_svm(version);
		if (!strncmp(line, "# gone", 6))
			gone = true;
		if (strstr(line, "LOST"))
			lost = true;
		if (event_parse(&event, line))
			broken = !rules_event(&event);
	}
	fclose(f);
	if (!broken && !gone)
		broken = !rules_end(false);
	return verdict(gone || !lost);
}

int main(int argc, char **argv)
{
	int status;

	if (argc == 3 && !strcmp(argv[1], "--check"))
		return check(argv[2]);
	if (argc > 3 && !strcmp(argv[1], "--keep")) {
		kept = fopen(argv[2], "w");
		if (!kept)
			return 2;
		argv += 2;
		argc -= 2;
	}
	if (argc < 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: conform [--keep FILE] PROGRAM [ARGS]\n"
			"       conform --check FILE\n");
		return 2;
	}
	status = run(argv + 1);
	if (kept && fclose(kept))
		return status ? status : 2;
	return status;
}

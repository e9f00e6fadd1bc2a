// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc watch */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static volatile sig_atomic_t watch_over;

static void watch_signal(int sig)
{
	watch_over = sig;
}

/*
 * The signals are blocked but while ppoll() waits: none is missed.  SIGPIPE is
 * ignored, so that the instance is removed when a reader goes away.
 */
static void watch_signals(sigset_t *waiting)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction sa = { .sa_handler = watch_signal };
	sigset_t blocked;
	size_t i;

	sigemptyset(&blocked);
	sigemptyset(&sa.sa_mask);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaddset(&blocked, signals[i]);
		sigaction(signals[i], &sa, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, waiting);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigdelset(waiting, signals[i]);
	signal(SIGPIPE, SIG_IGN);
}

static bool watch_line(char *line, bool json)
{
	struct json j = { .f = stdout };
	struct watch_event ev;

	if (!watch_parse(line, &ev))
		return true;
	if (json)
		watch_json(&j, &ev);
	else
		watch_print(stdout, &ev);
	return !fflush(stdout);
}

/* Print the whole lines of buf; what is left moves to its beginning. */
static bool watch_lines(char *buf, size_t *have, size_t size, bool json)
{
	char *line = buf, *end;

	while ((end = memchr(line, '\n', *have - (line - buf)))) {
		*end = 0;
		if (!watch_line(line, json))
			return false;
		line = end + 1;
	}
	*have -= line - buf;
	memmove(buf, line, *have);
	if (*have == size)	/* no line of ours is that long */
		*have = 0;
	return true;
}

/* EPIPE: nobody reads what is printed. */
static int watch_follow(int fd, const sigset_t *waiting, bool json)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = STDOUT_FILENO },
	};
	/* the kernel may forget to wake a reader of trace_pipe */
	const struct timespec second = { .tv_sec = 1 };
	char buf[8192];
	size_t have = 0;
	ssize_t n;

	while (!watch_over) {
		if (ppoll(fds, 2, &second, waiting) < 0)
			continue;
		if (fds[1].revents & (POLLERR | POLLHUP))
			return EPIPE;
		n = read(fd, buf + have, sizeof(buf) - have);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return errno;
		have += n;
		if (!watch_lines(buf, &have, sizeof(buf), json))
			return EPIPE;
	}
	return 0;
}

static int watch_run(const struct tool_command *self, int argc, char **argv)
{
	struct tool_opts opts;
	struct trace trace;
	sigset_t waiting;
	int ret;

	ret = tool_options(self, argc, argv, TOOL_OPT_JSON, &opts);
	if (ret)
		return ret < 0 ? TOOL_OK : ret;
	if (opts.nr_args)
		return tool_usage_error(self, "watch: takes no arguments");
	watch_signals(&waiting);
	ret = trace_start(&trace);
	if (ret)
		return ret;
	ret = watch_follow(trace.pipe, &waiting, opts.json);
	trace_stop(&trace);
	if (ret && ret != EPIPE)
		tool_error("cannot read events: %s", strerror(ret));
	return ret ? TOOL_SYSTEM : TOOL_OK;
}

const struct tool_command tool_watch = {
	.name = "watch",
	.synopsis = "[--json]",
	.summary = "Follow what happens to keys, as it happens",
	.help =
"One line for each event, until interrupted: seconds since boot, the process\n"
"that is concerned, what it did.  Needs root and tracefs.  The events come from\n"
"the module's tracepoints, through a tracefs instance of the tool's own that is\n"
"removed at the end.\n"
"\n"
"  --json  one object a line: time, event, comm, and the tracepoint's fields\n",
	.run = watch_run,
};

// SPDX-License-Identifier: GPL-2.0
/* What "aclipc watch" says of each thing that can happen to a key. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/aclipc_test.h"
#include "common/watch.h"

#define KEY	"tool_watch"
#define HEX	"746f6f6c5f7761"	/* the beginning of KEY */
#define ANYONE	ACLIPC_EXPORT_ANYONE

typedef unsigned long long ull;

FIXTURE(watch)
{
	int fd;			/* of /dev/aclipc */
	int out;		/* what the tool prints */
	size_t have;
	char text[65536];
};

FIXTURE_SETUP(watch)
{
	pid_t pid;

	if (access("/usr/bin/aclipc", X_OK))
		SKIP(return, "no tool");
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	ASSERT_EQ(0, t_nothing_left());
	pid = watch_start(NULL, &self->out);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, t_until(watching(pid)));
	self->fd = t_open();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN_PARENT(watch)
{
	EXPECT_EQ(0, t_nothing_left());
}

/* Wait for a line with these words of the process (0: of none). */
static __attribute__((format(printf, 5, 6)))
bool said(int out, char *text, size_t *have, pid_t pid, const char *fmt, ...)
{
	struct pollfd pfd = { .fd = out, .events = POLLIN };
	char want[256], who[16] = "";
	va_list args;
	char *line;
	ssize_t n;

	va_start(args, fmt);
	vsnprintf(want, sizeof(want), fmt, args);
	va_end(args);
	if (pid)
		snprintf(who, sizeof(who), " %d ", pid);
	for (;;) {
		line = strstr(text, want);
		/* the end of it, so that 1 is not found in 10 */
		if (line && line[strlen(want)] == '\n') {
			while (line > text && line[-1] != '\n')
				line--;
			line = strstr(line, who);
			return line && line < strstr(text, want);
		}
		if (*have == 65535 || poll(&pfd, 1, T_BOUND_MS) != 1)
			return false;
		n = read(out, text + *have, 65535 - *have);
		if (n <= 0)
			return false;
		*have += n;
		text[*have] = 0;
	}
}

#define SAYS(pid, ...)							\
	EXPECT_TRUE(said(self->out, self->text, &self->have, pid,	\
			 __VA_ARGS__)) {				\
		TH_LOG("not in: %s", self->text);			\
	}

TEST_F(watch, a_life)
{
	int peer = t_peer();
	pid_t us = getpid(), they;
	__u64 g;

	ASSERT_LE(0, peer);
	they = t_pid(peer);
	ASSERT_EQ(0, t_export_gen(self->fd, KEY, ANYONE, &g));
	ASSERT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(-EBUSY, t_try(self->fd, KEY));
	EXPECT_EQ(-ETIMEDOUT, t_wait(self->fd, KEY, 1));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	EXPECT_EQ(0, t_abort(self->fd, KEY));
	EXPECT_EQ(0, t_close(peer, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));

	SAYS(us, "has destroyed and freed gen:%llu", (ull)g);
	EXPECT_NE(NULL, strstr(self->text, "opens session "));
	EXPECT_NE(NULL, strstr(self->text, "8.0 KiB, key " HEX));
	SAYS(they, "imports gen:%llu, 1 of its own, 1 in all", (ull)g);
	SAYS(us, "asks to close gen:%llu (try): Device or resource busy, 1 imports",
	     (ull)g);
	SAYS(us, "asks to close gen:%llu (wait): Connection timed out, 1 imports",
	     (ull)g);
	SAYS(us, "asks to close gen:%llu (defer): pending, 1 imports", (ull)g);
	SAYS(0, "gen:%llu is closing, was live", (ull)g);
	SAYS(us, "calls the close of gen:%llu off", (ull)g);
	SAYS(0, "gen:%llu is live, was closing", (ull)g);
	SAYS(they, "closes gen:%llu, 0 left of its own, 0 in all", (ull)g);
	SAYS(us, "asks to close gen:%llu (try): held, 0 imports", (ull)g);
	SAYS(0, "gen:%llu is held, was live", (ull)g);
}

/* The events that its importer is told, and all that can end a life early. */
TEST_F(watch, other_ends)
{
	struct aclipc_event event;
	int peer = t_peer();
	pid_t us = getpid(), they;
	__u64 g;

	ASSERT_LE(0, peer);
	they = t_pid(peer);
	ASSERT_EQ(0, t_export_gen(self->fd, KEY, ANYONE, &g));
	ASSERT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	EXPECT_EQ(0, t_event_wait(peer, &event));
	SAYS(they, "is told of gen:%llu: closing", (ull)g);
	EXPECT_EQ(1, t_revoke(self->fd, KEY, 0, ACLIPC_REASON_FREED));
	EXPECT_EQ(0, t_event_wait(peer, &event));
	SAYS(they, "is told of gen:%llu: revoked (freed)", (ull)g);
	SAYS(0, "gen:%llu is revoked, was closing (freed)", (ull)g);
	EXPECT_EQ(ACLIPC_ANSWER_REVOKED, t_try(self->fd, KEY));
	SAYS(us, "asks to close gen:%llu (try): revoked, 1 imports", (ull)g);
	EXPECT_EQ(SIGKILL, t_kill(peer));
	SAYS(they, "ended without closing: its 1 of gen:%llu taken back, 0 in all",
	     (ull)g);
	EXPECT_NE(NULL, strstr(self->text, "ends session "));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
}

T_MAIN

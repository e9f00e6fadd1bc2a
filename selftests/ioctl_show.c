// SPDX-License-Identifier: GPL-2.0
/* fdinfo, debugfs, tracepoints, HOLDERS.  Field cases 59, 81. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/aclipc_test.h"

#define KEY	"ioctl_show_a_secret_that_others_must_not_read"
#define START	"696f63746c5f7368"		/* ioctl_sh */
#define ANYONE	ACLIPC_EXPORT_ANYONE
#define TRACING	"/sys/kernel/tracing/"
#define DEBUGFS	"/sys/kernel/debug/aclipc/"

FIXTURE(show)
{
	int fd;
	int peer;
	__u64 generation;
	char *text;
};

FIXTURE_SETUP(show)
{
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	self->fd = t_open();
	self->peer = t_peer();
	ASSERT_LE(0, self->peer);
	self->text = calloc(1, 1 << 20);
	ASSERT_EQ(0, t_export_gen(self->fd, KEY, ANYONE, &self->generation));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	ASSERT_EQ(0, t_import(self->fd, KEY));
}

FIXTURE_TEARDOWN_PARENT(show)
{
	EXPECT_EQ(0, t_nothing_left());
}

static long fn_fd(int fd, void *arg)
{
	return fd;
}

static ssize_t fdinfo(int handle, char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%ld", t_pid(handle),
		 t_run(handle, fn_fd, NULL, 0));
	return t_slurp(path, text, 1 << 20);
}

TEST_F(show, fdinfo_of_the_exporter)
{
	char want[256];

	ASSERT_LT(0, fdinfo(self->fd, self->text));
	snprintf(want, sizeof(want), "aclipc_owner:\t%d\n", getpid());
	EXPECT_NE(NULL, strstr(self->text, want));
	snprintf(want, sizeof(want),
		 "aclipc_export:\t%llu live none %u 2 0 " START "\n",
		 self->generation, T_LENGTH);
	EXPECT_NE(NULL, strstr(self->text, want)) {
		TH_LOG("%s", self->text);
	}
	snprintf(want, sizeof(want), "aclipc_import:\t%llu live 1 %u " START
		 "\n", self->generation, T_LENGTH);
	EXPECT_NE(NULL, strstr(self->text, want));
}

TEST_F(show, fdinfo_of_an_importer)
{
	char want[256];

	ASSERT_LE(0, t_revoke(self->fd, KEY, 0, ACLIPC_REASON_FREED));
	ASSERT_LT(0, fdinfo(self->peer, self->text));
	snprintf(want, sizeof(want), "aclipc_owner:\t%d\n", t_pid(self->peer));
	EXPECT_NE(NULL, strstr(self->text, want));
	snprintf(want, sizeof(want), "aclipc_import:\t%llu revoked 2 %u " START
		 "\n", self->generation, T_LENGTH);
	EXPECT_NE(NULL, strstr(self->text, want)) {
		TH_LOG("%s", self->text);
	}
	EXPECT_EQ(NULL, strstr(self->text, "aclipc_export"));
}

TEST_F(show, fdinfo_of_thousands)
{
	int i, lines = 0;
	char key[16], *at;

	for (i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		ASSERT_EQ(0, t_export(self->fd, key, 0));
	}
	ASSERT_LT(0, fdinfo(self->fd, self->text));
	for (at = self->text; (at = strstr(at, "aclipc_export:")); at++)
		lines++;
	EXPECT_EQ(3001, lines);
}

TEST_F(show, debugfs_is_for_root_only)
{
	static const char * const files[] = { "shares", "imports", "counts" };
	struct stat st;
	char path[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), DEBUGFS "%s", files[i]);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(0400, st.st_mode & 07777);
		EXPECT_EQ(0, st.st_uid);
	}
}

TEST_F(show, debugfs_lists_shares_and_imports)
{
	char want[512], hex[2 * ACLIPC_KEY_MAX + 1];
	size_t i;

	for (i = 0; i < strlen(KEY); i++)
		snprintf(hex + 2 * i, 3, "%02x", KEY[i]);
	ASSERT_LT(0, t_slurp(DEBUGFS "shares", self->text, 1 << 20));
	snprintf(want, sizeof(want),
		 "%llu live none %d %u 2 0 1 0 0 1 0 0 %s\n",
		 self->generation, getpid(), T_LENGTH, hex);
	EXPECT_NE(NULL, strstr(self->text, want)) {
		TH_LOG("%s%s", want, self->text);
	}
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	ASSERT_EQ(0, t_allow(self->fd, KEY, ACLIPC_ALLOW_REMOTE, NULL, 0));
	ASSERT_LT(0, t_slurp(DEBUGFS "shares", self->text, 1 << 20));
	snprintf(want, sizeof(want),
		 "%llu closing none %d %u 2 0 1 0 1 1 1 0 %s\n",
		 self->generation, getpid(), T_LENGTH, hex);
	EXPECT_NE(NULL, strstr(self->text, want));
	ASSERT_LE(0, t_revoke(self->fd, KEY, 0, ACLIPC_REASON_DEVICE));
	ASSERT_LT(0, t_slurp(DEBUGFS "shares", self->text, 1 << 20));
	snprintf(want, sizeof(want),
		 "%llu revoked device %d %u 2 0 1 0 0 1 1 0 %s\n",
		 self->generation, getpid(), T_LENGTH, hex);
	EXPECT_NE(NULL, strstr(self->text, want));

	ASSERT_LT(0, t_slurp(DEBUGFS "imports", self->text, 1 << 20));
	snprintf(want, sizeof(want), "%llu %d 2 0 0 0 ", self->generation,
		 t_pid(self->peer));
	EXPECT_NE(NULL, strstr(self->text, want));
	snprintf(want, sizeof(want), "%llu %d 1 0 0 1 ", self->generation,
		 getpid());
	EXPECT_NE(NULL, strstr(self->text, want));
}

static int by_number(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

TEST_F(show, debugfs_lists_thousands_once_each)
{
	static __u64 listed[3001];
	char key[16], *at;
	int i, lines = 0;

	for (i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		ASSERT_EQ(0, t_export(self->fd, key, 0));
	}
	ASSERT_LT(0, t_slurp(DEBUGFS "shares", self->text, 1 << 20));
	for (at = strchr(self->text, '\n') + 1; *at;
	     at = strchr(at, '\n') + 1) {
		ASSERT_LT(lines, 3001);
		listed[lines++] = strtoull(at, NULL, 10);
	}
	ASSERT_EQ(3001, lines);
	qsort(listed, lines, sizeof(listed[0]), by_number);
	for (i = 1; i < lines; i++)
		EXPECT_LT(listed[i - 1], listed[i]);
}

TEST_F(show, counts_are_what_there_is)
{
	struct t_counts counts;
	int other = t_open();

	ASSERT_LE(0, other);
	ASSERT_EQ(0, t_counts(&counts));
	EXPECT_EQ(2, counts.owners);
	EXPECT_EQ(3, counts.sessions);
	EXPECT_EQ(1, counts.shares);
	EXPECT_EQ(3, counts.imports);
	EXPECT_EQ(0, counts.settling);
	EXPECT_EQ(0, counts.watches);
	EXPECT_EQ(0, counts.tombstones);
}

TEST_F(show, holders_say_who_how_often_and_since_when)
{
	struct aclipc_holder holders[3];
	struct timespec now;
	__u64 ns;

	clock_gettime(CLOCK_BOOTTIME, &now);
	ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	memset(holders, 0xff, sizeof(holders));
	EXPECT_EQ(2, t_holders(self->fd, KEY, holders, 3));
	EXPECT_EQ(t_pid(self->peer), holders[0].pid);
	EXPECT_EQ(2, holders[0].count);
	EXPECT_EQ(0, holders[0].flags);
	EXPECT_EQ(0, holders[0].settle_ms);
	EXPECT_LT(0, holders[0].since_ns);
	EXPECT_GE(ns, holders[0].since_ns);
	EXPECT_EQ(getpid(), holders[1].pid);
	EXPECT_EQ(1, holders[1].count);
	EXPECT_EQ(ACLIPC_HOLDER_SELF, holders[1].flags);
	EXPECT_LE(holders[0].since_ns, holders[1].since_ns);
	/* nothing is written behind what there is */
	EXPECT_EQ(-1, holders[2].pid);
	/* fewer are written than there are */
	memset(holders, 0xff, sizeof(holders));
	EXPECT_EQ(2, t_holders(self->fd, KEY, holders, 1));
	EXPECT_EQ(t_pid(self->peer), holders[0].pid);
	EXPECT_EQ(-1, holders[1].pid);
	EXPECT_EQ(2, t_holders(self->fd, KEY, NULL, 0));
}

TEST_F(show, tracepoints_tell_the_story)
{
	static const char * const events[] = {
		"aclipc_open", "aclipc_end", "aclipc_export", "aclipc_import",
		"aclipc_close", "aclipc_settled", "aclipc_begin",
		"aclipc_finish", "aclipc_abort", "aclipc_state",
		"aclipc_event", "aclipc_callback",
	};
	static const char * const order[] = {
		"aclipc_open:", "aclipc_export:", "aclipc_import:",
		"aclipc_begin:", "aclipc_event:", "aclipc_close:",
		"aclipc_begin:", "aclipc_finish:", "aclipc_end:",
	};
	char path[128], *at;
	struct stat st;
	size_t i;
	int peer;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		snprintf(path, sizeof(path), TRACING "events/aclipc/%s",
			 events[i]);
		EXPECT_EQ(0, stat(path, &st)) {
			TH_LOG("%s", events[i]);
		}
	}
	ASSERT_EQ(0, t_put(TRACING "trace", ""));
	ASSERT_EQ(0, t_put(TRACING "events/aclipc/enable", "1"));
	peer = t_peer();
	ASSERT_LE(0, peer);
	EXPECT_EQ(0, t_export(peer, "traced", ANYONE));
	EXPECT_EQ(0, t_import(self->fd, "traced"));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(peer, "traced"));
	EXPECT_EQ(0, t_close(self->fd, "traced"));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_defer(peer, "traced"));
	EXPECT_EQ(0, t_finish(peer, "traced"));
	EXPECT_EQ(0, t_close_fd(peer));
	EXPECT_EQ(0, t_put(TRACING "events/aclipc/enable", "0"));
	ASSERT_LT(0, t_slurp(TRACING "trace", self->text, 1 << 20));
	for (at = self->text, i = 0; i < ARRAY_SIZE(order); i++) {
		at = strstr(at, order[i]);
		ASSERT_NE(NULL, at) {
			TH_LOG("no %s in:\n%s", order[i], self->text);
		}
		at++;
	}
}

/* Of a key nothing but its start reaches a trace or fdinfo. */
TEST_F(show, keys_are_not_shown_whole_to_others)
{
	ASSERT_LT(0, fdinfo(self->fd, self->text));
	EXPECT_EQ(NULL, strstr(self->text, KEY));
	EXPECT_EQ(NULL, strstr(self->text, START "6f"));
	ASSERT_EQ(0, t_put(TRACING "trace", ""));
	ASSERT_EQ(0, t_put(TRACING "events/aclipc/enable", "1"));
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	ASSERT_EQ(0, t_put(TRACING "events/aclipc/enable", "0"));
	ASSERT_LT(0, t_slurp(TRACING "trace", self->text, 1 << 20));
	EXPECT_EQ(NULL, strstr(self->text, "secret"));
}

T_MAIN

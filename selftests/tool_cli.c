// SPDX-License-Identifier: GPL-2.0
/* The command-line tool, as its users call it. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/aclipc_test.h"
#include "common/watch.h"

#define KEY	"tool_cli_first_key"
#define OTHER	"tool_cli_second_key"
#define HEX	"746f6f6c5f636c695f66697273745f6b6579"	/* KEY */
#define ANYONE	ACLIPC_EXPORT_ANYONE
#define USER	"/usr/bin/setpriv --reuid=1000 --regid=1000 --clear-groups "

enum { OK, PROBLEM, USAGE, NO_MODULE, NO_KEY, DENIED, AMBIGUOUS };

FIXTURE(tool)
{
	int fd;
	int peer;
	__u64 generation;
	char out[65536];
};

FIXTURE_SETUP(tool)
{
	if (access("/usr/bin/aclipc", X_OK))
		SKIP(return, "no tool");
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	self->fd = t_open();
	self->peer = t_peer();
	ASSERT_LE(0, self->peer);
	ASSERT_EQ(0, t_export_gen(self->fd, KEY, ANYONE, &self->generation));
	ASSERT_EQ(0, t_export(self->fd, OTHER, ANYONE));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	ASSERT_EQ(0, t_import(self->peer, KEY));
}

FIXTURE_TEARDOWN_PARENT(tool)
{
	EXPECT_EQ(0, t_nothing_left());
}

/* Output of a command, errors too; its exit status, as a shell counts it. */
#define run(...)	run_command(self->out, sizeof(self->out), __VA_ARGS__)

static __attribute__((format(printf, 3, 4)))
int run_command(char *out, size_t size, const char *fmt, ...)
{
	char command[1024] = "exec 2>&1 </dev/null; ";
	size_t n = strlen(command);
	va_list args;
	int status;
	FILE *f;

	va_start(args, fmt);
	vsnprintf(command + n, sizeof(command) - n, fmt, args);
	va_end(args);
	f = popen(command, "r");
	if (!f)
		return -1;
	n = fread(out, 1, size - 1, f);
	out[n] = 0;
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	       128 + WTERMSIG(status);
}

#define SHOWS(text) EXPECT_NE(NULL, strstr(self->out, text)) { \
	TH_LOG("no \"%s\" in: %s", text, self->out); }
#define HIDES(text) EXPECT_EQ(NULL, strstr(self->out, text)) { \
	TH_LOG("\"%s\" in: %s", text, self->out); }

TEST_F(tool, help_and_usage)
{
	static const char *const commands[] = {
		"list", "holders", "watch", "revoke", "run", "doctor",
	};
	unsigned int i;

	EXPECT_EQ(USAGE, run("aclipc"));
	EXPECT_EQ(OK, run("aclipc --help"));
	SHOWS("Exit codes");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		EXPECT_EQ(OK, run("aclipc %s --help", commands[i]));
		SHOWS("usage: aclipc ");
		EXPECT_EQ(i == 4 ? 125 : USAGE,
			  run("aclipc %s --no-such-option", commands[i]));
	}
	EXPECT_EQ(USAGE, run("aclipc no_such_command"));
	EXPECT_EQ(USAGE, run("aclipc holders"));
	EXPECT_EQ(USAGE, run("aclipc holders ''"));
	EXPECT_EQ(USAGE, run("aclipc list extra"));
	EXPECT_EQ(USAGE, run("aclipc doctor 12x"));
}

TEST_F(tool, list_shows_keys_and_counts)
{
	char want[128];

	EXPECT_EQ(OK, run("aclipc list"));
	SHOWS(KEY);
	SHOWS(OTHER);
	SHOWS("live");
	SHOWS("2 keys");
	EXPECT_EQ(OK, run("aclipc list --json"));
	SHOWS("{\"source\": \"debugfs\", \"pending_bytes\": 0");
	snprintf(want, sizeof(want),
		 "{\"generation\": %llu, \"state\": \"live\"",
		 (unsigned long long)self->generation);
	SHOWS(want);
	SHOWS("\"holders\": 1, \"imports\": 2, \"settling\": 0");
	SHOWS("\"key\": \"" KEY "\", \"key_hex\": \"" HEX "\"");
}

TEST_F(tool, list_shows_what_is_pending)
{
	ASSERT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	EXPECT_EQ(OK, run("aclipc list"));
	SHOWS("closing");
	SHOWS("deferred");
	SHOWS("8.0 KiB pending");
	ASSERT_LE(0, t_close(self->peer, KEY));
	ASSERT_LE(0, t_close(self->peer, KEY));
	/* held, and nobody destroys it */
	ASSERT_EQ(ACLIPC_ANSWER_HELD, t_defer(self->fd, KEY));
	EXPECT_EQ(OK, run("aclipc list"));
	SHOWS("STUCK");
	EXPECT_EQ(OK, run("aclipc doctor"));
	SHOWS("1 keys cannot be destroyed");
}

/* How long at most, whatever the driver says or whether there is one. */
TEST_F(tool, list_and_holders_show_what_settles)
{
	struct t_counts counts = {};

	ASSERT_EQ(0, t_set_settle(10000));
	ASSERT_EQ(SIGKILL, t_kill(self->peer));
	ASSERT_EQ(0, t_until(!t_counts(&counts) && counts.settling == 2));
	EXPECT_EQ(OK, run("aclipc list"));
	EXPECT_EQ(OK, run("aclipc list | grep " KEY));
	SHOWS(" 2 (");
	SHOWS(" s)");
	EXPECT_EQ(OK, run("aclipc list | grep " OTHER));
	HIDES(" s)");
	EXPECT_EQ(OK, run("aclipc holders " KEY));
	SHOWS("settling for at most");
	EXPECT_EQ(OK, run("aclipc holders --json " KEY));
	SHOWS("\"settling\": true, \"settle_ms\": ");
	EXPECT_EQ(OK, run("aclipc list --json"));
	SHOWS("\"settling\": 2, \"settle_ms\": ");
}

TEST_F(tool, holders_by_every_name_of_a_key)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", t_pid(self->peer));
	EXPECT_EQ(OK, run("aclipc holders " KEY));
	SHOWS(pid);
	EXPECT_EQ(OK, run("aclipc holders tool_cli_f"));
	SHOWS(pid);
	EXPECT_EQ(OK, run("aclipc holders " HEX));
	SHOWS(pid);
	EXPECT_EQ(OK, run("aclipc holders 0x746f6f6c5f636c695f66"));
	SHOWS(pid);
	EXPECT_EQ(OK, run("aclipc holders --json gen:%llu",
			  (unsigned long long)self->generation));
	SHOWS("\"imports\": 2");
	EXPECT_EQ(AMBIGUOUS, run("aclipc holders tool_cli"));
	SHOWS("fits 2 keys");
	EXPECT_EQ(NO_KEY, run("aclipc holders no_such_key"));
	EXPECT_EQ(NO_KEY, run("aclipc holders gen:999999999"));
}

TEST_F(tool, a_revoked_key_gives_way_to_a_live_one)
{
	ASSERT_LE(0, t_revoke(self->fd, KEY, 0, 0));
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	EXPECT_EQ(OK, run("aclipc holders " KEY));
	SHOWS("0 holders");
	EXPECT_EQ(OK, run("aclipc holders gen:%llu",
			  (unsigned long long)self->generation));
	SHOWS("1 holder");
}

TEST_F(tool, revoke_only_when_told_so)
{
	EXPECT_EQ(PROBLEM, run("aclipc revoke " KEY));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, KEY));
	EXPECT_EQ(AMBIGUOUS, run("aclipc revoke --yes tool_cli"));
	EXPECT_EQ(OK, run("aclipc revoke --yes tool_cli_f"));
	SHOWS("told: 2");
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(self->peer, KEY));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, OTHER));
}

TEST_F(tool, ordinary_users_see_nothing_of_others)
{
	EXPECT_EQ(OK, run(USER "aclipc list"));
	SHOWS("0 keys");
	HIDES("tool_cli");
	EXPECT_EQ(DENIED, run(USER "aclipc revoke --yes " KEY));
	EXPECT_EQ(DENIED, run(USER "aclipc watch"));
	EXPECT_EQ(PROBLEM, run(USER "aclipc doctor"));
	SHOWS("cannot open /dev/aclipc");
	EXPECT_EQ(PROBLEM, run(USER "aclipc doctor %d", t_pid(self->peer)));
	SHOWS("as its user or as root");
}

/* As in a container: no debugfs.  Whole keys work, and what /proc shows. */
TEST_F(tool, without_debugfs)
{
	static const char sh[] = "unshare -m sh -c 'umount /sys/kernel/debug; %s'";
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", t_pid(self->peer));
	EXPECT_EQ(OK, run(sh, "aclipc list"));
	SHOWS("tool_cli...");
	SHOWS("own processes");
	HIDES(KEY);
	EXPECT_EQ(OK, run(sh, "aclipc holders " KEY));
	SHOWS(pid);
	EXPECT_EQ(OK, run(sh, "aclipc revoke --yes " KEY));
	EXPECT_EQ(ACLIPC_STATE_REVOKED, t_state(self->fd, KEY));
}

static long fn_evil_name(int fd, void *arg)
{
	return prctl(PR_SET_NAME, "\033[31m\"\n\\x\377");
}

TEST_F(tool, process_names_are_harmless)
{
	ASSERT_EQ(0, t_run(self->peer, fn_evil_name, NULL, 0));
	EXPECT_EQ(OK, run("aclipc holders " KEY));
	HIDES("\033");
	SHOWS("\\x1b[31m\"\\x0a");
	EXPECT_EQ(OK, run("aclipc holders --json " KEY));
	HIDES("\033");
	SHOWS("\\u001b[31m\\\"\\u000a\\\\x\\ufffd");
}

static int instances(void)
{
	DIR *dir = opendir(INSTANCES);
	struct dirent *entry;
	int n = 0;

	while (dir && (entry = readdir(dir)))
		n += !strncmp(entry->d_name, "aclipc-watch", 12);
	if (dir)
		closedir(dir);
	return n;
}

static int watch_until(int fd, char *out, size_t size, const char *text)
{
	size_t have = 0;
	ssize_t n;

	while ((n = read(fd, out + have, size - 1 - have)) > 0) {
		have += n;
		out[have] = 0;
		if (strstr(out, text))
			return 0;
	}
	return -1;
}

TEST_F(tool, watch_follows_and_cleans_up)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	int out, status, peer;
	unsigned int i;
	pid_t pid;

	for (i = 0; i < 3; i++) {
		pid = watch_start(i == 1 ? "--json" : NULL, &out);
		ASSERT_EQ(0, t_until(watching(pid)));
		peer = t_peer();
		ASSERT_EQ(0, t_import(peer, KEY));
		ASSERT_LE(0, t_close(peer, KEY));
		EXPECT_EQ(0, watch_until(out, self->out, sizeof(self->out),
					 i == 1 ? "\"event\": \"close\"" :
					 "closes gen:"));
		SHOWS(i == 1 ? "\"event\": \"import\", \"generation\": " :
		      "imports gen:");
		ASSERT_EQ(0, kill(pid, signals[i]));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_EQ(0, instances());
		close(out);
		t_exit(peer);
	}
}

TEST_F(tool, watch_ends_when_its_reader_does)
{
	int out, status;
	pid_t pid;

	pid = watch_start(NULL, &out);
	ASSERT_EQ(0, t_until(watching(pid)));
	/* without another event */
	close(out);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, instances());
}

#define MAPPED "while read -r l; do case $l in *libaclipc.so*) exit 9;; esac; done </proc/$$/maps; exit 8"

TEST_F(tool, run_becomes_the_program)
{
	EXPECT_EQ(7, run("aclipc run -- bash -c 'exit 7'"));
	EXPECT_EQ(128 + SIGKILL, run("exec aclipc run bash -c 'kill -9 $$'"));
	EXPECT_EQ(9, run("aclipc run -- bash -c '" MAPPED "'"));
	EXPECT_EQ(9, run("aclipc run --strict -- bash -c '" MAPPED "'"));
	EXPECT_EQ(8, run("bash -c '" MAPPED "'"));
	EXPECT_EQ(0, run("aclipc run --strict -- bash -c 'echo $ACLIPC_STRICT--'"));
	SHOWS("1--");
	EXPECT_EQ(0, run("LD_PRELOAD=libascend_hal.so aclipc run -- bash -c 'echo $LD_PRELOAD'"));
	SHOWS("libaclipc.so.0:libascend_hal.so");
	EXPECT_EQ(127, run("aclipc run -- no_such_program"));
	EXPECT_EQ(126, run("aclipc run -- /etc"));
	EXPECT_EQ(125, run("aclipc run"));
	EXPECT_EQ(125, run("aclipc run --library /no/such -- bash"));
}

TEST_F(tool, run_says_when_the_library_stays_out)
{
	/* busybox is static */
	EXPECT_EQ(0, run("aclipc run -- busybox true"));
	SHOWS("static");
	EXPECT_EQ(125, run("aclipc run --strict -- busybox true"));
	SHOWS("not started");
	EXPECT_EQ(0, run("printf '#!/bin/busybox sh\\necho ran\\n' >/tmp/script; chmod 755 /tmp/script"));
	EXPECT_EQ(125, run("aclipc run --strict -- /tmp/script"));
	SHOWS("static");
	EXPECT_EQ(0, run("printf '#!/usr/bin/env bash\\nexit 0\\n' >/tmp/script"));
	EXPECT_EQ(0, run("aclipc run --strict -- /tmp/script"));
	/* set-user-id, run by another user */
	EXPECT_EQ(0, run("cp /bin/bash /tmp/suid; chmod 4755 /tmp/suid"));
	EXPECT_EQ(125, run(USER "aclipc run --strict -- /tmp/suid -c 'exit 0'"));
	SHOWS("set-user-id");
}

/* The first such word in a file becomes another one of the same length. */
static int change(const char *path, const char *old, const char *new)
{
	static char buf[4 << 20];
	ssize_t len = t_slurp(path, buf, sizeof(buf));
	char *word = len > 0 ? memmem(buf, len, old, strlen(old)) : NULL;
	int fd, ret;

	fd = word ? open(path, O_WRONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return -1;
	ret = pwrite(fd, new, strlen(old), word - buf);
	close(fd);
	return ret == strlen(old) ? 0 : -1;
}

/* Its loader's name and what the library needs are all that is musl's here. */
TEST_F(tool, run_refuses_programs_of_musl)
{
	EXPECT_EQ(0, run("cp /bin/bash /tmp/musl"));
	ASSERT_EQ(0, change("/tmp/musl", "/ld-linux-", "//ld-musl-"));
	EXPECT_EQ(125, run("aclipc run -- /tmp/musl -c 'exit 0'"));
	SHOWS("/tmp/musl is a program of musl, libaclipc.so is built for glibc; not started\n");
	EXPECT_EQ(125, run("aclipc run --strict -- /tmp/musl -c 'exit 0'"));
	SHOWS("built for glibc; not started\n");
	/* into one that gains privileges the loader takes nothing */
	EXPECT_EQ(127, run("chmod 4755 /tmp/musl; " USER "aclipc run -- /tmp/musl"));
	SHOWS("set-user-id");
	HIDES("glibc");
	/* a library of musl: nothing to say but that this loader is not here */
	EXPECT_EQ(0, run("cp /usr/lib/*/libaclipc.so.0 /tmp"));
	ASSERT_EQ(0, change("/tmp/libaclipc.so.0", "libc.so.6", "libc.so\0"));
	EXPECT_EQ(127, run("aclipc run --library /tmp/libaclipc.so.0 -- /tmp/musl"));
	SHOWS("//ld-musl-");
	HIDES("glibc");
}

TEST_F(tool, run_of_what_cannot_be_read)
{
	EXPECT_EQ(0, run("cp /bin/bash /tmp/closed; chmod 711 /tmp/closed"));
	EXPECT_EQ(7, run(USER "aclipc run -- /tmp/closed -c 'exit 7'"));
	SHOWS("cannot be read");
	EXPECT_EQ(125, run(USER "aclipc run --strict -- /tmp/closed -c 'exit 7'"));
}

TEST_F(tool, doctor_of_the_machine)
{
	EXPECT_EQ(OK, run("aclipc doctor"));
	SHOWS("module loaded");
	SHOWS("/dev/aclipc exists");
	SHOWS("ABI 1");
	HIDES("FAIL");
	EXPECT_EQ(OK, run("aclipc doctor --json"));
	SHOWS("\"check\": \"module\", \"verdict\": \"ok\"");
	SHOWS("\"failed\": 0");
	/* a node of somebody else's, and none */
	EXPECT_EQ(PROBLEM, run("unshare -m sh -c 'mount --bind /dev/null /dev/aclipc; aclipc doctor'"));
	SHOWS("stale");
}

TEST_F(tool, doctor_of_a_process)
{
	EXPECT_EQ(OK, run("aclipc doctor %d", getpid()));
	SHOWS("libaclipc.so is not mapped");
	EXPECT_EQ(PROBLEM, run("busybox sleep 999 & aclipc doctor $!; s=$?; kill $!; exit $s"));
	SHOWS("static");
	EXPECT_EQ(OK, run("aclipc run -- bash -c 'aclipc doctor $$'"));
	SHOWS("preloaded");
	EXPECT_EQ(PROBLEM, run("LD_PRELOAD=libascend_hal.so bash -c 'unset LD_PRELOAD; aclipc doctor $$; exit $?'"));
	SHOWS("without libaclipc.so");
	EXPECT_EQ(PROBLEM, run("aclipc doctor 4194303"));
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc revoke KEY */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tool.h"

struct revoke_target {
	unsigned char key[ACLIPC_KEY_MAX];
	uint64_t generation;
};

static int revoke_ask_module(int fd, const char *arg, struct revoke_target *to)
{
	unsigned char keys[2][ACLIPC_KEY_MAX];
	unsigned int i, nr = key_literals(arg, keys);
	struct aclipc_query query;

	for (i = 0; i < nr; i++) {
		memset(&query, 0, sizeof(query));
		query.size = sizeof(query);
		memcpy(query.key, keys[i], ACLIPC_KEY_MAX);
		if (ioctl(fd, ACLIPC_QUERY, &query))
			continue;
		memcpy(to->key, keys[i], ACLIPC_KEY_MAX);
		to->generation = query.out_generation;
		return 0;
	}
	tool_error("no such key, or not yours to ask about: %s", arg);
	return TOOL_NO_KEY;
}

static int revoke_find(int fd, const char *arg, struct revoke_target *to)
{
	struct tool_share *share;
	struct tool_view view;
	int ret;

	ret = view_load(&view);
	if (ret)
		return ret;
	/* elsewhere keys are not shown whole, and the module wants it whole */
	if (!view.whole) {
		view_free(&view);
		return revoke_ask_module(fd, arg, to);
	}
	ret = key_find(&view, arg, &share);
	if (!ret) {
		memcpy(to->key, share->key, ACLIPC_KEY_MAX);
		to->generation = share->generation;
	}
	view_free(&view);
	return ret;
}

static bool revoke_confirm(int fd, const struct revoke_target *to)
{
	struct aclipc_query query = {
		.size = sizeof(query),
		.generation = to->generation,
	};
	char answer[16];

	if (!isatty(STDIN_FILENO)) {
		tool_error("revoke: not asked at a terminal; say --yes to do it");
		return false;
	}
	memcpy(query.key, to->key, ACLIPC_KEY_MAX);
	if (ioctl(fd, ACLIPC_QUERY, &query))
		memset(&query, 0, sizeof(query));
	fprintf(stderr,
		"Generation %llu has %u imports by other processes.  They are told, but what\nthey do with the memory after that is not stopped.  Revoke? [y/N] ",
		(unsigned long long)to->generation, query.out_imports);
	return fgets(answer, sizeof(answer), stdin) &&
	       (answer[0] == 'y' || answer[0] == 'Y');
}

static int revoke_failed(int err)
{
	switch (err) {
	case ENOENT:
		tool_error("no such key any more");
		return TOOL_NO_KEY;
	case EPERM:
		tool_error("not permitted: only the exporter and CAP_SYS_ADMIN may revoke");
		return TOOL_DENIED;
	default:
		tool_error("cannot revoke: %s", strerror(err));
		return TOOL_PROBLEM;
	}
}

static int revoke_do(int fd, const char *arg, bool yes)
{
	struct aclipc_revoke cmd = {
		.size = sizeof(cmd),
		.reason = ACLIPC_REASON_FORCED,
	};
	struct revoke_target to;
	int ret;

	ret = revoke_find(fd, arg, &to);
	if (ret)
		return ret;
	if (!yes && !revoke_confirm(fd, &to))
		return TOOL_PROBLEM;
	memcpy(cmd.key, to.key, ACLIPC_KEY_MAX);
	cmd.generation = to.generation;
	if (ioctl(fd, ACLIPC_REVOKE, &cmd))
		return revoke_failed(errno);
	printf("generation %llu revoked; imports that were told: %u\n",
	       (unsigned long long)to.generation, cmd.out_imports);
	return TOOL_OK;
}

static int revoke_run(const struct tool_command *self, int argc, char **argv)
{
	struct tool_opts opts;
	int fd, ret;

	ret = tool_options(self, argc, argv, TOOL_OPT_YES, &opts);
	if (ret)
		return ret < 0 ? TOOL_OK : ret;
	if (opts.nr_args != 1 || !*opts.args[0])
		return tool_usage_error(self, "revoke: give one key");
	ret = device_open(&fd);
	if (ret)
		return ret;
	ret = revoke_do(fd, opts.args[0], opts.yes);
	close(fd);
	return ret;
}

const struct tool_command tool_revoke = {
	.name = "revoke",
	.synopsis = "[--yes] KEY",
	.summary = "Take a key away: no new imports, importers are told",
	.help =
"KEY is the key as text or in hex, or (for root) the beginning of it, or gen:N.\n"
"For the exporter's administrator, when an importer will never close: the\n"
"exporter's close no longer waits, and destroys and frees the memory under\n"
"importers that still use it.  Their closes still succeed.\n"
"\n"
"  --yes  do not ask\n",
	.run = revoke_run,
};

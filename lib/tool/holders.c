// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc holders KEY */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

static double holders_seconds(uint64_t since_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec + now.tv_nsec / 1e9 - since_ns / 1e9;
}

static char *holders_note(const struct tool_import *imp)
{
	if (imp->settling)
		return text_format("ended, settling for at most %llu s",
				   (unsigned long long)
				   text_seconds(imp->settle_ms));
	return text_format("%s", imp->self ? "the exporter itself" : "-");
}

static void holders_table(const struct tool_view *view, uint64_t generation)
{
	static const char *const titles[] = {
		"PROCESS", ">IMPORTS", ">SINCE", "NOTE",
	};
	const struct tool_import *imp;
	unsigned int nr = 0;
	struct table t;
	size_t i;

	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]));
	for (i = 0; i < view->nr_imports; i++) {
		imp = &view->imports[i];
		if (imp->generation != generation)
			continue;
		nr++;
		table_cell(&t, text_process(imp->pid));
		table_cell(&t, text_format("%llu",
					   (unsigned long long)imp->count));
		table_cell(&t, !imp->since_known ? text_format("?") :
			   text_format("%.1f s", holders_seconds(imp->since_ns)));
		table_cell(&t, holders_note(imp));
	}
	table_print(&t);
	printf("generation %llu: %u holder%s\n",
	       (unsigned long long)generation, nr, nr == 1 ? "" : "s");
}

static void holders_json(const struct tool_view *view, uint64_t generation)
{
	struct json j = { .f = stdout };
	const struct tool_import *imp;
	size_t i;

	json_open(&j, NULL, '{');
	json_u64(&j, "generation", generation);
	json_open(&j, "holders", '[');
	for (i = 0; i < view->nr_imports; i++) {
		imp = &view->imports[i];
		if (imp->generation != generation)
			continue;
		json_open(&j, NULL, '{');
		json_process(&j, imp->pid);
		json_u64(&j, "imports", imp->count);
		if (imp->since_known)
			json_u64(&j, "since_ns", imp->since_ns);
		json_bool(&j, "settling", imp->settling);
		if (imp->settling)
			json_u64(&j, "settle_ms", imp->settle_ms);
		json_bool(&j, "self", imp->self);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
	json_newline(&j);
}

static int holders_fetch(int fd, const unsigned char *key, uint64_t generation,
			 struct tool_view *view)
{
	static struct aclipc_holder holders[ACLIPC_HOLDERS_MAX];
	struct aclipc_holders cmd = {
		.size = sizeof(cmd),
		.generation = generation,
		.holders = (uintptr_t)holders,
		.nr_holders = ACLIPC_HOLDERS_MAX,
	};
	struct tool_import *imp;
	unsigned int i;

	memcpy(cmd.key, key, ACLIPC_KEY_MAX);
	if (ioctl(fd, ACLIPC_HOLDERS, &cmd))
		return -errno;
	for (i = 0; i < cmd.out_holders && i < cmd.nr_holders; i++) {
		imp = view_add_import(view);
		imp->generation = generation;
		imp->pid = holders[i].pid;
		imp->count = holders[i].count;
		imp->since_ns = holders[i].since_ns;
		imp->since_known = true;
		imp->settling = holders[i].flags & ACLIPC_HOLDER_SETTLING;
		imp->settle_ms = holders[i].settle_ms;
		imp->self = holders[i].flags & ACLIPC_HOLDER_SELF;
	}
	if (cmd.out_holders > cmd.nr_holders)
		tool_note("%u holders, the first %u are shown",
			  cmd.out_holders, cmd.nr_holders);
	return 0;
}

/*
 * Ask the module by the whole key: for those who may import it, and inside
 * containers.  Negative: go on with other means.
 */
static int holders_ask(const char *arg, struct tool_view *view,
		       uint64_t *generation)
{
	unsigned char keys[2][ACLIPC_KEY_MAX];
	struct aclipc_query query;
	unsigned int i, nr;
	int fd, ret = -ENOENT;

	fd = device_open_quietly();
	if (fd < 0)
		return fd;
	nr = key_literals(arg, keys);
	for (i = 0; i < nr && ret; i++) {
		memset(&query, 0, sizeof(query));
		query.size = sizeof(query);
		memcpy(query.key, keys[i], ACLIPC_KEY_MAX);
		if (ioctl(fd, ACLIPC_QUERY, &query))
			continue;
		*generation = query.out_generation;
		ret = holders_fetch(fd, keys[i], *generation, view);
	}
	close(fd);
	return ret;
}

static int holders_find(const char *arg, struct tool_view *view,
			uint64_t *generation)
{
	struct tool_view asked = { 0 };
	struct tool_share *share;
	int ret;

	ret = view_load(view);
	if (ret)
		return ret;
	if (!view->whole && !holders_ask(arg, &asked, generation)) {
		view_free(view);
		*view = asked;
		return 0;
	}
	view_free(&asked);
	ret = key_find(view, arg, &share);
	if (ret)
		return ret;
	*generation = share->generation;
	if (!view->whole)
		tool_note("only your own processes; the whole key or root shows all");
	return 0;
}

static int holders_run(const struct tool_command *self, int argc, char **argv)
{
	struct tool_opts opts;
	struct tool_view view;
	uint64_t generation = 0;
	int ret;

	ret = tool_options(self, argc, argv, TOOL_OPT_JSON, &opts);
	if (ret)
		return ret < 0 ? TOOL_OK : ret;
	if (opts.nr_args != 1 || !*opts.args[0])
		return tool_usage_error(self, "holders: give one key");
	ret = holders_find(opts.args[0], &view, &generation);
	if (!ret) {
		if (opts.json)
			holders_json(&view, generation);
		else
			holders_table(&view, generation);
	}
	view_free(&view);
	return ret;
}

const struct tool_command tool_holders = {
	.name = "holders",
	.synopsis = "[--json] KEY",
	.summary = "Show who has a key imported",
	.help =
"KEY is the key as text or in hex, or the beginning of it if that is enough to\n"
"tell it apart, or gen:N with a generation from \"aclipc list\".\n"
"\n"
"Root sees all holders of all keys.  Others see all holders of a key that they\n"
"exported or may import, if they give the whole key; else their own processes.\n"
"\n"
"  --json  one object: generation, holders[]\n",
	.run = holders_run,
};

// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc list */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static bool list_pending(const struct tool_share *s)
{
	return s->deferred && strcmp(s->state, "revoked");
}

static char *list_state(const struct tool_share *s)
{
	if (s->stuck)
		return text_format("STUCK");
	if (strcmp(s->state, "revoked") || !strcmp(s->reason, "?"))
		return text_escape(s->state);
	return text_format("revoked (%s)", s->reason);
}

static char *list_flags(const struct tool_share *s)
{
	char *text = text_format("%s%s%s%s%s", s->deferred ? ",deferred" : "",
				 s->waiters ? ",waited for" : "",
				 s->anyone ? ",anyone" : "",
				 s->remote ? ",remote" : "",
				 s->watched ? ",watched" : "");
	char *flags = text_format("%s", *text ? text + 1 : "-");

	free(text);
	return flags;
}

static char *list_count(const struct tool_share *s, uint64_t value)
{
	if (!s->counted)
		return text_format("?");
	return text_format("%llu", (unsigned long long)value);
}

/* how many, and when they have settled at the latest */
static char *list_settling(const struct tool_share *s)
{
	if (!s->counted || !s->settling || !s->settle_ms)
		return list_count(s, s->settling);
	return text_format("%llu (%llu s)", (unsigned long long)s->settling,
			   (unsigned long long)text_seconds(s->settle_ms));
}

static void list_row(struct table *t, const struct tool_share *s, bool whole)
{
	char size[32];

	text_size(size, sizeof(size), s->length);
	table_cell(t, text_format("%llu", (unsigned long long)s->generation));
	table_cell(t, list_state(s));
	table_cell(t, text_process(s->owner));
	table_cell(t, text_format("%s", size));
	table_cell(t, text_format("%u%s", s->holders, whole ? "" : "+"));
	table_cell(t, list_count(s, s->imports));
	table_cell(t, list_settling(s));
	table_cell(t, whole ? list_flags(s) : text_format("?"));
	table_cell(t, text_key(s->key, s->key_len, s->key_whole));
}

static void list_table(struct tool_view *view)
{
	static const char *const titles[] = {
		">GEN", "STATE", "EXPORTER", ">SIZE", ">HOLDERS", ">IMPORTS",
		">SETTLING", "FLAGS", "KEY",
	};
	uint64_t bytes = 0, nr = 0;
	struct table t;
	char size[32];
	size_t i;

	table_init(&t, titles, sizeof(titles) / sizeof(titles[0]));
	for (i = 0; i < view->nr_shares; i++) {
		list_row(&t, &view->shares[i], view->whole);
		if (!list_pending(&view->shares[i]))
			continue;
		bytes += view->shares[i].length;
		nr++;
	}
	table_print(&t);
	text_size(size, sizeof(size), bytes);
	printf("%zu key%s", view->nr_shares, view->nr_shares == 1 ? "" : "s");
	if (nr)
		printf(", %llu of them to be closed after the last import: %s pending",
		       (unsigned long long)nr, size);
	putchar('\n');
}

static void list_json_share(struct json *j, const struct tool_share *s,
			    bool whole)
{
	json_open(j, NULL, '{');
	json_u64(j, "generation", s->generation);
	json_string(j, "state", s->state);
	json_string(j, "reason", s->reason);
	json_open(j, "exporter", '{');
	json_process(j, s->owner);
	json_close(j, '}');
	json_u64(j, "length", s->length);
	json_u64(j, "holders", s->holders);
	if (s->counted) {
		json_u64(j, "imports", s->imports);
		json_u64(j, "settling", s->settling);
	}
	if (whole) {
		json_u64(j, "settle_ms", s->settle_ms);
		json_u64(j, "self_imports", s->self);
		json_u64(j, "waiters", s->waiters);
		json_bool(j, "deferred", s->deferred);
		json_bool(j, "stuck", s->stuck);
		json_bool(j, "anyone", s->anyone);
		json_bool(j, "remote", s->remote);
		json_bool(j, "watched", s->watched);
	}
	json_key(j, s->key, s->key_len, s->key_whole);
	json_close(j, '}');
}

static void list_json(struct tool_view *view)
{
	struct json j = { .f = stdout };
	uint64_t bytes = 0;
	size_t i;

	for (i = 0; i < view->nr_shares; i++)
		if (list_pending(&view->shares[i]))
			bytes += view->shares[i].length;
	json_open(&j, NULL, '{');
	json_string(&j, "source", view->whole ? "debugfs" : "fdinfo");
	if (view->whole)
		json_u64(&j, "pending_bytes", bytes);
	json_open(&j, "shares", '[');
	for (i = 0; i < view->nr_shares; i++)
		list_json_share(&j, &view->shares[i], view->whole);
	json_close(&j, ']');
	json_close(&j, '}');
	json_newline(&j);
}

static int list_run(const struct tool_command *self, int argc, char **argv)
{
	struct tool_opts opts;
	struct tool_view view;
	int ret;

	ret = tool_options(self, argc, argv, TOOL_OPT_JSON, &opts);
	if (ret)
		return ret < 0 ? TOOL_OK : ret;
	if (opts.nr_args)
		return tool_usage_error(self, "list: takes no arguments");
	ret = view_load(&view);
	if (ret)
		return ret;
	if (!view.whole)
		tool_note("only what /proc shows of your own processes; root with debugfs mounted sees all");
	if (opts.json)
		list_json(&view);
	else
		list_table(&view);
	view_free(&view);
	return TOOL_OK;
}

const struct tool_command tool_list = {
	.name = "list",
	.synopsis = "[--json]",
	.summary = "Show the exported keys, their states and counts",
	.help =
"GEN       generation: tells two exports of the same key text apart\n"
"STATE     live: can be imported; closing: the exporter wants to close, imports\n"
"          remain; held: the exporter destroys and frees now; STUCK: held for\n"
"          longer than that takes, the driver's destroy fails; revoked: memory\n"
"          gone or about to go (exit, session, freed, device, forced, closed)\n"
"HOLDERS   sessions that have it imported (a process has one, as a rule)\n"
"IMPORTS   imports of other processes, settling ones included\n"
"SETTLING  of these, imports of processes that ended without closing, and for\n"
"          how much longer they are counted at most\n"
"FLAGS     deferred: the close is put off until the last import is gone; waited\n"
"          for: a thread waits to close; anyone: no list of allowed processes;\n"
"          remote: importers on other servers are possible and not counted;\n"
"          watched: the driver tells when the memory goes away\n"
"\n"
"Root sees all keys (debugfs must be mounted).  Others see what their own\n"
"processes hold, with the first bytes of each key.\n"
"\n"
"  --json  one object: source, pending_bytes, shares[]\n",
	.run = list_run,
};

// SPDX-License-Identifier: GPL-2.0
/* What the tool reads: files of the kernel, of others, and arguments. */
#include "../../lib/tool/view.c"
#include "../../lib/tool/fdinfo.c"
#include "../../lib/tool/program.c"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "parse.h"

/* What main.c has, without the noise. */
void tool_error(const char *fmt, ...)
{
	char buf[4096];
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
}

/* A file with the input. */
static int parse_file(const char *text, size_t len)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	must(fd >= 0 && write(fd, text, len) == (ssize_t)len);
	return fd;
}

static const char *json_value(const char *p);

static const char *json_space(const char *p)
{
	return p + strspn(p, " \n");
}

static const char *json_quoted(const char *p)
{
	must(*p++ == '"');
	for (; *p != '"'; p++) {
		must((unsigned char)*p >= 0x20);
		if (*p == '\\') {
			p++;
			must(*p && strchr("\"\\u", *p));
		}
	}
	return p + 1;
}

/* "[...]" or "{...}" */
static const char *json_list(const char *p)
{
	char end = *p == '[' ? ']' : '}';

	p = json_space(p + 1);
	if (*p == end)
		return p + 1;
	for (;;) {
		if (end == '}') {
			p = json_space(json_quoted(p));
			must(*p == ':');
			p = json_space(p + 1);
		}
		p = json_space(json_value(p));
		if (*p == end)
			return p + 1;
		must(*p == ',');
		p = json_space(p + 1);
	}
}

/* Behind one value, which has to be right. */
static const char *json_value(const char *p)
{
	size_t n = strspn(p, "-0123456789.");

	if (*p == '"')
		return json_quoted(p);
	if (*p == '[' || *p == '{')
		return json_list(p);
	if (!strncmp(p, "true", 4))
		return p + 4;
	if (!strncmp(p, "false", 5))
		return p + 5;
	must(n > 0);
	return p + n;
}

static void must_be_json(const char *text, size_t len)
{
	size_t at, n;
	uint32_t code;

	must(strlen(text) == len);
	must(!*json_space(json_value(text)));
	for (at = 0; at < len; at += n) {
		n = text_utf8((const unsigned char *)text + at, len - at,
			      &code);
		must(n);
	}
}

/* Nothing of it moves a cursor or ends a line. */
static void must_be_plain(const char *text)
{
	for (; *text; text++)
		must((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void parse_lines(struct tool_view *view, char *text)
{
	struct tool_share share;
	struct tool_import import;
	char *line, *save;

	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		memset(&share, 0, sizeof(share));
		memset(&import, 0, sizeof(import));
		if (view_parse_share(line, &share))
			*view_add_share(view) = share;
		if (view_parse_import(line, &import))
			*view_add_import(view) = import;
		fdinfo_export(view, 1, line);
		fdinfo_import(view, 1, line);
	}
	view_sort(view);
}

/* Lines of debugfs and of fdinfo. */
__attribute__((unused)) static void parse_view(char *text, size_t len)
{
	struct tool_view view = { 0 };
	char *key;
	size_t i;

	(void)len;
	parse_lines(&view, text);
	for (i = 0; i < view.nr_shares; i++) {
		must(view.shares[i].key_len <= ACLIPC_KEY_MAX);
		must(view_share(&view, view.shares[i].generation));
		key = text_key(view.shares[i].key, view.shares[i].key_len,
			       view.shares[i].key_whole);
		must_be_plain(key);
		free(key);
	}
	view_free(&view);
}

/* What a user calls a key: the first line, among the keys of the others. */
__attribute__((unused)) static void parse_name(char *text, size_t len)
{
	unsigned char keys[2][ACLIPC_KEY_MAX];
	struct tool_view view = { 0 };
	struct tool_share *found;
	char *rest = strchr(text, '\n');

	(void)len;
	if (rest) {
		*rest = 0;
		parse_lines(&view, rest + 1);
	}
	must(key_literals(text, keys) <= 2);
	if (!key_find(&view, text, &found))
		must(found >= view.shares &&
		     found < view.shares + view.nr_shares);
	view_free(&view);
}

__attribute__((unused)) static void parse_watch(char *text, size_t len)
{
	struct watch_event event;
	struct json json = { 0 };
	char *out = NULL;
	size_t size = 0;

	(void)len;
	if (!watch_parse(text, &event))
		return;
	must(event.nr <= WATCH_MAX_FIELDS);
	json.f = open_memstream(&out, &size);
	watch_json(&json, &event);
	fclose(json.f);
	must_be_json(out, size);
	free(out);
	json.f = open_memstream(&out, &size);
	watch_print(json.f, &event);
	fclose(json.f);
	free(out);
}

__attribute__((unused)) static void parse_text(char *text, size_t len)
{
	char *out = text_escape(text);
	struct json json = { 0 };
	uint64_t value;
	size_t size = 0;

	must_be_plain(out);
	free(out);
	if (text_u64(text, &value)) {
		out = text_format("%llu", (unsigned long long)value);
		must(!strcmp(out, text + strspn(text, "0")) || !value);
		free(out);
	}
	out = NULL;
	json.f = open_memstream(&out, &size);
	json_open(&json, NULL, '{');
	json_text(&json, "text", (unsigned char *)text, len);
	json_string(&json, text, text);
	json_u64(&json, "number", len);
	json_bool(&json, "flag", len & 1);
	json_close(&json, '}');
	json_newline(&json);
	fclose(json.f);
	must_be_json(out, size);
	free(out);
}

__attribute__((unused)) static void parse_elf(char *text, size_t len)
{
	int fd = parse_file(text, len);
	struct elf_info info;
	char *next;

	if (!elf_read(fd, &info)) {
		must(info.nr_needed <= ELF_MAX_NEEDED);
		must(strlen(info.interp) < sizeof(info.interp));
		must(strlen(info.soname) < sizeof(info.soname));
	}
	elf_free(&info);
	next = program_interpreter(fd);
	free(next);
	close(fd);
}

// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc: JSON out. */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static void json_chars(FILE *f, const unsigned char *s, size_t len)
{
	uint32_t code;
	size_t n;

	fputc('"', f);
	for (; len; s += n, len -= n) {
		n = text_utf8(s, len, &code);
		if (!n) {
			fputs("\\ufffd", f);
			n = 1;
		} else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
			fprintf(f, "\\u%04x", code);
		} else {
			if (code == '"' || code == '\\')
				fputc('\\', f);
			fwrite(s, 1, n, f);
		}
	}
	fputc('"', f);
}

static void json_name(struct json *j, const char *name)
{
	if (j->comma)
		fputs(", ", j->f);
	j->comma = true;
	if (!name)
		return;
	json_chars(j->f, (const unsigned char *)name, strlen(name));
	fputs(": ", j->f);
}

void json_open(struct json *j, const char *name, char bracket)
{
	json_name(j, name);
	fputc(bracket, j->f);
	j->comma = false;
}

void json_close(struct json *j, char bracket)
{
	fputc(bracket, j->f);
	j->comma = true;
}

void json_text(struct json *j, const char *name, const unsigned char *s,
	       size_t len)
{
	json_name(j, name);
	json_chars(j->f, s, len);
}

void json_string(struct json *j, const char *name, const char *s)
{
	json_text(j, name, (const unsigned char *)s, strlen(s));
}

void json_u64(struct json *j, const char *name, uint64_t value)
{
	json_name(j, name);
	fprintf(j->f, "%llu", (unsigned long long)value);
}

void json_i64(struct json *j, const char *name, int64_t value)
{
	json_name(j, name);
	fprintf(j->f, "%lld", (long long)value);
}

void json_bool(struct json *j, const char *name, bool value)
{
	json_name(j, name);
	fputs(value ? "true" : "false", j->f);
}

/* As text where that is possible, and always in hex. */
void json_key(struct json *j, const unsigned char *key, unsigned int len,
	      bool whole)
{
	char *text = text_key(key, len, true);
	unsigned int i;

	json_string(j, "key", text);
	free(text);
	json_name(j, "key_hex");
	fputc('"', j->f);
	for (i = 0; i < len; i++)
		fprintf(j->f, "%02x", key[i]);
	fputc('"', j->f);
	json_bool(j, "key_whole", whole);
}

void json_process(struct json *j, pid_t pid)
{
	char comm[64];

	json_i64(j, "pid", pid);
	if (pid > 0 && text_comm(pid, comm, sizeof(comm)))
		json_string(j, "comm", comm);
}

void json_newline(struct json *j)
{
	fputc('\n', j->f);
	j->comma = false;
}

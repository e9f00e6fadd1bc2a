// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc: text in and out, safe for any bytes that others wrote. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* Length of the UTF-8 sequence at s, 0 if it is none. */
size_t text_utf8(const unsigned char *s, size_t len, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n, i;

	if (!len)
		return 0;
	n = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 :
	    (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
	if (!n || n > len)
		return 0;
	*code = n == 1 ? s[0] : s[0] & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3f);
	}
	if (*code < least[n] || *code > 0x10ffff ||
	    (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return n;
}

/* Does it move the cursor, change the direction, or not show at all? */
static bool text_is_tricky(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad ||
	       (code >= 0x200b && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

char *text_escape(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t len = strlen(s), n, i;
	char *out, *q;
	uint32_t code;

	out = text_grow(NULL, len * 4 + 1, 1);
	for (q = out; len; p += n, len -= n) {
		n = text_utf8(p, len, &code);
		if (n && !text_is_tricky(code)) {
			memcpy(q, p, n);
			q += n;
			continue;
		}
		n = n ? n : 1;
		for (i = 0; i < n; i++)
			q += sprintf(q, "\\x%02x", p[i]);
	}
	*q = 0;
	return out;
}

void text_print(FILE *f, const char *s)
{
	char *escaped = text_escape(s);

	fputs(escaped, f);
	free(escaped);
}

/* Printable keys as text, others in hex. */
char *text_key(const unsigned char *key, unsigned int len, bool whole)
{
	char *out = text_grow(NULL, len * 2 + 4, 1);
	bool printable = len;
	size_t i;

	for (i = 0; i < len; i++)
		printable = printable && key[i] > 0x20 && key[i] < 0x7f;
	if (printable)
		memcpy(out, key, len);
	else
		for (i = 0; i < len; i++)
			sprintf(out + 2 * i, "%02x", key[i]);
	memcpy(out + (printable ? len : 2 * i), whole ? "" : "...",
	       whole ? 1 : 4);
	return out;
}

void text_size(char *buf, size_t len, uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	unsigned int unit = 0;
	double value = bytes / 1024.0;

	if (bytes < 1024) {
		snprintf(buf, len, "%llu B", (unsigned long long)bytes);
		return;
	}
	for (; value >= 1024 && units[unit + 1]; unit++)
		value /= 1024;
	snprintf(buf, len, "%.1f %ciB", value, units[unit]);
}

/* Never fewer than there are. */
uint64_t text_seconds(uint64_t ms)
{
	return (ms + 999) / 1000;
}

int text_read_file(const char *path, char *buf, size_t len)
{
	ssize_t n = 0, have = 0;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	while ((size_t)have < len - 1) {
		n = read(fd, buf + have, len - 1 - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += n;
	}
	err = n < 0 ? -errno : 0;
	close(fd);
	buf[have] = 0;
	return err ? err : (int)have;
}

bool text_comm(pid_t pid, char *buf, size_t len)
{
	char path[64];
	int n;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	n = text_read_file(path, buf, len);
	if (n <= 0) {
		snprintf(buf, len, "?");
		return false;
	}
	if (buf[n - 1] == '\n')
		buf[n - 1] = 0;
	return true;
}

/* "1234 (python3)", escaped */
char *text_process(pid_t pid)
{
	char comm[64] = "", *escaped, *out;

	if (pid <= 0)
		return text_format("?");
	if (!text_comm(pid, comm, sizeof(comm)))
		return text_format("%d (gone)", pid);
	escaped = text_escape(comm);
	out = text_format("%d (%s)", pid, escaped);
	free(escaped);
	return out;
}

char *text_format(const char *fmt, ...)
{
	va_list args;
	char *out;
	int n;

	va_start(args, fmt);
	n = vasprintf(&out, fmt, args);
	va_end(args);
	if (n < 0) {
		tool_error("out of memory");
		exit(TOOL_SYSTEM);
	}
	return out;
}

/* The whole of s as an unsigned decimal number. */
bool text_u64(const char *s, uint64_t *value)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*value = strtoull(s, &end, 10);
	return !errno && !*end;
}

/* Room for nr elements; the tool ends when there is none. */
void *text_grow(void *array, size_t nr, size_t size)
{
	void *p = reallocarray(array, nr ? nr : 1, size);

	if (!p) {
		fputs("aclipc: out of memory\n", stderr);
		exit(TOOL_SYSTEM);
	}
	return p;
}

// SPDX-License-Identifier: GPL-2.0
/* The text of tracefs */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

/* "comm-pid [cpu] seq: name: fields", or from seq on */
bool event_parse(struct event *event, const char *line)
{
	const char *p = strrchr(line, ']');
	int n = 0;

	if (line[0] == '#')
		return false;
	p = p ? p + 1 : line;
	if (sscanf(p, " %*[.a-zA-Z0-9] %llu: %31[a-z0-9_]: %n", &event->seq,
		   event->name, &n) != 2 || !n) {
		n = 0;
		if (sscanf(p, " %llu: %31[a-z0-9_]: %n", &event->seq,
			   event->name, &n) != 2 || !n)
			return false;
	}
	snprintf(event->text, sizeof(event->text), "%s", p + n);
	event->text[strcspn(event->text, "\n")] = 0;
	return true;
}

static const char *find(const struct event *event, const char *name)
{
	size_t len = strlen(name);
	const char *p = event->text;

	while (p) {
		if (!strncmp(p, name, len) && p[len] == '=')
			return p + len + 1;
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	return NULL;
}

bool event_field(const struct event *event, const char *name,
		 unsigned long long *value)
{
	const char *p = find(event, name);

	if (!p)
		return false;
	*value = strtoull(p, NULL, 0);
	return true;
}

unsigned long long event_number(const struct event *event, const char *name)
{
	unsigned long long value = 0;

	event_field(event, name, &value);
	return value;
}

bool event_is(const struct event *event, const char *name, const char *word)
{
	size_t len = strlen(word);
	const char *p = find(event, name);

	return p && !strncmp(p, word, len) && (!p[len] || p[len] == ' ');
}

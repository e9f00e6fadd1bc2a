// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc: one line of trace_pipe, read and put into words. */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define WATCH_COMMS	256

/* Names of processes, kept because some lines speak of dead ones. */
static struct {
	pid_t pid;
	char comm[64];
} watch_comms[WATCH_COMMS];

static const char *watch_comm(pid_t pid)
{
	unsigned int slot = (unsigned int)pid % WATCH_COMMS;
	char comm[64];

	if (text_comm(pid, comm, sizeof(comm))) {
		watch_comms[slot].pid = pid;
		memcpy(watch_comms[slot].comm, comm, sizeof(comm));
		return watch_comms[slot].comm;
	}
	return watch_comms[slot].pid == pid ? watch_comms[slot].comm : "?";
}

/*
 * "COMM-TASK [CPU] SECONDS.MICROS: aclipc_NAME: FIELDS".  COMM is any bytes that
 * a process likes, so the line is read from its end: the last "aclipc_" is
 * ours, since no field holds free text.
 */
static bool watch_parse_head(char *line, char *name, struct watch_event *ev)
{
	unsigned long long seconds, micros;
	char *stamp, *cpu, *task;

	if (name - line < 2 || name[-1] != ' ' || name[-2] != ':')
		return false;
	name[-2] = 0;
	stamp = strrchr(line, ' ');
	if (!stamp || sscanf(stamp, " %llu.%6llu", &seconds, &micros) != 2)
		return false;
	ev->time_us = seconds * 1000000 + micros;
	*stamp = 0;
	cpu = strrchr(line, '[');
	if (!cpu)
		return false;
	*cpu = 0;
	task = strrchr(line, '-');
	return task && sscanf(task + 1, "%d", &ev->task) == 1;
}

static void watch_parse_fields(char *fields, struct watch_event *ev)
{
	char *save, *field, *value;

	for (field = strtok_r(fields, " ", &save);
	     field && ev->nr < WATCH_MAX_FIELDS;
	     field = strtok_r(NULL, " ", &save)) {
		value = strchr(field, '=');
		if (!value)
			continue;
		*value++ = 0;
		ev->fields[ev->nr].name = field;
		ev->fields[ev->nr++].value = value;
	}
}

bool watch_parse(char *line, struct watch_event *ev)
{
	char *name = NULL, *p, *colon;

	memset(ev, 0, sizeof(*ev));
	for (p = line; (p = strstr(p, "aclipc_")); p++)
		name = p;
	colon = name ? strchr(name, ':') : NULL;
	if (!colon || colon - name - 7 >= (long)sizeof(ev->name) ||
	    !watch_parse_head(line, name, ev))
		return false;
	memcpy(ev->name, name + 7, colon - name - 7);
	watch_parse_fields(colon + 1, ev);
	return true;
}

static const char *watch_field(const struct watch_event *ev, const char *name)
{
	unsigned int i;

	for (i = 0; i < ev->nr; i++)
		if (!strcmp(ev->fields[i].name, name))
			return ev->fields[i].value;
	return "?";
}

static uint64_t watch_number(const struct watch_event *ev, const char *name)
{
	return strtoull(watch_field(ev, name), NULL, 0);
}

/* Enums may be traced by number or by name. */
static const char *watch_enum(const struct watch_event *ev, const char *field,
			      const char *const *names, size_t nr)
{
	const char *value = watch_field(ev, field);
	uint64_t n;

	if (!text_u64(value, &n))
		return value;
	return n < nr ? names[n] : value;
}

#define ENUM(ev, field, names)						\
	watch_enum(ev, field, names, sizeof(names) / sizeof((names)[0]))

static const char *const watch_states[] = {
	"none", "live", "closing", "held", "revoked",
};
static const char *const watch_reasons[] = {
	"none", "exit", "session", "freed", "device", "forced", "closed",
};
static const char *const watch_ops[] = {
	"?", "import", "try", "wait", "defer", "finish", "abort",
};
static const char *const watch_answers[] = {
	"refused", "held", "pending", "revoked",
};
static const char *const watch_types[] = {
	"?", "closing", "live", "revoked", "drained", "driver",
};

static void watch_say_export(FILE *f, const struct watch_event *ev)
{
	char size[32];

	text_size(size, sizeof(size), watch_number(ev, "length"));
	fprintf(f, "exports gen:%s, %s%s, key %s...", watch_field(ev, "generation"),
		size, watch_number(ev, "watched") ? ", watched" : "",
		watch_field(ev, "key"));
}

static void watch_say_begin(FILE *f, const struct watch_event *ev)
{
	long ret = strtol(watch_field(ev, "ret"), NULL, 0);

	fprintf(f, "asks to close gen:%s (%s): ", watch_field(ev, "generation"),
		ENUM(ev, "op", watch_ops));
	if (ret)
		fprintf(f, "%s", strerror((int)labs(ret)));
	else
		fprintf(f, "%s", ENUM(ev, "answer", watch_answers));
	fprintf(f, ", %s imports", watch_field(ev, "imports"));
}

static void watch_say_event(FILE *f, const struct watch_event *ev)
{
	const char *type = ENUM(ev, "type", watch_types);

	fprintf(f, "is told of gen:%s: %s", watch_field(ev, "generation"),
		type);
	if (!strcmp(type, "revoked"))
		fprintf(f, " (%s)", ENUM(ev, "reason", watch_reasons));
	else if (!strcmp(type, "driver"))
		fprintf(f, " (memory freed or repaired, or tried to)");
}

static void watch_say_state(FILE *f, const struct watch_event *ev)
{
	const char *to = ENUM(ev, "to", watch_states);

	fprintf(f, "gen:%s is %s, was %s", watch_field(ev, "generation"), to,
		ENUM(ev, "from", watch_states));
	if (!strcmp(to, "revoked"))
		fprintf(f, " (%s)", ENUM(ev, "reason", watch_reasons));
}

static void watch_say(FILE *f, const struct watch_event *ev)
{
	const char *generation = watch_field(ev, "generation");

	if (!strcmp(ev->name, "open"))
		fprintf(f, "opens session %s", watch_field(ev, "session"));
	else if (!strcmp(ev->name, "end"))
		fprintf(f, "ends session %s%s", watch_field(ev, "session"),
			watch_number(ev, "exiting") ? ", exiting" : "");
	else if (!strcmp(ev->name, "export"))
		watch_say_export(f, ev);
	else if (!strcmp(ev->name, "import"))
		fprintf(f, "imports gen:%s, %s of its own, %s in all",
			generation, watch_field(ev, "count"),
			watch_field(ev, "imports"));
	else if (!strcmp(ev->name, "close"))
		fprintf(f, "closes gen:%s, %s left of its own, %s in all",
			generation, watch_field(ev, "count"),
			watch_field(ev, "imports"));
	else if (!strcmp(ev->name, "settled"))
		fprintf(f, "ended without closing: its %s of gen:%s taken back, %s in all",
			watch_field(ev, "count"), generation,
			watch_field(ev, "imports"));
	else if (!strcmp(ev->name, "begin"))
		watch_say_begin(f, ev);
	else if (!strcmp(ev->name, "state"))
		watch_say_state(f, ev);
	else if (!strcmp(ev->name, "event"))
		watch_say_event(f, ev);
	else if (!strcmp(ev->name, "finish"))
		fprintf(f, "has destroyed and freed gen:%s", generation);
	else if (!strcmp(ev->name, "abort"))
		fprintf(f, "calls the close of gen:%s off", generation);
	else if (!strcmp(ev->name, "watch"))
		fprintf(f, "watch %s: the driver is asked to tell of %s to %s",
			watch_field(ev, "watch"), watch_field(ev, "start"),
			watch_field(ev, "end"));
	else if (!strcmp(ev->name, "callback"))
		fprintf(f, "watch %s: the driver calls back%s",
			watch_field(ev, "watch"),
			watch_number(ev, "exiting") ? ", exiting" : "");
	else if (!strcmp(ev->name, "unwatch"))
		fprintf(f, "watch %s: %s", watch_field(ev, "watch"),
			watch_number(ev, "refused") ? "refused" : "over");
	else
		fprintf(f, "%s gen:%s", ev->name, generation);
}

void watch_print(FILE *f, const struct watch_event *ev)
{
	pid_t pid = (pid_t)watch_number(ev, "pid");

	fprintf(f, "%6llu.%06llu  ", (unsigned long long)ev->time_us / 1000000,
		(unsigned long long)ev->time_us % 1000000);
	if (pid > 0) {
		char *comm = text_escape(watch_comm(pid));

		fprintf(f, "%7d %-15s  ", pid, comm);
		free(comm);
	} else {
		fprintf(f, "%7s %-15s  ", "", "");
	}
	watch_say(f, ev);
	fputc('\n', f);
}

void watch_json(struct json *j, const struct watch_event *ev)
{
	unsigned int i;
	uint64_t n;

	json_open(j, NULL, '{');
	fprintf(j->f, "\"time\": %llu.%06llu",
		(unsigned long long)ev->time_us / 1000000,
		(unsigned long long)ev->time_us % 1000000);
	j->comma = true;
	json_string(j, "event", ev->name);
	for (i = 0; i < ev->nr; i++) {
		const char *value = ev->fields[i].value;

		/* keys may consist of digits */
		if (strcmp(ev->fields[i].name, "key") && text_u64(value, &n))
			json_u64(j, ev->fields[i].name, n);
		else
			json_string(j, ev->fields[i].name, value);
		if (!strcmp(ev->fields[i].name, "pid") && text_u64(value, &n))
			json_string(j, "comm", watch_comm((pid_t)n));
	}
	json_close(j, '}');
	json_newline(j);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Steps as text, one in a line:
 *
 *   OP P0 F1 K2 [gen=N] [flags=N] [arg=N] [to=F] [mut=NAME] [child]
 *
 * gen is 0, the number of a successful export counted from 1, or "none".  arg:
 *
 *   allow     bits: 0-3 process n, 4 one that is not, 5 number 0, 6 negative
 *   export    1: memory that the driver has, and frees with "memfree", if the
 *             export is to be watched
 *   wait      milliseconds
 *   holders   room for so many
 *   revoke    reason
 *   pass      the process that gets the descriptor, in its slot "to"
 *   exec      1: the descriptors stay
 *   read      bytes
 *   badcmd    number of the call, from 100 on with size and direction
 *
 * "settle long" in the head: what settles stays until the program is over;
 * "limits": a process may have few sessions, exports and imports.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

#define NAME(name) #name,
const char * const op_names[] = { OPS(NAME) };
const char * const mut_names[] = { MUTS(NAME) };

bool op_is_close(enum op op)
{
	return op == OP_close || op == OP_begin_wait ||
	       (op >= OP_try && op <= OP_abort);
}

bool op_is_ioctl(enum op op)
{
	return op <= OP_badcmd || op == OP_begin_wait;
}

static bool op_has_key(enum op op)
{
	return op != OP_info && op != OP_badcmd && op_is_ioctl(op);
}

static bool op_has_slot(enum op op)
{
	return op_is_ioctl(op) || (op >= OP_open && op <= OP_pass) ||
	       op >= OP_read;
}

const char *step_text(const struct step *s, char *buf, size_t size)
{
	char *p = buf, *end = buf + size;

	p += snprintf(p, end - p, "%s P%d", op_names[s->op], s->proc);
	if (op_has_slot(s->op))
		p += snprintf(p, end - p, " F%d", s->slot);
	if (op_has_key(s->op))
		p += snprintf(p, end - p, " K%d", s->key);
	if (s->gen == GEN_NONE)
		p += snprintf(p, end - p, " gen=none");
	else if (s->gen)
		p += snprintf(p, end - p, " gen=%d", s->gen);
	if (s->flags)
		p += snprintf(p, end - p, " flags=%u", s->flags);
	if (s->arg)
		p += snprintf(p, end - p, " arg=%d", s->arg);
	if (s->op == OP_dup || s->op == OP_pass)
		p += snprintf(p, end - p, " to=F%d", s->slot2);
	if (s->mut)
		p += snprintf(p, end - p, " mut=%s", mut_names[s->mut]);
	if (s->child)
		snprintf(p, end - p, " child");
	return buf;
}

void program_print(const struct program *program, FILE *f, const char *prefix)
{
	char buf[256];
	int i;

	fprintf(f, "%sprogram %s\n", prefix, program->name);
	if (program->settle_long)
		fprintf(f, "%ssettle long\n", prefix);
	if (program->limits)
		fprintf(f, "%slimits\n", prefix);
	for (i = 0; i < program->nr; i++)
		fprintf(f, "%s%s\n", prefix,
			step_text(&program->steps[i], buf, sizeof(buf)));
	fflush(f);
}

static int name_find(const char * const *names, int nr, const char *name)
{
	int i;

	for (i = 0; i < nr; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

static bool in_range(int value, int nr)
{
	return value >= 0 && value < nr;
}

static bool step_word(struct step *s, const char *word)
{
	int mut;

	if (sscanf(word, "P%d", &s->proc) == 1)
		return in_range(s->proc, PROCS);
	if (sscanf(word, "F%d", &s->slot) == 1)
		return in_range(s->slot, SLOTS);
	if (sscanf(word, "K%d", &s->key) == 1)
		return in_range(s->key, KEYS);
	if (!strcmp(word, "gen=none")) {
		s->gen = GEN_NONE;
		return true;
	}
	if (sscanf(word, "gen=%d", &s->gen) == 1)
		return in_range(s->gen, STEPS + 1);
	if (sscanf(word, "flags=%u", &s->flags) == 1)
		return true;
	if (sscanf(word, "arg=%d", &s->arg) == 1)
		return s->arg >= 0 && (s->op != OP_pass ||
				       in_range(s->arg, PROCS));
	if (sscanf(word, "to=F%d", &s->slot2) == 1)
		return in_range(s->slot2, SLOTS);
	if (!strcmp(word, "child")) {
		s->child = true;
		return true;
	}
	if (strncmp(word, "mut=", 4))
		return false;
	mut = name_find(mut_names, NR_MUTS, word + 4);
	s->mut = mut < 0 ? MUT_none : mut;
	return mut >= 0;
}

static bool step_parse(struct step *s, char *text)
{
	char *save, *word = strtok_r(text, " \t\n", &save);
	int op = name_find(op_names, NR_OPS, word);

	if (op < 0)
		return false;
	memset(s, 0, sizeof(*s));
	s->op = op;
	while ((word = strtok_r(NULL, " \t\n", &save)))
		if (!step_word(s, word))
			return false;
	return true;
}

/* Where the next program begins, to be read again. */
static bool program_head(struct program *program, const char *line, FILE *f,
			 long at, bool *begun)
{
	char name[64];

	if (sscanf(line, "program %63s", name) != 1)
		return false;
	if (*begun)
		fseek(f, at, SEEK_SET);
	else
		strcpy(program->name, name);
	return true;
}

int program_read(struct program *program, FILE *f, int *line)
{
	bool begun = false;
	char buf[256];
	long at;

	memset(program, 0, sizeof(*program));
	while (at = ftell(f), fgets(buf, sizeof(buf), f)) {
		if (program_head(program, buf, f, at, &begun)) {
			if (begun)
				return 1;
			begun = true;
			++*line;
			continue;
		}
		++*line;
		if (buf[0] == '#' || buf[strspn(buf, " \t\n")] == '\0')
			continue;
		begun = true;
		if (!strcmp(buf, "settle long\n")) {
			program->settle_long = true;
			continue;
		}
		if (!strcmp(buf, "limits\n")) {
			program->limits = true;
			continue;
		}
		if (program->nr == STEPS ||
		    !step_parse(&program->steps[program->nr++], buf))
			return -EINVAL;
	}
	return begun;
}

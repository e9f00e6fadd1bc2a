// SPDX-License-Identifier: GPL-2.0
/* Make a program that fails as short and as plain as it can be. */
#include <time.h>

#include "generate.h"

struct minimizer {
	struct director *d;
	struct program *program;	/* the shortest so far */
	char kind[64];
	time_t end;
	unsigned int runs;
};

static bool out_of_time(const struct minimizer *mini)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec >= mini->end;
}

/* Does it fail in the same way?  Then it takes the other's place. */
static bool try_program(struct minimizer *mini, const struct program *program)
{
	int failed;

	if (out_of_time(mini))
		return false;
	mini->runs++;
	failed = director_run(mini->d, program);
	if (failed < 0 || strcmp(mini->d->kind, mini->kind))
		return false;
	*mini->program = *program;
	/* what comes later does not matter */
	if (failed < program->nr)
		mini->program->nr = failed + 1;
	return true;
}

static bool try_without(struct minimizer *mini, int at, int nr)
{
	struct program shorter = *mini->program;

	if (at + nr > shorter.nr)
		nr = shorter.nr - at;
	shorter.nr -= nr;
	memmove(&shorter.steps[at], &shorter.steps[at + nr],
		(shorter.nr - at) * sizeof(shorter.steps[0]));
	return try_program(mini, &shorter);
}

static bool drop_steps(struct minimizer *mini)
{
	bool changed = false;
	int size, at;

	for (size = mini->program->nr / 2 ?: 1; size; size /= 2)
		for (at = mini->program->nr - 1; at >= 0; at -= size)
			if (at < mini->program->nr)
				changed |= try_without(mini, at, size);
	return changed;
}

/* Generations count exports: without the unused ones it reads better. */
static bool simplify_step(struct minimizer *mini, int at, int what)
{
	struct program plain = *mini->program;
	struct step *s = &plain.steps[at], before = *s;

	switch (what) {
	case 0:
		s->mut = MUT_none;
		break;
	case 1:
		s->child = false;
		break;
	case 2:
		s->gen = GEN_ANY;
		break;
	case 3:
		s->flags = 0;
		break;
	case 4:
		s->flags = s->op == OP_export ? ACLIPC_EXPORT_ANYONE |
			   ACLIPC_EXPORT_UNWATCHED : s->flags;
		break;
	case 5:
		s->arg = s->op == OP_read || s->op == OP_pass ? s->arg : 0;
		break;
	}
	return memcmp(s, &before, sizeof(before)) && try_program(mini, &plain);
}

static bool simplify(struct minimizer *mini)
{
	bool changed = false;
	int at, what;

	for (at = 0; at < mini->program->nr; at++)
		for (what = 0; what < 6 && at < mini->program->nr; what++)
			changed |= simplify_step(mini, at, what);
	return changed;
}

void minimize(struct director *d, struct program *program,
	      unsigned int seconds)
{
	struct minimizer mini = { .d = d, .program = program };
	struct program whole = *program;
	struct timespec now;
	int tries = 3;

	clock_gettime(CLOCK_MONOTONIC, &now);
	mini.end = now.tv_sec + seconds;
	strcpy(mini.kind, d->kind);
	while (tries && !try_program(&mini, &whole))
		tries--;
	if (!tries) {
		ksft_print_msg("it does not fail again: a matter of timing\n");
		return;
	}
	while (!out_of_time(&mini) && drop_steps(&mini))
		;
	simplify(&mini);
	drop_steps(&mini);
	ksft_print_msg("shortened from %d to %d steps in %u runs\n", whole.nr,
		       program->nr, mini.runs);
	/* once more, for what it says */
	director_run(d, program);
}

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FUZZ_GENERATE_H
#define FUZZ_GENERATE_H

#include "director.h"

/* generate.c: a step at random, of which the model says that it may matter */
void generate_step(const struct model *m, __u64 *seed, struct step *s);
/* Change, add or take away a few steps. */
void generate_mutant(const struct program *from, __u64 *seed,
		     struct program *to);
unsigned int dice(__u64 *seed, unsigned int sides);

/* minimize.c: shorten a program as long as it fails in the same way */
void minimize(struct director *d, struct program *program,
	      unsigned int seconds);

/* corpus.c: programs that reached new code */
void corpus_begin(struct director *d, bool on);
void corpus_end(struct director *d, const struct program *program);
const struct program *corpus_pick(__u64 *seed);
void corpus_print(void);

#endif /* FUZZ_GENERATE_H */

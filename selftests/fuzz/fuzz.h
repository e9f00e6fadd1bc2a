/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program is a list of steps.  Each step is done by one of a few processes,
 * one after the other, so that the model knows what each has to answer.
 *
 * director  the process that tells the others what to do and compares
 * actor     a process that does one step at a time (actor.c)
 * model     what the rules say that the answer is (model.c)
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdio.h>
#include <sys/ioctl.h>

#define T_COMMON
#include "../common/aclipc_test.h"

#define PROCS		4
#define SLOTS		4	/* descriptors of one process */
#define KEYS		4
#define STEPS		96	/* of one program */

/* descriptors of an actor, the same before and after exec */
#define FD_SOCK		50
#define FD_CALL		51
#define FD_SLOT		100

/* Settle times: over at once, and never while a program runs. */
#define SETTLE_SHORT	0
#define SETTLE_LONG	30000
#define SETTLE_KEPT	10000	/* of a single program, which is quick */

/* What one process may have if a program has limits. */
#define LIMIT_SESSIONS	2
#define LIMIT_EXPORTS	2
#define LIMIT_IMPORTS	3
#define LIMIT_ALLOW	1	/* on the list of one export */

/* The first of these are ioctls, in the order of their numbers. */
#define OPS(op)								\
	op(info) op(export) op(allow) op(import) op(close) op(query)	\
	op(holders) op(revoke)						\
	op(try) op(wait) op(defer) op(finish) op(abort)			\
	op(badcmd) op(begin_wait) op(kick)				\
	op(open) op(closefd) op(dup) op(pass)				\
	op(fork) op(reap) op(kill) op(exit) op(spawn) op(exec) op(memfree) \
	op(read) op(poll) op(fdinfo)

#define OP_ENUM(name) OP_##name,
enum op { OPS(OP_ENUM) NR_OPS };

/* What is wrong, or odd, with the memory or the fields of a call. */
#define MUTS(mut)							\
	mut(none) mut(null) mut(kernel) mut(unmapped) mut(edge) mut(cut) \
	mut(readonly) mut(odd) mut(small) mut(zero_size) mut(long)	\
	mut(dirty) mut(page) mut(huge) mut(flag) mut(reserved)		\
	mut(no_key) mut(hole) mut(op) mut(timeout) mut(wrap) mut(aux)	\
	mut(count) mut(reason)

#define MUT_ENUM(name) MUT_##name,
enum mut { MUTS(MUT_ENUM) NR_MUTS };

/* Generations: 0, or the nth export of the program, or one that never was. */
#define GEN_ANY		0
#define GEN_NONE	999

struct step {
	enum op op;
	int proc;
	int slot;
	int key;
	int gen;		/* GEN_ANY, n for the nth export, GEN_NONE */
	unsigned int flags;
	int arg;		/* what it is depends on the op, see step.c */
	int slot2;
	enum mut mut;
	bool child;		/* a forked child does it */
};

struct program {
	char name[64];
	bool settle_long;
	bool limits;		/* of a process, low enough to be met */
	int nr;
	struct step steps[STEPS];
};

/* What an actor is told and what came out.  Shared memory. */
#define CALL_BYTES	8192
#define CALL_AUX	1024
struct call {
	enum op op;
	int slot, slot2;
	unsigned int cmd;
	unsigned int len;		/* bytes to place */
	enum mut mut;
	bool child;
	int aux_at;			/* where in bytes a pointer to aux goes */
	unsigned int aux_len;
	bool keep;			/* exec */
	bool memory;			/* export what the driver has */
	long ret;
	unsigned int revents;
	pid_t pid;
	__u8 bytes[CALL_BYTES] __attribute__((aligned(8)));
	__u8 aux[CALL_AUX] __attribute__((aligned(8)));
};

/* One for the steps, one for the thread that waits, and coverage. */
struct calls {
	struct call step, wait;
	__u8 cover[1 << 16];
	bool cover_on;
};

/* step.c */
extern const char * const op_names[], * const mut_names[];
const char *step_text(const struct step *step, char *buf, size_t size);
void program_print(const struct program *program, FILE *f, const char *prefix);
/* 1: a program was read, 0: end of file, else -errno; lines are counted */
int program_read(struct program *program, FILE *f, int *line);
bool op_is_ioctl(enum op op);
bool op_is_close(enum op op);

/* actor.c */
void actor_main(bool admin) __attribute__((noreturn));
long actor_ioctl(struct call *call);

/* memory.c: of the driver, in an actor; 0: there is no driver */
__u64 memory_get(void);
long memory_free(void);

/* free.c: processes and threads that run as they like */
int free_run(__u64 seed, unsigned int seconds);

/* cover.c */
bool cover_available(void);
void cover_begin(struct calls *calls);
void cover_end(struct calls *calls);

#endif /* FUZZ_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* Processes and threads that run as they like: what they share. */
#ifndef FUZZ_FREE_H
#define FUZZ_FREE_H

#include <pthread.h>

#include "generate.h"

#define FREE_PROCS	5
#define FREE_THREADS	3
#define FREE_KEYS	4
#define FREE_SESSIONS	2
#define FREE_OWN	8
#define FREE_HELD	32
#define FREE_GENS	65536	/* of one round */

struct board {
	bool stop;
	__u64 base;			/* generation before the round */
	bool dying[FREE_PROCS];
	int ledger[FREE_PROCS][FREE_GENS];
	int holders[FREE_GENS];
	unsigned long calls, imports, held;
	unsigned int wrong;
	char what[256];
};

struct own {
	__u64 generation;
	int key;
};

struct held {
	__u64 generation;
	int key, session;
};

/* One process.  The lock: read to call, write to change what is there. */
struct free_self {
	struct board *board;
	int nr;
	pthread_rwlock_t lock;
	pthread_mutex_t table;
	int fds[FREE_SESSIONS];
	struct own own[FREE_OWN];
	struct held held[FREE_HELD];
};

extern struct free_self self;

/* free_act.c */
void free_act(__u64 *seed);
void free_reopen(__u64 *seed);
void free_close_all(void);
void free_compare(void);

#endif /* FUZZ_FREE_H */

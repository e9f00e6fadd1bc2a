/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two processes that have each other's key, wait for each other without a
 * time-out and close only after that.  The wait that comes last has to be
 * refused.  ABORTS: another thread's destroy fails meanwhile.
 */
#define NPROC		2
#define NSESS		2
#define NSHARE		2
#define NKEY		2
#define NTHREAD		2
#define OWN(j)		(j)
#define EXP(s)		(s)
#define KEY(s)		(s)
#define THREAD_OF(w)	(w)

#ifndef ABORTS
#define ABORTS	0
#endif
#ifndef ROUNDS
#define ROUNDS	2
#endif

#include "rules.pml"
#include "kernel.pml"
#include "wait.pml"
#include "driver.pml"
#include "exit.pml"

bit answered[NPROC], deadlock;
byte left = 2 * NPROC;

inline close_all(p, r)
{
	real_destroy(p, GOT_HELD);
	real_free(p, GOT_HELD);
	finish(p)
}

/* Asks once, and again when it has closed what it has imported itself. */
proctype Waiter(byte p)
{
	byte r, end;

	begin_wait(p, p, r, end);
	if
	:: r == EDEADLK -> deadlock = 1
	:: else
	fi;
	answered[p] = 1;
	if
	:: r == GOT_HELD -> close_all(p, r)
	:: else -> share[p].state != CLOSING || !share[p].nr
	fi;
	left--
}

proctype Importer(byte p)
{
	byte r, s, rounds;

	do
	:: rounds < ROUNDS ->
		rounds++;
		import(p, 1 - p, s, r);
		if
		:: r == OK ->
			if
			:: answered[p]
			:: rounds < ROUNDS
			fi;
			close_import(p, 1 - p, r)
		:: else -> break
		fi
	:: break
	od;
	left--
}

/* Another thread of the first process */
proctype Failing()
{
	byte r, n;

	do
	:: n < ABORTS ->
		n++;
		begin_try(0, r);
		if
		:: r == GOT_HELD -> abort_close(0, r)
		:: else
		fi
	:: else -> break
	od
}

init {
	byte r;

	atomic {
		native[0].key = 1;
		native[0].mem = 1;
		native[1].key = 1;
		native[1].mem = 1
	}
	publish(0, r);
	publish(1, r);
	atomic {
		run Importer(0);
		run Importer(1);
		run Waiter(0);
		run Waiter(1);
		if
		:: ABORTS -> run Failing()
		:: else
		fi
	}
	!left;
	promise(2, !share[0].nr && !share[1].nr);
	promise(STATES, share[0].state != CLOSING && share[1].state != CLOSING)
}

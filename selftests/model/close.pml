/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Closing: two importers that import and close, an exporter that asks in each
 * of the three ways, whose destroy may fail, who has imported its own key, also
 * in another session, or who asks from two threads at a time.
 */
#define NPROC		3
#define NSESS		3
#define NSHARE		1
#define NKEY		1
#define NTHREAD		2
#ifdef SELF
#define OWN(j)		((j) == 2 -> 0 : (j))	/* its second session */
#else
#define OWN(j)		(j)
#endif
#define EXP(s)		0
#define KEY(s)		0
#define THREAD_OF(w)	0

bit patient;		/* waits for ever */
#define TIMEOUTS	(!patient)

#include "rules.pml"
#include "kernel.pml"
#include "wait.pml"
#include "driver.pml"
#include "exit.pml"

#ifndef ROUNDS
#define ROUNDS	2
#endif

bit finished;
byte left = IMPORTERS + CLOSERS;

proctype Importer(byte j)
{
	byte r, s, rounds;

	do
	:: rounds < ROUNDS ->
		rounds++;
		import_or_pass(j, 0, s, r);
		if
		:: r == OK ->
			real_open(j, s, r);
			promise(1, r == OK || !other(j, 0));
			if
			:: r != OK -> close_import(j, 0, r)
			:: else
			fi
		:: else
		fi
	/* one's own may stay until the end */
	:: session[j].imp[0].mapped && (OWN(j) || finished) ->
		close_one(j, 0, r)
	:: rounds == ROUNDS && !session[j].imp[0].mapped -> break
	od;
	close_import(j, 0, r);		/* a surplus one */
	promise(3, r == ENOENT);
	left--
}

inline finish_close(r)
{
	if
	:: without(FINISH_LAST) ->
		finish(0);
		real_destroy(0, GOT_HELD);
		real_free(0, GOT_HELD)
	:: else ->
		real_destroy(0, GOT_HELD);
		real_free(0, GOT_HELD);
		finish(0)
	fi;
	finished = 1
}

proctype Closer(byte w; byte tries)
{
	byte r, end;

	do
	:: tries ->
		tries--;
		if
		:: begin_try(0, r)
		:: begin_wait(w, 0, r, end)
		:: begin_defer(0, r)
		fi;
		if
		:: r == GOT_HELD -> abort_close(0, r)	/* destroy failed */
		:: r == GOT_HELD -> finish_close(r)
		:: r == PENDING ->
			/* only its own: ABORT would end another's HELD, too */
			if
			:: atomic { !share[0].begun -> abort_close(0, r) }
			:: skip
			fi
		:: else
		fi
	:: finished -> break
	:: else ->
		patient = 1;
		begin_wait(w, 0, r, end);
		promise(4, r != EDEADLK);	/* it waits for nobody's wait */
		if
		:: r == GOT_HELD -> finish_close(r)
		:: else
		fi;
		/* the other one has it: it may give it back */
		finished || share[0].state != HELD
	od;
	left--
}

init {
	byte r, s;

	native[0].key = 1;
	native[0].mem = 1;
	publish(0, r);
	if
	:: import(0, 0, s, r)
	:: skip
	fi;
	atomic {
		run Importer(1);
		if
		:: IMPORTERS > 1 -> run Importer(2)
		:: else
		fi;
		run Closer(0, 3 - CLOSERS);
		if
		:: CLOSERS > 1 -> run Closer(1, 1)
		:: else
		fi
	}
	!left;
	/* what is left of its own stays closable */
	if
	:: share[0].self -> close_import(0, 0, r)
	:: else
	fi;
	promise(2, !share[0].known && !registry[0]);
	promise(3, !native[0].mem)
}

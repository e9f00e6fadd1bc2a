/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An importer that is killed anywhere, also one that had closed its descriptor
 * before, also one whose child keeps the descriptor open, also one that becomes
 * another program.  What it maps ends late on the device, or never; the driver
 * may not have known it, or its number may be given out again.  The exporter
 * closes.
 */
#define NPROC		2
#define NSESS		2
#define NSHARE		1
#define NKEY		1
#define NTHREAD		1
#define OWN(j)		(j)
#define EXP(s)		0
#define KEY(s)		0
#define THREAD_OF(w)	0

#include "rules.pml"
#include "kernel.pml"
#include "wait.pml"
#include "driver.pml"
#include "exit.pml"

#ifndef ROUNDS
#define ROUNDS	2
#endif

bit finished;

proctype Importer()
{
	byte r, s, v, rounds;

	do
	:: d_step { alive(1) && open(1) && rounds < ROUNDS -> rounds++ }
		if
		:: atomic { alive(1) -> import(1, 0, s, r) }
		:: !alive(1) -> break
		fi;
		if
		:: r != OK
		:: atomic { r == OK && alive(1) -> real_open(1, 0, r) }
		:: !alive(1) -> break
		fi
	:: d_step { alive(1) && open(1) && session[1].imp[0].mapped ->
			session[1].imp[0].mapped-- }
		if
		:: atomic { alive(1) -> close_import(1, 0, r) }
			promise(2, r == OK)
		:: !alive(1) -> break
		fi
	:: d_step { alive(1) && open(1) && !inherited -> proc[1].busy++ }
		release(1, v);
		proc[1].busy--
	:: !alive(1) -> break
	od
}

proctype Closer()
{
	byte r, end;

	do
	:: begin_try(0, r);
		if
		:: r == GOT_HELD -> break
		:: else
		fi;
		break
	:: begin_defer(0, r);
		if
		:: r == PENDING -> share[0].pending;
			begin_defer(0, r)
		:: else
		fi;
		promise(1, r == GOT_HELD);
		break
	od;
	if
	:: r != GOT_HELD -> begin_wait(0, 0, r, end)
	:: else
	fi;
	promise(1, r == GOT_HELD);
	real_destroy(0, r);
	real_free(0, r);
	finish(0);
	finished = 1
}

init {
	byte r;

	native[0].key = 1;
	native[0].mem = 1;
	if
	:: inherited = 1
	:: skip
	fi;
	/* the driver knew it and was asked, was not asked in time, never will */
	if
	:: proc[1].known = 1
	:: !pinned -> proc[1].known = 1; stays = 1
	:: !pinned -> proc[1].known = 1; reuses = 1
	:: !pinned -> proc[1].stranger = 1
	:: !pinned
	fi;
	publish(0, r);
	atomic {
		run Importer();
		run Closer();
		run Exit(1);
		run Work(1)
	}
	if
	:: die(1)
	:: exec(1)
	fi;
	finished && session[1].removed;
	promise(2, !share[0].known && !registry[0])
}

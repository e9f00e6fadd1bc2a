/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What read() delivers: a copy may fail, and news may come while one is made.
 * The exporter defers, may call it off, defers again, and closes when it is
 * told; it may be revoked by force.  The importer leaves when it has read that
 * it shall, or by itself.
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

byte left = 3, faults = 2;
bit asked;		/* was answered PENDING, and has not read DRAINED */

/* read() of the one event that there can be: peek, copy, clear */
inline read_event(list, what, seen)
{
	do
	:: atomic { list.pending -> seen = what; list.fresh = 0 }
		if
		:: without(CLEAR_AFTER_COPY) -> list.pending = 0
		:: else
		fi;
		if
		:: atomic { faults -> faults-- }	/* EFAULT */
		:: break
		fi
	od;
	skip;
	d_step {
		if
		:: !list.fresh || without(CLEAR_SAME) -> list.pending = 0
		:: else
		fi
	}
}

proctype Importer()
{
	byte r, seen;

	do
	:: seen == CLOSING || seen == REVOKED -> break
	:: else -> read_event(session[1].imp[0], session[1].imp[0].mark, seen)
	od;
	close_one(1, 0, r);
	left--
}

proctype Exporter()
{
	byte r, seen;

	do
	:: begin_defer(0, r);
		if
		:: r == PENDING -> asked = 1;
			if
			:: true -> read_event(share[0], 1, seen)
			:: true -> abort_close(0, r)
			fi;
			asked = 0
		:: else -> break
		fi
	od;
	assert(r == GOT_HELD || r == GOT_REVOKED);
	real_destroy(0, r);
	real_free(0, r);
	finish(0);
	left--
}

proctype Admin()
{
	if
	:: revoke(0, 0)
	:: skip
	fi;
	left--
}

init {
	byte r, s;

	atomic {
		native[0].key = 1;
		native[0].mem = 1;
		publish(0, r);
		import(1, 0, s, r);
		real_open(1, 0, r);
		run Importer();
		run Exporter();
		run Admin()
	}
	!left;
	promise(2, !share[0].known && !registry[0])
}

#ifdef LIVENESS
#define may_go	(asked && (!share[0].nr || share[0].state == REVOKED))
ltl a_drained_exporter_is_told { [] (may_go -> <> !asked) }
#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A job in which each process has the other's key, killed as a whole, one
 * process after the other, also one that waits for the other's close.  No
 * deadline ever comes: nobody may need it.
 */
#define NPROC		2
#define NSESS		2
#define NSHARE		2
#define NKEY		2
#define NTHREAD		1
#define OWN(j)		(j)
#define EXP(s)		(s)
#define KEY(s)		(s)
#define THREAD_OF(w)	0
#define GRACE_ENDS	0

#include "rules.pml"
#include "kernel.pml"
#include "wait.pml"
#include "driver.pml"
#include "exit.pml"

inline exported(p)
{
	native[p].key = 1;
	native[p].mem = 1;
	proc[p].busy++;
	export(p, r);
	proc[p].busy--
}

inline maybe_imports(p)
{
	if
	:: import(p, 1 - p, s, r);
		real_open(p, s, r);
		r = 0; s = 0
	:: CLOSES
	fi
}

/* A thread of the first process closes. */
proctype Closer()
{
	byte r, end;

	if
	:: begin_wait(0, 0, r, end)
	:: begin_defer(0, r)
	fi;
	proc[0].busy--;
	r = 0
}

init {
	byte r, s;

	atomic {
		proc[0].known = 1;
		proc[1].known = 1;
		exported(0);
		exported(1);
		maybe_imports(0);
		maybe_imports(1);
		if
		:: CLOSES -> proc[0].busy++; run Closer()
		:: else
		fi;
		run Putter(0);
		run Putter(1);
		run Exit(0);
		run Exit(1);
		run Work(0);
		run Work(1)
	}
	if
	:: die(0); die(1)
	:: die(1); die(0)
	fi;
	session[0].removed && session[1].removed;
	!native[0].registered && !native[1].registered;
	promise(2, !share[0].known && !share[1].known);
	promise(2, !registry[0] && !registry[1])
}

/* I4 */
#define job_killed	(!alive(0) && !alive(1))
#define job_ended	(proc[0].torn && proc[1].torn)
#ifdef LIVENESS
ltl a_killed_job_ends { [] (job_killed -> <> job_ended) }
#endif

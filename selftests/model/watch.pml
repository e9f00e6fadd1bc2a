/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The watch: the driver may call back as soon as it has the registration, also
 * before get_pages returns, for memory that it frees, repairs, or fails to free,
 * while the exporter closes and exports that memory again, is revoked by force,
 * or dies.  Each registration is put once, when nobody uses it any more.
 */
#define NPROC		2
#define NSESS		2
#define NSHARE		2
#define NKEY		2
#define NTHREAD		1
#define OWN(j)		(j)
#define EXP(s)		0
#define KEY(s)		(s)
#define THREAD_OF(w)	0
#define RANGE(s)	0

#include "rules.pml"
#include "kernel.pml"
#include "wait.pml"
#include "driver.pml"
#include "exit.pml"

bit forced, finished;
byte left = 3;

/* Each of its calls begins only while the process lives. */
#define call(p)		d_step { alive(p) -> proc[p].busy++ }
#define back(p)		proc[p].busy--

/* Exports, may close, and may export the same memory again */
proctype Exporter()
{
	byte r;

	if
	:: call(0)
	:: !alive(0) -> goto out
	fi;
	export(0, r);
	back(0);
	if
	:: call(0)
	:: !alive(0) -> goto out
	fi;
	if
	:: begin_try(0, r);
		if
		:: r == GOT_HELD || r == GOT_REVOKED -> finished = 1;
			finish(0);
			watch_stop(0)
		:: else
		fi
	:: skip
	fi;
	back(0);
	if
	:: call(0)
	:: !alive(0) -> goto out
	fi;
	if
	:: native[0].mem -> export(1, r)
	:: else
	fi;
	back(0);
out:	left--
}

/* Past the library: free, repair, a free that fails; or a revocation by force */
proctype Another()
{
	byte u, v;

	if
	:: d_step { alive(0) && native[0].registered && !native[0].fired ->
		    proc[0].busy++ }
		callback(0, 0, 0, u, v);
		if
		:: d_step {
			promise(1, !session[1].imp[0].count ||
				session[1].imp[0].news ||
				session[1].imp[0].mark == REVOKED);
			native[0].mem = 0
		   }
		:: skip
		fi;
		proc[0].busy--
	:: d_step { alive(0) && registry[0] -> proc[0].busy++ }
		forced = 1;
		revoke(0, 0);
		proc[0].busy--
	:: !alive(0)
	fi;
	left--
}

/* Has it since before the callback, and believes what it is told. */
proctype Importer()
{
	byte r, s;

	if
	:: d_step { registry[0] && !native[0].fired -> skip }
		atomic {
			if
			:: !native[0].fired -> import(1, 0, s, r)
			:: else -> r = ENOENT
			fi
		}
		if
		:: r == OK ->
			if
			:: session[1].imp[0].mark == REVOKED ->
				promise(STATES, forced || !alive(0))
			:: session[1].imp[0].news
			:: skip
			fi;
			close_import(1, 0, r)
		:: else
		fi
	:: skip
	fi;
	left--
}

init {
	native[0].key = 1;
	native[0].mem = 1;
	proc[0].known = 1;
	atomic {
		run Exporter();
		run Another();
		run Importer();
		run Putter(0);
		run Putter(1);
		run Exit(0);
		run Work(0)
	}
	die(0);
	session[0].removed && !left;
	!native[0].registered && !native[1].registered;
	promise(2, !share[0].known && !registry[0]);
	promise(2, !share[1].known && !registry[1])
}

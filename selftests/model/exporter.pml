/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An exporter of two regions that is killed anywhere, also while it exports or
 * closes, and an importer that lives, may never leave, and may come again.
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

#include "rules.pml"
#include "kernel.pml"
#include "wait.pml"
#include "driver.pml"
#include "exit.pml"

bit exported[NSHARE], done;

/* Each of its calls begins only while the process lives. */
#define call(p)		d_step { alive(p) -> proc[p].busy++ }
#define back(p)		proc[p].busy--

inline export_one(s, r)
{
	if
	:: d_step { alive(0) -> proc[0].busy++;
		    native[s].key = 1; native[s].mem = 1 }
	:: !alive(0) -> goto out
	fi;
	export(s, r);
	assert(r == OK);
	d_step { exported[s] = 1; back(0) }
}

proctype Exporter()
{
	byte r, end;

	export_one(0, r);
	export_one(1, r);
	if
	:: call(0)
	:: !alive(0) -> goto out
	fi;
	if
	:: begin_defer(0, r)
	:: begin_wait(0, 0, r, end)
	fi;
	if
	:: r == GOT_HELD && alive(0) ->
		real_destroy(0, r);
		real_free(0, r);
		finish(0);
		watch_stop(0)
	:: else
	fi;
	back(0);
out:	skip
}

inline import_one(k, s, r)
{
	tried[k] = 1;
	import_or_pass(1, k, s, r);
	if
	:: r == OK -> real_open(1, s, r);
		if
		:: r != OK -> close_import(1, k, r)
		:: else
		fi
	:: else
	fi;
	r = 0;
	s = 0
}

proctype Importer()
{
	byte r, s;
	bit tried[NSHARE];

	do
	:: exported[0] && !tried[0] -> import_one(0, s, r)
	:: exported[1] && !tried[1] -> import_one(1, s, r)
	:: session[1].imp[0].count -> close_one(1, 0, r)
	:: session[1].imp[1].count -> close_one(1, 1, r)
	:: break
	od;
	/* stays as it is until the exporter is gone, then closes all */
	proc[0].torn;
	do
	:: session[1].imp[0].count -> close_one(1, 0, r)
	:: session[1].imp[1].count -> close_one(1, 1, r)
	:: else -> break
	od;
	done = 1
}

init {
	if
	:: inherited = 1
	:: skip
	fi;
	proc[0].known = 1;
	atomic {
		run Exporter();
		run Importer();
		run Putter(0);
		run Putter(1);
		run Exit(0);
		run Work(0)
	}
	die(0);
	done && session[0].removed;
	!native[0].registered && !native[1].registered;
	promise(2, !share[0].known && !share[1].known);
	promise(2, !registry[0] && !registry[1])
}

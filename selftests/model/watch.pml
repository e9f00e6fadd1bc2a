/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The watch: the driver may call back as soon as it has the registration, also
 * before get_pages returns, while another thread of the exporter closes,
 * revokes or frees.  Each registration is given back once.
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

bit returned;		/* EXPORT has */
byte left = 3;

proctype Exporter()
{
	byte r;

	if
	:: d_step { alive(0) -> proc[0].busy++ }
		export(0, r);
		d_step { returned = 1; proc[0].busy-- }
	:: !alive(0)
	fi;
	left--
}

/* Knows the key, or just frees the memory: the driver calls back. */
proctype Another()
{
	byte r, u, v, was;

	if
	:: d_step { alive(0) && registry[0] -> proc[0].busy++ }
		begin_try(0, r);
		if
		:: r == GOT_HELD || r == GOT_REVOKED ->
			real_destroy(0, r);
			if
			:: d_step { native[0].registered && !native[0].fired }
				callback(0, 0, 0, was, u, v)
			:: skip
			fi;
			real_free(0, r);
			finish(0);
			watch_stop(0, r)
		:: else
		fi;
		proc[0].busy--
	:: d_step { alive(0) && registry[0] -> proc[0].busy++ }
		revoke(0, 1);
		watch_stop(0, r);
		proc[0].busy--
	:: d_step { alive(0) && native[0].registered && !native[0].fired ->
		    proc[0].busy++ }
		callback(0, 0, 0, was, u, v);
		proc[0].busy--
	:: !alive(0)
	fi;
	left--
}

proctype Importer()
{
	byte r, s;

	if
	:: registry[0] ->
		import(1, 0, s, r);
		if
		:: r == OK -> close_import(1, 0, r)
		:: else
		fi
	:: skip
	fi;
	left--
}

init {
	native[0].key = 1;
	native[0].mem = 1;
	atomic {
		run Exporter();
		run Another();
		run Importer();
		run Putter(0);
		run Exit(0);
		run Work(0)
	}
	/* both calls have returned, or it dies before */
	if
	:: !left && !native[0].put_queued ->
		promise(WATCH, !(native[0].registered && share[0].gone))
	:: skip
	fi;
	die(0);
	session[0].removed && !left;
	share[0].watch == UNWATCHED && !native[0].put_queued;
	promise(WATCH, !native[0].registered);
	promise(2, !share[0].known && !registry[0])
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * I5: a key that is exported again while somebody still has the old one.  A
 * close takes back what it names, by generation or, if there is only one, by
 * key alone.
 */
#define NPROC		2
#define NSESS		2
#define NSHARE		2
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

byte left = 2;

/* The ends of a first generation: closed, given up, or revoked by force */
proctype Exporter()
{
	byte r;

	publish(1, r);
	promise(5, r == EEXIST);	/* not before the first one is over */
	do
	:: begin_try(0, r);
		if
		:: r == GOT_HELD ->
			real_destroy(0, r);
			real_free(0, r);
			finish(0);
			break
		:: else
		fi
	:: revoke(0, 0);
		begin_try(0, r);
		assert(r == GOT_REVOKED);
		real_destroy(0, r);
		real_free(0, r);
		finish(0);
		break
	:: revoke(0, 0);	/* a device reset */
		real_destroy(0, GOT_REVOKED);
		real_free(0, GOT_REVOKED);
		revoke(0, 1);
		break
	od;
	/* its name is not known to others before EXPORT has returned */
	publish(1, r);
	promise(5, r == OK && share[1].state == LIVE);
	native[1].mem = 1;
	native[1].key = 1;
	left--
}

/* CLOSE with generation 0; which is the share that it took back from */
inline close_by_key(s, r)
{
	s = NSHARE;
	d_step {
		if
		:: session[1].imp[0].count && session[1].imp[1].count &&
		   !without(STALE_UNCLEAR) -> r = EINVAL
		:: else ->
			if
			:: registry[0] &&
			   session[1].imp[registry[0] - 1].count ->
				s = registry[0] - 1
			:: else ->
				s = (session[1].imp[0].count -> 0 : 1)
			fi;
			r = OK
		fi
	}
	if
	:: r == OK -> close_import(1, s, r)
	:: else
	fi
}

proctype Importer()
{
	byte r, s, rounds;

	do
	:: rounds < 3 ->
		rounds++;
		import_or_pass(1, 0, s, r);
		if
		:: r == OK -> real_open(1, s, r);
			if
			:: r == ENOENT -> close_import(1, s, r)
			:: else
			fi
		:: else
		fi
	/* it means the one that it has, and names it */
	:: session[1].imp[0].mapped ->
		close_one(1, 0, r)
	:: session[1].imp[1].mapped ->
		close_one(1, 1, r)
	/* it means one of them, and says the key alone */
	:: session[1].imp[0].mapped ->
		session[1].imp[0].mapped--;
		close_by_key(s, r);
		if
		:: r == OK -> promise(5, s == 0)
		:: else -> promise(5, session[1].imp[1].count);
			close_import(1, 0, r);
			promise(2, r == OK)
		fi
	:: break
	od;
	do
	:: session[1].imp[0].count -> close_one(1, 0, r)
	:: session[1].imp[1].count -> close_one(1, 1, r)
	:: else -> break
	od;
	left--
}

init {
	byte r;

	atomic {
		publish(0, r);
		native[0].mem = 1;
		native[0].key = 1;
		run Exporter();
		run Importer()
	}
	!left;
	promise(5, !share[0].known && share[1].known && registry[0] == 2)
}

/* SPDX-License-Identifier: GPL-2.0 */
/* The driver's keys and memory, and the watch that the module keeps on them. */

/* timers */
#define OFF		0
#define RUNS		1
#define OVER		2

/* in scenarios of many processes: what is looked at closely in others */
#ifdef COARSE
#define together	atomic
#else
#define together
#endif

#ifndef GRACE_ENDS
#define GRACE_ENDS	1	/* does the deadline ever come? */
#endif

typedef Native {
	bit key, mem;			/* the driver has it */
	bit registered, fired;		/* get_pages, its callback */
	bit put_queued;			/* watch.work */
	bit delayed			/* its callback was given the grace */
};

Native native[NSHARE];

/*
 * IMPORT by the library: a key that the module does not know is passed through
 * to the driver.  Nothing is between the two here: a name that is exported for
 * the first time in that moment is known to nobody yet.
 */
inline import_or_pass(j, k, s, r)
{
	atomic {
		import(j, k, s, r);
		for (i_ : 0 .. NSHARE - 1) {
			/* I1: no import slips by */
			promise(1, r != ENOENT || KEY(i_) != k ||
				!native[i_].key)
		}
		i_ = 0
	}
}

inline real_open(j, s, r)
{
	d_step {
		if
		:: native[s].key -> session[j].imp[s].mapped++; r = OK
		:: else -> r = ENOENT
		fi
	}
}

/* The real close first, then CLOSE */
inline close_one(j, s, r)
{
	if
	:: session[j].imp[s].mapped -> session[j].imp[s].mapped--
	:: else
	fi;
	close_import(j, s, r);
	promise(2, r == OK)
}

/* I1: nobody has it mapped, or all who have were told */
inline check_unmapped(s, answer)
{
	for (i_ : 0 .. NSESS - 1) {
		promise(1, !session[i_].imp[s].mapped || !other(i_, s) ||
			session[i_].imp[s].excused ||
			(answer == GOT_REVOKED &&
			 (!open(i_) || exiting(OWN(i_)) ||
			  session[i_].imp[s].mark == REVOKED)))
	}
	i_ = 0
}

inline real_destroy(s, answer)
{
	d_step {
		promise(3, native[s].key);	/* nobody destroys it twice */
		check_unmapped(s, answer);
		native[s].key = 0
	}
}

inline real_free(s, answer)
{
	d_step {
		promise(3, native[s].mem && !native[s].key);
		check_unmapped(s, answer);
		native[s].mem = 0
	}
}

/* A registration is put once, by the living owner or after its callback. */
inline put_pages(s, by_owner)
{
	d_step {
		promise(WATCH, native[s].registered);
		promise(WATCH, native[s].fired ||
			(by_owner && proc[OWN(EXP(s))].busy));
		native[s].registered = 0
	}
}

inline watch_put(s, by_owner)
{
	put_pages(s, by_owner);
	share[s].watch = UNWATCHED
}

inline watch_stop(s, r)
{
	d_step {
		r = share[s].watch == OUT ||
		    (share[s].watch == PUTTING && without(STOP_OUT_ONLY));
		if
		:: r -> share[s].watch = PUTTING
		:: else
		fi
	}
	if
	:: r -> watch_put(s, 1)
	:: else
	fi;
	r = 0
}

inline watch_start(s, r)
{
	share[s].watch = STARTING;
	d_step {			/* get_pages: the driver has it */
		native[s].registered = 1
	}
	d_step {			/* get_pages has returned */
		r = share[s].watch == STARTING;
		share[s].watch = (r -> OUT : UNWATCHED)
	}
	if
	:: !r && !without(FIRED_GIVES_BACK) -> put_pages(s, 1)
	:: else
	fi;
	r = 0
}

/* EXPORT of a region that the driver watches */
inline export(s, r)
{
	publish(s, r);
	if
	:: r == OK ->
		watch_start(s, r);
		if
		:: share[s].state == REVOKED && !without(EXPORT_LOOKS_AGAIN) ->
			revoke(s, 1);
			watch_stop(s, r);
			r = EOWNERDEAD
		:: else -> r = OK
		fi
	:: else
	fi
}

/* On to the next share that the session exported */
inline next_own(j, v)
{
	do
	:: v < NSHARE && EXP(v) != j -> v++
	:: else -> break
	od;
	skip
}

/* Revoke what the session exported.  Under session->mutex. */
inline revoke_all(j, is_gone, v)
{
	d_step { v = 0; next_own(j, v) }
	do
	:: d_step {
		v < NSHARE ->
		if
		:: share[v].known ->
			share[v].gone = share[v].gone || is_gone;
			revoke_locked(v);
			check(v)
		:: else
		fi;
		v++;
		next_own(j, v)
	   }
	:: v == NSHARE -> break
	od;
	v = 0
}

/* The first sign of an exporter's death ends all its exports. */
inline owner_revoke(p, u, v)
{
	lock(owners_lock);
	if
	:: !proc[p].told && !without(ALL_AT_ONCE) &&
	   !without(DEATH_REVOKES) ->
		proc[p].told = 1;
		u = 0;
		do
		:: u < NSESS && (OWN(u) != p || session[u].removed) -> u++
		:: u < NSESS && OWN(u) == p && !session[u].removed ->
			lock(session[u].mutex);
			together { revoke_all(u, 0, v) };
			unlock(session[u].mutex);
			u++
		:: u == NSESS -> break
		od;
		u = 0
	:: else
	fi;
	unlock(owners_lock)
}

#define hinders(j, s)							\
	(session[j].imp[s].count && other(j, s) &&			\
	 !session[j].imp[s].settling &&					\
	 (running(OWN(j)) || without(GRACE_SKIPS_EXITING)))
#if NSESS > 2
#define hindered(s)	(hinders(0, s) || hinders(1, s) || hinders(2, s))
#elif NSESS > 1
#define hindered(s)	(hinders(0, s) || hinders(1, s))
#else
#define hindered(s)	0
#endif

inline wait_grace(s, p)
{
	d_step {
		if
		:: proc[p].grace == OFF || without(GRACE_ONE) ->
			proc[p].grace = RUNS
		:: else
		fi;
		/* the time begins when all have been told */
		for (i_ : 0 .. NSHARE - 1) {
			promise(1, OWN(EXP(i_)) != p || !share[i_].known ||
				share[i_].state == REVOKED)
		}
		i_ = 0;
		share[s].waiters++
	}
	if
	:: !hindered(s)
	:: proc[p].grace == OVER
	:: d_step {
		hindered(s) && proc[p].grace == RUNS && GRACE_ENDS &&
		!without(GRACE_BOUNDED) ->
		proc[p].grace = OVER;
		proc[p].graces++;
		promise(4, proc[p].graces == 1)
	   }
	fi;
	share[s].waiters--
}

/* aclipc_watch_callback(): the driver takes the region away */
inline callback(s, p, is_exit, was, u, v)
{
	d_step {
		native[s].fired = 1;
		was = share[s].watch;
		if
		:: was == STARTING -> share[s].watch = FIRED
		:: was == OUT -> share[s].watch = PUTTING
		:: else
		fi;
		if
		:: (was == STARTING || was == OUT) &&
		   !(is_exit && without(DEATH_REVOKES)) ->
			revoke_locked(s);
			check(s)
		:: else
		fi;
		native[s].delayed = is_exit && was == OUT
	}
	if
	:: is_exit && was == OUT ->
		owner_revoke(p, u, v);
		if
		:: !without(GRACE) -> wait_grace(s, p)
		:: else
		fi
	:: else
	fi;
	if
	:: was == OUT || (was == STARTING && without(FIRED_PUTS_ONCE)) ->
		native[s].put_queued = 1
	:: else
	fi;
	was = 0
}

/* The work that follows a callback */
proctype Putter(byte s)
{
end:	do
	:: atomic { native[s].put_queued -> put_pages(s, 0) }
		d_step {
			native[s].put_queued = 0;
			share[s].watch = UNWATCHED
		}
	od
}

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

#ifndef RANGE
#define RANGE(s)	(s)	/* which memory a share has */
#endif

typedef Native {
	bit key, mem;			/* the driver has it */
	/* a registration that was made for this share */
	bit registered, fired;		/* get_pages, its callback */
	bit returned;			/* get_pages has, so the table is known */
	bit tail;			/* the driver is not done with it yet */
	byte sides;			/* get_pages and the callback: to end */
	bit put_queued			/* watch->work, or its grace period */
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

/* A registration is put once, after its callback and what the driver does then. */
inline put_pages(w)
{
	d_step {
		promise(WATCH, native[w].registered && native[w].returned);
		promise(WATCH, native[w].fired && !native[w].tail);
		native[w].registered = 0
	}
}

/* aclipc_watch_side() */
inline watch_side(w, by_callback)
{
	native[w].sides--;
	if
	:: !native[w].sides || (by_callback && without(SECOND_PUTS)) ->
		native[w].put_queued = 1
	:: else
	fi
}

/* Nothing but the driver's callback ends a registration. */
inline watch_stop(s)
{
	if
	:: without(PUT_AFTER_CALLBACK) && native[s].registered &&
	   native[s].returned -> put_pages(s)
	:: else
	fi
}

/* By a registration that there is for this range, or a new one */
inline watch_start(s)
{
	d_step {
		for (i_ : 0 .. NSHARE - 1) {
			if
			:: RANGE(i_) == RANGE(s) && native[i_].registered &&
			   !native[i_].fired -> share[s].watch = i_ + 1
			:: else
			fi
		}
		i_ = 0;
		if
		:: !share[s].watch || without(ONE_FOR_RANGE) ->
			promise(WATCH, !share[s].watch);
			share[s].watch = s + 1;
			native[s].registered = 1;
			native[s].sides = 2
		:: else
		fi
	}
	/* the driver may call back before get_pages has returned */
	if
	:: share[s].watch == s + 1 ->
		d_step { native[s].returned = 1; watch_side(s, 0) }
	:: else
	fi
}

/* EXPORT of a region that the driver watches */
inline export(s, r)
{
	publish(s, r);
	if
	:: r == OK -> watch_start(s)
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

/*
 * Revoke what the session exported, all of it or until some moment.  Several
 * may do so at a time.
 */
inline revoke_some(j, is_gone, may_stop, v)
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
	:: may_stop && v < NSHARE -> break
	:: v == NSHARE -> break
	od;
	v = 0
}

/* All that it exported, in all sessions, at the first sign of its death */
inline owner_revoke(p, w, u, v)
{
	if
	:: without(DEATH_REVOKES)
	:: without(ALL_AT_ONCE) && !without(DEATH_REVOKES) -> revoke(w, 0)
	:: !without(ALL_AT_ONCE) && !without(DEATH_REVOKES) ->
		u = 0;
		do
		:: u < NSESS && (OWN(u) != p || session[u].removed) -> u++
		:: u < NSESS && OWN(u) == p && !session[u].removed ->
			together {
				revoke_some(u, 0, proc[p].grace == OVER, v)
			};
			u++
		:: u == NSESS -> break
		od;
		u = 0
	fi
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

#define hinders_exit(s, p)	(OWN(EXP(s)) == p && share[s].known && hindered(s))
#if NSHARE > 1
#define hinder_exit(p)	(hinders_exit(0, p) || hinders_exit(1, p))
#else
#define hinder_exit(p)	hinders_exit(0, p)
#endif

inline wait_grace(p)
{
	d_step {
		/* the wait begins when all have been told */
		for (i_ : 0 .. NSHARE - 1) {
			promise(1, OWN(EXP(i_)) != p || !share[i_].known ||
				share[i_].state == REVOKED ||
				proc[p].grace == OVER)
		}
		i_ = 0;
		/* and nobody else waits for its end */
		promise(4, !owners_lock)
	}
	if
	:: !hinder_exit(p)
	:: proc[p].grace == OVER
	:: d_step {
		hinder_exit(p) && proc[p].grace == RUNS && GRACE_ENDS &&
		!without(GRACE_BOUNDED) ->
		proc[p].grace = OVER;
		proc[p].graces++;
		promise(4, proc[p].graces == 1)
	   }
	fi
}

/* aclipc_owner_die(): one deadline for all that is done, in all callbacks */
inline owner_die(p, w, u, v)
{
	d_step {
		if
		:: proc[p].grace == OFF || without(GRACE_ONE) ->
			proc[p].grace = RUNS
		:: else
		fi;
		proc[p].delayed = 1;
		owners_lock = without(NO_LOCK)
	}
	owner_revoke(p, w, u, v);
	if
	:: !without(GRACE) -> wait_grace(p)
	:: else
	fi;
	owners_lock = 0
}

/* News: importers of the keys in the range are told, and that is all. */
inline watch_tell(w)
{
	for (n_ : 0 .. NSHARE - 1) {
		if
		:: share[n_].watch == w + 1 && share[n_].known ->
			for (i_ : 0 .. NSESS - 1) {
				if
				:: session[i_].imp[n_].count && open(i_) &&
				   other(i_, n_) && !without(NEWS_TOLD) ->
					session[i_].imp[n_].news = 1
				:: else
				fi
			}
		:: else
		fi
	}
	n_ = 0; i_ = 0
}

/* The driver calls back, and goes on with the registration after that. */
inline callback(w, p, is_exit, u, v)
{
	d_step { native[w].fired = 1; native[w].tail = 1 }
	if
	:: is_exit -> owner_die(p, w, u, v)
	:: !is_exit && !without(NEWS_ONLY) -> d_step { watch_tell(w) }
	:: !is_exit && without(NEWS_ONLY) -> revoke(w, 0)
	fi;
	d_step { watch_side(w, 1) }
	native[w].tail = 0
}

/* The grace period after the second side, which ends after the tail; and a put */
proctype Putter(byte w)
{
end:	do
	:: atomic {
		native[w].put_queued &&
		(!native[w].tail || without(PUT_AFTER_TAIL)) -> put_pages(w)
	   }
		native[w].put_queued = 0
	od
}

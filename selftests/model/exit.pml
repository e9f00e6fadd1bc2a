/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a session and its process end: the end of the mm with the driver's
 * callback, the last put, the exit, settling and the driver's cleaning are
 * steps of their own.
 */

#ifndef SVM
#define SVM		0	/* 2, 3, or each of them */
#endif

bit stays;		/* a device process does not end */
bit reuses;		/* another one gets the number, and leaves the devices */

/*
 * The last put of the descriptor, by whomever: what is not revoked in a moment
 * is left to the work.
 */
inline release(j, v)
{
	if
	:: d_step { open(j) -> session[j].phase = ENDED }
		if
		:: !without(DEATH_REVOKES) -> revoke_some(j, 0, 1, v)
		:: else
		fi;
		session[j].queued = 1
	:: !open(j)
	fi
}

/* Under share->lock, for each import of the session */
inline settle(j, v)
{
	do
	:: v < NSHARE ->
		d_step {
			if
			:: session[j].imp[v].count &&
			   !session[j].imp[v].settling ->
				session[j].imp[v].settling = 1;
				if
				:: other(j, v) ->
					share[v].settling = share[v].settling +
						session[j].imp[v].count
				:: else
				fi;
				check(v)
			:: else
			fi;
			v++
		}
	:: else -> break
	od;
	v = 0
}

inline drop(j, v, excuse)
{
	do
	:: v < NSHARE ->
		d_step {
			if
			:: session[j].imp[v].count ->
				session[j].imp[v].excused = excuse;
				c_ = session[j].imp[v].count;
				drop_locked(j, v, c_);
				c_ = 0;
				check(v)
			:: else
			fi;
			v++
		}
	:: else -> break
	od;
	v = 0
}

inline start_clock(j)
{
	d_step {
		session[j].clock = RUNS;
		session[j].dead_then = proc[OWN(j)].state == DEAD ||
				       proc[OWN(j)].execed
	}
}

/* Neither a known export nor an import left? */
inline look_idle(j, idle)
{
	idle = 1;
	for (i_ : 0 .. NSHARE - 1) {
		idle = idle && !session[j].imp[i_].count &&
		       !(EXP(i_) == j && share[i_].known)
	}
	i_ = 0
}

/* v3 keeps memory for as long as somebody maps it, also a dead one. */
#define pinned		(SVM == 3)

/* What the driver says of a number: nobody is on a device. */
#define nobody(p)	(proc[p].torn || proc[p].stranger || proc[p].other)

/* aclipc_owner_gone(): when that counts */
#define gone(p)		(nobody(p) && (proc[p].known || without(KNEW)) &&	\
			 (!proc[p].other || without(NOT_REUSED)))

/* settle_max_ms is longer than all but what never ends, or is not told */
#define max_only(p)	(stays || !proc[p].known || proc[p].other)

#define ended_now	(session[j].phase == ENDED &&			\
			 (was_dead || !was_exiting || without(CLOCK_FROM_EXIT)))
#define again		(session[j].phase == SETTLING && was_dead &&	\
			 !session[j].from_exit && !without(CLOCK_AGAIN))

/* aclipc_session_step(): each of these steps may find the process further */
inline session_step(j, was_dead, was_exiting, over, v)
{
	was_dead = dead(OWN(j));
	d_step {
		if
		:: open(j) && (was_dead || proc[OWN(j)].execed) ->
			session[j].phase = ENDED
		:: else
		fi
	}
	if
	:: !open(j) && !without(DEATH_REVOKES) -> revoke_some(j, 0, 0, v)
	:: else
	fi;
	d_step {
		look_idle(j, over);
		over = over && !open(j);	/* a spurious wake-up */
		if
		:: session[j].phase == ENDED -> was_exiting = exiting(OWN(j))
		:: else
		fi
	}
	if
	:: over || open(j)
	:: !over && ended_now ->
		d_step {
			session[j].phase = SETTLING;
			session[j].from_exit = was_dead
		}
		settle(j, v);
		if
		:: without(ENDS_SETTLE) -> drop(j, v, 0)
		:: else
		fi;
		start_clock(j)
	:: !over && again ->
		session[j].from_exit = 1;
		start_clock(j)
	:: !over && session[j].phase == SETTLING && !again &&
	   session[j].clock == OVER ->
		drop(j, v, session[j].max || pinned ||
			   (!was_dead && !was_exiting &&
			    !session[j].dead_then));
		if
		:: was_dead && !without(TOMBSTONE_ENDS) ->
			revoke_some(j, 1, 0, v)
		:: else
		fi;
		d_step {
			look_idle(j, over);
			over = over || was_dead;
			session[j].clock = OFF
		}
	:: else
	fi
}

/*
 * A session's delayed work.  was_exiting stays what it was when the clock was
 * started: a process that closed the descriptor while it lived had its time,
 * whatever it does meanwhile.
 *
 * The clock of a dead process is over when settle_ms are, and the driver says
 * that nothing of it is left.
 */
proctype Work(byte j)
{
	bit was_dead, was_exiting, over;
	byte v;

end:	do
	:: atomic {
		if
		:: session[j].queued -> session[j].queued = 0
		:: dead(OWN(j)) && !session[j].from_exit &&
		   session[j].clock != OVER && !session[j].queued &&
		   !(open(j) && without(EXIT_NOTICED)) &&
		   !(session[j].phase == SETTLING && without(CLOCK_AGAIN))
		:: open(j) && proc[OWN(j)].execed && !without(EXEC_NOTICED)
		:: session[j].phase == ENDED && !session[j].queued &&
		   running(OWN(j))
		:: session[j].clock == RUNS &&
		   (!session[j].dead_then || pinned || gone(OWN(j)) ||
		    without(ASK_DRIVER)) ->
			session[j].clock = OVER
		:: session[j].clock == RUNS && session[j].dead_then &&
		   max_only(OWN(j)) && !without(SETTLE_MAX) ->
			session[j].clock = OVER;
			session[j].max = 1
		fi
	   }
	   together {
		session_step(j, was_dead, was_exiting, over, v);
		was_dead = 0
	   }
	   if
	   :: over -> atomic { !owners_lock -> session[j].removed = 1 };
		break
	   :: else
	   fi
	od
}

/* The mm ends: each registration that is left is called back. */
inline end_of_mm(p, is_exit, u, v, x)
{
	x = 0;
	do
	:: d_step { x < NSHARE && !(OWN(EXP(x)) == p && native[x].registered &&
				    !native[x].fired) -> x++ }
	:: x < NSHARE && OWN(EXP(x)) == p && native[x].registered &&
	   !native[x].fired -> callback(x, p, is_exit, u, v);
		x++
	:: x == NSHARE -> break
	od;
	x = 0
}

/* The last put of each, unless a child has them, too */
inline put_descriptors(p, u, v)
{
	u = 0;
	do
	:: u < NSESS && (OWN(u) != p || inherited) -> u++
	:: u < NSESS && OWN(u) == p && !inherited -> release(u, v);
		u++
	:: u == NSESS -> break
	od;
	u = 0
}

/*
 * What it exported goes.  Importers that live were told, and had their time, if
 * the driver told us and it could all be done in time.
 */
inline take(p)
{
	d_step {
		for (n_ : 0 .. NSHARE - 1) {
			for (i_ : 0 .. NSESS - 1) {
				if
				:: OWN(EXP(n_)) == p && other(i_, n_) &&
				   session[i_].imp[n_].mapped && open(i_) &&
				   running(OWN(i_)) ->
					promise(1, inherited ||
						proc[p].graces ||
						session[i_].imp[n_].news ||
						session[i_].imp[n_].mark ==
						REVOKED);
					promise(1, proc[p].graces ||
						!proc[p].delayed)
				:: else
				fi
			}
			if
			:: OWN(EXP(n_)) == p ->
				native[n_].mem = 0;
				native[n_].key = 0
			:: else
			fi
		}
		n_ = 0; i_ = 0
	}
}

inline tear_down(p)
{
	d_step {
		for (i_ : 0 .. NSESS - 1) {
			for (n_ : 0 .. NSHARE - 1) {
				if
				:: OWN(i_) == p ->
					session[i_].imp[n_].mapped = 0
				:: else
				fi
			}
		}
		n_ = 0; i_ = 0;
		proc[p].torn = 1;
		proc[p].reused = 1
	}
}

/*
 * A process that was killed, or that just ends, or becomes another program.
 * SVM v2 hears of the end of the mm, v3 of the exit; and a borrowed mm ends
 * after it.
 */
proctype Exit(byte p)
{
	byte u, v, x;

	!alive(p) && !proc[p].busy;
	if
	:: proc[p].execed ->
		end_of_mm(p, 0, u, v, x);
		put_descriptors(p, u, v)
	:: !proc[p].execed && SVM != 3 ->
		end_of_mm(p, 1, u, v, x);
		together { put_descriptors(p, u, v) };
		proc[p].state = DEAD
	:: !proc[p].execed && SVM != 2 ->
		together { put_descriptors(p, u, v) };
		proc[p].state = DEAD;
		end_of_mm(p, 1, u, v, x)
	fi;
	take(p);
	proc[p].other = reuses && proc[p].state == DEAD;
	if
	:: stays
	:: else -> tear_down(p)
	fi
}

inline die(p)
{
	proc[p].state = EXITING
}

inline exec(p)
{
	proc[p].execed = 1
}

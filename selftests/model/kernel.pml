/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module does.  A d_step is what happens under one share->lock; what
 * lies between two of them in the module lies between them here, too.
 *
 * A scenario says how many there are of everything (NPROC, NSESS, NSHARE, NKEY,
 * NTHREAD) and who is whose (OWN, EXP, KEY, THREAD_OF).
 */

/* enum aclipc_state */
#define NONE		0
#define LIVE		1
#define CLOSING		2
#define HELD		3
#define REVOKED		4

/* enum aclipc_phase */
#define OPEN		0
#define ENDED		1
#define SETTLING	2

/* answers */
#define OK		0
#define GOT_HELD	1
#define GOT_REVOKED	2
#define PENDING		3
#define ENOENT		4
#define EBUSY		5
#define ESHUTDOWN	6
#define EOWNERDEAD	7
#define ETIMEDOUT	8
#define EINTR		9
#define EDEADLK		10
#define EEXIST		11
#define EINVAL		12

/* a process; an unreaped zombie is DEAD */
#define RUNNING		0
#define EXITING		1
#define DEAD		2

typedef Share {
	byte state;
	byte nr, settling, self;
	byte waiters;
	bit closed;			/* the reason of REVOKED is FINISH */
	bit known, hashed, begun, gone, deferred;
	bit pending, fresh;		/* the exporter's mark DRAINED */
	byte watch			/* the registration that tells, + 1 */
};

typedef Import {
	byte count;
	bit settling;
	byte mark;			/* what its session was told last */
	bit news;			/* was told DRIVER */
	bit pending, fresh;		/* not read yet, not looked at yet */
	byte mapped;			/* the driver: how often it is open */
	bit excused			/* dropped while its owner lived */
};

typedef Session {
	byte phase;
	bit from_exit;			/* clock_from_exit */
	byte clock;			/* of settling: off, runs, is over */
	bit dead_then;			/* did it start after exit or exec? */
	bit max;			/* settle_max_ms are over */
	bit queued;			/* its work is due at once */
	bit removed;			/* off its owner's list */
	Import imp[NSHARE]
};

typedef Process {
	byte state;
	byte busy;			/* threads inside a call */
	bit execed;			/* another program */
	bit torn;			/* the driver has cleaned up after it */
	bit reused;			/* its number is another one's */
	bit other;			/* who has left the devices again */
	bit known;			/* the driver said that it is on one */
	bit stranger;			/* the driver never will */
	bit delayed;			/* it called back for its exit */
	byte grace;			/* of its exit: none, runs, is over */
	byte graces			/* how many deadlines it waited for */
};

typedef Thread {
	byte waits;			/* listed in the graph: share + 1 */
	bit woken
};

Share share[NSHARE];
Session session[NSESS];
Process proc[NPROC];
Thread thread[NTHREAD];
byte registry[NKEY];			/* share + 1, 0: unknown */
bit owners_lock, graph_lock;
bit inherited;			/* a child keeps the descriptors open */

/* counting and walking; they mean nothing from one step to the next */
hidden byte i_, n_, o_, t_, c_, old_;

#define other(j, s)							\
	(OWN(j) != OWN(EXP(s)) || (without(OWN_BY_PROCESS) && (j) != EXP(s)))
#define open(j)		(session[j].phase == OPEN)

#define alive(p)	(proc[p].state == RUNNING && !proc[p].execed)

/* as the module sees a process */
#define mistaken(p)	(without(BY_REFERENCE) && proc[p].reused)
#define running(p)	(proc[p].state == RUNNING || mistaken(p))
#define exiting(p)	(!running(p))
#define dead(p)		(proc[p].state == DEAD && !mistaken(p) &&	\
			 !without(ZOMBIE_COUNTS))

inline lock(mx) { atomic { !mx -> mx = 1 } }
inline unlock(mx) { mx = 0 }

/* I2 and what the states promise, after each step */
inline check(s)
{
	n_ = 0; o_ = 0; t_ = 0;
	for (i_ : 0 .. NSESS - 1) {
		if
		:: !other(i_, s) -> o_ = o_ + session[i_].imp[s].count
		:: else ->
			n_ = n_ + session[i_].imp[s].count;
			if
			:: session[i_].imp[s].settling ->
				t_ = t_ + session[i_].imp[s].count
			:: else
			fi;
			if
			:: session[i_].imp[s].count && open(i_) ->
				promise(1, share[s].state != REVOKED ||
					session[i_].imp[s].mark == REVOKED);
				promise(STATES, share[s].state != CLOSING ||
					session[i_].imp[s].mark == CLOSING);
				promise(STATES, share[s].state != LIVE ||
					session[i_].imp[s].mark != CLOSING)
			:: else
			fi
		fi
	}
	promise(2, share[s].nr == n_ && share[s].self == o_);
	promise(2, share[s].settling == t_);
	promise(1, share[s].state != HELD || !n_);
	promise(STATES, share[s].state != CLOSING || share[s].waiters ||
		share[s].deferred);
	n_ = 0; o_ = 0; t_ = 0; i_ = 0
}

inline wake(s)
{
	for (i_ : 0 .. NTHREAD - 1) {
		if
		:: thread[i_].waits == s + 1 -> thread[i_].woken = 1
		:: else
		fi
	}
}

inline tell(s, what)
{
	for (i_ : 0 .. NSESS - 1) {
		if
		:: session[i_].imp[s].count && other(i_, s) && open(i_) &&
		   !(without(REVOKE_TELLS) && what == REVOKED) &&
		   !(without(TOLD_LIVE) && what == LIVE) ->
			session[i_].imp[s].mark = what;
			session[i_].imp[s].pending = 1;
			session[i_].imp[s].fresh = 1
		:: else
		fi
	}
}

inline turn(s, to)
{
	share[s].state = to;
	tell(s, to)
}

inline mark_drained(s)
{
	if
	:: open(EXP(s)) -> share[s].pending = 1; share[s].fresh = 1
	:: else
	fi
}

inline undefer(s)
{
	share[s].deferred = 0;
	share[s].pending = 0
}

/* aclipc_share_retire_locked() */
inline retire(s)
{
	if
	:: share[s].known && share[s].state == REVOKED && !share[s].nr &&
	   !share[s].self && (!share[s].hashed || share[s].gone ||
			      without(TOMBSTONE)) ->
		share[s].known = 0;
		share[s].pending = 0;
		if
		:: share[s].hashed ->
			share[s].hashed = 0;
			registry[KEY(s)] = 0
		:: else
		fi
	:: else
	fi
}

/* aclipc_share_revoke_locked() */
inline revoke_locked(s)
{
	if
	:: share[s].state != REVOKED ->
		if
		:: share[s].deferred && !without(DRAINED_REVOKED) ->
			mark_drained(s)
		:: else
		fi;
		share[s].deferred = 0;
		turn(s, REVOKED);
		wake(s)
	:: else
	fi;
	retire(s)
}

inline revoke(s, is_gone)
{
	d_step {
		share[s].gone = share[s].gone || is_gone;
		revoke_locked(s);
		check(s)
	}
}

/* EXPORT: a revoked share of the same key gives its place up */
inline publish(s, r)
{
	d_step {
		if
		:: !registry[KEY(s)] -> r = OK
		:: else ->
			old_ = registry[KEY(s)] - 1;
			if
			:: share[old_].state == REVOKED ->
				share[old_].hashed = 0;
				retire(old_);
				r = OK
			:: else -> r = EEXIST
			fi;
			old_ = 0
		fi;
		if
		:: r == OK ->
			registry[KEY(s)] = s + 1;
			share[s].hashed = 1;
			share[s].state = LIVE
		:: else
		fi
	}
	if
	:: r == OK ->
		d_step { share[s].known = 1; retire(s) }
	:: else
	fi
}

/* IMPORT; the answer and which share it was */
inline import(j, k, s, r)
{
	d_step {
		s = 0;
		if
		:: !registry[k] -> r = ENOENT
		:: else ->
			s = registry[k] - 1;
			if
			:: share[s].state == LIVE ||
			   (share[s].state == CLOSING &&
			    without(CLOSING_REFUSES)) ||
			   (share[s].state == HELD && without(HELD_REFUSES)) ->
				session[j].imp[s].count++;
				if
				:: other(j, s) -> share[s].nr++
				:: else -> share[s].self++
				fi;
				if
				:: share[s].state == CLOSING ->
					session[j].imp[s].mark = CLOSING
				:: else
				fi;
				check(s);
				r = OK
			:: share[s].state == REVOKED && !share[s].closed ->
				r = EOWNERDEAD
			:: else -> r = ESHUTDOWN
			fi
		fi
	}
}

/* aclipc_import_drop_locked() */
inline drop_locked(j, s, n)
{
	promise(2, session[j].imp[s].count >= n);
	session[j].imp[s].count = session[j].imp[s].count - n;
	if
	:: other(j, s) ->
		share[s].nr = share[s].nr - n;
		if
		:: session[j].imp[s].settling ->
			share[s].settling = share[s].settling - n
		:: else
		fi;
		if
		:: !share[s].nr && share[s].deferred &&
		   !without(DRAINED_TOLD) -> mark_drained(s)
		:: else
		fi;
		if
		:: share[s].waiters && !without(WAKE_DRAINED) -> wake(s)
		:: else
		fi
	:: else -> share[s].self = share[s].self - n
	fi;
	if
	:: !session[j].imp[s].count ->
		session[j].imp[s].mark = 0;
		session[j].imp[s].news = 0;
		session[j].imp[s].pending = 0;
		session[j].imp[s].settling = 0;
		retire(s)
	:: else
	fi
}

/* CLOSE as importer of this generation */
inline close_import(j, s, r)
{
	d_step {
		if
		:: session[j].imp[s].count || without(SURPLUS_REFUSED) ->
			drop_locked(j, s, 1);
			check(s);
			r = OK
		:: else -> r = ENOENT
		fi
	}
}

#define hindering(s)							\
	(share[s].nr || (share[s].self && without(SELF_NEVER_BLOCKS)))

/* aclipc_begin_locked() */
inline begin_locked(s, r)
{
	if
	:: share[s].state == HELD && !without(ONE_HELD) -> r = ENOENT
	:: share[s].state == REVOKED ->
		if
		:: share[s].gone || share[s].begun -> r = ENOENT
		:: else -> share[s].begun = 1; undefer(s); r = GOT_REVOKED
		fi
	:: else ->
		if
		:: hindering(s) && !without(HELD_UNCOUNTED) -> r = EBUSY
		:: else ->
			share[s].state = HELD;
			share[s].begun = 1;
			undefer(s);
			r = GOT_HELD
		fi
	fi
}

inline begin_try(s, r)
{
	d_step {
		begin_locked(s, r);
		if
		:: r == EBUSY && without(TRY_STAYS_LIVE) ->
			turn(s, CLOSING)
		:: else
		fi;
		check(s)
	}
}

inline begin_defer(s, r)
{
	d_step {
		begin_locked(s, r);
		if
		:: r == EBUSY ->
			share[s].deferred = 1;
			if
			:: share[s].state == LIVE -> turn(s, CLOSING)
			:: else
			fi;
			r = PENDING
		:: else
		fi;
		check(s)
	}
}

/* FINISH, under the lock */
inline finish(s)
{
	d_step {
		promise(3, share[s].begun);
		share[s].begun = 0;
		share[s].gone = 1;
		if
		:: share[s].state != REVOKED -> share[s].closed = 1
		:: else
		fi;
		revoke_locked(s);
		check(s)
	}
}

inline abort_close(s, r)
{
	d_step {
		if
		:: !share[s].begun && !share[s].deferred -> r = EINVAL
		:: else ->
			share[s].begun = 0;
			undefer(s);
			if
			:: share[s].state == HELD && without(ABORT_ENDS_HELD)
			:: share[s].state == HELD && share[s].waiters &&
			   !without(ABORT_ENDS_HELD) &&
			   !without(ABORT_KEEPS_CLOSING) ->
				share[s].state = CLOSING;
				wake(s)
			:: (share[s].state == HELD || share[s].state == CLOSING) &&
			   !share[s].waiters && !without(ABORT_ENDS_HELD) ->
				turn(s, LIVE)
			:: share[s].state == HELD && share[s].waiters &&
			   without(ABORT_KEEPS_CLOSING) ->
				turn(s, LIVE);
				wake(s)
			:: else
			fi;
			check(s);
			r = OK
		fi
	}
}

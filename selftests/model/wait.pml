/* SPDX-License-Identifier: GPL-2.0 */
/* WAIT: the sleep, and the graph of who waits for whom. */

/* by graph_lock: the waiters to visit, those seen, and whether it is a cycle */
byte todo, visited;
bit found;

#ifndef TIMEOUTS
#define TIMEOUTS	0
#endif

#define bit_of(w)	(1 << (w))

/* One waiter's share: the processes that hinder it */
inline visit(v, goal)
{
	d_step {
		todo = todo & ~bit_of(v);
		t_ = thread[v].waits - 1;
		for (i_ : 0 .. NSESS - 1) {
			if
			:: session[i_].imp[t_].count &&
			   !session[i_].imp[t_].settling && other(i_, t_) ->
				found = found || OWN(i_) == goal;
				for (n_ : 0 .. NTHREAD - 1) {
					if
					:: thread[n_].waits &&
					   THREAD_OF(n_) == OWN(i_) &&
					   !(visited & bit_of(n_)) &&
					   !without(WALK_OTHERS) ->
						todo = todo | bit_of(n_);
						visited = visited | bit_of(n_)
					:: else
					fi
				}
			:: else
			fi
		}
		t_ = 0; i_ = 0; n_ = 0
	}
}

/* Does the process wait for itself?  One share lock at a time. */
inline walk(goal)
{
	d_step {
		todo = 0; found = 0;
		for (i_ : 0 .. NTHREAD - 1) {
			if
			:: thread[i_].waits && THREAD_OF(i_) == goal ->
				todo = todo | bit_of(i_)
			:: else
			fi
		}
		visited = todo;
		i_ = 0
	}
	do
	:: todo & 1 -> visit(0, goal)
	:: NTHREAD > 1 && (todo & 2) -> visit(1, goal)
	:: NTHREAD > 2 && (todo & 4) -> visit(2, goal)
	:: NTHREAD > 3 && (todo & 8) -> visit(3, goal)
	:: !todo -> break
	od;
	visited = 0
}

#define wait_over(s)	(share[s].state != CLOSING || !hindering(s))

inline wait_sleep(w, s, r, end)
{
	do
	:: thread[w].woken = 0;
		if
		:: wait_over(s)
		:: !wait_over(s) ->
			if
			:: thread[w].woken
			:: TIMEOUTS -> end = ETIMEDOUT
			:: exiting(THREAD_OF(w)) -> end = EINTR
			fi
		fi;
		d_step {
			begin_locked(s, r);
			if
			:: r == EBUSY && share[s].state == LIVE ->
				turn(s, CLOSING)	/* without the rule */
			:: r == GOT_REVOKED ->
				share[s].begun = 0;
				r = EOWNERDEAD
			:: r == ENOENT && !share[s].begun &&
			   !share[s].closed -> r = EOWNERDEAD
			:: else
			fi;
			if
			:: r == EBUSY && end -> r = end
			:: else
			fi;
			check(s)
		}
		if
		:: r != EBUSY -> break
		:: else
		fi
	od
}

inline begin_wait(w, s, r, end)
{
	end = 0;
	d_step {
		begin_locked(s, r);
		if
		:: r == EBUSY ->
			share[s].waiters++;
			if
			:: share[s].state == LIVE -> turn(s, CLOSING)
			:: else
			fi
		:: else
		fi;
		check(s)
	}
	if
	:: r == EBUSY ->
		lock(graph_lock);
		thread[w].waits = s + 1;
		walk(THREAD_OF(w));
		if
		:: found && !without(CYCLE_FOUND) ->
			r = EDEADLK;
			thread[w].waits = 0
		:: else
		fi;
		d_step { found = 0; unlock(graph_lock) }
		if
		:: r == EBUSY ->
			wait_sleep(w, s, r, end);
			atomic { !graph_lock -> thread[w].waits = 0 }
		:: else
		fi;
		d_step {
			share[s].waiters--;
			thread[w].woken = 0;
			if
			:: !share[s].waiters && !share[s].deferred &&
			   share[s].state == CLOSING &&
			   !without(LIVE_AGAIN) -> turn(s, LIVE)
			:: else
			fi;
			check(s)
		}
	:: else
	fi;
	end = 0
}

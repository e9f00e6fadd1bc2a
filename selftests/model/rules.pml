/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rules.  -DM=NAME takes one away, and the check of the model has to fail
 * then (run.sh has the list of what each is for).
 */
#ifndef M
#define M 0
#endif
#define without(rule)	(M == rule)

/*
 * What has to hold.  The number tells which promise was broken: 1 to 5 are I1
 * to I5, STATES is what the states say, WATCH how a registration ends.
 */
#define promise(nr, x)	assert(nr && (x))
#define STATES		6
#define WATCH		7

#define HELD_UNCOUNTED		1	/* HELD only if nothing is counted */
#define HELD_REFUSES		2	/* no import while HELD */
#define CLOSING_REFUSES		3	/* no import while CLOSING */
#define ONE_HELD		4	/* of closers one alone is told */
#define SELF_NEVER_BLOCKS	5	/* own imports never block */
#define LIVE_AGAIN		6	/* the last waiter leaves: LIVE */
#define TOLD_LIVE		7	/* LIVE takes the place of CLOSING */
#define WAKE_DRAINED		8	/* the last close wakes waiters */
#define SURPLUS_REFUSED		9	/* one close too many: ENOENT */
#define TRY_STAYS_LIVE		10	/* TRY never leaves LIVE */
#define DRAINED_TOLD		11	/* the last close gives DRAINED */
#define DRAINED_REVOKED		12	/* so does revoking */
#define CLEAR_AFTER_COPY	13	/* an event is cleared when copied */
#define CLEAR_SAME		14	/* and only if it is the same one */
#define FINISH_LAST		15	/* FINISH after the real free */
#define ENDS_SETTLE		16	/* implicit ends stay counted */
#define CLOCK_FROM_EXIT		17	/* exiting: no clock before the exit */
#define CLOCK_AGAIN		18	/* exit after a last put: again */
#define EXIT_NOTICED		19	/* exit ends a session whose file stays */
#define BY_REFERENCE		20	/* a process is not its number */
#define ZOMBIE_COUNTS		21	/* nobody has to reap the dead */
#define DEATH_REVOKES		22	/* exports of the dead are revoked */
#define REVOKE_TELLS		23	/* importers are told */
#define ALL_AT_ONCE		24	/* all shares at the first sign */
#define GRACE			25	/* importers get time to leave */
#define GRACE_BOUNDED		26	/* but not for ever */
#define GRACE_ONE		27	/* one deadline for all shares */
#define GRACE_SKIPS_EXITING	28	/* nobody waits for the dying */
#define TOMBSTONE		29	/* a revoked key stays known */
#define TOMBSTONE_ENDS		30	/* and is forgotten in the end */
#define STALE_UNCLEAR		31	/* generation 0 of two: EINVAL */
#define CYCLE_FOUND		32	/* a wait that closes a cycle */
#define ABORT_KEEPS_CLOSING	33	/* never LIVE while somebody waits */
#define WALK_OTHERS		34	/* the walk goes beyond one step */
#define SECOND_PUTS		35	/* of get_pages and callback the second */
#define PUT_AFTER_TAIL		36	/* the driver is done with it */
#define ONE_FOR_RANGE		37	/* one registration, used again */
#define NEWS_ONLY		38	/* a callback of the living is no proof */
#define PUT_AFTER_CALLBACK	39	/* nothing else ends a registration */
#define ABORT_ENDS_HELD		40	/* a failed destroy: LIVE again */
#define EXEC_NOTICED		41	/* exec ends a session whose file stays */
#define OWN_BY_PROCESS		42	/* own is what the process has */
#define NEWS_TOLD		43	/* but importers hear of it */
#define ASK_DRIVER		44	/* the dead settle until they are gone */
#define KNEW			45	/* if the driver ever knew them */
#define NOT_REUSED		46	/* by a number that is still theirs */
#define SETTLE_MAX		47	/* and not for ever */
#define NO_LOCK			48	/* nobody else waits for the grace */

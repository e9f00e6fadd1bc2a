/* SPDX-License-Identifier: GPL-2.0 */
/* Trace conformance: is what the tracepoints say a run that the model allows? */
#ifndef CONFORM_H
#define CONFORM_H

#include <stdbool.h>
#include <stddef.h>

#define TEXT_MAX	320
#define PIDS		(1 << 22)

/* One tracepoint, as tracefs prints it */
struct event {
	unsigned long long seq;		/* of the trace clock "counter" */
	char name[32];
	char text[TEXT_MAX];		/* its fields */
};

/* False: not an event (a comment, a header). */
bool event_parse(struct event *event, const char *line);
bool event_field(const struct event *event, const char *name,
		 unsigned long long *value);
unsigned long long event_number(const struct event *event, const char *name);
/* Is the field @name this word? */
bool event_is(const struct event *event, const char *name, const char *word);

/* An entry of a table that takes memory only where it is written to. */
void *entry(void *table, size_t size, unsigned long long i,
	    unsigned long long max);

struct holder;
struct share;

/* rules.c: false at the first event that cannot be. */
bool rules_event(const struct event *event);
/* Has the session that holds it ended, or one of its process? */
bool holder_ended(const struct holder *holder);
/* Has each session of the process ended? */
bool process_ended(int pid);
/* Nothing follows.  @gone: all processes have ended, and all has settled. */
bool rules_end(bool gone);
void rules_svm(int version);
bool rules_svm_is(int version);
void rules_summary(char *buf, size_t size);

/* driver.c: the stand-in driver's side */
bool driver_event(const struct event *event);
void driver_export(struct share *share);
bool driver_maps(const struct share *share, int pid);
bool driver_destroyed(const struct share *share);
/* Has it given the process up, though that lives? */
bool driver_lost(int pid);
void driver_new(int pid);
void driver_told(int pid);

/* watch.c: registrations with the driver, as the module and as it sees them */
bool watch_event(const struct event *event);
/* An event of a registration, not of a key? */
bool watch_driver_event(const struct event *event, bool *right);
bool watch_told(struct share *share, int pid);
bool watch_end(void);

/* share.c */
enum state { UNKNOWN, LIVE, CLOSING, HELD, REVOKED };

/* What has to be the next thing under the lock of the share */
enum owed { NOTHING, OWED_REVOKE, OWED_ABORTED, OWED_DRAIN };

struct holder {
	struct holder *next;
	int pid;
	unsigned long long session;	/* 0: the trace does not say */
	unsigned int count;
	bool untold;			/* of the last change of state */
	unsigned int watch;		/* whose callback it is to be told, or 0 */
};

#define HISTORY		16

struct share {
	struct share *next;
	unsigned long long generation;
	int pid;			/* its exporter, 0: not known yet */
	unsigned long long addr, length;
	enum state state;
	enum owed owed;
	struct holder *holders;
	unsigned long long imports;	/* of other processes */
	unsigned int held, claimed;	/* how often */
	bool exported, watched, finished, freed;
	void *key;			/* driver.c */
	unsigned int nr_history;
	char history[HISTORY][TEXT_MAX + 64];
};

extern struct share *shares;

struct share *share_get(unsigned long long generation);
struct holder *share_holder(struct share *share, int pid,
			    unsigned long long session, unsigned int count);
bool share_held_by(const struct share *share, int pid);
void share_drop(struct share *share, struct holder *holder);
void share_remember(struct share *share, const struct event *event);
const char *state_name(enum state state);
enum state state_of(const struct event *event, const char *field);

/* Say what is wrong, with what came before; always false. */
bool wrong(const struct share *share, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* CONFORM_H */

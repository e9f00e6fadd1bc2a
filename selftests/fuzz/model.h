/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rules of the uapi once more, for few objects, one call at a time and
 * without a thought of speed.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include "fuzz.h"

#define NONE		(-1)
#define M_MAX		(STEPS + PROCS)	/* owners, sessions, shares */
#define M_LENGTH	0x2000

struct m_owner {
	pid_t pid;
	bool dead;
};

struct m_session {
	int owner;
	int refs;		/* descriptors, and a WAIT that is under way */
	bool open;
};

struct m_import {
	unsigned int count;
	bool settling;
	int order;		/* of its first import */
	int event;		/* pending: a change of state, or 0 */
	bool told;		/* pending: DRIVER, after that */
	unsigned int reason;
};

struct m_share {
	int key, session;
	__u64 generation;
	unsigned int state, reason;
	bool known;
	bool registered;	/* found by its key */
	bool begun, gone, deferred, anyone, remote, drained;
	bool watched;		/* the driver tells when its memory goes */
	bool allow[M_MAX];	/* owners */
	struct m_import imports[M_MAX];	/* by session */
};

struct m_proc {
	bool alive, admin, memory;	/* that the driver has */
	int owner;
	int slots[SLOTS];	/* sessions */
	int lingering[SLOTS];	/* what its forked child still has */
	bool lingers;
	int wait_share, wait_session;	/* NONE: does not wait */
	/* a WAIT that came to an end in this step */
	bool wait_over;
	int wait_ret;
	unsigned int wait_answer, wait_imports, wait_settling;
};

struct model {
	bool settle_long;
	bool limits;
	bool driver;
	bool disturbed;		/* a session ended: the kernel needs a moment */
	__u64 last_generation;
	int nr_owners, nr_sessions, nr_shares, nr_orders;
	struct m_owner owners[M_MAX];
	struct m_session sessions[M_MAX];
	struct m_share shares[M_MAX];	/* in the order of their export */
	struct m_proc procs[PROCS];
};

/* What is expected of a step. */
struct expect {
	bool skipped;		/* nothing is to be done */
	bool blocks;		/* WAIT in a thread of its own */
	int ret;
	bool replies;		/* fields out_* are written */
	int share;		/* that it was about, NONE */
	int session;
	__u64 generation;
	unsigned int answer, imports, settling, added;
};

void model_begin(struct model *m, const struct program *program);
void model_spawned(struct model *m, int proc, pid_t pid, bool admin);
void model_step(struct model *m, const struct step *s, struct expect *e);
/* The export that was expected to succeed has. */
void model_exported(struct model *m, const struct step *s,
		    const struct expect *e, __u64 generation);
/* An event was read.  False: it was not pending. */
bool model_event(struct model *m, int session,
		 const struct aclipc_event *event);
int model_events(const struct model *m, int session);

bool model_is_self(const struct model *m, const struct m_share *share,
		   int session);
unsigned int model_imports(const struct model *m, const struct m_share *share,
			   bool self, bool settling_only);
unsigned int model_waiters(const struct model *m, int share);
__u64 model_generation(const struct model *m, int gen);

/* state.c: what happens to the objects */
int m_session_new(struct model *m, int owner);
void m_session_put(struct model *m, int session);
void m_session_end(struct model *m, int session);
void m_slot_set(struct model *m, int *slot, int session);
void m_tell(struct model *m, struct m_share *share, int type);
void m_turn(struct model *m, struct m_share *share, unsigned int state);
void m_revoke(struct model *m, struct m_share *share, unsigned int reason);
void m_retire(struct m_share *share);
void m_claim(struct m_share *share);
void m_drop(struct model *m, struct m_share *share, int session,
	    unsigned int nr);
void m_die(struct model *m, int proc);
void m_exec(struct model *m, int proc, bool keep);
void m_leave(struct model *m, int share);
void m_wait_end(struct model *m, struct m_proc *p, int ret);
void m_wake(struct model *m);

/* ask.c: which share is meant */
int m_registered(const struct model *m, int key);
int m_own(const struct model *m, int session, const struct step *s, int *err);
int m_ask(const struct model *m, int session, bool admin, const struct step *s,
	  int *err);
int m_held(const struct model *m, int session, const struct step *s, int *err);
bool m_allows(const struct model *m, const struct m_share *share, int owner);
bool m_deadlock(const struct model *m, int share);

bool m_wants_memory(const struct step *s);

/* limits.c: is one more too many? */
bool m_full_sessions(const struct model *m, int owner);
bool m_full_exports(const struct model *m, int owner);
bool m_full_imports(const struct model *m, int owner);
bool m_full_allow(const struct model *m, const struct m_share *share);

/* close.c: what exporters and importers ask of a key */
int m_close(struct model *m, int session, const struct step *s,
	    struct expect *e);
int m_begin_wait(struct model *m, struct m_proc *p, int session,
		 const struct step *s, struct expect *e);

/* mutate.c: what a mutated call is answered before it is looked at, or 0 */
int mut_refused(const struct step *s);
bool mut_fits(enum op op, enum mut mut);

#endif /* FUZZ_MODEL_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* The director: runs the steps of a program and compares. */
#ifndef FUZZ_DIRECTOR_H
#define FUZZ_DIRECTOR_H

#include "model.h"
#include "../common/args.h"

struct d_proc {
	pid_t pid;
	int sock;
	int memfd;
	struct calls *calls;
	bool wait_over;		/* its WAIT has answered, not compared yet */
	pid_t child;		/* that lingers */
	int child_pidfd;
};

struct director {
	struct model m;
	int fd;			/* a session that asks, and nothing else */
	struct d_proc procs[PROCS];
	__u8 keys[KEYS][ACLIPC_KEY_MAX];
	long settle_long;	/* milliseconds */
	long usual[4];		/* limits of the module */
	bool driver;		/* is there */
	unsigned int serial;	/* programs so far: makes keys differ */
	bool failed;
	char kind[64];		/* what differs, the same for the same defect */
	char what[512];		/* and how */
};

int director_open(struct director *d);
void director_begin(struct director *d, const struct program *program);
/* False: something differs from what the model says. */
bool director_step(struct director *d, const struct step *s);
bool director_end(struct director *d);
/* All of it.  The number of steps that agreed, or -1 if all did. */
int director_run(struct director *d, const struct program *program);
/* Has a WAIT ended that should go on?  Then the program has failed. */
bool director_woken(struct director *d);
bool director_fail(struct director *d, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* call.c */
void call_build(struct director *d, const struct step *s, struct call *call);
bool call_check(struct director *d, const struct step *s,
		const struct expect *e, const struct call *call,
		const __u8 *sent);

/* audit.c: does all that can be asked agree with the model? */
void audit_query(const struct director *d, int share, int session,
		 const struct aclipc_query *got, struct aclipc_query *query);
bool audit(struct director *d, bool patient);
bool audit_fdinfo(struct director *d, const struct step *s,
		  const struct expect *e);
bool audit_empty(struct director *d);

#endif /* FUZZ_DIRECTOR_H */

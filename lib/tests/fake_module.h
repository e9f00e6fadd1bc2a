/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * /dev/aclipc of the unit tests: the library's open, ioctl, read and fstat end
 * here instead of in the kernel.  It knows one other process, which imports and
 * closes as the test says.
 */
#ifndef FAKE_MODULE_H
#define FAKE_MODULE_H

struct fake_key {
	unsigned char key[64];
	unsigned long long generation;
	int state;		/* 0: unknown */
	int mine;		/* exported by this process */
	int own, foreign;	/* imports */
	int deferred, drained;
};

struct fake_module {
	int present;
	int opens;
	int wait_errno;		/* what a WAIT with imports ends with */
	int wait_raises;	/* a signal during the WAIT */
	void (*at_wait)(void);	/* called during the WAIT, or NULL */
	void (*at_finish)(void);	/* during the FINISH */
	int import_errno, export_errno, allow_errno;
	unsigned int last_timeout;
	char log[4096];		/* one letter for each ioctl */
	struct fake_key keys[64];
	int nr;
};

extern struct fake_module fake_module;

struct fake_key *fake_find(const char *name);
struct fake_key *fake_foreign_key(const char *name);
void fake_foreign(const char *name, int delta);
void fake_reset(void);

#endif

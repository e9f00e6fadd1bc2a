/* SPDX-License-Identifier: LGPL-2.1-only */
/* A HAL that keeps count of its calls and answers what a test wants. */
#ifndef FAKE_HAL_H
#define FAKE_HAL_H

#include <stdint.h>

struct fake_hal {
	int create, destroy, open, open_by_dev, open_v2, close;
	int set_pid, set_attr, alloc, free, unmap, dev_close, mem_close;
	int fail_destroy, fail_free, fail_open, fail_close, fail_alloc;
	int fail_dev_close, fail_set;
	int same_key;		/* create gives out one key for all */
	int seen_errno;		/* what the last call found in errno */
	int set_errno;		/* what it leaves there, 0: nothing */
	uint64_t next_addr;	/* of the next open */
	uint64_t base, size;	/* the one allocation that the HAL can tell */
	int known;		/* addresses are still known after a failure */
	void (*at_free)(void);	/* called by free, or NULL */
	void (*at_close)(void);	/* by close */
	int around;		/* importing goes around the hooks */
	char log[4096];		/* one letter for each call, in order */
};

extern struct fake_hal fake_hal;

#endif

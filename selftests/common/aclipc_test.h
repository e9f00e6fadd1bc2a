/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the ioctl interface share.
 *
 * A test works with handles: a descriptor of its own, or a peer, which is a
 * child process that has /dev/aclipc open and does what it is told over a
 * socketpair.  All wrappers take both.  They return a value that is not
 * negative, or -errno.
 */
#ifndef ACLIPC_TEST_H
#define ACLIPC_TEST_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#if __has_include("../../uapi/aclipc.h")
#include "../../uapi/aclipc.h"
#else
#include <linux/aclipc.h>
#endif

#include "bound.h"

#define T_BOUND_MS	BOUND_MS

/* A settle time to wait for, and one that is long enough to look at. */
#define T_SETTLE_MS	100
#define T_SETTLE_LOOK	3000

#define T_ADDR		0x10000
#define T_LENGTH	0x2000

/* A descriptor of /dev/aclipc. */
int t_open(void);

/* Peers.  A handle, or -errno. */
int t_peer(void);
pid_t t_pid(int peer);
/* Run fn(arg) in the peer, whose copy of arg comes back. */
#define T_ARG_MAX	512
typedef long (*t_fn)(int fd, void *arg);
long t_run(int handle, t_fn fn, void *arg, size_t len);
/* The same in two halves: the peer may block in between. */
int t_start(int peer, t_fn fn, const void *arg, size_t len);
long t_done(int peer, void *arg, size_t len);
bool t_busy(int peer);		/* has not answered yet */
int t_signal(int peer, int sig);
int t_kill(int peer);		/* SIGKILL, and reap */
int t_exit(int peer);		/* ends by itself, without closing; reaped */
int t_gone(int peer);		/* reap what ended otherwise; wait status */
long t_close_fd(int handle);	/* the descriptor only */
int t_take_fd(int peer);	/* a copy of the peer's descriptor */

/* One ioctl with any struct that begins with its size. */
int t_call(int handle, unsigned int cmd, void *arg);
/* The same with any bytes. */
int t_ioctl(int fd, unsigned int cmd, void *arg);

void t_key(__u8 bytes[ACLIPC_KEY_MAX], const char *key);

int t_info(int handle, struct aclipc_info *info);
int t_export(int handle, const char *key, __u32 flags);
int t_export_gen(int handle, const char *key, __u32 flags, __u64 *generation);
int t_export_at(int handle, const char *key, __u32 flags, __u64 addr,
		__u64 length, struct aclipc_export *out);
int t_export_on(int handle, __u32 device, const char *key, __u32 flags,
		__u64 addr, __u64 length, struct aclipc_export *out);
/* out_added */
int t_allow(int handle, const char *key, __u32 flags, const __s32 *pids,
	    __u32 nr);
int t_import(int handle, const char *key);
int t_import_gen(int handle, const char *key, __u64 *generation);
/* out_imports */
int t_close(int handle, const char *key);
int t_close_gen(int handle, const char *key, __u64 generation);
/* out_answer */
int t_begin(int handle, const char *key, __u32 op);
int t_try(int handle, const char *key);
int t_defer(int handle, const char *key);
int t_wait(int handle, const char *key, __u32 timeout_ms);
int t_finish(int handle, const char *key);
int t_abort(int handle, const char *key);
int t_closer(int handle, struct aclipc_close *cmd, const char *key, __u32 op,
	     __u32 timeout_ms, __u64 generation);
/* A peer's WAIT in two halves, the first until the kernel counts the waiter. */
int t_wait_start(int peer, const char *key, __u32 timeout_ms,
		 unsigned int waiters);
int t_wait_done(int peer, struct aclipc_close *cmd);
int t_query(int handle, const char *key, __u64 generation,
	    struct aclipc_query *query);
/* out_state */
int t_state(int handle, const char *key);
/* out_holders */
int t_holders(int handle, const char *key, struct aclipc_holder *holders,
	      __u32 room);
/* out_imports */
int t_revoke(int handle, const char *key, __u32 flags, __u32 reason);
int t_revoke_gen(int handle, const char *key, __u64 generation, __u32 flags,
		 __u32 reason);

/* Wants to be told: the exit of an exporter waits a little for it. */
int t_listen(int handle);

/* The next event, without waiting (EAGAIN), or waiting for it. */
int t_event(int handle, struct aclipc_event *event);
int t_event_wait(int handle, struct aclipc_event *event);
/* Its type if it is of this key, else EBADMSG. */
int t_event_type(int handle, const char *key);
int t_event_now(int handle, const char *key);

/* debugfs counts */
struct t_counts {
	unsigned int owners, sessions;
	unsigned long shares, imports;
	long long settling;
	unsigned int watches, tombstones;
};

int t_counts(struct t_counts *counts);
/* Poll until what() is true: 0, or ETIMEDOUT. */
#define t_until(what)							\
({									\
	int __left = T_BOUND_MS / 10;					\
	while (!(what) && --__left)					\
		poll(NULL, 0, 10);					\
	__left ? 0 : -ETIMEDOUT;					\
})
/* Nothing of any process is left behind.  Waits for what settles. */
int t_nothing_left(void);

/* Load /modules/MODULE.ko, and unload a module without waiting. */
int t_load(const char *module, const char *params);
int t_unload(const char *module);
/* References to a kernel module, -1 if it is not loaded. */
int t_refcount(const char *module);

/* Module parameters; those changed are put back when the program ends. */
long t_param(const char *name);
int t_set_param(const char *name, long value);
/* A settle time that is the same for all, whatever the driver says of them. */
int t_set_settle(long ms);

/* Numbers that look random, and where to begin: NAME=seed runs it again. */
__u64 t_rand(__u64 *seed);
__u64 t_seed(const char *name);

#ifndef READ_ONCE
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#endif

/* The whole of a small file, NUL-terminated; its length or -errno. */
ssize_t t_slurp(const char *path, char *buf, size_t size);
/* Write text to a file that is there; 0 or -errno. */
int t_put(const char *path, const char *text);
int t_send_fd(int sock, int fd);
int t_recv_fd(int sock);

/*
 * Teardown runs after the test process and its peers have ended, whichever way
 * the test went: what is left now, is left for ever.
 */
#define T_FIXTURE(name)							\
	FIXTURE(name)							\
	{								\
		int fd;							\
	};								\
	FIXTURE_SETUP(name)						\
	{								\
		ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));	\
		ASSERT_EQ(0, t_nothing_left());				\
		self->fd = t_open();					\
		ASSERT_LE(0, self->fd);					\
	}								\
	FIXTURE_TEARDOWN_PARENT(name)					\
	{								\
		EXPECT_EQ(0, t_set_settle(T_SETTLE_MS));	\
		EXPECT_EQ(0, t_nothing_left());				\
	}

#define T_MAIN TEST_HARNESS_MAIN

#endif /* ACLIPC_TEST_H */

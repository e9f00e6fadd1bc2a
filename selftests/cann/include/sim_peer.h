/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes that do what a test tells them, one call at a time, and the
 * stand-in driver's ledger.  Header only; include after nothing special.
 */
#ifndef _SIM_PEER_H
#define _SIM_PEER_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "acl/acl.h"
#include "ascend_hal.h"

#define SIM_DEBUGFS	"/sys/kernel/debug/ascend_sim/"
#define SIM_PARAMS	"/sys/module/ascend_sim/parameters/"
#define PEER_SLOTS	16
#define PEER_KEYS	8

/* what all processes of one test see; from mmap(MAP_SHARED) */
struct sim_board {
	char key[PEER_KEYS][256];
};

/* one process's own */
struct peer_state {
	struct sim_board *board;
	void *slot[PEER_SLOTS];
};

typedef long (*peer_fn)(struct peer_state *s, long a, long b);

struct peer {
	pid_t pid;
	int fd;
};

struct peer_msg {
	peer_fn fn;
	long a, b;
};

static inline struct sim_board *sim_board_new(void)
{
	void *p = mmap(NULL, sizeof(struct sim_board), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static inline void peer_loop(int fd, struct sim_board *board)
{
	struct peer_state state = { .board = board };
	struct peer_msg msg;
	long ret;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		ret = msg.fn(&state, msg.a, msg.b);
		if (write(fd, &ret, sizeof(ret)) != sizeof(ret))
			break;
	}
	_exit(0);
}

static inline int peer_start(struct peer *p, struct sim_board *board)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return -errno;
	p->pid = fork();
	if (p->pid < 0)
		return -errno;
	if (!p->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(sv[0]);
		peer_loop(sv[1], board);
	}
	close(sv[1]);
	p->fd = sv[0];
	return 0;
}

/* Send without waiting: for calls that are expected to block. */
static inline int peer_send(struct peer *p, peer_fn fn, long a, long b)
{
	struct peer_msg msg = { fn, a, b };

	return write(p->fd, &msg, sizeof(msg)) == sizeof(msg) ? 0 : -EPIPE;
}

static inline long peer_recv(struct peer *p)
{
	long ret;

	return read(p->fd, &ret, sizeof(ret)) == sizeof(ret) ? ret : -EPIPE;
}

static inline long peer_call(struct peer *p, peer_fn fn, long a, long b)
{
	return peer_send(p, fn, a, b) ? -EPIPE : peer_recv(p);
}

static inline int peer_kill(struct peer *p)
{
	int status = 0;

	if (p->pid <= 0)
		return 0;
	kill(p->pid, SIGKILL);
	waitpid(p->pid, &status, 0);
	close(p->fd);
	p->pid = 0;
	return status;
}

/* Leaves by _exit(), as a process does that closes nothing. */
static inline int peer_leave(struct peer *p)
{
	int status = 0;

	if (p->pid <= 0)
		return 0;
	close(p->fd);
	waitpid(p->pid, &status, 0);
	p->pid = 0;
	return status;
}

/* What a peer can be told. a is mostly a slot, b the rest; results: aclError. */
static inline long do_device(struct peer_state *s, long a, long b)
{
	(void)s;
	(void)b;
	return aclrtSetDevice(a);
}

static inline long do_reset(struct peer_state *s, long a, long b)
{
	(void)s;
	return b ? aclrtResetDeviceForce(a) : aclrtResetDevice(a);
}

static inline long do_malloc(struct peer_state *s, long a, long b)
{
	return aclrtMalloc(&s->slot[a], b, ACL_MEM_MALLOC_HUGE_FIRST);
}

static inline long do_free(struct peer_state *s, long a, long b)
{
	(void)b;
	return aclrtFree(s->slot[a]);
}

static inline long do_address(struct peer_state *s, long a, long b)
{
	(void)b;
	return (long)s->slot[a];
}

/* one byte value over the first 4 KiB */
static inline long do_fill(struct peer_state *s, long a, long b)
{
	char page[4096];

	memset(page, (int)b, sizeof(page));
	return aclrtMemcpy(s->slot[a], sizeof(page), page, sizeof(page),
			   ACL_MEMCPY_HOST_TO_DEVICE);
}

/* the byte at offset b, or minus the error */
static inline long do_read(struct peer_state *s, long a, long b)
{
	unsigned char byte;
	aclError err = aclrtMemcpy(&byte, 1, (char *)s->slot[a] + b, 1,
				   ACL_MEMCPY_DEVICE_TO_HOST);

	return err ? -(long)err : byte;
}

/* a: slot, b: key | bytes << 8; keeps the key on the board */
static inline long do_export(struct peer_state *s, long a, long b)
{
	return aclrtIpcMemGetExportKey(s->slot[a], b >> 8,
				       s->board->key[b & 0xff], 65, 0);
}

static inline long do_export_any(struct peer_state *s, long a, long b)
{
	return aclrtIpcMemGetExportKey(s->slot[a], b >> 8,
				       s->board->key[b & 0xff], 65, 1);
}

static inline long do_import(struct peer_state *s, long a, long b)
{
	return aclrtIpcMemImportByKey(&s->slot[a], s->board->key[b], 0);
}

static inline long do_close(struct peer_state *s, long a, long b)
{
	(void)b;
	return aclrtIpcMemClose(s->board->key[a]);
}

static inline long do_set_pid(struct peer_state *s, long a, long b)
{
	int32_t pid = b;

	return aclrtIpcMemSetImportPid(s->board->key[a], &pid, 1);
}

static inline long do_bare_tgid(struct peer_state *s, long a, long b)
{
	int32_t pid = 0;

	(void)s;
	(void)a;
	(void)b;
	return aclrtDeviceGetBareTgid(&pid) ? -1 : pid;
}

/* the driver's ledger: value of name in file ("violations" or "counts") */
static inline long sim_ledger(const char *file, const char *name)
{
	char path[128], line[128], word[64];
	long long value, found = -1;
	FILE *f;

	snprintf(path, sizeof(path), SIM_DEBUGFS "%s", file);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %lld", word, &value) == 2 &&
		    !strcmp(word, name))
			found = value;
	if (f)
		fclose(f);
	return found;
}

static inline long sim_violation(const char *name)
{
	return sim_ledger("violations", name);
}

static inline long sim_counted(const char *name)
{
	return sim_ledger("counts", name);
}

static inline int sim_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int ret = fd < 0 ? -errno : 0;

	if (!ret && write(fd, text, strlen(text)) < 0)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

static inline int sim_reset_ledger(void)
{
	return sim_write(SIM_DEBUGFS "reset", "1");
}

static inline int sim_set_param(const char *name, long value)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), SIM_PARAMS "%s", name);
	snprintf(text, sizeof(text), "%ld", value);
	return sim_write(path, text);
}

/* Wait until a count is at most want; the time it took in ms, or -1. */
static inline long sim_wait_count(const char *name, long want, long ms)
{
	struct timespec step = { 0, 5 * 1000 * 1000 }, t0, t;
	long passed;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (;;) {
		bool done = sim_counted(name) <= want;

		clock_gettime(CLOCK_MONOTONIC, &t);
		passed = (t.tv_sec - t0.tv_sec) * 1000 +
			 (t.tv_nsec - t0.tv_nsec) / 1000000;
		if (done)
			return passed;
		if (passed > ms)
			return -1;
		nanosleep(&step, NULL);
	}
}

#endif /* _SIM_PEER_H */

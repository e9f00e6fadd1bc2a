/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The world in which failures on demand happen.
 *
 * All calls are made by the test process, on a descriptor that is new in each
 * round; a peer is on the other side.
 */
#ifndef FAIL_NTH_H
#define FAIL_NTH_H

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ascend_sim/ascend_sim.h"
#include "common/aclipc_test.h"
#include "common/args.h"
#include "common/fail.h"

/* So long that fdinfo shows them whole. */
#define KEY		"fail_nth"
#define KEY2		"fail_two"
#define ANYONE		ACLIPC_EXPORT_ANYONE
#define UNWATCHED	(ANYONE | ACLIPC_EXPORT_UNWATCHED)
#define EVENT		((long)sizeof(struct aclipc_event))
#define LENGTH		(1 << 20)

/* More points than any call has, and room for all there is to see. */
#define LIMIT		1000
#define PASSES		3
/* How many make a table grow. */
#define KEYS		300
#define TEXT		16384

/* A debug kernel is slow. */
#define SECONDS		300

struct world {
	int fd;			/* -1: closed by the call */
	int peer;
	int sim;		/* the driver's descriptor, 0: none */
	int extra;		/* what the call opened */
	__u64 va;
	union args arg;
	__s32 pids[ACLIPC_ALLOW_MAX];
	struct aclipc_holder room[ACLIPC_HOLDERS_MAX];
	char text[TEXT];
};

static int sim_ioctl(struct world *w, unsigned int cmd,
		     struct ascend_sim_arg *arg)
{
	return ioctl(w->sim, cmd, arg) ? -errno : 0;
}

static int sim_init(struct world *w)
{
	struct ascend_sim_arg arg = {};

	w->sim = open(ASCEND_SIM_DEV, O_RDWR | O_CLOEXEC);
	if (w->sim < 0)
		return -errno;
	w->va = (uintptr_t)mmap(NULL, LENGTH, PROT_NONE, MAP_PRIVATE |
				MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return sim_ioctl(w, ASCEND_SIM_DEV_OPEN, &arg);
}

/* What is watched is so until it is freed: new memory for each round. */
static int sim_alloc(struct world *w)
{
	struct ascend_sim_arg arg = { .va = w->va, .len = LENGTH };

	return sim_ioctl(w, ASCEND_SIM_ALLOC, &arg);
}

static int sim_free(struct world *w)
{
	struct ascend_sim_arg arg = { .va = w->va };

	return sim_ioctl(w, ASCEND_SIM_FREE, &arg);
}

/* The kernel has caches for each processor. */
static int stay_here(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

static int world_init(struct world *w, bool watched)
{
	int ret, i;

	w->va = T_ADDR;

	w->peer = t_peer();
	if (w->peer < 0)
		return w->peer;
	for (i = 0; i < ACLIPC_ALLOW_MAX; i++)
		w->pids[i] = i % 2 ? 1 : t_pid(w->peer);
	ret = watched ? sim_init(w) : 0;
	if (ret)
		return ret;
	ret = fail_open() ?: stay_here();
	if (ret)
		return ret;
	/* a page fault of ours would be a failure point, too */
	return mlockall(MCL_CURRENT | MCL_FUTURE) ? -errno : 0;
}

static int world_begin(struct world *w)
{
	int ret = w->sim ? sim_alloc(w) : 0;

	if (ret)
		return ret;
	w->extra = -1;
	w->text[0] = '\0';
	w->fd = t_open();
	if (w->fd < 0)
		return w->fd;
	return fcntl(w->fd, F_SETFL, O_NONBLOCK) ? -errno : 0;
}

/* Take back all that a session holds. */
static long fn_wipe(int fd, void *arg)
{
	char path[64], all[4096], key[ACLIPC_KEY_MAX + 1], *line;
	unsigned long long gen;
	unsigned int count, i;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (t_slurp(path, all, sizeof(all)) < 0)
		return -EIO;
	for (line = strtok(all, "\n"); line; line = strtok(NULL, "\n")) {
		char *hex = strrchr(line, ' ');

		for (i = 0; hex && i < strlen(KEY); i++) {
			sscanf(hex + 1 + 2 * i, "%2hhx", &key[i]);
			key[i + 1] = '\0';
		}
		if (sscanf(line, "aclipc_import: %llu %*s %u", &gen,
			   &count) == 2)
			while (count--)
				t_close_gen(fd, key, gen);
		else if (sscanf(line, "aclipc_export: %llu", &gen) == 1)
			t_revoke_gen(fd, key, gen, ACLIPC_REVOKE_GONE, 0);
	}
	return 0;
}

/* Only the peer's session is there. */
static bool world_empty(void)
{
	struct t_counts c;

	return !t_counts(&c) && c.sessions == 1 && !c.shares && !c.imports &&
	       !c.settling && !c.watches && !c.tombstones;
}

static int world_end(struct world *w)
{
	int ret;

	if (w->extra >= 0)
		close(w->extra);
	if (w->fd < 0)
		w->fd = t_open();
	fn_wipe(w->fd, NULL);
	t_run(w->peer, fn_wipe, NULL, 0);
	fn_wipe(w->fd, NULL);
	/* what a session of ours left that is closed */
	t_revoke(w->fd, KEY, ACLIPC_REVOKE_GONE, 0);
	close(w->fd);
	ret = w->sim ? sim_free(w) : 0;
	return ret ?: t_until(world_empty());
}

/* How many of these the driver has; 0 without a driver. */
static long driver_count(const char *what)
{
	char buf[4096], *at;

	if (t_slurp("/sys/kernel/debug/ascend_sim/counts", buf,
		    sizeof(buf)) < 0)
		return 0;
	at = strstr(buf, what);
	return at ? atol(at + strlen(what)) : -1;
}

static int own(struct world *w)
{
	return t_export(w->fd, KEY, UNWATCHED);
}

static int foreign(struct world *w)
{
	return t_export(w->peer, KEY, UNWATCHED);
}

/* What QUERY says. */
#define SEEN(state, mine, others)					\
	(ACLIPC_STATE_##state * 100 + (mine) * 10 + (others))

static int seen(int handle)
{
	struct aclipc_query query;
	int ret = t_query(handle, KEY, 0, &query);

	return ret ?: query.out_state * 100 + query.out_my_imports * 10 +
		      query.out_imports;
}

#endif /* FAIL_NTH_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the library share: real processes over the stand-ins, with
 * the hooks in front of them.
 *
 * A test program is not linked with libaclipc: its main() starts it once more
 * with the library preloaded.  With LIB_LINKED defined it is linked, before
 * CANN, and nothing is preloaded.  The test process itself calls no CANN; its
 * peers do, one call at a time, as they are told.
 */
#ifndef LIB_TEST_H
#define LIB_TEST_H

#include <dlfcn.h>
#include <poll.h>
#include <sys/syscall.h>

#include "aclipc.h"
#include "cann/include/sim_peer.h"
#include "cann/include/runtime/rt.h"

#include "bound.h"

#define LIB_PEERS	17
#define LIB_BOUND_MS	BOUND_MS
#define LIB_SETTLE_MS	1000	/* a teardown takes 20, or a stall longer */
#define LIB_SETTLE_MAX_MS 30000
#define ACLIPC_PARAM	"/sys/module/aclipc/parameters/"

#define MIB		(1L << 20)
#define SMALL		(MIB / 4)	/* its free stays in user space */
#define BIG		(2 * MIB)	/* its free reaches the driver */
#define ALLOCATED(n)	((n) + 32)	/* what aclrtMalloc() asks for */
#define KEY(k, bytes)	((k) | (bytes) << 8)
#define ACL_DRV		ACL_ERROR_RT_DRV_INTERNAL_ERROR

/* The API of the hooks, wherever the library came from. */
#define LIB(name) ((__typeof__(&name))dlsym(RTLD_DEFAULT, #name))

static inline long do_policy(struct peer_state *s, long a, long b)
{
	(void)s;
	return LIB(aclipc_set_policy)((enum aclipc_policy)a, (uint32_t)b);
}

/* how many keys wait for their destroy; a: bytes of frees instead */
static inline long do_pending(struct peer_state *s, long a, long b)
{
	uint32_t total = 0;
	uint64_t bytes = 0;

	(void)s;
	(void)b;
	if (LIB(aclipc_pending)(NULL, 0, &total, &bytes))
		return -1;
	return a ? (long)bytes : (long)total;
}

static inline long do_free_at(struct peer_state *s, long a, long b)
{
	(void)s;
	(void)b;
	return aclrtFree((void *)a);
}

static inline long do_fail(struct peer_state *s, long a, long b)
{
	static const char *const ops[] = {
		"create", "destroy", "open", "close", "free", "alloc",
		"devclose",
	};

	(void)s;
	ascend_sim_fail(ops[a], (int)(b >> 16), (int)(b & 0xffff));
	return 0;
}

enum { FAIL_CREATE, FAIL_DESTROY, FAIL_OPEN, FAIL_CLOSE, FAIL_FREE, FAIL_ALLOC,
       FAIL_DEVCLOSE };
#define FAIL(nth, code)	((nth) * 65536L | (code))

/* a: own rank, whose key and value it is; b: bytes of slot 0 */
static inline long do_export_rank(struct peer_state *s, long a, long b)
{
	if (aclrtMalloc(&s->slot[0], b, ACL_MEM_MALLOC_HUGE_FIRST))
		return 1;
	do_fill(s, 0, 10 + a);
	return aclrtIpcMemGetExportKey(s->slot[0], b, s->board->key[a], 65, 1);
}

static inline long lib_param(const char *name, long value)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), ACLIPC_PARAM "%s", name);
	snprintf(text, sizeof(text), "%ld", value);
	return sim_write(path, text);
}

/* Poll until what is true; false after LIB_BOUND_MS. */
#define lib_until(what) ({						\
	int left_ = LIB_BOUND_MS / 5;					\
									\
	while (!(what) && --left_)					\
		poll(NULL, 0, 5);					\
	left_ > 0;							\
})

/* The same wait for a condition, at two moments: not just a busy lock. */
static inline bool lib_sleeps(pid_t pid)
{
	char path[64], futex[16], text[2][256] = { "", "" };
	int i, fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	snprintf(futex, sizeof(futex), "%ld ", (long)SYS_futex);
	for (i = 0; i < 2; i++) {
		if (i)
			poll(NULL, 0, 20);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return false;
		if (read(fd, text[i], sizeof(text[i]) - 1) < 0)
			text[i][0] = 0;
		close(fd);
	}
	return !strncmp(text[0], futex, strlen(futex)) &&
	       !strcmp(text[0], text[1]);
}

/* How often it happened so far, in the driver's ledger. */
#define DESTROYS()	sim_counted("destroy")
#define FREES()		sim_counted("free")

static inline int lib_start(struct peer *peer, struct sim_board *board)
{
	int ret = peer_start(peer, board);

	return ret ? ret : (int)peer_call(peer, do_device, 0, 0);
}

/* Peer 0 exports, the others import; 2 and more are started by SHARE. */
#define LIB_FIXTURE(name)						\
	FIXTURE(name)							\
	{								\
		struct sim_board *board;				\
		struct peer p[LIB_PEERS];				\
		int svm;						\
	};								\
	FIXTURE_SETUP(name)						\
	{								\
		self->svm = ascend_sim_svm();				\
		if (!self->svm)						\
			SKIP(return, "no stand-in driver");		\
		ASSERT_NE(NULL, LIB(aclipc_version));			\
		setenv("ASCEND_SIM_CACHE_MAX", "0x100000", 1);		\
		sim_set_param("teardown_min_ms", 0);			\
		sim_set_param("teardown_max_ms", 20);			\
		lib_param("settle_ms", LIB_SETTLE_MS);			\
		lib_param("settle_max_ms", LIB_SETTLE_MAX_MS);		\
		ASSERT_LE(0, sim_wait_count("procs", 0, 10000));	\
		ASSERT_EQ(0, sim_reset_ledger());			\
		self->board = sim_board_new();				\
		ASSERT_NE(NULL, self->board);				\
		ASSERT_EQ(0, lib_start(&self->p[0], self->board));	\
		ASSERT_EQ(0, lib_start(&self->p[1], self->board));	\
	}								\
	/* the order was kept and nothing is left, whatever the test did */ \
	FIXTURE_TEARDOWN(name)						\
	{								\
		if (!self->svm)						\
			return;						\
		EXPECT_EQ(0, sim_violation("total"));			\
		for (int i_ = LIB_PEERS; i_--; )			\
			peer_kill(&self->p[i_]);			\
		EXPECT_LE(0, sim_wait_count("procs", 0, 15000));	\
		EXPECT_EQ(0, sim_counted("pages"));			\
		EXPECT_EQ(0, sim_counted("keys"));			\
		EXPECT_EQ(0, sim_counted("mappings"));			\
		EXPECT_EQ(0, sim_counted("registrations"));		\
		munmap(self->board, sizeof(*self->board));		\
	}

#define P(n, fn, x, y)	peer_call(&self->p[n], fn, x, y)
#define ONLY(v)		do { if (self->svm != (v)) SKIP(return, "SVM v" #v " only"); } while (0)

/* Peer n shares size bytes full of value, its slot s, as key k. */
#define EXPORT(n, s, k, size, value) do {				\
	ASSERT_EQ(0, P(n, do_malloc, s, size));				\
	ASSERT_EQ(0, P(n, do_fill, s, value));				\
	ASSERT_EQ(0, P(n, do_export_any, s, KEY(k, size)));		\
} while (0)

#define IMPORT(n, s, k, value) do {					\
	ASSERT_EQ(0, P(n, do_import, s, k));				\
	ASSERT_EQ(value, P(n, do_read, s, 0));				\
} while (0)

/* What the exporter deferred has been done. */
#define DRAINED()	EXPECT_TRUE(lib_until(!P(0, do_pending, 0, 0)))

/* The exporter shares size bytes full of value as key 0; 1 to n import it. */
#define SHARE(n, size, value) do {					\
	EXPORT(0, 0, 0, size, value);					\
	for (int i_ = 1; i_ <= (n); i_++) {				\
		if (i_ > 1)						\
			ASSERT_EQ(0, lib_start(&self->p[i_],		\
					       self->board));		\
		IMPORT(i_, 0, 0, value);				\
	}								\
} while (0)

#ifdef LIB_LINKED
#define LIB_MAIN TEST_HARNESS_MAIN
#else
/* The harness brings its own main(). */
#define main lib_harness_main
static int lib_harness_main(int argc, char **argv);
static TEST_HARNESS_MAIN
#undef main

/* LIB_HAL: another build of the HAL, by name. */
#ifdef LIB_HAL
#define LIB_VARIANT	"/usr/lib/cann/variants/" LIB_HAL
#else
#define LIB_VARIANT	NULL
#endif

static inline int lib_use_variant(const char *folder)
{
	if (!folder)
		return 0;
	setenv("LD_LIBRARY_PATH", folder, 1);
	return access(folder, F_OK);
}

#define LIB_MAIN							\
int main(int argc, char **argv)						\
{									\
	if (LIB(aclipc_version))					\
		return lib_harness_main(argc, argv);			\
	if (lib_use_variant(LIB_VARIANT)) {				\
		puts("1..0 # SKIP no such HAL");			\
		return KSFT_SKIP;					\
	}								\
	setenv("LD_PRELOAD", "libaclipc.so.0", 1);			\
	if (!getenv("LIB_TEST_AGAIN")) {				\
		setenv("LIB_TEST_AGAIN", "1", 1);			\
		execv("/proc/self/exe", argv);				\
	}								\
	fputs("libaclipc.so.0 cannot be preloaded\n", stderr);		\
	return 1;							\
}
#endif

#endif /* LIB_TEST_H */

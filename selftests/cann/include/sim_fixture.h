/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Three processes with a device each, a clean ledger before, and nothing left
 * after.  For tests of the stand-ins themselves: no aclipc anywhere.
 */
#ifndef _SIM_FIXTURE_H
#define _SIM_FIXTURE_H

#include "sim_peer.h"
#include "bound.h"

#define MIB	(1L << 20)
#define SMALL	(MIB / 4)	/* stays in the user-space cache */
#define BIG	(2 * MIB)	/* reaches the kernel */
#define CACHE	"0x100000"

#define ACL_DRV	ACL_ERROR_RT_DRV_INTERNAL_ERROR
#define FAULT	(-(long)ACL_ERROR_RT_INVALID_HANDLE)
#define KEY(k, bytes)	((k) | (bytes) << 8)

FIXTURE(sim)
{
	struct sim_board *board;
	struct peer a, b, c;	/* a exports, b and c import */
	int svm;
};

FIXTURE_SETUP(sim)
{
	self->svm = ascend_sim_svm();
	if (!self->svm)
		SKIP(return, "no stand-in driver");
	setenv("ASCEND_SIM_CACHE_MAX", CACHE, 1);
	sim_set_param("teardown_min_ms", 0);
	sim_set_param("teardown_max_ms", 20);
	sim_set_param("device_hold", 0);
	sim_set_param("stage_ms", 0);
	sim_set_param("hide_ms", 1);
	sim_set_param("tail_us", 200);
	/* what the test before left behind */
	ASSERT_LE(0, sim_wait_count("procs", 0, 10000));
	ASSERT_EQ(0, sim_reset_ledger());
	self->board = sim_board_new();
	ASSERT_NE(NULL, self->board);
	ASSERT_EQ(0, peer_start(&self->a, self->board));
	ASSERT_EQ(0, peer_start(&self->b, self->board));
	ASSERT_EQ(0, peer_start(&self->c, self->board));
	ASSERT_EQ(0, peer_call(&self->a, do_device, 0, 0));
	ASSERT_EQ(0, peer_call(&self->b, do_device, 0, 0));
	ASSERT_EQ(0, peer_call(&self->c, do_device, 0, 0));
}

/* Nothing is left, whatever the test did. */
FIXTURE_TEARDOWN(sim)
{
	peer_kill(&self->a);
	peer_kill(&self->b);
	peer_kill(&self->c);
	if (!self->svm)
		return;
	sim_set_param("device_hold", 0);
	EXPECT_LE(0, sim_wait_count("procs", 0, 15000));
	sim_reset_ledger();
	EXPECT_EQ(0, sim_counted("pages"));
	EXPECT_EQ(0, sim_counted("mems"));
	EXPECT_EQ(0, sim_counted("keys"));
	EXPECT_EQ(0, sim_counted("mappings"));
	EXPECT_EQ(0, sim_counted("registrations"));
	munmap(self->board, sizeof(*self->board));
}

#define A(fn, x, y)	peer_call(&self->a, fn, x, y)
#define B(fn, x, y)	peer_call(&self->b, fn, x, y)
#define C(fn, x, y)	peer_call(&self->c, fn, x, y)
/* v2 of before March 2026 */
static inline bool sim_is_old(void)
{
	char old = 'N';
	int fd = open(SIM_PARAMS "old", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, &old, 1) != 1)
			old = 'N';
		close(fd);
	}
	return old == 'Y';
}

#define ONLY(v)		do { if (self->svm != (v)) SKIP(return, "SVM v" #v " only"); } while (0)

/* a exports size bytes full of value as key 0, and b has it open */
#define SHARE(size, value) do {						\
	ASSERT_EQ(0, A(do_malloc, 0, size));				\
	ASSERT_EQ(0, A(do_fill, 0, value));				\
	ASSERT_EQ(0, A(do_export_any, 0, KEY(0, size)));		\
	ASSERT_EQ(0, B(do_import, 0, 0));				\
	ASSERT_EQ(value, B(do_read, 0, 0));				\
} while (0)

/* Bring the next pid to want; only a kernel built for it lets us. */
static inline bool next_pid(pid_t want)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", want - 1);
	return !sim_write("/proc/sys/kernel/ns_last_pid", text);
}

#endif /* _SIM_FIXTURE_H */

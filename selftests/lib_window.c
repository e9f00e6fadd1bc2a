// SPDX-License-Identifier: GPL-2.0
/*
 * The time between the exporter's close and the real destroy, and what ends a
 * key without a close: a free, a device reset.  Addresses are reused last in,
 * first out, and work that is pending must not hit their next user.
 */
#include "lib_test.h"

#define REFUSED	ACL_ERROR_RT_INVALID_HANDLE
#define TIMEOUT	ACL_ERROR_RT_TIMEOUT

LIB_FIXTURE(window)

static long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* slot 2 is the second half of slot 0 */
static long do_halve(struct peer_state *s, long a, long b)
{
	s->slot[2] = (char *)s->slot[0] + MIB;
	return 0;
}

TEST_F(window, import_after_close)
{
	long opens;

	SHARE(1, BIG, 7);
	ASSERT_EQ(0, lib_start(&self->p[2], self->board));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	opens = sim_counted("open");
	/* neither one who has it nor a newcomer, nor the exporter itself */
	EXPECT_EQ(REFUSED, P(1, do_import, 1, 0));
	EXPECT_EQ(REFUSED, P(2, do_import, 1, 0));
	EXPECT_EQ(REFUSED, P(0, do_import, 1, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	DRAINED();
	EXPECT_NE(0, P(2, do_import, 1, 0));
	/* the driver was asked by nobody but the last, who may be */
	EXPECT_EQ(opens, sim_counted("open"));
	EXPECT_EQ(7, P(0, do_read, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
}

TEST_F(window, import_after_free_without_close)
{
	SHARE(1, BIG, 7);
	ASSERT_EQ(0, lib_start(&self->p[2], self->board));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(REFUSED, P(1, do_import, 1, 0));
	EXPECT_EQ(REFUSED, P(2, do_import, 1, 0));
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	DRAINED();
	EXPECT_NE(0, P(2, do_import, 1, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_NE(0, P(2, do_import, 1, 0));
}

/* While the destroy is tried again and again nothing is counted any more. */
TEST_F(window, import_while_the_destroy_fails)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(0, do_fail, FAIL_DESTROY,
		       FAIL(-1, DRV_ERROR_IOCRL_FAIL)));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(REFUSED, P(1, do_import, 1, 0));
	poll(NULL, 0, 50);
	EXPECT_EQ(REFUSED, P(1, do_import, 1, 0));
	EXPECT_EQ(0, P(0, do_fail, FAIL_DESTROY, FAIL(0, 0)));
	DRAINED();
	EXPECT_EQ(1, DESTROYS());
}

TEST_F(window, export_again_while_the_destroy_is_pending)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	/* bounded: the importer stays */
	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_DEFER, 100));
	EXPECT_EQ(TIMEOUT, P(0, do_export_any, 0, KEY(1, BIG)));
	EXPECT_EQ(1, sim_counted("keys"));
	/* and when it leaves, the new key is made */
	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_DEFER, LIB_BOUND_MS));
	ASSERT_EQ(0, peer_send(&self->p[0], do_export_any, 0, KEY(1, BIG)));
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	ASSERT_EQ(0, peer_recv(&self->p[0]));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(0, P(1, do_import, 0, 1));
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 1, 0));
	EXPECT_EQ(0, P(0, do_close, 1, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
}

TEST_F(window, export_of_memory_whose_free_is_pending)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(TIMEOUT, P(0, do_export_any, 0, KEY(1, BIG)));
	EXPECT_EQ(TIMEOUT, P(0, do_export_any, 0, KEY(1, MIB)));
	EXPECT_EQ(1, sim_counted("create"));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	DRAINED();
	EXPECT_EQ(1, FREES());
}

/* The next allocation has the same address, and nothing else of the last. */
static void reuse(struct __test_metadata *_metadata,
		  struct _test_data_window *self, long size)
{
	long address = 0, i;

	for (i = 0; i < 4; i++) {
		EXPORT(0, 0, i, size, 10 + i);
		if (i)
			EXPECT_EQ(address, P(0, do_address, 0, 0));
		address = P(0, do_address, 0, 0);
		ASSERT_EQ(0, P(1, do_import, 0, i));
		EXPECT_EQ(0, P(0, do_free, 0, 0));
		/* not while it is imported */
		ASSERT_EQ(0, P(0, do_malloc, 1, size));
		EXPECT_NE(address, P(0, do_address, 1, 0));
		EXPECT_EQ(0, P(0, do_fill, 1, 99));
		EXPECT_EQ(10 + i, P(1, do_read, 0, 0));
		EXPECT_EQ(0, P(0, do_free, 1, 0));
		EXPECT_EQ(0, P(1, do_close, i, 0));
		DRAINED();
	}
	/* the closes come when the address is another's */
	EXPORT(0, 0, 4, size, 55);
	EXPECT_EQ(address, P(0, do_address, 0, 0));
	ASSERT_EQ(0, P(1, do_import, 0, 4));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, P(0, do_close, i, 0));
		EXPECT_EQ(ACL_DRV, P(0, do_close, i, 0));
	}
	EXPECT_EQ(4, DESTROYS());
	EXPECT_EQ(55, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 4, 0));
	EXPECT_EQ(0, P(0, do_close, 4, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
}

TEST_F(window, address_is_reused)
{
	reuse(_metadata, self, BIG);
}

TEST_F(window, cached_address_is_reused)
{
	reuse(_metadata, self, SMALL);
}

/* An importer is given the address of what it closed for another key. */
TEST_F(window, import_address_is_reused)
{
	long address;

	SHARE(1, BIG, 7);
	EXPORT(0, 1, 1, BIG, 8);
	address = P(1, do_address, 0, 0);
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	ASSERT_EQ(0, P(1, do_import, 1, 1));
	EXPECT_EQ(address, P(1, do_address, 1, 0));
	/* a surplus close of the old key leaves the new import alone */
	EXPECT_EQ(ACL_DRV, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(0, P(0, do_close, 1, 0));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(8, P(1, do_read, 1, 0));
	EXPECT_EQ(0, P(1, do_close, 1, 0));
	DRAINED();
	EXPECT_EQ(2, DESTROYS());
}

/* Closed and opened again: what was pending is not done to the next user. */
static void reopen(struct __test_metadata *_metadata,
		   struct _test_data_window *self, long size)
{
	long address;

	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_DEFER, 100));
	SHARE(1, size, 7);
	address = P(0, do_address, 0, 0);
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(1, P(0, do_pending, 0, 0));
	/* the importer does not leave: cut off, as the driver does */
	EXPECT_EQ(0, P(0, do_reset, 0, 0));
	EXPECT_EQ(0, P(0, do_pending, 0, 0));
	EXPECT_EQ(0, P(0, do_pending, 1, 0));
	sim_reset_ledger();
	ASSERT_EQ(0, P(0, do_device, 0, 0));
	ASSERT_EQ(0, P(0, do_malloc, 1, size));
	/* the runtime has an allocation of its own */
	if (P(0, do_address, 1, 0) != address)
		ASSERT_EQ(0, P(0, do_malloc, 1, size));
	ASSERT_EQ(0, P(0, do_fill, 1, 9));
	ASSERT_EQ(0, P(0, do_export_any, 1, KEY(1, size)));
	/* the old import's close: its last, and no event of another key's */
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	ASSERT_EQ(0, P(1, do_import, 1, 1));
	poll(NULL, 0, 100);
	EXPECT_EQ(9, P(0, do_read, 1, 0));
	EXPECT_EQ(9, P(1, do_read, 1, 0));
	EXPECT_EQ(0, DESTROYS());
	EXPECT_EQ(0, FREES());
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 1, 0));
	EXPECT_EQ(0, P(0, do_free, 1, 0));
	EXPECT_EQ(0, P(1, do_close, 1, 0));
	DRAINED();
}

TEST_F(window, reopened_device)
{
	reopen(_metadata, self, BIG);
}

TEST_F(window, reopened_device_with_cached_memory)
{
	reopen(_metadata, self, SMALL);
}

TEST_F(window, reset_runs_what_is_drained)
{
	SHARE(1, BIG, 7);
	/* tried too early, then put off for long enough to be still there */
	EXPECT_EQ(0, P(0, do_fail, FAIL_FREE, FAIL(1, DRV_ERROR_BUSY)));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_reset, 0, 0));
	EXPECT_EQ(0, P(0, do_pending, 0, 0));
	EXPECT_EQ(1, DESTROYS());
}

TEST_F(window, reset_before_close)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_reset, 0, 0));
	EXPECT_NE(0, P(1, do_import, 0, 0));
	ASSERT_EQ(0, P(0, do_device, 0, 0));
	/* the reset took the key: one close more is one too many */
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
}

TEST_F(window, reset_with_an_importer_that_stays)
{
	long start;

	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_DEFER, 300));
	SHARE(1, BIG, 7);
	start = now();
	EXPECT_EQ(0, P(0, do_reset, 0, 0));
	EXPECT_LE(300, now() - start);
	/* cut off and told; its close is counted all the same, once */
	EXPECT_EQ(REFUSED, P(1, do_import, 1, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(1, do_close, 0, 0));
	sim_reset_ledger();
}

/* b ranks; slot 1 + n is rank n's */
static long do_import_ranks(struct peer_state *s, long a, long b)
{
	long i, ret;

	for (i = 0; i < b; i++) {
		if (i == a)
			continue;
		ret = aclrtIpcMemImportByKey(&s->slot[1 + i], s->board->key[i],
					     0);
		if (ret || do_read(s, 1 + i, 0) != 10 + i)
			return 1000 + i;
	}
	return 0;
}

/* all its imports, then its own */
static long do_close_ranks(struct peer_state *s, long a, long b)
{
	long i, ret = aclrtIpcMemClose(s->board->key[a]);

	for (i = 0; i < b && !ret; i++)
		if (i != a)
			ret = aclrtIpcMemClose(s->board->key[i]);
	return ret;
}

/* All to all, and all resets at once: nobody waits until the time is over. */
static void all_reset(struct __test_metadata *_metadata,
		      struct _test_data_window *self, int ranks, bool half)
{
	long start;
	int i;

	for (i = 0; i < ranks; i++) {
		if (i > 1)
			ASSERT_EQ(0, lib_start(&self->p[i], self->board));
		ASSERT_EQ(0, P(i, do_policy, ACLIPC_POLICY_DEFER, 60000));
	}
	for (i = 0; i < ranks; i++)
		ASSERT_EQ(0, P(i, do_export_rank, i, BIG));
	for (i = 0; i < ranks; i++)
		ASSERT_EQ(0, P(i, do_import_ranks, i, ranks));
	start = now();
	for (i = 0; i < ranks; i++)
		ASSERT_EQ(0, peer_send(&self->p[i], half && i % 2 ?
				       do_close_ranks : do_reset,
				       half && i % 2 ? i : 0,
				       half && i % 2 ? ranks : 0));
	for (i = 0; i < ranks; i++)
		EXPECT_EQ(0, peer_recv(&self->p[i]));
	EXPECT_GT(50000, now() - start);
	for (i = 0; i < ranks; i++)
		EXPECT_TRUE(lib_until(!P(i, do_pending, 0, 0)));
	/* late closes, after a reset, close nothing and do no harm */
	for (i = 0; i < ranks; i++) {
		if (half && i % 2)
			continue;
		ASSERT_EQ(0, P(i, do_device, 0, 0));
		EXPECT_EQ(0, P(i, do_close, (i + 1) % ranks, 0));
		EXPECT_NE(0, P(i, do_close, i, 0));
	}
}

TEST_F(window, four_ranks_reset_together)
{
	all_reset(_metadata, self, 4, false);
}

TEST_F(window, eight_ranks_reset_together)
{
	all_reset(_metadata, self, 8, false);
}

TEST_F(window, half_reset_half_close)
{
	all_reset(_metadata, self, 6, true);
}

TEST_F(window, two_devices_of_an_exporter)
{
	SHARE(1, BIG, 7);
	ASSERT_EQ(0, P(0, do_device, 1, 0));
	EXPORT(0, 1, 1, BIG, 8);
	IMPORT(1, 1, 1, 8);
	/* on both, work is pending; the reset of one waits for its own */
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 1, 0));
	EXPECT_EQ(2, P(0, do_pending, 0, 0));
	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_DEFER, LIB_BOUND_MS));
	ASSERT_EQ(0, peer_send(&self->p[0], do_reset, 0, 0));
	poll(NULL, 0, 50);
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, peer_recv(&self->p[0]));
	/* the other device has not been touched */
	EXPECT_EQ(1, P(0, do_pending, 0, 0));
	EXPECT_EQ(ALLOCATED(BIG), P(0, do_pending, 1, 0));
	EXPECT_EQ(8, P(1, do_read, 1, 0));
	EXPECT_EQ(0, P(1, do_close, 1, 0));
	DRAINED();
	EXPECT_EQ(2, DESTROYS());
}

TEST_F(window, two_devices_of_an_importer)
{
	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_REFUSE, 0));
	SHARE(1, BIG, 7);
	EXPORT(0, 1, 1, BIG, 8);
	ASSERT_EQ(0, P(1, do_device, 1, 0));
	IMPORT(1, 1, 1, 8);
	/* one import goes with its device, the other stays */
	EXPECT_EQ(0, P(1, do_reset, 1, 0));
	EXPECT_EQ(0, P(0, do_close, 1, 0));
	EXPECT_EQ(TIMEOUT, P(0, do_close, 0, 0));
	ASSERT_EQ(0, P(1, do_device, 0, 0));
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(2, DESTROYS());
	/* what the reset closed may be closed once */
	EXPECT_EQ(0, P(1, do_close, 1, 0));
	EXPECT_EQ(ACL_DRV, P(1, do_close, 1, 0));
}

/* Two keys for the halves of one allocation; 1 imports both. */
#define SHARE_HALVES() do {						\
	ASSERT_EQ(0, P(0, do_malloc, 0, BIG));				\
	ASSERT_EQ(0, P(0, do_halve, 0, 0));				\
	ASSERT_EQ(0, P(0, do_fill, 0, 7));				\
	ASSERT_EQ(0, P(0, do_fill, 2, 8));				\
	ASSERT_EQ(0, P(0, do_export_any, 0, KEY(0, MIB)));		\
	if (P(0, do_export_any, 2, KEY(1, MIB)))			\
		SKIP(return, "this driver has no keys for parts");	\
	IMPORT(1, 0, 0, 7);						\
	IMPORT(1, 1, 1, 8);						\
} while (0)

TEST_F(window, free_of_two_exports)
{
	SHARE_HALVES();
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(2, P(0, do_pending, 0, 0));
	EXPECT_EQ(ALLOCATED(BIG), P(0, do_pending, 1, 0));
	EXPECT_EQ(REFUSED, P(1, do_import, 2, 0));
	EXPECT_EQ(REFUSED, P(1, do_import, 2, 1));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	poll(NULL, 0, 50);
	EXPECT_EQ(0, FREES());
	EXPECT_EQ(8, P(1, do_read, 1, 0));
	EXPECT_EQ(0, P(1, do_close, 1, 0));
	DRAINED();
	EXPECT_EQ(2, DESTROYS());
	EXPECT_EQ(1, FREES());
	/* both closes are due */
	EXPECT_EQ(0, P(0, do_close, 1, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
}

TEST_F(window, free_of_two_exports_is_refused_as_one)
{
	int i;

	SHARE_HALVES();
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, P(0, do_policy, i ? ACLIPC_POLICY_WAIT :
					     ACLIPC_POLICY_REFUSE, 50));
		EXPECT_NE(0, P(0, do_free, 0, 0));
		EXPECT_EQ(0, P(1, do_import, 2, 0));
		EXPECT_EQ(0, P(1, do_import, 3, 1));
		EXPECT_EQ(0, P(1, do_close, 0, 0));
		EXPECT_EQ(0, P(1, do_close, 1, 0));
	}
	/* one of them free is not enough, whichever it is */
	EXPECT_EQ(0, P(1, do_close, 1, 0));
	EXPECT_NE(0, P(0, do_free, 0, 0));
	EXPECT_EQ(0, P(1, do_import, 1, 1));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_NE(0, P(0, do_free, 0, 0));
	EXPECT_EQ(0, P(1, do_import, 0, 0));
	EXPECT_EQ(0, DESTROYS());
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 1, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(2, DESTROYS());
	EXPECT_EQ(1, FREES());
}

TEST_F(window, free_of_two_exports_one_destroy_fails)
{
	SHARE_HALVES();
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 1, 0));
	EXPECT_EQ(0, P(0, do_fail, FAIL_DESTROY,
		       FAIL(2, DRV_ERROR_IOCRL_FAIL)));
	EXPECT_EQ(ACL_DRV, P(0, do_free, 0, 0));
	EXPECT_EQ(0, FREES());
	EXPECT_EQ(1, DESTROYS());
	/* one is gone and one alive, and the memory is there */
	EXPECT_EQ(1, !P(1, do_import, 0, 0) + !P(1, do_import, 0, 1));
	EXPECT_EQ(1, !P(1, do_close, 0, 0) + !P(1, do_close, 1, 0));
	EXPECT_EQ(7, P(0, do_read, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(2, DESTROYS());
	EXPECT_EQ(1, FREES());
}

TEST_F(window, one_of_two_exports_closed_before)
{
	SHARE_HALVES();
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, P(0, do_pending, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_TRUE(lib_until(DESTROYS() == 1));
	/* the other is whole */
	EXPECT_EQ(0, P(1, do_import, 2, 1));
	EXPECT_EQ(8, P(1, do_read, 2, 0));
	EXPECT_EQ(0, P(1, do_close, 1, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(0, FREES());
	EXPECT_EQ(0, P(1, do_close, 1, 0));
	DRAINED();
	EXPECT_EQ(2, DESTROYS());
	EXPECT_EQ(1, FREES());
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 1, 0));
}

#ifdef LIB_HAL
/* It is the one that is meant. */
TEST_F(window, hal)
{
	void *hal = dlopen("libascend_hal.so", RTLD_LAZY | RTLD_NOLOAD);
	bool v2, open;

	ASSERT_NE(NULL, hal);
	v2 = dlsym(hal, "halShmemOpenHandleV2");
	open = dlsym(hal, "halDeviceOpen");
	EXPECT_EQ(!!strcmp(LIB_HAL, "no-v2"), v2);
	EXPECT_EQ(!!strcmp(LIB_HAL, "no-device-open"), open);
	EXPECT_EQ(!strcmp(LIB_HAL, "versioned"),
		  !!dlvsym(hal, "halMemFree", LIB_HAL_VERSION));
}
#endif

LIB_MAIN

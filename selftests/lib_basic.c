// SPDX-License-Identifier: GPL-2.0
/*
 * The main job, end to end: an exporter that closes and frees while others
 * import, under each policy, by each layer of calls.  lib_linked.c is the same
 * with the library linked instead of preloaded.
 */
#include "lib_test.h"

LIB_FIXTURE(lib)

FIXTURE_VARIANT(lib)
{
	int importers;
};

FIXTURE_VARIANT_ADD(lib, one) { .importers = 1 };
FIXTURE_VARIANT_ADD(lib, two) { .importers = 2 };
FIXTURE_VARIANT_ADD(lib, sixteen) { .importers = 16 };

/* Close key 0 in all importers; before the last one nothing may happen. */
#define CLOSE_ALL() do {						\
	for (int i_ = 1; i_ <= variant->importers; i_++) {		\
		EXPECT_EQ(0, DESTROYS());				\
		EXPECT_EQ(0, FREES());					\
		EXPECT_EQ(7, P(i_, do_read, 0, 4095));			\
		EXPECT_EQ(0, P(i_, do_close, 0, 0));			\
	}								\
} while (0)

TEST_F(lib, importers_close_first)
{
	SHARE(variant->importers, BIG, 7);
	CLOSE_ALL();
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(1, FREES());
	EXPECT_EQ(0, P(0, do_pending, 0, 0));
}

TEST_F(lib, exporter_closes_first_defer)
{
	SHARE(variant->importers, BIG, 7);
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(1, P(0, do_pending, 0, 0));
	EXPECT_EQ(ALLOCATED(BIG), P(0, do_pending, 1, 0));
	/* no new import, not even by one who has it open already */
	EXPECT_EQ(ACL_ERROR_RT_INVALID_HANDLE, P(1, do_import, 1, 0));
	CLOSE_ALL();
	DRAINED();
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(1, FREES());
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
}

TEST_F(lib, small_memory_is_not_recycled)
{
	SHARE(variant->importers, SMALL, 7);
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	/* the next allocation of this size would be the same memory */
	ASSERT_EQ(0, P(0, do_malloc, 1, SMALL));
	EXPECT_EQ(0, P(0, do_fill, 1, 9));
	CLOSE_ALL();
	DRAINED();
}

TEST_F(lib, free_before_close)
{
	SHARE(variant->importers, BIG, 7);
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_NE(0, P(0, do_free, 0, 0));
	CLOSE_ALL();
	DRAINED();
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(1, FREES());
	/* the late close succeeds, once */
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
}

TEST_F(lib, refuse)
{
	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_REFUSE, 0));
	SHARE(variant->importers, BIG, 7);
	EXPECT_EQ(ACL_ERROR_RT_TIMEOUT, P(0, do_close, 0, 0));
	EXPECT_NE(0, P(0, do_free, 0, 0));
	/* nothing has changed: another import is welcome */
	EXPECT_EQ(0, P(1, do_import, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	CLOSE_ALL();
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(1, FREES());
}

TEST_F(lib, wait)
{
	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_WAIT, LIB_BOUND_MS));
	SHARE(variant->importers, BIG, 7);
	ASSERT_EQ(0, peer_send(&self->p[0], do_close, 0, 0));
	CLOSE_ALL();
	EXPECT_EQ(0, peer_recv(&self->p[0]));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(0, P(0, do_free, 0, 0));
}

TEST_F(lib, wait_is_bounded)
{
	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_WAIT, 100));
	SHARE(variant->importers, BIG, 7);
	EXPECT_EQ(ACL_ERROR_RT_TIMEOUT, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(1, do_import, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	CLOSE_ALL();
	EXPECT_EQ(0, P(0, do_close, 0, 0));
}

TEST_F(lib, importer_killed)
{
	int i;

	SHARE(variant->importers, BIG, 7);
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	for (i = 1; i <= variant->importers; i++)
		peer_kill(&self->p[i]);
	DRAINED();
	EXPECT_EQ(1, FREES());
}

/* Two processes are enough for the rest. */
LIB_FIXTURE(pair)

TEST_F(pair, self_import)
{
	SHARE(0, BIG, 7);
	ASSERT_EQ(0, P(0, do_import, 1, 0));
	EXPECT_EQ(7, P(0, do_read, 1, 0));
	/* the first close drops the own import, the second the key */
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, DESTROYS());
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
}

TEST_F(pair, self_import_does_not_hinder_the_free)
{
	SHARE(0, BIG, 7);
	ASSERT_EQ(0, P(0, do_import, 1, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	ASSERT_EQ(0, P(0, do_import, 1, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(1, FREES());
}

TEST_F(pair, n_imports_need_n_closes)
{
	int i;

	SHARE(1, BIG, 7);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, P(1, do_import, i + 1, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(1, P(0, do_pending, 0, 0));
		EXPECT_EQ(0, P(1, do_close, 0, 0));
	}
	DRAINED();
	EXPECT_EQ(1, DESTROYS());
	/* one more is an error, and destroys nothing */
	EXPECT_EQ(ACL_DRV, P(1, do_close, 0, 0));
}

TEST_F(pair, surplus_close_destroys_nothing)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(1, do_close, 0, 0));
	EXPECT_EQ(0, DESTROYS());
	EXPECT_EQ(0, sim_counted("destroy_refused"));
	EXPECT_EQ(0, P(1, do_import, 0, 0));
	EXPECT_EQ(7, P(1, do_read, 0, 0));
}

TEST_F(pair, imported_memory_is_not_freed)
{
	SHARE(1, BIG, 7);
	EXPECT_NE(0, P(1, do_free, 0, 0));
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	/* as the official samples do; whatever it answers */
	P(1, do_free, 0, 0);
	EXPECT_EQ(7, P(0, do_read, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
}

TEST_F(pair, whitelist)
{
	long pid = P(1, do_bare_tgid, 0, 0);

	ASSERT_EQ(0, P(0, do_malloc, 0, BIG));
	ASSERT_EQ(0, P(0, do_export, 0, KEY(0, BIG)));
	EXPECT_EQ(ACL_ERROR_RT_NO_PERMISSION, P(1, do_import, 0, 0));
	EXPECT_EQ(0, P(0, do_set_pid, 0, pid));
	EXPECT_EQ(0, P(1, do_import, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_NE(0, P(1, do_import, 0, 0));
}

static long rt_export(struct peer_state *s, long a, long b)
{
	int ret = rtIpcSetMemoryName(s->slot[a], b >> 8,
				     s->board->key[b & 0xff], 65);
	int32_t pid = s->board->key[1][0] ? atoi(s->board->key[1]) : 0;

	return ret ? ret : rtSetIpcMemPid(s->board->key[b & 0xff], &pid, 1);
}

static long rt_import(struct peer_state *s, long a, long b)
{
	return rtIpcOpenMemory(&s->slot[a], s->board->key[b]);
}

static long rt_close(struct peer_state *s, long a, long b)
{
	(void)b;
	return rtIpcCloseMemory(s->slot[a]);
}

static long rt_destroy(struct peer_state *s, long a, long b)
{
	(void)b;
	return rtIpcDestroyMemoryName(s->board->key[a]);
}

TEST_F(pair, by_rt_calls)
{
	snprintf(self->board->key[1], 32, "%ld", P(1, do_bare_tgid, 0, 0));
	ASSERT_EQ(0, P(0, do_malloc, 0, BIG));
	ASSERT_EQ(0, P(0, do_fill, 0, 5));
	ASSERT_EQ(0, P(0, rt_export, 0, KEY(0, BIG)));
	ASSERT_EQ(0, P(1, rt_import, 0, 0));
	EXPECT_EQ(0, P(0, rt_destroy, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(0, DESTROYS());
	EXPECT_EQ(5, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, rt_close, 0, 0));
	DRAINED();
	EXPECT_EQ(1, FREES());
}

TEST_F(pair, exporter_killed)
{
	SHARE(1, BIG, 7);
	peer_kill(&self->p[0]);
	/* the memory went with its owner, as it does; the close succeeds */
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(1, do_close, 0, 0));
	EXPECT_NE(0, P(1, do_import, 0, 0));
	sim_reset_ledger();
}

TEST_F(pair, reset_of_the_importer_is_a_close)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(0, P(1, do_reset, 0, 0));
	DRAINED();
	EXPECT_EQ(1, FREES());
	/* and the late close of what the reset closed is none of CANN's */
	ASSERT_EQ(0, P(1, do_device, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
}

TEST_F(pair, reset_of_the_exporter_waits)
{
	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_DEFER, LIB_BOUND_MS));
	SHARE(1, BIG, 7);
	ASSERT_EQ(0, peer_send(&self->p[0], do_reset, 0, 0));
	poll(NULL, 0, 100);
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, peer_recv(&self->p[0]));
}

TEST_F(pair, both_reset_together)
{
	/* each exports and imports; neither waits for the other */
	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_DEFER, LIB_BOUND_MS));
	ASSERT_EQ(0, P(1, do_policy, ACLIPC_POLICY_DEFER, LIB_BOUND_MS));
	SHARE(1, BIG, 7);
	ASSERT_EQ(0, P(1, do_malloc, 1, BIG));
	ASSERT_EQ(0, P(1, do_export_any, 1, KEY(1, BIG)));
	ASSERT_EQ(0, P(0, do_import, 1, 1));
	ASSERT_EQ(0, peer_send(&self->p[0], do_reset, 0, 0));
	ASSERT_EQ(0, peer_send(&self->p[1], do_reset, 0, 0));
	EXPECT_EQ(0, peer_recv(&self->p[0]));
	EXPECT_EQ(0, peer_recv(&self->p[1]));
}

TEST_F(pair, failing_destroy_is_tried_again)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(0, do_fail, FAIL_DESTROY, FAIL(1, 13)));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	DRAINED();
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(1, FREES());
}

static long set_attr(struct peer_state *s, long a, long b)
{
	return aclrtIpcMemSetAttr(s->board->key[a],
				  ACL_RT_IPC_MEM_ATTR_ACCESS_LINK, b);
}

TEST_F(pair, second_close_after_set_attr)
{
	ONLY(3);
	SHARE(0, BIG, 7);
	ASSERT_EQ(0, P(0, set_attr, 0,
		       ACL_RT_IPC_MEM_ATTR_ACCESS_LINK_UB_ONE_PORT_PATH));
	/* the runtime takes the first one for done: it is made good */
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(0, P(0, do_free, 0, 0));
}

static long fill_up(struct peer_state *s, long a, long b)
{
	long n = 0;
	void *dev;

	(void)s;
	(void)b;
	while (n < a && !aclrtMalloc(&dev, BIG, ACL_MEM_MALLOC_HUGE_FIRST))
		n++;
	return n;
}

TEST_F(pair, out_of_memory_waits_for_pending_frees)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_LT(0, P(0, fill_up, 100000, 0));
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	ASSERT_EQ(0, peer_send(&self->p[0], fill_up, 1, 0));
	poll(NULL, 0, 100);
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(1, peer_recv(&self->p[0]));
}

static long map_by_hand(struct peer_state *s, long a, long b)
{
	struct drv_mem_prop prop = { 0 };
	drv_mem_handle_t *handle;

	return halMemAddressReserve(&s->slot[a], b, 0, NULL, 0) ||
	       halMemCreate(&handle, b, &prop, 0) ||
	       halMemMap(s->slot[a], b, 0, handle, 0);
}

static long unmap(struct peer_state *s, long a, long b)
{
	(void)b;
	return halMemUnmap(s->slot[a]);
}

TEST_F(pair, mapped_by_hand_is_never_deferred)
{
	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_DEFER, 100));
	ASSERT_EQ(0, P(0, map_by_hand, 0, BIG));
	if (P(0, do_export_any, 0, KEY(0, BIG)))
		SKIP(return, "no export of mapped memory");
	ASSERT_EQ(0, P(1, do_import, 0, 0));
	EXPECT_EQ(ACL_ERROR_RT_TIMEOUT, P(0, do_close, 0, 0));
	EXPECT_EQ(DRV_ERROR_WAIT_TIMEOUT, P(0, unmap, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(0, unmap, 0, 0));
	EXPECT_EQ(1, DESTROYS());
}

TEST_F(pair, failing_reset_changes_nothing)
{
	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_DEFER, 200));
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(0, do_fail, FAIL_DEVCLOSE, FAIL(1, 13)));
	P(0, do_reset, 0, 0);
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_import, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	ASSERT_EQ(0, P(0, do_device, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
}

TEST_F(pair, reopened_device_with_work_pending)
{
	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_DEFER, 100));
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	/* bounded: the importer does not leave, and is told */
	EXPECT_EQ(0, P(0, do_reset, 0, 0));
	EXPECT_EQ(0, P(0, do_pending, 0, 0));
	sim_reset_ledger();
	/* the address may be somebody else's now: no free comes late */
	ASSERT_EQ(0, P(0, do_device, 0, 0));
	ASSERT_EQ(0, P(0, do_malloc, 1, BIG));
	ASSERT_EQ(0, P(0, do_fill, 1, 9));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	poll(NULL, 0, 100);
	EXPECT_EQ(9, P(0, do_read, 1, 0));
}

TEST_F(pair, failing_open_counts_nothing)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(1, do_fail, FAIL_OPEN, FAIL(1, 13)));
	EXPECT_EQ(ACL_DRV, P(1, do_import, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, DESTROYS());
}

LIB_MAIN

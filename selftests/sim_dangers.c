// SPDX-License-Identifier: GPL-2.0
/*
 * Every danger that the stand-in driver plays, proved without aclipc: should
 * one of these stop failing, the tests of aclipc prove nothing any more.
 */
#include "sim_fixture.h"

TEST_F(sim, importer_reads_what_the_exporter_wrote)
{
	SHARE(SMALL, 0x5a);
	ASSERT_EQ(0, A(do_fill, 0, 0x17));
	EXPECT_EQ(0x17, B(do_read, 0, 4095));
	ASSERT_EQ(0, B(do_fill, 0, 0x71));
	EXPECT_EQ(0x71, A(do_read, 0, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_EQ(FAULT, B(do_read, 0, 0));
	EXPECT_EQ(0, A(do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, B(do_import, 0, 0));
	EXPECT_EQ(0, sim_violation("total"));
	EXPECT_EQ(1, sim_counted("fault"));
}

TEST_F(sim, early_close_cuts_the_importer_off_on_v2)
{
	ONLY(2);
	SHARE(SMALL, 0x5a);
	ASSERT_EQ(0, A(do_close, 0, 0));
	EXPECT_EQ(FAULT, B(do_read, 0, 0));
	EXPECT_EQ(-FAULT, B(do_fill, 0, 1));
	EXPECT_EQ(1, sim_violation("destroy_while_mapped"));
	EXPECT_EQ(1, sim_counted("cutoff"));
	/* the name is gone for others, and the importer can still close */
	EXPECT_EQ(ACL_DRV, C(do_import, 0, 0));
	EXPECT_EQ(ACL_ERROR_RT_INVALID_HANDLE, A(do_close, 0, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, A(do_close, 0, 0));
	EXPECT_EQ(2, sim_violation("double_destroy"));
}

TEST_F(sim, early_close_keeps_the_mapping_on_v3)
{
	ONLY(3);
	SHARE(SMALL, 0x5a);
	ASSERT_EQ(0, A(do_close, 0, 0));
	EXPECT_EQ(0x5a, B(do_read, 0, 0));
	EXPECT_EQ(1, sim_violation("destroy_while_mapped"));
	EXPECT_EQ(ACL_DRV, C(do_import, 0, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
}

TEST_F(sim, big_free_cuts_the_importer_off_on_v2)
{
	ONLY(2);
	SHARE(BIG, 0x5a);
	ASSERT_EQ(0, A(do_free, 0, 0));
	EXPECT_EQ(FAULT, B(do_read, 0, 0));
	EXPECT_EQ(1, sim_violation("free_while_mapped"));
	/* the name still exists, and can be imported no more */
	EXPECT_EQ(ACL_DRV, C(do_import, 0, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_EQ(0, A(do_close, 0, 0));
}

TEST_F(sim, big_free_is_deferred_and_redone_on_v3)
{
	long pages;

	ONLY(3);
	SHARE(BIG, 0x5a);
	pages = sim_counted("pages");
	ASSERT_EQ(0, A(do_free, 0, 0));
	EXPECT_EQ(1, sim_counted("free_deferred"));
	EXPECT_EQ(pages, sim_counted("pages"));
	EXPECT_EQ(0x5a, B(do_read, 0, 0));
	EXPECT_EQ(ACL_DRV, C(do_import, 0, 0));
	ASSERT_EQ(0, B(do_close, 0, 0));
	EXPECT_LE(0, sim_wait_count("pages", pages - BIG / 4096, 5000));
	EXPECT_EQ(1, sim_counted("event"));
	EXPECT_EQ(0, sim_violation("total"));
}

TEST_F(sim, small_free_hands_the_importer_another_tensors_bytes)
{
	long addr;

	SHARE(SMALL, 0x5a);
	addr = A(do_address, 0, 0);
	ASSERT_EQ(0, A(do_free, 0, 0));
	EXPECT_EQ(0x5a, B(do_read, 0, 0));
	EXPECT_EQ(0, sim_violation("total"));

	ASSERT_EQ(0, A(do_malloc, 1, SMALL));
	EXPECT_EQ(addr, A(do_address, 1, 0));
	ASSERT_EQ(0, A(do_fill, 1, 0xee));
	EXPECT_EQ(0xee, B(do_read, 0, 0));
	/* and the other way round: the stale importer writes into it */
	ASSERT_EQ(0, B(do_fill, 0, 0x66));
	EXPECT_EQ(0x66, A(do_read, 1, 0));
	EXPECT_EQ(1, sim_violation("recycled_while_mapped"));
	EXPECT_EQ(0, sim_counted("free"));
}

TEST_F(sim, surplus_close_becomes_destroy)
{
	long denied = self->svm == 2 ? ACL_DRV : ACL_ERROR_RT_NO_PERMISSION;

	SHARE(SMALL, 1);
	EXPECT_EQ(0, B(do_close, 0, 0));
	/* an importer's is stopped by the owner check alone */
	EXPECT_EQ(denied, B(do_close, 0, 0));
	EXPECT_EQ(1, sim_counted("destroy_refused"));
	EXPECT_EQ(0, C(do_import, 0, 0));

	/* the exporter's own: the first ends its import, the next destroys */
	EXPECT_EQ(0, A(do_import, 1, 0));
	EXPECT_EQ(0, A(do_close, 0, 0));
	EXPECT_EQ(1, C(do_read, 0, 0));
	EXPECT_EQ(0, A(do_close, 0, 0));
	EXPECT_EQ(1, sim_violation("destroy_while_mapped"));
}

TEST_F(sim, same_key_again_is_one_address_on_v2)
{
	ONLY(2);
	SHARE(SMALL, 7);
	ASSERT_EQ(0, B(do_import, 1, 0));
	ASSERT_EQ(0, B(do_import, 2, 0));
	EXPECT_EQ(B(do_address, 0, 0), B(do_address, 1, 0));
	EXPECT_EQ(B(do_address, 0, 0), B(do_address, 2, 0));
	EXPECT_EQ(1, sim_counted("open"));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_EQ(7, B(do_read, 0, 0));
	EXPECT_EQ(0, sim_counted("close"));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_EQ(1, sim_counted("close"));
}

TEST_F(sim, import_after_destroy_hands_out_the_old_address_on_v2)
{
	ONLY(2);
	SHARE(SMALL, 7);
	ASSERT_EQ(0, A(do_close, 0, 0));
	EXPECT_EQ(0, B(do_import, 1, 0));
	EXPECT_EQ(B(do_address, 0, 0), B(do_address, 1, 0));
	EXPECT_EQ(FAULT, B(do_read, 1, 0));
}

TEST_F(sim, same_key_again_is_another_address_on_v3)
{
	ONLY(3);
	SHARE(SMALL, 7);
	ASSERT_EQ(0, B(do_import, 1, 0));
	EXPECT_NE(B(do_address, 0, 0), B(do_address, 1, 0));
	EXPECT_EQ(2, sim_counted("open"));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_EQ(7, B(do_read, 1, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_EQ(FAULT, B(do_read, 1, 0));
}

TEST_F(sim, two_names_on_one_address_spoil_the_list_on_v2)
{
	ONLY(2);
	SHARE(BIG, 7);
	ASSERT_EQ(0, A(do_export_any, 0, KEY(1, BIG)));
	ASSERT_EQ(0, A(do_close, 1, 0));
	/* the shared page flag is clear: a free asks nobody */
	EXPECT_EQ(7, B(do_read, 0, 0));
	ASSERT_EQ(0, A(do_free, 0, 0));
	EXPECT_EQ(0, sim_counted("cutoff"));
	EXPECT_EQ(1, sim_violation("free_while_mapped"));
	EXPECT_EQ(FAULT, B(do_read, 0, 0));
	/* and the first name outlives its process, pointing at nobody */
	peer_kill(&self->a);
	EXPECT_LE(0, sim_wait_count("procs", 2, 5000));
	EXPECT_EQ(1, sim_violation("dangling_key"));
	EXPECT_EQ(1, sim_counted("keys"));
}

TEST_F(sim, exporter_killed_on_v2)
{
	ONLY(2);
	sim_set_param("teardown_min_ms", 400);
	sim_set_param("teardown_max_ms", 400);
	SHARE(SMALL, 0x5a);
	peer_kill(&self->a);
	/* memory at once, in the notifier; the name lives a little longer */
	EXPECT_EQ(1, sim_counted("exit"));
	EXPECT_EQ(1, sim_violation("exit_while_mapped"));
	EXPECT_EQ(1, sim_counted("keys"));
	EXPECT_EQ(FAULT, B(do_read, 0, 0));
	EXPECT_EQ(ACL_DRV, C(do_import, 0, 0));
	EXPECT_LE(100, sim_wait_count("procs", 2, 5000));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_EQ(0, sim_counted("keys"));
}

TEST_F(sim, exporter_killed_on_v3)
{
	long ms;

	ONLY(3);
	SHARE(SMALL, 0x5a);
	peer_kill(&self->a);
	EXPECT_EQ(0x5a, B(do_read, 0, 0));
	/* the pin holds the memory, but not for ever */
	ms = sim_wait_count("procs", 2, 20000);
	EXPECT_LE(1000, ms);
	EXPECT_EQ(1, sim_counted("exit_forced"));
	EXPECT_EQ(1, sim_violation("exit_while_mapped"));
	EXPECT_EQ(FAULT, B(do_read, 0, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
}

TEST_F(sim, dead_importers_mapping_lives_on)
{
	sim_set_param("teardown_min_ms", 500);
	sim_set_param("teardown_max_ms", 500);
	SHARE(BIG, 0x5a);
	peer_kill(&self->b);
	/* gone for everybody who asks, but not for the device */
	ASSERT_EQ(0, A(do_close, 0, 0));
	ASSERT_EQ(0, A(do_free, 0, 0));
	if (self->svm == 2) {
		/* the destroy passes the dead over, and the free takes it all */
		EXPECT_EQ(1, sim_violation("destroy_while_mapped"));
		EXPECT_EQ(1, sim_counted("spared"));
		EXPECT_EQ(0, sim_counted("cutoff"));
		EXPECT_EQ(1, sim_violation("free_while_mapped"));
	} else {
		/* also a dead one's pin holds */
		EXPECT_EQ(0, sim_violation("total"));
		EXPECT_EQ(1, sim_counted("free_deferred"));
	}
	EXPECT_EQ(0, sim_counted("teardown"));
	EXPECT_LE(100, sim_wait_count("procs", 2, 5000));
	EXPECT_EQ(1, sim_counted("teardown"));
}

TEST_F(sim, forked_child_postpones_the_teardown)
{
	pid_t child, parent = self->b.pid;
	int status;

	SHARE(SMALL, 0x5a);
	peer_kill(&self->b);
	EXPECT_LE(0, sim_wait_count("procs", 2, 5000));
	/* the same, with a child that holds the driver's descriptor */
	ASSERT_EQ(0, peer_start(&self->b, self->board));
	ASSERT_NE(parent, self->b.pid);
	child = fork();
	if (!child) {
		void *va;

		if (aclrtSetDevice(0) ||
		    aclrtIpcMemImportByKey(&va, self->board->key[0], 0))
			_exit(1);
		child = fork();
		if (!child) {
			usleep(700 * 1000);
			_exit(0);
		}
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status);
	/* a and c have one each, and so has the dead one */
	EXPECT_LE(300, sim_wait_count("procs", 2, 5000));
}

TEST_F(sim, reset_destroys_everything)
{
	long addr;

	SHARE(SMALL, 0x5a);
	addr = A(do_address, 0, 0);
	ASSERT_EQ(0, A(do_reset, 0, 0));
	EXPECT_EQ(1, sim_violation("free_while_mapped"));
	EXPECT_EQ(FAULT, B(do_read, 0, 0));
	EXPECT_EQ(ACL_DRV, C(do_import, 0, 0));
	EXPECT_EQ(ACL_ERROR_RT_CONTEXT_NULL, A(do_malloc, 0, SMALL));
	EXPECT_EQ(0, B(do_close, 0, 0));
	/* reopened, the device hands out the same addresses */
	ASSERT_EQ(0, A(do_device, 0, 0));
	ASSERT_EQ(0, A(do_malloc, 1, SMALL));
	EXPECT_EQ(addr, A(do_address, 1, 0));
}

TEST_F(sim, reset_leaves_the_runtimes_table_alone)
{
	SHARE(SMALL, 0x5a);
	ASSERT_EQ(0, B(do_reset, 0, 1));
	ASSERT_EQ(0, B(do_device, 0, 0));
	/* taken for an import still, which the driver does not know */
	EXPECT_EQ(ACL_DRV, B(do_close, 0, 0));
	EXPECT_EQ(0, sim_counted("destroy_refused"));
	EXPECT_EQ(0, A(do_close, 0, 0));
	EXPECT_EQ(0, sim_violation("total"));
}

static long do_in_child(struct peer_state *s, long a, long b)
{
	int status, code = 0;
	pid_t pid = fork();
	void *va;

	(void)a;
	if (!pid) {
		if (aclrtIpcMemImportByKey(&va, s->board->key[b], 0) != ACL_DRV)
			code |= 1;
		/* in the inherited table, so no destroy; and no close either */
		if (aclrtIpcMemClose(s->board->key[b]) != ACL_DRV)
			code |= 2;
		if (!aclrtFree(s->slot[1]))
			code |= 4;
		_exit(code);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(sim, forked_child_can_do_nothing)
{
	SHARE(SMALL, 0x5a);
	ASSERT_EQ(0, B(do_malloc, 1, SMALL));
	EXPECT_EQ(0, B(do_in_child, 0, 0));
	EXPECT_EQ(0x5a, B(do_read, 0, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_EQ(0, sim_violation("total"));
}

TEST_F(sim, memory_is_finite)
{
	long blocks = ascend_sim_mem_bytes() / BIG, i, freed = 0;

	for (i = 0; i < PEER_SLOTS && !A(do_malloc, i, 4 * MIB); i++)
		;
	if (i == PEER_SLOTS)
		SKIP(return, "device of %ld blocks is too big", blocks);
	EXPECT_EQ(ACL_ERROR_RT_MEMORY_ALLOCATION, A(do_malloc, i, 4 * MIB));
	while (i--)
		freed |= A(do_free, i, 0);
	EXPECT_EQ(0, freed);
	EXPECT_EQ(0, A(do_malloc, 0, 4 * MIB));
}

static long do_fill_cache(struct peer_state *s, long a, long b)
{
	static void *p[1024];
	long n, i;

	(void)s;
	(void)a;
	for (n = 0; n < 1024; n++)
		if (aclrtMalloc(&p[n], b, ACL_MEM_MALLOC_HUGE_FIRST))
			break;
	for (i = 0; i < n; i++)
		if (aclrtFree(p[i]))
			return -1;
	return n;
}

TEST_F(sim, out_of_memory_shrinks_the_cache)
{
	EXPECT_LT(0, A(do_fill_cache, 0, SMALL));
	EXPECT_EQ(0, sim_counted("free_heap"));
	EXPECT_EQ(0, A(do_malloc, 0, 8 * MIB));
	EXPECT_LT(0, sim_counted("free_heap"));
}

/* Both official samples: the flag that ends it is written before the close. */
TEST_F(sim, official_samples_race)
{
	ASSERT_EQ(0, A(do_malloc, 0, MIB));
	ASSERT_EQ(0, A(do_fill, 0, 123));
	ASSERT_EQ(0, A(do_export, 0, KEY(0, MIB)));
	ASSERT_EQ(0, A(do_set_pid, 0, B(do_bare_tgid, 0, 0)));
	ASSERT_EQ(0, B(do_import, 0, 0));
	/* the exporter wins the race, and both still end well */
	EXPECT_EQ(0, A(do_close, 0, 0));
	EXPECT_EQ(self->svm == 2 ? FAULT : 123, B(do_read, 0, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_NE(0, B(do_free, 0, 0));
	EXPECT_EQ(0, A(do_free, 0, 0));
	EXPECT_EQ(0, A(do_reset, 0, 1));
	EXPECT_EQ(0, B(do_reset, 0, 1));
	EXPECT_EQ(1, sim_violation("total"));
}

TEST_F(sim, double_free_is_seen)
{
	SHARE(SMALL, 1);
	EXPECT_NE(0, B(do_free, 0, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_NE(0, B(do_free, 0, 0));
	EXPECT_EQ(0, sim_violation("double_free"));
	EXPECT_EQ(0, A(do_malloc, 1, BIG));
	EXPECT_EQ(0, A(do_free, 1, 0));
	EXPECT_NE(0, A(do_free, 1, 0));
	EXPECT_EQ(0, A(do_free, 0, 0));
	EXPECT_NE(0, A(do_free, 0, 0));
	EXPECT_EQ(2, sim_violation("double_free"));
}

TEST_HARNESS_MAIN

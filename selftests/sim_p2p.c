// SPDX-License-Identifier: GPL-2.0
/*
 * The driver's kernel-side registrations: when their callback comes, how often,
 * what it holds up, and who may put.
 */
#include <pthread.h>
#include <sys/ioctl.h>

#include "ascend_sim.h"
#include "sim_fixture.h"

#define P2P_ENDED	(ASCEND_SIM_P2P_CALLS | 0x100)	/* not of the driver */

/* The registration calls, by a user inside the driver: see p2ptest.c there. */
static long p2p(unsigned int flags, long va, long len, long *id)
{
	struct ascend_sim_arg a = { .va = va, .len = len, .flags = flags };
	static int fds[] = { -1 };
	char path[32], target[64];
	long ret;
	int fd;

	/* the library's own descriptor, for the driver's idea of the caller */
	for (fd = 0; fds[0] < 0 && fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ret = readlink(path, target, sizeof(target) - 1);
		if (ret < 0)
			continue;
		target[ret] = '\0';
		if (!strcmp(target, ASCEND_SIM_DEV))
			fds[0] = fd;
	}
	if (id)
		a.id = *id;
	/* what PUT and CALLS say is how often the callback has ended, or begun */
	if (ioctl(fds[0], ASCEND_SIM_P2P_TEST, &a))
		ret = -errno;
	else
		ret = flags == P2P_ENDED ? (int)a.devid : a.pid;
	if (id)
		*id = a.id;
	return ret;
}

static long do_p2p_get(struct peer_state *s, long a, long b)
{
	long id = 0, ret;

	ret = p2p(ASCEND_SIM_P2P_GET | b, (long)s->slot[a], SMALL, &id);
	return ret < 0 ? ret : id;
}

static long do_p2p_put(struct peer_state *s, long a, long b)
{
	(void)s;
	(void)b;
	return p2p(ASCEND_SIM_P2P_PUT, 0, 0, &a);
}

static long do_p2p_calls(struct peer_state *s, long a, long b)
{
	(void)s;
	(void)b;
	return p2p(ASCEND_SIM_P2P_CALLS, 0, 0, &a);
}

TEST_F(sim, registration_is_told_once)
{
	long id, inside;

	ASSERT_EQ(0, A(do_malloc, 0, BIG));
	id = A(do_p2p_get, 0, 0);
	/* where a lock is held, that is not the place for it */
	inside = A(do_p2p_get, 0, sim_is_old() ? ASCEND_SIM_P2P_PUT_GRACE :
						 ASCEND_SIM_P2P_PUT_INSIDE);
	ASSERT_LT(0, id);
	ASSERT_LT(0, inside);
	/* an import is not for registering */
	ASSERT_EQ(0, A(do_export_any, 0, KEY(0, BIG)));
	ASSERT_EQ(0, B(do_import, 0, 0));
	EXPECT_EQ(self->svm == 2 ? -EOPNOTSUPP : -EINVAL, B(do_p2p_get, 0, 0));
	ASSERT_EQ(0, B(do_close, 0, 0));
	ASSERT_EQ(0, A(do_close, 0, 0));

	ASSERT_EQ(0, A(do_free, 0, 0));
	EXPECT_EQ(1, A(do_p2p_calls, id, 0));
	EXPECT_EQ(1, A(do_p2p_calls, inside, 0));
	EXPECT_LE(0, sim_wait_count("registrations", 1, BOUND_MS));
	/* after its callback anybody may put, once */
	EXPECT_LE(0, B(do_p2p_put, id, 0));
	EXPECT_EQ(0, sim_violation("total"));
	EXPECT_EQ(-EINVAL, B(do_p2p_put, id, 0));
	EXPECT_EQ(1, sim_violation("use_after_callback"));
	EXPECT_EQ(0, sim_counted("registrations"));
}

TEST_F(sim, put_from_elsewhere_is_the_drivers_use_after_free)
{
	long id;

	ASSERT_EQ(0, A(do_malloc, 0, SMALL));
	id = A(do_p2p_get, 0, 0);
	ASSERT_LT(0, id);
	EXPECT_LE(0, B(do_p2p_put, id, 0));
	EXPECT_EQ(1, sim_violation("put_wrong_context"));
	/* a cached free tells nobody */
	id = A(do_p2p_get, 0, 0);
	ASSERT_EQ(0, A(do_free, 0, 0));
	EXPECT_EQ(0, A(do_p2p_calls, id, 0));
	/* exit does */
	peer_kill(&self->a);
	EXPECT_LE(0, sim_wait_count("mems", 2, 5000));
	EXPECT_EQ(1, B(do_p2p_calls, id, 0));
	EXPECT_LE(0, B(do_p2p_put, id, 0));
	EXPECT_EQ(1, sim_violation("total"));
}

/* A callback that takes its time: where it runs, and what it holds up. */
TEST_F(sim, exit_waits_for_a_slow_callback)
{
	long id;

	SHARE(SMALL, 0x5a);
	id = A(do_p2p_get, 0, ASCEND_SIM_P2P_SLOW);
	ASSERT_LT(0, id);
	kill(self->a.pid, SIGKILL);
	while (!B(do_p2p_calls, id, 0))
		usleep(1000);
	/* told, and nothing is freed yet: time to leave */
	EXPECT_EQ(0x5a, B(do_read, 0, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
	peer_kill(&self->a);
	EXPECT_LE(0, sim_wait_count("mems", 2, 5000));
	EXPECT_LE(0, B(do_p2p_put, id, 0));
	EXPECT_EQ(0, sim_violation("total"));
}

TEST_F(sim, slow_callback_loses_a_deferred_free_on_v3)
{
	long id;

	ONLY(3);
	SHARE(BIG, 0x5a);
	id = A(do_p2p_get, 0, ASCEND_SIM_P2P_SLOW);
	ASSERT_LT(0, id);
	ASSERT_EQ(0, peer_send(&self->a, do_free, 0, 0));
	while (!B(do_p2p_calls, id, 0))
		usleep(1000);
	/* the last unpin's event finds no handle */
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_EQ(0, peer_recv(&self->a));
	EXPECT_LE(0, A(do_p2p_put, id, 0));
	EXPECT_EQ(1, sim_violation("lost_free"));
	EXPECT_LE(BIG / 4096, sim_counted("pages"));
}

static long do_munmap(struct peer_state *s, long a, long b)
{
	return munmap(s->slot[a], b);
}

/*
 * The driver gives up whoever unmaps a part of its range: all registrations are
 * told, also of what was not unmapped, and every call fails from then on.
 */
TEST_F(sim, unmapping_a_part_of_the_range_ends_it_all_on_v2)
{
	long id;

	ONLY(2);
	SHARE(SMALL, 0x5a);
	ASSERT_EQ(0, A(do_malloc, 1, SMALL));
	id = A(do_p2p_get, 0, 0);
	ASSERT_LT(0, id);
	EXPECT_EQ(0, A(do_munmap, 1, 4096));
	EXPECT_EQ(1, B(do_p2p_calls, id, 0));
	EXPECT_EQ(0x5a, B(do_read, 0, 0));
	EXPECT_NE(0, A(do_close, 0, 0));
	EXPECT_NE(0, A(do_malloc, 2, BIG));
	EXPECT_LE(0, B(do_p2p_put, id, 0));
	EXPECT_EQ(0, sim_violation("total"));
	/* what it has on the device stays until it has exited */
	peer_kill(&self->a);
	EXPECT_EQ(1, sim_violation("exit_while_mapped"));
}

/*
 * Who is about to lose its registrations is hidden first.  A put in between
 * does not find it, and frees what is listed; the walk comes to that.
 */
TEST_F(sim, put_between_hiding_and_walking_frees_what_is_listed)
{
	peer_fn hide = self->svm == 2 ? do_munmap : do_reset;
	long id;

	sim_set_param("hide_ms", 2000);
	ASSERT_EQ(0, A(do_malloc, 0, SMALL));
	id = A(do_p2p_get, 0, 0);
	ASSERT_LT(0, id);
	ASSERT_EQ(0, peer_send(&self->a, hide, 0, self->svm == 2 ? SMALL : 1));
	while (!sim_counted("hidden"))
		usleep(1000);
	EXPECT_LE(0, B(do_p2p_put, id, 0));
	EXPECT_EQ(0, peer_recv(&self->a));
	EXPECT_EQ(0, B(do_p2p_calls, id, 0));
	EXPECT_EQ(1, sim_violation("freed_while_listed"));
	EXPECT_EQ(1, sim_violation("used_after_free"));
	EXPECT_EQ(0, sim_counted("registrations"));
}

/* The other age of v2: a put in work that the callback queued is too early. */
TEST_F(sim, put_right_after_the_callback)
{
	long id;

	ASSERT_EQ(0, A(do_malloc, 0, SMALL));
	sim_set_param("tail_us", 200000);
	id = A(do_p2p_get, 0, ASCEND_SIM_P2P_PUT_WORK);
	ASSERT_LT(0, id);
	peer_kill(&self->a);
	EXPECT_LE(0, sim_wait_count("registrations", 0, BOUND_MS));
	EXPECT_LE(0, sim_wait_count("procs", 2, BOUND_MS));
	EXPECT_EQ(sim_is_old(), sim_violation("used_after_free"));
	EXPECT_EQ(sim_is_old(), sim_violation("total"));
}

/* And one that waited for a grace period of tasks is not, in no age. */
TEST_F(sim, put_after_a_grace_period)
{
	long id;

	ASSERT_EQ(0, A(do_malloc, 0, SMALL));
	sim_set_param("tail_us", 200000);
	id = A(do_p2p_get, 0, ASCEND_SIM_P2P_PUT_GRACE);
	ASSERT_LT(0, id);
	peer_kill(&self->a);
	EXPECT_LE(0, sim_wait_count("registrations", 0, BOUND_MS));
	EXPECT_LE(0, sim_wait_count("procs", 2, BOUND_MS));
	EXPECT_EQ(0, sim_violation("total"));
}

static void *free_slot(void *addr)
{
	return (void *)(long)aclrtFree(addr);
}

/* Another registration while a callback runs: how often that has ended then. */
static long do_get_meanwhile(struct peer_state *s, long a, long b)
{
	pthread_t thread;
	long id, ended;

	if (pthread_create(&thread, NULL, free_slot, s->slot[0]))
		return -EAGAIN;
	while (!p2p(ASCEND_SIM_P2P_CALLS, 0, 0, &b))
		usleep(1000);
	id = do_p2p_get(s, a, 0);
	ended = p2p(P2P_ENDED, 0, 0, &b);
	pthread_join(thread, NULL);
	p2p(ASCEND_SIM_P2P_PUT, 0, 0, &id);
	p2p(ASCEND_SIM_P2P_PUT, 0, 0, &b);
	return id < 0 ? id : ended;
}

TEST_F(sim, callback_of_the_old_age_holds_up_other_registrations)
{
	long id;

	ONLY(2);
	ASSERT_EQ(0, A(do_malloc, 0, BIG));
	ASSERT_EQ(0, A(do_malloc, 1, SMALL));
	id = A(do_p2p_get, 0, ASCEND_SIM_P2P_SLOW);
	ASSERT_LT(0, id);
	EXPECT_EQ(sim_is_old(), A(do_get_meanwhile, 1, id));
	EXPECT_EQ(0, sim_violation("total"));
}

static long do_repair(struct peer_state *s, long a, long b)
{
	struct MemRepairInPara in = {
		.count = 1,
		.repairAddrs = { { (uintptr_t)s->slot[a], b } },
	};

	return halMemCtl(CTRL_TYPE_MEM_REPAIR, &in, sizeof(in), NULL, NULL);
}

/* A callback is no proof of a free: the memory is there as before. */
TEST_F(sim, repair_calls_back_and_frees_nothing_on_v3)
{
	long id, again, told = self->svm == 3;

	SHARE(BIG, 0x5a);
	id = A(do_p2p_get, 0, 0);
	ASSERT_LT(0, id);
	ASSERT_EQ(0, A(do_repair, 0, 4096));
	EXPECT_EQ(told, A(do_p2p_calls, id, 0));
	EXPECT_EQ(0x5a, B(do_read, 0, 0));
	EXPECT_EQ(0, C(do_import, 0, 0));
	/* which ends this registration, and not that of who comes again */
	again = A(do_p2p_get, 0, 0);
	ASSERT_LT(0, again);
	ASSERT_EQ(0, A(do_repair, 0, 4096));
	EXPECT_EQ(told, A(do_p2p_calls, id, 0));
	EXPECT_EQ(told, A(do_p2p_calls, again, 0));
	EXPECT_LE(0, A(do_p2p_put, id, 0));
	EXPECT_LE(0, A(do_p2p_put, again, 0));
	EXPECT_EQ(0, sim_violation("total"));
}

static long do_fail_late(struct peer_state *s, long a, long b)
{
	(void)s;
	ascend_sim_fail("freelate", a, 1);
	return b;
}

/* v2 EBUSY for a later page, v3 a delete that fails: both told before. */
TEST_F(sim, free_that_fails_calls_back)
{
	long id;

	ASSERT_EQ(0, A(do_malloc, 0, BIG));
	ASSERT_EQ(0, A(do_fill, 0, 0x5a));
	id = A(do_p2p_get, 0, 0);
	ASSERT_LT(0, id);
	A(do_fail_late, 1, 0);
	EXPECT_EQ(ACL_DRV, A(do_free, 0, 0));
	EXPECT_EQ(1, sim_counted("free_failed"));
	EXPECT_EQ(1, A(do_p2p_calls, id, 0));
	EXPECT_LE(0, A(do_p2p_put, id, 0));
	/* it can be registered and exported again */
	id = A(do_p2p_get, 0, 0);
	ASSERT_LT(0, id);
	ASSERT_EQ(0, A(do_export_any, 0, KEY(0, BIG)));
	ASSERT_EQ(0, B(do_import, 0, 0));
	EXPECT_EQ(0x5a, B(do_read, 0, 0));
	ASSERT_EQ(0, B(do_close, 0, 0));
	ASSERT_EQ(0, A(do_close, 0, 0));
	ASSERT_EQ(0, A(do_free, 0, 0));
	EXPECT_EQ(1, A(do_p2p_calls, id, 0));
	EXPECT_LE(0, A(do_p2p_put, id, 0));
	EXPECT_EQ(0, sim_violation("total"));
}

static long do_malloc_normal(struct peer_state *s, long a, long b)
{
	return aclrtMalloc(&s->slot[a], b, ACL_MEM_MALLOC_NORMAL_ONLY);
}

/* v2 searches the whole list for each page that it frees. */
TEST_F(sim, a_search_for_each_page_on_v2)
{
	long before;

	ASSERT_EQ(0, A(do_malloc_normal, 0, BIG - 4096));
	before = sim_counted("p2p_search");
	ASSERT_EQ(0, A(do_free, 0, 0));
	EXPECT_EQ(self->svm == 2 ? BIG / 4096 : 1,
		  sim_counted("p2p_search") - before);
	/* pages of 2 MiB are fewer */
	ASSERT_EQ(0, A(do_malloc, 0, 2 * BIG - 4096));
	before = sim_counted("p2p_search");
	ASSERT_EQ(0, A(do_free, 0, 0));
	EXPECT_EQ(self->svm == 2 ? 2 : 1, sim_counted("p2p_search") - before);
}

static long do_p2p_get_at(struct peer_state *s, long a, long b)
{
	long id = 0, ret;

	ret = p2p(ASCEND_SIM_P2P_GET, (long)s->slot[a] + b, 4096, &id);
	return ret < 0 ? ret : id;
}

static long do_export_at(struct peer_state *s, long a, long b)
{
	char *addr = (char *)s->slot[a] + b;

	return aclrtIpcMemGetExportKey(addr, 4096, s->board->key[7], 65, 1);
}

/* Whole pages of the heap alone, for keys as for registrations. */
TEST_F(sim, odd_addresses_are_refused)
{
	long odd = self->svm == 2 ? -EOPNOTSUPP : -EINVAL;

	ASSERT_EQ(0, A(do_malloc_normal, 0, SMALL));
	ASSERT_EQ(0, A(do_malloc, 1, BIG));
	EXPECT_EQ(ACL_DRV, A(do_export_at, 0, 100));
	EXPECT_EQ(odd, A(do_p2p_get_at, 0, 100));
	EXPECT_EQ(0, A(do_export_at, 0, 4096));
	/* of this heap they are of 2 MiB on v2 */
	if (self->svm == 2) {
		EXPECT_EQ(ACL_DRV, A(do_export_at, 1, 4096));
		EXPECT_EQ(odd, A(do_p2p_get_at, 1, 4096));
	} else {
		EXPECT_EQ(0, A(do_export_at, 1, 4096));
	}
	EXPECT_EQ(self->svm == 2 ? 2 : 1, sim_counted("p2p_refused"));
}

TEST_F(sim, memory_of_another_process_is_refused)
{
	ASSERT_EQ(0, A(do_malloc, 0, SMALL));
	/* B has no slot yet: the offset is the address */
	EXPECT_EQ(-EINVAL, B(do_p2p_get_at, 0, A(do_address, 0, 0)));
	EXPECT_EQ(1, sim_counted("p2p_refused"));
	EXPECT_EQ(0, sim_counted("registrations"));
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * The driver's kernel-side registrations: when their callback comes, how often,
 * what it holds up, and who may put.
 */
#include <sys/ioctl.h>

#include "ascend_sim.h"
#include "sim_fixture.h"

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
	ret = ioctl(fds[0], ASCEND_SIM_P2P_TEST, &a) ? -errno : a.pid;
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
	inside = A(do_p2p_get, 0, ASCEND_SIM_P2P_PUT_INSIDE);
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
	EXPECT_EQ(1, sim_counted("registrations"));
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

TEST_F(sim, unmapping_the_reserved_range_is_told_on_v2)
{
	long id;

	ONLY(2);
	SHARE(SMALL, 0x5a);
	id = A(do_p2p_get, 0, 0);
	ASSERT_LT(0, id);
	EXPECT_EQ(0, A(do_munmap, 0, SMALL));
	EXPECT_EQ(1, A(do_p2p_calls, id, 0));
	EXPECT_EQ(0x5a, B(do_read, 0, 0));
	EXPECT_LE(0, A(do_p2p_put, id, 0));
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * Limits: EDQUOT at the limit and never before, one for all sessions of a
 * process, given back with what was counted.  Field cases 6, 8, 20, 28, 49, 54,
 * 61.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "common/aclipc_test.h"

#define KEY	"ioctl_limits"
#define ANYONE	ACLIPC_EXPORT_ANYONE

T_FIXTURE(limit);

TEST_F(limit, sessions)
{
	int fds[3], i;

	ASSERT_EQ(0, t_set_param("max_sessions", 4));
	for (i = 0; i < 3; i++) {
		fds[i] = t_open();
		ASSERT_LE(0, fds[i]);
	}
	EXPECT_EQ(-EDQUOT, t_open());
	EXPECT_EQ(-EDQUOT, t_open());
	/* of one process */
	EXPECT_LE(0, t_peer());
	EXPECT_EQ(0, close(fds[1]));
	fds[1] = t_open();
	EXPECT_LE(0, fds[1]);
	EXPECT_EQ(-EDQUOT, t_open());
	ASSERT_EQ(0, t_set_param("max_sessions", 64));
}

/* "Descriptors of one process": one that is closed is none. */
TEST_F(limit, closed_descriptor_is_no_session)
{
	struct t_counts counts;
	char key[16];
	int i, fd;

	ASSERT_EQ(0, t_set_param("max_sessions", 2));
	for (i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "closed%d", i);
		fd = t_open();
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, t_export(fd, key, 0));
		ASSERT_EQ(0, t_import(fd, key));
		ASSERT_EQ(0, close(fd));
	}
	/* nor do those pile up that have nothing left */
	for (i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "closed%d", i);
		EXPECT_EQ(0, t_revoke(self->fd, key, ACLIPC_REVOKE_GONE, 0));
		EXPECT_EQ(0, t_until(t_state(self->fd, key) == -ENOENT));
	}
	fd = t_open();
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, t_until(!t_counts(&counts) && counts.sessions == 2));
	ASSERT_EQ(0, t_set_param("max_sessions", 64));
}

TEST_F(limit, exports)
{
	int other = t_open(), i;
	char key[16];

	ASSERT_EQ(0, t_set_param("max_exports", 3));
	ASSERT_EQ(0, t_export(self->fd, "key0", 0));
	ASSERT_EQ(0, t_export(other, "key1", 0));
	ASSERT_EQ(0, t_export(self->fd, "key2", 0));
	EXPECT_EQ(-EDQUOT, t_export(self->fd, "key3", 0));
	EXPECT_EQ(-EDQUOT, t_export(other, "key3", 0));
	EXPECT_EQ(-ENOENT, t_state(self->fd, "key3"));
	/* finished, gone, aborted, refused */
	ASSERT_EQ(ACLIPC_ANSWER_HELD, t_try(self->fd, "key0"));
	EXPECT_EQ(-EDQUOT, t_export(self->fd, "key3", 0));
	ASSERT_EQ(0, t_finish(self->fd, "key0"));
	EXPECT_EQ(0, t_export(self->fd, "key3", 0));
	EXPECT_EQ(-EDQUOT, t_export(self->fd, "key4", 0));
	ASSERT_EQ(0, t_revoke(self->fd, "key3", ACLIPC_REVOKE_GONE, 0));
	EXPECT_EQ(0, t_export(self->fd, "key4", 0));
	EXPECT_EQ(-EDQUOT, t_export(self->fd, "key5", 0));
	ASSERT_EQ(0, t_revoke(self->fd, "key4", ACLIPC_REVOKE_GONE, 0));
	for (i = 0; i < 20; i++)
		EXPECT_EQ(-EEXIST, t_export(self->fd, "key2", 0));
	EXPECT_EQ(0, t_export(self->fd, "key5", 0));
	EXPECT_EQ(-EDQUOT, t_export(self->fd, "key6", 0));
	ASSERT_EQ(0, t_set_param("max_exports", 65536));
	for (i = 10; i < 20; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		EXPECT_EQ(0, t_export(self->fd, key, 0));
	}
}

TEST_F(limit, imports)
{
	int peer = t_peer(), other = t_open(), i;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(peer, KEY, ANYONE));
	ASSERT_EQ(0, t_export(peer, "closed", 0));
	ASSERT_EQ(0, t_set_param("max_imports", 5));
	/* refused ones cost nothing */
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(-ENOENT, t_import(self->fd, "never"));
		EXPECT_EQ(-EACCES, t_import(self->fd, "closed"));
	}
	for (i = 0; i < 3; i++)
		EXPECT_EQ(0, t_import(self->fd, KEY));
	EXPECT_EQ(0, t_import(other, KEY));
	EXPECT_EQ(0, t_import(other, KEY));
	EXPECT_EQ(-EDQUOT, t_import(self->fd, KEY));
	EXPECT_EQ(-EDQUOT, t_import(other, KEY));
	EXPECT_EQ(2, t_holders(self->fd, KEY, NULL, 0));
	/* of one process */
	EXPECT_EQ(0, t_import(peer, KEY));
	EXPECT_EQ(2, t_close(self->fd, KEY));
	EXPECT_EQ(0, t_import(other, KEY));
	EXPECT_EQ(-EDQUOT, t_import(other, KEY));
	/* a stray close gives back when it has settled */
	EXPECT_EQ(0, close(other));
	EXPECT_EQ(0, t_until(!t_import(self->fd, KEY)));
	EXPECT_EQ(0, t_import(self->fd, KEY));
	EXPECT_EQ(0, t_import(self->fd, KEY));
	EXPECT_EQ(-EDQUOT, t_import(self->fd, KEY));
	ASSERT_EQ(0, t_set_param("max_imports", 1048576));
}

TEST_F(limit, processes_on_a_list)
{
	int peers[3], i;
	__s32 pids[6];

	ASSERT_EQ(0, t_set_param("max_allow", 2));
	for (i = 0; i < 3; i++) {
		peers[i] = t_peer();
		ASSERT_LE(0, peers[i]);
		pids[i] = pids[i + 3] = t_pid(peers[i]);
	}
	ASSERT_EQ(0, t_export(self->fd, KEY, 0));
	EXPECT_EQ(-EDQUOT, t_allow(self->fd, KEY, ACLIPC_ALLOW_ANYONE, pids,
				   3));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(-EACCES, t_import(peers[i], KEY));
	/* whoever is named twice is one, as whoever is on it already */
	EXPECT_EQ(2, t_allow(self->fd, KEY, 0, pids, 2));
	pids[2] = pids[0];
	EXPECT_EQ(5, t_allow(self->fd, KEY, 0, pids, 5));
	EXPECT_EQ(-EDQUOT, t_allow(self->fd, KEY, 0, pids, 6));
	EXPECT_EQ(0, t_import(peers[0], KEY));
	EXPECT_EQ(0, t_import(peers[1], KEY));
	EXPECT_EQ(-EACCES, t_import(peers[2], KEY));
	ASSERT_EQ(0, t_set_param("max_allow", 65535));
	EXPECT_EQ(6, t_allow(self->fd, KEY, 0, pids, 6));
	EXPECT_EQ(0, t_import(peers[2], KEY));
}

TEST_F(limit, settling_imports_of_the_machine)
{
	int peer = t_peer(), other = t_peer();
	struct t_counts counts;

	ASSERT_LE(0, peer);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_set_param("max_settling", 3));
	ASSERT_EQ(0, t_set_settle(T_SETTLE_LOOK));
	ASSERT_EQ(0, t_import(peer, KEY));
	ASSERT_EQ(0, t_import(peer, KEY));
	ASSERT_EQ(0, t_import(peer, KEY));
	ASSERT_EQ(0, t_import(other, KEY));
	ASSERT_EQ(SIGKILL, t_kill(peer));
	ASSERT_EQ(0, t_until(!t_counts(&counts) && counts.settling == 3));
	EXPECT_EQ(-EDQUOT, t_import(other, KEY));
	EXPECT_EQ(-EDQUOT, t_import(self->fd, KEY));
	EXPECT_EQ(0, t_close(other, KEY));
	EXPECT_EQ(0, t_until(!t_import(other, KEY)));
	ASSERT_EQ(0, t_counts(&counts));
	EXPECT_EQ(0, counts.settling);
	EXPECT_EQ(0, t_close(other, KEY));
	ASSERT_EQ(0, t_set_param("max_settling", 4194304));
}

static long fn_cycles(int fd, void *arg)
{
	int nr = *(int *)arg, i, ret;

	for (i = 0; i < nr; i++) {
		ret = t_export(fd, "cycle", 0);
		ret = ret ?: t_import(fd, KEY);
		ret = ret ?: t_import(fd, "cycle");
		ret = ret ?: t_close(fd, "cycle");
		ret = ret ?: t_close(fd, KEY);
		if (ret)
			return ret;
		if (i & 1) {
			ret = t_revoke(fd, "cycle", ACLIPC_REVOKE_GONE, 0);
		} else {
			ret = t_defer(fd, "cycle");
			ret = ret < 0 ? ret : t_finish(fd, "cycle");
		}
		if (ret)
			return ret;
	}
	return 0;
}

TEST_F(limit, nothing_grows_with_cycles)
{
	struct t_counts counts;
	int peer = t_peer(), nr = 5000;

	ASSERT_LE(0, peer);
	ASSERT_EQ(0, t_export(self->fd, KEY, ANYONE));
	ASSERT_EQ(0, t_set_param("max_exports", 1));
	ASSERT_EQ(0, t_set_param("max_imports", 2));
	EXPECT_EQ(0, t_run(peer, fn_cycles, &nr, sizeof(nr)));
	ASSERT_EQ(0, t_set_param("max_exports", 65536));
	ASSERT_EQ(0, t_set_param("max_imports", 1048576));
	ASSERT_EQ(0, t_counts(&counts));
	EXPECT_EQ(2, counts.sessions);
	EXPECT_EQ(1, counts.shares);
	EXPECT_EQ(0, counts.imports);
	EXPECT_EQ(0, counts.tombstones);
}

static long fn_import_all(int fd, void *arg)
{
	int nr = *(int *)arg, i, ret;
	char key[16];

	for (i = 0; i < nr; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		ret = t_import(fd, key);
		if (ret)
			return ret;
	}
	return 0;
}

static long fn_close_all(int fd, void *arg)
{
	int nr = *(int *)arg, i, ret;
	char key[16];

	for (i = nr - 1; i >= 0; i--) {
		snprintf(key, sizeof(key), "many%d", i);
		ret = t_close(fd, key);
		if (ret)
			return ret;
	}
	return 0;
}

TEST_F(limit, thousand_keys_in_four_processes)
{
	int peers[4], nr = 1000, i, drained;
	struct t_counts counts;
	char key[16];

	for (i = 0; i < nr; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		ASSERT_EQ(0, t_export(self->fd, key, ANYONE));
	}
	for (i = 0; i < 4; i++) {
		peers[i] = t_peer();
		ASSERT_LE(0, peers[i]);
		ASSERT_EQ(0, t_run(peers[i], fn_import_all, &nr, sizeof(nr)));
	}
	ASSERT_EQ(0, t_counts(&counts));
	EXPECT_EQ(1000, counts.shares);
	EXPECT_EQ(4000, counts.imports);
	for (i = 0; i < nr; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, key));
	}
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, t_run(peers[i], fn_close_all, &nr, sizeof(nr)));
	EXPECT_EQ(-EAGAIN, t_event_now(self->fd, KEY));
	/* field case 20: the last one goes in another way */
	ASSERT_EQ(SIGKILL, t_kill(peers[3]));
	for (drained = 0; drained < nr; drained++) {
		struct aclipc_event event;

		ASSERT_EQ(0, t_event_wait(self->fd, &event));
		EXPECT_EQ(ACLIPC_EVENT_DRAINED, event.type);
		EXPECT_EQ(ACLIPC_ANSWER_HELD,
			  t_defer(self->fd, (char *)event.key));
		EXPECT_EQ(0, t_finish(self->fd, (char *)event.key));
	}
	ASSERT_EQ(0, t_counts(&counts));
	EXPECT_EQ(0, counts.shares);
	EXPECT_EQ(0, counts.imports);
}

T_MAIN

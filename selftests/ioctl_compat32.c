// SPDX-License-Identifier: GPL-2.0
/*
 * All calls from a 32-bit process: the same layout as for 64-bit ones, pointers
 * in 64-bit fields.  The Makefile builds it with -m32; ioctl_musl.c is the same
 * with another C library.  Field case 127.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/aclipc_test.h"

#define KEY	"ioctl_compat"
#define HIGH	0xfedcba9876543000ULL	/* a device address, beyond 32 bits */
#define LENGTH	0x123456000ULL

#ifndef ANY_POINTER
_Static_assert(sizeof(void *) == 4, "not a 32-bit program");
#endif

/* What these are in a 64-bit program. */
#define AT(type, field, offset)						\
	_Static_assert(offsetof(struct type, field) == (offset),	\
		       #type "." #field)
#define SIZE(type, size)						\
	_Static_assert(sizeof(struct type) == (size), #type)

SIZE(aclipc_info, 88);
AT(aclipc_info, out_version, 56);
SIZE(aclipc_export, 104);
AT(aclipc_export, addr, 8);
AT(aclipc_export, out_generation, 88);
SIZE(aclipc_allow, 96);
AT(aclipc_allow, generation, 72);
AT(aclipc_allow, pids, 80);
SIZE(aclipc_import, 88);
AT(aclipc_import, out_generation, 72);
SIZE(aclipc_close, 104);
AT(aclipc_close, generation, 80);
AT(aclipc_close, out_settling, 96);
SIZE(aclipc_query, 136);
AT(aclipc_query, out_length, 88);
SIZE(aclipc_holder, 24);
AT(aclipc_holder, since_ns, 16);
SIZE(aclipc_holders, 96);
AT(aclipc_holders, holders, 80);
SIZE(aclipc_revoke, 88);
AT(aclipc_revoke, reason, 80);
SIZE(aclipc_event, 88);
AT(aclipc_event, generation, 16);

FIXTURE(compat)
{
	int fd;
	int peer;
	struct aclipc_export export;
};

FIXTURE_SETUP(compat)
{
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	self->fd = t_open();
	self->peer = t_peer();
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->peer);
	ASSERT_EQ(0, t_export_at(self->fd, KEY, 0, HIGH, LENGTH,
				 &self->export));
}

FIXTURE_TEARDOWN_PARENT(compat)
{
	EXPECT_EQ(0, t_nothing_left());
}

static int allow_peer(int fd, int peer)
{
	__s32 pid = t_pid(peer);

	return t_allow(fd, KEY, 0, &pid, 1);
}

TEST_F(compat, info)
{
	struct aclipc_info info;

	ASSERT_EQ(0, t_info(self->fd, &info));
	EXPECT_EQ(ACLIPC_ABI_VERSION, info.out_abi);
	EXPECT_LT(0, info.out_max_settling);
	EXPECT_NE(0, info.out_version[0]);
	EXPECT_LT(strnlen((char *)info.out_version, 32), 32);
}

TEST_F(compat, whole_life_of_a_key)
{
	struct aclipc_query query;
	__u64 generation = 0;

	EXPECT_EQ(-EACCES, t_import(self->peer, KEY));
	ASSERT_EQ(1, allow_peer(self->fd, self->peer));
	ASSERT_EQ(0, t_import_gen(self->peer, KEY, &generation));
	EXPECT_EQ(self->export.out_generation, generation);

	ASSERT_EQ(0, t_query(self->fd, KEY, generation, &query));
	EXPECT_EQ(generation, query.out_generation);
	EXPECT_EQ(LENGTH, query.out_length);
	EXPECT_EQ(ACLIPC_STATE_LIVE, query.out_state);
	EXPECT_EQ(1, query.out_imports);
	EXPECT_EQ(0, query.out_my_imports);
	ASSERT_EQ(0, t_query(self->peer, KEY, 0, &query));
	EXPECT_EQ(1, query.out_my_imports);

	EXPECT_EQ(-EBUSY, t_try(self->fd, KEY));
	EXPECT_EQ(-ETIMEDOUT, t_wait(self->fd, KEY, 20));
	EXPECT_EQ(ACLIPC_ANSWER_PENDING, t_defer(self->fd, KEY));
	EXPECT_EQ(ACLIPC_EVENT_CLOSING, t_event_type(self->peer, KEY));
	EXPECT_EQ(0, t_close_gen(self->peer, KEY, generation));
	EXPECT_EQ(-ENOENT, t_close(self->peer, KEY));
	EXPECT_EQ(ACLIPC_EVENT_DRAINED, t_event_type(self->fd, KEY));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_defer(self->fd, KEY));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
	EXPECT_EQ(-ENOENT, t_query(self->fd, KEY, 0, &query));
}

TEST_F(compat, arrays_behind_pointers)
{
	struct aclipc_holder holder[2] = { { 0 }, { .pid = 0x5a5a } };
	struct aclipc_holders cmd = {
		.size = sizeof(cmd),
		.holders = (uintptr_t)holder,
		.nr_holders = 2,
	};

	ASSERT_EQ(1, allow_peer(self->fd, self->peer));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	t_key(cmd.key, KEY);
	ASSERT_EQ(0, t_ioctl(self->fd, ACLIPC_HOLDERS, &cmd));
	EXPECT_EQ(1, cmd.out_holders);
	EXPECT_EQ(t_pid(self->peer), holder[0].pid);
	EXPECT_EQ(2, holder[0].count);
	EXPECT_NE(0, holder[0].since_ns);
	EXPECT_EQ(0x5a5a, holder[1].pid);

	/* the upper half of the field is not ignored */
	cmd.holders ^= 1ULL << 46;
	EXPECT_EQ(-EFAULT, t_ioctl(self->fd, ACLIPC_HOLDERS, &cmd));
}

TEST_F(compat, bad_struct_is_refused)
{
	struct aclipc_import cmd = { .size = sizeof(cmd) - 1 };

	t_key(cmd.key, KEY);
	EXPECT_EQ(-EINVAL, t_ioctl(self->fd, ACLIPC_IMPORT, &cmd));
	EXPECT_EQ(-EFAULT, t_ioctl(self->fd, ACLIPC_IMPORT, (void *)8));
	EXPECT_EQ(-ENOTTY, t_ioctl(self->fd, ACLIPC_IOC(200), &cmd));
}

TEST_F(compat, revoked_and_dead)
{
	ASSERT_EQ(1, allow_peer(self->fd, self->peer));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	EXPECT_EQ(1, t_revoke(self->fd, KEY, ACLIPC_REVOKE_GONE,
			      ACLIPC_REASON_DEVICE));
	EXPECT_EQ(ACLIPC_EVENT_REVOKED, t_event_type(self->peer, KEY));
	EXPECT_EQ(0, t_close(self->peer, KEY));
	ASSERT_EQ(0, t_export(self->fd, KEY, ACLIPC_EXPORT_ANYONE));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	t_kill(self->peer);
	EXPECT_EQ(0, t_until(t_try(self->fd, KEY) == ACLIPC_ANSWER_HELD));
	EXPECT_EQ(0, t_finish(self->fd, KEY));
}

/* The tool, a 64-bit program of glibc, sees what this one holds. */
TEST_F(compat, seen_by_the_tool)
{
	char command[128];
	int status;

	if (access("/usr/bin/aclipc", X_OK))
		SKIP(return, "no tool");
	ASSERT_EQ(1, allow_peer(self->fd, self->peer));
	ASSERT_EQ(0, t_import(self->peer, KEY));
	snprintf(command, sizeof(command),
		 "aclipc holders --json %s | grep -q '\"pid\": %d,'", KEY,
		 t_pid(self->peer));
	status = system(command);
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * What any call answers to any bytes: sizes, flags, reserved fields, keys,
 * pointers.  Each call is tried in turn by the same tests, and after each
 * refusal everything is as it was.  Field cases 56, 78, 124, 126, 127.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "common/aclipc_test.h"

#define PAGE	4096
#define NEW	"ioctl_args_new"
#define OLD	"ioctl_args_old"

static __s32 t_pids[1];
static struct aclipc_holder t_room[4];

FIXTURE(call)
{
	int fd;
	char *page;		/* the first of two, nothing behind them */
};

FIXTURE_VARIANT(call)
{
	unsigned int cmd;
	__u32 size;
	__u32 flags;		/* all that are known */
	const char *key;
	size_t key_at;
	size_t reserved_at;
};

#define CALL(name, nr, type, known, k)					\
	FIXTURE_VARIANT_ADD(call, name)					\
	{								\
		.cmd = nr,						\
		.size = sizeof(struct type),				\
		.flags = known,						\
		.key = k,						\
		.key_at = offsetof(struct type, key),			\
	}

#define CALL_RESERVED(name, nr, type, known, k)				\
	FIXTURE_VARIANT_ADD(call, name)					\
	{								\
		.cmd = nr,						\
		.size = sizeof(struct type),				\
		.flags = known,						\
		.key = k,						\
		.key_at = offsetof(struct type, key),			\
		.reserved_at = offsetof(struct type, __reserved),	\
	}

FIXTURE_VARIANT_ADD(call, info)
{
	.cmd = ACLIPC_INFO,
	.size = sizeof(struct aclipc_info),
};
CALL(export, ACLIPC_EXPORT, aclipc_export,
     ACLIPC_EXPORT_ANYONE | ACLIPC_EXPORT_UNWATCHED, NEW);
CALL(allow, ACLIPC_ALLOW, aclipc_allow,
     ACLIPC_ALLOW_ANYONE | ACLIPC_ALLOW_REMOTE, OLD);
CALL(import, ACLIPC_IMPORT, aclipc_import, 0, OLD);
CALL_RESERVED(close, ACLIPC_CLOSE, aclipc_close, 0, OLD);
CALL(query, ACLIPC_QUERY, aclipc_query, 0, OLD);
CALL(holders, ACLIPC_HOLDERS, aclipc_holders, 0, OLD);
CALL(revoke, ACLIPC_REVOKE, aclipc_revoke, ACLIPC_REVOKE_GONE, OLD);

/* A struct that is accepted. */
static void fill(const FIXTURE_VARIANT(call) *v, void *arg)
{
	__u32 *words = arg;

	memset(arg, 0, v->size);
	words[0] = v->size;
	if (v->key)
		t_key((__u8 *)arg + v->key_at, v->key);
	switch (v->cmd) {
	case ACLIPC_EXPORT:
		((struct aclipc_export *)arg)->addr = T_ADDR;
		((struct aclipc_export *)arg)->length = T_LENGTH;
		break;
	case ACLIPC_ALLOW:
		t_pids[0] = 1;
		((struct aclipc_allow *)arg)->pids = (uintptr_t)t_pids;
		((struct aclipc_allow *)arg)->nr_pids = 1;
		break;
	case ACLIPC_CLOSE:
		((struct aclipc_close *)arg)->op = ACLIPC_CLOSE_IMPORT;
		break;
	case ACLIPC_HOLDERS:
		((struct aclipc_holders *)arg)->holders = (uintptr_t)t_room;
		((struct aclipc_holders *)arg)->nr_holders = 4;
		break;
	}
}

/* One key of ours that we have imported ourselves, and nothing else. */
static int prepare(int fd)
{
	t_revoke(fd, NEW, ACLIPC_REVOKE_GONE, 0);
	t_revoke(fd, OLD, ACLIPC_REVOKE_GONE, 0);
	while (t_close(fd, OLD) >= 0)
		;
	return t_export(fd, OLD, 0) ?: t_import(fd, OLD);
}

/* All there is to know of shares, imports, and the session. */
static char *snapshot(int fd)
{
	char *all = calloc(1, 8192), path[64];
	ssize_t len;

	len = t_slurp("/sys/kernel/debug/aclipc/shares", all, 2048);
	len += t_slurp("/sys/kernel/debug/aclipc/imports", all + len, 2048);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	t_slurp(path, all + len, 2048);
	return all;
}

/* The call is refused with @err and has changed nothing. */
#define EXPECT_REFUSED(err, fd, cmd, arg)				\
do {									\
	char *__before = snapshot(fd), *__after;			\
	EXPECT_EQ(-(err), t_ioctl(fd, cmd, arg));			\
	__after = snapshot(fd);						\
	EXPECT_STREQ(__before, __after);				\
	free(__before);							\
	free(__after);							\
} while (0)

FIXTURE_SETUP(call)
{
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	self->fd = t_open();
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, prepare(self->fd));
	self->page = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
	ASSERT_EQ(0, munmap(self->page + 2 * PAGE, PAGE));
}

FIXTURE_TEARDOWN_PARENT(call)
{
	EXPECT_EQ(0, t_nothing_left());
}

TEST_F(call, exact_size_is_accepted_and_nothing_written_beyond)
{
	fill(variant, self->page);
	self->page[variant->size] = 0x5a;
	EXPECT_EQ(0, t_ioctl(self->fd, variant->cmd, self->page));
	EXPECT_EQ(0x5a, self->page[variant->size]);
	EXPECT_EQ(variant->size, *(__u32 *)self->page);
}

TEST_F(call, shorter_than_the_first_version_is_refused)
{
	static const __u32 sizes[] = { 0, 1, 3, 4, 5, 8 };
	size_t i;

	fill(variant, self->page);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		*(__u32 *)self->page = sizes[i];
		EXPECT_REFUSED(EINVAL, self->fd, variant->cmd, self->page);
	}
	*(__u32 *)self->page = variant->size - 1;
	EXPECT_REFUSED(EINVAL, self->fd, variant->cmd, self->page);
}

TEST_F(call, longer_with_zeros_is_accepted)
{
	__u32 sizes[] = { variant->size + 1, variant->size + 8, PAGE };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, prepare(self->fd));
		memset(self->page, 0, PAGE);
		fill(variant, self->page);
		*(__u32 *)self->page = sizes[i];
		EXPECT_EQ(0, t_ioctl(self->fd, variant->cmd, self->page)) {
			TH_LOG("size %u", sizes[i]);
		}
		EXPECT_EQ(sizes[i], *(__u32 *)self->page);
	}
}

TEST_F(call, longer_with_anything_else_is_refused)
{
	fill(variant, self->page);
	*(__u32 *)self->page = PAGE;
	self->page[variant->size] = 1;
	EXPECT_REFUSED(E2BIG, self->fd, variant->cmd, self->page);
	self->page[variant->size] = 0;
	self->page[PAGE - 1] = 1;
	EXPECT_REFUSED(E2BIG, self->fd, variant->cmd, self->page);
	*(__u32 *)self->page = variant->size + 1;
	self->page[variant->size] = 0x80;
	EXPECT_REFUSED(E2BIG, self->fd, variant->cmd, self->page);
}

TEST_F(call, huge_size_is_refused)
{
	static const __u32 sizes[] = { PAGE + 1, 0x10000, 0x7fffffff,
				       0x80000000, 0xffffffff };
	size_t i;

	fill(variant, self->page);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		*(__u32 *)self->page = sizes[i];
		EXPECT_REFUSED(E2BIG, self->fd, variant->cmd, self->page);
	}
}

TEST_F(call, struct_at_the_end_of_mapped_memory_is_accepted)
{
	char *arg = self->page + 2 * PAGE - variant->size;

	fill(variant, arg);
	EXPECT_EQ(0, t_ioctl(self->fd, variant->cmd, arg));
}

TEST_F(call, struct_across_two_pages_is_accepted)
{
	char *arg = self->page + PAGE - 12;

	fill(variant, arg);
	EXPECT_EQ(0, t_ioctl(self->fd, variant->cmd, arg));
}

TEST_F(call, unaligned_struct_is_accepted)
{
	fill(variant, self->page + 3);
	EXPECT_EQ(0, t_ioctl(self->fd, variant->cmd, self->page + 3));
}

TEST_F(call, struct_into_unmapped_memory_changes_nothing)
{
	static const unsigned int inside[] = { 1, 3, 4, 5, 8, 16, 31 };
	char copy[256];
	size_t i;

	fill(variant, copy);
	for (i = 0; i < ARRAY_SIZE(inside); i++) {
		char *arg = self->page + 2 * PAGE - inside[i];

		memcpy(arg, copy, inside[i]);
		EXPECT_REFUSED(EFAULT, self->fd, variant->cmd, arg);
	}
	memcpy(self->page + 2 * PAGE - variant->size + 1, copy,
	       variant->size - 1);
	EXPECT_REFUSED(EFAULT, self->fd, variant->cmd,
		       self->page + 2 * PAGE - variant->size + 1);
}

TEST_F(call, tail_in_unmapped_memory_changes_nothing)
{
	char *arg = self->page + 2 * PAGE - variant->size;

	fill(variant, arg);
	*(__u32 *)arg = variant->size + 1;
	EXPECT_REFUSED(EFAULT, self->fd, variant->cmd, arg);
}

TEST_F(call, struct_in_read_only_memory_changes_nothing)
{
	fill(variant, self->page);
	ASSERT_EQ(0, mprotect(self->page, 2 * PAGE, PROT_READ));
	EXPECT_REFUSED(EFAULT, self->fd, variant->cmd, self->page);
}

TEST_F(call, struct_into_read_only_memory_changes_nothing)
{
	static const unsigned int inside[] = { 4, 12, 44 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(inside); i++) {
		char *arg = self->page + PAGE - inside[i];

		ASSERT_EQ(0, mprotect(self->page, 2 * PAGE,
				      PROT_READ | PROT_WRITE));
		fill(variant, arg);
		ASSERT_EQ(0, mprotect(self->page + PAGE, PAGE, PROT_READ));
		EXPECT_REFUSED(EFAULT, self->fd, variant->cmd, arg);
	}
}

TEST_F(call, bad_pointer_is_refused)
{
	static const unsigned long bad[] = {
		0, 1, 8, 0x7ffffffff000UL, 0x800000000000UL,
		0xffff800000000000UL, 0xffffffff81000000UL, ~0UL, ~0UL - 7,
		1UL << 63,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_REFUSED(EFAULT, self->fd, variant->cmd, (void *)bad[i]);
}

TEST_F(call, unknown_flag_is_refused)
{
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		if (variant->flags & (1U << bit))
			continue;
		fill(variant, self->page);
		((__u32 *)self->page)[1] = 1U << bit;
		EXPECT_REFUSED(EOPNOTSUPP, self->fd, variant->cmd, self->page);
		((__u32 *)self->page)[1] |= variant->flags;
		EXPECT_REFUSED(EOPNOTSUPP, self->fd, variant->cmd, self->page);
	}
}

TEST_F(call, known_flags_are_accepted)
{
	fill(variant, self->page);
	((__u32 *)self->page)[1] = variant->flags;
	EXPECT_EQ(0, t_ioctl(self->fd, variant->cmd, self->page));
}

TEST_F(call, reserved_field_must_be_zero)
{
	unsigned int bit;

	if (!variant->reserved_at)
		SKIP(return, "no reserved field");
	for (bit = 0; bit < 32; bit++) {
		fill(variant, self->page);
		*(__u32 *)(self->page + variant->reserved_at) = 1U << bit;
		EXPECT_REFUSED(EINVAL, self->fd, variant->cmd, self->page);
	}
}

TEST_F(call, empty_key_is_refused)
{
	if (!variant->key)
		SKIP(return, "no key");
	fill(variant, self->page);
	memset(self->page + variant->key_at, 0, ACLIPC_KEY_MAX);
	EXPECT_REFUSED(EINVAL, self->fd, variant->cmd, self->page);
}

TEST_F(call, bytes_behind_the_end_of_a_key_are_refused)
{
	char *key = self->page + variant->key_at;

	if (!variant->key)
		SKIP(return, "no key");
	fill(variant, self->page);
	key[ACLIPC_KEY_MAX - 1] = 1;
	EXPECT_REFUSED(EINVAL, self->fd, variant->cmd, self->page);
	fill(variant, self->page);
	key[strlen(variant->key) + 1] = 'x';
	EXPECT_REFUSED(EINVAL, self->fd, variant->cmd, self->page);
	fill(variant, self->page);
	key[0] = 0;
	EXPECT_REFUSED(EINVAL, self->fd, variant->cmd, self->page);
}

/* Field case 15: a key that was never seen touches nothing. */
TEST_F(call, unknown_key_is_refused)
{
	if (!variant->key || variant->cmd == ACLIPC_EXPORT)
		SKIP(return, "takes any key");
	fill(variant, self->page);
	t_key((__u8 *)self->page + variant->key_at, "ioctl_args_never");
	EXPECT_REFUSED(ENOENT, self->fd, variant->cmd, self->page);
}

TEST_F(call, unknown_generation_is_refused)
{
	size_t at = variant->key_at + ACLIPC_KEY_MAX;

	if (!variant->key || variant->cmd == ACLIPC_EXPORT ||
	    variant->cmd == ACLIPC_IMPORT)
		SKIP(return, "no generation");
	fill(variant, self->page);
	*(__u64 *)(self->page + at) = ~0ULL;
	EXPECT_REFUSED(ENOENT, self->fd, variant->cmd, self->page);
}

TEST_F(call, number_with_direction_or_size_is_unknown)
{
	static const unsigned int dirs[] = { _IOC_READ, _IOC_WRITE,
					     _IOC_READ | _IOC_WRITE };
	unsigned int nr = _IOC_NR(variant->cmd);
	size_t i;

	fill(variant, self->page);
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		EXPECT_REFUSED(ENOTTY, self->fd,
			       _IOC(dirs[i], ACLIPC_IOC_TYPE, nr,
				    variant->size), self->page);
		EXPECT_REFUSED(ENOTTY, self->fd,
			       _IOC(dirs[i], ACLIPC_IOC_TYPE, nr, 0),
			       self->page);
	}
	EXPECT_REFUSED(ENOTTY, self->fd,
		       _IOC(_IOC_NONE, ACLIPC_IOC_TYPE, nr, variant->size),
		       self->page);
	EXPECT_REFUSED(ENOTTY, self->fd, _IO(ACLIPC_IOC_TYPE - 1, nr),
		       self->page);
	EXPECT_REFUSED(ENOTTY, self->fd, _IO(ACLIPC_IOC_TYPE + 1, nr),
		       self->page);
}

T_FIXTURE(value);

TEST_F(value, call_that_does_not_exist)
{
	char arg[256] = { 64 };
	unsigned int nr;

	for (nr = 8; nr < 256; nr++)
		EXPECT_EQ(-ENOTTY, t_ioctl(self->fd, ACLIPC_IOC(nr), arg));
	EXPECT_EQ(-ENOTTY, t_ioctl(self->fd, 0, arg));
	EXPECT_EQ(-ENOTTY, t_ioctl(self->fd, ~0U, arg));
	EXPECT_EQ(-ENOTTY, t_ioctl(self->fd, ACLIPC_IOC(8), NULL));
}

TEST_F(value, key_of_any_64_bytes)
{
	struct aclipc_export export = {
		.size = sizeof(export),
		.addr = T_ADDR,
		.length = T_LENGTH,
	};
	struct aclipc_import import = { .size = sizeof(import) };
	struct aclipc_close close = {
		.size = sizeof(close),
		.op = ACLIPC_CLOSE_IMPORT,
	};
	int i;

	for (i = 0; i < ACLIPC_KEY_MAX; i++)
		export.key[i] = 255 - i;
	memcpy(import.key, export.key, ACLIPC_KEY_MAX);
	memcpy(close.key, export.key, ACLIPC_KEY_MAX);
	EXPECT_EQ(0, t_ioctl(self->fd, ACLIPC_EXPORT, &export));
	EXPECT_EQ(0, t_ioctl(self->fd, ACLIPC_IMPORT, &import));
	EXPECT_EQ(export.out_generation, import.out_generation);
	EXPECT_EQ(T_LENGTH, import.out_length);

	/* differs in the last byte only */
	import.key[ACLIPC_KEY_MAX - 1] ^= 1;
	EXPECT_EQ(-ENOENT, t_ioctl(self->fd, ACLIPC_IMPORT, &import));
	/* the same without the last byte */
	import.key[ACLIPC_KEY_MAX - 1] = 0;
	EXPECT_EQ(-ENOENT, t_ioctl(self->fd, ACLIPC_IMPORT, &import));
	EXPECT_EQ(0, t_ioctl(self->fd, ACLIPC_CLOSE, &close));

	close.op = ACLIPC_CLOSE_TRY;
	EXPECT_EQ(0, t_ioctl(self->fd, ACLIPC_CLOSE, &close));
	close.op = ACLIPC_CLOSE_FINISH;
	EXPECT_EQ(0, t_ioctl(self->fd, ACLIPC_CLOSE, &close));
}

TEST_F(value, one_byte_is_a_key)
{
	EXPECT_EQ(0, t_export(self->fd, "\x01", 0));
	EXPECT_EQ(0, t_import(self->fd, "\x01"));
}

TEST_F(value, region_must_not_be_empty_or_wrap)
{
	static const struct {
		__u64 addr, length;
		int ret;
	} regions[] = {
		{ 0, 1, -EINVAL },
		{ T_ADDR, 0, -EINVAL },
		{ 0, 0, -EINVAL },
		{ ~0ULL, 1, -EINVAL },
		{ ~0ULL, ~0ULL, -EINVAL },
		{ 1, ~0ULL, -EINVAL },
		{ 1ULL << 63, 1ULL << 63, -EINVAL },
		{ T_ADDR, ~0ULL - T_ADDR + 1, -EINVAL },
		{ T_ADDR, ~0ULL - T_ADDR, 0 },
		{ 1, ~0ULL - 1, 0 },
		{ 1, 1, 0 },
		{ ~0ULL - 1, 1, 0 },
	};
	struct aclipc_export cmd;
	char key[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		snprintf(key, sizeof(key), "region%zu", i);
		EXPECT_EQ(regions[i].ret,
			  t_export_at(self->fd, key, 0, regions[i].addr,
				      regions[i].length, &cmd)) {
			TH_LOG("region %zu", i);
		}
		EXPECT_EQ(regions[i].ret ? -ENOENT : ACLIPC_STATE_LIVE,
			  t_state(self->fd, key));
	}
}

TEST_F(value, operation_of_close)
{
	static const __u32 ops[] = { 0, 7, 8, 0x7fffffff, 0x80000001,
				     0xffffffff };
	size_t i;

	ASSERT_EQ(0, t_export(self->fd, "key", 0));
	ASSERT_EQ(0, t_import(self->fd, "key"));
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		EXPECT_EQ(-EINVAL, t_begin(self->fd, "key", ops[i]));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, "key"));
}

TEST_F(value, time_out_is_for_wait_and_at_most_a_day)
{
	struct aclipc_close cmd;
	__u32 op;

	ASSERT_EQ(0, t_export(self->fd, "key", 0));
	for (op = ACLIPC_CLOSE_IMPORT; op <= ACLIPC_CLOSE_ABORT; op++) {
		if (op == ACLIPC_CLOSE_WAIT)
			continue;
		EXPECT_EQ(-EINVAL, t_closer(self->fd, &cmd, "key", op, 1, 0));
	}
	EXPECT_EQ(-EINVAL, t_wait(self->fd, "key", ACLIPC_WAIT_MAX_MS + 1));
	EXPECT_EQ(-EINVAL, t_wait(self->fd, "key", ~0U));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, "key"));
	EXPECT_EQ(ACLIPC_ANSWER_HELD, t_wait(self->fd, "key",
					     ACLIPC_WAIT_MAX_MS));
	EXPECT_EQ(0, t_finish(self->fd, "key"));
}

TEST_F(value, reason_of_revoke)
{
	static const __u32 bad[] = { ACLIPC_REASON_EXIT, ACLIPC_REASON_SESSION,
				     ACLIPC_REASON_CLOSED, 7, 255, 256,
				     0x80000000, 0xffffffff };
	static const __u32 good[] = { ACLIPC_REASON_NONE, ACLIPC_REASON_FREED,
				      ACLIPC_REASON_DEVICE,
				      ACLIPC_REASON_FORCED };
	struct aclipc_query query;
	char key[16];
	size_t i;

	ASSERT_EQ(0, t_export(self->fd, "key", 0));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, t_revoke(self->fd, "key", 0, bad[i]));
	EXPECT_EQ(ACLIPC_STATE_LIVE, t_state(self->fd, "key"));
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		snprintf(key, sizeof(key), "key%zu", i);
		ASSERT_EQ(0, t_export(self->fd, key, 0));
		EXPECT_EQ(0, t_revoke(self->fd, key, 0, good[i]));
		EXPECT_EQ(0, t_query(self->fd, key, 0, &query));
		EXPECT_EQ(good[i] ?: ACLIPC_REASON_FORCED, query.out_reason);
		EXPECT_EQ(ACLIPC_STATE_REVOKED, query.out_state);
	}
}

TEST_F(value, array_of_allow)
{
	struct aclipc_allow cmd = { .size = sizeof(cmd), .nr_pids = 1 };
	char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *before, *after;

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + PAGE, PAGE));
	ASSERT_EQ(0, t_export(self->fd, "key", 0));
	t_key(cmd.key, "key");
	before = snapshot(self->fd);

	cmd.flags = ACLIPC_ALLOW_ANYONE | ACLIPC_ALLOW_REMOTE;
	EXPECT_EQ(-EFAULT, t_ioctl(self->fd, ACLIPC_ALLOW, &cmd));
	cmd.pids = (uintptr_t)page + PAGE - 2;
	EXPECT_EQ(-EFAULT, t_ioctl(self->fd, ACLIPC_ALLOW, &cmd));
	cmd.pids = 0xffffffff81000000UL;
	EXPECT_EQ(-EFAULT, t_ioctl(self->fd, ACLIPC_ALLOW, &cmd));
	cmd.pids = (uintptr_t)page;
	cmd.nr_pids = ACLIPC_ALLOW_MAX;
	EXPECT_EQ(-EFAULT, t_ioctl(self->fd, ACLIPC_ALLOW, &cmd));
	cmd.nr_pids = ACLIPC_ALLOW_MAX + 1;
	EXPECT_EQ(-EINVAL, t_ioctl(self->fd, ACLIPC_ALLOW, &cmd));
	cmd.nr_pids = ~0U;
	EXPECT_EQ(-EINVAL, t_ioctl(self->fd, ACLIPC_ALLOW, &cmd));
	cmd.nr_pids = 2;
	((__s32 *)page)[0] = 1;
	((__s32 *)page)[1] = -1;
	EXPECT_EQ(-EINVAL, t_ioctl(self->fd, ACLIPC_ALLOW, &cmd));
	((__s32 *)page)[1] = INT32_MIN;
	EXPECT_EQ(-EINVAL, t_ioctl(self->fd, ACLIPC_ALLOW, &cmd));
	after = snapshot(self->fd);
	EXPECT_STREQ(before, after);

	/* none at all needs no address, an odd one will do */
	cmd.flags = 0;
	cmd.nr_pids = 0;
	cmd.pids = 1;
	EXPECT_EQ(0, t_ioctl(self->fd, ACLIPC_ALLOW, &cmd));
	EXPECT_EQ(0, cmd.out_added);
	cmd.nr_pids = 1;
	((__s32 *)(page + PAGE - 4))[0] = 1;
	cmd.pids = (uintptr_t)page + PAGE - 4;
	EXPECT_EQ(0, t_ioctl(self->fd, ACLIPC_ALLOW, &cmd));
	EXPECT_EQ(1, cmd.out_added);
	free(before);
	free(after);
}

TEST_F(value, array_of_holders)
{
	struct aclipc_holders cmd = { .size = sizeof(cmd) };
	char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + PAGE, PAGE));
	ASSERT_EQ(0, t_export(self->fd, "key", 0));
	ASSERT_EQ(0, t_import(self->fd, "key"));
	t_key(cmd.key, "key");

	EXPECT_EQ(0, t_ioctl(self->fd, ACLIPC_HOLDERS, &cmd));
	EXPECT_EQ(1, cmd.out_holders);
	cmd.nr_holders = ACLIPC_HOLDERS_MAX + 1;
	EXPECT_EQ(-EINVAL, t_ioctl(self->fd, ACLIPC_HOLDERS, &cmd));
	cmd.nr_holders = ~0U;
	EXPECT_EQ(-EINVAL, t_ioctl(self->fd, ACLIPC_HOLDERS, &cmd));
	cmd.nr_holders = 1;
	EXPECT_EQ(-EFAULT, t_ioctl(self->fd, ACLIPC_HOLDERS, &cmd));
	cmd.holders = 0xffffffff81000000UL;
	EXPECT_EQ(-EFAULT, t_ioctl(self->fd, ACLIPC_HOLDERS, &cmd));
	cmd.holders = (uintptr_t)page + PAGE - sizeof(struct aclipc_holder) + 1;
	EXPECT_EQ(-EFAULT, t_ioctl(self->fd, ACLIPC_HOLDERS, &cmd));
	/* only what there is has to fit */
	cmd.holders = (uintptr_t)page + PAGE - sizeof(struct aclipc_holder);
	cmd.nr_holders = ACLIPC_HOLDERS_MAX;
	EXPECT_EQ(0, t_ioctl(self->fd, ACLIPC_HOLDERS, &cmd));
	EXPECT_EQ(1, cmd.out_holders);
}

/* Field cases 125, 128: the version is there for any user of the node. */
TEST_F(value, info_tells_version_and_limits)
{
	struct aclipc_info info;

	EXPECT_EQ(0, t_info(self->fd, &info));
	EXPECT_EQ(ACLIPC_ABI_VERSION, info.out_abi);
	EXPECT_TRUE(info.out_caps & ACLIPC_CAP_EXIT);
	EXPECT_EQ(t_param("settle_ms"), info.out_settle_ms);
	EXPECT_EQ(t_param("exit_grace_ms"), info.out_exit_grace_ms);
	EXPECT_EQ(t_param("max_sessions"), info.out_max_sessions);
	EXPECT_EQ(t_param("max_exports"), info.out_max_exports);
	EXPECT_EQ(t_param("max_imports"), info.out_max_imports);
	EXPECT_EQ(t_param("max_allow"), info.out_max_allow);
	EXPECT_EQ(t_param("max_tombstones"), info.out_max_tombstones);
	EXPECT_EQ(t_param("max_settling"), info.out_max_settling);
	EXPECT_EQ(0, info.out_nr_watches);
	EXPECT_NE(0, info.out_version[0]);
	EXPECT_GT(sizeof(info.out_version),
		  strnlen((char *)info.out_version, sizeof(info.out_version)));
}

T_MAIN

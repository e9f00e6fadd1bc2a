// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation and every copy of every call fails once, in turn.  A call
 * that is refused for it has the right errno, has changed nothing, and succeeds
 * when it is made again.  Needs a kernel with fault injection (fail-nth).
 *
 * What work items do is not covered: a failure belongs to the task that asked
 * for it.  Nor are single words of an answer, which cannot be made to fail so.
 */
#include <stdlib.h>
#include <unistd.h>

#include "fail_nth_calls.h"

FIXTURE(call)
{
	struct world w;
	char *before;
	union args arg;
	unsigned int nr, efault, enomem, borne, unwatched;
};

FIXTURE_VARIANT(call)
{
	int (*setup)(struct world *w);
	unsigned int cmd;		/* an ioctl, or */
	long (*call)(struct world *w);	/* something else */
	__u32 op, flags, nr;		/* of the ioctl */
	bool watched;
	long want;			/* what it returns */
	__u32 answer;			/* of CLOSE */
	int seen;			/* afterwards */
	/*
	 * Refusals there must be, so that this cannot go blind.  EFAULT beside
	 * that for the struct of an ioctl.
	 */
	unsigned int efault, enomem;
	unsigned int unwatched;		/* the driver's failures, not ours */
};

#define IOCTL(name, nr, from, then, ...)				\
	FIXTURE_VARIANT_ADD(call, name)					\
	{								\
		.setup = from,						\
		.cmd = nr,						\
		.seen = then,						\
		##__VA_ARGS__						\
	}

#define CLOSE(name, operation, from, then, ...)				\
	IOCTL(name, ACLIPC_CLOSE, from, then,				\
	      .op = ACLIPC_CLOSE_##operation, ##__VA_ARGS__)

#define CALL(name, function, from, then, ...)				\
	FIXTURE_VARIANT_ADD(call, name)					\
	{								\
		.setup = from,						\
		.call = function,					\
		.seen = then,						\
		##__VA_ARGS__						\
	}

#define HELD		.answer = ACLIPC_ANSWER_HELD
#define PENDING		.answer = ACLIPC_ANSWER_PENDING

/* ENOMEM: the share.  Unwatched: what the driver allocates. */
IOCTL(info, ACLIPC_INFO, no_key, -ENOENT);
IOCTL(export, ACLIPC_EXPORT, no_key, SEEN(LIVE, 0, 0),
      .flags = UNWATCHED, .enomem = 1);
IOCTL(export_watched, ACLIPC_EXPORT, no_key, SEEN(LIVE, 0, 0),
      .flags = ANYONE, .watched = true, .enomem = 1, .unwatched = 2);
IOCTL(export_over_revoked, ACLIPC_EXPORT, revoked, SEEN(LIVE, 0, 0),
      .flags = UNWATCHED, .enomem = 1);
IOCTL(export_over_imported, ACLIPC_EXPORT, revoked_imported, SEEN(LIVE, 0, 0),
      .flags = UNWATCHED, .enomem = 1);
IOCTL(export_watched_over_imported, ACLIPC_EXPORT, revoked_imported,
      SEEN(LIVE, 0, 0), .flags = ANYONE, .watched = true, .enomem = 1,
      .unwatched = 2);
IOCTL(export_again, ACLIPC_EXPORT, own, SEEN(LIVE, 0, 0),
      .flags = UNWATCHED, .want = -EEXIST, .enomem = 1);

/* EFAULT: the array.  ENOMEM: its copy, the list; of many, memory is found. */
IOCTL(allow_anyone, ACLIPC_ALLOW, own_private, SEEN(LIVE, 0, 0),
      .flags = ACLIPC_ALLOW_ANYONE);
IOCTL(allow_1, ACLIPC_ALLOW, own_private, SEEN(LIVE, 0, 0),
      .nr = 1, .flags = ACLIPC_ALLOW_REMOTE, .efault = 1, .enomem = 2);
IOCTL(allow_64, ACLIPC_ALLOW, own_private, SEEN(LIVE, 0, 0),
      .nr = 64, .efault = 1, .enomem = 2);
IOCTL(allow_more, ACLIPC_ALLOW, own_allowed, SEEN(LIVE, 0, 0),
      .nr = 2, .flags = ACLIPC_ALLOW_REMOTE, .efault = 1, .enomem = 2);
IOCTL(allow_most, ACLIPC_ALLOW, own_allowed, SEEN(LIVE, 0, 0),
      .nr = ACLIPC_ALLOW_MAX, .efault = 1);

/* ENOMEM: the import, since a session that is new has kept none */
IOCTL(import, ACLIPC_IMPORT, foreign, SEEN(LIVE, 1, 1), .enomem = 1);
IOCTL(import_own, ACLIPC_IMPORT, own, SEEN(LIVE, 1, 0), .enomem = 1);
IOCTL(import_again, ACLIPC_IMPORT, imported, SEEN(LIVE, 2, 2), .enomem = 1);
IOCTL(import_beside_stale, ACLIPC_IMPORT, imported_stale, -EINVAL,
      .enomem = 1);
IOCTL(import_revoked, ACLIPC_IMPORT, foreign_revoked, SEEN(REVOKED, 0, 0),
      .want = -EOWNERDEAD, .enomem = 1);
IOCTL(import_unknown, ACLIPC_IMPORT, no_key, -ENOENT, .want = -ENOENT,
      .enomem = 1);

CLOSE(close, IMPORT, imported, SEEN(LIVE, 0, 0));
CLOSE(close_one_of_two, IMPORT, imported_twice, SEEN(LIVE, 1, 1));
CLOSE(close_revoked, IMPORT, imported_revoked, SEEN(REVOKED, 0, 0));
CLOSE(close_stale, IMPORT, imported_stale, SEEN(LIVE, 0, 0));
CLOSE(close_surplus, IMPORT, foreign, SEEN(LIVE, 0, 0), .want = -ENOENT);
CLOSE(try, TRY, own, SEEN(HELD, 0, 0), HELD);
CLOSE(try_busy, TRY, own_imported, SEEN(LIVE, 0, 1), .want = -EBUSY);
CLOSE(try_revoked, TRY, revoked_imported, SEEN(REVOKED, 0, 1),
      .answer = ACLIPC_ANSWER_REVOKED);
CLOSE(wait, WAIT, own, SEEN(HELD, 0, 0), HELD);
CLOSE(wait_in_vain, WAIT, own_imported, SEEN(LIVE, 0, 1), .want = -ETIMEDOUT);
CLOSE(defer, DEFER, own, SEEN(HELD, 0, 0), HELD);
CLOSE(defer_pending, DEFER, own_imported, SEEN(CLOSING, 0, 1), PENDING);
CLOSE(finish, FINISH, held, -ENOENT);
CLOSE(finish_watched, FINISH, held_watched, -ENOENT, .watched = true);
CLOSE(finish_unbegun, FINISH, own, SEEN(LIVE, 0, 0), .want = -EINVAL);
CLOSE(abort, ABORT, held, SEEN(LIVE, 0, 0));
CLOSE(abort_deferred, ABORT, deferred, SEEN(LIVE, 0, 1));

IOCTL(query, ACLIPC_QUERY, imported, SEEN(LIVE, 1, 1));
IOCTL(holders_none, ACLIPC_HOLDERS, imported, SEEN(LIVE, 1, 1));
IOCTL(holders, ACLIPC_HOLDERS, imported, SEEN(LIVE, 1, 1),
      .nr = 4, .efault = 1, .enomem = 1);
IOCTL(holders_most, ACLIPC_HOLDERS, imported, SEEN(LIVE, 1, 1),
      .nr = ACLIPC_HOLDERS_MAX, .efault = 1);
IOCTL(revoke, ACLIPC_REVOKE, own_imported, SEEN(REVOKED, 0, 1));
IOCTL(revoke_by_force, ACLIPC_REVOKE, imported, SEEN(REVOKED, 1, 1));
IOCTL(revoke_gone, ACLIPC_REVOKE, held_watched, -ENOENT,
      .flags = ACLIPC_REVOKE_GONE, .watched = true);

/* ENOMEM: session and owner.  What else a file can do. */
CALL(open_first, call_open, nothing_open, SEEN(LIVE, 0, 0),
     .efault = 1, .enomem = 2);
CALL(open_another, call_open, own, SEEN(LIVE, 0, 0),
     .efault = 1, .enomem = 2);
CALL(close_fd, call_close_fd, own_and_imported, SEEN(REVOKED, 1, 1));
CALL(read, call_read, event, SEEN(CLOSING, 1, 1), .want = EVENT, .efault = 1);
CALL(read_two, call_read_two, two_events, SEEN(CLOSING, 1, 1),
     .want = 2 * EVENT, .efault = 1);
CALL(read_nothing, call_read, imported, SEEN(LIVE, 1, 1), .want = -EAGAIN);
CALL(poll, call_poll, event, SEEN(CLOSING, 1, 1), .want = 1, .efault = 1);
CALL(epoll, call_epoll, event, SEEN(CLOSING, 1, 1), .efault = 1, .enomem = 1);
CALL(fdinfo, call_fdinfo, own_and_imported, SEEN(LIVE, 0, 1), .enomem = 2,
     .efault = 1);
CALL(show_shares, call_shares, own_imported, SEEN(LIVE, 0, 1), .enomem = 2,
     .efault = 1);
CALL(show_imports, call_imports, own_imported, SEEN(LIVE, 0, 1), .enomem = 2,
     .efault = 1);
CALL(show_counts, call_counts, own_imported, SEEN(LIVE, 0, 1), .enomem = 1,
     .efault = 1);
CALL(mmap, call_mmap, own, SEEN(LIVE, 0, 0), .want = -ENODEV);
CALL(unknown, call_unknown, own, SEEN(LIVE, 0, 0), .want = -ENOTTY);
CALL(write, call_write, own, SEEN(LIVE, 0, 0), .want = -EINVAL);

FIXTURE_SETUP(call)
{
	ASSERT_EQ(0, t_set_settle(T_SETTLE_MS));
	if (variant->watched && access(ASCEND_SIM_DEV, F_OK))
		SKIP(return, "no ascend_sim");
	ASSERT_EQ(0, world_init(&self->w, variant->watched));
}

FIXTURE_TEARDOWN_PARENT(call)
{
	EXPECT_EQ(0, loosen());
	EXPECT_EQ(0, t_nothing_left());
	/* the driver forgets a process some time after its end */
	EXPECT_EQ(0, t_until(driver_count("procs") <= 0));
}

/* The struct of the call, as it is accepted. */
static void fill(FIXTURE_DATA(call) *self, const FIXTURE_VARIANT(call) *v)
{
	unsigned int nr = _IOC_NR(v->cmd);
	union args *arg = &self->w.arg;

	memset(arg, 0, sizeof(*arg));
	arg->size = args_layout[nr].size;
	arg->flags = v->flags;
	if (args_layout[nr].key_at)
		t_key(args_key(arg, nr), KEY);
	switch (v->cmd) {
	case ACLIPC_EXPORT:
		arg->export.addr = self->w.va;
		arg->export.length = T_LENGTH;
		break;
	case ACLIPC_ALLOW:
		arg->allow.pids = (uintptr_t)self->w.pids;
		arg->allow.nr_pids = v->nr;
		break;
	case ACLIPC_CLOSE:
		arg->close.op = v->op;
		arg->close.timeout_ms = v->op == ACLIPC_CLOSE_WAIT;
		break;
	case ACLIPC_HOLDERS:
		arg->holders.holders = (uintptr_t)self->w.room;
		arg->holders.nr_holders = v->nr;
		break;
	}
	self->arg = *arg;
}

/* The call, with its nth failure point failing, if it has so many. */
static long attempt(FIXTURE_DATA(call) *self, const FIXTURE_VARIANT(call) *v,
		    unsigned int n, bool *failed)
{
	struct world *w = &self->w;
	long ret;

	fail_nth(n);
	ret = v->call ? v->call(w) : t_ioctl(w->fd, v->cmd, &w->arg);
	*failed = n && !fail_left(fail_fd);
	fail_nth(0);
	return ret;
}

/* Some results depend on what failed, and on whom it was told. */
static void check_answer(struct __test_metadata *_metadata,
			 FIXTURE_DATA(call) *self,
			 const FIXTURE_VARIANT(call) *v, bool failed)
{
	const union args *arg = &self->w.arg;

	switch (v->cmd) {
	case ACLIPC_CLOSE:
		EXPECT_EQ(v->answer, arg->close.out_answer);
		break;
	case ACLIPC_EXPORT:
		if (v->want)
			break;
		EXPECT_LT(0, arg->export.out_generation);
		EXPECT_EQ(arg->export.out_watched,
			  driver_count("registrations"));
		if (v->watched && !arg->export.out_watched) {
			EXPECT_TRUE(failed);
			self->unwatched++;
		}
		break;
	case ACLIPC_ALLOW:
		EXPECT_EQ(v->nr, arg->allow.out_added);
		EXPECT_EQ(0, admitted(&self->w));
		break;
	case ACLIPC_HOLDERS:
		EXPECT_EQ(1, arg->holders.out_holders);
		if (v->nr)
			EXPECT_EQ(getpid(), self->w.room[0].pid);
		break;
	}
}

static void check_done(struct __test_metadata *_metadata,
		       FIXTURE_DATA(call) *self,
		       const FIXTURE_VARIANT(call) *v, long ret, bool failed)
{
	struct world *w = &self->w;

	/* the second event could not be copied: it is still there */
	if (failed && v->call == call_read_two && ret == EVENT)
		ret += call_read(w);
	/* a descriptor is any number */
	if (v->call == call_open && ret > 0)
		ret = 0;
	EXPECT_EQ(v->want, ret);
	EXPECT_NE(NULL, strstr(self->before, w->text));
	check_answer(_metadata, self, v, failed);
	EXPECT_EQ(v->seen, seen(w->fd < 0 ? w->peer : w->fd));
}

static void check_refused(struct __test_metadata *_metadata,
			  FIXTURE_DATA(call) *self,
			  const FIXTURE_VARIANT(call) *v, long ret)
{
	char *after = snapshot(&self->w);

	self->efault += ret == -EFAULT;
	self->enomem += ret == -ENOMEM;
	EXPECT_TRUE(ret == -EFAULT || ret == -ENOMEM) {
		TH_LOG("point %u: %s", self->nr, strerror(-ret));
	}
	EXPECT_STREQ(self->before, after);
	EXPECT_EQ(0, memcmp(&self->arg, &self->w.arg, sizeof(self->arg)));
	if (v->cmd == ACLIPC_ALLOW)
		EXPECT_EQ(-EACCES, admitted(&self->w));
	free(after);
}

/* One round with failure n.  Returns whether there was one. */
static bool round_nth(struct __test_metadata *_metadata,
		      FIXTURE_DATA(call) *self,
		      const FIXTURE_VARIANT(call) *v)
{
	struct world *w = &self->w;
	bool failed, refused;
	long ret;

	ASSERT_EQ(0, world_begin(w));
	ASSERT_EQ(0, v->setup(w));
	ASSERT_EQ(0, tighten(w));
	fill(self, v);
	self->before = snapshot(w);
	ret = attempt(self, v, self->nr, &failed);
	refused = failed && ret < 0 && ret != v->want;
	if (refused) {
		check_refused(_metadata, self, v, ret);
		ret = attempt(self, v, 0, &refused);
		check_done(_metadata, self, v, ret, false);
	} else {
		self->borne += failed;
		check_done(_metadata, self, v, ret, failed);
	}
	free(self->before);
	ASSERT_EQ(0, loosen());
	EXPECT_EQ(0, world_end(w));
	return failed;
}

/*
 * Now and then the kernel has to refill a cache of its own, and the points are
 * others than before: so more than once.
 */
TEST_F_TIMEOUT(call, each_failure_changes_nothing, SECONDS)
{
	unsigned int points = 0;
	int pass;

	/* once without failure: all memory is touched then */
	EXPECT_FALSE(round_nth(_metadata, self, variant));
	for (pass = 0; pass < PASSES; pass++) {
		self->nr = 1;
		while (round_nth(_metadata, self, variant) &&
		       __test_passed(_metadata))
			ASSERT_GT(LIMIT, ++self->nr);
		points += self->nr - 1;
	}
	TH_LOG("%u failures: %u EFAULT, %u ENOMEM, %u borne (%u unwatched)",
	       points, self->efault, self->enomem, self->borne,
	       self->unwatched);
	EXPECT_LE(variant->efault + !!variant->cmd, self->efault);
	EXPECT_LE(variant->enomem, self->enomem);
	EXPECT_LE(variant->unwatched, self->unwatched);
}

T_MAIN

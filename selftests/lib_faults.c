// SPDX-License-Identifier: GPL-2.0
/*
 * Real calls that fail: CANN's error comes back as it was, counts are taken
 * back, what has to be done is tried again, and nothing is freed whose destroy
 * failed.  And threads that are cancelled in the middle of a call.
 */
#include <pthread.h>

#include "lib_test.h"

#define DENIED	ACL_ERROR_RT_NO_PERMISSION

LIB_FIXTURE(faults)

/* flags of the first pending key; -1: none */
static long do_pending_flags(struct peer_state *s, long a, long b)
{
	struct aclipc_pending pending;
	uint32_t total = 0;

	if (LIB(aclipc_pending)(&pending, 1, &total, NULL) || !total)
		return -1;
	return pending.flags;
}

static long do_fail_op(const char *op, long b)
{
	ascend_sim_fail(op, (int)(b >> 16), (int)(b & 0xffff));
	return 0;
}

static long do_fail_attr(struct peer_state *s, long a, long b)
{
	return do_fail_op("setattr", b);
}

static long do_fail_setpid(struct peer_state *s, long a, long b)
{
	return do_fail_op("setpid", b);
}

static long do_fail_prefetch(struct peer_state *s, long a, long b)
{
	return do_fail_op("prefetch", b);
}

static long do_fail_off(struct peer_state *s, long a, long b)
{
	ascend_sim_fail(NULL, 0, 0);
	return 0;
}

/* imports that the module counts, seen by the exporter */
static long do_imports(struct peer_state *s, long a, long b)
{
	struct aclipc_query query = { .size = sizeof(query) };
	struct aclipc_key key;
	struct aclipc *session;
	long ret;

	if (LIB(aclipc_key_from_string)(&key, s->board->key[a], 65) ||
	    LIB(aclipc_session_open)(&session))
		return -1;
	ret = LIB(aclipc_query)(session, &key, 0, &query);
	LIB(aclipc_session_close)(session);
	if (ret)
		return ret;
	return b ? query.out_state : query.out_imports;
}

TEST_F(faults, codes_of_the_driver_are_passed_on)
{
	static const struct {
		int drv;
		long acl;
	} codes[] = {
		{ DRV_ERROR_OUT_OF_MEMORY, ACL_ERROR_RT_MEMORY_ALLOCATION },
		{ DRV_ERROR_OPER_NOT_PERMITTED, DENIED },
		{ DRV_ERROR_NOT_SUPPORT, ACL_ERROR_RT_FEATURE_NOT_SUPPORT },
		{ DRV_ERROR_OVER_LIMIT, ACL_ERROR_RT_OVER_LIMIT },
		{ DRV_ERROR_IOCRL_FAIL, ACL_DRV },
		{ DRV_ERROR_BUSY, ACL_DRV },
	};
	size_t i;
	long fail;

	SHARE(1, BIG, 7);
	ASSERT_EQ(0, P(0, do_malloc, 1, BIG));
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		fail = FAIL(1, codes[i].drv);
		P(0, do_fail, FAIL_CREATE, fail);
		EXPECT_EQ(codes[i].acl, P(0, do_export_any, 1, KEY(1, BIG)));
		P(1, do_fail, FAIL_OPEN, fail);
		EXPECT_EQ(codes[i].acl, P(1, do_import, 1, 0));
		EXPECT_EQ(1, P(0, do_imports, 0, 0));
		P(1, do_fail, FAIL_CLOSE, fail);
		EXPECT_EQ(codes[i].acl, P(1, do_close, 0, 0));
		EXPECT_EQ(1, P(0, do_imports, 0, 0));
		P(0, do_fail_setpid, 0, fail);
		EXPECT_EQ(codes[i].acl, P(0, do_set_pid, 0, getpid()));
		P(0, do_fail, FAIL_FREE, fail);
		EXPECT_EQ(codes[i].acl, P(0, do_free, 1, 0));
	}
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 1, 0));
}

TEST_F(faults, failed_create_leaves_nothing)
{
	ASSERT_EQ(0, P(0, do_malloc, 0, BIG));
	P(0, do_fail, FAIL_CREATE, FAIL(2, DRV_ERROR_OVER_LIMIT));
	ASSERT_EQ(0, P(0, do_export_any, 0, KEY(0, BIG)));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(ACL_ERROR_RT_OVER_LIMIT, P(0, do_export_any, 0, KEY(0, BIG)));
	EXPECT_EQ(0, sim_counted("keys"));
	/* the third is good again */
	ASSERT_EQ(0, P(0, do_export_any, 0, KEY(0, BIG)));
	EXPECT_EQ(0, P(1, do_import, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(2, DESTROYS());
	EXPECT_EQ(0, P(0, do_free, 0, 0));
}

/* The second step of an export fails: its key is there, and can be closed. */
TEST_F(faults, failed_attribute_after_create)
{
	ASSERT_EQ(0, P(0, do_malloc, 0, BIG));
	P(0, do_fail_attr, 0, FAIL(1, DRV_ERROR_IOCRL_FAIL));
	EXPECT_EQ(ACL_DRV, P(0, do_export_any, 0, KEY(0, BIG)));
	EXPECT_EQ(DENIED, P(1, do_import, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
}

TEST_F(faults, failed_whitelist_lets_nobody_in)
{
	long pid = P(1, do_bare_tgid, 0, 0);

	ASSERT_EQ(0, P(0, do_malloc, 0, BIG));
	ASSERT_EQ(0, P(0, do_export, 0, KEY(0, BIG)));
	P(0, do_fail_setpid, 0, FAIL(1, DRV_ERROR_OVER_LIMIT));
	EXPECT_EQ(ACL_ERROR_RT_OVER_LIMIT, P(0, do_set_pid, 0, pid));
	EXPECT_EQ(DENIED, P(1, do_import, 0, 0));
	EXPECT_EQ(0, P(0, do_set_pid, 0, pid));
	EXPECT_EQ(0, P(1, do_import, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
}

TEST_F(faults, nth_open_fails)
{
	int i;

	SHARE(1, BIG, 7);
	P(1, do_fail, FAIL_OPEN, FAIL(3, DRV_ERROR_IOCRL_FAIL));
	for (i = 1; i <= 5; i++)
		EXPECT_EQ(i == 3 ? ACL_DRV : 0, P(1, do_import, i, 0));
	EXPECT_EQ(5, P(0, do_imports, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, DESTROYS());
		EXPECT_EQ(0, P(1, do_close, 0, 0));
	}
	DRAINED();
	EXPECT_EQ(1, DESTROYS());
}

/* The HAL takes an open back by its own close: that counts nothing. */
TEST_F(faults, open_that_the_driver_library_takes_back)
{
	ONLY(2);
	SHARE(1, BIG, 7);
	P(1, do_fail_prefetch, 0, FAIL(1, DRV_ERROR_IOCRL_FAIL));
	EXPECT_EQ(ACL_DRV, P(1, do_import, 1, 0));
	EXPECT_EQ(1, P(0, do_imports, 0, 0));
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	P(1, do_fail_prefetch, 0, FAIL(1, DRV_ERROR_IOCRL_FAIL));
	EXPECT_EQ(ACL_DRV, P(1, do_import, 1, 0));
	EXPECT_EQ(0, P(0, do_imports, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, DESTROYS());
}

TEST_F(faults, failed_close_keeps_the_import)
{
	int i;

	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_REFUSE, 0));
	SHARE(1, BIG, 7);
	for (i = 0; i < 3; i++) {
		P(1, do_fail, FAIL_CLOSE, FAIL(1, DRV_ERROR_IOCRL_FAIL));
		EXPECT_EQ(ACL_DRV, P(1, do_close, 0, 0));
		EXPECT_EQ(7, P(1, do_read, 0, 0));
		EXPECT_EQ(ACL_ERROR_RT_TIMEOUT, P(0, do_close, 0, 0));
	}
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, DESTROYS());
}

TEST_F(faults, second_close_of_three_fails)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(1, do_import, 1, 0));
	EXPECT_EQ(0, P(1, do_import, 2, 0));
	P(1, do_fail, FAIL_CLOSE, FAIL(2, DRV_ERROR_IOCRL_FAIL));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(1, do_close, 0, 0));
	EXPECT_EQ(2, P(0, do_imports, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, DESTROYS());
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	DRAINED();
	EXPECT_EQ(1, DESTROYS());
}

TEST_F(faults, failed_destroy_leaves_the_key_alive)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	P(0, do_fail, FAIL_DESTROY, FAIL(1, DRV_ERROR_IOCRL_FAIL));
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_pending, 0, 0));
	EXPECT_EQ(ACLIPC_STATE_LIVE, P(0, do_imports, 0, 1));
	/* and open to all */
	EXPECT_EQ(0, P(1, do_import, 0, 0));
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(0, P(0, do_free, 0, 0));
}

/* "No such key" from the driver is as good as destroyed. */
TEST_F(faults, destroy_of_a_key_that_the_driver_has_forgotten)
{
	SHARE(1, BIG, 7);
	P(0, do_fail, FAIL_DESTROY, FAIL(1, DRV_ERROR_NOT_EXIST));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, P(0, do_pending, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	DRAINED();
	EXPECT_EQ(0, DESTROYS());
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
	EXPECT_EQ(-ENOENT, P(0, do_imports, 0, 0));
	/* the driver did have it: its reset is the end of it */
	EXPECT_EQ(0, P(0, do_reset, 0, 0));
	sim_reset_ledger();
}

TEST_F(faults, free_of_a_key_whose_destroy_fails)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	P(0, do_fail, FAIL_DESTROY, FAIL(1, DRV_ERROR_IOCRL_FAIL));
	EXPECT_EQ(ACL_DRV, P(0, do_free, 0, 0));
	EXPECT_EQ(0, FREES());
	EXPECT_EQ(ACLIPC_STATE_LIVE, P(0, do_imports, 0, 1));
	EXPECT_EQ(0, P(1, do_import, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(1, FREES());
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
}

TEST_F(faults, deferred_destroy_that_never_works_is_stuck)
{
	SHARE(1, BIG, 7);
	P(0, do_fail, FAIL_DESTROY, FAIL(-1, DRV_ERROR_IOCRL_FAIL));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(ACLIPC_PENDING_FREE, P(0, do_pending_flags, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_TRUE(lib_until(P(0, do_pending_flags, 0, 0) &
			      ACLIPC_PENDING_STUCK));
	/* shown, kept, and never freed */
	EXPECT_EQ(1, P(0, do_pending, 0, 0));
	EXPECT_EQ(ALLOCATED(BIG), P(0, do_pending, 1, 0));
	EXPECT_EQ(0, FREES());
	EXPECT_EQ(0, DESTROYS());
	EXPECT_EQ(ACL_ERROR_RT_INVALID_HANDLE, P(1, do_import, 0, 0));
	EXPECT_EQ(ACL_DRV, P(0, do_free, 0, 0));
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
	EXPECT_EQ(ACL_ERROR_RT_TIMEOUT, P(0, do_export_any, 0, KEY(1, BIG)));
	/* other memory is none the worse for it */
	ASSERT_EQ(0, P(0, do_malloc, 1, BIG));
	EXPECT_EQ(0, P(0, do_free, 1, 0));
	/* a reset frees all */
	P(0, do_fail_off, 0, 0);
	EXPECT_EQ(0, P(0, do_reset, 0, 0));
	EXPECT_EQ(0, P(0, do_pending, 0, 0));
	EXPECT_EQ(0, P(0, do_pending, 1, 0));
}

TEST_F(faults, deferred_free_is_tried_again)
{
	SHARE(1, BIG, 7);
	P(0, do_fail, FAIL_FREE, FAIL(1, DRV_ERROR_IOCRL_FAIL));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	DRAINED();
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(1, FREES());
}

TEST_F(faults, deferred_free_that_never_works_is_stuck)
{
	SHARE(1, BIG, 7);
	P(0, do_fail, FAIL_FREE, FAIL(-1, DRV_ERROR_IOCRL_FAIL));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_TRUE(lib_until(P(0, do_pending_flags, 0, 0) &
			      ACLIPC_PENDING_STUCK));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(0, FREES());
	/* its late close still succeeds, once */
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
	P(0, do_fail_off, 0, 0);
	EXPECT_EQ(0, P(0, do_reset, 0, 0));
	EXPECT_EQ(0, P(0, do_pending, 0, 0));
}

TEST_F(faults, failed_free_with_nothing_pending)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	P(0, do_fail, FAIL_FREE, FAIL(1, DRV_ERROR_BUSY));
	EXPECT_EQ(ACL_DRV, P(0, do_free, 0, 0));
	/* the key is gone, the memory is not */
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(7, P(0, do_read, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(0, do_close, 0, 0));
	/* and may be shared again */
	ASSERT_EQ(0, P(0, do_export_any, 0, KEY(1, BIG)));
	EXPECT_EQ(0, P(1, do_import, 0, 1));
	EXPECT_EQ(0, P(1, do_close, 1, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	EXPECT_EQ(1, FREES());
	EXPECT_EQ(2, DESTROYS());
}

TEST_F(faults, failed_alloc)
{
	long oom = FAIL(1, DRV_ERROR_OUT_OF_MEMORY);

	/* nothing pending: the error is passed on */
	SHARE(1, BIG, 7);
	P(0, do_fail, FAIL_ALLOC, FAIL(-1, DRV_ERROR_OUT_OF_MEMORY));
	EXPECT_EQ(ACL_ERROR_RT_MEMORY_ALLOCATION, P(0, do_malloc, 1, BIG));
	P(0, do_fail, FAIL_ALLOC, FAIL(0, 0));
	/* frees pending: out of memory waits for them, other errors do not */
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	P(0, do_fail, FAIL_ALLOC, FAIL(-1, DRV_ERROR_IOCRL_FAIL));
	EXPECT_EQ(ACL_DRV, P(0, do_malloc, 1, BIG));
	P(0, do_fail, FAIL_ALLOC, FAIL(0, 0));
	P(0, do_fail, FAIL_ALLOC, oom);
	ASSERT_EQ(0, peer_send(&self->p[0], do_malloc, 1, BIG));
	ASSERT_TRUE(lib_until(lib_sleeps(self->p[0].pid)));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, peer_recv(&self->p[0]));
	EXPECT_EQ(1, FREES());
	/* once, not for ever */
	P(0, do_fail, FAIL_ALLOC, FAIL(-1, DRV_ERROR_OUT_OF_MEMORY));
	EXPECT_EQ(ACL_ERROR_RT_MEMORY_ALLOCATION, P(0, do_malloc, 2, BIG));
	P(0, do_fail_off, 0, 0);
}

TEST_F(faults, failed_device_close_of_an_importer)
{
	SHARE(1, BIG, 7);
	P(1, do_fail, FAIL_DEVCLOSE, FAIL(1, DRV_ERROR_IOCRL_FAIL));
	P(1, do_reset, 0, 0);
	/* its import was closed before, for real: nobody waits for it */
	EXPECT_EQ(0, P(0, do_imports, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, DESTROYS());
	ASSERT_EQ(0, P(1, do_device, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(1, do_close, 0, 0));
}

TEST_F(faults, failed_close_within_a_failed_device_close)
{
	SHARE(1, BIG, 7);
	P(1, do_fail, FAIL_CLOSE, FAIL(1, DRV_ERROR_IOCRL_FAIL));
	P(1, do_fail, FAIL_DEVCLOSE, FAIL(1, DRV_ERROR_IOCRL_FAIL));
	P(1, do_reset, 0, 0);
	/* nothing happened to it: still counted, usable, closable */
	EXPECT_EQ(1, P(0, do_imports, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	ASSERT_EQ(0, P(1, do_device, 0, 0));
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, DESTROYS());
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	DRAINED();
	EXPECT_EQ(1, DESTROYS());
}

TEST_F(faults, failed_close_within_a_device_close)
{
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	P(1, do_fail, FAIL_CLOSE, FAIL(1, DRV_ERROR_IOCRL_FAIL));
	EXPECT_EQ(0, P(1, do_reset, 0, 0));
	/* the device close did it */
	DRAINED();
	ASSERT_EQ(0, P(1, do_device, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(ACL_DRV, P(1, do_close, 0, 0));
}

TEST_F(faults, failed_device_close_keeps_what_is_pending)
{
	ASSERT_EQ(0, P(0, do_policy, ACLIPC_POLICY_DEFER, 200));
	SHARE(1, BIG, 7);
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_free, 0, 0));
	P(0, do_fail, FAIL_DEVCLOSE, FAIL(1, DRV_ERROR_IOCRL_FAIL));
	P(0, do_reset, 0, 0);
	EXPECT_EQ(1, P(0, do_pending, 0, 0));
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, DESTROYS());
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	DRAINED();
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(1, sim_counted("free"));
}

/* A call in a thread of its own, which is cancelled in it. */
struct victim {
	struct peer_state *s;
	peer_fn fn, then;	/* then: in the cleanup handler */
	long a, b, ret, then_ret;
	int type;
	bool at_once;
};

static void victim_cleanup(void *data)
{
	struct victim *v = data;

	v->then_ret = v->then ? v->then(v->s, v->a, v->b) : 0;
}

static void *victim_thread(void *data)
{
	struct victim *v = data;
	int old;

	/* a device is each thread's own; nothing is cancelled meanwhile */
	aclrtSetDevice(0);
	if (v->at_once)
		pthread_cancel(pthread_self());
	pthread_cleanup_push(victim_cleanup, v);
	pthread_setcanceltype(v->type, &old);
	v->ret = v->fn(v->s, v->a, v->b);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &old);
	pthread_testcancel();
	pthread_cleanup_pop(0);
	return NULL;
}

/* -1: was not cancelled; else what the call in the handler returned. */
static long victim_run(struct victim *v, bool waits)
{
	void *result = NULL;
	pthread_t thread;

	v->ret = -2;
	if (pthread_create(&thread, NULL, victim_thread, v))
		return -3;
	if (waits) {
		if (!lib_until(do_imports(v->s, v->a, 1) ==
			       ACLIPC_STATE_CLOSING))
			return -4;
		pthread_cancel(thread);
	}
	pthread_join(thread, &result);
	return result == PTHREAD_CANCELED ? v->then_ret : -1;
}

static long close_refuse(struct peer_state *s, long a, long b)
{
	do_policy(s, ACLIPC_POLICY_REFUSE, 0);
	return do_close(s, a, b);
}

static long wait_cancelled(struct peer_state *s, long a, long b)
{
	struct victim v = {
		.s = s, .fn = do_close, .then = close_refuse, .type = b,
	};

	do_policy(s, ACLIPC_POLICY_WAIT, b == PTHREAD_CANCEL_DEFERRED ?
					 300 : LIB_BOUND_MS);
	return victim_run(&v, true);
}

TEST_F(faults, cancelled_while_it_waits)
{
	SHARE(1, BIG, 7);
	/* hooked and counted as ever, in the very thread that was thrown out */
	EXPECT_EQ(ACL_ERROR_RT_TIMEOUT,
		  P(0, wait_cancelled, 0, PTHREAD_CANCEL_ASYNCHRONOUS));
	EXPECT_EQ(ACLIPC_STATE_LIVE, P(0, do_imports, 0, 1));
	/* a deferred cancellation does not end the wait, its time does */
	EXPECT_EQ(ACL_ERROR_RT_TIMEOUT,
		  P(0, wait_cancelled, 0, PTHREAD_CANCEL_DEFERRED));
	EXPECT_EQ(0, P(1, do_import, 1, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(0, P(0, do_free, 0, 0));
}

static peer_fn const victim_fns[] = { do_close, do_free };

/* a: slot or key; b: the call.  Cancelled where the HAL writes its trace. */
static long cancelled_inside(struct peer_state *s, long a, long b)
{
	struct victim v = {
		.s = s, .fn = victim_fns[b], .then = do_close, .a = a,
		.at_once = true,
	};

	return victim_run(&v, false);
}

/* Peer 2 traces: a write is where a thread is cancelled, within the HAL. */
#define TRACING_PEER() do {						\
	setenv("ASCEND_SIM_TRACE", "/dev/null", 1);			\
	ASSERT_EQ(0, lib_start(&self->p[2], self->board));		\
	unsetenv("ASCEND_SIM_TRACE");					\
} while (0)

TEST_F(faults, importer_cancelled_in_the_real_close)
{
	TRACING_PEER();
	SHARE(1, BIG, 7);
	ASSERT_EQ(0, P(2, do_import, 0, 0));
	EXPECT_EQ(2, P(0, do_imports, 0, 0));
	/* the real close was done, and nothing after it; closed once more, the
	 * HAL knows the address no more and the count goes
	 */
	EXPECT_EQ(ACL_DRV, P(2, cancelled_inside, 0, 0));
	EXPECT_EQ(1, P(0, do_imports, 0, 0));
	EXPECT_EQ(0, P(0, do_close, 0, 0));
	EXPECT_EQ(7, P(1, do_read, 0, 0));
	EXPECT_EQ(0, P(1, do_close, 0, 0));
	DRAINED();
	EXPECT_EQ(1, DESTROYS());
}

TEST_F(faults, exporter_cancelled_in_the_real_destroy)
{
	TRACING_PEER();
	EXPORT(2, 0, 0, BIG, 7);
	EXPECT_NE(-1, P(2, cancelled_inside, 0, 0));
	EXPECT_EQ(1, DESTROYS());
	EXPECT_EQ(-ENOENT, P(2, do_imports, 0, 0));
	EXPECT_EQ(0, P(2, do_free, 0, 0));
	/* as if nothing had been */
	EXPORT(2, 0, 1, BIG, 7);
	EXPECT_EQ(0, P(1, do_import, 0, 1));
	EXPECT_EQ(0, P(1, do_close, 1, 0));
	sim_reset_ledger();
}

TEST_F(faults, exporter_cancelled_in_the_real_free)
{
	TRACING_PEER();
	EXPORT(2, 0, 0, BIG, 7);
	/* the destroy within the free traces first */
	EXPECT_EQ(ACL_DRV, P(2, cancelled_inside, 0, 1));
	EXPECT_EQ(-ENOENT, P(2, do_imports, 0, 0));
	EXPECT_EQ(ACL_DRV, P(2, do_close, 0, 0));
	EXPECT_EQ(0, P(2, do_free, 0, 0));
	EXPECT_EQ(1, FREES());
	sim_reset_ledger();
}

LIB_MAIN

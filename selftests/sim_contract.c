// SPDX-License-Identifier: GPL-2.0
/*
 * What the stand-ins promise besides: keys, whitelists, error codes, failures
 * on demand, and how their layers bind to each other.
 */
#include <dlfcn.h>
#include <pthread.h>

#include "runtime/rt.h"
#include "sim_fixture.h"

/* not in every build of the driver library */
extern __typeof__(halDeviceClose) halDeviceClose __attribute__((weak));
extern __typeof__(halShmemMapRouteCheck) halShmemMapRouteCheck
	__attribute__((weak));

static long do_import_inside(struct peer_state *s, long a, long b)
{
	aclError err = aclrtIpcMemImportByKey(&s->slot[a], s->board->key[b], 1);

	return err;
}

TEST_F(sim, whitelist)
{
	long pid = B(do_bare_tgid, 0, 0), own = A(do_bare_tgid, 0, 0);

	EXPECT_EQ(self->b.pid, pid);
	ASSERT_EQ(0, A(do_malloc, 0, SMALL));
	ASSERT_EQ(0, A(do_export, 0, KEY(0, SMALL)));
	EXPECT_EQ(ACL_DRV, B(do_import, 0, 0));
	EXPECT_EQ(self->svm == 2 ? ACL_DRV : 0, A(do_set_pid, 0, own));
	EXPECT_EQ(ACL_DRV, A(do_set_pid, 0, 0) ? ACL_DRV : 0);
	EXPECT_EQ(self->svm == 2 ? ACL_DRV : ACL_ERROR_RT_NO_PERMISSION,
		  B(do_set_pid, 0, pid));
	ASSERT_EQ(0, A(do_set_pid, 0, pid));
	EXPECT_EQ(0, B(do_import_inside, 0, 0));
	EXPECT_EQ(ACL_DRV, C(do_import, 0, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
	/* listed once, open again */
	EXPECT_EQ(0, B(do_import, 0, 0));

	ASSERT_EQ(0, A(do_export_any, 0, KEY(1, SMALL)));
	EXPECT_EQ(ACL_ERROR_RT_NO_PERMISSION, A(do_set_pid, 1, pid));
	EXPECT_EQ(0, C(do_import, 0, 1));
	EXPECT_EQ(0, sim_violation("total"));
}

static long do_set_many(struct peer_state *s, long a, long b)
{
	int32_t pids[64];
	long i;

	for (i = 0; i < b; i++)
		pids[i] = 100000 + i;
	return aclrtIpcMemSetImportPid(s->board->key[a], pids, b);
}

TEST_F(sim, whitelist_takes_31_pids_a_call)
{
	ASSERT_EQ(0, A(do_malloc, 0, SMALL));
	ASSERT_EQ(0, A(do_export, 0, KEY(0, SMALL)));
	EXPECT_EQ(0, A(do_set_many, 0, 31));
	EXPECT_EQ(ACL_ERROR_RT_PARAM_INVALID, A(do_set_many, 0, 32));
	EXPECT_EQ(ACL_ERROR_RT_PARAM_INVALID, A(do_set_many, 0, 0));
}

TEST_F(sim, reused_pid_is_not_let_in)
{
	pid_t pid = self->b.pid;

	ASSERT_EQ(0, A(do_malloc, 0, SMALL));
	ASSERT_EQ(0, A(do_export, 0, KEY(0, SMALL)));
	ASSERT_EQ(0, A(do_set_pid, 0, pid));
	peer_kill(&self->b);
	if (!next_pid(pid))
		SKIP(return, "no ns_last_pid");
	ASSERT_EQ(0, peer_start(&self->b, self->board));
	if (self->b.pid != pid)
		SKIP(return, "pid %d not to be had again", pid);
	ASSERT_EQ(0, B(do_device, 0, 0));
	EXPECT_EQ(ACL_DRV, B(do_import, 0, 0));
	/* listed anew, it is */
	ASSERT_EQ(0, A(do_set_pid, 0, pid));
	EXPECT_EQ(0, B(do_import, 0, 0));
}

static long do_export_len(struct peer_state *s, long a, long b)
{
	return aclrtIpcMemGetExportKey(s->slot[a], SMALL, s->board->key[0], b,
				       0);
}

TEST_F(sim, key_formats)
{
	char *key = self->board->key[0], *other = self->board->key[1];
	char pid[9] = "";
	size_t i;

	memset(key, 'x', 256);
	ASSERT_EQ(0, A(do_malloc, 0, SMALL));
	EXPECT_EQ(ACL_ERROR_RT_PARAM_INVALID, A(do_export_len, 0, 64));
	EXPECT_EQ('x', key[0]);
	ASSERT_EQ(0, A(do_export_len, 0, 65));
	ASSERT_EQ(0, A(do_export, 0, KEY(1, SMALL)));
	EXPECT_NE(0, strcmp(key, other));

	if (self->svm == 2) {
		EXPECT_EQ(64, (int)strlen(key));
		EXPECT_EQ(36, strspn(key, "0123456789abcdef") > 36 ? 36 : 0);
		for (i = 36; i < 64; i++)
			EXPECT_EQ('0', key[i]);
		memcpy(pid, key, 8);
		EXPECT_EQ(self->a.pid, strtol(pid, NULL, 16));
		snprintf(key, 256, "no such key");
		EXPECT_EQ(ACL_ERROR_RT_PARAM_INVALID, B(do_import, 0, 0));
	} else {
		EXPECT_EQ(50, (int)strlen(key));
		EXPECT_EQ('x', key[51]);
		EXPECT_EQ('x', key[64]);
		for (i = 40; i < 50; i++)
			EXPECT_EQ(0x80, key[i] & 0x80);
		key[49] = '\0';
		EXPECT_EQ(ACL_ERROR_RT_PARAM_INVALID, B(do_import, 0, 0));
	}
	/* what parses and is unknown */
	other[self->svm == 2 ? 20 : 32] ^= 1 << 2;
	EXPECT_EQ(ACL_DRV, B(do_import, 0, 1));
}

static long do_set_attr(struct peer_state *s, long a, long b)
{
	return aclrtIpcMemSetAttr(s->board->key[a],
				  ACL_RT_IPC_MEM_ATTR_ACCESS_LINK, b);
}

TEST_F(sim, set_attr_makes_the_first_close_a_no_op_on_v3)
{
	ONLY(3);
	if (!&halShmemMapRouteCheck)
		SKIP(return, "this driver library checks no routes");
	ASSERT_EQ(0, A(do_malloc, 0, SMALL));
	ASSERT_EQ(0, A(do_export_any, 0, KEY(0, SMALL)));
	ASSERT_EQ(0, A(do_set_attr, 0, 1));
	EXPECT_EQ(0, A(do_close, 0, 0));
	EXPECT_EQ(0, sim_counted("destroy"));
	EXPECT_EQ(0, B(do_import, 0, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_EQ(0, A(do_close, 0, 0));
	EXPECT_EQ(1, sim_counted("destroy"));
}

static long do_linear(struct peer_state *s, long a, long b)
{
	(void)s;
	(void)a;
	(void)b;
	return setenv("ASCEND_SIM_LINEAR", "1", 1);
}

TEST_F(sim, linear_memory_is_one_address_without_a_pin_on_v3)
{
	ONLY(3);
	ASSERT_EQ(0, A(do_linear, 0, 0));
	SHARE(BIG, 9);
	ASSERT_EQ(0, B(do_import, 1, 0));
	EXPECT_EQ(B(do_address, 0, 0), B(do_address, 1, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_EQ(0, B(do_close, 0, 0));
	EXPECT_EQ(9, B(do_read, 0, 0));
	EXPECT_EQ(0, A(do_free, 0, 0));
	EXPECT_EQ(0, sim_counted("free_deferred"));
	EXPECT_EQ(0, sim_violation("total"));
}

static long do_vmm(struct peer_state *s, long a, long b)
{
	struct drv_mem_prop prop = { .devid = 0 };
	drv_mem_handle_t *h;
	char name[65];
	void *va;

	(void)s;
	(void)a;
	(void)b;
	if (halMemAddressReserve(&va, BIG, 0, NULL, 0) ||
	    halMemCreate(&h, BIG, &prop, 0) || halMemMap(va, BIG, 0, h, 0) ||
	    halShmemCreateHandle((DVdeviceptr)va, BIG, name, sizeof(name)))
		return 1;
	if (halMemUnmap(va) != DRV_ERROR_BUSY)
		return 2;
	if (halShmemDestroyHandle(name) || halMemUnmap(va))
		return 3;
	return halMemRelease(h) || halMemAddressFree(va) ? 4 : 0;
}

TEST_F(sim, exported_range_cannot_be_unmapped)
{
	EXPECT_EQ(0, A(do_vmm, 0, 0));
	EXPECT_EQ(1, sim_counted("vmm_unmap_busy"));
}

static const char * const fail_ops[] = {
	"alloc", "create", "open", "close", "destroy", "free", "devclose",
	"setpid", "copy",
};

static long do_fail(struct peer_state *s, long a, long b)
{
	(void)s;
	ascend_sim_fail(fail_ops[a], b, DRV_ERROR_RESUME);
	return 0;
}

TEST_F(sim, each_call_fails_on_demand)
{
	const long e = ACL_ERROR_RT_TIMEOUT;

	SHARE(SMALL, 3);
	/* the runtime tries again */
	A(do_fail, 0, 2);
	EXPECT_EQ(0, A(do_malloc, 1, SMALL));
	EXPECT_EQ(0, A(do_malloc, 2, SMALL));
	A(do_fail, 0, -1);
	EXPECT_EQ(e, A(do_malloc, 3, SMALL));
	A(do_fail, 0, 0);
	EXPECT_EQ(0, A(do_malloc, 3, SMALL));
	A(do_fail, 1, 1);
	EXPECT_EQ(e, A(do_export, 1, KEY(1, SMALL)));
	EXPECT_EQ(0, A(do_export, 1, KEY(1, SMALL)));
	A(do_fail, 7, 1);
	EXPECT_EQ(e, A(do_set_pid, 1, 1));
	C(do_fail, 2, -1);
	EXPECT_EQ(e, C(do_import, 0, 0));
	EXPECT_EQ(e, C(do_import, 0, 0));
	C(do_fail, 2, 0);
	EXPECT_EQ(0, C(do_import, 0, 0));
	C(do_fail, 3, 1);
	EXPECT_EQ(e, C(do_close, 0, 0));
	EXPECT_EQ(3, C(do_read, 0, 0));
	EXPECT_EQ(0, C(do_close, 0, 0));
	A(do_fail, 4, 1);
	EXPECT_EQ(e, A(do_close, 1, 0));
	EXPECT_EQ(0, A(do_close, 1, 0));
	A(do_fail, 5, 1);
	EXPECT_EQ(e, A(do_free, 1, 0));
	EXPECT_EQ(0, A(do_free, 1, 0));
	A(do_fail, 8, 1);
	EXPECT_EQ(-e, A(do_read, 2, 0));
	/* the runtime ignores what a device close answers */
	B(do_fail, 6, 1);
	EXPECT_EQ(0, B(do_reset, 0, 0));
	EXPECT_EQ(0, sim_counted("dev_close"));
	EXPECT_EQ(0, sim_violation("total"));
}

TEST_F(sim, second_device_of_one_process)
{
	if (ascend_sim_nr_devices() < 2)
		SKIP(return, "one device only");
	SHARE(SMALL, 0x5a);
	ASSERT_EQ(0, B(do_device, 1, 0));
	/* v2 has one whitelist entry, so one mapping, per process */
	EXPECT_EQ(self->svm == 2 ? ACL_DRV : 0, B(do_import, 1, 0));
	/* closing one device leaves the other's imports alone */
	ASSERT_EQ(0, B(do_reset, 1, 0));
	ASSERT_EQ(0, B(do_device, 0, 0));
	EXPECT_EQ(0x5a, B(do_read, 0, 0));
	EXPECT_EQ(0, sim_violation("total"));
}

/*
 * The library's own calls find this definition first: what an interposer sees.
 * While it is inside, the pipeline is held, and a device close waits.
 */
static int closes_seen, close_wait;
static bool closed;

static void *close_device(void *unused)
{
	halDevCloseIn in = { 0 };

	(void)unused;
	if (&halDeviceClose)
		halDeviceClose(0, &in);
	else
		drvMemDeviceClose(0);
	__atomic_store_n(&closed, true, __ATOMIC_RELEASE);
	return NULL;
}

DVresult halShmemCloseHandle(DVdeviceptr va)
{
	__typeof__(halShmemCloseHandle) *next = dlsym(RTLD_NEXT, __func__);
	pthread_t thread;

	closes_seen++;
	if (close_wait) {
		close_wait = 0;
		pthread_create(&thread, NULL, close_device, NULL);
		pthread_detach(thread);
		usleep(300 * 1000);
		if (__atomic_load_n(&closed, __ATOMIC_ACQUIRE))
			closes_seen += 100;
	}
	return next(va);
}

static long do_import_halfway(struct peer_state *s, long a, long b)
{
	long err;
	int i;

	close_wait = 1;
	ascend_sim_fail("prefetch", 1, DRV_ERROR_RESUME);
	err = do_import(s, a, b);
	if (err != ACL_ERROR_RT_TIMEOUT)
		return -err;
	for (i = 0; i < 500 && !__atomic_load_n(&closed, __ATOMIC_ACQUIRE); i++)
		usleep(10 * 1000);
	return closes_seen + (closed ? 0 : 1000);
}

TEST_F(sim, library_calls_itself_by_name_with_the_pipeline_held_on_v2)
{
	ONLY(2);
	ASSERT_EQ(0, A(do_malloc, 0, SMALL));
	ASSERT_EQ(0, A(do_export_any, 0, KEY(0, SMALL)));
	EXPECT_EQ(1, B(do_import_halfway, 0, 0));
	EXPECT_EQ(1, sim_counted("close"));
	EXPECT_EQ(0, sim_violation("total"));
}

static long do_by_runtime(struct peer_state *s, long a, long b)
{
	char *key = s->board->key[b];

	switch (a) {
	case 0:
		return rtIpcSetMemoryName(s->slot[0], SMALL, key, 65);
	case 1:
		return rtIpcOpenMemory(&s->slot[0], key);
	case 2:
		return rtIpcCloseMemory(s->slot[0]);
	default:
		return rtIpcDestroyMemoryName(key);
	}
}

TEST_F(sim, runtime_calls_go_by_address_and_past_the_table)
{
	ASSERT_EQ(0, A(do_malloc, 0, SMALL));
	ASSERT_EQ(0, A(do_by_runtime, 0, 0));
	ASSERT_EQ(0, A(do_set_pid, 0, self->b.pid));
	ASSERT_EQ(0, B(do_by_runtime, 1, 0));
	EXPECT_EQ(0, B(do_by_runtime, 2, 0));
	EXPECT_EQ(ACL_DRV, B(do_by_runtime, 2, 0));
	EXPECT_EQ(0, A(do_by_runtime, 3, 0));
	EXPECT_EQ(ACL_DRV, A(do_by_runtime, 3, 0));
	EXPECT_EQ(1, sim_violation("double_destroy"));
}

TEST_F(sim, bad_arguments)
{
	void *va;

	EXPECT_EQ(ACL_ERROR_INVALID_PARAM,
		  aclrtIpcMemGetExportKey(NULL, 1, self->board->key[0], 65, 0));
	EXPECT_EQ(ACL_ERROR_INVALID_PARAM, aclrtIpcMemClose(NULL));
	EXPECT_EQ(ACL_ERROR_INVALID_PARAM, aclrtIpcMemImportByKey(&va, NULL, 0));
	EXPECT_EQ(ACL_ERROR_INVALID_PARAM, aclrtIpcMemSetImportPid("x", NULL, 1));
	EXPECT_EQ(ACL_ERROR_RT_PARAM_INVALID, aclrtIpcMemSetAttr(NULL, 0, 0));
	EXPECT_EQ(ACL_ERROR_RT_PARAM_INVALID,
		  aclrtIpcMemImportPidInterServer("x", NULL, 1));
	/* this process never chose a device */
	EXPECT_EQ(ACL_ERROR_RT_CONTEXT_NULL, aclrtIpcMemClose("x"));
	EXPECT_EQ(ACL_ERROR_RT_CONTEXT_NULL,
		  aclrtIpcMemImportByKey(&va, "x", 0));
	EXPECT_NE(NULL, aclGetRecentErrMsg());
	ASSERT_EQ(0, A(do_malloc, 0, SMALL));
	EXPECT_EQ(ACL_ERROR_RT_PARAM_INVALID, A(do_export, 0, KEY(0, 0)));
}

TEST_HARNESS_MAIN

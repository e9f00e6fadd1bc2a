// SPDX-License-Identifier: GPL-2.0
/*
 * What was seen of the real driver and the real runtime beside aclipc, and the
 * stand-ins had been kinder: the dead and who can tell of them, addresses that
 * are not memory, several calls for one allocation, errors that come too late.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "ascend_sim.h"
#include "sim_fixture.h"

#define NO_PROCESS	62	/* DRV_ERROR_NO_PROCESS */

/* not in every build of the driver library */
extern __typeof__(halDeviceClose) halDeviceClose __attribute__((weak));

/* What the driver says of the device process of host process @pid. */
static long ask(pid_t pid, unsigned int device)
{
	struct ascend_sim_arg a = {
		.flags = ASCEND_SIM_P2P_ASK, .pid = pid, .devid = device,
	};
	int fd = open(ASCEND_SIM_DEV, O_RDWR | O_CLOEXEC);
	long ret = ioctl(fd, ASCEND_SIM_P2P_TEST, &a) ? -errno : a.pid;

	close(fd);
	return ret;
}

static int load(const char *module)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/modules/%s.ko", module);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

/* A process on a device outlives that of the host; the driver can tell. */
TEST_F(sim, device_process_outlives_its_host_process)
{
	pid_t pid = self->b.pid;

	ONLY(2);
	sim_set_param("device_hold", 1);
	SHARE(BIG, 0x5a);
	EXPECT_EQ(0, ask(pid, 0));
	EXPECT_EQ(NO_PROCESS, ask(pid, 1));
	EXPECT_EQ(NO_PROCESS, ask(getpid(), 0));
	EXPECT_EQ(-EINVAL, ask(pid, 64));
	peer_kill(&self->b);
	/* however long one waits, it is there, and maps the memory */
	usleep(200 * 1000);
	EXPECT_EQ(0, ask(pid, 0));
	EXPECT_EQ(3, sim_counted("procs"));
	ASSERT_EQ(0, A(do_close, 0, 0));
	ASSERT_EQ(0, A(do_free, 0, 0));
	EXPECT_EQ(1, sim_violation("free_while_mapped"));
	sim_set_param("device_hold", 0);
	EXPECT_LE(0, sim_wait_count("procs", 2, BOUND_MS));
	EXPECT_EQ(NO_PROCESS, ask(pid, 0));
}

TEST_F(sim, device_process_ends_with_a_reset)
{
	EXPECT_EQ(0, ask(self->a.pid, 0));
	ASSERT_EQ(0, A(do_reset, 0, 1));
	EXPECT_EQ(self->svm == 2 ? NO_PROCESS : -ESRCH, ask(self->a.pid, 0));
	ASSERT_EQ(0, A(do_device, 0, 0));
	EXPECT_EQ(0, ask(self->a.pid, 0));
}

/* It is another module that knows, and that one need not be there. */
TEST_F(sim, nobody_knows_the_device_process)
{
	ASSERT_EQ(0, syscall(SYS_delete_module, "ascend_dpa", O_NONBLOCK));
	EXPECT_EQ(-ENOENT, ask(self->a.pid, 0));
	ASSERT_EQ(0, load("ascend_dpa"));
	EXPECT_EQ(0, ask(self->a.pid, 0));
}

/* It is kept by number: another process with the same one is all it knows. */
TEST_F(sim, device_process_of_a_reused_pid)
{
	pid_t pid = self->b.pid;

	ONLY(2);
	sim_set_param("device_hold", 1);
	SHARE(SMALL, 0x5a);
	peer_kill(&self->b);
	if (!next_pid(pid))
		SKIP(return, "no ns_last_pid");
	ASSERT_EQ(0, peer_start(&self->b, self->board));
	if (self->b.pid != pid)
		SKIP(return, "pid %d not to be had again", pid);
	EXPECT_EQ(0, ask(pid, 0));
	ASSERT_EQ(0, B(do_device, 0, 0));
	EXPECT_EQ(0, ask(pid, 0));
	ASSERT_EQ(0, B(do_reset, 0, 1));
	/* the older one's is there, and nobody says so any more */
	EXPECT_EQ(NO_PROCESS, ask(pid, 0));
	ASSERT_EQ(0, A(do_close, 0, 0));
	EXPECT_EQ(1, sim_violation("destroy_while_mapped"));
}

/* Listed by its first open, the number stays listed; with that time. */
TEST_F(sim, reused_pid_is_not_let_in_by_who_lets_anyone_on_v2)
{
	pid_t pid = self->b.pid;

	ONLY(2);
	SHARE(SMALL, 0x5a);
	ASSERT_EQ(0, B(do_close, 0, 0));
	ASSERT_EQ(0, B(do_import, 0, 0));
	ASSERT_EQ(0, B(do_close, 0, 0));
	peer_kill(&self->b);
	if (!next_pid(pid))
		SKIP(return, "no ns_last_pid");
	ASSERT_EQ(0, peer_start(&self->b, self->board));
	if (self->b.pid != pid)
		SKIP(return, "pid %d not to be had again", pid);
	ASSERT_EQ(0, B(do_device, 0, 0));
	EXPECT_EQ(ACL_DRV, B(do_import, 0, 0));
	EXPECT_EQ(0, C(do_import, 0, 0));
}

/* v3: an exit has stages, and what it pins stays pinned until they are over. */
TEST_F(sim, slow_exit_of_an_importer_on_v3)
{
	ONLY(3);
	sim_set_param("stage_ms", 2000);
	SHARE(BIG, 0x5a);
	peer_kill(&self->b);
	ASSERT_EQ(0, A(do_close, 0, 0));
	ASSERT_EQ(0, A(do_free, 0, 0));
	EXPECT_EQ(1, sim_counted("free_deferred"));
	EXPECT_LE(0, sim_wait_count("procs", 2, BOUND_MS));
	EXPECT_LE(0, sim_wait_count("mems", 2, BOUND_MS));
	EXPECT_EQ(0, sim_violation("total"));
}

static long do_info(struct peer_state *s, long a, long b)
{
	struct ShmemGetInfo info;

	(void)b;
	return halShmemInfoGet(s->board->key[a], &info);
}

TEST_F(sim, destroyed_name_that_is_open_still_answers_on_v2)
{
	ONLY(2);
	SHARE(SMALL, 1);
	ASSERT_EQ(0, A(do_close, 0, 0));
	EXPECT_EQ(0, C(do_info, 0, 0));
	EXPECT_EQ(ACL_DRV, C(do_import, 0, 0));
	ASSERT_EQ(0, B(do_close, 0, 0));
	EXPECT_NE(0, C(do_info, 0, 0));
}

/* Memory that is mapped to reserved addresses, by the public calls. */
static long do_map(struct peer_state *s, long a, long b)
{
	const aclrtPhysicalMemProp prop = {
		.memAttr = ACL_HBM_MEM_HUGE,
		.location = { 0, ACL_MEM_LOCATION_TYPE_DEVICE },
	};
	aclrtDrvMemHandle h;
	aclError err;

	if (!s->slot[a]) {
		err = aclrtReserveMemAddress(&s->slot[a], 4 * BIG, 0, NULL, 0);
		if (err)
			return err;
	}
	err = aclrtMallocPhysical(&h, BIG, &prop, 0);
	if (err)
		return err;
	/* kept in the slots behind, by the number of the part */
	s->slot[8 + b] = h;
	return aclrtMapMem((char *)s->slot[a] + b * BIG, BIG, 0, h, 0);
}

static long do_unmap(struct peer_state *s, long a, long b)
{
	return aclrtUnmapMem((char *)s->slot[a] + b * BIG);
}

static long do_release(struct peer_state *s, long a, long b)
{
	(void)a;
	return aclrtFreePhysical(s->slot[8 + b]);
}

static long do_release_addresses(struct peer_state *s, long a, long b)
{
	(void)b;
	return aclrtReleaseMemAddress(s->slot[a]);
}

static long do_export_part(struct peer_state *s, long a, long b)
{
	return aclrtIpcMemGetExportKey((char *)s->slot[a] + b * BIG, BIG,
				       s->board->key[b], 65, 1);
}

static long do_range(struct peer_state *s, long a, long b)
{
	DVdeviceptr base;
	size_t size;

	if (halMemGetAddressRange((DVdeviceptr)s->slot[a] + b, &base, &size))
		return -1;
	return base == (DVdeviceptr)s->slot[a] ? (long)size : -2;
}

TEST_F(sim, several_mappings_in_one_reservation)
{
	ASSERT_EQ(0, A(do_map, 0, 0));
	ASSERT_EQ(0, A(do_map, 0, 1));
	ASSERT_EQ(0, A(do_export_part, 0, 1));
	ASSERT_EQ(0, B(do_import, 0, 1));
	/* the range is that of the reservation */
	EXPECT_EQ(4 * BIG, A(do_range, 0, BIG + 4096));
	EXPECT_EQ(ACL_DRV, A(do_unmap, 0, 1));
	EXPECT_EQ(1, sim_counted("vmm_unmap_busy"));
	EXPECT_EQ(0, A(do_unmap, 0, 0));
	EXPECT_EQ(0, A(do_release, 0, 0));
	ASSERT_EQ(0, B(do_close, 1, 0));
	ASSERT_EQ(0, A(do_close, 1, 0));
	EXPECT_EQ(0, A(do_unmap, 0, 1));
	EXPECT_EQ(0, A(do_release, 0, 1));
	EXPECT_EQ(0, A(do_release_addresses, 0, 0));
	EXPECT_EQ(0, sim_violation("total"));
}

/* v2: what an unmap refuses, giving up the addresses does. */
TEST_F(sim, addresses_go_with_exported_memory_on_v2)
{
	ASSERT_EQ(0, A(do_map, 0, 0));
	ASSERT_EQ(0, A(do_map, 0, 1));
	ASSERT_EQ(0, A(do_export_part, 0, 1));
	ASSERT_EQ(0, B(do_import, 0, 1));
	if (self->svm == 3) {
		EXPECT_NE(0, A(do_release_addresses, 0, 0));
		EXPECT_EQ(0, sim_violation("total"));
		return;
	}
	EXPECT_EQ(0, A(do_release_addresses, 0, 0));
	EXPECT_EQ(2, sim_counted("vmm_unmap_forced"));
	EXPECT_EQ(1, sim_violation("free_while_mapped"));
	EXPECT_EQ(0, B(do_close, 1, 0));
	EXPECT_EQ(0, A(do_close, 1, 0));
	EXPECT_EQ(0, A(do_release, 0, 0));
	EXPECT_EQ(0, A(do_release, 0, 1));
}

static long do_fail(struct peer_state *s, long a, long b)
{
	static const char *const ops[] = {
		"alloc", "create_handle", "devclosed", "free", "close",
	};

	(void)s;
	ascend_sim_fail(ops[a], b, DRV_ERROR_OUT_OF_MEMORY);
	return 0;
}

static long do_calls(struct peer_state *s, long a, long b)
{
	static const char *const ops[] = {
		"alloc", "create_handle", "devclosed", "free", "close",
	};

	(void)s;
	(void)b;
	return ascend_sim_calls(ops[a]);
}

static long do_malloc_policy(struct peer_state *s, long a, long b)
{
	return aclrtMalloc(&s->slot[0], a, b);
}

/* One allocation of the public API is up to four of the driver library. */
TEST_F(sim, four_calls_for_one_allocation)
{
	static const struct {
		long size;
		aclrtMemMallocPolicy policy;
		long calls;
	} v[] = {
		{ BIG, ACL_MEM_MALLOC_HUGE_FIRST, 4 },
		{ BIG, ACL_MEM_MALLOC_HUGE_ONLY, 2 },
		{ BIG, ACL_MEM_MALLOC_NORMAL_ONLY, 2 },
		{ SMALL, ACL_MEM_MALLOC_HUGE_FIRST, 2 },
	};
	size_t i;
	long n;

	A(do_fail, 0, -1);
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		n = A(do_calls, 0, 0);
		EXPECT_EQ(ACL_ERROR_RT_MEMORY_ALLOCATION,
			  A(do_malloc_policy, v[i].size, v[i].policy));
		EXPECT_EQ(v[i].calls, A(do_calls, 0, 0) - n);
	}
	/* no huge page is left: the next call of the four succeeds */
	A(do_fail, 0, 0);
	A(do_fail, 0, 1);
	n = A(do_calls, 0, 0);
	EXPECT_EQ(0, A(do_malloc_policy, BIG, ACL_MEM_MALLOC_HUGE_FIRST));
	EXPECT_EQ(2, A(do_calls, 0, 0) - n);
	A(do_fail, 1, 1);
	EXPECT_EQ(ACL_ERROR_RT_MEMORY_ALLOCATION, A(do_map, 1, 0));
}

TEST_F(sim, allocation_has_room_behind_it)
{
	ASSERT_EQ(0, A(do_malloc, 0, 1000));
	EXPECT_EQ(1056, A(do_range, 0, 0));
	ASSERT_EQ(0, A(do_malloc, 1, BIG));
	EXPECT_EQ(BIG + 32, A(do_range, 1, 0));
}

struct threaded {
	peer_fn fn;
	struct peer_state *s;
	long a, ret;
};

static void *run_threaded(void *arg)
{
	struct threaded *t = arg;

	t->ret = t->fn(t->s, t->a, 0);
	return NULL;
}

/* On a thread that never chose a device */
static long do_free_without(struct peer_state *s, long a, long b)
{
	struct threaded t = { .fn = b ? do_close : do_free, .s = s, .a = a };
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_threaded, &t))
		return -EAGAIN;
	pthread_join(thread, NULL);
	return t.ret;
}

TEST_F(sim, calls_without_a_device)
{
	long n;

	ASSERT_EQ(0, A(do_malloc, 0, BIG));
	ASSERT_EQ(0, A(do_malloc, 1, BIG));
	ASSERT_EQ(0, A(do_export_any, 1, KEY(0, BIG)));
	ASSERT_EQ(0, B(do_import, 0, 0));
	/* a free needs none, a close never reaches the driver library */
	EXPECT_EQ(0, A(do_free_without, 0, 0));
	A(do_fail, 4, 100);
	n = B(do_calls, 4, 0);
	EXPECT_EQ(ACL_ERROR_RT_CONTEXT_NULL, A(do_free_without, 0, 1));
	EXPECT_EQ(ACL_ERROR_RT_CONTEXT_NULL, B(do_free_without, 0, 1));
	EXPECT_EQ(n, B(do_calls, 4, 0));
	EXPECT_EQ(0, sim_counted("close"));
	EXPECT_EQ(0, sim_counted("destroy"));
	ASSERT_EQ(0, B(do_close, 0, 0));
	/* after a reset a free still reaches the library, and fails there */
	ASSERT_EQ(0, A(do_reset, 0, 1));
	A(do_fail, 3, 100);
	n = A(do_calls, 3, 0);
	EXPECT_NE(0, A(do_free, 1, 0));
	EXPECT_EQ(n + 1, A(do_calls, 3, 0));
}

static long do_finalize(struct peer_state *s, long a, long b)
{
	(void)s;
	(void)a;
	(void)b;
	return aclFinalize();
}

static long do_not_flat(struct peer_state *s, long a, long b)
{
	setenv("ASCEND_SIM_NOT_FLAT", "1", 1);
	return aclrtIpcMemSetAttr(s->board->key[a],
				  ACL_RT_IPC_MEM_ATTR_ACCESS_LINK, b);
}

TEST_F(sim, answers_of_the_runtime)
{
	ASSERT_EQ(0, A(do_malloc, 0, SMALL));
	ASSERT_EQ(0, A(do_export_any, 0, KEY(0, SMALL)));
	if (self->svm == 2)
		EXPECT_EQ(ACL_ERROR_RT_FEATURE_NOT_SUPPORT,
			  A(do_not_flat, 0, 0));
	ASSERT_EQ(0, A(do_reset, 0, 1));
	EXPECT_EQ(507007, A(do_reset, 0, 0));
	EXPECT_EQ(0, A(do_finalize, 0, 0));
	EXPECT_EQ(100037, A(do_finalize, 0, 0));
}

static long do_hal_close(struct peer_state *s, long a, long b)
{
	halDevCloseIn in = { .close_type = DEV_CLOSE_HOST_DEVICE };

	(void)s;
	(void)b;
	return halDeviceClose(a, &in);
}

/* An error does not mean that nothing has happened. */
TEST_F(sim, device_close_that_answers_an_error_has_closed)
{
	if (!&halDeviceClose)
		SKIP(return, "this driver library has no halDeviceClose");
	SHARE(BIG, 0x5a);
	A(do_fail, 2, 1);
	EXPECT_EQ(DRV_ERROR_OUT_OF_MEMORY, A(do_hal_close, 0, 0));
	EXPECT_EQ(1, sim_counted("dev_close"));
	EXPECT_EQ(1, sim_violation("free_while_mapped"));
	EXPECT_NE(0, A(do_free, 0, 0));
	EXPECT_EQ(DRV_ERROR_PARA_ERROR, A(do_hal_close, 0, 0));
}

static long do_errno(struct peer_state *s, long a, long b)
{
	DVdeviceptr never = 0x123000;

	(void)s;
	(void)b;
	errno = 12345;
	if (a)
		return halShmemCloseHandle(never) ? errno : -1;
	return halMemFree(s->slot[0]) ? -1 : errno;
}

TEST_F(sim, errno_is_kept_by_what_succeeds_only)
{
	ASSERT_EQ(0, A(do_malloc, 0, BIG));
	EXPECT_EQ(12345, A(do_errno, 0, 0));
	EXPECT_EQ(EINVAL, A(do_errno, 1, 0));
}

TEST_HARNESS_MAIN

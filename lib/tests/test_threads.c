// SPDX-License-Identifier: LGPL-2.1-only
/* Two threads at one key, signals at bad moments, and no thread at all. */

#include <search.h>

#include "test_hooks.h"

static char rare_name[65];
static int parked, go;
static bool no_threads;

/* The library's calls of these come here. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
		   void *(*fn)(void *), void *arg)
{
	__typeof__(&pthread_create) real =
		(__typeof__(real))dlsym(RTLD_NEXT, "pthread_create");

	return no_threads ? EAGAIN : real(thread, attr, fn, arg);
}

static void (*in_table)(void);

void *tsearch(const void *key, void **root,
	      int (*compare)(const void *a, const void *b))
{
	__typeof__(&tsearch) real =
		(__typeof__(real))dlsym(RTLD_NEXT, "tsearch");
	void (*call)(void) = in_table;

	in_table = NULL;
	if (call)
		call();
	return real(key, root, compare);
}

/* A WAIT stays in the module until the test lets it go. */
static void park(void)
{
	__atomic_store_n(&parked, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST))
		usleep(1000);
}

static void let_go(void)
{
	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
}

static void *do_destroy(void *name)
{
	return (void *)(intptr_t)halShmemDestroyHandle(name);
}

static void *do_free(void *addr)
{
	return (void *)(intptr_t)halMemFree(addr);
}

static void *do_create(void *name)
{
	return (void *)(intptr_t)halShmemCreateHandle(ADDR, SIZE, name, 65);
}

static void *do_device_close(void *device)
{
	return (void *)(intptr_t)halDeviceClose((uint32_t)(uintptr_t)device,
						NULL);
}

static int joined(pthread_t thread)
{
	void *ret;

	pthread_join(thread, &ret);
	return (int)(intptr_t)ret;
}

/* A thread that destroys rare_name, and stands still in the module. */
static pthread_t parked_close(unsigned int timeout_ms)
{
	pthread_t thread;

	fake_module.present = 1;
	aclipc_set_policy(ACLIPC_POLICY_WAIT, timeout_ms);
	export_key(rare_name);
	fake_foreign(rare_name, 1);
	fake_module.wait_errno = ETIMEDOUT;
	fake_module.at_wait = park;
	pthread_create(&thread, NULL, do_destroy, rare_name);
	sleep_until(&parked, 1);
	return thread;
}

static void free_waits_for_a_close_under_way(void)
{
	pthread_t closer = parked_close(60000), freer;

	pthread_create(&freer, NULL, do_free, (void *)ADDR);
	usleep(50 * 1000);
	check_log(fake_hal.log, "C");
	fake_foreign(rare_name, -1);
	let_go();
	check_is(joined(closer), 0);
	check_is(joined(freer), 0);
	check_log(fake_hal.log, "DF");
}

/* The time of the policy is over for them, not for the one who is inside. */
static void nobody_waits_for_ever_for_a_close_under_way(void)
{
	char other[65];
	pthread_t closer;

	fake_module.present = 1;
	check_is(halShmemCreateHandle(ADDR, SIZE, other, 65), 0);
	closer = parked_close(100);
	check_is(halMemFree((void *)ADDR), DRV_ERROR_WAIT_TIMEOUT);
	check_is(halShmemDestroyHandle(other), DRV_ERROR_WAIT_TIMEOUT);
	/* and this one is being closed already */
	check_is(halShmemDestroyHandle(rare_name), DRV_ERROR_IOCRL_FAIL);
	check_log(fake_hal.log, "CC");
	fake_foreign(rare_name, -1);
	let_go();
	check_is(joined(closer), 0);
	check_is(halMemFree((void *)ADDR), 0);
	check_log(fake_hal.log, "DDF");
}

static void *do_create_wider(void *name)
{
	int ret, tries = 0;

	/* it waits a second, which a busy machine can take elsewhere */
	do {
		ret = halShmemCreateHandle(ADDR, 2 * SIZE, name, 65);
	} while (ret == DRV_ERROR_BUSY && tries++ < 10);
	return (void *)(intptr_t)ret;
}

static void overlapping_export_waits_for_a_close_under_way(void)
{
	pthread_t closer = parked_close(60000), creator;
	char wider[65];

	pthread_create(&creator, NULL, do_create_wider, wider);
	sleep_until(&fake_hal.create, 2);
	usleep(50 * 1000);
	fake_foreign(rare_name, -1);
	let_go();
	check_is(joined(closer), 0);
	check_is(joined(creator), 0);
	check(fake_find(wider)->mine);
	check_is(halShmemDestroyHandle(wider), 0);
	check_is(halMemFree((void *)ADDR), 0);
}

/* The HAL has written the key, and another thread is quick to close it. */
static void key_is_closed_before_it_is_known(void)
{
	pthread_t closer = parked_close(60000), creator, quick;
	char wider[65];

	pthread_create(&creator, NULL, do_create_wider, wider);
	sleep_until(&fake_hal.create, 2);
	usleep(50 * 1000);
	pthread_create(&quick, NULL, do_destroy, wider);
	usleep(50 * 1000);
	fake_foreign(rare_name, -1);
	let_go();
	check_is(joined(closer), 0);
	check_is(joined(creator), 0);
	check_is(joined(quick), 0);
	check(!fake_find(wider));
}

static void overlapping_export_gives_up(void)
{
	pthread_t closer = parked_close(60000);
	char wider[65];

	check_is(halShmemCreateHandle(ADDR, 2 * SIZE, wider, 65),
		 DRV_ERROR_BUSY);
	/* the driver's key is gone again */
	check_log(fake_hal.log, "CCD");
	check(!fake_find(wider));
	fake_foreign(rare_name, -1);
	let_go();
	check_is(joined(closer), 0);
	check_log(fake_hal.log, "D");
}

static void device_close_waits_for_a_close_under_way(void)
{
	pthread_t closer = parked_close(60000), device;

	pthread_create(&device, NULL, do_device_close, NULL);
	usleep(50 * 1000);
	check_log(fake_hal.log, "C");
	fake_foreign(rare_name, -1);
	let_go();
	check_is(joined(closer), 0);
	check_is(joined(device), 0);
	check_log(fake_hal.log, "Ddm");
}

static void device_close_does_not_wait_for_ever(void)
{
	pthread_t closer = parked_close(100);

	check_is(halDeviceClose(0, NULL), 0);
	check_log(fake_hal.log, "Cdm");
	let_go();
	check_is(joined(closer), DRV_ERROR_WAIT_TIMEOUT);
}

/* What a handler may do whose thread is inside the module for the same memory. */
static void handler_at_busy_region(void)
{
	char wider[65];

	check_is(halMemFree((void *)ADDR), DRV_ERROR_BUSY);
	check_is(halShmemDestroyHandle(rare_name), DRV_ERROR_IOCRL_FAIL);
	check_is(halDeviceClose(0, NULL), 0);
	check_log(fake_hal.log, "Cdm");
	check_is(halShmemCreateHandle(ADDR + (1UL << 40), SIZE, wider, 65), 0);
	check_is(halShmemDestroyHandle(wider), 0);
	check_log(fake_hal.log, "CD");
}

static void signal_handler_at_the_same_memory(void)
{
	fake_module.present = 1;
	aclipc_set_policy(ACLIPC_POLICY_WAIT, 60000);
	export_key(rare_name);
	fake_foreign(rare_name, 1);
	fake_module.wait_errno = EINTR;
	fake_module.at_wait = handler_at_busy_region;
	check_is(halShmemDestroyHandle(rare_name), DRV_ERROR_WAIT_TIMEOUT);
	check_is(fake_find(rare_name)->state, ACLIPC_STATE_LIVE);
}

/* Its thread has the lock of the tables: all is refused or passes, at once. */
static void handler_in_table(void)
{
	DVdeviceptr va;
	char name[65];
	void *ptr;

	memset(fake_hal.log, 0, sizeof(fake_hal.log));
	memset(fake_module.log, 0, sizeof(fake_module.log));
	check_is(halShmemCreateHandle(ADDR, SIZE, name, 65), DRV_ERROR_BUSY);
	check_is(halShmemDestroyHandle(rare_name), DRV_ERROR_BUSY);
	check_is(aclrtIpcMemClose(rare_name), ACL_ERROR_RT_TIMEOUT);
	check_is(halShmemOpenHandle("theirs", &va), DRV_ERROR_BUSY);
	check_is(halShmemCloseHandle(fake_hal.next_addr), DRV_ERROR_BUSY);
	check_is(halMemFree((void *)ADDR), DRV_ERROR_BUSY);
	check_is(halMemUnmap((void *)ADDR), DRV_ERROR_BUSY);
	check_is(aclipc_pending(NULL, 0, NULL, NULL), -EBUSY);
	check_log(fake_hal.log, "");
	check_is(halMemMap((void *)(ADDR + SIZE), SIZE, 0, NULL, 0), 0);
	fake_hal.fail_alloc = DRV_ERROR_OUT_OF_MEMORY;
	check_is(halMemAlloc(&ptr, SIZE, 0), DRV_ERROR_OUT_OF_MEMORY);
	fake_hal.fail_alloc = 0;
	check_is(halDeviceClose(0, NULL), 0);
	check_log(fake_hal.log, "Mdm");
	check_log(fake_module.log, "");
}

static void signal_handler_while_the_tables_are_locked(void)
{
	DVdeviceptr va;
	char pending[65], name[65];

	fake_module.present = 1;
	fake_foreign_key("theirs");
	check_is(halShmemOpenHandle("theirs", &va), 0);
	export_key(rare_name);
	check_is(halShmemCreateHandle(ADDR + 8 * SIZE, SIZE, pending, 65), 0);
	fake_foreign(pending, 1);
	check_is(halMemFree((void *)(ADDR + 8 * SIZE)), 0);
	in_table = handler_in_table;
	check_is(halShmemCreateHandle(ADDR + 4 * SIZE, SIZE, name, 65), 0);
	check(!in_table);
	check_is(halShmemDestroyHandle(name), 0);
	check_is(halShmemDestroyHandle(rare_name), 0);
	check_is(halShmemCloseHandle(va), 0);
}

/*
 * The driver has freed what was pending, and may have handed it out anew, but
 * the thread that freed it still stands in the module.
 */
static void freed_and_not_yet_forgotten(void)
{
	char name[65];

	fake_module.present = 1;
	export_key(name);
	fake_foreign(name, 1);
	fake_module.at_finish = park;
	check_is(halMemFree((void *)ADDR), 0);
	fake_foreign(name, -1);
	sleep_until(&parked, 1);
	check_log(fake_hal.log, "CDF");
}

static void memory_is_exported_by_who_has_it_anew(void)
{
	pthread_t creator;
	char name[65];

	freed_and_not_yet_forgotten();
	pthread_create(&creator, NULL, do_create, name);
	usleep(50 * 1000);
	let_go();
	check_is(joined(creator), 0);
	check(fake_find(name)->mine);
	check_is(halShmemDestroyHandle(name), 0);
}

static void memory_is_freed_by_who_has_it_anew(void)
{
	pthread_t freer;

	freed_and_not_yet_forgotten();
	pthread_create(&freer, NULL, do_free, (void *)ADDR);
	usleep(50 * 1000);
	let_go();
	check_is(joined(freer), 0);
	check_log(fake_hal.log, "F");
}

/* Hooks do the work then, each time one is called. */
static void no_thread_for_deferred_work(void)
{
	char name[65];

	fake_module.present = 1;
	no_threads = true;
	export_key(name);
	fake_foreign(name, 1);
	check_is(halMemFree((void *)ADDR), 0);
	check_is(warnings(), 1);
	check_is(halMemFree((void *)(ADDR + 8 * SIZE)), 0);
	check_log(fake_hal.log, "CF");
	fake_foreign(name, -1);
	check_is(halMemFree((void *)(ADDR + 8 * SIZE)), 0);
	check_log(fake_hal.log, "DFF");
	check(!fake_find(name));
	/* the next deferral finds one */
	no_threads = false;
	export_key(name);
	fake_foreign(name, 1);
	check_is(halShmemDestroyHandle(name), 0);
	fake_foreign(name, -1);
	sleep_until(&fake_hal.destroy, 2);
	settle();
	check_is(warnings(), 0);
}

static void *drain_soon(void *name)
{
	usleep(50 * 1000);
	fake_foreign(name, -1);
	return NULL;
}

static void no_thread_and_out_of_memory(void)
{
	pthread_t thread;
	char name[65];
	void *ptr;

	fake_module.present = 1;
	setenv("ACLIPC_OOM_WAIT_MS", "20000", 1);
	export_key(name);
	fake_foreign(name, 1);
	pthread_create(&thread, NULL, drain_soon, name);
	no_threads = true;
	check_is(halMemFree((void *)ADDR), 0);
	fake_hal.fail_alloc = DRV_ERROR_OUT_OF_MEMORY;
	check_is(halMemAlloc(&ptr, SIZE, 0), DRV_ERROR_OUT_OF_MEMORY);
	pthread_join(thread, NULL);
	check_log(fake_hal.log, "CMDFM");
}

SCENARIOS(
	SCENARIO(free_waits_for_a_close_under_way),
	SCENARIO(nobody_waits_for_ever_for_a_close_under_way),
	SCENARIO(overlapping_export_waits_for_a_close_under_way),
	SCENARIO(key_is_closed_before_it_is_known),
	SCENARIO(overlapping_export_gives_up),
	SCENARIO(device_close_waits_for_a_close_under_way),
	SCENARIO(device_close_does_not_wait_for_ever),
	SCENARIO(signal_handler_at_the_same_memory),
	SCENARIO(signal_handler_while_the_tables_are_locked),
	SCENARIO(memory_is_exported_by_who_has_it_anew),
	SCENARIO(memory_is_freed_by_who_has_it_anew),
	SCENARIO(no_thread_for_deferred_work),
	SCENARIO(no_thread_and_out_of_memory),
)

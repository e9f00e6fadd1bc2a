// SPDX-License-Identifier: LGPL-2.1-only
/*
 * What the hooks do in which order.  What needs several real processes is
 * tested elsewhere.
 */

#include "test_hooks.h"

static void export_and_close(void)
{
	char name[65];

	fake_module.present = 1;
	export_key(name);
	check_is(halShmemDestroyHandle(name), 0);
	check_log(fake_module.log, "Edf");
	check_log(fake_hal.log, "CD");
	/* one more: CANN's own error, and the driver hears nothing of it */
	check_is(aclrtIpcMemClose(name), 507899);
	check_log(fake_hal.log, "");
	/* a key that nobody knows is CANN's to judge */
	halShmemDestroyHandle("unheard of");
	check_log(fake_hal.log, "D");
}

static void import_and_close(void)
{
	DVdeviceptr va;

	fake_module.present = 1;
	fake_foreign_key("other");
	check_is(halShmemOpenHandleByDevId(0, "other", &va), 0);
	check_is(fake_find("other")->own, 1);
	check_is(halShmemOpenHandleByDevId(0, "other", &va), 0);
	check_is(fake_find("other")->own, 2);
	/* an imported address is not freed */
	check_is(halMemFree((void *)(uintptr_t)va), DRV_ERROR_BUSY);
	check_is(fake_hal.free, 0);
	check_is(halShmemCloseHandle(va), 0);
	check_is(halShmemCloseHandle(va), 0);
	check_is(fake_find("other")->own, 0);
	check_is(fake_hal.close, 2);
	/* someone else's key is never destroyed */
	check_is(halShmemDestroyHandle("other"), DRV_ERROR_IOCRL_FAIL);
	check_is(aclrtIpcMemClose("other"), 507899);
	check_is(fake_hal.destroy, 0);
	check_is(halMemFree((void *)(uintptr_t)va), 0);
}

static void failed_open_is_taken_back(void)
{
	DVdeviceptr va;

	fake_module.present = 1;
	fake_foreign_key("other");
	fake_hal.fail_open = DRV_ERROR_PARA_ERROR;
	check_is(halShmemOpenHandle("other", &va), DRV_ERROR_PARA_ERROR);
	check_is(fake_find("other")->own, 0);
}

static void failed_close_keeps_the_import(void)
{
	DVdeviceptr va;

	fake_module.present = 1;
	fake_foreign_key("other");
	check_is(halShmemOpenHandle("other", &va), 0);
	fake_hal.fail_close = DRV_ERROR_PARA_ERROR;
	check_is(halShmemCloseHandle(va), DRV_ERROR_PARA_ERROR);
	check_is(fake_find("other")->own, 1);
	fake_hal.known = 0;
	check_is(halShmemCloseHandle(va), DRV_ERROR_PARA_ERROR);
	check_is(fake_find("other")->own, 0);
}

static void oldest_import_is_closed_first(void)
{
	DVdeviceptr va;

	fake_module.present = 1;
	fake_foreign_key("one");
	fake_foreign_key("two");
	/* at the same address, as on hardware that has one for each memory */
	check_is(halShmemOpenHandle("one", &va), 0);
	check_is(halShmemOpenHandle("two", &va), 0);
	check_is(halShmemCloseHandle(va), 0);
	check_is(fake_find("one")->own, 0);
	check_is(fake_find("two")->own, 1);
	check_is(halShmemCloseHandle(va), 0);
	check_is(fake_find("two")->own, 0);
}

static DVdeviceptr closing;

static void *close_once_more(void *data)
{
	(void)data;
	check_is(halShmemCloseHandle(closing), DRV_ERROR_IOCRL_FAIL);
	return NULL;
}

static void close_by_another(void)
{
	pthread_t thread;

	fake_hal.at_close = NULL;
	pthread_create(&thread, NULL, close_once_more, NULL);
	pthread_join(thread, NULL);
}

/* The driver may give the address to somebody else before it has returned. */
static void close_during_the_last_close(void)
{
	fake_module.present = 1;
	fake_foreign_key("other");
	check_is(halShmemOpenHandle("other", &closing), 0);
	fake_hal.at_close = close_by_another;
	check_is(halShmemCloseHandle(closing), 0);
	check_log(fake_hal.log, "OX");
	check_is(fake_find("other")->own, 0);
}

static void refused_imports_say_why(void)
{
	static const struct {
		int err, acl;
	} table[] = {
		{ EACCES, 207006 }, { EPERM, 207006 }, { ESHUTDOWN, 107017 },
		{ EOWNERDEAD, 107017 }, { EDQUOT, 207012 }, { ENOMEM, 207001 },
		{ EINVAL, 107000 }, { EIO, 507899 },
	};
	unsigned int i;
	void *ptr;

	fake_module.present = 1;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		fake_module.import_errno = table[i].err;
		check_is(aclrtIpcMemImportByKey(&ptr, "abc", 0), table[i].acl);
	}
	check_log(fake_hal.log, "");
}

static void close_is_deferred(void)
{
	struct aclipc_pending pending;
	uint32_t total;
	uint64_t bytes;
	char name[65];

	fake_module.present = 1;
	export_key(name);
	fake_foreign(name, 2);
	check_is(halShmemDestroyHandle(name), 0);
	check_is(halMemFree((void *)ADDR), 0);
	check_is(halMemFree((void *)ADDR), DRV_ERROR_BUSY);
	check_is(halShmemDestroyHandle(name), DRV_ERROR_IOCRL_FAIL);
	check_is(halShmemCreateHandle(ADDR, SIZE, name, 65), DRV_ERROR_BUSY);
	check_is(aclipc_pending(&pending, 1, &total, &bytes), 0);
	check_is(total, 1);
	check_is(bytes, SIZE);
	check_is(pending.flags, ACLIPC_PENDING_FREE);
	check_is(pending.addr, ADDR);
	fake_foreign(name, -1);
	usleep(50000);
	check_log(fake_hal.log, "C");
	fake_foreign(name, -1);
	sleep_until(&fake_hal.free, 1);
	settle();
	check_log(fake_hal.log, "DF");
	check(!fake_find(name));
}

/* Each by its event: the thread has looked, and found it imported, before. */
static void each_deferral_is_heard(void)
{
	char name[65];
	int i, tries;

	fake_module.present = 1;
	for (i = 1; i <= 2; i++) {
		memset(fake_module.log, 0, sizeof(fake_module.log));
		export_key(name);
		fake_foreign(name, 1);
		check_is(halShmemDestroyHandle(name), 0);
		for (tries = 0; tries < 3000 &&
		     strlen(fake_module.log) < strlen("Edd"); tries++)
			usleep(1000);
		fake_foreign(name, -1);
		sleep_until(&fake_hal.destroy, i);
		settle();
		check(!fake_find(name));
	}
}

static char exit_name[65];

static void after_the_library(void)
{
	void *ptr;

	fake_foreign(exit_name, -1);
	fake_hal.fail_alloc = DRV_ERROR_OUT_OF_MEMORY;
	check_is(halMemAlloc(&ptr, SIZE, 0), DRV_ERROR_OUT_OF_MEMORY);
	check_log(fake_hal.log, "CMM");
	_exit(failed);
}

/* The HAL may be gone by then. */
static void nothing_is_destroyed_after_exit_began(void)
{
	fake_module.present = 1;
	setenv("ACLIPC_OOM_WAIT_MS", "10", 1);
	/* what is registered first is called last */
	atexit(after_the_library);
	export_key(exit_name);
	fake_foreign(exit_name, 1);
	check_is(halMemFree((void *)ADDR), 0);
}

static void free_before_close(void)
{
	char name[65], second[65];

	fake_module.present = 1;
	export_key(name);
	export_key(second);
	fake_foreign(name, 1);
	check_is(halMemFree((void *)ADDR), 0);
	check_is(halShmemDestroyHandle(name), 0);	/* late, once */
	check_is(halShmemDestroyHandle(name), DRV_ERROR_IOCRL_FAIL);
	check_log(fake_hal.log, "CC");
	fake_foreign(name, -1);
	sleep_until(&fake_hal.free, 1);
	settle();
	check_log(fake_hal.log, "DDF");
	check_is(halShmemDestroyHandle(second), 0);	/* later still */
	check_log(fake_hal.log, "");
	check_is(halMemFree((void *)(ADDR + SIZE)), 0);
	check_log(fake_hal.log, "F");
}

static char log_at_free[sizeof(fake_module.log)];

static void note_log(void)
{
	memcpy(log_at_free, fake_module.log, sizeof(log_at_free));
}

static void free_with_nobody_there(void)
{
	char name[65];

	fake_module.present = 1;
	export_key(name);
	fake_hal.at_free = note_log;
	check_is(halMemFree((void *)ADDR), 0);
	/* not finished yet: the key is known until the driver has let go */
	check_log(log_at_free, "Ed");
	check_log(fake_module.log, "Edf");
	check_log(fake_hal.log, "CDF");
	check_is(halShmemDestroyHandle(name), 0);
	check_log(fake_hal.log, "");
}

static void refuse_policy(void)
{
	char name[65];

	fake_module.present = 1;
	setenv("ACLIPC_CLOSE", "refuse", 1);
	export_key(name);
	fake_foreign(name, 1);
	check_is(aclrtIpcMemClose(name), 207020);
	check_is(halMemFree((void *)ADDR), DRV_ERROR_BUSY);
	check_log(fake_hal.log, "C");
	fake_foreign(name, -1);
	check_is(aclrtIpcMemClose(name), 0);
	check_is(halMemFree((void *)ADDR), 0);
	check_log(fake_hal.log, "DF");
}

static void wait_policy(void)
{
	char name[65];

	fake_module.present = 1;
	check_is(aclipc_set_policy(ACLIPC_POLICY_WAIT, 777), 0);
	export_key(name);
	fake_foreign(name, 1);
	fake_module.wait_errno = ETIMEDOUT;
	check_is(aclrtIpcMemClose(name), 207020);
	check(fake_module.last_timeout > 700 && fake_module.last_timeout <= 777);
	fake_module.wait_errno = EINTR;
	check_is(aclrtIpcMemClose(name), 207020);
	check_log(fake_hal.log, "C");
	/* a cycle: let the others go on */
	fake_module.wait_errno = EDEADLK;
	check_is(aclrtIpcMemClose(name), 0);
	check_log(fake_hal.log, "");
	fake_foreign(name, -1);
	sleep_until(&fake_hal.destroy, 1);
	settle();
	check_log(fake_hal.log, "D");
}

static void unmap_never_defers(void)
{
	char name[65];

	fake_module.present = 1;
	export_key(name);
	fake_foreign(name, 1);
	fake_module.wait_errno = ETIMEDOUT;
	check_is(halMemUnmap((void *)ADDR), DRV_ERROR_WAIT_TIMEOUT);
	check_log(fake_hal.log, "C");
	fake_foreign(name, -1);
	check_is(halMemUnmap((void *)ADDR), 0);
	check_log(fake_hal.log, "DU");
}

static void mapped_by_hand_never_defers(void)
{
	char name[65];

	fake_module.present = 1;
	check_is(halMemMap((void *)ADDR, SIZE, 0, NULL, 0), 0);
	export_key(name);
	fake_foreign(name, 1);
	fake_module.wait_errno = ETIMEDOUT;
	check_is(halShmemDestroyHandle(name), DRV_ERROR_WAIT_TIMEOUT);
	check_is(fake_find(name)->state, ACLIPC_STATE_LIVE);
	fake_module.wait_errno = EDEADLK;
	check_is(halShmemDestroyHandle(name), DRV_ERROR_BUSY);
	fake_foreign(name, -1);
	check_is(halShmemDestroyHandle(name), 0);
	check_is(halMemUnmap((void *)ADDR), 0);
	/* an ordinary allocation at the same place */
	export_key(name);
	fake_foreign(name, 1);
	check_is(halShmemDestroyHandle(name), 0);
	check_log(fake_hal.log, "CDUC");
}

static void failed_destroy_keeps_all(void)
{
	char name[65];

	fake_module.present = 1;
	export_key(name);
	fake_hal.fail_destroy = DRV_ERROR_BUSY;
	check_is(halShmemDestroyHandle(name), DRV_ERROR_BUSY);
	check_is(fake_find(name)->state, ACLIPC_STATE_LIVE);
	check_is(halMemFree((void *)ADDR), DRV_ERROR_BUSY);
	check_is(fake_hal.free, 0);
	check_is(fake_find(name)->state, ACLIPC_STATE_LIVE);
	fake_hal.fail_destroy = 0;
	check_is(halMemFree((void *)ADDR), 0);
	check(!fake_find(name));
}

static void deferred_destroy_is_tried_again(void)
{
	char name[65];

	fake_module.present = 1;
	export_key(name);
	fake_foreign(name, 1);
	check_is(halMemFree((void *)ADDR), 0);
	fake_hal.fail_destroy = DRV_ERROR_BUSY;
	fake_foreign(name, -1);
	sleep_until(&fake_hal.destroy, 3);
	check_is(fake_hal.free, 0);
	__atomic_store_n(&fake_hal.fail_destroy, 0, __ATOMIC_SEQ_CST);
	sleep_until(&fake_hal.free, 1);
	settle();
	check(!fake_find(name));
	check_is(fake_hal.free, 1);
}

static void no_such_key_counts_as_destroyed(void)
{
	char name[65];

	fake_module.present = 1;
	export_key(name);
	fake_foreign(name, 1);
	check_is(halMemFree((void *)ADDR), 0);
	fake_hal.fail_destroy = DRV_ERROR_PARA_ERROR;
	fake_foreign(name, -1);
	sleep_until(&fake_hal.free, 1);
	settle();
	check_log(fake_hal.log, "CDF");
}

static void out_of_memory_runs_what_is_drained(void)
{
	char name[65];
	void *ptr;

	fake_module.present = 1;
	setenv("ACLIPC_OOM_WAIT_MS", "200", 1);
	export_key(name);
	fake_foreign(name, 1);
	check_is(halMemFree((void *)ADDR), 0);
	fake_hal.fail_alloc = DRV_ERROR_OUT_OF_MEMORY;
	check_is(halMemAlloc(&ptr, SIZE, 0), DRV_ERROR_OUT_OF_MEMORY);
	check_log(fake_hal.log, "CMM");
	/* nothing is pending on this device */
	check_is(halMemAlloc(&ptr, SIZE, 5), DRV_ERROR_OUT_OF_MEMORY);
	check_log(fake_hal.log, "MM");
	fake_foreign(name, -1);
	check_is(halMemAlloc(&ptr, SIZE, 0), DRV_ERROR_OUT_OF_MEMORY);
	check_is(fake_hal.free, 1);
}

static void device_close_ends_everything(void)
{
	DVdeviceptr va;
	char name[65], other[65];

	fake_module.present = 1;
	aclipc_set_policy(ACLIPC_POLICY_DEFER, 300);
	export_key(name);
	check_is(halShmemCreateHandle(1UL << 40, SIZE, other, 65), 0);
	fake_foreign(name, 1);
	fake_foreign_key("theirs");
	check_is(halShmemOpenHandleByDevId(0, "theirs", &va), 0);
	fake_module.wait_errno = ETIMEDOUT;
	fake_hal.fail_dev_close = DRV_ERROR_BUSY;
	memset(fake_hal.log, 0, sizeof(fake_hal.log));
	check_is(halDeviceClose(0, NULL), DRV_ERROR_BUSY);
	check_log(fake_hal.log, "Xd");
	check_is(fake_find("theirs")->own, 0);
	check_is(fake_find(name)->state, ACLIPC_STATE_LIVE);
	fake_hal.fail_dev_close = 0;
	check_is(halDeviceClose(0, NULL), 0);
	check_log(fake_hal.log, "dm");
	check(!fake_find(name));
	check_is(fake_find(other)->state, ACLIPC_STATE_LIVE);
	/* what the device close did already */
	check_is(halShmemCloseHandle(va), 0);
	check_log(fake_hal.log, "");
	halShmemCloseHandle(va);
	check_log(fake_hal.log, "X");
}

SCENARIOS(
	SCENARIO(export_and_close),
	SCENARIO(import_and_close),
	SCENARIO(failed_open_is_taken_back),
	SCENARIO(failed_close_keeps_the_import),
	SCENARIO(oldest_import_is_closed_first),
	SCENARIO(close_during_the_last_close),
	SCENARIO(refused_imports_say_why),
	SCENARIO(close_is_deferred),
	SCENARIO(each_deferral_is_heard),
	SCENARIO(nothing_is_destroyed_after_exit_began),
	SCENARIO(free_before_close),
	SCENARIO(free_with_nobody_there),
	SCENARIO(refuse_policy),
	SCENARIO(wait_policy),
	SCENARIO(unmap_never_defers),
	SCENARIO(mapped_by_hand_never_defers),
	SCENARIO(failed_destroy_keeps_all),
	SCENARIO(deferred_destroy_is_tried_again),
	SCENARIO(no_such_key_counts_as_destroyed),
	SCENARIO(out_of_memory_runs_what_is_drained),
	SCENARIO(device_close_ends_everything),
)

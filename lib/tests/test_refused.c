// SPDX-License-Identifier: LGPL-2.1-only
/* A driver, a module or a CANN that says no, or something that is not expected. */

#include "test_hooks.h"

/* v2 spoils its lists if one address has two names. */
static void key_is_made_after_one_that_goes(void)
{
	char first[65], second[65], third[65];

	fake_module.present = 1;
	setenv("ACLIPC_CLOSE_TIMEOUT_MS", "50", 1);
	export_key(first);
	export_key(second);
	fake_foreign(first, 1);
	check_is(halShmemDestroyHandle(first), 0);
	check_is(halShmemCreateHandle(ADDR, SIZE, third, 65),
		 DRV_ERROR_WAIT_TIMEOUT);
	check_log(fake_hal.log, "CC");
	fake_foreign(first, -1);
	sleep_until(&fake_hal.destroy, 1);
	settle();
	check_is(halShmemCreateHandle(ADDR, SIZE, third, 65), 0);
	check_is(halMemFree((void *)ADDR), 0);
	check_log(fake_hal.log, "DCDDF");
}

static void parts_of_an_allocation_go_with_it(void)
{
	char first[65], second[65];

	fake_module.present = 1;
	fake_hal.base = ADDR;
	fake_hal.size = 8 * SIZE;
	check_is(halShmemCreateHandle(ADDR + SIZE, SIZE, first, 65), 0);
	check_is(halShmemCreateHandle(ADDR + 4 * SIZE, SIZE, second, 65), 0);
	/* it begins elsewhere, so the driver will not free it */
	fake_hal.fail_free = DRV_ERROR_INVALID_VALUE;
	check_is(halMemFree((void *)(ADDR + SIZE)), DRV_ERROR_INVALID_VALUE);
	check_log(fake_hal.log, "CCF");
	check_is(fake_find(first)->state, ACLIPC_STATE_LIVE);
	fake_hal.fail_free = 0;
	check_is(halMemFree((void *)ADDR), 0);
	check_log(fake_hal.log, "DDF");
	check(!fake_find(first) && !fake_find(second));
}

static void drv_mem_device_close(void)
{
	DVdeviceptr va;
	char name[65];

	fake_module.present = 1;
	export_key(name);
	fake_foreign_key("theirs");
	check_is(halShmemOpenHandleByDevId(0, "theirs", &va), 0);
	check_log(fake_hal.log, "CO");
	check_is(drvMemDeviceClose(0), 0);
	check_log(fake_hal.log, "Xm");
	check(!fake_find(name));
	check_is(fake_find("theirs")->own, 0);
}

/* By the session API of this process, say. */
static void key_that_only_the_module_knows(void)
{
	char name[65];

	fake_module.present = 1;
	fake_foreign_key("mine")->mine = 1;
	fake_foreign("mine", 1);
	/* opens the descriptor */
	export_key(name);
	memset(fake_module.log, 0, sizeof(fake_module.log));
	check_is(halShmemDestroyHandle("mine"), DRV_ERROR_BUSY);
	check_log(fake_hal.log, "C");
	fake_foreign("mine", -1);
	fake_hal.fail_destroy = DRV_ERROR_BUSY;
	check_is(halShmemDestroyHandle("mine"), DRV_ERROR_BUSY);
	check_is(fake_find("mine")->state, ACLIPC_STATE_LIVE);
	fake_hal.fail_destroy = 0;
	check_is(halShmemDestroyHandle("mine"), 0);
	check(!fake_find("mine"));
	check_log(fake_module.log, "ttatf");
	check_log(fake_hal.log, "DD");
}

/* The driver forgot it behind our back, and gives it to other memory. */
static void key_given_out_again(void)
{
	char name[65];

	fake_module.present = 1;
	fake_hal.same_key = 1;
	export_key(name);
	/* after a close there is nothing strange about it */
	check_is(halShmemDestroyHandle(name), 0);
	export_key(name);
	check_log(fake_module.log, "EdfE");
	check_log(fake_hal.log, "CDC");
	check_is(halShmemCreateHandle(ADDR + 4 * SIZE, SIZE, name, 65), 0);
	check_log(fake_module.log, "RE");
	check_is(halMemFree((void *)ADDR), 0);
	check_log(fake_hal.log, "CF");
	check_is(halMemFree((void *)(ADDR + 4 * SIZE)), 0);
	check_log(fake_hal.log, "DF");
	check(!fake_find(name));
}

static void key_given_out_again_that_only_the_module_knows(void)
{
	char name[65];

	fake_module.present = 1;
	fake_hal.same_key = 1;
	snprintf(name, 65, "key%061d", 1);
	fake_foreign_key(name)->mine = 1;
	export_key(name);
	check_log(fake_module.log, "ERE");
	check_is(halShmemDestroyHandle(name), 0);
	check(!fake_find(name));
}

/* So says the module: what it counts there is not ours to take over. */
static void key_of_another_process(void)
{
	char name[65];

	fake_module.present = 1;
	fake_hal.same_key = 1;
	snprintf(name, 65, "key%061d", 1);
	fake_foreign_key(name);
	check(halShmemCreateHandle(ADDR, SIZE, name, 65) != 0);
	check_log(fake_module.log, "ER");
	check_is(fake_find(name)->state, ACLIPC_STATE_LIVE);
	check_log(fake_hal.log, "CD");
}

static void module_refuses_the_export(void)
{
	static const struct {
		int err, drv;
	} table[] = {
		{ EDQUOT, DRV_ERROR_OVER_LIMIT },
		{ ENOMEM, DRV_ERROR_OUT_OF_MEMORY },
		{ EINVAL, DRV_ERROR_INVALID_VALUE },
		{ EACCES, DRV_ERROR_OPER_NOT_PERMITTED },
		{ EIO, DRV_ERROR_IOCRL_FAIL },
	};
	char name[65];
	unsigned int i;

	fake_module.present = 1;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		fake_module.export_errno = table[i].err;
		check_is(halShmemCreateHandle(ADDR, SIZE, name, 65),
			 table[i].drv);
		/* what is not counted must not exist */
		check_log(fake_hal.log, "CD");
	}
	check_is(warnings(), 1);
	fake_module.export_errno = 0;
	check_is(halMemFree((void *)ADDR), 0);
	check_log(fake_hal.log, "F");
}

static void lists_of_importers(void)
{
	int pid[2] = { 1, 2 };
	char name[65];

	fake_module.present = 1;
	export_key(name);
	memset(fake_module.log, 0, sizeof(fake_module.log));
	check_is(halShmemSetPidHandle(name, pid, 2), 0);
	check_is(halShmemSetAttribute(name, SHMEM_ATTR_TYPE_NO_WLIST_IN_SERVER,
				      SHMEM_NO_WLIST_ENABLE), 0);
	check_log(fake_module.log, "LL");
	/* no other attribute lets anybody in */
	check_is(halShmemSetAttribute(name, SHMEM_ATTR_TYPE_NO_WLIST_IN_SERVER,
				      !SHMEM_NO_WLIST_ENABLE), 0);
	check_is(halShmemSetAttribute(name,
				      SHMEM_ATTR_TYPE_NO_WLIST_IN_SERVER + 1,
				      SHMEM_NO_WLIST_ENABLE), 0);
	/* nor does one that the driver refused */
	fake_hal.fail_set = DRV_ERROR_INVALID_VALUE;
	check_is(halShmemSetPidHandle(name, pid, 2), DRV_ERROR_INVALID_VALUE);
	check_is(halShmemSetAttribute(name, SHMEM_ATTR_TYPE_NO_WLIST_IN_SERVER,
				      SHMEM_NO_WLIST_ENABLE),
		 DRV_ERROR_INVALID_VALUE);
	check_log(fake_module.log, "");
	fake_hal.fail_set = 0;
	fake_module.allow_errno = EDQUOT;
	check_is(halShmemSetPidHandle(name, pid, 2), DRV_ERROR_OVER_LIMIT);
	/* not exported by the hooks: the driver's word stands */
	fake_module.allow_errno = ENOENT;
	check_is(halShmemSetPidHandle(name, pid, 2), 0);
	check_is(halShmemSetPidHandle(NULL, pid, 2), 0);
}

/* An older CANN, or one that has no such call. */
static void calls_that_cann_lacks(void)
{
	int32_t pid = 1;

	check_is(aclrtIpcMemSetImportPid("abc", &pid, 1),
		 ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
	check_is(aclrtIpcMemSetAttr("abc", ACL_RT_IPC_MEM_ATTR_ACCESS_LINK, 0),
		 ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
	check_is(aclrtIpcMemImportPidInterServer("abc", NULL, 0),
		 ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
}

static void policy_is_told(void)
{
	enum aclipc_policy policy;
	uint32_t timeout;

	setenv("ACLIPC_CLOSE", "refuse", 1);
	setenv("ACLIPC_CLOSE_TIMEOUT_MS", "1234", 1);
	check_is(aclipc_get_policy(&policy, &timeout), 0);
	check_is(policy, ACLIPC_POLICY_REFUSE);
	check_is(timeout, 1234);
	check_is(aclipc_set_policy(ACLIPC_POLICY_WAIT, 777), 0);
	check_is(aclipc_set_policy((enum aclipc_policy)0, 1), -EINVAL);
	check_is(aclipc_set_policy((enum aclipc_policy)4, 1), -EINVAL);
	check_is(aclipc_set_policy(ACLIPC_POLICY_DEFER, ACLIPC_WAIT_MAX_MS + 1),
		 -EINVAL);
	check_is(aclipc_get_policy(&policy, &timeout), 0);
	check_is(policy, ACLIPC_POLICY_WAIT);
	check_is(timeout, 777);
	check_is(aclipc_get_policy(NULL, NULL), 0);
	check_is(aclipc_pending(NULL, 1, NULL, NULL), -EINVAL);
}

static void regions_drain_in_any_order(void)
{
	static const int order[4] = { 2, 0, 3, 1 };
	struct aclipc_pending pending[2];
	char name[4][65];
	uint64_t bytes;
	uint32_t total;
	int i;

	fake_module.present = 1;
	for (i = 0; i < 4; i++) {
		check_is(halShmemCreateHandle(ADDR + 8UL * i * SIZE, SIZE,
					      name[i], 65), 0);
		fake_foreign(name[i], 1);
		check_is(halMemFree((void *)(ADDR + 8UL * i * SIZE)), 0);
	}
	check_is(aclipc_pending(pending, 2, &total, &bytes), 0);
	check_is(total, 4);
	check_is(bytes, 4 * SIZE);
	check_is(pending[0].length, SIZE);
	check_is(pending[1].flags, ACLIPC_PENDING_FREE);
	for (i = 0; i < 4; i++) {
		check_is(fake_hal.free, i);
		fake_foreign(name[order[i]], -1);
		sleep_until(&fake_hal.free, i + 1);
	}
	settle();
	for (i = 0; i < 4; i++)
		check(!fake_find(name[i]));
	check_is(aclipc_pending(NULL, 0, &total, &bytes), 0);
	check_is(bytes, 0);
}

static void deferred_bytes_are_bounded(void)
{
	char first[65], second[65];

	fake_module.present = 1;
	setenv("ACLIPC_DEFER_MAX_BYTES", "6K", 1);
	setenv("ACLIPC_CLOSE_TIMEOUT_MS", "50", 1);
	fake_module.wait_errno = ETIMEDOUT;
	check_is(halShmemCreateHandle(ADDR, SIZE, first, 65), 0);
	check_is(halShmemCreateHandle(ADDR + 8 * SIZE, SIZE, second, 65), 0);
	fake_foreign(first, 1);
	fake_foreign(second, 1);
	check_is(halMemFree((void *)ADDR), 0);
	/* 8 KiB would be too much: as with the policy "wait" */
	check_is(halMemFree((void *)(ADDR + 8 * SIZE)), DRV_ERROR_WAIT_TIMEOUT);
	fake_foreign(first, -1);
	sleep_until(&fake_hal.free, 1);
	settle();
	check_is(halMemFree((void *)(ADDR + 8 * SIZE)), 0);
	fake_foreign(second, -1);
	sleep_until(&fake_hal.free, 2);
	settle();
}

SCENARIOS(
	SCENARIO(key_is_made_after_one_that_goes),
	SCENARIO(parts_of_an_allocation_go_with_it),
	SCENARIO(drv_mem_device_close),
	SCENARIO(key_that_only_the_module_knows),
	SCENARIO(key_given_out_again),
	SCENARIO(key_given_out_again_that_only_the_module_knows),
	SCENARIO(key_of_another_process),
	SCENARIO(module_refuses_the_export),
	SCENARIO(lists_of_importers),
	SCENARIO(calls_that_cann_lacks),
	SCENARIO(policy_is_told),
	SCENARIO(regions_drain_in_any_order),
	SCENARIO(deferred_bytes_are_bounded),
)

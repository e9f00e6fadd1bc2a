// SPDX-License-Identifier: LGPL-2.1-only
/*
 * How the hooks sit in a process: with and without a module, threads, forks,
 * signals, what a caller can pass.
 */

#include "test_hooks.h"

static void no_device_passes_with_one_warning(void)
{
	DVdeviceptr va;
	char name[65];

	export_key(name);
	export_key(name);
	check_is(halShmemOpenHandle("abc", &va), 0);
	check_is(halShmemCloseHandle(va), 0);
	check_is(halShmemDestroyHandle(name), 0);
	check_is(halMemFree((void *)ADDR), 0);
	check_log(fake_hal.log, "CCOXDF");
	check_is(warnings(), 1);
}

static void quiet_prints_nothing(void)
{
	char name[65];

	setenv("ACLIPC_QUIET", "1", 1);
	export_key(name);
	check_is(warnings(), 0);
}

static void strict_without_device_refuses(void)
{
	DVdeviceptr va;
	char name[65];
	void *ptr;

	setenv("ACLIPC_STRICT", "1", 1);
	check_is(halShmemCreateHandle(ADDR, SIZE, name, 65),
		 DRV_ERROR_NO_DEVICE);
	check_is(halShmemOpenHandle("abc", &va), DRV_ERROR_NO_DEVICE);
	check_is(aclrtIpcMemImportByKey(&ptr, "abc", 0),
		 ACL_ERROR_RT_NO_DEVICE);
	check_log(fake_hal.log, "");
}

static void errno_is_left_alone(void)
{
	DVdeviceptr va;
	char name[65];

	errno = 1234;
	export_key(name);
	check_is(errno, 1234);
	check_is(fake_hal.seen_errno, 1234);
	fake_module.present = 1;
	poll(NULL, 0, 1100);
	export_key(name);
	check_is(errno, 1234);
	check_is(halShmemOpenHandle(name, &va), 0);
	check_is(halShmemCloseHandle(va), 0);
	check_is(halShmemDestroyHandle(name), 0);
	check_is(errno, 1234);
	check_is(fake_hal.seen_errno, 1234);
	fake_hal.set_errno = 77;
	halMemFree((void *)ADDR);
	check_is(errno, 77);
}

static void bad_keys_go_to_cann(void)
{
	static const char *const keys[] = { NULL, "" };
	DVdeviceptr va;
	char longer[256];
	int i;

	fake_module.present = 1;
	memset(longer, 'x', sizeof(longer));
	for (i = 0; i < 2; i++) {
		halShmemOpenHandle(keys[i], &va);
		halShmemDestroyHandle(keys[i]);
	}
	halShmemOpenHandle(longer, &va);
	halShmemDestroyHandle(longer);
	check_log(fake_hal.log, "ODODOD");
	check_log(fake_module.log, "");
	check_is(aclrtIpcMemClose(NULL), 100000);
}

static void missing_functions(void)
{
	DVdeviceptr va;

	fake_module.present = 1;
	/* V2 falls back to ByDevId, which calls OpenHandle by itself */
	check_is(halShmemOpenHandleV2(0, "abc", &va, 0), 0);
	check_log(fake_module.log, "I");
	check_is(fake_hal.open_by_dev, 1);
	check_is(halShmemSetPodPid("abc", 0, NULL, 0), DRV_ERROR_NOT_SUPPORT);
	check_is(halMemAgentClose(0, 0), DRV_ERROR_NOT_SUPPORT);
	fake_hal.log[0] = 0;
	check_is(halDeviceClose(0, NULL), 0);
	check(!strcmp(fake_hal.log, "dm"));
}

static void fork_starts_from_nothing(void)
{
	DVdeviceptr va;
	char name[65];
	int status;
	pid_t pid;

	fake_module.present = 1;
	export_key(name);
	fake_foreign_key("theirs");
	check_is(halShmemOpenHandleByDevId(0, "theirs", &va), 0);
	pid = fork();
	if (!pid) {
		memset(fake_hal.log, 0, sizeof(fake_hal.log));
		memset(fake_module.log, 0, sizeof(fake_module.log));
		check_is(halMemFree((void *)ADDR), 0);
		check_is(halShmemCloseHandle(va), 0);
		check_log(fake_hal.log, "FX");
		check_log(fake_module.log, "");
		check_is(halShmemOpenHandleByDevId(0, "theirs", &va), 0);
		check_is(fake_module.opens, 2);
		_exit(failed);
	}
	waitpid(pid, &status, 0);
	check_is(status, 0);
	/* raw clone: no atfork handler is asked */
	pid = (pid_t)syscall(SYS_clone, 17 /* SIGCHLD */, 0, 0, 0, 0);
	if (!pid) {
		memset(fake_module.log, 0, sizeof(fake_module.log));
		halMemFree((void *)ADDR);
		check_log(fake_module.log, "");
		_exit(failed);
	}
	waitpid(pid, &status, 0);
	check_is(status, 0);
	check_is(fake_find("theirs")->own, 1);
	check_is(halShmemCloseHandle(va), 0);
	check_is(fake_find("theirs")->own, 0);
}

static void vfork_child_touches_nothing(void)
{
	static DVdeviceptr va, theirs;
	static char name[65], other[65];
	static int opens;
	int status;
	pid_t pid;

	fake_module.present = 1;
	fake_foreign_key("theirs");
	check_is(halShmemOpenHandleByDevId(0, "theirs", &va), 0);
	export_key(name);
	opens = fake_module.opens;
	memset(fake_hal.log, 0, sizeof(fake_hal.log));
	pid = vfork();
	if (!pid) {
		halShmemCloseHandle(va);
		halShmemOpenHandle("theirs", &theirs);
		halShmemCreateHandle(ADDR, SIZE, other, 65);
		halShmemDestroyHandle(name);
		halMemFree((void *)ADDR);
		halDeviceClose(0, NULL);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	/* the driver will say what it thinks of each */
	check_log(fake_hal.log, "XOCDFdm");
	check_is(fake_find("theirs")->own, 1);
	check_is(fake_find(name)->state, ACLIPC_STATE_LIVE);
	check_is(fake_module.opens, opens);
	check_is(halShmemCloseHandle(va), 0);
	check_is(fake_find("theirs")->own, 0);
	check_is(halShmemDestroyHandle(name), 0);
	check(!fake_find(name));
}

static void lost_descriptor_is_opened_again(void)
{
	char name[65], second[65];
	int fd;

	fake_module.present = 1;
	export_key(name);
	for (fd = 512; fd < 600; fd++)
		close(fd);
	export_key(second);
	check_is(fake_module.opens, 2);
	for (fd = 512; fd < 600; fd++)
		close(fd);
	check_is(halShmemDestroyHandle(name), 0);
	check_is(fake_module.opens, 3);
	check_is(halShmemDestroyHandle(second), 0);
	check(!fake_find(second));
}

static void around_the_hooks(void)
{
	char name[65];

	fake_module.present = 1;
	check_is(aclrtIpcMemGetExportKey((void *)ADDR, SIZE, name, 65, 0), 0);
	check_is(aclrtIpcMemGetExportKey((void *)ADDR, SIZE, name, 65, 0), 0);
	check_is(warnings(), 1);
}

static void around_the_hooks_strictly(void)
{
	char name[65];

	setenv("ACLIPC_STRICT", "1", 1);
	fake_module.present = 1;
	check_is(aclrtIpcMemGetExportKey((void *)ADDR, SIZE, name, 65, 0),
		 ACL_ERROR_RT_NO_DEVICE);
}

static void import_around_the_hooks_strictly(void)
{
	void *ptr;

	setenv("ACLIPC_STRICT", "1", 1);
	fake_module.present = 1;
	fake_foreign_key("theirs");
	fake_hal.around = 1;
	check_is(aclrtIpcMemImportByKey(&ptr, "theirs", 0),
		 ACL_ERROR_RT_NO_DEVICE);
	check_is(warnings(), 1);
}

static void *churn(void *data)
{
	uint64_t base = 0x100000000UL + (uintptr_t)data * 0x10000000UL;
	char name[65];
	int i;

	for (i = 0; i < 1500; i++) {
		if (halShmemCreateHandle(base + (uint64_t)i * SIZE, SIZE, name,
					 65))
			__atomic_fetch_add(&failed, 1, __ATOMIC_SEQ_CST);
		if (i & 1 && halShmemDestroyHandle(name))
			__atomic_fetch_add(&failed, 1, __ATOMIC_SEQ_CST);
		if (halMemFree((void *)(base + (uint64_t)i * SIZE)))
			__atomic_fetch_add(&failed, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void one_thread_and_its_tables(void)
{
	fake_module.present = 1;
	churn(NULL);
	check_is(fake_hal.destroy, 1500);
	check_is(fake_hal.free, 1500);
}

static char signal_name[65];
static int signal_ret = -1;

static void on_alarm(int sig)
{
	(void)sig;
	signal_ret = halShmemDestroyHandle(signal_name);
}

static void signal_handler_never_waits(void)
{
	char name[65];

	fake_module.present = 1;
	aclipc_set_policy(ACLIPC_POLICY_WAIT, 5000);
	export_key(name);
	check_is(halShmemCreateHandle(ADDR + SIZE, SIZE, signal_name, 65), 0);
	fake_foreign(name, 1);
	fake_foreign(signal_name, 1);
	fake_module.wait_raises = SIGUSR1;
	fake_module.wait_errno = EINTR;
	signal(SIGUSR1, on_alarm);
	memset(fake_module.log, 0, sizeof(fake_module.log));
	check_is(halShmemDestroyHandle(name), DRV_ERROR_WAIT_TIMEOUT);
	check_is(signal_ret, DRV_ERROR_BUSY);
	check_log(fake_module.log, "wt");
}

static void threads(void)
{
	pthread_t thread[4];
	uintptr_t i;

	fake_module.present = 1;
	for (i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, churn, (void *)i);
	for (i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	check_is(fake_hal.free, 6000);
	check_is(fake_hal.destroy, 6000);
}

static void overlapping_exports_are_one_region(void)
{
	char a[65], b[65], c[65];

	fake_module.present = 1;
	check_is(halShmemCreateHandle(ADDR, 2 * SIZE, a, 65), 0);
	check_is(halShmemCreateHandle(ADDR + 4 * SIZE, SIZE, b, 65), 0);
	/* joins both */
	check_is(halShmemCreateHandle(ADDR + SIZE, 4 * SIZE, c, 65), 0);
	check_is(halMemFree((void *)ADDR), 0);
	check_log(fake_hal.log, "CCCDDDF");
	check(!fake_find(a) && !fake_find(b) && !fake_find(c));
}

SCENARIOS(
	SCENARIO(no_device_passes_with_one_warning),
	SCENARIO(quiet_prints_nothing),
	SCENARIO(strict_without_device_refuses),
	SCENARIO(errno_is_left_alone),
	SCENARIO(bad_keys_go_to_cann),
	SCENARIO(missing_functions),
	SCENARIO(signal_handler_never_waits),
	SCENARIO(threads),
	SCENARIO(fork_starts_from_nothing),
	SCENARIO(vfork_child_touches_nothing),
	SCENARIO(lost_descriptor_is_opened_again),
	SCENARIO(around_the_hooks),
	SCENARIO(around_the_hooks_strictly),
	SCENARIO(import_around_the_hooks_strictly),
	SCENARIO(one_thread_and_its_tables),
	SCENARIO(overlapping_exports_are_one_region),
)

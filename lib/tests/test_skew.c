// SPDX-License-Identifier: LGPL-2.1-only
/*
 * A device node whose module is of another time: newer, older than the first
 * version, or not ours at all.  Field case 128.
 */

#include <stdarg.h>
#include <sys/ioctl.h>

#include "test_hooks.h"

static unsigned int skew_abi;
static int skew_errno;		/* of INFO */
static int skew_calls;		/* other than INFO */

int open(const char *path, int flags, ...)
{
	if (!strcmp(path, ACLIPC_DEVICE))
		path = "/dev/null";
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}

int ioctl(int fd, unsigned long call, ...)
{
	struct aclipc_info *info;
	va_list args;

	va_start(args, call);
	info = va_arg(args, struct aclipc_info *);
	va_end(args);
	(void)fd;
	if (call >> 8 != ACLIPC_IOC_TYPE) {
		errno = ENOTTY;
		return -1;
	}
	if (call != ACLIPC_INFO) {
		skew_calls++;
		return 0;
	}
	info->out_abi = skew_abi;
	errno = skew_errno;
	return skew_errno ? -1 : 0;
}

/* All that is printed is one line, which names the library's version. */
static void check_line(void)
{
	char line[512];
	ssize_t len = syscall(SYS_read, stderr_pipe, line, sizeof(line) - 1);

	line[len > 0 ? len : 0] = 0;
	check_is(len, strlen(line));
	check(strchr(line, '\n') == line + len - 1);
	check(strstr(line, "not a module that library " ));
	check(strstr(line, aclipc_version()));
}

static void use_not_ours(void)
{
	struct aclipc *session;
	DVdeviceptr va;
	char name[65];

	export_key(name);
	export_key(name);
	check_is(halShmemOpenHandle("abc", &va), 0);
	check_is(halShmemCloseHandle(va), 0);
	check_is(halShmemDestroyHandle(name), 0);
	check_is(halMemFree((void *)ADDR), 0);
	check_log(fake_hal.log, "CCOXDF");
	check_is(skew_calls, 0);
	check_line();
	check_is(aclipc_session_open(&session),
		 skew_errno == ENODEV ? -ENODEV : -EOPNOTSUPP);
}

static void older_than_the_first_version(void)
{
	skew_abi = 0;
	use_not_ours();
}

static void not_our_module(void)
{
	skew_errno = ENOTTY;
	use_not_ours();
}

static void strict_refuses(void)
{
	void *ptr;

	skew_abi = 0;
	setenv("ACLIPC_STRICT", "1", 1);
	check_is(aclrtIpcMemImportByKey(&ptr, "abc", 0),
		 ACL_ERROR_RT_FEATURE_NOT_SUPPORT);
	check_log(fake_hal.log, "");
	check_is(skew_calls, 0);
	check_line();
}

static void newer_module_is_used(void)
{
	static const unsigned int abis[] = { 1, 2, 3, ~0U };
	struct aclipc_info info;
	struct aclipc *session;
	DVdeviceptr va;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		skew_abi = abis[i];
		check_is(aclipc_session_open(&session), 0);
		check_is(aclipc_get_info(session, &info), 0);
		check_is(info.out_abi, abis[i]);
		aclipc_session_close(session);
	}
	check_is(halShmemOpenHandle("abc", &va), 0);
	check_is(halShmemCloseHandle(va), 0);
	check_is(skew_calls, 2);
	check_is(warnings(), 0);
}

SCENARIOS(
	SCENARIO(older_than_the_first_version),
	SCENARIO(not_our_module),
	SCENARIO(strict_refuses),
	SCENARIO(newer_module_is_used),
)

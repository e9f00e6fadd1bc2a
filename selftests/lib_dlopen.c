// SPDX-License-Identifier: GPL-2.0
/*
 * CANN as Python and plug-ins load it: dlopen() with RTLD_LOCAL and dlsym() on
 * the handle, so that neither RTLD_NEXT nor the wrappers see anything of it.
 * Linked with nothing but libc; the library is preloaded.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"

#define SIZE	(2UL << 20)

static void *acl;

#define ACL(name, ...)							\
	(((int (*)())dlsym(acl, #name))(__VA_ARGS__))

static void load(void)
{
	acl = dlopen("libascendcl.so", RTLD_NOW | RTLD_LOCAL);
	if (!acl || ACL(aclInit, NULL) || ACL(aclrtSetDevice, 0))
		ksft_exit_fail_msg("CANN: %s\n", acl ? "no device" : dlerror());
}

static int importer(int fd)
{
	unsigned char byte = 0;
	char key[65], c = 0;
	void *dev;
	int ret;

	load();
	if (read(fd, key, 65) != 65)
		return 1;
	ret = ACL(aclrtIpcMemImportByKey, &dev, key, 0UL);
	if (write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1 || ret)
		return 2;
	ret = ACL(aclrtMemcpy, &byte, 1UL, dev, 1UL, 2);
	if (ret || byte != 7)
		return 3;
	return ACL(aclrtIpcMemClose, key) ? 4 : 0;
}

static int pending(void)
{
	int (*fn)(void *, uint32_t, uint32_t *, uint64_t *) =
		dlsym(RTLD_DEFAULT, "aclipc_pending");
	uint32_t total = 0;

	return fn && !fn(NULL, 0, &total, NULL) ? (int)total : -1;
}

static void exporter(int fd)
{
	char key[65] = "", c = 0, page[4096];
	int i, status = -1;
	void *dev;

	for (i = 0; i < 4096; i++)
		page[i] = 7;
	load();
	ksft_test_result(!ACL(aclrtMalloc, &dev, SIZE, 0) &&
			 !ACL(aclrtMemcpy, dev, 4096UL, page, 4096UL, 1) &&
			 !ACL(aclrtIpcMemGetExportKey, dev, SIZE, key, 65UL, 1UL),
			 "export\n");
	if (write(fd, key, 65) != 65 || read(fd, &c, 1) != 1)
		ksft_exit_fail_msg("importer is gone\n");
	ksft_test_result(!ACL(aclrtIpcMemClose, key), "close\n");
	ksft_test_result(!ACL(aclrtFree, dev), "free\n");
	ksft_test_result(pending() == 1, "both deferred\n");
	if (write(fd, &c, 1) != 1)
		ksft_exit_fail_msg("importer is gone\n");
	wait(&status);
	ksft_test_result(!status, "importer read and closed\n");
	for (i = 0; i < 2000 && pending(); i++)
		usleep(5000);
	ksft_test_result(!pending(), "destroyed and freed\n");
}

int main(int argc, char **argv)
{
	int fds[2];

	(void)argc;
	if (!dlsym(RTLD_DEFAULT, "aclipc_version")) {
		if (getenv("LIB_TEST_AGAIN"))
			return 1;
		setenv("LIB_TEST_AGAIN", "1", 1);
		setenv("LD_PRELOAD", "libaclipc.so.0", 1);
		execv("/proc/self/exe", argv);
	}
	ksft_print_header();
	ksft_set_plan(6);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return 1;
	if (!fork())
		_exit(importer(fds[1]));
	close(fds[1]);
	exporter(fds[0]);
	ksft_finished();
}

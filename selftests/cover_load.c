// SPDX-License-Identifier: GPL-2.0
/*
 * The module is loaded while there is no memory for one thing after the other.
 * A load that fails leaves nothing behind, and the next one succeeds.  Needs a
 * kernel with fault injection (failslab) and its filter by stack trace.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/aclipc_test.h"

#define FAILSLAB	"/sys/kernel/debug/failslab/"
#define MODULE		"/modules/aclipc.ko"
#define POINTS_MAX	400

static int put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = strlen(value);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, value, len) == len ? 0 : -errno;
	close(fd);
	return ret;
}

static int put_number(const char *path, unsigned long long number)
{
	char value[32];

	snprintf(value, sizeof(value), "%llu", number);
	return put(path, value);
}

/* Where a function of the kernel begins, and where the next one does. */
static int find_function(const char *name, unsigned long long *start,
			 unsigned long long *end)
{
	unsigned long long addr;
	char line[512], symbol[256];
	FILE *file = fopen("/proc/kallsyms", "re");

	*start = 0;
	*end = ~0ULL;
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%llx %*c %255s", &addr, symbol) == 2 &&
		    !strcmp(symbol, name))
			*start = addr;
	if (!*start) {
		if (file)
			fclose(file);
		return -ENOENT;
	}
	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		addr = strtoull(line, NULL, 16);
		if (addr > *start && addr < *end)
			*end = addr;
	}
	fclose(file);
	return 0;
}

FIXTURE(load)
{
};

/* the function that the module calls, inside which memory is lacking */
FIXTURE_VARIANT(load)
{
	const char *functions[2];
};

FIXTURE_VARIANT_ADD(load, workqueue)
{
	.functions = { "alloc_workqueue", "__alloc_workqueue" },
};

FIXTURE_VARIANT_ADD(load, caches)
{
	.functions = { "__kmem_cache_create_args", "kmem_cache_create_usercopy" },
};

FIXTURE_VARIANT_ADD(load, node)
{
	.functions = { "misc_register", "misc_register" },
};

FIXTURE_SETUP(load)
{
	unsigned long long start, end;

	if (access(FAILSLAB "require-start", W_OK) || access(MODULE, R_OK))
		SKIP(return, "no fault injection, or no " MODULE);
	if (find_function(variant->functions[0], &start, &end) &&
	    find_function(variant->functions[1], &start, &end))
		SKIP(return, "the kernel has no such function");
	ASSERT_EQ(0, t_until(!t_unload("aclipc")));
	EXPECT_EQ(0, put(FAILSLAB "ignore-gfp-wait", "N"));
	EXPECT_EQ(0, put(FAILSLAB "task-filter", "Y"));
	EXPECT_EQ(0, put(FAILSLAB "cache-filter", "N"));
	EXPECT_EQ(0, put_number(FAILSLAB "stacktrace-depth", 32));
	EXPECT_EQ(0, put_number(FAILSLAB "require-start", start));
	EXPECT_EQ(0, put_number(FAILSLAB "require-end", end));
	EXPECT_EQ(0, put_number(FAILSLAB "verbose", 0));
}

FIXTURE_TEARDOWN_PARENT(load)
{
	put(FAILSLAB "probability", "0");
	put(FAILSLAB "require-start", "0");
	put(FAILSLAB "require-end", "18446744073709551615");
	put(FAILSLAB "task-filter", "N");
	t_load("aclipc", "");
}

TEST_F_TIMEOUT(load, fails_for_want_of_memory, 120)
{
	int n, fd, ret, failed = 0;

	for (n = 1; n < POINTS_MAX; n++) {
		ASSERT_EQ(0, put_number(FAILSLAB "interval", n));
		ASSERT_EQ(0, put(FAILSLAB "times", "1"));
		ASSERT_EQ(0, put(FAILSLAB "probability", "100"));
		ASSERT_EQ(0, put("/proc/self/make-it-fail", "1"));
		ret = t_load("aclipc", "");
		ASSERT_EQ(0, put("/proc/self/make-it-fail", "0"));
		ASSERT_EQ(0, put(FAILSLAB "probability", "0"));
		if (!ret) {
			/* some failures do no harm; after the last one all is well */
			fd = t_open();
			EXPECT_LE(0, fd);
			close(fd);
			ASSERT_EQ(0, t_until(!t_unload("aclipc")));
			if (n > 3 * failed + 20)
				break;
			continue;
		}
		failed++;
		EXPECT_EQ(-ENOMEM, ret);
		EXPECT_EQ(-ENOENT, t_unload("aclipc"));
		EXPECT_EQ(-1, access(ACLIPC_DEVICE, F_OK));
	}
	EXPECT_LT(0, failed);
	EXPECT_EQ(0, t_load("aclipc", ""));
}

T_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * The module is loaded while there is no memory for one thing after the other.
 * A load that fails leaves nothing behind, and the next one succeeds.  Needs a
 * kernel with fault injection (fail-nth) and its filter by stack trace.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/aclipc_test.h"
#include "common/fail.h"

#define MODULE		"/modules/aclipc.ko"
#define POINTS_MAX	400
/* No two loads ask for memory in quite the same order. */
#define PASSES		3

static const char * const kinds[] = {
	"failslab", "fail_page_alloc", "fail_usercopy",
};

/* Failure points are in this part of the kernel ("require") or not ("reject"). */
static int fail_range(const char *how, unsigned long long start,
		      unsigned long long end)
{
	char name[64], value[32];
	size_t i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(kinds) && !ret; i++) {
		snprintf(name, sizeof(name), "%s/stacktrace-depth", kinds[i]);
		ret = fail_set(name, "32");
		snprintf(name, sizeof(name), "%s/%s-start", kinds[i], how);
		snprintf(value, sizeof(value), "%llu", start);
		ret = ret ?: fail_set(name, value);
		snprintf(name, sizeof(name), "%s/%s-end", kinds[i], how);
		snprintf(value, sizeof(value), "%llu", end);
		ret = ret ?: fail_set(name, value);
	}
	return ret;
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

	if (fail_range("reject", 0, 0) || access(MODULE, R_OK))
		SKIP(return, "no filter by stack trace, or no " MODULE);
	if (find_function(variant->functions[0], &start, &end) &&
	    find_function(variant->functions[1], &start, &end))
		SKIP(return, "the kernel has no such function");
	ASSERT_EQ(0, t_until(!t_unload("aclipc")));
	ASSERT_EQ(0, fail_open());
	ASSERT_EQ(0, fail_range("require", start, end));
	/* the kernel (6.12) loses a name of its own if this fails */
	if (!find_function("sysfs_slab_add", &start, &end))
		ASSERT_EQ(0, fail_range("reject", start, end));
}

FIXTURE_TEARDOWN_PARENT(load)
{
	EXPECT_EQ(0, fail_range("require", 0, ~0ULL));
	EXPECT_EQ(0, fail_range("reject", 0, 0));
	t_load("aclipc", "");
}

/* One load, in which the nth point fails if there are so many. */
static bool attempt(struct __test_metadata *_metadata, int n, int *refused)
{
	bool hit;
	int ret, fd;

	fail_nth(n);
	ret = t_load("aclipc", "");
	hit = !fail_left(fail_fd);
	fail_nth(0);
	if (!ret) {
		/* some failures do no harm; after the last one all is well */
		fd = t_open();
		EXPECT_LE(0, fd);
		close(fd);
		EXPECT_EQ(0, t_until(!t_unload("aclipc")));
		return hit;
	}
	++*refused;
	EXPECT_TRUE(hit);
	EXPECT_EQ(-ENOMEM, ret);
	EXPECT_EQ(-ENOENT, t_unload("aclipc"));
	EXPECT_EQ(-1, access(ACLIPC_DEVICE, F_OK));
	return hit;
}

TEST_F_TIMEOUT(load, fails_for_want_of_memory, 300)
{
	int pass, n, points = 0, refused = 0;

	for (pass = 0; pass < PASSES; pass++) {
		for (n = 1; attempt(_metadata, n, &refused); n++)
			ASSERT_GT(POINTS_MAX, n);
		points += n - 1;
	}
	EXPECT_LT(0, refused);
	TH_LOG("%d points, %d of them refused the load", points, refused);
	EXPECT_EQ(0, t_load("aclipc", ""));
}

T_MAIN

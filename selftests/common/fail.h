/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failures on demand: of the nth allocation or copy that a task asks the kernel
 * for.  A program that includes this is skipped by a kernel that has no fail-nth.
 */
#ifndef FAIL_H
#define FAIL_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aclipc_test.h"

static const struct {
	const char *file, *value;
} fail_settings[] = {
	{ "failslab/ignore-gfp-wait", "N" },
	{ "failslab/cache-filter", "N" },
	{ "failslab/verbose", "0" },
	{ "fail_page_alloc/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "fail_page_alloc/min-order", "0" },
	{ "fail_page_alloc/verbose", "0" },
	{ "fail_usercopy/verbose", "0" },
};

static int fail_fd = -1;

static int fail_open(void)
{
	fail_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	return fail_fd < 0 ? -errno : 0;
}

static int fail_set(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", name);
	return t_put(path, value);
}

/* Nothing fails by these settings alone: that takes a task's fail-nth. */
static const char *fail_configure(void)
{
	size_t i;

	if (access("/proc/thread-self/fail-nth", W_OK))
		return "no fail-nth";
	for (i = 0; i < ARRAY_SIZE(fail_settings); i++)
		if (fail_set(fail_settings[i].file, fail_settings[i].value))
			return fail_settings[i].file;
	return NULL;
}

__attribute__((constructor)) static void fail_or_skip(void)
{
	const char *why = fail_configure();

	if (why)
		ksft_exit_skip("the kernel does not inject faults: %s\n", why);
}

/* The nth failure point of this task fails, from the return of this on. */
static void fail_nth(unsigned int n)
{
	char buf[16];
	int len = snprintf(buf, sizeof(buf), "%u", n);

	/* copying the number is a failure point, too */
	while (pwrite(fail_fd, buf, len, 0) != len)
		;
}

/* How many points are left; 0: it was hit. */
static unsigned int fail_left(int fd)
{
	char buf[16] = "";

	/* if this copy is the one to fail, nothing did before */
	if (pread(fd, buf, sizeof(buf) - 1, 0) < 0)
		return 1;
	return strtoul(buf, NULL, 10);
}

#endif /* FAIL_H */

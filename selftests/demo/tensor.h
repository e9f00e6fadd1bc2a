/* SPDX-License-Identifier: GPL-2.0 */
/* What exporter and importer have in common: two tensors, and a way to speak. */
#ifndef DEMO_TENSOR_H
#define DEMO_TENSOR_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <acl/acl.h>

#define MIB		(1024UL * 1024)
#define TENSOR_A	0xaaaa000000000000UL	/* the shared one */
#define TENSOR_B	0xbbbb000000000000UL	/* the exporter's next one */
#define KEY_LEN		65

static inline void say(const char *fmt, ...)
{
	struct timespec now;
	va_list args;

	clock_gettime(CLOCK_MONOTONIC, &now);
	printf("%lld.%06ld ", (long long)now.tv_sec, now.tv_nsec / 1000);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static inline void die(const char *what, int code)
{
	say("FAILED: %s, %d", what, code);
	exit(1);
}

#define ACL(call)							\
	do {								\
		aclError err_ = (call);					\
									\
		if (err_)						\
			die(#call, err_);				\
	} while (0)

static inline void tensor_fill(uint64_t *host, size_t size, uint64_t tensor)
{
	size_t i;

	for (i = 0; i < size / sizeof(*host); i++)
		host[i] = tensor + i;
}

/* How many words are those of this tensor? */
static inline size_t tensor_count(const uint64_t *host, size_t size,
				  uint64_t tensor)
{
	size_t i, n = 0;

	for (i = 0; i < size / sizeof(*host); i++)
		n += host[i] == tensor + i;
	return n;
}

static inline int open_in(const char *dir, const char *name, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, flags, 0600);
	return fd;
}

#endif /* DEMO_TENSOR_H */

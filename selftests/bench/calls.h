/* SPDX-License-Identifier: GPL-2.0 */
/* The module's calls, as the benchmarks make them. */
#ifndef CALLS_H
#define CALLS_H

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../uapi/aclipc.h"
#include "bench.h"

static inline int device(void)
{
	int fd = open(ACLIPC_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die(ACLIPC_DEVICE);
	return fd;
}

/* As long as a key of the driver: text, 64 bytes. */
static inline void key_make(__u8 key[ACLIPC_KEY_MAX], uint64_t n)
{
	char text[ACLIPC_KEY_MAX + 1];

	snprintf(text, sizeof(text), "%08x%016llx%040x", 0x1234,
		 (unsigned long long)n, 0);
	memcpy(key, text, ACLIPC_KEY_MAX);
}

static inline void do_close(int fd, uint64_t n, uint32_t op)
{
	struct aclipc_close cmd = { .size = sizeof(cmd), .op = op };

	key_make(cmd.key, n);
	if (ioctl(fd, ACLIPC_CLOSE, &cmd))
		die("CLOSE");
}

static inline void end_export(int fd, uint64_t n)
{
	do_close(fd, n, ACLIPC_CLOSE_TRY);
	do_close(fd, n, ACLIPC_CLOSE_FINISH);
}

#endif /* CALLS_H */

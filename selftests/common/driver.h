/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory of the stand-in driver without a library over it, and the driver's
 * ledger and parameters.  For tests that bring driver and module together.
 */
#ifndef DRIVER_H
#define DRIVER_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ascend_sim.h"
#include "aclipc_test.h"

/* Memory of a device that a peer has, at an address that it reserved. */
struct memory {
	__u64 va;
	__u64 length;
	__u32 device;
	__u32 flags;		/* ASCEND_SIM_F_* of ALLOC or FREE */
};

static int d_fd = -1;
static pid_t d_opener;

static inline long d_call(unsigned int cmd, struct ascend_sim_arg *arg)
{
	/* a peer does not inherit it */
	if (d_fd < 0 || d_opener != getpid())
		d_fd = open(ASCEND_SIM_DEV, O_RDWR | O_CLOEXEC);
	d_opener = getpid();
	if (d_fd < 0)
		return -errno;
	return ioctl(d_fd, cmd, arg) ? -errno : 0;
}

static inline long d_fn_open(int fd, void *arg)
{
	struct ascend_sim_arg sim = { .devid = *(__u32 *)arg };
	long ret = d_call(ASCEND_SIM_DEV_OPEN, &sim);

	return ret == -EBUSY ? 0 : ret;
}

static inline long d_fn_alloc(int fd, void *arg)
{
	struct memory *memory = arg;
	struct ascend_sim_arg sim = {
		.len = memory->length,
		.devid = memory->device,
		.flags = memory->flags,
	};
	long ret;

	/* the device address is a reserved range of the process */
	if (!memory->va)
		memory->va = (uintptr_t)mmap(NULL, memory->length, PROT_NONE,
					     MAP_PRIVATE | MAP_ANONYMOUS |
					     MAP_NORESERVE, -1, 0);
	ret = d_fn_open(fd, &memory->device);
	if (ret)
		return ret;
	sim.va = memory->va;
	return d_call(ASCEND_SIM_ALLOC, &sim);
}

static inline long d_fn_free(int fd, void *arg)
{
	struct memory *memory = arg;
	struct ascend_sim_arg sim = {
		.va = memory->va, .flags = memory->flags,
	};

	return d_call(ASCEND_SIM_FREE, &sim);
}

static inline long d_fn_repair(int fd, void *arg)
{
	struct memory *memory = arg;
	struct ascend_sim_arg sim = { .va = memory->va, .len = 4096 };

	return d_call(ASCEND_SIM_REPAIR, &sim);
}

static inline long d_fn_reset(int fd, void *arg)
{
	struct ascend_sim_arg sim = { .devid = *(__u32 *)arg };

	return d_call(ASCEND_SIM_DEV_CLOSE, &sim);
}

static inline long d_fn_close(int fd, void *arg)
{
	int ret = close(d_fd) ? -errno : 0;

	d_fd = -1;
	return ret;
}

/* By a peer, or by the test itself. */
static inline int d_alloc(int handle, struct memory *memory, __u64 length)
{
	memory->length = length;
	return t_run(handle, d_fn_alloc, memory, sizeof(*memory));
}

static inline int d_free(int handle, struct memory *memory)
{
	return t_run(handle, d_fn_free, memory, sizeof(*memory));
}

/* The driver's own calls by a process with this device, and no memory. */
static inline int d_open(int handle, __u32 device)
{
	return t_run(handle, d_fn_open, &device, sizeof(device));
}

static inline int d_reset(int handle, __u32 device)
{
	return t_run(handle, d_fn_reset, &device, sizeof(device));
}

static inline int d_param(const char *name, long value)
{
	char path[128], buf[24];

	snprintf(path, sizeof(path), "/sys/module/ascend_sim/parameters/%s",
		 name);
	snprintf(buf, sizeof(buf), "%ld", value);
	return t_put(path, buf);
}

/* The generation that it plays, 0 if it is not there. */
static inline int d_svm(void)
{
	char buf[16];

	return t_slurp("/sys/module/ascend_sim/parameters/svm", buf,
		       sizeof(buf)) < 0 ? 0 : atoi(buf);
}

/* What the driver counts in "violations" or "counts" under name. */
static inline long d_ledger(const char *file, const char *name)
{
	char path[128], line[128], word[64];
	long value, found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/debug/ascend_sim/%s", file);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %ld", word, &value) == 2 &&
		    !strcmp(word, name))
			found = value;
	if (f)
		fclose(f);
	return found;
}

static inline long d_count(const char *name)
{
	return d_ledger("counts", name);
}

/* Promises to the driver that the module can break. */
static inline long d_broken(void)
{
	return d_ledger("violations", "put_wrong_context") +
	       d_ledger("violations", "use_after_callback") +
	       d_ledger("violations", "freed_while_listed") +
	       d_ledger("violations", "used_after_free");
}

/* Registrations that the module has with the driver. */
static inline unsigned int d_watches(void)
{
	struct t_counts counts;

	return t_counts(&counts) ? 9999 : counts.watches;
}

#endif /* DRIVER_H */

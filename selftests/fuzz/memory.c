// SPDX-License-Identifier: GPL-2.0
/* Memory of an actor that a driver has, and tells of when it goes. */
#include <fcntl.h>
#include <sys/mman.h>

#include "model.h"
#include "../ascend_sim/ascend_sim.h"

static int driver_fd = -1;
static __u64 memory;

static long driver_call(unsigned int cmd, __u64 va)
{
	struct ascend_sim_arg arg = { .va = va, .len = M_LENGTH };

	return ioctl(driver_fd, cmd, &arg) ? -errno : 0;
}

static bool driver_open(void)
{
	if (driver_fd >= 0)
		return true;
	driver_fd = open(ASCEND_SIM_DEV, O_RDWR | O_CLOEXEC);
	return driver_fd >= 0 && !driver_call(ASCEND_SIM_DEV_OPEN, 0);
}

/* At an address of its own each time: the driver may be slow to forget one. */
__u64 memory_get(void)
{
	void *area;

	if (memory || !driver_open())
		return memory;
	area = mmap(NULL, M_LENGTH, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area != MAP_FAILED &&
	    !driver_call(ASCEND_SIM_ALLOC, (uintptr_t)area))
		memory = (uintptr_t)area;
	return memory;
}

long memory_free(void)
{
	__u64 va = memory;

	memory = 0;
	return va ? driver_call(ASCEND_SIM_FREE, va) : 0;
}

// SPDX-License-Identifier: GPL-2.0
/* The driver's descriptor, and devices that open and close. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hal.h"

#define MIB (1UL << 20)

struct hal_state_all hal = {
	.pipeline = PTHREAD_RWLOCK_INITIALIZER,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.fd = -1,
};

static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;

/* A descriptor of its own, for questions: asking makes no process. */
static int hal_ask(struct ascend_sim_arg *a)
{
	int fd = open(ASCEND_SIM_DEV, O_RDWR | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	memset(a, 0, sizeof(*a));
	ret = ioctl(fd, ASCEND_SIM_INFO, a) ? -errno : 0;
	close(fd);
	return ret;
}

static void hal_init_settings(const struct ascend_sim_arg *a)
{
	const char *env = getenv("ASCEND_SIM_CACHE_MAX");

	hal.svm = (int)a->id;
	hal.nr_devices = a->devid;
	hal.mem_bytes = a->len;
	hal.cache_max = (hal.svm == 3 ? 32 : 36) * MIB;
	if (env)
		hal.cache_max = strtoull(env, NULL, 0);
}

/* First device: descriptor, address range, and on v3 the event thread. */
int hal_init(void)
{
	struct ascend_sim_arg a;
	int ret = 0;
	void *base;

	pthread_mutex_lock(&init_lock);
	if (hal.fd >= 0)
		goto out;
	ret = hal_ask(&a);
	if (ret)
		goto out;
	hal_init_settings(&a);
	base = mmap((void *)HAL_SVM_BASE, HAL_SVM_SIZE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
		    MAP_FIXED_NOREPLACE, -1, 0);
	if (base != (void *)HAL_SVM_BASE) {
		ret = -ENOMEM;
		goto out;
	}
	madvise(base, HAL_SVM_SIZE, MADV_DONTFORK);
	hal.fd = open(ASCEND_SIM_DEV, O_RDWR | O_SYNC | O_CLOEXEC);
	if (hal.fd < 0) {
		ret = -errno;
		munmap(base, HAL_SVM_SIZE);
		goto out;
	}
	hal.pid = getpid();
	if (hal.svm == 3)
		ret = hal_event_start();
out:
	pthread_mutex_unlock(&init_lock);
	return ret;
}

int hal_call_raw(unsigned long cmd, struct ascend_sim_arg *a)
{
	int saved = errno, ret;

	if (hal.fd < 0)
		return -ENODEV;
	ret = ioctl(hal.fd, cmd, a) ? -errno : 0;
	/* errno is not kept where something fails, as little as by the real one */
	if (!ret)
		errno = saved;
	return ret;
}

/* v3 remembers who opened the driver; on v2 the driver itself does. */
drvError_t hal_call(unsigned long cmd, struct ascend_sim_arg *a)
{
	if (hal.svm == 3 && hal.pid != getpid())
		return DRV_ERROR_NOT_EXIST;
	return hal_errno(-hal_call_raw(cmd, a));
}

bool hal_dev_ready(uint32_t devid)
{
	return devid < ASCEND_SIM_MAX_DEV &&
	       __atomic_load_n(&hal.opened[devid], __ATOMIC_ACQUIRE);
}

drvError_t halMemAgentOpen(uint32_t devid, uint32_t flag)
{
	struct ascend_sim_arg a = { .devid = devid };
	drvError_t ret;
	int code;

	if (flag != SVM_AGENT_DEVICE)
		return DRV_ERROR_NOT_SUPPORT;
	code = hal_fail("devopen");
	if (code)
		return code;
	code = hal_init();
	if (code)
		return DRV_ERROR_NO_DEVICE;
	if (devid >= hal.nr_devices)
		return DRV_ERROR_INVALID_VALUE;
	if (hal_dev_ready(devid))
		return DRV_ERROR_NONE;
	ret = hal_call(ASCEND_SIM_DEV_OPEN, &a);
	if (!ret)
		__atomic_store_n(&hal.opened[devid], true, __ATOMIC_RELEASE);
	hal_trace("%s dev=%u -> %d", __func__, devid, ret);
	return ret;
}

/*
 * The writer of the pipeline: every other memory call of the process waits,
 * and so does this one for all that are inside.
 */
drvError_t halMemAgentClose(uint32_t devid, uint32_t flag)
{
	struct ascend_sim_arg a = { .devid = devid };
	drvError_t ret;
	int code;

	if (flag != SVM_AGENT_DEVICE)
		return DRV_ERROR_NOT_SUPPORT;
	if (!hal_dev_ready(devid))
		return DRV_ERROR_INVALID_VALUE;
	code = hal_fail("devclose");
	if (code)
		return code;

	pthread_rwlock_wrlock(&hal.pipeline);
	/* v2: the heaps go first, by the way of an ordinary free */
	if (hal.svm == 2)
		hal_heap_close(devid);
	ret = hal_call(ASCEND_SIM_DEV_CLOSE, &a);
	if (!ret) {
		hal_heap_forget(devid);
		__atomic_store_n(&hal.opened[devid], false, __ATOMIC_RELEASE);
	}
	pthread_rwlock_unlock(&hal.pipeline);
	/* another component has failed: all of them were called all the same */
	code = ret ? 0 : hal_fail("devclosed");
	if (code)
		ret = code;
	hal_trace("%s dev=%u -> %d", __func__, devid, ret);
	return ret;
}

int drvMemDeviceOpen(uint32_t devid, int devfd)
{
	(void)devfd;
	return halMemAgentOpen(devid, SVM_AGENT_DEVICE);
}

int drvMemDeviceClose(uint32_t devid)
{
	return halMemAgentClose(devid, SVM_AGENT_DEVICE);
}

/* the task scheduler's half of an old-style open: no memory in it */
drvError_t drvDeviceOpen(void **devInfo, uint32_t devId)
{
	int code = hal_init();

	if (code || devId >= hal.nr_devices)
		return DRV_ERROR_INVALID_VALUE;
	if (devInfo)
		*devInfo = NULL;
	return DRV_ERROR_NONE;
}

drvError_t drvDeviceClose(uint32_t devId)
{
	return devId < ASCEND_SIM_MAX_DEV ? DRV_ERROR_NONE :
					    DRV_ERROR_INVALID_VALUE;
}

#ifndef HAL_NO_DEVICE_OPEN
drvError_t halDeviceOpen(uint32_t devid, halDevOpenIn *in, halDevOpenOut *out)
{
	drvError_t ret;

	(void)in;
	(void)out;
	if (hal_dev_ready(devid))
		return DRV_ERROR_REPEATED_INIT;
	/* by name, so through the PLT, like every call inside the library */
	ret = halMemAgentOpen(devid, SVM_AGENT_DEVICE);
	hal_trace("%s dev=%u -> %d", __func__, devid, ret);
	return ret;
}

static drvError_t hal_close_user(void)
{
	drvError_t ret = DRV_ERROR_NONE, one;
	uint32_t i;

	if (hal.svm == 3)
		return DRV_ERROR_NOT_SUPPORT;
	for (i = 0; i < hal.nr_devices; i++) {
		if (!hal_dev_ready(i))
			continue;
		one = halMemAgentClose(i, SVM_AGENT_DEVICE);
		if (one)
			ret = one;
	}
	return ret;
}

drvError_t halDeviceClose(uint32_t devid, halDevCloseIn *in)
{
	drvError_t ret;

	if (in && in->close_type >= DEV_CLOSE_TYPE_MAX)
		return DRV_ERROR_INVALID_VALUE;
	if (in && in->close_type == DEV_CLOSE_HOST_USER)
		ret = hal_close_user();
	else if (!hal_dev_ready(devid))
		ret = DRV_ERROR_PARA_ERROR;
	else
		ret = halMemAgentClose(devid, SVM_AGENT_DEVICE);
	hal_trace("%s dev=%u -> %d", __func__, devid, ret);
	return ret;
}
#endif

drvError_t drvGetDevNum(uint32_t *num_dev)
{
	struct ascend_sim_arg a;

	if (!num_dev)
		return DRV_ERROR_INVALID_VALUE;
	if (hal_ask(&a))
		return DRV_ERROR_NO_DEVICE;
	*num_dev = a.devid;
	return DRV_ERROR_NONE;
}

/* Remembered per getpid(), so that it stays right after fork. */
pid_t drvDeviceGetBareTgid(void)
{
	static pid_t known_for, known;
	struct ascend_sim_arg a;

	if (known_for == getpid())
		return known;
	if (hal_ask(&a))
		return -1;
	known = a.pid;
	known_for = getpid();
	return known;
}

int ascend_sim_svm(void)
{
	struct ascend_sim_arg a;

	return hal_ask(&a) ? 0 : (int)a.id;
}

int ascend_sim_nr_devices(void)
{
	struct ascend_sim_arg a;

	return hal_ask(&a) ? 0 : (int)a.devid;
}

size_t ascend_sim_mem_bytes(void)
{
	struct ascend_sim_arg a;

	return hal_ask(&a) ? 0 : a.len;
}

size_t ascend_sim_cache_max(void)
{
	return hal_init() ? 0 : hal.cache_max;
}

unsigned long long ascend_sim_faults(void)
{
	return __atomic_load_n(&hal.faults, __ATOMIC_RELAXED);
}

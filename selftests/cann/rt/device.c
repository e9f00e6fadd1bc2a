// SPDX-License-Identifier: GPL-2.0
/* The plug-in, devices in use, and each thread's current one. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rt_priv.h"

#define PLUGIN "libruntime_plugin.so"
#define OWN_BYTES 4096

static struct rt_device {
	bool open;
	unsigned int users;
	unsigned int generation;
	void *own;	/* what the runtime itself keeps on the device */
} devices[RT_MAX_DEV];

static pthread_mutex_t devices_lock = PTHREAD_MUTEX_INITIALIZER;

static __thread int current_device = -1;
static __thread unsigned int current_generation;

static const struct npu_driver *driver;
static pthread_once_t driver_once = PTHREAD_ONCE_INIT;

static void rt_load_plugin(void)
{
	construct_npu_driver_fn construct;
	char path[4096];
	void *handle;
	Dl_info info;
	char *slash;

	/* beside this library, else by name */
	snprintf(path, sizeof(path), "%s", PLUGIN);
	if (dladdr((void *)rt_load_plugin, &info) && info.dli_fname) {
		slash = strrchr(info.dli_fname, '/');
		if (slash)
			snprintf(path, sizeof(path), "%.*s/%s",
				 (int)(slash - info.dli_fname),
				 info.dli_fname, PLUGIN);
	}
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		fprintf(stderr, "runtime: %s\n", dlerror());
		abort();
	}
	construct = (construct_npu_driver_fn)dlsym(handle, CONSTRUCT_NPU_DRIVER);
	if (!construct)
		abort();
	driver = construct();
}

const struct npu_driver *rt_driver(void)
{
	pthread_once(&driver_once, rt_load_plugin);
	return driver;
}

int rt_generation(void)
{
	static int generation;

	if (!generation)
		generation = rt_driver()->generation();
	return generation;
}

/* Has this thread a device that is still the one it chose? */
bool rt_context(uint32_t *devid)
{
	struct rt_device *d;
	bool ok;

	if (current_device < 0)
		return false;
	d = &devices[current_device];
	pthread_mutex_lock(&devices_lock);
	ok = d->open && d->generation == current_generation;
	pthread_mutex_unlock(&devices_lock);
	*devid = current_device;
	return ok;
}

static int rt_device_start(uint32_t devid, struct rt_device *d)
{
	int ret = rt_driver()->dev_open(devid);

	if (ret)
		return ret;
	ret = rt_driver()->mem_alloc(&d->own, OWN_BYTES, 0, devid);
	if (ret) {
		rt_driver()->dev_close(devid);
		return ret;
	}
	d->open = true;
	return 0;
}

int rt_set_device(int32_t devid)
{
	struct rt_device *d;
	uint32_t num;
	int ret = 0;

	if (rt_driver()->dev_num(&num))
		return RT_NO_DEVICE;
	if (devid < 0 || devid >= RT_MAX_DEV || (uint32_t)devid >= num)
		return RT_DEVICEID;
	d = &devices[devid];
	pthread_mutex_lock(&devices_lock);
	if (!d->open)
		ret = rt_device_start(devid, d);
	if (!ret) {
		d->users++;
		current_device = devid;
		current_generation = d->generation;
	}
	pthread_mutex_unlock(&devices_lock);
	return ret;
}

/*
 * The runtime's own memory, then the device; whatever the driver answers, the
 * runtime is done with it.  The table of keys is not touched.
 */
int rt_reset_device(int32_t devid, bool force)
{
	struct rt_device *d;
	void *own = NULL;

	if (devid < 0 || devid >= RT_MAX_DEV)
		return RT_DEVICEID;
	d = &devices[devid];
	pthread_mutex_lock(&devices_lock);
	if (!d->open) {
		pthread_mutex_unlock(&devices_lock);
		return RT_DEVICE_NOT_SET;
	}
	if (--d->users && !force) {
		pthread_mutex_unlock(&devices_lock);
		return 0;
	}
	own = d->own;
	d->own = NULL;
	d->users = 0;
	d->open = false;
	d->generation++;
	if (current_device == devid)
		current_device = -1;
	/* a set of the same device waits until this is over */
	rt_driver()->mem_free(own);
	(void)rt_driver()->dev_close(devid);
	pthread_mutex_unlock(&devices_lock);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The Ascend driver, as far as it can be asked.  Its functions are bound while a
 * region is watched, or for the moment of a question, and never otherwise, so
 * that it can be unloaded when nothing is watched.
 */

#include <linux/module.h>
#include <linux/mutex.h>

#include "aclipc.h"
#include "driver.h"

/*
 * The binding for watches: one for all registrations, bound with the first and
 * given up with the last.
 */
static struct {
	struct mutex mutex;		/* a leaf; the driver is not called */
	unsigned int users;
	int (*get)(u64 va, u64 len, void (*free_callback)(void *), void *data,
		   struct p2p_page_table **page_table);
	int (*put)(struct p2p_page_table *page_table);
} aclipc_driver = {
	.mutex = __MUTEX_INITIALIZER(aclipc_driver.mutex),
};

/* Both functions, or none. */
static bool aclipc_driver_bind(void)
{
	aclipc_driver.get = symbol_get(hal_kernel_p2p_get_pages);
	if (!aclipc_driver.get)
		return false;
	aclipc_driver.put = symbol_get(hal_kernel_p2p_put_pages);
	if (aclipc_driver.put)
		return true;
	symbol_put(hal_kernel_p2p_get_pages);
	return false;
}

bool aclipc_driver_get(void)
{
	bool bound;

	mutex_lock(&aclipc_driver.mutex);
	bound = aclipc_driver.users || aclipc_driver_bind();
	if (bound)
		aclipc_driver.users++;
	mutex_unlock(&aclipc_driver.mutex);
	return bound;
}

void aclipc_driver_put(void)
{
	mutex_lock(&aclipc_driver.mutex);
	if (!--aclipc_driver.users) {
		symbol_put(hal_kernel_p2p_put_pages);
		symbol_put(hal_kernel_p2p_get_pages);
	}
	mutex_unlock(&aclipc_driver.mutex);
}

bool aclipc_driver_available(void)
{
	if (!aclipc_driver_get())
		return false;
	aclipc_driver_put();
	return true;
}

/* The two below: while bound, by aclipc_driver_get(). */
struct p2p_page_table *aclipc_driver_register(u64 start, u64 length,
					      void (*callback)(void *data),
					      u32 id)
{
	struct p2p_page_table *table = NULL;

	if (aclipc_driver.get(start, length, callback,
			      (void *)(unsigned long)id, &table))
		return NULL;
	return table;
}

void aclipc_driver_unregister(struct p2p_page_table *table)
{
	aclipc_driver.put(table);
}

/*
 * Does the driver keep the memory of an import as long as it maps it, also for
 * the dead?  Generation 3 pins it, generation 2 has no such thing.
 */
bool aclipc_driver_pins(void)
{
	if (!symbol_get(svm_smp_pin_mem))
		return false;
	symbol_put(svm_smp_pin_mem);
	return true;
}

/*
 * Has the host process @nr a process on any device?  That one maps what it has
 * imported, and may outlive it.  Sleeps.
 */
enum aclipc_device aclipc_driver_device(unsigned int nr)
{
	typeof(hal_kernel_devdrv_query_process_by_host_pid_kernel) *ask;
	enum aclipc_device found = ACLIPC_DEVICE_UNKNOWN;
	unsigned int i;
	int pid, ret;

	ask = symbol_get(hal_kernel_devdrv_query_process_by_host_pid_kernel);
	if (!ask)
		return found;
	for (i = 0; i < DRIVER_MAX_DEVICES; i++) {
		ret = ask(nr, i, DEVDRV_PROCESS_CP1, 0, &pid);
		if (!ret) {
			found = ACLIPC_DEVICE_PRESENT;
			break;
		}
		if (ret == DRV_ERROR_NO_PROCESS)
			found = ACLIPC_DEVICE_NONE;
	}
	symbol_put(hal_kernel_devdrv_query_process_by_host_pid_kernel);
	return found;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Shared memory as the runtime sees it.  A table per process, from name to the
 * addresses that it was imported at, decides what closing a name means: none
 * there, and the caller is taken for the exporter.  The table knows nothing of
 * fork and of device resets, and its lock is dropped around the driver's call.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "rt_priv.h"
#include "runtime/rt.h"

#define ATTR_NO_WLIST	1	/* type, and value that switches it on */
#define EXPORT_FLAGS	1UL
#define IMPORT_FLAGS	1UL
#define IMPORT_PEER	1UL
#define MAX_ATTR	3

struct ipc_name {
	struct ipc_name *next;
	char *name;
	uint64_t attr;		/* of the next import */
	size_t nr, cap;
	uint64_t *va;
};

static struct ipc_name *names;
static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;

static struct ipc_name **ipc_find(const char *name)
{
	struct ipc_name **link = &names;

	while (*link && strcmp((*link)->name, name))
		link = &(*link)->next;
	return link;
}

static struct ipc_name *ipc_get(const char *name)
{
	struct ipc_name *n = *ipc_find(name);

	if (n)
		return n;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->name = strdup(name);
	n->next = names;
	names = n;
	return n;
}

static void ipc_erase(struct ipc_name **link)
{
	struct ipc_name *n = *link;

	*link = n->next;
	free(n->name);
	free(n->va);
	free(n);
}

static void ipc_add(const char *name, uint64_t va)
{
	struct ipc_name *n;

	pthread_mutex_lock(&names_lock);
	n = ipc_get(name);
	if (n && n->nr == n->cap) {
		n->cap = n->cap ? 2 * n->cap : 4;
		n->va = realloc(n->va, n->cap * sizeof(*n->va));
	}
	if (n)
		n->va[n->nr++] = va;
	pthread_mutex_unlock(&names_lock);
}

/* Drops one entry of va, and the name with its last one. */
static void ipc_drop(struct ipc_name **link, uint64_t va)
{
	struct ipc_name *n = *link;
	size_t i;

	for (i = 0; i < n->nr; i++) {
		if (n->va[i] != va)
			continue;
		memmove(&n->va[i], &n->va[i + 1],
			(n->nr - i - 1) * sizeof(*n->va));
		if (!--n->nr)
			ipc_erase(link);
		return;
	}
}

rtError_t rtsIpcMemGetExportKey(const void *ptr, size_t size, char *key,
				uint32_t len, uint64_t flags)
{
	uint32_t devid;
	int ret;

	if (!ptr || !key || !size || !len || flags > EXPORT_FLAGS)
		return RT_INPUT;
	if (!rt_context(&devid))
		return RT_CONTEXT_NULL;
	ret = rt_driver()->ipc_create(ptr, size, key, len);
	/* should the second step fail, the key of the first is left behind */
	if (!ret && flags)
		ret = rt_driver()->ipc_set_attr(key, ATTR_NO_WLIST,
						ATTR_NO_WLIST);
	return ret;
}

rtError_t rtsIpcMemImportByKey(void **ptr, const char *key, uint64_t flags)
{
	struct ipc_name *n;
	uint64_t va, attr = 0;
	uint32_t devid, phy;
	int ret = 0;

	if (!ptr || !key || flags > IMPORT_FLAGS)
		return RT_INPUT;
	if (!rt_context(&devid))
		return RT_CONTEXT_NULL;
	if (flags & IMPORT_PEER)
		ret = rt_driver()->ipc_phy_device(key, &phy);
	if (ret)
		return ret;
	pthread_mutex_lock(&names_lock);
	n = *ipc_find(key);
	if (n)
		attr = n->attr;
	pthread_mutex_unlock(&names_lock);

	ret = rt_driver()->ipc_open(key, &va, devid, attr);
	if (ret)
		return ret;
	ipc_add(key, va);
	*ptr = (void *)va;
	return 0;
}

rtError_t rtsIpcMemClose(const char *key)
{
	struct ipc_name **link;
	uint32_t devid;
	uint64_t va;
	int ret;

	if (!key)
		return RT_INPUT;
	if (!rt_context(&devid))
		return RT_CONTEXT_NULL;
	pthread_mutex_lock(&names_lock);
	link = ipc_find(key);
	if (!*link) {
		pthread_mutex_unlock(&names_lock);
		return rt_driver()->ipc_destroy(key);
	}
	if (!(*link)->nr) {
		ipc_erase(link);
		pthread_mutex_unlock(&names_lock);
		return 0;
	}
	va = (*link)->va[0];
	pthread_mutex_unlock(&names_lock);

	ret = rt_driver()->ipc_close(va);
	if (ret)
		return ret;
	pthread_mutex_lock(&names_lock);
	link = ipc_find(key);
	if (*link)
		ipc_drop(link, va);
	pthread_mutex_unlock(&names_lock);
	return 0;
}

rtError_t rtsIpcMemSetImportPid(const char *key, int32_t pid[], int num)
{
	return rtSetIpcMemPid(key, pid, num);
}

rtError_t rtIpcSetMemoryName(const void *ptr, uint64_t byteCount, char *name,
			     uint32_t len)
{
	return rtsIpcMemGetExportKey(ptr, byteCount, name, len, 0);
}

/* 950: a route check and a note for the next import; others: the driver's. */
rtError_t rtIpcSetMemoryAttr(const char *name, uint32_t type, uint64_t attr)
{
	struct ipc_name *n;
	uint32_t devid;
	int ret;

	if (!name || type || attr > MAX_ATTR)
		return RT_INPUT;
	if (!rt_context(&devid))
		return RT_CONTEXT_NULL;
	/* 910B: not where the devices do not share one range of addresses */
	if (rt_generation() != 3)
		return getenv("ASCEND_SIM_NOT_FLAT") ? RT_NOT_SUPPORT :
		       rt_driver()->ipc_set_attr(name, type, attr);
	ret = rt_driver()->ipc_route(name, devid, attr);
	if (ret)
		return ret;
	pthread_mutex_lock(&names_lock);
	n = ipc_get(name);
	if (n)
		n->attr = attr;
	pthread_mutex_unlock(&names_lock);
	return n ? 0 : RT_NO_MEMORY;
}

/* Straight to the driver: the table is not asked. */
rtError_t rtIpcDestroyMemoryName(const char *name)
{
	uint32_t devid;

	if (!name)
		return RT_INPUT;
	if (!rt_context(&devid))
		return RT_CONTEXT_NULL;
	return rt_driver()->ipc_destroy(name);
}

rtError_t rtIpcOpenMemory(void **ptr, const char *name)
{
	return rtsIpcMemImportByKey(ptr, name, 0);
}

/* By address: an unknown one is the driver's to judge. */
rtError_t rtIpcCloseMemory(const void *ptr)
{
	struct ipc_name **link;
	uint32_t devid;
	size_t i;
	int ret;

	if (!ptr)
		return RT_INPUT;
	if (!rt_context(&devid))
		return RT_CONTEXT_NULL;
	ret = rt_driver()->ipc_close((uint64_t)ptr);
	if (ret)
		return ret;
	pthread_mutex_lock(&names_lock);
	for (link = &names; *link; link = &(*link)->next) {
		for (i = 0; i < (*link)->nr; i++)
			if ((*link)->va[i] == (uint64_t)ptr)
				break;
		if (i < (*link)->nr) {
			ipc_drop(link, (uint64_t)ptr);
			break;
		}
	}
	pthread_mutex_unlock(&names_lock);
	return 0;
}

rtError_t rtSetIpcMemPid(const char *name, int32_t pid[], int32_t num)
{
	uint32_t devid;

	if (!name || !pid || num <= 0)
		return RT_INPUT;
	if (!rt_context(&devid))
		return RT_CONTEXT_NULL;
	return rt_driver()->ipc_set_pid(name, pid, num);
}

rtError_t rtSetIpcMemorySuperPodPid(const char *name, uint32_t sdid,
				    int32_t pid[], int32_t num)
{
	uint32_t devid;

	if (!name || !pid || num <= 0)
		return RT_INPUT;
	if (!rt_context(&devid))
		return RT_CONTEXT_NULL;
	return rt_driver()->ipc_set_pod_pid(name, sdid, pid, num);
}

rtError_t rtIpcMemImportPidInterServer(const char *key,
				       const rtServerPid *serverPids, size_t num)
{
	size_t i;
	int ret = 0;

	if (!key || !serverPids || !num)
		return RT_INPUT;
	for (i = 0; i < num; i++)
		if (!serverPids[i].pid)
			return RT_INPUT;
	for (i = 0; i < num && !ret; i++)
		ret = rtSetIpcMemorySuperPodPid(key, serverPids[i].sdid,
						serverPids[i].pid,
						(int32_t)serverPids[i].num);
	return ret;
}

rtError_t rtDeviceGetBareTgid(uint32_t *pid)
{
	if (!pid)
		return RT_INPUT;
	return rt_driver()->bare_tgid((int32_t *)pid);
}

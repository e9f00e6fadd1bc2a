// SPDX-License-Identifier: GPL-2.0
/* halShmem*: memory shared between processes. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hal.h"

#define MAX_ROUTE 3

/* v2: opens of one process are found, and made, one at a time */
static pthread_mutex_t records = PTHREAD_MUTEX_INITIALIZER;

DVresult halShmemCreateHandle(DVdeviceptr vptr, size_t byte_count, char *name,
			      uint32_t name_len)
{
	struct ascend_sim_arg a = { .va = vptr, .len = byte_count };
	struct hal_block *b;
	char text[32];
	DVresult ret;
	int code;

	if (!vptr || !byte_count || !name || name_len < HAL_NAME_LEN)
		return DRV_ERROR_INVALID_VALUE;
	code = hal_fail("create");
	if (code)
		return code;
	pthread_rwlock_rdlock(&hal.pipeline);
	ret = hal_call(ASCEND_SIM_CREATE, &a);
	if (!ret) {
		pthread_mutex_lock(&hal.lock);
		b = hal_block_of(vptr);
		if (b)
			b->exported = true;
		pthread_mutex_unlock(&hal.lock);
		if (hal.svm == 3)
			hal_name_format(a.id, name);
		else
			/* all of the field, whatever the length said */
			memcpy(name, a.name, HAL_NAME_LEN);
	}
	pthread_rwlock_unlock(&hal.pipeline);
	hal_trace("%s va=0x%llx len=%zu key=%s -> %d",
		  __func__, (unsigned long long)vptr, byte_count,
		  ret ? "-" : hal_trace_key(name, text), ret);
	return ret;
}

/* One call that needs the key and nothing else before and after. */
static DVresult hal_key_call(const char *what, const char *op, const char *name,
			     unsigned long cmd, struct ascend_sim_arg *a)
{
	DVresult ret = hal_name_arg(name, a);
	char text[32];
	int code;

	if (ret)
		return ret;
	code = op ? hal_fail(op) : 0;
	if (code) {
		hal_trace("%s key=%s -> %d (asked for)", what,
			  hal_trace_key(name, text), code);
		return code;
	}
	pthread_rwlock_rdlock(&hal.pipeline);
	ret = hal_call(cmd, a);
	pthread_rwlock_unlock(&hal.pipeline);
	hal_trace("%s key=%s -> %d", what, hal_trace_key(name, text), ret);
	return ret;
}

DVresult halShmemDestroyHandle(const char *name)
{
	struct ascend_sim_arg a = { 0 };

	return hal_key_call(__func__, "destroy", name, ASCEND_SIM_DESTROY, &a);
}

static DVresult hal_set_pids(const char *what, const char *name, uint32_t sdid,
			     const int pid[], int num)
{
	struct ascend_sim_arg a = { .sdid = sdid, .pid = num };

	if (!pid || num <= 0 || num > ASCEND_SIM_MAX_PIDS)
		return DRV_ERROR_INVALID_VALUE;
	memcpy(a.pids, pid, num * sizeof(pid[0]));
	return hal_key_call(what, "setpid", name, ASCEND_SIM_SET_PID, &a);
}

DVresult halShmemSetPidHandle(const char *name, int pid[], int num)
{
	return hal_set_pids(__func__, name, 0, pid, num);
}

DVresult halShmemSetPodPid(const char *name, uint32_t sdid, int pid[], int num)
{
	return hal_set_pids(__func__, name, sdid, pid, num);
}

DVresult halShmemSetAttribute(const char *name, uint32_t type, uint64_t attr)
{
	struct ascend_sim_arg a = { .flags = type, .va = attr };

	if (type >= SHMEM_ATTR_TYPE_MAX)
		return DRV_ERROR_INVALID_VALUE;
	return hal_key_call(__func__, "setattr", name, ASCEND_SIM_SET_ATTR, &a);
}

DVresult halShmemGetAttribute(const char *name, enum ShmemAttrType type,
			      uint64_t *attr)
{
	struct ascend_sim_arg a = { .flags = type };
	DVresult ret;

	if (type >= SHMEM_ATTR_TYPE_MAX || !attr)
		return DRV_ERROR_INVALID_VALUE;
	ret = hal_key_call(__func__, NULL, name, ASCEND_SIM_GET_ATTR, &a);
	if (!ret)
		*attr = a.va;
	return ret;
}

DVresult halShmemInfoGet(const char *name, struct ShmemGetInfo *info)
{
	/* flags: a question, which the whitelist does not guard */
	struct ascend_sim_arg a = { .flags = 1 };
	DVresult ret;

	if (!info)
		return DRV_ERROR_INVALID_VALUE;
	ret = hal_key_call(__func__, NULL, name, ASCEND_SIM_QUERY, &a);
	if (!ret) {
		memset(info, 0, sizeof(*info));
		info->phyDevid = a.devid;
	}
	return ret;
}

/* Ask, take an address, map. The block is made last: it cannot fail halfway. */
static DVresult hal_open_new(struct ascend_sim_arg *key, uint32_t devid,
			     uint64_t record, DVdeviceptr *vptr)
{
	struct ascend_sim_arg a = *key, q = *key;
	DVresult ret = hal_call(ASCEND_SIM_QUERY, &q);
	struct hal_block *b;
	uint64_t mine, len;

	if (ret)
		return ret;
	len = hal_round(q.len, q.len >= HAL_HUGE);
	pthread_mutex_lock(&hal.lock);
	mine = hal_va_get(len);
	pthread_mutex_unlock(&hal.lock);
	if (!mine)
		return DRV_ERROR_OUT_OF_MEMORY;
	a.va = mine;
	a.devid = devid;
	ret = hal_call(ASCEND_SIM_OPEN, &a);

	pthread_mutex_lock(&hal.lock);
	b = !ret && a.va != mine ? hal_block_at(a.va) : NULL;
	if (ret || b)
		hal_va_put(mine, len, false);
	if (b) {
		/* v3, linear memory: the address that it has already */
		b->count++;
	} else if (!ret) {
		b = hal_block_new(a.va, len, q.len, devid, HAL_IMPORTED);
		if (b)
			b->id = record;
		else
			ret = DRV_ERROR_OUT_OF_MEMORY;
	}
	pthread_mutex_unlock(&hal.lock);
	if (!ret)
		*vptr = a.va;
	return ret;
}

/* v2: the same key again, on the same device, is the same address */
static bool hal_open_again(uint64_t record, uint32_t devid, DVdeviceptr *vptr)
{
	struct hal_block *b;

	pthread_mutex_lock(&hal.lock);
	for (b = hal.blocks; b; b = b->next)
		if (b->state == HAL_IMPORTED && b->id == record &&
		    b->devid == devid)
			break;
	if (b) {
		b->count++;
		*vptr = b->va;
	}
	pthread_mutex_unlock(&hal.lock);
	return b;
}

static DVresult hal_open(uint32_t devid, const char *name, DVdeviceptr *vptr)
{
	struct ascend_sim_arg a = { 0 };
	uint64_t record = 0;
	DVresult ret;
	int code;

	if (!vptr || devid >= ASCEND_SIM_MAX_DEV)
		return DRV_ERROR_INVALID_VALUE;
	ret = hal_name_arg(name, &a);
	if (ret)
		return ret;
	if (hal.svm == 2 && !hal_name_record(name, &record))
		return DRV_ERROR_INVALID_VALUE;
	code = hal_fail("open");
	if (code)
		return code;
	if (hal.svm == 3) {
		pthread_rwlock_rdlock(&hal.pipeline);
		ret = hal_open_new(&a, devid, a.id, vptr);
		pthread_rwlock_unlock(&hal.pipeline);
		return ret;
	}
	pthread_rwlock_rdlock(&hal.pipeline);
	pthread_mutex_lock(&records);
	ret = DRV_ERROR_NONE;
	if (hal.pid != getpid() || !hal_open_again(record, devid, vptr))
		ret = hal_open_new(&a, devid, record, vptr);
	pthread_mutex_unlock(&records);
	/*
	 * The page table on the device could not be built: the library takes
	 * the open back by its own public call, while it is inside.
	 */
	code = ret ? 0 : hal_fail("prefetch");
	if (code) {
		halShmemCloseHandle(*vptr);
		ret = code;
	}
	pthread_rwlock_unlock(&hal.pipeline);
	return ret;
}

static DVresult hal_open_traced(const char *what, uint32_t devid,
				const char *name, DVdeviceptr *vptr)
{
	DVresult ret = hal_open(devid, name, vptr);
	char text[32];

	hal_trace("%s dev=%u key=%s va=0x%llx -> %d", what, devid,
		  hal_trace_key(name, text),
		  ret ? 0ULL : (unsigned long long)*vptr, ret);
	return ret;
}

#ifndef HAL_NO_V2
DVresult halShmemOpenHandleV2(DVdevice dev_id, const char *name,
			      DVdeviceptr *vptr, uint64_t flag)
{
	(void)flag;
	return hal_open_traced(__func__, dev_id, name, vptr);
}

DVresult halShmemMapRouteCheck(const char *name, DVdevice dst_devid,
			       uint32_t map_route)
{
	if (!hal_name_ok(name) || dst_devid >= ASCEND_SIM_MAX_DEV)
		return DRV_ERROR_INVALID_VALUE;
	return map_route > MAX_ROUTE ? DRV_ERROR_NOT_EXIST : DRV_ERROR_NONE;
}
#endif

DVresult halShmemOpenHandleByDevId(DVdevice dev_id, const char *name,
				   DVdeviceptr *vptr)
{
#ifndef HAL_NO_V2
	if (hal.svm == 3)
		return halShmemOpenHandleV2(dev_id, name, vptr, 0);
#endif
	return hal_open_traced(__func__, dev_id, name, vptr);
}

DVresult halShmemOpenHandle(const char *name, DVdeviceptr *vptr)
{
	return halShmemOpenHandleByDevId(0, name, vptr);
}

/* Count down; the last one of an address really closes it. */
static DVresult hal_close(uint64_t va)
{
	struct ascend_sim_arg a = { .va = va };
	struct hal_block *b;
	bool last = false;
	DVresult ret;

	pthread_mutex_lock(&hal.lock);
	b = hal_block_at(va);
	if (b && b->state == HAL_IMPORTED) {
		last = b->count == 1;
		if (!last && hal.svm == 2)
			b->count--;
	}
	pthread_mutex_unlock(&hal.lock);
	if (b && b->state == HAL_IMPORTED && !last && hal.svm == 2)
		return DRV_ERROR_NONE;

	ret = hal_call(ASCEND_SIM_CLOSE, &a);
	/* linear memory keeps its address: a close of it does nothing */
	if (ret || (a.flags & ASCEND_SIM_F_LINEAR))
		return ret;
	pthread_mutex_lock(&hal.lock);
	b = hal_block_at(va);
	if (b && b->state == HAL_IMPORTED)
		hal_block_del(b);
	pthread_mutex_unlock(&hal.lock);
	return ret;
}

DVresult halShmemCloseHandle(DVdeviceptr vptr)
{
	DVresult ret;
	int code;

	if (!vptr)
		return DRV_ERROR_INVALID_VALUE;
	code = hal_fail("close");
	if (code)
		return code;
	if (hal.fd >= 0 && hal.pid != getpid())
		return hal.svm == 3 ? DRV_ERROR_NOT_EXIST :
				      DRV_ERROR_PARA_ERROR;
	pthread_rwlock_rdlock(&hal.pipeline);
	if (hal.svm == 2)
		pthread_mutex_lock(&records);
	ret = hal_close(vptr);
	if (hal.svm == 2)
		pthread_mutex_unlock(&records);
	pthread_rwlock_unlock(&hal.pipeline);
	hal_trace("%s va=0x%llx -> %d",
		  __func__, (unsigned long long)vptr, ret);
	return ret;
}

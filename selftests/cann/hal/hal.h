/* SPDX-License-Identifier: GPL-2.0 */
/* Inside of the stand-in libascend_hal.so. */
#ifndef _CANN_HAL_H
#define _CANN_HAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ascend_hal.h"
#include "ascend_sim.h"

#define HAL_SVM_BASE	0x200000000000UL
#define HAL_SVM_SIZE	(64UL << 30)
#define HAL_NAME_LEN	65
#define HAL_PAGE	4096UL
#define HAL_HUGE	(2UL << 20)

/* hidden between the files of this library, unlike everything hal* and drv* */
#define HAL_LOCAL	__attribute__((visibility("hidden")))

enum hal_state {
	HAL_USED,
	HAL_CACHED,	/* freed, but the kernel never heard of it */
	HAL_FREEING,	/* out of the table: a thread is freeing it */
	HAL_DEFERRED,	/* v3: freed, but importers pin it */
	HAL_IMPORTED,
	HAL_RESERVED,	/* addresses without memory, or mapped (VMM) */
};

struct hal_block {
	struct hal_block *next, **pprev;	/* all blocks, newest first */
	struct hal_block *hash_next;
	uint64_t va;
	uint64_t len;		/* rounded */
	uint64_t size;		/* as asked for */
	uint32_t devid;
	enum hal_state state;
	bool huge;		/* pages of 2 MiB */
	bool exported;		/* at any time: a recycling is worth a note */
	unsigned int count;	/* opens of an import */
	uint64_t id;		/* of the imported key */
};

struct hal_state_all {
	pthread_rwlock_t pipeline;	/* device close: writer; all others: readers */
	pthread_mutex_t lock;		/* blocks and addresses */
	int fd;
	pid_t pid;
	int svm;
	uint32_t nr_devices;
	uint64_t mem_bytes;
	uint64_t cache_max;
	bool opened[ASCEND_SIM_MAX_DEV];
	unsigned long long faults;
	struct hal_block *blocks;
};

extern struct hal_state_all hal HAL_LOCAL;

/* ctl.c */
HAL_LOCAL int hal_fail(const char *op);
HAL_LOCAL bool hal_tracing(void);
HAL_LOCAL void hal_trace_line(const char *fmt, ...)
	__attribute__((__format__(__printf__, 1, 2)));
HAL_LOCAL const char *hal_trace_key(const char *name, char *buf);
HAL_LOCAL drvError_t hal_errno(int err);

/* arguments are worked out only when somebody wants to read them */
#define hal_trace(...)						\
	do {							\
		if (hal_tracing())				\
			hal_trace_line(__VA_ARGS__);		\
	} while (0)

/* dev.c */
HAL_LOCAL int hal_init(void);
HAL_LOCAL drvError_t hal_call(unsigned long cmd, struct ascend_sim_arg *a);
HAL_LOCAL int hal_call_raw(unsigned long cmd, struct ascend_sim_arg *a);
HAL_LOCAL bool hal_dev_ready(uint32_t devid);

/* addr.c; all with hal.lock held */
HAL_LOCAL uint64_t hal_va_get(uint64_t len);
HAL_LOCAL void hal_va_put(uint64_t va, uint64_t len, bool memory);
HAL_LOCAL bool hal_va_was_memory(uint64_t va);
HAL_LOCAL struct hal_block *hal_block_new(uint64_t va, uint64_t len,
					  uint64_t size, uint32_t devid,
					  enum hal_state state);
HAL_LOCAL struct hal_block *hal_block_at(uint64_t va);
HAL_LOCAL struct hal_block *hal_block_of(uint64_t va);
HAL_LOCAL void hal_block_del(struct hal_block *b);
HAL_LOCAL uint64_t hal_round(uint64_t size, bool huge);
HAL_LOCAL bool hal_is_device(uint64_t va);

/* heap.c */
HAL_LOCAL void hal_heap_close(uint32_t devid);
HAL_LOCAL void hal_heap_forget(uint32_t devid);
HAL_LOCAL int hal_event_start(void);

/* name.c: v3 keys as strings */
HAL_LOCAL void hal_name_format(uint64_t id, char *name);
HAL_LOCAL bool hal_name_parse(const char *name, uint64_t *id);
HAL_LOCAL bool hal_name_ok(const char *name);
HAL_LOCAL drvError_t hal_name_arg(const char *name, struct ascend_sim_arg *a);
HAL_LOCAL bool hal_name_record(const char *name, uint64_t *id);

#endif /* _CANN_HAL_H */

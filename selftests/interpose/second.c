// SPDX-License-Identifier: GPL-2.0
/*
 * Somebody else's library that wraps the same calls, for lib_preload.c, which
 * carries it inside: each goes on to the next definition, and is counted.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

int second_calls(void);

static int calls;

int second_calls(void)
{
	return calls;
}

#define WRAP(name, params, args)					\
	int name params;						\
	int name params							\
	{								\
		int (*next) params = (int (*) params)			\
			dlsym(RTLD_NEXT, #name);			\
									\
		__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);	\
		return next args;					\
	}

WRAP(aclrtIpcMemGetExportKey,
     (void *dev, size_t size, char *key, size_t len, uint64_t flags),
     (dev, size, key, len, flags))
WRAP(aclrtIpcMemImportByKey, (void **dev, const char *key, uint64_t flags),
     (dev, key, flags))
WRAP(aclrtIpcMemClose, (const char *key), (key))
WRAP(aclrtIpcMemSetImportPid, (const char *key, int32_t *pid, size_t num),
     (key, pid, num))
WRAP(rtIpcSetMemoryName,
     (const void *dev, uint64_t size, char *key, uint32_t len),
     (dev, size, key, len))
WRAP(rtIpcOpenMemory, (void **dev, const char *key), (dev, key))
WRAP(rtIpcCloseMemory, (const void *dev), (dev))
WRAP(rtIpcDestroyMemoryName, (const char *key), (key))

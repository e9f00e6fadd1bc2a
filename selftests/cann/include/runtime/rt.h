/* SPDX-License-Identifier: GPL-2.0 */
/* The runtime's own C calls for shared memory, below the public API. */
#ifndef CCE_RUNTIME_RT_H
#define CCE_RUNTIME_RT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t rtError_t;

#define RT_ERROR_NONE 0

typedef struct rtServerPid {
	uint32_t sdid;
	int32_t *pid;
	size_t num;
} rtServerPid;

rtError_t rtDeviceGetBareTgid(uint32_t *pid);
rtError_t rtIpcSetMemoryName(const void *ptr, uint64_t byteCount, char *name,
			     uint32_t len);
rtError_t rtIpcSetMemoryAttr(const char *name, uint32_t type, uint64_t attr);
rtError_t rtIpcDestroyMemoryName(const char *name);
rtError_t rtIpcOpenMemory(void **ptr, const char *name);
rtError_t rtIpcCloseMemory(const void *ptr);
rtError_t rtSetIpcMemPid(const char *name, int32_t pid[], int32_t num);
rtError_t rtSetIpcMemorySuperPodPid(const char *name, uint32_t sdid,
				    int32_t pid[], int32_t num);
rtError_t rtIpcMemImportPidInterServer(const char *key,
				       const rtServerPid *serverPids,
				       size_t num);

rtError_t rtsIpcMemGetExportKey(const void *ptr, size_t size, char *key,
				uint32_t len, uint64_t flags);
rtError_t rtsIpcMemImportByKey(void **ptr, const char *key, uint64_t flags);
rtError_t rtsIpcMemClose(const char *key);
rtError_t rtsIpcMemSetImportPid(const char *key, int32_t pid[], int num);

#ifdef __cplusplus
}
#endif

#endif

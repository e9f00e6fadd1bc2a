/* SPDX-License-Identifier: GPL-2.0 */
/* Name, parameters, arguments; included with ACL_CALL defined, so no guard. */

ACL_CALL(aclInit, (const char *p), (p))
ACL_CALL(aclFinalize, (void), ())
ACL_CALL(aclrtSetDevice, (int32_t d), (d))
ACL_CALL(aclrtResetDevice, (int32_t d), (d))
ACL_CALL(aclrtResetDeviceForce, (int32_t d), (d))
ACL_CALL(aclrtGetDevice, (int32_t *d), (d))
ACL_CALL(aclrtGetDeviceCount, (uint32_t *n), (n))
ACL_CALL(aclrtSynchronizeDevice, (void), ())
ACL_CALL(aclrtDeviceGetBareTgid, (int32_t *p), (p))
ACL_CALL(aclrtCreateStream, (aclrtStream *s), (s))
ACL_CALL(aclrtDestroyStream, (aclrtStream s), (s))
ACL_CALL(aclrtDestroyStreamForce, (aclrtStream s), (s))
ACL_CALL(aclrtSynchronizeStream, (aclrtStream s), (s))
ACL_CALL(aclrtMalloc, (void **p, size_t n, aclrtMemMallocPolicy m), (p, n, m))
ACL_CALL(aclrtFree, (void *p), (p))
ACL_CALL(aclrtReserveMemAddress, (void **p, size_t n, size_t align,
	 void *expect, uint64_t f), (p, n, align, expect, f))
ACL_CALL(aclrtReleaseMemAddress, (void *p), (p))
ACL_CALL(aclrtMallocPhysical, (aclrtDrvMemHandle *h, size_t n,
	 const aclrtPhysicalMemProp *prop, uint64_t f), (h, n, prop, f))
ACL_CALL(aclrtFreePhysical, (aclrtDrvMemHandle h), (h))
ACL_CALL(aclrtMapMem, (void *p, size_t n, size_t off, aclrtDrvMemHandle h,
	 uint64_t f), (p, n, off, h, f))
ACL_CALL(aclrtUnmapMem, (void *p), (p))
ACL_CALL(aclrtMallocHost, (void **p, size_t n), (p, n))
ACL_CALL(aclrtFreeHost, (void *p), (p))
ACL_CALL(aclrtMemcpy, (void *d, size_t m, const void *s, size_t n,
	 aclrtMemcpyKind k), (d, m, s, n, k))
ACL_CALL(aclrtMemcpyAsync, (void *d, size_t m, const void *s, size_t n,
	 aclrtMemcpyKind k, aclrtStream st),
	 (d, m, s, n, k, st))
ACL_CALL(aclrtMemset, (void *d, size_t m, int32_t v, size_t n), (d, m, v, n))
ACL_CALL(aclrtIpcMemGetExportKey, (void *p, size_t n, char *k, size_t l,
	 uint64_t f), (p, n, k, l, f))
ACL_CALL(aclrtIpcMemClose, (const char *k), (k))
ACL_CALL(aclrtIpcMemImportByKey, (void **p, const char *k, uint64_t f),
	 (p, k, f))
ACL_CALL(aclrtIpcMemSetImportPid, (const char *k, int32_t *p, size_t n),
	 (k, p, n))
ACL_CALL(aclrtIpcMemSetAttr, (const char *k, aclrtIpcMemAttrType t,
	 uint64_t a), (k, t, a))
ACL_CALL(aclrtIpcMemImportPidInterServer, (const char *k, aclrtServerPid *p,
	 size_t n), (k, p, n))

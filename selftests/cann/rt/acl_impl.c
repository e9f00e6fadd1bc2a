// SPDX-License-Identifier: GPL-2.0
/* The public API over the runtime: NULL checks, then the layer below. */
#include <stdlib.h>
#include <string.h>

#include "acl_impl.h"
#include "rt_priv.h"
#include "runtime/rt.h"

#define MAX_POLICY	7
#define PADDING		32
#define ALIGNMENT	32

#define FAIL(code)	rt_error(code, __func__)
#define NOT_NULL(p)	do { if (!(p)) return FAIL(ACL_ERROR_INVALID_PARAM); } while (0)

static bool finalized;

aclError aclInitImpl(const char *p)
{
	(void)p;
	__atomic_store_n(&finalized, false, __ATOMIC_SEQ_CST);
	return ACL_SUCCESS;
}

aclError aclFinalizeImpl(void)
{
	return FAIL(__atomic_exchange_n(&finalized, true, __ATOMIC_SEQ_CST) ?
		    RT_REPEATED_FINALIZE : 0);
}

const char *aclGetRecentErrMsgImpl(void)
{
	return rt_error_take();
}

aclError aclrtSetDeviceImpl(int32_t d)
{
	return FAIL(rt_set_device(d));
}

aclError aclrtResetDeviceImpl(int32_t d)
{
	return FAIL(rt_reset_device(d, false));
}

aclError aclrtResetDeviceForceImpl(int32_t d)
{
	return FAIL(rt_reset_device(d, true));
}

aclError aclrtGetDeviceImpl(int32_t *d)
{
	uint32_t devid;

	NOT_NULL(d);
	if (!rt_context(&devid))
		return FAIL(RT_CONTEXT_NULL);
	*d = devid;
	return ACL_SUCCESS;
}

aclError aclrtGetDeviceCountImpl(uint32_t *n)
{
	NOT_NULL(n);
	return FAIL(rt_driver()->dev_num(n));
}

aclError aclrtSynchronizeDeviceImpl(void)
{
	uint32_t devid;

	return FAIL(rt_context(&devid) ? 0 : RT_CONTEXT_NULL);
}

aclError aclrtDeviceGetBareTgidImpl(int32_t *p)
{
	NOT_NULL(p);
	return FAIL(rtDeviceGetBareTgid((uint32_t *)p));
}

/* copies are synchronous here, so a stream has nothing to do */
aclError aclrtCreateStreamImpl(aclrtStream *s)
{
	uint32_t devid;

	NOT_NULL(s);
	if (!rt_context(&devid))
		return FAIL(RT_CONTEXT_NULL);
	*s = malloc(1);
	return *s ? ACL_SUCCESS : FAIL(RT_NO_MEMORY);
}

aclError aclrtDestroyStreamImpl(aclrtStream s)
{
	NOT_NULL(s);
	free(s);
	return ACL_SUCCESS;
}

aclError aclrtDestroyStreamForceImpl(aclrtStream s)
{
	return aclrtDestroyStreamImpl(s);
}

aclError aclrtSynchronizeStreamImpl(aclrtStream s)
{
	(void)s;
	return ACL_SUCCESS;
}

aclError aclrtMallocImpl(void **p, size_t n, aclrtMemMallocPolicy m)
{
	uint32_t devid;

	NOT_NULL(p);
	NOT_NULL(n);
	if (((uint32_t)m & 0xff) > MAX_POLICY)
		return FAIL(ACL_ERROR_INVALID_PARAM);
	if (!rt_context(&devid))
		return FAIL(RT_CONTEXT_NULL);
	if (n + PADDING < n)
		return FAIL(ACL_ERROR_INVALID_PARAM);
	/* room behind it, and a multiple of 32 */
	n = (n + PADDING + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	return FAIL(rt_driver()->mem_alloc(p, n, m, devid));
}

/* needs no device, not even an open one: that is for the driver to say */
aclError aclrtFreeImpl(void *p)
{
	NOT_NULL(p);
	return FAIL(rt_driver()->mem_free(p));
}

aclError aclrtReserveMemAddressImpl(void **p, size_t n, size_t align,
				    void *expect, uint64_t f)
{
	uint32_t devid;

	NOT_NULL(p);
	if (!n || align || expect || f > 1)
		return FAIL(RT_INPUT);
	if (!rt_context(&devid))
		return FAIL(RT_CONTEXT_NULL);
	return FAIL(rt_driver()->vmm_reserve(p, n));
}

aclError aclrtReleaseMemAddressImpl(void *p)
{
	NOT_NULL(p);
	return FAIL(rt_driver()->vmm_release(p));
}

aclError aclrtMallocPhysicalImpl(aclrtDrvMemHandle *h, size_t n,
				 const aclrtPhysicalMemProp *prop, uint64_t f)
{
	uint32_t devid;

	NOT_NULL(h);
	NOT_NULL(prop);
	if (!n || f)
		return FAIL(RT_INPUT);
	if (!rt_context(&devid))
		return FAIL(RT_CONTEXT_NULL);
	return FAIL(rt_driver()->vmm_create(h, n, prop->location.id));
}

aclError aclrtFreePhysicalImpl(aclrtDrvMemHandle h)
{
	NOT_NULL(h);
	return FAIL(rt_driver()->vmm_destroy(h));
}

aclError aclrtMapMemImpl(void *p, size_t n, size_t off, aclrtDrvMemHandle h,
			 uint64_t f)
{
	NOT_NULL(p);
	NOT_NULL(h);
	if (!n || off || f)
		return FAIL(RT_INPUT);
	return FAIL(rt_driver()->vmm_map(p, n, h));
}

aclError aclrtUnmapMemImpl(void *p)
{
	NOT_NULL(p);
	return FAIL(rt_driver()->vmm_unmap(p));
}

aclError aclrtMallocHostImpl(void **p, size_t n)
{
	NOT_NULL(p);
	NOT_NULL(n);
	*p = malloc(n);
	return *p ? ACL_SUCCESS : FAIL(RT_NO_MEMORY);
}

aclError aclrtFreeHostImpl(void *p)
{
	NOT_NULL(p);
	free(p);
	return ACL_SUCCESS;
}

aclError aclrtMemcpyImpl(void *d, size_t m, const void *s, size_t n,
			 aclrtMemcpyKind k)
{
	uint32_t devid;

	NOT_NULL(d);
	NOT_NULL(s);
	if (k > ACL_MEMCPY_INTER_DEVICE_TO_DEVICE || n > m)
		return FAIL(RT_INPUT);
	if (!rt_context(&devid))
		return FAIL(RT_CONTEXT_NULL);
	return FAIL(n ? rt_driver()->mem_copy(d, m, s, n) : 0);
}

aclError aclrtMemcpyAsyncImpl(void *d, size_t m, const void *s, size_t n,
			      aclrtMemcpyKind k, aclrtStream st)
{
	(void)st;
	return aclrtMemcpyImpl(d, m, s, n, k);
}

aclError aclrtMemsetImpl(void *d, size_t m, int32_t v, size_t n)
{
	uint32_t devid;

	NOT_NULL(d);
	if (!rt_context(&devid))
		return FAIL(RT_CONTEXT_NULL);
	return FAIL(rt_driver()->mem_set(d, m, v, n));
}

/* the key's length is for the driver to check */
aclError aclrtIpcMemGetExportKeyImpl(void *p, size_t n, char *k, size_t l,
				     uint64_t f)
{
	NOT_NULL(p);
	NOT_NULL(k);
	return FAIL(rtsIpcMemGetExportKey(p, n, k, (uint32_t)l, f));
}

aclError aclrtIpcMemCloseImpl(const char *k)
{
	NOT_NULL(k);
	return FAIL(rtsIpcMemClose(k));
}

aclError aclrtIpcMemImportByKeyImpl(void **p, const char *k, uint64_t f)
{
	NOT_NULL(p);
	NOT_NULL(k);
	return FAIL(rtsIpcMemImportByKey(p, k, f));
}

aclError aclrtIpcMemSetImportPidImpl(const char *k, int32_t *p, size_t n)
{
	NOT_NULL(k);
	NOT_NULL(p);
	return FAIL(rtsIpcMemSetImportPid(k, p, (int32_t)n));
}

aclError aclrtIpcMemSetAttrImpl(const char *k, aclrtIpcMemAttrType t,
				uint64_t a)
{
	return FAIL(rtIpcSetMemoryAttr(k, t, a));
}

aclError aclrtIpcMemImportPidInterServerImpl(const char *k, aclrtServerPid *p,
					     size_t n)
{
	_Static_assert(sizeof(aclrtServerPid) == sizeof(rtServerPid), "same");
	return FAIL(rtIpcMemImportPidInterServer(k, (rtServerPid *)p, n));
}

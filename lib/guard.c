// SPDX-License-Identifier: LGPL-2.1-only
/* What a thread is doing inside the library, and how a hook says no. */

#include "internal.h"

__thread struct self self __attribute__((tls_model("initial-exec")));

/*
 * The HAL's numbers, chosen so that the runtime turns them into the same
 * aclError as err_to_acl(), where it has one for it.
 */
drvError_t err_to_drv(int err)
{
	switch (err) {
	case EPERM:
	case EACCES:
		return DRV_ERROR_OPER_NOT_PERMITTED;
	case ESHUTDOWN:
	case EOWNERDEAD:
		return DRV_ERROR_INVALID_HANDLE;
	case EBUSY:
		return DRV_ERROR_BUSY;
	case ETIMEDOUT:
	case EINTR:
		return DRV_ERROR_WAIT_TIMEOUT;
	case EDQUOT:
		return DRV_ERROR_OVER_LIMIT;
	case ENOMEM:
		return DRV_ERROR_OUT_OF_MEMORY;
	case EINVAL:
		return DRV_ERROR_INVALID_VALUE;
	case ENODEV:
		return DRV_ERROR_NO_DEVICE;
	case EOPNOTSUPP:
		return DRV_ERROR_NOT_SUPPORT;
	default:
		return DRV_ERROR_IOCRL_FAIL;
	}
}

aclError err_to_acl(int err)
{
	switch (err) {
	case EPERM:
	case EACCES:
		return ACL_ERROR_RT_NO_PERMISSION;
	case EBUSY:
	case ETIMEDOUT:
	case EINTR:
		return ACL_ERROR_RT_TIMEOUT;
	case ESHUTDOWN:
	case EOWNERDEAD:
		return ACL_ERROR_RT_INVALID_HANDLE;
	case EDQUOT:
		return ACL_ERROR_RT_OVER_LIMIT;
	case ENOMEM:
		return ACL_ERROR_RT_MEMORY_ALLOCATION;
	case EINVAL:
		return ACL_ERROR_RT_PARAM_INVALID;
	case ENODEV:
		return ACL_ERROR_RT_NO_DEVICE;
	case EOPNOTSUPP:
		return ACL_ERROR_RT_FEATURE_NOT_SUPPORT;
	default:
		return ACL_ERROR_RT_DRV_INTERNAL_ERROR;
	}
}

drvError_t refuse(int err)
{
	self.refused = err;
	return err_to_drv(err);
}

drvError_t refuse_surplus(void)
{
	return DRV_ERROR_IOCRL_FAIL;
}

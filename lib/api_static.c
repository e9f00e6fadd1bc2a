// SPDX-License-Identifier: LGPL-2.1-only
/* The static library has no hooks, so there is nothing to say of them. */

#include "internal.h"

API int aclipc_set_policy(enum aclipc_policy policy, uint32_t timeout_ms)
{
	(void)policy;
	(void)timeout_ms;
	return -EOPNOTSUPP;
}

API int aclipc_get_policy(enum aclipc_policy *policy, uint32_t *timeout_ms)
{
	(void)policy;
	(void)timeout_ms;
	return -EOPNOTSUPP;
}

API int aclipc_pending(struct aclipc_pending *pending, uint32_t nr,
		       uint32_t *total, uint64_t *bytes)
{
	(void)pending;
	(void)nr;
	(void)total;
	(void)bytes;
	return -EOPNOTSUPP;
}

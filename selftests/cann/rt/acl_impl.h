/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The public calls, each with the name of its implementation: libascendcl.so
 * forwards aclX to aclXImpl, which libruntime.so defines.
 */
#ifndef _CANN_ACL_IMPL_H
#define _CANN_ACL_IMPL_H

#include "acl/acl.h"

#define ACL_CALL(name, params, args) aclError name##Impl params;
#include "acl_calls.h"
#undef ACL_CALL

const char *aclGetRecentErrMsgImpl(void);

#endif /* _CANN_ACL_IMPL_H */

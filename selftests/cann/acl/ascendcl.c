// SPDX-License-Identifier: GPL-2.0
/* libascendcl.so: every call goes on to its implementation by the linker. */
#include "acl_impl.h"

#define ACL_CALL(name, params, args)	\
	aclError name params { return name##Impl args; }
#include "acl_calls.h"
#undef ACL_CALL

const char *aclGetRecentErrMsg(void)
{
	return aclGetRecentErrMsgImpl();
}

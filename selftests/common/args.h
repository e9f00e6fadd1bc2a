/* SPDX-License-Identifier: GPL-2.0 */
/* The struct of any call, for tests that make all of them. */
#ifndef ARGS_H
#define ARGS_H

#include "aclipc_test.h"

union args {
	struct {
		__u32 size, flags;
	};
	struct aclipc_info info;
	struct aclipc_export export;
	struct aclipc_allow allow;
	struct aclipc_import import;
	struct aclipc_close close;
	struct aclipc_query query;
	struct aclipc_holders holders;
	struct aclipc_revoke revoke;
};

#define ARGS_NR		(_IOC_NR(ACLIPC_REVOKE) + 1)

/* By the number of the call.  INFO has no key. */
static const struct {
	__u32 size, key_at;
} args_layout[ARGS_NR] = {
	[_IOC_NR(ACLIPC_INFO)] = { sizeof(struct aclipc_info) },
#define ARGS(NR, name)							\
	[_IOC_NR(ACLIPC_##NR)] = {					\
		sizeof(struct aclipc_##name),				\
		offsetof(struct aclipc_##name, key),			\
	}
	ARGS(EXPORT, export),
	ARGS(ALLOW, allow),
	ARGS(IMPORT, import),
	ARGS(CLOSE, close),
	ARGS(QUERY, query),
	ARGS(HOLDERS, holders),
	ARGS(REVOKE, revoke),
#undef ARGS
};

static inline __u8 *args_key(void *args, unsigned int nr)
{
	return (__u8 *)args + args_layout[nr].key_at;
}

#endif /* ARGS_H */

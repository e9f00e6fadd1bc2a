// SPDX-License-Identifier: LGPL-2.1-only
/* The part of the API that speaks of the hooks of this process. */

#include <string.h>

#include "internal.h"

API int aclipc_set_policy(enum aclipc_policy policy, uint32_t timeout_ms)
{
	if (policy < ACLIPC_POLICY_DEFER || policy > ACLIPC_POLICY_REFUSE ||
	    timeout_ms > ACLIPC_WAIT_MAX_MS)
		return -EINVAL;
	config_set_policy(policy, timeout_ms);
	return 0;
}

API int aclipc_get_policy(enum aclipc_policy *policy, uint32_t *timeout_ms)
{
	struct config config;

	config_get(&config);
	if (policy)
		*policy = config.policy;
	if (timeout_ms)
		*timeout_ms = config.timeout_ms;
	return 0;
}

static void pending_fill(struct aclipc_pending *pending,
			 const struct region *region,
			 const struct export *export)
{
	*pending = (struct aclipc_pending){
		.key = export->key,
		.generation = export->generation,
		.addr = export->addr,
		.length = export->length,
		.device = region->device,
		.flags = (region->free_pending ? ACLIPC_PENDING_FREE : 0) |
			 (region->stuck ? ACLIPC_PENDING_STUCK : 0),
	};
}

API int aclipc_pending(struct aclipc_pending *pending, uint32_t nr,
		       uint32_t *total, uint64_t *bytes)
{
	struct state *state;
	struct region *region;
	struct export *export;
	uint64_t sum = 0;
	uint32_t i = 0;
	int err = errno;

	if (nr && !pending)
		return -EINVAL;
	if (self.has_lock)
		return -EBUSY;
	state = state_get();
	errno = err;
	if (state) {
		state_lock(state);
		for (region = state->pending; region;
		     region = region->pending_next)
			for (export = region->exports; export;
			     export = export->next) {
				if (!export->closing && !region->free_pending)
					continue;
				if (i < nr)
					pending_fill(&pending[i], region,
						     export);
				i++;
			}
		sum = state->pending_bytes;
		state_unlock(state);
	}
	if (total)
		*total = i;
	if (bytes)
		*bytes = sum;
	return 0;
}

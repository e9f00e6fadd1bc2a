// SPDX-License-Identifier: LGPL-2.1-only
/*
 * The aclrtIpcMem* calls, outermost: exact error codes, and a look at whether
 * the hooks below were reached at all.
 */

#include "internal.h"

struct wrap {
	struct self outer;
	bool nested;
};

static struct wrap wrap_enter(void)
{
	struct wrap wrap = { .outer = self, .nested = self.in_acl++ };

	if (!wrap.nested) {
		self.refused = 0;
		self.hook_ran = false;
		self.hint = NULL;
	}
	return wrap;
}

/* Runs on return, on an exception and on cancellation alike. */
static void wrap_leave(struct wrap *wrap)
{
	self.in_acl--;
	if (wrap->nested)
		return;
	self.refused = wrap->outer.refused;
	self.hook_ran |= wrap->outer.hook_ran;
	self.hint = wrap->outer.hint;
}

#define WRAP()	struct wrap wrap_ CLEANUP(wrap_leave) = wrap_enter()

/* CANN has no code for what a hook refused and says 507899: say it exactly. */
static aclError wrap_result(const struct wrap *wrap, aclError ret)
{
	if (!ret || wrap->nested || !self.refused)
		return ret;
	return err_to_acl(self.refused);
}

/* It succeeded and no hook knows of it: CANN took another way to the HAL. */
static bool wrap_bypassed(const struct wrap *wrap, aclError ret,
			  const char *what)
{
	if (ret || wrap->nested || self.hook_ran || self.in_next)
		return false;
	log_once(LOG_BYPASS,
		 "%s did not pass through the hooks of libaclipc: link it before CANN, or preload it; see aclipc doctor",
		 what);
	return config_strict();
}

HOOK aclError aclrtIpcMemGetExportKey(void *devPtr, size_t size, char *key,
				      size_t len, uint64_t flags)
{
	__typeof__(&aclrtIpcMemGetExportKey) next =
		NEXT(aclrtIpcMemGetExportKey);
	aclError ret;

	if (!next)
		return ACL_ERROR_RT_FEATURE_NOT_SUPPORT;
	WRAP();
	ret = next(devPtr, size, key, len, flags);
	if (!wrap_bypassed(&wrap_, ret, "aclrtIpcMemGetExportKey"))
		return wrap_result(&wrap_, ret);
	if (NEXT(aclrtIpcMemClose))
		NEXT(aclrtIpcMemClose)(key);
	return ACL_ERROR_RT_NO_DEVICE;
}

HOOK aclError aclrtIpcMemImportByKey(void **devPtr, const char *key,
				     uint64_t flags)
{
	__typeof__(&aclrtIpcMemImportByKey) next =
		NEXT(aclrtIpcMemImportByKey);
	aclError ret;

	if (!next)
		return ACL_ERROR_RT_FEATURE_NOT_SUPPORT;
	WRAP();
	ret = next(devPtr, key, flags);
	if (!wrap_bypassed(&wrap_, ret, "aclrtIpcMemImportByKey"))
		return wrap_result(&wrap_, ret);
	if (NEXT(aclrtIpcMemClose))
		NEXT(aclrtIpcMemClose)(key);
	return ACL_ERROR_RT_NO_DEVICE;
}

/* Is it a live export of this process, and not imported by it? */
static bool wrap_is_exporter(const struct aclipc_key *key)
{
	struct state *state = state_get();
	struct aclipc_query query;
	struct export *export;
	bool live;

	if (!state || self.has_lock)
		return false;
	state_lock(state);
	export = export_find_locked(state, key);
	live = export && export->state == EXPORT_LIVE && !export->closing;
	state_unlock(state);
	return live && !session_query(state, key, &query) &&
	       !query.out_my_imports;
}

HOOK aclError aclrtIpcMemClose(const char *name)
{
	__typeof__(&aclrtIpcMemClose) next = NEXT(aclrtIpcMemClose);
	struct aclipc_key key;
	aclError ret;
	int err;

	if (!next)
		return ACL_ERROR_RT_FEATURE_NOT_SUPPORT;
	WRAP();
	/* the HAL closes addresses: tell the hook which import is meant */
	if (!wrap_.nested && key_from_name(&key, name))
		self.hint = &key;
	ret = next(name);
	/*
	 * 950: after SetAttr the runtime takes the exporter for an importer
	 * without imports, and its first close for done.
	 */
	if (!ret && !wrap_.nested && !self.hook_ran && self.hint) {
		err = errno;
		if (wrap_is_exporter(&key))
			ret = next(name);
		errno = err;
	}
	return wrap_result(&wrap_, ret);
}

HOOK aclError aclrtIpcMemSetImportPid(const char *key, int32_t *pid,
				      size_t num)
{
	__typeof__(&aclrtIpcMemSetImportPid) next =
		NEXT(aclrtIpcMemSetImportPid);
	aclError ret;

	if (!next)
		return ACL_ERROR_RT_FEATURE_NOT_SUPPORT;
	WRAP();
	ret = next(key, pid, num);
	if (wrap_bypassed(&wrap_, ret, "aclrtIpcMemSetImportPid"))
		return ACL_ERROR_RT_NO_DEVICE;
	return wrap_result(&wrap_, ret);
}

HOOK aclError aclrtIpcMemSetAttr(const char *key, aclrtIpcMemAttrType type,
				 uint64_t attr)
{
	__typeof__(&aclrtIpcMemSetAttr) next = NEXT(aclrtIpcMemSetAttr);

	if (!next)
		return ACL_ERROR_RT_FEATURE_NOT_SUPPORT;
	WRAP();
	return wrap_result(&wrap_, next(key, type, attr));
}

HOOK aclError aclrtIpcMemImportPidInterServer(const char *key,
					      aclrtServerPid *serverPids,
					      size_t num)
{
	__typeof__(&aclrtIpcMemImportPidInterServer) next =
		NEXT(aclrtIpcMemImportPidInterServer);

	if (!next)
		return ACL_ERROR_RT_FEATURE_NOT_SUPPORT;
	WRAP();
	return wrap_result(&wrap_, next(key, serverPids, num));
}

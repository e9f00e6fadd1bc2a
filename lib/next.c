// SPDX-License-Identifier: LGPL-2.1-only
/*
 * The next definition of each function.
 *
 * RTLD_NEXT finds it where CANN is linked or loaded globally.  Python and
 * plug-ins load it with RTLD_LOCAL, then only a handle finds it; RTLD_NOLOAD
 * gives one without loading anything.  It is looked up at the first call, since
 * at our own start the HAL may not be there yet.  A miss is remembered only once
 * the HAL itself has been found: then it is a HAL that lacks this function, and
 * asking the loader again for every import would cost more than the import.
 */

#include <dlfcn.h>
#include <string.h>

#include "internal.h"

void *_Atomic next_fns[NEXT_NR];

static const char *const next_names[NEXT_NR] = {
#define NEXT_NAME(name) #name,
	NEXT_HAL(NEXT_NAME)
	NEXT_ACL(NEXT_NAME)
};

static const char *const next_hal_libs[] = {
	"libascend_hal.so", NULL
};

static const char *const next_acl_libs[] = {
	"libascendcl.so", "libacl_rt.so", NULL
};

/* Is it a definition of this very library, under whatever name? */
static bool next_is_ours(void *fn)
{
	Dl_info ours, theirs;

	return dladdr(next_names, &ours) && dladdr(fn, &theirs) &&
	       ours.dli_fbase == theirs.dli_fbase;
}

static void *next_by_handle(const char *lib, const char *name)
{
	void *handle = dlopen(lib, RTLD_LAZY | RTLD_NOLOAD);
	void *fn;

	if (!handle)
		return NULL;
	fn = dlsym(handle, name);
	if (fn && !next_is_ours(fn))
		return fn;	/* keeps its handle: the library must stay */
	dlclose(handle);
	return NULL;
}

/* Not another interposer, which defines some functions and not others. */
static bool next_is_hal(void *fn)
{
	const char *slash;
	Dl_info info;

	if (!dladdr(fn, &info) || !info.dli_fname)
		return false;
	slash = strrchr(info.dli_fname, '/');
	return !strncmp(slash ? slash + 1 : info.dli_fname, "libascend_hal.so",
			strlen("libascend_hal.so"));
}

void *next_resolve(enum next_id id)
{
	const char *const *lib = id < NEXT_aclrtIpcMemGetExportKey ?
				 next_hal_libs : next_acl_libs;
	const char *name = next_names[id];
	static atomic_bool hal_found;
	int err = errno;
	void *fn;

	if (atomic_load_explicit(&next_fns[id], memory_order_relaxed) ==
	    NEXT_MISSING)
		return NULL;
	fn = dlsym(RTLD_NEXT, name);
	if (fn && next_is_ours(fn))
		fn = NULL;
	for (; !fn && *lib; lib++)
		fn = next_by_handle(*lib, name);
	if (fn && id < NEXT_aclrtIpcMemGetExportKey && next_is_hal(fn))
		atomic_store(&hal_found, true);
	if (fn || (id < NEXT_aclrtIpcMemGetExportKey &&
		   atomic_load(&hal_found)))
		atomic_store_explicit(&next_fns[id], fn ? fn : NEXT_MISSING,
				      memory_order_release);
	errno = err;
	return fn;
}

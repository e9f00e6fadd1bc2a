// SPDX-License-Identifier: LGPL-2.1-only
/*
 * What the compiler calls for CLEANUP() when a thread is cancelled or throws.
 *
 * These two have to be of the same library as the unwinder that calls them, and
 * that is libgcc_s: copies linked in here abort, since their tables were never
 * set up.  But who never unwinds need not have libgcc_s, so it is not linked:
 * whoever does unwind has loaded it.
 */

#include <dlfcn.h>
#include <stdlib.h>
#include <unwind.h>

#include "internal.h"

_Unwind_Reason_Code __gcc_personality_v0(int version, _Unwind_Action actions,
					 _Unwind_Exception_Class class,
					 struct _Unwind_Exception *exception,
					 struct _Unwind_Context *context);

static void *unwind_function(void *_Atomic *cache, const char *name)
{
	void *fn = atomic_load(cache), *handle;

	if (fn)
		return fn;
	handle = dlopen("libgcc_s.so.1", RTLD_LAZY | RTLD_NOLOAD);
	fn = handle ? dlsym(handle, name) : NULL;
	atomic_store(cache, fn);
	return fn;
}

/* Which cleanups of a frame are to run? */
_Unwind_Reason_Code __gcc_personality_v0(int version, _Unwind_Action actions,
					 _Unwind_Exception_Class class,
					 struct _Unwind_Exception *exception,
					 struct _Unwind_Context *context)
{
	static void *_Atomic cache;
	__typeof__(&__gcc_personality_v0) fn =
		unwind_function(&cache, "__gcc_personality_v0");

	return fn ? fn(version, actions, class, exception, context) :
		    _URC_CONTINUE_UNWIND;
}

/* They have run: on to the next frame. */
void _Unwind_Resume(struct _Unwind_Exception *exception)
{
	static void *_Atomic cache;
	__typeof__(&_Unwind_Resume) fn =
		unwind_function(&cache, "_Unwind_Resume");

	if (fn)
		fn(exception);
	abort();
}

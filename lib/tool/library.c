// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc: where libaclipc.so is. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

bool library_is_ours(const char *path)
{
	const char *base = strrchr(path, '/');

	return !strncmp(base ? base + 1 : path, "libaclipc.so", 12);
}

static bool library_try(char *buf, size_t len, const char *dir,
			const char *sub)
{
	char real[PATH_MAX], *path;
	bool found;

	path = text_format("%s/%s/" LIBRARY_SONAME, dir, sub);
	found = realpath(path, real) && !access(real, R_OK);
	free(path);
	if (found)
		snprintf(buf, len, "%s/%s/" LIBRARY_SONAME, dir, sub);
	if (found && realpath(buf, real) && strlen(real) < len) {
		/* short: the directory resolved, the soname kept */
		char *slash = strrchr(real, '/');

		snprintf(buf, len, "%.*s/" LIBRARY_SONAME,
			 (int)(slash - real), real);
		if (access(buf, R_OK))
			snprintf(buf, len, "%s", real);
	}
	return found;
}

/*
 * The library beside this program comes first: what was installed together
 * works together.  Else its bare name is left to the loader.
 */
static bool library_beside(char *buf, size_t len)
{
	static const char *const subs[] = {
		"../lib", "../lib64",
#ifdef __x86_64__
		"../lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
		"../lib/aarch64-linux-gnu",
#endif
	};
	char self[PATH_MAX], *slash;
	ssize_t n;
	size_t i;

	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return false;
	self[n] = 0;
	slash = strrchr(self, '/');
	if (!slash)
		return false;
	*slash = 0;
	for (i = 0; i < sizeof(subs) / sizeof(subs[0]); i++)
		if (library_try(buf, len, self, subs[i]))
			return true;
	return false;
}

/* False: buf is the bare name, which the loader may know. */
bool library_find(const char *wanted, char *buf, size_t len)
{
	char *real;

	if (wanted) {
		real = realpath(wanted, NULL);
		snprintf(buf, len, "%s", real ? real : wanted);
		free(real);
		return real && !access(buf, R_OK);
	}
	if (library_beside(buf, len))
		return true;
	snprintf(buf, len, "%s", LIBRARY_SONAME);
	return false;
}

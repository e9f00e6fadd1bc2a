// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc doctor: is there a module for this kernel? */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tool.h"

#define MODULE_DIR	"/sys/module/aclipc"

/* Is an aclipc.ko, compressed or not, known to modprobe for this release? */
static bool module_is_built(const char *release)
{
	char *path = text_format("/lib/modules/%s/modules.dep", release);
	bool found = false;
	char *line = NULL;
	size_t size = 0;
	FILE *f;

	f = fopen(path, "re");
	free(path);
	while (f && !found && getline(&line, &size, f) > 0) {
		line[strcspn(line, ":\n")] = 0;
		found = strstr(line, "/aclipc.ko") || !strncmp(line, "aclipc.ko", 9);
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* Another release that has one, as text; NULL: none has. */
static char *module_built_elsewhere(void)
{
	DIR *dir = opendir("/lib/modules");
	struct dirent *entry;
	char *found = NULL;

	while (dir && !found && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && module_is_built(entry->d_name))
			found = text_escape(entry->d_name);
	if (dir)
		closedir(dir);
	return found;
}

static bool module_in_dkms(void)
{
	return !access("/var/lib/dkms/aclipc", F_OK);
}

static bool module_headers(const char *release)
{
	char *path = text_format("/lib/modules/%s/build/Makefile", release);
	bool there = !access(path, F_OK);

	free(path);
	return there;
}

static char *module_how_to_build(const char *release)
{
	const char *headers = module_headers(release) ? "" :
		"install the kernel's headers, then ";

	if (module_in_dkms())
		return text_format("%sdkms autoinstall -k %s; modprobe aclipc",
				   headers, release);
	return text_format("%smake && make install in the source of aclipc; modprobe aclipc",
			   headers);
}

static void module_missing(struct report *r)
{
	struct utsname uts;
	char *other;

	if (uname(&uts))
		return;
	if (module_is_built(uts.release)) {
		report(r, CHECK_FAIL, "module",
		       text_format("the module is built for %s but not loaded",
				   uts.release),
		       text_format("modprobe aclipc; if that fails, dmesg says why (an unsigned module under Secure Boot)"));
		return;
	}
	other = module_built_elsewhere();
	report(r, CHECK_FAIL, "module",
	       text_format("the module is not built for this kernel, %s%s%s",
			   uts.release, other ? ", but for " : "",
			   other ? other : ""),
	       module_how_to_build(uts.release));
	free(other);
}

static bool module_version(char *buf, size_t len)
{
	int n = text_read_file(MODULE_DIR "/version", buf, len);

	if (n <= 0)
		return false;
	buf[strcspn(buf, "\n")] = 0;
	return true;
}

void doctor_module(struct report *r)
{
	char version[32], *escaped;

	if (access(MODULE_DIR, F_OK)) {
		module_missing(r);
		return;
	}
	if (!module_version(version, sizeof(version)))
		strcpy(version, "?");
	escaped = text_escape(version);
	if (!strcmp(version, ACLIPC_VERSION))
		report(r, CHECK_OK, "module",
		       text_format("module loaded, version %s", escaped), NULL);
	else
		report(r, CHECK_WARN, "module",
		       text_format("module loaded, version %s, this tool is %s",
				   escaped, ACLIPC_VERSION),
		       text_format("install both from one release; when nothing is shared: rmmod aclipc; modprobe aclipc"));
	free(escaped);
}

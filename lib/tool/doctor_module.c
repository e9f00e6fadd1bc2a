// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc doctor: is there a module for this kernel? */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tool.h"

#define MODULE_DIR	"/sys/module/aclipc"

/* The module that modprobe takes for this release; NULL: it knows none. */
static char *module_built(const char *release)
{
	char *path = text_format("/lib/modules/%s/modules.dep", release);
	char *line = NULL, *found = NULL;
	size_t size = 0;
	FILE *f;

	f = fopen(path, "re");
	free(path);
	while (f && !found && getline(&line, &size, f) > 0) {
		line[strcspn(line, ":\n")] = 0;
		if (strstr(line, "/aclipc.ko") || !strncmp(line, "aclipc.ko", 9))
			found = text_format("/lib/modules/%s/%s", release,
					    line);
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
	char *found = NULL, *path;

	while (dir && !found && (entry = readdir(dir))) {
		path = entry->d_name[0] == '.' ? NULL :
		       module_built(entry->d_name);
		if (path)
			found = text_escape(entry->d_name);
		free(path);
	}
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

/* The package of this kernel's headers, by the package manager that is here. */
static char *module_how_to_headers(const char *release)
{
	if (module_headers(release))
		return text_format("%s", "");
	if (!access("/usr/bin/apt-get", X_OK))
		return text_format("apt-get install linux-headers-%s; ",
				   release);
	if (!access("/usr/bin/dnf", X_OK) || !access("/usr/bin/yum", X_OK))
		return text_format("%s install kernel-devel-%s; ",
				   access("/usr/bin/dnf", X_OK) ? "yum" : "dnf",
				   release);
	return text_format("install the headers of kernel %s; ", release);
}

static char *module_how_to_build(const char *release)
{
	char *headers = module_how_to_headers(release), *fix;

	if (module_in_dkms())
		fix = text_format("%sdkms autoinstall -k %s; modprobe aclipc",
				  headers, release);
	else
		fix = text_format("%sin the source of aclipc: make && make install; modprobe aclipc",
				  headers);
	free(headers);
	return fix;
}

static void module_not_built(struct report *r, const char *release)
{
	char *other = module_built_elsewhere();

	report(r, CHECK_FAIL, "module",
	       text_format("the module is not built for this kernel, %s%s%s%s",
			   release, other ? ", but for " : "",
			   other ? other : "",
			   module_headers(release) ? "" :
			   "; its headers are missing"),
	       module_how_to_build(release));
	free(other);
}

/* In a container, the files of the module are elsewhere. */
static bool module_is_hosts(void)
{
	return !access("/.dockerenv", F_OK) ||
	       !access("/run/.containerenv", F_OK);
}

static void module_missing(struct report *r)
{
	struct utsname uts;
	char *path, *shown;

	if (uname(&uts))
		return;
	if (module_is_hosts()) {
		report(r, CHECK_FAIL, "module",
		       text_format("the module is not loaded"),
		       text_format("on the host, not in this container: modprobe aclipc; aclipc doctor"));
		return;
	}
	path = module_built(uts.release);
	if (!path) {
		module_not_built(r, uts.release);
		return;
	}
	shown = text_escape(path);
	free(path);
	doctor_not_loaded(r, uts.release, shown);
	free(shown);
}

/* Loaded, but where from?  The next boot would not find it. */
static void module_next_boot(struct report *r)
{
	struct utsname uts;
	char *path;

	if (module_is_hosts() || uname(&uts))
		return;
	path = module_built(uts.release);
	if (!path)
		report(r, CHECK_WARN, "module-file",
		       text_format("no module is built for this kernel, %s: after the next boot there is none%s",
				   uts.release, module_headers(uts.release) ?
				   "" : "; its headers are missing"),
		       module_how_to_build(uts.release));
	free(path);
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
	module_next_boot(r);
}

// SPDX-License-Identifier: LGPL-2.1-only
/*
 * aclipc: the module's tracepoints, in a tracefs instance of our own, so that
 * nobody else's tracing is disturbed.
 */
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

static bool trace_usable(const char *dir)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/instances", dir);
	return !access(path, W_OK | X_OK);
}

/* tracefs is mounted on its own or, on demand, inside debugfs. */
static bool trace_find(char *dir, size_t len)
{
	struct mntent *entry;
	bool found = false;
	FILE *f;

	f = setmntent("/proc/self/mounts", "re");
	while (f && !found && (entry = getmntent(f))) {
		if (!strcmp(entry->mnt_type, "tracefs"))
			snprintf(dir, len, "%s", entry->mnt_dir);
		else if (!strcmp(entry->mnt_type, "debugfs"))
			snprintf(dir, len, "%s/tracing", entry->mnt_dir);
		else
			continue;
		found = trace_usable(dir);
	}
	if (f)
		endmntent(f);
	return found;
}

static int trace_write(const struct trace *t, const char *file,
		       const char *value)
{
	char path[384];
	int fd, ret = 0;

	snprintf(path, sizeof(path), "%s/%s", t->dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

static int trace_setup(struct trace *t)
{
	char path[384];
	int ret;

	/* not fatal: only the time's origin and the width of lines */
	trace_write(t, "trace_clock", "boot");
	trace_write(t, "options/irq-info", "0");
	trace_write(t, "options/overwrite", "1");
	ret = trace_write(t, "events/aclipc/enable", "1");
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "%s/trace_pipe", t->dir);
	t->pipe = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return t->pipe < 0 ? -errno : 0;
}

int trace_start(struct trace *t)
{
	char base[160];
	int ret;

	t->pipe = -1;
	if (access("/sys/module/aclipc", F_OK)) {
		tool_error("the kernel module aclipc is not loaded (aclipc doctor tells more)");
		return TOOL_NO_MODULE;
	}
	if (!trace_find(base, sizeof(base))) {
		tool_error("watch needs root and a mounted tracefs (mount -t tracefs nodev /sys/kernel/tracing)");
		return geteuid() ? TOOL_DENIED : TOOL_SYSTEM;
	}
	snprintf(t->dir, sizeof(t->dir), "%s/instances/aclipc-watch-%d", base,
		 getpid());
	if (mkdir(t->dir, 0700)) {
		tool_error("cannot make a tracefs instance: %s",
			   strerror(errno));
		return device_errno_exit(errno);
	}
	ret = trace_setup(t);
	if (!ret)
		return 0;
	tool_error("cannot follow the tracepoints of aclipc: %s",
		   strerror(-ret));
	trace_stop(t);
	return TOOL_SYSTEM;
}

void trace_stop(struct trace *t)
{
	trace_write(t, "events/aclipc/enable", "0");
	if (t->pipe >= 0)
		close(t->pipe);
	if (rmdir(t->dir))
		tool_error("cannot remove %s: %s", t->dir, strerror(errno));
}

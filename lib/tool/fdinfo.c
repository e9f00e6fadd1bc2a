// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc: keys and imports as /proc/PID/fdinfo shows them to everybody. */
#include <dirent.h>
#include <errno.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tool.h"

#define MAX_FDS	64

struct tool_share *view_add_share(struct tool_view *view)
{
	view->shares = text_grow(view->shares, view->nr_shares + 1,
				 sizeof(*view->shares));
	return memset(&view->shares[view->nr_shares++], 0,
		      sizeof(*view->shares));
}

struct tool_import *view_add_import(struct tool_view *view)
{
	view->imports = text_grow(view->imports, view->nr_imports + 1,
				  sizeof(*view->imports));
	return memset(&view->imports[view->nr_imports++], 0,
		      sizeof(*view->imports));
}

bool fdinfo_is_aclipc(pid_t pid, const char *fd)
{
	char path[320], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = 0;
	return !strcmp(target, ACLIPC_DEVICE);
}

/* Whose descriptor is it?  0: not told, -1: cannot be read. */
pid_t fdinfo_owner(pid_t pid, const char *fd)
{
	char path[320], line[256];
	int owner = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", pid, fd);
	f = fopen(path, "re");
	while (f && owner < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "aclipc_owner: %d", &owner);
	if (f)
		fclose(f);
	return owner;
}

/* The first bytes of a key; a short one is padded with zeros, and whole. */
static bool fdinfo_key(char *hex, struct tool_share *share)
{
	size_t n = strlen(hex);

	while (n >= 2 && !strcmp(hex + n - 2, "00")) {
		hex[n -= 2] = 0;
		share->key_whole = true;
	}
	return key_parse_hex(hex, share->key, &share->key_len);
}

/* An import may be of a key whose exporter we cannot see. */
static void fdinfo_know(struct tool_view *view, const struct tool_share *share)
{
	size_t i;

	for (i = 0; i < view->nr_shares; i++) {
		if (view->shares[i].generation != share->generation)
			continue;
		if (share->counted)
			view->shares[i] = *share;
		return;
	}
	*view_add_share(view) = *share;
}

static void fdinfo_export(struct tool_view *view, pid_t pid, const char *line)
{
	unsigned long long generation, length, imports, settling;
	struct tool_share share = { .owner = pid, .counted = true };
	char key[17];

	if (sscanf(line, "aclipc_export: %llu %11s %11s %llu %llu %llu %16s",
		   &generation, share.state, share.reason, &length, &imports,
		   &settling, key) != 7 ||
	    !fdinfo_key(key, &share))
		return;
	share.generation = generation;
	share.length = length;
	share.imports = imports;
	share.settling = settling;
	fdinfo_know(view, &share);
}

static void fdinfo_import(struct tool_view *view, pid_t pid, const char *line)
{
	unsigned long long generation, length, count;
	struct tool_share share = { .reason = "?" };
	struct tool_import *import;
	char key[17];

	if (sscanf(line, "aclipc_import: %llu %11s %llu %llu %16s",
		   &generation, share.state, &count, &length, key) != 5 ||
	    !fdinfo_key(key, &share))
		return;
	share.generation = generation;
	share.length = length;
	fdinfo_know(view, &share);
	import = view_add_import(view);
	import->generation = generation;
	import->pid = pid;
	import->count = count;
}

static void fdinfo_read(struct tool_view *view, pid_t pid, int fd)
{
	char path[64], *line = NULL;
	pid_t owner = 0;
	size_t size = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	f = fopen(path, "re");
	while (f && getline(&line, &size, f) > 0) {
		if (sscanf(line, "aclipc_owner: %d", &owner) == 1)
			continue;
		/* inherited or passed: it is listed where it belongs */
		if (owner && owner != pid)
			continue;
		fdinfo_export(view, pid, line);
		fdinfo_import(view, pid, line);
	}
	free(line);
	if (f)
		fclose(f);
}

static bool fdinfo_is_dup(pid_t pid, const int *fds, unsigned int nr, int fd)
{
	while (nr--)
		if (!syscall(SYS_kcmp, pid, pid, KCMP_FILE,
			     (unsigned long)fds[nr], (unsigned long)fd))
			return true;
	return false;
}

static void fdinfo_scan(struct tool_view *view, pid_t pid)
{
	struct dirent *entry;
	unsigned int nr = 0;
	int fds[MAX_FDS];
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && nr < MAX_FDS && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (!fdinfo_is_aclipc(pid, entry->d_name) ||
		    fdinfo_is_dup(pid, fds, nr, fd))
			continue;
		fds[nr++] = fd;
		fdinfo_read(view, pid, fd);
	}
	if (dir)
		closedir(dir);
}

int view_load_fdinfo(struct tool_view *view)
{
	struct dirent *entry;
	uint64_t pid;
	DIR *proc;

	proc = opendir("/proc");
	if (!proc) {
		tool_error("cannot read /proc: %s", strerror(errno));
		return TOOL_SYSTEM;
	}
	while ((entry = readdir(proc)))
		if (text_u64(entry->d_name, &pid))
			fdinfo_scan(view, (pid_t)pid);
	closedir(proc);
	return 0;
}

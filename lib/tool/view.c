// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc: keys and imports as debugfs shows them to root. */
#include <errno.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define HELD_RECHECK_US	200000

/* Where the module's debugfs files are. */
bool view_debugfs(char *buf, size_t len)
{
	struct mntent *entry;
	bool found = false;
	FILE *f;

	f = setmntent("/proc/self/mounts", "re");
	while (f && !found && (entry = getmntent(f))) {
		if (strcmp(entry->mnt_type, "debugfs"))
			continue;
		snprintf(buf, len, "%s/aclipc", entry->mnt_dir);
		found = !access(buf, R_OK | X_OK);
	}
	if (f)
		endmntent(f);
	return found;
}

static FILE *view_open(const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return fopen(path, "re");
}

static bool view_parse_share(const char *line, struct tool_share *s)
{
	unsigned int deferred, anyone, remote, watched;
	char key[2 * ACLIPC_KEY_MAX + 1];
	unsigned long long v[6];
	int owner;

	if (sscanf(line,
		   "%llu %11s %11s %d %llu %llu %llu %llu %llu %u %u %u %u %128s",
		   &v[0], s->state, s->reason, &owner, &v[1], &v[2], &v[3],
		   &v[4], &v[5], &deferred, &anyone, &remote, &watched,
		   key) != 14)
		return false;
	s->generation = v[0];
	s->owner = owner;
	s->length = v[1];
	s->imports = v[2];
	s->settling = v[3];
	s->self = v[4];
	s->waiters = v[5];
	s->deferred = deferred;
	s->anyone = anyone;
	s->remote = remote;
	s->watched = watched;
	s->counted = true;
	s->key_whole = true;
	return key_parse_hex(key, s->key, &s->key_len);
}

static bool view_parse_import(const char *line, struct tool_import *imp)
{
	unsigned long long generation, count, settle_ms, since;
	unsigned int settling, self;
	int pid;

	if (sscanf(line, "%llu %d %llu %u %llu %u %llu", &generation, &pid,
		   &count, &settling, &settle_ms, &self, &since) != 7)
		return false;
	imp->generation = generation;
	imp->pid = pid;
	imp->count = count;
	imp->settling = settling;
	imp->settle_ms = settle_ms;
	imp->self = self;
	imp->since_ns = since;
	imp->since_known = true;
	return true;
}

static int view_load_debugfs(struct tool_view *view, const char *dir)
{
	struct tool_import imp;
	struct tool_share share;
	char *line = NULL;
	size_t size = 0;
	FILE *f;

	f = view_open(dir, "shares");
	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0) {
		memset(&share, 0, sizeof(share));
		if (view_parse_share(line, &share))
			*view_add_share(view) = share;
	}
	fclose(f);
	f = view_open(dir, "imports");
	while (f && getline(&line, &size, f) > 0) {
		memset(&imp, 0, sizeof(imp));
		if (view_parse_import(line, &imp))
			*view_add_import(view) = imp;
	}
	if (f)
		fclose(f);
	free(line);
	view->whole = true;
	return 0;
}

static int view_compare(const void *a, const void *b)
{
	const struct tool_share *x = a, *y = b;

	return x->generation < y->generation ? -1 :
	       x->generation > y->generation;
}

static void view_sort(struct tool_view *view)
{
	if (view->nr_shares)
		qsort(view->shares, view->nr_shares, sizeof(*view->shares),
		      view_compare);
}

/* The share of a generation; the shares are sorted. */
struct tool_share *view_share(struct tool_view *view, uint64_t generation)
{
	struct tool_share wanted = { .generation = generation };

	if (!view->nr_shares)
		return NULL;
	return bsearch(&wanted, view->shares, view->nr_shares,
		       sizeof(wanted), view_compare);
}

/*
 * HELD lasts as long as the driver needs to destroy and free.  What is held
 * now and still is a moment later has a destroy that fails.
 */
static void view_mark_stuck(struct tool_view *view, const char *dir)
{
	struct tool_view later = { 0 };
	struct tool_share *other;
	bool held = false;
	size_t i;

	for (i = 0; i < view->nr_shares; i++)
		held |= !strcmp(view->shares[i].state, "held");
	if (!held)
		return;
	usleep(HELD_RECHECK_US);
	if (view_load_debugfs(&later, dir))
		return;
	view_sort(&later);
	for (i = 0; i < view->nr_shares; i++) {
		other = view_share(&later, view->shares[i].generation);
		view->shares[i].stuck = other &&
			!strcmp(view->shares[i].state, "held") &&
			!strcmp(other->state, "held");
	}
	view_free(&later);
}

int view_load(struct tool_view *view)
{
	struct tool_share *share;
	char dir[256];
	size_t i;
	int ret;

	memset(view, 0, sizeof(*view));
	if (access("/sys/module/aclipc", F_OK)) {
		tool_error("the kernel module aclipc is not loaded (aclipc doctor tells more)");
		return TOOL_NO_MODULE;
	}
	if (!view_debugfs(dir, sizeof(dir)) || view_load_debugfs(view, dir)) {
		view_free(view);
		ret = view_load_fdinfo(view);
		if (ret)
			return ret;
	}
	view_sort(view);
	for (i = 0; i < view->nr_imports; i++) {
		share = view_share(view, view->imports[i].generation);
		if (!share)
			continue;
		share->holders++;
		if (share->settle_ms < view->imports[i].settle_ms)
			share->settle_ms = view->imports[i].settle_ms;
	}
	if (view->whole)
		view_mark_stuck(view, dir);
	return 0;
}

void view_free(struct tool_view *view)
{
	free(view->shares);
	free(view->imports);
	memset(view, 0, sizeof(*view));
}

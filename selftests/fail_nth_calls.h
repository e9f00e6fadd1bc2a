/* SPDX-License-Identifier: GPL-2.0 */
/* The states from which fail_nth.c makes its calls, and those without ioctl. */
#ifndef FAIL_NTH_CALLS_H
#define FAIL_NTH_CALLS_H

#include <sys/epoll.h>

#include "fail_nth.h"

static long fn_poll(int fd, void *arg)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) < 0 ? -errno : pfd.revents;
}

static const char * const limits[] = {
	"max_exports", "max_imports", "max_sessions",
};

/*
 * Room for one more of each: what a refused call would still be charged for,
 * is missing when it is made again.  The process has no other session.
 */
static int tighten(struct world *w)
{
	long room[] = { 1, 1, 1 };
	char path[64], all[4096], *line;
	unsigned int count;
	int ret = 0;
	size_t i;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", w->fd);
	if (w->fd >= 0 && t_slurp(path, all, sizeof(all)) >= 0) {
		room[2]++;
		for (line = strtok(all, "\n"); line; line = strtok(NULL, "\n")) {
			room[0] += !strncmp(line, "aclipc_export", 13);
			if (sscanf(line, "aclipc_import: %*u %*s %u",
				   &count) == 1)
				room[1] += count;
		}
	}
	for (i = 0; i < ARRAY_SIZE(limits); i++)
		ret = ret ?: t_set_param(limits[i], room[i]);
	return ret;
}

static int loosen(void)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limits); i++)
		ret = ret ?: t_set_param(limits[i], 64);
	return ret;
}

/* All there is to see of both modules and both sessions. */
static char *snapshot(struct world *w)
{
	static const char * const files[] = {
		"/sys/kernel/debug/aclipc/shares",
		"/sys/kernel/debug/aclipc/imports",
		"/sys/kernel/debug/aclipc/counts",
		"/sys/kernel/debug/ascend_sim/counts",
		"/sys/kernel/debug/ascend_sim/violations",
		"/sys/module/aclipc/refcnt",
		"/sys/module/ascend_sim/refcnt",
	};
	char *all = calloc(1, TEXT), path[64];
	ssize_t len = 0, more;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		more = t_slurp(files[i], all + len, TEXT - len);
		len += more > 0 ? more : 0;
	}
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", w->fd);
	more = t_slurp(path, all + len, TEXT - len);
	len += more > 0 ? more : 0;
	fd = dup(0);
	snprintf(all + len, TEXT - len, "polls %ld, peer's %ld, next fd %d\n",
		 fn_poll(w->fd, NULL), t_run(w->peer, fn_poll, NULL, 0), fd);
	close(fd);
	return all;
}

/* May the peer import? */
static int admitted(struct world *w)
{
	int ret = t_import(w->peer, KEY);

	return ret ?: t_close(w->peer, KEY);
}

/* States */

static int no_key(struct world *w)
{
	return 0;
}

static int own_private(struct world *w)
{
	return t_export(w->fd, KEY, ACLIPC_EXPORT_UNWATCHED);
}

static int own_allowed(struct world *w)
{
	static const __s32 init = 1;
	int ret = own_private(w);

	return ret ?: t_allow(w->fd, KEY, 0, &init, 1) == 1 ? 0 : -EPROTO;
}

static int own_imported(struct world *w)
{
	return own(w) ?: t_import(w->peer, KEY);
}

static int revoked(struct world *w)
{
	return own(w) ?: t_revoke(w->fd, KEY, 0, 0);
}

static int revoked_imported(struct world *w)
{
	return own_imported(w) ?: t_revoke(w->fd, KEY, 0, 0) == 1 ? 0 : -EPROTO;
}

static int held(struct world *w)
{
	return own(w) ?: t_try(w->fd, KEY) == ACLIPC_ANSWER_HELD ? 0 : -EPROTO;
}

static int held_watched(struct world *w)
{
	struct aclipc_export cmd;
	int ret = t_export_at(w->fd, KEY, ANYONE, w->va, T_LENGTH, &cmd);

	if (ret || !cmd.out_watched)
		return ret ?: -EPROTO;
	return t_try(w->fd, KEY) == ACLIPC_ANSWER_HELD ? 0 : -EPROTO;
}

static int deferred(struct world *w)
{
	int ret = own_imported(w);

	return ret ?: t_defer(w->fd, KEY) == ACLIPC_ANSWER_PENDING ?
	       0 : -EPROTO;
}

static int foreign_revoked(struct world *w)
{
	return foreign(w) ?: t_revoke(w->peer, KEY, 0, 0);
}

static int imported(struct world *w)
{
	return foreign(w) ?: t_import(w->fd, KEY);
}

static int imported_twice(struct world *w)
{
	return imported(w) ?: t_import(w->fd, KEY);
}

static int imported_revoked(struct world *w)
{
	return imported(w) ?: t_revoke(w->peer, KEY, 0, 0) == 1 ? 0 : -EPROTO;
}

static int imported_stale(struct world *w)
{
	return imported_revoked(w) ?: foreign(w);
}

static int own_and_imported(struct world *w)
{
	return own_imported(w) ?: t_export(w->peer, KEY2, UNWATCHED) ?:
	       t_import(w->fd, KEY2);
}

static int event(struct world *w)
{
	int ret = imported(w);

	return ret ?: t_defer(w->peer, KEY) == ACLIPC_ANSWER_PENDING ?
	       0 : -EPROTO;
}

static int two_events(struct world *w)
{
	int ret = event(w) ?: t_export(w->peer, KEY2, UNWATCHED) ?:
		  t_import(w->fd, KEY2);

	return ret ?: t_defer(w->peer, KEY2) == ACLIPC_ANSWER_PENDING ?
	       0 : -EPROTO;
}

/* The process has no session. */
static int nothing_open(struct world *w)
{
	close(w->fd);
	w->fd = -1;
	return foreign(w);
}

/* Calls that are no ioctls */

static long call_open(struct world *w)
{
	w->extra = open(ACLIPC_DEVICE, O_RDWR | O_CLOEXEC);
	return w->extra < 0 ? -errno : w->extra;
}

static long call_close_fd(struct world *w)
{
	int fd = w->fd;

	w->fd = -1;
	return close(fd) ? -errno : 0;
}

static long call_read(struct world *w)
{
	struct aclipc_event event;
	ssize_t ret = read(w->fd, &event, sizeof(event));

	return ret < 0 ? -errno : ret;
}

static long call_read_two(struct world *w)
{
	struct aclipc_event events[2];
	ssize_t ret = read(w->fd, events, sizeof(events));

	return ret < 0 ? -errno : ret;
}

static long call_poll(struct world *w)
{
	struct pollfd pfd = { .fd = w->fd, .events = POLLIN };
	int ret = poll(&pfd, 1, 0);

	return ret < 0 ? -errno : ret;
}

static long call_epoll(struct world *w)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = epoll_create1(EPOLL_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = epoll_ctl(fd, EPOLL_CTL_ADD, w->fd, &event) ? -errno : 0;
	close(fd);
	return ret;
}

static long call_show(struct world *w, const char *path)
{
	ssize_t ret = t_slurp(path, w->text, sizeof(w->text));

	return ret < 0 ? ret : 0;
}

static long call_fdinfo(struct world *w)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", w->fd);
	return call_show(w, path);
}

static long call_shares(struct world *w)
{
	return call_show(w, "/sys/kernel/debug/aclipc/shares");
}

static long call_imports(struct world *w)
{
	return call_show(w, "/sys/kernel/debug/aclipc/imports");
}

static long call_counts(struct world *w)
{
	return call_show(w, "/sys/kernel/debug/aclipc/counts");
}

static long call_mmap(struct world *w)
{
	return mmap(NULL, 4096, PROT_READ, MAP_SHARED, w->fd, 0) ==
	       MAP_FAILED ? -errno : 0;
}

static long call_unknown(struct world *w)
{
	return t_ioctl(w->fd, ACLIPC_IOC(63), &w->arg);
}

static long call_write(struct world *w)
{
	return write(w->fd, w->text, 1) < 0 ? -errno : 0;
}

#endif /* FAIL_NTH_CALLS_H */

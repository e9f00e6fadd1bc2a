// SPDX-License-Identifier: LGPL-2.1-only
/* The session API: one function for each ioctl. */

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

struct aclipc {
	int fd;
};

API const char *aclipc_version(void)
{
	return ACLIPC_VERSION_TEXT;
}

static int api_ioctl(struct aclipc *session, unsigned long call, void *arg)
{
	int err = errno, ret = 0;

	if (!session)
		return -EINVAL;
	if (ioctl(session->fd, call, arg))
		ret = -errno;
	errno = err;
	return ret == -ENOTTY ? -EOPNOTSUPP : ret;
}

static int api_open(void)
{
	int err = errno;
	int fd = open(ACLIPC_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fd = -errno;
	errno = err;
	return fd;
}

static void api_close(int fd)
{
	int err = errno;

	close(fd);
	errno = err;
}

API int aclipc_session_open(struct aclipc **session)
{
	struct aclipc_info info;
	struct aclipc *new;
	int ret;

	if (!session)
		return -EINVAL;
	new = malloc(sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->fd = api_open();
	ret = new->fd < 0 ? new->fd : aclipc_get_info(new, &info);
	if (!ret && !info.out_abi)
		ret = -EOPNOTSUPP;
	if (!ret) {
		*session = new;
		return 0;
	}
	if (new->fd >= 0)
		api_close(new->fd);
	free(new);
	return ret;
}

API void aclipc_session_close(struct aclipc *session)
{
	if (!session)
		return;
	api_close(session->fd);
	free(session);
}

API int aclipc_fd(const struct aclipc *session)
{
	return session ? session->fd : -EINVAL;
}

API int aclipc_get_info(struct aclipc *session, struct aclipc_info *info)
{
	struct aclipc_info arg = { .size = sizeof(arg) };
	int ret = api_ioctl(session, ACLIPC_INFO, &arg);

	if (!ret && info)
		*info = arg;
	return ret;
}

API int aclipc_export(struct aclipc *session, const struct aclipc_key *key,
		      uint64_t addr, uint64_t length, uint32_t flags,
		      uint64_t *generation)
{
	struct aclipc_export arg = {
		.size = sizeof(arg),
		.flags = flags,
		.addr = addr,
		.length = length,
	};
	int ret;

	if (!key)
		return -EINVAL;
	memcpy(arg.key, key->bytes, sizeof(arg.key));
	ret = api_ioctl(session, ACLIPC_EXPORT, &arg);
	if (!ret && generation)
		*generation = arg.out_generation;
	return ret;
}

API int aclipc_allow(struct aclipc *session, const struct aclipc_key *key,
		     uint64_t generation, const int32_t *pids,
		     uint32_t nr_pids, uint32_t flags, uint32_t *added)
{
	struct aclipc_allow arg = {
		.size = sizeof(arg),
		.flags = flags,
		.generation = generation,
		.pids = (uintptr_t)pids,
		.nr_pids = nr_pids,
	};
	int ret;

	if (!key)
		return -EINVAL;
	memcpy(arg.key, key->bytes, sizeof(arg.key));
	ret = api_ioctl(session, ACLIPC_ALLOW, &arg);
	if (!ret && added)
		*added = arg.out_added;
	return ret;
}

API int aclipc_import(struct aclipc *session, const struct aclipc_key *key,
		      uint64_t *generation, uint64_t *length)
{
	struct aclipc_import arg = { .size = sizeof(arg) };
	int ret;

	if (!key)
		return -EINVAL;
	memcpy(arg.key, key->bytes, sizeof(arg.key));
	ret = api_ioctl(session, ACLIPC_IMPORT, &arg);
	if (!ret && generation)
		*generation = arg.out_generation;
	if (!ret && length)
		*length = arg.out_length;
	return ret;
}

static int api_close_op(struct aclipc *session, const struct aclipc_key *key,
			struct aclipc_close *arg)
{
	if (!key)
		return -EINVAL;
	memcpy(arg->key, key->bytes, sizeof(arg->key));
	return api_ioctl(session, ACLIPC_CLOSE, arg);
}

API int aclipc_import_close(struct aclipc *session,
			    const struct aclipc_key *key, uint64_t generation,
			    uint32_t *left)
{
	struct aclipc_close arg = {
		.size = sizeof(arg),
		.op = ACLIPC_CLOSE_IMPORT,
		.generation = generation,
	};
	int ret = api_close_op(session, key, &arg);

	if (!ret && left)
		*left = arg.out_imports;
	return ret;
}

API int aclipc_close_begin(struct aclipc *session,
			   const struct aclipc_key *key, uint64_t generation,
			   enum aclipc_close_op op, uint32_t timeout_ms,
			   struct aclipc_begin *begin)
{
	struct aclipc_close arg = {
		.size = sizeof(arg),
		.op = op,
		.timeout_ms = timeout_ms,
		.generation = generation,
	};
	int ret;

	if (op != ACLIPC_CLOSE_TRY && op != ACLIPC_CLOSE_WAIT &&
	    op != ACLIPC_CLOSE_DEFER)
		return -EINVAL;
	ret = api_close_op(session, key, &arg);
	if (begin && (!ret || ret == -EBUSY || ret == -ETIMEDOUT ||
		      ret == -EINTR || ret == -EDEADLK)) {
		begin->answer = ret ? 0 : arg.out_answer;
		begin->imports = arg.out_imports;
		begin->settling = arg.out_settling;
		begin->remaining_ms = arg.timeout_ms;
	}
	return ret;
}

static int api_close_end(struct aclipc *session, const struct aclipc_key *key,
			 uint64_t generation, enum aclipc_close_op op)
{
	struct aclipc_close arg = {
		.size = sizeof(arg),
		.op = op,
		.generation = generation,
	};

	return api_close_op(session, key, &arg);
}

API int aclipc_close_finish(struct aclipc *session,
			    const struct aclipc_key *key, uint64_t generation)
{
	return api_close_end(session, key, generation, ACLIPC_CLOSE_FINISH);
}

API int aclipc_close_abort(struct aclipc *session,
			   const struct aclipc_key *key, uint64_t generation)
{
	return api_close_end(session, key, generation, ACLIPC_CLOSE_ABORT);
}

API int aclipc_query(struct aclipc *session, const struct aclipc_key *key,
		     uint64_t generation, struct aclipc_query *query)
{
	struct aclipc_query arg = {
		.size = sizeof(arg),
		.generation = generation,
	};
	int ret;

	if (!key)
		return -EINVAL;
	memcpy(arg.key, key->bytes, sizeof(arg.key));
	ret = api_ioctl(session, ACLIPC_QUERY, &arg);
	if (!ret && query)
		*query = arg;
	return ret;
}

API int aclipc_holders(struct aclipc *session, const struct aclipc_key *key,
		       uint64_t generation, struct aclipc_holder *holders,
		       uint32_t nr, uint32_t *total)
{
	struct aclipc_holders arg = {
		.size = sizeof(arg),
		.generation = generation,
		.holders = (uintptr_t)holders,
		.nr_holders = nr,
	};
	int ret;

	if (!key)
		return -EINVAL;
	memcpy(arg.key, key->bytes, sizeof(arg.key));
	ret = api_ioctl(session, ACLIPC_HOLDERS, &arg);
	if (!ret && total)
		*total = arg.out_holders;
	return ret;
}

API int aclipc_revoke(struct aclipc *session, const struct aclipc_key *key,
		      uint64_t generation, uint32_t reason, uint32_t flags,
		      uint32_t *imports)
{
	struct aclipc_revoke arg = {
		.size = sizeof(arg),
		.flags = flags,
		.generation = generation,
		.reason = reason,
	};
	int ret;

	if (!key)
		return -EINVAL;
	memcpy(arg.key, key->bytes, sizeof(arg.key));
	ret = api_ioctl(session, ACLIPC_REVOKE, &arg);
	if (!ret && imports)
		*imports = arg.out_imports;
	return ret;
}

static int64_t api_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* -EAGAIN: another thread was quicker. */
static int api_read_event(int fd, struct aclipc_event *event, int timeout_ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	struct aclipc_event new;
	ssize_t len;
	int ret;

	ret = poll(&pollfd, 1, timeout_ms);
	if (ret < 0)
		return -errno;
	if (!ret)
		return -ETIMEDOUT;
	if (!(pollfd.revents & POLLIN))
		return -EPIPE;
	/*
	 * Another thread may have read it meanwhile, and then this read would
	 * block: it sees the deadline only if somebody writes.  Threads that
	 * share a session for reading take turns.
	 */
	len = read(fd, &new, sizeof(new));
	if (len < 0)
		return -errno;
	if (len < (ssize_t)sizeof(new))
		return len ? -EAGAIN : -EPIPE;
	*event = new;
	return 0;
}

API int aclipc_next_event(struct aclipc *session, struct aclipc_event *event,
			  int timeout_ms)
{
	int64_t until = api_now_ms() + timeout_ms, left = timeout_ms;
	int err = errno, ret;

	if (!session || !event)
		return -EINVAL;
	do {
		ret = api_read_event(session->fd, event, (int)left);
		if (timeout_ms >= 0) {
			left = until - api_now_ms();
			if (left < 0)
				left = 0;
		}
	} while (ret == -EAGAIN && (timeout_ms < 0 || left));
	errno = err;
	return ret == -EAGAIN ? -ETIMEDOUT : ret;
}

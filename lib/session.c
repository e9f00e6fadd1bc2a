// SPDX-License-Identifier: LGPL-2.1-only
/* The descriptor of this process, and one function for each ioctl. */

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

/* Out of the way of programs that close or count the low numbers. */
#define SESSION_FD_MIN		512
#define SESSION_RETRY_MS	1000

static int session_check(int fd)
{
	struct aclipc_info info = { .size = sizeof(info) };

	if (ioctl(fd, ACLIPC_INFO, &info))
		return errno == ENODEV ? -ENODEV : -EOPNOTSUPP;
	return info.out_abi >= 1 ? 0 : -EOPNOTSUPP;
}

static int session_try_open(void)
{
	int fd, high, ret;

	fd = open(ACLIPC_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		log_once(LOG_NO_DEVICE, "%s: %s; %s", ACLIPC_DEVICE,
			 strerror(errno), config_strict() ?
			 "refusing to share memory (ACLIPC_STRICT)" :
			 "the order of closes is not enforced");
		return -ENODEV;
	}
	ret = session_check(fd);
	if (ret) {
		log_once(LOG_OLD_MODULE,
			 "%s: not a module that library %s understands",
			 ACLIPC_DEVICE, ACLIPC_VERSION_TEXT);
		close(fd);
		return ret;
	}
	/* who asks for events once is given time to leave what dies */
	poll(&(struct pollfd) { .fd = fd, .events = POLLIN }, 1, 0);
	high = fcntl(fd, F_DUPFD_CLOEXEC, SESSION_FD_MIN);
	if (high < 0)
		return fd;
	close(fd);
	return high;
}

static int session_open_locked(struct state *state)
{
	int fd = atomic_load(&state->fd) - 1;
	struct stat st;

	if (fd >= 0)
		return fd;
	if (state->no_device_until > now_ms())
		return state->no_device_err;
	fd = session_try_open();
	if (fd < 0 || fstat(fd, &st)) {
		state->no_device_err = fd < 0 ? fd : -ENODEV;
		state->no_device_until = now_ms() + SESSION_RETRY_MS;
		return state->no_device_err;
	}
	atomic_store(&state->dev_id[0], st.st_rdev);
	atomic_store(&state->dev_id[1], st.st_ino);
	atomic_store(&state->fd, fd + 1);
	return fd;
}

int session_fd_slow(struct state *state)
{
	int fd, cancel;

	/* a signal handler may have interrupted this very function */
	if (self.in_lib > 1) {
		if (pthread_mutex_trylock(&state->open_lock))
			return -EBUSY;
	} else {
		pthread_mutex_lock(&state->open_lock);
	}
	/* open(2) and close(2) are cancellation points, hooks must not be */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	fd = session_open_locked(state);
	pthread_setcancelstate(cancel, NULL);
	pthread_mutex_unlock(&state->open_lock);
	return fd;
}

/* Has the program closed our descriptor and put something else there? */
bool session_fd_is_ours(struct state *state, int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode) &&
	       st.st_rdev == atomic_load(&state->dev_id[0]) &&
	       st.st_ino == atomic_load(&state->dev_id[1]);
}

/*
 * Where the descriptor is lost, its session is over for the module: exports are
 * revoked, imports settle.  A new one serves what comes.
 */
static int session_ioctl(struct state *state, unsigned long call, void *arg)
{
	int tries, fd, err, lost;

	for (tries = 0; ; tries++) {
		fd = session_fd(state);
		if (fd < 0)
			return fd;
		if (likely(!ioctl(fd, call, arg)))
			return 0;
		err = errno;
		if (err != EBADF && err != ENOTTY && err != EINVAL)
			return -err;
		if (tries || session_fd_is_ours(state, fd))
			return err == ENOTTY ? -EOPNOTSUPP : -err;
		lost = fd + 1;
		atomic_compare_exchange_strong(&state->fd, &lost, 0);
	}
}

int session_export(struct state *state, struct export *export)
{
	uint32_t device = export->region->device;
	struct aclipc_export arg = {
		.size = sizeof(arg),
		.addr = export->addr,
		.length = export->length,
		.device = device < ACLIPC_DEVICES ? device : 0,
	};
	int ret;

	memcpy(arg.key, export->key.bytes, sizeof(arg.key));
	ret = session_ioctl(state, ACLIPC_EXPORT, &arg);
	if (!ret)
		export->generation = arg.out_generation;
	return ret;
}

int session_allow(struct state *state, const struct aclipc_key *key,
		  uint32_t flags, const int *pids, unsigned int nr)
{
	struct aclipc_allow arg = {
		.size = sizeof(arg),
		.flags = flags,
		.pids = (uintptr_t)pids,
		.nr_pids = nr,
	};

	memcpy(arg.key, key->bytes, sizeof(arg.key));
	return session_ioctl(state, ACLIPC_ALLOW, &arg);
}

int session_import(struct state *state, struct import *import)
{
	struct aclipc_import arg = { .size = sizeof(arg) };
	int ret;

	memcpy(arg.key, import->key.bytes, sizeof(arg.key));
	ret = session_ioctl(state, ACLIPC_IMPORT, &arg);
	if (!ret)
		import->generation = arg.out_generation;
	return ret;
}

int session_begin(struct state *state, const struct aclipc_key *key,
		  uint64_t generation, enum aclipc_close_op op,
		  uint32_t timeout_ms, uint32_t *answer)
{
	struct aclipc_close arg = {
		.size = sizeof(arg),
		.op = op,
		.timeout_ms = op == ACLIPC_CLOSE_WAIT ? timeout_ms : 0,
		.generation = generation,
	};
	int ret;

	memcpy(arg.key, key->bytes, sizeof(arg.key));
	ret = session_ioctl(state, ACLIPC_CLOSE, &arg);
	*answer = ret ? 0 : arg.out_answer;
	return ret;
}

/* FINISH, ABORT or IMPORT */
int session_end(struct state *state, const struct aclipc_key *key,
		uint64_t generation, enum aclipc_close_op op)
{
	uint32_t answer;

	return session_begin(state, key, generation, op, 0, &answer);
}

int session_close_import(struct state *state, const struct import *import)
{
	return session_end(state, &import->key, import->generation,
			   ACLIPC_CLOSE_IMPORT);
}

int session_revoke(struct state *state, const struct aclipc_key *key,
		   uint64_t generation, uint32_t reason)
{
	struct aclipc_revoke arg = {
		.size = sizeof(arg),
		.flags = ACLIPC_REVOKE_GONE,
		.generation = generation,
		.reason = reason,
	};

	memcpy(arg.key, key->bytes, sizeof(arg.key));
	return session_ioctl(state, ACLIPC_REVOKE, &arg);
}

int session_query(struct state *state, const struct aclipc_key *key,
		  struct aclipc_query *query)
{
	*query = (struct aclipc_query){ .size = sizeof(*query) };
	memcpy(query->key, key->bytes, sizeof(query->key));
	return session_ioctl(state, ACLIPC_QUERY, query);
}

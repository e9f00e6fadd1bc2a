// SPDX-License-Identifier: GPL-2.0
/* Peers, wrappers, and the look behind the scenes that the tests share. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define T_COMMON
#include "aclipc_test.h"

#define T_PEER_BASE	100000
#define T_PEERS		64

struct t_request {
	t_fn fn;
	size_t len;
	char arg[T_ARG_MAX];
};

struct t_reply {
	long ret;
	char arg[T_ARG_MAX];
};

static struct t_peer {
	pid_t pid;
	int sock;
} t_peers[T_PEERS];
static int t_nr_peers;

int t_open(void)
{
	int fd = open(ACLIPC_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Everything but the standard descriptors and one. */
static void t_close_but(int keep)
{
	if (keep > 3)
		syscall(SYS_close_range, 3U, keep - 1, 0);
	syscall(SYS_close_range, keep + 1, ~0U, 0);
}

static void t_peer_main(int sock, pid_t parent)
{
	struct t_request req;
	struct t_reply reply;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* 0: it is in another pid namespace */
	if (getppid() && getppid() != parent)
		_exit(1);
	t_close_but(sock);
	fd = t_open();
	reply.ret = fd;
	if (send(sock, &reply, sizeof(reply), 0) < 0)
		_exit(1);
	while (recv(sock, &req, sizeof(req), 0) == sizeof(req)) {
		reply.ret = req.fn(fd, req.arg);
		memcpy(reply.arg, req.arg, req.len);
		if (send(sock, &reply, sizeof(reply), 0) < 0)
			break;
	}
	_exit(0);
}

static int t_recv_reply(struct t_peer *peer, struct t_reply *reply)
{
	struct pollfd pfd = { .fd = peer->sock, .events = POLLIN };
	int ret = poll(&pfd, 1, T_BOUND_MS);

	if (ret <= 0)
		return ret ? -errno : -ETIME;
	if (recv(peer->sock, reply, sizeof(*reply), 0) != sizeof(*reply))
		return -ESRCH;
	return 0;
}

int t_peer(void)
{
	pid_t parent = getpid();
	struct t_reply reply;
	struct t_peer *peer;
	int sv[2], ret;

	if (t_nr_peers == T_PEERS)
		return -EMFILE;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return -errno;
	peer = &t_peers[t_nr_peers];
	peer->sock = sv[0];
	fflush(stdout);
	peer->pid = fork();
	if (peer->pid < 0)
		return -errno;
	if (!peer->pid)
		t_peer_main(sv[1], parent);
	close(sv[1]);
	ret = t_recv_reply(peer, &reply);
	if (ret)
		return ret;
	if (reply.ret < 0)
		return reply.ret;
	return T_PEER_BASE + t_nr_peers++;
}

static struct t_peer *t_get(int handle)
{
	if (handle < T_PEER_BASE || handle >= T_PEER_BASE + t_nr_peers)
		return NULL;
	return &t_peers[handle - T_PEER_BASE];
}

pid_t t_pid(int handle)
{
	struct t_peer *peer = t_get(handle);

	return peer ? peer->pid : getpid();
}

int t_start(int handle, t_fn fn, const void *arg, size_t len)
{
	struct t_request req = { .fn = fn, .len = len };
	struct t_peer *peer = t_get(handle);

	if (!peer || len > T_ARG_MAX)
		return -EINVAL;
	if (len)
		memcpy(req.arg, arg, len);
	if (send(peer->sock, &req, sizeof(req), MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

long t_done(int handle, void *arg, size_t len)
{
	struct t_reply reply;
	int ret = t_recv_reply(t_get(handle), &reply);

	if (ret)
		return ret;
	if (len)
		memcpy(arg, reply.arg, len);
	return reply.ret;
}

bool t_busy(int handle)
{
	struct pollfd pfd = { .fd = t_get(handle)->sock, .events = POLLIN };

	return poll(&pfd, 1, 0) == 0;
}

long t_run(int handle, t_fn fn, void *arg, size_t len)
{
	int ret;

	if (!t_get(handle))
		return fn(handle, arg);
	ret = t_start(handle, fn, arg, len);
	return ret ?: t_done(handle, arg, len);
}

int t_signal(int handle, int sig)
{
	return kill(t_pid(handle), sig) ? -errno : 0;
}

int t_gone(int handle)
{
	struct t_peer *peer = t_get(handle);
	int status;

	if (waitpid(peer->pid, &status, 0) != peer->pid)
		return -errno;
	close(peer->sock);
	return status;
}

int t_kill(int handle)
{
	int ret = t_signal(handle, SIGKILL);

	return ret ?: t_gone(handle);
}

int t_exit(int handle)
{
	shutdown(t_get(handle)->sock, SHUT_RDWR);
	return t_gone(handle);
}

static long t_fn_close_fd(int fd, void *arg)
{
	return close(fd) ? -errno : 0;
}

long t_close_fd(int handle)
{
	return t_run(handle, t_fn_close_fd, NULL, 0);
}

static long t_fn_fd(int fd, void *arg)
{
	return fd;
}

int t_take_fd(int handle)
{
	int pidfd = syscall(SYS_pidfd_open, t_pid(handle), 0), fd;

	if (pidfd < 0)
		return -errno;
	fd = syscall(SYS_pidfd_getfd, pidfd, t_run(handle, t_fn_fd, NULL, 0),
		     0);
	if (fd < 0)
		fd = -errno;
	close(pidfd);
	return fd;
}

int t_ioctl(int fd, unsigned int cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

struct t_ioctl {
	unsigned int cmd;
	char arg[T_ARG_MAX - 8] __attribute__((aligned(8)));
};

static long t_fn_ioctl(int fd, void *arg)
{
	struct t_ioctl *call = arg;

	return t_ioctl(fd, call->cmd, call->arg);
}

int t_call(int handle, unsigned int cmd, void *arg)
{
	__u32 size = *(__u32 *)arg;
	struct t_ioctl call;
	long ret;

	if (!t_get(handle))
		return t_ioctl(handle, cmd, arg);
	call.cmd = cmd;
	memcpy(call.arg, arg, size);
	ret = t_run(handle, t_fn_ioctl, &call, sizeof(call));
	memcpy(arg, call.arg, size);
	return ret;
}

void t_key(__u8 bytes[ACLIPC_KEY_MAX], const char *key)
{
	memset(bytes, 0, ACLIPC_KEY_MAX);
	memcpy(bytes, key, strnlen(key, ACLIPC_KEY_MAX));
}

int t_info(int handle, struct aclipc_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return t_call(handle, ACLIPC_INFO, info);
}

int t_export_on(int handle, __u32 device, const char *key, __u32 flags,
		__u64 addr, __u64 length, struct aclipc_export *out)
{
	memset(out, 0, sizeof(*out));
	out->size = sizeof(*out);
	out->flags = flags;
	out->addr = addr;
	out->length = length;
	out->device = device;
	t_key(out->key, key);
	return t_call(handle, ACLIPC_EXPORT, out);
}

int t_export_at(int handle, const char *key, __u32 flags, __u64 addr,
		__u64 length, struct aclipc_export *out)
{
	return t_export_on(handle, 0, key, flags, addr, length, out);
}

int t_export_gen(int handle, const char *key, __u32 flags, __u64 *generation)
{
	struct aclipc_export cmd;
	int ret = t_export_at(handle, key, flags, T_ADDR, T_LENGTH, &cmd);

	if (!ret && generation)
		*generation = cmd.out_generation;
	return ret;
}

int t_export(int handle, const char *key, __u32 flags)
{
	return t_export_gen(handle, key, flags, NULL);
}

struct t_allow {
	struct aclipc_allow cmd;
	__s32 pids[64];
};

static long t_fn_allow(int fd, void *arg)
{
	struct t_allow *allow = arg;

	allow->cmd.pids = (uintptr_t)allow->pids;
	return t_ioctl(fd, ACLIPC_ALLOW, &allow->cmd);
}

int t_allow(int handle, const char *key, __u32 flags, const __s32 *pids,
	    __u32 nr)
{
	struct t_allow allow = {
		.cmd.size = sizeof(allow.cmd),
		.cmd.flags = flags,
		.cmd.nr_pids = nr,
	};
	int ret;

	t_key(allow.cmd.key, key);
	if (!t_get(handle)) {
		allow.cmd.pids = (uintptr_t)pids;
		ret = t_ioctl(handle, ACLIPC_ALLOW, &allow.cmd);
	} else {
		memcpy(allow.pids, pids, nr * sizeof(*pids));
		ret = t_run(handle, t_fn_allow, &allow, sizeof(allow));
	}
	return ret ?: (int)allow.cmd.out_added;
}

int t_import_gen(int handle, const char *key, __u64 *generation)
{
	struct aclipc_import cmd = { .size = sizeof(cmd) };
	int ret;

	t_key(cmd.key, key);
	ret = t_call(handle, ACLIPC_IMPORT, &cmd);
	if (!ret && generation)
		*generation = cmd.out_generation;
	return ret;
}

int t_import(int handle, const char *key)
{
	return t_import_gen(handle, key, NULL);
}

int t_closer(int handle, struct aclipc_close *cmd, const char *key, __u32 op,
	     __u32 timeout_ms, __u64 generation)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->size = sizeof(*cmd);
	cmd->op = op;
	cmd->timeout_ms = timeout_ms;
	cmd->generation = generation;
	t_key(cmd->key, key);
	return t_call(handle, ACLIPC_CLOSE, cmd);
}

int t_close_gen(int handle, const char *key, __u64 generation)
{
	struct aclipc_close cmd;
	int ret = t_closer(handle, &cmd, key, ACLIPC_CLOSE_IMPORT, 0,
			   generation);

	return ret ?: (int)cmd.out_imports;
}

int t_close(int handle, const char *key)
{
	return t_close_gen(handle, key, 0);
}

int t_begin(int handle, const char *key, __u32 op)
{
	struct aclipc_close cmd;
	int ret = t_closer(handle, &cmd, key, op, 0, 0);

	return ret ?: (int)cmd.out_answer;
}

int t_try(int handle, const char *key)
{
	return t_begin(handle, key, ACLIPC_CLOSE_TRY);
}

int t_defer(int handle, const char *key)
{
	return t_begin(handle, key, ACLIPC_CLOSE_DEFER);
}

int t_finish(int handle, const char *key)
{
	return t_begin(handle, key, ACLIPC_CLOSE_FINISH);
}

int t_abort(int handle, const char *key)
{
	return t_begin(handle, key, ACLIPC_CLOSE_ABORT);
}

int t_wait(int handle, const char *key, __u32 timeout_ms)
{
	struct aclipc_close cmd;
	int ret = t_closer(handle, &cmd, key, ACLIPC_CLOSE_WAIT, timeout_ms, 0);

	return ret ?: (int)cmd.out_answer;
}

static unsigned int t_waiters(const char *key)
{
	char buf[65536], hex[2 * ACLIPC_KEY_MAX + 1] = "";
	unsigned int waiters = 0, nr;
	char *line;
	size_t i;

	for (i = 0; key[i]; i++)
		sprintf(hex + 2 * i, "%02x", (unsigned char)key[i]);
	if (t_slurp("/sys/kernel/debug/aclipc/shares", buf, sizeof(buf)) < 0)
		return 0;
	for (line = strtok(buf, "\n"); line; line = strtok(NULL, "\n")) {
		char found[2 * ACLIPC_KEY_MAX + 1] = "";

		if (sscanf(line, "%*u %*s %*s %*d %*u %*u %*u %*u %u %*d %*d %*d %*d %128s",
			   &nr, found) == 2 && !strcmp(found, hex))
			waiters += nr;
	}
	return waiters;
}

int t_wait_start(int peer, const char *key, __u32 timeout_ms,
		 unsigned int waiters)
{
	struct aclipc_close cmd = {
		.size = sizeof(cmd),
		.op = ACLIPC_CLOSE_WAIT,
		.timeout_ms = timeout_ms,
	};
	struct t_ioctl call = { .cmd = ACLIPC_CLOSE };
	int ret;

	t_key(cmd.key, key);
	memcpy(call.arg, &cmd, sizeof(cmd));
	ret = t_start(peer, t_fn_ioctl, &call, sizeof(call));
	return ret ?: t_until(t_waiters(key) >= waiters);
}

int t_wait_done(int peer, struct aclipc_close *cmd)
{
	struct t_ioctl call;
	long ret = t_done(peer, &call, sizeof(call));

	memcpy(cmd, call.arg, sizeof(*cmd));
	return ret ?: (int)cmd->out_answer;
}

int t_query(int handle, const char *key, __u64 generation,
	    struct aclipc_query *query)
{
	memset(query, 0, sizeof(*query));
	query->size = sizeof(*query);
	query->generation = generation;
	t_key(query->key, key);
	return t_call(handle, ACLIPC_QUERY, query);
}

int t_state(int handle, const char *key)
{
	struct aclipc_query query;
	int ret = t_query(handle, key, 0, &query);

	return ret ?: (int)query.out_state;
}

struct t_holders {
	struct aclipc_holders cmd;
	struct aclipc_holder holders[8];
};

static long t_fn_holders(int fd, void *arg)
{
	struct t_holders *holders = arg;

	holders->cmd.holders = (uintptr_t)holders->holders;
	return t_ioctl(fd, ACLIPC_HOLDERS, &holders->cmd);
}

int t_holders(int handle, const char *key, struct aclipc_holder *holders,
	      __u32 room)
{
	struct t_holders arg = {
		.cmd.size = sizeof(arg.cmd),
		.cmd.nr_holders = room,
	};
	int ret;

	t_key(arg.cmd.key, key);
	if (!t_get(handle)) {
		arg.cmd.holders = (uintptr_t)holders;
		ret = t_ioctl(handle, ACLIPC_HOLDERS, &arg.cmd);
	} else {
		ret = t_run(handle, t_fn_holders, &arg, sizeof(arg));
		if (room)
			memcpy(holders, arg.holders, room * sizeof(*holders));
	}
	return ret ?: (int)arg.cmd.out_holders;
}

int t_revoke_gen(int handle, const char *key, __u64 generation, __u32 flags,
		 __u32 reason)
{
	struct aclipc_revoke cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.generation = generation,
		.reason = reason,
	};
	int ret;

	t_key(cmd.key, key);
	ret = t_call(handle, ACLIPC_REVOKE, &cmd);
	return ret ?: (int)cmd.out_imports;
}

int t_revoke(int handle, const char *key, __u32 flags, __u32 reason)
{
	return t_revoke_gen(handle, key, 0, flags, reason);
}

static int t_read_event(int fd, struct aclipc_event *event, int timeout)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t len;

	if (poll(&pfd, 1, timeout) < 0)
		return -errno;
	if (!(pfd.revents & POLLIN))
		return timeout ? -ETIME : -EAGAIN;
	len = read(fd, event, sizeof(*event));
	if (len < 0)
		return -errno;
	return len == sizeof(*event) && event->size == len ? 0 : -EMSGSIZE;
}

static long t_fn_event(int fd, void *arg)
{
	return t_read_event(fd, arg, 0);
}

static long t_fn_event_wait(int fd, void *arg)
{
	return t_read_event(fd, arg, T_BOUND_MS / 2);
}

int t_event(int handle, struct aclipc_event *event)
{
	return t_run(handle, t_fn_event, event, sizeof(*event));
}

int t_event_wait(int handle, struct aclipc_event *event)
{
	return t_run(handle, t_fn_event_wait, event, sizeof(*event));
}

static int t_event_check(const struct aclipc_event *event, const char *key)
{
	__u8 bytes[ACLIPC_KEY_MAX];

	t_key(bytes, key);
	if (memcmp(bytes, event->key, sizeof(bytes)) || event->__reserved ||
	    !event->generation)
		return -EBADMSG;
	return event->type;
}

static long fn_listen(int fd, void *arg)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) < 0 ? -errno : 0;
}

int t_listen(int handle)
{
	return t_run(handle, fn_listen, NULL, 0);
}

int t_event_type(int handle, const char *key)
{
	struct aclipc_event event;
	int ret = t_event_wait(handle, &event);

	return ret ?: t_event_check(&event, key);
}

int t_event_now(int handle, const char *key)
{
	struct aclipc_event event;
	int ret = t_event(handle, &event);

	return ret ?: t_event_check(&event, key);
}

__u64 t_rand(__u64 *seed)
{
	/* xorshift64 */
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

__u64 t_seed(const char *name)
{
	const char *env = getenv(name);
	struct timespec now;
	__u64 seed;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = env ? strtoull(env, NULL, 0) :
		     now.tv_sec * 1000000007ULL + now.tv_nsec;
	ksft_print_msg("%s=%llu\n", name, seed);
	return seed ?: 1;
}

int t_load(const char *module, const char *params)
{
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), "/modules/%s.ko", module);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return ret;
}

int t_unload(const char *module)
{
	return syscall(SYS_delete_module, module, O_NONBLOCK) ? -errno : 0;
}

int t_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = strlen(text), written;
	int ret = 0;

	if (fd < 0)
		return -errno;
	written = write(fd, text, len);
	if (written != len)
		ret = written < 0 ? -errno : -EIO;
	close(fd);
	return ret;
}

ssize_t t_slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	while (len < size - 1) {
		got = read(fd, buf + len, size - 1 - len);
		if (got < 0) {
			len = -errno;
			break;
		}
		if (!got)
			break;
		len += got;
	}
	close(fd);
	if ((ssize_t)len >= 0)
		buf[len] = '\0';
	return len;
}

int t_counts(struct t_counts *counts)
{
	char buf[512];
	ssize_t len;

	len = t_slurp("/sys/kernel/debug/aclipc/counts", buf, sizeof(buf));
	if (len < 0)
		return len;
	if (sscanf(buf,
		   "owners %u sessions %u shares %lu imports %lu settling %lld watches %u tombstones %u",
		   &counts->owners, &counts->sessions, &counts->shares,
		   &counts->imports, &counts->settling, &counts->watches,
		   &counts->tombstones) != 7)
		return -EBADMSG;
	return 0;
}

static bool t_empty(struct t_counts *counts)
{
	if (t_counts(counts))
		return false;
	return !counts->owners && !counts->sessions && !counts->shares &&
	       !counts->imports && !counts->settling && !counts->watches &&
	       !counts->tombstones;
}

int t_nothing_left(void)
{
	struct t_counts c = {};

	if (!t_until(t_empty(&c)))
		return 0;
	ksft_print_msg("left: owners %u sessions %u shares %lu imports %lu settling %lld watches %u tombstones %u\n",
		       c.owners, c.sessions, c.shares, c.imports, c.settling,
		       c.watches, c.tombstones);
	return -EBUSY;
}

static void t_param_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "/sys/module/aclipc/parameters/%s", name);
}

int t_refcount(const char *module)
{
	char path[128], buf[16];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	return t_slurp(path, buf, sizeof(buf)) < 0 ? -1 : atoi(buf);
}

long t_param(const char *name)
{
	char path[128], buf[32];

	t_param_path(path, sizeof(path), name);
	if (t_slurp(path, buf, sizeof(buf)) < 0)
		return -errno;
	return atol(buf);
}

int t_set_param(const char *name, long value)
{
	char path[128], buf[32];

	t_param_path(path, sizeof(path), name);
	snprintf(buf, sizeof(buf), "%ld", value);
	return t_put(path, buf);
}

int t_send_fd(int sock, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} u = {};
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = u.buf,
		.msg_controllen = sizeof(u.buf),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int t_recv_fd(int sock)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} u = {};
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = u.buf,
		.msg_controllen = sizeof(u.buf),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(sock, &msg, 0) < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	return fd;
}

int t_set_settle(long ms)
{
	return t_set_param("settle_ms", ms) ?: t_set_param("settle_max_ms", ms);
}

/* The parameters as the program found them. */
static const char * const t_params[] = {
	"settle_ms", "settle_max_ms", "exit_grace_ms", "max_sessions",
	"max_exports", "max_imports", "max_allow", "max_tombstones",
	"max_settling",
};
static long t_saved[ARRAY_SIZE(t_params)];
static pid_t t_main;

__attribute__((constructor)) static void t_save_params(void)
{
	size_t i;

	t_main = getpid();
	for (i = 0; i < ARRAY_SIZE(t_params); i++)
		t_saved[i] = t_param(t_params[i]);
}

__attribute__((destructor)) static void t_restore_params(void)
{
	size_t i;

	if (getpid() != t_main)
		return;
	for (i = 0; i < ARRAY_SIZE(t_params); i++)
		if (t_saved[i] >= 0 && t_saved[i] != t_param(t_params[i]))
			t_set_param(t_params[i], t_saved[i]);
}

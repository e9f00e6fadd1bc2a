// SPDX-License-Identifier: LGPL-2.1-only
/* See fake_module.h. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/aclipc.h>

#include "fake_module.h"

#define FAKE_FD_MIN	512

struct fake_module fake_module;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int event_fd = -1;
static pid_t owner;

static void note(char c)
{
	size_t len = strlen(fake_module.log);

	if (len < sizeof(fake_module.log) - 1)
		fake_module.log[len] = c;
}

static struct fake_key *find(const void *key)
{
	int i;

	for (i = 63; i >= 0; i--)
		if (fake_module.keys[i].state &&
		    !memcmp(fake_module.keys[i].key, key, 64))
			return &fake_module.keys[i];
	return NULL;
}

static struct fake_key *new_key(const void *key)
{
	struct fake_key *k = &fake_module.keys[fake_module.nr++ % 64];

	memset(k, 0, sizeof(*k));
	memcpy(k->key, key, 64);
	k->generation = (unsigned long long)fake_module.nr;
	k->state = ACLIPC_STATE_LIVE;
	return k;
}

static void pad(const char *name, unsigned char key[64])
{
	memset(key, 0, 64);
	memcpy(key, name, strnlen(name, 64));
}

struct fake_key *fake_find(const char *name)
{
	unsigned char key[64];

	pad(name, key);
	return find(key);
}

struct fake_key *fake_foreign_key(const char *name)
{
	unsigned char key[64];

	pad(name, key);
	return new_key(key);
}

void fake_foreign(const char *name, int delta)
{
	unsigned long long one = 1;
	struct fake_key *k;

	pthread_mutex_lock(&lock);
	k = fake_find(name);
	k->foreign += delta;
	if (!k->foreign && k->deferred) {
		k->drained = 1;
		if (event_fd >= 0 &&
		    syscall(SYS_write, event_fd, &one, sizeof(one)) < 0)
			k->drained = 0;
	}
	pthread_mutex_unlock(&lock);
}

void fake_reset(void)
{
	memset(fake_module.log, 0, sizeof(fake_module.log));
	memset(fake_module.keys, 0, sizeof(fake_module.keys));
	fake_module.nr = 0;
}

static int do_begin(struct aclipc_close *arg, struct fake_key *k)
{
	fake_module.last_timeout = arg->timeout_ms;
	if (k->state == ACLIPC_STATE_HELD)
		return ENOENT;
	if (k->state == ACLIPC_STATE_REVOKED) {
		arg->out_answer = ACLIPC_ANSWER_REVOKED;
		return 0;
	}
	if (!k->foreign) {
		k->state = ACLIPC_STATE_HELD;
		k->deferred = 0;
		arg->out_answer = ACLIPC_ANSWER_HELD;
		return 0;
	}
	if (arg->op == ACLIPC_CLOSE_TRY)
		return EBUSY;
	if (arg->op == ACLIPC_CLOSE_WAIT) {
		if (fake_module.wait_raises) {
			pthread_mutex_unlock(&lock);
			raise(fake_module.wait_raises);
			pthread_mutex_lock(&lock);
		}
		if (fake_module.at_wait) {
			pthread_mutex_unlock(&lock);
			fake_module.at_wait();
			pthread_mutex_lock(&lock);
		}
		if (k->foreign)
			return fake_module.wait_errno;
		k->state = ACLIPC_STATE_HELD;
		arg->out_answer = ACLIPC_ANSWER_HELD;
		return 0;
	}
	k->state = ACLIPC_STATE_CLOSING;
	k->deferred = 1;
	arg->out_answer = ACLIPC_ANSWER_PENDING;
	return 0;
}

static int do_close(struct aclipc_close *arg)
{
	struct fake_key *k = find(arg->key);

	if (!k)
		return ENOENT;
	if (arg->op == ACLIPC_CLOSE_IMPORT) {
		if (!k->own)
			return ENOENT;
		k->own--;
		return 0;
	}
	if (!k->mine)
		return EPERM;
	switch (arg->op) {
	case ACLIPC_CLOSE_FINISH:
		if (fake_module.at_finish) {
			pthread_mutex_unlock(&lock);
			fake_module.at_finish();
			pthread_mutex_lock(&lock);
		}
		k->state = 0;
		return 0;
	case ACLIPC_CLOSE_ABORT:
		k->state = ACLIPC_STATE_LIVE;
		k->deferred = 0;
		return 0;
	default:
		return do_begin(arg, k);
	}
}

static int do_export(struct aclipc_export *arg)
{
	struct fake_key *k = find(arg->key);

	if (fake_module.export_errno)
		return fake_module.export_errno;
	if (k && k->state != ACLIPC_STATE_REVOKED)
		return EEXIST;
	k = new_key(arg->key);
	k->mine = 1;
	arg->out_generation = k->generation;
	return 0;
}

static int do_import(struct aclipc_import *arg)
{
	struct fake_key *k = find(arg->key);

	if (fake_module.import_errno)
		return fake_module.import_errno;
	if (!k)
		return ENOENT;
	if (k->state != ACLIPC_STATE_LIVE)
		return k->state == ACLIPC_STATE_REVOKED ? EOWNERDEAD :
							  ESHUTDOWN;
	k->own++;
	arg->out_generation = k->generation;
	return 0;
}

static int do_query(struct aclipc_query *arg)
{
	struct fake_key *k = find(arg->key);

	if (!k)
		return ENOENT;
	arg->out_my_imports = (unsigned int)k->own;
	return 0;
}

static int do_revoke(struct aclipc_revoke *arg)
{
	struct fake_key *k = find(arg->key);

	if (!k)
		return ENOENT;
	if (!k->mine)
		return EPERM;
	k->state = arg->flags & ACLIPC_REVOKE_GONE ? 0 : ACLIPC_STATE_REVOKED;
	return 0;
}

static int do_ioctl(unsigned long call, void *arg)
{
	static const char ops[] = "?itwdfa";

	if (owner != getpid() && call != ACLIPC_INFO)
		return EPERM;
	switch (call) {
	case ACLIPC_INFO:
		((struct aclipc_info *)arg)->out_abi = 1;
		return 0;
	case ACLIPC_EXPORT:
		note('E');
		return do_export(arg);
	case ACLIPC_ALLOW:
		note('L');
		return fake_module.allow_errno;
	case ACLIPC_IMPORT:
		note('I');
		return do_import(arg);
	case ACLIPC_CLOSE:
		note(ops[((struct aclipc_close *)arg)->op]);
		return do_close(arg);
	case ACLIPC_QUERY:
		note('Q');
		return do_query(arg);
	case ACLIPC_REVOKE:
		note('R');
		return do_revoke(arg);
	default:
		return ENOTTY;
	}
}

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (strcmp(path, ACLIPC_DEVICE))
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	if (!fake_module.present) {
		errno = ENOENT;
		return -1;
	}
	fake_module.opens++;
	owner = getpid();
	/* the library moves its descriptor: keep one to wake it by */
	event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return dup(event_fd);
}

int ioctl(int fd, unsigned long call, ...)
{
	va_list args;
	void *arg;
	int ret;

	va_start(args, call);
	arg = va_arg(args, void *);
	va_end(args);
	if (call >> 8 != ACLIPC_IOC_TYPE)
		return (int)syscall(SYS_ioctl, fd, call, arg);
	if (fcntl(fd, F_GETFD) < 0)
		return -1;
	pthread_mutex_lock(&lock);
	ret = do_ioctl(call, arg);
	pthread_mutex_unlock(&lock);
	if (!ret)
		return 0;
	errno = ret;
	return -1;
}

int fstat(int fd, struct stat *st)
{
	int ret = (int)syscall(SYS_newfstatat, fd, "", st, AT_EMPTY_PATH);

	if (!ret && fd >= FAKE_FD_MIN)
		st->st_mode = S_IFCHR;
	return ret;
}

ssize_t read(int fd, void *buf, size_t len)
{
	struct aclipc_event *event = buf;
	unsigned long long count;
	ssize_t ret = 0;
	int i;

	if (fd < FAKE_FD_MIN)
		return syscall(SYS_read, fd, buf, len);
	pthread_mutex_lock(&lock);
	for (i = 0; i < 64 && len >= sizeof(*event); i++) {
		if (!fake_module.keys[i].drained)
			continue;
		fake_module.keys[i].drained = 0;
		memset(event, 0, sizeof(*event));
		event->size = sizeof(*event);
		event->type = ACLIPC_EVENT_DRAINED;
		memcpy(event->key, fake_module.keys[i].key, 64);
		event++;
		ret += (ssize_t)sizeof(*event);
		len -= sizeof(*event);
	}
	if (syscall(SYS_read, fd, &count, sizeof(count)) < 0)
		errno = EAGAIN;
	pthread_mutex_unlock(&lock);
	return ret ? ret : -1;
}

// SPDX-License-Identifier: GPL-2.0
/* Failing on demand, tracing, and errno as the driver library spells it. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hal.h"

#define MAX_FAILS 32

static struct hal_rule {
	char op[16];
	int nth;	/* calls to go; negative: and all that follow */
	int code;
} rules[MAX_FAILS];

static pthread_mutex_t rules_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t rules_once = PTHREAD_ONCE_INIT;
static bool rules_used;

static void rule_set(const char *op, int nth, int code)
{
	struct hal_rule *r, *free_rule = NULL;
	size_t i;

	for (i = 0; i < MAX_FAILS; i++) {
		r = &rules[i];
		if (!nth && (!op || !strcmp(r->op, op)))
			r->op[0] = '\0';
		if (!r->op[0] && !free_rule)
			free_rule = r;
	}
	if (!nth || !op || !free_rule)
		return;
	snprintf(free_rule->op, sizeof(free_rule->op), "%s", op);
	free_rule->nth = nth;
	free_rule->code = code ? code : DRV_ERROR_INNER_ERR;
	__atomic_store_n(&rules_used, true, __ATOMIC_RELEASE);
}

static void rules_read(void)
{
	const char *env = getenv("ASCEND_SIM_FAIL");
	char *copy, *item, *save = NULL;

	copy = env ? strdup(env) : NULL;
	for (item = copy ? strtok_r(copy, ",", &save) : NULL; item;
	     item = strtok_r(NULL, ",", &save)) {
		char op[16];
		int nth, code = 0;

		if (sscanf(item, "%15[a-z_]:%d:%d", op, &nth, &code) >= 2)
			rule_set(op, nth, code);
	}
	free(copy);
}

void ascend_sim_fail(const char *op, int nth, int code)
{
	pthread_once(&rules_once, rules_read);
	pthread_mutex_lock(&rules_lock);
	rule_set(op, nth, code);
	pthread_mutex_unlock(&rules_lock);
}

/* How often each op was called, from the first rule on. */
static struct hal_calls {
	char op[16];
	unsigned long nr;
} calls[MAX_FAILS];

static void calls_count(const char *op)
{
	size_t i;

	for (i = 0; i < MAX_FAILS && calls[i].op[0]; i++)
		if (!strcmp(calls[i].op, op))
			break;
	if (i == MAX_FAILS)
		return;
	snprintf(calls[i].op, sizeof(calls[i].op), "%s", op);
	calls[i].nr++;
}

unsigned long ascend_sim_calls(const char *op)
{
	unsigned long nr = 0;
	size_t i;

	pthread_mutex_lock(&rules_lock);
	for (i = 0; i < MAX_FAILS; i++)
		if (!strcmp(calls[i].op, op))
			nr = calls[i].nr;
	pthread_mutex_unlock(&rules_lock);
	return nr;
}

/* What this call of op shall answer instead of working, or 0. */
int hal_fail(const char *op)
{
	int code = 0;
	size_t i;

	pthread_once(&rules_once, rules_read);
	if (!__atomic_load_n(&rules_used, __ATOMIC_ACQUIRE))
		return 0;
	pthread_mutex_lock(&rules_lock);
	calls_count(op);
	for (i = 0; i < MAX_FAILS; i++) {
		struct hal_rule *r = &rules[i];

		if (strcmp(r->op, op))
			continue;
		if (r->nth == 1) {
			code = r->code;
			r->op[0] = '\0';
		} else if (r->nth == -1) {
			code = r->code;
		} else {
			r->nth += r->nth > 0 ? -1 : 1;
		}
	}
	pthread_mutex_unlock(&rules_lock);
	return code;
}

/* ASCEND_SIM_TRACE=1: to stderr; a path: appended there. One write a line. */
static int trace_fd = -2;

bool hal_tracing(void)
{
	int saved = errno;
	const char *env;

	if (trace_fd != -2)
		return trace_fd >= 0;
	env = getenv("ASCEND_SIM_TRACE");
	if (!env || !*env || !strcmp(env, "0"))
		trace_fd = -1;
	else if (*env == '/')
		trace_fd = open(env, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
				0666);
	else
		trace_fd = STDERR_FILENO;
	errno = saved;
	return trace_fd >= 0;
}

void hal_trace_line(const char *fmt, ...)
{
	int saved = errno, n, m;
	char line[512];
	va_list ap;

	n = snprintf(line, sizeof(line), "hal[%d] ", getpid());
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	n += m > 0 ? m : 0;
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(trace_fd, line, n) < 0)
		trace_fd = -1;
	errno = saved;
}

/* The part of a key that tells it from others, printable; buf holds 32. */
const char *hal_trace_key(const char *name, char *buf)
{
	uint64_t id = 0;

	if (!name)
		return "(null)";
	if (hal.svm == 3 ? hal_name_parse(name, &id) :
			   hal_name_record(name, &id))
		snprintf(buf, 32, "#%llu", (unsigned long long)id);
	else
		snprintf(buf, 32, "?");
	return buf;
}

drvError_t hal_errno(int err)
{
	switch (err) {
	case 0:
		return DRV_ERROR_NONE;
	case EPERM:
		return DRV_ERROR_OPER_NOT_PERMITTED;
	case EINVAL:
		return DRV_ERROR_PARA_ERROR;
	case EFAULT:
		return DRV_ERROR_INVALID_HANDLE;
	case EBUSY:
		return DRV_ERROR_BUSY;
	case ENOMEM:
		return DRV_ERROR_OUT_OF_MEMORY;
	case ENOSPC:
		return DRV_ERROR_NO_RESOURCES;
	case E2BIG:
		return DRV_ERROR_OVER_LIMIT;
	case ENODEV:
	case ENXIO:
		return DRV_ERROR_NO_DEVICE;
	case EOPNOTSUPP:
		return DRV_ERROR_NOT_SUPPORT;
	case ETIMEDOUT:
		return DRV_ERROR_WAIT_TIMEOUT;
	case EAGAIN:
		return DRV_ERROR_TRY_AGAIN;
	case ESRCH:
		return hal.svm == 2 ? DRV_ERROR_PROCESS_EXIT :
				      DRV_ERROR_IOCRL_FAIL;
	case ENOENT:
	case EEXIST:
		return DRV_ERROR_FILE_OPS;
	default:
		return DRV_ERROR_IOCRL_FAIL;
	}
}

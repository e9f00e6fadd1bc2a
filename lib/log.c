// SPDX-License-Identifier: LGPL-2.1-only
/* The few lines that the hooks print: each at most once in a process. */

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "internal.h"

static atomic_flag log_printed[LOG_NR];

void log_once(enum log_id id, const char *format, ...)
{
	struct config config;
	char line[512] = "aclipc: ";
	int len = 8, cancel;
	va_list args;

	if (atomic_flag_test_and_set(&log_printed[id]))
		return;
	config_get(&config);
	if (config.quiet)
		return;
	va_start(args, format);
	len += vsnprintf(line + len, sizeof(line) - 9, format, args);
	va_end(args);
	if (len > (int)sizeof(line) - 2)
		len = (int)sizeof(line) - 2;
	line[len++] = '\n';
	/* write(2) is a cancellation point, a hook must not become one */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		errno = 0;
	pthread_setcancelstate(cancel, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/* The last error of a thread, in words. */
#include <stdio.h>

#include "rt_priv.h"

static __thread char message[256];
static __thread bool pending;

/* Remembers and returns code. */
int rt_error(int code, const char *what)
{
	const char *why = "driver error";

	if (!code)
		return 0;
	switch (code) {
	case 100000:
	case RT_INPUT:
		why = "invalid parameter";
		break;
	case RT_CONTEXT_NULL:
		why = "no current device";
		break;
	case RT_HANDLE:
		why = "invalid handle or device page fault";
		break;
	case RT_NO_MEMORY:
		why = "out of memory";
		break;
	case RT_NO_PERMISSION:
		why = "not permitted";
		break;
	case RT_NOT_SUPPORT:
		why = "not supported";
		break;
	}
	snprintf(message, sizeof(message), "%s: %s (%d)", what, why, code);
	pending = true;
	return code;
}

const char *rt_error_take(void)
{
	if (!pending)
		return NULL;
	pending = false;
	return message;
}

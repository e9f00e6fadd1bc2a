// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc: the device node. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tool.h"

int device_errno_exit(int err)
{
	switch (err) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return TOOL_NO_MODULE;
	case EACCES:
	case EPERM:
		return TOOL_DENIED;
	default:
		return TOOL_SYSTEM;
	}
}

/* A descriptor or -errno. */
int device_open_quietly(void)
{
	int fd = open(ACLIPC_DEVICE, O_RDWR | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

int device_open(int *fd)
{
	*fd = device_open_quietly();
	if (*fd >= 0)
		return 0;
	tool_error("cannot open " ACLIPC_DEVICE ": %s (aclipc doctor tells more)",
		   strerror(-*fd));
	return device_errno_exit(-*fd);
}

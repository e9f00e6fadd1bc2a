// SPDX-License-Identifier: LGPL-2.1-only
/* aclipc doctor: the device node, and what the module answers. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tool.h"

#define SYSFS_DEV	"/sys/class/misc/aclipc/dev"
#define DRIVER_NODE	"/dev/davinci_manager"

static bool node_number(unsigned int *major_nr, unsigned int *minor_nr)
{
	char text[32];

	return text_read_file(SYSFS_DEV, text, sizeof(text)) > 0 &&
	       sscanf(text, "%u:%u", major_nr, minor_nr) == 2;
}

static char *node_group(gid_t gid)
{
	struct group *group = getgrgid(gid);

	return group ? text_escape(group->gr_name) :
	       text_format("%u", (unsigned int)gid);
}

static char *node_user(uid_t uid)
{
	struct passwd *user = getpwuid(uid);

	return user ? text_escape(user->pw_name) :
	       text_format("%u", (unsigned int)uid);
}

static char *node_ownership(const struct stat *st)
{
	char *user = node_user(st->st_uid), *group = node_group(st->st_gid);
	char *text;

	text = text_format("%s:%s, mode %03o", user, group,
			   st->st_mode & 07777);
	free(user);
	free(group);
	return text;
}

static void node_missing(struct report *r, bool registered)
{
	if (registered)
		report(r, CHECK_FAIL, "node",
		       text_format("the module is loaded, but " ACLIPC_DEVICE " does not exist"),
		       text_format("in a container, pass it in (docker run --device " ACLIPC_DEVICE "); else see whether udev runs"));
	else
		report(r, CHECK_FAIL, "node",
		       text_format(ACLIPC_DEVICE " does not exist"),
		       text_format("load the module"));
}

/* Does the node exist, and is it this module's? */
static bool node_check(struct report *r, struct stat *st)
{
	unsigned int maj, min;
	bool registered = node_number(&maj, &min);
	char *owner;

	if (stat(ACLIPC_DEVICE, st)) {
		node_missing(r, registered);
		return false;
	}
	if (!S_ISCHR(st->st_mode)) {
		report(r, CHECK_FAIL, "node",
		       text_format(ACLIPC_DEVICE " is no character device"),
		       text_format("remove it; the module makes the right one when it is loaded"));
		return false;
	}
	if (registered && (major(st->st_rdev) != maj ||
			   minor(st->st_rdev) != min)) {
		report(r, CHECK_FAIL, "node",
		       text_format(ACLIPC_DEVICE " is device %u:%u, the module's is %u:%u",
				   major(st->st_rdev), minor(st->st_rdev), maj,
				   min),
		       text_format("remove the stale node (a container that is older than the module's load: start it anew)"));
		return false;
	}
	owner = node_ownership(st);
	report(r, CHECK_OK, "node",
	       text_format(ACLIPC_DEVICE " exists, %s", owner), NULL);
	free(owner);
	return true;
}

static char *node_open_fix(int err, const struct stat *st)
{
	char *group, *user, *text;

	switch (err) {
	case EACCES:
		group = node_group(st->st_gid);
		user = node_user(geteuid());
		text = st->st_mode & 060 && st->st_gid ?
			text_format("usermod -aG %s %s, and log in again",
				    group, user) :
			text_format("give the node to the group of the NPU's users: chgrp HwHiAiUser " ACLIPC_DEVICE "; chmod 660 " ACLIPC_DEVICE);
		free(group);
		free(user);
		return text;
	case EPERM:
		return text_format("the device cgroup forbids it: docker run --device " ACLIPC_DEVICE ", or a device plug-in that lists it");
	case ENXIO:
	case ENODEV:
		return text_format("nothing stands behind the node: load the module");
	case EDQUOT:
		return text_format("too many sessions of this process: module parameter max_sessions");
	default:
		return text_format("dmesg may say more");
	}
}

static int node_open(struct report *r, const struct stat *st)
{
	int fd = device_open_quietly();

	if (fd < 0)
		report(r, CHECK_FAIL, "open",
		       text_format("cannot open " ACLIPC_DEVICE ": %s",
				   strerror(-fd)),
		       node_open_fix(-fd, st));
	return fd;
}

static void node_driver(struct report *r, const struct aclipc_info *info)
{
	if (!access(DRIVER_NODE, F_OK))
		report(r, CHECK_OK, "driver",
		       text_format("the Ascend driver's " DRIVER_NODE " exists"),
		       NULL);
	else
		report(r, CHECK_WARN, "driver",
		       text_format("no " DRIVER_NODE),
		       text_format("install and load the Ascend driver, or pass the node into the container"));
	if (info->out_caps & ACLIPC_CAP_DRIVER)
		report(r, CHECK_OK, "watch",
		       text_format("the driver tells when memory goes away (hal_kernel_p2p_*), %u regions watched",
				   info->out_nr_watches), NULL);
	else
		report(r, CHECK_WARN, "watch",
		       text_format("the driver's hal_kernel_p2p_get_pages is not there: closes are ordered, but importers are not told when memory is taken away otherwise"),
		       text_format("load asdrv_svm (the Ascend driver)"));
}

static void node_info(struct report *r, int fd)
{
	struct aclipc_info info = { .size = sizeof(info) };

	if (ioctl(fd, ACLIPC_INFO, &info)) {
		report(r, CHECK_FAIL, "abi",
		       text_format("the module does not answer: %s",
				   strerror(errno)),
		       text_format("module and tool do not fit: install both from one release"));
		return;
	}
	if (info.out_abi == ACLIPC_ABI_VERSION)
		report(r, CHECK_OK, "abi",
		       text_format("ABI %u, as this tool knows it",
				   info.out_abi), NULL);
	else
		report(r, CHECK_WARN, "abi",
		       text_format("the module speaks ABI %u, this tool %u",
				   info.out_abi, ACLIPC_ABI_VERSION),
		       text_format("install both from one release"));
	node_driver(r, &info);
	if (!(info.out_caps & ACLIPC_CAP_EXIT))
		report(r, CHECK_WARN, "exit",
		       text_format("the end of a process is noticed only when its descriptor is gone everywhere"),
		       NULL);
	report(r, CHECK_OK, "settings",
	       text_format("imports of killed processes settle for %u to %u ms, exits are delayed by at most %u ms",
			   info.out_settle_ms, info.out_settle_max_ms,
			   info.out_exit_grace_ms), NULL);
}

void doctor_node(struct report *r)
{
	struct stat st;
	int fd;

	if (!node_check(r, &st))
		return;
	fd = node_open(r, &st);
	if (fd < 0)
		return;
	node_info(r, fd);
	close(fd);
}

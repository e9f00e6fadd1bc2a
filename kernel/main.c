// SPDX-License-Identifier: GPL-2.0
/* aclipc: module, device node, table of ioctls. */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "aclipc.h"
#include "compat.h"

unsigned int aclipc_settle_ms = 3000;
module_param_named(settle_ms, aclipc_settle_ms, uint, 0644);
MODULE_PARM_DESC(settle_ms,
		 "Milliseconds that the imports of a process that ended without closing stay counted at least (default 3000)");

unsigned int aclipc_settle_max_ms = 30000;
module_param_named(settle_max_ms, aclipc_settle_max_ms, uint, 0644);
MODULE_PARM_DESC(settle_max_ms,
		 "The same at most, where the driver does not say that the process has left its devices (default 30000)");

unsigned int aclipc_exit_grace_ms = 1000;
module_param_named(exit_grace_ms, aclipc_exit_grace_ms, uint, 0644);
MODULE_PARM_DESC(exit_grace_ms,
		 "Milliseconds that the exit of an exporter is delayed at most for importers that listen (default 1000, at most 10000)");

unsigned int aclipc_max_sessions = 64;
module_param_named(max_sessions, aclipc_max_sessions, uint, 0644);
MODULE_PARM_DESC(max_sessions, "Descriptors of one process (default 64)");

unsigned int aclipc_max_exports = 65536;
module_param_named(max_exports, aclipc_max_exports, uint, 0644);
MODULE_PARM_DESC(max_exports, "Exported keys of one process (default 65536)");

unsigned int aclipc_max_imports = 1048576;
module_param_named(max_imports, aclipc_max_imports, uint, 0644);
MODULE_PARM_DESC(max_imports, "Imports of one process (default 1048576)");

unsigned int aclipc_max_allow = 65535;
module_param_named(max_allow, aclipc_max_allow, uint, 0644);
MODULE_PARM_DESC(max_allow,
		 "Processes on the list of one key (default 65535)");

unsigned int aclipc_max_tombstones = 65536;
module_param_named(max_tombstones, aclipc_max_tombstones, uint, 0644);
MODULE_PARM_DESC(max_tombstones,
		 "Revoked keys without imports that are remembered (default 65536)");

unsigned int aclipc_max_settling = 4194304;
module_param_named(max_settling, aclipc_max_settling, uint, 0644);
MODULE_PARM_DESC(max_settling,
		 "Settling imports of the machine beyond which no new import is accepted (default 4194304)");

struct workqueue_struct *aclipc_wq;

union aclipc_args {
	struct aclipc_info info;
	struct aclipc_export export;
	struct aclipc_allow allow;
	struct aclipc_import import;
	struct aclipc_close close;
	struct aclipc_query query;
	struct aclipc_holders holders;
	struct aclipc_revoke revoke;
};

struct aclipc_call {
	unsigned int size;		/* as this module knows it */
	unsigned int min_size;		/* as the first version had it */
	unsigned int reply;		/* what is written back begins here */
	bool owner_only;
	int (*handler)(struct aclipc_session *session, void *arg);
};

#define ACLIPC_CALL(nr, type, out, last, owner, fn)			\
	[_IOC_NR(nr)] = {						\
		.size = sizeof(struct type),				\
		.min_size = offsetofend(struct type, last),		\
		.reply = offsetof(struct type, out),			\
		.owner_only = owner,					\
		.handler = fn,						\
	}

static const struct aclipc_call aclipc_calls[] = {
	ACLIPC_CALL(ACLIPC_INFO, aclipc_info, out_abi, out_version, false,
		    aclipc_ioctl_info),
	ACLIPC_CALL(ACLIPC_EXPORT, aclipc_export, out_generation, device,
		    true, aclipc_ioctl_export),
	ACLIPC_CALL(ACLIPC_ALLOW, aclipc_allow, out_added, out_added, true,
		    aclipc_ioctl_allow),
	ACLIPC_CALL(ACLIPC_IMPORT, aclipc_import, out_generation, out_length,
		    true, aclipc_ioctl_import),
	ACLIPC_CALL(ACLIPC_CLOSE, aclipc_close, out_answer, __reserved, true,
		    aclipc_ioctl_close),
	ACLIPC_CALL(ACLIPC_QUERY, aclipc_query, out_generation, __reserved,
		    false, aclipc_ioctl_query),
	ACLIPC_CALL(ACLIPC_HOLDERS, aclipc_holders, out_holders, out_holders,
		    false, aclipc_ioctl_holders),
	ACLIPC_CALL(ACLIPC_REVOKE, aclipc_revoke, out_imports, out_imports,
		    true, aclipc_ioctl_revoke),
};

/*
 * See that the reply can be written before anything is changed, so that a
 * call that answers EFAULT has changed nothing, unless the caller itself takes
 * the memory away meanwhile.  The structs are smaller than a page: their first
 * and last bytes cover every page that they touch.
 */
static int aclipc_probe_reply(void __user *uarg, u32 usize, size_t len,
			      const void *arg)
{
	const u8 *last = arg + len - 1;

	if (put_user(usize, (u32 __user *)uarg) ||
	    put_user(*last, (u8 __user *)uarg + len - 1))
		return -EFAULT;
	return 0;
}

/*
 * Write back the fields out_*, and the one field that is read and written.
 * These are few words, for which a copy of a block costs more.
 */
static int aclipc_reply(void __user *uarg, size_t len, const void *arg,
			const struct aclipc_call *call)
{
	const struct aclipc_close *close = arg;
	struct aclipc_close __user *uclose = uarg;
	size_t at;

	if (call->handler == aclipc_ioctl_close &&
	    close->op == ACLIPC_CLOSE_WAIT &&
	    put_user(close->timeout_ms, &uclose->timeout_ms))
		return -EFAULT;
	for (at = call->reply; at + sizeof(u32) <= len; at += sizeof(u32))
		if (put_user(*(const u32 *)(arg + at),
			     (u32 __user *)(uarg + at)))
			return -EFAULT;
	if (at < len && copy_to_user(uarg + at, arg + at, len - at))
		return -EFAULT;
	return 0;
}

/* Errors that come with an explanation in the struct. */
static bool aclipc_replies(int ret)
{
	return !ret || ret == -EBUSY || ret == -ETIMEDOUT || ret == -EINTR ||
	       ret == -EDEADLK;
}

static long aclipc_ioctl(struct file *file, unsigned int cmd,
			 unsigned long addr)
{
	struct aclipc_session *session = file->private_data;
	void __user *uarg = (void __user *)addr;
	unsigned int nr = _IOC_NR(cmd);
	const struct aclipc_call *call;
	union aclipc_args arg;
	size_t len;
	u32 usize;
	int ret;

	if (nr >= ARRAY_SIZE(aclipc_calls) || cmd != ACLIPC_IOC(nr))
		return -ENOTTY;
	call = &aclipc_calls[array_index_nospec(nr, ARRAY_SIZE(aclipc_calls))];
	if (call->owner_only && !aclipc_session_is_owner(session))
		return -EPERM;

	if (get_user(usize, (u32 __user *)uarg))
		return -EFAULT;
	if (usize < call->min_size)
		return -EINVAL;
	if (usize > PAGE_SIZE)
		return -E2BIG;
	ret = copy_struct_from_user(&arg, call->size, uarg, usize);
	if (ret)
		return ret;

	len = min_t(size_t, usize, call->size);
	ret = aclipc_probe_reply(uarg, usize, len, &arg);
	if (ret)
		return ret;
	ret = call->handler(session, &arg);
	if (call->owner_only && unlikely(READ_ONCE(session->owner->watch_again)))
		aclipc_watch_again(session);
	if (aclipc_replies(ret) && aclipc_reply(uarg, len, &arg, call))
		return -EFAULT;
	return ret;
}

static int aclipc_open(struct inode *inode, struct file *file)
{
	struct aclipc_session *session = aclipc_session_open();

	if (IS_ERR(session))
		return PTR_ERR(session);
	file->private_data = session;
	return stream_open(inode, file);
}

static int aclipc_release(struct inode *inode, struct file *file)
{
	aclipc_session_release(file->private_data);
	return 0;
}

static const struct file_operations aclipc_fops = {
	.owner = THIS_MODULE,
	.open = aclipc_open,
	.release = aclipc_release,
	.read = aclipc_read,
	.poll = aclipc_poll,
	.unlocked_ioctl = aclipc_ioctl,
	.compat_ioctl = aclipc_compat_ioctl,
#ifdef CONFIG_PROC_FS
	.show_fdinfo = aclipc_show_fdinfo,
#endif
};

static struct miscdevice aclipc_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "aclipc",
	.fops = &aclipc_fops,
	.mode = 0660,
};

static int __init aclipc_init(void)
{
	int ret;

	/* the reply probe and the size limit rely on it */
	BUILD_BUG_ON(sizeof(union aclipc_args) > 256);

	aclipc_wq = alloc_workqueue("aclipc", WQ_UNBOUND, 0);
	if (!aclipc_wq)
		return -ENOMEM;
	ret = aclipc_imports_init();
	if (ret)
		goto err_wq;
	ret = aclipc_shares_init();
	if (ret)
		goto err_imports;
	aclipc_debugfs_init();
	ret = misc_register(&aclipc_misc);
	if (ret)
		goto err_debugfs;
	return 0;

err_debugfs:
	aclipc_debugfs_exit();
	aclipc_shares_exit();
err_imports:
	aclipc_imports_exit();
err_wq:
	destroy_workqueue(aclipc_wq);
	return ret;
}

/*
 * No file is open and no watch is registered: each holds the module.  What is
 * left are sessions that settle and tombstones.
 */
static void __exit aclipc_exit(void)
{
	misc_deregister(&aclipc_misc);
	aclipc_debugfs_exit();
	aclipc_sessions_exit();
	destroy_workqueue(aclipc_wq);
	aclipc_watch_exit();
	aclipc_shares_exit();
	aclipc_imports_exit();
}

module_init(aclipc_init);
module_exit(aclipc_exit);

MODULE_LICENSE("GPL");
MODULE_VERSION(ACLIPC_VERSION);
MODULE_DESCRIPTION("Ordered close of shared Ascend device memory");
MODULE_AUTHOR("The aclipc developers");

// SPDX-License-Identifier: GPL-2.0
/* Module parameters, the device node, and who may call what. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "p2p.h"
#include "sim.h"

struct workqueue_struct *sim_wq;
DEFINE_MUTEX(sim_lock);	/* every object and list; see sim.h for the order */

int sim_svm = 2;
module_param_named(svm, sim_svm, int, 0444);
MODULE_PARM_DESC(svm, "generation of shared virtual memory to play: 2 or 3");

unsigned int sim_nr_devices = 2;
module_param_named(nr_devices, sim_nr_devices, uint, 0444);
MODULE_PARM_DESC(nr_devices, "number of devices");

unsigned int sim_mem_mb = 64;
module_param_named(mem_mb, sim_mem_mb, uint, 0644);
MODULE_PARM_DESC(mem_mb, "memory of each device in MiB");

unsigned int sim_teardown_min_ms = 50;
module_param_named(teardown_min_ms, sim_teardown_min_ms, uint, 0644);
MODULE_PARM_DESC(teardown_min_ms, "least delay of a dead process's teardown");

unsigned int sim_teardown_max_ms = 1500;
module_param_named(teardown_max_ms, sim_teardown_max_ms, uint, 0644);
MODULE_PARM_DESC(teardown_max_ms, "greatest delay of a dead process's teardown");

int sim_p2p_fail;
module_param_named(p2p_fail, sim_p2p_fail, int, 0644);
MODULE_PARM_DESC(p2p_fail, "errno that p2p_get_pages answers instead of working");

unsigned int sim_p2p_version = P2P_GET_PAGE_VERSION;
module_param_named(p2p_version, sim_p2p_version, uint, 0644);
MODULE_PARM_DESC(p2p_version, "version of the page tables of p2p_get_pages");

bool sim_old;
module_param_named(old, sim_old, bool, 0444);
MODULE_PARM_DESC(old,
		 "v2 of before March 2026: writes to a registration after its callback");

unsigned int sim_hide_ms = 1;
module_param_named(hide_ms, sim_hide_ms, uint, 0644);
MODULE_PARM_DESC(hide_ms, "time between hiding a process and walking its registrations");

unsigned int sim_tail_us = 200;
module_param_named(tail_us, sim_tail_us, uint, 0644);
MODULE_PARM_DESC(tail_us, "old: time between a callback's return and the write after it, without sleep");

bool sim_device_hold;
module_param_named(device_hold, sim_device_hold, bool, 0644);
MODULE_PARM_DESC(device_hold, "device processes of the dead do not end while this is set");

unsigned int sim_stage_ms;
module_param_named(stage_ms, sim_stage_ms, uint, 0644);
MODULE_PARM_DESC(stage_ms, "v3: time before an exit's stage that recycles memory");

unsigned int sim_retry_ms = 1;
module_param_named(retry_ms, sim_retry_ms, uint, 0644);
MODULE_PARM_DESC(retry_ms, "v3: time between the late ones of 1500 tries of an exit");

static int sim_info(struct sim_proc *unused, struct ascend_sim_arg *a)
{
	a->id = sim_svm;
	a->devid = sim_nr_devices;
	a->len = (u64)sim_mem_mb << 20;
	a->pid = current->tgid;
	return 0;
}

/* how a call excludes others of the same process on v2 */
enum sim_gate { GATE_NONE, GATE_READ, GATE_WRITE };

static const struct sim_call {
	int (*fn)(struct sim_proc *p, struct ascend_sim_arg *a);
	enum sim_gate gate;
} sim_calls[ASCEND_SIM_NR] = {
	[_IOC_NR(ASCEND_SIM_INFO)] = { sim_info, GATE_NONE },
	[_IOC_NR(ASCEND_SIM_DEV_OPEN)] = { sim_dev_open, GATE_READ },
	[_IOC_NR(ASCEND_SIM_DEV_CLOSE)] = { sim_dev_close, GATE_WRITE },
	[_IOC_NR(ASCEND_SIM_ALLOC)] = { sim_alloc, GATE_READ },
	[_IOC_NR(ASCEND_SIM_FREE)] = { sim_free, GATE_READ },
	[_IOC_NR(ASCEND_SIM_COPY)] = { sim_copy, GATE_NONE },
	[_IOC_NR(ASCEND_SIM_CREATE)] = { sim_key_create, GATE_READ },
	[_IOC_NR(ASCEND_SIM_DESTROY)] = { sim_key_destroy, GATE_READ },
	[_IOC_NR(ASCEND_SIM_QUERY)] = { sim_key_query, GATE_READ },
	[_IOC_NR(ASCEND_SIM_OPEN)] = { sim_key_open, GATE_READ },
	[_IOC_NR(ASCEND_SIM_CLOSE)] = { sim_key_close, GATE_READ },
	[_IOC_NR(ASCEND_SIM_SET_PID)] = { sim_key_set_pid, GATE_READ },
	[_IOC_NR(ASCEND_SIM_SET_ATTR)] = { sim_key_set_attr, GATE_READ },
	[_IOC_NR(ASCEND_SIM_GET_ATTR)] = { sim_key_get_attr, GATE_READ },
	[_IOC_NR(ASCEND_SIM_EVENT)] = { sim_event_wait, GATE_NONE },
	[_IOC_NR(ASCEND_SIM_NOTE)] = { sim_note, GATE_NONE },
	[_IOC_NR(ASCEND_SIM_VMM_CREATE)] = { sim_vmm_create, GATE_READ },
	[_IOC_NR(ASCEND_SIM_VMM_MAP)] = { sim_vmm_map, GATE_READ },
	[_IOC_NR(ASCEND_SIM_VMM_UNMAP)] = { sim_vmm_unmap, GATE_READ },
	[_IOC_NR(ASCEND_SIM_VMM_RELEASE)] = { sim_vmm_release, GATE_READ },
	[_IOC_NR(ASCEND_SIM_P2P_TEST)] = { sim_p2p_test, GATE_NONE },
	[_IOC_NR(ASCEND_SIM_REPAIR)] = { sim_repair, GATE_READ },
};

static int sim_call_gated(struct sim_proc *p, const struct sim_call *call,
			  struct ascend_sim_arg *a)
{
	enum sim_gate gate = sim_svm == 2 ? call->gate : GATE_NONE;
	int ret;

	/* heap teardown excludes every other call of the process */
	if (gate == GATE_READ && call->fn == sim_free &&
	    (a->flags & ASCEND_SIM_F_HEAP))
		gate = GATE_WRITE;
	if (gate == GATE_READ)
		down_read(&p->ioctl_sem);
	else if (gate == GATE_WRITE)
		down_write(&p->ioctl_sem);

	ret = call->fn(p, a);

	if (gate == GATE_READ)
		up_read(&p->ioctl_sem);
	else if (gate == GATE_WRITE)
		up_write(&p->ioctl_sem);
	return ret;
}

/* Asking makes no process, nor do tests: that comes with the first call that does something. */
static struct sim_proc *sim_file_proc(struct file *file)
{
	static DEFINE_MUTEX(lock);
	/* pairs with the release below: a process is seen whole or not */
	struct sim_proc *p = smp_load_acquire(&file->private_data);

	if (p)
		return p;
	mutex_lock(&lock);
	p = file->private_data;
	if (!p) {
		p = sim_proc_create();
		if (!IS_ERR(p))
			/* published last */
			smp_store_release(&file->private_data, p);
	}
	mutex_unlock(&lock);
	return p;
}

static long sim_ioctl(struct file *file, unsigned int cmd, unsigned long uptr)
{
	struct ascend_sim_arg __user *uarg = (void __user *)uptr;
	struct sim_proc *p = NULL;
	unsigned int nr = _IOC_NR(cmd);
	const struct sim_call *call;
	struct ascend_sim_arg a;
	int ret;

	if (nr >= ASCEND_SIM_NR || cmd != ASCEND_SIM_IOC(nr))
		return -ENOTTY;
	call = &sim_calls[array_index_nospec(nr, ASCEND_SIM_NR)];
	if (cmd != ASCEND_SIM_INFO && cmd != ASCEND_SIM_P2P_TEST) {
		p = sim_file_proc(file);
		if (IS_ERR(p))
			return PTR_ERR(p);
		/* an inherited descriptor works for nothing but asking */
		if (p->tgid != current->tgid || READ_ONCE(p->lost))
			return -EINVAL;
	}
	if (copy_from_user(&a, uarg, sizeof(a)))
		return -EFAULT;
	a.name[sizeof(a.name) - 1] = '\0';

	ret = sim_call_gated(p, call, &a);

	if (copy_to_user(uarg, &a, sizeof(a)) && !ret)
		ret = -EFAULT;
	return ret;
}

static int sim_open(struct inode *inode, struct file *file)
{
	/* misc_open() left the device here */
	file->private_data = NULL;
	return 0;
}

static int sim_release(struct inode *inode, struct file *file)
{
	if (file->private_data)
		sim_proc_release(file->private_data);
	return 0;
}

static int sim_flush(struct file *file, fl_owner_t id)
{
	if (file->private_data)
		sim_proc_flush(file->private_data);
	return 0;
}

static const struct file_operations sim_fops = {
	.owner = THIS_MODULE,
	.open = sim_open,
	.flush = sim_flush,
	.release = sim_release,
	.unlocked_ioctl = sim_ioctl,
};

static struct miscdevice sim_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ascend_sim",
	.fops = &sim_fops,
	.mode = 0666,
};

static int __init sim_init(void)
{
	int ret;

	if (sim_svm != 2 && sim_svm != 3)
		return -EINVAL;
	if (!sim_nr_devices || sim_nr_devices > ASCEND_SIM_MAX_DEV)
		return -EINVAL;

	sim_wq = alloc_workqueue("ascend_sim", WQ_UNBOUND, 0);
	if (!sim_wq)
		return -ENOMEM;
	ret = sim_stats_init();
	if (ret)
		goto err_wq;
	ret = misc_register(&sim_misc);
	if (ret)
		goto err_stats;
	return 0;

err_stats:
	sim_stats_exit();
err_wq:
	destroy_workqueue(sim_wq);
	return ret;
}

static void __exit sim_exit(void)
{
	misc_deregister(&sim_misc);
	/* processes whose teardown is still to come have no file any more */
	sim_proc_flush_all();
	sim_p2p_test_exit();
	sim_keys_exit();
	sim_p2p_exit();
	sim_stats_exit();
	destroy_workqueue(sim_wq);
}

module_init(sim_init);
module_exit(sim_exit);
MODULE_DESCRIPTION("Stand-in for the Ascend driver (tests only)");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0
/*
 * A user of the p2p calls inside this module, steered by ioctl, so that their
 * contract can be proved without any other module: get, put by whatever
 * process, and how often the callback came.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "p2p.h"
#include "sim.h"

struct sim_user {
	struct list_head link;
	u64 id;
	atomic_t calls;
	atomic_t ended;
	u32 flags;
	struct p2p_page_table *table;
	struct work_struct work;
};

static LIST_HEAD(sim_users);
static DEFINE_MUTEX(sim_users_lock);
static u64 sim_users_last;

static void sim_user_work(struct work_struct *work)
{
	struct sim_user *u = container_of(work, struct sim_user, work);

	if (u->flags & ASCEND_SIM_P2P_PUT_GRACE)
		synchronize_rcu_tasks();
	hal_kernel_p2p_put_pages(u->table);
}

static void sim_user_callback(void *data)
{
	struct sim_user *u = data;

	atomic_inc(&u->calls);
	if (u->flags & ASCEND_SIM_P2P_SLOW)
		msleep(1000);
	atomic_inc(&u->ended);
	if (u->flags & ASCEND_SIM_P2P_PUT_INSIDE)
		hal_kernel_p2p_put_pages(u->table);
	if (u->flags & (ASCEND_SIM_P2P_PUT_WORK | ASCEND_SIM_P2P_PUT_GRACE))
		queue_work(sim_wq, &u->work);
}

static struct sim_user *sim_user_find(u64 id)
{
	struct sim_user *u;

	list_for_each_entry(u, &sim_users, link)
		if (u->id == id)
			return u;
	return NULL;
}

static int sim_user_get(struct ascend_sim_arg *a)
{
	struct sim_user *u = kzalloc(sizeof(*u), GFP_KERNEL);
	int ret;

	if (!u)
		return -ENOMEM;
	u->flags = a->flags;
	INIT_WORK(&u->work, sim_user_work);
	ret = hal_kernel_p2p_get_pages(a->va, a->len, sim_user_callback, u,
				       &u->table);
	if (ret) {
		kfree(u);
		return ret;
	}
	mutex_lock(&sim_users_lock);
	u->id = ++sim_users_last;
	list_add(&u->link, &sim_users);
	a->id = u->id;
	mutex_unlock(&sim_users_lock);
	return 0;
}

/* As any other module asks: the symbol may not be there at all. */
static int sim_user_ask(struct ascend_sim_arg *a)
{
	typeof(hal_kernel_devdrv_query_process_by_host_pid_kernel) *ask;
	int pid = 0;

	ask = symbol_get(hal_kernel_devdrv_query_process_by_host_pid_kernel);
	if (!ask)
		return -ENOENT;
	a->pid = ask(a->pid, a->devid, 0, 0, &pid);
	symbol_put(hal_kernel_devdrv_query_process_by_host_pid_kernel);
	return 0;
}

int sim_p2p_test(struct sim_proc *p, struct ascend_sim_arg *a)
{
	struct p2p_page_table *table = NULL;
	struct sim_user *u;
	int ret = 0;

	switch (a->flags & ASCEND_SIM_P2P_OP) {
	case ASCEND_SIM_P2P_GET:
		return sim_user_get(a);
	case ASCEND_SIM_P2P_ASK:
		return sim_user_ask(a);
	}
	mutex_lock(&sim_users_lock);
	u = sim_user_find(a->id);
	if (!u)
		ret = -ENOENT;
	else
		table = u->table;
	if (u) {
		a->pid = atomic_read(&u->calls);
		a->devid = atomic_read(&u->ended);
	}
	mutex_unlock(&sim_users_lock);
	if (!ret && (a->flags & ASCEND_SIM_P2P_OP) == ASCEND_SIM_P2P_PUT)
		ret = hal_kernel_p2p_put_pages(table);
	return ret;
}

void sim_p2p_test_exit(void)
{
	struct sim_user *u, *tmp;

	/* the grace periods that callbacks have begun, and their tails */
	synchronize_rcu_tasks();
	list_for_each_entry_safe(u, tmp, &sim_users, link) {
		flush_work(&u->work);
		kfree(u);
	}
}

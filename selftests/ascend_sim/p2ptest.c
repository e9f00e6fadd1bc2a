// SPDX-License-Identifier: GPL-2.0
/*
 * A user of the p2p calls inside this module, steered by ioctl, so that their
 * contract can be proved without any other module: get, put by whatever
 * process, and how often the callback came.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/slab.h>

#include "p2p.h"
#include "sim.h"

struct sim_user {
	struct list_head link;
	u64 id;
	atomic_t calls;
	bool put_inside;
	bool slow;
	struct p2p_page_table *table;
};

static LIST_HEAD(sim_users);
static DEFINE_MUTEX(sim_users_lock);
static u64 sim_users_last;

static void sim_user_callback(void *data)
{
	struct sim_user *u = data;

	atomic_inc(&u->calls);
	if (u->slow)
		msleep(1000);
	if (u->put_inside)
		hal_kernel_p2p_put_pages(u->table);
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
	u->put_inside = a->flags & ASCEND_SIM_P2P_PUT_INSIDE;
	u->slow = a->flags & ASCEND_SIM_P2P_SLOW;
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

int sim_p2p_test(struct sim_proc *p, struct ascend_sim_arg *a)
{
	struct p2p_page_table *table = NULL;
	struct sim_user *u;
	int ret = 0;

	if ((a->flags & ASCEND_SIM_P2P_OP) == ASCEND_SIM_P2P_GET)
		return sim_user_get(a);
	mutex_lock(&sim_users_lock);
	u = sim_user_find(a->id);
	if (!u)
		ret = -ENOENT;
	else
		table = u->table;
	if (u)
		a->pid = atomic_read(&u->calls);
	mutex_unlock(&sim_users_lock);
	if (!ret && (a->flags & ASCEND_SIM_P2P_OP) == ASCEND_SIM_P2P_PUT)
		ret = hal_kernel_p2p_put_pages(table);
	return ret;
}

void sim_p2p_test_exit(void)
{
	struct sim_user *u, *tmp;

	list_for_each_entry_safe(u, tmp, &sim_users, link)
		kfree(u);
}

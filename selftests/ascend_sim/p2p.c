// SPDX-License-Identifier: GPL-2.0
/*
 * The calls that other modules bind to.  As in the driver: a registration pins
 * no memory, its callback comes at most once, a put does not wait for a
 * callback that runs, and no reference is held on the callback's module.
 */
#include <linux/export.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "p2p.h"
#include "sim.h"
#include "trace.h"

struct sim_reg {
	struct list_head all;		/* sim_regs, until the put */
	struct list_head link;		/* owner->regs, until callback or put */
	struct kref ref;		/* the list's and the caller's */
	struct sim_proc *owner;
	u64 va;
	u64 len;
	u32 devid;
	bool fired;
	void (*cb)(void *data);
	void *data;
	struct p2p_page_table table;
};

static LIST_HEAD(sim_regs);	/* by sim_lock */

static void sim_reg_free(struct kref *ref)
{
	struct sim_reg *reg = container_of(ref, struct sim_reg, ref);

	sim_proc_put(reg->owner);
	kvfree(reg->table.pages_info);
	kfree(reg);
}

/* Only memory of the caller's own, of this process, not being freed. */
static struct sim_mem *sim_p2p_mem(struct sim_proc *p, u64 va, u64 len, u64 *off)
{
	struct sim_map *m = sim_map_find(p, va);

	if (!m || m->kind != SIM_OWN || !m->mem || m->mem->freeing ||
	    len > m->va + m->len - va)
		return NULL;
	*off = va - m->va;
	return m->mem;
}

static int sim_p2p_check(u64 va, u64 len)
{
	if (!va || !len || va + len < va)
		return -EINVAL;
	if (!PAGE_ALIGNED(va))
		return sim_svm == 2 ? -EOPNOTSUPP : -EINVAL;
	if (!PAGE_ALIGNED(len) && sim_svm == 3)
		return -EINVAL;
	return 0;
}

static int sim_p2p_register(struct sim_reg *reg)
{
	struct p2p_page_table *t = &reg->table;
	struct sim_mem *mem;
	struct sim_proc *p;
	u64 off = 0, i;

	p = sim_proc_find_locked(current->tgid, reg->va);
	if (!p)
		return -ESRCH;
	mem = sim_p2p_mem(p, reg->va, reg->len, &off);
	if (!mem)
		return sim_svm == 2 && sim_map_find(p, reg->va) ?
		       -EOPNOTSUPP : -EINVAL;
	for (i = 0; i < t->page_num; i++)
		t->pages_info[i].pa =
			page_to_phys(mem->pages[(off >> PAGE_SHIFT) + i]);
	kref_get(&p->ref);
	reg->owner = p;
	reg->devid = mem->devid;
	list_add(&reg->all, &sim_regs);
	list_add_tail(&reg->link, &p->regs);
	sim_adjust(SIM_registrations, 1);
	return 0;
}

int hal_kernel_p2p_get_pages(u64 va, u64 len, void (*free_callback)(void *data),
			     void *data, struct p2p_page_table **page_table)
{
	struct sim_reg *reg;
	int ret;

	if (!free_callback || !page_table)
		return -EINVAL;
	ret = sim_p2p_check(va, len);
	if (ret)
		return ret;
	if (sim_p2p_fail)
		return -abs(sim_p2p_fail);
	reg = kzalloc(sizeof(*reg), GFP_KERNEL);
	if (!reg)
		return -EINVAL;
	kref_init(&reg->ref);
	kref_get(&reg->ref);
	INIT_LIST_HEAD(&reg->link);
	reg->va = va;
	reg->len = PAGE_ALIGN(len);
	reg->cb = free_callback;
	reg->data = data;
	reg->table.version = sim_p2p_version;
	reg->table.page_size = PAGE_SIZE;
	reg->table.page_num = reg->len >> PAGE_SHIFT;
	reg->table.pages_info = kvcalloc(reg->table.page_num,
					 sizeof(struct p2p_page_info),
					 GFP_KERNEL | __GFP_NOWARN);
	ret = -EINVAL;
	if (!reg->table.pages_info)
		goto err;

	mutex_lock(&sim_lock);
	ret = sim_p2p_register(reg);
	if (!ret)
		*page_table = &reg->table;
	mutex_unlock(&sim_lock);
	if (ret)
		goto err;
	sim_count(SIM_p2p_get);
	return 0;
err:
	kvfree(reg->table.pages_info);
	kfree(reg);
	return ret;
}
EXPORT_SYMBOL_GPL(hal_kernel_p2p_get_pages);

static struct sim_reg *sim_reg_find(struct p2p_page_table *table)
{
	struct sim_reg *reg;

	list_for_each_entry(reg, &sim_regs, all)
		if (&reg->table == table)
			return reg;
	return NULL;
}

/*
 * Right only from a thread of the living owner, or once the callback has
 * begun.  In the driver anything else may free an entry that is still listed,
 * because exit hides the owner first; here it is counted and done safely.
 */
int hal_kernel_p2p_put_pages(struct p2p_page_table *page_table)
{
	struct sim_reg *reg;
	bool listed;

	if (!page_table)
		return -EINVAL;
	mutex_lock(&sim_lock);
	reg = sim_reg_find(page_table);
	if (!reg) {
		mutex_unlock(&sim_lock);
		sim_count(SIM_use_after_callback);
		return -EINVAL;
	}
	if (!reg->fired && (reg->owner->hidden ||
			    current->tgid != reg->owner->tgid))
		sim_count(SIM_put_wrong_context);
	listed = !list_empty(&reg->link);
	list_del_init(&reg->link);
	list_del(&reg->all);
	sim_adjust(SIM_registrations, -1);
	mutex_unlock(&sim_lock);

	sim_count(SIM_p2p_put);
	if (listed)
		kref_put(&reg->ref, sim_reg_free);
	kref_put(&reg->ref, sim_reg_free);
	return 0;
}
EXPORT_SYMBOL_GPL(hal_kernel_p2p_put_pages);

static struct sim_reg *sim_p2p_take(struct sim_proc *p, int devid, u64 va,
				    u64 len)
{
	u64 end = len > U64_MAX - va ? U64_MAX : va + len;
	struct sim_reg *reg;

	list_for_each_entry(reg, &p->regs, link) {
		if (devid >= 0 && reg->devid != devid)
			continue;
		if (reg->va < end && va < reg->va + reg->len) {
			/* the list's reference is the callback's now */
			list_del_init(&reg->link);
			reg->fired = true;
			return reg;
		}
	}
	return NULL;
}

/* Call back for whatever overlaps; the caller holds no sim_lock. */
void sim_p2p_fire(struct sim_proc *p, int devid, u64 va, u64 len)
{
	struct sim_reg *reg;

	for (;;) {
		mutex_lock(&sim_lock);
		reg = sim_p2p_take(p, devid, va, len);
		mutex_unlock(&sim_lock);
		if (!reg)
			return;
		sim_count(SIM_callback);
		trace_callback(p->tgid, 0, NULL, reg->va, reg->len);
		reg->cb(reg->data);
		kref_put(&reg->ref, sim_reg_free);
	}
}

/* Registrations of a module that forgot them. */
void sim_p2p_exit(void)
{
	struct sim_reg *reg, *tmp;

	list_for_each_entry_safe(reg, tmp, &sim_regs, all) {
		list_del(&reg->all);
		list_del_init(&reg->link);
		sim_adjust(SIM_registrations, -1);
		sim_proc_put(reg->owner);
		kvfree(reg->table.pages_info);
		kfree(reg);
	}
}

// SPDX-License-Identifier: GPL-2.0
/* Memory handles that are mapped and unmapped apart from their allocation. */
#include <linux/mm.h>
#include <linux/slab.h>

#include "sim.h"

static u64 sim_handles;		/* by sim_lock */

static struct sim_mem *sim_vmm_find(struct sim_proc *p, u64 handle)
{
	struct sim_mem *mem;

	list_for_each_entry(mem, &p->mems, link)
		if (handle && mem->handle == handle)
			return mem;
	return NULL;
}

int sim_vmm_create(struct sim_proc *p, struct ascend_sim_arg *a)
{
	struct sim_mem *mem;

	if (a->devid >= sim_nr_devices || !(p->opened & BIT(a->devid)))
		return -ENODEV;
	mem = sim_mem_new(p, a->devid, a->len, a->flags);
	if (IS_ERR(mem))
		return PTR_ERR(mem);
	mutex_lock(&sim_lock);
	mem->handle = ++sim_handles;
	a->id = mem->handle;
	list_add(&mem->link, &p->mems);
	mutex_unlock(&sim_lock);
	return 0;
}

int sim_vmm_map(struct sim_proc *p, struct ascend_sim_arg *a)
{
	struct sim_map *m = kzalloc(sizeof(*m), GFP_KERNEL);
	struct sim_mem *mem;
	int ret = -EINVAL;

	if (!m)
		return -ENOMEM;
	m->kind = SIM_VMM;
	m->va = a->va;
	m->len = PAGE_ALIGN(a->len);
	mutex_lock(&sim_lock);
	mem = sim_vmm_find(p, a->id);
	if (mem && m->len <= (u64)mem->npages << PAGE_SHIFT) {
		m->devid = mem->devid;
		ret = sim_map_insert(p, m, mem);
	}
	mutex_unlock(&sim_lock);
	if (ret)
		kfree(m);
	return ret;
}

/*
 * A range that was exported cannot be unmapped while its name lives; but v2 lets
 * the addresses go with all that is mapped there, and does not ask.
 */
int sim_vmm_unmap(struct sim_proc *p, struct ascend_sim_arg *a)
{
	bool forced = sim_svm == 2 && a->flags & ASCEND_SIM_F_ADDRESS;
	struct sim_map *m;
	u64 va, len;
	int ret = 0;
	u32 devid;

	mutex_lock(&sim_lock);
	m = sim_map_find(p, a->va);
	if (!m || m->kind != SIM_VMM || m->va != a->va)
		ret = -EINVAL;
	else if (!list_empty(&m->mem->keys) && !forced)
		ret = -EBUSY;
	if (!ret) {
		va = m->va;
		len = m->len;
		devid = m->devid;
		if (forced)
			sim_mem_check(m->mem, SIM_END_FREE);
	}
	mutex_unlock(&sim_lock);
	if (ret == -EBUSY)
		sim_count(SIM_vmm_unmap_busy);
	if (ret)
		return ret;

	sim_p2p_fire(p, devid, va, len);
	mutex_lock(&sim_lock);
	m = sim_map_find(p, va);
	if (m && m->kind == SIM_VMM && m->va == va)
		sim_map_remove(m);
	mutex_unlock(&sim_lock);
	if (forced)
		sim_count(SIM_vmm_unmap_forced);
	return 0;
}

int sim_vmm_release(struct sim_proc *p, struct ascend_sim_arg *a)
{
	struct sim_mem *mem;
	struct sim_map *m;
	int ret = 0;

	mutex_lock(&sim_lock);
	mem = sim_vmm_find(p, a->id);
	if (!mem) {
		ret = -EINVAL;
		goto out;
	}
	list_for_each_entry(m, &mem->maps, mem_link)
		if (m->kind == SIM_VMM)
			ret = -EBUSY;
	if (!ret)
		sim_mem_drop(mem, SIM_END_FREE, false);
out:
	mutex_unlock(&sim_lock);
	return ret;
}

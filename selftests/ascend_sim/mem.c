// SPDX-License-Identifier: GPL-2.0
/* Device memory: finite, made of host pages, really given back. */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "sim.h"
#include "trace.h"

/* addressable by the kernel, and nobody shall be killed for it */
#define SIM_GFP (GFP_USER | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

static unsigned long sim_used[ASCEND_SIM_MAX_DEV];	/* pages, by sim_lock */

/* Where the heap's pages are huge, the driver looks at 2 MiB at a time. */
#define SIM_HUGE	(2UL << 20)

static int sim_reserve(u32 devid, unsigned long npages)
{
	unsigned long limit = (unsigned long)sim_mem_mb << (20 - PAGE_SHIFT);
	int ret = 0;

	mutex_lock(&sim_lock);
	if (npages > limit || sim_used[devid] > limit - npages)
		ret = -ENOMEM;
	else
		sim_used[devid] += npages;
	mutex_unlock(&sim_lock);
	return ret;
}

static void sim_free_pages(struct sim_mem *mem)
{
	unsigned long i;

	for (i = 0; mem->pages && i < mem->npages && mem->pages[i]; i++)
		__free_page(mem->pages[i]);
	kvfree(mem->pages);
	kfree(mem);
}

static struct sim_mem *sim_mem_alloc(struct sim_proc *p, u32 devid, u64 len,
				     bool huge)
{
	struct sim_mem *mem = kzalloc(sizeof(*mem), GFP_KERNEL);

	if (!mem)
		return NULL;
	INIT_LIST_HEAD(&mem->link);
	INIT_LIST_HEAD(&mem->maps);
	INIT_LIST_HEAD(&mem->keys);
	mem->owner = p;
	mem->devid = devid;
	mem->page_size = huge && IS_ALIGNED(len, SIM_HUGE) ? SIM_HUGE :
							     PAGE_SIZE;
	return mem;
}

/* Memory that nobody can see yet; the caller links it. */
struct sim_mem *sim_mem_new(struct sim_proc *p, u32 devid, u64 len, u32 flags)
{
	unsigned long npages = PAGE_ALIGN(len) >> PAGE_SHIFT, i;
	struct sim_mem *mem;

	if (flags & ASCEND_SIM_F_BARE) {
		if (devid >= sim_nr_devices || !len)
			return ERR_PTR(-EINVAL);
		mem = sim_mem_alloc(p, devid, len, flags & ASCEND_SIM_F_HUGE);
		if (!mem)
			return ERR_PTR(-ENOMEM);
		sim_adjust(SIM_mems, 1);
		return mem;
	}
	if (devid >= sim_nr_devices || !len || len > (u64)sim_mem_mb << 20)
		return ERR_PTR(len ? -ENOMEM : -EINVAL);
	if (sim_reserve(devid, npages))
		return ERR_PTR(-ENOMEM);

	mem = sim_mem_alloc(p, devid, len, flags & ASCEND_SIM_F_HUGE);
	if (!mem)
		goto err_reserve;
	mem->pages = kvcalloc(npages, sizeof(*mem->pages), GFP_KERNEL);
	if (!mem->pages) {
		kfree(mem);
		goto err_reserve;
	}
	mem->npages = npages;
	for (i = 0; i < npages; i++) {
		mem->pages[i] = alloc_page(SIM_GFP);
		if (!mem->pages[i])
			goto err_pages;
		clear_page(page_address(mem->pages[i]));
	}
	sim_adjust(SIM_mems, 1);
	sim_adjust(SIM_pages, npages);
	return mem;

err_pages:
	sim_free_pages(mem);
err_reserve:
	mutex_lock(&sim_lock);
	sim_used[devid] -= npages;
	mutex_unlock(&sim_lock);
	return ERR_PTR(-ENOMEM);
}

u64 sim_mem_pa(struct sim_mem *mem, u64 off)
{
	return mem->pages ? page_to_phys(mem->pages[off >> PAGE_SHIFT]) : off;
}

/*
 * Memory is about to end: does another process's mapping still reach it?  Has
 * to be asked before anything is cut off, and once for each end.
 */
void sim_mem_check(struct sim_mem *mem, enum sim_end end)
{
	bool live = false, dead = false;
	struct sim_map *m;

	lockdep_assert_held(&sim_lock);
	list_for_each_entry(m, &mem->maps, mem_link) {
		if (m->kind != SIM_IMPORT || !m->present ||
		    m->proc == mem->owner || (mem->linear && !m->nopen))
			continue;
		if (m->proc->dead)
			dead = true;
		else
			live = true;
	}
	if (end == SIM_END_LOST && (live || dead))
		/* the owner has closed the driver itself: nobody was asked */
		sim_count(SIM_lost_while_mapped);
	else if (end == SIM_END_LOST)
		return;
	else if (sim_svm == 3 && end == SIM_END_RESET && dead && !live)
		/* pins are ignored, and the exit of the dead is in its stages */
		sim_count(SIM_recycled_while_dead_mapped);
	else if (end != SIM_END_EXIT && (live || dead))
		sim_count(SIM_free_while_mapped);
	else if (live)
		sim_count(SIM_exit_while_mapped);
	else if (dead)
		/* a job that was killed as a whole: nobody is left to suffer */
		sim_count(SIM_exit_dead_mapped);
}

/* Give the pages back, whatever still points at them; sim_lock held. */
void sim_mem_drop(struct sim_mem *mem, enum sim_end end, bool checked)
{
	struct sim_map *m, *tmp;
	struct sim_key *key, *ktmp;
	u64 va = 0;

	lockdep_assert_held(&sim_lock);
	if (!checked)
		sim_mem_check(mem, end);
	list_for_each_entry_safe(m, tmp, &mem->maps, mem_link) {
		if (m->kind == SIM_IMPORT) {
			/* stale: the next access faults */
			m->mem = NULL;
			list_del_init(&m->mem_link);
		} else {
			va = m->va;
			sim_map_remove(m);
		}
	}
	list_for_each_entry_safe(key, ktmp, &mem->keys, mem_link) {
		key->mem = NULL;
		list_del_init(&key->mem_link);
	}
	list_del(&mem->link);
	trace_free(mem->owner->tgid, 0, NULL, va, (u64)mem->npages << PAGE_SHIFT);
	sim_used[mem->devid] -= mem->npages;
	sim_adjust(SIM_mems, -1);
	sim_adjust(SIM_pages, -(long)mem->npages);
	sim_free_pages(mem);
}

/* v3: the last unpin of memory whose free was deferred asks for it again */
void sim_mem_unpin(struct sim_mem *mem)
{
	struct sim_event *ev;
	struct sim_map *m;

	lockdep_assert_held(&sim_lock);
	if (WARN_ON_ONCE(!mem->pins) || --mem->pins || !mem->freeing)
		return;
	list_for_each_entry(m, &mem->maps, mem_link) {
		if (m->kind != SIM_OWN)
			continue;
		ev = kmalloc(sizeof(*ev), GFP_ATOMIC);
		if (!ev)
			return;
		ev->va = m->va;
		list_add_tail(&ev->link, &mem->owner->events);
		wake_up(&mem->owner->event_wq);
		return;
	}
}

int sim_alloc(struct sim_proc *p, struct ascend_sim_arg *a)
{
	struct sim_mem *mem;
	struct sim_map *m;
	int ret;

	if (a->devid >= sim_nr_devices || !(p->opened & BIT(a->devid)))
		return -ENODEV;
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m)
		return -ENOMEM;
	mem = sim_mem_new(p, a->devid, a->len, a->flags);
	if (IS_ERR(mem)) {
		kfree(m);
		return PTR_ERR(mem);
	}
	mem->linear = sim_svm == 3 && (a->flags & ASCEND_SIM_F_LINEAR);
	m->kind = SIM_OWN;
	m->va = a->va;
	m->len = PAGE_ALIGN(a->len);
	m->devid = a->devid;

	mutex_lock(&sim_lock);
	list_add(&mem->link, &p->mems);
	ret = sim_map_insert(p, m, mem);
	if (ret) {
		sim_mem_drop(mem, SIM_END_FREE, true);
		kfree(m);
	}
	mutex_unlock(&sim_lock);
	if (!ret)
		sim_count(SIM_alloc);
	return ret;
}

/* importers lose their mapping before the callbacks run (v2, one flag for all) */
static void sim_cut_importers(struct sim_mem *mem)
{
	struct sim_key *key;

	list_for_each_entry(key, &mem->keys, mem_link)
		sim_key_cut(key);
}

/* v2 asks for each page anew whether somebody wants to be told of it. */
static void sim_free_fire(struct sim_proc *p, u32 devid, u64 va, u64 len,
			  u64 page_size)
{
	u64 at;

	if (sim_svm == 3) {
		down_write(&p->pma_sem);
		sim_p2p_fire(p, devid, va, len);
		up_write(&p->pma_sem);
		return;
	}
	for (at = va; at < va + len; at += page_size) {
		sim_p2p_fire(p, devid, at, page_size);
		cond_resched();
	}
}

int sim_free(struct sim_proc *p, struct ascend_sim_arg *a)
{
	bool failed = a->flags & ASCEND_SIM_F_FAIL, deferred = false;
	struct sim_mem *mem;
	struct sim_map *m;
	u64 va, len;

	mutex_lock(&sim_lock);
	m = sim_map_find(p, a->va);
	if (!m || m->va != a->va || m->kind != SIM_OWN) {
		mutex_unlock(&sim_lock);
		return -EINVAL;
	}
	mem = m->mem;
	va = m->va;
	len = m->len;
	if (mem->busy) {
		mutex_unlock(&sim_lock);
		return -EBUSY;
	}
	mem->busy = true;
	/* from here on no new import: v2 page flag, v3 status 0 */
	mem->freeing = sim_svm == 2 || !failed;
	if (sim_svm == 2) {
		sim_mem_check(mem, a->flags & ASCEND_SIM_F_HEAP ?
			      SIM_END_RESET : SIM_END_FREE);
		if (mem->ipc_create)
			sim_cut_importers(mem);
	} else {
		/* decided here, before the callbacks, and not looked at again */
		deferred = mem->pins;
	}
	mutex_unlock(&sim_lock);

	sim_free_fire(p, mem->devid, va, len, mem->page_size);

	mutex_lock(&sim_lock);
	mem->busy = false;
	if (failed)
		mem->freeing = false;
	else if (!deferred)
		sim_mem_drop(mem, SIM_END_FREE, sim_svm == 2);
	mutex_unlock(&sim_lock);
	if (failed) {
		sim_count(SIM_free_failed);
		return sim_svm == 2 ? -EBUSY : -EINVAL;
	}
	if (deferred) {
		sim_count(SIM_free_deferred);
		return -EBUSY;
	}
	sim_count(a->flags & ASCEND_SIM_F_HEAP ? SIM_free_heap : SIM_free);
	return 0;
}

/*
 * A page is replaced under memory that stays, with its keys, its pins and its
 * importers.  v3 tells who has registered, as if it were freed; v2 does not.
 */
int sim_repair(struct sim_proc *p, struct ascend_sim_arg *a)
{
	struct sim_map *m;
	int ret = -EINVAL;
	u32 devid = 0;

	mutex_lock(&sim_lock);
	m = sim_map_find(p, a->va);
	if (m && m->kind != SIM_IMPORT && m->mem && !m->mem->freeing && a->len &&
	    a->len <= m->va + m->len - a->va) {
		devid = m->mem->devid;
		ret = 0;
	}
	mutex_unlock(&sim_lock);
	if (ret)
		return ret;
	if (sim_svm == 3)
		sim_free_fire(p, devid, a->va, a->len, PAGE_SIZE);
	sim_count(SIM_repair);
	return 0;
}

static void sim_note_recycle(struct sim_proc *p, u64 va)
{
	bool reached = false, dead = false;
	struct sim_map *m, *i;

	mutex_lock(&sim_lock);
	m = sim_map_find(p, va);
	if (m && m->mem && m->kind == SIM_OWN) {
		list_for_each_entry(i, &m->mem->maps, mem_link)
			if (i->kind == SIM_IMPORT && i->present &&
			    i->proc != p && (!m->mem->linear || i->nopen)) {
				/* v3: the exit of the dead is in its stages */
				if (sim_svm == 3 && i->proc->dead)
					dead = true;
				else
					reached = true;
			}
		trace_recycle(p->tgid, 0, NULL, va, m->len);
	}
	mutex_unlock(&sim_lock);
	sim_count(SIM_recycle);
	if (reached)
		sim_count(SIM_recycled_while_mapped);
	else if (dead)
		sim_count(SIM_recycled_while_dead_mapped);
}

int sim_note(struct sim_proc *p, struct ascend_sim_arg *a)
{
	switch (a->id) {
	case ASCEND_SIM_NOTE_RECYCLE:
		sim_note_recycle(p, a->va);
		return 0;
	case ASCEND_SIM_NOTE_DOUBLE_FREE:
		sim_count(SIM_double_free);
		return 0;
	case ASCEND_SIM_NOTE_LOST_FREE:
		sim_count(SIM_lost_free);
		return 0;
	}
	return -EINVAL;
}

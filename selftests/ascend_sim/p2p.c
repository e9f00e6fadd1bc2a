// SPDX-License-Identifier: GPL-2.0
/*
 * The calls that other modules bind to.  As in the driver: a registration pins
 * no memory, its callback comes at most once, a put does not wait for a
 * callback that runs, and no reference is held on the callback's module.
 *
 * Also as in the driver, and dangerous: who is about to lose all of its
 * registrations is hidden first and its list is walked after that.  A put that
 * comes in between does not find the owner, leaves the entry on the list and
 * frees it.  The old age of v2 counts no references: it holds the lock of the
 * list while it calls back, and writes to the entry after that, though a put
 * may have freed it.  What the driver would free is poisoned here and kept until
 * nothing points at it any more, so that each such touch is counted.
 */
#include <linux/delay.h>
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
	struct list_head link;		/* owner->regs, until the callback */
	struct sim_proc *owner;
	u64 id;
	u64 va;
	u64 len;
	u32 devid;
	unsigned int refs;		/* as the driver counts them, not old */
	bool fired;
	bool walked;			/* the walk of the list has it in hand */
	bool poisoned;			/* the driver has freed it */
	void (*cb)(void *data);
	void *data;
	struct p2p_page_table table;
};

static LIST_HEAD(sim_regs);		/* by sim_lock, as all of the entries */
static u64 sim_regs_last;

bool sim_is_old(void)
{
	return sim_svm == 2 && sim_old;
}

/* The memory goes when nothing points at it; sim_lock held. */
static void sim_reg_release(struct sim_reg *reg)
{
	lockdep_assert_held(&sim_lock);
	if (!reg->poisoned || reg->walked || !list_empty(&reg->link))
		return;
	list_del(&reg->all);
	sim_adjust(SIM_registrations, -1);
	sim_proc_put(reg->owner);
	kvfree(reg->table.pages_info);
	kfree(reg);
}

/* Here the driver frees, whatever still points at it. */
static void sim_reg_free(struct sim_reg *reg)
{
	lockdep_assert_held(&sim_lock);
	reg->poisoned = true;
	if (!list_empty(&reg->link))
		sim_count(SIM_freed_while_listed);
	sim_reg_release(reg);
}

static void sim_reg_put(struct sim_reg *reg)
{
	lockdep_assert_held(&sim_lock);
	if (sim_is_old() || !--reg->refs)
		sim_reg_free(reg);
}

/* Memory of the caller's own, that is not an import, and not being freed. */
static struct sim_mem *sim_p2p_mem(struct sim_proc *p, u64 va, u64 len, u64 *off)
{
	struct sim_map *m = sim_map_find(p, va);

	if (!m || m->kind == SIM_IMPORT || !m->mem || m->mem->freeing ||
	    len > m->va + m->len - va)
		return NULL;
	*off = va - m->va + m->off;
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

/* v2 knows no range that begins inside of one of the heap's own pages. */
static int sim_p2p_pages(struct sim_reg *reg, struct sim_mem *mem, u64 off)
{
	u64 size = sim_svm == 2 ? mem->page_size : PAGE_SIZE, i;
	struct p2p_page_table *t = &reg->table;

	if (!IS_ALIGNED(off, size))
		return -EOPNOTSUPP;
	t->page_size = size;
	t->page_num = min_t(u64, t->page_num, DIV_ROUND_UP(reg->len, size));
	for (i = 0; i < t->page_num; i++)
		t->pages_info[i].pa = sim_mem_pa(mem, off + i * size);
	return 0;
}

static int sim_p2p_register(struct sim_reg *reg, struct sim_proc *p)
{
	struct sim_mem *mem;
	u64 off = 0;
	int ret;

	lockdep_assert_held(&sim_lock);
	mem = sim_p2p_mem(p, reg->va, reg->len, &off);
	if (!mem)
		return sim_svm == 2 && sim_map_find(p, reg->va) ?
		       -EOPNOTSUPP : -EINVAL;
	if (sim_proc_is_hidden(p, mem->devid))
		return -ESRCH;
	ret = sim_p2p_pages(reg, mem, off);
	if (ret)
		return ret;
	kref_get(&p->ref);
	reg->owner = p;
	reg->devid = mem->devid;
	reg->id = ++sim_regs_last;
	list_add(&reg->all, &sim_regs);
	sim_adjust(SIM_registrations, 1);
	return 0;
}

/* The lock of the list is the driver's; in the old age a callback holds it. */
static void sim_p2p_list(struct sim_reg *reg)
{
	struct mutex *lock = &reg->owner->p2p_lock[reg->devid];

	mutex_lock(lock);
	mutex_lock(&sim_lock);
	list_add_tail(&reg->link, &reg->owner->regs[reg->devid]);
	trace_reg(reg->owner->tgid, reg->id, NULL, reg->va, reg->len);
	mutex_unlock(&sim_lock);
	mutex_unlock(lock);
}

static struct sim_proc *sim_p2p_find(pid_t tgid, u64 va)
{
	struct sim_proc *p;

	mutex_lock(&sim_lock);
	p = sim_proc_find_locked(tgid, va);
	if (p)
		p->p2p_users++;
	mutex_unlock(&sim_lock);
	return p;
}

/* Who is hidden is not walked before those who found it have left. */
static void sim_p2p_leave(struct sim_proc *p)
{
	mutex_lock(&sim_lock);
	p->p2p_users--;
	mutex_unlock(&sim_lock);
}

int hal_kernel_p2p_get_pages(u64 va, u64 len, void (*free_callback)(void *data),
			     void *data, struct p2p_page_table **page_table)
{
	struct sim_reg *reg;
	struct sim_proc *p;
	int ret;

	if (!free_callback || !page_table)
		return -EINVAL;
	ret = sim_p2p_check(va, len);
	if (!ret && sim_p2p_fail)
		ret = -abs(sim_p2p_fail);
	if (ret) {
		sim_count(SIM_p2p_refused);
		return ret;
	}
	reg = kzalloc(sizeof(*reg), GFP_KERNEL);
	if (!reg)
		return -EINVAL;
	INIT_LIST_HEAD(&reg->link);
	reg->refs = 1;
	reg->va = va;
	reg->len = PAGE_ALIGN(len);
	reg->cb = free_callback;
	reg->data = data;
	reg->table.version = sim_p2p_version;
	reg->table.page_num = reg->len >> PAGE_SHIFT;
	reg->table.pages_info = kvcalloc(reg->table.page_num,
					 sizeof(struct p2p_page_info),
					 GFP_KERNEL | __GFP_NOWARN);
	ret = -EINVAL;
	if (!reg->table.pages_info)
		goto err;
	ret = -ESRCH;
	p = sim_p2p_find(current->tgid, va);
	if (!p)
		goto err;

	mutex_lock(&sim_lock);
	ret = sim_p2p_register(reg, p);
	mutex_unlock(&sim_lock);
	if (!ret) {
		/* may be called back from here on, before this has returned */
		*page_table = &reg->table;
		sim_p2p_list(reg);
	}
	sim_p2p_leave(p);
	if (ret)
		goto err;
	sim_count(SIM_p2p_get);
	return 0;
err:
	sim_count(SIM_p2p_refused);
	kvfree(reg->table.pages_info);
	kfree(reg);
	return ret;
}
EXPORT_SYMBOL_GPL(hal_kernel_p2p_get_pages);

static struct sim_reg *sim_reg_find(struct p2p_page_table *table)
{
	struct sim_reg *reg;

	list_for_each_entry(reg, &sim_regs, all)
		if (&reg->table == table && !reg->poisoned)
			return reg;
	return NULL;
}

/* Whom the driver takes for the owner, found by number; it may be another. */
static struct sim_proc *sim_put_find(struct sim_reg *reg)
{
	struct sim_proc *p;

	lockdep_assert_held(&sim_lock);
	p = sim_proc_find_locked(reg->owner->tgid, reg->va);
	if (p && sim_proc_is_hidden(p, reg->devid))
		p = NULL;
	if (p)
		p->p2p_users++;
	return p;
}

int hal_kernel_p2p_put_pages(struct p2p_page_table *page_table)
{
	struct sim_reg *reg;
	struct sim_proc *p;
	u32 devid;

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
	trace_put(reg->owner->tgid, reg->id, NULL, reg->va, reg->len);
	devid = reg->devid;
	p = sim_put_find(reg);
	mutex_unlock(&sim_lock);

	/* only whom it finds, it locks; else it frees what may be listed */
	if (p)
		mutex_lock(&p->p2p_lock[devid]);
	mutex_lock(&sim_lock);
	if (p && p == reg->owner)
		list_del_init(&reg->link);
	sim_reg_put(reg);
	mutex_unlock(&sim_lock);
	if (p) {
		mutex_unlock(&p->p2p_lock[devid]);
		sim_p2p_leave(p);
	}
	sim_count(SIM_p2p_put);
	return 0;
}
EXPORT_SYMBOL_GPL(hal_kernel_p2p_put_pages);

/* One linear search, of the whole list if there is nothing to be found. */
static struct sim_reg *sim_p2p_take(struct sim_proc *p, u32 devid, u64 va,
				    u64 end)
{
	struct sim_reg *reg, *tmp;

	lockdep_assert_held(&p->p2p_lock[devid]);
	sim_count(SIM_p2p_search);
	list_for_each_entry_safe(reg, tmp, &p->regs[devid], link) {
		if (reg->va >= end || va >= reg->va + reg->len)
			continue;
		mutex_lock(&sim_lock);
		list_del_init(&reg->link);
		if (reg->poisoned) {
			/* with the driver's own memory: use after free */
			sim_count(SIM_used_after_free);
			sim_reg_release(reg);
			mutex_unlock(&sim_lock);
			continue;
		}
		reg->refs++;
		reg->fired = true;
		reg->walked = true;
		mutex_unlock(&sim_lock);
		return reg;
	}
	return NULL;
}

/* The callback has returned.  The driver does not sleep before this is over. */
static void sim_p2p_tail(struct sim_reg *reg)
{
	unsigned int us;

	if (sim_is_old()) {
		for (us = READ_ONCE(sim_tail_us); us; us--)
			udelay(1);
		/* "no callback any more" is written to it, which is freed */
		if (READ_ONCE(reg->poisoned))
			sim_count(SIM_used_after_free);
	}
	trace_tail(reg->owner->tgid, reg->id, NULL, reg->va, reg->len);
	/* the stand-in's own books: this may sleep */
	mutex_lock(&sim_lock);
	reg->walked = false;
	if (!sim_is_old())
		sim_reg_put(reg);
	else if (reg->poisoned)
		sim_reg_release(reg);
	mutex_unlock(&sim_lock);
}

static void sim_p2p_call(struct sim_reg *reg)
{
	sim_count(SIM_callback);
	trace_callback(reg->owner->tgid, reg->id, NULL, reg->va, reg->len);
	reg->cb(reg->data);
	sim_p2p_tail(reg);
}

static void sim_p2p_walk(struct sim_proc *p, u32 devid, u64 va, u64 end)
{
	struct mutex *lock = &p->p2p_lock[devid];
	struct sim_reg *reg;

	do {
		mutex_lock(lock);
		reg = sim_p2p_take(p, devid, va, end);
		if (sim_is_old()) {
			while (reg) {
				sim_p2p_call(reg);
				reg = sim_p2p_take(p, devid, va, end);
			}
		}
		mutex_unlock(lock);
		if (reg)
			sim_p2p_call(reg);
	} while (reg);
}

/* Call back for whatever overlaps, on one device or on all (-1). */
void sim_p2p_fire(struct sim_proc *p, int devid, u64 va, u64 len)
{
	u64 end = len > U64_MAX - va ? U64_MAX : va + len;
	u32 i;

	for (i = 0; i < sim_nr_devices; i++)
		if (devid < 0 || i == devid)
			sim_p2p_walk(p, i, va, end);
}

/*
 * Who is hidden is found no more.  The driver waits for those who found it
 * before, and then walks the lists; here it takes its time in between.
 */
void sim_p2p_fire_hidden(struct sim_proc *p, int devid)
{
	bool users;

	sim_count(SIM_hidden);
	do {
		mutex_lock(&sim_lock);
		users = p->p2p_users;
		mutex_unlock(&sim_lock);
		if (users)
			usleep_range(100, 200);
	} while (users);
	if (sim_hide_ms)
		msleep(sim_hide_ms);
	sim_p2p_fire(p, devid, 0, U64_MAX);
}

/* Registrations of a module that forgot them. */
void sim_p2p_exit(void)
{
	struct sim_reg *reg, *tmp;

	mutex_lock(&sim_lock);
	list_for_each_entry_safe(reg, tmp, &sim_regs, all) {
		list_del_init(&reg->link);
		reg->walked = false;
		reg->poisoned = true;
		sim_reg_release(reg);
	}
	mutex_unlock(&sim_lock);
}

// SPDX-License-Identifier: GPL-2.0
/* A process's device page table, and the copies that go through it. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "sim.h"
#include "trace.h"

/* the range that contains va; sim_lock held */
struct sim_map *sim_map_find(struct sim_proc *p, u64 va)
{
	struct sim_map *m = sim_map_next(p, va);

	return m && m->va <= va ? m : NULL;
}

/* the first range that ends after va; sim_lock held */
struct sim_map *sim_map_next(struct sim_proc *p, u64 va)
{
	struct rb_node *n = p->maps.rb_node;
	struct sim_map *best = NULL;

	while (n) {
		struct sim_map *m = rb_entry(n, struct sim_map, node);

		if (va < m->va + m->len) {
			best = m;
			n = n->rb_left;
		} else {
			n = n->rb_right;
		}
	}
	return best;
}

/* Takes ownership of m on success; sim_lock held. */
int sim_map_insert(struct sim_proc *p, struct sim_map *m, struct sim_mem *mem)
{
	struct rb_node **link = &p->maps.rb_node, *parent = NULL;

	lockdep_assert_held(&sim_lock);
	if (!m->len || m->va + m->len < m->va || !PAGE_ALIGNED(m->va))
		return -EINVAL;
	while (*link) {
		struct sim_map *other = rb_entry(*link, struct sim_map, node);

		parent = *link;
		if (m->va + m->len <= other->va)
			link = &parent->rb_left;
		else if (m->va >= other->va + other->len)
			link = &parent->rb_right;
		else
			return -EINVAL;
	}
	rb_link_node(&m->node, parent, link);
	rb_insert_color(&m->node, &p->maps);
	m->proc = p;
	m->mem = mem;
	m->present = true;
	list_add(&m->mem_link, &mem->maps);
	sim_adjust(SIM_mappings, 1);
	return 0;
}

void sim_map_remove(struct sim_map *m)
{
	lockdep_assert_held(&sim_lock);
	rb_erase(&m->node, &m->proc->maps);
	list_del(&m->mem_link);
	kfree(m);
	sim_adjust(SIM_mappings, -1);
}

/*
 * Resolve one device address.  The page reference keeps the host page from
 * going back to the allocator under the copy, nothing more: who frees device
 * memory does not wait for it.
 */
static struct page *sim_page_get(struct sim_proc *p, u64 va)
{
	struct page *page = NULL;
	struct sim_map *m;
	u64 id = 0;

	mutex_lock(&sim_lock);
	m = sim_map_find(p, va);
	if (m) {
		id = m->id;
		if (m->present && m->mem && m->mem->pages) {
			page = m->mem->pages[(m->off + va - m->va) >> PAGE_SHIFT];
			get_page(page);
		}
	}
	mutex_unlock(&sim_lock);
	if (!page) {
		sim_count(SIM_fault);
		trace_fault(p->tgid, id, NULL, va, PAGE_SIZE);
	}
	return page;
}

static int sim_copy_chunk(struct page *dst, u64 to, struct page *src, u64 from,
			  u64 n)
{
	void *d = dst ? page_address(dst) + offset_in_page(to) : NULL;
	void *s = src ? page_address(src) + offset_in_page(from) : NULL;

	if (d && s)
		memmove(d, s, n);
	else if (d)
		return copy_from_user(d, u64_to_user_ptr(from), n) ? -EFAULT : 0;
	else if (copy_to_user(u64_to_user_ptr(to), s, n))
		return -EFAULT;
	return 0;
}

/* ENXIO is a device page fault, EFAULT a bad host address. */
int sim_copy(struct sim_proc *p, struct ascend_sim_arg *a)
{
	bool to_dev = a->flags & ASCEND_SIM_DST_DEV;
	bool from_dev = a->flags & ASCEND_SIM_SRC_DEV;
	u64 dst = a->va, src = a->addr, left = a->len;
	int ret = 0;

	if (!to_dev && !from_dev)
		return -EINVAL;
	/* v2: wait out a heap teardown, but hold nothing across user memory */
	if (sim_svm == 2) {
		down_read(&p->ioctl_sem);
		up_read(&p->ioctl_sem);
	}
	sim_count(SIM_copy);
	while (left && !ret) {
		struct page *dpage = NULL, *spage = NULL;
		u64 n = left;

		if (to_dev)
			n = min_t(u64, n, PAGE_SIZE - offset_in_page(dst));
		if (from_dev)
			n = min_t(u64, n, PAGE_SIZE - offset_in_page(src));
		if (to_dev)
			dpage = sim_page_get(p, dst);
		if (from_dev && (dpage || !to_dev))
			spage = sim_page_get(p, src);
		if ((to_dev && !dpage) || (from_dev && !spage))
			ret = -ENXIO;
		else
			ret = sim_copy_chunk(dpage, dst, spage, src, n);
		if (dpage)
			put_page(dpage);
		if (spage)
			put_page(spage);
		dst += n;
		src += n;
		left -= n;
		cond_resched();
	}
	return ret;
}

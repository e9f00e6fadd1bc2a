// SPDX-License-Identifier: GPL-2.0
/* Names (v2) and keys (v3): creation, end, and what each end does to imports. */
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "sim.h"
#include "trace.h"

#define SIM_NAME_CHARS	64

static DEFINE_HASHTABLE(sim_keys, 10);	/* by sim_lock */
static u64 sim_counter;			/* never repeats while loaded */
static DEFINE_XARRAY(sim_gone);		/* destroyed id -> creator */

struct sim_key *sim_key_by_id(u64 id)
{
	struct sim_key *key;

	lockdep_assert_held(&sim_lock);
	hash_for_each_possible(sim_keys, key, node, id)
		if (key->id == id)
			return key;
	return NULL;
}

/* v2: 8 digits creator, 16 digits counter, 2 device, 2 function, 8 sdid */
static bool sim_name_id(const char *name, u64 *id)
{
	char digits[17];

	if (strnlen(name, SIM_NAME_CHARS) < 36)
		return false;
	memcpy(digits, name + 8, 16);
	digits[16] = '\0';
	return !kstrtou64(digits, 16, id);
}

/* What the caller means: v2 by full text, v3 by number. */
struct sim_key *sim_key_find(struct ascend_sim_arg *a)
{
	struct sim_key *key;

	if (sim_svm == 3)
		return sim_key_by_id(a->id);
	if (!sim_name_id(a->name, &a->id))
		return NULL;
	key = sim_key_by_id(a->id);
	if (key && strcmp(key->name, a->name))
		key = NULL;
	return key;
}

static void sim_key_number(struct sim_key *key)
{
	int n;

	key->id = ++sim_counter;
	if (sim_svm == 3) {
		key->id = (u64)key->devid << 32 | (sim_counter & U32_MAX);
		return;
	}
	n = scnprintf(key->name, sizeof(key->name), "%08x%016llx%02x%02x%08x",
		      key->creator, key->id, key->devid, ASCEND_SIM_VFID,
		      key->devid);
	memset(key->name + n, '0', SIM_NAME_CHARS - n);
	key->name[SIM_NAME_CHARS] = '\0';
}

int sim_key_create(struct sim_proc *p, struct ascend_sim_arg *a)
{
	struct sim_key_entry *entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	struct sim_key *key = kzalloc(sizeof(*key), GFP_KERNEL);
	/* v2 has one answer for nearly everything that can go wrong here */
	int ret = sim_svm == 2 ? -ENOMEM : -EINVAL;
	struct sim_map *m;

	if (!entry || !key) {
		ret = -ENOMEM;
		goto err_free;
	}
	mutex_lock(&sim_lock);
	m = sim_map_find(p, a->va);
	if (!m || m->kind == SIM_IMPORT || !m->mem || m->mem->freeing ||
	    !a->len || a->len > m->va + m->len - a->va)
		goto err_unlock;
	/* whole pages of the heap, v3: of the device */
	ret = -EINVAL;
	if (!IS_ALIGNED(m->off + a->va - m->va,
			sim_svm == 2 ? m->mem->page_size : PAGE_SIZE))
		goto err_unlock;

	INIT_LIST_HEAD(&key->wl);
	key->owner = p;
	key->creator = p->tgid;
	key->mem = m->mem;
	key->devid = m->devid;
	key->va = a->va;
	key->len = a->len;
	key->off = m->off + a->va - m->va;
	key->valid = true;
	sim_key_number(key);
	m->mem->ipc_create = true;
	list_add_tail(&key->mem_link, &m->mem->keys);
	hash_add(sim_keys, &key->node, key->id);
	entry->va = a->va;
	entry->id = key->id;
	list_add_tail(&entry->link, &p->keys);

	a->id = key->id;
	a->devid = key->devid;
	memcpy(a->name, key->name, sizeof(a->name));
	trace_create(p->tgid, key->id, key->name, key->va, key->len);
	mutex_unlock(&sim_lock);
	sim_adjust(SIM_keys, 1);
	sim_count(SIM_create);
	return 0;

err_unlock:
	mutex_unlock(&sim_lock);
err_free:
	kfree(entry);
	kfree(key);
	return ret;
}

static void sim_key_free(struct sim_key *key)
{
	struct sim_wl *wl, *tmp;

	list_for_each_entry_safe(wl, tmp, &key->wl, link)
		kfree(wl);
	hash_del(&key->node);
	list_del(&key->mem_link);
	kfree(key);
	sim_adjust(SIM_keys, -1);
}

/* v2: a name lives on, invalid, while somebody has it open */
void sim_key_unref(struct sim_key *key)
{
	if (!key->valid && !key->opens)
		sim_key_free(key);
}

/*
 * v2: every importer's device loses the mapping at once, but for those who are
 * exiting: they are skipped, and nobody comes back to them.  sim_lock held.
 */
void sim_key_cut(struct sim_key *key)
{
	struct sim_map *m;

	if (!key->mem)
		return;
	list_for_each_entry(m, &key->mem->maps, mem_link) {
		if (m->key != key || !m->present)
			continue;
		if (m->proc->hidden) {
			sim_count(SIM_spared);
			continue;
		}
		m->present = false;
		sim_count(SIM_cutoff);
		trace_cutoff(m->proc->tgid, key->id, key->name, m->va, m->len);
	}
}

/* v3: the dead have pins as well, so a destroy takes nothing from them. */
static bool sim_key_mapped(struct sim_key *key)
{
	struct sim_map *m;

	if (!key->mem)
		return false;
	list_for_each_entry(m, &key->mem->maps, mem_link)
		if (m->kind == SIM_IMPORT && m->id == key->id && m->present &&
		    m->proc != key->owner && (!key->mem->linear || m->nopen) &&
		    !(sim_svm == 3 && m->proc->dead))
			return true;
	return false;
}

/*
 * The owner's list.  v2 looks its entries up by address alone, so with two
 * names on one address the wrong entry goes.
 */
static void sim_key_unlist(struct sim_key *key)
{
	struct sim_key_entry *e;

	if (!key->owner)
		return;
	list_for_each_entry(e, &key->owner->keys, link) {
		if (sim_svm == 2 ? e->va == key->va : e->id == key->id) {
			list_del(&e->link);
			kfree(e);
			return;
		}
	}
}

/* The end of a key by whatever way; sim_lock held, frees it if it may. */
void sim_key_end(struct sim_key *key)
{
	lockdep_assert_held(&sim_lock);
	trace_destroy(key->creator, key->id, key->name, key->va, key->len);
	sim_key_unlist(key);
	key->valid = false;
	xa_store(&sim_gone, key->id, xa_mk_value(key->creator), GFP_ATOMIC);
	if (sim_svm == 3) {
		/* pins and mappings stay */
		sim_key_free(key);
		return;
	}
	if (key->mem)
		key->mem->ipc_create = false;
	sim_key_cut(key);
	sim_key_unref(key);
}

int sim_key_destroy(struct sim_proc *p, struct ascend_sim_arg *a)
{
	struct sim_key *key;
	void *gone;
	int ret = 0;

	mutex_lock(&sim_lock);
	key = sim_key_find(a);
	if (!key) {
		gone = xa_load(&sim_gone, a->id);
		if (gone && xa_to_value(gone) == p->tgid)
			sim_count(SIM_double_destroy);
		ret = -EINVAL;
	} else if (key->creator != p->tgid) {
		ret = sim_svm == 2 ? -EACCES : -EPERM;
	} else if (!key->valid) {
		sim_count(SIM_double_destroy);
		ret = -EFAULT;
	} else {
		if (sim_key_mapped(key))
			sim_count(SIM_destroy_while_mapped);
		sim_key_end(key);
	}
	mutex_unlock(&sim_lock);
	sim_count(ret ? SIM_destroy_refused : SIM_destroy);
	return ret;
}

static struct sim_wl *sim_wl_of(struct sim_key *key, struct sim_map *m)
{
	struct sim_wl *wl;

	list_for_each_entry(wl, &key->wl, link)
		if (wl->map == m)
			return wl;
	return NULL;
}

/* One import ends: close, reset, or the teardown of a dead process. */
void sim_import_end(struct sim_map *m)
{
	bool pinned = sim_svm == 3 && m->mem && !m->mem->linear;
	struct sim_mem *mem = m->mem;
	struct sim_key *key = m->key;
	struct sim_wl *wl;

	lockdep_assert_held(&sim_lock);
	if (key) {
		wl = sim_wl_of(key, m);
		if (wl)
			wl->map = NULL;
	}
	trace_close(m->proc->tgid, m->id, key ? key->name : NULL, m->va, m->len);
	sim_map_remove(m);
	if (key) {
		key->opens--;
		sim_key_unref(key);
	}
	if (pinned)
		sim_mem_unpin(mem);
}

/*
 * Destroy what the owner's list names, on one device or on all (-1).  Not the
 * owner's act, so it is no early destroy: the memory's end is counted instead.
 */
void sim_keys_recycle(struct sim_proc *p, int devid)
{
	struct sim_key_entry *e, *tmp;
	struct sim_key *key;
	LIST_HEAD(todo);

	lockdep_assert_held(&sim_lock);
	list_for_each_entry_safe(e, tmp, &p->keys, link) {
		key = sim_key_by_id(e->id);
		if (devid < 0 || !key || key->devid == devid)
			list_move_tail(&e->link, &todo);
	}
	list_for_each_entry_safe(e, tmp, &todo, link) {
		key = sim_key_by_id(e->id);
		list_del(&e->link);
		kfree(e);
		if (key && key->valid)
			sim_key_end(key);
	}
}

/* Keys that the list had lost stay, valid, and point at nobody. */
void sim_keys_orphan(struct sim_proc *p)
{
	struct sim_key *key;
	int i;

	hash_for_each(sim_keys, i, key, node) {
		if (key->owner != p)
			continue;
		key->owner = NULL;
		if (key->valid)
			sim_count(SIM_dangling_key);
	}
}

void sim_keys_forget(void)
{
	xa_destroy(&sim_gone);
}

/* What points at nobody and is open nowhere. */
void sim_keys_reap(void)
{
	struct hlist_node *tmp;
	struct sim_key *key;
	int i;

	mutex_lock(&sim_lock);
	hash_for_each_safe(sim_keys, i, tmp, key, node)
		if (!key->owner && !key->opens)
			sim_key_free(key);
	mutex_unlock(&sim_lock);
}

void sim_keys_exit(void)
{
	/* every process is gone: all that is left is of that kind */
	sim_keys_reap();
	sim_keys_forget();
}

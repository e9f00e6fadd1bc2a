// SPDX-License-Identifier: GPL-2.0
/* What others do with a key: ask, be listed, open, close. */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "sim.h"
#include "trace.h"

#define SIM_WL_MAX_V2	32768
#define SIM_WL_MAX_V3	65535
#define SIM_SERVER_SHIFT 22
#define SIM_SERVER	0

static struct sim_wl *sim_wl_of_pid(struct sim_key *key, pid_t pid)
{
	struct sim_wl *wl;

	list_for_each_entry(wl, &key->wl, link)
		if (wl->pid == pid && wl->server == SIM_SERVER)
			return wl;
	return NULL;
}

/* v3: on the list, and not born after it was put there */
static bool sim_admitted_v3(struct sim_key *key, struct sim_proc *p)
{
	struct sim_wl *wl = sim_wl_of_pid(key, p->tgid);

	return key->no_wlist || key->creator == p->tgid ||
	       (wl && p->start_time < wl->set_time);
}

int sim_key_query(struct sim_proc *p, struct ascend_sim_arg *a)
{
	struct sim_key *key;
	int ret = -EINVAL;

	mutex_lock(&sim_lock);
	key = sim_key_find(a);
	/* v2: also a destroyed one that somebody has open */
	if (!key)
		goto out;
	if (sim_svm == 3 && !a->flags && !sim_admitted_v3(key, p))
		goto out;
	a->va = key->va;
	a->len = key->len;
	a->devid = key->devid;
	a->pid = key->creator;
	a->flags = key->mem && key->mem->linear ? ASCEND_SIM_F_LINEAR : 0;
	ret = 0;
out:
	mutex_unlock(&sim_lock);
	return ret;
}

/* v3: linear memory has one address for all, whoever opens it how often */
static struct sim_map *sim_linear_map(struct sim_proc *p, struct sim_mem *mem)
{
	struct sim_map *m;

	list_for_each_entry(m, &mem->maps, mem_link)
		if (m->proc == p && m->kind == SIM_IMPORT)
			return m;
	return NULL;
}

static int sim_open_v2(struct sim_proc *p, struct sim_key *key,
		       struct sim_map *m, struct sim_wl *spare)
{
	struct sim_wl *wl;
	int ret;

	if (!key->valid || !key->mem || key->mem->freeing)
		return -EINVAL;
	wl = sim_wl_of_pid(key, p->tgid);
	if (!wl && key->no_wlist)
		/* listed by its first open, and for as long as the key lives */
		wl = spare;
	else if (!wl || p->start_time > wl->set_time || wl->map)
		return -EINVAL;
	ret = sim_map_insert(p, m, key->mem);
	if (ret)
		return ret;
	if (wl == spare) {
		wl->pid = p->tgid;
		wl->set_time = ktime_get_ns();
		list_add_tail(&wl->link, &key->wl);
	}
	wl->map = m;
	m->key = key;
	key->opens++;
	return wl == spare ? 1 : 0;
}

static int sim_open_v3(struct sim_proc *p, struct sim_key *key,
		       struct sim_map *m)
{
	int ret;

	if (!sim_admitted_v3(key, p))
		return -EPERM;
	if (!key->mem || key->mem->freeing)
		return -EOWNERDEAD;
	ret = sim_map_insert(p, m, key->mem);
	if (ret)
		return ret;
	m->nopen = 1;
	if (!key->mem->linear)
		key->mem->pins++;
	return 0;
}

int sim_key_open(struct sim_proc *p, struct ascend_sim_arg *a)
{
	struct sim_wl *spare = kzalloc(sizeof(*spare), GFP_KERNEL);
	struct sim_map *m = kzalloc(sizeof(*m), GFP_KERNEL), *old;
	int ret = -EINVAL;
	struct sim_key *key;

	if (!spare || !m) {
		ret = -ENOMEM;
		goto out_free;
	}
	if (a->devid >= sim_nr_devices || !(p->opened & BIT(a->devid))) {
		ret = -ENODEV;
		goto out_free;
	}
	mutex_lock(&sim_lock);
	key = sim_key_find(a);
	if (!key)
		goto out_unlock;
	m->kind = SIM_IMPORT;
	m->va = a->va;
	m->off = key->off;
	m->len = PAGE_ALIGN(key->len + offset_in_page(key->off));
	m->devid = a->devid;
	m->id = key->id;
	if (offset_in_page(key->off))
		goto out_unlock;
	old = sim_svm == 3 && key->mem && key->mem->linear ?
	      sim_linear_map(p, key->mem) : NULL;
	if (old && sim_admitted_v3(key, p)) {
		old->nopen++;
		a->va = old->va;
		ret = 1;
	} else {
		ret = sim_svm == 2 ? sim_open_v2(p, key, m, spare) :
				     sim_open_v3(p, key, m);
		if (ret == 1)
			spare = NULL;
		if (ret >= 0)
			m = NULL;
	}
	if (ret >= 0)
		trace_open(p->tgid, key->id, key->name, a->va, key->len);
out_unlock:
	mutex_unlock(&sim_lock);
	if (ret >= 0) {
		sim_count(SIM_open);
		ret = 0;
	}
out_free:
	kfree(spare);
	kfree(m);
	return ret;
}

int sim_key_close(struct sim_proc *p, struct ascend_sim_arg *a)
{
	struct sim_map *m;
	int ret = -EINVAL;

	mutex_lock(&sim_lock);
	m = sim_map_find(p, a->va);
	if (m && m->kind == SIM_IMPORT && m->va == a->va) {
		ret = 0;
		if (sim_svm == 3 && m->mem && m->mem->linear) {
			/* a no-op; counted so that the ledger knows */
			if (m->nopen)
				m->nopen--;
			a->flags = ASCEND_SIM_F_LINEAR;
		} else {
			sim_import_end(m);
		}
	}
	mutex_unlock(&sim_lock);
	if (!ret)
		sim_count(SIM_close);
	return ret;
}

/* sim_lock held; *spare is used up if the pid is new */
static bool sim_wl_add(struct sim_key *key, struct sim_proc *p, pid_t pid,
		       u32 server, struct sim_wl **spare)
{
	struct sim_wl *wl;

	if (!pid || (sim_svm == 2 && pid == p->tgid && server == SIM_SERVER))
		return false;
	list_for_each_entry(wl, &key->wl, link) {
		if (wl->pid == pid && wl->server == server) {
			wl->set_time = ktime_get_ns();
			return true;
		}
	}
	if (!*spare)
		return false;
	wl = *spare;
	*spare = NULL;
	wl->pid = pid;
	wl->server = server;
	wl->set_time = ktime_get_ns();
	list_add_tail(&wl->link, &key->wl);
	key->nwl++;
	return true;
}

static int sim_wl_check(struct sim_proc *p, struct sim_key *key, int num)
{
	if (!key)
		return -EINVAL;
	if (key->creator != p->tgid)
		return sim_svm == 2 ? -EINVAL : -EPERM;
	if (!key->valid)
		return -EFAULT;
	if (key->no_wlist)
		return -EPERM;
	if (key->nwl + num > (sim_svm == 2 ? SIM_WL_MAX_V2 : SIM_WL_MAX_V3))
		return sim_svm == 2 ? -EINVAL : -E2BIG;
	return 0;
}

int sim_key_set_pid(struct sim_proc *p, struct ascend_sim_arg *a)
{
	struct sim_wl *spare[ASCEND_SIM_MAX_PIDS] = {};
	int ret, i, num = a->pid, added = 0;
	struct sim_key *key;

	if (num <= 0 || num > ASCEND_SIM_MAX_PIDS)
		return -EINVAL;
	for (i = 0; i < num; i++)
		spare[i] = kzalloc(sizeof(*spare[i]), GFP_KERNEL);

	mutex_lock(&sim_lock);
	key = sim_key_find(a);
	ret = sim_wl_check(p, key, num);
	for (i = 0; !ret && i < num; i++)
		added += sim_wl_add(key, p, a->pids[i],
				    a->sdid >> SIM_SERVER_SHIFT, &spare[i]);
	mutex_unlock(&sim_lock);
	for (i = 0; i < num; i++)
		kfree(spare[i]);
	if (ret)
		return ret;
	sim_count(SIM_set_pid);
	return added ? 0 : -EINVAL;
}

int sim_key_set_attr(struct sim_proc *p, struct ascend_sim_arg *a)
{
	u64 attr = a->va;
	struct sim_key *key;
	int ret = 0;

	if (a->flags > ASCEND_SIM_ATTR_NO_WLIST)
		return -EINVAL;
	mutex_lock(&sim_lock);
	key = sim_key_find(a);
	if (!key) {
		ret = -EINVAL;
	} else if (key->creator != p->tgid) {
		ret = -EPERM;
	} else if (!key->valid) {
		ret = -EFAULT;
	} else if (a->flags == ASCEND_SIM_ATTR_MEM_MAP) {
		if (sim_svm == 3)
			ret = -EOPNOTSUPP;
		else
			key->attr = attr;
	} else if (attr != 1) {
		ret = attr ? -EINVAL : -EOPNOTSUPP;
	} else if (key->nwl) {
		ret = -EPERM;
	} else {
		key->no_wlist = true;
	}
	mutex_unlock(&sim_lock);
	if (!ret)
		sim_count(SIM_set_attr);
	return ret;
}

int sim_key_get_attr(struct sim_proc *p, struct ascend_sim_arg *a)
{
	struct sim_key *key;
	int ret = 0;

	if (a->flags > ASCEND_SIM_ATTR_NO_WLIST)
		return -EINVAL;
	mutex_lock(&sim_lock);
	key = sim_key_find(a);
	if (!key || !key->valid)
		ret = -EINVAL;
	else
		a->va = a->flags ? key->no_wlist : key->attr;
	mutex_unlock(&sim_lock);
	return ret;
}

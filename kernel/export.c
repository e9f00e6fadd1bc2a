// SPDX-License-Identifier: GPL-2.0
/* EXPORT and ALLOW: what the exporter says of a key. */

#include <linux/mm.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>

#include "aclipc.h"
#include "trace.h"

static int aclipc_export_new(struct aclipc_session *session,
			     const struct aclipc_key *key,
			     struct aclipc_export *cmd)
{
	struct aclipc_share *share;
	int ret;

	share = aclipc_share_new(session, key);
	if (IS_ERR(share))
		return PTR_ERR(share);
	share->addr = cmd->addr;
	share->length = cmd->length;
	share->device = cmd->device;
	share->anyone = cmd->flags & ACLIPC_EXPORT_ANYONE;
	share->watchable = !(cmd->flags & ACLIPC_EXPORT_UNWATCHED);
	cmd->out_generation = share->generation;

	ret = aclipc_share_publish(share);
	if (!ret) {
		if (share->watchable)
			aclipc_watch_share(share);
		cmd->out_watched = READ_ONCE(share->watched);
		trace_aclipc_export(share);
	}
	aclipc_share_put(share);
	return ret;
}

int aclipc_ioctl_export(struct aclipc_session *session, void *arg)
{
	struct aclipc_export *cmd = arg;
	struct aclipc_key key;
	int ret;

	if (cmd->flags & ~(ACLIPC_EXPORT_ANYONE | ACLIPC_EXPORT_UNWATCHED))
		return -EOPNOTSUPP;
	if (!cmd->addr || !cmd->length || cmd->device >= ACLIPC_DEVICES ||
	    cmd->addr + cmd->length < cmd->addr)
		return -EINVAL;
	ret = aclipc_key_init(&key, cmd->key);
	if (ret)
		return ret;

	ret = aclipc_charge(&session->owner->nr_exports,
			    READ_ONCE(aclipc_max_exports));
	if (ret)
		return ret;
	ret = aclipc_export_new(session, &key, cmd);
	/* a share that was published gives it back when it retires */
	if (ret)
		atomic_dec(&session->owner->nr_exports);
	else
		aclipc_owner_know(session->owner);
	return ret;
}

static void aclipc_allow_free_rcu(struct rcu_head *rcu)
{
	kvfree(container_of(rcu, struct aclipc_list, rcu));
}

void aclipc_allow_free(struct aclipc_list *allow)
{
	unsigned int i;

	if (!allow)
		return;
	for (i = 0; i < allow->nr; i++)
		put_pid(allow->pids[i]);
	call_rcu(&allow->rcu, aclipc_allow_free_rcu);
}

static int aclipc_pid_cmp(const void *a, const void *b)
{
	const struct pid *x = *(struct pid * const *)a;
	const struct pid *y = *(struct pid * const *)b;

	return x < y ? -1 : x > y;
}

/* Drop neighbours that are the same process.  The list is sorted. */
static void aclipc_allow_unique(struct aclipc_list *allow)
{
	unsigned int from, to = 0;

	for (from = 0; from < allow->nr; from++) {
		if (to && allow->pids[to - 1] == allow->pids[from])
			put_pid(allow->pids[from]);
		else
			allow->pids[to++] = allow->pids[from];
	}
	allow->nr = to;
}

/* Turn numbers into processes, behind what is on the list.  How many exist. */
static int aclipc_allow_add(struct aclipc_list *allow,
			    const s32 *pids, u32 nr, struct pid *self)
{
	struct pid *pid;
	int added = 0;
	u32 i;

	for (i = 0; i < nr; i++) {
		if (!pids[i])
			continue;
		rcu_read_lock();
		pid = find_pid_ns(pids[i], &init_pid_ns);
		if (pid && (pid == self || !pid_task(pid, PIDTYPE_TGID)))
			pid = NULL;
		get_pid(pid);
		rcu_read_unlock();
		if (!pid)
			continue;
		allow->pids[allow->nr++] = pid;
		added++;
	}
	return added;
}

static unsigned int aclipc_allow_nr(struct aclipc_share *share)
{
	struct aclipc_list *list;
	unsigned int nr;

	rcu_read_lock();
	list = rcu_dereference(share->allow);
	nr = list ? list->nr : 0;
	rcu_read_unlock();
	return nr;
}

/* Fill @new with the list of @share and these processes.  Lists only grow. */
static int aclipc_allow_replace(struct aclipc_share *share,
				struct aclipc_list *new, unsigned int room,
				const s32 *pids, u32 nr, u32 *added)
{
	struct aclipc_list *old;
	unsigned int i;

	old = rcu_dereference_protected(share->allow,
					lockdep_is_held(&share->session->mutex));
	if (old && old->nr > room)
		return -EAGAIN;
	for (i = 0; old && i < old->nr; i++)
		new->pids[new->nr++] = get_pid(old->pids[i]);
	*added = aclipc_allow_add(new, pids, nr,
				  aclipc_share_owner(share)->pid);
	sort(new->pids, new->nr, sizeof(new->pids[0]), aclipc_pid_cmp, NULL);
	aclipc_allow_unique(new);
	if (new->nr > READ_ONCE(aclipc_max_allow))
		return -EDQUOT;
	rcu_assign_pointer(share->allow, new);
	aclipc_allow_free(old);
	return 0;
}

static int aclipc_allow_grow(struct aclipc_share *share, const s32 *pids,
			     u32 nr, u32 *added)
{
	struct aclipc_list *new;
	unsigned int room;
	int ret;

	do {
		room = aclipc_allow_nr(share);
		new = kvzalloc(struct_size(new, pids, room + nr),
			       GFP_KERNEL_ACCOUNT);
		if (!new)
			return -ENOMEM;
		mutex_lock(&share->session->mutex);
		ret = aclipc_allow_replace(share, new, room, pids, nr, added);
		mutex_unlock(&share->session->mutex);
		if (ret)
			aclipc_allow_free(new);
	} while (ret == -EAGAIN);
	return ret;
}

/* The array of the caller, checked. */
static s32 *aclipc_allow_copy(u64 addr, u32 nr)
{
	s32 *pids;
	u32 i;

	pids = kvmalloc_array(nr, sizeof(*pids), GFP_KERNEL_ACCOUNT);
	if (!pids)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(pids, u64_to_user_ptr(addr), nr * sizeof(*pids))) {
		kvfree(pids);
		return ERR_PTR(-EFAULT);
	}
	for (i = 0; i < nr; i++) {
		if (pids[i] < 0) {
			kvfree(pids);
			return ERR_PTR(-EINVAL);
		}
	}
	return pids;
}

static int aclipc_allow_pids(struct aclipc_share *share, u64 addr, u32 nr,
			     u32 *added)
{
	s32 *pids;
	int ret;

	if (!nr)
		return 0;
	pids = aclipc_allow_copy(addr, nr);
	if (IS_ERR(pids))
		return PTR_ERR(pids);
	ret = aclipc_allow_grow(share, pids, nr, added);
	kvfree(pids);
	return ret;
}

int aclipc_ioctl_allow(struct aclipc_session *session, void *arg)
{
	struct aclipc_allow *cmd = arg;
	struct aclipc_share *share;
	struct aclipc_key key;
	int ret;

	if (cmd->flags & ~(ACLIPC_ALLOW_ANYONE | ACLIPC_ALLOW_REMOTE))
		return -EOPNOTSUPP;
	if (cmd->nr_pids > ACLIPC_ALLOW_MAX)
		return -EINVAL;
	ret = aclipc_key_init(&key, cmd->key);
	if (ret)
		return ret;
	share = aclipc_share_get_own(session, &key, cmd->generation);
	if (IS_ERR(share))
		return PTR_ERR(share);

	cmd->out_added = 0;
	ret = aclipc_allow_pids(share, cmd->pids, cmd->nr_pids,
				&cmd->out_added);
	if (!ret) {
		spin_lock(&share->lock);
		if (cmd->flags & ACLIPC_ALLOW_ANYONE)
			WRITE_ONCE(share->anyone, true);
		if (cmd->flags & ACLIPC_ALLOW_REMOTE)
			share->remote = true;
		spin_unlock(&share->lock);
	}
	aclipc_share_put(share);
	return ret;
}

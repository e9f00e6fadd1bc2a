// SPDX-License-Identifier: GPL-2.0
/* fdinfo: what a session holds.  debugfs: what there is, for root only. */

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/sched/signal.h>

#include "aclipc.h"
#include "compat.h"

/* Others see the beginning of a key, never the whole. */
#define ACLIPC_SHOW_KEY		8

static struct dentry *aclipc_dir;

static const char *aclipc_state_name(u8 state)
{
	static const char * const names[] = {
		[ACLIPC_STATE_LIVE] = "live",
		[ACLIPC_STATE_CLOSING] = "closing",
		[ACLIPC_STATE_HELD] = "held",
		[ACLIPC_STATE_REVOKED] = "revoked",
	};

	return names[state];
}

static const char *aclipc_reason_name(u8 reason)
{
	static const char * const names[] = {
		[ACLIPC_REASON_NONE] = "none",
		[ACLIPC_REASON_EXIT] = "exit",
		[ACLIPC_REASON_SESSION] = "session",
		[ACLIPC_REASON_FREED] = "freed",
		[ACLIPC_REASON_DEVICE] = "device",
		[ACLIPC_REASON_FORCED] = "forced",
		[ACLIPC_REASON_CLOSED] = "closed",
	};

	return names[reason];
}

/* The next listed object may go at any time: one lock for the whole list. */
void aclipc_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct aclipc_session *session = file->private_data;
	struct aclipc_share *share;
	struct aclipc_imp *import;

	seq_printf(m, "aclipc_owner:\t%d\n",
		   pid_nr_ns(session->owner->pid,
			     aclipc_proc_pid_ns(m->file)));
	spin_lock(&session->lock);
	list_for_each_entry(share, &session->shares, session_node) {
		/* it is shown again from the start, into a larger buffer */
		if (seq_has_overflowed(m))
			break;
		seq_printf(m, "aclipc_export:\t%llu %s %s %llu %llu %llu %*phN\n",
			   share->generation,
			   aclipc_state_name(READ_ONCE(share->state)),
			   aclipc_reason_name(READ_ONCE(share->reason)),
			   share->length, READ_ONCE(share->nr_imports),
			   READ_ONCE(share->nr_settling),
			   ACLIPC_SHOW_KEY, share->key);
	}
	list_for_each_entry(import, &session->imports, session_node) {
		if (seq_has_overflowed(m))
			break;
		share = import->mark.share;
		seq_printf(m, "aclipc_import:\t%llu %s %u %llu %*phN\n",
			   share->generation,
			   aclipc_state_name(READ_ONCE(share->state)),
			   READ_ONCE(import->count), share->length,
			   ACLIPC_SHOW_KEY, share->key);
	}
	spin_unlock(&session->lock);
}

/* Walk all shares.  Inside the walk, which is an RCU section, they stay. */
static void *aclipc_seq_skip(struct rhashtable_iter *iter, void *share)
{
	/* the table was resized: some may come twice */
	while (IS_ERR(share))
		share = rhashtable_walk_next(iter);
	return share;
}

static void *aclipc_seq_start(struct seq_file *m, loff_t *pos)
	__acquires(RCU)
{
	struct rhashtable_iter *iter = m->private;

	rhashtable_walk_start(iter);
	if (!*pos)
		return SEQ_START_TOKEN;
	return aclipc_seq_skip(iter, rhashtable_walk_peek(iter));
}

static void *aclipc_seq_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct rhashtable_iter *iter = m->private;

	++*pos;
	return aclipc_seq_skip(iter, rhashtable_walk_next(iter));
}

static void aclipc_seq_stop(struct seq_file *m, void *v)
	__releases(RCU)
{
	rhashtable_walk_stop(m->private);
}

static int aclipc_seq_open(struct file *file, const struct seq_operations *ops)
{
	struct rhashtable_iter *iter;

	iter = __seq_open_private(file, ops, sizeof(*iter));
	if (!iter)
		return -ENOMEM;
	/* a walk starts again when the table is resized: let that end first */
	while (work_busy(&aclipc_shares.run_work) && !signal_pending(current))
		flush_work(&aclipc_shares.run_work);
	rhashtable_walk_enter(&aclipc_shares, iter);
	return 0;
}

static int aclipc_seq_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	rhashtable_walk_exit(m->private);
	return seq_release_private(inode, file);
}

static void aclipc_seq_key(struct seq_file *m, const u8 *key)
{
	seq_printf(m, "%*phN\n",
		   (int)strnlen((const char *)key, ACLIPC_KEY_MAX), key);
}

static int aclipc_shares_show(struct seq_file *m, void *v)
{
	struct aclipc_share *share = v;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "generation state reason owner_pid length imports settling self waiters deferred anyone remote watched key\n");
		return 0;
	}
	spin_lock(&share->lock);
	if (share->known) {
		seq_printf(m, "%llu %s %s %d %llu %llu %llu %llu %u %d %d %d %d ",
			   share->generation, aclipc_state_name(share->state),
			   aclipc_reason_name(share->reason),
			   pid_nr(aclipc_share_owner(share)->pid),
			   share->length, share->nr_imports,
			   share->nr_settling, share->nr_self,
			   share->nr_waiters, share->deferred, share->anyone,
			   share->remote, share->watched &&
			   share->state != ACLIPC_STATE_REVOKED);
		aclipc_seq_key(m, share->key);
	}
	spin_unlock(&share->lock);
	return 0;
}

static int aclipc_imports_show(struct seq_file *m, void *v)
{
	struct aclipc_share *share = v;
	struct aclipc_imp *import;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "generation pid count settling settle_ms self since_ns key\n");
		return 0;
	}
	spin_lock(&share->lock);
	list_for_each_entry(import, &share->imports, share_node) {
		seq_printf(m, "%llu %d %u %d %u %d %llu ", share->generation,
			   pid_nr(import->session->owner->pid), import->count,
			   import->settling, import->settling ?
			   aclipc_session_settles(import->session) : 0,
			   aclipc_import_is_self(import), import->since_ns);
		aclipc_seq_key(m, share->key);
	}
	spin_unlock(&share->lock);
	return 0;
}

static const struct seq_operations aclipc_shares_sops = {
	.start = aclipc_seq_start,
	.next = aclipc_seq_next,
	.stop = aclipc_seq_stop,
	.show = aclipc_shares_show,
};

static int aclipc_shares_open(struct inode *inode, struct file *file)
{
	return aclipc_seq_open(file, &aclipc_shares_sops);
}

static const struct file_operations aclipc_shares_fops = {
	.owner = THIS_MODULE,
	.open = aclipc_shares_open,
	.read = seq_read,
	.release = aclipc_seq_release,
};

static const struct seq_operations aclipc_imports_sops = {
	.start = aclipc_seq_start,
	.next = aclipc_seq_next,
	.stop = aclipc_seq_stop,
	.show = aclipc_imports_show,
};

static int aclipc_imports_open(struct inode *inode, struct file *file)
{
	return aclipc_seq_open(file, &aclipc_imports_sops);
}

static const struct file_operations aclipc_imports_fops = {
	.owner = THIS_MODULE,
	.open = aclipc_imports_open,
	.read = seq_read,
	.release = aclipc_seq_release,
};

static unsigned long aclipc_imports_total(void)
{
	struct rhashtable_iter iter;
	struct aclipc_share *share;
	struct aclipc_imp *import;
	unsigned long total = 0;

	rhashtable_walk_enter(&aclipc_shares, &iter);
	rhashtable_walk_start(&iter);
	while ((share = aclipc_seq_skip(&iter, rhashtable_walk_next(&iter)))) {
		spin_lock(&share->lock);
		list_for_each_entry(import, &share->imports, share_node)
			total += import->count;
		spin_unlock(&share->lock);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	return total;
}

/* What is left behind?  Counts every object that has memory. */
static int aclipc_counts_show(struct seq_file *m, void *v)
{
	unsigned int owners, sessions;

	/* frees that are under way */
	flush_workqueue(aclipc_wq);
	aclipc_sessions_count(&owners, &sessions);
	seq_printf(m, "owners %u\nsessions %u\nshares %d\nimports %lu\n",
		   owners, sessions, atomic_read(&aclipc_shares.nelems),
		   aclipc_imports_total());
	seq_printf(m, "settling %lld\nwatches %u\ntombstones %u\n",
		   (long long)atomic64_read(&aclipc_nr_settling),
		   aclipc_watch_count(), aclipc_tombstones_count());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(aclipc_counts);

void aclipc_debugfs_init(void)
{
	aclipc_dir = debugfs_create_dir("aclipc", NULL);
	debugfs_create_file("shares", 0400, aclipc_dir, NULL,
			    &aclipc_shares_fops);
	debugfs_create_file("imports", 0400, aclipc_dir, NULL,
			    &aclipc_imports_fops);
	debugfs_create_file("counts", 0400, aclipc_dir, NULL,
			    &aclipc_counts_fops);
}

void aclipc_debugfs_exit(void)
{
	debugfs_remove_recursive(aclipc_dir);
}

// SPDX-License-Identifier: GPL-2.0
/* fdinfo: what a session holds.  debugfs: what there is, for root only. */

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/proc_fs.h>

#include "aclipc.h"

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
			     proc_pid_ns(file_inode(m->file)->i_sb)));
	spin_lock(&session->lock);
	list_for_each_entry(share, &session->shares, session_node)
		seq_printf(m, "aclipc_export:\t%llu %s %s %llu %llu %llu %*phN\n",
			   share->generation,
			   aclipc_state_name(READ_ONCE(share->state)),
			   aclipc_reason_name(READ_ONCE(share->reason)),
			   share->length, READ_ONCE(share->nr_imports),
			   READ_ONCE(share->nr_settling),
			   ACLIPC_SHOW_KEY, share->key);
	list_for_each_entry(import, &session->imports, session_node) {
		share = import->mark.share;
		seq_printf(m, "aclipc_import:\t%llu %s %u %llu %*phN\n",
			   share->generation,
			   aclipc_state_name(READ_ONCE(share->state)),
			   READ_ONCE(import->count), share->length,
			   ACLIPC_SHOW_KEY, share->key);
	}
	spin_unlock(&session->lock);
}

/* Walk all shares by generation; the position is the generation. */
static void *aclipc_seq_find(loff_t *pos)
{
	struct aclipc_share *share;
	unsigned long index = *pos;

	rcu_read_lock();
	do {
		share = xa_find(&aclipc_shares, &index, ULONG_MAX, XA_PRESENT);
		if (!share)
			break;
		*pos = index;
		index++;
	} while (!refcount_inc_not_zero(&share->refs));
	rcu_read_unlock();
	return share;
}

static void *aclipc_seq_start(struct seq_file *m, loff_t *pos)
{
	return *pos ? aclipc_seq_find(pos) : SEQ_START_TOKEN;
}

static void *aclipc_seq_next(struct seq_file *m, void *v, loff_t *pos)
{
	if (v != SEQ_START_TOKEN)
		aclipc_share_put(v);
	++*pos;
	return aclipc_seq_find(pos);
}

static void aclipc_seq_stop(struct seq_file *m, void *v)
{
	if (v && v != SEQ_START_TOKEN)
		aclipc_share_put(v);
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
			   share->remote, share->watched);
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
		seq_puts(m, "generation pid count settling self since_ns key\n");
		return 0;
	}
	spin_lock(&share->lock);
	list_for_each_entry(import, &share->imports, share_node) {
		seq_printf(m, "%llu %d %u %d %d %llu ", share->generation,
			   pid_nr(import->session->owner->pid), import->count,
			   import->settling, aclipc_import_is_self(import),
			   import->since_ns);
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
DEFINE_SEQ_ATTRIBUTE(aclipc_shares);

static const struct seq_operations aclipc_imports_sops = {
	.start = aclipc_seq_start,
	.next = aclipc_seq_next,
	.stop = aclipc_seq_stop,
	.show = aclipc_imports_show,
};
DEFINE_SEQ_ATTRIBUTE(aclipc_imports);

/* What is left behind?  Counts every object that has memory. */
static int aclipc_counts_show(struct seq_file *m, void *v)
{
	unsigned int owners, sessions;
	unsigned long shares = 0, imports = 0, index;
	struct aclipc_share *share;
	struct aclipc_imp *import;

	/* frees that are under way */
	flush_workqueue(aclipc_wq);
	aclipc_sessions_count(&owners, &sessions);
	rcu_read_lock();
	xa_for_each(&aclipc_shares, index, share) {
		shares++;
		spin_lock(&share->lock);
		list_for_each_entry(import, &share->imports, share_node)
			imports += import->count;
		spin_unlock(&share->lock);
	}
	rcu_read_unlock();
	seq_printf(m, "owners %u\nsessions %u\nshares %lu\nimports %lu\n",
		   owners, sessions, shares, imports);
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

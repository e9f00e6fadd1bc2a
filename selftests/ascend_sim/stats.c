// SPDX-License-Identifier: GPL-2.0
/* Counters, and the debugfs files that show them. */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/stringify.h>

#include "sim.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static atomic64_t sim_stats[SIM_NR_STATS];
static struct dentry *sim_dir;

static const char * const sim_names[SIM_NR_STATS] = {
#define STAT(n) __stringify(n)
#include "stats_list.h"
#undef STAT
};

/* first entry of each group; groups are contiguous in the enum */
#define FIRST_VIOLATION	SIM_destroy_while_mapped
#define FIRST_OBJECT	SIM_procs

void sim_count(enum sim_stat what)
{
	atomic64_inc(&sim_stats[what]);
}

void sim_adjust(enum sim_stat what, long n)
{
	atomic64_add(n, &sim_stats[what]);
}

static void sim_show(struct seq_file *s, int from, int to)
{
	int i;

	for (i = from; i < to; i++)
		seq_printf(s, "%s %lld\n", sim_names[i],
			   (long long)atomic64_read(&sim_stats[i]));
}

static int violations_show(struct seq_file *s, void *unused)
{
	long long total = 0;
	int i;

	sim_show(s, FIRST_VIOLATION, FIRST_OBJECT);
	for (i = FIRST_VIOLATION; i < FIRST_OBJECT; i++)
		total += atomic64_read(&sim_stats[i]);
	seq_printf(s, "total %lld\n", total);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(violations);

static int counts_show(struct seq_file *s, void *unused)
{
	sim_show(s, 0, FIRST_VIOLATION);
	sim_show(s, FIRST_OBJECT, SIM_NR_STATS);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counts);

static ssize_t reset_write(struct file *file, const char __user *buf,
			   size_t len, loff_t *pos)
{
	int i;

	for (i = 0; i < FIRST_OBJECT; i++)
		atomic64_set(&sim_stats[i], 0);
	sim_keys_forget();
	sim_keys_reap();
	return len;
}

static const struct file_operations reset_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = reset_write,
};

int sim_stats_init(void)
{
	sim_dir = debugfs_create_dir("ascend_sim", NULL);
	debugfs_create_file("violations", 0444, sim_dir, NULL, &violations_fops);
	debugfs_create_file("counts", 0444, sim_dir, NULL, &counts_fops);
	debugfs_create_file("reset", 0200, sim_dir, NULL, &reset_fops);
	return 0;
}

void sim_stats_exit(void)
{
	debugfs_remove_recursive(sim_dir);
}

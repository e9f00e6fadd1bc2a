/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stand-in for the Ascend driver.
 *
 * Lock order: proc->ioctl_sem, proc->pma_sem, proc->p2p_lock, sim_lock.  User
 * memory is never touched and no callback ever called with sim_lock held; and
 * since an mmu notifier takes the last two, nothing under them allocates in a
 * way that can reclaim.
 */
#ifndef _ASCEND_SIM_SIM_H
#define _ASCEND_SIM_SIM_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "ascend_sim.h"

/* everything that is counted; the names are listed once, in stats_list.h */
enum sim_stat {
#define STAT(n) SIM_##n
#include "stats_list.h"
#undef STAT
	SIM_NR_STATS
};

enum sim_map_kind { SIM_OWN, SIM_VMM, SIM_IMPORT };

/* how memory comes to its end: decides which promise it can break */
enum sim_end { SIM_END_FREE, SIM_END_RESET, SIM_END_EXIT, SIM_END_LOST };

/* one open of the device node: the driver's idea of a process */
struct sim_proc {
	struct list_head link;		/* in sim_procs */
	struct kref ref;
	struct pid *pid;
	pid_t tgid;			/* bare */
	u64 start_time;
	bool hidden;			/* lookups find it no more */
	unsigned int hidden_devs;	/* v3: nor on these devices */
	bool lost;			/* v2: alive, and the driver knows it no more */
	bool dead;
	bool mm_gone;
	bool fd_gone;
	unsigned int exit_tries;
	int exit_stage;
	unsigned int opened;		/* bit per device */
	unsigned int bound;		/* ever had a process there */
	unsigned int running;		/* which has not ended yet */
	unsigned long device_end;	/* jiffies: when it does, if it may */
	struct mm_struct *mm;		/* v2, pinned by the notifier */
	struct mmu_notifier mn;		/* v2 */
	struct rw_semaphore ioctl_sem;	/* v2 */
	struct rw_semaphore pma_sem;	/* v3 */
	struct rb_root maps;		/* device page table */
	struct list_head mems;
	struct list_head keys;		/* struct sim_key_entry */
	struct mutex p2p_lock[ASCEND_SIM_MAX_DEV];	/* of regs */
	struct list_head regs[ASCEND_SIM_MAX_DEV];
	unsigned int p2p_users;		/* who has found it */
	struct list_head events;	/* struct sim_event */
	bool events_over;		/* who waits for them keeps the file */
	wait_queue_head_t event_wq;
	struct delayed_work work;
};

/* physical device memory */
struct sim_mem {
	struct list_head link;		/* owner->mems */
	struct list_head maps;		/* every mapping that reaches it */
	struct list_head keys;
	struct sim_proc *owner;
	u32 devid;
	unsigned int pins;		/* v3 */
	bool freeing;			/* a free is under way or deferred */
	bool busy;			/* v3: a thread is inside that free */
	bool ipc_create;		/* v2 page flag, one for all names */
	bool linear;			/* v3 */
	u64 handle;			/* VMM */
	u64 page_size;			/* of the heap, v2: 4 KiB or 2 MiB */
	unsigned long npages;
	struct page **pages;		/* NULL: nothing is behind it */
};

/* one range of a process's device page table */
struct sim_map {
	struct rb_node node;		/* proc->maps */
	struct list_head mem_link;	/* mem->maps, empty when mem is gone */
	struct sim_proc *proc;
	struct sim_mem *mem;
	struct sim_key *key;
	enum sim_map_kind kind;
	bool present;
	u32 devid;
	unsigned int nopen;
	u64 va;
	u64 len;
	u64 off;			/* into mem */
	u64 id;				/* of the key */
};

struct sim_wl {
	struct list_head link;
	pid_t pid;
	u32 server;
	u64 set_time;
	struct sim_map *map;		/* v2: open by that pid */
};

struct sim_key {
	struct hlist_node node;		/* sim_keys */
	struct list_head mem_link;
	struct list_head wl;
	unsigned int nwl;
	struct sim_proc *owner;
	struct sim_mem *mem;
	pid_t creator;
	u64 id;
	u64 va;
	u64 len;
	u64 off;
	u32 devid;
	bool valid;
	bool no_wlist;
	unsigned int opens;
	u64 attr;
	char name[ASCEND_SIM_NAME_LEN + 7];
};

struct sim_key_entry {
	struct list_head link;
	u64 va;
	u64 id;
};

struct sim_event {
	struct list_head link;
	u64 va;
};

/* main.c */
extern struct mutex sim_lock;
extern struct workqueue_struct *sim_wq;
extern int sim_svm;
extern unsigned int sim_nr_devices;
extern unsigned int sim_mem_mb;
extern unsigned int sim_teardown_min_ms;
extern unsigned int sim_teardown_max_ms;
extern int sim_p2p_fail;
extern unsigned int sim_p2p_version;
extern bool sim_old;
extern unsigned int sim_hide_ms;
extern unsigned int sim_tail_us;
extern bool sim_device_hold;
extern unsigned int sim_stage_ms;
extern unsigned int sim_retry_ms;

/* stats.c */
void sim_count(enum sim_stat what);
void sim_adjust(enum sim_stat what, long n);
int sim_stats_init(void);
void sim_stats_exit(void);

/* proc.c */
struct sim_proc *sim_proc_create(void);
void sim_proc_flush(struct sim_proc *p);
void sim_proc_release(struct sim_proc *p);
void sim_proc_put(struct sim_proc *p);
struct sim_proc *sim_proc_find_locked(pid_t tgid, u64 va);
bool sim_proc_is_hidden(struct sim_proc *p, u32 devid);
void sim_proc_flush_all(void);
void sim_proc_recycle(struct sim_proc *p, int devid, enum sim_end end);
int sim_dev_open(struct sim_proc *p, struct ascend_sim_arg *a);
int sim_dev_close(struct sim_proc *p, struct ascend_sim_arg *a);
int sim_event_wait(struct sim_proc *p, struct ascend_sim_arg *a);

/* pgtable.c */
struct sim_map *sim_map_find(struct sim_proc *p, u64 va);
struct sim_map *sim_map_next(struct sim_proc *p, u64 va);
int sim_map_insert(struct sim_proc *p, struct sim_map *m, struct sim_mem *mem);
void sim_map_remove(struct sim_map *m);
int sim_copy(struct sim_proc *p, struct ascend_sim_arg *a);

/* mem.c */
struct sim_mem *sim_mem_new(struct sim_proc *p, u32 devid, u64 len, u32 flags);
u64 sim_mem_pa(struct sim_mem *mem, u64 off);
void sim_mem_check(struct sim_mem *mem, enum sim_end end);
void sim_mem_drop(struct sim_mem *mem, enum sim_end end, bool checked);
void sim_mem_unpin(struct sim_mem *mem);
int sim_alloc(struct sim_proc *p, struct ascend_sim_arg *a);
int sim_free(struct sim_proc *p, struct ascend_sim_arg *a);
int sim_repair(struct sim_proc *p, struct ascend_sim_arg *a);
int sim_note(struct sim_proc *p, struct ascend_sim_arg *a);

/* key.c */
struct sim_key *sim_key_find(struct ascend_sim_arg *a);
struct sim_key *sim_key_by_id(u64 id);
int sim_key_create(struct sim_proc *p, struct ascend_sim_arg *a);
int sim_key_destroy(struct sim_proc *p, struct ascend_sim_arg *a);
void sim_key_end(struct sim_key *key);
void sim_key_unref(struct sim_key *key);
void sim_key_cut(struct sim_key *key);
void sim_import_end(struct sim_map *m);
void sim_keys_recycle(struct sim_proc *p, int devid);
void sim_keys_orphan(struct sim_proc *p);
void sim_keys_exit(void);
void sim_keys_forget(void);
void sim_keys_reap(void);

/* keyops.c */
int sim_key_query(struct sim_proc *p, struct ascend_sim_arg *a);
int sim_key_open(struct sim_proc *p, struct ascend_sim_arg *a);
int sim_key_close(struct sim_proc *p, struct ascend_sim_arg *a);
int sim_key_set_pid(struct sim_proc *p, struct ascend_sim_arg *a);
int sim_key_set_attr(struct sim_proc *p, struct ascend_sim_arg *a);
int sim_key_get_attr(struct sim_proc *p, struct ascend_sim_arg *a);

/* vmm.c */
int sim_vmm_create(struct sim_proc *p, struct ascend_sim_arg *a);
int sim_vmm_map(struct sim_proc *p, struct ascend_sim_arg *a);
int sim_vmm_unmap(struct sim_proc *p, struct ascend_sim_arg *a);
int sim_vmm_release(struct sim_proc *p, struct ascend_sim_arg *a);

/* p2p.c */
bool sim_is_old(void);
void sim_p2p_fire_hidden(struct sim_proc *p, int devid);
void sim_p2p_fire(struct sim_proc *p, int devid, u64 va, u64 len);
void sim_p2p_exit(void);

/* p2ptest.c */
int sim_p2p_test(struct sim_proc *p, struct ascend_sim_arg *a);
void sim_p2p_test_exit(void);

#endif /* _ASCEND_SIM_SIM_H */

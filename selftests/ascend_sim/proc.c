// SPDX-License-Identifier: GPL-2.0
/* Processes: how they come, how they die, and what is left for how long. */
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/pid.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "p2p.h"
#include "sim.h"
#include "trace.h"

#define SIM_EXIT_TRIES	1500	/* v3: then the recycling is forced */
#define SIM_FAST_TRIES	150	/* v3: of these, those that come quickly */
#define SIM_RETRY_MS	100	/* v2: the address space still stands */
#define SIM_POLL_MS	20	/* v2: so does the device process */
#define SIM_NO_PROCESS	62	/* DRV_ERROR_NO_PROCESS */

static LIST_HEAD(sim_procs);		/* by sim_lock */

static void sim_proc_work(struct work_struct *work);

static void sim_proc_free(struct kref *ref)
{
	struct sim_proc *p = container_of(ref, struct sim_proc, ref);
	struct sim_event *ev, *tmp;

	list_for_each_entry_safe(ev, tmp, &p->events, link)
		kfree(ev);
	put_pid(p->pid);
	kfree(p);
	sim_adjust(SIM_procs, -1);
}

void sim_proc_put(struct sim_proc *p)
{
	kref_put(&p->ref, sim_proc_free);
}

/* A process that exit has hidden is found no more: callers must expect that. */
struct sim_proc *sim_proc_find_locked(pid_t tgid, u64 va)
{
	struct sim_proc *p, *any = NULL;

	lockdep_assert_held(&sim_lock);
	list_for_each_entry(p, &sim_procs, link) {
		if (p->tgid != tgid || p->hidden)
			continue;
		if (sim_map_find(p, va))
			return p;
		any = p;
	}
	return any;
}

/* v3 has a list for each device, which can be given up by itself. */
bool sim_proc_is_hidden(struct sim_proc *p, u32 devid)
{
	lockdep_assert_held(&sim_lock);
	return p->hidden || p->hidden_devs & BIT(devid);
}

/* False if it was hidden before: then its registrations were walked. */
static bool sim_proc_hide(struct sim_proc *p, bool dead)
{
	bool first;

	mutex_lock(&sim_lock);
	first = !p->hidden;
	p->hidden = true;
	p->dead |= dead;
	mutex_unlock(&sim_lock);
	return first;
}

/*
 * v2: the last user of the address space is gone.  Runs in the mmu notifier's
 * SRCU section with no lock held, and the order is the driver's: hide, tell,
 * free.  Imports and names outlive it until the file's last put.
 */
static void sim_mn_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct sim_proc *p = container_of(mn, struct sim_proc, mn);

	if (sim_proc_hide(p, true))
		sim_p2p_fire_hidden(p, -1);
	sim_count(SIM_exit);
	trace_exit(p->tgid, 0, NULL, 0, 0);
	sim_proc_recycle(p, -1, SIM_END_EXIT);
	WRITE_ONCE(p->mm_gone, true);
}

/*
 * v2: somebody unmaps the reserved range under living device memory, all or a
 * part.  The driver gives the process up: nothing of it can be called any more,
 * and what it has on the device stays until it exits.
 */
static int sim_mn_start(struct mmu_notifier *mn,
			const struct mmu_notifier_range *range)
{
	struct sim_proc *p = container_of(mn, struct sim_proc, mn);
	struct sim_map *m;
	bool hit;

	if (range->event != MMU_NOTIFY_UNMAP)
		return 0;
	if (!mmu_notifier_range_blockable(range))
		return -EAGAIN;
	mutex_lock(&sim_lock);
	m = sim_map_next(p, range->start);
	hit = m && m->va < range->end;
	mutex_unlock(&sim_lock);
	if (hit && sim_proc_hide(p, false)) {
		sim_count(SIM_lost);
		trace_lost(p->tgid, 0, NULL, 0, 0);
		WRITE_ONCE(p->lost, true);
		sim_p2p_fire_hidden(p, -1);
	}
	return 0;
}

static const struct mmu_notifier_ops sim_mn_ops = {
	.release = sim_mn_release,
	.invalidate_range_start = sim_mn_start,
};

struct sim_proc *sim_proc_create(void)
{
	struct sim_proc *p = kzalloc(sizeof(*p), GFP_KERNEL);
	int ret, i;

	if (!p)
		return ERR_PTR(-ENOMEM);
	kref_init(&p->ref);
	init_rwsem(&p->ioctl_sem);
	init_rwsem(&p->pma_sem);
	p->maps = RB_ROOT;
	INIT_LIST_HEAD(&p->mems);
	INIT_LIST_HEAD(&p->keys);
	for (i = 0; i < ASCEND_SIM_MAX_DEV; i++) {
		mutex_init(&p->p2p_lock[i]);
		INIT_LIST_HEAD(&p->regs[i]);
	}
	INIT_LIST_HEAD(&p->events);
	init_waitqueue_head(&p->event_wq);
	INIT_DELAYED_WORK(&p->work, sim_proc_work);
	p->pid = get_pid(task_tgid(current));
	p->tgid = current->tgid;
	p->start_time = current->group_leader->start_time;
	if (sim_svm == 2) {
		p->mm = current->mm;
		p->mn.ops = &sim_mn_ops;
		ret = mmu_notifier_register(&p->mn, p->mm);
		if (ret) {
			put_pid(p->pid);
			kfree(p);
			return ERR_PTR(ret);
		}
	}
	mutex_lock(&sim_lock);
	list_add_tail(&p->link, &sim_procs);
	mutex_unlock(&sim_lock);
	sim_adjust(SIM_procs, 1);
	return p;
}

/* Is the opener, whoever holds the file now, on its way out? */
static bool sim_proc_exiting(struct sim_proc *p)
{
	struct task_struct *task;
	bool exiting = true;

	rcu_read_lock();
	task = pid_task(p->pid, PIDTYPE_TGID);
	if (task)
		exiting = task->flags & PF_EXITING ||
			  task->signal->flags & SIGNAL_GROUP_EXIT;
	rcu_read_unlock();
	return exiting;
}

static unsigned long sim_teardown_delay(void)
{
	unsigned int min = sim_teardown_min_ms;
	unsigned int max = max(min, sim_teardown_max_ms);

	return msecs_to_jiffies(min + get_random_u32() % (max - min + 1));
}

/* Its own close: a thread that waits for events shall not keep the file. */
void sim_proc_flush(struct sim_proc *p)
{
	if (p->tgid != current->tgid)
		return;
	WRITE_ONCE(p->events_over, true);
	wake_up(&p->event_wq);
}

/* The last put of the file, by whoever held it. */
void sim_proc_release(struct sim_proc *p)
{
	unsigned long delay = sim_teardown_delay();
	bool exiting = sim_proc_exiting(p);

	mutex_lock(&sim_lock);
	p->fd_gone = true;
	if (exiting)
		p->dead = true;
	p->device_end = jiffies + delay;
	mutex_unlock(&sim_lock);

	if (sim_svm == 3 && !exiting) {
		/* not the path of exit: forced and at once, in this context */
		p->exit_tries = SIM_EXIT_TRIES;
		sim_proc_work(&p->work.work);
		return;
	}
	if (sim_svm == 3)
		delay += msecs_to_jiffies(sim_stage_ms);
	schedule_delayed_work(&p->work, delay);
}

/* Free what is left of one device's memory, or of all (-1). */
void sim_proc_recycle(struct sim_proc *p, int devid, enum sim_end end)
{
	struct sim_mem *mem, *tmp;
	bool busy;

	do {
		busy = false;
		mutex_lock(&sim_lock);
		list_for_each_entry_safe(mem, tmp, &p->mems, link) {
			if (devid >= 0 && mem->devid != devid)
				continue;
			if (mem->busy)
				busy = true;
			else
				sim_mem_drop(mem, end, false);
		}
		mutex_unlock(&sim_lock);
		if (busy)
			msleep(20);
	} while (busy);
}

/* A process's imports on one device, or on all (-1); sim_lock held. */
static void sim_imports_end(struct sim_proc *p, int devid, bool exit)
{
	struct rb_node *n = rb_first(&p->maps);

	while (n) {
		struct sim_map *m = rb_entry(n, struct sim_map, node);

		n = rb_next(n);
		if (m->kind != SIM_IMPORT || (devid >= 0 && m->devid != devid))
			continue;
		if (exit) {
			trace_teardown(p->tgid, m->id, NULL, m->va, m->len);
			sim_count(SIM_teardown);
		}
		sim_import_end(m);
	}
}

static bool sim_pinned(struct sim_proc *p)
{
	struct sim_mem *mem;
	bool pinned = false;

	mutex_lock(&sim_lock);
	list_for_each_entry(mem, &p->mems, link)
		pinned |= mem->pins;
	mutex_unlock(&sim_lock);
	return pinned;
}

/* v3 exit in stages; false: come back later */
static bool sim_proc_exit_v3(struct sim_proc *p)
{
	if (!p->exit_stage) {
		sim_proc_hide(p, false);
		sim_count(SIM_exit);
		if (p->dead)
			trace_exit(p->tgid, 0, NULL, 0, 0);
		else
			trace_lost(p->tgid, 0, NULL, 0, 0);
		sim_p2p_fire_hidden(p, -1);

		mutex_lock(&sim_lock);
		sim_keys_recycle(p, -1);
		sim_imports_end(p, -1, true);
		mutex_unlock(&sim_lock);
		p->exit_stage = 1;
	}
	if (sim_pinned(p)) {
		if (p->exit_tries++ < SIM_EXIT_TRIES)
			return false;
		sim_count(SIM_exit_forced);
	}
	/* a living process that closed its file: forced, and not an exit */
	sim_proc_recycle(p, -1, p->dead ? SIM_END_EXIT : SIM_END_LOST);
	return true;
}

/* v2: what the dead one maps stays until its process on the device has ended. */
static bool sim_device_ended(struct sim_proc *p)
{
	return !p->bound || (!READ_ONCE(sim_device_hold) &&
			     time_after_eq(jiffies, p->device_end));
}

static void sim_proc_work(struct work_struct *work)
{
	struct sim_proc *p = container_of(to_delayed_work(work),
					  struct sim_proc, work);
	unsigned int ms = p->exit_tries < SIM_FAST_TRIES ? 1 : sim_retry_ms;
	bool forced = p->exit_tries >= SIM_EXIT_TRIES;

	if (sim_svm == 3) {
		if (!sim_proc_exit_v3(p)) {
			schedule_delayed_work(&p->work, msecs_to_jiffies(ms));
			return;
		}
	} else if (!forced && !sim_device_ended(p)) {
		schedule_delayed_work(&p->work, msecs_to_jiffies(SIM_POLL_MS));
		return;
	} else if (!READ_ONCE(p->mm_gone)) {
		if (!forced) {
			schedule_delayed_work(&p->work,
					      msecs_to_jiffies(SIM_RETRY_MS));
			return;
		}
		/* the module goes: calls ->release if that is still to come */
		mmu_notifier_unregister(&p->mn, p->mm);
		p->mm = NULL;
	}

	mutex_lock(&sim_lock);
	p->running = 0;
	sim_imports_end(p, -1, true);
	sim_keys_recycle(p, -1);
	sim_keys_orphan(p);
	list_del(&p->link);
	mutex_unlock(&sim_lock);
	if (p->mm)
		mmu_notifier_unregister(&p->mn, p->mm);
	sim_proc_put(p);
}

/* Module exit: no file is open, so every process waits for its teardown. */
void sim_proc_flush_all(void)
{
	struct sim_proc *p;

	for (;;) {
		mutex_lock(&sim_lock);
		p = list_first_entry_or_null(&sim_procs, struct sim_proc, link);
		if (p) {
			kref_get(&p->ref);
			p->exit_tries = SIM_EXIT_TRIES;
		}
		mutex_unlock(&sim_lock);
		if (!p)
			return;
		/* does not wait for the timer, but has it run now */
		flush_delayed_work(&p->work);
		sim_proc_put(p);
	}
}

int sim_dev_open(struct sim_proc *p, struct ascend_sim_arg *a)
{
	int ret = 0;

	if (a->devid >= sim_nr_devices)
		return -ENODEV;
	mutex_lock(&sim_lock);
	if (p->opened & BIT(a->devid))
		ret = -EBUSY;
	p->opened |= BIT(a->devid);
	p->bound |= BIT(a->devid);
	p->running |= BIT(a->devid);
	p->hidden_devs &= ~BIT(a->devid);
	mutex_unlock(&sim_lock);
	if (!ret)
		sim_count(SIM_dev_open);
	return ret;
}

/*
 * The end of one device for this process.  v2: the heaps are gone already, so
 * mostly names and imports are left.  v3: pins are ignored.
 */
int sim_dev_close(struct sim_proc *p, struct ascend_sim_arg *a)
{
	if (a->devid >= sim_nr_devices || !(p->opened & BIT(a->devid)))
		return -ENODEV;

	if (sim_svm == 3) {
		mutex_lock(&sim_lock);
		p->hidden_devs |= BIT(a->devid);
		mutex_unlock(&sim_lock);
		sim_p2p_fire_hidden(p, a->devid);
	} else {
		sim_p2p_fire(p, a->devid, 0, U64_MAX);
	}
	mutex_lock(&sim_lock);
	sim_imports_end(p, a->devid, false);
	sim_keys_recycle(p, a->devid);
	mutex_unlock(&sim_lock);
	sim_proc_recycle(p, a->devid, SIM_END_RESET);

	mutex_lock(&sim_lock);
	p->opened &= ~BIT(a->devid);
	p->running &= ~BIT(a->devid);
	mutex_unlock(&sim_lock);
	sim_count(SIM_dev_close);
	return 0;
}

/*
 * Is there a process on device @chip_id that belongs to the host's @host_pid?
 * Kept by number, one for each: who comes with the same number later takes the
 * place of the one before, whose process may still be there.
 */
int sim_device_process(unsigned int host_pid, unsigned int chip_id, int *pid)
{
	int ret = sim_svm == 2 ? SIM_NO_PROCESS : -ESRCH;
	struct sim_proc *p;

	sim_count(SIM_query);
	if (chip_id >= (sim_svm == 2 ? 64 : sim_nr_devices))
		return -EINVAL;
	if (chip_id >= ASCEND_SIM_MAX_DEV)
		return ret;
	mutex_lock(&sim_lock);
	list_for_each_entry_reverse(p, &sim_procs, link) {
		if (p->tgid != host_pid || !(p->bound & BIT(chip_id)))
			continue;
		if (p->running & BIT(chip_id)) {
			*pid = 100000 + p->tgid;
			ret = 0;
		}
		break;
	}
	mutex_unlock(&sim_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(sim_device_process);

static bool sim_event_pop(struct sim_proc *p, u64 *va)
{
	struct sim_event *ev;

	mutex_lock(&sim_lock);
	ev = list_first_entry_or_null(&p->events, struct sim_event, link);
	if (ev)
		list_del(&ev->link);
	mutex_unlock(&sim_lock);
	if (!ev)
		return false;
	*va = ev->va;
	kfree(ev);
	return true;
}

/* Sleeps until the driver wants a deferred free to be done again (v3). */
int sim_event_wait(struct sim_proc *p, struct ascend_sim_arg *a)
{
	for (;;) {
		if (sim_event_pop(p, &a->va)) {
			sim_count(SIM_event);
			return 0;
		}
		if (READ_ONCE(p->events_over))
			return -EBADF;
		if (wait_event_interruptible(p->event_wq,
					     !list_empty_careful(&p->events) ||
					     READ_ONCE(p->events_over)))
			return -EINTR;
	}
}

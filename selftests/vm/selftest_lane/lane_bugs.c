// SPDX-License-Identifier: GPL-2.0
/*
 * Defects on purpose, one for each load: does the debug lane see them?
 *   insmod lane_bugs.ko bug=uaf
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

static char *bug = "none";
module_param(bug, charp, 0444);
MODULE_PARM_DESC(bug, "Which defect to show");

static DEFINE_MUTEX(lane_a);
static DEFINE_MUTEX(lane_b);
static DEFINE_SPINLOCK(lane_lock);
static int lane_counter;
static int *lane_hidden;

struct lane_object {
	struct list_head node;
	struct timer_list timer;
	unsigned int shift;
	int value;
};

static struct lane_object *lane_new(void)
{
	struct lane_object *object = kzalloc(sizeof(*object), GFP_KERNEL);

	/* hide the address, so that the compiler cannot reason about it */
	OPTIMIZER_HIDE_VAR(object);
	return object;
}

static int lane_none(void)
{
	return 0;
}

/* Read an object after its end, as a missing reference would. */
static int lane_uaf(void)
{
	struct lane_object *object = lane_new();

	if (!object)
		return -ENOMEM;
	kfree(object);
	pr_info("value %d\n", READ_ONCE(object->value));
	return 0;
}

/* Write behind an object. */
static int lane_bounds(void)
{
	u8 *bytes = kmalloc(40, GFP_KERNEL);

	if (!bytes)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(bytes);
	WRITE_ONCE(bytes[40], 1);
	kfree(bytes);
	return 0;
}

/* Two locks, once in each order; one thread is enough to prove it wrong. */
static int lane_inversion(void)
{
	mutex_lock(&lane_a);
	mutex_lock(&lane_b);
	mutex_unlock(&lane_b);
	mutex_unlock(&lane_a);
	mutex_lock(&lane_b);
	mutex_lock(&lane_a);
	mutex_unlock(&lane_a);
	mutex_unlock(&lane_b);
	return 0;
}

/* A mutex under a spinlock. */
static int lane_atomic(void)
{
	spin_lock(&lane_lock);
	mutex_lock(&lane_a);
	mutex_unlock(&lane_a);
	spin_unlock(&lane_lock);
	return 0;
}

/* Sleep where RCU readers must not. */
static int lane_rcu(void)
{
	rcu_read_lock();
	msleep(20);
	rcu_read_unlock();
	return 0;
}

/* Forget an object. */
static int lane_leak(void)
{
	int i;

	/* several, since a register may still know the last one */
	for (i = 0; i < 8; i++)
		WRITE_ONCE(lane_hidden, kmalloc(200, GFP_KERNEL));
	WRITE_ONCE(lane_hidden, NULL);
	return 0;
}

static void lane_tick(struct timer_list *timer)
{
}

/* Free an object whose timer runs. */
static int lane_object(void)
{
	struct lane_object *object = lane_new();

	if (!object)
		return -ENOMEM;
	timer_setup(&object->timer, lane_tick, 0);
	mod_timer(&object->timer, jiffies + 1000 * HZ);
	kfree(object);
	return 0;
}

/* Take an object off its list twice. */
static int lane_list(void)
{
	struct lane_object *object = lane_new();
	LIST_HEAD(head);

	if (!object)
		return -ENOMEM;
	list_add(&object->node, &head);
	list_del(&object->node);
	list_del(&object->node);
	kfree(object);
	return 0;
}

static int lane_overflow(void)
{
	struct lane_object *object = lane_new();

	if (!object)
		return -ENOMEM;
	object->shift = 40;
	OPTIMIZER_HIDE_VAR(object);
	pr_info("shifted %d\n", 1 << object->shift);
	kfree(object);
	return 0;
}

static int lane_racer(void *done)
{
	unsigned long end = jiffies + 10 * HZ;

	while (time_before(jiffies, end)) {
		lane_counter++;
		barrier();
		cond_resched();
	}
	complete(done);
	return 0;
}

/* Count in two threads without a lock. */
static int lane_race(void)
{
	DECLARE_COMPLETION_ONSTACK(first);
	DECLARE_COMPLETION_ONSTACK(second);

	kthread_run(lane_racer, &first, "lane_first");
	kthread_run(lane_racer, &second, "lane_second");
	wait_for_completion(&first);
	wait_for_completion(&second);
	return 0;
}

static const struct {
	const char *name;
	int (*show)(void);
} lane_bugs[] = {
	{ "none", lane_none },
	{ "uaf", lane_uaf },
	{ "bounds", lane_bounds },
	{ "inversion", lane_inversion },
	{ "atomic", lane_atomic },
	{ "rcu", lane_rcu },
	{ "leak", lane_leak },
	{ "object", lane_object },
	{ "list", lane_list },
	{ "overflow", lane_overflow },
	{ "race", lane_race },
};

static int __init lane_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(lane_bugs); i++)
		if (!strcmp(bug, lane_bugs[i].name))
			return lane_bugs[i].show();
	return -EINVAL;
}

static void __exit lane_exit(void)
{
}

module_init(lane_init);
module_exit(lane_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Defects on purpose, to test the debug lane");

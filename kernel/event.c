// SPDX-License-Identifier: GPL-2.0
/*
 * Events.  A pending event is a mark inside the import or share that it speaks
 * of, so none can be lost for want of memory.  The list of marks and what they
 * say is protected by session->lock.
 */

#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/uaccess.h>

#include "aclipc.h"
#include "trace.h"

/*
 * Set a mark, or replace what it says.  Of changes of state the newest counts;
 * DRIVER comes beside that, as it is none, and with REVOKED all is said.
 */
void aclipc_mark(struct aclipc_session *session, struct aclipc_mark *mark,
		 u8 type, u8 reason)
{
	if (READ_ONCE(session->phase) != ACLIPC_PHASE_OPEN)
		return;
	trace_aclipc_event(mark->share, session, type, reason);
	spin_lock(&session->lock);
	if (type == ACLIPC_EVENT_DRIVER) {
		mark->driver = true;
	} else {
		mark->type = type;
		mark->reason = type == ACLIPC_EVENT_REVOKED ? reason : 0;
	}
	if (type == ACLIPC_EVENT_REVOKED)
		mark->driver = false;
	mark->seq = ++session->event_seq;
	if (list_empty(&mark->node))
		list_add_tail(&mark->node, &session->events);
	spin_unlock(&session->lock);
	wake_up_interruptible_poll(&session->wq, EPOLLIN | EPOLLRDNORM);
}

/* The object of the mark goes, or all was read.  Under session->lock. */
void aclipc_unmark_locked(struct aclipc_mark *mark)
{
	if (!list_empty(&mark->node))
		list_del_init(&mark->node);
	mark->type = 0;
	mark->driver = false;
}

/* Look at the first pending event; its sequence number, 0 if there is none. */
static u64 aclipc_event_peek(struct aclipc_session *session,
			     struct aclipc_event *event)
{
	struct aclipc_mark *mark;
	u64 seq = 0;

	memset(event, 0, sizeof(*event));
	event->size = sizeof(*event);
	spin_lock(&session->lock);
	mark = list_first_entry_or_null(&session->events, struct aclipc_mark,
					node);
	if (mark) {
		event->type = mark->type ?: ACLIPC_EVENT_DRIVER;
		event->reason = mark->type ? mark->reason : 0;
		event->generation = mark->share->generation;
		memcpy(event->key, mark->share->key, ACLIPC_KEY_MAX);
		seq = mark->seq;
	}
	spin_unlock(&session->lock);
	return seq;
}

/* Clear the first event if it still is the one that was copied out. */
static void aclipc_event_clear(struct aclipc_session *session, u64 seq)
{
	struct aclipc_mark *mark;

	spin_lock(&session->lock);
	mark = list_first_entry_or_null(&session->events, struct aclipc_mark,
					node);
	if (mark && mark->seq == seq) {
		/* beside a change of state, DRIVER is the next to be read */
		if (mark->type && mark->driver)
			mark->type = 0;
		else
			aclipc_unmark_locked(mark);
	}
	spin_unlock(&session->lock);
}

static ssize_t aclipc_read_events(struct aclipc_session *session,
				  char __user *buf, size_t len)
{
	struct aclipc_event event;
	ssize_t done = 0;
	u64 seq;

	while (len - done >= sizeof(event)) {
		seq = aclipc_event_peek(session, &event);
		if (!seq)
			break;
		if (copy_to_user(buf + done, &event, sizeof(event)))
			return done ?: -EFAULT;
		aclipc_event_clear(session, seq);
		done += sizeof(event);
	}
	return done;
}

static bool aclipc_event_pending(struct aclipc_session *session)
{
	return !list_empty_careful(&session->events);
}

ssize_t aclipc_read(struct file *file, char __user *buf, size_t len,
		    loff_t *pos)
{
	struct aclipc_session *session = file->private_data;
	ssize_t ret;

	if (!aclipc_session_is_owner(session))
		return -EPERM;
	if (len < sizeof(struct aclipc_event))
		return -EINVAL;
	WRITE_ONCE(session->listens, true);
	for (;;) {
		ret = mutex_lock_interruptible(&session->read_lock);
		if (ret)
			return ret;
		ret = aclipc_read_events(session, buf, len);
		mutex_unlock(&session->read_lock);
		if (ret)
			return ret;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_interruptible(session->wq,
					       aclipc_event_pending(session));
		if (ret)
			return ret;
	}
}

__poll_t aclipc_poll(struct file *file, struct poll_table_struct *wait)
{
	struct aclipc_session *session = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &session->wq, wait);
	if (aclipc_session_is_owner(session))
		WRITE_ONCE(session->listens, true);
	if (aclipc_event_pending(session))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(session->phase) != ACLIPC_PHASE_OPEN)
		mask |= EPOLLHUP;
	return mask;
}

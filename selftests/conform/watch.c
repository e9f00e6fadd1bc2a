// SPDX-License-Identifier: GPL-2.0
/*
 * Registrations with the driver.  The module puts one only after it was called
 * back for it and the driver is done with it; a callback for a process that lives
 * changes no state, and is news for who holds a key in its range.
 */
#include <string.h>

#include "conform.h"

#define WATCHES		(1 << 20)
#define REGS		(1 << 20)

static struct watch {
	int pid;
	unsigned long long start, end;
	bool asked, called_back, exiting, over;
} *watches;

static struct reg {
	bool called_back, tail, put;
} *regs;

static unsigned long long last_watch, last_reg;

static struct watch *watch_get(unsigned long long id)
{
	if (id > last_watch)
		last_watch = id;
	return entry(&watches, sizeof(*watches), id, WATCHES);
}

static bool on_watch(struct watch *watch, const struct event *e)
{
	if (watch->asked)
		return wrong(NULL, "its id was given out twice: %s", e->text);
	watch->asked = true;
	watch->pid = event_number(e, "pid");
	watch->start = event_number(e, "start");
	watch->end = event_number(e, "end");
	return true;
}

static bool covers(const struct watch *watch, const struct share *share)
{
	return share->exported && share->pid == watch->pid &&
	       share->addr >= watch->start && share->addr < watch->end;
}

/* Who holds a watched key in the range now, and still does later, is told. */
static bool on_callback(struct watch *watch, const struct event *e)
{
	struct share *share;
	struct holder *h;

	if (!watch->asked || watch->over)
		return wrong(NULL, "called back, and it was not watched: %s",
			     e->text);
	if (watch->called_back)
		return wrong(NULL, "called back twice: %s", e->text);
	watch->called_back = true;
	watch->exiting = event_number(e, "exiting");
	if (watch->exiting)
		driver_told(watch->pid);
	for (share = shares; share; share = share->next) {
		if (!share->watched || !covers(watch, share))
			continue;
		share->watched = false;
		share_remember(share, e);
		for (h = share->holders; h && !watch->exiting; h = h->next)
			if (h->pid != share->pid)
				h->watch = event_number(e, "watch");
	}
	return true;
}

bool watch_told(struct share *share, int pid)
{
	unsigned long long id;
	struct holder *h;

	if (share->state == REVOKED)
		return wrong(share, "%d was told of the driver after all", pid);
	if (pid == share->pid || !share_held_by(share, pid))
		return wrong(share, "%d was told, and is no importer", pid);
	for (h = share->holders; h; h = h->next) {
		if (h->pid == pid && h->watch) {
			h->watch = 0;
			return true;
		}
	}
	/* who came later than the callback, or before the export was traced */
	for (id = 0; id <= last_watch; id++)
		if (watch_get(id)->called_back && !watch_get(id)->exiting &&
		    (!share->exported || covers(watch_get(id), share)))
			return true;
	return wrong(share, "%d was told of the driver, which was silent", pid);
}

static bool on_unwatch(struct watch *watch, const struct event *e)
{
	unsigned long long id = event_number(e, "watch");
	struct share *share;
	struct holder *h;

	if (!watch->asked || watch->over)
		return wrong(NULL, "not watched, and ended: %s", e->text);
	if (watch->called_back == event_number(e, "refused"))
		return wrong(NULL, "ended before it was called back: %s",
			     e->text);
	watch->over = true;
	for (share = shares; share; share = share->next)
		for (h = share->holders; h; h = h->next)
			if (h->watch == id && share->state != REVOKED &&
			    !holder_ended(h))
				return wrong(share, "%d was not told of the driver",
					     h->pid);
	return true;
}

bool watch_event(const struct event *e)
{
	struct watch *watch = watch_get(event_number(e, "watch"));

	if (!strcmp(e->name, "aclipc_watch"))
		return on_watch(watch, e);
	if (!strcmp(e->name, "aclipc_callback"))
		return on_callback(watch, e);
	return on_unwatch(watch, e);
}

/* What the driver saw of it: callback, the rest of its work, and then the put. */
bool watch_driver_event(const struct event *e, bool *right)
{
	unsigned long long id = event_number(e, "id");
	struct reg *reg;

	*right = true;
	if (strcmp(e->name, "reg") && strcmp(e->name, "callback") &&
	    strcmp(e->name, "tail") && strcmp(e->name, "put"))
		return false;
	if (id > last_reg)
		last_reg = id;
	reg = entry(&regs, sizeof(*regs), id, REGS);
	if (!strcmp(e->name, "callback"))
		reg->called_back = true;
	else if (!strcmp(e->name, "tail"))
		reg->tail = true;
	if (strcmp(e->name, "put"))
		return true;
	if (reg->put)
		*right = wrong(NULL, "put twice: %s", e->text);
	else if (!reg->tail)
		*right = wrong(NULL, "put before the driver was done: %s",
			       e->text);
	reg->put = true;
	return true;
}

bool watch_end(void)
{
	unsigned long long id;

	for (id = 0; id <= last_watch; id++)
		if (watch_get(id)->asked && !watch_get(id)->over)
			return wrong(NULL, "watch %llu never ended", id);
	for (id = 0; regs && id <= last_reg; id++)
		if (regs[id].called_back && !regs[id].put)
			return wrong(NULL, "registration %llu was never put",
				     id);
	return true;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The stand-in driver's tracepoints: keys, mappings, memory.  Its key belongs to
 * the generation that was exported next at the same address.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

#define BUCKETS		4096

struct map {
	struct map *next;
	int pid;
};

struct key {
	struct key *next;
	unsigned long long id, va;
	int pid;
	bool destroyed;
	struct share *share;
	struct map *maps;
};

static struct key *keys[BUCKETS];

/* what the driver did with processes */
static struct gone {
	bool lost;			/* given up, though it lives */
	bool exits;
	bool told;			/* the module, of the exit */
} *gone;

static struct gone *gone_get(int pid)
{
	return entry(&gone, sizeof(*gone), pid, PIDS);
}

bool driver_lost(int pid)
{
	return gone_get(pid)->lost;
}

/* A process has none of its sessions: if another one had its number, that is over. */
void driver_new(int pid)
{
	if (gone_get(pid)->exits)
		memset(gone_get(pid), 0, sizeof(struct gone));
}

void driver_told(int pid)
{
	gone_get(pid)->told = true;
}

static struct key *key_find(unsigned long long id)
{
	struct key *key;

	for (key = keys[id % BUCKETS]; key; key = key->next)
		if (key->id == id)
			break;
	return key;
}

static bool on_create(const struct event *e)
{
	struct key *key = calloc(1, sizeof(*key));

	if (!key)
		exit(3);
	key->id = event_number(e, "id");
	key->va = event_number(e, "va");
	key->pid = event_number(e, "pid");
	key->next = keys[key->id % BUCKETS];
	keys[key->id % BUCKETS] = key;
	return true;
}

void driver_export(struct share *share)
{
	struct key *key, *found = NULL;
	int i;

	for (i = 0; i < BUCKETS; i++)
		for (key = keys[i]; key; key = key->next)
			if (key->pid == share->pid && !key->share &&
			    !key->destroyed && key->va == share->addr &&
			    (!found || key->id > found->id))
				found = key;
	if (found) {
		found->share = share;
		share->key = found;
	}
}

bool driver_maps(const struct share *share, int pid)
{
	const struct key *key = share->key;
	const struct map *map;

	for (map = key ? key->maps : NULL; map; map = map->next)
		if (map->pid == pid)
			return true;
	return false;
}

bool driver_destroyed(const struct share *share)
{
	const struct key *key = share->key;

	return key && key->destroyed;
}

/*
 * A key of which the module knows no more, and the driver does: v3 pins the
 * memory for whoever opens it, and who was given up cannot destroy it.
 */
static bool outlives(const struct share *share)
{
	return share->state == REVOKED &&
	       (driver_lost(share->pid) ||
		(rules_svm_is(3) && process_ended(share->pid)));
}

static bool on_open(struct key *key, const struct event *e)
{
	int pid = event_number(e, "pid");
	struct map *map;

	if (key->share && !share_held_by(key->share, pid) &&
	    !outlives(key->share))
		return wrong(key->share, "%d maps it, and is not counted", pid);
	for (map = key->maps; map; map = map->next)
		if (map->pid == pid)
			return true;
	map = calloc(1, sizeof(*map));
	if (!map)
		exit(3);
	map->pid = pid;
	map->next = key->maps;
	key->maps = map;
	return true;
}

static bool on_unmap(struct key *key, const struct event *e)
{
	int pid = event_number(e, "pid");
	struct map **p = &key->maps, *map;

	while (*p && (*p)->pid != pid)
		p = &(*p)->next;
	map = *p;
	if (map) {
		*p = map->next;
		free(map);
	}
	return true;
}

static bool on_destroy(struct key *key, const struct event *e)
{
	struct share *share = key->share;

	if (key->destroyed)
		return wrong(share, "its key was destroyed twice");
	key->destroyed = true;
	if (share && share->state != HELD && share->state != REVOKED &&
	    !driver_lost(key->pid))
		return wrong(share, "its key was destroyed while %s",
			     state_name(share->state));
	return true;
}

static bool on_free(const struct event *e)
{
	unsigned long long va = event_number(e, "va");
	unsigned long long len = event_number(e, "len");
	int pid = event_number(e, "pid");
	struct share *share;

	for (share = shares; share; share = share->next) {
		if (share->pid != pid || share->freed ||
		    share->addr - va >= len)
			continue;
		share->freed = true;
		share_remember(share, e);
		/*
		 * Exported by raw calls, without a key of the driver, and freed
		 * by them; or nobody is asked, or there was nothing to be called
		 * back for.
		 */
		if (!share->key || gone_get(pid)->lost ||
		    (gone_get(pid)->exits && !gone_get(pid)->told))
			continue;
		if (share->state != HELD && share->state != REVOKED)
			return wrong(share, "its memory was freed while %s",
				     state_name(share->state));
		if (share->state == HELD && !driver_destroyed(share))
			return wrong(share, "freed before its key was destroyed");
	}
	return true;
}

bool driver_event(const struct event *e)
{
	struct key *key;
	bool right;

	if (watch_driver_event(e, &right))
		return right;
	if (!strcmp(e->name, "lost")) {
		gone_get(event_number(e, "pid"))->lost = true;
		return true;
	}
	if (!strcmp(e->name, "exit")) {
		gone_get(event_number(e, "pid"))->exits = true;
		return true;
	}
	if (!strcmp(e->name, "create"))
		return on_create(e);
	if (!strcmp(e->name, "free"))
		return on_free(e);
	key = key_find(event_number(e, "id"));
	if (!key)
		return true;
	if (key->share)
		share_remember(key->share, e);
	if (!strcmp(e->name, "open"))
		return on_open(key, e);
	if (!strcmp(e->name, "close") || !strcmp(e->name, "teardown"))
		return on_unmap(key, e);
	if (!strcmp(e->name, "destroy"))
		return on_destroy(key, e);
	return true;
}

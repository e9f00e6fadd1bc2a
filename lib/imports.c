// SPDX-License-Identifier: LGPL-2.1-only
/*
 * What this process imported, by address: the HAL closes addresses, not keys.
 * One address can stand for several imports (the same key again, memory that
 * all processes see at one place), so each has a list.
 */

#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define NODES_MIN	64

/* Where the address is in the array, or would be. */
static unsigned int node_index(const struct state *state, uint64_t addr)
{
	unsigned int lo = 0, hi = state->nr_nodes, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (state->nodes[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct import_node *node_find(struct state *state, uint64_t addr)
{
	unsigned int i = node_index(state, addr);

	if (i == state->nr_nodes || state->nodes[i].addr != addr)
		return NULL;
	return &state->nodes[i];
}

static bool nodes_grow(struct state *state)
{
	unsigned int max = state->max_nodes ? 2 * state->max_nodes : NODES_MIN;
	struct import_node *nodes;

	nodes = realloc(state->nodes, max * sizeof(*nodes));
	if (!nodes)
		return false;
	state->nodes = nodes;
	state->max_nodes = max;
	return true;
}

static struct import_node *node_get(struct state *state, uint64_t addr)
{
	unsigned int i = node_index(state, addr);
	struct import_node *node;

	if (i < state->nr_nodes && state->nodes[i].addr == addr)
		return &state->nodes[i];
	if (state->nr_nodes == state->max_nodes && !nodes_grow(state))
		return NULL;
	node = &state->nodes[i];
	memmove(node + 1, node, (state->nr_nodes - i) * sizeof(*node));
	state->nr_nodes++;
	*node = (struct import_node){ .addr = addr };
	return node;
}

/* A close of one of its imports has ended: until then the node stays. */
static struct import_node *node_closed(struct state *state, uint64_t addr)
{
	struct import_node *node = &state->nodes[node_index(state, addr)];

	node->nr_closing--;
	return node;
}

static void node_put(struct state *state, struct import_node *node)
{
	struct import_node *end = state->nodes + state->nr_nodes;

	if (node->first || node->nr_closing)
		return;
	memmove(node, node + 1, (size_t)(end - node - 1) * sizeof(*node));
	state->nr_nodes--;
}

/* Oldest first: the runtime closes them in the order of opening. */
static void node_append(struct state *state, struct import_node *node,
			struct import *import)
{
	struct import **link = &node->first;

	while (*link)
		link = &(*link)->next;
	import->next = NULL;
	*link = import;
	if (!import->ghost)
		atomic_fetch_add(&state->nr_busy, 1);
}

static struct import *node_take(struct state *state, struct import **link)
{
	struct import *import = *link;

	*link = import->next;
	if (!import->ghost)
		atomic_fetch_sub(&state->nr_busy, 1);
	return import;
}

/* Remember a successful open.  -ENOMEM: nothing was remembered. */
int import_add(struct state *state, uint64_t addr, struct import *import)
{
	struct import_node *node;
	struct export *export;

	state_lock(state);
	node = node_get(state, addr);
	if (node) {
		export = state->exports ?
			 export_find_locked(state, &import->key) : NULL;
		import->self = export && export->region &&
			       region_find_locked(state, addr, 1) ==
			       export->region;
		node_append(state, node, import);
	}
	state_unlock(state);
	return node ? 0 : -ENOMEM;
}

/* The one with the wrapper's key, else the first live one, else the first. */
static struct import **node_choose(struct import_node *node)
{
	struct import **link, **live = NULL;

	for (link = &node->first; *link; link = &(*link)->next) {
		if (self.hint && !memcmp(&(*link)->key, self.hint,
					 sizeof(*self.hint)))
			return link;
		if (!live && !(*link)->ghost)
			live = link;
	}
	return live ? live : &node->first;
}

/*
 * Take one import of an address out, before the real close: another thread may
 * be given the address as soon as that is done.
 */
enum import_taken import_take(struct state *state, uint64_t addr,
			      struct import **import)
{
	enum import_taken taken = IMPORT_TAKEN;
	struct import_node *node;

	state_lock(state);
	node = node_find(state, addr);
	if (!node) {
		taken = IMPORT_NONE;
	} else if (!node->first) {
		taken = IMPORT_RACE;
	} else {
		*import = node_take(state, node_choose(node));
		if ((*import)->ghost) {
			taken = IMPORT_WAS_GHOST;
			free(*import);
			*import = NULL;
			node_put(state, node);
		} else {
			node->nr_closing++;
		}
	}
	state_unlock(state);
	return taken;
}

/* The real close failed and the address is still open. */
void import_put_back(struct state *state, uint64_t addr,
		     struct import *import)
{
	state_lock(state);
	node_append(state, node_closed(state, addr), import);
	state_unlock(state);
}

/* It is closed.  @ghost: by a device close, the caller's close will come. */
void import_done(struct state *state, uint64_t addr, struct import *import,
		 bool ghost)
{
	struct import_node *node;

	state_lock(state);
	node = node_closed(state, addr);
	if (ghost) {
		import->ghost = true;
		node_append(state, node, import);
	} else {
		free(import);
	}
	node_put(state, node);
	state_unlock(state);
}

/* Take any live import of a device out; NULL if there is none. */
struct import *import_take_device(struct state *state, uint32_t device,
				  uint64_t *addr)
{
	struct import *import = NULL, **link;
	struct import_node *node;
	unsigned int i;

	state_lock(state);
	for (i = 0; i < state->nr_nodes && !import; i++) {
		node = &state->nodes[i];
		for (link = &node->first; *link; link = &(*link)->next) {
			if ((*link)->ghost ||
			    ((*link)->device != device && device != DEVICE_ALL))
				continue;
			*addr = node->addr;
			node->nr_closing++;
			import = node_take(state, link);
			break;
		}
	}
	state_unlock(state);
	return import;
}

/* Is it the address of an import that is not the process's own memory? */
bool import_is_live(struct state *state, uint64_t addr)
{
	struct import_node *node;
	struct import *import;
	bool live = false;

	state_lock(state);
	node = node_find(state, addr);
	for (import = node ? node->first : NULL; import; import = import->next)
		live |= !import->ghost && !import->self;
	state_unlock(state);
	return live;
}

// SPDX-License-Identifier: GPL-2.0
/* What is known of each generation */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"

#define BUCKETS		4096

struct share *shares;
static struct share **buckets[BUCKETS];
static unsigned int nr_in[BUCKETS];

static void *must(void *p)
{
	if (!p) {
		fprintf(stderr, "conform: out of memory\n");
		exit(3);
	}
	return p;
}

/* A generation that was not heard of yet is LIVE. */
struct share *share_get(unsigned long long generation)
{
	unsigned int b = generation % BUCKETS, i;
	struct share *share;

	for (i = 0; i < nr_in[b]; i++)
		if (buckets[b][i]->generation == generation)
			return buckets[b][i];
	share = must(calloc(1, sizeof(*share)));
	share->generation = generation;
	share->state = LIVE;
	share->next = shares;
	shares = share;
	buckets[b] = must(realloc(buckets[b],
				  (nr_in[b] + 1) * sizeof(buckets[b][0])));
	buckets[b][nr_in[b]++] = share;
	return share;
}

/* One with this count; of several sessions of a process any, if unnamed. */
struct holder *share_holder(struct share *share, int pid,
			    unsigned long long session, unsigned int count)
{
	struct holder *h;

	for (h = share->holders; h; h = h->next)
		if (h->pid == pid && h->session == session && h->count == count)
			return h;
	if (count)
		return NULL;
	h = must(calloc(1, sizeof(*h)));
	h->pid = pid;
	h->session = session;
	h->next = share->holders;
	share->holders = h;
	return h;
}

bool share_held_by(const struct share *share, int pid)
{
	const struct holder *h;

	for (h = share->holders; h; h = h->next)
		if (h->pid == pid)
			return true;
	return false;
}

void share_drop(struct share *share, struct holder *holder)
{
	struct holder **p = &share->holders;

	while (*p != holder)
		p = &(*p)->next;
	*p = holder->next;
	free(holder);
}

void share_remember(struct share *share, const struct event *event)
{
	char *slot = share->history[share->nr_history++ % HISTORY];

	snprintf(slot, sizeof(share->history[0]), "%llu: %s: %s", event->seq,
		 event->name, event->text);
}

static const char *const states[] = {
	[LIVE] = "live",
	[CLOSING] = "closing",
	[HELD] = "held",
	[REVOKED] = "revoked",
};

const char *state_name(enum state state)
{
	return state == UNKNOWN ? "unknown" : states[state];
}

enum state state_of(const struct event *event, const char *field)
{
	int i;

	for (i = LIVE; i <= REVOKED; i++)
		if (event_is(event, field, states[i]))
			return i;
	return UNKNOWN;
}

bool wrong(const struct share *share, const char *fmt, ...)
{
	unsigned int i = 0;
	va_list args;

	printf("# conform: ");
	if (share)
		printf("generation %llu: ", share->generation);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	if (share && share->nr_history > HISTORY)
		i = share->nr_history - HISTORY;
	for (; share && i < share->nr_history; i++)
		printf("#   %s\n", share->history[i % HISTORY]);
	return false;
}

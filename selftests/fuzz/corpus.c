// SPDX-License-Identifier: GPL-2.0
/* Programs that reached something new, to make others from. */
#include "generate.h"

#define KEPT	512

static struct program kept[KEPT];
static unsigned int nr_kept, nr_places;
static __u8 seen[sizeof(((struct calls *)0)->cover)];

void corpus_begin(struct director *d, bool on)
{
	int i;

	for (i = 0; i < PROCS; i++) {
		d->procs[i].calls->cover_on = on;
		memset(d->procs[i].calls->cover, 0, sizeof(seen));
	}
}

/* Has the program that just ran reached something new?  Then it is kept. */
void corpus_end(struct director *d, const struct program *program)
{
	unsigned int before = nr_places, at;
	int i;

	for (i = 0; i < PROCS; i++) {
		for (at = 0; at < sizeof(seen); at++) {
			if (!d->procs[i].calls->cover[at] || seen[at])
				continue;
			seen[at] = 1;
			nr_places++;
		}
	}
	if (nr_places == before)
		return;
	kept[nr_kept % KEPT] = *program;
	nr_kept++;
}

const struct program *corpus_pick(__u64 *seed)
{
	if (!nr_kept)
		return NULL;
	return &kept[dice(seed, nr_kept < KEPT ? nr_kept : KEPT)];
}

void corpus_print(void)
{
	ksft_print_msg("coverage: %u places, %u programs reached new ones\n",
		       nr_places, nr_kept);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * All to all: every process exports to and imports from every other, and all
 * tear down in random order and manner, round after round.  No destroy or free
 * may come before the last importer's close, and nobody may hang.
 */
#include "lib_test.h"

#define RANKS	8
#define ROUNDS	100

LIB_FIXTURE(storm)

static long do_seed(struct peer_state *s, long a, long b)
{
	(void)s;
	(void)b;
	srandom((unsigned int)a);
	return 0;
}

/* a: own rank; slot 1 + n is rank n's */
static long do_import_all(struct peer_state *s, long a, long b)
{
	long i, ret;

	for (i = 0; i < RANKS; i++) {
		if (i == a)
			continue;
		ret = aclrtIpcMemImportByKey(&s->slot[1 + i], s->board->key[i],
					     b & 1);
		if (ret)
			return ret;
	}
	return 0;
}

/* Some close own first, some last, some free only, some reset the device. */
static long do_tear_down(struct peer_state *s, long a, long b)
{
	long how = random() % 4, i, k, first = random() % RANKS;
	char key[65];

	(void)b;
	memcpy(key, s->board->key[a], 65);
	if (how == 3)
		return aclrtResetDevice(0) || aclrtSetDevice(0) ? 2 : 0;
	if (how == 0 && aclrtIpcMemClose(key))
		return 3;
	if (how != 2 && aclrtFree(s->slot[0]))
		return 4;
	for (i = 0; i < RANKS; i++) {
		k = (first + i) % RANKS;
		if (k == a)
			continue;
		usleep(random() % 2000);
		/* what is not closed yet must be whole */
		if (do_read(s, 1 + k, 0) != 10 + k)
			return 5;
		if (aclrtIpcMemClose(s->board->key[k]))
			return 6;
	}
	if (how == 1 && aclrtIpcMemClose(key))
		return 7;
	if (how == 2 && (aclrtIpcMemClose(key) || aclrtFree(s->slot[0])))
		return 8;
	return 0;
}

TEST_F_TIMEOUT(storm, all_to_all, 600)
{
	int i, round;

	for (i = 2; i < RANKS; i++)
		ASSERT_EQ(0, lib_start(&self->p[i], self->board));
	for (i = 0; i < RANKS; i++)
		P(i, do_seed, i, 0);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < RANKS; i++)
			ASSERT_EQ(0, P(i, do_export_rank, i,
				       round & 1 ? SMALL : BIG));
		for (i = 0; i < RANKS; i++)
			ASSERT_EQ(0, P(i, do_import_all, i, round));
		for (i = 0; i < RANKS; i++)
			ASSERT_EQ(0, peer_send(&self->p[i], do_tear_down, i,
					       0));
		for (i = 0; i < RANKS; i++)
			ASSERT_EQ(0, peer_recv(&self->p[i])) {
				TH_LOG("round %d rank %d", round, i);
			}
		for (i = 0; i < RANKS; i++)
			ASSERT_TRUE(lib_until(!P(i, do_pending, 0, 0)));
		ASSERT_EQ(0, sim_violation("total"));
	}
}

LIB_MAIN

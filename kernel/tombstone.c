// SPDX-License-Identifier: GPL-2.0
/*
 * Tombstones: revoked shares that nobody has open, kept under their keys so that
 * an import is told why it is refused.  No more of them than max_tombstones.
 */

#include "aclipc.h"

/* Oldest first.  On and off it by share->lock and this lock. */
static LIST_HEAD(aclipc_tombstones);
static DEFINE_SPINLOCK(aclipc_tombstones_lock);
static unsigned int aclipc_nr_tombstones;

void aclipc_tombstone_add_locked(struct aclipc_share *share)
{
	lockdep_assert_held(&share->lock);

	spin_lock(&aclipc_tombstones_lock);
	if (list_empty(&share->tombstone_node)) {
		list_add_tail(&share->tombstone_node, &aclipc_tombstones);
		WRITE_ONCE(aclipc_nr_tombstones, aclipc_nr_tombstones + 1);
	}
	spin_unlock(&aclipc_tombstones_lock);
}

void aclipc_tombstone_del_locked(struct aclipc_share *share)
{
	lockdep_assert_held(&share->lock);

	/* on and off the list by share->lock only */
	if (list_empty(&share->tombstone_node))
		return;
	spin_lock(&aclipc_tombstones_lock);
	list_del_init(&share->tombstone_node);
	WRITE_ONCE(aclipc_nr_tombstones, aclipc_nr_tombstones - 1);
	spin_unlock(&aclipc_tombstones_lock);
}

unsigned int aclipc_tombstones_count(void)
{
	return READ_ONCE(aclipc_nr_tombstones);
}

static struct aclipc_share *aclipc_tombstone_oldest(void)
{
	struct aclipc_share *share = NULL;

	spin_lock(&aclipc_tombstones_lock);
	if (aclipc_nr_tombstones > READ_ONCE(aclipc_max_tombstones)) {
		share = list_first_entry(&aclipc_tombstones,
					 struct aclipc_share, tombstone_node);
		/* whoever retires it takes it off the list first */
		refcount_inc(&share->refs);
	}
	spin_unlock(&aclipc_tombstones_lock);
	return share;
}

/* Forget the oldest tombstones beyond the limit.  Call with nothing held. */
void aclipc_tombstones_trim(void)
{
	struct aclipc_share *share;
	bool retired;

	while ((share = aclipc_tombstone_oldest())) {
		spin_lock(&share->lock);
		WRITE_ONCE(share->gone, true);
		retired = aclipc_share_retire_locked(share);
		spin_unlock(&share->lock);
		if (retired)
			aclipc_share_put(share);
		aclipc_share_put(share);
	}
}

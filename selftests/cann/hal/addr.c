// SPDX-License-Identifier: GPL-2.0
/*
 * Device addresses: one range, the same in every process, not inherited by
 * fork.  What is given back last is handed out first, whoever had it before.
 */
#include <stdlib.h>
#include <string.h>

#include "hal.h"

#define BUCKETS 4096

struct hal_gap {
	struct hal_gap *next;
	uint64_t va;
	uint64_t len;
	bool memory;	/* was an allocation, not an import */
};

static struct hal_gap *gaps;
static struct hal_block *buckets[BUCKETS];
static uint64_t bump = HAL_SVM_BASE;

uint64_t hal_round(uint64_t size, bool huge)
{
	uint64_t unit = huge ? HAL_HUGE : HAL_PAGE;

	return (size + unit - 1) & ~(unit - 1);
}

bool hal_is_device(uint64_t va)
{
	return va >= HAL_SVM_BASE && va < HAL_SVM_BASE + HAL_SVM_SIZE;
}

uint64_t hal_va_get(uint64_t len)
{
	struct hal_gap **link, *gap;
	uint64_t va;

	for (link = &gaps; *link; link = &(*link)->next) {
		gap = *link;
		if (gap->len != len)
			continue;
		va = gap->va;
		*link = gap->next;
		free(gap);
		return va;
	}
	va = bump;
	if (len >= HAL_HUGE)
		va = (va + HAL_HUGE - 1) & ~(HAL_HUGE - 1);
	if (len > HAL_SVM_SIZE || va + len > HAL_SVM_BASE + HAL_SVM_SIZE)
		return 0;
	bump = va + len;
	return va;
}

void hal_va_put(uint64_t va, uint64_t len, bool memory)
{
	struct hal_gap *gap = malloc(sizeof(*gap));

	if (!gap)
		return;
	gap->va = va;
	gap->len = len;
	gap->memory = memory;
	gap->next = gaps;
	gaps = gap;
}

bool hal_va_was_memory(uint64_t va)
{
	struct hal_gap *gap;

	for (gap = gaps; gap; gap = gap->next)
		if (gap->va == va)
			return gap->memory;
	return false;
}

static struct hal_block **hal_bucket(uint64_t va)
{
	return &buckets[(va / HAL_PAGE ^ va / HAL_HUGE) % BUCKETS];
}

struct hal_block *hal_block_new(uint64_t va, uint64_t len, uint64_t size,
				uint32_t devid, enum hal_state state)
{
	struct hal_block *b = calloc(1, sizeof(*b));
	struct hal_block **bucket = hal_bucket(va);

	if (!b)
		return NULL;
	b->va = va;
	b->size = size;
	b->len = len;
	b->devid = devid;
	b->state = state;
	b->count = 1;
	b->hash_next = *bucket;
	*bucket = b;
	b->next = hal.blocks;
	b->pprev = &hal.blocks;
	if (b->next)
		b->next->pprev = &b->next;
	hal.blocks = b;
	return b;
}

struct hal_block *hal_block_at(uint64_t va)
{
	struct hal_block *b = *hal_bucket(va);

	while (b && b->va != va)
		b = b->hash_next;
	return b;
}

/* the block that contains va */
struct hal_block *hal_block_of(uint64_t va)
{
	struct hal_block *b = hal_block_at(va);

	if (b)
		return b;
	for (b = hal.blocks; b; b = b->next)
		if (va >= b->va && va - b->va < b->len)
			return b;
	return NULL;
}

/* Unlinks, gives the address back, frees. */
void hal_block_del(struct hal_block *b)
{
	struct hal_block **link = hal_bucket(b->va);

	while (*link != b)
		link = &(*link)->hash_next;
	*link = b->hash_next;
	*b->pprev = b->next;
	if (b->next)
		b->next->pprev = b->pprev;
	hal_va_put(b->va, b->len, b->state != HAL_IMPORTED);
	free(b);
}

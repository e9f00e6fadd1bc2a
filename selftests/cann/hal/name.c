// SPDX-License-Identifier: GPL-2.0
/*
 * Keys as strings.  v2: the driver's own text, passed through.  v3: 40 bytes
 * in which every zero is written as one, and 10 bytes that say which were.
 */
#include <stdio.h>
#include <string.h>

#include "hal.h"

#define RECORD_LEN	40
#define BITMAP_LEN	10
#define PER_BYTE	(RECORD_LEN / BITMAP_LEN)
#define STRING_LEN	(RECORD_LEN + BITMAP_LEN)

/* everything but the key is for importers on other servers, and zero here */
struct name_record {
	uint8_t version;
	uint8_t cs_valid;
	uint16_t reserved;
	uint16_t server_id;
	uint16_t udevid;
	int32_t owner_pid;
	int32_t tgid;
	uint64_t va;
	uint64_t size;
	uint64_t key;
};

_Static_assert(sizeof(struct name_record) == RECORD_LEN, "packed by layout");

/* Bytes after the terminator stay as the caller left them. */
void hal_name_format(uint64_t id, char *name)
{
	struct name_record record = { .key = id };
	uint8_t bytes[RECORD_LEN];
	uint8_t bitmap[BITMAP_LEN];
	size_t i;

	memcpy(bytes, &record, sizeof(bytes));
	memset(bitmap, 0x80, sizeof(bitmap));
	for (i = 0; i < RECORD_LEN; i++) {
		if (bytes[i])
			continue;
		bytes[i] = 1;
		bitmap[i / PER_BYTE] |= 1 << (i % PER_BYTE);
	}
	memcpy(name, bytes, RECORD_LEN);
	memcpy(name + RECORD_LEN, bitmap, BITMAP_LEN);
	name[STRING_LEN] = '\0';
}

bool hal_name_parse(const char *name, uint64_t *id)
{
	struct name_record record;
	uint8_t bytes[RECORD_LEN];
	size_t i;

	if (strnlen(name, STRING_LEN) < STRING_LEN)
		return false;
	memcpy(bytes, name, RECORD_LEN);
	for (i = 0; i < RECORD_LEN; i++) {
		uint8_t map = name[RECORD_LEN + i / PER_BYTE];

		if (map & (1 << (i % PER_BYTE)))
			bytes[i] = 0;
	}
	memcpy(&record, bytes, sizeof(record));
	*id = record.key;
	return true;
}

bool hal_name_ok(const char *name)
{
	size_t len = name ? strnlen(name, HAL_NAME_LEN) : 0;

	return len > 0 && len < HAL_NAME_LEN;
}

/* How the kernel is told which key is meant. */
drvError_t hal_name_arg(const char *name, struct ascend_sim_arg *a)
{
	uint64_t id;

	if (!hal_name_ok(name))
		return DRV_ERROR_INVALID_VALUE;
	if (hal.svm == 3) {
		if (!hal_name_parse(name, &id))
			return DRV_ERROR_INVALID_VALUE;
		a->id = id;
		return DRV_ERROR_NONE;
	}
	snprintf(a->name, sizeof(a->name), "%s", name);
	return DRV_ERROR_NONE;
}

/* v2: the record of opens knows a name by its counter and server alone */
bool hal_name_record(const char *name, uint64_t *id)
{
	unsigned int pid, devid, vfid, sdid;
	unsigned long long counter;

	if (sscanf(name, "%08x%016llx%02x%02x%08x", &pid, &counter, &devid,
		   &vfid, &sdid) != 5)
		return false;
	*id = (uint64_t)(sdid >> 22) << 54 | (counter & ((1ULL << 54) - 1));
	return true;
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libFuzzer targets.  A file has several of them, TARGET says which one this
 * program is.  Each is given the input as a string of its own memory.
 */
#ifndef FUZZ_PARSE_H
#define FUZZ_PARSE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define must(what)							\
do {									\
	if (!(what)) {							\
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__,	\
			__LINE__, #what);				\
		abort();						\
	}								\
} while (0)

static void TARGET(char *text, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = 0;
	TARGET(text, size);
	free(text);
	return 0;
}

#endif

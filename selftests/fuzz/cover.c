// SPDX-License-Identifier: GPL-2.0
/*
 * What a call reaches in the module, from KCOV, as bits of a map: one for each
 * pair of places that follow each other.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define KCOV		"/sys/kernel/debug/kcov"
#define KCOV_INIT	_IOR('c', 1, unsigned long)
#define KCOV_ENABLE	_IO('c', 100)
#define KCOV_WORDS	16384

static unsigned long *words;

bool cover_available(void)
{
	return !access(KCOV, R_OK | W_OK);
}

/* For the calling thread, once. */
static bool cover_open(void)
{
	static bool tried;
	int fd;

	if (tried)
		return words;
	tried = true;
	fd = open(KCOV, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, KCOV_INIT, KCOV_WORDS))
		return false;
	words = mmap(NULL, KCOV_WORDS * sizeof(*words), PROT_READ | PROT_WRITE,
		     MAP_SHARED, fd, 0);
	if (words == MAP_FAILED || ioctl(fd, KCOV_ENABLE, 0))
		words = NULL;
	return words;
}

void cover_begin(struct calls *calls)
{
	if (calls->cover_on && cover_open())
		__atomic_store_n(&words[0], 0, __ATOMIC_RELAXED);
}

static unsigned long hash(unsigned long n)
{
	return n * 0x9e3779b97f4a7c15UL >> 48;
}

void cover_end(struct calls *calls)
{
	unsigned long n, i, last = 0, at;

	if (!calls->cover_on || !words)
		return;
	n = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
	for (i = 1; i <= n && i < KCOV_WORDS; i++) {
		at = hash(words[i]);
		calls->cover[(at ^ last) % sizeof(calls->cover)] = 1;
		last = at >> 1;
	}
}

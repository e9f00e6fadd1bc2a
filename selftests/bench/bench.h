/* SPDX-License-Identifier: GPL-2.0 */
/* Comparing two pieces of work in one run. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_ROUNDS	64

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static inline void die(const char *what)
{
	perror(what);
	exit(2);
}

static inline int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static inline double median(double *v, int n)
{
	qsort(v, n, sizeof(*v), compare_double);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

struct pair {
	int nr;
	double a[MAX_ROUNDS], b[MAX_ROUNDS], ratio[MAX_ROUNDS];
};

static inline void pair_add(struct pair *p, double a, double b)
{
	if (p->nr == MAX_ROUNDS)
		return;
	p->a[p->nr] = a;
	p->b[p->nr] = b;
	p->ratio[p->nr++] = a / b;
}

/*
 * One line for the report: id, value, "<=" or ">=", bound, what A and B cost
 * (0: not a cost), rounds.
 */
static inline void row(const char *id, double value, const char *sense,
		       double bound, double a, double b, int rounds)
{
	printf("row %s %.3f %s %g %.2f %.2f %d\n", id, value, sense, bound, a,
	       b, rounds);
	fflush(stdout);
}

/* Of ratios the median, so that one disturbed round decides nothing. */
static inline void pair_row(const char *id, struct pair *p, double bound)
{
	double ratio = median(p->ratio, p->nr);

	row(id, ratio, "<=", bound, median(p->a, p->nr), median(p->b, p->nr),
	    p->nr);
}

#endif /* BENCH_H */

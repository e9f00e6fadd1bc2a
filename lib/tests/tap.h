/* SPDX-License-Identifier: LGPL-2.1-only */
/* The little of TAP that the unit tests need. */
#ifndef TAP_H
#define TAP_H

#include <stdio.h>
#include <stdlib.h>

static int tap_nr, tap_failed;

#define ok(cond, ...) ({						\
	int ok_ = !!(cond);						\
									\
	printf("%sok %d - ", ok_ ? "" : "not ", ++tap_nr);		\
	printf(__VA_ARGS__);						\
	printf("\n");							\
	if (!ok_) {							\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		tap_failed++;						\
	}								\
	fflush(stdout);							\
	ok_;								\
})

#define is(a, b, ...) ({						\
	long long a_ = (long long)(a), b_ = (long long)(b);		\
									\
	if (!ok(a_ == b_, __VA_ARGS__))					\
		printf("# got %lld, expected %lld\n", a_, b_);		\
})

static inline int tap_done(void)
{
	printf("1..%d\n", tap_nr);
	return tap_failed ? 1 : 0;
}

#endif

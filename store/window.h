/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stretch of time taken apart into the levels that answer it: whole days, whole hours around
 * them, and minutes at the ends.  Pure.
 */
#ifndef STORE_WINDOW_H
#define STORE_WINDOW_H

#include <stdint.h>

enum window_level { WINDOW_MINUTES, WINDOW_HOURS, WINDOW_DAYS, WINDOW_LEVELS };

struct window_part {
	enum window_level level;
	int64_t from, to; /* [from, to) in that level's buckets since 1970 */
};
enum { WINDOW_PARTS = 5 };

/*
 * [SINCE, UNTIL) in Unix seconds, 0 is open; every minute that it touches is in it.  Fills OUT
 * and returns how many parts there are.
 */
unsigned window_split(int64_t since, int64_t until, struct window_part out[WINDOW_PARTS]);

#endif

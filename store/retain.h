/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store over years: hours and days that are over are packed, what is older than it is to
 * be kept is taken away, and names that nobody uses any more.  Plans, edits and what people
 * say of groups are never touched, machines neither.
 *
 * Age counts from the newest fact, not from the clock: a file that is opened after a year
 * loses nothing by that.  All of it is done in small transactions (retain_step), each of which
 * leaves the file right; whoever does not do them has a larger file and slower windows,
 * nothing else.
 */
#ifndef STORE_RETAIN_H
#define STORE_RETAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "store/store.h"

enum {
	RETAIN_DAY = 86400,
	/* A record may come a week late; where its minute is gone it is refused (count.h). */
	RETAIN_LATE = 8 * RETAIN_DAY,
	RETAIN_MINUTES_LEAST = 2 * 3600,
};

/* Seconds. */
struct retain {
	/*
	 * What each witness said, and its coverage; RETAIN_MINUTES_LEAST or more.  Below
	 * RETAIN_LATE a sensor that was cut off for longer loses what is older.
	 */
	uint32_t minutes;
	uint32_t hours; /* sums by the hour; how busy machines were, how much was captured */
	uint32_t days;	/* sums by the day; losses */
	uint32_t total; /* an edge after it was last seen, or imported */
	uint32_t pace;	/* "newest" goes ahead no faster a turn (a clock that leaps); 0: any */
};
#define RETAIN_DEFAULT                                                                        \
	{                                                                                     \
		.minutes = 8 * RETAIN_DAY, .hours = 35 * RETAIN_DAY,                          \
		.days = 400 * RETAIN_DAY, .total = 800 * RETAIN_DAY                           \
	}

struct retain_done {
	uint64_t packed;  /* rows that were put together */
	uint64_t removed; /* rows that were taken away, packs of them as one */
	uint64_t edges;	  /* edges that were */
	uint64_t names;	  /* conversations, endpoints, processes, details that were */
};

/*
 * Looks how far time has come; NOW_MS is the clock, which what is newest may not be ahead of.
 * To be called now and then, a minute apart.  0 or negative errno.
 */
int retain_turn(struct store *s, const struct retain *r, int64_t now_ms, struct err *e);
/*
 * A transaction of some thousand rows at most, what was done added to DONE: 1 if there is more
 * to do now, 0 if not until the next turn, -EBUSY if another process writes.
 */
int retain_step(struct store *s, const struct retain *r, struct retain_done *done,
		struct err *e);

#endif

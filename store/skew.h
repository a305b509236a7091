/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a sensor's clock is ahead of ours, for each of its batches.
 *
 * HELLO tells it as it is now; batches in a spool were written under the clock of their time,
 * which may have been another.  So the offset belongs to the stream of batches: it stays while
 * their times go on without a break, and changes where they jump.  Pure.
 */
#ifndef STORE_SKEW_H
#define STORE_SKEW_H

#include <stdbool.h>
#include <stdint.h>

struct skew {
	bool known;
	int64_t ms;	 /* its clock less ours */
	int64_t base_ms; /* of its newest batch, by its own clock: where it begins, */
	int64_t end_ms;	 /* and how far it has watched */
};

struct skew_batch {
	bool first; /* of a new spool */
	int64_t base_ms, end_ms;
	int64_t received_ms; /* by our clock */
	int64_t told_ms;     /* what HELLO made of it */
	bool again;	     /* that it has watched the time from base_ms before, by skew.ms */
};

enum skew_change {
	SKEW_SAME,
	SKEW_REFINED, /* the same clock, known better or drifted */
	SKEW_STEPPED, /* its clock was set */
};

/* Takes the batch that comes next; the offset to use for it is in K afterwards. */
enum skew_change skew_follow(struct skew *k, const struct skew_batch *b);
/* Whether B begins before the one before it, so that AGAIN is of interest. */
bool skew_goes_back(const struct skew *k, int64_t base_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one sensor said, taken back: its key was stolen, or it was wrong.
 *
 * What each witness said is kept by the minute, so of the minutes that are still there its
 * word goes exactly, and that of others counts in its place.  Of what is older only edges that
 * nobody else saw can go, and do; sums of an edge that others saw too keep its part.  The
 * machine itself, gaps, and what people decided stay.
 */
#ifndef STORE_PURGE_H
#define STORE_PURGE_H

#include <stdint.h>

#include "common/err.h"
#include "store/store.h"

struct purge;

struct purge_done {
	uint64_t minutes; /* rows of it, one a minute and claim */
	uint64_t edges;	  /* that were its alone */
	uint64_t shared;  /* that others saw as well */
};

/*
 * SINCE in seconds, 0: from the beginning.  NULL with words: no such sensor, or one that is
 * not revoked and so would go on talking.
 */
struct purge *purge_begin(struct store *s, const char *sensor, int64_t since, struct err *e);
/* A transaction's worth: 1 if there is more to do, 0 when it is done. */
int purge_step(struct purge *p, struct purge_done *done, struct err *e);
void purge_end(struct purge *p);

#endif

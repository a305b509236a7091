/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting once.
 *
 * Every report is kept by minute and claim.  Of the claims of one conversation those of one
 * sensor, the authority of that minute (authority.h), enter the levels.  A host that covered
 * the minute may be the authority even when it reports nothing, because a connection that
 * falls across the end of a minute may be in another minute for the other side.
 *
 * A minute that is not over (close.h) is only written down; nobody can say yet who will have
 * covered it.  When it is over each of its conversations is decided on, once.  Coverage and
 * claims may come later still.  Then whole rows change sides, and the levels get the
 * difference in the same transaction, so that they hold each connection once at any time.
 *
 * Of a minute whose rows are being taken away (retain.h) nothing is decided any more and
 * nothing changes sides, since who counted there is not known; what comes for it is told to
 * count_late, and is not counted.
 */
#ifndef STORE_COUNT_H
#define STORE_COUNT_H

#include "common/err.h"
#include "store/amount.h"
#include "store/conv.h"
#include "store/priv.h"

struct count_report {
	int64_t minute;
	int64_t first, last; /* seconds */
	struct amounts amounts;
};
/* Adds what the claim C of V reports. */
int count_add(struct store *s, struct conv *v, struct claim *c, const struct count_report *r,
	      struct err *e);
/* Whether MINUTE is gone.  Then nothing may be added, and count_take finds nothing. */
bool count_gone(const struct store *s, int64_t minute);
/* R came too late: that C was seen is all that is kept of it. */
int count_late(struct store *s, const struct claim *c, const struct count_report *r,
	       struct err *e);
/* Takes the row of C out: 1 with what it held, 0 if there is none. */
int count_take(struct store *s, struct conv *v, struct claim *c, int64_t minute,
	       struct count_report *out, struct err *e);
/* The newest minute that anybody told of; 0: none. */
int count_newest(struct store *s, int64_t *minute, struct err *e);
/* Who counts in MINUTE is decided again. */
int count_settle(struct store *s, struct conv *v, int64_t minute, struct err *e);
/* SENSOR's coverage of MINUTE has changed. */
int count_covered(struct store *s, int64_t sensor, int64_t minute, struct err *e);

/* MINUTE of this conversation is over: it is decided on, and enters the levels. */
int count_close(struct store *s, int64_t conversation, int64_t minute, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Minutes that are not over (close.h), for who reads: what their rows would count if they were
 * decided on now.  Nothing is written.
 *
 * There may be millions of such rows, so nothing is looked up for each: claims, conversations,
 * ends and coverage are gone through once in the order of their keys, then each minute is.
 *
 *	rc = open_begin(s, from, to, &o, e);
 *	if (!rc && o)
 *		rc = open_claims(o, e);
 *	if (!rc && o)
 *		rc = open_read(o, fn, ctx, e);
 *	open_end(o);
 */
#ifndef STORE_OPEN_H
#define STORE_OPEN_H

#include "common/err.h"
#include "store/count.h"

struct open;

/* Of the minutes [FROM, TO); *OUT is NULL where none of them has anything open. */
int open_begin(struct store *s, int64_t from, int64_t to, struct open **out, struct err *e);
void open_end(struct open *o);

/* All claims; or, from who reads them anyway, each of them by number. */
int open_claims(struct open *o, struct err *e);
void open_claim(struct open *o, int64_t id, int64_t conversation, int64_t origin,
		unsigned witnesses, int64_t edge);

/* Each row that is open, with the edge it is of, and no amounts where another's word counts.
 */
typedef void open_fn(int64_t edge, const struct count_report *r, void *ctx);
int open_read(struct open *o, open_fn *fn, void *ctx, struct err *e);

#endif

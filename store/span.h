/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans: imported totals over [first, last], counted once among sources.
 *
 * Two files may tell of the same connections, one from each side.  A span counts unless a
 * better witness (client, server, mirror, NetFlow) in another source saw the same conversation
 * in an overlapping span.  A span that names no witness counts, and puts no other aside.
 */
#ifndef STORE_SPAN_H
#define STORE_SPAN_H

#include "common/err.h"
#include "store/amount.h"
#include "store/conv.h"
#include "store/priv.h"

struct span {
	int64_t id;
	int64_t first, last; /* seconds, 0: unknown */
	int64_t edge;	     /* where it is counted, 0: nowhere */
	struct amounts amounts;
	/* of its claim */
	int64_t origin, claim_edge;
	unsigned witnesses;
};

/* Pure: whether ONE counts beside the N spans of its conversation. */
bool span_counts(const struct span *one, const struct span *all, size_t n);

/* A span of claim C, which has its edge, counted if COUNTED; else span_settle may do it. */
int span_add(struct store *s, const struct claim *c, int64_t first, int64_t last,
	     const struct amounts *a, bool counted, struct err *e);
/* Counts what is to be counted of V, and no longer what is not; the levels get the difference.
 */
int span_settle(struct store *s, const struct conv *v, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention of what is not in the order of time (retain.c): tables that are walked over in the
 * order of their key, some rows a call.  All return 1 if there is more, 0 at the end, which
 * also sets WALK back, and count what they remove in *N.
 */
#ifndef STORE_WALK_H
#define STORE_WALK_H

#include "common/err.h"
#include "common/fact.h"
#include "store/priv.h"

struct walk {
	int64_t at, metric;
	char device[NAME_LEN + 1];
};

int walk_gaps(struct store *s, struct walk *w, int64_t before_ms, unsigned max, uint64_t *n,
	      struct err *e);
int walk_captures(struct store *s, struct walk *w, int64_t hour, unsigned max, uint64_t *n,
		  struct err *e);
int walk_usage(struct store *s, struct walk *w, int64_t before_ms, unsigned max, uint64_t *n,
	       struct err *e);
/* Edges last seen before BEFORE, and imported before it; looks at MAX, removes MOST. */
int walk_edges(struct store *s, struct walk *w, int64_t before, unsigned max, unsigned most,
	       uint64_t *n, struct err *e);
/* Numbers of edges that lead to none. */
int walk_aliases(struct store *s, struct walk *w, unsigned max, uint64_t *n, struct err *e);

#endif

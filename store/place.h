/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For readers: where the arrays that they fill have an edge, by its number.  One that became
 * part of another is found there.
 */
#ifndef STORE_PLACE_H
#define STORE_PLACE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "store/store.h"

struct alias {
	int64_t edge, into;
};

struct places {
	int64_t *number; /* of what is at each place, ascending */
	size_t n, cap;
	size_t near;	     /* behind the one that was found last: scans go up as well */
	struct alias *alias; /* by edge */
	size_t alias_n;
	int64_t above, below; /* no alias is between them */
};

/* Those that are part of another; places_fini in any case. */
int places_load(struct store *s, struct places *p, struct err *e);
void places_fini(struct places *p);
/* The next place is of EDGE, whose number is above those before it. */
void places_add(struct places *p, int64_t edge);
/* SIZE_MAX: none.  A circle of edges, which is damage, ends somewhere. */
size_t places_seek(struct places *p, int64_t edge);

/* The same, for who goes through most of them in order. */
static inline size_t places_of(struct places *p, int64_t edge)
{
	if (p->near < p->n && p->number[p->near] == edge && edge > p->above && edge < p->below)
		return p->near++;
	return places_seek(p, edge);
}

#endif

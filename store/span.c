/* SPDX-License-Identifier: Apache-2.0 */
#include "store/span.h"

#include <stdlib.h>

#include "store/db.h"
#include "store/edge.h"
#include "store/level.h"

/* 0: a span without a witness. */
static unsigned rank(const struct span *x)
{
	for (unsigned w = WITNESS_CLIENT; w < WITNESS_IMPORT; w++)
		if (x->witnesses & 1u << w)
			return w;
	return 0;
}

static bool overlap(const struct span *a, const struct span *b)
{
	if ((!a->first && !a->last) || (!b->first && !b->last))
		return true;
	return a->first <= b->last && b->first <= a->last;
}

bool span_counts(const struct span *one, const struct span *all, size_t n)
{
	unsigned mine = rank(one);

	for (size_t i = 0; i < n && mine; i++) {
		unsigned theirs = rank(&all[i]);

		if (all[i].origin != one->origin && theirs && theirs < mine &&
		    overlap(one, &all[i]))
			return false;
	}
	return true;
}

int span_add(struct store *s, const struct claim *c, int64_t first, int64_t last,
	     const struct amounts *a, bool counted, struct err *e)
{
	static const struct amounts nothing;
	int rc;
	sqlite3_stmt *st = db_query(s, e,
				    "INSERT INTO span(claim, edge, first, last, " AMOUNT_NAMES
				    ") VALUES(?, ?, ?, ?, " AMOUNT_MARKS ")",
				    DB(I(c->id), I(counted ? c->edge : 0), I(first), I(last)));

	if (!st)
		return db_fail(s, NULL);
	amount_bind(st, 5, a);
	rc = db_step(s, st, e);
	return rc ? rc : level_total(s, c->edge, first, last, counted ? a : &nothing, e);
}

static int load_claim(struct store *s, const struct claim *c, struct span **list, size_t *n,
		      size_t *cap, struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT id, first, last, edge, " AMOUNT_NAMES
				    " FROM span WHERE claim = ?",
				    DB(I(c->id)));

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		MEM_GROW(*list, *n, *cap);
		(*list)[(*n)++] = (struct span){ .id = sqlite3_column_int64(st, 0),
						 .first = sqlite3_column_int64(st, 1),
						 .last = sqlite3_column_int64(st, 2),
						 .edge = sqlite3_column_int64(st, 3),
						 .amounts = amount_read(st, 4),
						 .origin = c->origin,
						 .claim_edge = c->edge,
						 .witnesses = c->witnesses };
	}
	return rc;
}

static int flip(struct store *s, const struct span *x, struct err *e)
{
	struct amounts a = x->edge ? amount_negative(x->amounts) : x->amounts;
	int64_t edge;
	int rc = edge_final(s, x->edge ? x->edge : x->claim_edge, &edge, e);

	if (!rc)
		rc = level_total(s, edge, 0, 0, &a, e);
	return rc ? rc
		  : db_run(s, e, "UPDATE span SET edge = ? WHERE id = ?",
			   DB(I(x->edge ? 0 : edge), I(x->id)));
}

int span_settle(struct store *s, const struct conv *v, struct err *e)
{
	struct span *list = NULL;
	size_t n = 0, cap = 0;
	int rc = 0;

	for (const struct claim *c = v->claims; c < v->claims + v->claims_n && !rc; c++)
		if (c->origin < 0)
			rc = load_claim(s, c, &list, &n, &cap, e);
	for (size_t i = 0; i < n && !rc; i++)
		if (span_counts(&list[i], list, n) != (list[i].edge != 0))
			rc = flip(s, &list[i], e);
	free(list);
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "store/place.h"

#include <stdlib.h>

#include "common/mem.h"
#include "store/db.h"

int places_load(struct store *s, struct places *p, struct err *e)
{
	size_t cap = 0;
	int rc;
	sqlite3_stmt *st =
		db_query(s, e, "SELECT edge, into_edge FROM merged ORDER BY edge", DB_NONE);

	*p = (struct places){ 0 };
	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		MEM_GROW(p->alias, p->alias_n, cap);
		p->alias[p->alias_n++] = (struct alias){ sqlite3_column_int64(st, 0),
							 sqlite3_column_int64(st, 1) };
	}
	return rc;
}

void places_fini(struct places *p)
{
	free(p->alias);
	free(p->number);
	*p = (struct places){ 0 };
}

void places_add(struct places *p, int64_t edge)
{
	MEM_GROW(p->number, p->n, p->cap);
	p->number[p->n++] = edge;
}

/* The first alias that is not below EDGE. */
static size_t alias_from(const struct places *p, int64_t edge)
{
	size_t lo = 0, hi = p->alias_n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (p->alias[mid].edge < edge)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The number under which EDGE is kept now. */
static int64_t tip(struct places *p, int64_t edge)
{
	for (size_t i = 0; i <= p->alias_n; i++) {
		size_t at = alias_from(p, edge);

		if (at == p->alias_n || p->alias[at].edge != edge) {
			p->above = at ? p->alias[at - 1].edge : INT64_MIN;
			p->below = at < p->alias_n ? p->alias[at].edge : INT64_MAX;
			break;
		}
		if (i < p->alias_n)
			edge = p->alias[at].into;
	}
	return edge;
}

/* Numbers are given one after the other: most stand where they would if none was missing. */
static size_t find(const struct places *p, int64_t edge)
{
	uint64_t step = p->n ? (uint64_t)edge - (uint64_t)p->number[0] : 0;
	size_t lo = 0, hi = p->n;

	if (step < p->n && p->number[step] == edge)
		return step;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (p->number[mid] < edge)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->n && p->number[lo] == edge ? lo : SIZE_MAX;
}

size_t places_seek(struct places *p, int64_t edge)
{
	size_t i;

	edge = tip(p, edge);
	i = p->near < p->n && p->number[p->near] == edge ? p->near : find(p, edge);
	p->near = i + 1;
	return i;
}

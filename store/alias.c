/* SPDX-License-Identifier: Apache-2.0 */
#include "store/alias.h"

#include <stdlib.h>

#include "store/db.h"

int alias_load(struct store *s, struct aliases *out, struct err *e)
{
	size_t cap = 0;
	int rc;
	sqlite3_stmt *st =
		db_query(s, e, "SELECT edge, into_edge FROM merged ORDER BY edge", DB_NONE);

	*out = (struct aliases){ 0 };
	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		MEM_GROW(out->list, out->n, cap);
		out->list[out->n++] = (struct alias){ sqlite3_column_int64(st, 0),
						      sqlite3_column_int64(st, 1) };
	}
	return rc;
}

void alias_fini(struct aliases *a)
{
	free(a->list);
	*a = (struct aliases){ 0 };
}

static int by_edge(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = ((const struct alias *)b)->edge;

	return (x > y) - (x < y);
}

int64_t alias_tip(const struct aliases *a, int64_t edge)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct alias *at =
			bsearch(&edge, a->list, a->n, sizeof(*a->list), by_edge);

		if (!at)
			break;
		edge = at->into;
	}
	return edge;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* On how many days an edge was seen: what imports alone tell of has no days. */
#include "store/db.h"
#include "store/query.h"

enum { DAY = 86400 };

/* Edges that became part of another count there, over any number of steps; a circle ends. */
static const char days[] =
	"WITH RECURSIVE way(edge, at) AS (SELECT edge, into_edge FROM merged UNION "
	"SELECT way.edge, merged.into_edge FROM way JOIN merged ON merged.edge = way.at), "
	"tip(edge, at) AS (SELECT edge, at FROM way WHERE at NOT IN (SELECT edge FROM merged)) "
	"SELECT coalesce(tip.at, d.edge), count(DISTINCT d.day) FROM fact_day d "
	"LEFT JOIN tip ON tip.edge = d.edge "
	"WHERE d.day >= ? AND d.day < ? AND d.records > 0 GROUP BY 1 ORDER BY 1";

int query_edge_days(struct store *s, const struct filter *f, query_edge_days_fn *fn, void *ctx,
		    struct err *e)
{
	int64_t from = f->since / DAY, to = f->until ? (f->until + DAY - 1) / DAY : INT64_MAX;
	sqlite3_stmt *st = db_query(s, e, days, DB(I(from), I(to)));
	int rc;

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		rc = fn(sqlite3_column_int64(st, 0), (unsigned)sqlite3_column_int64(st, 1),
			ctx);
		if (rc) {
			db_done(st);
			return rc;
		}
	}
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What host sensors tell besides edges, read: how busy machines were, how much was seen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "store/db.h"
#include "store/query.h"

struct gather {
	struct usage_row row;
	char device[NAME_LEN + 1];
	uint64_t *mean; /* of the slots, ascending */
	size_t n, cap;
	double weighted, samples;
};

static int tell(struct gather *g, query_usage_fn *fn, void *ctx)
{
	if (!g->n)
		return 0;
	g->row.mean = (uint64_t)(g->weighted / g->samples + 0.5);
	g->row.p95 = g->mean[(g->n * 95 + 99) / 100 - 1];
	g->row.slots = g->n;
	return fn(&g->row, ctx);
}

static void begin(struct gather *g, sqlite3_stmt *st)
{
	snprintf(g->device, sizeof(g->device), "%s", db_text(st, 1));
	g->row = (struct usage_row){ .metric = (enum usage_metric)sqlite3_column_int(st, 0),
				     .device = g->device,
				     .first = sqlite3_column_int64(st, 2) / 1000 };
	g->n = 0;
	g->weighted = g->samples = 0;
}

static void add(struct gather *g, sqlite3_stmt *st)
{
	double samples = sqlite3_column_double(st, 4);
	uint64_t max = (uint64_t)sqlite3_column_int64(st, 6);

	MEM_GROW(g->mean, g->n, g->cap);
	g->mean[g->n] = (uint64_t)sqlite3_column_int64(st, 5);
	g->weighted += samples * (double)g->mean[g->n++];
	g->samples += samples;
	if (max > g->row.max)
		g->row.max = max;
	if (sqlite3_column_int64(st, 2) / 1000 < g->row.first)
		g->row.first = sqlite3_column_int64(st, 2) / 1000;
	if (sqlite3_column_int64(st, 3) / 1000 > g->row.last)
		g->row.last = sqlite3_column_int64(st, 3) / 1000;
}

int query_usage(struct store *s, const char *ident, query_usage_fn *fn, void *ctx,
		struct err *e)
{
	struct gather g = { .n = 0 };
	int rc;
	sqlite3_stmt *st = db_query(
		s, e,
		"SELECT metric, device, start_ms, end_ms, samples, mean, max FROM usage "
		"WHERE machine = (SELECT id FROM machine WHERE ident = ?) AND metric BETWEEN 1 AND ? "
		"ORDER BY metric, device, mean",
		DB(T(ident), I(USAGE_METRICS - 1)));

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		if (g.n && (g.row.metric != (enum usage_metric)sqlite3_column_int(st, 0) ||
			    strcmp(g.device, db_text(st, 1)) != 0)) {
			rc = tell(&g, fn, ctx);
			if (rc) {
				db_done(st);
				break;
			}
			g.n = 0;
		}
		if (!g.n)
			begin(&g, st);
		add(&g, st);
	}
	if (!rc)
		rc = tell(&g, fn, ctx);
	free(g.mean);
	return rc;
}

static struct capture_row capture_of(sqlite3_stmt *st)
{
	return (struct capture_row){ .netns = (uint32_t)sqlite3_column_int64(st, 0),
				     .hour = sqlite3_column_int64(st, 1),
				     .active_seen = (uint64_t)sqlite3_column_int64(st, 2),
				     .active_kernel = (uint64_t)sqlite3_column_int64(st, 3),
				     .passive_seen = (uint64_t)sqlite3_column_int64(st, 4),
				     .passive_kernel = (uint64_t)sqlite3_column_int64(st, 5) };
}

int query_captures(struct store *s, const char *ident, query_capture_fn *fn, void *ctx,
		   struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_query(
		s, e,
		"WITH who(id) AS (SELECT sensor FROM machine WHERE ident = ?) "
		"SELECT netns, -1, active_seen, active_kernel, passive_seen, passive_kernel "
		"FROM capture WHERE sensor = (SELECT id FROM who) "
		"UNION ALL SELECT * FROM (SELECT 0, hour, active_seen, active_kernel, "
		"passive_seen, passive_kernel FROM capture_hour WHERE sensor = (SELECT id FROM who) "
		"AND active_kernel + passive_kernel > 0 ORDER BY "
		"1.0 * (min(active_seen, active_kernel) + min(passive_seen, passive_kernel)) / "
		"(active_kernel + passive_kernel), hour LIMIT 1) "
		"ORDER BY 2, 1",
		DB(T(ident)));

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		struct capture_row row = capture_of(st);

		rc = fn(&row, ctx);
		if (rc) {
			db_done(st);
			return rc;
		}
	}
	return rc;
}

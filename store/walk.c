/* SPDX-License-Identifier: Apache-2.0 */
#include "store/walk.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/count.h"
#include "store/db.h"
#include "store/mark.h"
#include "store/remove.h"

static int end(struct walk *w, int rc)
{
	if (!rc)
		*w = (struct walk){ 0 };
	return rc;
}

static int count(struct store *s, int rc, uint64_t *n)
{
	if (!rc)
		*n += (uint64_t)sqlite3_changes(s->db);
	return rc;
}

int walk_gaps(struct store *s, struct walk *w, int64_t before_ms, unsigned max, uint64_t *n,
	      struct err *e)
{
	int64_t last = 0;
	int rc = db_int(s, e, &last,
			"SELECT ifnull(max(id), 0) FROM (SELECT id FROM gap WHERE id > ? "
			"ORDER BY id LIMIT ?)",
			DB(I(w->at), I(max)));

	if (rc < 0 || !last)
		return end(w, rc < 0 ? rc : 0);
	rc = db_run(s, e, "DELETE FROM gap WHERE id > ? AND id <= ? AND end_ms < ?",
		    DB(I(w->at), I(last), I(before_ms)));
	w->at = last;
	rc = count(s, rc, n);
	return rc ? rc : 1;
}

int walk_captures(struct store *s, struct walk *w, int64_t hour, unsigned max, uint64_t *n,
		  struct err *e)
{
	int64_t sensor = 0;
	int rc = db_int(
		s, e, &sensor,
		"SELECT sensor FROM capture_hour WHERE sensor > ? ORDER BY sensor LIMIT 1",
		DB(I(w->at)));

	if (rc <= 0)
		return end(w, rc);
	rc = db_run(s, e,
		    "DELETE FROM capture_hour WHERE sensor = ?1 AND hour IN (SELECT hour FROM "
		    "capture_hour WHERE sensor = ?1 AND hour < ? ORDER BY hour LIMIT ?)",
		    DB(I(sensor), I(hour), I(max)));
	rc = count(s, rc, n);
	if (!rc && (unsigned)sqlite3_changes(s->db) < max)
		w->at = sensor;
	return rc ? rc : 1;
}

/* The next series: one metric of one device of one machine. */
static int next_series(struct store *s, struct walk *next, const struct walk *w, struct err *e)
{
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT machine, metric, device FROM usage WHERE "
				    "(machine, metric, device) > (?, ?, ?) "
				    "ORDER BY machine, metric, device LIMIT 1",
				    DB(I(w->at), I(w->metric), T(w->device)));
	int rc = st ? db_step(s, st, e) : db_fail(s, NULL);

	if (rc <= 0)
		return rc;
	next->at = sqlite3_column_int64(st, 0);
	next->metric = sqlite3_column_int64(st, 1);
	snprintf(next->device, sizeof(next->device), "%s", db_text(st, 2));
	db_done(st);
	return 1;
}

/* Some series in one go, since most have a day's rows at the end of a day. */
int walk_usage(struct store *s, struct walk *w, int64_t before_ms, unsigned max, uint64_t *n,
	       struct err *e)
{
	struct walk next = { 0 };
	unsigned left = max;
	int rc;

	for (int i = 0; i < 32 && left; i++) {
		rc = next_series(s, &next, w, e);
		if (rc <= 0)
			return end(w, rc);
		rc = db_run(
			s, e,
			"DELETE FROM usage WHERE machine = ?1 AND metric = ?2 AND device = ?3 "
			"AND start_ms IN (SELECT start_ms FROM usage WHERE machine = ?1 AND "
			"metric = ?2 AND device = ?3 AND start_ms < ?4 ORDER BY start_ms LIMIT ?5)",
			DB(I(next.at), I(next.metric), T(next.device), I(before_ms), I(left)));
		rc = count(s, rc, n);
		if (rc)
			return rc;
		left -= (unsigned)sqlite3_changes(s->db);
		if (left)
			*w = next;
	}
	return 1;
}

/* What a person imported is kept as long as what was seen when it was imported. */
static const char unseen[] =
	"SELECT t.edge, t.last > 0 AND t.last < ?3 AND NOT EXISTS (SELECT 1 FROM claim c "
	"JOIN source o ON o.id = -c.origin WHERE c.edge = t.edge AND c.origin < 0 "
	"AND o.imported_ms / 1000 >= ?3) FROM fact_total t WHERE t.edge > ?1 "
	"ORDER BY t.edge LIMIT ?2";

/*
 * True if something was told of it in a minute that is not decided on yet (close.h): its total
 * does not know of that.
 */
static int is_told_of(struct store *s, int64_t edge, bool *out, struct err *e)
{
	enum { MINUTES = 600 }; /* more are not looked through: another day, then */
	int64_t swept, newest;
	int rc = mark_get(s, MARK_SWEPT, &swept, e);

	if (!rc)
		rc = count_newest(s, &newest, e);
	if (rc)
		return rc;
	*out = newest - swept > MINUTES;
	if (*out)
		return 0;
	return db_any(s, e, out,
		      "WITH RECURSIVE m(n) AS (VALUES(?2) UNION ALL SELECT n + 1 FROM m WHERE "
		      "n < ?3) SELECT 1 FROM claim c CROSS JOIN m CROSS JOIN fact_minute f ON "
		      "f.minute = m.n AND f.claim = c.id WHERE c.edge = ?1 LIMIT 1",
		      DB(I(edge), I(swept + 1), I(newest)));
}

static int remove_unless_told(struct store *s, int64_t edge, uint64_t *n, struct err *e)
{
	bool told;
	int rc = is_told_of(s, edge, &told, e);

	if (rc || told)
		return rc;
	++*n;
	return remove_edge(s, edge, e);
}

int walk_edges(struct store *s, struct walk *w, int64_t before, unsigned max, unsigned most,
	       uint64_t *n, struct err *e)
{
	int64_t *doomed = xcalloc(most, sizeof(*doomed));
	unsigned doomed_n = 0, rows = 0;
	int rc = -1;
	sqlite3_stmt *st = db_query(s, e, unseen, DB(I(w->at), I(max), I(before)));

	while (st && doomed_n < most && (rc = db_step(s, st, e)) > 0) {
		w->at = sqlite3_column_int64(st, 0);
		rows++;
		if (sqlite3_column_int(st, 1))
			doomed[doomed_n++] = w->at;
	}
	if (st)
		db_done(st);
	if (rc < 0)
		rc = db_fail(s, NULL);
	else
		rc = 0;
	for (unsigned i = 0; i < doomed_n && !rc; i++)
		rc = remove_unless_told(s, doomed[i], n, e);
	free(doomed);
	return rc ? rc : end(w, rows > 0);
}

int walk_aliases(struct store *s, struct walk *w, unsigned max, uint64_t *n, struct err *e)
{
	int64_t last = 0;
	int rc = db_int(s, e, &last,
			"SELECT ifnull(max(edge), 0) FROM (SELECT edge FROM merged WHERE "
			"edge > ? ORDER BY edge LIMIT ?)",
			DB(I(w->at), I(max)));

	if (rc < 0 || !last)
		return end(w, rc < 0 ? rc : 0);
	/* What leads to another one that leads to none goes with the next walk. */
	rc = db_run(s, e,
		    "DELETE FROM merged WHERE edge > ? AND edge <= ? AND NOT EXISTS (SELECT 1 "
		    "FROM edge WHERE id = into_edge) AND NOT EXISTS (SELECT 1 FROM merged m "
		    "WHERE m.edge = merged.into_edge)",
		    DB(I(w->at), I(last)));
	w->at = last;
	rc = count(s, rc, n);
	return rc ? rc : 1;
}

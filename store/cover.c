/* SPDX-License-Identifier: Apache-2.0 */
#include "store/cover.h"

#include <string.h>

#include "store/db.h"

enum { MINUTE_MS = 60000 };

struct cover_row {
	int64_t key[2]; /* sensor, minute */
	struct cover_minute c;
	UT_hash_handle hh;
};

struct cover_cache {
	struct cover_row *rows;
};

size_t cover_bytes(const struct cover_cache *c)
{
	return c ? HASH_COUNT(c->rows) * (sizeof(struct cover_row) + PRIV_ENTRY) : 0;
}

void cover_free(struct cover_cache *c)
{
	struct cover_row *r, *next;

	if (!c)
		return;
	HASH_ITER (hh, c->rows, r, next) {
		HASH_DEL(c->rows, r);
		free(r);
	}
	free(c);
}

static int read_row(struct store *s, int64_t sensor, int64_t minute, struct cover_minute *c,
		    struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_query(
		s, e, "SELECT covered_ms, flaws FROM coverage WHERE minute = ? AND sensor = ?",
		DB(I(minute), I(sensor)));

	if (!st)
		return db_fail(s, NULL);
	rc = db_step(s, st, e);
	if (rc <= 0)
		return rc;
	c->ms = sqlite3_column_int64(st, 0);
	c->flaws = (unsigned)sqlite3_column_int64(st, 1);
	db_done(st);
	return 0;
}

static int find(struct store *s, int64_t sensor, int64_t minute, struct cover_row **out,
		struct err *e)
{
	int64_t key[2] = { sensor, minute };
	struct cover_minute c = { 0 };
	struct cover_row *r;
	int rc;

	if (!s->covers)
		s->covers = xcalloc(1, sizeof(*s->covers));
	HASH_FIND(hh, s->covers->rows, key, sizeof(key), *out);
	if (*out)
		return 0;
	rc = read_row(s, sensor, minute, &c, e);
	if (rc < 0)
		return rc;
	r = xcalloc(1, sizeof(*r));
	memcpy(r->key, key, sizeof(key));
	r->c = c;
	HASH_ADD(hh, s->covers->rows, key, sizeof(r->key), r);
	*out = r;
	return 0;
}

int cover_get(struct store *s, int64_t sensor, int64_t minute, struct cover_minute *out,
	      struct err *e)
{
	struct cover_row *r;
	int rc = find(s, sensor, minute, &r, e);

	if (!rc)
		*out = r->c;
	return rc;
}

int64_t cover_worth(const struct cover_minute *c)
{
	return c->flaws & COVER_FLAWED ? c->ms : 2 * c->ms;
}

static int put_row(struct store *s, const struct cover_row *r, struct err *e)
{
	return db_run(s, e,
		      "INSERT INTO coverage(minute, sensor, covered_ms, flaws) "
		      "VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
		      "covered_ms = excluded.covered_ms, flaws = excluded.flaws",
		      DB(I(r->key[1]), I(r->key[0]), I(r->c.ms), I(r->c.flaws)));
}

/* Two probes of one sensor may both have watched: no more than the minute. */
static int add_minute(struct store *s, int64_t sensor, int64_t minute, int64_t ms,
		      unsigned flaws, struct err *e)
{
	struct cover_row *r;
	int rc = find(s, sensor, minute, &r, e);

	if (rc || (r->c.ms >= MINUTE_MS && (r->c.flaws | flaws) == r->c.flaws))
		return rc;
	r->c.ms = r->c.ms + ms < MINUTE_MS ? r->c.ms + ms : MINUTE_MS;
	r->c.flaws |= flaws;
	return put_row(s, r, e);
}

int cover_spoil(struct store *s, int64_t sensor, int64_t minute, unsigned flaws, struct err *e)
{
	struct cover_row *r;
	int rc = find(s, sensor, minute, &r, e);

	if (rc || (r->c.flaws | flaws) == r->c.flaws)
		return rc;
	r->c.flaws |= flaws;
	return put_row(s, r, e);
}

int cover_add(struct store *s, int64_t sensor, int64_t start_ms, int64_t end_ms,
	      unsigned flaws, struct err *e)
{
	while (start_ms < end_ms) {
		int64_t minute = start_ms / MINUTE_MS;
		int64_t end = (minute + 1) * MINUTE_MS;
		int rc;

		if (end > end_ms)
			end = end_ms;
		rc = add_minute(s, sensor, minute, end - start_ms, flaws, e);
		if (rc)
			return rc;
		start_ms = end;
	}
	return 0;
}

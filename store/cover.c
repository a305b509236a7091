/* SPDX-License-Identifier: Apache-2.0 */
#include "store/cover.h"

#include <string.h>

#include "store/db.h"

enum { MINUTE_MS = 60000 };

struct cover_row {
	int64_t key[2]; /* sensor, minute */
	int64_t ms;
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

static int find(struct store *s, int64_t sensor, int64_t minute, struct cover_row **out,
		struct err *e)
{
	int64_t key[2] = { sensor, minute }, ms = 0;
	struct cover_row *r;
	int rc;

	if (!s->covers)
		s->covers = xcalloc(1, sizeof(*s->covers));
	HASH_FIND(hh, s->covers->rows, key, sizeof(key), *out);
	if (*out)
		return 0;
	rc = db_int(s, e, &ms,
		    "SELECT covered_ms FROM coverage WHERE minute = ? AND sensor = ?",
		    DB(I(minute), I(sensor)));
	if (rc < 0)
		return rc;
	r = xcalloc(1, sizeof(*r));
	memcpy(r->key, key, sizeof(key));
	r->ms = ms;
	HASH_ADD(hh, s->covers->rows, key, sizeof(r->key), r);
	*out = r;
	return 0;
}

int cover_get(struct store *s, int64_t sensor, int64_t minute, int64_t *ms, struct err *e)
{
	struct cover_row *r;
	int rc = find(s, sensor, minute, &r, e);

	if (!rc)
		*ms = r->ms;
	return rc;
}

/* Two probes of one sensor may both have watched: no more than the minute. */
static int add_minute(struct store *s, int64_t sensor, int64_t minute, int64_t ms,
		      struct err *e)
{
	struct cover_row *r;
	int rc = find(s, sensor, minute, &r, e);

	if (rc || r->ms >= MINUTE_MS)
		return rc;
	r->ms = r->ms + ms < MINUTE_MS ? r->ms + ms : MINUTE_MS;
	return db_run(s, e,
		      "INSERT INTO coverage VALUES(?, ?, ?) "
		      "ON CONFLICT DO UPDATE SET covered_ms = excluded.covered_ms",
		      DB(I(minute), I(sensor), I(r->ms)));
}

int cover_add(struct store *s, int64_t sensor, int64_t start_ms, int64_t end_ms, struct err *e)
{
	while (start_ms < end_ms) {
		int64_t minute = start_ms / MINUTE_MS;
		int64_t end = (minute + 1) * MINUTE_MS;
		int rc;

		if (end > end_ms)
			end = end_ms;
		rc = add_minute(s, sensor, minute, end - start_ms, e);
		if (rc)
			return rc;
		start_ms = end;
	}
	return 0;
}

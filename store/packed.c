/* SPDX-License-Identifier: Apache-2.0 */
#include "store/packed.h"

#include <errno.h>
#include <stdlib.h>

#include "store/db.h"

#define STATEMENTS(table, bucket)                                                             \
	{                                                                                     \
		.rows = "SELECT " bucket ", edge, " AMOUNT_NAMES " FROM " table " WHERE "     \
			"" bucket " >= ? AND " bucket " < ?",                                 \
		.each = "SELECT each_row(edge, " AMOUNT_NAMES ") FROM " table                 \
			" WHERE " bucket " >= ? AND " bucket " < ?",                          \
		.first = "SELECT min(" bucket ") FROM " table " WHERE " bucket " >= ?",       \
		.some = "SELECT " bucket ", edge, " AMOUNT_NAMES " FROM " table " WHERE "     \
			"" bucket " = ? ORDER BY edge LIMIT ?",                               \
		.clear = "DELETE FROM " table " WHERE " bucket " = ? AND edge <= ?",          \
		.drop = "DELETE FROM " table " WHERE (" bucket ", edge) IN (SELECT " bucket   \
			", edge FROM " table " WHERE " bucket " < ? ORDER BY 1, 2 LIMIT ?)",  \
	}

static const struct {
	const char *rows, *each, *first, *some, *clear, *drop;
} sql[] = {
	[PACKED_HOUR] = STATEMENTS("fact_hour", "hour"),
	[PACKED_DAY] = STATEMENTS("fact_day", "day"),
};

/* Reading */

static int damaged(struct store *s, int64_t bucket, struct err *e)
{
	return err_set(e, -EBADMSG, "%s: damaged: packed facts of %lld", s->path,
		       (long long)bucket);
}

static int each_of_pack(struct store *s, sqlite3_stmt *st, packed_fn *fn, void *ctx,
			struct err *e)
{
	int64_t bucket = sqlite3_column_int64(st, 0);
	const void *body = sqlite3_column_blob(st, 1);
	struct pack_reader r;
	struct pack_row row;
	int rc;

	if (!body || pack_begin(&r, body, (size_t)sqlite3_column_bytes(st, 1)) < 0)
		return damaged(s, bucket, e);
	while ((rc = pack_next(&r, &row)) > 0) {
		rc = fn(bucket, &row, ctx);
		if (rc)
			return rc;
	}
	return rc < 0 ? damaged(s, bucket, e) : 0;
}

static struct pack_row row_of(sqlite3_stmt *st)
{
	return (struct pack_row){ sqlite3_column_int64(st, 1), amount_read(st, 2) };
}

static sqlite3_stmt *packs(struct store *s, enum packed_level level, int64_t from, int64_t to,
			   struct err *e)
{
	return db_query(s, e,
			"SELECT bucket, body FROM fact_packed WHERE level = ? "
			"AND bucket >= ? AND bucket < ? ORDER BY bucket, id",
			DB(I(level), I(from), I(to)));
}

int packed_each(struct store *s, enum packed_level level, int64_t from, int64_t to,
		packed_fn *fn, void *ctx, struct err *e)
{
	sqlite3_stmt *st = packs(s, level, from, to, e);
	int rc = 0, got = 0;

	if (!st)
		return db_fail(s, NULL);
	while (!got && (rc = db_step(s, st, e)) > 0)
		got = each_of_pack(s, st, fn, ctx, e);
	db_done(st);
	if (rc < 0 || got)
		return got ? got : rc;
	st = db_query(s, e, sql[level].rows, DB(I(from), I(to)));
	if (!st)
		return db_fail(s, NULL);
	while (!got && (rc = db_step(s, st, e)) > 0) {
		struct pack_row row = row_of(st);

		got = fn(sqlite3_column_int64(st, 0), &row, ctx);
	}
	db_done(st);
	return got ? got : rc;
}

static int sum_packs(struct store *s, sqlite3_stmt *st, struct places *of, struct amounts *sum,
		     struct err *e)
{
	int rc;

	while ((rc = db_step(s, st, e)) > 0) {
		const void *body = sqlite3_column_blob(st, 1);

		if (!body || pack_sum(body, (size_t)sqlite3_column_bytes(st, 1), of, sum)) {
			rc = damaged(s, sqlite3_column_int64(st, 0), e);
			db_done(st);
			break;
		}
	}
	return rc;
}

struct summing {
	struct places *of;
	struct amounts *sum;
};

static int sum_row(sqlite3_value **v, void *ctx)
{
	struct summing *x = ctx;
	size_t at = places_of(x->of, sqlite3_value_int64(v[0]));
	struct amounts a = amount_values(v + 1);

	if (at != SIZE_MAX)
		amount_add(&x->sum[at], &a);
	return 0;
}

int packed_sum(struct store *s, enum packed_level level, int64_t from, int64_t to,
	       struct places *of, struct amounts *sum, struct err *e)
{
	struct summing x = { of, sum };
	sqlite3_stmt *st = packs(s, level, from, to, e);
	int rc = st ? sum_packs(s, st, of, sum, e) : db_fail(s, NULL);

	return rc ? rc : db_each(s, e, sum_row, &x, sql[level].each, DB(I(from), I(to)));
}

/* min() has a row in any case, with NULL where there is nothing. */
static int first_of(struct store *s, const char *text, const struct bind *b, size_t n,
		    int64_t *out, struct err *e)
{
	sqlite3_stmt *st = db_query(s, e, text, b, n);
	int rc = st ? db_step(s, st, e) : db_fail(s, NULL);

	if (rc <= 0)
		return rc;
	rc = sqlite3_column_type(st, 0) != SQLITE_NULL;
	*out = sqlite3_column_int64(st, 0);
	db_done(st);
	return rc;
}

int packed_next(struct store *s, enum packed_level level, int64_t from, int64_t *out,
		struct err *e)
{
	int64_t rows = 0, packs = 0;
	int any_row = first_of(s, sql[level].first, DB(I(from)), &rows, e), any_pack;

	if (any_row < 0)
		return any_row;
	any_pack = first_of(
		s, "SELECT min(bucket) FROM fact_packed WHERE level = ? AND bucket >= ?",
		DB(I(level), I(from)), &packs, e);
	if (any_pack < 0)
		return any_pack;
	*out = any_row && (!any_pack || rows < packs) ? rows : packs;
	return any_row || any_pack;
}

/* Packing */

int packed_waiting(struct store *s, enum packed_level level, int64_t from, int64_t to,
		   int64_t *out, struct err *e)
{
	int rc = first_of(s, sql[level].first, DB(I(from)), out, e);

	return rc > 0 ? *out < to : rc;
}

static int put_pack(struct store *s, enum packed_level level, int64_t bucket,
		    const struct pack_row *rows, size_t n, struct err *e)
{
	struct buf body = { 0 };
	int rc;

	pack_write(&body, rows, n);
	rc = db_run(s, e, "INSERT INTO fact_packed(level, bucket, body) VALUES(?, ?, ?)",
		    DB(I(level), I(bucket), B(body.p, body.n)));
	buf_fini(&body);
	return rc;
}

/* Numbers below 1, which only a damaged file has, are edges of nobody and are left out. */
static int take_rows(struct store *s, enum packed_level level, int64_t bucket, unsigned max,
		     struct pack_row *rows, size_t *kept, int64_t *last, unsigned *n,
		     struct err *e)
{
	sqlite3_stmt *st = db_query(s, e, sql[level].some, DB(I(bucket), I(max)));
	int rc;

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		rows[*kept] = row_of(st);
		*last = rows[*kept].edge;
		*kept += rows[*kept].edge > 0;
		++*n;
	}
	return rc;
}

int packed_make(struct store *s, enum packed_level level, int64_t bucket, unsigned max,
		unsigned *n, struct err *e)
{
	struct pack_row *rows = xcalloc(max, sizeof(*rows));
	int64_t last = 0;
	size_t kept = 0;
	int rc;

	*n = 0;
	rc = take_rows(s, level, bucket, max, rows, &kept, &last, n, e);
	if (!rc && kept)
		rc = put_pack(s, level, bucket, rows, kept, e);
	if (!rc && *n)
		rc = db_run(s, e, sql[level].clear, DB(I(bucket), I(last)));
	free(rows);
	return rc;
}

int packed_drop(struct store *s, enum packed_level level, int64_t to, unsigned max,
		unsigned *n, struct err *e)
{
	int rc = db_run(s, e, sql[level].drop, DB(I(to), I(max)));

	*n = rc ? 0 : (unsigned)sqlite3_changes(s->db);
	if (rc || *n)
		return rc;
	rc = db_run(s, e,
		    "DELETE FROM fact_packed WHERE id IN (SELECT id FROM fact_packed "
		    "WHERE level = ? AND bucket < ? ORDER BY bucket, id LIMIT ?)",
		    DB(I(level), I(to), I(max / 100 + 1)));
	*n = rc ? 0 : (unsigned)sqlite3_changes(s->db);
	return rc;
}

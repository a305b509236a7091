/* SPDX-License-Identifier: Apache-2.0 */
#include "store/level.h"

#include "store/db.h"

enum { SECONDS_HOUR = 3600, SECONDS_DAY = 86400, MINUTES_HOUR = 60, MINUTES_DAY = 1440 };

static int upsert(struct store *s, const char *sql, int64_t bucket, int64_t edge,
		  const struct amounts *a, struct err *e)
{
	sqlite3_stmt *st = db_query(s, e, sql, DB(I(bucket), I(edge)));

	if (!st)
		return db_fail(s, NULL);
	amount_bind(st, 3, a);
	return db_step(s, st, e);
}

int level_total(struct store *s, int64_t edge, int64_t first, int64_t last,
		const struct amounts *a, struct err *e)
{
	sqlite3_stmt *st = db_query(
		s, e,
		"UPDATE fact_total SET last = max(last, ?1), "
		"first = iif(first = 0 OR (?2 != 0 AND ?2 < first), ?2, first), " AMOUNT_ADDED
		" WHERE edge = ?",
		DB(I(last), I(first)));

	if (!st)
		return db_fail(s, NULL);
	amount_bind(st, 3, a);
	sqlite3_bind_int64(st, 3 + AMOUNT_N, edge);
	return db_step(s, st, e);
}

int level_add(struct store *s, int64_t edge, int64_t minute, int64_t first, int64_t last,
	      const struct amounts *a, struct err *e)
{
	int rc = upsert(s,
			"INSERT INTO fact_hour(hour, edge, " AMOUNT_NAMES ") "
			"VALUES(?, ?, " AMOUNT_MARKS ") "
			"ON CONFLICT DO UPDATE SET " AMOUNT_SUMS,
			minute / MINUTES_HOUR, edge, a, e);

	if (!rc)
		rc = upsert(s,
			    "INSERT INTO fact_day(day, edge, " AMOUNT_NAMES ") "
			    "VALUES(?, ?, " AMOUNT_MARKS ") "
			    "ON CONFLICT DO UPDATE SET " AMOUNT_SUMS,
			    minute / MINUTES_DAY, edge, a, e);
	return rc ? rc : level_total(s, edge, first, last, a, e);
}

/* Merging */

static int total_of(struct store *s, int64_t edge, int64_t *first, int64_t *last,
		    struct amounts *a, struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_query(
		s, e, "SELECT first, last, " AMOUNT_NAMES " FROM fact_total WHERE edge = ?",
		DB(I(edge)));

	if (!st)
		return db_fail(s, NULL);
	rc = db_step(s, st, e);
	if (rc <= 0)
		return rc;
	*first = sqlite3_column_int64(st, 0);
	*last = sqlite3_column_int64(st, 1);
	*a = amount_read(st, 2);
	db_done(st);
	return 1;
}

/* The buckets of one edge are found one by one, since the tables are in order of time. */
#define BUCKETS                                                                               \
	"(WITH RECURSIVE b(n) AS (VALUES(?3) UNION ALL SELECT n + 1 FROM b WHERE n < ?4) "    \
	"SELECT n FROM b)"
#define MOVE(table, bucket)                                                                   \
	"INSERT INTO " table "(" bucket ", edge, " AMOUNT_NAMES ") "                          \
	"SELECT " bucket ", ?2, " AMOUNT_NAMES " FROM " table " WHERE edge = ?1 AND " bucket  \
	" IN " BUCKETS " ON CONFLICT DO UPDATE SET " AMOUNT_SUMS
#define CLEAR(table, bucket)                                                                  \
	"DELETE FROM " table " WHERE edge = ?1 AND ?2 != ?1 AND " bucket " IN " BUCKETS

static const struct {
	const char *move, *clear, *least, *most;
	int64_t seconds;
} coarse[] = {
	{ MOVE("fact_hour", "hour"), CLEAR("fact_hour", "hour"),
	  "SELECT min(hour) FROM fact_hour", "SELECT max(hour) FROM fact_hour", SECONDS_HOUR },
	{ MOVE("fact_day", "day"), CLEAR("fact_day", "day"), "SELECT min(day) FROM fact_day",
	  "SELECT max(day) FROM fact_day", SECONDS_DAY },
};

int level_merge(struct store *s, int64_t from, int64_t into, struct err *e)
{
	int64_t first = 0, last = 0;
	struct amounts a;
	int rc = total_of(s, from, &first, &last, &a, e);

	if (rc <= 0)
		return rc;
	rc = 0;
	for (size_t i = 0; i < sizeof(coarse) / sizeof(coarse[0]) && !rc; i++) {
		int64_t low = first / coarse[i].seconds, high = last / coarse[i].seconds;
		int64_t least = 0, most = -1;

		/* Imported lines may be of any time, and have no buckets. */
		rc = db_int(s, e, &least, coarse[i].least, DB_NONE);
		if (rc >= 0)
			rc = db_int(s, e, &most, coarse[i].most, DB_NONE);
		if (rc < 0)
			return rc;
		low = low > least ? low : least;
		high = high < most ? high : most;
		rc = db_run(s, e, coarse[i].move, DB(I(from), I(into), I(low), I(high)));
		if (!rc)
			rc = db_run(s, e, coarse[i].clear,
				    DB(I(from), I(into), I(low), I(high)));
	}
	if (!rc)
		rc = level_total(s, into, first, last, &a, e);
	return rc ? rc : db_run(s, e, "DELETE FROM fact_total WHERE edge = ?", DB(I(from)));
}

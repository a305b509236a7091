/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few words that the other files of the store speak to SQLite with.
 *
 * Statements are written where they are used, as literals, and kept prepared for the life of
 * the store:  db_run(s, e, "UPDATE t SET a = ? WHERE b = ?", DB(I(a), T(b))).
 * For many rows a statement is taken with db_stmt, bound, and stepped with db_step until that
 * returns 0; who stops earlier calls db_done.  All return negative errno with words on
 * failure.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>

#include "common/addr.h"
#include "common/err.h"
#include "store/store.h"

struct bind {
	char kind; /* integer, text (NULL: NULL), blob */
	int bytes;
	int64_t i;
	const void *p;
};
#define I(x)                                                                                  \
	{                                                                                     \
		.kind = 'i', .i = (int64_t)(x)                                                \
	}
#define T(x)                                                                                  \
	{                                                                                     \
		.kind = 't', .p = (x), .bytes = -1                                            \
	}
#define A(x)                                                                                  \
	{                                                                                     \
		.kind = 'b', .p = (x)->b, .bytes = 16                                         \
	}
#define B(x, n)                                                                               \
	{                                                                                     \
		.kind = 'b', .p = (x), .bytes = (int)(n)                                      \
	}
#define DB(...)                                                                               \
	(const struct bind[]){ __VA_ARGS__ },                                                 \
		sizeof((const struct bind[]){ __VA_ARGS__ }) / sizeof(struct bind)
#define DB_NONE NULL, 0

/* Ready to be bound; SQL must be a literal, since its address is what finds it again. */
sqlite3_stmt *db_stmt(struct store *s, struct err *e, const char *sql);
void db_bind(sqlite3_stmt *st, const struct bind *b, size_t n);
/* 1 with a row, 0 at the end (and reset). */
int db_step(struct store *s, sqlite3_stmt *st, struct err *e);
static inline void db_done(sqlite3_stmt *st)
{
	sqlite3_reset(st);
}

/* db_stmt and db_bind; NULL on failure. */
sqlite3_stmt *db_query(struct store *s, struct err *e, const char *sql, const struct bind *b,
		       size_t n);
int db_run(struct store *s, struct err *e, const char *sql, const struct bind *b, size_t n);
/* The first column of the first row: 1 with *OUT, 0 if there is no row. */
int db_int(struct store *s, struct err *e, int64_t *out, const char *sql, const struct bind *b,
	   size_t n);

/* Whether there is a row. */
int db_any(struct store *s, struct err *e, bool *out, const char *sql, const struct bind *b,
	   size_t n);

/* For who writes while it goes through them: no table is written that is being read. */
enum { DB_COLUMNS = 3 };
struct db_row {
	int64_t v[DB_COLUMNS];
};
struct db_rows {
	struct db_row *row;
	size_t n, cap;
};
/*
 * All rows, of DB_COLUMNS numbers at most each, behind those that are in OUT already.  The
 * caller frees OUT->row, whatever comes back.
 */
int db_rows(struct store *s, struct err *e, struct db_rows *out, const char *sql,
	    const struct bind *b, size_t n);

/*
 * For who goes through hundreds of thousands of rows: two thirds of the time, since SQLite
 * calls FN with each and does not come back for it.  SQL is an aggregate,
 * "SELECT each_row(a, b) FROM t NOT INDEXED", and rows come as that scan meets them, by rowid.
 * FN is given a, b; what it returns, unless 0, ends the scan and is returned.  It may not
 * begin another one.
 */
typedef int db_each_fn(sqlite3_value **v, void *ctx);
int db_each(struct store *s, struct err *e, db_each_fn *fn, void *ctx, const char *sql,
	    const struct bind *b, size_t n);
/* Makes each_row known to a new handle. */
int db_prepare(struct store *s, struct err *e);

/* Never NULL.  Borrowed until the next step. */
const char *db_text(sqlite3_stmt *st, int column);
/* False if the column is not an address. */
bool db_addr(sqlite3_stmt *st, int column, struct addr *out);

/* The last failure of SQLite as a code, with words. */
int db_fail(struct store *s, struct err *e);
int db_fail_rc(int rc, const char *path, const char *words, struct err *e);
void db_forget_statements(struct store *s);
/* Statements without parameters or rows, not kept; for PRAGMA and the like. */
int db_exec(struct store *s, struct err *e, const char *sql);

#endif

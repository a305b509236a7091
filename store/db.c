/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include <errno.h>
#include <string.h>

#include "store/priv.h"

struct db_kept {
	const char *sql;
	sqlite3_stmt *st;
	UT_hash_handle hh;
};

static const struct {
	int rc, code;
} codes[] = {
	{ SQLITE_BUSY, -EBUSY },     { SQLITE_LOCKED, -EBUSY },
	{ SQLITE_FULL, -ENOSPC },    { SQLITE_READONLY, -EROFS },
	{ SQLITE_PERM, -EACCES },    { SQLITE_CANTOPEN, -EACCES },
	{ SQLITE_NOTADB, -EBADMSG }, { SQLITE_CORRUPT, -EBADMSG },
	{ SQLITE_NOMEM, -ENOMEM },   { SQLITE_INTERRUPT, -EINTR },
	{ SQLITE_TOOBIG, -E2BIG },   { SQLITE_IOERR, -EIO },
};

int db_fail_rc(int rc, const char *path, const char *words, struct err *e)
{
	int code = -EIO;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].rc == (rc & 0xff))
			code = codes[i].code;
	if ((rc & 0xff) == SQLITE_NOTADB)
		return err_set(e, code, "%s: not a Skein database", path);
	if ((rc & 0xff) == SQLITE_CORRUPT)
		return err_set(e, code, "%s: damaged: %s", path, words);
	return err_set(e, code, "%s: %s", path, words);
}

/* On some paths (the index of the log, a sync) SQLite calls a full disk a failure of it. */
static bool no_room(struct store *s)
{
	int code = sqlite3_system_errno(s->db);

	return (sqlite3_errcode(s->db) & 0xff) == SQLITE_IOERR &&
	       (code == ENOSPC || code == EDQUOT);
}

int db_fail(struct store *s, struct err *e)
{
	if (no_room(s))
		return err_set(e, -ENOSPC, "%s: database or disk is full", s->path);
	return db_fail_rc(sqlite3_extended_errcode(s->db), s->path, sqlite3_errmsg(s->db), e);
}

sqlite3_stmt *db_stmt(struct store *s, struct err *e, const char *sql)
{
	struct db_kept *k;
	sqlite3_stmt *st;

	HASH_FIND_PTR(s->kept, &sql, k);
	if (k) {
		sqlite3_reset(k->st);
		return k->st;
	}
	if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL)) {
		db_fail(s, e);
		return NULL;
	}
	k = xcalloc(1, sizeof(*k));
	k->sql = sql;
	k->st = st;
	HASH_ADD_PTR(s->kept, sql, k);
	return st;
}

void db_forget_statements(struct store *s)
{
	struct db_kept *k, *next;

	HASH_ITER (hh, s->kept, k, next) {
		HASH_DEL(s->kept, k);
		sqlite3_finalize(k->st);
		free(k);
	}
}

void db_bind(sqlite3_stmt *st, const struct bind *b, size_t n)
{
	for (int i = 1; i <= (int)n; i++, b++) {
		if (b->kind == 'i')
			sqlite3_bind_int64(st, i, b->i);
		else if (!b->p)
			sqlite3_bind_null(st, i);
		else if (b->kind == 't')
			sqlite3_bind_text(st, i, b->p, -1, SQLITE_STATIC);
		else
			sqlite3_bind_blob(st, i, b->p, b->bytes, SQLITE_STATIC);
	}
}

int db_step(struct store *s, sqlite3_stmt *st, struct err *e)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE) {
		rc = db_fail(s, e);
		sqlite3_reset(st);
		return rc;
	}
	sqlite3_reset(st);
	return 0;
}

sqlite3_stmt *db_query(struct store *s, struct err *e, const char *sql, const struct bind *b,
		       size_t n)
{
	sqlite3_stmt *st = db_stmt(s, e, sql);

	if (st)
		db_bind(st, b, n);
	return st;
}

int db_run(struct store *s, struct err *e, const char *sql, const struct bind *b, size_t n)
{
	sqlite3_stmt *st = db_query(s, e, sql, b, n);
	int rc;

	if (!st)
		return db_fail(s, NULL); /* the words are in E */
	rc = db_step(s, st, e);
	if (rc > 0)
		db_done(st);
	return rc < 0 ? rc : 0;
}

int db_int(struct store *s, struct err *e, int64_t *out, const char *sql, const struct bind *b,
	   size_t n)
{
	sqlite3_stmt *st = db_query(s, e, sql, b, n);
	int rc;

	if (!st)
		return db_fail(s, NULL); /* the words are in E */
	rc = db_step(s, st, e);
	if (rc <= 0)
		return rc;
	*out = sqlite3_column_int64(st, 0);
	db_done(st);
	return 1;
}

int db_any(struct store *s, struct err *e, bool *out, const char *sql, const struct bind *b,
	   size_t n)
{
	int64_t first;
	int rc = db_int(s, e, &first, sql, b, n);

	*out = rc > 0;
	return rc < 0 ? rc : 0;
}

static struct db_row numbers_of(sqlite3_stmt *st)
{
	struct db_row r = { { 0 } };

	for (int i = 0; i < DB_COLUMNS && i < sqlite3_column_count(st); i++)
		r.v[i] = sqlite3_column_int64(st, i);
	return r;
}

int db_rows(struct store *s, struct err *e, struct db_rows *out, const char *sql,
	    const struct bind *b, size_t n)
{
	sqlite3_stmt *st = db_query(s, e, sql, b, n);
	int rc;

	if (!st)
		return db_fail(s, NULL); /* the words are in E */
	while ((rc = db_step(s, st, e)) > 0) {
		MEM_GROW(out->row, out->n, out->cap);
		out->row[out->n++] = numbers_of(st);
	}
	return rc;
}

/* Each of many rows */

struct db_scan {
	db_each_fn *fn;
	void *ctx;
	int rc;
};

static void on_each(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct store *s = sqlite3_user_data(c);
	struct db_scan *scan = s->scan;

	(void)n;
	scan->rc = scan->fn(v, scan->ctx);
	if (scan->rc)
		sqlite3_result_error_code(c, SQLITE_ABORT);
}

static void at_last(sqlite3_context *c)
{
	sqlite3_result_null(c);
}

int db_prepare(struct store *s, struct err *e)
{
	return sqlite3_create_function_v2(s->db, "each_row", -1,
					  SQLITE_UTF8 | SQLITE_DIRECTONLY, s, NULL, on_each,
					  at_last, NULL)
		       ? db_fail(s, e)
		       : 0;
}

int db_each(struct store *s, struct err *e, db_each_fn *fn, void *ctx, const char *sql,
	    const struct bind *b, size_t n)
{
	struct db_scan scan = { fn, ctx, 0 };
	sqlite3_stmt *st = db_query(s, e, sql, b, n);
	struct err words = { 0 };
	int rc;

	if (!st)
		return db_fail(s, NULL); /* the words are in E */
	s->scan = &scan;
	rc = db_step(s, st, &words);
	s->scan = NULL;
	db_done(st);
	if (scan.rc)
		return scan.rc; /* FN has had its words */
	if (rc < 0 && e)
		*e = words;
	return rc < 0 ? rc : 0;
}

const char *db_text(sqlite3_stmt *st, int column)
{
	const char *p = (const char *)sqlite3_column_text(st, column);

	return p ? p : "";
}

bool db_addr(sqlite3_stmt *st, int column, struct addr *out)
{
	const void *p = sqlite3_column_blob(st, column);

	if (!p || sqlite3_column_bytes(st, column) != (int)sizeof(out->b))
		return false;
	memcpy(out->b, p, sizeof(out->b));
	return true;
}

int db_exec(struct store *s, struct err *e, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) ? db_fail(s, e) : 0;
}

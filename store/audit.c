/* SPDX-License-Identifier: Apache-2.0 */
#include "store/audit.h"

#include "common/fact.h"
#include "store/db.h"
#include "store/dict.h"
#include "store/priv.h"

static int add(struct store *s, uint64_t now_ms, const char *who, const char *what,
	       const char *detail, struct err *e)
{
	char a[NAME_LEN + 1], b[NAME_LEN + 1], c[PATH_LEN + 1];
	int rc = db_run(s, e, "INSERT INTO audit(at_ms, who, what, detail) VALUES(?, ?, ?, ?)",
			DB(I(now_ms), T(dict_clean(who, a, sizeof(a))),
			   T(dict_clean(what, b, sizeof(b))),
			   T(dict_clean(detail, c, sizeof(c)))));

	if (rc)
		return rc;
	return db_run(s, e, "DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?",
		      DB(I(AUDIT_ROWS)));
}

int audit_add(struct store *s, uint64_t now_ms, const char *who, const char *what,
	      const char *detail, struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	return rc ? rc : store_leave(s, own, add(s, now_ms, who, what, detail, e), e);
}

int audit_each(struct store *s, const char *about, unsigned limit, audit_fn *fn, void *ctx,
	       struct err *e)
{
	sqlite3_stmt *st =
		db_query(s, e,
			 "SELECT id, at_ms, who, what, detail FROM audit WHERE ?1 IS NULL OR "
			 "detail = ?1 OR substr(detail, 1, length(?1) + 1) = ?1 || ' ' "
			 "ORDER BY id DESC LIMIT ?2",
			 DB(T(about), I(limit)));
	int rc;

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		struct audit_row row = { sqlite3_column_int64(st, 0),
					 sqlite3_column_int64(st, 1), db_text(st, 2),
					 db_text(st, 3), db_text(st, 4) };

		rc = fn(&row, ctx);
		if (rc) {
			db_done(st);
			return rc;
		}
	}
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "store/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "store/db.h"
#include "store/priv.h"

static const char *const left_out[] = { "token",    "api_token", "audit",
					"position", "contest",	 NULL };

static bool among(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

struct names {
	char **at;
	unsigned n, cap;
};

static int list_tables(struct store *s, struct names *names, struct err *e)
{
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT name FROM main.sqlite_master WHERE type = 'table' "
				    "AND name NOT LIKE 'sqlite_%' ORDER BY name",
				    DB_NONE);
	int rc;

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		MEM_GROW(names->at, names->n, names->cap);
		names->at[names->n++] = xstrdup(db_text(st, 0));
	}
	return rc;
}

/* Names are those of our own schema. */
static int copy_table(struct store *to, const char *name, struct err *e)
{
	char *sql = xasprintf("INSERT INTO main.\"%s\" SELECT * FROM live.\"%s\"", name, name);
	int rc = db_exec(to, e, sql);

	free(sql);
	return rc;
}

static int copy_all(struct store *to, struct err *e)
{
	struct names names = { 0 };
	int rc = list_tables(to, &names, e);

	for (unsigned i = 0; i < names.n; i++) {
		if (!rc && !among(left_out, names.at[i]))
			rc = copy_table(to, names.at[i], e);
		free(names.at[i]);
	}
	free(names.at);
	/* so that the numbers of edits go on where they are */
	if (!rc)
		rc = db_exec(to, e,
			     "DELETE FROM main.sqlite_sequence;"
			     "INSERT INTO main.sqlite_sequence SELECT * FROM "
			     "live.sqlite_sequence WHERE name IN ('plan', 'edit')");
	return rc ? rc
		  : db_exec(to, e,
			    "UPDATE main.sensor SET fingerprint = NULL, next = NULL, "
			    "former = NULL");
}

/* Nothing of it has to survive a fault: whoever asked asks again. */
int snapshot_write(struct store *s, const char *path, struct err *e)
{
	struct store *to = store_open(path, STORE_WRITE, e);
	int rc;

	if (!to)
		return e && e->code ? e->code : -EIO;
	rc = db_exec(to, e,
		     "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;"
		     "PRAGMA secure_delete = ON"); /* what is set to NULL is gone */
	if (!rc)
		rc = db_run(to, e, "ATTACH ? AS live",
			    DB(T(sqlite3_db_filename(s->db, "main"))));
	if (!rc)
		rc = db_exec(to, e, "BEGIN");
	if (!rc)
		rc = copy_all(to, e);
	if (!rc)
		rc = db_exec(to, e, "COMMIT");
	store_close(to);
	return rc;
}

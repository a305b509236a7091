/* SPDX-License-Identifier: Apache-2.0 */
#include "store/erase.h"

#include <errno.h>
#include <stdlib.h>

#include "store/audit.h"
#include "store/db.h"
#include "store/priv.h"
#include "store/remove.h"

struct ids {
	int64_t *id;
	size_t n, cap;
};

static int list(struct store *s, struct ids *ids, sqlite3_stmt *st, struct err *e)
{
	int rc;

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		MEM_GROW(ids->id, ids->n, ids->cap);
		ids->id[ids->n++] = sqlite3_column_int64(st, 0);
	}
	return rc;
}

/* Runs SQL with one text or address, and counts what it changed. */
static int change(struct store *s, const char *sql, const struct bind *b, struct erased *out,
		  struct err *e)
{
	int rc = db_run(s, e, sql, b, 1);

	if (!rc)
		out->rows += (uint64_t)sqlite3_changes(s->db);
	return rc;
}

static int begin(struct store *s, struct err *e)
{
	int rc = db_exec(s, e, "PRAGMA secure_delete = ON");

	if (!rc)
		rc = store_begin(s, e);
	if (!rc)
		store_forget(s);
	return rc;
}

/* The audit says that something was erased, and not what. */
static int end(struct store *s, int rc, const char *who, const char *what, int64_t now_ms,
	       const struct erased *out, struct err *e)
{
	if (!rc && !out->edges && !out->rows)
		rc = err_set(e, -ENOENT, "it is nowhere in %s", s->path);
	if (!rc)
		rc = audit_add(s, (uint64_t)now_ms, who, "erase", what, e);
	if (!rc)
		rc = store_commit(s, e);
	if (rc)
		store_rollback(s);
	return rc;
}

/* Addresses */

static int remove_edges(struct store *s, const struct addr *a, struct erased *out,
			struct err *e)
{
	struct ids ids = { 0 };
	int rc = list(s, &ids,
		      db_query(s, e,
			       "SELECT id FROM edge WHERE client IN "
			       "(SELECT id FROM endpoint WHERE address = ?1) OR server IN "
			       "(SELECT id FROM endpoint WHERE address = ?1)",
			       DB(A(a))),
		      e);

	for (size_t i = 0; i < ids.n && !rc; i++)
		rc = remove_edge(s, ids.id[i], e);
	out->edges += ids.n;
	free(ids.id);
	return rc;
}

static int who_watches(struct store *s, const struct addr *a, bool *out, struct err *e)
{
	int64_t yes;
	int rc = db_int(s, e, &yes,
			"SELECT 1 FROM claim c JOIN sensor o ON o.id = c.origin "
			"JOIN edge x ON x.id = c.edge WHERE NOT o.revoked AND (x.client IN "
			"(SELECT id FROM endpoint WHERE address = ?1) OR x.server IN "
			"(SELECT id FROM endpoint WHERE address = ?1)) LIMIT 1",
			DB(A(a)));

	*out = rc > 0;
	return rc < 0 ? rc : 0;
}

static int erase_rows(struct store *s, const struct addr *a, struct erased *out, struct err *e)
{
	static const char *const sql[] = {
		"DELETE FROM lease WHERE endpoint IN (SELECT id FROM endpoint WHERE address = ?1)",
		"DELETE FROM detail WHERE endpoint IN "
		"(SELECT id FROM endpoint WHERE address = ?1)",
		"DELETE FROM endpoint WHERE address = ?1",
		"DELETE FROM machine_address WHERE address = ?1",
		"DELETE FROM listener WHERE address = ?1",
		"DELETE FROM translation WHERE ?1 IN (client, client_seen, seen, server)",
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(sql) / sizeof(*sql) && !rc; i++)
		rc = change(s, sql[i], (const struct bind[]){ A(a) }, out, e);
	return rc;
}

int erase_address(struct store *s, const struct addr *a, const char *who, int64_t now_ms,
		  struct erased *out, struct err *e)
{
	int rc = begin(s, e);

	*out = (struct erased){ 0 };
	if (rc)
		return rc;
	rc = who_watches(s, a, &out->watched, e);
	if (!rc)
		rc = remove_edges(s, a, out, e);
	if (!rc)
		rc = erase_rows(s, a, out, e);
	return end(s, rc, who, "an address", now_ms, out, e);
}

/* Names */

int erase_name(struct store *s, const char *name, const char *who, int64_t now_ms,
	       struct erased *out, struct err *e)
{
	static const char *const sql[] = {
		"UPDATE detail SET user = '' WHERE user = ?1",
		"UPDATE listener SET user = '' WHERE user = ?1",
		"UPDATE group_label SET owner = '' WHERE owner = ?1",
		"UPDATE group_label SET notes = '' WHERE instr(notes, ?1) > 0",
		"UPDATE machine SET inventory = '' WHERE instr(inventory, ?1) > 0",
		"UPDATE machine SET extra = '' WHERE instr(extra, ?1) > 0",
		"UPDATE edge SET extra = '' WHERE instr(extra, ?1) > 0",
		"UPDATE machine SET name = '' WHERE name = ?1",
		"UPDATE sensor SET host = '' WHERE host = ?1",
		"UPDATE audit SET who = 'erased' WHERE who = ?1",
		"UPDATE audit SET detail = 'erased' WHERE instr(detail, ?1) > 0",
	};
	int rc = begin(s, e);

	*out = (struct erased){ 0 };
	if (rc)
		return rc;
	for (size_t i = 0; i < sizeof(sql) / sizeof(*sql) && !rc; i++)
		rc = change(s, sql[i], (const struct bind[]){ T(name) }, out, e);
	return end(s, rc, who, "a name", now_ms, out, e);
}

int erase_finish(struct store *s, struct err *e)
{
	return db_exec(s, e, "PRAGMA wal_checkpoint(TRUNCATE)");
}

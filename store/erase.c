/* SPDX-License-Identifier: Apache-2.0 */
#include "store/erase.h"

#include <errno.h>
#include <stdlib.h>

#include "store/audit.h"
#include "store/db.h"
#include "store/priv.h"
#include "store/remove.h"
#include "store/schema.h"

/* A change, and the version of the schema since which there is something to change. */
struct change {
	int since;
	const char *sql;
};

/* Runs each with the one address or text, and counts what it changed. */
static int change(struct store *s, const struct change *list, size_t n, const struct bind *b,
		  struct erased *out, struct err *e)
{
	int version = schema_version(s, e);
	int rc = version < 0 ? version : 0;

	for (size_t i = 0; i < n && !rc; i++) {
		if (list[i].since > version)
			continue;
		rc = db_run(s, e, list[i].sql, b, 1);
		if (!rc)
			out->rows += (uint64_t)sqlite3_changes(s->db);
	}
	return rc;
}
#define CHANGES(list) list, sizeof(list) / sizeof(*(list))

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

/* In every realm, and in the hands of every holder. */
#define ITS_ENDPOINTS "(SELECT id FROM endpoint WHERE address = ?1)"

static int remove_edges(struct store *s, const struct addr *a, struct erased *out,
			struct err *e)
{
	struct db_rows list = { 0 };
	int rc = db_rows(s, e, &list,
			 "SELECT id FROM edge WHERE client IN " ITS_ENDPOINTS
			 " OR server IN " ITS_ENDPOINTS,
			 DB(A(a)));

	for (size_t i = 0; i < list.n && !rc; i++)
		rc = remove_edge(s, list.row[i].v[0], e);
	out->edges += list.n;
	free(list.row);
	return rc;
}

static int who_watches(struct store *s, const struct addr *a, bool *out, struct err *e)
{
	return db_any(s, e, out,
		      "SELECT 1 FROM claim c JOIN sensor o ON o.id = c.origin "
		      "JOIN edge x ON x.id = c.edge WHERE NOT o.revoked AND "
		      "(x.client IN " ITS_ENDPOINTS " OR x.server IN " ITS_ENDPOINTS ") "
		      "UNION ALL SELECT 1 FROM machine_address l "
		      "JOIN machine m ON m.id = l.machine JOIN sensor o ON o.id = m.sensor "
		      "WHERE l.address = ?1 AND NOT o.revoked LIMIT 1",
		      DB(A(a)));
}

/* Conversations that nobody speaks of stand for edges that went to another one. */
static int erase_rows(struct store *s, const struct addr *a, struct erased *out, struct err *e)
{
	static const struct change list[] = {
		{ 1, "DELETE FROM conversation WHERE client IN " ITS_ENDPOINTS
		     " OR server IN " ITS_ENDPOINTS },
		{ 1, "DELETE FROM lease WHERE endpoint IN " ITS_ENDPOINTS },
		{ 1, "DELETE FROM detail WHERE endpoint IN " ITS_ENDPOINTS },
		{ 1, "DELETE FROM endpoint WHERE address = ?1" },
		{ 1, "DELETE FROM machine_address WHERE address = ?1" },
		{ 1, "DELETE FROM listener WHERE address = ?1" },
		{ 3, "DELETE FROM translation WHERE ?1 IN (client, client_seen, seen, "
		     "server)" },
	};

	return change(s, CHANGES(list), (const struct bind[]){ A(a) }, out, e);
}

/* What was said in words of where two sensors with one identity were. */
static int erase_words(struct store *s, const struct addr *a, struct erased *out,
		       struct err *e)
{
	static const struct change list[] = {
		{ 4, "UPDATE sensor SET cloned = 'erased' WHERE instr(cloned, ?1) > 0" },
		{ 4, "UPDATE audit SET detail = 'erased' WHERE instr(detail, ?1) > 0" },
	};
	char text[ADDR_TEXT];

	return change(s, CHANGES(list), (const struct bind[]){ T(addr_text(a, text)) }, out,
		      e);
}

static int erase_of_address(struct store *s, const struct addr *a, struct erased *out,
			    struct err *e)
{
	int rc = remove_edges(s, a, out, e);

	if (!rc)
		rc = erase_rows(s, a, out, e);
	return rc ? rc : erase_words(s, a, out, e);
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
		rc = erase_of_address(s, a, out, e);
	return end(s, rc, who, "an address", now_ms, out, e);
}

/* Names */

/* Who it is that has a program at home: /home/jdoe/bin/x. */
#define PATHS_OF(table, path)                                                                 \
	"UPDATE " table " SET " path " = '' WHERE "                                           \
	"instr(" path ", '/home/' || ?1 || '/') > 0"

static int erase_of_name(struct store *s, const char *name, struct erased *out, struct err *e)
{
	static const struct change list[] = {
		{ 1, "UPDATE detail SET user = '' WHERE user = ?1" },
		{ 1, "UPDATE listener SET user = '' WHERE user = ?1" },
		{ 1, PATHS_OF("detail", "exe") },
		{ 1, PATHS_OF("detail", "app") },
		{ 1, PATHS_OF("listener", "exe") },
		{ 1, PATHS_OF("listener", "app") },
		{ 2, "UPDATE group_label SET owner = '' WHERE owner = ?1" },
		{ 2, "UPDATE group_label SET notes = '' WHERE instr(notes, ?1) > 0" },
		{ 3, "UPDATE machine SET inventory = '' WHERE instr(inventory, ?1) > 0" },
		{ 1, "UPDATE machine SET extra = '' WHERE instr(extra, ?1) > 0" },
		{ 1, "UPDATE edge SET extra = '' WHERE instr(extra, ?1) > 0" },
		{ 1, "UPDATE machine SET name = '' WHERE name = ?1" },
		{ 1, "UPDATE sensor SET host = '' WHERE host = ?1" },
		{ 4, "UPDATE audit SET who = 'erased' WHERE who = ?1" },
		{ 4, "UPDATE audit SET detail = 'erased' WHERE instr(detail, ?1) > 0" },
	};

	return change(s, CHANGES(list), (const struct bind[]){ T(name) }, out, e);
}

int erase_name(struct store *s, const char *name, const char *who, int64_t now_ms,
	       struct erased *out, struct err *e)
{
	int rc = begin(s, e);

	*out = (struct erased){ 0 };
	if (rc)
		return rc;
	rc = erase_of_name(s, name, out, e);
	return end(s, rc, who, "a name", now_ms, out, e);
}

/* Copies */

/* Of a file of ours, whatever its version; numbers are given to nothing there any more. */
static int begin_copy(struct store *s, struct err *e)
{
	int version = schema_version(s, e);

	if (version < 0)
		return version;
	if (version == 0 || version > SCHEMA_VERSION)
		return err_set(e, -EPROTONOSUPPORT, "%s: schema %d, this program knows %d",
			       s->path, version, SCHEMA_VERSION);
	if (version < 4 && db_exec(s, e,
				   "CREATE TEMP TABLE mark(word TEXT PRIMARY KEY, "
				   "value INTEGER NOT NULL)"))
		return db_fail(s, NULL);
	return begin(s, e);
}

static int in_copy(struct store *s, const struct addr *a, const char *name, struct erased *out,
		   struct err *e)
{
	int rc = begin_copy(s, e);

	if (rc)
		return rc;
	rc = a ? erase_of_address(s, a, out, e) : erase_of_name(s, name, out, e);
	if (!rc)
		rc = store_commit(s, e);
	if (rc) {
		store_rollback(s);
		return rc;
	}
	return erase_finish(s, e);
}

int erase_copy(const char *path, const struct addr *a, const char *name, struct erased *out,
	       struct err *e)
{
	struct store *s = store_look(path, e);
	int rc;

	*out = (struct erased){ 0 };
	if (!s)
		return -EACCES;
	store_patience(s, 1000);
	rc = in_copy(s, a, name, out, e);
	store_close(s);
	return rc;
}

int erase_finish(struct store *s, struct err *e)
{
	int64_t busy = 0;
	int rc = db_int(s, e, &busy, "PRAGMA wal_checkpoint(TRUNCATE)", DB_NONE);

	if (rc == -EBUSY || (rc > 0 && busy))
		return err_set(e, -EBUSY,
			       "it is gone from %s, but another process reads there, so it "
			       "stands in %s-wal until that is folded",
			       s->path, s->path);
	return rc < 0 ? rc : 0;
}

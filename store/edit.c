/* SPDX-License-Identifier: Apache-2.0 */
#include "store/edit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fact.h"
#include "store/db.h"
#include "store/dict.h"
#include "store/priv.h"

/* Edits of one slot decide the same thing; '|' stands for what tells the slots of one kind
 * apart. */
static const struct {
	const char *kind, *slot;
	enum { BY_MACHINE, BY_PAIR, BY_NAME } by;
} kinds[] = {
	{ "together", "pair", BY_PAIR },      { "apart", "pair", BY_PAIR },
	{ "pin", "pin", BY_MACHINE },	      { "shared", "role", BY_MACHINE },
	{ "not-shared", "role", BY_MACHINE }, { "env", "env", BY_MACHINE },
	{ "site", "site", BY_MACHINE },	      { "limit", "limit", BY_NAME },
};

static char *slot_of(const struct edit_row *r)
{
	bool turned = strcmp(r->machine, r->other) > 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].kind, r->kind) != 0)
			continue;
		switch (kinds[i].by) {
		case BY_PAIR:
			return xasprintf("%s\x1f%s\x1f%s", kinds[i].slot,
					 turned ? r->other : r->machine,
					 turned ? r->machine : r->other);
		case BY_NAME:
			return xasprintf("%s\x1f%s", kinds[i].slot, r->name);
		case BY_MACHINE:
			return xasprintf("%s\x1f%s", kinds[i].slot, r->machine);
		}
	}
	return NULL;
}

static int add(struct store *s, const struct edit_row *r, const char *slot, const char *name,
	       int64_t *id, struct err *e)
{
	int rc = db_int(s, e, id,
			"SELECT id FROM edit WHERE slot = ? AND kind = ? AND name = ? "
			"AND size = ?",
			DB(T(slot), T(r->kind), T(name), I(r->size)));

	if (rc)
		return rc < 0 ? rc : 0;
	rc = db_run(s, e, "DELETE FROM edit WHERE slot = ?", DB(T(slot)));
	if (!rc)
		rc = db_run(
			s, e,
			"INSERT INTO edit(made_ms, slot, kind, machine, other, name, size) "
			"VALUES(?, ?, ?, ?, ?, ?, ?)",
			DB(I(r->made_ms), T(slot), T(r->kind), T(r->machine), T(r->other),
			   T(name), I(r->size)));
	*id = sqlite3_last_insert_rowid(s->db);
	return rc;
}

int edit_add(struct store *s, const struct edit_row *row, int64_t *id, struct err *e)
{
	char name[NAME_LEN + 1];
	struct edit_row r = *row;
	char *slot;
	bool own;
	int rc;

	r.name = dict_clean(row->name, name, sizeof(name));
	slot = slot_of(&r);
	if (!slot)
		return err_set(e, -EINVAL, "\"%s\" is no kind of edit", row->kind);
	rc = store_enter(s, &own, e);
	if (!rc) {
		rc = add(s, &r, slot, name, id, e);
		rc = store_leave(s, own, rc, e);
	}
	free(slot);
	return rc;
}

int edit_remove(struct store *s, int64_t id, struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	rc = db_run(s, e, "DELETE FROM edit WHERE id = ?", DB(I(id)));
	if (!rc)
		rc = sqlite3_changes(s->db) > 0;
	return store_leave(s, own, rc, e);
}

int query_edits(struct store *s, edit_fn *fn, void *ctx, struct err *e)
{
	int rc = 0, got = 0;
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT id, made_ms, kind, machine, other, name, size "
				    "FROM edit ORDER BY id",
				    DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while (!got && (rc = db_step(s, st, e)) > 0) {
		struct edit_row row = { .id = sqlite3_column_int64(st, 0),
					.made_ms = sqlite3_column_int64(st, 1),
					.kind = db_text(st, 2),
					.machine = db_text(st, 3),
					.other = db_text(st, 4),
					.name = db_text(st, 5),
					.size = (unsigned)sqlite3_column_int64(st, 6) };

		got = fn(&row, ctx);
	}
	db_done(st);
	return got ? got : rc;
}

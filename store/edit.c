/* SPDX-License-Identifier: Apache-2.0 */
#include "store/edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fact.h"
#include "store/db.h"
#include "store/dict.h"
#include "store/machine.h"
#include "store/priv.h"

/* Edits of one slot decide the same thing. */
static const struct kind {
	const char *word, *slot;
	enum { BY_MACHINE, BY_PAIR, BY_NAME } by;
	bool needs_name;
} kinds[] = {
	{ "together", "pair", BY_PAIR, false },	     { "apart", "pair", BY_PAIR, false },
	{ "pin", "pin", BY_MACHINE, true },	     { "shared", "role", BY_MACHINE, false },
	{ "not-shared", "role", BY_MACHINE, false }, { "env", "env", BY_MACHINE, true },
	{ "site", "site", BY_MACHINE, true },	     { "limit", "limit", BY_NAME, false },
};

static const struct kind *kind_of(const char *word)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].word, word) == 0)
			return &kinds[i];
	return NULL;
}

static int check(const struct kind *k, const struct edit_row *r, struct err *e)
{
	if (!k)
		return err_set(e, -EINVAL, "\"%s\" is no kind of edit", r->kind);
	if (strlen(r->machine) > IDENT_LEN || strlen(r->other) > IDENT_LEN)
		return err_set(e, -EINVAL, "%s: that is too long for a machine", k->word);
	if (k->by != BY_NAME && !*r->machine)
		return err_set(e, -EINVAL, "%s: which machine?", k->word);
	if (k->by == BY_PAIR && (!*r->other || strcmp(r->machine, r->other) == 0))
		return err_set(e, -EINVAL, "%s: that needs two machines", k->word);
	if (k->needs_name && !*r->name)
		return err_set(e, -EINVAL, "%s: that needs a name", k->word);
	if (k->by == BY_NAME && !r->size)
		return err_set(e, -EINVAL, "%s: a group of no machines is none", k->word);
	return 0;
}

/* An ident may hold any character: its length says where it ends. */
static char *slot_of(const struct kind *k, const struct edit_row *r)
{
	bool turned = strcmp(r->machine, r->other) > 0;
	const char *first = turned ? r->other : r->machine;
	const char *second = turned ? r->machine : r->other;

	if (k->by == BY_PAIR)
		return xasprintf("%s\x1f%zu\x1f%s\x1f%s", k->slot, strlen(first), first,
				 second);
	return xasprintf("%s\x1f%s", k->slot, k->by == BY_NAME ? r->name : r->machine);
}

static int add(struct store *s, const struct edit_row *r, const char *slot, int64_t *id,
	       struct err *e)
{
	int rc = db_int(s, e, id,
			"SELECT id FROM edit WHERE slot = ? AND kind = ? AND name = ? "
			"AND size = ?",
			DB(T(slot), T(r->kind), T(r->name), I(r->size)));

	if (rc)
		return rc < 0 ? rc : 0;
	rc = db_run(s, e, "DELETE FROM edit WHERE slot = ?", DB(T(slot)));
	if (!rc)
		rc = db_run(
			s, e,
			"INSERT INTO edit(made_ms, slot, kind, machine, other, name, size) "
			"VALUES(?, ?, ?, ?, ?, ?, ?)",
			DB(I(r->made_ms), T(slot), T(r->kind), T(r->machine), T(r->other),
			   T(r->name), I(r->size)));
	if (!rc)
		*id = sqlite3_last_insert_rowid(s->db);
	return rc;
}

int edit_add(struct store *s, const struct edit_row *row, int64_t *id, struct err *e)
{
	const struct kind *k = kind_of(row->kind);
	char name[NAME_LEN + 1];
	struct edit_row r = *row;
	char *slot;
	bool own;
	int rc;

	r.name = dict_clean(row->name, name, sizeof(name));
	rc = check(k, &r, e);
	if (!rc)
		rc = store_enter(s, &own, e);
	if (rc)
		return rc;
	slot = slot_of(k, &r);
	rc = store_leave(s, own, add(s, &r, slot, id, e), e);
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

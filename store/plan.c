/* SPDX-License-Identifier: Apache-2.0 */
#include "store/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/fact.h"
#include "store/db.h"
#include "store/dict.h"
#include "store/priv.h"

enum { REASON_LEN = 1000, NOTES_LEN = 4000, VALUE_LEN = 1 << 20 };

static void bind_double(sqlite3_stmt *st, int at, double v)
{
	sqlite3_bind_double(st, at, v);
}

static int save_groups(struct store *s, int64_t plan, const struct plan_group_row *group,
		       size_t n, struct err *e)
{
	char name[NAME_LEN + 1], env[NAME_LEN + 1], site[NAME_LEN + 1], reason[REASON_LEN + 1];
	int rc = 0;

	for (size_t i = 0; i < n && rc >= 0; i++) {
		const struct plan_group_row *r = &group[i];
		sqlite3_stmt *st = db_query(
			s, e,
			"INSERT INTO plan_group(plan, number, name, kind, service, env, site, "
			"reason, wave, confidence) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			DB(I(plan), I(r->number), T(dict_clean(r->name, name, sizeof(name))),
			   T(r->kind), T(r->service), T(dict_clean(r->env, env, sizeof(env))),
			   T(dict_clean(r->site, site, sizeof(site))),
			   T(dict_clean(r->reason, reason, sizeof(reason))), I(r->wave)));

		if (!st)
			return db_fail(s, NULL);
		bind_double(st, 10, r->confidence);
		rc = db_step(s, st, e);
	}
	return rc;
}

static int save_machines(struct store *s, int64_t plan, const struct plan_machine_row *machine,
			 size_t n, struct err *e)
{
	char reason[REASON_LEN + 1];
	int rc = 0;

	for (size_t i = 0; i < n && rc >= 0; i++) {
		const struct plan_machine_row *r = &machine[i];
		sqlite3_stmt *st = db_query(
			s, e,
			"INSERT INTO plan_machine(plan, machine, number, users, reason, "
			"confidence) VALUES(?, ?, ?, ?, ?, ?)",
			DB(I(plan), T(r->machine), I(r->group), I(r->users),
			   T(dict_clean(r->reason, reason, sizeof(reason)))));

		if (!st)
			return db_fail(s, NULL);
		bind_double(st, 6, r->confidence);
		rc = db_step(s, st, e);
	}
	return rc;
}

/* The oldest go, but for those that a person gave a label. */
static int prune(struct store *s, struct err *e)
{
	int rc = db_run(s, e,
			"DELETE FROM plan WHERE label = '' AND id NOT IN "
			"(SELECT id FROM plan ORDER BY id DESC LIMIT ?)",
			DB(I(PLAN_KEEP)));

	if (!rc)
		rc = db_run(s, e,
			    "DELETE FROM plan_group WHERE plan NOT IN (SELECT id FROM plan)",
			    DB_NONE);
	if (!rc)
		rc = db_run(s, e,
			    "DELETE FROM plan_machine WHERE plan NOT IN (SELECT id FROM plan)",
			    DB_NONE);
	return rc;
}

int plan_save(struct store *s, struct plan_info *info, const struct plan_group_row *group,
	      size_t group_n, const struct plan_machine_row *machine, size_t machine_n,
	      struct err *e)
{
	char label[NAME_LEN + 1];
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	rc = db_run(s, e, "INSERT INTO plan(made_ms, since, until, label) VALUES(?, ?, ?, ?)",
		    DB(I(info->made_ms), I(info->since), I(info->until),
		       T(dict_clean(info->label ? info->label : "", label, sizeof(label)))));
	if (!rc) {
		info->id = sqlite3_last_insert_rowid(s->db);
		rc = save_groups(s, info->id, group, group_n, e);
	}
	if (!rc)
		rc = save_machines(s, info->id, machine, machine_n, e);
	if (!rc)
		rc = prune(s, e);
	return store_leave(s, own, rc, e);
}

int query_plans(struct store *s, plan_info_fn *fn, void *ctx, struct err *e)
{
	int rc, got = 0;
	sqlite3_stmt *st = db_query(
		s, e,
		"SELECT p.id, p.made_ms, p.since, p.until, p.label, "
		"(SELECT count(*) FROM plan_group g WHERE g.plan = p.id AND kind = 'group'), "
		"(SELECT count(*) FROM plan_group g WHERE g.plan = p.id AND kind = 'shared'), "
		"(SELECT count(*) FROM plan_machine m WHERE m.plan = p.id) "
		"FROM plan p ORDER BY p.id DESC",
		DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while (!got && (rc = db_step(s, st, e)) > 0) {
		struct plan_info row = { .id = sqlite3_column_int64(st, 0),
					 .made_ms = sqlite3_column_int64(st, 1),
					 .since = sqlite3_column_int64(st, 2),
					 .until = sqlite3_column_int64(st, 3),
					 .label = db_text(st, 4),
					 .groups = (unsigned)sqlite3_column_int(st, 5),
					 .shared = (unsigned)sqlite3_column_int(st, 6),
					 .machines = (unsigned)sqlite3_column_int(st, 7) };

		got = fn(&row, ctx);
	}
	db_done(st);
	return got ? got : rc;
}

int plan_newest(struct store *s, int64_t *id, struct err *e)
{
	return db_int(s, e, id, "SELECT id FROM plan ORDER BY id DESC LIMIT 1", DB_NONE);
}

int query_plan_groups(struct store *s, int64_t plan, plan_group_fn *fn, void *ctx,
		      struct err *e)
{
	int rc = 0, got = 0;
	sqlite3_stmt *st = db_query(
		s, e,
		"SELECT number, name, kind, service, env, site, reason, confidence, wave "
		"FROM plan_group WHERE plan = ? ORDER BY number",
		DB(I(plan)));

	if (!st)
		return db_fail(s, NULL);
	while (!got && (rc = db_step(s, st, e)) > 0) {
		struct plan_group_row row = { .number = (unsigned)sqlite3_column_int(st, 0),
					      .name = db_text(st, 1),
					      .kind = db_text(st, 2),
					      .service = db_text(st, 3),
					      .env = db_text(st, 4),
					      .site = db_text(st, 5),
					      .reason = db_text(st, 6),
					      .confidence = sqlite3_column_double(st, 7),
					      .wave = (unsigned)sqlite3_column_int(st, 8) };

		got = fn(&row, ctx);
	}
	db_done(st);
	return got ? got : rc;
}

int query_plan_machines(struct store *s, int64_t plan, plan_machine_fn *fn, void *ctx,
			struct err *e)
{
	int rc = 0, got = 0;
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT machine, number, confidence, users, reason "
				    "FROM plan_machine WHERE plan = ? ORDER BY machine",
				    DB(I(plan)));

	if (!st)
		return db_fail(s, NULL);
	while (!got && (rc = db_step(s, st, e)) > 0) {
		struct plan_machine_row row = { .machine = db_text(st, 0),
						.group = (unsigned)sqlite3_column_int(st, 1),
						.confidence = sqlite3_column_double(st, 2),
						.users = (unsigned)sqlite3_column_int(st, 3),
						.reason = db_text(st, 4) };

		got = fn(&row, ctx);
	}
	db_done(st);
	return got ? got : rc;
}

int plan_label(struct store *s, int64_t plan, const char *label, struct err *e)
{
	char clean[NAME_LEN + 1];
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	rc = db_run(s, e, "UPDATE plan SET label = ? WHERE id = ?",
		    DB(T(dict_clean(label, clean, sizeof(clean))), I(plan)));
	if (!rc && !sqlite3_changes(s->db))
		rc = err_set(e, -ENOENT, "there is no plan %lld", (long long)plan);
	return store_leave(s, own, rc, e);
}

int query_group_labels(struct store *s, group_label_fn *fn, void *ctx, struct err *e)
{
	int rc = 0, got = 0;
	sqlite3_stmt *st =
		db_query(s, e,
			 "SELECT name, state, owner, notes, named, accepted, locked "
			 "FROM group_label ORDER BY name",
			 DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while (!got && (rc = db_step(s, st, e)) > 0) {
		struct group_label_row row = { .name = db_text(st, 0),
					       .state = db_text(st, 1),
					       .owner = db_text(st, 2),
					       .notes = db_text(st, 3),
					       .named = sqlite3_column_int(st, 4) != 0,
					       .accepted = sqlite3_column_int(st, 5) != 0,
					       .locked = sqlite3_column_int(st, 6) != 0 };

		got = fn(&row, ctx);
	}
	db_done(st);
	return got ? got : rc;
}

int group_label_set(struct store *s, const struct group_label_row *r, struct err *e)
{
	char name[NAME_LEN + 1], owner[NAME_LEN + 1], notes[NOTES_LEN + 1];
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	rc = db_run(s, e, "INSERT OR REPLACE INTO group_label VALUES(?, ?, ?, ?, ?, ?, ?)",
		    DB(T(dict_clean(r->name, name, sizeof(name))), T(r->state),
		       T(dict_clean(r->owner, owner, sizeof(owner))),
		       T(dict_clean(r->notes, notes, sizeof(notes))), I(r->named),
		       I(r->accepted), I(r->locked)));
	return store_leave(s, own, rc, e);
}

static int name_is_free(struct store *s, const char *name, struct err *e)
{
	int64_t there;
	int rc = db_int(s, e, &there,
			"SELECT 1 FROM plan_group WHERE name = ?1 AND "
			"plan = (SELECT max(id) FROM plan) UNION ALL "
			"SELECT 1 FROM edit WHERE name = ?1 AND kind = 'pin' LIMIT 1",
			DB(T(name)));

	return rc <= 0 ? rc : err_set(e, -EEXIST, "there is a group \"%s\" already", name);
}

static int rename_all(struct store *s, const char *from, const char *to, struct err *e)
{
	int rc = db_run(s, e,
			"UPDATE plan_group SET name = ? WHERE name = ? AND "
			"plan = (SELECT max(id) FROM plan)",
			DB(T(to), T(from)));

	if (!rc && !sqlite3_changes(s->db))
		return err_set(e, -ENOENT, "there is no group \"%s\"", from);
	/* what was once said of a group of the new name, which is gone, is over */
	if (!rc)
		rc = db_run(s, e, "DELETE FROM group_label WHERE name = ?", DB(T(to)));
	if (!rc)
		rc = db_run(s, e, "UPDATE group_label SET name = ? WHERE name = ?",
			    DB(T(to), T(from)));
	if (!rc)
		rc = db_run(s, e,
			    "INSERT INTO group_label VALUES(?, 'proposed', '', '', 1, 0, 0) "
			    "ON CONFLICT(name) DO UPDATE SET named = 1",
			    DB(T(to)));
	if (!rc)
		rc = db_run(s, e, "UPDATE edit SET name = ? WHERE name = ? AND kind = 'pin'",
			    DB(T(to), T(from)));
	if (!rc)
		rc = db_run(s, e,
			    "UPDATE OR REPLACE edit SET name = ?1, "
			    "slot = 'limit' || char(31) || ?1 WHERE name = ?2 "
			    "AND kind = 'limit'",
			    DB(T(to), T(from)));
	return rc;
}

int group_rename(struct store *s, const char *from, const char *to, struct err *e)
{
	char name[NAME_LEN + 1];
	bool own;
	int rc;

	dict_clean(to, name, sizeof(name));
	if (!*name)
		return err_set(e, -EINVAL, "a group needs a name");
	if (strcmp(from, name) == 0)
		return 0;
	rc = store_enter(s, &own, e);
	if (rc)
		return rc;
	rc = name_is_free(s, name, e);
	if (!rc)
		rc = rename_all(s, from, name, e);
	return store_leave(s, own, rc, e);
}

int setting_get(struct store *s, const char *key, char **value, struct err *e)
{
	sqlite3_stmt *st =
		db_query(s, e, "SELECT value FROM setting WHERE key = ?", DB(T(key)));
	int rc = st ? db_step(s, st, e) : db_fail(s, NULL);

	*value = NULL;
	if (rc <= 0)
		return rc;
	*value = xstrdup(db_text(st, 0));
	db_done(st);
	return 1;
}

int setting_set(struct store *s, const char *key, const char *value, struct err *e)
{
	bool own;
	int rc;

	if (value && strlen(value) > VALUE_LEN)
		return err_set(e, -E2BIG, "the setting %s is too long", key);
	rc = store_enter(s, &own, e);
	if (rc)
		return rc;
	if (value)
		rc = db_run(s, e, "INSERT OR REPLACE INTO setting VALUES(?, ?)",
			    DB(T(key), T(value)));
	else
		rc = db_run(s, e, "DELETE FROM setting WHERE key = ?", DB(T(key)));
	return store_leave(s, own, rc, e);
}

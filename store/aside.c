/* SPDX-License-Identifier: Apache-2.0 */
#include "store/aside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/json.h"
#include "store/db.h"
#include "store/plan.h"
#include "store/priv.h"

/* What nobody could tell again.  Those that a file does not have are passed over. */
static const char *const people[] = {
	"sensor", "token",	"realm",	"api_token", "audit",	    "plan",
	"edit",	  "plan_group", "plan_machine", "setting",   "group_label",
};
enum { PEOPLE = sizeof(people) / sizeof(*people), COLUMNS = 40 };

/* Moving */

static int move(const char *path, const char *to, const char *suffix, struct err *e)
{
	char *from = xasprintf("%s%s", path, suffix);
	char *there = xasprintf("%s%s", to, suffix);
	int rc = 0;

	if (rename(from, there) < 0 && errno != ENOENT)
		rc = err_sys(e, -errno, "cannot move %s aside", from);
	free(from);
	free(there);
	return rc;
}

/* The log goes first: without it the file is an older one, with another's it would be none. */
int aside_move(const char *path, const char *word, uint64_t now_ms, char **to, struct err *e)
{
	time_t now = (time_t)(now_ms / 1000);
	char stamp[32];
	struct tm tm;
	int rc;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	*to = xasprintf("%s.%s-%s", path, word, stamp);
	for (int i = 2; access(*to, F_OK) == 0 && i < 1000; i++) {
		free(*to);
		*to = xasprintf("%s.%s-%s.%d", path, word, stamp, i);
	}
	rc = move(path, *to, "-shm", e);
	if (!rc)
		rc = move(path, *to, "-wal", e);
	if (!rc)
		rc = move(path, *to, "", e);
	if (!rc)
		file_sync_folder_of(path);
	return rc;
}

/* Carrying */

struct columns {
	char *list; /* "a, b, c" */
	char *marks;
	unsigned n;
};

/* Those that both have: the old file may be of another version. */
static int columns_of(struct store *s, struct store *old, const char *table,
		      struct columns *out, struct err *e)
{
	struct buf list = { 0 }, marks = { 0 };
	sqlite3_stmt *st =
		db_query(s, e, "SELECT name FROM pragma_table_info(?)", DB(T(table)));
	int rc = st ? 1 : db_fail(s, NULL);

	*out = (struct columns){ 0 };
	while (rc > 0 && out->n < COLUMNS && (rc = db_step(s, st, e)) > 0) {
		int64_t any = 0;

		if (db_int(old, NULL, &any,
			   "SELECT 1 FROM pragma_table_info(?) WHERE name = ?",
			   DB(T(table), T(db_text(st, 0)))) <= 0)
			continue;
		buf_printf(&list, "%s\"%s\"", out->n ? ", " : "", db_text(st, 0));
		buf_printf(&marks, "%s?", out->n ? ", " : "");
		out->n++;
	}
	if (st)
		db_done(st);
	out->list = buf_take(&list);
	out->marks = buf_take(&marks);
	return rc < 0 ? rc : 0;
}

static sqlite3_stmt *prepared(struct store *s, const char *sql)
{
	sqlite3_stmt *st = NULL;

	return sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) ? NULL : st;
}

static int copy_rows(struct store *s, sqlite3_stmt *in, sqlite3_stmt *out, unsigned columns,
		     struct aside *done, struct err *e)
{
	int rc;

	while ((rc = sqlite3_step(in)) == SQLITE_ROW) {
		for (unsigned i = 0; i < columns; i++)
			sqlite3_bind_value(out, (int)i + 1, sqlite3_column_value(in, (int)i));
		rc = sqlite3_step(out);
		sqlite3_reset(out);
		if (rc == SQLITE_DONE)
			done->rows += (uint64_t)sqlite3_changes(s->db);
		else if ((rc & 0xff) != SQLITE_CONSTRAINT && (rc & 0xff) != SQLITE_MISMATCH)
			return db_fail(s, e);
	}
	done->torn += rc != SQLITE_DONE;
	return 0;
}

static int carry(struct store *s, struct store *old, const char *table, struct aside *done,
		 struct err *e)
{
	struct columns c;
	char *from, *to;
	sqlite3_stmt *in, *out;
	int rc = columns_of(s, old, table, &c, e);

	from = xasprintf("SELECT %s FROM \"%s\"", c.n ? c.list : "1", table);
	to = xasprintf("INSERT OR IGNORE INTO \"%s\"(%s) VALUES(%s)", table, c.list, c.marks);
	in = c.n ? prepared(old, from) : NULL;
	out = in ? prepared(s, to) : NULL;
	if (!rc && in && out)
		rc = copy_rows(s, in, out, c.n, done, e);
	sqlite3_finalize(in);
	sqlite3_finalize(out);
	free(from);
	free(to);
	free(c.list);
	free(c.marks);
	return rc;
}

/* NULL where nothing of it can be read. */
static struct store *look_at(const char *path)
{
	struct err why = { 0 };
	struct store *old = store_look(path, &why);
	int64_t any;

	if (old && db_int(old, NULL, &any, "SELECT count(*) FROM sqlite_master", DB_NONE) >= 0)
		return old;
	store_close(old);
	return NULL;
}

int aside_carry(struct store *s, const char *old_path, struct aside *out, struct err *e)
{
	struct store *old = look_at(old_path);
	bool own;
	int rc;

	*out = (struct aside){ 0 };
	if (!old) {
		out->torn = PEOPLE;
		return 0;
	}
	rc = store_enter(s, &own, e);
	for (int i = 0; i < PEOPLE && !rc; i++)
		rc = carry(s, old, people[i], out, e);
	store_close(old);
	return store_leave(s, own, rc, e);
}

static int carry_revoked(struct store *s, struct store *old, struct aside *out, struct err *e)
{
	sqlite3_stmt *st = prepared(old, "SELECT name FROM sensor WHERE revoked");
	int rc = 0;

	while (st && !rc && sqlite3_step(st) == SQLITE_ROW) {
		rc = db_run(s, e,
			    "UPDATE sensor SET revoked = 1 WHERE name = ? AND NOT revoked",
			    DB(T(db_text(st, 0))));
		out->rows += rc ? 0 : (uint64_t)sqlite3_changes(s->db);
	}
	sqlite3_finalize(st);
	return rc;
}

int aside_carry_sensors(struct store *s, const char *old_path, struct aside *out,
			struct err *e)
{
	struct store *old = look_at(old_path);
	bool own;
	int rc;

	*out = (struct aside){ .torn = !old };
	if (!old)
		return 0;
	rc = store_enter(s, &own, e);
	if (!rc)
		rc = carry(s, old, "realm", out, e);
	if (!rc)
		rc = carry(s, old, "sensor", out, e);
	if (!rc)
		rc = carry_revoked(s, old, out, e);
	store_close(old);
	return store_leave(s, own, rc, e);
}

/* What was counted is gone; a sensor's gauges and its place in the spool with it. */
int aside_note(struct store *s, const char *old, const char *why, uint64_t now_ms,
	       struct err *e)
{
	const char *name = strrchr(old, '/') ? strrchr(old, '/') + 1 : old;
	struct buf text = { 0 };
	struct json j = json_to(&text);
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	json_open(&j, '{');
	json_member_string(&j, "file", name);
	json_member_string(&j, "why", why);
	json_member_uint(&j, "when_ms", now_ms);
	json_close(&j, '}');
	rc = db_run(s, e,
		    "INSERT INTO gap(sensor, start_ms, end_ms, records) SELECT id, first_ms, "
		    "last_ms, records FROM sensor WHERE records > 0",
		    DB_NONE);
	if (!rc)
		rc = db_run(s, e,
			    "UPDATE sensor SET lost = min(lost + records, 9007199254740992), "
			    "records = 0, covered_ms = 0, run = run + 1",
			    DB_NONE);
	if (!rc)
		rc = setting_set(s, ASIDE_SETTING, buf_cstr(&text), e);
	buf_fini(&text);
	return store_leave(s, own, rc, e);
}

/* What people did */

/* Changes whenever somebody is let in or shut out, and with every plan and edit. */
static int print_of(struct store *s, char out[160], struct err *e)
{
	sqlite3_stmt *st = db_query(
		s, e,
		"SELECT (SELECT count(*) || ' ' || ifnull(sum(revoked), 0) || ' ' || "
		"ifnull(max(id), 0) || ' ' || ifnull(sum(realm), 0) FROM sensor) || ' ' || (SELECT count(*) || ' ' || "
		"ifnull(sum(uses), 0) FROM token) || ' ' || (SELECT ifnull(max(id), 0) FROM plan) "
		"|| ' ' || (SELECT count(*) || ' ' || ifnull(max(id), 0) FROM edit) || ' ' || "
		"(SELECT count(*) FROM group_label) || ' ' || (SELECT count(*) FROM setting)",
		DB_NONE);
	int rc = st ? db_step(s, st, e) : db_fail(s, NULL);

	if (rc <= 0)
		return rc;
	snprintf(out, 160, "%s", db_text(st, 0));
	db_done(st);
	return 0;
}

static int print_of_file(const char *path, char out[160])
{
	struct store *s = access(path, F_OK) == 0 ? store_open(path, STORE_READ, NULL) : NULL;
	int rc = s ? print_of(s, out, NULL) : -ENOENT;

	store_close(s);
	return rc;
}

static int make_copy(const char *path, const char *to, struct err *e)
{
	char *tmp = xasprintf("%s.tmp", to);
	struct aside done = { 0 };
	struct store *s;
	int rc;

	unlink(tmp);
	s = store_open(tmp, STORE_WRITE, e);
	rc = s ? aside_carry(s, path, &done, e) : -EIO;
	store_close(s);
	if (!rc && done.torn)
		rc = err_set(e, -EBADMSG, "%s: damaged: not all of it can be read", path);
	if (!rc && rename(tmp, to) < 0)
		rc = err_sys(e, -errno, "%s", to);
	if (rc)
		unlink(tmp);
	free(tmp);
	return rc;
}

int aside_keep_people(const char *path, struct err *e)
{
	char now[160] = "", kept[160] = "", *to = xasprintf("%s.people", path);
	struct store *s = store_open(path, STORE_READ, e);
	int rc = s ? print_of(s, now, e) : -EIO;

	store_close(s);
	if (!rc && (print_of_file(to, kept) < 0 || strcmp(now, kept) != 0)) {
		rc = make_copy(path, to, e);
		rc = rc ? rc : 1;
	}
	free(to);
	return rc;
}

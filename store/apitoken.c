/* SPDX-License-Identifier: Apache-2.0 */
#include "store/apitoken.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "store/priv.h"

enum { HASH_BYTES = 32 };
static const int64_t forget_ms = INT64_C(30) * 86400000;

static const char own_prefix[] = "token-"; /* of names that ids make */

const char *const api_role_word[API_ADMIN + 1] = { "none", "read", "edit", "admin" };

bool api_role_parse(const char *word, enum api_role *out)
{
	for (int i = API_READ; i <= API_ADMIN; i++) {
		if (strcmp(word, api_role_word[i]) == 0) {
			*out = (enum api_role)i;
			return true;
		}
	}
	return false;
}

static bool name_fits(const char *name)
{
	size_t n = strlen(name);

	return n < APITOKEN_NAME && strncmp(name, own_prefix, strlen(own_prefix)) != 0 &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
			    "._@-") == n;
}

static int check(struct store *s, const struct apitoken_row *row, struct err *e)
{
	int64_t n = 0, same = 0;
	int rc = db_run(s, e, "DELETE FROM api_token WHERE expires_ms < ?",
			DB(I(row->made_ms - forget_ms)));

	if (!rc)
		rc = db_int(s, e, &n, "SELECT count(*) FROM api_token", DB_NONE);
	if (rc >= 0)
		rc = db_int(s, e, &same, "SELECT count(*) FROM api_token WHERE name = ?",
			    DB(T(row->name)));
	if (rc < 0)
		return rc;
	if (!name_fits(row->name))
		return err_set(
			e, -EINVAL,
			"a token's name is 1 to 64 letters, digits, dots, dashes, and does not "
			"begin with %s",
			own_prefix);
	if (same)
		return err_set(e, -EEXIST, "there is a token called %s already", row->name);
	if (n >= APITOKEN_MAX)
		return err_set(e, -EDQUOT, "there are %d tokens already; revoke some",
			       APITOKEN_MAX);
	return 0;
}

static int add(struct store *s, const uint8_t *hash, const struct apitoken_row *row,
	       int64_t *id, struct err *e)
{
	char made[32];
	int rc = check(s, row, e);

	if (rc)
		return rc;
	rc = db_run(s, e,
		    "INSERT INTO api_token(hash, role, name, made_ms, expires_ms) "
		    "VALUES(?, ?, ?, ?, ?)",
		    DB(B(hash, HASH_BYTES), I(row->role), T(*row->name ? row->name : "*"),
		       I(row->made_ms), I(row->expires_ms)));
	if (rc)
		return rc;
	*id = sqlite3_last_insert_rowid(s->db);
	snprintf(made, sizeof(made), "%s%lld", own_prefix, (long long)*id);
	return *row->name ? 0
			  : db_run(s, e, "UPDATE api_token SET name = ? WHERE id = ?",
				   DB(T(made), I(*id)));
}

int apitoken_add(struct store *s, const uint8_t hash[32], const struct apitoken_row *row,
		 int64_t *id, struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	return rc ? rc : store_leave(s, own, add(s, hash, row, id, e), e);
}

/* A name before an id, since names may be digits alone. */
static int remove_one(struct store *s, const char *which, struct err *e)
{
	char *end;
	long long id = strtoll(which, &end, 10);
	int rc = db_run(s, e, "DELETE FROM api_token WHERE name = ?", DB(T(which)));

	if (!rc && !sqlite3_changes(s->db) && *which && !*end)
		rc = db_run(s, e, "DELETE FROM api_token WHERE id = ?", DB(I(id)));
	return rc ? rc : sqlite3_changes(s->db) > 0;
}

int apitoken_remove(struct store *s, const char *which, struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	return rc ? rc : store_leave(s, own, remove_one(s, which, e), e);
}

int apitoken_find(struct store *s, const uint8_t hash[32], int64_t now_ms, enum api_role *role,
		  char name[APITOKEN_NAME], bool *stale, struct err *e)
{
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT role, name, used_ms FROM api_token "
				    "WHERE hash = ? AND expires_ms > ?",
				    DB(B(hash, HASH_BYTES), I(now_ms)));
	int rc = st ? db_step(s, st, e) : db_fail(s, NULL);

	if (rc <= 0)
		return rc;
	*role = (enum api_role)sqlite3_column_int(st, 0);
	if (*role < API_READ || *role > API_ADMIN)
		*role = API_NONE;
	snprintf(name, APITOKEN_NAME, "%s", db_text(st, 1));
	*stale = sqlite3_column_int64(st, 2) <= now_ms - APITOKEN_USED_MS;
	db_done(st);
	return 1;
}

int apitoken_used(struct store *s, const uint8_t hash[32], int64_t now_ms, struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	rc = db_run(s, e, "UPDATE api_token SET used_ms = ? WHERE hash = ?",
		    DB(I(now_ms - now_ms % APITOKEN_USED_MS), B(hash, HASH_BYTES)));
	return store_leave(s, own, rc, e);
}

int query_apitokens(struct store *s, apitoken_fn *fn, void *ctx, struct err *e)
{
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT id, role, name, made_ms, expires_ms, used_ms "
				    "FROM api_token ORDER BY id",
				    DB_NONE);
	int rc;

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		struct apitoken_row row = { sqlite3_column_int64(st, 0),
					    (enum api_role)sqlite3_column_int(st, 1),
					    db_text(st, 2),
					    sqlite3_column_int64(st, 3),
					    sqlite3_column_int64(st, 4),
					    sqlite3_column_int64(st, 5) };

		rc = fn(&row, ctx);
		if (rc) {
			db_done(st);
			return rc;
		}
	}
	return rc;
}

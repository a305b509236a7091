/* SPDX-License-Identifier: Apache-2.0 */
#include "store/roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "store/audit.h"
#include "store/db.h"
#include "store/enrol.h"
#include "store/priv.h"

/* Sensors */

enum roster_state roster_state(const struct roster_sensor *x, int64_t now_ms)
{
	if (x->revoked)
		return ROSTER_REVOKED;
	if (x->cloned_ms)
		return ROSTER_CLONED;
	if (*x->claims)
		return ROSTER_PENDING;
	if (x->expires_ms && x->expires_ms < now_ms)
		return ROSTER_EXPIRED;
	if (!x->records && !x->quarantined)
		return ROSTER_NEW;
	return x->last_ms + ROSTER_SILENT_MS < now_ms ? ROSTER_SILENT : ROSTER_OK;
}

const char *roster_state_word(enum roster_state state)
{
	static const char *const words[] = {
		[ROSTER_OK] = "ok",	      [ROSTER_NEW] = "new",
		[ROSTER_SILENT] = "silent",   [ROSTER_EXPIRED] = "expired",
		[ROSTER_PENDING] = "pending", [ROSTER_CLONED] = "cloned?",
		[ROSTER_REVOKED] = "revoked",
	};

	return words[state];
}

static struct roster_sensor sensor_of(sqlite3_stmt *st)
{
	return (struct roster_sensor){
		.name = db_text(st, 0),
		.role = db_text(st, 1),
		.host = db_text(st, 2),
		.machine = db_text(st, 3),
		.called = db_text(st, 4),
		.claims = db_text(st, 5),
		.holder = db_text(st, 6),
		.cloned = db_text(st, 7),
		.revoked = sqlite3_column_int(st, 8) != 0,
		.renewed = sqlite3_column_int(st, 9) != 0,
		.first_ms = sqlite3_column_int64(st, 10),
		.last_ms = sqlite3_column_int64(st, 11),
		.expires_ms = sqlite3_column_int64(st, 12),
		.issued_ms = sqlite3_column_int64(st, 13),
		.cloned_ms = sqlite3_column_int64(st, 14),
		.records = (uint64_t)sqlite3_column_int64(st, 15),
		.quarantined = (uint64_t)sqlite3_column_int64(st, 16),
		.rejected = (uint64_t)sqlite3_column_int64(st, 17),
		.lost = (uint64_t)sqlite3_column_int64(st, 18),
		.folded = (uint64_t)sqlite3_column_int64(st, 19),
	};
}

int roster_sensors(struct store *s, const char *name, roster_sensor_fn *fn, void *ctx,
		   struct err *e)
{
	bool found = false;
	int rc;
	sqlite3_stmt *st = db_query(
		s, e,
		"SELECT x.name, x.role, x.host, m.ident, m.name, c.ident, h.name, x.cloned, "
		"x.revoked, x.next IS NOT NULL, x.first_ms, x.last_ms, x.expires_ms, "
		"x.issued_ms, x.cloned_ms, x.records, x.quarantined, x.rejected, x.lost, x.folded "
		"FROM sensor x LEFT JOIN machine m ON m.sensor = x.id AND m.sensor != 0 "
		"LEFT JOIN machine c ON c.id = x.claims "
		"LEFT JOIN sensor h ON h.id = c.sensor AND c.sensor != 0 "
		"WHERE ?1 IS NULL OR x.name = ?1 ORDER BY x.name",
		DB(T(name)));

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		struct roster_sensor x = sensor_of(st);

		found = true;
		rc = fn(&x, ctx);
		if (rc) {
			db_done(st);
			return rc;
		}
	}
	return rc < 0 ? rc : name && found;
}

/* What is decided about: 1 with its row. */
struct subject {
	int64_t id, claims, cloned_ms;
	bool revoked;
};

static int find(struct store *s, const char *sensor, struct subject *out, struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT id, claims, cloned_ms, revoked FROM sensor "
				    "WHERE name = ?",
				    DB(T(sensor)));

	if (!st)
		return db_fail(s, NULL);
	rc = db_step(s, st, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(e, -ENOENT, "there is no sensor %s", sensor);
	*out = (struct subject){ sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
				 sqlite3_column_int64(st, 2), sqlite3_column_int(st, 3) != 0 };
	db_done(st);
	return 0;
}

static int revoke(struct store *s, const char *who, const char *sensor, uint64_t now_ms,
		  struct err *e)
{
	struct subject x;
	int rc = find(s, sensor, &x, e);

	if (!rc && x.revoked)
		rc = err_set(e, -EALREADY, "%s is revoked already", sensor);
	if (!rc)
		rc = db_run(s, e, "UPDATE sensor SET revoked = 1, next = NULL WHERE id = ?",
			    DB(I(x.id)));
	return rc ? rc : audit_add(s, now_ms, who, "sensor revoke", sensor, e);
}

int roster_revoke(struct store *s, const char *who, const char *sensor, uint64_t now_ms,
		  struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	return rc ? rc : store_leave(s, own, revoke(s, who, sensor, now_ms, e), e);
}

/* The machine changes hands; who had it before is without one. */
static int hand_over(struct store *s, const struct subject *x, struct err *e)
{
	int rc = db_run(s, e, "UPDATE machine SET sensor = 0 WHERE sensor = ? AND sensor != 0",
			DB(I(x->id)));

	if (!rc)
		rc = db_run(s, e, "UPDATE machine SET sensor = ? WHERE id = ?",
			    DB(I(x->id), I(x->claims)));
	store_forget(s);
	return rc;
}

static int allow(struct store *s, const char *who, const char *sensor, uint64_t now_ms,
		 struct err *e)
{
	struct subject x;
	int rc = find(s, sensor, &x, e);
	char *words;

	if (rc)
		return rc;
	if (x.revoked)
		return err_set(e, -EPERM, "%s is revoked, for good; enrol it again", sensor);
	if (!x.claims && !x.cloned_ms)
		return err_set(e, -EALREADY, "there is nothing to decide about %s", sensor);
	if (x.claims)
		rc = hand_over(s, &x, e);
	if (!rc)
		rc = db_run(s, e,
			    "UPDATE sensor SET claims = 0, cloned_ms = 0, cloned = '' "
			    "WHERE id = ?",
			    DB(I(x.id)));
	words = xasprintf("%s%s%s", sensor, x.claims ? " takes over its machine" : "",
			  x.cloned_ms ? " is no clone" : "");
	if (!rc)
		rc = audit_add(s, now_ms, who, "sensor allow", words, e);
	free(words);
	return rc;
}

int roster_allow(struct store *s, const char *who, const char *sensor, uint64_t now_ms,
		 struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	return rc ? rc : store_leave(s, own, allow(s, who, sensor, now_ms, e), e);
}

/* Tokens */

void roster_token_id(const uint8_t hash[ENROL_HASH], char id[ROSTER_TOKEN_ID + 1])
{
	for (int i = 0; i < ROSTER_TOKEN_ID / 2; i++)
		snprintf(id + 2 * i, 3, "%02x", hash[i]);
}

static void id_of(sqlite3_stmt *st, int column, char id[ROSTER_TOKEN_ID + 1])
{
	const uint8_t *p = sqlite3_column_blob(st, column);

	id[0] = 0;
	if (sqlite3_column_bytes(st, column) == ENROL_HASH)
		roster_token_id(p, id);
}

int roster_tokens(struct store *s, roster_token_fn *fn, void *ctx, struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT hash, role, cidr, created_ms, expires_ms, uses, "
				    "used FROM token ORDER BY created_ms DESC, hash",
				    DB_NONE);

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		struct roster_token t = { .role = db_text(st, 1),
					  .cidr = db_text(st, 2),
					  .created_ms = sqlite3_column_int64(st, 3),
					  .expires_ms = sqlite3_column_int64(st, 4),
					  .uses = (uint64_t)sqlite3_column_int64(st, 5),
					  .used = (uint64_t)sqlite3_column_int64(st, 6) };

		id_of(st, 0, t.id);
		rc = fn(&t, ctx);
		if (rc) {
			db_done(st);
			return rc;
		}
	}
	return rc;
}

enum { ID_LEAST = 4 };

static int token_revoke(struct store *s, const char *who, const char *id, uint64_t now_ms,
			struct err *e)
{
	size_t n = strspn(id, "0123456789abcdef");
	int64_t found = 0;
	int rc;

	if (id[n] || n < ID_LEAST || n > 64)
		return err_set(e, -EINVAL, "%s is no token's ID; see token list", id);
	rc = db_int(s, e, &found,
		    "SELECT count(*) FROM token WHERE substr(lower(hex(hash)), 1, ?2) = ?1",
		    DB(T(id), I(n)));
	if (rc < 0)
		return rc;
	if (found != 1)
		return found ? err_set(e, -EINVAL, "%s may be any of %lld tokens", id,
				       (long long)found)
			     : err_set(e, -ENOENT, "there is no token %s", id);
	rc = db_run(s, e, "DELETE FROM token WHERE substr(lower(hex(hash)), 1, ?2) = ?1",
		    DB(T(id), I(n)));
	return rc ? rc : audit_add(s, now_ms, who, "token revoke", id, e);
}

int roster_token_revoke(struct store *s, const char *who, const char *id, uint64_t now_ms,
			struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	return rc ? rc : store_leave(s, own, token_revoke(s, who, id, now_ms, e), e);
}

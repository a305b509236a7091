/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enrol.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/audit.h"
#include "store/db.h"
#include "store/priv.h"

/* Tokens */

/* Those that are long over are of no use to anybody. */
static const int64_t kept_ms = INT64_C(30) * 86400 * 1000;

int enrol_token_add(struct store *s, const struct enrol_token *t, struct err *e)
{
	char cidr[ADDR_NET_TEXT] = "";
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	if (t->from)
		addr_net_text(t->from, cidr);
	rc = db_run(s, e, "DELETE FROM token WHERE expires_ms < ? - ?",
		    DB(I(t->created_ms), I(kept_ms)));
	if (!rc)
		rc = db_run(
			s, e,
			"INSERT INTO token(hash, role, expires_ms, uses, cidr, created_ms) "
			"VALUES(?, ?, ?, ?, ?, ?)",
			DB(B(t->hash, ENROL_HASH), T(t->role), I(t->expires_ms), I(t->uses),
			   T(cidr), I(t->created_ms)));
	return store_leave(s, own, rc, e);
}

struct found {
	int64_t expires, uses;
	bool anywhere;
	struct addr_net from;
};

static int find_token(struct store *s, const uint8_t *hash, struct found *f,
		      struct enrol_grant *out, struct err *e)
{
	int rc;
	sqlite3_stmt *st =
		db_query(s, e, "SELECT expires_ms, uses, cidr, role FROM token WHERE hash = ?",
			 DB(B(hash, ENROL_HASH)));

	if (!st)
		return db_fail(s, NULL);
	rc = db_step(s, st, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(e, -ENOENT, "no such token");
	f->expires = sqlite3_column_int64(st, 0);
	f->uses = sqlite3_column_int64(st, 1);
	f->anywhere = !*db_text(st, 2);
	if (!f->anywhere && addr_net_parse(db_text(st, 2), &f->from) < 0)
		f->from = (struct addr_net){ .bits = 128 }; /* cannot be read: nobody */
	snprintf(out->role, sizeof(out->role), "%s", db_text(st, 3));
	db_done(st);
	return 0;
}

static int use_token(struct store *s, const uint8_t *hash, const struct addr *from,
		     uint64_t now_ms, struct enrol_grant *out, struct err *e)
{
	struct found f = { 0 };
	int rc = find_token(s, hash, &f, out, e);

	if (rc)
		return rc;
	if (!f.anywhere && !addr_net_holds(&f.from, from))
		return err_set(e, -EACCES, "the token is not good from this address");
	if ((int64_t)now_ms >= f.expires)
		return err_set(e, -ETIMEDOUT, "the token has expired");
	if (f.uses <= 0)
		return err_set(e, -EDQUOT, "the token is used up");
	return db_run(s, e, "UPDATE token SET uses = uses - 1, used = used + 1 WHERE hash = ?",
		      DB(B(hash, ENROL_HASH)));
}

int enrol_token_use(struct store *s, const uint8_t hash[ENROL_HASH], const struct addr *from,
		    uint64_t now_ms, struct enrol_grant *out, struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	return rc ? rc : store_leave(s, own, use_token(s, hash, from, now_ms, out, e), e);
}

/* Sensors */

static int add_sensor(struct store *s, const struct enrol_sensor *x, uint64_t now_ms,
		      struct err *e)
{
	int rc = db_run(s, e,
			"INSERT OR IGNORE INTO sensor(name, role, host, fingerprint, "
			"expires_ms, issued_ms, first_ms, last_ms) "
			"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?6, ?6)",
			DB(T(x->name), T(x->role), T(x->host), B(x->fingerprint, ENROL_HASH),
			   I(x->expires_ms), I(now_ms)));

	if (!rc && !sqlite3_changes(s->db))
		rc = err_set(e, -EEXIST, "sensor %s is enrolled already", x->name);
	return rc;
}

int enrol_sensor_add(struct store *s, const struct enrol_sensor *x, uint64_t now_ms,
		     struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	return rc ? rc : store_leave(s, own, add_sensor(s, x, now_ms, e), e);
}

static bool column_is(sqlite3_stmt *st, int column, const uint8_t *hash)
{
	const void *p = sqlite3_column_blob(st, column);

	return p && sqlite3_column_bytes(st, column) == ENROL_HASH &&
	       memcmp(p, hash, ENROL_HASH) == 0;
}

static enum enrol_verdict judge(sqlite3_stmt *st, const uint8_t *fingerprint)
{
	bool current = column_is(st, 2, fingerprint), next = column_is(st, 3, fingerprint);

	if (!current && !next)
		return column_is(st, 4, fingerprint) ? ENROL_REPLACED : ENROL_UNKNOWN;
	if (sqlite3_column_int(st, 1))
		return ENROL_REVOKED;
	return next ? ENROL_NEXT : ENROL_CURRENT;
}

enum enrol_verdict enrol_sensor_check(struct store *s, const char *sensor,
				      const uint8_t fingerprint[ENROL_HASH],
				      char role[ENROL_ROLE])
{
	enum enrol_verdict v = ENROL_UNKNOWN;
	sqlite3_stmt *st = db_query(s, NULL,
				    "SELECT role, revoked, fingerprint, next, former "
				    "FROM sensor WHERE name = ?",
				    DB(T(sensor)));

	if (!st || db_step(s, st, NULL) <= 0)
		return v;
	v = judge(st, fingerprint);
	if (v >= ENROL_CURRENT)
		snprintf(role, ENROL_ROLE, "%s", db_text(st, 0));
	db_done(st);
	return v;
}

int enrol_sensor_use_next(struct store *s, const char *sensor,
			  const uint8_t fingerprint[ENROL_HASH], struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	rc = db_run(s, e,
		    "UPDATE sensor SET former = fingerprint, fingerprint = next, next = NULL, "
		    "expires_ms = next_expires_ms, next_expires_ms = 0 "
		    "WHERE name = ? AND next = ?",
		    DB(T(sensor), B(fingerprint, ENROL_HASH)));
	return store_leave(s, own, rc, e);
}

static int renew(struct store *s, const char *sensor, const uint8_t *fingerprint,
		 uint64_t expires_ms, uint64_t now_ms, struct err *e)
{
	int rc = db_run(s, e,
			"UPDATE sensor SET next = ?, next_expires_ms = ?, issued_ms = ? "
			"WHERE name = ? AND NOT revoked",
			DB(B(fingerprint, ENROL_HASH), I(expires_ms), I(now_ms), T(sensor)));

	if (!rc && !sqlite3_changes(s->db))
		rc = err_set(e, -ENOENT, "sensor %s may not speak", sensor);
	return rc;
}

int enrol_sensor_renew(struct store *s, const char *sensor,
		       const uint8_t fingerprint[ENROL_HASH], uint64_t expires_ms,
		       uint64_t now_ms, struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	rc = renew(s, sensor, fingerprint, expires_ms, now_ms, e);
	return store_leave(s, own, rc, e);
}

bool enrol_sensor_rested(struct store *s, const char *sensor, uint64_t now_ms, uint64_t gap_ms)
{
	int64_t yes;

	return db_int(s, NULL, &yes,
		      "SELECT 1 FROM sensor WHERE name = ?1 AND "
		      "(issued_ms + ?2 <= ?3 OR issued_ms > ?3)",
		      DB(T(sensor), I(gap_ms), I(now_ms))) > 0;
}

static int cloned(struct store *s, const char *sensor, const char *words, uint64_t now_ms,
		  struct err *e)
{
	char *detail;
	int rc = db_run(s, e,
			"UPDATE sensor SET cloned_ms = ?, cloned = ? "
			"WHERE name = ? AND cloned_ms = 0",
			DB(I(now_ms), T(words), T(sensor)));

	if (rc || !sqlite3_changes(s->db))
		return rc;
	detail = xasprintf("%s %s", sensor, words);
	rc = audit_add(s, now_ms, "collector", "sensor cloned", detail, e);
	free(detail);
	return rc ? rc : 1;
}

int enrol_sensor_cloned(struct store *s, const char *sensor, const char *words,
			uint64_t now_ms, struct err *e)
{
	bool own, fresh;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	rc = cloned(s, sensor, words, now_ms, e);
	fresh = rc > 0;
	rc = store_leave(s, own, fresh ? 0 : rc, e);
	return rc ? rc : fresh;
}

int enrol_revoked(struct store *s, int64_t *seen, void (*fn)(const char *sensor, void *ctx),
		  void *ctx, struct err *e)
{
	int64_t now = 0;
	sqlite3_stmt *st;
	int rc = db_int(s, e, &now, "PRAGMA data_version", DB_NONE);

	if (rc < 0 || now == *seen)
		return rc < 0 ? rc : 0;
	st = db_query(s, e, "SELECT name FROM sensor WHERE revoked", DB_NONE);
	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0)
		fn(db_text(st, 0), ctx);
	if (!rc)
		*seen = now;
	return rc;
}

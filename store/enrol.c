/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enrol.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/db.h"
#include "store/priv.h"

enum { HASH_BYTES = 32, ROLE_BYTES = 16 };

int enrol_token_add(struct store *s, const uint8_t hash[32], const char *role,
		    uint64_t expires_ms, unsigned uses, struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	rc = db_run(s, e, "INSERT INTO token(hash, role, expires_ms, uses) VALUES(?, ?, ?, ?)",
		    DB(B(hash, HASH_BYTES), T(role), I(expires_ms), I(uses)));
	return store_leave(s, own, rc, e);
}

static int find_token(struct store *s, const uint8_t *hash, int64_t *expires, int64_t *uses,
		      char *role, struct err *e)
{
	int rc;
	sqlite3_stmt *st =
		db_query(s, e, "SELECT expires_ms, uses, role FROM token WHERE hash = ?",
			 DB(B(hash, HASH_BYTES)));

	if (!st)
		return db_fail(s, NULL);
	rc = db_step(s, st, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(e, -ENOENT, "no such token");
	*expires = sqlite3_column_int64(st, 0);
	*uses = sqlite3_column_int64(st, 1);
	snprintf(role, ROLE_BYTES, "%s", db_text(st, 2));
	db_done(st);
	return 0;
}

static int use_token(struct store *s, const uint8_t *hash, uint64_t now_ms, char *role,
		     struct err *e)
{
	int64_t expires = 0, uses = 0;
	int rc = find_token(s, hash, &expires, &uses, role, e);

	if (rc)
		return rc;
	if ((int64_t)now_ms >= expires)
		return err_set(e, -ETIMEDOUT, "the token has expired");
	if (uses <= 0)
		return err_set(e, -EDQUOT, "the token is used up");
	return db_run(s, e, "UPDATE token SET uses = uses - 1 WHERE hash = ?",
		      DB(B(hash, HASH_BYTES)));
}

int enrol_token_use(struct store *s, const uint8_t hash[32], uint64_t now_ms, char role[16],
		    struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	return rc ? rc : store_leave(s, own, use_token(s, hash, now_ms, role, e), e);
}

static int add_sensor(struct store *s, const char *sensor, const char *role, const char *host,
		      const uint8_t *fingerprint, uint64_t now_ms, struct err *e)
{
	int rc =
		db_run(s, e,
		       "INSERT OR IGNORE INTO sensor(name, role, host, fingerprint, first_ms, "
		       "last_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?5)",
		       DB(T(sensor), T(role), T(host), B(fingerprint, HASH_BYTES), I(now_ms)));

	if (!rc && !sqlite3_changes(s->db))
		rc = err_set(e, -EEXIST, "sensor %s is enrolled already", sensor);
	return rc;
}

int enrol_sensor_add(struct store *s, const char *sensor, const char *role, const char *host,
		     const uint8_t fingerprint[32], uint64_t now_ms, struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	rc = add_sensor(s, sensor, role, host, fingerprint, now_ms, e);
	return store_leave(s, own, rc, e);
}

bool enrol_sensor_allowed(struct store *s, const char *sensor, const uint8_t fingerprint[32],
			  char role[16])
{
	bool allowed = false;
	sqlite3_stmt *st =
		db_query(s, NULL,
			 "SELECT role FROM sensor WHERE name = ? AND fingerprint = ? "
			 "AND revoked = 0",
			 DB(T(sensor), B(fingerprint, HASH_BYTES)));

	if (!st)
		return false;
	if (db_step(s, st, NULL) > 0) {
		snprintf(role, ROLE_BYTES, "%s", db_text(st, 0));
		allowed = true;
		db_done(st);
	}
	return allowed;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "store/realm.h"

#include <errno.h>
#include <string.h>

#include "store/db.h"
#include "store/priv.h"

enum { HASH_BYTES = 32 };

bool realm_good_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789-_.");

	return n > 0 && n < REALM_NAME && !name[n] && *name != '-';
}

/* Made if it is not there. */
static int number_of(struct store *s, const char *name, int64_t *id, struct err *e)
{
	int64_t n = 0;
	int rc;

	*id = 0;
	if (!*name)
		return 0;
	if (!realm_good_name(name))
		return err_set(e, -EINVAL,
			       "a realm's name is up to %d letters, digits and -_.",
			       REALM_NAME - 1);
	rc = db_int(s, e, id, "SELECT id FROM realm WHERE name = ?", DB(T(name)));
	if (rc)
		return rc < 0 ? rc : 0;
	rc = db_int(s, e, &n, "SELECT count(*) FROM realm", DB_NONE);
	if (rc < 0)
		return rc;
	if (n >= REALM_MAX)
		return err_set(e, -ENOSPC, "there are %d realms already", REALM_MAX);
	rc = db_run(s, e, "INSERT INTO realm(name) VALUES(?)", DB(T(name)));
	*id = sqlite3_last_insert_rowid(s->db);
	return rc;
}

int realm_token(struct store *s, const uint8_t hash[32], const char *name, struct err *e)
{
	int64_t id;
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	rc = number_of(s, name, &id, e);
	if (!rc)
		rc = db_run(s, e, "UPDATE token SET realm = ? WHERE hash = ?",
			    DB(I(id), B(hash, HASH_BYTES)));
	return store_leave(s, own, rc, e);
}

int realm_inherit(struct store *s, const char *sensor, const uint8_t hash[32], struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	rc = db_run(s, e,
		    "UPDATE sensor SET realm = "
		    "coalesce((SELECT realm FROM token WHERE hash = ?), 0) WHERE name = ?",
		    DB(B(hash, HASH_BYTES), T(sensor)));
	return store_leave(s, own, rc, e);
}

static int set_sensor(struct store *s, const char *sensor, const char *name, struct err *e)
{
	int64_t id;
	int rc = number_of(s, name, &id, e);

	if (!rc)
		rc = db_run(s, e, "UPDATE sensor SET realm = ? WHERE name = ?",
			    DB(I(id), T(sensor)));
	if (!rc && !sqlite3_changes(s->db))
		return err_set(e, -ENOENT, "no sensor %s", sensor);
	store_forget(s); /* what is in memory of it was the old one's */
	return rc;
}

int realm_sensor(struct store *s, const char *sensor, const char *name, struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	return rc ? rc : store_leave(s, own, set_sensor(s, sensor, name, e), e);
}

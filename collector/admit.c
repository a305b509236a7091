/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/admit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/authority.h"
#include "collector/home.h"
#include "common/cert.h"
#include "common/clock.h"
#include "common/file.h"
#include "store/enrol.h"
#include "store/realm.h"
#include "store/store.h"

static int keep(const struct admit_order *o, const struct token *t, struct err *e)
{
	char *path = file_path(o->dir, "skein.db");
	struct store *store = store_open(path, STORE_WRITE, e);
	uint8_t hash[32];
	int rc;

	free(path);
	if (!store)
		return -EIO;
	cert_sha256(t->secret, sizeof(t->secret), hash);
	rc = enrol_token_add(store, hash, o->role, clock_ms() + o->ttl_s * 1000ULL, o->uses,
			     e);
	if (!rc && o->realm && *o->realm)
		rc = realm_token(store, hash, o->realm, e);
	store_close(store);
	return rc;
}

/* A mistyped directory must not become a new estate. */
static int must_have_run(const char *dir, struct err *e)
{
	char *path = file_path(dir, "skein.db");
	int rc = access(path, F_OK) == 0 ? 0 : -errno;

	free(path);
	if (rc == 0 || rc == -EACCES)
		return 0;
	return err_set(e, rc,
		       "%s: no collector has run here; start skein-collector --data %s first",
		       dir, dir);
}

/* Of the database, not of its directory: root may run the collector in somebody's directory.
 */
static int become_owner(const char *dir, struct err *e)
{
	char *path = file_path(dir, "skein.db");
	int rc = home_become_owner(path, e);

	free(path);
	return rc;
}

int admit_token(const struct admit_order *o, char text[TOKEN_TEXT], struct err *e)
{
	struct authority a;
	struct token t;
	int rc;

	if (must_have_run(o->dir, e) < 0 || become_owner(o->dir, e) < 0 ||
	    home_open(o->dir, e) < 0)
		return -EIO;
	rc = authority_open(&a, o->dir, e);
	if (rc)
		return rc;
	memcpy(t.pin, a.pin, sizeof(t.pin));
	authority_close(&a);
	cert_random(t.secret, sizeof(t.secret));
	rc = keep(o, &t, e);
	if (!rc)
		token_text(&t, text);
	return rc;
}

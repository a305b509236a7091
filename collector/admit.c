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
#include "store/store.h"

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

struct store *admit_store(const char *dir, struct err *e)
{
	char *path = file_path(dir, "skein.db");
	struct store *store = NULL;

	if (must_have_run(dir, e) == 0 && home_become_owner(dir, e) == 0 &&
	    home_open(dir, e) == 0)
		store = store_open(path, STORE_WRITE, e);
	free(path);
	return store;
}

int admit_new(const char *dir, struct token *t, struct err *e)
{
	struct authority a;
	int rc = must_have_run(dir, e);

	if (!rc)
		rc = home_become_owner(dir, e);
	if (!rc)
		rc = authority_open(&a, dir, e);
	if (rc)
		return rc;
	memcpy(t->pin, a.pin, sizeof(t->pin));
	authority_close(&a);
	cert_random(t->secret, sizeof(t->secret));
	return 0;
}

static int keep(const struct admit_order *o, const struct token *t, struct err *e)
{
	struct store *store = admit_store(o->dir, e);
	uint8_t hash[32];
	struct enrol_token row = {
		.hash = hash, .role = o->role, .from = o->from, .uses = o->uses
	};
	int rc;

	if (!store)
		return -EIO;
	cert_sha256(t->secret, sizeof(t->secret), hash);
	row.created_ms = clock_ms();
	row.expires_ms = row.created_ms + o->ttl_s * 1000ULL;
	rc = enrol_token_add(store, &row, e);
	store_close(store);
	return rc;
}

int admit_token(const struct admit_order *o, char text[TOKEN_TEXT], struct err *e)
{
	struct token t;
	int rc;

	rc = admit_new(o->dir, &t, e);
	if (!rc)
		rc = keep(o, &t, e);
	if (!rc)
		token_text(&t, text);
	return rc;
}

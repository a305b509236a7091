/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/admit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/authority.h"
#include "collector/estate.h"
#include "common/cert.h"
#include "common/clock.h"
#include "store/audit.h"
#include "store/enrol.h"
#include "store/realm.h"
#include "store/roster.h"

static int keep(const struct admit_order *o, const struct token *t, struct store *store,
		struct err *e)
{
	uint8_t hash[32];
	struct enrol_token row = {
		.hash = hash, .role = o->role, .from = o->from, .uses = o->uses
	};
	char words[64 + ROSTER_TOKEN_ID];
	int rc = store_begin(store, e);

	if (rc)
		return rc;
	cert_sha256(t->secret, sizeof(t->secret), hash);
	row.created_ms = clock_ms();
	row.expires_ms = row.created_ms + o->ttl_s * 1000ULL;
	rc = enrol_token_add(store, &row, e);
	roster_token_id(hash, words);
	snprintf(words + strlen(words), 64, " role %s, uses %u", o->role, o->uses);
	if (!rc && o->realm && *o->realm)
		rc = realm_token(store, hash, o->realm, e);
	if (!rc)
		rc = audit_add(store, row.created_ms, o->who, "token create", words, e);
	if (!rc)
		rc = store_commit(store, e);
	if (rc)
		store_rollback(store);
	return rc;
}

int admit_token(const struct admit_order *o, char text[TOKEN_TEXT], struct err *e)
{
	struct store *store = estate_open(o->dir, STORE_WRITE, e);
	struct authority a = { 0 };
	struct token t;
	int rc = store ? authority_open(&a, o->dir, e) : -EIO;

	if (!rc) {
		memcpy(t.pin, a.pin, sizeof(t.pin));
		cert_random(t.secret, sizeof(t.secret));
		rc = keep(o, &t, store, e);
	}
	if (!rc)
		token_text(&t, text);
	authority_close(&a);
	if (store)
		store_close(store);
	return rc;
}

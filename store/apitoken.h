/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of those who ask over HTTP.  The database has their hashes: who reads it cannot use
 * them.  One that is revoked is no longer there; the audit says who did that.
 */
#ifndef STORE_APITOKEN_H
#define STORE_APITOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "store/store.h"

/* Each may what those before it may. */
enum api_role { API_NONE, API_READ, API_EDIT, API_ADMIN };
extern const char *const api_role_word[API_ADMIN + 1];
/* False for a word that is none of read, edit and admin. */
bool api_role_parse(const char *word, enum api_role *out);

enum {
	APITOKEN_MAX = 1000,	    /* that are kept */
	APITOKEN_USED_MS = 3600000, /* their last use is known to this much */
};

struct apitoken_row {
	int64_t id;
	enum api_role role;
	const char *name; /* unique */
	int64_t made_ms, expires_ms, used_ms;
};

/*
 * NAME is 1 to 64 of [A-Za-z0-9._@-], or "" for one that the id makes: "token-7".  Sets *ID.
 * -EINVAL, -EEXIST for a name that another has, -EDQUOT for too many; all with words.  Those
 * that have expired for a month go.
 */
int apitoken_add(struct store *s, const uint8_t hash[32], const struct apitoken_row *row,
		 int64_t *id, struct err *e);
/* By name, else by id: 1 if it was there, 0 if not. */
int apitoken_remove(struct store *s, const char *which, struct err *e);
/* Whom a token with this hash makes: 1 with NAME and ROLE, 0: nobody, or it has expired. */
enum { APITOKEN_NAME = 65 };
int apitoken_find(struct store *s, const uint8_t hash[32], int64_t now_ms, enum api_role *role,
		  char name[APITOKEN_NAME], bool *stale, struct err *e);
/* *STALE of the above: its last use should be written. */
int apitoken_used(struct store *s, const uint8_t hash[32], int64_t now_ms, struct err *e);

typedef int apitoken_fn(const struct apitoken_row *row, void *ctx);
/* By id. */
int query_apitokens(struct store *s, apitoken_fn *fn, void *ctx, struct err *e);

#endif

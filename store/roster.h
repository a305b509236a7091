/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensors and tokens that there are, for people, and what people decide about them: each
 * change is one transaction with its row in the audit (audit.h), of which WHO is the author.
 * Strings are from sensors and valid UTF-8, borrowed during the call.
 */
#ifndef STORE_ROSTER_H
#define STORE_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "store/store.h"

enum {
	ROSTER_SILENT_MS = 5 * 60000, /* a sensor that watches says something every minute */
	ROSTER_TOKEN_ID = 12,	      /* letters that a token is called by */
};

struct roster_sensor {
	const char *name, *role, *host;
	const char *machine;   /* the ident that it speaks for, "" for none */
	const char *called;    /* the machine's name */
	const char *claims;    /* ident that it says it is, while it is another's; "" */
	const char *holder;    /* the sensor that speaks for that one */
	const char *cloned;    /* words; "" */
	bool revoked, renewed; /* renewed: the next certificate was issued and not yet used */
	int64_t first_ms, last_ms, expires_ms, issued_ms, cloned_ms;
	uint64_t records, quarantined, rejected, lost, folded;
};

enum roster_state {
	ROSTER_OK,
	ROSTER_NEW, /* has sent nothing yet */
	ROSTER_SILENT,
	ROSTER_EXPIRED, /* its certificate has ended */
	ROSTER_PENDING, /* says it is a machine for which another speaks */
	ROSTER_CLONED,	/* two with this identity at once */
	ROSTER_REVOKED,
};
/* Pure; what needs a person goes first. */
enum roster_state roster_state(const struct roster_sensor *x, int64_t now_ms);
const char *roster_state_word(enum roster_state state);

typedef int roster_sensor_fn(const struct roster_sensor *x, void *ctx);
/*
 * The sensors that were enrolled, by name; or the one called NAME (1 if there is one, 0 if
 * not).  Ends early with what FN returns if that is not 0.
 */
int roster_sensors(struct store *s, const char *name, roster_sensor_fn *fn, void *ctx,
		   struct err *e);

/* -ENOENT: no such sensor.  -EALREADY: it is revoked. */
int roster_revoke(struct store *s, const char *who, const char *sensor, uint64_t now_ms,
		  struct err *e);
/*
 * A person has looked: a pending sensor speaks for the machine from now on, in the place of
 * the one that did, and a clone's alarm is cleared.  -ENOENT: no such sensor; -EPERM: it is
 * revoked; -EALREADY: there was nothing to decide.
 */
int roster_allow(struct store *s, const char *who, const char *sensor, uint64_t now_ms,
		 struct err *e);

/* What a token with this hash is called. */
void roster_token_id(const uint8_t hash[32], char id[ROSTER_TOKEN_ID + 1]);

struct roster_token {
	char id[ROSTER_TOKEN_ID + 1]; /* the first letters of its hash in hex */
	const char *role, *cidr;      /* cidr "": from anywhere */
	int64_t created_ms, expires_ms;
	uint64_t uses, used; /* left, and taken */
};
typedef int roster_token_fn(const struct roster_token *t, void *ctx);
/* Those that are not long over, the newest first. */
int roster_tokens(struct store *s, roster_token_fn *fn, void *ctx, struct err *e);
/* -ENOENT: none is called ID; -EINVAL: more than one, or ID is too short. */
int roster_token_revoke(struct store *s, const char *who, const char *id, uint64_t now_ms,
			struct err *e);

#endif

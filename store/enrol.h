/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sensors that may speak, and the tokens that let new ones in, as the collector asks for them.
 * What people see and change of both is in roster.h.
 *
 * Tokens are kept as SHA-256 of their secret, expire, have a number of uses, and may be bound
 * to a network.  A sensor has one certificate, and for a while two: the next one is accepted
 * beside it until it was used once, so that nothing that is lost or killed in between locks
 * the sensor out.
 *
 * Each call is a transaction of its own unless one is open.
 */
#ifndef STORE_ENROL_H
#define STORE_ENROL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/err.h"
#include "store/store.h"

enum { ENROL_HASH = 32, ENROL_ROLE = 16 };

struct enrol_token {
	const uint8_t *hash; /* ENROL_HASH bytes */
	const char *role;
	const struct addr_net *from; /* NULL: anywhere */
	uint64_t created_ms, expires_ms;
	unsigned uses;
};
int enrol_token_add(struct store *s, const struct enrol_token *t, struct err *e);

/* What a token gives. */
struct enrol_grant {
	char role[ENROL_ROLE];
};
/*
 * Takes one use of the token: 0 with what it gives, -ENOENT when there is none, -ETIMEDOUT
 * when it has expired, -EDQUOT when it is used up, -EACCES when it is not good for FROM.
 */
int enrol_token_use(struct store *s, const uint8_t hash[ENROL_HASH], const struct addr *from,
		    uint64_t now_ms, struct enrol_grant *out, struct err *e);

struct enrol_sensor {
	const char *name, *role, *host;
	const uint8_t *fingerprint; /* of its certificate, ENROL_HASH bytes */
	uint64_t expires_ms;	    /* of the certificate */
};
/* -EEXIST if the identity is there already. */
int enrol_sensor_add(struct store *s, const struct enrol_sensor *x, uint64_t now_ms,
		     struct err *e);

enum enrol_verdict {
	ENROL_UNKNOWN, /* no such sensor, or no certificate of its; also when it cannot be read
			*/
	ENROL_REVOKED,
	ENROL_REPLACED, /* the certificate before: the next one was used already */
	ENROL_CURRENT,
	ENROL_NEXT, /* renewed, and now used for the first time */
};
/* Fills ROLE for the last two. */
enum enrol_verdict enrol_sensor_check(struct store *s, const char *sensor,
				      const uint8_t fingerprint[ENROL_HASH],
				      char role[ENROL_ROLE]);
/* The next certificate was used: from now on it is the one. */
int enrol_sensor_use_next(struct store *s, const char *sensor,
			  const uint8_t fingerprint[ENROL_HASH], struct err *e);
/*
 * A next certificate, in place of one that was not used yet; -ENOENT if the sensor may not
 * speak.
 */
int enrol_sensor_renew(struct store *s, const char *sensor,
		       const uint8_t fingerprint[ENROL_HASH], uint64_t expires_ms,
		       uint64_t now_ms, struct err *e);
/* Whether it is GAP_MS since its newest certificate was issued. */
bool enrol_sensor_rested(struct store *s, const char *sensor, uint64_t now_ms,
			 uint64_t gap_ms);
/*
 * Two with this identity at once: 1, with a row in the audit.  Stays until a person clears it
 * (roster_allow), and so long it is 0, and the first words stay.
 */
int enrol_sensor_cloned(struct store *s, const char *sensor, const char *words,
			uint64_t now_ms, struct err *e);

/*
 * Calls FN for each sensor that is revoked, if another process has written since *SEEN was
 * set; *SEEN is 0 to begin with.  FN may not use the store.
 */
int enrol_revoked(struct store *s, int64_t *seen, void (*fn)(const char *sensor, void *ctx),
		  void *ctx, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sensors that may speak, and the tokens that let new ones in.  Tokens are kept as SHA-256 of
 * their secret, expire and have a number of uses.  Each call is a transaction of its own
 * unless one is open.
 */
#ifndef STORE_ENROL_H
#define STORE_ENROL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "store/store.h"

int enrol_token_add(struct store *s, const uint8_t hash[32], const char *role,
		    uint64_t expires_ms, unsigned uses, struct err *e);
/*
 * Takes one use of the token: 0 with its ROLE, -ENOENT when there is none, -ETIMEDOUT when it
 * has expired, -EDQUOT when it is used up.
 */
int enrol_token_use(struct store *s, const uint8_t hash[32], uint64_t now_ms, char role[16],
		    struct err *e);
/* A sensor with its certificate's SHA-256; -EEXIST if the identity is there already. */
int enrol_sensor_add(struct store *s, const char *sensor, const char *role, const char *host,
		     const uint8_t fingerprint[32], uint64_t now_ms, struct err *e);
/* True if this sensor is enrolled with this certificate and not revoked; fills ROLE. */
bool enrol_sensor_allowed(struct store *s, const char *sensor, const uint8_t fingerprint[32],
			  char role[16]);

#endif

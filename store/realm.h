/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Realms: address spaces with names.  A sensor is in one, given by the token with which it
 * enrolled or set later; what it sees is in that one.  The first has no name, and number 0.
 * Each call is a transaction of its own unless one is open.
 */
#ifndef STORE_REALM_H
#define STORE_REALM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "store/store.h"

enum { REALM_NAME = 64, REALM_MAX = 1000 };

/* 1 to 63 letters, digits and "-_.", none of which a shell or a page would take for more. */
bool realm_good_name(const char *name);
/* Sensors that this token lets in from now on are in realm NAME, which is made; "": none. */
int realm_token(struct store *s, const uint8_t hash[32], const char *name, struct err *e);
/* A sensor that is new is in the realm of the token that it came with. */
int realm_inherit(struct store *s, const char *sensor, const uint8_t hash[32], struct err *e);
/*
 * From now on what SENSOR sees is in realm NAME; what it has seen stays.  -ENOENT for no such
 * sensor, -EINVAL for a name that is none, -ENOSPC for more than REALM_MAX.
 */
int realm_sensor(struct store *s, const char *sensor, const char *name, struct err *e);

#endif

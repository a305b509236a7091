/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machines, the addresses they say they have, and the leases by which addresses become
 * machines.
 *
 * A machine lists any address; a lease on it in the realm of a site is held by one machine at
 * a time, and taking it over closes the older one and begins a new endpoint.  The any-address
 * in a machine's realm stands for a machine without address.
 */
#ifndef STORE_MACHINE_H
#define STORE_MACHINE_H

#include "common/err.h"
#include "common/fact.h"
#include "store/dict.h"
#include "store/priv.h"

enum {
	MACHINE_SILENT_MS = 600000,
	IDENT_LEN = 1023, /* of one that comes from outside */
};

/* 1 with the number of the machine called IDENT, 0 if there is none. */
int machine_find(struct store *s, const char *ident, int64_t *id, struct err *e);
/* As machine_find, but makes one that has nothing but its name. */
int machine_make(struct store *s, const char *ident, int64_t *id, struct err *e);
/* The sensor that speaks for the machine, 0: none. */
int machine_sensor(struct store *s, int64_t machine, int64_t *sensor, struct err *e);
/* That M's sensor, in REALM, says at AT_MS how things are: attributes, addresses, leases. */
int machine_describe(struct store *s, int64_t machine, int64_t realm, const struct machine *m,
		     int64_t at_ms, struct err *e);
/* CONTESTED: it lists the address, but another one has it. */
int machine_list_address(struct store *s, int64_t machine, const struct addr *a,
			 bool contested, struct err *e);
/* Whether an unrevoked sensor has spoken for the machine within MACHINE_SILENT_MS before
 * AT_MS. */
int machine_heard(struct store *s, int64_t machine, int64_t at_ms, bool *out, struct err *e);

/* P, the newest of its address, is MACHINE's from AT_MS on. */
int machine_lease(struct store *s, struct endpoint *p, int64_t machine, int64_t at_ms,
		  struct err *e);
/* Whether a sensor that is not revoked speaks for the machine, however long ago it did. */
int machine_held(struct store *s, int64_t machine, bool *out, struct err *e);

#endif

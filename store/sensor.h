/* SPDX-License-Identifier: Apache-2.0 */
/* Sensors as the ledger knows them: their rights, and where their run of coverage stands. */
#ifndef STORE_SENSOR_H
#define STORE_SENSOR_H

#include "common/err.h"
#include "common/fact.h"
#include "store/priv.h"
#include "store/skew.h"

struct sensor {
	char *name;
	int64_t id;
	bool host;	 /* role host: may speak for its own addresses only */
	int64_t machine; /* that it speaks for, 0: none yet */
	int64_t covered_ms, run;
	struct skew skew;
	int64_t jumps; /* times that its clock was set */
	struct sensor_addr {
		struct addr addr;
		bool contested; /* another machine has it: good inside this one only */
	} * addrs;		/* of the machine, sorted */
	size_t addrs_n;
	UT_hash_handle hh;
};

/* The sensor called NAME, made with the role host if nobody enrolled it. */
int sensor_get(struct store *s, const char *name, int64_t now_ms, struct sensor **out,
	       struct err *e);
/* After its machine or addresses changed. */
int sensor_reload(struct store *s, struct sensor *x, struct err *e);
/* The machine lists it; and, for sensor_speaks, no other has it. */
bool sensor_owns(const struct sensor *x, const struct addr *a);
bool sensor_speaks(const struct sensor *x, const struct addr *a);
/* Of a machine, from memory after the first time; 0: none. */
int sensor_of_machine(struct store *s, int64_t machine, int64_t *sensor, struct err *e);
/* SENSOR speaks for MACHINE from now on, and for no other. */
int sensor_bind(struct store *s, struct sensor *x, int64_t machine, struct err *e);

void sensor_free(struct sensor_cache *c);

#endif

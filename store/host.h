/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host's sensor tells besides edges: its capture rate, how busy its machine is, what
 * the machine consists of and what it translates.  Each returns 0 or a negative errno; *GOOD
 * says whether the record made sense.
 */
#ifndef STORE_HOST_H
#define STORE_HOST_H

#include <stdbool.h>

#include "common/err.h"
#include "common/fact.h"
#include "store/sensor.h"

enum {
	HOST_NAMESPACES = 1024,	   /* of one sensor; what comes after is namespace 0 */
	HOST_TRANSLATIONS = 16384, /* of one sensor; what comes after is not kept */
};

int host_capture(struct store *s, const struct sensor *x, const struct capture *c, bool *good,
		 struct err *e);
enum host_fate { HOST_TAKEN, HOST_REJECTED, HOST_FOLDED /* beyond the quota: not kept */ };
int host_usage(struct store *s, struct sensor *x, const struct usage *u, enum host_fate *fate,
	       struct err *e);
int host_translation(struct store *s, const struct sensor *x, const struct translation *t,
		     bool *good, struct err *e);
/* The machine's inventory in place of the one before; what is no JSON object changes nothing.
 */
int host_inventory(struct store *s, int64_t machine, const char *text, struct err *e);

#endif

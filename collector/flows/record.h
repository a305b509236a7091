/* SPDX-License-Identifier: Apache-2.0 */
/* One record of a data set, read by its template: the values that mean something here. */
#ifndef COLLECTOR_FLOWS_RECORD_H
#define COLLECTOR_FLOWS_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/flows/field.h"
#include "collector/flows/template.h"
#include "common/addr.h"
#include "common/cur.h"

struct record {
	uint64_t has; /* a bit for each field that was there, be it 0 */
	uint64_t number[FIELD_NUMBERS];
	struct addr addr[FIELD_ADDRESSES - FIELD_SRC];
	const uint8_t *frame; /* borrowed; NULL: there is none */
	uint16_t frame_len;
};

static inline bool record_has(const struct record *r, enum field f)
{
	return r->has >> f & 1;
}
/* 0 when it is not there. */
static inline uint64_t record_number(const struct record *r, enum field f)
{
	return record_has(r, f) ? r->number[f] : 0;
}
/* NULL when it is not there, or is 0.0.0.0 or ::. */
const struct addr *record_addr(const struct record *r, enum field f);

_Static_assert(FIELD_KINDS <= 64, "a bit of record.has for each");

/* False: C ends within it. */
bool record_read(struct record *r, const struct layout *t, struct cur *c);

#endif

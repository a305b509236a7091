/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates of one exporter and domain: RFC 3954 sections 5.2 and 6.1, RFC 7011 section 3.4.
 *
 * Kept is only what is of use: neighbours that mean nothing here are one gap, elements of no
 * length are left out, so that reading a record takes no more steps than it has bytes.
 */
#ifndef COLLECTOR_FLOWS_TEMPLATE_H
#define COLLECTOR_FLOWS_TEMPLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/flows/budget.h"
#include "collector/flows/field.h"
#include "common/cur.h"

struct template_field {
	uint8_t field, form; /* enum field, enum field_form */
	uint16_t len;	     /* or FIELD_VARIABLE */
};

/* How a record of one template is laid out. */
struct layout {
	uint16_t id;
	bool options;
	bool variable; /* some length is in the records */
	uint32_t len;  /* of a record, bytes; at least, where VARIABLE */
	uint64_t has;  /* a bit for each field */
	uint64_t told_ms, every_ms;
	uint16_t n;
	struct template_field field[];
};

struct templates {
	struct layout **at; /* by id */
	unsigned n, cap;
	uint64_t full_ms; /* when none of them was over */
};

enum template_told {
	TEMPLATE_BAD,	  /* the set makes no sense from here on */
	TEMPLATE_SAME,	  /* is known, was told again */
	TEMPLATE_NEW,	  /* new, or not as it was */
	TEMPLATE_REFUSED, /* beyond a cap, or its records would be empty */
	TEMPLATE_GONE,	  /* withdrawn (RFC 7011 section 8.1) */
};

/* By the ids of the sets they come in. */
enum template_form {
	TEMPLATE_V9 = 0,
	TEMPLATE_V9_OPTIONS = 1,
	TEMPLATE_IPFIX = 2,
	TEMPLATE_IPFIX_OPTIONS = 3
};

/* Reads one template from C; OUT is set for SAME and NEW, and good until the next call. */
enum template_told template_learn(struct templates *t, struct budget *b,
				  enum template_form form, struct cur *c, uint64_t now_ms,
				  const struct layout **out);
/* NULL: not told, or too long ago. */
const struct layout *template_find(const struct templates *t, uint16_t id, uint64_t now_ms);
void templates_forget(struct templates *t, struct budget *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of the traffic an exporter samples, as its options data says: for a sampler
 * (selector), for an interface, or for all of it.
 */
#ifndef COLLECTOR_FLOWS_RATES_H
#define COLLECTOR_FLOWS_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/flows/budget.h"
#include "collector/flows/record.h"

struct rate {
	uint64_t key;
	uint32_t one_in;
};

struct rates {
	struct rate *at; /* by key */
	unsigned n, cap;
	unsigned samplers; /* of them */
	uint32_t all;	   /* for what has none of its own; 0: not told */
};

/* The rate that a record itself tells; 0: none. */
uint32_t rates_of_record(const struct record *r);
/* Learns from a record of options data; false: beyond a cap. */
bool rates_learn(struct rates *t, struct budget *b, const struct record *r);
/* What holds for a record of a flow; 0: not told. */
uint32_t rates_find(const struct rates *t, const struct record *r);
void rates_forget(struct rates *t, struct budget *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order in which edges are given out: by client name, server name, port, then processes,
 * then addresses.  Edges are many and names few, so names are ranked once and edges compared
 * by numbers.  Keys are equal where nothing that is printed differs.
 */
#ifndef STORE_ORDER_H
#define STORE_ORDER_H

#include "store/known.h"

struct order {
	const struct known *known;
	uint32_t *label, *place, *process; /* ranks from 1, by index in KNOWN */
};

/* What an edge is between, in numbers of the dictionary. */
struct order_place {
	int64_t client, client_process, server, server_process;
	uint16_t port;
	uint8_t proto;
};

enum { ORDER_KEYS = 7 };
struct order_key {
	uint32_t v[ORDER_KEYS];
};

void order_init(struct order *o, const struct known *k);
void order_fini(struct order *o);
struct order_key order_key(const struct order *o, const struct order_place *p);
int order_compare(const struct order_key *x, const struct order_key *y);

#endif

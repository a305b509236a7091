/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of data whose template has not come yet, of one exporter and domain: UDP changes the
 * order, and a collector that has just started knows no template.
 */
#ifndef COLLECTOR_FLOWS_WAITING_H
#define COLLECTOR_FLOWS_WAITING_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/flows/budget.h"
#include "collector/flows/foreign.h"
#include "common/cur.h"

/* What the head of their datagram said. */
struct export_head {
	uint64_t received_ms;
	uint64_t export_ms; /* by the exporter's clock */
	bool has_uptime;
	uint32_t uptime_ms;
};

struct waiting_set {
	struct export_head head;
	uint16_t id; /* of its template */
	uint16_t len;
	uint8_t body[];
};

struct waiting {
	struct waiting_set *at[FOREIGN_WAITING]; /* oldest first */
	unsigned n, bytes;
};

/* Keeps a copy; returns how many sets (this one, or older ones) were given up. */
unsigned waiting_put(struct waiting *w, struct budget *b, const struct export_head *head,
		     uint16_t id, struct cur body);
/* The oldest one of ID, the caller's to free; NULL when there is none. */
struct waiting_set *waiting_take(struct waiting *w, struct budget *b, uint16_t id);
/* All are given up; returns how many. */
unsigned waiting_forget(struct waiting *w, struct budget *b);

#endif

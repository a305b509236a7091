/* SPDX-License-Identifier: Apache-2.0 */
/* The connections between groups of a plan, each pair of client and server once. */
#ifndef GRAPH_BETWEEN_H
#define GRAPH_BETWEEN_H

#include "graph/plan.h"

struct between {
	unsigned client, server; /* groups of the plan, never the same */
	uint64_t connections;	 /* that worked or are open, over the whole window; above 0 */
};

/* By client, then server; the caller frees. */
struct between *between_groups(const struct graph *g, const struct plan *p, unsigned *n);
/* Connections of an edge that worked, or are open now: 0 where all failed. */
uint64_t between_worked(const struct graph_edge *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edges of a graph added up between whatever its machines are put into: themselves, or
 * the groups of a plan.
 */
#ifndef GRAPH_ARROWS_H
#define GRAPH_ARROWS_H

#include "graph/model.h"
#include "graph/plan.h"

enum { ARROW_PORTS = 3 };

struct arrow_port {
	uint8_t proto;
	uint16_t port; /* 0: dynamic */
	uint64_t opens;
};

/* All edges from one to another. */
struct arrow {
	unsigned client, server;
	unsigned edges;
	struct counters c;
	uint64_t live;
	int64_t first, last;
	struct arrow_port port[ARROW_PORTS]; /* most opens first */
	unsigned port_n;		     /* how many there are; PORT holds the first */
};

struct arrows {
	struct arrow *arrow; /* by client, then server */
	unsigned arrow_n;
};

/*
 * OF says for each machine where it is put, PLAN_NONE: nowhere; NULL: each for itself.  Edges
 * that stay in one place, or have an end nowhere, are left out.
 */
struct arrows *arrows_of(const struct graph *g, const unsigned *of);
void arrows_free(struct arrows *b);

#endif

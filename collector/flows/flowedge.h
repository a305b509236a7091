/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What exporters told, added up by edge and minute until it is handed on.  A bounded table.
 * Pure.
 */
#ifndef COLLECTOR_FLOWS_FLOWEDGE_H
#define COLLECTOR_FLOWS_FLOWEDGE_H

#include "collector/flows/flowconn.h"
#include "common/fact.h"

enum { FLOWEDGE_MINUTES = 120 }; /* a longer flow is told as of its last two hours */

struct flowedge_table;

struct flowedge_table *flowedge_new(unsigned cap, uint64_t seed);
void flowedge_free(struct flowedge_table *t);

/*
 * What NEWS says of C.  Bytes are spread evenly over the minutes of the flow, to the byte;
 * everything else stands in the first.  False: there was no room for some of it.
 */
bool flowedge_add(struct flowedge_table *t, const struct flowconn *c,
		  const struct flowconn_news *news);

typedef void flowedge_fn(unsigned exporter, const struct flow *f, void *ctx);
/* All of them, exporter by exporter, in an order that depends on nothing but them; then none
 * are left. */
void flowedge_take(struct flowedge_table *t, flowedge_fn *fn, void *ctx);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the hand-over document (docs/handover.md), each a value of the object that J
 * has open.
 */
#ifndef GRAPH_EXPORT_JSON_H
#define GRAPH_EXPORT_JSON_H

#include "common/json.h"
#include "graph/export.h"

typedef void handover_fn(const struct export *x, struct export_sink *s, struct json *j);

handover_fn handover_machines, handover_groups, handover_shared, handover_waves,
	handover_order, handover_cuts, handover_edges;
/* An edge as the exchange format has it, with days, groups and, above 0, the tie's weight. */
void handover_edge(const struct export *x, struct json *j, unsigned edge, double weight);

void handover_text(struct json *j, const char *key, const char *s); /* "" is null */
void handover_uint(struct json *j, const char *key, uint64_t v);
void handover_known(struct json *j, const char *key, uint64_t v); /* 0 is null */
void handover_time(struct json *j, const char *key, int64_t v);	  /* 0 is null */
void handover_real(struct json *j, const char *key, double v);
void handover_number(struct json *j, double v); /* a value alone */
void handover_group_name(const struct export *x, struct json *j, const char *key,
			 unsigned group); /* PLAN_NONE is null */
/* After each element of a list: a line of its own, and what is full goes out. */
void handover_next(struct export_sink *s);

#endif

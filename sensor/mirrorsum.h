/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From connections of a mirror to edges, by the sums of edgetab.h: what a mirror saw is told
 * as the client's side of an edge, of no process.  Pure; several tables of connections may
 * feed one of these, under a lock of the caller.
 *
 *     mirrorsum_over(...)*   whenever a connection is over
 *     mirrorsum_begin(s); mirrorsum_live(...)* of every table; mirrorsum_emit(...)
 */
#ifndef SENSOR_MIRRORSUM_H
#define SENSOR_MIRRORSUM_H

#include "common/fact.h"
#include "sensor/mirror/flowtab.h"

struct mirrorsum;

/* At most CAP edges. Times before BASE_MS, the begin of the watch, are told as that. */
struct mirrorsum *mirrorsum_new(unsigned cap, uint64_t base_ms);
void mirrorsum_free(struct mirrorsum *s);

void mirrorsum_over(struct mirrorsum *s, const struct flow_over *f);
void mirrorsum_begin(struct mirrorsum *s);
void mirrorsum_live(struct mirrorsum *s, const struct flow_over *f);
typedef void mirrorsum_fn(void *ctx, const struct flow *f);
/* Edges with news, in an order that depends on nothing but them. */
void mirrorsum_emit(struct mirrorsum *s, uint64_t start_ms, uint64_t end_ms, mirrorsum_fn *fn,
		    void *ctx);
/* Something told before was lost: how many are open is told again. */
void mirrorsum_retell(struct mirrorsum *s);
/* Connections that found no room since the last call. */
uint64_t mirrorsum_overflow(struct mirrorsum *s);
unsigned mirrorsum_count(const struct mirrorsum *s);

#endif

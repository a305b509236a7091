/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edges of this host, from what the kernel says of processes to flow records: pure.
 *
 * The kernel counts by pid and reports closed connections as amounts and open ones as totals
 * so far.  This table puts pids of one identity together and turns both into what is new since
 * the last interval.  For bytes it keeps, per edge, what closed connections carried, what open
 * ones carry now, and what has been reported of the two: the difference is new.  A connection
 * that closes while the open ones are read is missing from both for an interval; then the sum
 * is lower than what was reported, nothing is new, and the next interval makes up for it.  So
 * an amount is never negative, and in the end exact.
 *
 * Loopback and link-local addresses mean something within one network namespace only: there
 * the namespace is part of the edge (`scope`), elsewhere it is not.
 *
 *     edgetab_begin(t);  edgetab_live(...)*  edgetab_closed(...)*  edgetab_emit(t, now, fn,
 * ctx)
 */
#ifndef SENSOR_EDGETAB_H
#define SENSOR_EDGETAB_H

#include "bpf/event.h"
#include "common/fact.h"
#include "sensor/owner.h"

struct edgetab;

/* At most CAP edges; what comes after is counted in edgetab_overflow. */
struct edgetab *edgetab_new(unsigned cap);
void edgetab_free(struct edgetab *t);

/* Times in the records are boot time; BOOT_MS (wall clock at boot) makes them UTC. */
void edgetab_begin(struct edgetab *t, uint64_t boot_ms);
void edgetab_closed(struct edgetab *t, const struct edge_key *key, const struct edge_val *val,
		    struct owner_process *owner);
/* Without an owner it is open, but its bytes wait: they would be told again of the one it has.
 */
void edgetab_live(struct edgetab *t, const struct live_record *r, struct owner_process *owner);

/*
 * Every edge of which something is new (amounts, or how many are open), in an order that
 * depends on nothing but the edges.  FLOW's processes are NULL; OWNER is its own end's.
 */
typedef void edgetab_fn(const struct flow *flow, struct owner_process *owner, void *ctx);
void edgetab_emit(struct edgetab *t, uint64_t start_ms, uint64_t end_ms, edgetab_fn *fn,
		  void *ctx);

/* Something told before was lost: how many are open is told again of every edge. */
void edgetab_retell(struct edgetab *t);

/* Connections that found no room since the last call. */
uint64_t edgetab_overflow(struct edgetab *t);
unsigned edgetab_count(const struct edgetab *t);

#endif

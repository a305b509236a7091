/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exporters that were heard, each of which speaks to the ledger as a sensor of its own
 * ("flow:10.0.0.1"), with an epoch a run and a sequence: their edges, the minutes in which
 * they were heard, and what got lost.  No clock; epochs are random.
 */
#ifndef COLLECTOR_FLOWTELL_H
#define COLLECTOR_FLOWTELL_H

#include "common/fact.h"
#include "common/wire.h"

enum {
	FLOWTELL_EXPORTERS = 1024,
	FLOWTELL_SILENT_MS = 30 * 60 * 1000, /* its place may be another's after that */
	FLOWTELL_BODY = 48 << 10,	     /* a batch that is longer is closed */
	FLOWTELL_COVERS = 16,		     /* stretches that wait to be told */
};

/* B lies with its frame in FRAME[0..N); both are borrowed. */
typedef void flowtell_fn(const struct addr *exporter, const struct wire_batch *b,
			 const uint8_t *frame, size_t n, void *ctx);

struct flowtell;
struct flowtell *flowtell_new(flowtell_fn *fn, void *ctx);
void flowtell_free(struct flowtell *t);

/* The number of an exporter; -ENOSPC: as many are heard as may be. */
int flowtell_number(struct flowtell *t, const struct addr *a, uint64_t now_ms);
/* A datagram of exporter N came, before which MISSED records did not. */
void flowtell_heard(struct flowtell *t, int n, uint64_t now_ms, uint64_t missed);
void flowtell_sampled(struct flowtell *t, int n);
/* RECORDS of it are gone. */
void flowtell_lost(struct flowtell *t, int n, uint64_t records);
/* So are those since FROM_MS that a process before this one held, at least RECORDS; it is told
 * even if that is 0. */
void flowtell_gap(struct flowtell *t, int n, uint64_t from_ms, uint64_t records);
unsigned flowtell_count(const struct flowtell *t);

/* Edges, those of one exporter together; then, for all, what else there is to tell. */
void flowtell_edge(struct flowtell *t, int n, const struct flow *f, uint64_t now_ms);
/* LAST: the minute that is not over as well. */
void flowtell_end(struct flowtell *t, uint64_t now_ms, bool last);

#endif

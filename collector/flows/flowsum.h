/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the records of exporters to edges: both ways of a connection put together, copies left
 * out, client and server told apart, openings counted once.  Pure: time comes in.
 *
 * A record is held back for a while, since the way back comes in another record, and since it
 * may show meanwhile who serves.  What is told stays known for some minutes, so that a long
 * connection that is told piece by piece opens once.  All tables are bounded: where the
 * connections find no room, the one that waits longest is told early; where the edges find
 * none, what does not fit is counted and gone.
 */
#ifndef COLLECTOR_FLOWS_FLOWSUM_H
#define COLLECTOR_FLOWS_FLOWSUM_H

#include "collector/flows/flowedge.h"
#include "collector/flows/foreign.h"

enum {
	FLOWSUM_HOLD_MS = 30000,
	FLOWSUM_KNOWN_MS = 180000, /* after what was heard last */
	FLOWSUM_EXPORTERS = 1024,  /* numbers below that */
	FLOWSUM_CONNS = 131072,
	FLOWSUM_EDGES = 65536,
};

struct flowsum_stats {
	uint64_t records;
	uint64_t copies;    /* not counted: another record told of the same packets */
	uint64_t protocols; /* not counted: neither TCP nor UDP, or a fragment without ports */
	uint64_t denied;    /* not counted: a firewall refused it */
	uint64_t odd;	    /* not counted: no address, or numbers that make no sense */
	uint64_t clocks;    /* times that are not believed: taken as of now */
	uint64_t early;	    /* told before the other way may have come: no room */
	uint64_t lost;	    /* gone: no room among the edges */
	uint64_t conns;	    /* now */
};

struct flowsum;
struct flowsum *flowsum_new(unsigned conns, unsigned edges, uint64_t seed);
void flowsum_free(struct flowsum *s);

/* F came from EXPORTER, a number of the caller's, at NOW_MS. */
void flowsum_add(struct flowsum *s, unsigned exporter, const struct foreign_flow *f,
		 uint64_t now_ms);
/* What has been held long enough at NOW_MS is added to the edges; UINT64_MAX: everything. */
void flowsum_settle(struct flowsum *s, uint64_t now_ms);
/* The edges, and then there are none. */
void flowsum_take(struct flowsum *s, flowedge_fn *fn, void *ctx);
/* Records and connections of EXPORTER that were lost since it was asked last. */
uint64_t flowsum_lost(struct flowsum *s, unsigned exporter);
struct flowsum_stats flowsum_stats(const struct flowsum *s);

#endif

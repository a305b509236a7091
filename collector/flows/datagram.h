/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the decoders: one datagram on its way through them. */
#ifndef COLLECTOR_FLOWS_DATAGRAM_H
#define COLLECTOR_FLOWS_DATAGRAM_H

#include "collector/flows/exporter.h"
#include "collector/flows/foreign.h"
#include "common/cur.h"

struct frame_seen;

struct foreign {
	struct exporters exporters;
	struct foreign_stats stats;
};

struct datagram {
	struct foreign *f;
	struct exporter *e; /* once its head was read */
	const struct addr *from;
	struct export_head head;
	uint32_t records; /* so far */
	bool uncounted;	  /* and there was a set of no known template */
	bool late;	  /* its successors came before it */
	bool bad;	  /* makes no sense from some byte on */
	foreign_fn *fn;
	void *ctx;
};

/*
 * Finds the exporter of D's datagram, and whether it has restarted since the one before.  D's
 * head is set.  False: beyond the cap.
 */
bool datagram_begin(struct datagram *d, enum foreign_kind kind, const struct addr *agent,
		    uint32_t domain);
/* The exporter's clock less ours; HALF_MS: what its rounding down takes away, on average. */
void datagram_clock(struct datagram *d, unsigned half_ms);
void datagram_sequence(struct datagram *d, uint32_t number, enum sequence_unit unit);
/* At the end, when `records`, `uncounted` and `bad` say what it held. */
void datagram_end(struct datagram *d);
/* A time of the exporter's sysUpTime, in ms since 1970 by its clock; 0: before that. */
uint64_t datagram_since_1970(const struct datagram *d, uint32_t up_ms);
/* Ends, protocol and flags of FLOW are those of a packet that was exported. */
void datagram_packet(struct foreign_flow *flow, const struct frame_seen *seen);
/*
 * Tells a flow, or counts that it is none.  It may be as it was told: ports and flags of
 * protocols that have none, times the wrong way round; of the translation what was told.
 */
void datagram_flow(struct datagram *d, struct foreign_flow *flow);

/* Each reads the whole of a datagram; D's `bad` says how it ended. */
void netflow5_read(struct datagram *d, struct cur c);
void netflow9_read(struct datagram *d, struct cur c);
void ipfix_read(struct datagram *d, struct cur c);
void sflow_read(struct datagram *d, struct cur c);

/* sets.c: all sets of v9 or IPFIX; TEMPLATES is how its templates are written. */
void sets_read(struct datagram *d, struct cur c, enum template_form templates);

/* flow.c: the flow that a record tells. */
void flow_of_record(const struct datagram *d, const struct record *r,
		    struct foreign_flow *out);

#endif

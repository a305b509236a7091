/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows as routers and switches export them over UDP: NetFlow v5 and v9, IPFIX, sFlow v5.
 *
 * Pure: one datagram in, flow records out, no clock and no I/O.  Nothing in here is
 * authenticated; every table has a cap, every thing that was not understood a counter.
 */
#ifndef COLLECTOR_FLOWS_FOREIGN_H
#define COLLECTOR_FLOWS_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

enum foreign_kind {
	FOREIGN_NETFLOW5,
	FOREIGN_NETFLOW9,
	FOREIGN_IPFIX,
	FOREIGN_SFLOW,
	FOREIGN_KINDS
};

/* One record of an exporter: what went from SRC to DST, as counted there. */
struct foreign_flow {
	enum foreign_kind kind;
	uint32_t domain; /* source id, observation domain, sub-agent */
	uint8_t proto;
	uint16_t sport, dport;
	struct addr src, dst;
	bool has_tcp_flags;
	uint16_t tcp_flags;	 /* all of its packets, or'ed */
	uint64_t bytes, packets; /* IP bytes, headers too; not scaled by the sampling */
	bool has_reverse;	 /* RFC 5103: of the way back */
	uint64_t reverse_bytes, reverse_packets;
	uint64_t first_ms, last_ms; /* 0: the exporter does not tell */
	uint32_t sampling;	    /* 1 packet in so many; 1: all of them; 0: not told */
	bool has_nat; /* the same after translation; what is not told is as before */
	struct addr nat_src, nat_dst;
	uint16_t nat_sport, nat_dport;
};

struct foreign_stats {
	uint64_t datagrams, flows;
	uint64_t malformed;   /* datagrams, of which what stood before was taken */
	uint64_t unknown;     /* datagrams of no known version */
	uint64_t no_template; /* sets of data whose template has not come yet */
	uint64_t templates;   /* learnt or changed */
	uint64_t refused;     /* templates and exporters beyond a cap */
	uint64_t missed;      /* flows or packets that sequence numbers say were not seen */
	uint64_t no_address;  /* records that are of no flow between two addresses */
};

struct foreign;

/* CAP_EXPORTERS: (address, domain) pairs that are remembered. */
struct foreign *foreign_new(unsigned cap_exporters);
void foreign_free(struct foreign *f);

typedef void foreign_fn(const struct foreign_flow *flow, void *ctx);

/*
 * One datagram from EXPORTER; FN is called for each flow.  0; -EPROTO when it makes no sense
 * from some byte on (what stood before has been told).
 */
int foreign_decode(struct foreign *f, const struct addr *exporter, const uint8_t *p, size_t n,
		   uint64_t received_ms, foreign_fn *fn, void *ctx);
struct foreign_stats foreign_stats(const struct foreign *f);
/* Clock of the exporter less ours at its last datagram, ms; false if it has told none. */
bool foreign_skew(const struct foreign *f, const struct addr *exporter, int64_t *ms);

#endif

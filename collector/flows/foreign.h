/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows as routers, switches and firewalls export them over UDP: NetFlow v5 and v9 (RFC 3954),
 * IPFIX (RFC 7011, RFC 5103), sFlow v5 (sflow.org).  docs/flows.md says what is understood.
 *
 * Pure: one datagram in, flow records out, no clock and no I/O.  Nothing in here is
 * authenticated: numbers, times and addresses are as the exporter told them, and may be
 * absurd.  Every table has a cap, every thing that was not understood a counter.
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

/*
 * What a record is of.  Firewalls tell a connection more than once; its bytes stand in one of
 * these records only, so that they may be added up.
 */
enum foreign_event {
	FOREIGN_TRAFFIC, /* packets that went by since the record before */
	FOREIGN_CREATED, /* a connection begins; no bytes */
	FOREIGN_UPDATED, /* one that was created before goes on */
	FOREIGN_ENDED,	 /* it is over, created before or not */
	FOREIGN_DENIED, /* a firewall refused it, or the packet was dropped: no proof of use */
};

enum foreign_end {
	FOREIGN_END_UNTOLD,
	FOREIGN_END_SRC,
	FOREIGN_END_DST,
};

enum foreign_way {
	FOREIGN_WAY_UNTOLD,
	FOREIGN_INGRESS,
	FOREIGN_EGRESS,
};

/* One record of an exporter: what went from SRC to DST, as counted there. */
struct foreign_flow {
	enum foreign_kind kind;
	uint32_t domain; /* source id, observation domain, sub-agent, engine */
	enum foreign_event event;
	uint8_t proto;
	uint16_t sport, dport; /* 0: none (a later fragment, ICMP), or not told */
	struct addr src, dst;
	bool has_tcp_flags;
	uint16_t tcp_flags;	 /* all of its packets, or'ed; with has_reverse, SRC's */
	uint64_t bytes, packets; /* IP bytes, headers too; not scaled by the sampling */
	bool payload;		 /* the bytes are of layer 4's payload, without headers */
	bool has_reverse;	 /* RFC 5103 and its like: of the way back */
	uint64_t reverse_bytes, reverse_packets;
	enum foreign_end began; /* who opened the connection, where the exporter tells */
	bool goes_on;		/* cut by the active timeout: the same flow will come again */
	uint64_t first_ms, last_ms; /* since 1970 by the exporter's clock; 0: not told */
	bool has_skew;
	int64_t skew_ms;      /* the exporter's clock less ours, to about half a second */
	uint32_t sampling;    /* 1 packet in so many; 1: all of them; 0: not told */
	enum foreign_way way; /* the exporter may tell one packet at both of its interfaces */
	uint32_t in_if, out_if; /* 0: not told */
	bool has_nat;		/* translated: the same afterwards, and it differs */
	struct addr nat_src, nat_dst;
	uint16_t nat_sport, nat_dport;
};

struct foreign_stats {
	uint64_t datagrams, flows;
	uint64_t malformed;   /* datagrams, of which what stood before was taken */
	uint64_t unknown;     /* datagrams of no known version */
	uint64_t no_template; /* sets of data given up, as their template did not come */
	uint64_t templates;   /* learnt or changed */
	uint64_t refused;     /* templates, rates and exporters beyond a cap */
	uint64_t missed;      /* flows or packets that sequence numbers say were not seen */
	uint64_t late;	      /* datagrams that came after their successors: in MISSED too */
	uint64_t no_address;  /* records that are of no flow between two addresses */
	/* now */
	uint64_t waiting;   /* sets of data whose template has not come yet */
	uint64_t exporters; /* (address, domain) pairs remembered */
	uint64_t bytes;	    /* held for templates, rates and waiting sets */
};

struct foreign;

enum {
	/*
	 * A template that was not told again for so long is forgotten: 30 minutes, or three
	 * times what lies between two tellings, whichever is longer (RFC 7011 section 8.4 asks
	 * for three times; a Cisco ASA tells its own every 30 minutes).
	 */
	FOREIGN_TEMPLATE_MS = 30 * 60 * 1000,
	FOREIGN_TEMPLATES = 256,       /* of one exporter and domain */
	FOREIGN_FIELDS = 256,	       /* in one template */
	FOREIGN_RATES = 256,	       /* sampling rates of one exporter and domain */
	FOREIGN_WAITING = 16,	       /* sets of data, of one exporter and domain ... */
	FOREIGN_WAITING_BYTES = 16384, /* ... and their bytes */
	FOREIGN_BYTES = 64 << 20,      /* for all of these, of all exporters */
};

/*
 * CAP_EXPORTERS: (address, domain) pairs that are remembered.  One more takes the place of the
 * one that was silent longest, if that is FOREIGN_TEMPLATE_MS at least; else it is refused.
 */
struct foreign *foreign_new(unsigned cap_exporters);
void foreign_free(struct foreign *f);

/* FLOW is the caller's until it returns; it must not call back into F. */
typedef void foreign_fn(const struct foreign_flow *flow, void *ctx);

/*
 * One datagram from EXPORTER; FN is called for each flow, those that waited for a template
 * that came in it too.  0; -EPROTO when it makes no sense from some byte on (what stood before
 * has been told); -ENOSPC when its exporter is beyond the cap.
 */
int foreign_decode(struct foreign *f, const struct addr *exporter, const uint8_t *p, size_t n,
		   uint64_t received_ms, foreign_fn *fn, void *ctx);
/* Goes through all that is remembered: nothing for each datagram. */
struct foreign_stats foreign_stats(const struct foreign *f);
/* Of these, MISSED alone. */
uint64_t foreign_missed(const struct foreign *f);

/* One pair of address and domain that is remembered. */
struct foreign_exporter {
	struct addr addr;
	enum foreign_kind kind;
	uint32_t domain;
	uint64_t first_ms, last_ms; /* received */
	uint64_t datagrams, flows, missed;
	unsigned templates, waiting;
	uint32_t sampling; /* of its last flow; 0: not told */
	bool has_skew;
	int64_t skew_ms;
};
typedef void foreign_exporter_fn(const struct foreign_exporter *e, void *ctx);
/* The one that was silent longest first. */
void foreign_each(const struct foreign *f, foreign_exporter_fn *fn, void *ctx);
/* Clock of the exporter less ours at its last datagram, ms; false if it has told none. */
bool foreign_skew(const struct foreign *f, const struct addr *exporter, int64_t *ms);

#endif

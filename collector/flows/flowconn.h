/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection, or one exchange over UDP, as one exporter tells it: its two ways put
 * together, who is the client, and what became of it.  Pure.
 */
#ifndef COLLECTOR_FLOWS_FLOWCONN_H
#define COLLECTOR_FLOWS_FLOWCONN_H

#include "collector/flows/fanin.h"
#include "collector/flows/flowway.h"
#include "collector/flows/foreign.h"
#include "common/fact.h"
#include "common/listeners.h"

enum {
	FLOWCONN_PAUSE_MS = 10000, /* UDP: what comes later is another exchange */
	FLOWCONN_UNKNOWN = -1,
};

struct flowend {
	struct addr addr;
	uint16_t port;
};
static inline bool flowend_eq(const struct flowend *a, const struct flowend *b)
{
	return a->port == b->port && addr_eq(&a->addr, &b->addr);
}

struct flowconn {
	uint16_t exporter;
	uint8_t proto;
	struct flowend end[2];
	struct flowway way[2]; /* [i]: what end i sent */
	int client;	       /* an end, by what it sent itself; or FLOWCONN_UNKNOWN */
	bool has_flags;
	bool by_event; /* a firewall tells when it begins */
	bool goes_on;
	bool bare;
	uint32_t sampling; /* 0: every packet was looked at */
	uint64_t begun;	   /* where no SYN tells it */
	uint64_t told_openings, told_begun;
	bool has_nat;
	int nat_by; /* the end whose packets were told with NAT */
	struct flowend nat[2];
};

/* How R is told of C; FROM is the end that sent it.  False: nothing in it was new. */
bool flowconn_add(struct flowconn *c, int from, const struct foreign_flow *f,
		  const struct flowrecord *r, bool creates);
/* Tell first what is there: R begins another connection between the same ends. */
bool flowconn_reopens(const struct flowconn *c, int from, const struct flowrecord *r);

/* What helps to decide who is the client. */
struct flowsigns {
	struct listeners *listeners; /* learnt for certain, of TCP */
	struct fanin *fanin;
};
/* The end that is the client. */
int flowconn_client(const struct flowconn *c, const struct flowsigns *signs);

/* What is new, judged, as the flow of an edge but for minute and amounts over time. */
struct flowconn_news {
	struct counters c; /* all but the bytes */
	uint64_t from_ms, to_ms;
	uint64_t to_server, to_client;
	struct flowend client, server,
		seen; /* as they are; the server as the client sees it */
};
/* False if nothing is.  Afterwards C has told it. */
bool flowconn_tell(struct flowconn *c, const struct flowsigns *signs,
		   struct flowconn_news *out);

#endif

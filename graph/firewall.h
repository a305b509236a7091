/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a firewall between the two sides must let through while the groups of a plan are on
 * both.  A rule is from a client machine to a service that it used: edges whose connections
 * all failed need none, and neither do strangers, who are on no side.
 *
 * A client is meant by all of its addresses (by the one that was seen, where it has more than
 * FIREWALL_ADDRS), a service by the address that it was asked at.  Loopback and link-local
 * addresses cross nothing.  A port that is many in one (0) is FIREWALL_DYNAMIC and above.
 */
#ifndef GRAPH_FIREWALL_H
#define GRAPH_FIREWALL_H

#include "common/addr.h"
#include "common/buf.h"
#include "graph/cut.h"

enum { FIREWALL_ADDRS = 8, FIREWALL_DYNAMIC = 1024, FIREWALL_PORT_MAX = 65535 };

struct firewall_rule {
	unsigned client, server; /* groups, PLAN_NONE for machines in none */
	unsigned client_machine, server_machine;
	struct addr source, destination; /* of one family */
	uint8_t proto;
	uint16_t port, port_to;
	unsigned from, until; /* waves, as cut_pair has them */
	uint64_t connections; /* that worked, over the whole window */
	int64_t last;
};

struct firewall {
	struct firewall_rule *rule; /* sorted, none twice */
	size_t rule_n;
	unsigned without; /* edges of which an end has no address that crosses anything */
};

/* The rules that are needed after WAVE; 0: those of all waves. */
struct firewall *firewall_of(const struct graph *g, const struct plan *p,
			     const struct cut_options *o, unsigned wave);
void firewall_free(struct firewall *f);

/*
 * For nft -f: in the table "inet filter" two sets (IPv4, IPv6) and a chain that accepts what
 * is in them; each time it is loaded they are filled anew.  Neighbouring addresses and ports
 * of the same two groups are ranges.
 */
void firewall_nft(const struct firewall *f, const struct plan *p, unsigned wave,
		  struct buf *out);

#endif

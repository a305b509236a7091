/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first bytes of a packet that an exporter sampled: Ethernet, 802.1Q and 802.1ad, MPLS
 * (and Ethernet in it), PPPoE, IPv4 and IPv6 down to ports and TCP flags.  Tunnels are not
 * looked into: their ends are the flow.  No recursion; each header takes at least four bytes.
 */
#ifndef COLLECTOR_FLOWS_FRAME_H
#define COLLECTOR_FLOWS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/cur.h"

enum frame_link { FRAME_ETHERNET, FRAME_IP, FRAME_MPLS };

struct frame_seen {
	struct addr src, dst;
	uint8_t proto;
	uint16_t sport, dport; /* 0: none, or cut off */
	bool has_tcp_flags;
	uint8_t tcp_flags;
	uint32_t bytes; /* of the IP packet, as its header says or as it was on the wire */
};

/*
 * C: what was kept of a packet of WIRE bytes (0: not told).  False: no IP header in it.
 */
bool frame_read(enum frame_link link, struct cur c, uint32_t wire, struct frame_seen *out);
/* A protocol that has ports where TCP has them. */
bool frame_has_ports(uint8_t proto);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* One packet as the tracker wants it: what is left when link, tags and tunnels are gone. */
#ifndef SENSOR_MIRROR_PACKET_H
#define SENSOR_MIRROR_PACKET_H

#include <stdint.h>

#include "common/fact.h"

/* A frame as it was captured; borrowed bytes. */
struct frame_in {
	uint64_t time_ns; /* since 1970 */
	uint32_t link;	  /* link type as in capture files (LINKTYPE_*, not DLT_*) */
	uint32_t cap;	  /* bytes that are there */
	uint32_t len;	  /* bytes that were on the wire; at least cap */
	const uint8_t *p;
};

struct packet {
	uint64_t time_ns;
	struct addr src, dst;
	uint16_t src_port, dst_port;
	uint8_t proto;	   /* 6 or 17 */
	uint8_t flags;	   /* TCP's, the low eight */
	uint16_t checksum; /* TCP's: copies of a packet have the same, whoever routed them */
	uint32_t seq, ack;
	uint32_t ip_id; /* IPv4's identification; 0 for IPv6 */
	uint32_t tag;	/* a hash of all VLAN and tunnel ids around it; 0: none */
	uint32_t len;	/* payload as its headers say, beyond TCP or UDP */
	uint32_t cap;	/* of which so much is at PAYLOAD; less where it was snapped */
	const uint8_t *payload;
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a frame to the TCP segment or UDP datagram in it.  Pure: bytes in, a struct out.
 *
 * Link types: Ethernet, LINUX_SLL and SLL2, RAW, IPV4, IPV6, NULL and LOOP, PPP, PPP_ETHER,
 * NFLOG.  Around the packet, nested to DISSECT_DEPTH: 802.1Q and 802.1ad, MPLS, PPPoE
 * (one-byte protocol fields too), LLC/SNAP, GRE (with Ethernet inside too), ERSPAN I, II and
 * III, VXLAN, GENEVE, IP in IP (4in4, 4in6, 6in4, 6in6).  Fragments of IPv4 and IPv6 are put
 * together (fragment.h), inside tunnels too.
 *
 * Lengths: an IPv4 total length of 0, or IPv6 payload length of 0 (jumbo), as offload leaves
 * them, means all that the frame has.  What lies behind the IP packet (Ethernet's padding,
 * trailers) is none of it.  A length that says more than the frame had on the wire is cut to
 * that.
 */
#ifndef SENSOR_MIRROR_DISSECT_H
#define SENSOR_MIRROR_DISSECT_H

#include "sensor/mirror/packet.h"

enum { DISSECT_DEPTH = 12 };

enum dissected {
	DISSECTED_TCP,
	DISSECTED_UDP,	    /* that is no tunnel */
	DISSECTED_FRAGMENT, /* kept: the rest of its packet is to come */
	DISSECTED_OTHER,    /* ARP, ICMP, SCTP, a link type that is not ours ... */
	DISSECTED_SHORT,    /* cut by the snap length before its TCP or UDP header was whole */
	DISSECTED_BAD,	    /* a header that cannot be (length, version, TCP offset below 5) */
	DISSECTED_KINDS
};

struct dissector;

/* FRAGMENT_BYTES: what fragments may hold at most (fragment.h). */
struct dissector *dissector_new(uint32_t fragment_bytes);
void dissector_free(struct dissector *d);

/*
 * OUT is set for TCP and UDP; its payload is borrowed from FRAME, or from the dissector until
 * its next call.  Never reads outside of FRAME's CAP bytes.
 */
enum dissected dissect(struct dissector *d, const struct frame_in *frame, struct packet *out);

/* As fragments_lost: given up for want of room, never complete, or such as cannot be. */
uint64_t dissector_fragments_lost(const struct dissector *d);

#endif

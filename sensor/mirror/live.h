/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live capture: AF_PACKET with a TPACKET_V3 ring (packet(7), packet_mmap in the kernel's
 * documentation), so that no frame is copied: it is read where the kernel put it.
 *
 * One ring listens to one interface, or with a fanout group takes its share of it: the kernel
 * gives all packets of a connection, both ways, to one ring of a group (a symmetric hash; IP
 * fragments are put together for the hash only).  A VLAN tag that the NIC took off is put
 * back.
 */
#ifndef SENSOR_MIRROR_LIVE_H
#define SENSOR_MIRROR_LIVE_H

#include <stdbool.h>

#include "common/err.h"
#include "sensor/mirror/packet.h"

struct live_config {
	const char *interface;
	uint32_t ring_bytes; /* of kernel memory, rounded to whole blocks of 1 MiB */
	const char *filter;  /* as tcpdump(1) has it; NULL: everything */
	int group;	     /* fanout group, 0 to 65535; -1: alone */
	bool promiscuous;
};

struct live;

/* Needs CAP_NET_RAW.  NULL with words. */
struct live *live_open(const struct live_config *config, struct err *e);
void live_close(struct live *l);
/* A descriptor that is readable when there are frames. */
int live_fd(const struct live *l);
/*
 * Tells all frames that are there; how many.  Bounded by what one turn of the ring holds.
 * -ENETDOWN with words when the interface is gone.
 */
typedef void live_fn(void *ctx, const struct frame_in *frame);
long live_read(struct live *l, live_fn *fn, void *ctx, struct err *e);

struct live_counts {
	uint64_t packets; /* that came to the ring, those dropped among them */
	uint64_t dropped; /* by the kernel, for want of room in the ring */
	uint64_t freezes; /* times that the ring was full */
};
/* Since it was opened. */
void live_count(struct live *l, struct live_counts *out);
/* What the kernel gave: bytes of ring. */
uint64_t live_ring_bytes(const struct live *l);

#endif

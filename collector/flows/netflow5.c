/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetFlow v5, by Cisco's "NetFlow Export Datagram Format": a head of 24 bytes and up to 30
 * records of 48, IPv4 only, each of one way.
 */
#include "collector/flows/datagram.h"

enum { RECORD = 48, RECORDS = 30, INTERVAL_BITS = 0x3fff };

static void read_record(struct datagram *d, struct cur c, uint32_t sampling)
{
	struct foreign_flow flow = { .sampling = sampling };

	flow.src = addr_v4(cur_u32(&c));
	flow.dst = addr_v4(cur_u32(&c));
	cur_u32(&c); /* next hop */
	flow.in_if = cur_u16(&c);
	flow.out_if = cur_u16(&c);
	flow.packets = cur_u32(&c);
	flow.bytes = cur_u32(&c);
	flow.first_ms = datagram_since_1970(d, cur_u32(&c));
	flow.last_ms = datagram_since_1970(d, cur_u32(&c));
	flow.sport = cur_u16(&c);
	flow.dport = cur_u16(&c);
	cur_u8(&c);
	flow.has_tcp_flags = true;
	flow.tcp_flags = cur_u8(&c);
	flow.proto = cur_u8(&c);
	d->records++;
	datagram_flow(d, &flow);
}

void netflow5_read(struct datagram *d, struct cur c)
{
	uint32_t seconds, nanoseconds, number, engine, sampling;
	unsigned count;

	cur_u16(&c);
	count = cur_u16(&c);
	d->head.uptime_ms = cur_u32(&c);
	d->head.has_uptime = true;
	seconds = cur_u32(&c);
	nanoseconds = cur_u32(&c);
	d->head.export_ms = seconds * 1000ULL + nanoseconds / 1000000;
	number = cur_u32(&c);
	engine = cur_u16(&c);
	sampling = cur_u16(&c) & INTERVAL_BITS;
	if (c.bad || count == 0 || count > RECORDS) {
		d->bad = true;
		return;
	}
	if (!datagram_begin(d, FOREIGN_NETFLOW5, NULL, engine))
		return;
	datagram_clock(d, 0);
	datagram_sequence(d, number, SEQUENCE_RECORDS);
	for (unsigned i = 0; i < count && cur_left(&c) >= RECORD; i++)
		read_record(d, cur_sub(&c, RECORD), sampling);
	d->bad = d->records < count;
	datagram_end(d);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sFlow version 5 (sflow.org, "sFlow Version 5", 2004, and the extensions for discarded
 * packets, 2021).  Of the samples those of packets are taken, counters are skipped.  What is
 * of an enterprise is skipped by its length.
 */
#include <string.h>

#include "collector/flows/datagram.h"
#include "collector/flows/frame.h"

enum sample_type {
	SAMPLE_FLOW = 1,
	SAMPLE_EXPANDED_FLOW = 3,
	SAMPLE_DISCARDED = 5,
};

enum record_type {
	RECORD_HEADER = 1,
	RECORD_IPV4 = 3,
	RECORD_IPV6 = 4,
	RECORD_NAT = 1007,
	RECORD_NAT_PORT = 1020,
};

enum header_protocol {
	HEADER_ETHERNET = 1,
	HEADER_IPV4 = 11,
	HEADER_IPV6 = 12,
	HEADER_MPLS = 13,
};

/* The exporter itself, in the place of an interface. */
enum { INTERFACE_OWN = 0x3fffffff };

struct sample {
	struct foreign_flow flow;
	bool has_header;
};

/* False: of what nothing is known, be it that it looks like IP. */
static bool link_of(uint32_t protocol, enum frame_link *out)
{
	switch (protocol) {
	case HEADER_ETHERNET:
		*out = FRAME_ETHERNET;
		return true;
	case HEADER_IPV4:
	case HEADER_IPV6:
		*out = FRAME_IP;
		return true;
	case HEADER_MPLS:
		*out = FRAME_MPLS;
		return true;
	}
	return false;
}

static void take_header(struct sample *s, struct cur c)
{
	uint32_t protocol = cur_u32(&c), wire = cur_u32(&c), kept;
	struct frame_seen seen;
	enum frame_link link;

	cur_u32(&c); /* bytes stripped off the end */
	kept = cur_u32(&c);
	if (c.bad || kept > cur_left(&c) || !link_of(protocol, &link) ||
	    !frame_read(link, cur_of(c.p, kept), wire, &seen))
		return;
	s->has_header = true;
	datagram_packet(&s->flow, &seen);
	s->flow.bytes = seen.bytes;
}

static struct addr read_addr(struct cur *c, size_t n)
{
	const uint8_t *p;
	struct addr a = { 0 };

	if (n == 4)
		return addr_v4(cur_u32(c));
	p = cur_take(c, sizeof(a.b));
	if (p)
		memcpy(a.b, p, sizeof(a.b));
	return a;
}

/* sampled_ipv4 and sampled_ipv6 are alike but for the addresses. */
static void take_ip(struct sample *s, struct cur c, size_t n)
{
	struct foreign_flow f = s->flow;

	f.bytes = cur_u32(&c);
	f.proto = (uint8_t)cur_u32(&c);
	f.src = read_addr(&c, n);
	f.dst = read_addr(&c, n);
	f.sport = (uint16_t)cur_u32(&c);
	f.dport = (uint16_t)cur_u32(&c);
	f.has_tcp_flags = true;
	f.tcp_flags = (uint16_t)cur_u32(&c);
	if (!c.bad && !s->has_header)
		s->flow = f;
}

/* An address with its kind: 1 IPv4, 2 IPv6. */
static struct addr read_typed(struct cur *c)
{
	uint32_t kind = cur_u32(c);

	if (kind == 1 || kind == 2)
		return read_addr(c, kind == 1 ? 4 : 16);
	c->bad = true;
	return (struct addr){ 0 };
}

static void take_nat(struct sample *s, struct cur c)
{
	struct addr src = read_typed(&c), dst = read_typed(&c);

	if (c.bad)
		return;
	s->flow.nat_src = src;
	s->flow.nat_dst = dst;
}

static void take_nat_port(struct sample *s, struct cur c)
{
	uint32_t src = cur_u32(&c), dst = cur_u32(&c);

	if (c.bad)
		return;
	s->flow.nat_sport = (uint16_t)src;
	s->flow.nat_dport = (uint16_t)dst;
}

static void take_record(struct sample *s, uint32_t type, struct cur body)
{
	if (type == RECORD_HEADER)
		take_header(s, body);
	else if (type == RECORD_IPV4)
		take_ip(s, body, 4);
	else if (type == RECORD_IPV6)
		take_ip(s, body, 16);
	else if (type == RECORD_NAT)
		take_nat(s, body);
	else if (type == RECORD_NAT_PORT)
		take_nat_port(s, body);
}

/* Flow records to the end of the sample. */
static void read_records(struct datagram *d, struct sample *s, struct cur c)
{
	uint32_t n = cur_u32(&c);

	s->flow.packets = 1;
	for (uint32_t i = 0; i < n && !c.bad; i++) {
		uint32_t type = cur_u32(&c), len = cur_u32(&c);
		struct cur body = cur_sub(&c, len);

		if (!body.bad)
			take_record(s, type, body);
	}
	d->bad |= c.bad;
	datagram_flow(d, &s->flow);
}

/*
 * An output: bits 31 and 30 say what the rest is.  0 an interface, 1 a reason for which the
 * packet was dropped, 2 a number of interfaces.
 */
static void take_output(struct foreign_flow *f, uint32_t format, uint32_t value)
{
	if (format == 0 && value != INTERFACE_OWN)
		f->out_if = value;
	else if (format == 1)
		f->event = FOREIGN_DENIED;
}

static void read_flow_sample(struct datagram *d, struct cur c, bool expanded)
{
	struct sample s = { 0 };
	uint32_t in_format, in, out_format, out;

	cur_take(&c, expanded ? 12 : 8); /* number, source */
	s.flow.sampling = cur_u32(&c);
	cur_take(&c, 8); /* pool, drops */
	in_format = expanded ? cur_u32(&c) : 0;
	in = cur_u32(&c);
	out_format = expanded ? cur_u32(&c) : 0;
	out = cur_u32(&c);
	if (!expanded) {
		in_format = in >> 30;
		out_format = out >> 30;
		in &= 0x3fffffff;
		out &= 0x3fffffff;
	}
	s.flow.in_if = in_format == 0 && in != INTERFACE_OWN ? in : 0;
	take_output(&s.flow, out_format, out);
	if (c.bad)
		d->bad = true;
	else
		read_records(d, &s, c);
}

static void read_discarded(struct datagram *d, struct cur c)
{
	struct sample s = { .flow.event = FOREIGN_DENIED, .flow.sampling = 1 };

	cur_take(&c, 16); /* number, source, drops */
	s.flow.in_if = cur_u32(&c);
	s.flow.out_if = cur_u32(&c);
	cur_u32(&c); /* reason */
	if (c.bad)
		d->bad = true;
	else
		read_records(d, &s, c);
}

static void read_samples(struct datagram *d, struct cur c, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t type = cur_u32(&c), len = cur_u32(&c);
		struct cur body = cur_sub(&c, len);

		if (body.bad) {
			d->bad = true;
			return;
		}
		if (type == SAMPLE_FLOW || type == SAMPLE_EXPANDED_FLOW)
			read_flow_sample(d, body, type == SAMPLE_EXPANDED_FLOW);
		else if (type == SAMPLE_DISCARDED)
			read_discarded(d, body);
	}
}

void sflow_read(struct datagram *d, struct cur c)
{
	struct addr agent;
	uint32_t domain, number, samples;

	cur_u32(&c);
	agent = read_typed(&c);
	domain = cur_u32(&c);
	number = cur_u32(&c);
	d->head.uptime_ms = cur_u32(&c);
	d->head.has_uptime = true;
	samples = cur_u32(&c);
	if (c.bad) {
		d->bad = true;
		return;
	}
	if (!datagram_begin(d, FOREIGN_SFLOW, &agent, domain))
		return;
	datagram_sequence(d, number, SEQUENCE_DATAGRAMS);
	read_samples(d, c, samples);
	datagram_end(d);
}

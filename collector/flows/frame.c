/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/frame.h"

#include <string.h>

#include "common/fact.h"

enum {
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_MPLS = 0x8847,
	TYPE_MPLS_MULTICAST = 0x8848,
	TYPE_PPPOE = 0x8864,
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	EXTENSIONS = 8, /* headers of IPv6 that are passed */
};

bool frame_has_ports(uint8_t proto)
{
	return proto == PROTO_TCP || proto == PROTO_UDP || proto == 33 || proto == 132 ||
	       proto == 136;
}

/* TCP's, or the ports of what has them in the same place; what was cut off stays 0. */
static void transport(struct cur c, struct frame_seen *out)
{
	if (!frame_has_ports(out->proto))
		return;
	out->sport = cur_u16(&c);
	out->dport = cur_u16(&c);
	if (c.bad)
		out->sport = out->dport = 0;
	if (out->proto != PROTO_TCP)
		return;
	cur_take(&c, 9);
	out->tcp_flags = cur_u8(&c);
	out->has_tcp_flags = !c.bad;
}

/* A length of 0 is what offload leaves: then what was on the wire holds. */
static bool ipv4(struct cur c, uint32_t wire, struct frame_seen *out)
{
	struct cur head = c;
	const uint8_t *p = cur_take(&head, 20);
	unsigned options, fragment;

	if (!p || p[0] >> 4 != 4 || (p[0] & 15) < 5)
		return false;
	options = (p[0] & 15) * 4U - 20;
	out->bytes = (uint32_t)p[2] << 8 | p[3];
	if (!out->bytes)
		out->bytes = wire;
	fragment = (p[6] & 0x1fU) << 8 | p[7];
	out->proto = p[9];
	out->src = addr_v4((uint32_t)p[12] << 24 | (uint32_t)p[13] << 16 |
			   (uint32_t)p[14] << 8 | p[15]);
	out->dst = addr_v4((uint32_t)p[16] << 24 | (uint32_t)p[17] << 16 |
			   (uint32_t)p[18] << 8 | p[19]);
	if (cur_take(&head, options) && fragment == 0)
		transport(head, out);
	return true;
}

/* Past one extension header: 1, or 0 when NEXT is none, or -1 when what follows has no ports.
 */
static int extension(struct cur *c, uint8_t *next)
{
	uint8_t kind = *next, len;

	if (kind != 0 && kind != 43 && kind != 44 && kind != 51 && kind != 60)
		return 0;
	*next = cur_u8(c);
	len = cur_u8(c);
	if (kind == 44) { /* fragment: only the first has ports */
		unsigned offset = cur_u16(c) >> 3;

		cur_take(c, 4);
		return offset || c->bad ? -1 : 1;
	}
	cur_take(c, kind == 51 ? (len + 2U) * 4 - 2 : (len + 1U) * 8 - 2);
	return c->bad ? -1 : 1;
}

static bool ipv6(struct cur c, uint32_t wire, struct frame_seen *out)
{
	const uint8_t *p = cur_take(&c, 40);
	int more = 1;

	if (!p || p[0] >> 4 != 6)
		return false;
	out->bytes = (uint32_t)p[4] << 8 | p[5];
	out->bytes = out->bytes ? out->bytes + 40 : wire;
	memcpy(out->src.b, p + 8, 16);
	memcpy(out->dst.b, p + 24, 16);
	out->proto = p[6];
	for (unsigned i = 0; more > 0 && i < EXTENSIONS; i++)
		more = extension(&c, &out->proto);
	if (more == 0)
		transport(c, out);
	return true;
}

static bool ip(struct cur c, uint32_t wire, struct frame_seen *out)
{
	if (!cur_left(&c))
		return false;
	return c.p[0] >> 4 == 4 ? ipv4(c, wire, out) : ipv6(c, wire, out);
}

/* To the bottom of the stack; what is below is IP if it looks like it. */
static void pass_labels(struct cur *c)
{
	while (!c->bad && !(cur_u32(c) & 0x100))
		;
}

/* Past Ethernet's head and its tags: the type of what follows. */
static uint16_t pass_ethernet(struct cur *c)
{
	uint16_t type;

	cur_take(c, 12);
	type = cur_u16(c);
	while (!c->bad &&
	       (type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200)) {
		cur_u16(c);
		type = cur_u16(c);
	}
	return type;
}

static uint16_t pass_pppoe(struct cur *c)
{
	uint16_t protocol;

	cur_take(c, 6);
	protocol = cur_u16(c);
	return protocol == PPP_IPV4 ? TYPE_IPV4 : protocol == PPP_IPV6 ? TYPE_IPV6 : 0;
}

/* Ethernet in MPLS, behind a control word (RFC 4448 section 4.6): no IP begins with a 0. */
static bool is_pseudowire(const struct cur *c)
{
	return cur_left(c) && c->p[0] >> 4 == 0;
}

/* To where IP begins; false: there is none.  Ethernet in MPLS is gone into once. */
static bool pass_link(enum frame_link link, struct cur *c)
{
	uint16_t type = link == FRAME_ETHERNET ? pass_ethernet(c)
			: link == FRAME_MPLS   ? TYPE_MPLS
					       : TYPE_IPV4;

	if (type == TYPE_MPLS || type == TYPE_MPLS_MULTICAST) {
		pass_labels(c);
		type = TYPE_IPV4;
		if (is_pseudowire(c)) {
			cur_take(c, 4);
			type = pass_ethernet(c);
		}
	}
	if (type == TYPE_PPPOE)
		type = pass_pppoe(c);
	return !c->bad && (type == TYPE_IPV4 || type == TYPE_IPV6);
}

bool frame_read(enum frame_link link, struct cur c, uint32_t wire, struct frame_seen *out)
{
	const uint8_t *from = c.p;
	uint32_t passed;

	*out = (struct frame_seen){ 0 };
	if (!pass_link(link, &c))
		return false;
	passed = (uint32_t)(c.p - from);
	return ip(c, wire > passed ? wire - passed : 0, out);
}

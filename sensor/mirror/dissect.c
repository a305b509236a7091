/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/dissect.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sensor/mirror/fragment.h"

enum {
	TYPE_IP4 = 0x0800,
	TYPE_IP6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	TYPE_QINQ_OLD = 0x9100,
	TYPE_QINQ_OLDER = 0x9200,
	TYPE_MPLS = 0x8847,
	TYPE_MPLS_MULTI = 0x8848,
	TYPE_PPPOE = 0x8864,
	TYPE_ETHERNET = 0x6558, /* in GRE and GENEVE */
	TYPE_PPP = 0x880b,	/* in GRE */
	TYPE_ERSPAN = 0x88be,
	TYPE_ERSPAN3 = 0x22eb,
	TYPE_LENGTH = 1500, /* up to here it is a length: IEEE 802.3 */

	PROTO_IP4 = 4,
	PROTO_TCP_ = 6,
	PROTO_UDP_ = 17,
	PROTO_IP6 = 41,
	PROTO_GRE = 47,
	PROTO_MPLS = 137,

	PORT_VXLAN = 4789,
	PORT_VXLAN_OLD = 8472,
	PORT_VXLAN_GPE = 4790,
	PORT_GENEVE = 6081,

	LABELS = 16,	 /* of MPLS */
	EXTENSIONS = 12, /* headers of one IPv6 packet */
};

struct dissector {
	struct fragments *fragments;
};

/* What is left of the frame: LEN bytes on the wire, CAP of them at P; never CAP > LEN. */
struct walk {
	const uint8_t *p;
	uint32_t cap, len;
	uint32_t tag;
	unsigned depth;
	uint64_t time_ns;
	struct fragments *fragments;
	struct packet *out;
};

struct dissector *dissector_new(uint32_t fragment_bytes)
{
	struct dissector *d = xcalloc(1, sizeof(*d));

	d->fragments = fragments_new(fragment_bytes);
	return d;
}

void dissector_free(struct dissector *d)
{
	if (!d)
		return;
	fragments_free(d->fragments);
	free(d);
}

uint64_t dissector_fragments_lost(const struct dissector *d)
{
	return fragments_lost(d->fragments);
}

static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* N bytes are there; where they are not, why: cut by the snap length, or never on the wire. */
static inline bool has(const struct walk *w, uint32_t n)
{
	return w->cap >= n;
}

static enum dissected lacks(const struct walk *w, uint32_t n)
{
	return w->len >= n ? DISSECTED_SHORT : DISSECTED_BAD;
}

static inline void skip(struct walk *w, uint32_t n)
{
	w->p += n;
	w->cap -= n;
	w->len -= n;
}

/* What follows is N bytes; what lies behind them is padding. */
static inline void limit(struct walk *w, uint32_t n)
{
	if (n < w->len)
		w->len = n;
	if (w->cap > w->len)
		w->cap = w->len;
}

static void add_tag(struct walk *w, uint32_t kind, uint32_t id)
{
	w->tag = (w->tag ^ (kind << 28 | id)) * 0x9e3779b1u + 1;
	w->tag |= 1; /* 0 is none */
}

static enum dissected by_type(struct walk *w, uint16_t type);
static enum dissected by_protocol(struct walk *w, uint8_t proto);

/* Transport */

static enum dissected take_tcp(struct walk *w)
{
	struct packet *o = w->out;
	uint32_t header;

	if (!has(w, 20))
		return lacks(w, 20);
	header = (uint32_t)(w->p[12] >> 4) * 4;
	if (header < 20 || header > w->len)
		return DISSECTED_BAD;
	o->proto = PROTO_TCP_;
	o->src_port = be16(w->p);
	o->dst_port = be16(w->p + 2);
	o->seq = be32(w->p + 4);
	o->ack = be32(w->p + 8);
	o->flags = w->p[13];
	o->checksum = be16(w->p + 16);
	o->tag = w->tag;
	o->len = w->len - header;
	o->cap = w->cap > header ? w->cap - header : 0;
	o->payload = w->p + (w->cap > header ? header : w->cap);
	return DISSECTED_TCP;
}

static enum dissected in_ethernet(struct walk *w);
static enum dissected in_ip4(struct walk *w);
static enum dissected in_ip6(struct walk *w);

/* False: it is none. RFC 7348; the other kinds of payload: draft-ietf-nvo3-vxlan-gpe. */
static bool in_vxlan(struct walk *w, bool gpe, enum dissected *found)
{
	unsigned inside;

	if (w->len < 8 || (w->cap && !(w->p[0] & 0x08)))
		return false;
	if (!has(w, 8)) {
		*found = DISSECTED_SHORT;
		return true;
	}
	inside = gpe && w->p[0] & 0x04 ? w->p[3] : 3;
	add_tag(w, 2, be32(w->p + 4) >> 8);
	skip(w, 8);
	*found = inside == 3   ? in_ethernet(w)
		 : inside == 1 ? in_ip4(w)
		 : inside == 2 ? in_ip6(w)
			       : DISSECTED_OTHER;
	return true;
}

static bool in_geneve(struct walk *w, enum dissected *found)
{
	uint32_t header;
	uint16_t type;

	if (w->len < 8 || (w->cap && w->p[0] >> 6))
		return false;
	header = w->cap ? 8 + (uint32_t)(w->p[0] & 0x3f) * 4 : 8;
	if (w->len < header)
		return false;
	if (!has(w, header)) {
		*found = DISSECTED_SHORT;
		return true;
	}
	type = be16(w->p + 2);
	add_tag(w, 3, be32(w->p + 4) >> 8);
	skip(w, header);
	*found = type == TYPE_ETHERNET ? in_ethernet(w) : by_type(w, type);
	return true;
}

static enum dissected take_udp(struct walk *w)
{
	struct packet *o = w->out;
	enum dissected found;
	struct walk inner;
	uint32_t len;

	if (!has(w, 8))
		return lacks(w, 8);
	len = be16(w->p + 4);
	o->src_port = be16(w->p);
	o->dst_port = be16(w->p + 2);
	if (len && len < 8)
		return DISSECTED_BAD;
	if (len)
		limit(w, len);
	skip(w, 8);
	inner = *w;
	if ((o->dst_port == PORT_VXLAN || o->dst_port == PORT_VXLAN_OLD ||
	     o->dst_port == PORT_VXLAN_GPE) &&
	    in_vxlan(&inner, o->dst_port == PORT_VXLAN_GPE, &found))
		return found;
	if (o->dst_port == PORT_GENEVE && in_geneve(&inner, &found))
		return found;
	o->proto = PROTO_UDP_;
	o->tag = w->tag;
	o->seq = o->ack = 0;
	o->flags = 0;
	o->checksum = 0;
	o->len = w->len;
	o->cap = w->cap;
	o->payload = w->p;
	return DISSECTED_UDP;
}

/* IP */

static void map_v4(struct addr *a, const uint8_t *p)
{
	memset(a->b, 0, 10);
	a->b[10] = a->b[11] = 0xff;
	memcpy(a->b + 12, p, 4);
}

static enum dissected in_fragment(struct walk *w, uint8_t proto, uint32_t id, uint32_t offset,
				  bool more)
{
	struct fragment f = { .time_ns = w->time_ns,
			      .src = w->out->src,
			      .dst = w->out->dst,
			      .id = id,
			      .tag = w->tag,
			      .proto = proto,
			      .more = more,
			      .offset = offset,
			      .len = w->len,
			      .cap = w->cap,
			      .p = w->p };
	struct defragmented whole;

	if (!fragments_add(w->fragments, &f, &whole))
		return DISSECTED_FRAGMENT;
	w->p = whole.p;
	w->cap = whole.cap;
	w->len = whole.len;
	return by_protocol(w, proto);
}

static enum dissected in_ip4(struct walk *w)
{
	uint32_t header, total, fragment;
	uint8_t proto;
	uint32_t id;

	if (!has(w, 20))
		return lacks(w, 20);
	header = (uint32_t)(w->p[0] & 15) * 4;
	total = be16(w->p + 2);
	if (w->p[0] >> 4 != 4 || header < 20 || (total && total < header))
		return DISSECTED_BAD;
	if (total)
		limit(w, total);
	if (!has(w, header))
		return lacks(w, header);
	fragment = be16(w->p + 6);
	proto = w->p[9];
	id = be16(w->p + 4);
	map_v4(&w->out->src, w->p + 12);
	map_v4(&w->out->dst, w->p + 16);
	w->out->ip_id = id;
	skip(w, header);
	if (fragment & 0x3fff)
		return in_fragment(w, proto, id, (fragment & 0x1fff) * 8, fragment & 0x2000);
	return by_protocol(w, proto);
}

/* Past the extension headers: RFC 8200 section 4. */
static enum dissected past_extensions(struct walk *w, uint8_t next)
{
	for (int i = 0; i < EXTENSIONS; i++) {
		uint32_t header = 8;

		switch (next) {
		case 0:	 /* hop-by-hop */
		case 43: /* routing */
		case 60: /* destination */
			if (!has(w, 8))
				return lacks(w, 8);
			header = ((uint32_t)w->p[1] + 1) * 8;
			break;
		case 51: /* authentication: RFC 4302 */
			if (!has(w, 8))
				return lacks(w, 8);
			header = ((uint32_t)w->p[1] + 2) * 4;
			break;
		case 44:
			if (!has(w, 8))
				return lacks(w, 8);
			next = w->p[0];
			if (be16(w->p + 2) & 0xfff9) {
				uint32_t at = be16(w->p + 2), id = be32(w->p + 4);

				skip(w, 8);
				return in_fragment(w, next, id, at & 0xfff8, at & 1);
			}
			skip(w, 8); /* the only one: RFC 6946 */
			continue;
		default:
			return by_protocol(w, next);
		}
		if (!has(w, header))
			return lacks(w, header);
		next = w->p[0];
		skip(w, header);
	}
	return DISSECTED_OTHER;
}

static enum dissected in_ip6(struct walk *w)
{
	uint32_t payload;
	uint8_t next;

	if (!has(w, 40))
		return lacks(w, 40);
	if (w->p[0] >> 4 != 6)
		return DISSECTED_BAD;
	payload = be16(w->p + 4);
	next = w->p[6];
	memcpy(w->out->src.b, w->p + 8, 16);
	memcpy(w->out->dst.b, w->p + 24, 16);
	w->out->ip_id = 0;
	skip(w, 40);
	if (payload)
		limit(w, payload);
	if (next == PROTO_TCP_)
		return take_tcp(w);
	return past_extensions(w, next);
}

static enum dissected in_ip(struct walk *w)
{
	if (!has(w, 1))
		return lacks(w, 1);
	return w->p[0] >> 4 == 4 ? in_ip4(w) : w->p[0] >> 4 == 6 ? in_ip6(w) : DISSECTED_OTHER;
}

/* Tunnels */

static enum dissected in_mpls(struct walk *w)
{
	for (int i = 0; i < LABELS; i++) {
		bool bottom;

		if (!has(w, 4))
			return lacks(w, 4);
		bottom = w->p[2] & 1;
		skip(w, 4);
		if (!bottom)
			continue;
		if (!has(w, 4))
			return lacks(w, 4);
		if (w->p[0] >> 4 == 4 || w->p[0] >> 4 == 6)
			return in_ip(w);
		if (w->p[0] >> 4 == 0 && be32(w->p) >> 16 == 0)
			skip(w, 4); /* a control word: RFC 4385 */
		return in_ethernet(w);
	}
	return DISSECTED_OTHER;
}

static enum dissected in_ppp(struct walk *w)
{
	uint32_t proto;

	if (!has(w, 4))
		return lacks(w, 4);
	if (w->p[0] == 0xff && w->p[1] == 0x03)
		skip(w, 2);
	proto = w->p[0];
	if (proto & 1) { /* compressed: RFC 1661, 6.5 */
		skip(w, 1);
	} else {
		proto = be16(w->p);
		skip(w, 2);
	}
	if (proto == 0x21)
		return in_ip4(w);
	if (proto == 0x57)
		return in_ip6(w);
	return proto == 0x281 ? in_mpls(w) : DISSECTED_OTHER;
}

static enum dissected in_pppoe(struct walk *w)
{
	uint32_t len;

	if (!has(w, 6))
		return lacks(w, 6);
	if (w->p[0] != 0x11 || w->p[1])
		return DISSECTED_OTHER;
	len = be16(w->p + 4);
	skip(w, 6);
	limit(w, len);
	return in_ppp(w);
}

/* ERSPAN I has no header of its own, and is known by GRE's missing sequence number. */
static enum dissected in_erspan(struct walk *w, uint16_t type, bool numbered)
{
	uint32_t header = type == TYPE_ERSPAN3 ? 12 : numbered ? 8 : 0;
	unsigned inside = 0;

	if (!has(w, header))
		return lacks(w, header);
	if (type == TYPE_ERSPAN3) {
		inside = w->p[10] >> 2 & 0x1f;
		if (w->p[11] & 1)
			header += 8;
		if (!has(w, header))
			return lacks(w, header);
	}
	skip(w, header);
	return inside == 2 ? in_ip(w) : in_ethernet(w);
}

/* RFC 2784, 2890; version 1: RFC 2637. */
static enum dissected in_gre(struct walk *w)
{
	uint32_t header = 4;
	uint16_t flags, type;

	if (!has(w, 4))
		return lacks(w, 4);
	flags = be16(w->p);
	type = be16(w->p + 2);
	if (flags & 0x4000) /* source routes, which nobody uses */
		return DISSECTED_OTHER;
	header += flags & 0x8000 ? 4 : 0;
	if (flags & 0x2000 && (flags & 7) == 0 && has(w, header + 4))
		add_tag(w, 4, be32(w->p + header) & 0xfffffff);
	header += flags & 0x2000 ? 4 : 0;
	header += flags & 0x1000 ? 4 : 0;
	header += (flags & 7) == 1 && flags & 0x0080 ? 4 : 0;
	if (!has(w, header))
		return lacks(w, header);
	skip(w, header);
	switch (type) {
	case TYPE_ERSPAN:
	case TYPE_ERSPAN3:
		return in_erspan(w, type, flags & 0x1000);
	case TYPE_ETHERNET:
		return in_ethernet(w);
	case TYPE_PPP:
		return in_ppp(w);
	}
	return by_type(w, type);
}

static enum dissected by_protocol(struct walk *w, uint8_t proto)
{
	if (proto == PROTO_TCP_)
		return take_tcp(w);
	if (proto == PROTO_UDP_)
		return w->depth < DISSECT_DEPTH ? (w->depth++, take_udp(w)) : DISSECTED_OTHER;
	if (w->depth++ >= DISSECT_DEPTH)
		return DISSECTED_OTHER;
	switch (proto) {
	case PROTO_IP4:
		return in_ip4(w);
	case PROTO_IP6:
		return in_ip6(w);
	case PROTO_GRE:
		return in_gre(w);
	case PROTO_MPLS:
		return in_mpls(w);
	}
	return DISSECTED_OTHER;
}

/* Links */

static enum dissected in_llc(struct walk *w)
{
	uint16_t type;

	if (!has(w, 3))
		return lacks(w, 3);
	if (w->p[0] == 0x06 && w->p[1] == 0x06) {
		skip(w, 3);
		return in_ip(w);
	}
	if (w->p[0] != 0xaa || w->p[1] != 0xaa || w->p[2] != 3)
		return DISSECTED_OTHER;
	if (!has(w, 8))
		return lacks(w, 8);
	type = be16(w->p + 6);
	skip(w, 8);
	return type > TYPE_LENGTH ? by_type(w, type) : DISSECTED_OTHER;
}

static enum dissected in_vlan(struct walk *w)
{
	uint16_t id, type;

	if (!has(w, 4))
		return lacks(w, 4);
	id = be16(w->p) & 0xfff;
	type = be16(w->p + 2);
	if (id)
		add_tag(w, 1, id);
	skip(w, 4);
	return by_type(w, type);
}

static enum dissected by_type(struct walk *w, uint16_t type)
{
	if (type == TYPE_IP4)
		return in_ip4(w);
	if (type == TYPE_IP6)
		return in_ip6(w);
	if (w->depth++ >= DISSECT_DEPTH)
		return DISSECTED_OTHER;
	switch (type) {
	case TYPE_VLAN:
	case TYPE_QINQ:
	case TYPE_QINQ_OLD:
	case TYPE_QINQ_OLDER:
		return in_vlan(w);
	case TYPE_MPLS:
	case TYPE_MPLS_MULTI:
		return in_mpls(w);
	case TYPE_PPPOE:
		return in_pppoe(w);
	}
	if (type > TYPE_LENGTH)
		return DISSECTED_OTHER;
	limit(w, type);
	return in_llc(w);
}

static enum dissected in_ethernet(struct walk *w)
{
	uint16_t type;

	if (!has(w, 14))
		return lacks(w, 14);
	if (w->depth++ >= DISSECT_DEPTH)
		return DISSECTED_OTHER;
	type = be16(w->p + 12);
	skip(w, 14);
	return by_type(w, type);
}

/* Cisco's HDLC has its own first byte, and an Ethernet type. */
static enum dissected in_hdlc(struct walk *w)
{
	uint16_t type;

	if (!has(w, 4))
		return lacks(w, 4);
	if (w->p[0] != 0x0f && w->p[0] != 0x8f)
		return in_ppp(w);
	type = be16(w->p + 2);
	skip(w, 4);
	return by_type(w, type);
}

static enum dissected in_cooked(struct walk *w, uint32_t header, uint32_t at)
{
	uint16_t type;

	if (!has(w, header))
		return lacks(w, header);
	type = be16(w->p + at);
	skip(w, header);
	if (type == 4) /* LINUX_SLL: 802.2 follows */
		return in_llc(w);
	return type > TYPE_LENGTH ? by_type(w, type) : DISSECTED_OTHER;
}

/* Attributes of length and kind in the order of the machine that captured. */
static enum dissected in_nflog(struct walk *w)
{
	enum { PAYLOAD = 9, ATTRIBUTES = 64 };

	if (!has(w, 4))
		return lacks(w, 4);
	skip(w, 4);
	for (int i = 0; i < ATTRIBUTES && w->len; i++) {
		uint32_t len, kind;

		if (!has(w, 4))
			return lacks(w, 4);
		len = (uint32_t)(w->p[0] | w->p[1] << 8);
		kind = (uint32_t)(w->p[2] | w->p[3] << 8);
		if (kind > 255) { /* the other order */
			len = be16(w->p);
			kind = be16(w->p + 2);
		}
		if (len < 4)
			return DISSECTED_BAD;
		if (kind == PAYLOAD) {
			skip(w, 4);
			limit(w, len - 4);
			return in_ip(w);
		}
		len = (len + 3) & ~3u;
		if (!has(w, len))
			return lacks(w, len);
		skip(w, len);
	}
	return DISSECTED_OTHER;
}

static enum dissected by_link(struct walk *w, uint32_t link)
{
	switch (link) {
	case 1:
		return in_ethernet(w);
	case 0:
	case 108: /* the family's number is another one on each system: the version tells */
		if (!has(w, 4))
			return lacks(w, 4);
		skip(w, 4);
		return in_ip(w);
	case 12:
	case 14:
	case 101:
		return in_ip(w);
	case 228:
		return in_ip4(w);
	case 229:
		return in_ip6(w);
	case 9:
		return in_ppp(w);
	case 50:
	case 104:
		return in_hdlc(w);
	case 51:
		return in_pppoe(w);
	case 113:
		return in_cooked(w, 16, 14);
	case 276:
		return in_cooked(w, 20, 0);
	case 239:
		return in_nflog(w);
	}
	return DISSECTED_OTHER;
}

enum dissected dissect(struct dissector *d, const struct frame_in *frame, struct packet *out)
{
	struct walk w = { .p = frame->p,
			  .cap = frame->cap,
			  .len = frame->len,
			  .time_ns = frame->time_ns,
			  .fragments = d->fragments,
			  .out = out };

	out->time_ns = frame->time_ns;
	return by_link(&w, frame->link);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Between the wire and IP: Ethernet, VLAN tags, LLC/SNAP, MPLS, PPPoE and PPP. */
#include "sensor/mirror/dissect_parts.h"

enum step ether_frame(struct walk *w)
{
	const uint8_t *p = walk_take(w, 14);
	uint16_t type;

	if (!p)
		return STEP_END;
	type = be16(p + 12);
	if (type == TYPE_IPV4) /* most are: a step less */
		return STEP_IPV4;
	if (type > TYPE_LENGTH_MAX)
		return walk_type(w, type);
	walk_limit(w, type);
	return walk_into(w, STEP_LLC);
}

static enum step vlan(struct walk *w)
{
	const uint8_t *p = walk_take(w, 4);
	uint32_t id, type;

	if (!p)
		return STEP_END;
	id = be16(p) & 0xfff;
	if (id) /* 0 is a priority without a VLAN */
		walk_tag(w, TAG_VLAN, id);
	type = be16(p + 2);
	if (type > TYPE_LENGTH_MAX)
		return walk_into(w, walk_type(w, type));
	walk_limit(w, type);
	return walk_into(w, STEP_LLC);
}

enum step ether_type(struct walk *w)
{
	switch (w->type) {
	case TYPE_IPV4:
		return STEP_IPV4;
	case TYPE_IPV6:
		return STEP_IPV6;
	case TYPE_VLAN:
	case TYPE_QINQ:
	case TYPE_QINQ_OLD:
	case TYPE_QINQ_OLDER:
		return vlan(w);
	case TYPE_MPLS:
	case TYPE_MPLS_MULTICAST:
		return walk_into(w, STEP_MPLS);
	case TYPE_PPPOE:
		return walk_into(w, STEP_PPPOE);
	case TYPE_ETHERNET:
		return STEP_ETHERNET;
	default:
		return walk_end(w, DISSECTED_OTHER);
	}
}

/* IEEE 802.2 with SNAP (RFC 1042), and IP without it. */
enum step ether_llc(struct walk *w)
{
	const uint8_t *p = walk_take(w, 3);
	uint32_t oui;

	if (!p)
		return STEP_END;
	if (p[0] == 0x06 && p[1] == 0x06 && p[2] == 0x03)
		return STEP_IPV4;
	if (p[0] != 0xaa || p[1] != 0xaa || p[2] != 0x03)
		return walk_end(w, DISSECTED_OTHER);
	p = walk_take(w, 5);
	if (!p)
		return STEP_END;
	oui = be24(p);
	if (oui != 0 && oui != 0x0000f8)
		return walk_end(w, DISSECTED_OTHER);
	return walk_type(w, be16(p + 3));
}

static bool known_type(const struct walk *w, uint32_t at)
{
	uint16_t type;

	if (w->cap < at + 2)
		return false;
	type = be16(w->p + at);
	return type == TYPE_IPV4 || type == TYPE_IPV6 || type == TYPE_ARP ||
	       type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_MPLS ||
	       type == TYPE_PPPOE;
}

/* By its first four bits; where the LENGTH in it (0: none) does not fit, if it is not
 * Ethernet. */
static bool looks_like_ip(const struct walk *w, unsigned version, uint32_t header,
			  uint32_t length)
{
	if (w->p[0] >> 4 != version)
		return false;
	return (length && header + length <= w->len) || !known_type(w, 12);
}

/*
 * Nothing says what follows the last label (RFC 4928): IP, else Ethernet, after a control word
 * (RFC 4448) or without, whichever puts an ethertype where one belongs.
 */
static enum step beyond_labels(struct walk *w)
{
	const uint8_t *p = w->p;

	if (w->cap < 6)
		return walk_end(w, w->len < 6 ? DISSECTED_BAD : DISSECTED_SHORT);
	if (looks_like_ip(w, 4, 0, be16(p + 2)))
		return STEP_IPV4;
	if (looks_like_ip(w, 6, 40, be16(p + 4)))
		return STEP_IPV6;
	if (p[0] >> 4 == 0 && (known_type(w, 16) || !known_type(w, 12)))
		walk_take(w, 4);
	return STEP_ETHERNET;
}

enum step ether_mpls(struct walk *w)
{
	enum { LABELS_MAX = 32 };

	for (unsigned i = 0; i < LABELS_MAX; i++) {
		const uint8_t *p = walk_take(w, 4);

		if (!p)
			return STEP_END;
		if (p[2] & 1) /* bottom of the stack */
			return beyond_labels(w);
	}
	return walk_end(w, DISSECTED_OTHER);
}

/* A session's frame, RFC 2516. */
enum step ether_pppoe(struct walk *w)
{
	const uint8_t *p = walk_take(w, 6);

	if (!p)
		return STEP_END;
	if (p[0] != 0x11)
		return walk_end(w, DISSECTED_BAD);
	if (p[1] != 0)
		return walk_end(w, DISSECTED_OTHER);
	walk_limit(w, be16(p + 4));
	return STEP_PPP;
}

/* RFC 1661; address and control, and the protocol's first byte, may have been left out. */
enum step ether_ppp(struct walk *w)
{
	const uint8_t *p;
	uint32_t protocol;

	if (w->cap < 2)
		return walk_end(w, w->len < 2 ? DISSECTED_BAD : DISSECTED_SHORT);
	if (w->p[0] == 0xff && w->p[1] == 0x03)
		walk_take(w, 2);
	p = walk_take(w, 1);
	if (!p)
		return STEP_END;
	protocol = p[0];
	if (!(protocol & 1)) {
		p = walk_take(w, 1);
		if (!p)
			return STEP_END;
		protocol = protocol << 8 | p[0];
	}
	switch (protocol) {
	case 0x21:
		return STEP_IPV4;
	case 0x57:
		return STEP_IPV6;
	case 0x281:
	case 0x283:
		return walk_into(w, STEP_MPLS);
	default:
		return walk_end(w, DISSECTED_OTHER);
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What a capture file puts before the packet, by link type (LINKTYPE_* numbers). */
#include "sensor/mirror/dissect_parts.h"

enum linktype {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_PPP = 9,
	LINK_DLT_RAW = 12, /* RAW as some systems number it */
	LINK_DLT_RAW_OPENBSD = 14,
	LINK_PPP_HDLC = 50,
	LINK_PPP_ETHER = 51,
	LINK_RAW = 101,
	LINK_CISCO_HDLC = 104,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_NFLOG = 239,
	LINK_SLL2 = 276,
};

enum { SLL_802_3 = 1, SLL_LLC = 4, HARDWARE_GRE = 778 };

/* An address family as a 32-bit number of whatever byte order its machine had. */
static enum step null_step(struct walk *w)
{
	const uint8_t *p = walk_take(w, 4);
	uint32_t family;

	if (!p)
		return STEP_END;
	family = be32(p);
	if (family & 0xffff0000)
		family = __builtin_bswap32(family);
	switch (family) {
	case 2:
	case 10: /* Linux */
	case 24: /* NetBSD, OpenBSD */
	case 28: /* FreeBSD */
	case 30: /* macOS */
		return STEP_IP;
	default:
		return walk_end(w, DISSECTED_OTHER);
	}
}

/* Linux's cooked capture: HARDWARE says what PROTOCOL is, nearly always an ethertype. */
static enum step cooked(struct walk *w, uint16_t hardware, uint16_t protocol)
{
	if (protocol == SLL_LLC && hardware != HARDWARE_GRE)
		return walk_into(w, STEP_LLC);
	if (protocol <= TYPE_LENGTH_MAX)
		return walk_end(w, DISSECTED_OTHER);
	return walk_type(w, protocol);
}

static enum step sll_step(struct walk *w)
{
	const uint8_t *p = walk_take(w, 16);

	return p ? cooked(w, be16(p + 2), be16(p + 14)) : STEP_END;
}

static enum step sll2_step(struct walk *w)
{
	const uint8_t *p = walk_take(w, 20);

	return p ? cooked(w, be16(p + 8), be16(p)) : STEP_END;
}

/* NFLOG's attributes have the byte order of the machine that wrote them. */
static uint32_t nflog_u16(const uint8_t *p, bool big)
{
	return big ? be16(p) : (uint32_t)(p[1] << 8 | p[0]);
}

/* The kinds are few: the byte that is not zero tells. */
static bool nflog_big(const struct walk *w)
{
	return w->cap >= 4 && w->p[3] && !(w->p[2] & 0x7f);
}

static enum step nflog_step(struct walk *w)
{
	enum { ATTRIBUTE_PAYLOAD = 9 };
	bool big;

	if (!walk_take(w, 4)) /* family, version, resource */
		return STEP_END;
	big = nflog_big(w);
	while (w->len) {
		const uint8_t *p = walk_take(w, 4);
		uint32_t n = p ? nflog_u16(p, big) : 0;

		if (!p)
			return STEP_END;
		if (n < 4)
			return walk_end(w, DISSECTED_BAD);
		if ((nflog_u16(p + 2, big) & 0x7fff) == ATTRIBUTE_PAYLOAD) {
			walk_limit(w, n - 4);
			return STEP_IP;
		}
		n = ((n + 3) & ~3U) - 4;
		if (!walk_take(w, n < w->len ? n : w->len))
			return STEP_END;
	}
	return walk_end(w, DISSECTED_OTHER);
}

/* PPP in HDLC framing, or Cisco's own that has an ethertype there. */
static enum step hdlc_step(struct walk *w)
{
	const uint8_t *p = w->p;

	if (w->cap < 4)
		return walk_end(w, w->len < 4 ? DISSECTED_BAD : DISSECTED_SHORT);
	if ((p[0] != 0x0f && p[0] != 0x8f) || p[1] != 0)
		return STEP_PPP;
	walk_take(w, 4);
	return walk_type(w, be16(p + 2));
}

enum step linktype_step(struct walk *w, uint32_t link)
{
	switch (link) {
	case LINK_ETHERNET:
		return STEP_ETHERNET;
	case LINK_NULL:
	case LINK_LOOP:
		return null_step(w);
	case LINK_PPP:
	case LINK_PPP_HDLC:
	case LINK_CISCO_HDLC:
		return hdlc_step(w);
	case LINK_PPP_ETHER:
		return STEP_PPPOE;
	case LINK_DLT_RAW:
	case LINK_DLT_RAW_OPENBSD:
	case LINK_RAW:
		return STEP_IP;
	case LINK_IPV4:
		return STEP_IPV4;
	case LINK_IPV6:
		return STEP_IPV6;
	case LINK_SLL:
		return sll_step(w);
	case LINK_SLL2:
		return sll2_step(w);
	case LINK_NFLOG:
		return nflog_step(w);
	default:
		return walk_end(w, DISSECTED_OTHER);
	}
}

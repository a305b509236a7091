/* SPDX-License-Identifier: Apache-2.0 */
/* GRE (RFC 2784, 2890, 1701, 2637), ERSPAN in it, VXLAN (RFC 7348), GENEVE (RFC 8926). */
#include "sensor/mirror/dissect_parts.h"

enum gre_flag {
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_ACK = 0x0080, /* version 1 only */
	GRE_VERSION = 7,
};

enum gre_type { GRE_ERSPAN = 0x88be, GRE_ERSPAN3 = 0x22eb, GRE_PPP = 0x880b };

enum {
	PORT_VXLAN = 4789,
	PORT_VXLAN_GPE = 4790,
	PORT_VXLAN_LINUX = 8472,
	PORT_GENEVE = 6081,
};

enum gpe_payload { GPE_IPV4 = 1, GPE_IPV6, GPE_ETHERNET };

/* RFC 1701's source routes: family, offset, length, until both family and length are 0. */
static bool skip_routes(struct walk *w)
{
	for (;;) {
		const uint8_t *p = walk_take(w, 4);

		if (!p || !walk_take(w, p[3]))
			return false;
		if (!be16(p) && !p[3])
			return true;
	}
}

/* PPTP's: PPP, where there is anything. */
static enum step enhanced_gre(struct walk *w, uint32_t flags, uint32_t type)
{
	if (type != GRE_PPP || !(flags & GRE_KEY) || !(flags & GRE_SEQUENCE))
		return walk_end(w, DISSECTED_OTHER);
	return walk_take(w, flags & GRE_ACK ? 12 : 8) ? STEP_PPP : STEP_END;
}

static enum step in_gre(struct walk *w, uint32_t flags, uint32_t type)
{
	switch (type) {
	case GRE_ERSPAN: /* without a sequence it is type I, which has no header */
		return flags & GRE_SEQUENCE ? STEP_ERSPAN2 : STEP_ETHERNET;
	case GRE_ERSPAN3:
		return STEP_ERSPAN3;
	default:
		return walk_type(w, type);
	}
}

enum step tunnel_gre(struct walk *w)
{
	const uint8_t *p = walk_take(w, 4);
	uint32_t flags, type;

	if (!p)
		return STEP_END;
	flags = be16(p);
	type = be16(p + 2);
	if ((flags & GRE_VERSION) == 1)
		return enhanced_gre(w, flags, type);
	if (flags & GRE_VERSION)
		return walk_end(w, DISSECTED_OTHER);
	if (flags & (GRE_CHECKSUM | GRE_ROUTING) && !walk_take(w, 4))
		return STEP_END;
	if (flags & GRE_KEY) {
		p = walk_take(w, 4);
		if (!p)
			return STEP_END;
		walk_tag(w, TAG_GRE, be32(p));
	}
	if (flags & GRE_SEQUENCE && !walk_take(w, 4))
		return STEP_END;
	if (flags & GRE_ROUTING && !skip_routes(w))
		return STEP_END;
	return in_gre(w, flags, type);
}

/* The mirror's own VLAN and session are no tags: they say where the copy was taken. */
enum step tunnel_erspan2(struct walk *w)
{
	return walk_take(w, 8) ? STEP_ETHERNET : STEP_END;
}

enum step tunnel_erspan3(struct walk *w)
{
	enum { FRAME_IP = 2 };
	const uint8_t *p = walk_take(w, 12);

	if (!p)
		return STEP_END;
	if (p[11] & 1 && !walk_take(w, 8)) /* the platform's subheader */
		return STEP_END;
	return (p[10] >> 2 & 31) == FRAME_IP ? STEP_IP : STEP_ETHERNET;
}

/*
 * The I flag, and all else zero; or with G and a group's id, as Linux has it; or with P and a
 * kind of payload (draft-ietf-nvo3-vxlan-gpe).
 */
static bool is_vxlan(const uint8_t *p)
{
	if (p[7])
		return false;
	switch (p[0]) {
	case 0x08:
		return !be24(p + 1);
	case 0x88:
		return !(p[1] & ~0x48);
	case 0x0c:
		return !be16(p + 1) && p[3] >= GPE_IPV4 && p[3] <= GPE_ETHERNET;
	default:
		return false;
	}
}

static bool is_geneve(const uint8_t *p)
{
	uint16_t type = be16(p + 2);

	return !(p[0] >> 6) && !(p[1] & 0x3f) && !p[7] &&
	       (type == TYPE_ETHERNET || type == TYPE_IPV4 || type == TYPE_IPV6 ||
		type == TYPE_MPLS);
}

/* Where the snap length hides which it is, the port alone says it. */
enum step tunnel_port(const struct walk *w, uint16_t port)
{
	enum { HEADER = 8, ETHERNET = 14 };

	if (w->len < HEADER + ETHERNET)
		return STEP_END;
	switch (port) {
	case PORT_VXLAN:
	case PORT_VXLAN_GPE:
	case PORT_VXLAN_LINUX:
		return w->cap < HEADER || is_vxlan(w->p) ? STEP_VXLAN : STEP_END;
	case PORT_GENEVE:
		return w->cap < HEADER || is_geneve(w->p) ? STEP_GENEVE : STEP_END;
	default:
		return STEP_END;
	}
}

enum step tunnel_vxlan(struct walk *w)
{
	const uint8_t *p = walk_take(w, 8);

	if (!p)
		return STEP_END;
	walk_tag(w, TAG_VXLAN, be24(p + 4));
	if (!(p[0] & 0x04))
		return STEP_ETHERNET;
	return p[3] == GPE_IPV4 ? STEP_IPV4 : p[3] == GPE_IPV6 ? STEP_IPV6 : STEP_ETHERNET;
}

enum step tunnel_geneve(struct walk *w)
{
	const uint8_t *p = walk_take(w, 8);

	if (!p || !walk_take(w, (p[0] & 0x3f) * 4U))
		return STEP_END;
	walk_tag(w, TAG_GENEVE, be24(p + 4));
	return walk_type(w, be16(p + 2));
}

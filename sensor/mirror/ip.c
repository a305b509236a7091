/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 (RFC 791), IPv6 (RFC 8200) with its extension headers, and what they carry. */
#include <string.h>

#include "sensor/mirror/dissect_parts.h"

enum protocol {
	PROTO_HOP_BY_HOP = 0,
	PROTO_IPV4 = 4,
	PROTO_IPV6 = 41,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_GRE = 47,
	PROTO_AH = 51,
	PROTO_DESTINATION = 60,
	PROTO_MPLS = 137,
};

enum { EXTENSIONS_MAX = 16 };

enum step ip_any(struct walk *w)
{
	if (!w->cap)
		return walk_end(w, w->len ? DISSECTED_SHORT : DISSECTED_BAD);
	switch (w->p[0] >> 4) {
	case 4:
		return STEP_IPV4;
	case 6:
		return STEP_IPV6;
	default:
		return walk_end(w, DISSECTED_BAD);
	}
}

/* Keeps the fragment that W stands at; goes on where it was the last that was missing. */
static enum step defragment(struct walk *w, struct fragment *f)
{
	struct defragmented whole;

	f->time_ns = w->out->time_ns;
	f->src = w->out->src;
	f->dst = w->out->dst;
	f->tag = w->out->tag;
	f->len = w->len;
	f->cap = w->cap;
	f->p = w->p;
	if (!fragments_add(w->fragments, f, &whole))
		return walk_end(w, DISSECTED_FRAGMENT);
	w->p = whole.p;
	w->len = whole.len;
	w->cap = whole.cap;
	w->type = f->proto;
	return STEP_PROTOCOL;
}

static void v4_addresses(struct packet *out, const uint8_t *p)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

	memcpy(out->src.b, mapped, 12);
	memcpy(out->src.b + 12, p, 4);
	memcpy(out->dst.b, mapped, 12);
	memcpy(out->dst.b + 12, p + 4, 4);
}

enum step ip_v4(struct walk *w)
{
	const uint8_t *p = walk_take(w, 20);
	uint32_t header, total, offset;

	if (!p)
		return STEP_END;
	header = (p[0] & 15) * 4U;
	total = be16(p + 2);
	if (p[0] >> 4 != 4 || header < 20 || (total && total < header))
		return walk_end(w, DISSECTED_BAD);
	if (total)
		walk_limit(w, total - 20);
	if (header > 20 && !walk_take(w, header - 20))
		return STEP_END;
	v4_addresses(w->out, p + 12);
	w->out->ip_id = be16(p + 4);
	w->v6 = false;
	w->type = p[9];
	offset = be16(p + 6);
	if (!(offset & 0x3fff))
		return p[9] == PROTO_TCP ? STEP_TCP : STEP_PROTOCOL;
	return defragment(w, &(struct fragment){ .id = w->out->ip_id,
						 .proto = p[9],
						 .more = offset & 0x2000,
						 .offset = (offset & 0x1fff) * 8 });
}

enum step ip_v6(struct walk *w)
{
	const uint8_t *p = walk_take(w, 40);

	if (!p)
		return STEP_END;
	if (p[0] >> 4 != 6)
		return walk_end(w, DISSECTED_BAD);
	if (be16(p + 4))
		walk_limit(w, be16(p + 4));
	memcpy(w->out->src.b, p + 8, 16);
	memcpy(w->out->dst.b, p + 24, 16);
	w->out->ip_id = 0;
	w->v6 = true;
	w->type = p[6];
	return STEP_PROTOCOL;
}

static enum step v6_fragment(struct walk *w)
{
	const uint8_t *p = walk_take(w, 8);
	uint16_t offset;

	if (!p)
		return STEP_END;
	w->type = p[0];
	offset = be16(p + 2);
	if (!(offset & 0xfff9)) /* an atomic one, RFC 6946 */
		return STEP_PROTOCOL;
	return defragment(w, &(struct fragment){ .id = be32(p + 4),
						 .proto = p[0],
						 .more = offset & 1,
						 .offset = offset & 0xfff8 });
}

/* A header whose second byte is its length, in UNITs beyond the first BASE bytes. */
static enum step extension(struct walk *w, uint32_t unit, uint32_t base)
{
	const uint8_t *p = walk_take(w, 8);

	if (!p)
		return STEP_END;
	w->type = p[0];
	if (p[1] * unit + base < 8)
		return walk_end(w, DISSECTED_BAD);
	return walk_take(w, p[1] * unit + base - 8) ? STEP_PROTOCOL : STEP_END;
}

/* STEP_END for what is no extension header. */
static enum step v6_extension(struct walk *w)
{
	switch (w->type) {
	case PROTO_HOP_BY_HOP:
	case PROTO_ROUTING:
	case PROTO_DESTINATION:
		return extension(w, 8, 8);
	case PROTO_FRAGMENT:
		return v6_fragment(w);
	default:
		return walk_end(w, DISSECTED_OTHER);
	}
}

enum step ip_protocol(struct walk *w)
{
	switch (w->type) {
	case PROTO_TCP:
		return STEP_TCP;
	case PROTO_UDP:
		return STEP_UDP;
	case PROTO_IPV4:
	case PROTO_IPV6:
		return walk_into(w, STEP_IP);
	case PROTO_GRE:
		return walk_into(w, STEP_GRE);
	case PROTO_MPLS:
		return walk_into(w, STEP_MPLS);
	}
	if (w->extensions++ >= EXTENSIONS_MAX)
		return walk_end(w, DISSECTED_OTHER);
	if (w->type == PROTO_AH) /* RFC 4302: words, less two */
		return extension(w, 4, 8);
	return w->v6 ? v6_extension(w) : walk_end(w, DISSECTED_OTHER);
}

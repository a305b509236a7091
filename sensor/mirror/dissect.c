/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/dissect.h"

#include <stdlib.h>

#include "common/mem.h"
#include "sensor/mirror/dissect_parts.h"

struct dissector {
	struct fragments *fragments;
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

void walk_tag(struct walk *w, enum tag_kind kind, uint32_t id)
{
	uint32_t t = w->out->tag;

	t = ((t << 5 | t >> 27) ^ (id + kind * 0x85ebca6bU)) * 0x9e3779b1U;
	t ^= t >> 15;
	w->out->tag = t ? t : 1;
}

/* What W stands at is the payload. */
static enum step arrived(struct walk *w, uint8_t proto)
{
	w->out->proto = proto;
	w->out->len = w->len;
	w->out->cap = w->cap;
	w->out->payload = w->p;
	return walk_end(w, proto == 6 ? DISSECTED_TCP : DISSECTED_UDP);
}

/* Only the options may be missing from a TCP header: who is snapped there is still counted. */
static enum step tcp(struct walk *w)
{
	const uint8_t *p = walk_take(w, 20);
	struct packet *out = w->out;
	uint32_t options;

	if (!p)
		return STEP_END;
	options = (p[12] >> 4) * 4U;
	if (options < 20 || options - 20 > w->len)
		return walk_end(w, DISSECTED_BAD);
	options -= 20;
	out->src_port = be16(p);
	out->dst_port = be16(p + 2);
	out->seq = be32(p + 4);
	out->ack = be32(p + 8);
	out->flags = p[13];
	out->checksum = be16(p + 16);
	w->len -= options;
	w->p += options < w->cap ? options : w->cap;
	w->cap -= options < w->cap ? options : w->cap;
	return arrived(w, 6);
}

/* A length of 0 is a jumbogram's (RFC 2675). */
static enum step udp(struct walk *w)
{
	const uint8_t *p = walk_take(w, 8);
	uint32_t len;
	enum step tunnel;

	if (!p)
		return STEP_END;
	len = be16(p + 4);
	if (len && len < 8)
		return walk_end(w, DISSECTED_BAD);
	if (len)
		walk_limit(w, len - 8);
	tunnel = tunnel_port(w, be16(p + 2));
	if (tunnel != STEP_END)
		return walk_into(w, tunnel);
	w->out->src_port = be16(p);
	w->out->dst_port = be16(p + 2);
	return arrived(w, 17);
}

static enum step take_step(struct walk *w, enum step step)
{
	switch (step) {
	case STEP_ETHERNET:
		return ether_frame(w);
	case STEP_TYPE:
		return ether_type(w);
	case STEP_LLC:
		return ether_llc(w);
	case STEP_MPLS:
		return ether_mpls(w);
	case STEP_PPPOE:
		return ether_pppoe(w);
	case STEP_PPP:
		return ether_ppp(w);
	case STEP_IP:
		return ip_any(w);
	case STEP_IPV4:
		return ip_v4(w);
	case STEP_IPV6:
		return ip_v6(w);
	case STEP_PROTOCOL:
		return ip_protocol(w);
	case STEP_GRE:
		return tunnel_gre(w);
	case STEP_ERSPAN2:
		return tunnel_erspan2(w);
	case STEP_ERSPAN3:
		return tunnel_erspan3(w);
	case STEP_UDP:
		return udp(w);
	case STEP_VXLAN:
		return tunnel_vxlan(w);
	case STEP_GENEVE:
		return tunnel_geneve(w);
	case STEP_TCP:
		return tcp(w);
	case STEP_END:
		break;
	}
	return STEP_END;
}

enum dissected dissect(struct dissector *d, const struct frame_in *frame, struct packet *out)
{
	struct walk w = { .p = frame->p,
			  .cap = frame->cap,
			  .len = frame->len > frame->cap ? frame->len : frame->cap,
			  .verdict = DISSECTED_OTHER,
			  .out = out,
			  .fragments = d->fragments };
	enum step step;

	*out = (struct packet){ .time_ns = frame->time_ns };
	for (step = linktype_step(&w, frame->link); step != STEP_END;)
		step = take_step(&w, step);
	return w.verdict;
}

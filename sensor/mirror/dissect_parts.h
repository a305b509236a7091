/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the dissector: a frame is walked header by header.  Each step takes one header and
 * says which follows; none calls another, so that depth is a counter and not the stack.  All
 * bytes are taken through walk_take().
 */
#ifndef SENSOR_MIRROR_DISSECT_PARTS_H
#define SENSOR_MIRROR_DISSECT_PARTS_H

#include <stdbool.h>

#include "sensor/mirror/dissect.h"
#include "sensor/mirror/fragment.h"

enum step {
	STEP_END, /* `verdict` says how */
	STEP_ETHERNET,
	STEP_TYPE, /* what ethertype `type` says */
	STEP_LLC,
	STEP_MPLS,
	STEP_PPPOE,
	STEP_PPP,
	STEP_IP, /* version 4 or 6, as its first four bits say */
	STEP_IPV4,
	STEP_IPV6,
	STEP_PROTOCOL, /* what IP protocol `type` says */
	STEP_GRE,
	STEP_ERSPAN2,
	STEP_ERSPAN3,
	STEP_UDP,
	STEP_VXLAN,
	STEP_GENEVE,
	STEP_TCP,
};

enum ethertype {
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_ARP = 0x0806,
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	TYPE_QINQ_OLD = 0x9100,
	TYPE_QINQ_OLDER = 0x9200,
	TYPE_MPLS = 0x8847,
	TYPE_MPLS_MULTICAST = 0x8848,
	TYPE_PPPOE = 0x8864,
	TYPE_ETHERNET = 0x6558, /* in GRE and GENEVE */
	TYPE_LENGTH_MAX = 1500, /* up to here it is a length, and LLC follows */
};

/* What a tag is of, so that VLAN 7 and VNI 7 differ. */
enum tag_kind { TAG_VLAN = 1, TAG_VXLAN, TAG_GENEVE, TAG_GRE };

struct walk {
	const uint8_t *p; /* what is left: CAP bytes are there, LEN were on the wire */
	uint32_t cap, len;
	uint32_t type;
	enum dissected verdict;
	bool v6;
	uint8_t depth;	    /* wrappers so far */
	uint8_t extensions; /* of IPv6, so far */
	struct packet *out;
	struct fragments *fragments;
};

static inline uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t be24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}
static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | be24(p + 1);
}

static inline enum step walk_end(struct walk *w, enum dissected verdict)
{
	w->verdict = verdict;
	return STEP_END;
}
/* N bytes and past them; NULL with the verdict SHORT or BAD. */
static inline const uint8_t *walk_take(struct walk *w, uint32_t n)
{
	const uint8_t *p = w->p;

	if (w->cap < n) {
		w->verdict = w->len < n ? DISSECTED_BAD : DISSECTED_SHORT;
		return NULL;
	}
	w->p += n;
	w->cap -= n;
	w->len -= n;
	return p;
}
/* What is left is N bytes at most. */
static inline void walk_limit(struct walk *w, uint32_t n)
{
	w->len = w->len < n ? w->len : n;
	w->cap = w->cap < n ? w->cap : n;
}
/* One more wrapper around what follows; too many are OTHER. */
static inline enum step walk_into(struct walk *w, enum step next)
{
	return w->depth++ < DISSECT_DEPTH ? next : walk_end(w, DISSECTED_OTHER);
}
static inline enum step walk_type(struct walk *w, uint32_t ethertype)
{
	w->type = ethertype;
	return STEP_TYPE;
}
void walk_tag(struct walk *w, enum tag_kind kind, uint32_t id);

/* linktype.c: past the header of a capture's link type. */
enum step linktype_step(struct walk *w, uint32_t link);

/* ether.c */
enum step ether_frame(struct walk *w);
enum step ether_type(struct walk *w);
enum step ether_llc(struct walk *w);
enum step ether_mpls(struct walk *w);
enum step ether_pppoe(struct walk *w);
enum step ether_ppp(struct walk *w);

/* ip.c */
enum step ip_any(struct walk *w);
enum step ip_v4(struct walk *w);
enum step ip_v6(struct walk *w);
enum step ip_protocol(struct walk *w);

/* tunnel.c.  tunnel_port: the step for a datagram to PORT; STEP_END when it is no tunnel. */
enum step tunnel_gre(struct walk *w);
enum step tunnel_erspan2(struct walk *w);
enum step tunnel_erspan3(struct walk *w);
enum step tunnel_port(const struct walk *w, uint16_t port);
enum step tunnel_vxlan(struct walk *w);
enum step tunnel_geneve(struct walk *w);

#endif

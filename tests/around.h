/* SPDX-License-Identifier: Apache-2.0 */
/* All that may be around an IP packet, one case each. */
#ifndef TESTS_AROUND_H
#define TESTS_AROUND_H

#include <stdbool.h>

#include "tests/frames.h"

struct around {
	const char *name;
	uint32_t link;
	bool tagged;
	void (*wrap)(struct frame *f);
};

static inline void bare(struct frame *f)
{
	(void)f;
}

static inline void vlan(struct frame *f)
{
	frame_vlan(f, 0x8100, 5);
	frame_ethernet(f);
}

static inline void priority(struct frame *f)
{
	frame_vlan(f, 0x8100, 0);
	frame_ethernet(f);
}

static inline void qinq(struct frame *f)
{
	frame_vlan(f, 0x8100, 5);
	frame_vlan(f, 0x88a8, 6);
	frame_ethernet(f);
}

static inline void qinq_old(struct frame *f)
{
	frame_vlan(f, 0x9100, 5);
	frame_vlan(f, 0x9200, 6);
	frame_ethernet(f);
}

static inline void mpls(struct frame *f)
{
	frame_mpls(f, 100, true);
	frame_mpls(f, 200, false);
	frame_ethernet(f);
}

static inline void mpls_ethernet(struct frame *f)
{
	frame_ethernet(f);
	frame_mpls(f, 100, true);
	f->type = 0x8848;
	frame_ethernet(f);
}

static inline void mpls_control_word(struct frame *f)
{
	frame_ethernet(f);
	frame_front(f, 4);
	frame_mpls(f, 100, true);
	frame_ethernet(f);
}

static inline void pppoe(struct frame *f)
{
	frame_ppp(f);
	frame_pppoe(f);
	frame_ethernet(f);
}

static inline void pppoe_short(struct frame *f)
{
	*frame_front(f, 1) = f->type == 0x0800 ? 0x21 : 0x57;
	frame_pppoe(f);
	frame_ethernet(f);
}

static inline void snap(struct frame *f)
{
	frame_snap(f);
	frame_ethernet(f);
}

static inline void snap_vlan(struct frame *f)
{
	frame_vlan(f, 0x8100, 7);
	frame_snap(f);
	frame_ethernet(f);
}

static inline void llc_ip(struct frame *f)
{
	frame_front_bytes(f, "\x06\x06\x03", 3);
	f->type = (uint16_t)frame_len(f);
	frame_ethernet(f);
}

static inline void gre(struct frame *f)
{
	frame_gre(f, 0, 0);
	frame_ip4(f);
	frame_ethernet(f);
}

static inline void gre_all(struct frame *f)
{
	frame_gre(f, 0xb000, 9);
	frame_ip6(f);
	frame_ethernet(f);
}

static inline void gre_ethernet(struct frame *f)
{
	frame_ethernet(f);
	frame_gre(f, 0x2000, 9);
	frame_ip4(f);
	frame_ethernet(f);
}

static inline void gre_ppp(struct frame *f)
{
	uint8_t *p;

	frame_ppp(f);
	p = frame_front(f, 16); /* RFC 2637: key, number, and an acknowledgement */
	frame_u16(p, 0x3081);
	frame_u16(p + 2, 0x880b);
	f->proto = 47;
	frame_ip4(f);
	frame_ethernet(f);
}

static inline void erspan1(struct frame *f)
{
	frame_ethernet(f);
	f->type = 0x88be;
	frame_gre(f, 0, 0);
	frame_ip4(f);
	frame_ethernet(f);
}

static inline void erspan2(struct frame *f)
{
	frame_ethernet(f);
	frame_front(f, 8)[0] = 0x10;
	f->type = 0x88be;
	frame_gre(f, 0x1000, 0);
	frame_ip4(f);
	frame_ethernet(f);
}

static inline void erspan3_with(struct frame *f, unsigned kind, bool more)
{
	uint8_t *p = frame_front(f, more ? 20 : 12);

	p[0] = 0x20;
	p[10] = (uint8_t)(kind << 2);
	p[11] = more;
	f->type = 0x22eb;
	frame_gre(f, 0x1000, 0);
	frame_ip4(f);
	frame_ethernet(f);
}

static inline void erspan3(struct frame *f)
{
	frame_ethernet(f);
	erspan3_with(f, 0, false);
}

static inline void erspan3_more(struct frame *f)
{
	frame_ethernet(f);
	erspan3_with(f, 0, true);
}

static inline void erspan3_ip(struct frame *f)
{
	erspan3_with(f, 2, false);
}

static inline void vxlan(struct frame *f)
{
	frame_ethernet(f);
	frame_vxlan(f, 77);
	frame_ip4(f);
	frame_ethernet(f);
}

static inline void vxlan_old(struct frame *f)
{
	vxlan(f);
	frame_u16(frame_bytes(f) + 14 + 20 + 2, 8472);
}

static inline void vxlan_gpe(struct frame *f)
{
	unsigned kind = f->type == 0x0800 ? 1 : 2;
	uint8_t *p = frame_front(f, 8);

	p[0] = 0x0c;
	p[3] = (uint8_t)kind;
	frame_udp(f, 4790);
	frame_ip6(f);
	frame_ethernet(f);
}

static inline void geneve(struct frame *f)
{
	frame_ethernet(f);
	frame_geneve(f, 77, 12);
	frame_ip4(f);
	frame_ethernet(f);
}

static inline void geneve_ip(struct frame *f)
{
	frame_geneve(f, 77, 0);
	frame_ip6(f);
	frame_ethernet(f);
}

static inline void ip_in_ip4(struct frame *f)
{
	frame_ip4(f);
	frame_ethernet(f);
}

static inline void ip_in_ip6(struct frame *f)
{
	frame_ip6(f);
	frame_ethernet(f);
}

static inline void mpls_in_ip(struct frame *f)
{
	frame_mpls(f, 100, true);
	frame_ip4(f);
	frame_ethernet(f);
}

static inline void extensions(struct frame *f)
{
	frame_extension(f, 51, 12);
	frame_extension(f, 60, 16);
	frame_extension(f, 43, 24);
	frame_extension(f, 0, 8);
	frame_ip6(f);
	frame_ethernet(f);
}

static inline void atomic_fragment(struct frame *f)
{
	frame_part6(f, 0, false, 1);
	frame_ip6(f);
	frame_ethernet(f);
}

static inline void options4(struct frame *f)
{
	frame_ip4_with(f, 40, 0);
	frame_ethernet(f);
}

/* As deep as it goes in earnest: a mirror's tunnel around a cloud's. */
static inline void everything(struct frame *f)
{
	frame_vlan(f, 0x8100, 5);
	frame_ethernet(f);
	frame_vxlan(f, 77);
	frame_ip4_with(f, 4, 0);
	frame_vlan(f, 0x8100, 6);
	erspan2(f);
}

static inline void family(struct frame *f)
{
	frame_front(f, 4)[3] = 2;
}

static inline void cooked(struct frame *f)
{
	unsigned type = f->type;

	frame_u16(frame_front(f, 16) + 14, type);
}

static inline void cooked_llc(struct frame *f)
{
	frame_snap(f);
	frame_u16(frame_front(f, 16) + 14, 4);
}

static inline void cooked2(struct frame *f)
{
	unsigned type = f->type;

	frame_u16(frame_front(f, 20), type);
}

static inline void ppp_hdlc(struct frame *f)
{
	frame_ppp(f);
	frame_front_bytes(f, "\xff\x03", 2);
}

static inline void ppp_mpls(struct frame *f)
{
	frame_mpls(f, 100, true);
	frame_ppp(f);
}

static inline void hdlc(struct frame *f)
{
	unsigned type = f->type;
	uint8_t *p = frame_front(f, 4);

	p[0] = 0x0f;
	frame_u16(p + 2, type);
}

static inline void ppp_ether(struct frame *f)
{
	frame_ppp(f);
	frame_pppoe(f);
}

/* Two attributes, the first of five bytes and filled up; numbers in either order. */
static inline void nflog_with(struct frame *f, bool big)
{
	unsigned len = frame_len(f) + 4;
	uint8_t *p = frame_front(f, 4 + 12 + 4), *q = p + 16;

	p[4 + big] = 9;
	p[6 + big] = 10;
	q[big] = (uint8_t)len;
	q[!big] = (uint8_t)(len >> 8);
	q[2 + big] = 9;
}

static inline void nflog(struct frame *f)
{
	nflog_with(f, false);
}

static inline void nflog_big(struct frame *f)
{
	nflog_with(f, true);
}

static const struct around around[] = {
	{ "ethernet", 1, false, frame_ethernet },
	{ "802.1Q", 1, true, vlan },
	{ "802.1p", 1, false, priority },
	{ "802.1ad", 1, true, qinq },
	{ "QinQ of before 802.1ad", 1, true, qinq_old },
	{ "MPLS", 1, false, mpls },
	{ "MPLS with Ethernet", 1, false, mpls_ethernet },
	{ "MPLS with a control word", 1, false, mpls_control_word },
	{ "PPPoE", 1, false, pppoe },
	{ "PPPoE, one byte", 1, false, pppoe_short },
	{ "SNAP", 1, false, snap },
	{ "SNAP with a VLAN", 1, true, snap_vlan },
	{ "LLC", 1, false, llc_ip },
	{ "GRE", 1, false, gre },
	{ "GRE with checksum, key and number", 1, true, gre_all },
	{ "GRE with Ethernet", 1, true, gre_ethernet },
	{ "PPTP", 1, false, gre_ppp },
	{ "ERSPAN I", 1, false, erspan1 },
	{ "ERSPAN II", 1, false, erspan2 },
	{ "ERSPAN III", 1, false, erspan3 },
	{ "ERSPAN III, subheader", 1, false, erspan3_more },
	{ "ERSPAN III, IP", 1, false, erspan3_ip },
	{ "VXLAN", 1, true, vxlan },
	{ "VXLAN, Linux's first port", 1, true, vxlan_old },
	{ "VXLAN GPE", 1, true, vxlan_gpe },
	{ "GENEVE", 1, true, geneve },
	{ "GENEVE with IP", 1, true, geneve_ip },
	{ "IP in IPv4", 1, false, ip_in_ip4 },
	{ "IP in IPv6", 1, false, ip_in_ip6 },
	{ "MPLS in IP", 1, false, mpls_in_ip },
	{ "IPv6 with extensions", 1, false, extensions },
	{ "IPv6 with an atomic fragment", 1, false, atomic_fragment },
	{ "IPv4 with options", 1, false, options4 },
	{ "ERSPAN, VLAN, VXLAN, VLAN", 1, true, everything },
	{ "NULL", 0, false, family },
	{ "LOOP", 108, false, family },
	{ "RAW", 101, false, bare },
	{ "RAW of OpenBSD", 14, false, bare },
	{ "RAW of BSD", 12, false, bare },
	{ "PPP", 9, false, frame_ppp },
	{ "PPP, HDLC framing", 9, false, ppp_hdlc },
	{ "PPP with MPLS", 9, false, ppp_mpls },
	{ "PPP_HDLC", 50, false, ppp_hdlc },
	{ "C_HDLC", 104, false, hdlc },
	{ "PPP_ETHER", 51, false, ppp_ether },
	{ "LINUX_SLL", 113, false, cooked },
	{ "LINUX_SLL, 802.2", 113, false, cooked_llc },
	{ "LINUX_SLL2", 276, false, cooked2 },
	{ "NFLOG", 239, false, nflog },
	{ "NFLOG, big-endian", 239, false, nflog_big },
};

enum { AROUND = sizeof(around) / sizeof(around[0]) };

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames for tests, byte by byte, out of words: frame_build(1, "eth vlan7 ip4 gre ip6 tcp")
 * leaves in `frame` what a capture of link type 1 has.  Each header takes its type from the
 * word that follows, and lengths are set at the end.  The innermost is always 5 bytes,
 * "hello".
 */
#ifndef TESTS_FRAMEKIT_H
#define TESTS_FRAMEKIT_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"

enum {
	FRAME_SRC_PORT = 40000,
	FRAME_DST_PORT = 80,
	FRAME_SEQ = 0x01020304,
	FRAME_ID = 0x7788
};

static struct {
	struct buf b;
	struct frame_length {
		size_t at, from;
	} length[32];
	unsigned lengths;
	size_t transport; /* where the innermost TCP or UDP header begins */
} frame;

struct word {
	const char *name;
	void (*put)(const struct word *self, const struct word *next);
	uint16_t type;	/* as ethertype */
	uint16_t proto; /* as IP protocol */
	uint16_t port;	/* as UDP port */
	uint32_t arg;
};

/* Two bytes here will be the number of bytes from FROM to the end. */
static inline void frame_length(size_t from)
{
	ck_assert_uint_lt(frame.lengths, 32);
	frame.length[frame.lengths++] = (struct frame_length){ frame.b.n, from };
	buf_u16(&frame.b, 0);
}

static inline void frame_zeros(size_t n)
{
	while (n--)
		buf_u8(&frame.b, 0);
}

static inline void frame_macs(void)
{
	buf_put(&frame.b, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
}

static inline void put_eth(const struct word *self, const struct word *next)
{
	buf_put(&frame.b, self->arg ? "\x45\0\0\0\0\1" : "\2\0\0\0\0\1", 6);
	buf_put(&frame.b, "\2\0\0\0\0\2", 6);
	buf_u16(&frame.b, next->type);
}

/* A destination of a maker whose number begins with zero, as most do. */
static inline void put_ethzero(const struct word *self, const struct word *next)
{
	(void)self;
	buf_put(&frame.b, "\0\x1b\x21\0\0\1\0\x1b\x21\0\0\2", 12);
	buf_u16(&frame.b, next->type);
}

/* IEEE 802.3: a length where Ethernet has its type. */
static inline void put_dot3(const struct word *self, const struct word *next)
{
	(void)self;
	(void)next;
	frame_macs();
	frame_length(frame.b.n + 2);
}

static inline void put_snap(const struct word *self, const struct word *next)
{
	(void)self;
	buf_put(&frame.b, "\xaa\xaa\3\0\0\0", 6);
	buf_u16(&frame.b, next->type);
}

static inline void put_llcip(const struct word *self, const struct word *next)
{
	(void)self;
	(void)next;
	buf_put(&frame.b, "\6\6\3", 3);
}

static inline void put_vlan(const struct word *self, const struct word *next)
{
	buf_u16(&frame.b, (uint16_t)(0xe000 | self->arg));
	buf_u16(&frame.b, next->type);
}

/* ARG labels. */
static inline void put_mpls(const struct word *self, const struct word *next)
{
	(void)next;
	for (uint32_t i = self->arg; i--;)
		buf_u32(&frame.b, (1000 + i) << 12 | (i ? 0 : 0x100) | 0x40);
}

static inline void put_zero4(const struct word *self, const struct word *next)
{
	(void)self;
	(void)next;
	buf_u32(&frame.b, 0x00000007);
}

static inline void put_pppoe(const struct word *self, const struct word *next)
{
	(void)self;
	(void)next;
	buf_put(&frame.b, "\x11\0\x12\x34", 4);
	frame_length(frame.b.n + 2);
}

/* ARG: 1 with address and control, 2 the protocol in one byte. */
static inline void put_ppp(const struct word *self, const struct word *next)
{
	uint16_t proto = next->type == 0x0800 ? 0x21 : next->type == 0x86dd ? 0x57 : 0x281;

	if (self->arg & 1)
		buf_put(&frame.b, "\xff\3", 2);
	if (self->arg & 2)
		buf_u8(&frame.b, (uint8_t)proto);
	else
		buf_u16(&frame.b, proto);
}

static inline void put_chdlc(const struct word *self, const struct word *next)
{
	(void)self;
	buf_put(&frame.b, "\x0f\0", 2);
	buf_u16(&frame.b, next->type);
}

static inline void put_sll(const struct word *self, const struct word *next)
{
	(void)self;
	buf_put(&frame.b, "\0\4\0\1\0\6\2\0\0\0\0\1\0\0", 14);
	buf_u16(&frame.b, next->type);
}

static inline void put_sll2(const struct word *self, const struct word *next)
{
	(void)self;
	buf_u16(&frame.b, next->type);
	buf_put(&frame.b, "\0\0\0\0\0\3\0\1\4\6\2\0\0\0\0\1\0\0", 18);
}

static inline void put_family(const struct word *self, const struct word *next)
{
	(void)next;
	buf_u32(&frame.b, self->arg);
}

static inline void nflog_u16(bool big, unsigned v)
{
	buf_u16(&frame.b, (uint16_t)(big ? v : (v >> 8 | (v & 255) << 8)));
}

/* Two attributes before the payload, the second one padded.  ARG: 1 is big-endian. */
static inline void put_nflog(const struct word *self, const struct word *next)
{
	bool big = self->arg;

	(void)next;
	buf_put(&frame.b, "\2\0\0\5", 4);
	nflog_u16(big, 8);
	nflog_u16(big, 1);
	buf_u32(&frame.b, 0);
	nflog_u16(big, 7);
	nflog_u16(big, 10);
	buf_put(&frame.b, "in\0\0", 4);
	nflog_u16(big, 4 + 20 + 20 + 5);
	nflog_u16(big, 9);
}

/* ARG: 1 with options, 2 a total length of 0. */
static inline void put_ip4(const struct word *self, const struct word *next)
{
	size_t start = frame.b.n;

	buf_put(&frame.b, self->arg & 1 ? "\x47\0" : "\x45\0", 2);
	if (self->arg & 2)
		buf_u16(&frame.b, 0);
	else
		frame_length(start);
	buf_u16(&frame.b, FRAME_ID);
	buf_u16(&frame.b, 0x4000);
	buf_u8(&frame.b, 64);
	buf_u8(&frame.b, (uint8_t)next->proto);
	buf_u16(&frame.b, 0);
	buf_put(&frame.b, "\xa\0\0\1\xa\0\0\2", 8);
	if (self->arg & 1)
		buf_put(&frame.b, "\1\1\1\1\1\1\1\0", 8);
}

/* ARG: 2 a payload length of 0. */
static inline void put_ip6(const struct word *self, const struct word *next)
{
	buf_u32(&frame.b, 0x60000000);
	if (self->arg & 2)
		buf_u16(&frame.b, 0);
	else
		frame_length(frame.b.n + 36);
	buf_u8(&frame.b, (uint8_t)next->proto);
	buf_u8(&frame.b, 64);
	buf_put(&frame.b, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	buf_put(&frame.b, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 16);
}

/* ARG: eight bytes each beyond the first. */
static inline void put_extension(const struct word *self, const struct word *next)
{
	buf_u8(&frame.b, (uint8_t)next->proto);
	buf_u8(&frame.b, (uint8_t)self->arg);
	buf_put(&frame.b, "\1\4\0\0\0\0", 6);
	frame_zeros(8 * self->arg);
}

/* A fragment header whose packet is in one piece. */
static inline void put_atomic(const struct word *self, const struct word *next)
{
	(void)self;
	buf_u8(&frame.b, (uint8_t)next->proto);
	buf_u8(&frame.b, 0);
	buf_u16(&frame.b, 0);
	buf_u32(&frame.b, 99);
}

static inline void put_ah(const struct word *self, const struct word *next)
{
	(void)self;
	buf_u8(&frame.b, (uint8_t)next->proto);
	buf_u8(&frame.b, 4); /* 24 bytes */
	frame_zeros(22);
}

/* ARG: the flags. */
static inline void put_gre(const struct word *self, const struct word *next)
{
	buf_u16(&frame.b, (uint16_t)self->arg);
	buf_u16(&frame.b, next->type);
	if (self->arg & 0xc000)
		buf_u32(&frame.b, 0xabcd0000);
	if (self->arg & 0x2000)
		buf_u32(&frame.b, 0xfeedbeef);
	if (self->arg & 0x1000)
		buf_u32(&frame.b, 1);
	if (self->arg & 0x4000)
		buf_put(&frame.b, "\0\2\0\4abcd\0\0\0\0", 12);
}

static inline void put_pptp(const struct word *self, const struct word *next)
{
	(void)next;
	buf_u16(&frame.b, (uint16_t)self->arg);
	buf_u16(&frame.b, 0x880b);
	frame_length(frame.b.n + (self->arg & 0x80 ? 12 : 8));
	buf_u16(&frame.b, 3);
	buf_u32(&frame.b, 1);
	if (self->arg & 0x80)
		buf_u32(&frame.b, 1);
}

static inline void put_erspan1(const struct word *self, const struct word *next)
{
	(void)self;
	(void)next;
}

static inline void put_erspan2(const struct word *self, const struct word *next)
{
	(void)next;
	buf_u16(&frame.b, 0x1000 | 100); /* the mirror's VLAN */
	buf_u16(&frame.b, (uint16_t)self->arg);
	buf_u32(&frame.b, 5);
}

/* ARG: 1 with the platform's subheader, 2 IP in it. */
static inline void put_erspan3(const struct word *self, const struct word *next)
{
	(void)next;
	buf_u16(&frame.b, 0x2000 | 100);
	buf_u16(&frame.b, 7);
	buf_u32(&frame.b, 123456);
	buf_u16(&frame.b, 0);
	buf_u16(&frame.b, (uint16_t)((self->arg & 2 ? 2 << 10 : 0) | (self->arg & 1)));
	if (self->arg & 1)
		frame_zeros(8);
}

/* ARG: the network's number; its top byte the flags where they are not the usual ones. */
static inline void put_vxlan(const struct word *self, const struct word *next)
{
	uint32_t flags = self->arg >> 24 ? self->arg >> 24 : 8;
	uint8_t inside = next->type == 0x0800 ? 1 : next->type == 0x86dd ? 2 : 3;

	buf_u32(&frame.b,
		flags << 24 | (flags & 4 ? inside : 0) | (flags & 0x80 ? 0x1200 : 0));
	buf_u32(&frame.b, self->arg << 8);
}

/* ARG: the network's number; its top byte how many words of options. */
static inline void put_geneve(const struct word *self, const struct word *next)
{
	uint32_t words = self->arg >> 24;

	buf_u8(&frame.b, (uint8_t)words);
	buf_u8(&frame.b, 0);
	buf_u16(&frame.b, next->type);
	buf_u32(&frame.b, self->arg << 8);
	frame_zeros(4 * words);
}

/* ARG: words of options. */
static inline void put_tcp(const struct word *self, const struct word *next)
{
	(void)next;
	frame.transport = frame.b.n;
	buf_u16(&frame.b, FRAME_SRC_PORT);
	buf_u16(&frame.b, FRAME_DST_PORT);
	buf_u32(&frame.b, FRAME_SEQ);
	buf_u32(&frame.b, 0x0a0b0c0d);
	buf_u16(&frame.b, (uint16_t)((5 + self->arg) << 12 | 0x18));
	buf_u16(&frame.b, 512);
	buf_u16(&frame.b, 0x4321);
	buf_u16(&frame.b, 0);
	for (uint32_t i = 0; i < self->arg; i++)
		buf_put(&frame.b, "\1\1\1\1", 4);
	buf_str(&frame.b, "hello");
}

/* A datagram of its own where nothing follows, to the port of what follows else. */
static inline void put_udp(const struct word *self, const struct word *next)
{
	size_t start = frame.b.n;

	frame.transport = start;
	buf_u16(&frame.b, FRAME_SRC_PORT);
	buf_u16(&frame.b, next->name ? next->port : (uint16_t)self->arg);
	frame_length(start);
	buf_u16(&frame.b, 0);
	if (!next->name)
		buf_str(&frame.b, "hello");
}

static const struct word frame_words[] = {
	{ "eth", put_eth, .type = 0x6558 },
	{ "eth45", put_eth, .type = 0x6558, .arg = 1 },
	{ "ethzero", put_ethzero, .type = 0x6558 },
	{ "dot3", put_dot3, .type = 0x6558 },
	{ "snap", put_snap, .type = 4 },
	{ "llcip", put_llcip },
	{ "vlan0", put_vlan, .type = 0x8100 },
	{ "vlan7", put_vlan, .type = 0x8100, .arg = 7 },
	{ "vlan9", put_vlan, .type = 0x8100, .arg = 9 },
	{ "qinq7", put_vlan, .type = 0x88a8, .arg = 7 },
	{ "old7", put_vlan, .type = 0x9100, .arg = 7 },
	{ "older7", put_vlan, .type = 0x9200, .arg = 7 },
	{ "mpls", put_mpls, .type = 0x8847, .proto = 137, .arg = 1 },
	{ "multi", put_mpls, .type = 0x8848, .arg = 1 },
	{ "mpls3", put_mpls, .type = 0x8847, .proto = 137, .arg = 3 },
	{ "cw", put_zero4 },
	{ "pppoe", put_pppoe, .type = 0x8864 },
	{ "ppp", put_ppp },
	{ "pppff", put_ppp, .arg = 1 },
	{ "ppp1", put_ppp, .arg = 2 },
	{ "pppff1", put_ppp, .arg = 3 },
	{ "chdlc", put_chdlc },
	{ "sll", put_sll },
	{ "sll2", put_sll2 },
	{ "af2", put_family, .arg = 2 },
	{ "af2le", put_family, .arg = 2 << 24 },
	{ "af10le", put_family, .arg = 10 << 24 },
	{ "af30", put_family, .arg = 30 },
	{ "nflog", put_nflog },
	{ "nflogbig", put_nflog, .arg = 1 },
	{ "ip4", put_ip4, .type = 0x0800, .proto = 4 },
	{ "ip4opt", put_ip4, .type = 0x0800, .proto = 4, .arg = 1 },
	{ "ip4zero", put_ip4, .type = 0x0800, .proto = 4, .arg = 2 },
	{ "ip6", put_ip6, .type = 0x86dd, .proto = 41 },
	{ "ip6zero", put_ip6, .type = 0x86dd, .proto = 41, .arg = 2 },
	{ "hop", put_extension, .proto = 0 },
	{ "route", put_extension, .proto = 43, .arg = 2 },
	{ "dest", put_extension, .proto = 60, .arg = 1 },
	{ "atomic", put_atomic, .proto = 44 },
	{ "ah", put_ah, .proto = 51 },
	{ "gre", put_gre, .proto = 47 },
	{ "gresum", put_gre, .proto = 47, .arg = 0x8000 },
	{ "grekey", put_gre, .proto = 47, .arg = 0x2000 },
	{ "greseq", put_gre, .proto = 47, .arg = 0x1000 },
	{ "greall", put_gre, .proto = 47, .arg = 0xf000 },
	{ "pptp", put_pptp, .proto = 47, .arg = 0x3001 },
	{ "pptpack", put_pptp, .proto = 47, .arg = 0x3081 },
	{ "erspan1", put_erspan1, .type = 0x88be },
	{ "erspan2", put_erspan2, .type = 0x88be, .arg = 7 },
	{ "erspan2b", put_erspan2, .type = 0x88be, .arg = 8 },
	{ "erspan3", put_erspan3, .type = 0x22eb },
	{ "erspan3sub", put_erspan3, .type = 0x22eb, .arg = 1 },
	{ "erspan3ip", put_erspan3, .type = 0x22eb, .arg = 2 },
	{ "vxlan7", put_vxlan, .port = 4789, .arg = 7 },
	{ "vxlan9", put_vxlan, .port = 4789, .arg = 9 },
	{ "vxlanold", put_vxlan, .port = 8472, .arg = 7 },
	{ "vxlangbp", put_vxlan, .port = 4789, .arg = 0x88000007 },
	{ "vxlangpe", put_vxlan, .port = 4790, .arg = 0x0c000007 },
	{ "geneve7", put_geneve, .port = 6081, .arg = 7 },
	{ "geneveopt", put_geneve, .port = 6081, .arg = 0x03000007 },
	{ "tcp", put_tcp, .proto = 6 },
	{ "tcpopt", put_tcp, .proto = 6, .arg = 3 },
	{ "udp", put_udp, .proto = 17, .arg = 53 },
	{ NULL, NULL, .type = 0x0806, .proto = 1 }, /* the end: ARP, ICMP */
};

/* The word at *S and past it; the end of the table at the end of the string. */
static inline const struct word *frame_word(const char **s)
{
	size_t n = strcspn(*s, " ");
	const struct word *w = frame_words;

	while (w->name && (strlen(w->name) != n || strncmp(w->name, *s, n)))
		w++;
	ck_assert_msg(w->name || !n, "no word %s", *s);
	*s += n;
	*s += strspn(*s, " ");
	return w;
}

static inline void frame_build(const char *words)
{
	const struct word *w, *next;

	buf_reset(&frame.b);
	frame.lengths = 0;
	for (w = frame_word(&words); w->name; w = next) {
		next = frame_word(&words);
		w->put(w, next);
	}
	for (unsigned i = 0; i < frame.lengths; i++) {
		size_t n = frame.b.n - frame.length[i].from;

		frame.b.p[frame.length[i].at] = (uint8_t)(n >> 8);
		frame.b.p[frame.length[i].at + 1] = (uint8_t)n;
	}
}

#endif

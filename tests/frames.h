/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames, byte by byte and from the inside out: each call puts one more header in front of
 * what is there.  The innermost IP packet is 10.0.0.1 to 10.0.0.2 (2001:db8::1 to ::2), the
 * ones around it are 192.0.2.1 to 192.0.2.2 (2001:db8:ffff::1 to ::2).
 */
#ifndef TESTS_FRAMES_H
#define TESTS_FRAMES_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	FRAME_ROOM = 8192,
	FRAME_PADDING = 18,
	FRAME_CLIENT_PORT = 40000,
	FRAME_SERVER_PORT = 443,
	FRAME_SEQ = 0x12345678,
	FRAME_ACK = 0x9abcdef0,
	FRAME_ID = 0x4242,
	FRAME_CHECKSUM = 0xbeef,
	FRAME_ETHERNET = 0x6558, /* as GRE and GENEVE call it */
};

struct frame {
	uint8_t room[FRAME_ROOM]; /* the last FRAME_PADDING are what may lie behind it */
	size_t at;		  /* it begins there */
	uint16_t type;		  /* of what is outermost, as Ethernet calls it */
	uint8_t proto;		  /* as IP calls it */
	unsigned ips;		  /* IP headers so far */
};

static inline uint8_t *frame_bytes(struct frame *f)
{
	return f->room + f->at;
}

static inline uint32_t frame_len(const struct frame *f)
{
	return (uint32_t)(FRAME_ROOM - FRAME_PADDING - f->at);
}

static inline void frame_u16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void frame_u32(uint8_t *p, uint32_t v)
{
	frame_u16(p, v >> 16);
	frame_u16(p + 2, v & 0xffff);
}

/* N zeros in front. */
static inline uint8_t *frame_front(struct frame *f, size_t n)
{
	ck_assert_uint_le(n, f->at);
	f->at -= n;
	memset(frame_bytes(f), 0, n);
	return frame_bytes(f);
}

static inline void frame_front_bytes(struct frame *f, const void *p, size_t n)
{
	memcpy(frame_front(f, n), p, n);
}

/* PROTO's payload: N bytes that are P's, or that tell where they are. */
static inline void frame_begin(struct frame *f, const uint8_t *p, size_t n, uint8_t proto)
{
	uint8_t *to;

	memset(f->room + FRAME_ROOM - FRAME_PADDING, 0xee, FRAME_PADDING);
	f->at = FRAME_ROOM - FRAME_PADDING;
	f->ips = 0;
	f->type = 0;
	f->proto = proto;
	to = frame_front(f, n);
	for (size_t i = 0; i < n; i++)
		to[i] = p ? p[i] : (uint8_t)(i * 7 + 1);
}

/* With twelve bytes of options. */
static inline void frame_tcp(struct frame *f, size_t payload)
{
	uint8_t *p;

	frame_begin(f, NULL, payload, 6);
	p = frame_front(f, 32);
	frame_u16(p, FRAME_CLIENT_PORT);
	frame_u16(p + 2, FRAME_SERVER_PORT);
	frame_u32(p + 4, FRAME_SEQ);
	frame_u32(p + 8, FRAME_ACK);
	p[12] = 8 << 4;
	p[13] = 0x18;
	frame_u16(p + 16, FRAME_CHECKSUM);
	memset(p + 20, 1, 12);
}

static inline void frame_udp(struct frame *f, uint16_t port)
{
	uint8_t *p = frame_front(f, 8);

	frame_u16(p, FRAME_CLIENT_PORT);
	frame_u16(p + 2, port);
	frame_u16(p + 4, frame_len(f));
	f->proto = 17;
}

/* With OPTIONS bytes of options; FRAGMENT is the field of flags and offset. */
static inline void frame_ip4_with(struct frame *f, unsigned options, unsigned fragment)
{
	static const uint8_t inner[] = { 10, 0, 0, 1, 10, 0, 0, 2 };
	static const uint8_t outer[] = { 192, 0, 2, 1, 192, 0, 2, 2 };
	uint8_t proto = f->proto, *p = frame_front(f, 20 + options);

	p[0] = (uint8_t)(0x40 | (20 + options) / 4);
	frame_u16(p + 2, frame_len(f));
	frame_u16(p + 4, FRAME_ID);
	frame_u16(p + 6, fragment);
	p[8] = 64;
	p[9] = proto;
	memcpy(p + 12, f->ips++ ? outer : inner, 8);
	memset(p + 20, 1, options);
	f->proto = 4;
	f->type = 0x0800;
}

static inline void frame_ip4(struct frame *f)
{
	frame_ip4_with(f, 0, 0x4000);
}

static inline void frame_ip6(struct frame *f)
{
	uint32_t len = frame_len(f);
	uint8_t *p = frame_front(f, 40);

	p[0] = 0x60;
	frame_u16(p + 4, len);
	p[6] = f->proto;
	p[7] = 64;
	for (int i = 8; i < 40; i += 16) {
		frame_u32(p + i, 0x20010db8);
		frame_u16(p + i + 4, f->ips ? 0xffff : 0);
		p[i + 15] = i == 8 ? 1 : 2;
	}
	f->ips++;
	f->proto = 41;
	f->type = 0x86dd;
}

/* An extension header of IPv6: KIND, and N bytes long. */
static inline void frame_extension(struct frame *f, uint8_t kind, unsigned n)
{
	uint8_t *p = frame_front(f, n);

	p[0] = f->proto;
	p[1] = (uint8_t)(kind == 51 ? n / 4 - 2 : n / 8 - 1);
	f->proto = kind;
}

/* IPv6's header of fragments: OFFSET in bytes. */
static inline void frame_part6(struct frame *f, unsigned offset, bool more, uint32_t id)
{
	uint8_t *p = frame_front(f, 8);

	p[0] = f->proto;
	frame_u16(p + 2, offset | more);
	frame_u32(p + 4, id);
	f->proto = 44;
}

static inline void frame_ethernet(struct frame *f)
{
	static const uint8_t macs[] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	unsigned type = f->type;
	uint8_t *p = frame_front(f, 14);

	memcpy(p, macs, sizeof(macs));
	frame_u16(p + 12, type);
	f->type = FRAME_ETHERNET;
}

static inline void frame_vlan(struct frame *f, uint16_t kind, uint16_t id)
{
	unsigned type = f->type;
	uint8_t *p = frame_front(f, 4);

	frame_u16(p, 0x2000 | id); /* priority 1 */
	frame_u16(p + 2, type);
	f->type = kind;
}

static inline void frame_mpls(struct frame *f, uint32_t label, bool bottom)
{
	frame_u32(frame_front(f, 4), label << 12 | (uint32_t)bottom << 8 | 64);
	f->type = 0x8847;
	f->proto = 137;
}

static inline unsigned frame_ppp_kind(const struct frame *f)
{
	return f->type == 0x0800 ? 0x21 : f->type == 0x86dd ? 0x57 : 0x281;
}

static inline void frame_ppp(struct frame *f)
{
	unsigned kind = frame_ppp_kind(f);

	frame_u16(frame_front(f, 2), kind);
	f->type = 0x880b;
}

static inline void frame_pppoe(struct frame *f)
{
	uint32_t len = frame_len(f);
	uint8_t *p = frame_front(f, 6);

	p[0] = 0x11;
	p[3] = 1;
	frame_u16(p + 4, len);
	f->type = 0x8864;
}

/* LLC and SNAP, as 802.3 has them behind a length. */
static inline void frame_snap(struct frame *f)
{
	static const uint8_t snap[] = { 0xaa, 0xaa, 3, 0, 0, 0 };
	unsigned type = f->type;

	frame_u16(frame_front(f, 2), type);
	frame_front_bytes(f, snap, sizeof(snap));
	f->type = (uint16_t)frame_len(f);
}

/* FLAGS: 0x8000 checksum, 0x2000 key, 0x1000 number. */
static inline void frame_gre(struct frame *f, unsigned flags, uint32_t key)
{
	unsigned type = f->type;
	uint8_t *p;

	if (flags & 0x1000)
		frame_u32(frame_front(f, 4), 77);
	if (flags & 0x2000)
		frame_u32(frame_front(f, 4), key);
	if (flags & 0x8000)
		frame_front(f, 4);
	p = frame_front(f, 4);
	frame_u16(p, flags);
	frame_u16(p + 2, type);
	f->proto = 47;
}

static inline void frame_vxlan(struct frame *f, uint32_t id)
{
	uint8_t *p = frame_front(f, 8);

	p[0] = 8;
	frame_u32(p + 4, id << 8);
	frame_udp(f, 4789);
}

static inline void frame_geneve(struct frame *f, uint32_t id, unsigned options)
{
	unsigned type = f->type;
	uint8_t *p = frame_front(f, 8 + options);

	p[0] = (uint8_t)(options / 4);
	frame_u16(p + 2, type);
	frame_u32(p + 4, id << 8);
	frame_udp(f, 6081);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Every header around a segment, whole, snapped, cut and damaged. */
#include "sensor/mirror/dissect.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/framekit.h"
#include "tests/unit.h"

enum tagging { BARE, TAGGED };

/* Frames with one segment of five bytes in them. */
static const struct {
	uint32_t link;
	const char *words;
	enum tagging tagging;
} frames[] = {
	{ 1, "eth ip4 tcp", BARE },
	{ 1, "eth ip4 tcpopt", BARE },
	{ 1, "eth ip4opt tcp", BARE },
	{ 1, "eth ip4zero tcp", BARE },
	{ 1, "eth ip4 ah tcp", BARE },
	{ 1, "eth ip6 tcp", BARE },
	{ 1, "eth ip6zero tcpopt", BARE },
	{ 1, "eth ip6 hop route dest ah atomic tcp", BARE },
	{ 1, "dot3 snap ip4 tcp", BARE },
	{ 1, "dot3 snap ip6 tcp", BARE },
	{ 1, "dot3 llcip ip4 tcp", BARE },
	{ 1, "eth vlan7 ip4 tcp", TAGGED },
	{ 1, "eth vlan0 ip4 tcp", BARE },
	{ 1, "eth qinq7 vlan9 ip6 tcp", TAGGED },
	{ 1, "eth old7 vlan0 ip4 tcp", TAGGED },
	{ 1, "eth older7 ip4 tcp", TAGGED },
	{ 1, "eth mpls ip4 tcp", BARE },
	{ 1, "eth multi ip4 tcp", BARE },
	{ 1, "eth mpls3 ip6 tcp", BARE },
	{ 1, "eth mpls eth ip4 tcp", BARE },
	{ 1, "eth mpls3 cw eth vlan7 ip4 tcp", TAGGED },
	{ 1, "eth mpls cw ethzero ip4 tcp", BARE },
	{ 1, "eth ip4 mpls ip4 tcp", BARE },
	{ 1, "eth pppoe ppp ip4 tcp", BARE },
	{ 1, "eth pppoe ppp1 ip6 tcp", BARE },
	{ 1, "eth vlan7 pppoe pppff mpls ip4 tcp", TAGGED },
	{ 1, "eth ip4 ip4 tcp", BARE },
	{ 1, "eth ip4 ip6 tcp", BARE },
	{ 1, "eth ip6 ip4 tcp", BARE },
	{ 1, "eth ip6 dest ip6 tcp", BARE },
	{ 1, "eth ip4 gre ip4 tcp", BARE },
	{ 1, "eth ip6 gresum ip6 tcp", BARE },
	{ 1, "eth ip4 grekey ip4 tcp", TAGGED },
	{ 1, "eth ip4 greseq ip4 tcp", BARE },
	{ 1, "eth ip4 greall ip4 tcp", TAGGED },
	{ 1, "eth ip4 gre eth ip4 tcp", BARE },
	{ 1, "eth ip4 gre mpls ip4 tcp", BARE },
	{ 1, "eth ip4 pptp ppp ip4 tcp", BARE },
	{ 1, "eth ip4 pptpack pppff1 ip4 tcp", BARE },
	{ 1, "eth ip4 gre erspan1 eth ip4 tcp", BARE },
	{ 1, "eth ip4 greseq erspan2 eth vlan7 ip4 tcp", TAGGED },
	{ 1, "eth ip6 greseq erspan3 eth ip4 tcp", BARE },
	{ 1, "eth ip4 greseq erspan3sub eth ip6 tcp", BARE },
	{ 1, "eth ip4 greseq erspan3ip ip4 tcp", BARE },
	{ 1, "eth ip4 udp vxlan7 eth ip4 tcp", TAGGED },
	{ 1, "eth ip6 udp vxlanold eth vlan9 ip6 tcp", TAGGED },
	{ 1, "eth ip4 udp vxlangbp eth ip4 tcp", TAGGED },
	{ 1, "eth ip4 udp vxlangpe ip6 tcp", TAGGED },
	{ 1, "eth ip4 udp vxlangpe eth ip6 tcp", TAGGED },
	{ 1, "eth ip4 udp geneve7 eth ip4 tcp", TAGGED },
	{ 1, "eth ip4 udp geneveopt ip6 tcp", TAGGED },
	{ 1, "eth vlan9 ip4 greseq erspan2 eth vlan7 ip4 udp vxlan7 eth ip4 tcp", TAGGED },
	{ 0, "af2 ip4 tcp", BARE },
	{ 0, "af2le ip4 tcp", BARE },
	{ 0, "af10le ip6 tcp", BARE },
	{ 108, "af2 ip4 tcp", BARE },
	{ 108, "af30 ip6 tcp", BARE },
	{ 9, "ppp ip4 tcp", BARE },
	{ 9, "pppff ip6 tcp", BARE },
	{ 9, "ppp1 ip4 tcp", BARE },
	{ 50, "pppff ip4 tcp", BARE },
	{ 50, "chdlc ip6 tcp", BARE },
	{ 104, "chdlc ip4 tcp", BARE },
	{ 51, "pppoe ppp ip4 tcp", BARE },
	{ 12, "ip4 tcp", BARE },
	{ 14, "ip6 tcp", BARE },
	{ 101, "ip4 tcp", BARE },
	{ 101, "ip6 tcp", BARE },
	{ 113, "sll ip4 tcp", BARE },
	{ 113, "sll vlan7 ip6 tcp", TAGGED },
	{ 113, "sll snap ip4 tcp", BARE },
	{ 228, "ip4 tcp", BARE },
	{ 229, "ip6 tcp", BARE },
	{ 239, "nflog ip4 tcp", BARE },
	{ 239, "nflogbig ip4 tcp", BARE },
	{ 276, "sll2 ip4 tcp", BARE },
	{ 276, "sll2 vlan7 ip6 tcp", TAGGED },
};
enum { FRAMES = sizeof(frames) / sizeof(*frames) };

static struct dissector *d;
static uint8_t *copy;
static struct packet out;

static void set_up(void)
{
	d = dissector_new(1 << 20);
}

static void tear_down(void)
{
	dissector_free(d);
	free(copy);
	copy = NULL;
	buf_fini(&frame.b);
}

/* N bytes of P, in memory of just that size, out of LEN on the wire. */
static enum dissected cut(uint32_t link, const uint8_t *p, size_t n, size_t len)
{
	struct frame_in f = { .time_ns = 5, .link = link, .cap = (uint32_t)n };

	free(copy);
	copy = malloc(n ? n : 1);
	memcpy(copy, p, n);
	f.p = n ? copy : NULL;
	f.len = (uint32_t)len;
	return dissect(d, &f, &out);
}

static enum dissected whole(uint32_t link)
{
	return cut(link, frame.b.p, frame.b.n, frame.b.n);
}

static enum dissected read_words(const char *words)
{
	frame_build(words);
	return whole(1);
}

static uint32_t tag_of(const char *words)
{
	ck_assert_msg(read_words(words) == DISSECTED_TCP, "%s", words);
	return out.tag;
}

/* Of which version the innermost IP header is. */
static bool inner_is_v4(const char *words)
{
	const char *last = words;

	for (const char *s = words; (s = strstr(s, "ip")) != NULL; s++)
		if ((s == words || s[-1] == ' ') && (s[2] == '4' || s[2] == '6'))
			last = s;
	return last[2] == '4';
}

static void is_hello(const char *words)
{
	struct addr src, dst;
	bool v4 = inner_is_v4(words);

	ck_assert_int_eq(addr_parse(v4 ? "10.0.0.1" : "fd00::1", &src), 0);
	ck_assert_int_eq(addr_parse(v4 ? "10.0.0.2" : "fd00::2", &dst), 0);
	ck_assert_msg(addr_eq(&out.src, &src) && addr_eq(&out.dst, &dst), "%s", words);
	ck_assert_uint_eq(out.time_ns, 5);
	ck_assert_uint_eq(out.proto, 6);
	ck_assert_uint_eq(out.src_port, FRAME_SRC_PORT);
	ck_assert_uint_eq(out.dst_port, FRAME_DST_PORT);
	ck_assert_uint_eq(out.seq, FRAME_SEQ);
	ck_assert_uint_eq(out.ack, 0x0a0b0c0d);
	ck_assert_uint_eq(out.flags, TCP_PSH | TCP_ACK);
	ck_assert_uint_eq(out.checksum, 0x4321);
	ck_assert_uint_eq(out.ip_id, v4 ? FRAME_ID : 0);
}

START_TEST(every_wrapper_comes_off)
{
	const char *words = frames[_i].words;

	frame_build(words);
	ck_assert_msg(whole(frames[_i].link) == DISSECTED_TCP, "%s", words);
	is_hello(words);
	ck_assert_msg(!out.tag == (frames[_i].tagging == BARE), "%s", words);
	ck_assert_uint_eq(out.len, 5);
	ck_assert_uint_eq(out.cap, 5);
	ck_assert_mem_eq(out.payload, "hello", 5);
}
END_TEST

/* As before, with bytes missing that were on the wire: the lengths are the headers'. */
START_TEST(snapped_frames_keep_their_lengths)
{
	const char *words = frames[_i].words;
	size_t header;

	frame_build(words);
	header = frame.transport + 20;
	for (size_t n = 0; n < frame.b.n; n++) {
		enum dissected kind = cut(frames[_i].link, frame.b.p, n, frame.b.n);
		size_t payload = frame.b.n - 5;

		if (n < header) {
			ck_assert_msg(kind == DISSECTED_SHORT, "%s at %zu: %d", words, n,
				      kind);
			continue;
		}
		ck_assert_msg(kind == DISSECTED_TCP, "%s at %zu: %d", words, n, kind);
		is_hello(words);
		ck_assert_uint_eq(out.len, 5);
		ck_assert_uint_eq(out.cap, n > payload ? n - payload : 0);
		ck_assert_mem_eq(out.payload, "hello", out.cap);
	}
}
END_TEST

/* As before, with bytes missing that never were on the wire. */
START_TEST(cut_frames_have_what_was_on_the_wire)
{
	const char *words = frames[_i].words;
	size_t header;

	frame_build(words);
	header = frame.b.n - 5;
	for (size_t n = 0; n < frame.b.n; n++) {
		enum dissected kind = cut(frames[_i].link, frame.b.p, n, n);

		if (n < header) {
			ck_assert_msg(kind != DISSECTED_TCP && kind != DISSECTED_SHORT,
				      "%s at %zu: %d", words, n, kind);
			continue;
		}
		ck_assert_msg(kind == DISSECTED_TCP, "%s at %zu: %d", words, n, kind);
		ck_assert_uint_eq(out.len, n - header);
		ck_assert_uint_eq(out.cap, n - header);
	}
}
END_TEST

/* The payload may be of fragments that damage made: the sanitizer watches it being read. */
static void is_within(enum dissected kind, size_t len)
{
	unsigned sum = 0;

	ck_assert_int_ge(kind, 0);
	ck_assert_int_lt(kind, DISSECTED_KINDS);
	if (kind != DISSECTED_TCP && kind != DISSECTED_UDP)
		return;
	ck_assert_uint_le(out.cap, out.len);
	ck_assert_uint_le(out.len, len);
	for (uint32_t i = 0; i < out.cap; i++)
		sum += out.payload[i];
	ck_assert_uint_le(sum, 255 * out.cap);
}

START_TEST(damage_stays_within_the_frame)
{
	static const uint8_t change[] = { 1, 2, 4, 8, 16, 32, 64, 128, 255, 0xaa };
	size_t n;

	frame_build(frames[_i].words);
	n = frame.b.n;
	for (size_t at = 0; at < n; at++) {
		for (size_t i = 0; i < sizeof(change); i++) {
			frame.b.p[at] ^= change[i];
			is_within(whole(frames[_i].link), n);
			is_within(cut(frames[_i].link, frame.b.p, n - 3, n + 1000), n + 1000);
			frame.b.p[at] ^= change[i];
		}
	}
}
END_TEST

START_TEST(what_lies_behind_the_packet_is_none_of_it)
{
	const char *words = frames[_i].words;
	bool open = strstr(words, "zero ") && !strstr(words, "ethzero");

	frame_build(words);
	buf_put(&frame.b, "trailer", 7);
	ck_assert_msg(whole(frames[_i].link) == DISSECTED_TCP, "%s", words);
	ck_assert_uint_eq(out.len, open ? 12 : 5);
	ck_assert_uint_eq(out.cap, out.len);
	ck_assert_mem_eq(out.payload, "hello", 5);
}
END_TEST

START_TEST(tags_tell_tenants_apart)
{
	static const char *const other[] = {
		"eth vlan7 ip4 tcp",
		"eth vlan9 ip4 tcp",
		"eth vlan7 vlan9 ip4 tcp",
		"eth vlan9 vlan7 ip4 tcp",
		"eth vlan7 vlan7 ip4 tcp",
		"eth ip4 udp vxlan7 eth ip4 tcp",
		"eth ip4 udp vxlan9 eth ip4 tcp",
		"eth ip4 udp geneve7 eth ip4 tcp",
		"eth ip4 grekey ip4 tcp",
		"eth vlan7 ip4 udp vxlan7 eth ip4 tcp",
		"eth ip4 udp vxlan7 eth vlan7 ip4 tcp",
	};
	uint32_t tag[sizeof(other) / sizeof(*other)];

	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++) {
		tag[i] = tag_of(other[i]);
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(tag[i] != tag[j], "%s and %s", other[i], other[j]);
	}
	ck_assert_uint_eq(tag_of("eth vlan0 vlan7 vlan0 ip4 tcp"), tag[0]);
	ck_assert_uint_eq(tag_of("eth qinq7 ip4 tcp"), tag[0]);
	ck_assert_uint_eq(tag_of("eth ip4 udp vxlanold eth ip6 tcp"), tag[5]);
	ck_assert_uint_eq(tag_of("eth ip4 greseq erspan2b eth ip4 tcp"), 0);
}
END_TEST

START_TEST(datagrams_are_read)
{
	ck_assert_int_eq(read_words("eth vlan7 ip6 udp"), DISSECTED_UDP);
	ck_assert_uint_eq(out.proto, 17);
	ck_assert_uint_eq(out.src_port, FRAME_SRC_PORT);
	ck_assert_uint_eq(out.dst_port, 53);
	ck_assert_uint_eq(out.flags, 0);
	ck_assert_uint_eq(out.seq, 0);
	ck_assert_uint_ne(out.tag, 0);
	ck_assert_uint_eq(out.len, 5);
	ck_assert_uint_eq(out.cap, 5);
	ck_assert_mem_eq(out.payload, "hello", 5);
	for (size_t n = 0; n < frame.b.n; n++) {
		bool seen = n >= frame.transport + 8;

		ck_assert_int_eq(cut(1, frame.b.p, n, frame.b.n),
				 seen ? DISSECTED_UDP : DISSECTED_SHORT);
		if (seen)
			ck_assert_uint_eq(out.len, 5);
	}
}
END_TEST

/* A datagram's length rules over IP's: 0 is all there is, below 8 is damage. */
START_TEST(lengths_of_datagrams)
{
	read_words("eth ip4 udp");
	frame.b.p[frame.transport + 5] = 8 + 3;
	ck_assert_int_eq(whole(1), DISSECTED_UDP);
	ck_assert_uint_eq(out.len, 3);
	frame.b.p[frame.transport + 5] = 200;
	ck_assert_int_eq(whole(1), DISSECTED_UDP);
	ck_assert_uint_eq(out.len, 5);
	frame.b.p[frame.transport + 5] = 0;
	ck_assert_int_eq(whole(1), DISSECTED_UDP);
	ck_assert_uint_eq(out.len, 5);
	frame.b.p[frame.transport + 5] = 7;
	ck_assert_int_eq(whole(1), DISSECTED_BAD);
}
END_TEST

/* Words of others on the ports of tunnels. */
START_TEST(datagrams_that_are_no_tunnel)
{
	static const uint16_t port[] = { 4789, 4790, 8472, 6081 };
	/* DNS answers, among them such as have a tunnel's flags by chance; text; nothing */
	static const struct {
		const char *p;
		uint8_t n;
	} other[] = {
		{ "\x08\x00\x81\x80\0\1\0\1\0\0\0\0\3www\7example\3com\0\0\1\0\1", 33 },
		{ "\x08\x17\x84\x00\0\1\0\1\0\0\0\0\3www\7example\3com\0\0\1\0\1", 33 },
		{ "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", 37 },
		{ "\x08\0\0\0\0\0\7\0\2\0\0", 11 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		  "\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		  25 },
		{ "\0\0\x12\x34\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24 },
		{ "hello", 5 },
		{ "", 0 },
	};

	for (size_t i = 0; i < 4; i++) {
		for (size_t j = 0; j < sizeof(other) / sizeof(*other); j++) {
			size_t at;

			frame_build("eth ip4 udp");
			at = frame.transport;
			frame.b.n = at + 8;
			buf_put(&frame.b, other[j].p, other[j].n);
			frame.b.p[at + 2] = (uint8_t)(port[i] >> 8);
			frame.b.p[at + 3] = (uint8_t)port[i];
			frame.b.p[at + 5] = (uint8_t)(8 + other[j].n);
			frame.b.p[14 + 3] = (uint8_t)(28 + other[j].n);
			ck_assert_msg(whole(1) == DISSECTED_UDP, "port %u, %zu", port[i], j);
			ck_assert_uint_eq(out.dst_port, port[i]);
			ck_assert_uint_eq(out.len, other[j].n);
			ck_assert_uint_eq(out.tag, 0);
		}
	}
}
END_TEST

/* Nothing says what follows a label: the bytes must. */
START_TEST(labels_before_ethernet)
{
	ck_assert_int_eq(read_words("eth mpls ethzero ip4 tcp"), DISSECTED_TCP);
	ck_assert_int_eq(read_words("eth mpls cw ethzero vlan7 ip6 tcp"), DISSECTED_TCP);
	ck_assert_int_eq(read_words("eth mpls eth45 ip4 tcp"), DISSECTED_TCP);
	ck_assert_int_eq(read_words("eth mpls3 cw eth45 ip6 tcp"), DISSECTED_TCP);
	ck_assert_int_eq(read_words("eth mpls ethzero"), DISSECTED_OTHER);
}
END_TEST

START_TEST(nesting_ends)
{
	char words[1024] = "eth ip4";

	for (int i = 0; i < 10; i++)
		strcat(words, " ip4");
	strcat(words, " tcp");
	ck_assert_int_eq(read_words(words), DISSECTED_TCP);
	strcpy(words, "eth ip4");
	for (int i = 0; i < 20; i++)
		strcat(words, " ip6");
	strcat(words, " tcp");
	ck_assert_int_eq(read_words(words), DISSECTED_OTHER);
}
END_TEST

/* 64 KiB of nothing but wrappers, which cost no stack. */
START_TEST(nesting_ends_in_large_frames)
{
	static const char *const unit[] = { "\x81\0\0\7", "\x88\x47\0\0\0\0", "\0\0\x3e\x84",
					    "\x3c\0\0\0\0\0\0\0" };
	static const size_t size[] = { 4, 6, 4, 8 };

	for (size_t i = 0; i < 4; i++) {
		frame_build(i == 3 ? "ip6zero" : "eth");
		frame.b.n = i == 3 ? frame.b.n : 12;
		if (i == 3)
			frame.b.p[6] = 60;
		while (frame.b.n < 65536)
			buf_put(&frame.b, unit[i], size[i]);
		ck_assert_int_ne(whole(i == 3 ? 229 : 1), DISSECTED_TCP);
	}
}
END_TEST

START_TEST(others_are_told)
{
	ck_assert_int_eq(read_words("eth"), DISSECTED_OTHER);	  /* ARP */
	ck_assert_int_eq(read_words("eth ip4"), DISSECTED_OTHER); /* ICMP */
	ck_assert_int_eq(read_words("eth ip6 dest"), DISSECTED_OTHER);
	frame_build("eth ip4 tcp");
	ck_assert_int_eq(whole(147), DISSECTED_OTHER); /* a link type of users' own */
	ck_assert_int_eq(cut(1, frame.b.p, 0, 0), DISSECTED_BAD);
}
END_TEST

/* "eth ip4 tcp" and "eth ip6 tcp" with one byte that cannot be. */
START_TEST(headers_that_cannot_be)
{
	static const struct {
		const char *words;
		uint8_t at, value;
	} bad[] = {
		{ "eth ip4 tcp", 14, 0x65 },  { "eth ip4 tcp", 14, 0x44 },
		{ "eth ip4 tcp", 14 + 3, 8 }, { "eth ip4 tcp", 14 + 3, 30 },
		{ "eth ip4 tcp", 46, 0x40 },  { "eth ip4 tcp", 46, 0xf0 },
		{ "eth ip6 tcp", 14, 0x45 },  { "eth ip6 tcp", 14 + 5, 19 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		frame_build(bad[i].words);
		frame.b.p[bad[i].at] = bad[i].value;
		ck_assert_msg(whole(1) == DISSECTED_BAD, "%zu", i);
	}
}
END_TEST

/* What offload leaves: more than a length field can say. */
START_TEST(larger_than_64_kib)
{
	static const uint8_t zeros[4096];
	static const char *const words[] = { "eth ip4zero tcp", "eth ip6zero tcp" };

	for (int i = 0; i < 2; i++) {
		size_t n;

		frame_build(words[i]);
		for (int k = 0; k < 20; k++)
			buf_put(&frame.b, zeros, sizeof(zeros));
		n = frame.b.n;
		ck_assert_int_eq(whole(1), DISSECTED_TCP);
		ck_assert_uint_eq(out.len, 5 + 20 * 4096);
		ck_assert_uint_eq(out.cap, out.len);
		ck_assert_int_eq(cut(1, frame.b.p, 100, n), DISSECTED_TCP);
		ck_assert_uint_eq(out.len, 5 + 20 * 4096);
		ck_assert_uint_eq(out.cap, 100 - frame.transport - 20);
	}
}
END_TEST

/*
 * The frame in `frame`, whose innermost IP header is at IP, in pieces: the first has FIRST
 * bytes of what is in it.  Sends the piece that begins at AT.
 */
static enum dissected piece4(size_t ip, size_t at, size_t n, size_t snap)
{
	struct buf b = { 0 };
	size_t all = frame.b.n - ip - 20;
	uint16_t offset = (uint16_t)(at / 8 | (at + n < all ? 0x2000 : 0));
	enum dissected kind;
	size_t len;

	buf_put(&b, frame.b.p, ip + 20);
	buf_put(&b, frame.b.p + ip + 20 + at, n);
	b.p[ip + 2] = (uint8_t)((20 + n) >> 8);
	b.p[ip + 3] = (uint8_t)(20 + n);
	b.p[ip + 6] = (uint8_t)(offset >> 8);
	b.p[ip + 7] = (uint8_t)offset;
	len = b.n;
	kind = cut(1, b.p, snap < len ? snap : len, len);
	buf_fini(&b);
	return kind;
}

START_TEST(fragments_come_together)
{
	frame_build("eth ip4 tcp"); /* 25 bytes in IP: the header in three pieces */
	ck_assert_int_eq(piece4(14, 0, 8, 999), DISSECTED_FRAGMENT);
	ck_assert_int_eq(piece4(14, 16, 9, 999), DISSECTED_FRAGMENT);
	ck_assert_int_eq(piece4(14, 8, 8, 999), DISSECTED_TCP);
	is_hello("eth ip4 tcp");
	ck_assert_uint_eq(out.len, 5);
	ck_assert_uint_eq(out.cap, 5);
	ck_assert_mem_eq(out.payload, "hello", 5);
	ck_assert_uint_eq(dissector_fragments_lost(d), 0);
}
END_TEST

START_TEST(fragments_of_tenants_do_not_mix)
{
	frame_build("eth vlan7 ip4 tcp");
	ck_assert_int_eq(piece4(18, 0, 16, 999), DISSECTED_FRAGMENT);
	frame_build("eth vlan9 ip4 tcp");
	ck_assert_int_eq(piece4(18, 16, 9, 999), DISSECTED_FRAGMENT);
	frame_build("eth vlan7 ip4 tcp");
	ck_assert_int_eq(piece4(18, 16, 9, 999), DISSECTED_TCP);
	is_hello("eth vlan7 ip4 tcp");
	ck_assert_uint_ne(out.tag, 0);
}
END_TEST

/* The outer packet in pieces, with a whole one in it; then the inner one in pieces. */
START_TEST(fragments_of_tunnels)
{
	frame_build("eth ip4 gre eth ip4 tcp");
	ck_assert_int_eq(piece4(14, 0, 16, 999), DISSECTED_FRAGMENT);
	ck_assert_int_eq(piece4(14, 16, frame.b.n - 34 - 16, 999), DISSECTED_TCP);
	is_hello("eth ip4 gre eth ip4 tcp");
	ck_assert_mem_eq(out.payload, "hello", 5);
	frame_build("eth ip4 ip4 tcp");
	frame.b.p[38] = 0x55;
	frame.b.p[17] -= 9; /* the outer length, for the longer piece */
	ck_assert_int_eq(piece4(34, 0, 16, 999), DISSECTED_FRAGMENT);
	ck_assert_int_eq(piece4(34, 16, 9, 999), DISSECTED_TCP);
	ck_assert_uint_eq(out.len, 5);
}
END_TEST

START_TEST(snapped_fragments_keep_their_lengths)
{
	frame_build("eth ip4 tcp");
	ck_assert_int_eq(piece4(14, 0, 24, 999), DISSECTED_FRAGMENT);
	ck_assert_int_eq(piece4(14, 24, 1, 34), DISSECTED_TCP);
	ck_assert_uint_eq(out.len, 5);
	ck_assert_uint_eq(out.cap, 4);
	frame.b.p[18]++; /* the next packet */
	ck_assert_int_eq(piece4(14, 0, 24, 40), DISSECTED_FRAGMENT);
	ck_assert_int_eq(piece4(14, 24, 1, 999), DISSECTED_SHORT);
}
END_TEST

static enum dissected piece6(size_t at, size_t n)
{
	struct buf b = { 0 };
	size_t all = frame.b.n - 54;
	enum dissected kind;

	buf_put(&b, frame.b.p, 54);
	buf_u8(&b, 6);
	buf_u8(&b, 0);
	buf_u16(&b, (uint16_t)(at | (at + n < all)));
	buf_u32(&b, 0x01000001);
	buf_put(&b, frame.b.p + 54 + at, n);
	b.p[19] = (uint8_t)(8 + n);
	b.p[20] = 44;
	kind = cut(1, b.p, b.n, b.n);
	buf_fini(&b);
	return kind;
}

START_TEST(fragments_of_ipv6)
{
	frame_build("eth ip6 tcp");
	ck_assert_int_eq(piece6(16, 9), DISSECTED_FRAGMENT);
	ck_assert_int_eq(piece6(0, 8), DISSECTED_FRAGMENT);
	ck_assert_int_eq(piece6(8, 8), DISSECTED_TCP);
	is_hello("eth ip6 tcp");
	ck_assert_uint_eq(out.len, 5);
	ck_assert_mem_eq(out.payload, "hello", 5);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("dissect");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, every_wrapper_comes_off, 0, FRAMES);
	tcase_add_loop_test(t, snapped_frames_keep_their_lengths, 0, FRAMES);
	tcase_add_loop_test(t, cut_frames_have_what_was_on_the_wire, 0, FRAMES);
	tcase_add_loop_test(t, damage_stays_within_the_frame, 0, FRAMES);
	tcase_add_loop_test(t, what_lies_behind_the_packet_is_none_of_it, 0, FRAMES);
	tcase_add_test(t, tags_tell_tenants_apart);
	tcase_add_test(t, datagrams_are_read);
	tcase_add_test(t, lengths_of_datagrams);
	tcase_add_test(t, datagrams_that_are_no_tunnel);
	tcase_add_test(t, labels_before_ethernet);
	tcase_add_test(t, nesting_ends);
	tcase_add_test(t, nesting_ends_in_large_frames);
	tcase_add_test(t, others_are_told);
	tcase_add_test(t, headers_that_cannot_be);
	tcase_add_test(t, larger_than_64_kib);
	tcase_add_test(t, fragments_come_together);
	tcase_add_test(t, fragments_of_tenants_do_not_mix);
	tcase_add_test(t, fragments_of_tunnels);
	tcase_add_test(t, snapped_fragments_keep_their_lengths);
	tcase_add_test(t, fragments_of_ipv6);
	return unit_run("dissect", t);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* From frames to segments: all that may be around one, cut anywhere, and with any byte wrong.
 */
#include "sensor/mirror/dissect.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/around.h"
#include "tests/unit.h"

enum { PAYLOAD = 40 };

static struct dissector *dissector;
static struct frame frame;
static struct packet out;
static uint8_t *copy; /* of the last frame, in a block of just its size */

static void setup(void)
{
	dissector = dissector_new(1 << 20);
	copy = NULL;
}

static void teardown(void)
{
	dissector_free(dissector);
	free(copy);
}

/* CAP bytes of P are there, of a frame of LEN. */
static enum dissected take(uint32_t link, const uint8_t *p, uint32_t cap, uint32_t len)
{
	struct frame_in in = { .time_ns = 5, .link = link, .cap = cap, .len = len };

	free(copy);
	in.p = copy = malloc(cap);
	memcpy(copy, p, cap);
	memset(&out, 0xdd, sizeof(out));
	return dissect(dissector, &in, &out);
}

static enum dissected take_frame(uint32_t link)
{
	return take(link, frame_bytes(&frame), frame_len(&frame), frame_len(&frame));
}

static void build(const struct around *a, bool v6)
{
	frame_tcp(&frame, PAYLOAD);
	if (v6)
		frame_ip6(&frame);
	else
		frame_ip4(&frame);
	a->wrap(&frame);
}

static void addresses_are(bool v6)
{
	struct addr src, dst;

	ck_assert_int_eq(addr_parse(v6 ? "2001:db8::1" : "10.0.0.1", &src), 0);
	ck_assert_int_eq(addr_parse(v6 ? "2001:db8::2" : "10.0.0.2", &dst), 0);
	ck_assert(addr_eq(&out.src, &src));
	ck_assert(addr_eq(&out.dst, &dst));
	ck_assert_uint_eq(out.ip_id, v6 ? 0 : FRAME_ID);
}

/* The segment of frame_tcp, CAP bytes of its payload being there. */
static void segment_is(uint32_t len, uint32_t cap)
{
	ck_assert_uint_eq(out.time_ns, 5);
	ck_assert_uint_eq(out.proto, 6);
	ck_assert_uint_eq(out.src_port, FRAME_CLIENT_PORT);
	ck_assert_uint_eq(out.dst_port, FRAME_SERVER_PORT);
	ck_assert_uint_eq(out.seq, FRAME_SEQ);
	ck_assert_uint_eq(out.ack, FRAME_ACK);
	ck_assert_uint_eq(out.flags, TCP_PSH | TCP_ACK);
	ck_assert_uint_eq(out.checksum, FRAME_CHECKSUM);
	ck_assert_uint_eq(out.len, len);
	ck_assert_uint_eq(out.cap, cap);
	for (uint32_t i = 0; i < cap; i++)
		ck_assert_uint_eq(out.payload[i], (uint8_t)(i * 7 + 1));
}

START_TEST(the_segment_is_found_in_all_that_may_be_around_it)
{
	const struct around *a = &around[_i];

	for (int v6 = 0; v6 < 2; v6++) {
		build(a, v6);
		ck_assert_msg(take_frame(a->link) == DISSECTED_TCP, "%s, v6 %d", a->name, v6);
		segment_is(PAYLOAD, PAYLOAD);
		addresses_are(v6);
		ck_assert_msg((out.tag != 0) == a->tagged, "%s: tag", a->name);
	}
}
END_TEST

START_TEST(padding_behind_it_is_none_of_it)
{
	const struct around *a = &around[_i];

	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t len;

		build(a, v6);
		len = frame_len(&frame) + FRAME_PADDING;
		ck_assert_msg(take(a->link, frame_bytes(&frame), len, len) == DISSECTED_TCP,
			      "%s, v6 %d", a->name, v6);
		segment_is(PAYLOAD, PAYLOAD);
	}
}
END_TEST

/* Twenty bytes of TCP are enough to tell it; its payload counts as its headers say. */
START_TEST(snapped_anywhere_it_is_short_or_counts_in_full)
{
	const struct around *a = &around[_i];

	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t len, tcp;

		build(a, v6);
		len = frame_len(&frame);
		tcp = len - PAYLOAD - 32;
		for (uint32_t cap = 0; cap <= len; cap++) {
			enum dissected kind = take(a->link, frame_bytes(&frame), cap, len);

			ck_assert_msg(
				kind == (cap < tcp + 20 ? DISSECTED_SHORT : DISSECTED_TCP),
				"%s, v6 %d: %u of %u are %d", a->name, v6, cap, len, kind);
			if (kind == DISSECTED_TCP)
				segment_is(PAYLOAD, cap > tcp + 32 ? cap - tcp - 32 : 0);
		}
	}
}
END_TEST

/* Reads all that was handed out. */
static void touch(enum dissected kind, const char *name)
{
	unsigned sum = 0;

	ck_assert_uint_lt(kind, DISSECTED_KINDS);
	if (kind != DISSECTED_TCP && kind != DISSECTED_UDP)
		return;
	ck_assert_msg(out.cap <= out.len, "%s", name);
	for (uint32_t i = 0; i < out.cap; i++)
		sum += out.payload[i];
	ck_assert_uint_lt(sum, UINT32_MAX);
}

START_TEST(a_frame_that_ends_anywhere_on_the_wire_is_read_no_further)
{
	const struct around *a = &around[_i];

	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t len, tcp;

		build(a, v6);
		len = frame_len(&frame);
		tcp = len - PAYLOAD - 32;
		for (uint32_t n = 0; n < len; n++) {
			enum dissected kind = take(a->link, frame_bytes(&frame), n, n);

			touch(kind, a->name);
			ck_assert_int_ne(kind, DISSECTED_SHORT);
			if (n < tcp + 32)
				ck_assert_msg(kind != DISSECTED_TCP, "%s at %u", a->name, n);
			else
				ck_assert_uint_eq(out.len, n - tcp - 32);
		}
	}
}
END_TEST

START_TEST(any_byte_may_be_wrong)
{
	const struct around *a = &around[_i];
	static uint8_t wrong[FRAME_ROOM];

	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t len;

		build(a, v6);
		len = frame_len(&frame);
		memcpy(wrong, frame_bytes(&frame), len);
		for (uint32_t i = 0; i < len; i++)
			for (unsigned bit = 0; bit < 10; bit++) {
				uint8_t was = wrong[i];

				wrong[i] = bit < 8    ? was ^ (uint8_t)(1 << bit)
					   : bit == 8 ? 0xff
						      : 0;
				touch(take(a->link, wrong, len, len), a->name);
				touch(take(a->link, wrong, len, len + 1500), a->name);
				wrong[i] = was;
			}
	}
}
END_TEST

/* As offload leaves them: a length of 0 is all that is there. */
START_TEST(a_length_of_zero_means_all_that_is_there)
{
	for (int v6 = 0; v6 < 2; v6++) {
		build(&around[0], v6);
		frame_u16(frame_bytes(&frame) + 14 + (v6 ? 4 : 2), 0);
		ck_assert_int_eq(take_frame(1), DISSECTED_TCP);
		segment_is(PAYLOAD, PAYLOAD);
	}
	frame_begin(&frame, NULL, 30, 17);
	frame_udp(&frame, 53);
	frame_u16(frame_bytes(&frame) + 4, 0);
	frame_ip4(&frame);
	ck_assert_int_eq(take_frame(101), DISSECTED_UDP);
	ck_assert_uint_eq(out.len, 30);
}
END_TEST

START_TEST(a_length_beyond_the_frame_is_cut_to_it)
{
	for (int v6 = 0; v6 < 2; v6++) {
		build(&around[0], v6);
		frame_u16(frame_bytes(&frame) + 14 + (v6 ? 4 : 2), 9000);
		ck_assert_int_eq(take_frame(1), DISSECTED_TCP);
		segment_is(PAYLOAD, PAYLOAD);
	}
}
END_TEST

START_TEST(a_snapped_super_segment_counts_beyond_64_kib_too)
{
	build(&around[0], false);
	frame_u16(frame_bytes(&frame) + 14 + 2, 0);
	ck_assert_int_eq(take(1, frame_bytes(&frame), 14 + 20 + 32, 200000), DISSECTED_TCP);
	segment_is(200000 - 14 - 20 - 32, 0);
}
END_TEST

START_TEST(headers_that_cannot_be_are_bad)
{
	static const struct {
		size_t at; /* in an Ethernet frame */
		uint8_t is;
	} bad[] = { { 14, 0x55 },	 /* version */
		    { 14, 0x44 },	 /* IPv4's header below 20 */
		    { 17, 19 },		 /* IPv4's length below its header */
		    { 34 + 12, 0x40 },	 /* TCP's below 20 */
		    { 34 + 12, 0xf0 } }; /* TCP's beyond the packet */

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		frame_tcp(&frame, 0);
		frame_ip4(&frame);
		frame_ethernet(&frame);
		frame_bytes(&frame)[bad[i].at] = bad[i].is;
		ck_assert_msg(take_frame(1) == DISSECTED_BAD, "%u", i);
	}
	build(&around[0], true);
	frame_bytes(&frame)[14] = 0x40;
	ck_assert_int_eq(take_frame(1), DISSECTED_BAD);
	frame_begin(&frame, NULL, 30, 17);
	frame_udp(&frame, 53);
	frame_u16(frame_bytes(&frame) + 4, 7);
	frame_ip4(&frame);
	ck_assert_int_eq(take_frame(101), DISSECTED_BAD);
}
END_TEST

START_TEST(what_is_neither_tcp_nor_udp_is_other)
{
	static const uint16_t types[] = { 0x0806, 0x88cc, 0x88f7, 0x8863 };

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		build(&around[0], false);
		frame_u16(frame_bytes(&frame) + 12, types[i]);
		ck_assert_int_eq(take_frame(1), DISSECTED_OTHER);
	}
	build(&around[0], false);
	frame_bytes(&frame)[14 + 9] = 132; /* SCTP */
	ck_assert_int_eq(take_frame(1), DISSECTED_OTHER);
	build(&around[0], true);
	frame_bytes(&frame)[14 + 6] = 59; /* no next header */
	ck_assert_int_eq(take_frame(1), DISSECTED_OTHER);
	ck_assert_int_eq(take_frame(147), DISSECTED_OTHER); /* a link type of users */
}
END_TEST

START_TEST(a_datagram_is_as_long_as_its_own_header_says)
{
	frame_begin(&frame, NULL, 30, 17);
	frame_udp(&frame, 53);
	frame_u16(frame_bytes(&frame) + 4, 8 + 21);
	frame_ip6(&frame);
	ck_assert_int_eq(take_frame(101), DISSECTED_UDP);
	ck_assert_uint_eq(out.proto, 17);
	ck_assert_uint_eq(out.dst_port, 53);
	ck_assert_uint_eq(out.len, 21);
	ck_assert_uint_eq(out.cap, 21);
	ck_assert_uint_eq(out.payload[20], 20 * 7 + 1);
	ck_assert_uint_eq(out.seq | out.ack | out.flags | out.checksum, 0);
}
END_TEST

/* DNS may come from such a port; VXLAN is what has its bit set. */
START_TEST(a_port_of_vxlan_alone_makes_no_tunnel)
{
	static const uint16_t ports[] = { 4789, 8472, 4790, 6081 };
	uint8_t other[40];

	memset(other, 0xc0, sizeof(other)); /* GENEVE has version 0 */
	for (unsigned i = 0; i < 4; i++) {
		frame_begin(&frame, other, sizeof(other), 17);
		frame_udp(&frame, ports[i]);
		frame_ip4(&frame);
		ck_assert_int_eq(take_frame(101), DISSECTED_UDP);
		ck_assert_uint_eq(out.len, sizeof(other));
	}
	frame_begin(&frame, other, 4, 17);
	frame_udp(&frame, 4789);
	frame_ip4(&frame);
	ck_assert_int_eq(take_frame(101), DISSECTED_UDP);
	ck_assert_uint_eq(out.len, 4);
}
END_TEST

START_TEST(nesting_ends_somewhere)
{
	int last = DISSECTED_TCP;

	for (unsigned n = 1; n < 200; n++) {
		int kind;

		build(&around[0], false);
		frame.at += 14;
		frame.type = 0x0800;
		for (unsigned i = 0; i < n; i++)
			frame_vlan(&frame, 0x8100, 5);
		frame_ethernet(&frame);
		kind = take_frame(1);
		ck_assert_int_eq(kind, n < DISSECT_DEPTH ? DISSECTED_TCP : DISSECTED_OTHER);
		ck_assert(last == DISSECTED_TCP || kind == DISSECTED_OTHER);
		last = kind;
	}
	frame_tcp(&frame, 0);
	for (unsigned i = 0; i < 100; i++)
		frame_ip4(&frame);
	ck_assert_int_eq(take_frame(101), DISSECTED_OTHER);
	frame_tcp(&frame, 0);
	frame_ip4(&frame);
	for (unsigned i = 0; i < 30; i++)
		vxlan(&frame);
	ck_assert_int_eq(take_frame(1), DISSECTED_OTHER);
	frame_tcp(&frame, 0);
	for (unsigned i = 0; i < 100; i++)
		frame_extension(&frame, 60, 8);
	frame_ip6(&frame);
	ck_assert_int_eq(take_frame(101), DISSECTED_OTHER);
	frame_tcp(&frame, 0);
	frame_ip4(&frame);
	for (unsigned i = 0; i < 100; i++)
		frame_mpls(&frame, 3, i == 0);
	frame_ethernet(&frame);
	ck_assert_int_eq(take_frame(1), DISSECTED_OTHER);
}
END_TEST

static uint32_t tag_of(uint16_t vlan_id, uint32_t vxlan_id, uint32_t key)
{
	frame_tcp(&frame, 0);
	frame_ip4(&frame);
	if (vxlan_id) {
		frame_ethernet(&frame);
		frame_vxlan(&frame, vxlan_id);
		frame_ip4(&frame);
	}
	if (key) {
		frame_gre(&frame, 0x2000, key);
		frame_ip4(&frame);
	}
	if (vlan_id)
		frame_vlan(&frame, 0x8100, vlan_id);
	frame_ethernet(&frame);
	ck_assert_int_eq(take_frame(1), DISSECTED_TCP);
	return out.tag;
}

START_TEST(tags_tell_vlans_and_tunnels_apart)
{
	uint32_t tag[] = { tag_of(0, 0, 0), tag_of(5, 0, 0), tag_of(6, 0, 0),
			   tag_of(0, 5, 0), tag_of(0, 6, 0), tag_of(0, 0, 5),
			   tag_of(5, 6, 0), tag_of(6, 5, 0), tag_of(5, 5, 5) };

	for (unsigned i = 0; i < sizeof(tag) / sizeof(tag[0]); i++)
		for (unsigned j = 0; j < i; j++)
			ck_assert_uint_ne(tag[i], tag[j]);
	ck_assert_uint_eq(tag[0], 0);
	ck_assert_uint_eq(tag_of(5, 6, 0), tag[6]);
}
END_TEST

/* The TCP segment of frame_tcp, in pieces of PIECE bytes. */
enum { WHOLE = 3000, PIECE = 800, PIECES = 4 };

static uint8_t segment[32 + WHOLE];

/* Piece I of it in a frame of its own, in a tunnel or not. */
static enum dissected part(unsigned i, bool v6, bool tunnel, uint32_t snapped)
{
	uint32_t from = i * PIECE, n = sizeof(segment) - from;
	bool more = n > PIECE;

	frame_begin(&frame, segment + from, more ? PIECE : n, 6);
	if (v6) {
		frame_part6(&frame, from, more, FRAME_ID);
		frame_ip6(&frame);
	} else {
		frame_ip4_with(&frame, 0, from / 8 | (more ? 0x2000u : 0));
	}
	if (tunnel)
		vxlan(&frame);
	else
		frame_ethernet(&frame);
	return take(1, frame_bytes(&frame), frame_len(&frame) - snapped, frame_len(&frame));
}

START_TEST(fragments_in_any_order_give_their_segment)
{
	static const unsigned order[][PIECES] = { { 0, 1, 2, 3 },
						  { 3, 2, 1, 0 },
						  { 2, 3, 0, 1 } };

	frame_tcp(&frame, WHOLE);
	memcpy(segment, frame_bytes(&frame), sizeof(segment));
	for (int kind = 0; kind < 4; kind++)
		for (int o = 0; o < 3; o++) {
			for (int i = 0; i < PIECES; i++)
				ck_assert_int_eq(part(order[o][i], kind & 1, kind & 2, 0),
						 i < PIECES - 1 ? DISSECTED_FRAGMENT
								: DISSECTED_TCP);
			segment_is(WHOLE, WHOLE);
			addresses_are(kind & 1);
			ck_assert((out.tag != 0) == !!(kind & 2));
		}
	ck_assert_uint_eq(dissector_fragments_lost(dissector), 0);
}
END_TEST

START_TEST(snapped_fragments_count_in_full)
{
	frame_tcp(&frame, WHOLE);
	memcpy(segment, frame_bytes(&frame), sizeof(segment));
	for (unsigned i = 0; i < PIECES; i++)
		ck_assert_int_eq(part(i, false, false, 600),
				 i < PIECES - 1 ? DISSECTED_FRAGMENT : DISSECTED_TCP);
	segment_is(WHOLE, PIECE - 600 - 32);
}
END_TEST

START_TEST(fragments_of_nothing_are_lost_and_counted)
{
	frame_begin(&frame, NULL, 0, 6);
	frame_ip4_with(&frame, 0, 0x2000);
	ck_assert_int_eq(take_frame(101), DISSECTED_FRAGMENT);
	frame_begin(&frame, NULL, 16, 6);
	frame_ip4_with(&frame, 0, 0x1fff);
	ck_assert_int_eq(take_frame(101), DISSECTED_FRAGMENT);
	ck_assert_uint_eq(dissector_fragments_lost(dissector), 2);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("dissect");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, the_segment_is_found_in_all_that_may_be_around_it, 0, AROUND);
	tcase_add_loop_test(t, padding_behind_it_is_none_of_it, 0, AROUND);
	tcase_add_loop_test(t, snapped_anywhere_it_is_short_or_counts_in_full, 0, AROUND);
	tcase_add_loop_test(t, a_frame_that_ends_anywhere_on_the_wire_is_read_no_further, 0,
			    AROUND);
	tcase_add_loop_test(t, any_byte_may_be_wrong, 0, AROUND);
	tcase_add_test(t, a_length_of_zero_means_all_that_is_there);
	tcase_add_test(t, a_length_beyond_the_frame_is_cut_to_it);
	tcase_add_test(t, a_snapped_super_segment_counts_beyond_64_kib_too);
	tcase_add_test(t, headers_that_cannot_be_are_bad);
	tcase_add_test(t, what_is_neither_tcp_nor_udp_is_other);
	tcase_add_test(t, a_datagram_is_as_long_as_its_own_header_says);
	tcase_add_test(t, a_port_of_vxlan_alone_makes_no_tunnel);
	tcase_add_test(t, nesting_ends_somewhere);
	tcase_add_test(t, tags_tell_vlans_and_tunnels_apart);
	tcase_add_test(t, fragments_in_any_order_give_their_segment);
	tcase_add_test(t, snapped_fragments_count_in_full);
	tcase_add_test(t, fragments_of_nothing_are_lost_and_counted);
	return unit_run("dissect", t);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/fragment.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

enum { SECOND = 1000000000, ROOM = 1 << 20, ALL = 65528 };

static struct fragments *t;
static uint8_t bytes[ALL + 8], other[ALL + 8];
static struct defragmented out;
static uint32_t id, now_s, now_ns;

static void set_up(void)
{
	t = fragments_new(ROOM);
	id = 1;
	now_s = 100;
	now_ns = 0;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(i * 7 + i / 251);
		other[i] = (uint8_t)~bytes[i];
	}
}

static void tear_down(void)
{
	fragments_free(t);
}

static struct fragment of(uint32_t from, uint32_t to, bool more)
{
	return (struct fragment){ .time_ns = (uint64_t)now_s * SECOND + now_ns,
				  .src = addr_v4(0x0a000001),
				  .dst = addr_v4(0x0a000002),
				  .id = id,
				  .proto = 17,
				  .more = more,
				  .offset = from,
				  .len = to - from,
				  .cap = to - from,
				  .p = bytes + from };
}

/* From memory of just that size, that is gone afterwards. */
static bool add_one(struct fragment f)
{
	uint8_t *copy = malloc(f.cap ? f.cap : 1);
	bool whole;

	memcpy(copy, f.p, f.cap);
	f.p = copy;
	whole = fragments_add(t, &f, &out);
	free(copy);
	return whole;
}

static bool add(uint32_t from, uint32_t to, bool more)
{
	return add_one(of(from, to, more));
}

static void is_whole(uint32_t len)
{
	ck_assert_uint_eq(out.len, len);
	ck_assert_uint_eq(out.cap, len);
	ck_assert_mem_eq(out.p, bytes, len);
}

/* Four pieces in each of their 24 orders. */
START_TEST(any_order)
{
	static const uint32_t edge[] = { 0, 8, 1480, 2000, 2003 };

	for (unsigned order = 0; order < 256; order++) {
		unsigned seen = 0;

		for (unsigned i = 0; i < 4; i++)
			seen |= 1u << (order >> 2 * i & 3);
		if (seen != 15)
			continue;
		id++;
		for (unsigned i = 0; i < 4; i++) {
			unsigned k = order >> 2 * i & 3;

			ck_assert_int_eq(add(edge[k], edge[k + 1], k < 3), i == 3);
		}
		is_whole(2003);
	}
	ck_assert_uint_eq(fragments_lost(t), 0);
}
END_TEST

/* More pieces than there are places for holes; those that touch are one. */
START_TEST(many_pieces)
{
	for (uint32_t at = 0; at < ALL; at += 552)
		ck_assert_int_eq(add(at, at + 552 < ALL ? at + 552 : ALL, at + 552 < ALL),
				 at + 552 >= ALL);
	is_whole(ALL);
	id++;
	for (uint32_t at = ALL; at > 0; at -= 8)
		ck_assert_int_eq(add(at - 8, at, at < ALL), at == 8);
	is_whole(ALL);
	ck_assert_uint_eq(fragments_lost(t), 0);
}
END_TEST

START_TEST(too_many_holes_are_given_up)
{
	for (uint32_t i = 0; i <= FRAGMENT_PIECES; i++)
		ck_assert(!add(16 * i, 16 * i + 8, true));
	ck_assert_uint_eq(fragments_lost(t), 1);
}
END_TEST

/* What makes packets differ: each alone. */
START_TEST(packets_do_not_mix)
{
	for (int i = 0; i < 5; i++) {
		struct fragment f = of(8, 16, false);

		f.src.b[15] = i == 0 ? 77 : f.src.b[15];
		f.dst.b[15] = i == 1 ? 77 : f.dst.b[15];
		f.id = i == 2 ? 77 : f.id;
		f.tag = i == 3 ? 77 : f.tag;
		f.proto = i == 4 ? 77 : f.proto;
		ck_assert(!add_one(f));
	}
	ck_assert(!add(0, 8, true));
	ck_assert(add(8, 16, false));
	is_whole(16);
}
END_TEST

/* Copies of a mirror, one after the other: nothing is twice, nothing lost, no room is kept. */
START_TEST(copies)
{
	for (id = 1; id < 4 * FRAGMENTS_MAX; id++) {
		ck_assert(!add(0, 1480, true));
		ck_assert(!add(0, 1480, true));
		ck_assert(!add(1480, 2960, true));
		ck_assert(!add(1480, 2960, true));
		ck_assert(add(2960, 3000, false));
		is_whole(3000);
		ck_assert(!add(2960, 3000, false));
	}
	ck_assert_uint_eq(fragments_lost(t), 0);
}
END_TEST

/* A number comes again in the end, and then it is another packet. */
START_TEST(numbers_come_again)
{
	for (int i = 0; i < 5; i++) {
		ck_assert(!add(0, 800, true));
		ck_assert(add(800, 900, false));
		is_whole(900);
		now_s += 3;
	}
	ck_assert_uint_eq(fragments_lost(t), 0);
}
END_TEST

START_TEST(first_bytes_stay)
{
	struct fragment f;

	ck_assert(!add(8, 16, true));
	ck_assert(!add(24, 32, true));
	f = of(8, 16, true);
	f.p = other;
	ck_assert(!add_one(f));
	f = of(0, 40, true);
	f.p = other;
	ck_assert(!add_one(f));
	ck_assert(add(40, 44, false));
	ck_assert_uint_eq(out.len, 44);
	ck_assert_mem_eq(out.p, other, 8);
	ck_assert_mem_eq(out.p + 8, bytes + 8, 8);
	ck_assert_mem_eq(out.p + 16, other + 16, 8);
	ck_assert_mem_eq(out.p + 24, bytes + 24, 8);
	ck_assert_mem_eq(out.p + 32, other + 32, 8);
	ck_assert_mem_eq(out.p + 40, bytes + 40, 4);
}
END_TEST

START_TEST(fragments_that_cannot_be)
{
	ck_assert(!add(0, 0, true));
	ck_assert(!add(0, 12, true)); /* no multiple of eight */
	ck_assert(!add(65528, 65536, false));
	ck_assert_uint_eq(fragments_lost(t), 3);
	ck_assert(!add(0, 8, true));
	ck_assert(!add(16, 20, false));
	ck_assert(!add(16, 24, true)); /* beyond the end: none of them is believed */
	ck_assert_uint_eq(fragments_lost(t), 4);
}
END_TEST

/* The end is where the last one said it first; one that says otherwise does not move it. */
START_TEST(two_ends)
{
	ck_assert(!add(16, 24, true));
	ck_assert(!add(8, 12, false));
	ck_assert_uint_gt(fragments_lost(t), 0);
	id++;
	ck_assert(!add(16, 24, false));
	ck_assert(!add(8, 12, false));
	ck_assert_uint_gt(fragments_lost(t), 1);
}
END_TEST

START_TEST(what_never_completes_is_lost)
{
	ck_assert(!add(0, 8, true));
	now_s += FRAGMENT_AGE_S + 1;
	ck_assert(!add(8, 16, false));
	ck_assert_uint_eq(fragments_lost(t), 1);
	ck_assert(add(0, 8, true));
	now_s -= 2 * FRAGMENT_AGE_S; /* another file, of before */
	ck_assert(!add(0, 8, true));
	ck_assert(add(8, 16, false));
	is_whole(16);
}
END_TEST

START_TEST(the_oldest_goes_first)
{
	for (id = 1; id <= FRAGMENTS_MAX + 1; id++)
		ck_assert(!add(0, 8, true));
	ck_assert_uint_eq(fragments_lost(t), 1);
	id = 2;
	ck_assert(add(8, 16, false));
	id = FRAGMENTS_MAX + 1;
	ck_assert(add(8, 16, false));
	id = 1;
	ck_assert(!add(8, 16, false));
}
END_TEST

START_TEST(bytes_are_bounded)
{
	for (id = 1; id <= 200; id++)
		ck_assert(!add(0, 65000, true));
	ck_assert_uint_ge(fragments_lost(t), 200 - ROOM / 65000);
	id = 200;
	ck_assert(add(65000, 65100, false));
	is_whole(65100);
	fragments_free(t);
	t = fragments_new(4096);
	ck_assert(!add(0, 8000, true));
	ck_assert_uint_gt(fragments_lost(t), 0);
}
END_TEST

/* Snapped: what is there from the start, with no hole. */
START_TEST(snapped)
{
	struct fragment f = of(0, 1480, true);

	f.cap = 100;
	ck_assert(!add_one(f));
	ck_assert(add(1480, 2000, false));
	ck_assert_uint_eq(out.len, 2000);
	ck_assert_uint_eq(out.cap, 100);
	ck_assert_mem_eq(out.p, bytes, 100);
	id++;
	f = of(1480, 2000, false);
	f.cap = 20;
	ck_assert(!add_one(f));
	ck_assert(add(0, 1480, true));
	ck_assert_uint_eq(out.len, 2000);
	ck_assert_uint_eq(out.cap, 1500);
	ck_assert_mem_eq(out.p, bytes, 1500);
	id++;
	f = of(0, 1480, true);
	f.cap = 0;
	ck_assert(!add_one(f));
	ck_assert(add(1480, 2000, false));
	ck_assert_uint_eq(out.len, 2000);
	ck_assert_uint_eq(out.cap, 0);
}
END_TEST

/* Another packet of the same number, as makers of packets by hand send it. */
START_TEST(same_number_other_bytes)
{
	struct fragment f;

	for (int i = 0; i < 2; i++) {
		f = of(0, 16, true);
		f.p = i ? other : bytes;
		ck_assert(!add_one(f));
		f = of(16, 20, false);
		f.p = (i ? other : bytes) + 16;
		ck_assert(add_one(f));
		ck_assert_mem_eq(out.p, i ? other : bytes, 20);
	}
	ck_assert_uint_eq(fragments_lost(t), 0);
}
END_TEST

/* The packet that a fragment lies in is the one to go for its sake. */
START_TEST(one_in_another_without_room)
{
	struct fragment f;

	fragments_free(t);
	t = fragments_new(4096);
	ck_assert(!add(0, 8, true));
	ck_assert(add(8, 4000, false));
	f = of(0, 2000, true);
	f.id = 9;
	f.p = out.p;
	ck_assert(!fragments_add(t, &f, &out));
	id = 9;
	ck_assert(add(2000, 2008, false));
	is_whole(2008);
	ck_assert_uint_eq(fragments_lost(t), 0);
}
END_TEST

/* A packet that was put together holds a fragment of another. */
START_TEST(one_in_another)
{
	struct fragment f;

	id = 9;
	ck_assert(!add(8, 1000, false));
	id = 1;
	ck_assert(!add(0, 8, true));
	ck_assert(add(8, 2000, false));
	f = of(0, 8, true);
	f.id = 9;
	f.p = out.p;
	ck_assert(fragments_add(t, &f, &out));
	is_whole(1000);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("fragment");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, any_order);
	tcase_add_test(c, many_pieces);
	tcase_add_test(c, too_many_holes_are_given_up);
	tcase_add_test(c, packets_do_not_mix);
	tcase_add_test(c, copies);
	tcase_add_test(c, numbers_come_again);
	tcase_add_test(c, first_bytes_stay);
	tcase_add_test(c, fragments_that_cannot_be);
	tcase_add_test(c, two_ends);
	tcase_add_test(c, what_never_completes_is_lost);
	tcase_add_test(c, the_oldest_goes_first);
	tcase_add_test(c, bytes_are_bounded);
	tcase_add_test(c, snapped);
	tcase_add_test(c, same_number_other_bytes);
	tcase_add_test(c, one_in_another);
	tcase_add_test(c, one_in_another_without_room);
	return unit_run("fragment", c);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Packets out of their fragments, in bounded memory. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/mirror/fragment.h"
#include "tests/unit.h"

enum { WHOLE = 4000, PIECE = 800 };

static uint8_t packet[WHOLE];
static struct fragments *table;

static void setup(void)
{
	for (int i = 0; i < WHOLE; i++)
		packet[i] = (uint8_t)(i * 31 + i / 256);
	table = fragments_new(1 << 20);
}

static void teardown(void)
{
	fragments_free(table);
}

static struct fragment piece(uint32_t id, uint32_t from, uint32_t to)
{
	return (struct fragment){ .time_ns = 1000000000,
				  .src = addr_v4(1),
				  .dst = addr_v4(2),
				  .id = id,
				  .proto = 6,
				  .more = to < WHOLE,
				  .offset = from,
				  .len = to - from,
				  .cap = to - from,
				  .p = packet + from };
}

static bool add(const struct fragment *f, struct defragmented *out)
{
	return fragments_add(table, f, out);
}

static void is_packet(const struct defragmented *out)
{
	ck_assert_uint_eq(out->len, WHOLE);
	ck_assert_uint_eq(out->cap, WHOLE);
	ck_assert_mem_eq(out->p, packet, WHOLE);
}

START_TEST(any_order_gives_the_packet)
{
	static const int order[][5] = { { 0, 1, 2, 3, 4 },
					{ 4, 3, 2, 1, 0 },
					{ 2, 0, 4, 1, 3 } };

	for (unsigned o = 0; o < 3; o++) {
		struct defragmented out = { 0 };

		for (int i = 0; i < 5; i++) {
			uint32_t from = (uint32_t)order[o][i] * PIECE;
			struct fragment f = piece(o + 1, from, from + PIECE);

			ck_assert(add(&f, &out) == (i == 4));
		}
		is_packet(&out);
	}
	ck_assert_uint_eq(fragments_lost(table), 0);
}
END_TEST

START_TEST(copies_and_overlaps_change_nothing)
{
	struct defragmented out = { 0 };
	struct fragment f;
	uint8_t other[PIECE];

	memset(other, 0xee, sizeof(other));
	f = piece(1, 0, 1600);
	ck_assert(!add(&f, &out));
	ck_assert(!add(&f, &out));
	f = piece(1, 800, 1600); /* other bytes for what is there: the first ones stay */
	f.p = other;
	ck_assert(!add(&f, &out));
	f = piece(1, 2400, WHOLE);
	ck_assert(!add(&f, &out));
	f = piece(1, 1200, 2800);
	ck_assert(add(&f, &out));
	is_packet(&out);
}
END_TEST

START_TEST(what_was_snapped_counts_and_is_not_there)
{
	struct defragmented out = { 0 };
	struct fragment f = piece(1, 0, 2000);

	f.cap = 100;
	ck_assert(!add(&f, &out));
	f = piece(1, 2000, WHOLE);
	ck_assert(add(&f, &out));
	ck_assert_uint_eq(out.len, WHOLE);
	ck_assert_uint_eq(out.cap, 100);
	ck_assert_mem_eq(out.p, packet, 100);
}
END_TEST

START_TEST(tenants_and_protocols_do_not_mix)
{
	struct defragmented out = { 0 };
	struct fragment f = piece(1, 0, 2000);

	ck_assert(!add(&f, &out));
	f = piece(1, 2000, WHOLE);
	f.tag = 9;
	ck_assert(!add(&f, &out));
	f.tag = 0;
	f.proto = 17;
	ck_assert(!add(&f, &out));
	f.proto = 6;
	ck_assert(add(&f, &out));
}
END_TEST

START_TEST(what_cannot_be_is_dropped)
{
	struct defragmented out = { 0 };
	struct fragment f = piece(1, 0, 801);

	ck_assert(!add(&f, &out)); /* not of eight bytes, and more follow */
	f = piece(1, 0, PIECE);
	f.offset = 65528;
	ck_assert(!add(&f, &out)); /* beyond the longest packet */
	f = piece(1, 0, 800);
	f.len = f.cap = 0;
	ck_assert(!add(&f, &out));
	ck_assert_uint_eq(fragments_lost(table), 3);
	f = piece(2, 3200, WHOLE);
	ck_assert(!add(&f, &out));
	f = piece(2, 0, 3200);
	f.offset = 4000; /* behind the last */
	ck_assert(!add(&f, &out));
	ck_assert_uint_eq(fragments_lost(table), 4);
}
END_TEST

START_TEST(old_ones_make_room)
{
	struct defragmented out = { 0 };

	for (uint32_t id = 1; id <= 3 * FRAGMENTS_MAX; id++) {
		struct fragment f = piece(id, 0, 2000);

		f.time_ns += id;
		ck_assert(!add(&f, &out));
	}
	ck_assert_uint_ge(fragments_lost(table), 2 * FRAGMENTS_MAX);
	for (uint32_t id = 3 * FRAGMENTS_MAX - 5; id <= 3 * FRAGMENTS_MAX; id++) {
		struct fragment f = piece(id, 2000, WHOLE);

		f.time_ns += id;
		ck_assert(add(&f, &out));
		is_packet(&out);
	}
}
END_TEST

START_TEST(half_a_minute_later_it_is_another_packet)
{
	struct defragmented out = { 0 };
	struct fragment f = piece(1, 0, 2000);

	ck_assert(!add(&f, &out));
	f = piece(1, 2000, WHOLE);
	f.time_ns += (FRAGMENT_AGE_S + 1) * 1000000000ull;
	ck_assert(!add(&f, &out));
	ck_assert_uint_eq(fragments_lost(table), 1);
}
END_TEST

START_TEST(too_many_pieces_are_given_up)
{
	struct defragmented out = { 0 };

	for (uint32_t i = 0; i <= FRAGMENT_PIECES; i++) {
		struct fragment f = piece(1, i * 16, i * 16 + 8);

		ck_assert(!add(&f, &out));
	}
	ck_assert_uint_eq(fragments_lost(table), 1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fragment");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, any_order_gives_the_packet);
	tcase_add_test(t, copies_and_overlaps_change_nothing);
	tcase_add_test(t, what_was_snapped_counts_and_is_not_there);
	tcase_add_test(t, tenants_and_protocols_do_not_mix);
	tcase_add_test(t, what_cannot_be_is_dropped);
	tcase_add_test(t, old_ones_make_room);
	tcase_add_test(t, half_a_minute_later_it_is_another_packet);
	tcase_add_test(t, too_many_pieces_are_given_up);
	return unit_run("fragment", t);
}

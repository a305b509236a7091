/* SPDX-License-Identifier: Apache-2.0 */
/* What is lost with a reader of flows that crashes: never less than it held. */
#include <check.h>
#include <stdlib.h>

#include "collector/flowheld.h"
#include "collector/flows/flowsum.h"
#include "common/mem.h"
#include "tests/unit.h"

#define NOW UINT64_C(1767268800000)
enum { TELL = 5000, HOLD = FLOWSUM_HOLD_MS };

static struct flowheld *held;
static struct addr a, b;

static void setup(void)
{
	held = xcalloc(1, sizeof(*held));
	a = addr_v4(0x0a000001);
	b = addr_v4(0x0a000002);
}

static void teardown(void)
{
	free(held);
}

static void expect(int n, uint64_t now, int64_t from, uint64_t records)
{
	uint64_t got_from, got;

	ck_assert(flowheld_lost(&held->row[n], NOW + now, &got_from, &got));
	ck_assert_int_eq((int64_t)(got_from - NOW), from);
	ck_assert_uint_eq(got, records);
}

START_TEST(nobody_is_known_before_he_was_heard)
{
	uint64_t from, n;

	ck_assert(!flowheld_lost(&held->row[0], NOW, &from, &n));
	flowheld_take(held, 0, &a, 7, NOW + 100);
	expect(0, 200, 100, 7);
	ck_assert(!flowheld_lost(&held->row[1], NOW, &from, &n));
}
END_TEST

/* A record that came at T is safe when what was told at T + HOLD or later is committed. */
START_TEST(safe_is_what_was_told_and_committed)
{
	uint64_t t;

	for (t = 0; t <= HOLD; t += TELL) {
		flowheld_take(held, 0, &a, 10, NOW + t);
		flowheld_told(held, NOW + t);
	}
	expect(0, t, 0, 60); /* the first ten, of the time 0 */
	flowheld_handed(held, &a, 99, 1);
	flowheld_told(held, NOW + t);
	expect(0, t, 0, 60); /* on its way */
	flowheld_take(held, 0, &a, 5, NOW + t + 1);
	flowheld_committed(held, 98, 1); /* of somebody else */
	expect(0, t, 0, 65);
	flowheld_committed(held, 99, 1);
	expect(0, t, TELL, 55);
}
END_TEST

/* What waits for a slow collector is not safe, whatever has been told after it. */
START_TEST(what_waits_is_not_safe)
{
	uint64_t t = 0;

	flowheld_take(held, 0, &a, 10, NOW);
	flowheld_handed(held, &a, 99, 1);
	for (unsigned i = 0; i < 100; i++, t += TELL) {
		flowheld_take(held, 0, &a, 1, NOW + t);
		flowheld_told(held, NOW + t);
		flowheld_handed(held, &a, 99, 2 + i);
	}
	expect(0, t, 0, 110);
	flowheld_committed(held, 99, 1); /* told at 0: nothing had come a while before */
	expect(0, t, 0, 110);
	flowheld_told(held, NOW + t);
	flowheld_committed(held, 99, 100);
	expect(0, t, 0, 110); /* 101 is not */
	flowheld_committed(held, 99, 101);
	expect(0, t, (int64_t)t - HOLD, 5);
}
END_TEST

START_TEST(a_place_that_changes_hands_begins_anew)
{
	flowheld_take(held, 0, &a, 10, NOW);
	flowheld_take(held, 0, &b, 3, NOW + 50);
	expect(0, 60, 50, 3);
}
END_TEST

START_TEST(what_is_owed_is_owed_until_it_is_committed)
{
	flowheld_owe(held, 0, &a, NOW - 900, 40, NOW);
	expect(0, 10, -900, 40);
	flowheld_take(held, 0, &a, 2, NOW + 10);
	flowheld_handed(held, &a, 5, 1);
	flowheld_told(held, NOW + TELL);
	expect(0, TELL, -900, 42); /* it crashed before that was committed */
	flowheld_committed(held, 5, 1);
	expect(0, TELL, 0, 2);
}
END_TEST

/* The next reader is not misled by numbers out of a hat. */
START_TEST(what_a_broken_reader_has_left_is_bounded)
{
	uint64_t from, records;

	srand(1);
	for (int i = 0; i < 100000; i++) {
		uint8_t *p = (uint8_t *)&held->row[0];

		for (size_t k = 0; k < sizeof(held->row[0]); k++)
			p[k] = (uint8_t)rand();
		held->row[0].used = held->row[0].owing = true;
		ck_assert(flowheld_lost(&held->row[0], NOW, &from, &records));
		ck_assert_uint_le(from, NOW);
		ck_assert_uint_le(records, UINT64_C(1) << 52);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("flowheld");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nobody_is_known_before_he_was_heard);
	tcase_add_test(t, safe_is_what_was_told_and_committed);
	tcase_add_test(t, what_waits_is_not_safe);
	tcase_add_test(t, a_place_that_changes_hands_begins_anew);
	tcase_add_test(t, what_is_owed_is_owed_until_it_is_committed);
	tcase_add_test(t, what_a_broken_reader_has_left_is_bounded);
	return unit_run("flowheld", t);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "store/place.h"

#include "tests/unit.h"

enum { N = 1000 };

/* Every third number is missing. */
static int64_t number_of(size_t i)
{
	return 10 + (int64_t)(i + i / 2);
}

static struct places some(struct alias *alias, size_t n)
{
	struct places p = { .alias = alias, .alias_n = n };

	for (size_t i = 0; i < N; i++)
		places_add(&p, number_of(i));
	return p;
}

static void done(struct places *p)
{
	p->alias = NULL; /* the test's own */
	places_fini(p);
}

START_TEST(each_is_found_in_any_order)
{
	struct places p = some(NULL, 0);

	for (size_t i = 0; i < N; i++)
		ck_assert_uint_eq(places_of(&p, number_of(i)), i);
	for (size_t i = N; i-- > 0;)
		ck_assert_uint_eq(places_of(&p, number_of(i)), i);
	for (size_t i = 0; i < N; i++) {
		size_t at = i * 7919 % N;

		ck_assert_uint_eq(places_of(&p, number_of(at)), at);
	}
	ck_assert_uint_eq(places_of(&p, 12), SIZE_MAX);
	ck_assert_uint_eq(places_of(&p, 9), SIZE_MAX);
	ck_assert_uint_eq(places_of(&p, INT64_MAX), SIZE_MAX);
	ck_assert_uint_eq(places_of(&p, INT64_MIN), SIZE_MAX);
	ck_assert_uint_eq(places_of(&p, 10), 0);
	done(&p);
}
END_TEST

/* 12 is part of 18, and that of 10; the number that was near does not mislead. */
START_TEST(what_became_part_of_another_is_found_there)
{
	struct alias alias[] = { { 12, 18 }, { 18, 10 }, { 5000, 13 }, { 5001, 7 } };
	struct places p = some(alias, 4);

	for (int twice = 0; twice < 2; twice++) {
		ck_assert_uint_eq(places_of(&p, 11), 1);
		ck_assert_uint_eq(places_of(&p, 12), 0);
		ck_assert_uint_eq(places_of(&p, 13), 2);
		ck_assert_uint_eq(places_of(&p, 17), 5);
		ck_assert_uint_eq(places_of(&p, 18), 0);
		ck_assert_uint_eq(places_of(&p, 19), 6);
		ck_assert_uint_eq(places_of(&p, 5000), 2);
		ck_assert_uint_eq(places_of(&p, 5001), SIZE_MAX);
	}
	done(&p);
}
END_TEST

START_TEST(a_circle_ends)
{
	struct alias alias[] = { { 10, 11 }, { 11, 10 } };
	struct places p = some(alias, 2);

	ck_assert_uint_lt(places_of(&p, 10), 2);
	ck_assert_uint_lt(places_of(&p, 11), 2);
	ck_assert_uint_eq(places_of(&p, 13), 2);
	done(&p);
}
END_TEST

START_TEST(nothing_is_found_in_nothing)
{
	struct places p = { 0 };

	ck_assert_uint_eq(places_of(&p, 0), SIZE_MAX);
	ck_assert_uint_eq(places_of(&p, 1), SIZE_MAX);
	places_fini(&p);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("place");

	tcase_add_test(t, each_is_found_in_any_order);
	tcase_add_test(t, what_became_part_of_another_is_found_there);
	tcase_add_test(t, a_circle_ends);
	tcase_add_test(t, nothing_is_found_in_nothing);
	return unit_run("place", t);
}

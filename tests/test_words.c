/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/words.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit.h"

static struct words *words;

static void setup(void)
{
	words = words_new();
}

static void teardown(void)
{
	words_free(words);
}

START_TEST(a_word_is_kept_once_for_as_long_as_one_has_it)
{
	uint32_t a = words_take(words, "a.example"), b = words_take(words, "b.example");

	ck_assert_uint_ne(a, b);
	ck_assert(a && b);
	ck_assert_uint_eq(words_take(words, "a.example"), a);
	words_give(words, a);
	ck_assert_str_eq(words_of(words, a), "a.example");
	words_give(words, a);
	ck_assert_uint_eq(words_take(words, "c.example"), a); /* its number is free again */
	ck_assert_str_eq(words_of(words, a), "c.example");
	ck_assert_str_eq(words_of(words, b), "b.example");
}
END_TEST

START_TEST(no_number_is_no_word)
{
	ck_assert_str_eq(words_of(words, 0), "");
	words_give(words, 0);
	ck_assert_uint_eq(words_lost(words), 0);
}
END_TEST

START_TEST(where_there_is_no_room_it_is_counted_until_one_goes)
{
	static uint32_t id[WORDS_MAX];
	char text[32];

	for (unsigned i = 1; i < WORDS_MAX; i++) {
		snprintf(text, sizeof(text), "host-%u", i);
		id[i] = words_take(words, text);
		ck_assert_uint_ne(id[i], 0);
	}
	ck_assert_uint_eq(words_take(words, "more"), 0);
	ck_assert_uint_eq(words_take(words, "host-7"), id[7]); /* it is there already */
	ck_assert_uint_eq(words_lost(words), 1);
	words_give(words, id[9]);
	ck_assert_uint_eq(words_take(words, "more"), id[9]);
	ck_assert_uint_eq(words_lost(words), 1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("words");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_word_is_kept_once_for_as_long_as_one_has_it);
	tcase_add_test(t, no_number_is_no_word);
	tcase_add_test(t, where_there_is_no_room_it_is_counted_until_one_goes);
	return unit_run("words", t);
}

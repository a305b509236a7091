/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/sequence.h"

#include "tests/unit.h"

/* What is missed of datagrams of so many records; 0 ends them, a negative one does not come. */
static int64_t missed(const int *records, bool inclusive)
{
	struct sequence s = { .unit = SEQUENCE_RECORDS };
	uint32_t number = 1000;
	int64_t all = 0;

	for (const int *n = records; *n; n++) {
		uint32_t held = (uint32_t)(*n < 0 ? -*n : *n);

		if (*n > 0) {
			all += sequence_next(&s, inclusive ? number + held : number).missed;
			all += sequence_held(&s, held, true);
		}
		number += held;
	}
	return all;
}

START_TEST(nothing_is_missed)
{
	static const int sizes[] = { 24, 32, 33, 32, 32, 7, 32, 1, 1, 9, 0 };

	ck_assert_int_eq(missed(sizes, false), 0);
	ck_assert_int_eq(missed(sizes, true), 0);
}
END_TEST

START_TEST(what_is_missed_is_told_to_the_record)
{
	static const int sizes[] = { 24, 32, -33, 32, 31, 7, -30, -2, 32, 1, 9, 0 };

	ck_assert_int_eq(missed(sizes, false), 65);
	ck_assert_int_eq(missed(sizes, true), 65);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("sequence");

	tcase_add_test(t, nothing_is_missed);
	tcase_add_test(t, what_is_missed_is_told_to_the_record);
	return unit_run("sequence", t);
}

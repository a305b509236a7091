/* SPDX-License-Identifier: Apache-2.0 */
/* What the sequence numbers of exporters say was missed. */
#include "collector/flows/sequence.h"

#include <check.h>

#include "tests/unit.h"

/* One datagram: its number, what it holds (-1: a part is unreadable), what must come of it. */
struct seen {
	uint32_t number;
	int records;
	uint32_t missed;
	bool late;
};

static void play(enum sequence_unit unit, const struct seen *seen, unsigned n)
{
	struct sequence s = { .unit = unit };

	for (unsigned i = 0; i < n; i++) {
		struct sequence_step step = sequence_next(&s, seen[i].number);

		ck_assert_msg(step.missed == seen[i].missed && step.late == seen[i].late,
			      "datagram %u: missed %u, late %d", i, step.missed, step.late);
		if (!step.late)
			sequence_held(&s, seen[i].records < 0 ? 0 : (uint32_t)seen[i].records,
				      seen[i].records >= 0);
	}
}
#define PLAY(unit, ...)                                                                       \
	do {                                                                                  \
		const struct seen rows_[] = { __VA_ARGS__ };                                  \
		play(unit, rows_, sizeof(rows_) / sizeof(rows_[0]));                          \
	} while (0)

START_TEST(datagrams_are_counted)
{
	PLAY(SEQUENCE_DATAGRAMS, { 100, 5 }, { 101, 5 }, { 104, 5, 2 }, { 105, 5 });
	PLAY(SEQUENCE_DATAGRAMS, { UINT32_MAX, 3 }, { 0, 3 }, { 2, 3, 1 });
}
END_TEST

START_TEST(records_are_counted)
{
	PLAY(SEQUENCE_RECORDS, { 0, 30 }, { 30, 30 }, { 100, 10, 40 }, { 110, 1 }, { 111, 0 },
	     { 111, 4 }, { 115, 1 });
	PLAY(SEQUENCE_RECORDS, { UINT32_MAX - 1, 4 }, { 2, 1 }, { 4, 1, 1 });
}
END_TEST

START_TEST(what_could_not_be_counted_is_not_held_against_the_next)
{
	PLAY(SEQUENCE_RECORDS, { 0, 10 }, { 10, -1 }, { 57, 10 }, { 67, 10 });
	PLAY(SEQUENCE_DATAGRAMS, { 0, -1 }, { 1, -1 }, { 4, -1, 2 });
}
END_TEST

START_TEST(an_exporter_that_counts_by_the_other_rule_is_found_out)
{
	PLAY(SEQUENCE_DATAGRAMS, { 0, 10 }, { 10, 20 }, { 30, 5 }, { 42, 5, 7 }, { 47, 1 });
	PLAY(SEQUENCE_RECORDS, { 7, 10 }, { 8, 20 }, { 9, 5 }, { 12, 5, 2 });
}
END_TEST

START_TEST(late_ones_are_not_a_restart)
{
	PLAY(SEQUENCE_DATAGRAMS, { 50, 1 }, { 53, 1, 2 }, { 51, 1, 0, true },
	     { 52, 1, 0, true }, { 53, 1, 0, true }, { 54, 1 });
	PLAY(SEQUENCE_RECORDS, { 500, 10 }, { 530, 10, 20 }, { 510, 10, 0, true },
	     { 540, 10 });
}
END_TEST

START_TEST(restarts_miss_nothing)
{
	PLAY(SEQUENCE_DATAGRAMS, { 4000000, 1 }, { 1, 1 }, { 2, 1 }, { 5, 1, 2 });
	PLAY(SEQUENCE_RECORDS, { 7, 10 }, { 3000000000, 10 }, { 3000000010, 1 });
	/* So soon after the beginning that it looks late, until there are too many. */
	PLAY(SEQUENCE_DATAGRAMS, { 60, 1 }, { 0, 1, 0, true }, { 1, 1, 0, true },
	     { 2, 1, 0, true }, { 3, 1, 0, true }, { 4, 1, 0, true }, { 5, 1, 0, true },
	     { 6, 1, 0, true }, { 7, 1 }, { 9, 1, 1 });
}
END_TEST

START_TEST(a_restart_that_is_told_is_none_to_guess)
{
	struct sequence s = { .unit = SEQUENCE_DATAGRAMS };

	sequence_next(&s, 10);
	sequence_held(&s, 1, true);
	sequence_restart(&s);
	ck_assert_uint_eq(sequence_next(&s, 15).missed, 0);
	sequence_held(&s, 1, true);
	ck_assert_uint_eq(sequence_next(&s, 17).missed, 1);
}
END_TEST

/* What is missed of datagrams of so many records; 0 ends them, a negative one does not come.
 */
static int64_t missed_of(const int *records, bool inclusive)
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

START_TEST(datagrams_that_count_their_own_records)
{
	static const int sizes[] = { 24, 32, 33, 32, 32, 7, 32, 1, 1, 9, 0 };

	ck_assert_int_eq(missed_of(sizes, false), 0);
	ck_assert_int_eq(missed_of(sizes, true), 0);
}
END_TEST

START_TEST(missed_records_either_way)
{
	static const int sizes[] = { 24, 32, -33, 32, 31, 7, -30, -2, 32, 1, 9, 0 };

	ck_assert_int_eq(missed_of(sizes, false), 65);
	ck_assert_int_eq(missed_of(sizes, true), 65);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("sequence");

	tcase_add_test(t, datagrams_are_counted);
	tcase_add_test(t, records_are_counted);
	tcase_add_test(t, what_could_not_be_counted_is_not_held_against_the_next);
	tcase_add_test(t, an_exporter_that_counts_by_the_other_rule_is_found_out);
	tcase_add_test(t, late_ones_are_not_a_restart);
	tcase_add_test(t, restarts_miss_nothing);
	tcase_add_test(t, a_restart_that_is_told_is_none_to_guess);
	tcase_add_test(t, datagrams_that_count_their_own_records);
	tcase_add_test(t, missed_records_either_way);
	return unit_run("sequence", t);
}

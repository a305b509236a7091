/* SPDX-License-Identifier: Apache-2.0 */
/* The queue and its numbers, in memory. */
#include "sensor/spool.h"

#include <check.h>
#include <errno.h>

#include "tests/spoolkit.h"
#include "tests/unit.h"

START_TEST(sequences_have_no_holes)
{
	struct spool *sp = spool_new(1 << 20);
	struct spool_batch b;

	ck_assert(!spool_next(sp, 0, &b));
	for (unsigned i = 1; i <= 5; i++)
		add(sp, i);
	for (unsigned i = 1; i <= 3; i++)
		expect(sp, i - 1U, i);
	ck_assert_uint_eq(spool_sent(sp), 3);
	ck_assert(!spool_next(sp, 4, &b)); /* 4 was never given out */
	ck_assert_int_eq(spool_ack(sp, 4), -ERANGE);
	ck_assert_int_eq(spool_ack(sp, 2), 0);
	ck_assert(!spool_next(sp, 1, &b)); /* 2 is acknowledged */
	expect(sp, 2, 3);		   /* again */
	expect(sp, 3, 4);
	expect(sp, 4, 5);
	ck_assert(!spool_next(sp, 5, &b));
	ck_assert_int_eq(spool_ack(sp, 1), 0); /* an old one changes nothing */
	ck_assert_uint_eq(spool_acked(sp), 2);
	ck_assert_int_eq(spool_ack(sp, 5), 0);
	ck_assert(spool_empty(sp));
	add(sp, 6);
	expect(sp, 5, 6);
	spool_free(sp);
}
END_TEST

START_TEST(only_what_was_never_sent_is_dropped)
{
	struct spool *sp = spool_new(5 * size_of_one());
	struct collector c = { 0 };

	for (unsigned i = 1; i <= 5; i++)
		add(sp, i);
	expect(sp, 0, 1);
	expect(sp, 1, 2);
	ck_assert(!spool_news(sp));
	add(sp, 6); /* drops 3, and 4 to have room for the word on both */
	ck_assert(spool_news(sp));
	ck_assert(!spool_news(sp));
	ck_assert_uint_eq(spool_counts(sp).lost, 2 * RECORDS);
	ck_assert_int_eq(drain(&c, sp), 0);
	ck_assert_uint_eq(c.records, 4 * RECORDS);
	ck_assert_uint_eq(c.lost, 2 * RECORDS);
	ck_assert_uint_eq(c.seen[3] + c.seen[4], 0);
	ck_assert_uint_eq(c.losts, 1);
	ck_assert_uint_eq(c.epochs, 1);
	spool_free(sp);
}
END_TEST

START_TEST(the_newest_batch_and_those_in_flight_stay)
{
	struct spool *sp = spool_new(size_of_one());
	struct collector c = { 0 };

	add(sp, 1);
	expect(sp, 0, 1);
	add(sp, 2); /* one in flight, one newest: above the cap, and kept */
	ck_assert_uint_eq(spool_counts(sp).batches, 2);
	ck_assert_uint_eq(spool_counts(sp).lost, 0);
	ck_assert_int_eq(drain(&c, sp), 0);
	ck_assert_uint_eq(c.records, 2 * RECORDS);
	spool_free(sp);
}
END_TEST

START_TEST(a_dropped_loss_is_not_forgotten)
{
	struct spool *sp = spool_new(2 * size_of_one());
	struct collector c = { 0 };

	for (unsigned i = 1; i <= 50; i++)
		add(sp, i);
	ck_assert_int_eq(drain(&c, sp), 0);
	ck_assert_uint_gt(c.lost, 40 * RECORDS);
	ck_assert_uint_eq(c.records + c.lost, 50 * RECORDS);
	spool_free(sp);
}
END_TEST

START_TEST(the_collector_says_where_to_go_on)
{
	struct spool *sp = spool_new(1 << 20);
	uint64_t epoch = spool_epoch(sp);

	for (unsigned i = 1; i <= 6; i++)
		add(sp, i);
	for (unsigned i = 1; i <= 4; i++)
		expect(sp, i - 1U, i);
	ck_assert_int_eq(spool_resume(sp, 2), 0); /* 3 and 4 were lost on the way */
	expect(sp, 2, 3);
	ck_assert_int_eq(spool_resume(sp, 4), 0); /* their acknowledgement was */
	ck_assert_int_eq(spool_resume(sp, 9), -ERANGE);
	ck_assert_int_eq(spool_resume(sp, 1), 0); /* it has forgotten, and we have not */
	ck_assert_uint_eq(spool_counts(sp).batches, 5);
	expect(sp, 1, 2);
	ck_assert_uint_eq(spool_epoch(sp), epoch);
	spool_free(sp);
}
END_TEST

START_TEST(what_the_collector_forgot_is_numbered_anew)
{
	struct spool *sp = spool_new(2 * size_of_one());
	uint64_t epoch = spool_epoch(sp);

	for (unsigned i = 1; i <= 4; i++) {
		add(sp, i);
		expect(sp, i - 1U, i);
	}
	ck_assert_int_eq(spool_ack(sp, 2), 0);
	ck_assert_int_eq(spool_resume(sp, 0), -ESTALE);
	spool_restart(sp);
	ck_assert_uint_ne(spool_epoch(sp), epoch);
	ck_assert_int_eq(spool_resume(sp, 0), 0);
	expect(sp, 0, 3);
	expect(sp, 1, 4);
	add(sp, 5);
	expect(sp, 2, 5);
	spool_free(sp);
}
END_TEST

START_TEST(long_runs_keep_order)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		long_run(seed, false);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, sequences_have_no_holes);
	tcase_add_test(t, only_what_was_never_sent_is_dropped);
	tcase_add_test(t, the_newest_batch_and_those_in_flight_stay);
	tcase_add_test(t, a_dropped_loss_is_not_forgotten);
	tcase_add_test(t, the_collector_says_where_to_go_on);
	tcase_add_test(t, what_the_collector_forgot_is_numbered_anew);
	tcase_add_test(t, long_runs_keep_order);
	return unit_run("spool", t);
}

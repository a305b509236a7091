/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/spool.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

enum { BODY = 1008 }; /* 8 bytes of base and 1000 that name the batch */

/* A batch whose records are N covers' worth; its body says which one it is. */
static void add(struct spool *sp, uint8_t name, uint32_t records)
{
	struct wire_writer w = { 0 };
	char filler[1000];

	wire_writer_begin(&w, 0);
	memset(filler, name, sizeof(filler));
	buf_put(&w.body, filler, sizeof(filler));
	w.records = records;
	spool_add(sp, &w, name * 1000U, name * 1000U + 999);
	wire_writer_fini(&w);
}

static void expect(struct spool *sp, uint64_t after, uint8_t name)
{
	struct spool_batch b;

	ck_assert(spool_next(sp, after, &b));
	ck_assert_uint_eq(b.sequence, after + 1);
	ck_assert_uint_eq(b.n, BODY);
	ck_assert_uint_eq(b.body[8], name);
}

START_TEST(sequences_have_no_holes)
{
	struct spool *sp = spool_new(100 * BODY);
	struct spool_batch b;

	ck_assert(!spool_next(sp, 0, &b));
	for (uint8_t i = 1; i <= 5; i++)
		add(sp, i, 1);
	for (uint8_t i = 1; i <= 3; i++)
		expect(sp, i - 1U, i);
	ck_assert_uint_eq(spool_sent(sp), 3);
	ck_assert(!spool_next(sp, 4, &b)); /* 4 was never given out */
	ck_assert_int_eq(spool_ack(sp, 4), -ERANGE);
	ck_assert_int_eq(spool_ack(sp, 2), 0);
	ck_assert(!spool_next(sp, 1, &b)); /* 2 is gone */
	expect(sp, 2, 3);		   /* again */
	expect(sp, 3, 4);
	expect(sp, 4, 5);
	ck_assert(!spool_next(sp, 5, &b));
	ck_assert_int_eq(spool_ack(sp, 1), 0); /* an old one changes nothing */
	ck_assert_uint_eq(spool_acked(sp), 2);
	ck_assert_int_eq(spool_ack(sp, 5), 0);
	ck_assert(spool_empty(sp));
	ck_assert_uint_eq(spool_bytes(sp), 0);
	add(sp, 6, 1);
	expect(sp, 5, 6);
	spool_free(sp);
}
END_TEST

START_TEST(only_what_was_never_sent_is_dropped)
{
	struct spool *sp = spool_new(3 * BODY);
	struct spool_batch b;
	struct lost lost;

	for (uint8_t i = 1; i <= 3; i++)
		add(sp, i, 10);
	expect(sp, 0, 1);
	expect(sp, 1, 2);
	ck_assert(!spool_take_lost(sp, &lost));
	add(sp, 4, 10); /* drops 3 */
	add(sp, 5, 10); /* drops 4 */
	ck_assert_uint_eq(spool_batches(sp), 3);
	ck_assert(spool_take_lost(sp, &lost));
	ck_assert_uint_eq(lost.records, 20);
	ck_assert_uint_eq(lost.start_ms, 3000);
	ck_assert_uint_eq(lost.end_ms, 4999);
	ck_assert(!spool_take_lost(sp, &lost));
	expect(sp, 0, 1);
	expect(sp, 2, 5); /* and no hole in the sequence */
	ck_assert(!spool_next(sp, 3, &b));
	spool_free(sp);
}
END_TEST

START_TEST(the_newest_batch_and_those_in_flight_stay)
{
	struct spool *sp = spool_new(BODY);
	struct lost lost;

	add(sp, 1, 1);
	add(sp, 2, 1);
	ck_assert(spool_take_lost(sp, &lost));
	ck_assert_uint_eq(lost.records, 1);
	expect(sp, 0, 2);
	add(sp, 3, 1); /* one in flight, one newest: above the cap, and kept */
	ck_assert_uint_eq(spool_batches(sp), 2);
	expect(sp, 1, 3);
	spool_free(sp);
}
END_TEST

START_TEST(a_dropped_loss_is_not_forgotten)
{
	struct spool *sp = spool_new(BODY);
	struct lost lost;

	add(sp, 1, 10);
	add(sp, 2, 10); /* drops 1 */
	ck_assert(spool_take_lost(sp, &lost));
	add(sp, 3, 11); /* carries the loss of 1 as one of its records; drops 2 */
	ck_assert(spool_take_lost(sp, &lost));
	ck_assert_uint_eq(lost.records, 10);
	ck_assert_uint_eq(lost.start_ms, 2000);
	add(sp, 4, 11); /* carries that of 2; drops 3, and so the word on 1 */
	ck_assert(spool_take_lost(sp, &lost));
	ck_assert_uint_eq(lost.records, 21);
	ck_assert_uint_eq(lost.start_ms, 1000);
	ck_assert_uint_eq(lost.end_ms, 3999);
	spool_free(sp);
}
END_TEST

START_TEST(the_collector_says_where_to_go_on)
{
	struct spool *sp = spool_new(100 * BODY);
	uint64_t epoch = spool_epoch(sp);

	for (uint8_t i = 1; i <= 6; i++)
		add(sp, i, 1);
	for (uint8_t i = 1; i <= 4; i++)
		expect(sp, i - 1U, i);
	ck_assert_int_eq(spool_resume(sp, 2), 0); /* 3 and 4 were lost on the way */
	expect(sp, 2, 3);
	ck_assert_int_eq(spool_resume(sp, 4), 0); /* their acknowledgement was */
	ck_assert_int_eq(spool_resume(sp, 9), -ERANGE);
	ck_assert_int_eq(spool_resume(sp, 1), -ESTALE);
	ck_assert_uint_eq(spool_epoch(sp), epoch);
	expect(sp, 4, 5);
	spool_restart(sp);
	ck_assert_uint_ne(spool_epoch(sp), epoch);
	ck_assert_int_eq(spool_resume(sp, 0), 0);
	expect(sp, 0, 5);
	expect(sp, 1, 6);
	spool_free(sp);
}
END_TEST

/* Random calls against the rules themselves. */
START_TEST(long_runs_keep_order)
{
	struct spool *sp = spool_new(20 * BODY);
	uint64_t seed = 1, added = 0, delivered = 0, dropped = 0, at = 0;
	struct lost lost;
	uint8_t last = 0;

	for (int step = 0; step < 20000; step++) {
		struct spool_batch b;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		switch (seed >> 61) {
		case 0:
		case 1:
		case 2:
			add(sp, (uint8_t)(added++ % 251), 1);
			break;
		case 3:
		case 4:
			if (at - spool_acked(sp) < 8 && spool_next(sp, at, &b))
				at++;
			break;
		case 5:
			at = spool_acked(sp); /* a cut link */
			break;
		default:
			if (at == spool_acked(sp))
				break;
			ck_assert(spool_next(sp, spool_acked(sp), &b));
			ck_assert(delivered == 0 || b.body[8] != last);
			last = b.body[8];
			ck_assert_int_eq(spool_ack(sp, b.sequence), 0);
			delivered++;
		}
		ck_assert_uint_le(spool_bytes(sp), 20 * BODY + BODY);
	}
	while (spool_take_lost(sp, &lost))
		dropped += lost.records;
	ck_assert_uint_eq(added, delivered + dropped + spool_batches(sp));
	spool_free(sp);
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
	tcase_add_test(t, long_runs_keep_order);
	return unit_run("spool", t);
}

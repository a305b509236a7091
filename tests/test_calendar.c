/* SPDX-License-Identifier: Apache-2.0 */
/* When waves are cut over: freezes, deadlines, and how long copying takes. */
#include "graph/calendar.h"

#include <check.h>

#include "tests/unit.h"
#include "tests/waveskit.h"

enum { DAY = 86400 };

START_TEST(freezes_and_hours)
{
	struct wave_freeze freeze[] = { { 1000 * DAY + 1, 1010 * DAY } };
	struct wave_rules r = { .capacity = 1,
				.start = 1000 * DAY,
				.every = 4 * DAY,
				.freeze = freeze,
				.freeze_n = 1,
				.link_bits = 8000000,
				.assume_bytes = 1000000 * 7200ul };
	struct estatekit k = { 0 };
	struct waves *w;

	estatekit_group(&k, "a", 1);
	estatekit_group(&k, "b", 1);
	estatekit_group(&k, "c", 1);
	estatekit_extra(&k, "c", "{\"disk_used_bytes\": 1000000000000}");
	estatekit_edge(&k, "c", "b", 443, 9);
	estatekit_edge(&k, "b", "a", 443, 9);
	w = waveskit_assign(&k, &r);
	ck_assert_int_eq(w->wave[0].cutover, 1000 * DAY);
	ck_assert_int_eq(w->wave[1].cutover, 1012 * DAY); /* 1004 and 1008 are frozen */
	ck_assert_int_eq(w->wave[2].cutover, 1016 * DAY);
	ck_assert_double_eq(w->wave[0].hours, 2);
	ck_assert_int_eq(w->wave[0].replicate_from, 1000 * DAY - 7200);
	ck_assert(!w->wave[1].tight);
	ck_assert(w->wave[2].tight); /* 11.6 days between two that are 4 apart */
	ck_assert(waveskit_noted(w, "cannot be replicated between two cutovers: wave 3"));
	ck_assert(waveskit_noted(w, "what was assumed is counted"));
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(waves_that_moved_had_their_cutover)
{
	struct wave_rules r = {
		.capacity = 1, .start = 1000 * DAY, .every = 7 * DAY, .deadline = 1014 * DAY
	};
	struct estatekit k = { 0 };
	struct waves *w;

	estatekit_group(&k, "a", 1);
	estatekit_group(&k, "b", 1);
	estatekit_group(&k, "c", 1);
	estatekit_state(&k, "a", PLAN_MOVED, 1);
	w = waveskit_assign(&k, &r);
	ck_assert_uint_eq(w->wave[0].number, 2);
	ck_assert_int_eq(w->wave[0].cutover, 1007 * DAY);
	ck_assert_int_eq(w->wave[1].cutover, 1014 * DAY);
	ck_assert_uint_eq(w->slots, 2);
	ck_assert(!w->late);
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(deadline_counts_back)
{
	struct wave_rules r = { .capacity = 1, .deadline = 2000 * DAY, .every = 7 * DAY };
	struct estatekit k = { 0 };
	struct waves *w;

	estatekit_group(&k, "a", 1);
	estatekit_group(&k, "b", 1);
	w = waveskit_assign(&k, &r);
	ck_assert_int_eq(w->wave[1].cutover, 2000 * DAY);
	ck_assert_int_eq(w->wave[0].cutover, 1993 * DAY);
	ck_assert_int_eq(w->finish, 2000 * DAY);
	ck_assert(!waveskit_noted(w, "does not fit") && !w->late);
	waves_free(w);
	r.today = 1995 * DAY;
	w = waves_assign(k.g, k.p, &r);
	ck_assert(w->late);
	ck_assert(waveskit_noted(
		w, "does not fit: counted back from the deadline on 1975-06-24"));
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(deadline_that_does_not_fit)
{
	struct wave_rules r = {
		.capacity = 2, .start = 1000 * DAY, .every = 7 * DAY, .deadline = 1008 * DAY
	};
	struct estatekit k = { 0 };
	struct waves *w;

	for (const char *n = "abcdef"; *n; n++)
		estatekit_group(&k, (char[]){ *n, 0 }, 1);
	w = waveskit_assign(&k, &r);
	ck_assert_uint_eq(w->slots, 2);
	ck_assert_uint_eq(w->wave_n, 3);
	ck_assert_int_gt(w->finish, r.deadline);
	ck_assert(waveskit_noted(w, "3 machines a wave would do"));
	for (unsigned i = 0; i < w->wave_n; i++)
		ck_assert_uint_eq(w->wave[i].machines, 2);
	ck_assert(waveskit_noted(w, "does not fit: the last cutover is on 1972-10-11"));
	waves_free(w);
	r.capacity = 0; /* then it is made to fit */
	w = waves_assign(k.g, k.p, &r);
	ck_assert_uint_le(w->wave_n, 2);
	ck_assert(!w->late);
	ck_assert_int_le(w->finish, r.deadline);
	waves_free(w);
	estatekit_fini(&k);
}
END_TEST

START_TEST(calendar_ends)
{
	struct wave_freeze ever[] = { { 0, INT64_MAX / 2 } };
	struct wave_rules r = { .start = DAY, .every = DAY, .freeze = ever, .freeze_n = 1 };
	int64_t slot[4];

	ck_assert_uint_eq(calendar_slots(&r, slot, 4), 0);
	r.freeze_n = 0;
	ck_assert_uint_eq(calendar_slots(&r, slot, 4), 4);
	ck_assert_int_eq(slot[3], 4 * DAY);
	r.deadline = 3 * DAY;
	ck_assert_uint_eq(calendar_count(&r), 3);
	r.start = 0;
	ck_assert_uint_eq(calendar_slots(&r, slot, 4), 3);
	ck_assert_int_eq(slot[0], DAY);
	ck_assert_int_eq(slot[2], 3 * DAY);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("calendar");

	tcase_add_test(t, freezes_and_hours);
	tcase_add_test(t, waves_that_moved_had_their_cutover);
	tcase_add_test(t, deadline_counts_back);
	tcase_add_test(t, deadline_that_does_not_fit);
	tcase_add_test(t, calendar_ends);
	return unit_run("calendar", t);
}

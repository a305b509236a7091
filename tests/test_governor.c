/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/governor.h"

#include <string.h>

#include "sensor/denylist.h"
#include "tests/unit.h"

#define SECOND 1000000000ull

/* The next interval of twenty seconds, with PERMILLE of a core and MEMORY. */
static enum probe_shed step(struct governor *g, unsigned permille, uint64_t memory)
{
	struct governor_spent now = g->last;

	now.at_ns += 20 * SECOND;
	now.kernel_ns += 20 * SECOND / 1000 * permille / 2;
	now.process_ns += 20 * SECOND / 1000 * (permille - permille / 2);
	now.memory_bytes = memory;
	return governor_judge(g, &now);
}

static struct governor new_governor(void)
{
	struct governor g = { .cpu_permille = 20, .memory_bytes = 64 << 20 };
	struct governor_spent first = { .at_ns = SECOND, .process_ns = 5 * SECOND };

	ck_assert_int_eq(governor_judge(&g, &first), SHED_NOTHING); /* starting is free */
	return g;
}

START_TEST(within_budget_nothing_happens)
{
	struct governor g = new_governor();

	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(step(&g, 20, 64 << 20), SHED_NOTHING);
	ck_assert_uint_eq(g.permille, 20);
}
END_TEST

START_TEST(a_peak_is_forgiven)
{
	struct governor g = new_governor();

	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(step(&g, i % GOVERNOR_PATIENCE ? 500 : 1, 0), SHED_NOTHING);
}
END_TEST

START_TEST(the_reader_goes_first_then_all)
{
	struct governor g = new_governor();

	for (int i = 1; i < GOVERNOR_PATIENCE; i++)
		ck_assert_int_eq(step(&g, 30, 0), SHED_NOTHING);
	ck_assert_int_eq(step(&g, 30, 0), SHED_READER);
	for (int i = 1; i < GOVERNOR_PATIENCE; i++)
		ck_assert_int_eq(step(&g, 30, 0), SHED_READER);
	ck_assert_int_eq(step(&g, 30, 0), SHED_ALL);
	ck_assert_int_eq(step(&g, 0, 0), SHED_ALL); /* only an opened probe begins again */
}
END_TEST

START_TEST(memory_is_a_budget_too)
{
	struct governor g = new_governor();

	for (int i = 1; i < GOVERNOR_PATIENCE; i++)
		step(&g, 0, 65 << 20);
	ck_assert_int_eq(step(&g, 0, 65 << 20), SHED_READER);
}
END_TEST

START_TEST(without_budget_there_is_no_limit)
{
	struct governor g = new_governor();

	g.cpu_permille = 0;
	g.memory_bytes = 0;
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(step(&g, 900, 1ull << 40), SHED_NOTHING);
}
END_TEST

START_TEST(clocks_that_stand_or_go_back_are_borne)
{
	struct governor g = new_governor();
	struct governor_spent now = g.last;

	ck_assert_int_eq(governor_judge(&g, &now), SHED_NOTHING);
	now.kernel_ns = now.process_ns = 0; /* the probe was opened again */
	now.at_ns += SECOND;
	ck_assert_int_eq(governor_judge(&g, &now), SHED_NOTHING);
	ck_assert_uint_eq(g.permille, 0);
}
END_TEST

START_TEST(kernels_are_denied_by_pattern)
{
	static const char *const good[] = { "5.10.0-30-amd64", "5.15.0-91-generic", "6.1.0-18",
					    "6.18.44-fc", "10.0.1" };
	static const char *const bad[] = { "4.4.0-119-generic", "4.18.0-372.el8.x86_64",
					   "5.4.0-150-generic", "3.10.0", "5.9.0-1-amd64" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		ck_assert_msg(!denylist_why(good[i], NULL), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(denylist_why(bad[i], NULL) != NULL, "%s", bad[i]);
	ck_assert_ptr_nonnull(strstr(denylist_why("4.4.0-119-generic", NULL), "panic"));
	ck_assert_ptr_nonnull(denylist_why("6.1.0-18-amd64", "5.11.*, 6.1.0-18-*"));
	ck_assert_ptr_null(denylist_why("6.1.0-19-amd64", "5.11.*, 6.1.0-18-*"));
	ck_assert_ptr_null(denylist_why("6.1.0-19-amd64", " ,, "));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, within_budget_nothing_happens);
	tcase_add_test(t, a_peak_is_forgiven);
	tcase_add_test(t, the_reader_goes_first_then_all);
	tcase_add_test(t, memory_is_a_budget_too);
	tcase_add_test(t, without_budget_there_is_no_limit);
	tcase_add_test(t, clocks_that_stand_or_go_back_are_borne);
	tcase_add_test(t, kernels_are_denied_by_pattern);
	return unit_run("governor", t);
}

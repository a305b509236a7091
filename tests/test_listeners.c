/* SPDX-License-Identifier: Apache-2.0 */
#include "common/listeners.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit.h"

START_TEST(listeners_forget_the_one_that_was_confirmed_longest_ago)
{
	struct listeners *l = listeners_new(3);
	struct addr old = addr_v4(1), often = addr_v4(2), a;
	unsigned kept = 0;

	listeners_learn(l, &old, 80);
	for (uint32_t i = 0; i < 4 * LISTENERS_MAX; i++) {
		a = addr_v4(1000 + i);
		listeners_learn(l, &a, 80);
		if (i % 64 == 0)
			listeners_learn(l, &often, 443);
	}
	for (uint32_t i = 3 * LISTENERS_MAX; i < 4 * LISTENERS_MAX; i++) {
		a = addr_v4(1000 + i);
		kept += listeners_has(l, &a, 80);
	}
	ck_assert(!listeners_has(l, &old, 80));
	ck_assert(listeners_has(l, &often, 443));
	ck_assert(!listeners_has(l, &often, 80));
	ck_assert_uint_gt(kept, LISTENERS_MAX / 2);
	listeners_free(l);
}
END_TEST

START_TEST(ports_have_ranks)
{
	ck_assert_int_eq(port_rule(40000, 22), 1);
	ck_assert_int_eq(port_rule(22, 40000), -1);
	ck_assert_int_eq(port_rule(5432, 22), 1);
	ck_assert_int_eq(port_rule(5432, 20000), -1);
	ck_assert_int_eq(port_rule(40000, 20000), 1);
	ck_assert_int_eq(port_rule(40000, 50001), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("listeners");

	tcase_add_test(t, listeners_forget_the_one_that_was_confirmed_longest_ago);
	tcase_add_test(t, ports_have_ranks);
	return unit_run("listeners", t);
}

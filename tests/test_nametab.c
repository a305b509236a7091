/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/nametab.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

static struct addr nth(uint32_t i)
{
	return addr_v4(0x0a000000u + i);
}

static void learn(struct nametab *t, uint32_t host, const char *name, enum name_how how,
		  uint64_t time_ns)
{
	struct addr a = nth(host);

	nametab_learn(t, &a, name, how, time_ns);
}

static const struct name_row *best(struct nametab *t, uint32_t host)
{
	struct addr a = nth(host);

	return nametab_best(t, &a);
}

static char told[1024];

static void tell(void *ctx, const struct name_row *r)
{
	char text[ADDR_TEXT], *end = told + strlen(told);

	(void)ctx;
	snprintf(end, sizeof(told) - (size_t)(end - told), "%s %s %d %u-%u %u\n",
		 addr_text(&r->addr, text), r->name, r->how, (unsigned)r->first_ns,
		 (unsigned)r->last_ns, (unsigned)r->times);
}

START_TEST(names_are_told_in_order)
{
	struct nametab *t = nametab_new();

	learn(t, 9, "b", NAME_HOST, 5);
	learn(t, 1, "z", NAME_SNI, 7);
	learn(t, 9, "b", NAME_DNS, 9);
	learn(t, 9, "a", NAME_HOST, 6);
	learn(t, 9, "b", NAME_HOST, 3);
	learn(t, 9, "b", NAME_HOST, 4);
	told[0] = 0;
	nametab_each(t, tell, NULL);
	ck_assert_str_eq(told, "10.0.0.1 z 2 7-7 1\n"
			       "10.0.0.9 b 1 9-9 1\n"
			       "10.0.0.9 a 3 6-6 1\n"
			       "10.0.0.9 b 3 3-5 3\n");
	ck_assert_uint_eq(nametab_lost(t), 0);
	nametab_free(t);
}
END_TEST

START_TEST(the_best_is_the_surest_then_the_most_frequent)
{
	struct nametab *t = nametab_new();

	ck_assert_ptr_null(best(t, 1));
	learn(t, 1, "dns", NAME_DNS, 1);
	learn(t, 1, "dns", NAME_DNS, 1);
	ck_assert_str_eq(best(t, 1)->name, "dns");
	learn(t, 1, "host", NAME_HOST, 1);
	ck_assert_str_eq(best(t, 1)->name, "host");
	learn(t, 1, "y", NAME_SNI, 1);
	ck_assert_str_eq(best(t, 1)->name, "y");
	learn(t, 1, "x", NAME_SNI, 1);
	ck_assert_str_eq(best(t, 1)->name, "x"); /* as often: by name */
	learn(t, 1, "y", NAME_SNI, 1);
	ck_assert_str_eq(best(t, 1)->name, "y");
	ck_assert_int_eq(best(t, 1)->how, NAME_SNI);
	ck_assert_ptr_null(best(t, 2));
	nametab_free(t);
}
END_TEST

/* One name in two is the same, and begins late; the others never come twice. */
START_TEST(a_frequent_name_gets_in_and_stays)
{
	struct nametab *t = nametab_new();
	char name[16];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "once%u", i);
		learn(t, 1, name, NAME_SNI, i);
		if (i >= 500)
			learn(t, 1, "often", NAME_SNI, i);
	}
	ck_assert_str_eq(best(t, 1)->name, "often");
	ck_assert_uint_ge(best(t, 1)->times, 490);
	ck_assert_uint_gt(nametab_lost(t), 990);
	nametab_free(t);
}
END_TEST

START_TEST(the_least_lately_named_goes)
{
	struct nametab *t = nametab_new();

	for (uint32_t i = 0; i < NAMETAB_ADDRESSES; i++)
		learn(t, i, "a", NAME_DNS, 1);
	learn(t, 0, "b", NAME_DNS, 1);
	ck_assert_uint_eq(nametab_lost(t), 0);
	learn(t, NAMETAB_ADDRESSES, "a", NAME_DNS, 1);
	ck_assert_uint_eq(nametab_lost(t), 1);
	ck_assert_ptr_nonnull(best(t, 0));
	ck_assert_ptr_null(best(t, 1));
	ck_assert_ptr_nonnull(best(t, 2));
	ck_assert_ptr_nonnull(best(t, NAMETAB_ADDRESSES));
	nametab_free(t);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, names_are_told_in_order);
	tcase_add_test(t, the_best_is_the_surest_then_the_most_frequent);
	tcase_add_test(t, a_frequent_name_gets_in_and_stays);
	tcase_add_test(t, the_least_lately_named_goes);
	return unit_run("nametab", t);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that say who changed what. */
#include "store/audit.h"
#include "tests/storekit.h"

static struct kit kit;

static void setup(void)
{
	kit_open(&kit);
}

static void teardown(void)
{
	kit_close(&kit);
}

static int collect(const struct audit_row *row, void *ctx)
{
	buf_printf(ctx, "%lld %s|%s|%s\n", (long long)row->at_ms, row->who, row->what,
		   row->detail);
	return 0;
}

static void expect(const char *about, unsigned limit, const char *words)
{
	struct buf b = { 0 };

	ck_assert_int_eq(audit_each(kit.s, about, limit, collect, &b, NULL), 0);
	ck_assert_str_eq(buf_cstr(&b), words);
	buf_fini(&b);
}

START_TEST(newest_first_and_by_what_it_is_about)
{
	ck_assert_int_eq(audit_add(kit.s, 1, "root", "sensor revoke", "s-1", NULL), 0);
	ck_assert_int_eq(
		audit_add(kit.s, 2, "s-2", "sensor cloned", "s-12 from 10.0.0.1", NULL), 0);
	ck_assert_int_eq(audit_add(kit.s, 3, "ann", "sensor allow", "s-1 with words", NULL),
			 0);
	expect(NULL, 2,
	       "3 ann|sensor allow|s-1 with words\n"
	       "2 s-2|sensor cloned|s-12 from 10.0.0.1\n");
	expect("s-1", 9, "3 ann|sensor allow|s-1 with words\n1 root|sensor revoke|s-1\n");
	expect("", 9, "");
}
END_TEST

START_TEST(what_is_no_text_is_cleaned)
{
	ck_assert_int_eq(audit_add(kit.s, 1, "a\xff", "b\n", "c\xc3", NULL), 0);
	expect(NULL, 9, "1 a\xef\xbf\xbd|b\n|c\xef\xbf\xbd\n");
}
END_TEST

START_TEST(goes_with_its_transaction)
{
	ck_assert_int_eq(store_begin(kit.s, NULL), 0);
	ck_assert_int_eq(audit_add(kit.s, 1, "root", "x", "y", NULL), 0);
	store_rollback(kit.s);
	expect(NULL, 9, "");
}
END_TEST

START_TEST(only_the_newest_stay)
{
	struct buf b = { 0 };

	ck_assert_int_eq(store_begin(kit.s, NULL), 0);
	for (int i = 0; i < AUDIT_ROWS + 3; i++)
		ck_assert_int_eq(audit_add(kit.s, (uint64_t)i, "w", "x", "y", NULL), 0);
	ck_assert_int_eq(store_commit(kit.s, NULL), 0);
	ck_assert_int_eq(audit_each(kit.s, NULL, UINT32_MAX, collect, &b, NULL), 0);
	ck_assert_uint_gt(b.n, 10);
	ck_assert_str_eq(buf_cstr(&b) + b.n - 8, "3 w|x|y\n");
	buf_fini(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, newest_first_and_by_what_it_is_about);
	tcase_add_test(t, what_is_no_text_is_cleaned);
	tcase_add_test(t, goes_with_its_transaction);
	tcase_add_test(t, only_the_newest_stay);
	return unit_run("audit", t);
}

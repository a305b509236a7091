/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include "tests/storekit.h"

static struct kit kit;

static void setup(void)
{
	kit_open(&kit);
	ck_assert_int_eq(db_exec(kit.s, NULL, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)"), 0);
}

static void teardown(void)
{
	kit_close(&kit);
}

static void fill(unsigned n)
{
	for (unsigned i = n; i > 0; i--)
		ck_assert_int_eq(
			db_run(kit.s, NULL, "INSERT INTO t VALUES(?, ?)", DB(I(i), I(i * i))),
			0);
}

struct seen {
	int64_t rows, sum;
};

static int add(sqlite3_value **v, void *ctx)
{
	struct seen *x = ctx;

	ck_assert_int_eq(sqlite3_value_int64(v[0]), ++x->rows); /* by rowid */
	x->sum += sqlite3_value_int64(v[1]);
	return 0;
}

static int stop_at_three(sqlite3_value **v, void *ctx)
{
	++*(unsigned *)ctx;
	return sqlite3_value_int64(v[0]) == 3 ? -77 : 0;
}

START_TEST(each_row_is_met_once_in_order)
{
	struct seen x = { 0 };

	fill(100);
	for (int twice = 0; twice < 2; twice++) {
		x = (struct seen){ 0 };
		ck_assert_int_eq(db_each(kit.s, NULL, add, &x,
					 "SELECT each_row(a, b) FROM t WHERE a < ?",
					 DB(I(11))),
				 0);
		ck_assert_int_eq(x.rows, 10);
		ck_assert_int_eq(x.sum, 385);
	}
}
END_TEST

START_TEST(of_nothing_there_is_none)
{
	struct seen x = { 0 };

	ck_assert_int_eq(
		db_each(kit.s, NULL, add, &x, "SELECT each_row(a, b) FROM t", DB_NONE), 0);
	ck_assert_int_eq(x.rows, 0);
}
END_TEST

/* The rest is not seen, the words of E stay, and the transaction goes on. */
START_TEST(one_may_stop)
{
	struct err e = { .msg = "mine" };
	unsigned n = 0;

	ck_assert_int_eq(store_begin(kit.s, NULL), 0);
	fill(10);
	ck_assert_int_eq(
		db_each(kit.s, &e, stop_at_three, &n, "SELECT each_row(a) FROM t", DB_NONE),
		-77);
	ck_assert_uint_eq(n, 3);
	ck_assert_str_eq(e.msg, "mine");
	ck_assert_int_eq(store_commit(kit.s, NULL), 0);
	ck_assert_int_eq(kit_number(kit.path, "SELECT count(*) FROM t"), 10);
}
END_TEST

START_TEST(what_is_wrong_is_said)
{
	struct err e = { 0 };

	ck_assert_int_lt(
		db_each(kit.s, &e, add, NULL, "SELECT each_row(a) FROM nowhere", DB_NONE), 0);
	ck_assert_ptr_nonnull(strstr(e.msg, "nowhere"));
	ck_assert_int_lt(
		db_each(kit.s, &e, add, NULL,
			"SELECT each_row(abs(-9223372036854775807 - 1)) FROM sqlite_schema",
			DB_NONE),
		0);
	ck_assert_ptr_nonnull(strstr(e.msg, "overflow"));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("db");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, each_row_is_met_once_in_order);
	tcase_add_test(t, of_nothing_there_is_none);
	tcase_add_test(t, one_may_stop);
	tcase_add_test(t, what_is_wrong_is_said);
	return unit_run("db", t);
}

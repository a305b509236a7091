/* SPDX-License-Identifier: Apache-2.0 */
#include "store/retain.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "store/edit.h"
#include "store/plan.h"
#include "tests/storekit.h"

static struct kit kit;
static struct retain keep;

static void setup(void)
{
	kit_open(&kit);
	kit.closing = true;
	keep = (struct retain)RETAIN_DEFAULT;
}

static void teardown(void)
{
	kit_close(&kit);
}

static int64_t number(const char *sql)
{
	return kit_number(kit.path, sql);
}

static uint64_t now_ms(void)
{
	return KIT_NOW + kit.later_ms + 40 * KIT_MINUTE;
}

/* One turn, to its end. */
static struct retain_done tend(void)
{
	struct retain_done done = { 0 };
	struct err e = { 0 };
	int rc;

	ck_assert_msg(retain_turn(kit.s, &keep, (int64_t)now_ms(), &e) == 0, "%s", e.msg);
	while ((rc = retain_step(kit.s, &keep, &done, &e)) > 0)
		;
	ck_assert_msg(rc == 0, "%s", e.msg);
	return done;
}

/* N edges of the sensor A, to ports from FIRST on; in the minute that is "now". */
static void report(unsigned first, unsigned n, unsigned minute)
{
	uint64_t later = kit.later_ms;

	for (unsigned i = 0; i < n; i++) {
		struct kit_flow f = { .client = "10.0.0.1",
				      .server = "10.0.0.2",
				      .client_name = "curl",
				      .server_name = NULL,
				      .port = (uint16_t)(first + i),
				      .minute = minute + (unsigned)(later / KIT_MINUTE),
				      .opens = 1 + i,
				      .witness = WITNESS_CLIENT };

		kit_flow(&kit, &f);
	}
	kit_cover(&kit, minute + (unsigned)(later / KIT_MINUTE), 0, 60);
	kit_send(&kit, "A");
}

enum { DAY = 24 * 60 };

/* Answers to some windows, and the days of every edge. */
static int put_days(int64_t edge, unsigned days, void *ctx)
{
	buf_printf(ctx, "%lld: %u\n", (long long)edge, days);
	return 0;
}

static char *answers(void)
{
	static const int64_t hours[][2] = { { 0, 0 },	 { 0, 30 },  { 1, 31 },	  { 5, 6 },
					    { -3, 200 }, { 24, 48 }, { 13, 100 }, { 40, 41 } };
	struct buf b = { 0 };
	struct err e = { 0 };

	for (size_t i = 0; i < sizeof(hours) / sizeof(*hours); i++) {
		struct filter f = {
			.since = i ? (int64_t)(KIT_NOW / 1000) + hours[i][0] * 3600 : 0,
			.until =
				i ? (int64_t)(KIT_NOW / 1000) + hours[i][1] * 3600 + 7 * 60 : 0
		};

		buf_printf(&b, "%zu\n", i);
		ck_assert_int_eq(query_edges(kit.s, &f, kit_put_edge, &b, &e), 0);
		ck_assert_int_eq(query_edge_days(kit.s, &f, put_days, &b, &e), 0);
	}
	return buf_take(&b);
}

/* What was packed and what was not are one; so are late differences, and merged edges. */
START_TEST(packing_changes_no_answer)
{
	struct retain_done done;
	char *before, *after;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit_sensor(&kit, "B", "b", "10.0.0.2");
	for (int h = 0; h < 80; h++) {
		report(1, (unsigned)(h % 17) + 1, 0);
		kit_later(&kit, 60);
	}
	before = answers();
	done = tend();
	after = answers();
	ck_assert_uint_gt(done.packed, 200);
	ck_assert_uint_eq(done.removed, 0);
	ck_assert_int_gt(number("SELECT count(*) FROM fact_packed"), 70);
	ck_assert_int_lt(number("SELECT count(*) FROM fact_hour"), 50);
	ck_assert_str_eq(before, after);
	ck_assert_uint_eq(tend().packed, 0);
	free(before);
	free(after);
}
END_TEST

/* What B tells late takes the word from A in a packed hour, and names the server's process. */
static void tell_late(void)
{
	struct kit_flow f = { .client = "10.0.0.1",
			      .server = "10.0.0.2",
			      .server_name = "nginx",
			      .port = 1,
			      .opens = 50,
			      .witness = WITNESS_SERVER };

	kit_flow(&kit, &f);
	kit_cover(&kit, 0, 0, 60);
	kit_send(&kit, "B");
}

START_TEST(late_words_reach_packed_hours)
{
	char *packed, *plain;

	for (int round = 0; round < 2; round++) {
		struct kit_flow f = { .client = "10.0.0.1",
				      .server = "10.0.0.2",
				      .client_name = "curl",
				      .port = 1,
				      .opens = 3,
				      .witness = WITNESS_CLIENT };

		kit_sensor(&kit, "A", "a", "10.0.0.1");
		kit_sensor(&kit, "B", "b", "10.0.0.2");
		kit_flow(&kit, &f);
		kit_cover(&kit, 0, 0, 20);
		kit_send(&kit, "A");
		kit_later(&kit, 3 * DAY);
		report(1, 3, 0);
		if (round == 0)
			ck_assert_uint_gt(tend().packed, 0);
		tell_late();
		if (round == 0) {
			kit_later(&kit, 9 * DAY);
			report(2, 2, 0);
			ck_assert_uint_gt(tend().packed, 0); /* sealed */
			ck_assert_int_eq(number("SELECT count(*) FROM fact_hour WHERE hour < "
						"1767268800 / 3600 + 9 * 24"),
					 0);
			packed = answers();
			kit_close(&kit);
			kit_open(&kit);
			kit.closing = true;
		} else {
			kit_later(&kit, 9 * DAY);
			report(2, 2, 0);
			plain = answers();
		}
	}
	ck_assert(strstr(plain, "nginx :1 opens 50") != NULL);
	ck_assert_str_eq(packed, plain);
	free(packed);
	free(plain);
}
END_TEST

/* An edge of its own each day, plus some that are always there. */
static void a_day(unsigned day)
{
	report(1, 20, 0);
	report(1000 + 3 * day, 3, 1);
	for (int i = 0; i < 4; i++) {
		kit_later(&kit, DAY / 4);
		report(1, 20, 0);
		tend();
	}
}

static int64_t file_bytes(void)
{
	struct stat st;

	ck_assert_int_eq(stat(kit.path, &st), 0);
	return st.st_size;
}

/* 300 days, small: the file stops growing, and what is old goes with all that was its own. */
START_TEST(a_file_of_years_stops_growing)
{
	int64_t early = 0, late;

	keep = (struct retain){ .minutes = 8 * RETAIN_DAY,
				.hours = 10 * RETAIN_DAY,
				.days = 30 * RETAIN_DAY,
				.total = 60 * RETAIN_DAY };
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	for (unsigned day = 0; day < 300; day++) {
		a_day(day);
		if (day == 100) {
			number("PRAGMA wal_checkpoint(TRUNCATE)");
			early = file_bytes();
		}
	}
	number("PRAGMA wal_checkpoint(TRUNCATE)");
	late = file_bytes();
	ck_assert_msg(late <= early + early / 10, "%lld then %lld", (long long)early,
		      (long long)late);
	ck_assert_int_lt(number("SELECT count(DISTINCT minute / 1440) FROM fact_minute"), 11);
	ck_assert_int_lt(number("SELECT count(DISTINCT minute / 1440) FROM coverage"), 11);
	ck_assert_int_lt(
		number("SELECT count(DISTINCT bucket) FROM fact_packed WHERE level = 1"),
		12 * 24);
	ck_assert_int_lt(
		number("SELECT count(DISTINCT bucket) FROM fact_packed WHERE level = 2"), 33);
	/* of 3 edges a day those of 60 days, and the 20 */
	ck_assert_int_lt(number("SELECT count(*) FROM edge"), 20 + 3 * 64);
	ck_assert_int_gt(number("SELECT count(*) FROM edge"), 20 + 3 * 56);
	ck_assert_int_eq(number("SELECT count(*) FROM edge"),
			 number("SELECT count(*) FROM fact_total"));
	ck_assert_int_eq(number("SELECT count(*) FROM edge"),
			 number("SELECT count(*) FROM claim"));
	ck_assert_int_eq(number("SELECT count(*) FROM edge"),
			 number("SELECT count(*) FROM conversation"));
	/* what is always there has lost nothing of its total */
	ck_assert_int_eq(number("SELECT opens FROM fact_total JOIN edge ON id = edge "
				"WHERE port = 20"),
			 20 * 5 * 300);
}
END_TEST

/* Where minutes are gone a window takes in the hour, where hours are the day. */
START_TEST(windows_are_rounded_where_levels_are_gone)
{
	struct filter f = { .since = (int64_t)(KIT_NOW / 1000) + 10 * 60 };
	char *got;

	keep.hours = 9 * RETAIN_DAY;
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	report(1, 1, 5); /* five minutes too early */
	kit_expect_in(&kit, &f, "");
	kit_later(&kit, 8 * DAY + 120);
	report(2, 1, 0);
	tend(); /* the hour counts as a whole now */
	f.until = f.since + 600;
	kit_expect_in(&kit, &f, "a/curl -> 10.0.0.2/ :1 opens 1 bytes 100+10 client\n");
	f.since += 3600;
	f.until += 3600;
	kit_expect_in(&kit, &f, "");
	kit_later(&kit, 1 * DAY);
	report(2, 1, 0);
	tend(); /* and now the day */
	got = kit_edges(&kit, &f);
	ck_assert_str_eq(got, "a/curl -> 10.0.0.2/ :1 opens 1 bytes 100+10 client\n");
	free(got);
}
END_TEST

/* A number that is gone is not given again: what was packed under it would be another's. */
START_TEST(numbers_are_not_used_again)
{
	char *late;

	keep.hours = keep.days = keep.total = 20 * RETAIN_DAY;
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	report(1, 1, 0);
	kit_later(&kit, 2);
	report(7, 3, 0); /* the last numbers: gone first */
	for (int i = 0; i < 40; i++) {
		kit_later(&kit, DAY);
		report(1, 1, 0);
		tend();
	}
	ck_assert_int_eq(number("SELECT count(*) FROM edge"), 1);
	store_close(kit.s);
	kit.s = store_open(kit.path, STORE_WRITE, NULL);
	report(9, 1, 0);
	ck_assert_int_eq(number("SELECT max(id) FROM edge"), 5);
	late = kit_edges(&kit, NULL);
	ck_assert_str_eq(late, "a/curl -> 10.0.0.2/ :1 opens 41 bytes 4100+410 client\n"
			       "a/curl -> 10.0.0.2/ :9 opens 1 bytes 100+10 client\n");
	free(late);
}
END_TEST

/* Names go when nobody uses them, those in use and all that people said stays. */
START_TEST(unused_names_go)
{
	struct kit_flow f = { .client = "10.0.0.1",
			      .server = "10.9.9.9",
			      .client_name = "rare",
			      .opens = 1,
			      .witness = WITNESS_CLIENT };

	keep.hours = keep.days = keep.total = 20 * RETAIN_DAY;
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	setting_set(kit.s, "a", "b", NULL);
	kit_flow(&kit, &f);
	kit_send(&kit, "A");
	ck_assert_int_eq(number("SELECT count(*) FROM process WHERE name = 'rare'"), 1);
	for (int i = 0; i < 22; i++) {
		kit_later(&kit, DAY);
		report(1, 5, 0);
		tend();
	}
	ck_assert_int_eq(number("SELECT count(*) FROM edge"), 5);
	ck_assert_int_eq(number("SELECT count(*) FROM process"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM detail"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM endpoint"), 2);
	ck_assert_int_eq(number("SELECT count(*) FROM lease"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM machine"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM setting"), 1);
	/* and what is gone may come again */
	kit_flow(&kit, &(struct kit_flow){ .client = "10.0.0.1",
					   .server = "10.9.9.9",
					   .client_name = "rare",
					   .opens = 2,
					   .minute = 22 * DAY,
					   .witness = WITNESS_CLIENT });
	kit_send(&kit, "A");
	kit_expect_in(&kit, &(struct filter){ .process = "rare" },
		      "a/rare -> 10.9.9.9/ :80 opens 2 bytes 200+20 client\n");
}
END_TEST

/* A name that comes into use while the walk is under way stays. */
START_TEST(what_comes_into_use_meanwhile_stays)
{
	struct retain_done done = { 0 };
	int steps = 0;

	keep.hours = keep.days = keep.total = 20 * RETAIN_DAY;
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	for (int round = 0; round < 40; round++) {
		struct kit_flow f = { .client = "10.0.0.1",
				      .server = "10.9.9.9",
				      .client_name = "rare",
				      .opens = 1,
				      .minute = (unsigned)(kit.later_ms / KIT_MINUTE),
				      .witness = WITNESS_CLIENT };

		kit_flow(&kit, &f);
		kit_send(&kit, "A");
		for (int i = 0; i < 21; i++) {
			kit_later(&kit, DAY);
			report(1, 1, 0);
			if (i < 20)
				tend();
		}
		ck_assert_int_eq(retain_turn(kit.s, &keep, (int64_t)now_ms(), NULL), 0);
		for (steps = 0; steps < round; steps++)
			retain_step(kit.s, &keep, &done, NULL);
		f.minute = (unsigned)(kit.later_ms / KIT_MINUTE);
		kit_flow(&kit, &f);
		kit_send(&kit, "A");
		while (retain_step(kit.s, &keep, &done, NULL) > 0)
			steps++;
		ck_assert_int_eq(number("SELECT count(*) FROM edge JOIN process p ON p.id = "
					"client_process JOIN endpoint o ON o.id = server "
					"WHERE port = 80"),
				 1);
	}
	ck_assert_int_lt(steps, 200);
	ck_assert_uint_gt(done.names, 0);
}
END_TEST

/* As seen before a translation: claims are of what it really is, and one that nobody refers to
 * holds no address. */
START_TEST(conversations_of_nobody_go)
{
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	report(1, 2, 0);
	kit_sql(kit.path,
		"INSERT INTO endpoint VALUES(77, 0, x'00000000000000000000ffffc0000207', 0);"
		"INSERT INTO conversation VALUES(5, 77, 77, 1, 6, 0);"
		"INSERT INTO conversation VALUES(6, 77, 77, 2, 6, 0)");
	kit_sql(kit.path, "UPDATE claim SET via = 6 WHERE id = (SELECT min(id) FROM claim)");
	tend();
	ck_assert_int_eq(number("SELECT count(*) FROM conversation WHERE id = 5"), 0);
	ck_assert_int_eq(number("SELECT count(*) FROM conversation WHERE id = 6"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM endpoint WHERE id = 77"), 1);
	kit_sql(kit.path, "UPDATE claim SET via = 0");
	kit_later(&kit, 2 * DAY);
	report(1, 1, 0);
	tend();
	ck_assert_int_eq(number("SELECT count(*) FROM conversation WHERE id = 6"), 0);
	ck_assert_int_eq(number("SELECT count(*) FROM endpoint WHERE id = 77"), 0);
}
END_TEST

/* Told of again in a minute that is not over: its total does not know of that yet. */
START_TEST(an_edge_that_is_told_of_again_stays)
{
	keep.hours = keep.days = keep.total = 20 * RETAIN_DAY;
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	report(1, 2, 0);
	kit_later(&kit, 30 * DAY);
	report(2, 1, 0);
	kit.closing = false;
	kit_later(&kit, 2);
	report(1, 1, 0);
	tend();
	ck_assert_int_eq(number("SELECT count(*) FROM edge"), 2);
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :1 opens 2 bytes 200+20 client\n"
			 "a/curl -> 10.0.0.2/ :2 opens 3 bytes 300+30 client\n");
}
END_TEST

/* What a file of two years ago tells was imported today. */
START_TEST(imports_age_from_their_day)
{
	struct import_flow f = { .client_id = "x", .server_id = "y" };
	struct import *im = kit_import(&kit, "old");

	f.client_ip = "10.0.0.8";
	f.server_ip = "10.0.0.9";
	f.client = f.server = (struct process){ "p", "", "", "", "", "" };
	f.proto = PROTO_TCP;
	f.port = 99;
	f.c.opens = 4;
	f.first = f.last = 1600000000;
	f.extra = "";
	import_flow(im, &f, NULL);
	kit_commit(im);
	ck_assert_uint_eq(tend().edges, 0); /* no fact of a sensor: no time passes */
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	for (int i = 0; i < 3; i++) {
		kit_later(&kit, DAY);
		report(1, 1, 0);
		ck_assert_uint_eq(tend().edges, 0);
	}
	ck_assert_int_eq(number("SELECT count(*) FROM edge"), 2);
}
END_TEST

/* A clock that leaps takes little with it, and an old file is not emptied by being opened. */
START_TEST(time_goes_on_at_its_own_pace)
{
	keep.pace = 24 * 60;
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	report(1, 5, 0);
	tend();
	kit_later(&kit, 1000 * DAY);
	tend(); /* the clock alone */
	ck_assert_int_eq(number("SELECT count(*) FROM fact_minute"), 5);
	report(1, 5, 0);
	tend();
	ck_assert_int_eq(number("SELECT count(*) FROM fact_minute"), 10);
	ck_assert_int_eq(number("SELECT count(*) FROM edge"), 5);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("retain");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, packing_changes_no_answer);
	tcase_add_test(t, late_words_reach_packed_hours);
	tcase_add_test(t, a_file_of_years_stops_growing);
	tcase_add_test(t, windows_are_rounded_where_levels_are_gone);
	tcase_add_test(t, numbers_are_not_used_again);
	tcase_add_test(t, unused_names_go);
	tcase_add_test(t, what_comes_into_use_meanwhile_stays);
	tcase_add_test(t, conversations_of_nobody_go);
	tcase_add_test(t, an_edge_that_is_told_of_again_stays);
	tcase_add_test(t, imports_age_from_their_day);
	tcase_add_test(t, time_goes_on_at_its_own_pace);
	return unit_run("retain", t);
}

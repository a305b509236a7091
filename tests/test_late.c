/* SPDX-License-Identifier: Apache-2.0 */
/* Minutes that are kept for two hours: what comes later counts never, and is said. */
#include "store/retain.h"

#include "tests/storekit.h"

static struct kit kit;
static struct retain keep;

enum { DAY = 24 * 60, MANY = 8500 };

static void setup(void)
{
	kit_open(&kit);
	kit.closing = true;
	keep = (struct retain)RETAIN_DEFAULT;
	keep.minutes = RETAIN_MINUTES_LEAST;
}

static void teardown(void)
{
	kit_close(&kit);
}

static int64_t number(const char *sql)
{
	return kit_number(kit.path, sql);
}

static int64_t now_ms(void)
{
	return (int64_t)(KIT_NOW + kit.later_ms + 40 * KIT_MINUTE);
}

/* One turn, to its end. */
static struct retain_done tend(void)
{
	struct retain_done done = { 0 };
	struct err e = { 0 };
	int rc;

	ck_assert_msg(retain_turn(kit.s, &keep, now_ms(), &e) == 0, "%s", e.msg);
	while ((rc = retain_step(kit.s, &keep, &done, &e)) > 0)
		;
	ck_assert_msg(rc == 0, "%s", e.msg);
	return done;
}

/* What is kept of everything, in whole: what came, and what was put to the sensor's losses. */
static uint64_t expect_accounted(uint64_t sent)
{
	struct health h = kit_health(&kit);

	ck_assert_uint_eq(h.records + h.quarantined + h.rejected + h.lost, sent);
	ck_assert_uint_eq(h.late, h.lost);
	ck_assert_uint_eq((uint64_t)number("SELECT total(records) FROM gap"), h.late);
	return h.late;
}

/* A flow of SENSOR, of so many minutes ago: one that knows neither end's process. */
static void tell(const char *sensor, enum witness w, unsigned opens, unsigned ago)
{
	unsigned minute = (unsigned)(kit.later_ms / KIT_MINUTE) - ago;

	kit_flow(&kit, &(struct kit_flow){ .client = "10.0.0.1",
					   .server = "10.0.0.2",
					   .opens = opens,
					   .live = 7,
					   .minute = minute,
					   .witness = w });
	kit_cover(&kit, minute, 0, 60);
	kit_send(&kit, sensor);
}

/* Minutes of two hours: what comes later is lost and told as a gap, and never counts twice. */
START_TEST(what_comes_after_its_minute_is_lost)
{
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit_sensor(&kit, "B", "b", "10.0.0.2");
	kit_later(&kit, 600);
	tell("A", WITNESS_CLIENT, 3, 0);
	kit_later(&kit, 180);
	tell("A", WITNESS_CLIENT, 4, 0);
	ck_assert_uint_gt(tend().removed, 0);
	ck_assert_int_eq(number("SELECT count(*) FROM fact_minute"), 1);

	tell("B", WITNESS_SERVER, 3, 180); /* the other side of what is gone */
	tell("B", WITNESS_SERVER, 5, 181); /* and of what nobody told of */
	ck_assert_uint_eq(expect_accounted(2 + 2 * 4), 2);
	ck_assert_int_eq(number("SELECT count(*) FROM gap"), 1); /* one, wider */
	ck_assert_int_eq(number("SELECT (max(end_ms) - min(start_ms)) / 60000 FROM gap"), 2);
	/* 100 minutes ago is kept. */
	tell("B", WITNESS_SERVER, 6, 100);
	ck_assert_uint_eq(expect_accounted(2 + 2 * 5), 2);
	kit_expect(&kit, "a/ -> b/ :80 opens 13 bytes 1300+130 live 7 client,server\n");
	tend();
	kit_later(&kit, 300);
	tell("A", WITNESS_CLIENT, 1, 0);
	tend();
	tell("B", WITNESS_SERVER, 6, 300); /* now this one is gone, too */
	kit_expect(&kit, "a/ -> b/ :80 opens 14 bytes 1400+140 live 7 client,server\n");
	ck_assert_uint_eq(expect_accounted(2 + 2 * 7), 3);
	ck_assert_int_eq(number("SELECT count(*) FROM gap"), 2);
}
END_TEST

static void expect_same(const char *before)
{
	char *after = kit_edges(&kit, NULL);

	ck_assert_msg(strcmp(after, before) == 0, "the edges are not what they were");
	free(after);
}

static void close_all(void)
{
	ck_assert_int_eq(store_begin(kit.s, NULL), 0);
	while (close_some(kit.s, CLOSE_ALL, 1000, NULL) > 0)
		;
	ck_assert_int_eq(store_commit(kit.s, NULL), 0);
}

/* Half of a minute is gone: what would make its rows change sides changes nothing. */
START_TEST(a_minute_that_is_going_is_not_decided_again)
{
	struct retain_done done = { 0 };
	char *before;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit_sensor(&kit, "B", "b", "10.0.0.2");
	kit.closing = false;
	for (unsigned i = 0; i < 2 * MANY; i++) {
		bool server = i >= MANY;

		kit_flow(&kit, &(struct kit_flow){ .client = "10.0.0.1",
						   .server = "10.0.0.2",
						   .port = (uint16_t)(1 + i % MANY),
						   .opens = 2,
						   .witness = server ? WITNESS_SERVER
								     : WITNESS_CLIENT });
		if ((wire_writer_full(&kit.w) || i % MANY == MANY - 1))
			kit_send(&kit, server ? "B" : "A");
	}
	kit_cover(&kit, 0, 0, 30);
	kit_send(&kit, "B");
	close_all();
	kit_later(&kit, 180);
	tell("A", WITNESS_CLIENT, 1, 0);
	close_all();
	before = kit_edges(&kit, NULL);
	ck_assert_int_eq(retain_turn(kit.s, &keep, now_ms(), NULL), 0);
	while (number("SELECT count(*) FROM fact_minute") == 2 * MANY + 1)
		ck_assert_int_gt(retain_step(kit.s, &keep, &done, NULL), 0);
	ck_assert_int_gt(number("SELECT count(*) FROM fact_minute"), 1);
	kit_cover(&kit, 0, 0, 60);
	kit_send(&kit, "A");
	expect_same(before);
	while (retain_step(kit.s, &keep, &done, NULL) > 0)
		;
	expect_same(before);
	ck_assert_int_eq(number("SELECT count(*) FROM fact_minute"), 1);
	free(before);
}
END_TEST

/* What nobody has decided on yet is not taken away, or it would never have been counted. */
START_TEST(open_minutes_stay)
{
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit.closing = false;
	tell("A", WITNESS_CLIENT, 3, 0);
	kit_later(&kit, 300);
	tell("A", WITNESS_CLIENT, 4, 0);
	tend();
	ck_assert_int_eq(number("SELECT count(*) FROM fact_minute"), 2);
	kit_expect(&kit, "a/ -> 10.0.0.2/ :80 opens 7 bytes 700+70 live 7 client\n");
	kit.closing = true;
	tell("A", WITNESS_CLIENT, 1, 0);
	tend();
	ck_assert_int_eq(number("SELECT count(*) FROM fact_minute"), 1);
	kit_expect(&kit, "a/ -> 10.0.0.2/ :80 opens 8 bytes 800+80 live 7 client\n");
}
END_TEST

/* The clock of the collector leaps and is set back: what is true then is taken. */
START_TEST(a_clock_that_leapt_refuses_nothing)
{
	uint64_t leap = 400 * (uint64_t)DAY * KIT_MINUTE;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	tell("A", WITNESS_CLIENT, 3, 0);
	tend();
	kit.later_ms += leap;
	tell("A", WITNESS_CLIENT, 1, 0);
	tend();
	kit.later_ms -= leap;
	for (int i = 0; i < 5; i++) {
		kit_later(&kit, 1);
		tell("A", WITNESS_CLIENT, 1, 0);
		tend();
		tell("A", WITNESS_CLIENT, 1, 0);
	}
	ck_assert_uint_eq(expect_accounted(1 + 2 * 12), 0);
	kit_expect(&kit, "a/ -> 10.0.0.2/ :80 opens 14 bytes 1400+140 live 7 client\n");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("late");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_comes_after_its_minute_is_lost);
	tcase_add_test(t, a_minute_that_is_going_is_not_decided_again);
	tcase_add_test(t, open_minutes_stay);
	tcase_add_test(t, a_clock_that_leapt_refuses_nothing);
	return unit_run("late", t);
}

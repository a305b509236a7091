/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that go from machine to machine: what was said stays with who held them then. */
#include "tests/storekit.h"

static struct kit kit;
static bool over; /* every minute is, as soon as something came */

static void setup(void)
{
	kit_open(&kit);
	kit.closing = over;
}

static void teardown(void)
{
	kit_close(&kit);
}

/* SENSOR's batches are from MINUTE now on. */
static void at(unsigned minute)
{
	kit.later_ms = (uint64_t)minute * KIT_MINUTE;
	wire_writer_begin(&kit.w, KIT_NOW + kit.later_ms);
}

/* The machine with up to two addresses, as its sensor tells in MINUTE. */
static void describe(const char *sensor, const char *id, unsigned minute, const char *one,
		     const char *two)
{
	static struct machine m;

	at(minute);
	m = (struct machine){ .id = id, .name = id, .os = "", .kernel = "", .arch = "" };
	if (one)
		m.addrs[m.addrs_n++] = kit_addr(one);
	if (two)
		m.addrs[m.addrs_n++] = kit_addr(two);
	wire_write_machine(&kit.w, &m);
	kit_send(&kit, sensor);
}

/* The client C, 10.0.0.9, calls 10.0.0.1 in MINUTE. */
static void call(unsigned minute, uint64_t opens)
{
	const struct kit_flow f = { .client = "10.0.0.9",
				    .server = "10.0.0.1",
				    .client_name = "curl",
				    .opens = opens,
				    .minute = minute,
				    .witness = WITNESS_CLIENT };

	at(minute);
	kit_flow(&kit, &f);
	kit_cover(&kit, minute, 0, 60);
	kit_send(&kit, "C");
}

static void serve(const char *sensor, const char *name, unsigned minute, uint64_t opens)
{
	const struct kit_flow f = { .client = "10.0.0.9",
				    .server = "10.0.0.1",
				    .server_name = name,
				    .opens = opens,
				    .minute = minute,
				    .witness = WITNESS_SERVER };

	at(minute);
	kit_flow(&kit, &f);
	kit_cover(&kit, minute, 0, 60);
	kit_send(&kit, sensor);
}

static void expect_all(const char *want)
{
	const struct filter hours = { .since = KIT_NOW / 1000 - 7200,
				      .until = KIT_NOW / 1000 + 7200 };
	const struct filter minutes = { .since = KIT_NOW / 1000,
					.until = KIT_NOW / 1000 + 3540 };

	kit_expect(&kit, want);
	kit_expect_in(&kit, &hours, want);
	kit_expect_in(&kit, &minutes, want);
}

START_TEST(old_traffic_stays_with_its_holder)
{
	describe("C", "c", 0, "10.0.0.9", NULL);
	describe("A", "a", 0, "10.0.0.1", NULL);
	call(1, 5);
	serve("A", "nginx", 1, 5);
	describe("A", "a", 3, NULL, NULL); /* its lease is over */
	call(4, 1);			   /* nobody has it: the last one had */
	describe("B", "b", 5, "10.0.0.1", NULL);
	call(6, 7);
	serve("B", "redis", 6, 7);
	expect_all("c/curl -> a/nginx :80 opens 6 bytes 600+60 client,server\n"
		   "c/curl -> b/redis :80 opens 7 bytes 700+70 client,server\n");
	describe("B", "b", 8, NULL, NULL);
	describe("A", "a", 9, "10.0.0.1", NULL); /* and back */
	call(10, 2);
	serve("A", "nginx", 10, 2);
	expect_all("c/curl -> a/nginx :80 opens 8 bytes 800+80 client,server\n"
		   "c/curl -> b/redis :80 opens 7 bytes 700+70 client,server\n");
}
END_TEST

/* B was cut off: what others said of its address meanwhile is its own when it says so. */
START_TEST(a_late_lease_corrects_the_past)
{
	describe("C", "c", 0, "10.0.0.9", NULL);
	describe("A", "a", 0, "10.0.0.1", NULL);
	call(1, 5);
	describe("A", "a", 2, NULL, NULL);
	for (unsigned m = 4; m < 20; m++)
		call(m, 1);
	expect_all("c/curl -> a/ :80 opens 21 bytes 2100+210 client\n");
	describe("B", "b", 9, "10.0.0.1", NULL);
	serve("B", "redis", 12, 1);
	expect_all("c/curl -> a/ :80 opens 11 bytes 1100+110 client\n"
		   "c/curl -> b/redis :80 opens 10 bytes 1000+100 client,server\n");
	call(9, 3); /* late, too, and of the minute in which it changed hands */
	call(8, 3);
	expect_all("c/curl -> a/ :80 opens 14 bytes 1400+140 client\n"
		   "c/curl -> b/redis :80 opens 13 bytes 1300+130 client,server\n");
}
END_TEST

/* All that was ever said of it: then nothing is left behind, not even an empty edge. */
START_TEST(an_edge_that_was_another_is_gone)
{
	describe("C", "c", 0, "10.0.0.9", NULL);
	describe("A", "a", 0, "10.0.0.1", NULL);
	describe("A", "a", 1, NULL, NULL);
	call(5, 4);
	call(6, 4);
	expect_all("c/curl -> a/ :80 opens 8 bytes 800+80 client\n");
	describe("B", "b", 3, "10.0.0.1", NULL);
	expect_all("c/curl -> b/ :80 opens 8 bytes 800+80 client\n");
}
END_TEST

/* What is open now is open with who holds the address now. */
START_TEST(gauges_go_along)
{
	struct kit_flow f = { .client = "10.0.0.9",
			      .server = "10.0.0.1",
			      .client_name = "curl",
			      .opens = 1,
			      .live = 3,
			      .minute = 5,
			      .witness = WITNESS_CLIENT };

	describe("C", "c", 0, "10.0.0.9", NULL);
	describe("A", "a", 0, "10.0.0.1", NULL);
	call(0, 1);
	describe("A", "a", 1, NULL, NULL);
	for (unsigned m = 1; m < 5; m++)
		call(m, 1);
	at(5);
	kit_flow(&kit, &f);
	kit_cover(&kit, 5, 0, 60);
	kit_send(&kit, "C");
	describe("B", "b", 2, "10.0.0.1", NULL);
	kit_expect(&kit, "c/curl -> a/ :80 opens 3 bytes 300+30 client\n"
			 "c/curl -> b/ :80 opens 3 bytes 300+30 live 3 client\n");
}
END_TEST

/* An address that floats: the standby lists it before the other one has let it go. */
START_TEST(a_floating_address_shows_both_holders)
{
	describe("C", "c", 0, "10.0.0.9", NULL);
	describe("A", "a", 0, "10.0.0.2", "10.0.0.1");
	describe("B", "b", 0, "10.0.0.3", NULL);
	call(1, 5);
	serve("A", "nginx", 1, 5);
	describe("B", "b", 4, "10.0.0.3", "10.0.0.1");
	serve("B", "nginx", 4, 1); /* A has not said that it has lost it */
	ck_assert_uint_eq(kit_health(&kit).quarantined, 1);
	describe("A", "a", 5, "10.0.0.2", NULL);
	call(6, 7);
	serve("B", "nginx", 6, 7); /* B need not describe itself again */
	ck_assert_uint_eq(kit_health(&kit).quarantined, 1);
	expect_all("c/curl -> a/nginx :80 opens 5 bytes 500+50 client,server\n"
		   "c/curl -> b/nginx :80 opens 7 bytes 700+70 client,server\n");
}
END_TEST

START_TEST(holders_are_remembered_over_a_restart)
{
	describe("C", "c", 0, "10.0.0.9", NULL);
	describe("A", "a", 0, "10.0.0.1", NULL);
	call(1, 5);
	describe("A", "a", 2, NULL, NULL);
	describe("B", "b", 3, "10.0.0.1", NULL);
	call(5, 7);
	store_close(kit.s);
	kit.s = store_open(kit.path, STORE_WRITE, NULL);
	ck_assert(kit.s != NULL);
	call(1, 1); /* late */
	call(6, 1);
	expect_all("c/curl -> a/ :80 opens 6 bytes 600+60 client\n"
		   "c/curl -> b/ :80 opens 8 bytes 800+80 client\n");
}
END_TEST

static TCase *cases(const char *name)
{
	TCase *t = tcase_create(name);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, old_traffic_stays_with_its_holder);
	tcase_add_test(t, a_late_lease_corrects_the_past);
	tcase_add_test(t, an_edge_that_was_another_is_gone);
	tcase_add_test(t, gauges_go_along);
	tcase_add_test(t, a_floating_address_shows_both_holders);
	tcase_add_test(t, holders_are_remembered_over_a_restart);
	return t;
}

int main(void)
{
	int failed = unit_run("once_lease", cases("leases"));

	over = true;
	return unit_run("once_lease, minutes over", cases("leases")) | failed;
}

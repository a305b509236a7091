/* SPDX-License-Identifier: Apache-2.0 */
/* A sensor that makes up addresses, ports and names: it fills nothing, and loses nothing. */
#include "store/quota.h"

#include "store/doctor.h"
#include "tests/storekit.h"

static struct kit kit;

enum { MORE = 300 };

static void setup(void)
{
	kit_open(&kit);
	kit_sensor(&kit, "A", "a", "10.0.0.1");
}

static void teardown(void)
{
	kit_close(&kit);
}

static int64_t number(const char *sql)
{
	return kit_number(kit.path, sql);
}

/* N flows to servers that nobody has heard of, from number FROM on. */
static void bomb(unsigned from, unsigned n, const char *name)
{
	char ip[32], process[32];
	struct kit_flow f = { .client = "10.0.0.1",
			      .server = ip,
			      .client_name = process,
			      .opens = 1,
			      .witness = WITNESS_CLIENT };

	for (unsigned i = from; i < from + n; i++) {
		snprintf(ip, sizeof(ip), "172.16.%u.%u", i >> 8 & 255, i & 255);
		snprintf(process, sizeof(process), name, i);
		f.port = (uint16_t)(1 + i % 60000);
		kit_flow(&kit, &f);
		if (wire_writer_full(&kit.w) || i % 1000 == 999)
			kit_send(&kit, "A");
	}
	kit_send(&kit, "A");
}

static uint64_t opens;

static int add(const struct edge_row *row, void *ctx)
{
	(void)ctx;
	opens += row->c.opens;
	return 0;
}

static void expect_opens(uint64_t want)
{
	static const struct filter all;

	opens = 0;
	ck_assert_int_eq(query_edges(kit.s, &all, add, NULL, NULL), 0);
	ck_assert_uint_eq(opens, want);
}

START_TEST(edges_beyond_it_are_one)
{
	bomb(0, QUOTA_HOST_EDGES + MORE, "curl");
	ck_assert_int_eq(number("SELECT count(*) FROM conversation"), QUOTA_HOST_EDGES + 1);
	ck_assert_int_eq(number("SELECT count(*) FROM endpoint"), QUOTA_HOST_EDGES + 2);
	ck_assert_int_eq(number("SELECT folded FROM sensor"), MORE);
	expect_opens(QUOTA_HOST_EDGES + MORE);
}
END_TEST

/* What is known already goes on as before, also after a start. */
START_TEST(known_edges_are_not_touched)
{
	bomb(0, QUOTA_HOST_EDGES, "curl");
	store_close(kit.s);
	kit.s = store_open(kit.path, STORE_WRITE, NULL);
	bomb(0, MORE, "curl");
	ck_assert_int_eq(number("SELECT folded FROM sensor"), 0);
	bomb(QUOTA_HOST_EDGES, 1, "curl");
	ck_assert_int_eq(number("SELECT folded FROM sensor"), 1);
	expect_opens(QUOTA_HOST_EDGES + MORE + 1);
}
END_TEST

START_TEST(an_hour_later_there_is_room)
{
	bomb(0, QUOTA_HOST_EDGES + 1, "curl");
	kit_later(&kit, 60);
	bomb(QUOTA_HOST_EDGES + 1, 5, "curl");
	ck_assert_int_eq(number("SELECT folded FROM sensor"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM conversation"), QUOTA_HOST_EDGES + 6);
}
END_TEST

START_TEST(a_clock_that_leapt_comes_back)
{
	struct quota q = { 0 };

	quota_turn(&q, INT64_C(4102444800000)); /* 2100 */
	quota_spend(&q, QUOTA_EDGES);
	quota_turn(&q, (int64_t)KIT_NOW);
	ck_assert_int_eq(q.used[QUOTA_EDGES], 0);
}
END_TEST

START_TEST(names_beyond_it_are_other)
{
	bomb(0, QUOTA_HOST_NAMES + MORE, "x%u"); /* its machine's was the first of them */
	ck_assert_int_eq(number("SELECT count(*) FROM process"), QUOTA_HOST_NAMES);
	ck_assert_int_eq(number("SELECT count(*) FROM process WHERE name = 'other'"), 1);
	ck_assert_int_eq(number("SELECT folded FROM sensor"), MORE + 1);
	expect_opens(QUOTA_HOST_NAMES + MORE);
}
END_TEST

START_TEST(listeners_count_too)
{
	for (unsigned i = 0; i < QUOTA_HOST_EDGES + MORE; i++) {
		struct listener l = { .addr = kit_addr("0.0.0.0"),
				      .port = (uint16_t)(1 + i),
				      .proto = PROTO_TCP };

		wire_write_listener(&kit.w, &l, 0);
		if (wire_writer_full(&kit.w))
			kit_send(&kit, "A");
	}
	kit_send(&kit, "A");
	ck_assert_int_eq(number("SELECT count(*) FROM listener"), QUOTA_HOST_EDGES);
	ck_assert_int_eq(number("SELECT folded FROM sensor"), MORE);
}
END_TEST

static int say(const struct doctor_sensor *row, void *ctx)
{
	*(uint64_t *)ctx = row->folded;
	return 0;
}

START_TEST(machines_count_too)
{
	for (unsigned i = 0; i < QUOTA_HOST_NAMES + MORE; i++) {
		char id[32];

		snprintf(id, sizeof(id), "made-up-%u", i);
		kit_machine(&kit, id, NULL);
		if (wire_writer_full(&kit.w))
			kit_send(&kit, "A");
	}
	kit_send(&kit, "A");
	ck_assert_int_eq(number("SELECT count(*) FROM machine"), QUOTA_HOST_NAMES);
	ck_assert_uint_eq(kit_health(&kit).quarantined, MORE + 1);
	ck_assert_int_eq(number("SELECT folded FROM sensor"), MORE + 1);
}
END_TEST

/* Devices that are made up, and uses of one that begin at every millisecond. */
START_TEST(devices_count_too)
{
	struct usage u = { .metric = USAGE_CPU,
			   .start_ms = KIT_NOW,
			   .end_ms = KIT_NOW + 1000,
			   .samples = 1 };
	char device[32];

	u.device = device;
	for (unsigned i = 0; i < QUOTA_HOST_NAMES + MORE; i++) {
		snprintf(device, sizeof(device), "sd%u", i);
		wire_write_usage(&kit.w, &u);
	}
	kit_send(&kit, "A");
	ck_assert_int_eq(number("SELECT count(*) FROM usage"), QUOTA_HOST_NAMES - 1);
	ck_assert_int_eq(number("SELECT folded FROM sensor"), MORE + 1);
	snprintf(device, sizeof(device), "sd0");
	for (unsigned i = 0; i < 3 * KIT_MINUTE; i += 100) {
		u.start_ms = KIT_NOW + i;
		u.end_ms = u.start_ms + 1000;
		wire_write_usage(&kit.w, &u);
	}
	kit_send(&kit, "A");
	ck_assert_int_eq(number("SELECT count(*) FROM usage WHERE device = 'sd0'"), 3);
	ck_assert_int_eq(number("SELECT folded FROM sensor"), MORE + 1);
}
END_TEST

START_TEST(gaps_beyond_it_are_one)
{
	for (unsigned i = 0; i < QUOTA_HOST_EDGES + MORE; i++) {
		const struct lost l = { KIT_NOW + i, KIT_NOW + i + 1, 2 };

		wire_write_lost(&kit.w, &l);
		if (wire_writer_full(&kit.w))
			kit_send(&kit, "A");
	}
	kit_send(&kit, "A");
	ck_assert_int_eq(number("SELECT count(*) FROM gap"), QUOTA_HOST_EDGES);
	ck_assert_int_eq(number("SELECT sum(records) FROM gap"),
			 2 * (QUOTA_HOST_EDGES + MORE));
	ck_assert_int_eq(number("SELECT lost FROM sensor"), 2 * (QUOTA_HOST_EDGES + MORE));
}
END_TEST

START_TEST(it_is_said)
{
	uint64_t folded = 0;

	bomb(0, QUOTA_HOST_EDGES + 7, "curl");
	ck_assert_int_eq(doctor_sensors(kit.s, say, &folded, NULL), 0);
	ck_assert_uint_eq(folded, 7);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("quota");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, edges_beyond_it_are_one);
	tcase_add_test(t, known_edges_are_not_touched);
	tcase_add_test(t, an_hour_later_there_is_room);
	tcase_add_test(t, a_clock_that_leapt_comes_back);
	tcase_add_test(t, names_beyond_it_are_other);
	tcase_add_test(t, listeners_count_too);
	tcase_add_test(t, machines_count_too);
	tcase_add_test(t, devices_count_too);
	tcase_add_test(t, gaps_beyond_it_are_one);
	tcase_add_test(t, it_is_said);
	return unit_run("quota", t);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps the map from being whole: the rows of the store, and what is said of them. */
#include "cli/doctor.h"

#include <string.h>

#include "common/fact.h"
#include "store/doctor.h"
#include "tests/storekit.h"
#include "tests/unit.h"

enum { NOW = 1767268800 }; /* 2026-01-01 12:00 UTC */

static struct kit kit;
static struct check c;
static struct buf said;

static void open_kit(void)
{
	kit_open(&kit);
	buf_reset(&said);
}

static void close_kit(void)
{
	kit_close(&kit);
}

static void expect(enum check_status status, const char *found, const char *mend)
{
	ck_assert_msg(strstr(c.found, found) != NULL, "\"%s\" is not in \"%s\"", found,
		      c.found);
	ck_assert_msg(strstr(c.mend, mend) != NULL, "\"%s\" is not in \"%s\"", mend, c.mend);
	ck_assert_msg(c.status == status, "%s: %s", c.name, c.found);
	ck_assert_msg((status == CHECK_OK) == !*c.mend, "%s: \"%s\"", c.name, c.mend);
}

/* Rows */

static int put_sensor(const struct doctor_sensor *s, void *ctx)
{
	(void)ctx;
	buf_printf(&said,
		   "%s %s records %llu quarantined %llu lost %llu gaps %llu seen %llu/%llu "
		   "worst %llu/%llu\n",
		   s->machine, s->name, (unsigned long long)s->records,
		   (unsigned long long)s->quarantined, (unsigned long long)s->lost,
		   (unsigned long long)s->gaps, (unsigned long long)s->opens_seen,
		   (unsigned long long)s->opens_kernel, (unsigned long long)s->worst_seen,
		   (unsigned long long)s->worst_kernel);
	return 0;
}

static void send_capture(unsigned minute, uint64_t seen, uint64_t kernel)
{
	uint64_t start = KIT_NOW + (uint64_t)minute * KIT_MINUTE;
	struct capture x = { .start_ms = start,
			     .end_ms = start + 10000,
			     .netns = 1,
			     .active_seen = seen,
			     .active_kernel = kernel };

	wire_write_capture(&kit.w, &x);
}

START_TEST(sensors_with_what_they_missed)
{
	struct lost lost = { KIT_NOW, KIT_NOW + 5000, 7 };

	kit_sensor(&kit, "B", "b", "10.0.0.2");
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	send_capture(0, 10, 10);
	send_capture(0, 5, 10);
	wire_write_lost(&kit.w, &lost);
	kit_send(&kit, "A");
	ck_assert_int_eq(doctor_sensors(kit.s, put_sensor, NULL, NULL), 0);
	ck_assert_str_eq(buf_cstr(&said),
			 "a A records 4 quarantined 0 lost 7 gaps 1 seen 15/20 worst 15/20\n"
			 "b B records 1 quarantined 0 lost 0 gaps 0 seen 0/0 worst 0/0\n");
}
END_TEST

static int put_stranger(const struct doctor_stranger *s, void *ctx)
{
	(void)ctx;
	buf_printf(&said, "%s%s %llu edges %llu opens\n", s->name, s->ip,
		   (unsigned long long)s->edges, (unsigned long long)s->opens);
	return 0;
}

static void flow_to(const char *server, uint16_t port, uint64_t opens)
{
	struct kit_flow f = { .client = "10.0.0.1",
			      .server = server,
			      .client_name = "x",
			      .port = port,
			      .opens = opens,
			      .witness = WITNESS_CLIENT };

	kit_flow(&kit, &f);
}

START_TEST(strangers_by_edges)
{
	struct doctor_strangers sums;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	flow_to("192.168.1.9", 80, 1);
	flow_to("192.168.1.9", 81, 1);
	flow_to("172.31.0.1", 80, 9);
	flow_to("172.32.0.1", 80, 1); /* not within 172.16/12 */
	flow_to("9.9.9.9", 443, 5);
	flow_to("fd00::1", 443, 5);
	kit_send(&kit, "A");
	ck_assert_int_eq(doctor_strangers(kit.s, 2, &sums, put_stranger, NULL, NULL), 0);
	ck_assert_str_eq(buf_cstr(&said), "192.168.1.9 2 edges 2 opens\n"
					  "172.31.0.1 1 edges 9 opens\n");
	ck_assert_uint_eq(sums.machines, 1);
	ck_assert_uint_eq(sums.watched, 1);
	ck_assert_uint_eq(sums.addresses, 3);
	ck_assert_uint_eq(sums.outside, 2);
}
END_TEST

static int put_contested(const struct doctor_contested *x, void *ctx)
{
	(void)ctx;
	buf_printf(&said, "%s %s %s\n", x->ip, x->machine, x->holder);
	return 0;
}

START_TEST(addresses_of_two_machines)
{
	kit_sensor(&kit, "A", "a", "172.17.0.1");
	kit_cover(&kit, 0, 0, 60);
	kit_send(&kit, "A");
	kit_sensor(&kit, "B", "b", "172.17.0.1");
	ck_assert_int_eq(doctor_contested(kit.s, put_contested, NULL, NULL), 0);
	ck_assert_str_eq(buf_cstr(&said), "172.17.0.1 b a\n");
}
END_TEST

START_TEST(a_file_and_its_damage)
{
	char words[DOCTOR_WORDS];
	struct doctor_file f;
	struct err e = { 0 };
	FILE *file;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	ck_assert_int_eq(doctor_file(kit.s, &f, &e), 0);
	ck_assert_int_gt(f.schema, 2);
	ck_assert_uint_gt(f.bytes, 4096);
	ck_assert_int_eq(doctor_damage(kit.s, words, &e), 0);
	store_close(kit.s); /* folds the WAL into the file */
	file = fopen(kit.path, "r+");
	ck_assert_ptr_nonnull(file);
	for (long at = 4096; at < (long)f.bytes; at += 4096) {
		fseek(file, at, SEEK_SET);
		fwrite("damage, damage, damage", 1, 22, file);
	}
	fclose(file);
	kit.s = store_open(kit.path, STORE_READ, &e);
	if (kit.s) /* the damage may show as early as that */
		ck_assert_int_ne(doctor_damage(kit.s, words, &e), 0);
}
END_TEST

/* Judgements */

START_TEST(databases)
{
	struct doctor_file f = { .schema = 3, .bytes = 5ull << 30 };
	struct health h = { .sensors = 0 };

	doctor_judge_damage(&c, "/d", NULL);
	expect(CHECK_OK, "/d is whole", "");
	doctor_judge_damage(&c, "/d", "row 5 missing");
	expect(CHECK_FAIL, "damaged: row 5", ".recover");
	doctor_judge_size(&c, &f, 9ull << 30);
	expect(CHECK_OK, "5120 MiB, schema 3; 9216 MiB free", "");
	doctor_judge_size(&c, &f, 500 << 20);
	expect(CHECK_WARN, "less than it takes", "make room");
	doctor_judge_records(&c, &h, 0, NOW);
	expect(CHECK_WARN, "nothing is in it", "skein import");
	h = (struct health){ .first = NOW - 100, .last = NOW };
	doctor_judge_records(&c, &h, 0,
			     NOW + 90 * 86400); /* an import has no sensor to miss */
	expect(CHECK_OK, "from 2026-01-01 11:58:20 to 2026-01-01 12:00:00", "");
	h.records = 1234;
	h.sensors = 2;
	doctor_judge_records(&c, &h, NOW, NOW + 3600);
	expect(CHECK_OK, "1,234 records of 2 sensors", "");
	doctor_judge_records(&c, &h, NOW, NOW + 3601);
	expect(CHECK_WARN, "no sensor was heard since 2026-01-01 12:00:00", "collector");
	doctor_judge_records(&c, &h, NOW, NOW - 3601);
	expect(CHECK_WARN, "future", "clocks");
}
END_TEST

START_TEST(sensors_that_are_silent)
{
	struct doctor_sensor s = {
		.name = "s-1", .machine = "web01", .records = 5, .last = NOW - 600
	};

	doctor_judge_sensor(&c, &s, NOW);
	expect(CHECK_OK, "s-1; last heard 2026-01-01 11:50:00", "");
	ck_assert_str_eq(c.name, "sensor web01");
	s.last--;
	doctor_judge_sensor(&c, &s, NOW);
	expect(CHECK_WARN, "silent", "--self-test");
	s.revoked = true;
	doctor_judge_sensor(&c, &s, NOW);
	expect(CHECK_OK, "revoked", "");
	s = (struct doctor_sensor){ .name = "s-2", .machine = "", .last = NOW };
	doctor_judge_sensor(&c, &s, NOW);
	expect(CHECK_WARN, "never told", "systemctl start");
	ck_assert_str_eq(c.name, "sensor s-2");
}
END_TEST

START_TEST(sensors_that_miss_something)
{
	struct doctor_sensor s = { .name = "s-1",
				   .machine = "web01",
				   .records = 5,
				   .last = NOW,
				   .unnamed = 3,
				   .opens_seen = 99999,
				   .opens_kernel = 100000 };

	doctor_judge_sensor(&c, &s, NOW);
	expect(CHECK_OK, "saw 99.99 %", "");
	s.opens_seen = 99899;
	s.worst_hour = NOW;
	s.worst_seen = 1;
	s.worst_kernel = 2;
	doctor_judge_sensor(&c, &s, NOW);
	expect(CHECK_WARN, "in the worst hour 50.00 %", "skein machines M");
	s.opens_kernel = 0;
	s.overflow = 2000;
	doctor_judge_sensor(&c, &s, NOW);
	expect(CHECK_WARN, "2,000 connections fitted no table", "max-edges");
	s.overflow = 0;
	s.lost = 1;
	s.gaps = 1;
	s.gap_first = s.gap_last = NOW;
	doctor_judge_sensor(&c, &s, NOW);
	expect(CHECK_WARN, "1 record lost in 1 gap; the newest from 2026", "no traffic");
	s.lost = 0;
	doctor_judge_sensor(&c, &s, NOW);
	expect(CHECK_WARN, "what it told in 1 gap is lost", "put back");
	s.gaps = 0;
	s.degraded = DEGRADED_NO_UDP | DEGRADED_NO_NAT;
	doctor_judge_sensor(&c, &s, NOW);
	expect(CHECK_OK, "no_udp", "");
	s.degraded = DEGRADED_POLL;
	doctor_judge_sensor(&c, &s, NOW);
	expect(CHECK_WARN, "poll", "without eBPF");
	s.degraded = DEGRADED_OFF;
	doctor_judge_sensor(&c, &s, NOW);
	expect(CHECK_FAIL, "probes_off", "budget");
}
END_TEST

START_TEST(a_database_that_was_set_aside)
{
	struct doctor_aside a = { "skein.db.damaged-1", "page 3", NOW };

	doctor_judge_aside(&c, &a, true);
	expect(CHECK_WARN, "became skein.db.damaged-1 (page 3)", "restore");
	doctor_judge_aside(&c, &a, false);
	expect(CHECK_OK, "became skein.db.damaged-1", "");
}
END_TEST

START_TEST(coverage_and_quarantine)
{
	struct doctor_strangers t = { .machines = 3, .watched = 3 };
	struct health h = { .sensors = 1 };

	doctor_judge_strangers(&c, &t, "");
	expect(CHECK_OK, "3 of 3 machines", "");
	t.watched = 2;
	t.addresses = 1;
	doctor_judge_strangers(&c, &t, "db01 (7)");
	expect(CHECK_WARN, "1 address of your networks", "these first");
	doctor_judge_quarantine(&c, &h, 0, "");
	expect(CHECK_OK, "every record", "");
	doctor_judge_quarantine(&c, &h, 1, "172.17.0.1 (a, b)");
	expect(CHECK_OK, "without harm: 172.17.0.1", "");
	h.quarantined = 4;
	doctor_judge_quarantine(&c, &h, 1, "172.17.0.1 (a, b)");
	expect(CHECK_WARN, "4 records about addresses of others", "another address");
	h.rejected = 1;
	doctor_judge_quarantine(&c, &h, 0, "");
	expect(CHECK_WARN, "1 made no sense", "own machine");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("doctor");

	tcase_add_checked_fixture(t, open_kit, close_kit);
	tcase_add_test(t, sensors_with_what_they_missed);
	tcase_add_test(t, strangers_by_edges);
	tcase_add_test(t, addresses_of_two_machines);
	tcase_add_test(t, a_file_and_its_damage);
	tcase_add_test(t, databases);
	tcase_add_test(t, sensors_that_are_silent);
	tcase_add_test(t, sensors_that_miss_something);
	tcase_add_test(t, a_database_that_was_set_aside);
	tcase_add_test(t, coverage_and_quarantine);
	return unit_run("doctor", t);
}

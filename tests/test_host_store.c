/* SPDX-License-Identifier: Apache-2.0 */
/* What a host's sensor tells besides edges, from the wire to the rows. */
#include <string.h>

#include "store/query.h"
#include "tests/storekit.h"
#include "tests/unit.h"

static struct kit kit;

static void open_kit(void)
{
	kit_open(&kit);
	kit_sensor(&kit, "A", "a", "10.0.0.1");
}

static void close_kit(void)
{
	kit_close(&kit);
}

static int keep(const struct machine_row *m, void *ctx)
{
	struct machine_row *out = ctx;
	static char extra[4096];

	*out = *m;
	snprintf(extra, sizeof(extra), "%s", m->extra);
	out->extra = extra;
	return 0;
}

static struct machine_row the_machine(void)
{
	struct filter f = { .machine = "a" };
	struct machine_row m = { 0 };

	ck_assert_int_eq(query_machines(kit.s, &f, keep, &m, NULL), 0);
	return m;
}

static void describe(const char *extra)
{
	static struct machine m;

	m = (struct machine){
		.id = "a", .name = "a", .os = "", .kernel = "", .arch = "", .extra = extra
	};
	m.addrs[m.addrs_n++] = kit_addr("10.0.0.1");
	wire_write_machine(&kit.w, &m);
	kit_send(&kit, "A");
}

static void capture(uint32_t netns, uint64_t seen, uint64_t kernel)
{
	struct capture c = { .start_ms = KIT_NOW,
			     .end_ms = KIT_NOW + 10000,
			     .netns = netns,
			     .active_seen = seen,
			     .active_kernel = kernel };

	wire_write_capture(&kit.w, &c);
	kit_send(&kit, "A");
}

START_TEST(opens_add_up_over_namespaces)
{
	capture(1, 90, 100);
	capture(1, 100, 100);
	capture(2, 5, 5);
	ck_assert_uint_eq(the_machine().opens_seen, 195);
	ck_assert_uint_eq(the_machine().opens_kernel, 205);
	capture(3, 5, 0); /* what one has too much makes up for nothing elsewhere */
	ck_assert_uint_eq(the_machine().opens_seen, 195);
	ck_assert_uint_eq(the_machine().opens_kernel, 205);
}
END_TEST

START_TEST(namespaces_are_bounded)
{
	for (uint32_t i = 1; i <= 1100; i++) {
		struct capture c = { .start_ms = KIT_NOW,
				     .end_ms = KIT_NOW,
				     .netns = i,
				     .active_seen = 1,
				     .active_kernel = 1 };

		wire_write_capture(&kit.w, &c);
	}
	kit_send(&kit, "A");
	ck_assert_uint_eq(the_machine().opens_seen, 1100);
}
END_TEST

START_TEST(an_inventory_replaces_the_one_before)
{
	describe("{\"boot\":\"uefi\",\"vendor\":\"x\"}");
	ck_assert_ptr_nonnull(strstr(the_machine().extra, "\"boot\":\"uefi\""));
	describe("{\"boot\":\"bios\"}");
	ck_assert_ptr_nonnull(strstr(the_machine().extra, "\"boot\":\"bios\""));
	ck_assert_ptr_null(strstr(the_machine().extra, "vendor"));
	describe("{\"boot\":\"bios\",\"id\":\"b\",\"ips\":[\"10.9.9.9\"],\"opens_seen\":1}");
	ck_assert_str_eq(the_machine().extra,
			 "{\"boot\":\"bios\"}"); /* who it is, it cannot say */
	describe("{\"boot\":");			 /* what is no object changes nothing */
	describe("[1]");
	describe("{} x");
	ck_assert_ptr_nonnull(strstr(the_machine().extra, "\"boot\":\"bios\""));
}
END_TEST

START_TEST(usage_is_kept_for_its_machine)
{
	struct usage u = { .metric = USAGE_CPU,
			   .device = "",
			   .start_ms = KIT_NOW,
			   .end_ms = KIT_NOW + 600000,
			   .samples = 30,
			   .mean = 5,
			   .max = 9 };
	struct usage bad = u;

	wire_write_usage(&kit.w, &u);
	u.device = "s\x1b[31mda";
	wire_write_usage(&kit.w, &u);
	bad.mean = 10; /* above its maximum */
	wire_write_usage(&kit.w, &bad);
	bad = u;
	bad.end_ms = bad.start_ms + 700000;
	wire_write_usage(&kit.w, &bad);
	bad = u;
	bad.start_ms = bad.end_ms =
		3600000; /* 1970: rows by time must not be anybody's choice */
	wire_write_usage(&kit.w, &bad);
	kit_send(&kit, "A");
	ck_assert_uint_eq(kit_health(&kit).rejected, 3);
}
END_TEST

START_TEST(translations_add_up)
{
	struct translation t = { .proto = PROTO_TCP,
				 .client = kit_addr("10.0.0.9"),
				 .client_seen = kit_addr("10.0.0.9"),
				 .seen = kit_addr("192.0.2.1"),
				 .seen_port = 80,
				 .server = kit_addr("10.0.0.1"),
				 .port = 8080,
				 .first_ms = KIT_NOW,
				 .last_ms = KIT_NOW + 5,
				 .opens = 3 };

	wire_write_translation(&kit.w, &t);
	wire_write_translation(&kit.w, &t);
	t.last_ms = 0; /* before it began */
	wire_write_translation(&kit.w, &t);
	kit_send(&kit, "A");
	ck_assert_uint_eq(kit_health(&kit).rejected, 1);
}
END_TEST

static int keep_seen(const struct edge_row *row, void *ctx)
{
	snprintf(ctx, 128, "%s", row->server_seen);
	return 0;
}

START_TEST(an_edge_says_how_its_server_was_addressed)
{
	struct kit_flow f = { .client = "10.0.0.9",
			      .server = "10.0.0.1",
			      .port = 8080,
			      .opens = 1,
			      .server_name = "nginx",
			      .witness = WITNESS_SERVER };
	struct translation t = { .proto = PROTO_TCP,
				 .client = kit_addr("10.0.0.7"),
				 .client_seen = kit_addr("10.0.0.9"),
				 .seen = kit_addr("192.0.2.1"),
				 .seen_port = 80,
				 .server = kit_addr("10.0.0.1"),
				 .port = 8080,
				 .first_ms = KIT_NOW,
				 .last_ms = KIT_NOW };
	static const struct filter all;
	char seen[128] = "nothing";

	kit_flow(&kit, &f);
	kit_send(&kit, "A");
	ck_assert_int_eq(query_edges(kit.s, &all, keep_seen, seen, NULL), 0);
	ck_assert_str_eq(seen, "");
	wire_write_translation(&kit.w, &t); /* the client as the server sees it */
	t.seen_port = 81;
	wire_write_translation(&kit.w, &t);
	kit_send(&kit, "A");
	ck_assert_int_eq(query_edges(kit.s, &all, keep_seen, seen, NULL), 0);
	ck_assert_str_eq(seen, "192.0.2.1:80 192.0.2.1:81");
}
END_TEST

static int keep_capture(const struct capture_row *row, void *ctx)
{
	struct buf *b = ctx;

	buf_printf(b, "%s %u: %llu/%llu\n", row->hour < 0 ? "netns" : "hour", row->netns,
		   (unsigned long long)row->active_seen,
		   (unsigned long long)row->active_kernel);
	return 0;
}

START_TEST(captures_are_told_by_namespace_and_worst_hour)
{
	struct buf b = { 0 };

	capture(9, 10, 10);
	capture(4, 9, 10);
	ck_assert_int_eq(query_captures(kit.s, "a", keep_capture, &b, NULL), 0);
	ck_assert_str_eq(buf_cstr(&b), "netns 4: 9/10\nnetns 9: 10/10\nhour 0: 19/20\n");
	buf_fini(&b);
}
END_TEST

START_TEST(what_a_watch_could_not_see_shows)
{
	struct cover c = { .start_ms = KIT_NOW,
			   .end_ms = KIT_NOW + 1000,
			   .unnamed = 7,
			   .degraded = DEGRADED_POLL | DEGRADED_NO_UDP };

	wire_write_cover(&kit.w, &c);
	kit_send(&kit, "A");
	ck_assert_uint_eq(the_machine().degraded, DEGRADED_POLL | DEGRADED_NO_UDP);
	ck_assert_uint_eq(the_machine().unnamed, 7);
	capture(1, 1, 1); /* no cover: what was said last stands */
	ck_assert_uint_eq(the_machine().degraded, DEGRADED_POLL | DEGRADED_NO_UDP);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, open_kit, close_kit);
	tcase_add_test(t, opens_add_up_over_namespaces);
	tcase_add_test(t, namespaces_are_bounded);
	tcase_add_test(t, an_inventory_replaces_the_one_before);
	tcase_add_test(t, usage_is_kept_for_its_machine);
	tcase_add_test(t, translations_add_up);
	tcase_add_test(t, an_edge_says_how_its_server_was_addressed);
	tcase_add_test(t, captures_are_told_by_namespace_and_worst_hour);
	tcase_add_test(t, what_a_watch_could_not_see_shows);
	return unit_run("host_store", t);
}

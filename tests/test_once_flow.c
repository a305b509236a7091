/* SPDX-License-Identifier: Apache-2.0 */
/* Exporters of flows in the ledger: believed about flows alone, and counted once. */
#include "tests/storekit.h"

#define A "flow:10.0.0.1/A"
#define B "flow:10.0.0.2/B"

static struct kit k;

static void setup(void)
{
	kit_open(&k);
}

static void teardown(void)
{
	kit_close(&k);
}

static void flow(const char *client, enum witness w, unsigned minute, uint64_t opens,
		 uint32_t sampling)
{
	uint64_t start = KIT_NOW + (uint64_t)minute * KIT_MINUTE;
	struct flow f = { .witness = w,
			  .proto = PROTO_TCP,
			  .port = 80,
			  .client = kit_addr(client),
			  .server = kit_addr("10.0.0.80"),
			  .minute = start / KIT_MINUTE,
			  .first_ms = start + 1000,
			  .last_ms = start + 50000,
			  .sampling = sampling };

	f.c = (struct counters){ .opens = opens, .has_bytes = true };
	wire_write_flow(&k.w, &f, 0, 0);
}

static int put_mark(const struct edge_row *r, void *ctx)
{
	buf_printf(ctx, "%s %llu%s %u\n", r->client.ip, (unsigned long long)r->c.opens,
		   r->unauthenticated ? " unauthenticated" : "", r->sampling);
	return 0;
}

static void expect_marks(const char *want)
{
	static const struct filter all;
	struct buf b = { 0 };
	struct err e = { 0 };

	ck_assert_int_eq(query_edges(k.s, &all, put_mark, &b, &e), 0);
	ck_assert_str_eq(buf_cstr(&b), want);
	buf_fini(&b);
}

START_TEST(an_exporter_speaks_of_flows_alone)
{
	struct process p = { "evil", "", "", "", "", "", "" };
	struct listener l = { .addr = kit_addr("10.0.0.80"), .port = 80, .proto = PROTO_TCP };

	flow("10.0.0.9", WITNESS_NETFLOW, 0, 3, 0);
	flow("10.0.0.9", WITNESS_CLIENT, 0, 100, 0);
	flow("10.0.0.9", WITNESS_SERVER, 0, 100, 0);
	flow("10.0.0.9", WITNESS_MIRROR, 0, 100, 0);
	flow("10.0.0.9", WITNESS_IMPORT, 0, 100, 0);
	kit_machine(&k, "evil", "10.0.0.80");
	wire_write_listener(&k.w, &l, wire_write_process(&k.w, &p));
	kit_send(&k, A);
	expect_marks("10.0.0.9 3 unauthenticated 0\n");
	ck_assert_uint_eq(kit_health(&k).quarantined, 6);
}
END_TEST

START_TEST(nor_does_it_name_processes)
{
	struct kit_flow x = { "10.0.0.9", "10.0.0.80", "evil",
			      "evil",	  .opens = 1,  .witness = WITNESS_NETFLOW };

	kit_flow(&k, &x);
	kit_send(&k, A);
	kit_expect(&k, "10.0.0.9/ -> 10.0.0.80/ :80 opens 1 bytes 100+10 netflow\n");
}
END_TEST

START_TEST(two_exporters_on_the_way_count_once)
{
	flow("10.0.0.9", WITNESS_NETFLOW, 0, 3, 0);
	kit_cover(&k, 0, 0, 60);
	kit_send(&k, A);
	flow("10.0.0.9", WITNESS_NETFLOW, 0, 3, 0);
	flow("10.0.0.7", WITNESS_NETFLOW, 0, 5, 0); /* this way leads by the other one alone */
	kit_cover(&k, 0, 0, 60);
	kit_send(&k, B);
	expect_marks("10.0.0.7 5 unauthenticated 0\n10.0.0.9 3 unauthenticated 0\n");
}
END_TEST

START_TEST(without_any_coverage_as_well)
{
	flow("10.0.0.9", WITNESS_NETFLOW, 0, 3, 0);
	kit_send(&k, A);
	flow("10.0.0.9", WITNESS_NETFLOW, 0, 3, 0);
	kit_send(&k, B);
	expect_marks("10.0.0.9 3 unauthenticated 0\n");
}
END_TEST

/* Whichever comes first. */
START_TEST(who_looks_at_every_packet_counts_before_who_samples)
{
	for (int i = 0; i < 2; i++) {
		bool sampled = i == _i;
		struct cover c = { KIT_NOW, KIT_NOW + KIT_MINUTE, 0, 0,
				   sampled ? DEGRADED_SAMPLED : 0 };

		flow("10.0.0.9", WITNESS_NETFLOW, 0, sampled ? 1000 : 3, sampled ? 1000 : 0);
		wire_write_cover(&k.w, &c);
		kit_send(&k, sampled ? A : B);
	}
	expect_marks("10.0.0.9 3 unauthenticated 1000\n");
}
END_TEST

/* What was sampled stays known, and is unauthenticated no more. */
START_TEST(a_host_that_watched_counts_and_vouches)
{
	kit_sensor(&k, "C", "m", "10.0.0.9");
	flow("10.0.0.9", WITNESS_NETFLOW, 0, 1000, 1000);
	kit_cover(&k, 0, 0, 60);
	kit_send(&k, A);
	expect_marks("10.0.0.9 1000 unauthenticated 1000\n");
	flow("10.0.0.9", WITNESS_CLIENT, 0, 4, 0);
	kit_cover(&k, 0, 0, 60);
	kit_send(&k, "C");
	expect_marks("10.0.0.9 4 1000\n");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("once_flow");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_exporter_speaks_of_flows_alone);
	tcase_add_test(t, nor_does_it_name_processes);
	tcase_add_test(t, two_exporters_on_the_way_count_once);
	tcase_add_test(t, without_any_coverage_as_well);
	tcase_add_loop_test(t, who_looks_at_every_packet_counts_before_who_samples, 0, 2);
	tcase_add_test(t, a_host_that_watched_counts_and_vouches);
	return unit_run("once_flow", t);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/days.h"

#include "tests/storekit.h"

static struct kit kit;

enum { DAY = 24 * 60 }; /* in minutes */

static void setup(void)
{
	kit_open(&kit);
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit_sensor(&kit, "B", "b", "10.0.0.2");
}

static void teardown(void)
{
	kit_close(&kit);
}

static void seen(const char *sensor, uint16_t port, unsigned minute)
{
	bool client = *sensor == 'A';
	struct kit_flow f = { .client = "10.0.0.1",
			      .server = "10.0.0.2",
			      .client_name = client ? "curl" : NULL,
			      .server_name = client ? NULL : "nginx",
			      .port = port,
			      .minute = minute,
			      .opens = 1,
			      .witness = client ? WITNESS_CLIENT : WITNESS_SERVER };

	kit_flow(&kit, &f);
	kit_send(&kit, sensor);
}

static void imported(uint16_t port)
{
	struct import *im = kit_import(&kit, "one");
	struct import_flow f = { .client_id = "a",
				 .server_id = "b",
				 .client_ip = "10.0.0.1",
				 .server_ip = "10.0.0.2",
				 .client = { "curl", "", "", "", "", "" },
				 .server = { "nginx", "", "", "", "", "" },
				 .proto = PROTO_TCP,
				 .port = port,
				 .c = { .opens = 9 },
				 .first = KIT_NOW / 1000,
				 .last = KIT_NOW / 1000 + 86400 * 9,
				 .extra = "" };
	struct err e = { 0 };

	ck_assert_msg(import_flow(im, &f, &e) == 0, "%s", e.msg);
	kit_commit(im);
}

/* Port 1 on three days, told of by both; port 2 twice on one day; port 3 by an import. */
static void scene(void)
{
	for (unsigned day = 0; day < 3; day++) {
		seen("A", 1, day * DAY);
		seen("B", 1, day * DAY);
		kit_later(&kit, DAY);
	}
	seen("A", 2, 2 * DAY);
	seen("A", 2, 2 * DAY + 5);
	imported(3);
}

static void expect(const struct filter *f, unsigned one, unsigned two, unsigned three)
{
	struct err e = { 0 };
	struct graph *g = graph_load(kit.s, f, &e);
	const unsigned want[] = { 0, one, two, three };
	unsigned *days;

	ck_assert_msg(g != NULL, "%s", e.msg);
	days = graph_days(kit.s, g, &e);
	ck_assert_msg(days != NULL, "%s", e.msg);
	for (unsigned i = 0; i < g->edge_n; i++)
		ck_assert_msg(days[i] == want[g->edge[i].port], "port %u: %u days",
			      g->edge[i].port, days[i]);
	ck_assert_uint_ge(g->edge_n, 2);
	free(days);
	graph_free(g);
}

START_TEST(days_of_edges)
{
	static const struct filter all;

	scene();
	expect(&all, 3, 1, 0);
}
END_TEST

START_TEST(days_in_a_window)
{
	struct filter f = { .since = KIT_NOW / 1000 + 86400 };

	scene();
	expect(&f, 2, 1, 0);
	f.until = f.since + 3600;
	expect(&f, 1, 0, 0);
}
END_TEST

/* First told of by the clients alone, then by the server too: one edge with all its days. */
START_TEST(days_of_what_became_another)
{
	static const struct filter all;

	seen("A", 1, 0);
	kit_later(&kit, DAY);
	seen("B", 1, DAY);
	kit_later(&kit, DAY);
	seen("A", 1, 2 * DAY);
	seen("B", 1, 2 * DAY);
	imported(3);
	expect(&all, 3, 0, 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("days");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, days_of_edges);
	tcase_add_test(t, days_in_a_window);
	tcase_add_test(t, days_of_what_became_another);
	return unit_run("days", t);
}

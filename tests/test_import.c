/* SPDX-License-Identifier: Apache-2.0 */
#include "store/import.h"

#include <errno.h>

#include "store/span.h"
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

/* A line without its unknown parts. */
static struct import_flow line(const char *client, const char *client_ip, const char *server,
			       const char *server_ip, uint64_t opens)
{
	return (struct import_flow){ .client_id = client,
				     .client_ip = client_ip,
				     .server_id = server,
				     .server_ip = server_ip,
				     .client = { "", "", "", "", "", "" },
				     .server = { "", "", "", "", "", "" },
				     .proto = PROTO_TCP,
				     .port = 80,
				     .c = { .opens = opens,
					    .bytes_to_server = opens * 100,
					    .bytes_to_client = opens * 10,
					    .has_bytes = true },
				     .first = 1000,
				     .last = 2000,
				     .extra = "" };
}

static struct import_flow between(struct import_flow f, const char *client, const char *server)
{
	f.client.name = client;
	f.server.name = server;
	return f;
}

static void put(struct import *im, const struct import_flow *f)
{
	struct err e = { 0 };

	ck_assert_msg(import_flow(im, f, &e) == 0, "%s", e.msg);
}

static void put_machine(struct import *im, const char *id, const char *name, const char *ip)
{
	struct import_machine m = { .id = id,
				    .name = name,
				    .os = "linux",
				    .kernel = "",
				    .arch = "",
				    .site = "",
				    .ips = &ip,
				    .ips_n = ip ? 1 : 0,
				    .extra = "" };
	struct err e = { 0 };

	ck_assert_msg(import_machine(im, &m, &e) == 0, "%s", e.msg);
}

/* One line alone as a source. */
static void import_one(const char *source, const struct import_flow *f)
{
	struct import *im = kit_import(&kit, source);

	put(im, f);
	kit_commit(im);
}

START_TEST(the_same_bytes_count_once)
{
	struct import_flow f = line("m1", "10.0.0.1", "m2", "10.0.0.2", 5);
	uint8_t sha256[32] = "one";
	struct err e = { 0 };

	import_one("one", &f);
	ck_assert(import_begin(kit.s, "again", sha256, &e) == NULL);
	ck_assert_int_eq(e.code, -EALREADY);
	ck_assert_str_eq(e.msg, "again: imported already");
	kit_expect(&kit, "m1/ -> m2/ :80 opens 5 bytes 500+50 import\n");
	import_one("two", &f); /* other bytes are other facts */
	kit_expect(&kit, "m1/ -> m2/ :80 opens 10 bytes 1000+100 import\n");
}
END_TEST

START_TEST(what_is_aborted_never_was)
{
	struct import_flow f = line("m1", "10.0.0.1", "m2", "10.0.0.2", 5);
	struct import *im = kit_import(&kit, "one");

	put(im, &f);
	import_abort(im);
	import_abort(NULL);
	kit_expect(&kit, "");
	import_one("one", &f);
	kit_expect(&kit, "m1/ -> m2/ :80 opens 5 bytes 500+50 import\n");
}
END_TEST

START_TEST(equal_lines_add_up)
{
	struct import_flow f = between(line("m1", "10.0.0.1", "m2", "10.0.0.2", 5), "a", "b");
	struct import *im = kit_import(&kit, "one");

	f.live = 1;
	put(im, &f);
	put(im, &f);
	f.first = 3000;
	f.last = 4000;
	f.live = 7;
	f.c.has_bytes = false;
	f.c.bytes_to_server = f.c.bytes_to_client = 0;
	put(im, &f);
	kit_commit(im);
	kit_expect(&kit, "m1/a -> m2/b :80 opens 15 bytes 1000+100 live 7 import\n");
}
END_TEST

START_TEST(unknown_bytes_stay_unknown)
{
	struct import_flow f = line("m1", "10.0.0.1", "m2", "10.0.0.2", 5);

	f.c.has_bytes = false;
	f.c.bytes_to_server = f.c.bytes_to_client = 0;
	import_one("one", &f);
	kit_expect(&kit, "m1/ -> m2/ :80 opens 5 import\n");
}
END_TEST

START_TEST(two_sides_count_once)
{
	struct import_flow client =
		between(line("m1", "10.0.0.1", "", "10.0.0.2", 5), "a", "");
	struct import_flow server =
		between(line("", "10.0.0.1", "m2", "10.0.0.2", 6), "", "b");

	client.witnesses = 1 << WITNESS_CLIENT;
	server.witnesses = 1 << WITNESS_SERVER;
	if (_i) {
		import_one("server", &server);
		kit_expect(&kit, "10.0.0.1/ -> m2/b :80 opens 6 bytes 600+60 server,import\n");
		import_one("client", &client);
	} else {
		import_one("client", &client);
		import_one("server", &server);
	}
	kit_expect(&kit, "m1/a -> m2/b :80 opens 5 bytes 500+50 client,server,import\n");
	server.first = 2001; /* another time: other connections */
	server.last = 3000;
	import_one("later", &server);
	kit_expect(&kit, "m1/a -> m2/b :80 opens 11 bytes 1100+110 client,server,import\n");
}
END_TEST

START_TEST(one_source_is_joined_already)
{
	struct import_flow client =
		between(line("m1", "10.0.0.1", "m2", "10.0.0.2", 5), "a", "b");
	struct import_flow server =
		between(line("m1", "10.0.0.1", "m2", "10.0.0.2", 2), "c", "b");
	struct import *im = kit_import(&kit, "one");

	client.witnesses = 1 << WITNESS_CLIENT | 1 << WITNESS_SERVER;
	server.witnesses = 1 << WITNESS_SERVER;
	put(im, &client);
	put(im, &server);
	kit_commit(im);
	kit_expect(&kit, "m1/a -> m2/b :80 opens 5 bytes 500+50 client,server,import\n"
			 "m1/c -> m2/b :80 opens 2 bytes 200+20 server,import\n");
}
END_TEST

START_TEST(spans_by_rank)
{
	const struct span list[] = {
		{ .origin = -1, .witnesses = 1 << WITNESS_CLIENT, .first = 10, .last = 20 },
		{ .origin = -2, .witnesses = 1 << WITNESS_SERVER, .first = 20, .last = 30 },
		{ .origin = -3, .witnesses = 1 << WITNESS_MIRROR, .first = 25, .last = 26 },
		{ .origin = -4, .witnesses = 1 << WITNESS_IMPORT, .first = 10, .last = 90 },
		{ .origin = -1, .witnesses = 1 << WITNESS_MIRROR, .first = 12, .last = 13 },
		{ .origin = -5, .witnesses = 1 << WITNESS_SERVER },
	};
	const bool want[] = { true, false, false, true, false, false };

	for (size_t i = 0; i < 6; i++)
		ck_assert_msg(span_counts(&list[i], list, 6) == want[i], "span %zu", i);
	ck_assert(span_counts(&list[1], list + 1, 5));
}
END_TEST

START_TEST(ids_win_over_addresses)
{
	struct import *im = kit_import(&kit, "one");
	struct import_flow f = line("", "10.0.0.1", "m3", "10.0.0.2", 1);

	put(im, &f); /* no id: whoever holds the address */
	f = line("m9", "10.0.0.1", "m3", "10.0.0.2", 2);
	put(im, &f); /* the id says it is another, which has no line */
	f = line("m1", "", "m3", "", 4);
	put(im, &f); /* no addresses at all */
	put_machine(im, "m1", "web", "10.0.0.1");
	put_machine(im, "m2", "db", "10.0.0.2");
	kit_commit(im);
	kit_expect(&kit, "m9/ -> m3/ :80 opens 2 bytes 200+20 import\n"
			 "m1/ -> m3/ :80 opens 4 bytes 400+40 import\n"
			 "m1/ -> m3/ :80 opens 1 bytes 100+10 import\n");
}
END_TEST

START_TEST(machines_may_come_later)
{
	struct import_flow f = line("m1", "10.0.0.1", "m2", "10.0.0.2", 1);
	struct import_flow bare = line("", "10.0.0.1", "", "10.0.0.2", 2);
	struct import *im;

	import_one("flows", &bare);
	kit_expect(&kit, "10.0.0.1/ -> 10.0.0.2/ :80 opens 2 bytes 200+20 import\n");
	import_one("more", &f);
	kit_expect(&kit, "m1/ -> m2/ :80 opens 3 bytes 300+30 import\n");
	im = kit_import(&kit, "machines");
	put_machine(im, "m1", "web", "10.0.0.1");
	kit_commit(im);
	kit_expect(&kit, "m1/ -> m2/ :80 opens 3 bytes 300+30 import\n");
}
END_TEST

START_TEST(loopback_stays_on_its_machine)
{
	struct import_flow f =
		between(line("m1", "127.0.0.1", "m1", "127.0.0.1", 1), "a", "b");
	struct import *im = kit_import(&kit, "one");

	put(im, &f);
	f = between(line("m2", "127.0.0.1", "", "127.0.0.1", 2), "a", "b");
	put(im, &f);
	f = between(line("", "127.0.0.1", "", "127.0.0.1", 4), "a", "b");
	put(im, &f);
	kit_commit(im);
	kit_expect(&kit, "127.0.0.1/a -> 127.0.0.1/b :80 opens 4 bytes 400+40 import\n"
			 "m1/a -> m1/b :80 opens 1 bytes 100+10 import\n"
			 "m2/a -> m2/b :80 opens 2 bytes 200+20 import\n");
}
END_TEST

START_TEST(an_unknown_process_makes_no_second_edge)
{
	struct import_flow known =
		between(line("m1", "10.0.0.1", "m2", "10.0.0.2", 1), "a", "b");
	struct import_flow half = between(known, "a", ""), none = between(known, "", "");

	import_one("none", &none);
	import_one("half", &half);
	kit_expect(&kit, "m1/a -> m2/ :80 opens 2 bytes 200+20 import\n");
	import_one("known", &known);
	kit_expect(&kit, "m1/a -> m2/b :80 opens 3 bytes 300+30 import\n");
}
END_TEST

START_TEST(a_sensor_and_a_file)
{
	struct kit_flow curl = { .client = "10.0.0.1",
				 .server = "10.0.0.2",
				 .client_name = "curl",
				 .opens = 5,
				 .live = 2,
				 .witness = WITNESS_CLIENT };
	struct import_flow f = line("b", "10.0.0.3", "a", "10.0.0.1", 1);
	struct import *im;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	im = kit_import(&kit, "one");
	put_machine(im, "a", "other-name", "10.9.9.9");
	put_machine(im, "c", "thief", "10.0.0.1");
	put(im, &f);
	kit_commit(im);
	kit_flow(&kit, &curl);
	curl.client = "10.9.9.9"; /* an address that only the file gave it */
	kit_flow(&kit, &curl);
	kit_send(&kit, "A");
	kit_expect(&kit, "a/curl -> 10.0.0.2/ :80 opens 5 bytes 500+50 live 2 client\n"
			 "b/ -> a/ :80 opens 1 bytes 100+10 import\n");
	ck_assert_uint_eq(kit_health(&kit).quarantined, 1);
}
END_TEST

START_TEST(senseless_lines_are_refused_alone)
{
	struct import_flow good = line("m1", "10.0.0.1", "m2", "10.0.0.2", 1), f;
	struct import *im = kit_import(&kit, "one");
	const char *ip = "10.0.0.300";
	struct import_machine m = { "m", "", "", "", "", "", &ip, 1, false, 0, 0, "" };
	struct err e = { 0 };

	f = line("", "", "m2", "10.0.0.2", 1);
	ck_assert_int_eq(import_flow(im, &f, &e), -EINVAL);
	f = line("m1", "elsewhere", "m2", "10.0.0.2", 1);
	ck_assert_int_eq(import_flow(im, &f, &e), -EINVAL);
	ck_assert_str_eq(e.msg, "\"elsewhere\" is no address of an end");
	f = line("m1", "0.0.0.0", "m2", "10.0.0.2", 1);
	ck_assert_int_eq(import_flow(im, &f, &e), -EINVAL);
	f = good;
	f.last = 1;
	ck_assert_int_eq(import_flow(im, &f, &e), -EINVAL);
	f = good;
	f.c.opens = UINT64_MAX;
	ck_assert_int_eq(import_flow(im, &f, &e), -EINVAL);
	ck_assert_int_eq(import_machine(im, &m, &e), -EINVAL);
	m.id = "";
	ck_assert_int_eq(import_machine(im, &m, &e), -EINVAL);
	put(im, &good);
	kit_commit(im);
	kit_expect(&kit, "m1/ -> m2/ :80 opens 1 bytes 100+10 import\n");
}
END_TEST

/* Shuffled lines give the same, to the byte and to the number of the edge. */

enum { LINES = 400 };
static char names[LINES][32];

static struct import_flow some_line(unsigned i)
{
	static const char *const extra[] = { "", "{\"a\":1}", "{\"b\":2}" };
	unsigned r = i * 2654435761u;
	struct import_flow f;

	snprintf(names[i], sizeof(names[i]), "10.0.%u.%u", r % 3, r / 7 % 5);
	f = line(r % 5 ? (r % 2 ? "m1" : "m2") : "", names[i], r % 3 ? "m4" : "",
		 r % 4 ? "10.1.1.1" : (r % 3 ? "" : "10.1.1.2"), 1 + r % 9);
	f.client.name = r % 11 > 6 ? "java" : r % 11 > 3 ? "python3" : "";
	f.client.app = r % 2 ? "kafka.Kafka" : "Main";
	f.server.name = r % 13 > 5 ? "postgres" : r % 13 > 3 ? "nginx" : "";
	f.witnesses = r / 17 % 8 << 1;
	f.first = 1000 + r % 10;
	f.last = 2000 + r % 20;
	f.live = r % 3;
	f.extra = extra[r % 3];
	return f;
}

static int put_all(const struct edge_row *r, void *ctx)
{
	struct buf *b = ctx;

	buf_printf(b, "%lld %s %s %s %s | %s %s %s %s | %llu %llu %lld %lld %s\n",
		   (long long)r->edge, r->client.id ? r->client.id : "-", r->client.ip,
		   r->client.process.name, r->client.process.app,
		   r->server.id ? r->server.id : "-", r->server.ip, r->server.process.name,
		   r->server.process.app, (unsigned long long)r->c.opens,
		   (unsigned long long)r->live, (long long)r->first, (long long)r->last,
		   r->extra);
	return 0;
}

static char *imported_in_order(const unsigned *order)
{
	static const struct filter all;
	struct buf b = { 0 };
	struct import *im;

	setup();
	im = kit_import(&kit, "one");
	for (unsigned i = 0; i < LINES; i++) {
		struct import_flow f = some_line(order[i]);

		put(im, &f);
		if (order[i] % 40 == 0)
			put_machine(im, order[i] % 80 ? "m1" : "m3", order[i] % 3 ? "x" : "y",
				    names[order[i]]);
	}
	kit_commit(im);
	ck_assert_int_eq(query_edges(kit.s, &all, put_all, &b, NULL), 0);
	teardown();
	return buf_take(&b);
}

START_TEST(order_does_not_matter)
{
	unsigned order[LINES];
	char *want, *got;

	for (unsigned i = 0; i < LINES; i++)
		order[i] = i;
	want = imported_in_order(order);
	ck_assert_uint_gt(strlen(want), 5000);
	srand(1);
	for (int round = 0; round < 5; round++) {
		for (unsigned i = LINES - 1; i > 0; i--) {
			unsigned j = (unsigned)rand() % (i + 1), t = order[i];

			order[i] = order[j];
			order[j] = t;
		}
		got = imported_in_order(order);
		ck_assert_msg(strcmp(got, want) == 0, "round %d differs", round);
		free(got);
	}
	free(want);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("import"), *bare = tcase_create("shuffled");
	Suite *s = suite_create("import");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_same_bytes_count_once);
	tcase_add_test(t, what_is_aborted_never_was);
	tcase_add_test(t, equal_lines_add_up);
	tcase_add_test(t, unknown_bytes_stay_unknown);
	tcase_add_loop_test(t, two_sides_count_once, 0, 2);
	tcase_add_test(t, one_source_is_joined_already);
	tcase_add_test(t, spans_by_rank);
	tcase_add_test(t, ids_win_over_addresses);
	tcase_add_test(t, machines_may_come_later);
	tcase_add_test(t, loopback_stays_on_its_machine);
	tcase_add_test(t, an_unknown_process_makes_no_second_edge);
	tcase_add_test(t, a_sensor_and_a_file);
	tcase_add_test(t, senseless_lines_are_refused_alone);
	tcase_add_test(bare, order_does_not_matter);
	tcase_set_timeout(bare, 120);
	suite_add_tcase(s, t);
	suite_add_tcase(s, bare);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}

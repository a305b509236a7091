/* SPDX-License-Identifier: Apache-2.0 */
#include "store/query.h"

#include "store/known.h"
#include "store/window.h"
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

static void flow(const char *client, const char *server, const char *name, unsigned minute,
		 uint64_t opens)
{
	struct kit_flow f = { .client = client,
			      .server = server,
			      .client_name = name,
			      .minute = minute,
			      .opens = opens,
			      .witness = WITNESS_CLIENT };

	kit_flow(&kit, &f);
	kit_cover(&kit, minute, 0, 60);
	kit_send(&kit, "A");
}

START_TEST(filters)
{
	const struct filter by_id = { .machine = "a" }, by_ip = { .machine = "10.0.0.2" };
	const struct filter by_process = { .process = "wget" }, unknown = { .process = "" };
	const struct filter by_port = { .port = 81 }, none = { .machine = "10.0.0" };
	const char *curl = "a/curl -> 10.0.0.2/ :80 opens 1 bytes 100+10 client\n";
	const char *wget = "a/wget -> 10.0.0.3/ :80 opens 2 bytes 200+20 client\n";
	char *both = xasprintf("%s%s", curl, wget);

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	flow("10.0.0.1", "10.0.0.3", "wget", 0, 2);
	flow("10.0.0.1", "10.0.0.2", "curl", 0, 1);
	kit_expect(&kit, both);
	kit_expect_in(&kit, &by_id, both);
	kit_expect_in(&kit, &by_ip, curl);
	kit_expect_in(&kit, &by_process, wget);
	kit_expect_in(&kit, &unknown, both);
	kit_expect_in(&kit, &by_port, "");
	kit_expect_in(&kit, &none, "");
	free(both);
}
END_TEST

/* Four days of one open a minute now and then; every window must equal a plain sum. */
START_TEST(windows_add_up)
{
	static const unsigned at[] = { 0,    1,	   59,	 60,   61,   719,  720,
				       721,  1439, 1440, 2159, 2160, 2161, 2879,
				       2880, 3600, 3601, 4319, 4320, 5000 };
	const int64_t start = KIT_NOW / 1000;
	enum { N = sizeof(at) / sizeof(*at) };

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	for (unsigned i = 0; i < N; i++) {
		struct kit_flow f = { .client = "10.0.0.1",
				      .server = "10.0.0.2",
				      .client_name = "x",
				      .minute = at[i],
				      .opens = 1u << i,
				      .witness = WITNESS_CLIENT };
		struct wire_batch b;

		kit_flow(&kit, &f);
		b = kit_batch(&kit, 2, i + 1);
		kit_apply(&kit, "A", &b, KIT_NOW + (uint64_t)at[i] * KIT_MINUTE);
		wire_writer_begin(&kit.w, KIT_NOW);
	}
	srand((unsigned)_i);
	for (unsigned round = 0; round < 60; round++) {
		unsigned a = (unsigned)rand() % 5100, b = (unsigned)rand() % 5100;
		struct filter f = { .since = a ? start + a * 60 + 59 * (round & 1) : 0,
				    .until = b > a ? start + b * 60 : 0 };
		uint64_t want = 0;
		char *text;

		for (unsigned i = 0; i < N; i++)
			if (at[i] >= a && (!f.until || at[i] < b))
				want |= 1u << i;
		text = want ? xasprintf(
				      "a/x -> 10.0.0.2/ :80 opens %llu bytes %llu+%llu client\n",
				      (unsigned long long)want, (unsigned long long)want * 100,
				      (unsigned long long)want * 10)
			    : xstrdup("");
		kit_expect_in(&kit, &f, text);
		free(text);
	}
}
END_TEST

/* Each minute of a window is in exactly one part. */
START_TEST(windows_are_cut_without_gaps)
{
	static const int64_t unit[] = { 1, 60, 1440 };

	srand((unsigned)_i);
	for (int round = 0; round < 2000; round++) {
		int64_t a = rand() % 9000, b = a + rand() % 6000, sum = 0;
		struct window_part part[WINDOW_PARTS];
		unsigned n = window_split(a * 60, b * 60, part);

		if (!b)
			continue;
		for (unsigned i = 0; i < n; i++) {
			int64_t u = unit[part[i].level];

			ck_assert_int_ge(part[i].from * u, a);
			ck_assert_int_le(part[i].to * u, b);
			sum += (part[i].to - part[i].from) * u;
			for (unsigned j = 0; j < i; j++)
				ck_assert(
					part[j].to * unit[part[j].level] <= part[i].from * u ||
					part[i].to * u <= part[j].from * unit[part[j].level]);
		}
		ck_assert_int_eq(sum, b - a);
	}
}
END_TEST

static int put_machine(const struct machine_row *m, void *ctx)
{
	struct buf *b = ctx;

	buf_printf(b, "%s %s %s sensor %d cores %u %lld..%lld [", m->id, m->name, m->os,
		   m->sensor, m->cores, (long long)m->first, (long long)m->last);
	for (unsigned i = 0; i < m->ips_n; i++)
		buf_printf(b, "%s%s", i ? " " : "", m->ips[i]);
	buf_printf(b, "]%s\n", m->extra);
	return 0;
}

static void expect_machines(const struct filter *f, const char *want)
{
	struct buf b = { 0 };
	struct err e = { 0 };

	ck_assert_msg(query_machines(kit.s, f, put_machine, &b, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(buf_cstr(&b), want);
	buf_fini(&b);
}

START_TEST(machines)
{
	static const char *const ips[] = { "10.0.0.9", "10.0.0.10", "127.0.0.1" };
	struct import_machine m = { "m2", "db", "linux", "", "", "ams",
				    ips,  3,	false,	 4,  0,	 "{}" };
	const struct filter all = { 0 }, by_ip = { .machine = "10.0.0.9" };
	const char *a = "a a Linux sensor 1 cores 0 1767268800..1767268850 [10.0.0.1]\n";
	const char *db = "m2 db linux sensor 0 cores 4 0..0 [10.0.0.9 10.0.0.10]{}\n";
	struct import *im;
	char *both = xasprintf("%s%s", a, db);

	expect_machines(&all, "");
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	flow("10.0.0.1", "10.0.0.3", "wget", 0, 2);
	im = kit_import(&kit, "one");
	ck_assert_int_eq(import_machine(im, &m, NULL), 0);
	kit_commit(im);
	expect_machines(&all, both);
	expect_machines(&by_ip, db);
	free(both);
}
END_TEST

/* Without the dates that edges tell, only what the machine's own sensor said. */
START_TEST(machines_without_dates)
{
	const struct filter all = { 0 }, undated = { .undated = true };
	struct import_machine m = { "m2", "db", "", "", "", "", NULL, 0, false, 0, 0, "" };
	struct import_flow f = { .client_id = "m2",
				 .server_ip = "10.0.0.9",
				 .server_id = "",
				 .client_ip = "",
				 .proto = PROTO_TCP,
				 .port = 80,
				 .first = 100,
				 .last = 200,
				 .extra = "" };
	struct import *im = kit_import(&kit, "one");

	f.client = f.server = (struct process){ "", "", "", "", "", "" };
	ck_assert_int_eq(import_machine(im, &m, NULL), 0);
	ck_assert_int_eq(import_flow(im, &f, NULL), 0);
	kit_commit(im);
	expect_machines(&all, "m2 db  sensor 0 cores 0 100..200 []\n");
	expect_machines(&undated, "m2 db  sensor 0 cores 0 0..0 []\n");
}
END_TEST

/* Numbers that are missing in the dictionary are no reason to take another's row. */
START_TEST(ids_with_gaps)
{
	struct known_machine m[] = { { .id = 3 }, { .id = 4 }, { .id = 7 }, { .id = 1000 } };
	struct known k = { .machine = m, .machine_n = 4 };
	static const int64_t there[] = { 3, 4, 7, 1000 };
	static const int64_t not_there[] = {
		0, 2, 5, 6, 8, 999, 1001, -3, INT64_MIN, INT64_MAX
	};

	for (size_t i = 0; i < 4; i++)
		ck_assert_ptr_eq(known_machine(&k, there[i]), &m[i]);
	for (size_t i = 0; i < sizeof(not_there) / sizeof(*not_there); i++)
		ck_assert_ptr_null(known_machine(&k, not_there[i]));
	k.machine_n = 0;
	ck_assert_ptr_null(known_machine(&k, 3));
}
END_TEST

static int put_listener(const struct listener_row *l, void *ctx)
{
	buf_printf(ctx, "%s %s %s:%u%s\n", l->machine, l->process.name, l->ip, l->port,
		   l->current ? "" : " gone");
	return 0;
}

static void expect_listeners(const struct filter *f, const char *want)
{
	struct buf b = { 0 };
	struct err e = { 0 };

	ck_assert_msg(query_listeners(kit.s, f, put_listener, &b, &e) == 0, "%s", e.msg);
	ck_assert_str_eq(buf_cstr(&b), want);
	buf_fini(&b);
}

static void write_listener(const char *ip, uint16_t port, const char *name)
{
	struct listener l = { .addr = kit_addr(ip), .port = port, .proto = PROTO_TCP };

	wire_write_listener(&kit.w, &l, kit_process(&kit, name));
}

START_TEST(listeners)
{
	const struct filter all = { 0 }, port = { .port = 22 }, b = { .machine = "b" };

	kit_machine(&kit, "a", "10.0.0.1");
	write_listener("0.0.0.0", 80, "nginx");
	write_listener("10.0.0.1", 22, "sshd");
	kit_send(&kit, "A");
	expect_listeners(&all, "a sshd 10.0.0.1:22\na nginx 0.0.0.0:80\n");
	expect_listeners(&port, "a sshd 10.0.0.1:22\n");
	expect_listeners(&b, "");
	wire_writer_begin(&kit.w, KIT_NOW + 1);
	kit_machine(&kit, "a", "10.0.0.1");
	write_listener("10.0.0.1", 22, "sshd");
	kit_send(&kit, "A");
	expect_listeners(&all, "a sshd 10.0.0.1:22\na nginx 0.0.0.0:80 gone\n");
	write_listener("0.0.0.0", 80, "nginx"); /* of a sensor without machine */
	kit_send(&kit, "C");
	ck_assert_uint_eq(kit_health(&kit).quarantined, 1);
}
END_TEST

static int stop_at_two(const struct edge_row *row, void *ctx)
{
	(void)row;
	return ++*(int *)ctx == 2 ? -77 : 0;
}

START_TEST(a_function_may_end_it)
{
	const struct filter all = { 0 };
	int n = 0;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	flow("10.0.0.1", "10.0.0.3", "a", 0, 2);
	flow("10.0.0.1", "10.0.0.4", "b", 0, 2);
	flow("10.0.0.1", "10.0.0.5", "c", 0, 2);
	ck_assert_int_eq(query_edges(kit.s, &all, stop_at_two, &n, NULL), -77);
	ck_assert_int_eq(n, 2);
	ck_assert_int_eq(store_begin(kit.s, NULL), 0); /* nothing is left open */
	ck_assert_int_eq(store_commit(kit.s, NULL), 0);
}
END_TEST

START_TEST(what_cannot_be_told_apart_is_one)
{
	struct kit_flow f = { .client = "127.0.0.1",
			      .server = "127.0.0.1",
			      .client_name = "x",
			      .server_name = "y",
			      .opens = 1,
			      .witness = WITNESS_CLIENT };

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	for (f.scope = 1; f.scope <= 3; f.scope++)
		kit_flow(&kit, &f);
	kit_send(&kit, "A");
	kit_expect(&kit, "a/x -> a/y :80 opens 3 bytes 300+30 client\n");
}
END_TEST

START_TEST(a_reader_beside_the_writer)
{
	struct kit reader = kit;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	reader.s = store_open(kit.path, STORE_READ, NULL);
	ck_assert(reader.s != NULL);
	ck_assert_int_eq(store_begin(kit.s, NULL), 0);
	kit_expect(&reader, "");
	store_rollback(kit.s);
	flow("10.0.0.1", "10.0.0.3", "wget", 0, 2);
	kit_expect(&reader, "a/wget -> 10.0.0.3/ :80 opens 2 bytes 200+20 client\n");
	ck_assert_int_lt(store_begin(reader.s, NULL), 0);
	store_close(reader.s);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("query");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, filters);
	tcase_add_loop_test(t, windows_add_up, 0, 3);
	tcase_add_loop_test(t, windows_are_cut_without_gaps, 0, 3);
	tcase_add_test(t, machines);
	tcase_add_test(t, machines_without_dates);
	tcase_add_test(t, ids_with_gaps);
	tcase_add_test(t, listeners);
	tcase_add_test(t, a_function_may_end_it);
	tcase_add_test(t, what_cannot_be_told_apart_is_one);
	tcase_add_test(t, a_reader_beside_the_writer);
	return unit_run("query", t);
}

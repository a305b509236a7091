/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/edgetab.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit.h"

enum { BOOT = 1000000, START = 1060000, END = 1070000 };

static struct owner_process curl = { .p = { .name = "curl", .unit = "", .container = "" } },
			    sshd = { .p = { .name = "sshd", .unit = "", .container = "" } };

/* What was emitted, in order. */
static struct {
	struct flow flow[16];
	struct owner_process *owner[16];
	unsigned n;
} got;

static void take(const struct flow *f, struct owner_process *owner, void *ctx)
{
	(void)ctx;
	ck_assert_uint_lt(got.n, 16);
	got.flow[got.n] = *f;
	got.owner[got.n++] = owner;
}

static void emit(struct edgetab *t)
{
	got.n = 0;
	edgetab_emit(t, START, END, take, NULL);
}

static void in_order(const struct flow *f, struct owner_process *owner, void *ctx)
{
	(void)owner;
	(void)ctx;
	ck_assert_uint_eq(f->server.b[14] << 8 | f->server.b[15], got.n++);
	ck_assert_uint_eq(f->c.opens, 2);
}

static struct addr ip(const char *s)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(s, &a), 0);
	return a;
}

static struct edge_key key_of(uint8_t dir, const char *local, const char *remote,
			      uint16_t port)
{
	struct edge_key k = { .born = 1, .tgid = 2, .netns = 3, .port = port, .dir = dir };
	struct addr a = ip(local), b = ip(remote);

	memcpy(k.local, a.b, 16);
	memcpy(k.remote, b.b, 16);
	return k;
}

static struct live_record live_of(const struct edge_key *k, uint64_t tx, uint64_t rx)
{
	return (struct live_record){ .key = *k, .tx = tx, .rx = rx };
}

START_TEST(closed_edges_become_flows)
{
	struct edgetab *t = edgetab_new(8);
	struct edge_key k = key_of(EDGE_CLIENT, "10.0.0.1", "10.0.0.2", 80);
	struct edge_key s = key_of(EDGE_SERVER, "10.0.0.1", "10.0.0.9", 22);
	struct edge_val v = { .tx = 10,
			      .rx = 70,
			      .opens = 3,
			      .refused = 1,
			      .first_ns = 5000000000,
			      .last_ns = 6000000000 };

	edgetab_begin(t, BOOT);
	edgetab_closed(t, &k, &v, &curl);
	edgetab_closed(t, &s, &v, &sshd);
	emit(t);
	ck_assert_uint_eq(got.n, 2);
	ck_assert_int_eq(got.flow[0].witness, WITNESS_CLIENT);
	ck_assert_uint_eq(got.flow[0].c.bytes_to_server, 10);
	ck_assert_uint_eq(got.flow[0].c.bytes_to_client, 70);
	ck_assert_uint_eq(got.flow[0].c.opens, 3);
	ck_assert_uint_eq(got.flow[0].first_ms, BOOT + 5000);
	ck_assert_uint_eq(got.flow[0].last_ms, BOOT + 6000);
	ck_assert_uint_eq(got.flow[0].minute, START / 60000);
	ck_assert_ptr_eq(got.owner[0], &curl);
	ck_assert_int_eq(got.flow[1].witness, WITNESS_SERVER);
	ck_assert_uint_eq(got.flow[1].c.bytes_to_client, 10);
	ck_assert(addr_eq(&got.flow[1].server, (struct addr[]){ ip("10.0.0.1") }));
	ck_assert_uint_eq(edgetab_count(t), 0);
	edgetab_free(t);
}
END_TEST

START_TEST(pids_of_one_identity_are_one_edge)
{
	struct edgetab *t = edgetab_new(8);
	struct edge_key a = key_of(EDGE_CLIENT, "10.0.0.1", "10.0.0.2", 80), b = a;
	struct edge_val v = { .opens = 1 };

	b.tgid = 77;
	b.netns = 78;
	edgetab_begin(t, BOOT);
	edgetab_closed(t, &a, &v, &curl);
	edgetab_closed(t, &b, &v, &curl);
	emit(t);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_uint_eq(got.flow[0].c.opens, 2);
	ck_assert_uint_eq(got.flow[0].scope, 0);
	edgetab_free(t);
}
END_TEST

START_TEST(loopback_of_two_namespaces_stays_apart)
{
	struct edgetab *t = edgetab_new(8);
	struct edge_key a = key_of(EDGE_CLIENT, "127.0.0.1", "127.0.0.1", 80), b = a;
	struct edge_val v = { .opens = 1 };

	b.netns = 78;
	edgetab_begin(t, BOOT);
	edgetab_closed(t, &a, &v, &curl);
	edgetab_closed(t, &b, &v, &curl);
	emit(t);
	ck_assert_uint_eq(got.n, 2);
	ck_assert_uint_eq(got.flow[0].scope, 3);
	ck_assert_uint_eq(got.flow[1].scope, 78);
	edgetab_free(t);
}
END_TEST

START_TEST(open_connections_give_deltas)
{
	struct edgetab *t = edgetab_new(8);
	struct edge_key k = key_of(EDGE_CLIENT, "10.0.0.1", "10.0.0.2", 80);
	struct edge_val v = { .tx = 150, .rx = 20, .closes = 1 };
	struct live_record r = live_of(&k, 100, 10);

	edgetab_begin(t, BOOT);
	edgetab_live(t, &r, &curl);
	emit(t);
	ck_assert_uint_eq(got.flow[0].c.bytes_to_server, 100);
	ck_assert_uint_eq(got.flow[0].live, 1);
	ck_assert_uint_eq(got.flow[0].c.opens, 0);

	edgetab_begin(t, BOOT);
	edgetab_live(t, &r, &curl);
	emit(t);
	ck_assert_uint_eq(got.n, 0); /* nothing new */

	edgetab_begin(t, BOOT);
	edgetab_closed(t, &k, &v, &curl);
	emit(t);
	ck_assert_uint_eq(got.flow[0].c.bytes_to_server, 50);
	ck_assert_uint_eq(got.flow[0].c.bytes_to_client, 10);
	ck_assert_uint_eq(got.flow[0].live, 0);
	ck_assert_uint_eq(edgetab_count(t), 0);
	edgetab_free(t);
}
END_TEST

/* It closed while the open ones were read: neither open nor, until the next time, closed. */
START_TEST(a_close_between_is_made_up_for)
{
	struct edgetab *t = edgetab_new(8);
	struct edge_key k = key_of(EDGE_CLIENT, "10.0.0.1", "10.0.0.2", 80);
	struct edge_val v = { .tx = 150, .closes = 1 };
	struct live_record r = live_of(&k, 100, 0);
	uint64_t sum = 0;

	for (int interval = 0; interval < 3; interval++) {
		edgetab_begin(t, BOOT);
		if (interval == 0)
			edgetab_live(t, &r, &curl);
		if (interval == 2)
			edgetab_closed(t, &k, &v, &curl);
		emit(t);
		for (unsigned i = 0; i < got.n; i++)
			sum += got.flow[i].c.bytes_to_server;
	}
	ck_assert_uint_eq(sum, 150);
	ck_assert_uint_eq(edgetab_count(t), 0);
	edgetab_free(t);
}
END_TEST

/* Random lives of connections, read and drained at random moments: the sums are exact. */
START_TEST(sums_are_exact)
{
	enum { CONNECTIONS = 40, INTERVALS = 200 };
	struct {
		uint64_t tx;
		bool open;
	} c[CONNECTIONS] = { 0 };
	struct edgetab *t = edgetab_new(8);
	struct edge_key k = key_of(EDGE_SERVER, "10.0.0.1", "10.0.0.2", 80);
	uint64_t truth = 0, sum = 0;

	srand(_i + 1);
	for (int interval = 0; interval < INTERVALS + 3; interval++) {
		struct edge_val v = { 0 };

		edgetab_begin(t, BOOT);
		for (int i = 0; i < CONNECTIONS; i++) {
			uint64_t more = (uint64_t)rand() % 1000;

			if (interval >= INTERVALS)
				more = 0;
			else if (!c[i].open && rand() % 4 == 0)
				c[i].open = true, c[i].tx = 0;
			if (!c[i].open)
				continue;
			c[i].tx += more;
			truth += more;
			if (interval < INTERVALS && rand() % 3) {
				struct live_record r = live_of(&k, c[i].tx, 0);

				edgetab_live(t, &r, &sshd);
			} else {
				v.tx += c[i].tx;
				v.closes++;
				c[i].open = false;
			}
		}
		edgetab_closed(t, &k, &v, &sshd);
		emit(t);
		for (unsigned i = 0; i < got.n; i++)
			sum += got.flow[i].c.bytes_to_client;
	}
	ck_assert_uint_eq(sum, truth);
	edgetab_free(t);
}
END_TEST

/* Openings are made up like bytes: those of open connections are in every record of them. */
START_TEST(an_opening_counts_once)
{
	struct edgetab *t = edgetab_new(8);
	struct edge_key k = key_of(EDGE_CLIENT, "10.0.0.1", "10.0.0.2", 80);
	struct edge_val closed = { .opens = 2, .closes = 2, .last_ns = 65000000000 };
	struct live_record r = live_of(&k, 0, 0);
	unsigned opens[4] = { 0 };

	r.opened = 1;
	r.client_port = 40000;
	r.start_ms = 61000;
	for (int interval = 0; interval < 4; interval++) {
		edgetab_begin(t, BOOT);
		if (interval < 2)
			edgetab_live(t, &r, &curl);
		if (interval == 3) /* in interval 2 it was neither open nor closed */
			edgetab_closed(t, &k, &closed, &curl);
		emit(t);
		for (unsigned i = 0; i < got.n; i++)
			opens[interval] += (unsigned)got.flow[i].c.opens;
		if (interval == 0) {
			ck_assert_uint_eq(got.flow[0].samples_n, 1);
			ck_assert_uint_eq(got.flow[0].samples[0].client_port, 40000);
			ck_assert_uint_eq(got.flow[0].samples[0].start_ms, BOOT + 61000);
		}
		if (interval == 1)
			ck_assert_uint_eq(got.n, 0);
	}
	ck_assert_uint_eq(opens[0], 1);
	ck_assert_uint_eq(opens[2], 0);
	ck_assert_uint_eq(opens[3], 1);
	ck_assert_uint_eq(edgetab_count(t), 0);
	edgetab_free(t);
}
END_TEST

/* Whose it is will be known when somebody reads: until then it is nobody's. */
START_TEST(what_waits_for_its_reader_is_not_told)
{
	struct edgetab *t = edgetab_new(8);
	struct edge_key k = key_of(EDGE_SERVER, "10.0.0.1", "10.0.0.2", 80);
	struct live_record r = live_of(&k, 7, 7);

	r.untold = 1;
	edgetab_begin(t, BOOT);
	edgetab_live(t, &r, &sshd);
	emit(t);
	ck_assert_uint_eq(got.n, 0);
	ck_assert_uint_eq(edgetab_count(t), 0);
	edgetab_free(t);
}
END_TEST

/* What was told of the listener stays with it when a reader comes late. */
START_TEST(a_late_reader_takes_the_rest)
{
	struct edgetab *t = edgetab_new(8);
	struct edge_key k = key_of(EDGE_SERVER, "10.0.0.1", "10.0.0.2", 80);
	struct edge_val settled = { .opens = 1, .tx = 100 }, end = { .closes = 1, .tx = 50 };
	struct live_record r = live_of(&k, 100, 0);
	uint64_t opens[2] = { 0 }, bytes[2] = { 0 };

	for (int interval = 0; interval < 4; interval++) {
		edgetab_begin(t, BOOT);
		r.opened = interval == 0;
		r.tx = interval == 0 ? 100 : 30;
		if (interval < 3)
			edgetab_live(t, &r, interval ? &curl : &sshd);
		if (interval == 1)
			edgetab_closed(t, &k, &settled, &sshd);
		if (interval == 3)
			edgetab_closed(t, &k, &end, &curl);
		emit(t);
		for (unsigned i = 0; i < got.n; i++) {
			opens[got.owner[i] == &curl] += got.flow[i].c.opens;
			bytes[got.owner[i] == &curl] += got.flow[i].c.bytes_to_client;
		}
	}
	ck_assert_uint_eq(opens[0], 1);
	ck_assert_uint_eq(opens[1], 0);
	ck_assert_uint_eq(bytes[0], 100);
	ck_assert_uint_eq(bytes[1], 50);
	edgetab_free(t);
}
END_TEST

static struct edge_key nth(unsigned i)
{
	struct edge_key k = key_of(EDGE_CLIENT, "10.0.0.1", "127.1.0.0", 80);

	k.remote[14] = (uint8_t)(i >> 8);
	k.remote[15] = (uint8_t)i;
	return k;
}

/*
 * More edges than the table begins with, which differ in the last bytes of an address only, as
 * those of a subnet do: all are found again, soon, and told in order.
 */
START_TEST(many_edges_are_found_again)
{
	enum { MANY = 60000 };
	struct edgetab *t = edgetab_new(MANY);
	struct edge_val v = { .opens = 1 };
	clock_t began = clock();

	for (int twice = 0; twice < 2; twice++)
		for (unsigned i = 0; i < MANY; i++) {
			struct edge_key k = nth(i);

			edgetab_closed(t, &k, &v, &curl);
		}
	ck_assert_int_lt((clock() - began) / CLOCKS_PER_SEC, 3);
	ck_assert_uint_eq(edgetab_count(t), MANY);
	ck_assert_uint_eq(edgetab_overflow(t), 0);
	got.n = 0;
	edgetab_emit(t, START, END, in_order, NULL);
	ck_assert_uint_eq(got.n, MANY);
	ck_assert_uint_eq(edgetab_count(t), 0);
	edgetab_free(t);
}
END_TEST

START_TEST(both_ends_keep_the_same_samples)
{
	struct edgetab *t = edgetab_new(8);
	struct edge_key c = key_of(EDGE_CLIENT, "10.0.0.1", "10.0.0.2", 80);
	struct edge_key s = key_of(EDGE_SERVER, "10.0.0.2", "10.0.0.1", 80);

	edgetab_begin(t, BOOT);
	for (unsigned i = 0; i < 50; i++) {
		struct edge_val v = { .opens = 1 }, w = v;

		v.sample[0] = (struct edge_sample){ .port = (uint16_t)(40000 + i), .used = 1 };
		w.sample[0] = (struct edge_sample){ .port = (uint16_t)(40049 - i), .used = 1 };
		edgetab_closed(t, &c, &v, &curl);
		edgetab_closed(t, &s, &w, &sshd);
	}
	emit(t);
	ck_assert_uint_eq(got.n, 2);
	ck_assert_uint_eq(got.flow[0].samples_n, FLOW_SAMPLES);
	for (int i = 0; i < FLOW_SAMPLES; i++)
		ck_assert_uint_eq(got.flow[0].samples[i].client_port,
				  got.flow[1].samples[i].client_port);
	edgetab_free(t);
}
END_TEST

/* The same port over TCP and UDP is two edges; amounts that nobody knows are not zero. */
START_TEST(udp_is_apart)
{
	struct edgetab *t = edgetab_new(8);
	struct edge_key k = key_of(EDGE_CLIENT, "10.0.0.1", "10.0.0.2", 53), u = k;
	struct edge_val v = { .opens = 1, .tx = 5 };
	struct edge_val w = { .opens = 2, .no_bytes = 1, .last_ns = 1000000 };

	u.proto = PROTO_UDP;
	edgetab_begin(t, BOOT);
	edgetab_closed(t, &u, &w, &curl);
	edgetab_closed(t, &k, &v, &curl);
	emit(t);
	ck_assert_uint_eq(got.n, 2);
	ck_assert_uint_eq(got.flow[0].proto, PROTO_TCP);
	ck_assert(got.flow[0].c.has_bytes);
	ck_assert_uint_eq(got.flow[1].proto, PROTO_UDP);
	ck_assert(!got.flow[1].c.has_bytes);
	ck_assert_uint_eq(got.flow[1].c.opens, 2);
	edgetab_free(t);
}
END_TEST

START_TEST(a_full_table_is_counted)
{
	struct edgetab *t = edgetab_new(2);
	struct edge_val v = { .opens = 1 };

	edgetab_begin(t, BOOT);
	for (uint16_t port = 1; port <= 5; port++) {
		struct edge_key k = key_of(EDGE_CLIENT, "10.0.0.1", "10.0.0.2", port);

		edgetab_closed(t, &k, &v, &curl);
	}
	ck_assert_uint_eq(edgetab_overflow(t), 3);
	ck_assert_uint_eq(edgetab_overflow(t), 0);
	edgetab_free(t);
}
END_TEST

/* Master and worker of one service: one edge, told as the one that was seen last. */
START_TEST(one_identity_is_one_edge)
{
	struct edgetab *t = edgetab_new(10);
	struct owner_process master = {
		.p = { .name = "nginx", .unit = "", .container = "" }
	};
	struct owner_process worker = master;
	struct edge_key k = key_of(EDGE_SERVER, "10.0.0.1", "10.0.0.2", 80);
	struct live_record a = live_of(&k, 0, 0);

	master.same = worker.same = &master;
	edgetab_begin(t, BOOT);
	edgetab_live(t, &a, &master);
	edgetab_live(t, &a, &worker);
	emit(t);
	ck_assert_uint_eq(got.n, 1);
	ck_assert_uint_eq(got.flow[0].live, 2);
	ck_assert_ptr_eq(got.owner[0], &worker);
	edgetab_free(t);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, closed_edges_become_flows);
	tcase_add_test(t, pids_of_one_identity_are_one_edge);
	tcase_add_test(t, loopback_of_two_namespaces_stays_apart);
	tcase_add_test(t, open_connections_give_deltas);
	tcase_add_test(t, a_close_between_is_made_up_for);
	tcase_add_loop_test(t, sums_are_exact, 0, 20);
	tcase_add_test(t, an_opening_counts_once);
	tcase_add_test(t, what_waits_for_its_reader_is_not_told);
	tcase_add_test(t, a_late_reader_takes_the_rest);
	tcase_add_test(t, many_edges_are_found_again);
	tcase_add_test(t, both_ends_keep_the_same_samples);
	tcase_add_test(t, udp_is_apart);
	tcase_add_test(t, a_full_table_is_counted);
	tcase_add_test(t, one_identity_is_one_edge);
	return unit_run("edgetab", t);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The table of connections: which packet is of which, when one is over, and who is the client.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "sensor/mirror/connections.h"
#include "sensor/mirror/flowtab.h"
#include "sensor/mirror/holes.h"
#include "tests/unit.h"

#define SECOND 1000000000ull
#define BEGIN (1700000000 * SECOND)

enum { MAX_TOLD = FLOWTAB_OVER + 1024 };

struct told {
	enum flow_how how;
	enum conn_state state;
	uint16_t client_port, server_port;
	uint64_t to_server, to_client;
	uint32_t packets;
};

static struct told told[MAX_TOLD];
static unsigned told_n;
static struct flowtab *table;
static uint64_t now_ns;
static uint32_t ident;

static void on_over(void *ctx, const struct flow_over *f)
{
	const struct conn *c = f->c;

	(void)ctx;
	ck_assert_uint_lt(told_n, MAX_TOLD);
	told[told_n++] = (struct told){ f->how,
					f->state,
					c->port[f->client],
					c->port[!f->client],
					c->side[f->client].bytes,
					c->side[!f->client].bytes,
					c->side[0].packets + c->side[1].packets };
}

static void begin(uint32_t max, uint64_t seed)
{
	const struct flowtab_sink sink = { NULL, on_over };

	told_n = 0;
	now_ns = BEGIN;
	ident = 1;
	table = flowtab_new(max, seed, NULL, &sink);
}

static void setup(void)
{
	begin(1024, 7);
}

static void teardown(void)
{
	flowtab_free(table);
}

static struct packet packet(unsigned client, bool back, uint8_t flags, uint32_t seq,
			    uint32_t ack, uint32_t len)
{
	struct packet p = { .time_ns = now_ns,
			    .src = addr_v4(0x0a000001),
			    .dst = addr_v4(0x0a000002),
			    .src_port = (uint16_t)client,
			    .dst_port = 5432,
			    .proto = 6,
			    .flags = flags,
			    .seq = seq,
			    .ack = ack,
			    .ip_id = ident++,
			    .len = len };

	if (back) {
		struct addr a = p.src;

		p.src = p.dst;
		p.dst = a;
		p.src_port = p.dst_port;
		p.dst_port = (uint16_t)client;
	}
	return p;
}

/* From the client, and from the server. */
static void up(unsigned client, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct packet p = packet(client, false, flags, seq, ack, len);

	flowtab_add(table, &p);
}

static void down(unsigned client, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct packet p = packet(client, true, flags, seq, ack, len);

	flowtab_add(table, &p);
}

static void shake(unsigned client, uint32_t isn)
{
	up(client, TCP_SYN, isn, 0, 0);
	down(client, TCP_SYN | TCP_ACK, isn + 5000, isn + 1, 0);
	up(client, TCP_ACK, isn + 1, isn + 5001, 0);
}

static void finish(unsigned client, uint32_t isn, uint32_t sent)
{
	up(client, TCP_FIN | TCP_ACK, isn + 1 + sent, isn + 5001, 0);
	down(client, TCP_FIN | TCP_ACK, isn + 5001, isn + 2 + sent, 0);
}

static unsigned now_in_table(void)
{
	struct flowtab_counts n;

	flowtab_count(table, &n);
	return n.now;
}

START_TEST(each_byte_counts_once)
{
	shake(40000, 100);
	up(40000, TCP_ACK, 101, 5101, 50);
	up(40000, TCP_ACK, 201, 5101, 50); /* 50 between are missing */
	up(40000, TCP_ACK, 126, 5101, 100);
	up(40000, TCP_ACK, 101, 5101, 150);
	down(40000, TCP_ACK, 5101, 251, 7);
	up(40000, TCP_ACK, 100, 5108, 1); /* a keep-alive lies before the first byte */
	finish(40000, 100, 150);
	flowtab_finish(table);
	ck_assert_uint_eq(told_n, 1);
	ck_assert_uint_eq(told[0].to_server, 150);
	ck_assert_uint_eq(told[0].to_client, 7);
	ck_assert_int_eq(told[0].state, CONN_ESTABLISHED);
}
END_TEST

START_TEST(sequence_numbers_may_wrap)
{
	uint32_t isn = 0xffffff00;

	shake(40000, isn);
	for (uint32_t i = 0; i < 10; i++)
		up(40000, TCP_ACK, isn + 1 + i * 100, isn + 5001, 100);
	flowtab_finish(table);
	ck_assert_uint_eq(told[0].to_server, 1000);
}
END_TEST

START_TEST(a_copy_is_no_packet)
{
	struct packet p;

	shake(40000, 100);
	p = packet(40000, false, TCP_ACK, 101, 5101, 10);
	flowtab_add(table, &p);
	p.tag = 5; /* the mirror of a trunk */
	flowtab_add(table, &p);
	flowtab_finish(table);
	ck_assert_uint_eq(told[0].packets, 4);
	ck_assert_uint_eq(told[0].to_server, 10);
}
END_TEST

START_TEST(a_port_that_is_used_again_is_another_connection)
{
	shake(40000, 100);
	up(40000, TCP_ACK, 101, 5101, 10);
	finish(40000, 100, 10);
	shake(40000, 900000);
	up(40000, TCP_ACK, 900001, 905001, 20);
	flowtab_finish(table);
	ck_assert_uint_eq(told_n, 2);
	ck_assert_uint_eq(told[0].to_server + told[1].to_server, 30);
	ck_assert_uint_ne(told[0].to_server, told[1].to_server);
}
END_TEST

/* The end of what was before, then a handshake; and a refusal that was captured before its
 * SYN. */
START_TEST(a_reset_before_a_syn_is_its_own_only_if_it_refuses_it)
{
	up(40000, TCP_RST | TCP_ACK, 777, 888, 0);
	shake(40000, 100);
	up(40000, TCP_ACK, 101, 5101, 10);
	down(40001, TCP_RST | TCP_ACK, 0, 501, 0);
	up(40001, TCP_SYN, 500, 0, 0);
	flowtab_finish(table);
	ck_assert_uint_eq(told_n, 3);
	for (unsigned i = 0; i < 3; i++)
		if (told[i].client_port == 40001)
			ck_assert_int_eq(told[i].state, CONN_REFUSED);
		else
			ck_assert_int_eq(told[i].state, told[i].to_server ? CONN_ESTABLISHED
									  : CONN_MID_RESET);
}
END_TEST

/* The same four of addresses and ports, at the same time, in two tunnels. */
START_TEST(two_tenants_are_two_connections)
{
	for (int turn = 0; turn < 2; turn++)
		shake(40000, turn ? 0x70000000 : 100);
	for (uint32_t i = 0; i < 5; i++) {
		up(40000, TCP_ACK, 101 + i * 10, 5101, 10);
		up(40000, TCP_ACK, 0x70000001 + i * 30, 0x70001389, 30);
	}
	flowtab_finish(table);
	ck_assert_uint_eq(told_n, 2);
	ck_assert_uint_eq(told[0].to_server + told[1].to_server, 200);
	ck_assert(told[0].to_server == 50 || told[0].to_server == 150);
}
END_TEST

START_TEST(a_listener_is_learnt_before_and_after_the_fact)
{
	up(40001, TCP_ACK, 1, 1, 10);
	down(40001, TCP_ACK, 1, 11, 10);
	shake(40000, 100);
	up(40002, TCP_ACK, 1, 1, 10);
	flowtab_finish(table);
	ck_assert_uint_eq(told_n, 3);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(told[i].server_port, 5432);
		ck_assert_int_eq(told[i].how,
				 told[i].client_port == 40000 ? HOW_SYN : HOW_LEARNED);
	}
}
END_TEST

START_TEST(what_is_over_goes_after_its_linger)
{
	shake(40000, 100);
	finish(40000, 100, 0);
	flowtab_tick(table, BEGIN + (FLOWTAB_LINGER_S - 1) * SECOND);
	ck_assert_uint_eq(told_n, 0);
	flowtab_tick(table, BEGIN + FLOWTAB_LINGER_S * SECOND);
	ck_assert_uint_eq(told_n, 1);
	ck_assert_uint_eq(now_in_table(), 0);
}
END_TEST

START_TEST(hastened_it_goes_sooner_and_guesses_too)
{
	flowtab_hasten(table, 10, 60);
	shake(40000, 100);
	finish(40000, 100, 0);
	up(50100, TCP_RST, 1, 0, 0);
	down(51000, TCP_RST, 1, 0, 0);
	flowtab_tick(table, BEGIN + 9 * SECOND);
	ck_assert_uint_eq(told_n, 0);
	flowtab_tick(table, BEGIN + 10 * SECOND);
	ck_assert_uint_eq(told_n, 3); /* its handshake named the others' listener */
	up(50100, TCP_RST, 1, 0, 0);
	teardown();
	setup();
	flowtab_hasten(table, 10, 60);
	up(50100, TCP_RST, 1, 0, 0);
	flowtab_tick(table, BEGIN + 59 * SECOND);
	ck_assert_uint_eq(told_n, 0);
	flowtab_tick(table, BEGIN + 61 * SECOND);
	ck_assert_uint_eq(told_n, 1);
	ck_assert_int_eq(told[0].how, HOW_PORT);
}
END_TEST

START_TEST(silence_ends_an_attempt_sooner_than_a_connection)
{
	up(40001, TCP_SYN, 1, 0, 0);
	shake(40000, 100);
	flowtab_tick(table, BEGIN + FLOWTAB_HALF_S * SECOND);
	ck_assert_uint_eq(told_n, 1);
	ck_assert_int_eq(told[0].state, CONN_UNANSWERED);
	flowtab_tick(table, BEGIN + (FLOWTAB_IDLE_S - 1) * SECOND);
	ck_assert_uint_eq(told_n, 1);
	flowtab_tick(table, BEGIN + FLOWTAB_IDLE_S * SECOND);
	ck_assert_uint_eq(told_n, 2);
}
END_TEST

START_TEST(a_clock_that_jumps_ends_what_it_passes_and_nothing_breaks)
{
	shake(40000, 100);
	now_ns += 400 * 86400 * SECOND;
	shake(40001, 100);
	ck_assert_uint_eq(told_n, 1);
	now_ns = BEGIN;
	shake(40002, 100);
	up(40001, TCP_ACK, 101, 5101, 3);
	flowtab_finish(table);
	ck_assert_uint_eq(told_n, 3);
}
END_TEST

START_TEST(a_full_table_gives_up_the_oldest_and_says_so)
{
	struct flowtab_counts n;

	for (unsigned i = 0; i < 1500; i++) {
		now_ns += SECOND / 100;
		shake(10000 + i, i * 100000);
	}
	flowtab_count(table, &n);
	ck_assert_uint_eq(n.now, 1024);
	ck_assert_uint_eq(n.peak, 1024);
	ck_assert_uint_eq(n.evicted, 476);
	ck_assert_uint_eq(told_n, 476);
	flowtab_finish(table);
	ck_assert_uint_eq(told_n, 1500);
}
END_TEST

/* Whoever scans ports takes no room from those that talk. */
START_TEST(a_connection_outlives_attempts_where_the_table_is_full)
{
	struct flowtab_counts n;

	shake(40000, 100);
	for (unsigned i = 0; i < 2000; i++) {
		now_ns += SECOND / 50;
		up(1000 + i, TCP_SYN, i * 100000, 0, 0);
		up(40000, TCP_ACK, 101 + i, 5101, 1);
	}
	flowtab_count(table, &n);
	ck_assert_uint_eq(n.now, 1024);
	ck_assert_uint_eq(n.evicted, 977);
	for (unsigned i = 0; i < told_n; i++) {
		ck_assert_uint_ne(told[i].client_port, 40000);
		ck_assert_uint_lt(told[i].client_port, 1000 + 977 + 100); /* two seconds */
	}
	now_ns += SECOND;
	up(40000, TCP_ACK, 2101, 5101, 0);
	flowtab_finish(table);
	ck_assert_uint_eq(told[told_n - 1].client_port, 40000);
	ck_assert_uint_eq(told[told_n - 1].to_server, 2000);
}
END_TEST

START_TEST(a_clock_that_went_back_leaves_somebody_to_give_up)
{
	struct flowtab_counts n;

	now_ns += 100000 * SECOND;
	for (unsigned i = 0; i < 1000; i++)
		shake(10000 + i, i * 100000);
	now_ns -= 99000 * SECOND;
	for (unsigned i = 1000; i < 1100; i++)
		shake(10000 + i, i * 100000);
	flowtab_count(table, &n);
	ck_assert_uint_eq(n.now, 1024);
	ck_assert_uint_eq(n.evicted, 76);
}
END_TEST

START_TEST(who_is_over_makes_room_first_the_oldest_before_others)
{
	struct flowtab_counts n;

	teardown();
	begin(4, 7);
	for (unsigned i = 0; i < 4; i++)
		shake(40000 + i, 100);
	finish(40002, 100, 0);
	finish(40001, 100, 0);
	shake(40004, 100);
	ck_assert_uint_eq(told_n, 1);
	ck_assert_uint_eq(told[0].client_port, 40002);
	shake(40005, 100);
	ck_assert_uint_eq(told_n, 2);
	ck_assert_uint_eq(told[1].client_port, 40001);
	flowtab_count(table, &n);
	ck_assert_uint_eq(n.evicted, 0);
	shake(40006, 100);
	flowtab_count(table, &n);
	ck_assert_uint_eq(n.evicted, 1);
}
END_TEST

START_TEST(so_many_linger_at_most)
{
	teardown();
	begin(65536, 7);
	for (unsigned i = 0; i < FLOWTAB_OVER + 5; i++) {
		up(1000 + i, TCP_SYN, i, 0, 0);
		down(1000 + i, TCP_RST | TCP_ACK, 0, i + 1, 0);
	}
	ck_assert_uint_eq(told_n, 5);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(told[i].client_port, 1000 + i);
		ck_assert_int_eq(told[i].state, CONN_REFUSED);
	}
	flowtab_finish(table);
	ck_assert_uint_eq(told_n, FLOWTAB_OVER + 5);
}
END_TEST

START_TEST(so_many_are_held_back_at_most_then_it_is_a_guess)
{
	teardown();
	begin(65536, 7);
	for (unsigned i = 0; i < FLOWTAB_HELD + 5; i++)
		up(33000 + i, TCP_RST, i, 0, 0);
	flowtab_tick(table, now_ns + FLOWTAB_LINGER_S * SECOND);
	ck_assert_uint_eq(told_n, 5);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(told[i].client_port, 33000 + i);
		ck_assert_int_eq(told[i].how, HOW_PORT);
	}
	now_ns += (FLOWTAB_LINGER_S + 1) * SECOND;
	shake(9000, 100);
	flowtab_finish(table);
	ck_assert_uint_eq(told_n, FLOWTAB_HELD + 6);
	for (unsigned i = 5; i < told_n - 1; i++)
		ck_assert_int_eq(told[i].how, HOW_LEARNED);
}
END_TEST

START_TEST(an_attempt_is_over_with_the_next_one_from_its_port)
{
	up(40000, TCP_SYN, 100, 0, 0);
	up(40000, TCP_SYN, 100, 0, 0); /* again the same */
	shake(40000, 900000);
	flowtab_tick(table, BEGIN + FLOWTAB_LINGER_S * SECOND);
	ck_assert_uint_eq(told_n, 1);
	ck_assert_int_eq(told[0].state, CONN_UNANSWERED);
	ck_assert_uint_eq(told[0].packets, 2);
	flowtab_finish(table);
	ck_assert_uint_eq(told_n, 2);
	ck_assert_int_eq(told[1].state, CONN_ESTABLISHED);
	ck_assert_uint_eq(told[1].packets, 3);
}
END_TEST

START_TEST(what_comes_late_belongs_to_who_lingers)
{
	shake(40000, 100);
	up(40000, TCP_ACK | TCP_FIN, 111, 5101, 0);
	down(40000, TCP_ACK | TCP_FIN, 5101, 112, 0);
	now_ns += (FLOWTAB_LINGER_S - 1) * SECOND;
	up(40000, TCP_ACK, 101, 5101, 10);
	flowtab_finish(table);
	ck_assert_uint_eq(told_n, 1);
	ck_assert_uint_eq(told[0].to_server, 10);
}
END_TEST

START_TEST(who_is_seen_in_one_direction_alone_is_counted)
{
	struct flowtab_counts n;

	up(40000, TCP_ACK, 1, 1, 10);
	down(40001, TCP_ACK, 1, 1, 10);
	shake(40002, 100);
	flowtab_finish(table);
	flowtab_count(table, &n);
	ck_assert_uint_eq(n.one_sided, 2);
	ck_assert_uint_eq(n.two_sided, 1);
	ck_assert_uint_eq(n.payload, 20);
}
END_TEST

/* Whatever keys the hash, the same comes out. */
START_TEST(the_seed_decides_nothing)
{
	static struct told first[MAX_TOLD];
	unsigned n = 0;

	for (int turn = 0; turn < 2; turn++) {
		teardown();
		begin(1024, turn ? 99 : 1);
		for (unsigned i = 0; i < 300; i++) {
			now_ns += SECOND / 10;
			shake(20000 + i * 7 % 250, i * 1000003);
			if (i % 3)
				finish(20000 + i * 7 % 250, i * 1000003, 0);
		}
		flowtab_finish(table);
		if (!turn) {
			memcpy(first, told, sizeof(told));
			n = told_n;
		}
	}
	ck_assert_uint_eq(n, told_n);
	ck_assert_int_eq(memcmp(first, told, n * sizeof(told[0])), 0);
}
END_TEST

START_TEST(what_was_acknowledged_and_never_seen_is_lost)
{
	struct flowtab_counts n;

	shake(40000, 100);
	up(40000, TCP_ACK, 101, 5101, 100);
	up(40000, TCP_ACK, 301, 5101, 100); /* 100 bytes were not mirrored */
	down(40000, TCP_ACK, 5101, 401, 0);
	flowtab_finish(table);
	flowtab_count(table, &n);
	ck_assert_uint_eq(n.unseen, 100);
	ck_assert_uint_eq(n.two_sided, 1);
}
END_TEST

/* Against a map of single bytes, in random order, over the wrap. */
START_TEST(holes_are_what_a_map_of_bytes_says)
{
	enum { SPAN = 4000 };
	uint32_t base = 0xfffff800, x = 12345;

	for (int round = 0; round < 200; round++) {
		static uint8_t seen[SPAN];
		struct holes *h = holes_new();
		uint32_t list = 0, next = 0;
		uint64_t naive = 0, sum = 0;

		memset(seen, 0, sizeof(seen));
		for (int i = 0; i < 60; i++) {
			uint32_t from, len, to, fresh = 0;

			x = x * 1664525 + 1013904223;
			from = (x >> 8) % (SPAN - 200);
			len = 1 + (x >> 20) % 199;
			to = from + len;
			if (from > next) {
				holes_add(h, &list, base + next, base + from);
				fresh = len;
			} else {
				fresh = to > next ? to - next : 0;
				fresh += holes_fill(h, &list, base + from,
						    base + (to < next ? to : next));
			}
			if (to > next)
				next = to;
			sum += fresh;
			for (uint32_t b = from; b < to; b++) {
				naive += !seen[b];
				seen[b] = 1;
			}
		}
		ck_assert_uint_eq(sum, naive);
		ck_assert_uint_eq(next - holes_before(h, list, base + next), naive);
		ck_assert_uint_eq(holes_lost(h), 0);
		holes_drop(h, &list);
		holes_free(h);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("flowtab");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, each_byte_counts_once);
	tcase_add_test(t, sequence_numbers_may_wrap);
	tcase_add_test(t, a_copy_is_no_packet);
	tcase_add_test(t, a_port_that_is_used_again_is_another_connection);
	tcase_add_test(t, a_reset_before_a_syn_is_its_own_only_if_it_refuses_it);
	tcase_add_test(t, two_tenants_are_two_connections);
	tcase_add_test(t, a_listener_is_learnt_before_and_after_the_fact);
	tcase_add_test(t, what_is_over_goes_after_its_linger);
	tcase_add_test(t, hastened_it_goes_sooner_and_guesses_too);
	tcase_add_test(t, silence_ends_an_attempt_sooner_than_a_connection);
	tcase_add_test(t, a_clock_that_jumps_ends_what_it_passes_and_nothing_breaks);
	tcase_add_test(t, a_full_table_gives_up_the_oldest_and_says_so);
	tcase_add_test(t, a_connection_outlives_attempts_where_the_table_is_full);
	tcase_add_test(t, a_clock_that_went_back_leaves_somebody_to_give_up);
	tcase_add_test(t, who_is_over_makes_room_first_the_oldest_before_others);
	tcase_add_test(t, so_many_linger_at_most);
	tcase_add_test(t, so_many_are_held_back_at_most_then_it_is_a_guess);
	tcase_add_test(t, an_attempt_is_over_with_the_next_one_from_its_port);
	tcase_add_test(t, what_comes_late_belongs_to_who_lingers);
	tcase_add_test(t, who_is_seen_in_one_direction_alone_is_counted);
	tcase_add_test(t, the_seed_decides_nothing);
	tcase_add_test(t, what_was_acknowledged_and_never_seen_is_lost);
	tcase_add_test(t, holes_are_what_a_map_of_bytes_says);
	return unit_run("flowtab", t);
}

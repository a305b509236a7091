/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/flowsum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "tests/unit.h"

#define NOW UINT64_C(1767268800000) /* 2026-01-01 12:00 UTC, a full minute */
enum { S = TCP_SYN, A = TCP_ACK, P = TCP_PSH, F = TCP_FIN, R = TCP_RST };
enum { HEAD = 52, SYN_HEAD = 60 };

static struct flowsum *sum;

static void setup(void)
{
	sum = flowsum_new(1000, 1000, 7);
}

static void teardown(void)
{
	flowsum_free(sum);
}

/* "10.0.0.1:40000 > 10.0.0.2:80" over PROTO with FLAGS; from FIRST to LAST, ms after NOW. */
static struct foreign_flow record(const char *what, uint8_t proto, int flags, uint64_t packets,
				  uint64_t bytes, int64_t first, int64_t last)
{
	struct foreign_flow f = { .kind = FOREIGN_IPFIX,
				  .proto = proto,
				  .has_tcp_flags = proto == PROTO_TCP,
				  .tcp_flags = (uint16_t)flags,
				  .packets = packets,
				  .bytes = bytes,
				  .first_ms = NOW + (uint64_t)first,
				  .last_ms = NOW + (uint64_t)last };
	char src[64], dst[64];
	unsigned sport, dport;

	ck_assert_int_eq(sscanf(what, "%63[^ :]:%u > %63[^ :]:%u", src, &sport, dst, &dport),
			 4);
	ck_assert_int_eq(addr_parse(src, &f.src), 0);
	ck_assert_int_eq(addr_parse(dst, &f.dst), 0);
	f.sport = (uint16_t)sport;
	f.dport = (uint16_t)dport;
	return f;
}

static void add_at(const struct foreign_flow *f, int64_t received)
{
	flowsum_add(sum, 0, f, NOW + (uint64_t)received);
}

static void add(const struct foreign_flow *f)
{
	add_at(f, (int64_t)(f->last_ms - NOW));
}

static void tcp(const char *what, int flags, uint64_t packets, uint64_t payload, int64_t first,
		int64_t last)
{
	uint64_t bytes = payload + packets * HEAD + (flags & S ? SYN_HEAD - HEAD : 0);
	struct foreign_flow f = record(what, PROTO_TCP, flags, packets, bytes, first, last);

	add(&f);
}

/* One that was opened, talked and closed. */
static void whole(const char *there, const char *back, uint64_t up, uint64_t down,
		  int64_t first, int64_t later)
{
	tcp(there, S | A | P | F, 5, up, first, first + 50);
	tcp(back, S | A | P | F, 4, down, first + later, first + 50);
}

/* What is told, as text */

static void put(unsigned exporter, const struct flow *f, void *ctx)
{
	char client[ADDR_TEXT], server[ADDR_TEXT], seen[ADDR_TEXT];
	struct buf *b = ctx;

	ck_assert_int_eq(f->witness, WITNESS_NETFLOW);
	if (exporter)
		buf_printf(b, "#%u ", exporter);
	buf_printf(b, "%s > %s:%u", addr_text(&f->client, client),
		   addr_text(&f->server, server), f->port);
	if (f->proto != PROTO_TCP)
		buf_printf(b, "/%u", f->proto);
	buf_printf(b, " minute %lld", (long long)(f->minute - NOW / 60000));
	if (f->c.opens)
		buf_printf(b, " opens %llu", (unsigned long long)f->c.opens);
	if (f->c.refused)
		buf_printf(b, " refused %llu", (unsigned long long)f->c.refused);
	if (f->c.timeouts)
		buf_printf(b, " timeouts %llu", (unsigned long long)f->c.timeouts);
	if (f->c.resets)
		buf_printf(b, " resets %llu", (unsigned long long)f->c.resets);
	if (f->c.abandoned)
		buf_printf(b, " abandoned %llu", (unsigned long long)f->c.abandoned);
	buf_printf(b, " bytes %llu+%llu", (unsigned long long)f->c.bytes_to_server,
		   (unsigned long long)f->c.bytes_to_client);
	if (f->has_seen)
		buf_printf(b, " seen %s:%u", addr_text(&f->seen, seen), f->seen_port);
	if (f->sampling)
		buf_printf(b, " sampled %u", f->sampling);
	buf_printf(b, "\n");
}

static void expect(const char *want)
{
	struct buf b = { 0 };

	flowsum_settle(sum, UINT64_MAX);
	flowsum_take(sum, put, &b);
	ck_assert_str_eq(buf_cstr(&b), want);
	buf_fini(&b);
}

#define THERE "10.0.0.9:40000 > 10.0.0.2:8080"
#define BACK "10.0.0.2:8080 > 10.0.0.9:40000"

START_TEST(two_ways_are_one_edge)
{
	whole("10.0.0.9:40000 > 10.0.0.2:80", "10.0.0.2:80 > 10.0.0.9:40000", 300, 7000, 0, 0);
	whole("10.0.0.9:40001 > 10.0.0.2:80", "10.0.0.2:80 > 10.0.0.9:40001", 200, 1000, 9, 0);
	expect("10.0.0.9 > 10.0.0.2:80 minute 0 opens 2 bytes 500+8000\n");
	expect("");
}
END_TEST

START_TEST(nothing_is_told_before_its_time)
{
	struct buf b = { 0 };

	whole(THERE, BACK, 300, 7000, 0, 0);
	flowsum_settle(sum, NOW + FLOWSUM_HOLD_MS + 49);
	flowsum_take(sum, put, &b);
	ck_assert_uint_eq(b.n, 0);
	flowsum_settle(sum, NOW + FLOWSUM_HOLD_MS + 50);
	flowsum_take(sum, put, &b);
	ck_assert_uint_ne(b.n, 0);
	buf_fini(&b);
}
END_TEST

/* Ports alone would have it the other way round. */
START_TEST(a_clock_that_is_set_back_holds_nothing_for_longer)
{
	struct buf b = { 0 };

	whole(THERE, BACK, 300, 7000, 3600000, 0);
	flowsum_settle(sum, NOW);
	flowsum_take(sum, put, &b);
	ck_assert_str_eq(buf_cstr(&b),
			 "10.0.0.9 > 10.0.0.2:8080 minute 60 opens 1 bytes 300+7000\n");
	buf_fini(&b);
}
END_TEST

START_TEST(who_sends_a_syn_without_an_answer_is_the_client)
{
	tcp("10.0.0.9:22 > 10.0.0.2:50001", S, 1, 0, 0, 0);
	tcp("10.0.0.2:50001 > 10.0.0.9:22", R | A, 1, 0, 0, 0);
	expect("10.0.0.9 > 10.0.0.2:50001 minute 0 opens 1 refused 1 bytes 0+0\n");
}
END_TEST

START_TEST(who_was_heard_first_is_the_client)
{
	whole("10.0.0.9:22 > 10.0.0.2:50001", "10.0.0.2:50001 > 10.0.0.9:22", 1, 2, 0, 3);
	expect("10.0.0.9 > 10.0.0.2:50001 minute 0 opens 1 bytes 1+2\n");
}
END_TEST

START_TEST(who_speaks_with_many_is_the_server)
{
	for (int i = 0; i < 8; i++) {
		char there[64], back[64];

		snprintf(there, sizeof(there), "10.0.0.9:%d > 10.0.0.2:50001", 1000 + i);
		snprintf(back, sizeof(back), "10.0.0.2:50001 > 10.0.0.9:%d", 1000 + i);
		whole(there, back, 10, 20, i * 100, 0);
	}
	expect("10.0.0.9 > 10.0.0.2:50001 minute 0 opens 8 bytes 80+160\n");
}
END_TEST

/* A handshake told by its packets makes the port a server's for what comes later. */
START_TEST(a_listener_is_learnt)
{
	tcp("10.0.0.9:30000 > 10.0.0.2:50001", S, 1, 0, 0, 0);
	tcp("10.0.0.2:50001 > 10.0.0.9:30000", S | A, 1, 0, 0, 0);
	flowsum_settle(sum, UINT64_MAX);
	tcp("10.0.0.2:50001 > 10.0.0.8:22", A | P, 3, 500, 100, 900);
	expect("10.0.0.8 > 10.0.0.2:50001 minute 0 bytes 0+500\n"
	       "10.0.0.9 > 10.0.0.2:50001 minute 0 abandoned 1 bytes 0+0\n");
}
END_TEST

START_TEST(what_became_of_attempts)
{
	tcp("10.0.0.9:40001 > 10.0.0.2:81", S, 1, 0, 0, 0);
	tcp("10.0.0.2:81 > 10.0.0.9:40001", R | A, 1, 0, 1, 1);
	tcp("10.0.0.9:40002 > 10.0.0.2:82", S, 4, 3 * 8, 0, 7000);
	tcp("10.0.0.9:40003 > 10.0.0.2:83", S | R, 2, 0, 0, 1);
	tcp("10.0.0.2:83 > 10.0.0.9:40003", S | A, 1, 0, 0, 0);
	tcp("10.0.0.9:40004 > 10.0.0.2:84", S | A, 2, 0, 0, 1);
	tcp("10.0.0.2:84 > 10.0.0.9:40004", S | A | R, 2, 0, 0, 1);
	expect("10.0.0.9 > 10.0.0.2:81 minute 0 opens 1 refused 1 bytes 0+0\n"
	       "10.0.0.9 > 10.0.0.2:82 minute 0 opens 1 timeouts 1 bytes 0+0\n"
	       "10.0.0.9 > 10.0.0.2:83 minute 0 abandoned 1 bytes 0+0\n"
	       "10.0.0.9 > 10.0.0.2:84 minute 0 opens 1 resets 1 bytes 0+0\n");
}
END_TEST

/* Of one attempt an exporter with a short time-out makes several flows. */
START_TEST(a_syn_sent_again_is_the_same_attempt)
{
	tcp("10.0.0.9:40002 > 10.0.0.2:82", S, 4, 24, 0, 7000);
	tcp("10.0.0.9:40002 > 10.0.0.2:82", S, 1, 0, 23000, 23000);
	flowsum_settle(sum, NOW + 60000);
	tcp("10.0.0.9:40002 > 10.0.0.2:82", S, 1, 0, 61000, 61000);
	expect("10.0.0.9 > 10.0.0.2:82 minute 0 opens 1 timeouts 1 bytes 0+0\n"
	       "10.0.0.9 > 10.0.0.2:82 minute 1 bytes 0+0\n");
}
END_TEST

START_TEST(a_long_connection_opens_once_and_adds_up)
{
	for (int i = 0; i < 3; i++) {
		tcp(THERE, i ? A | P : S | A | P, 100, 1000 + (unsigned)i, i * 60000,
		    i * 60000 + 59000);
		tcp(BACK, i ? A | P : S | A | P, 100, 50000, i * 60000, i * 60000 + 59000);
		flowsum_settle(sum, NOW + (uint64_t)(i + 1) * 60000 + FLOWSUM_HOLD_MS);
	}
	expect("10.0.0.9 > 10.0.0.2:8080 minute 0 opens 1 bytes 1000+50000\n"
	       "10.0.0.9 > 10.0.0.2:8080 minute 1 bytes 1001+50000\n"
	       "10.0.0.9 > 10.0.0.2:8080 minute 2 bytes 1002+50000\n");
}
END_TEST

START_TEST(bytes_are_spread_over_the_minutes_to_the_byte)
{
	tcp(THERE, S | A | P, 100, 1000, -90000, 30000); /* 30, 60 and 30 s */
	expect("10.0.0.9 > 10.0.0.2:8080 minute -2 opens 1 bytes 250+0\n"
	       "10.0.0.9 > 10.0.0.2:8080 minute -1 bytes 500+0\n"
	       "10.0.0.9 > 10.0.0.2:8080 minute 0 bytes 250+0\n");
	tcp("10.0.0.9:40001 > 10.0.0.2:80", S | A | P, 100, 1001, -59000, 60000);
	expect("10.0.0.9 > 10.0.0.2:80 minute -1 opens 1 bytes 496+0\n"
	       "10.0.0.9 > 10.0.0.2:80 minute 0 bytes 505+0\n");
}
END_TEST

START_TEST(a_port_that_is_used_again_opens_again)
{
	whole(THERE, BACK, 100, 200, 0, 1);
	whole(THERE, BACK, 100, 200, 1000, 1);
	expect("10.0.0.9 > 10.0.0.2:8080 minute 0 opens 2 bytes 200+400\n");
}
END_TEST

/* Both ways in, then both ways out of the same router; and a datagram that came twice. */
START_TEST(copies_count_once)
{
	struct foreign_flow f = record(THERE, PROTO_TCP, S | A | P, 10, 1528, 0, 5000);

	f.way = FOREIGN_INGRESS;
	f.in_if = 1;
	f.out_if = 2;
	add(&f);
	f.way = FOREIGN_EGRESS;
	f.first_ms++;
	add(&f);
	f = record(BACK, PROTO_TCP, S | A | P, 10, 2528, 0, 5000);
	add(&f); /* v5 does not tell the way */
	add(&f);
	expect("10.0.0.9 > 10.0.0.2:8080 minute 0 opens 1 bytes 1000+2000\n");
	ck_assert_uint_eq(flowsum_stats(sum).copies, 2);
}
END_TEST

/* Pieces of another card, cut at other times, are copies of what the first one tells. */
START_TEST(a_stretch_of_time_counts_in_one_lane)
{
	for (int i = 0; i < 3; i++) {
		struct foreign_flow f =
			record(THERE, PROTO_TCP, A | P, 10, 620, i * 1000, i * 1000 + 999);

		add(&f);
		f.domain = 2;
		f.first_ms += 500;
		f.last_ms += 500;
		add(&f);
	}
	expect("10.0.0.9 > 10.0.0.2:8080 minute 0 bytes 300+0\n");
	ck_assert_uint_eq(flowsum_stats(sum).copies, 3);
	tcp(THERE, A | P, 10, 100, 9000, 9999);
	expect("10.0.0.9 > 10.0.0.2:8080 minute 0 bytes 100+0\n");
}
END_TEST

START_TEST(two_exporters_are_two_witnesses)
{
	struct foreign_flow f = record(THERE, PROTO_TCP, S | A | P, 10, 1528, 0, 5000);

	add(&f);
	flowsum_add(sum, 1, &f, NOW);
	expect("10.0.0.9 > 10.0.0.2:8080 minute 0 opens 1 bytes 1000+0\n"
	       "#1 10.0.0.9 > 10.0.0.2:8080 minute 0 opens 1 bytes 1000+0\n");
}
END_TEST

/* One packet in a hundred, as sFlow tells it: no times, each packet by itself. */
START_TEST(samples_are_scaled_and_say_so)
{
	struct foreign_flow f = record(THERE, PROTO_TCP, S, 1, 60, 0, 0);

	f.first_ms = f.last_ms = 0;
	f.sampling = 100;
	add_at(&f, 0);
	f.tcp_flags = A;
	f.bytes = 1052;
	for (int i = 0; i < 5; i++)
		add_at(&f, 1000 + i);
	expect("10.0.0.9 > 10.0.0.2:8080 minute 0 opens 100 bytes 500000+0 sampled 100\n");
}
END_TEST

START_TEST(the_same_packet_sampled_at_two_ports_counts_once)
{
	struct foreign_flow f = record(THERE, PROTO_TCP, A, 1, 1052, 0, 0);

	f.first_ms = f.last_ms = 0;
	f.sampling = 100;
	f.in_if = 1;
	add_at(&f, 0);
	f.in_if = 2;
	add_at(&f, 10);
	f.in_if = 1;
	add_at(&f, 20);
	expect("10.0.0.9 > 10.0.0.2:8080 minute 0 bytes 200000+0 sampled 100\n");
}
END_TEST

START_TEST(udp_exchanges_end_with_a_pause)
{
	static const int at[] = { 0, 3000, 40000 };

	for (int i = 0; i < 3; i++) {
		struct foreign_flow f = record("10.0.0.9:40000 > 10.0.0.2:53", PROTO_UDP, 0, 1,
					       68, at[i], at[i]);

		add(&f);
		f = record("10.0.0.2:53 > 10.0.0.9:40000", PROTO_UDP, 0, 1, 128, at[i] + 1,
			   at[i] + 1);
		add(&f);
	}
	expect("10.0.0.9 > 10.0.0.2:53/17 minute 0 opens 2 bytes 120+300\n");
}
END_TEST

/* One socket asks many: over UDP the port says more than how many it speaks with. */
START_TEST(udp_asks_many_from_one_port)
{
	struct buf want = { 0 };

	for (int i = 1; i <= 9; i++) {
		char what[64];
		struct foreign_flow f;

		snprintf(what, sizeof(what), "10.0.0.9:40000 > 10.1.0.%d:161", i);
		f = record(what, PROTO_UDP, 0, 1, 128, 0, 0);
		add(&f);
		buf_printf(&want, "10.0.0.9 > 10.1.0.%d:161/17 minute 0 opens 1 bytes 100+0\n",
			   i);
	}
	expect(buf_cstr(&want));
	buf_fini(&want);
}
END_TEST

START_TEST(a_record_of_both_ways)
{
	struct foreign_flow f = record("10.0.0.9:22 > 10.0.0.2:50001", PROTO_TCP, S | A | P, 4,
				       4 * HEAD + 8 + 400, 0, 2000);

	f.began = FOREIGN_END_SRC;
	f.has_reverse = true;
	f.reverse_packets = 3;
	f.reverse_bytes = 3 * HEAD + 900;
	add(&f);
	expect("10.0.0.9 > 10.0.0.2:50001 minute 0 opens 1 bytes 400+900\n");
}
END_TEST

START_TEST(an_absurd_way_back_is_counted)
{
	struct foreign_flow f = record("10.0.0.9:40000 > 10.0.0.2:22", PROTO_TCP, S | A | P, 4,
				       4 * HEAD + 8 + 400, 0, 2000);

	f.has_reverse = true;
	f.reverse_packets = 3;
	f.reverse_bytes = UINT64_MAX;
	add(&f);
	expect("10.0.0.9 > 10.0.0.2:22 minute 0 opens 1 bytes 400+0\n");
	ck_assert_uint_eq(flowsum_stats(sum).odd, 1);
}
END_TEST

/* Created, updated, ended: once.  Those that were created before we listened: not at all. */
START_TEST(firewalls_tell_a_connection_thrice)
{
	static const struct {
		enum foreign_event event;
		uint64_t bytes;
	} told[] = { { FOREIGN_CREATED, 0 },
		     { FOREIGN_UPDATED, 700 },
		     { FOREIGN_ENDED, 300 } };

	for (int c = 0; c < 2; c++)
		for (int i = c; i < 3; i++) {
			struct foreign_flow f =
				record(c ? "10.0.0.9:41000 > 10.0.0.2:443" : THERE, PROTO_TCP,
				       0, 0, told[i].bytes, 0, i * 100000);

			f.has_tcp_flags = false;
			f.payload = true;
			f.began = FOREIGN_END_SRC;
			f.event = told[i].event;
			add(&f);
			flowsum_settle(sum, f.last_ms + 90000);
		}
	expect("10.0.0.9 > 10.0.0.2:443 minute 0 bytes 510+0\n"
	       "10.0.0.9 > 10.0.0.2:8080 minute 0 opens 1 bytes 510+0\n"
	       "10.0.0.9 > 10.0.0.2:443 minute 1 bytes 370+0\n"
	       "10.0.0.9 > 10.0.0.2:8080 minute 1 bytes 370+0\n"
	       "10.0.0.9 > 10.0.0.2:443 minute 2 bytes 90+0\n"
	       "10.0.0.9 > 10.0.0.2:8080 minute 2 bytes 90+0\n"
	       "10.0.0.9 > 10.0.0.2:443 minute 3 bytes 30+0\n"
	       "10.0.0.9 > 10.0.0.2:8080 minute 3 bytes 30+0\n");
}
END_TEST

static void translated(struct foreign_flow *f, const char *what)
{
	struct foreign_flow nat = record(what, f->proto, 0, 0, 0, 0, 0);

	f->has_nat = true;
	f->nat_src = nat.src;
	f->nat_dst = nat.dst;
	f->nat_sport = nat.sport;
	f->nat_dport = nat.dport;
}

/* A balancer on the way: the real server is the edge's, its face what the client saw. */
START_TEST(translated_both_ways)
{
	struct foreign_flow there = record("10.0.0.9:40000 > 192.0.2.1:443", PROTO_TCP,
					   S | A | P, 4, 4 * HEAD + 8 + 400, 0, 2000);
	struct foreign_flow back = record("10.5.0.7:8443 > 10.5.0.1:61000", PROTO_TCP,
					  S | A | P, 4, 4 * HEAD + 8 + 800, 1, 2000);

	translated(&there, "10.5.0.1:61000 > 10.5.0.7:8443");
	translated(&back, "192.0.2.1:443 > 10.0.0.9:40000");
	add(&there);
	add(&back);
	expect("10.0.0.9 > 10.5.0.7:8443 minute 0 opens 1 bytes 400+800 seen "
	       "192.0.2.1:443\n");
	flowsum_settle(sum, UINT64_MAX);
	back.first_ms += 1000000; /* the way back is told first */
	back.last_ms += 1000000;
	there.first_ms = back.first_ms - 1;
	there.last_ms = back.last_ms;
	add(&back);
	add(&there);
	expect("10.0.0.9 > 10.5.0.7:8443 minute 16 opens 1 bytes 400+800 seen "
	       "192.0.2.1:443\n");
}
END_TEST

START_TEST(clocks_are_corrected_or_not_believed)
{
	struct foreign_flow f = record("10.0.0.9:1 > 10.0.0.2:80", PROTO_TCP, S | A | P, 4,
				       4 * HEAD + 108, 3600000, 3605000);

	f.has_skew = true;
	f.skew_ms = 3600000;
	add_at(&f, 6000);
	f.sport = 2;
	f.has_skew = false;
	add_at(&f, 6000);
	f.sport = 3;
	f.first_ms = 1;
	f.last_ms = 2;
	add_at(&f, 6000);
	expect("10.0.0.9 > 10.0.0.2:80 minute 0 opens 3 bytes 300+0\n");
	ck_assert_uint_eq(flowsum_stats(sum).clocks, 2);
}
END_TEST

START_TEST(what_is_no_conversation_is_counted)
{
	struct foreign_flow f = record("10.0.0.9:0 > 10.0.0.2:0", 1, 0, 1, 84, 0, 0);

	add(&f);
	f.proto = PROTO_UDP; /* a later fragment */
	add(&f);
	f = record("0.0.0.0:68 > 255.255.255.255:67", PROTO_UDP, 0, 1, 328, 0, 0);
	add(&f);
	f = record(THERE, PROTO_TCP, S, 1, 60, 0, 0);
	f.event = FOREIGN_DENIED;
	add(&f);
	expect("");
	ck_assert_uint_eq(flowsum_stats(sum).protocols, 2);
	ck_assert_uint_eq(flowsum_stats(sum).odd, 1);
	ck_assert_uint_eq(flowsum_stats(sum).denied, 1);
}
END_TEST

/* Without timestamps every packet is twelve bytes shorter: the acknowledgements show it. */
START_TEST(a_connection_without_timestamps)
{
	struct foreign_flow f =
		record(THERE, PROTO_TCP, S | A | P | F, 50, 52 + 49 * 40 + 100, 0, 10);

	add(&f);
	f = record(BACK, PROTO_TCP, S | A | P | F, 100, 52 + 99 * 40 + 140000, 1, 10);
	add(&f);
	expect("10.0.0.9 > 10.0.0.2:8080 minute 0 opens 1 bytes 100+140000\n");
}
END_TEST

static void put_sum(unsigned exporter, const struct flow *f, void *ctx)
{
	struct counters *c = ctx;

	(void)exporter;
	c->opens += f->c.opens;
	c->bytes_to_server += f->c.bytes_to_server;
	c->bytes_to_client += f->c.bytes_to_client;
}

/* More than fits: told early, and nothing is lost but what is counted as lost. */
START_TEST(a_crowd_loses_nothing_that_is_not_counted)
{
	struct counters c = { 0 };

	for (unsigned i = 0; i < 20000; i++) {
		char there[64];

		snprintf(there, sizeof(there), "10.0.%u.%u:4000 > 10.9.0.%u:443", i >> 8 & 255,
			 i & 255, i % 200);
		tcp(there, S | A | P, 3, 100, 0, 10);
		if (i % 500 == 0)
			flowsum_take(sum, put_sum, &c);
	}
	ck_assert_uint_le(flowsum_stats(sum).conns, 1000);
	ck_assert_uint_eq(flowsum_stats(sum).early, 19000);
	flowsum_take(sum, put_sum, &c);
	flowsum_settle(sum, UINT64_MAX);
	flowsum_take(sum, put_sum, &c);
	ck_assert_uint_eq(c.opens, 20000);
	ck_assert_uint_eq(c.bytes_to_server, 2000000);
	ck_assert_uint_eq(flowsum_stats(sum).lost, 0);
	for (unsigned i = 0; i < 3000; i++) { /* and nobody takes the edges */
		char there[64];

		snprintf(there, sizeof(there), "10.1.%u.%u:4000 > 10.9.0.1:443", i >> 8,
			 i & 255);
		tcp(there, S | A | P, 3, 100, 0, 10);
	}
	memset(&c, 0, sizeof(c));
	flowsum_settle(sum, UINT64_MAX);
	flowsum_take(sum, put_sum, &c);
	ck_assert_uint_eq(c.opens, 1000);
	ck_assert_uint_eq(flowsum_lost(sum, 0), 2000);
	ck_assert_uint_eq(flowsum_lost(sum, 0), 0);
}
END_TEST

struct piece {
	struct foreign_flow f;
	unsigned order;
};

static int by_order(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

/*
 * Thousands of connections of one service, their two ways in any order, each told at two
 * places of the router, some datagrams twice: the totals are what they were.
 */
START_TEST(any_order_and_copies_give_the_same_totals)
{
	enum { N = 400, COPIES = 5 };
	struct piece *p = xcalloc(N * 2 * COPIES, sizeof(*p));
	unsigned n = 0, seed = (unsigned)_i + 1;
	uint64_t up = 0, down = 0;
	struct counters c = { 0 };

	for (unsigned i = 0; i < N; i++) {
		uint64_t bytes[2] = { (unsigned)rand_r(&seed) % 5000u,
				      (unsigned)rand_r(&seed) % 90000u };
		int64_t at = rand_r(&seed) % 20000;

		up += bytes[0];
		down += bytes[1];
		for (int way = 0; way < 2; way++) {
			char what[64];
			struct foreign_flow f;

			snprintf(what, sizeof(what),
				 way ? "10.0.0.2:8080 > 10.0.0.9:%u"
				     : "10.0.0.9:%u > 10.0.0.2:8080",
				 10000 + i);
			f = record(what, PROTO_TCP, S | A | P | F, 70,
				   70 * HEAD + 8 + bytes[way], at + way, at + 200);
			for (int k = 0; k < COPIES; k++) {
				f.way = k % 2 ? FOREIGN_EGRESS : FOREIGN_INGRESS;
				p[n++] = (struct piece){ f, (unsigned)rand_r(&seed) };
			}
		}
	}
	qsort(p, n, sizeof(*p), by_order);
	for (unsigned i = 0; i < n; i++)
		add_at(&p[i].f, 21000);
	flowsum_settle(sum, UINT64_MAX);
	flowsum_take(sum, put_sum, &c);
	ck_assert_uint_eq(c.opens, N);
	ck_assert_uint_eq(c.bytes_to_server, up);
	ck_assert_uint_eq(c.bytes_to_client, down);
	free(p);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("flowsum");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, two_ways_are_one_edge);
	tcase_add_test(t, nothing_is_told_before_its_time);
	tcase_add_test(t, a_clock_that_is_set_back_holds_nothing_for_longer);
	tcase_add_test(t, who_sends_a_syn_without_an_answer_is_the_client);
	tcase_add_test(t, who_was_heard_first_is_the_client);
	tcase_add_test(t, who_speaks_with_many_is_the_server);
	tcase_add_test(t, a_listener_is_learnt);
	tcase_add_test(t, what_became_of_attempts);
	tcase_add_test(t, a_syn_sent_again_is_the_same_attempt);
	tcase_add_test(t, a_long_connection_opens_once_and_adds_up);
	tcase_add_test(t, bytes_are_spread_over_the_minutes_to_the_byte);
	tcase_add_test(t, a_port_that_is_used_again_opens_again);
	tcase_add_test(t, copies_count_once);
	tcase_add_test(t, a_stretch_of_time_counts_in_one_lane);
	tcase_add_test(t, two_exporters_are_two_witnesses);
	tcase_add_test(t, samples_are_scaled_and_say_so);
	tcase_add_test(t, the_same_packet_sampled_at_two_ports_counts_once);
	tcase_add_test(t, udp_exchanges_end_with_a_pause);
	tcase_add_test(t, udp_asks_many_from_one_port);
	tcase_add_test(t, a_record_of_both_ways);
	tcase_add_test(t, an_absurd_way_back_is_counted);
	tcase_add_test(t, firewalls_tell_a_connection_thrice);
	tcase_add_test(t, translated_both_ways);
	tcase_add_test(t, clocks_are_corrected_or_not_believed);
	tcase_add_test(t, what_is_no_conversation_is_counted);
	tcase_add_test(t, a_connection_without_timestamps);
	tcase_add_test(t, a_crowd_loses_nothing_that_is_not_counted);
	tcase_add_loop_test(t, any_order_and_copies_give_the_same_totals, 0, 8);
	return unit_run("flowsum", t);
}

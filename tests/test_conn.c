/* SPDX-License-Identifier: Apache-2.0 */
/* What packets make of one connection: its state, its bytes, its times; and the pool of holes.
 */
#include "sensor/mirror/conn.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

enum { ISN = 1000, DATA = 10, CLIENT = 0, SERVER = 1 };

#define BEGIN 1700000000000000000ull

static struct conn conn;
static struct holes *holes;
static uint64_t now_ns;
static uint32_t ident;
static uint32_t next[2]; /* sequence numbers of the story, by end */
static bool begun;

static void begin(void)
{
	memset(&conn, 0xdd, sizeof(conn));
	now_ns = BEGIN;
	ident = 1;
	next[CLIENT] = ISN;
	next[SERVER] = 0x80000000u + ISN;
	begun = false;
}

static void setup(void)
{
	holes = holes_new();
	begin();
}

static void teardown(void)
{
	holes_free(holes);
}

static struct packet packet(unsigned from, uint8_t flags, uint32_t seq, uint32_t ack,
			    uint32_t len)
{
	struct packet p = { .time_ns = now_ns,
			    .src = addr_v4(0x0a000001 + from),
			    .dst = addr_v4(0x0a000002 - from),
			    .src_port = from ? 443 : 40000,
			    .dst_port = from ? 40000 : 443,
			    .proto = 6,
			    .flags = flags,
			    .seq = seq,
			    .ack = ack,
			    .ip_id = ident++,
			    .len = len };

	return p;
}

static bool add_packet(const struct packet *p, unsigned from, uint32_t *fresh)
{
	if (!begun)
		conn_begin(&conn, p, from);
	begun = true;
	return conn_add(&conn, holes, p, from, fresh);
}

/* How much of it was new. */
static uint32_t add(unsigned from, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct packet p = packet(from, flags, seq, ack, len);
	uint32_t fresh;

	ck_assert(add_packet(&p, from, &fresh));
	return fresh;
}

/*
 * One packet of a story, upper case for the server's: s SYN, z SYN/ACK, a ACK, d data, f FIN,
 * r RST.
 */
static void step(char what)
{
	unsigned from = what >= 'A' && what <= 'Z';
	uint32_t *mine = &next[from], ack = next[!from];

	switch (what | 0x20) {
	case 's':
		add(from, TCP_SYN, *mine, 0, 0);
		break;
	case 'z':
		add(from, TCP_SYN | TCP_ACK, *mine, ack + 1, 0);
		break;
	case 'a':
		add(from, TCP_ACK, *mine + 1, ack + 1, 0);
		break;
	case 'd':
		add(from, TCP_ACK | TCP_PSH, *mine + 1, ack + 1, DATA);
		*mine += DATA;
		break;
	case 'f':
		add(from, TCP_ACK | TCP_FIN, *mine + 1, ack + 1, 0);
		break;
	case 'r':
		add(from, TCP_RST | TCP_ACK, *mine + 1, ack + 1, 0);
		break;
	default:
		ck_abort_msg("no packet: %c", what);
	}
}

static void play(const char *story)
{
	for (; *story; story++)
		step(*story);
}

static const struct {
	const char *story;
	enum conn_state state;
} stories[] = {
	{ "sZa", CONN_ESTABLISHED },
	{ "sZd", CONN_ESTABLISHED },
	{ "sZadDAfFa", CONN_ESTABLISHED },
	{ "sZaf", CONN_ESTABLISHED },
	{ "Zsa", CONN_ESTABLISHED }, /* the mirror swapped them */
	{ "saZ", CONN_ESTABLISHED },
	{ "sd", CONN_ESTABLISHED },
	{ "sD", CONN_ESTABLISHED },
	{ "Za", CONN_ESTABLISHED },
	{ "Zd", CONN_ESTABLISHED },
	{ "ZD", CONN_ESTABLISHED },
	{ "sSzZa", CONN_ESTABLISHED }, /* both open at once */
	{ "sSzAd", CONN_ESTABLISHED }, /* a split handshake */
	{ "sAzd", CONN_ESTABLISHED },
	{ "sZaR", CONN_WAS_RESET },
	{ "sZar", CONN_WAS_RESET },
	{ "sZadfr", CONN_WAS_RESET },
	{ "sdR", CONN_WAS_RESET },
	{ "ZaR", CONN_WAS_RESET },
	{ "sR", CONN_REFUSED },
	{ "ssR", CONN_REFUSED },
	{ "sRsR", CONN_REFUSED },
	{ "Rs", CONN_REFUSED }, /* swapped */
	{ "s", CONN_UNANSWERED },
	{ "sss", CONN_UNANSWERED },
	{ "sr", CONN_UNANSWERED },
	{ "sa", CONN_UNANSWERED },
	{ "sZ", CONN_HALF_OPEN },
	{ "sZr", CONN_HALF_OPEN }, /* who scans ports */
	{ "sZR", CONN_HALF_OPEN },
	{ "sZZZ", CONN_HALF_OPEN },
	{ "sA", CONN_HALF_OPEN }, /* it knew another connection */
	{ "Z", CONN_SYNACK_ONLY },
	{ "ZZ", CONN_SYNACK_ONLY },
	{ "Zr", CONN_SYNACK_ONLY },
	{ "ZR", CONN_SYNACK_ONLY },
	{ "a", CONN_MID },
	{ "d", CONN_MID },
	{ "AdDa", CONN_MID },
	{ "fF", CONN_MID },
	{ "r", CONN_MID_RESET },
	{ "dDR", CONN_MID_RESET },
	{ "fR", CONN_MID_RESET },
};

START_TEST(every_state_has_its_stories)
{
	unsigned client;

	play(stories[_i].story);
	client = conn.opener ? conn.opener - 1u : CLIENT;
	ck_assert_uint_eq(client, CLIENT);
	ck_assert_msg(conn_state(&conn, client) == stories[_i].state, "%s is %s",
		      stories[_i].story, conn_state_word[conn_state(&conn, client)]);
}
END_TEST

START_TEST(a_state_has_a_word)
{
	for (int i = 0; i < CONN_STATES; i++)
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(conn_state_word[i], conn_state_word[j]);
}
END_TEST

START_TEST(both_fins_or_one_rst_are_the_end)
{
	static const char *const over[] = { "sZafF", "sZaR", "sR", "fF", "r" };
	static const char *const open[] = { "sZadD", "sZaf", "sZaF", "s", "f" };

	for (int i = 0; i < 5; i++) {
		begin();
		play(over[i]);
		ck_assert_msg(conn_is_over(&conn), "%s", over[i]);
		begin();
		play(open[i]);
		ck_assert_msg(!conn_is_over(&conn), "%s", open[i]);
	}
}
END_TEST

START_TEST(who_opens_is_the_client_whatever_comes_first)
{
	play("Zs");
	ck_assert_uint_eq(conn.opener, CLIENT + 1);
	ck_assert_uint_eq(conn.first, SERVER);
	begin();
	play("dDz");
	ck_assert_uint_eq(conn.opener, SERVER + 1);
	begin();
	play("dD");
	ck_assert_uint_eq(conn.opener, 0);
}
END_TEST

static void bytes_are(unsigned from, uint64_t bytes, uint64_t again)
{
	ck_assert_uint_eq(conn.side[from].bytes, bytes);
	ck_assert_uint_eq(conn.side[from].again, again);
}

START_TEST(what_is_sent_again_is_counted_apart)
{
	play("sZa");
	ck_assert_uint_eq(add(CLIENT, TCP_ACK, ISN + 1, 1, 100), 100);
	ck_assert_uint_eq(add(CLIENT, TCP_ACK, ISN + 1, 1, 100), 0);
	ck_assert_uint_eq(add(CLIENT, TCP_ACK, ISN + 51, 1, 100), 50);
	bytes_are(CLIENT, 150, 150);
	ck_assert_uint_eq(conn.side[CLIENT].packets, 5);
}
END_TEST

START_TEST(a_copy_changes_nothing)
{
	struct packet p;
	struct conn before;
	uint32_t fresh;

	play("sZa");
	p = packet(CLIENT, TCP_ACK, ISN + 1, 1, 100);
	ck_assert(add_packet(&p, CLIENT, &fresh));
	before = conn;
	p.tag = 7;
	ck_assert(!add_packet(&p, CLIENT, &fresh));
	ck_assert_uint_eq(fresh, 0);
	ck_assert_mem_eq(&conn, &before, sizeof(conn));
	p.ip_id++; /* sent again */
	ck_assert(add_packet(&p, CLIENT, &fresh));
	p.checksum++; /* with another time stamp */
	ck_assert(add_packet(&p, CLIENT, &fresh));
	bytes_are(CLIENT, 100, 200);
}
END_TEST

START_TEST(a_copy_is_known_among_the_last_three)
{
	struct packet p[CONN_PRINTS + 1];
	uint32_t fresh;

	for (unsigned i = 0; i <= CONN_PRINTS; i++) {
		p[i] = packet(CLIENT, TCP_ACK, ISN + 1 + i * DATA, 1, DATA);
		ck_assert(add_packet(&p[i], CLIENT, &fresh));
	}
	for (unsigned i = 1; i <= CONN_PRINTS; i++)
		ck_assert(!add_packet(&p[i], CLIENT, &fresh));
	ck_assert(add_packet(&p[0], CLIENT, &fresh));
	bytes_are(CLIENT, (CONN_PRINTS + 1) * DATA, DATA);
}
END_TEST

START_TEST(keep_alives_are_no_payload)
{
	play("sZa");
	add(CLIENT, TCP_ACK, ISN, 1, 1); /* with one byte, below the first */
	add(CLIENT, TCP_ACK, ISN, 1, 0); /* without */
	bytes_are(CLIENT, 0, 0);
	play("d");
	add(CLIENT, TCP_ACK, ISN + DATA, 1, 1);
	add(CLIENT, TCP_ACK, ISN + DATA, 1, 0);
	bytes_are(CLIENT, DATA, 1);
}
END_TEST

START_TEST(a_syn_may_carry_data)
{
	ck_assert_uint_eq(add(CLIENT, TCP_SYN, ISN, 0, DATA), DATA);
	add(SERVER, TCP_SYN | TCP_ACK, 5000, ISN + 1 + DATA, 0);
	ck_assert_uint_eq(add(CLIENT, TCP_ACK, ISN + 1 + DATA, 5001, DATA), DATA);
	bytes_are(CLIENT, 2 * DATA, 0);
	begin(); /* the server did not take it */
	add(CLIENT, TCP_SYN, ISN, 0, DATA);
	add(SERVER, TCP_SYN | TCP_ACK, 5000, ISN + 1, 0);
	ck_assert_uint_eq(add(CLIENT, TCP_ACK, ISN + 1, 5001, DATA), 0);
	bytes_are(CLIENT, DATA, DATA);
	ck_assert_int_eq(conn_state(&conn, CLIENT), CONN_ESTABLISHED);
}
END_TEST

START_TEST(bytes_below_the_first_one_do_not_count)
{
	add(CLIENT, TCP_ACK, 500, 1, 100);
	ck_assert_uint_eq(add(CLIENT, TCP_ACK, 400, 1, 100), 0);
	ck_assert_uint_eq(add(CLIENT, TCP_ACK, 450, 1, 200), 50);
	bytes_are(CLIENT, 150, 100);
}
END_TEST

START_TEST(in_mid_stream_the_first_data_byte_counts_not_the_first_ack)
{
	add(CLIENT, TCP_ACK, 500, 1, 0);
	ck_assert_uint_eq(add(CLIENT, TCP_ACK, 700, 1, 100), 100);
	ck_assert_uint_eq(add(CLIENT, TCP_ACK, 500, 1, 200), 0);
	bytes_are(CLIENT, 100, 0);
}
END_TEST

START_TEST(what_a_rst_carries_is_no_payload)
{
	play("sZa");
	ck_assert_uint_eq(add(SERVER, TCP_RST | TCP_ACK, next[SERVER] + 1, ISN + 1, 50), 0);
	bytes_are(SERVER, 0, 0);
	ck_assert_uint_eq(conn.side[SERVER].packets, 2);
}
END_TEST

START_TEST(a_fin_may_carry_data_and_come_before_it)
{
	play("sZa");
	ck_assert_uint_eq(add(CLIENT, TCP_ACK | TCP_FIN, ISN + 1 + DATA, 1, DATA), DATA);
	ck_assert_uint_eq(add(CLIENT, TCP_ACK, ISN + 1, 1, DATA), DATA);
	bytes_are(CLIENT, 2 * DATA, 0);
}
END_TEST

START_TEST(times_are_those_of_the_syn_that_was_answered)
{
	play("s");
	now_ns += 3000000000;
	play("s");
	now_ns += 20000;
	play("Z");
	now_ns += 7000;
	play("Z");
	now_ns += 5000;
	play("aa");
	ck_assert_uint_eq(conn.synack_us - conn.syn_us, 20);
	ck_assert_uint_eq(conn.ack_us - conn.synack_us, 12);
	ck_assert_uint_eq(conn.first_ns, BEGIN);
	ck_assert_uint_eq(conn.last_ns, BEGIN + 3000032000);
}
END_TEST

START_TEST(a_clock_that_goes_back_gives_no_time_before_the_first)
{
	play("s");
	now_ns -= 1000000000;
	play("Za");
	ck_assert_uint_eq(conn.first_ns, BEGIN);
	ck_assert_uint_eq(conn.last_ns, BEGIN);
	ck_assert_uint_ge(conn.synack_us, conn.syn_us);
}
END_TEST

START_TEST(what_was_acknowledged_and_not_seen_is_known)
{
	play("sZa");
	add(CLIENT, TCP_ACK, ISN + 1, 1, 100);
	add(CLIENT, TCP_ACK, ISN + 201, 1, 100);
	ck_assert_uint_eq(conn_unseen(&conn, holes, CLIENT), 0);
	add(SERVER, TCP_ACK, next[SERVER] + 1, ISN + 151, 0);
	ck_assert_uint_eq(conn_unseen(&conn, holes, CLIENT), 50);
	add(SERVER, TCP_ACK, next[SERVER] + 1, ISN + 301, 0);
	ck_assert_uint_eq(conn_unseen(&conn, holes, CLIENT), 100);
	add(SERVER, TCP_ACK, next[SERVER] + 1, ISN + 302, 0); /* a FIN perhaps */
	ck_assert_uint_eq(conn_unseen(&conn, holes, CLIENT), 100);
	add(CLIENT, TCP_ACK, ISN + 101, 1, 100);
	ck_assert_uint_eq(conn_unseen(&conn, holes, CLIENT), 0);
	add(SERVER, TCP_ACK, next[SERVER] + 1, ISN + 302 + 77, 0);
	ck_assert_uint_eq(conn_unseen(&conn, holes, CLIENT), 77);
	ck_assert_uint_eq(conn_unseen(&conn, holes, SERVER), 0);
}
END_TEST

/* Which connection */

static unsigned fits(unsigned from, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct packet p = packet(from, flags, seq, ack, len);

	return conn_fits(&conn, &p, from);
}

START_TEST(a_syn_fits_by_its_number_alone)
{
	play("s");
	ck_assert(fits(CLIENT, TCP_SYN, ISN, 0, 0));
	ck_assert(!fits(CLIENT, TCP_SYN, ISN + 1, 0, 0));
	ck_assert(fits(SERVER, TCP_SYN | TCP_ACK, 77, ISN + 1, 0));
	ck_assert(!fits(SERVER, TCP_SYN | TCP_ACK, 77, ISN, 0));
	ck_assert(fits(SERVER, TCP_SYN, 77, 0, 0)); /* both open at once */
	play("Za");
	ck_assert(!fits(SERVER, TCP_SYN | TCP_ACK, 77, ISN + 1, 0));
	ck_assert(!fits(SERVER, TCP_SYN, 77, 0, 0));
}
END_TEST

START_TEST(a_syn_that_was_captured_late_fits_what_follows_it)
{
	play("Z");
	ck_assert(fits(CLIENT, TCP_SYN, ISN, 0, 0));
	ck_assert(!fits(CLIENT, TCP_SYN, ISN + 1, 0, 0));
	begin();
	play("d");
	ck_assert(fits(CLIENT, TCP_SYN, ISN, 0, 0));
	now_ns += 2000000000;
	ck_assert(!fits(CLIENT, TCP_SYN, ISN, 0, 0));
}
END_TEST

START_TEST(the_nearer_numbers_fit_better)
{
	play("sZa");
	ck_assert_uint_gt(fits(CLIENT, TCP_ACK, ISN + 1, 1, 5),
			  fits(CLIENT, TCP_ACK, ISN + 1001, 1, 5));
	ck_assert_uint_gt(fits(CLIENT, TCP_ACK, ISN - 1000, 1, 5),
			  fits(CLIENT, TCP_ACK, ISN + 1000001, 1, 5));
	ck_assert_uint_gt(fits(CLIENT, TCP_ACK, ISN + 1000001, 1, 5),
			  fits(CLIENT, TCP_ACK, ISN + 0x40000000, 1, 5));
	ck_assert(fits(CLIENT, TCP_ACK, ISN + 0x80000001, 1, 5));
	play("fF"); /* over: what has other numbers is of another one */
	ck_assert(!fits(CLIENT, TCP_ACK, ISN + 0x40000000, 1, 5));
	ck_assert(fits(CLIENT, TCP_ACK, ISN + 1, 1, 5));
}
END_TEST

/* Against a map of bytes */

static uint32_t dice(uint32_t *x, uint32_t n)
{
	*x = *x * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)*x * n >> 32);
}

START_TEST(each_byte_counts_once_in_any_order_and_over_the_wrap)
{
	enum { SPAN = 5000, SEGMENTS = 80 };
	static uint8_t seen[SPAN];
	uint32_t x = 1 + (uint32_t)_i, isn = 0u - dice(&x, SPAN);
	uint64_t naive = 0, sent = 0;

	memset(seen, 0, sizeof(seen));
	add(CLIENT, TCP_SYN, isn - 1, 0, 0);
	for (int i = 0; i < SEGMENTS; i++) {
		uint32_t from = dice(&x, SPAN), len = 1 + dice(&x, 300), fresh = 0;

		if (len > SPAN - from)
			len = SPAN - from;
		for (uint32_t b = from; b < from + len; b++) {
			fresh += !seen[b];
			seen[b] = 1;
		}
		ck_assert_uint_eq(add(CLIENT, TCP_ACK, isn + from, 1, len), fresh);
		naive += fresh;
		sent += len;
	}
	bytes_are(CLIENT, naive, sent - naive);
	ck_assert_uint_eq(holes_lost(holes), 0);
	ck_assert_uint_eq(holes_before(holes, conn.side[CLIENT].holes, conn.side[CLIENT].next),
			  conn.side[CLIENT].next - isn - naive);
}
END_TEST

START_TEST(of_too_many_holes_the_first_is_taken_for_filled)
{
	uint32_t list = 0;

	for (uint32_t i = 0; i <= HOLES_EACH; i++)
		holes_add(holes, &list, i * 20, i * 20 + 10);
	ck_assert_uint_eq(holes_lost(holes), 1);
	ck_assert_uint_eq(holes_before(holes, list, 100000), HOLES_EACH * 10);
	ck_assert_uint_eq(holes_fill(holes, &list, 0, 10), 0);
	ck_assert_uint_eq(holes_fill(holes, &list, 0, 100000), HOLES_EACH * 10);
	ck_assert_uint_eq(list, 0);
}
END_TEST

START_TEST(a_full_pool_loses_counts_and_recovers)
{
	enum { LISTS = HOLES_MAX / HOLES_EACH };
	static uint32_t list[LISTS];
	uint32_t one = 0;

	for (uint32_t i = 0; i < HOLES_MAX - 1; i++)
		holes_add(holes, &list[i % LISTS], i * 20, i * 20 + 10);
	ck_assert_uint_eq(holes_lost(holes), 0);
	holes_add(holes, &one, 0, 10);
	ck_assert_uint_eq(one, 0);
	ck_assert_uint_eq(holes_lost(holes), 1);
	ck_assert_uint_eq(holes_fill(holes, &list[0], 4, 6),
			  2); /* no room for what is behind */
	ck_assert_uint_eq(holes_lost(holes), 2);
	for (int i = 0; i < LISTS; i++)
		holes_drop(holes, &list[i]);
	for (uint32_t i = 0; i < HOLES_MAX - 1; i++)
		holes_add(holes, &list[i % LISTS], i * 20, i * 20 + 10);
	ck_assert_uint_eq(holes_lost(holes), 2);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("conn");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, every_state_has_its_stories, 0,
			    sizeof(stories) / sizeof(stories[0]));
	tcase_add_test(t, a_state_has_a_word);
	tcase_add_test(t, both_fins_or_one_rst_are_the_end);
	tcase_add_test(t, who_opens_is_the_client_whatever_comes_first);
	tcase_add_test(t, what_is_sent_again_is_counted_apart);
	tcase_add_test(t, a_copy_changes_nothing);
	tcase_add_test(t, a_copy_is_known_among_the_last_three);
	tcase_add_test(t, keep_alives_are_no_payload);
	tcase_add_test(t, a_syn_may_carry_data);
	tcase_add_test(t, bytes_below_the_first_one_do_not_count);
	tcase_add_test(t, in_mid_stream_the_first_data_byte_counts_not_the_first_ack);
	tcase_add_test(t, what_a_rst_carries_is_no_payload);
	tcase_add_test(t, a_fin_may_carry_data_and_come_before_it);
	tcase_add_test(t, times_are_those_of_the_syn_that_was_answered);
	tcase_add_test(t, a_clock_that_goes_back_gives_no_time_before_the_first);
	tcase_add_test(t, what_was_acknowledged_and_not_seen_is_known);
	tcase_add_test(t, a_syn_fits_by_its_number_alone);
	tcase_add_test(t, a_syn_that_was_captured_late_fits_what_follows_it);
	tcase_add_test(t, the_nearer_numbers_fit_better);
	tcase_add_loop_test(t, each_byte_counts_once_in_any_order_and_over_the_wrap, 0, 40);
	tcase_add_test(t, of_too_many_holes_the_first_is_taken_for_filled);
	tcase_add_test(t, a_full_pool_loses_counts_and_recovers);
	return unit_run("conn", t);
}

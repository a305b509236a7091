/* SPDX-License-Identifier: Apache-2.0 */
/* Names of servers that the table of connections hears, and who is the client by them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor/mirror/flowtab.h"
#include "sensor/mirror/sniff.h"
#include "tests/hellokit.h"
#include "tests/unit.h"

enum { MAX_TOLD = 1024, CLIENT = 0, SERVER = 1, ISN = 1000 };

#define GET "GET / HTTP/1.1\r\nHost: Www.Example.com:8080\r\n\r\n"

struct told {
	enum flow_how how;
	uint16_t client_port;
	bool tls;
	char name[SNIFF_NAME + 1];
};

static struct told told[MAX_TOLD];
static unsigned told_n;
static struct flowtab *table;
static struct nametab *names;
static uint32_t ident;
static uint16_t ports[2];

static void on_over(void *ctx, const struct flow_over *f)
{
	struct told *o = &told[told_n++];

	(void)ctx;
	ck_assert_uint_le(told_n, MAX_TOLD);
	o->how = f->how;
	o->client_port = f->c->port[f->client];
	o->tls = f->tls;
	strcpy(o->name, f->name);
}

static void setup(void)
{
	const struct flowtab_sink sink = { NULL, on_over };

	told_n = 0;
	ident = 1;
	ports[CLIENT] = 40000;
	ports[SERVER] = 443;
	names = nametab_new();
	table = flowtab_new(1024, 7, names, &sink);
}

static void teardown(void)
{
	flowtab_free(table);
	nametab_free(names);
}

/* LEN bytes, of which CAP are at P. */
static void emit(unsigned from, uint8_t flags, uint32_t seq, const void *p, uint32_t len,
		 uint32_t cap)
{
	const struct packet o = { .time_ns = 1700000000000000000,
				  .src = addr_v4(0x0a000001 + from),
				  .dst = addr_v4(0x0a000002 - from),
				  .src_port = ports[from],
				  .dst_port = ports[!from],
				  .proto = 6,
				  .flags = flags,
				  .seq = seq,
				  .ack = ISN + 1,
				  .ip_id = ident++,
				  .len = len,
				  .cap = cap,
				  .payload = p };

	flowtab_add(table, &o);
}

static void shake(void)
{
	emit(CLIENT, TCP_SYN, ISN, NULL, 0, 0);
	emit(SERVER, TCP_SYN | TCP_ACK, ISN, NULL, 0, 0);
	emit(CLIENT, TCP_ACK, ISN + 1, NULL, 0, 0);
}

/* Bytes from AT of what the client or the server says. */
static void say(unsigned from, const void *p, size_t at, size_t n)
{
	emit(from, TCP_ACK, (uint32_t)(ISN + 1 + at), (const uint8_t *)p + at, (uint32_t)n,
	     (uint32_t)n);
}

static void name_is(const char *name, bool tls)
{
	flowtab_finish(table);
	ck_assert_uint_eq(told_n, 1);
	ck_assert_str_eq(told[0].name, name);
	ck_assert_uint_eq(told[0].tls, tls);
}

START_TEST(a_server_name_is_read_wherever_the_hello_is_cut)
{
	struct bytes b = client_hello("Shop.Example.com", _i & 1, 9000);

	for (size_t cut = 1; cut < b.n; cut += 37) {
		teardown();
		setup();
		shake();
		say(CLIENT, b.b, 0, cut);
		say(CLIENT, b.b, cut, b.n - cut);
		name_is("shop.example.com", true);
	}
}
END_TEST

START_TEST(a_server_name_is_read_when_the_second_piece_comes_first)
{
	struct bytes b = client_hello("shop.example.com", 1, 9000);

	for (size_t cut = 1; cut < b.n; cut += 37) {
		teardown();
		setup();
		shake();
		say(CLIENT, b.b, cut, b.n - cut);
		say(CLIENT, b.b, 0, cut);
		name_is("shop.example.com", true);
	}
}
END_TEST

START_TEST(a_piece_that_is_sent_again_does_no_harm)
{
	struct bytes b = client_hello("shop.example.com", 1, 9000);

	shake();
	say(CLIENT, b.b, 0, 700);
	say(CLIENT, b.b, 0, 700);
	say(CLIENT, b.b, 1400, b.n - 1400);
	say(CLIENT, b.b, 0, 700);
	say(CLIENT, b.b, 500, 900);
	name_is("shop.example.com", true);
}
END_TEST

START_TEST(a_host_is_read_too_and_is_no_tls)
{
	shake();
	say(CLIENT, GET, 0, 20);
	say(CLIENT, GET, 20, strlen(GET) - 20);
	name_is("www.example.com", false);
}
END_TEST

START_TEST(a_hello_in_a_syn_is_the_first_that_is_said)
{
	emit(CLIENT, TCP_SYN, ISN, GET, (uint32_t)strlen(GET), (uint32_t)strlen(GET));
	name_is("www.example.com", false);
}
END_TEST

START_TEST(what_a_server_says_names_nobody)
{
	shake();
	say(SERVER, GET, 0, strlen(GET));
	name_is("", false);
}
END_TEST

START_TEST(what_comes_after_other_words_names_nobody)
{
	shake();
	emit(CLIENT, TCP_ACK, ISN + 1, "SSH-2.0-x\r\n", 11, 11);
	emit(CLIENT, TCP_ACK, ISN + 12, GET, (uint32_t)strlen(GET), (uint32_t)strlen(GET));
	name_is("", false);
}
END_TEST

START_TEST(what_was_snapped_before_the_name_has_none)
{
	struct bytes b = client_hello("shop.example.com", 0, 9000);

	shake();
	emit(CLIENT, TCP_ACK, ISN + 1, b.b, (uint32_t)b.n, 14);
	name_is("", false);
}
END_TEST

START_TEST(in_mid_stream_who_asks_is_the_client_whatever_the_ports)
{
	ports[CLIENT] = 80; /* a rule of ports would have it the other way round */
	ports[SERVER] = 50123;
	emit(SERVER, TCP_ACK, 77, "x", 1, 1);
	emit(CLIENT, TCP_ACK, 5000, GET, (uint32_t)strlen(GET), (uint32_t)strlen(GET));
	name_is("www.example.com", false);
	ck_assert_uint_eq(told[0].client_port, 80);
	ck_assert_int_eq(told[0].how, HOW_PORT);
}
END_TEST

START_TEST(in_mid_stream_a_request_is_heard_after_other_data)
{
	emit(CLIENT, TCP_ACK, 4000, "the end of a body", 17, 17);
	emit(CLIENT, TCP_ACK, 4017, GET, (uint32_t)strlen(GET), (uint32_t)strlen(GET));
	name_is("www.example.com", false);
}
END_TEST

START_TEST(the_address_of_the_server_learns_the_name)
{
	struct bytes b = client_hello("shop.example.com", 0, 9000);
	struct addr server = addr_v4(0x0a000002), client = addr_v4(0x0a000001);
	const struct name_row *row;

	shake();
	say(CLIENT, b.b, 0, b.n);
	row = nametab_best(names, &server);
	ck_assert_ptr_nonnull(row);
	ck_assert_str_eq(row->name, "shop.example.com");
	ck_assert_int_eq(row->how, NAME_SNI);
	ck_assert_ptr_null(nametab_best(names, &client));
}
END_TEST

START_TEST(each_of_many_connections_keeps_its_own_name)
{
	char text[128], want[32];

	for (unsigned turn = 0; turn < 2; turn++) /* all begin before one is whole */
		for (unsigned i = 0; i < 200; i++) {
			int n = snprintf(text, sizeof(text),
					 "GET / HTTP/1.1\r\nHost: h%u.example\r\n\r\n",
					 i % 50);

			ports[CLIENT] = (uint16_t)(40000 + i);
			if (!turn)
				shake();
			say(CLIENT, text, turn ? 21 : 0, turn ? (size_t)n - 21 : 21);
		}
	flowtab_finish(table);
	ck_assert_uint_eq(told_n, 200);
	for (unsigned i = 0; i < 200; i++) {
		snprintf(want, sizeof(want), "h%u.example",
			 (told[i].client_port - 40000) % 50);
		ck_assert_str_eq(told[i].name, want);
	}
}
END_TEST

/* Its number in the table is another's next: what it began to say is forgotten. */
START_TEST(first_words_do_not_pass_to_who_comes_after)
{
	shake();
	say(CLIENT, "GET / HTTP/1.1\r\nHo", 0, 18);
	emit(CLIENT, TCP_RST, ISN + 19, NULL, 0, 0);
	flowtab_tick(table, 1700000000000000000 + (FLOWTAB_LINGER_S + 1) * 1000000000ull);
	ck_assert_uint_eq(told_n, 1);
	ports[CLIENT]++;
	shake();
	say(CLIENT, "xxxxxxxxxxxxxxxxxxst: a.example\r\n\r\n", 18, 17);
	flowtab_finish(table);
	ck_assert_uint_eq(told_n, 2);
	ck_assert_str_eq(told[0].name, "");
	ck_assert_str_eq(told[1].name, "");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("flow_names");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_server_name_is_read_wherever_the_hello_is_cut, 0, 2);
	tcase_add_test(t, a_server_name_is_read_when_the_second_piece_comes_first);
	tcase_add_test(t, a_piece_that_is_sent_again_does_no_harm);
	tcase_add_test(t, a_host_is_read_too_and_is_no_tls);
	tcase_add_test(t, a_hello_in_a_syn_is_the_first_that_is_said);
	tcase_add_test(t, what_a_server_says_names_nobody);
	tcase_add_test(t, what_comes_after_other_words_names_nobody);
	tcase_add_test(t, what_was_snapped_before_the_name_has_none);
	tcase_add_test(t, in_mid_stream_who_asks_is_the_client_whatever_the_ports);
	tcase_add_test(t, in_mid_stream_a_request_is_heard_after_other_data);
	tcase_add_test(t, the_address_of_the_server_learns_the_name);
	tcase_add_test(t, each_of_many_connections_keeps_its_own_name);
	tcase_add_test(t, first_words_do_not_pass_to_who_comes_after);
	return unit_run("flow_names", t);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/connections.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

static struct conn conn;
static struct flow_over over;

static void set_up(void)
{
	conn = (struct conn){
		.side = { { .bytes = 10, .again = 1, .packets = 3 },
			  { .bytes = 20, .again = 2, .packets = 4 } },
		.first_ns = 1767225600000001999,
		.last_ns = 1767225660999999999,
		.end = { addr_v4(0xc000020a), addr_v4(0xc6336450) },
		.port = { 40000, 80 },
		.syn_us = 1,
		.synack_us = 101,
		.ack_us = 151,
		.seen = { SIDE_SYN | SIDE_FIN | SIDE_SPOKE, SIDE_SYNACK | SIDE_RST },
	};
	over = (struct flow_over){
		.c = &conn, .how = HOW_SYN, .state = CONN_WAS_RESET, .name = "a.example"
	};
}

/* A block of just its length, with a NUL, so that the sanitizer sees what goes beyond. */
static char *line(void (*put)(struct buf *, const struct flow_over *))
{
	struct buf b = { 0 };
	char *text;

	put(&b, &over);
	text = malloc(b.n + 1);
	memcpy(text, b.p, b.n);
	text[b.n] = 0;
	buf_fini(&b);
	return text;
}

static void expect(void (*put)(struct buf *, const struct flow_over *), const char *want)
{
	char *got = line(put);

	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(a_line)
{
	expect(connections_tsv,
	       "192.0.2.10\t40000\t198.51.100.80\t80\tsyn\treset\t1\t1\t1\t0\t0\t1\t"
	       "10\t20\t1\t2\t3\t4\t100\t50\t1767225600.000001\t1767225660.999999\t"
	       "-\ta.example\n");
	expect(connections_json,
	       "{\"client_ip\":\"192.0.2.10\",\"client_port\":40000,"
	       "\"server_ip\":\"198.51.100.80\",\"server_port\":80,\"dir\":\"syn\","
	       "\"state\":\"reset\",\"syn\":1,\"synack\":1,\"fin_c\":1,\"fin_s\":0,"
	       "\"rst_c\":0,\"rst_s\":1,\"bytes_c\":10,\"bytes_s\":20,\"dup_bytes_c\":1,"
	       "\"dup_bytes_s\":2,\"pkts_c\":3,\"pkts_s\":4,\"rtt_srv_us\":100,"
	       "\"rtt_cli_us\":50,\"first\":1767225600.000001,\"last\":1767225660.999999,"
	       "\"sni\":null,\"host\":\"a.example\"}\n");
}
END_TEST

/* All that is by end follows the client. */
START_TEST(the_client_is_the_other_end)
{
	over.client = 1;
	over.how = HOW_FIRST;
	over.state = CONN_MID;
	over.tls = true;
	expect(connections_tsv,
	       "198.51.100.80\t80\t192.0.2.10\t40000\tfirst\tmid\t1\t1\t0\t1\t1\t0\t"
	       "20\t10\t2\t1\t4\t3\t100\t50\t1767225600.000001\t1767225660.999999\t"
	       "a.example\t-\n");
}
END_TEST

START_TEST(times_that_are_unknown_or_turned)
{
	static const struct {
		uint32_t syn, synack, ack;
		const char *srv, *cli;
	} t[] = {
		{ 0, 5, 9, "-", "4" }, { 5, 0, 9, "-", "-" },
		{ 1, 5, 0, "4", "-" }, { 5, 3, 2, "-", "-" }, /* captured in the wrong order */
		{ 5, 5, 5, "0", "0" }, { 1, UINT32_MAX, UINT32_MAX, "4294967294", "0" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		char want[64], *got;

		conn.syn_us = t[i].syn;
		conn.synack_us = t[i].synack;
		conn.ack_us = t[i].ack;
		got = line(connections_tsv);
		snprintf(want, sizeof(want), "\t%s\t%s\t1767225600.", t[i].srv, t[i].cli);
		ck_assert_msg(strstr(got, want) != NULL, "%s", got);
		free(got);
	}
}
END_TEST

static unsigned count(const char *text, char c)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

START_TEST(the_longest_line)
{
	static char name[SNIFF_NAME + 1];
	char *got;

	memset(name, 'a', SNIFF_NAME);
	memset(&conn, 0xff, sizeof(conn));
	for (int i = 0; i < 2; i++) /* the longest text that an address has */
		for (int k = 0; k < 16; k += 2)
			conn.end[i].b[k] = conn.end[i].b[k + 1] = 0xab;
	conn.syn_us = conn.synack_us = 1;
	conn.ack_us = UINT32_MAX;
	over.name = name;
	for (unsigned how = 0; how < HOW_KINDS; how++)
		for (unsigned state = 0; state < CONN_STATES; state++)
			for (int tls = 0; tls < 2; tls++) {
				over.how = how;
				over.state = state;
				over.tls = tls;
				got = line(connections_tsv);
				ck_assert_uint_eq(count(got, '\t'),
						  count(connections_header, '\t'));
				ck_assert_ptr_eq(strchr(got, '\n'), got + strlen(got) - 1);
				ck_assert_ptr_nonnull(strstr(got, "18446744073709551615"));
				ck_assert_ptr_nonnull(strstr(got, name));
				free(got);
				free(line(connections_json));
			}
}
END_TEST

START_TEST(nothing_at_all)
{
	memset(&conn, 0, sizeof(conn));
	over.name = "";
	expect(connections_tsv,
	       "::\t0\t::\t0\tsyn\treset\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t0\t"
	       "-\t-\t0.000000\t0.000000\t-\t-\n");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, a_line);
	tcase_add_test(t, the_client_is_the_other_end);
	tcase_add_test(t, times_that_are_unknown_or_turned);
	tcase_add_test(t, the_longest_line);
	tcase_add_test(t, nothing_at_all);
	return unit_run("connections", t);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "common/exchange.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

static struct exchange_reader *reader;
static struct err e;

static int read_line(const char *line)
{
	if (!reader)
		reader = exchange_reader_new();
	e = (struct err){ 0 };
	return exchange_read(reader, line, strlen(line), &e);
}

/* The line that comes out when LINE is read and written again. */
static char *again(const char *line)
{
	struct buf b = { 0 };
	int kind = read_line(line);

	ck_assert_msg(kind >= 0, "%s: %s", line, e.msg);
	if (kind == EXCHANGE_MACHINE)
		exchange_write_machine(&b, exchange_machine(reader));
	else
		exchange_write_flow(&b, exchange_flow(reader));
	return buf_take(&b);
}

static const char full_flow[] =
	"{\"type\":\"flow\",\"version\":1,\"client\":\"m17\",\"client_name\":\"app02\","
	"\"client_ip\":\"10.14.0.25\",\"client_process\":\"java\",\"server\":\"m9\","
	"\"server_name\":\"db\",\"server_ip\":\"fd00::7\",\"server_port\":5432,"
	"\"server_process\":\"postgres\",\"protocol\":\"tcp\",\"opens\":121,\"failed\":10,"
	"\"refused\":1,\"timed_out\":2,\"unreachable\":3,\"reset\":4,\"abandoned\":5,"
	"\"bytes_to_server\":127811,\"bytes_to_client\":9007199254740991,\"first\":1767242561,"
	"\"last\":1768429060,\"live\":2,\"pending\":1,\"witnesses\":[\"client\",\"server\"],"
	"\"guess\":true,\"rtt_us\":431,\"retransmits\":7,\"client_exe\":\"/usr/bin/java\","
	"\"client_unit\":\"tomcat.service\",\"client_user\":\"tomcat\",\"client_container\":\"c1\","
	"\"client_app\":\"shop.jar\",\"server_exe\":\"/usr/lib/postgres\","
	"\"server_unit\":\"postgresql.service\",\"server_user\":\"postgres\","
	"\"server_container\":\"c2\",\"server_app\":\"x\",\"ticket\":[1.50,{\"a\":null}]}";

static const char full_machine[] =
	"{\"type\":\"machine\",\"version\":1,\"id\":\"m17\",\"name\":\"app02\","
	"\"ips\":[\"10.14.0.25\",\"fe80::1\"],\"os\":\"Debian GNU/Linux 12\",\"kernel\":\"6.1\","
	"\"arch\":\"x86_64\",\"cores\":8,\"memory_bytes\":17179869184,\"site\":\"ams\","
	"\"sensor\":true,\"first\":1767242561,\"last\":1768429060,\"rack\":\"A1\"}";

START_TEST(full_lines_survive)
{
	char *flow = again(full_flow), *machine;

	ck_assert_str_eq(flow, full_flow);
	machine = again(full_machine);
	ck_assert_str_eq(machine, full_machine);
	free(flow);
	free(machine);
}
END_TEST

START_TEST(short_lines_get_their_defaults)
{
	char *out = again("{\"type\":\"flow\",\"client_ip\":\"10.0.0.1\",\"server\":\"m1\","
			  "\"server_port\":53,\"protocol\":\"UDP\"}");

	ck_assert_str_eq(
		out, "{\"type\":\"flow\",\"version\":1,\"client\":null,"
		     "\"client_ip\":\"10.0.0.1\",\"client_process\":null,\"server\":\"m1\","
		     "\"server_port\":53,\"server_process\":null,\"protocol\":\"udp\","
		     "\"opens\":0,\"failed\":0,\"live\":0,\"pending\":0,\"witnesses\":[]}");
	free(out);
	out = again("{\"id\":\"\\u0041 b\",\"type\":\"machine\"}");
	ck_assert_str_eq(out, "{\"type\":\"machine\",\"version\":1,\"id\":\"A b\",\"ips\":[],"
			      "\"sensor\":false}");
	free(out);
}
END_TEST

START_TEST(null_is_absent_and_the_last_of_two_holds)
{
	char *out = again("{\"type\":\"machine\",\"id\":\"a\",\"id\":\"b\",\"os\":null,"
			  "\"cores\":null,\"ips\":null}");

	ck_assert_str_eq(out, "{\"type\":\"machine\",\"version\":1,\"id\":\"b\",\"ips\":[],"
			      "\"sensor\":false}");
	free(out);
}
END_TEST

START_TEST(nothing_of_the_line_before_stays)
{
	char *out;

	read_line(full_flow);
	out = again("{\"type\":\"flow\",\"client\":\"a\",\"server\":\"b\",\"server_port\":1}");
	ck_assert_ptr_null(strstr(out, "java"));
	ck_assert_ptr_null(strstr(out, "ticket"));
	ck_assert_ptr_null(strstr(out, "rtt_us"));
	ck_assert_ptr_null(strstr(out, "bytes"));
	free(out);
}
END_TEST

START_TEST(other_types_are_not_ours)
{
	ck_assert_int_eq(read_line("{\"type\":\"service\",\"port\":-1}"), EXCHANGE_OTHER);
	ck_assert_int_eq(read_line("{\"port\":-1,\"type\":\"x\"}"), EXCHANGE_OTHER);
}
END_TEST

#define FLOW(more)                                                                            \
	"{\"type\":\"flow\",\"client\":\"a\",\"server\":\"b\",\"server_port\":1," more "}"
#define MACHINE(more) "{\"type\":\"machine\",\"id\":\"a\"," more "}"

START_TEST(bad_lines_are_refused_with_words)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{ "", "not JSON: a value is missing" },
		{ "x", "not JSON: not a JSON value" },
		{ "[]", "not a JSON object" },
		{ "17", "not a JSON object" },
		{ "not json", "not JSON: not a JSON value" },
		{ "17 18", "not JSON: text after its end" },
		{ "{}", "no type" },
		{ "{\"type\":7}", "no type" },
		{ "{\"type\":\"flow\"", "not JSON: cut short" },
		{ "{\"type\":\"flow\"} x", "not JSON: text after its end" },
		{ "{\"type\":\"machine\"}", "a machine without an id" },
		{ "{\"type\":\"machine\",\"id\":\"\"}", "a machine without an id" },
		{ "{\"type\":\"machine\",\"id\":7}", "id: not a string" },
		{ "{\"type\":\"flow\",\"server\":\"b\",\"server_port\":1}",
		  "neither client nor client_ip" },
		{ "{\"type\":\"flow\",\"client\":\"b\",\"server_port\":1}",
		  "neither server nor server_ip" },
		{ "{\"type\":\"flow\",\"client\":\"b\",\"server\":\"c\"}", "no server_port" },
		{ FLOW("\"server_port\":65536"), "server_port: 65536 is more than 65535" },
		{ FLOW("\"server_port\":-1"), "server_port: -1 is negative" },
		{ FLOW("\"server_port\":\"80\""), "server_port: not a number" },
		{ FLOW("\"server_port\":80.5"), "server_port: 80.5 is not whole" },
		{ FLOW("\"opens\":NaN"), "not JSON: not a JSON value" },
		{ FLOW("\"opens\":1e99"), "opens: 1e99 is more than 9007199254740992" },
		{ FLOW("\"opens\":3,\"failed\":4"), "failed: 4 is more than the opens, 3" },
		{ FLOW("\"client_ip\":\"10.0.0\""),
		  "client_ip: \"10.0.0\" is not an address" },
		{ FLOW("\"protocol\":\"sctp\""), "protocol: neither tcp nor udp" },
		{ FLOW("\"first\":5,\"last\":4"), "last is before first" },
		{ FLOW("\"last\":1767242561000"),
		  "last: 1767242561000 is more than 253402300799" },
		{ FLOW("\"witnesses\":\"client\""), "witnesses: not an array" },
		{ FLOW("\"guess\":1"), "guess: neither true nor false" },
		{ FLOW("\"version\":2"), "version 2 is newer than this program" },
		{ MACHINE("\"ips\":[\"x\"]"), "ips: \"x\" is not an address" },
		{ MACHINE("\"ips\":[1]"), "ips: not an array of addresses" },
		{ MACHINE("\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["),
		  "not JSON: nested too deeply" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(read_line(cases[i].line) == -EINVAL, "%s", cases[i].line);
		ck_assert_str_eq(e.msg, cases[i].words);
	}
}
END_TEST

START_TEST(long_names_are_refused)
{
	char line[600];
	char name[NAME_LEN + 2];

	memset(name, 'x', sizeof(name));
	name[NAME_LEN + 1] = 0;
	snprintf(line, sizeof(line), "{\"type\":\"machine\",\"id\":\"%s\"}", name);
	ck_assert_int_eq(read_line(line), -EINVAL);
	ck_assert_str_eq(e.msg, "id: longer than 255 bytes");
	name[NAME_LEN] = 0;
	snprintf(line, sizeof(line), "{\"type\":\"machine\",\"id\":\"%s\"}", name);
	ck_assert_int_eq(read_line(line), EXCHANGE_MACHINE);
	ck_assert_str_eq(exchange_machine(reader)->id, name);
}
END_TEST

START_TEST(numbers_may_be_written_in_many_ways)
{
	const struct exchange_flow *f;

	ck_assert_int_eq(
		read_line(FLOW("\"opens\":1e3,\"live\":2.0,\"first\":17.9,\"last\":18.2,"
			       "\"rtt_us\":5")),
		EXCHANGE_FLOW);
	f = exchange_flow(reader);
	ck_assert_uint_eq(f->c.opens, 1000);
	ck_assert_uint_eq(f->live, 2);
	ck_assert_int_eq(f->first, 17);
	ck_assert_int_eq(f->last, 18);
	ck_assert_uint_eq(f->c.rtt_sum_us / f->c.rtt_n, 5);
	ck_assert_uint_eq(f->c.rtt_n, 1000);
}
END_TEST

START_TEST(failures_without_a_kind_count)
{
	ck_assert_int_eq(read_line(FLOW("\"opens\":9,\"failed\":4,\"refused\":1")),
			 EXCHANGE_FLOW);
	ck_assert_uint_eq(exchange_flow(reader)->failed, 4);
	ck_assert_int_eq(read_line(FLOW("\"opens\":9,\"refused\":2")), EXCHANGE_FLOW);
	ck_assert_uint_eq(exchange_flow(reader)->failed, 2);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, full_lines_survive);
	tcase_add_test(t, short_lines_get_their_defaults);
	tcase_add_test(t, null_is_absent_and_the_last_of_two_holds);
	tcase_add_test(t, nothing_of_the_line_before_stays);
	tcase_add_test(t, other_types_are_not_ours);
	tcase_add_test(t, bad_lines_are_refused_with_words);
	tcase_add_test(t, long_names_are_refused);
	tcase_add_test(t, numbers_may_be_written_in_many_ways);
	tcase_add_test(t, failures_without_a_kind_count);
	return unit_run("exchange", t);
}

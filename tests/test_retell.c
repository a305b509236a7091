/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/retell.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "common/mem.h"
#include "tests/unit.h"

static struct exchange_reader *reader;
static struct retell *r;

static void setup_as(bool host)
{
	reader = exchange_reader_new();
	r = retell_new(host);
}

static void setup(void)
{
	setup_as(false);
}

static void teardown(void)
{
	exchange_reader_free(reader);
	retell_free(r);
}

static int read_line(const char *line)
{
	struct err e = { 0 };
	int kind = exchange_read(reader, line, strlen(line), &e);

	ck_assert_msg(kind >= 0, "%s: %s", line, e.msg);
	return kind;
}

static void learn(const char *line)
{
	if (read_line(line) == EXCHANGE_MACHINE)
		retell_learn_machine(r, exchange_machine(reader));
	else
		retell_learn_flow(r, exchange_flow(reader));
}

static int tell_flow(const char *line, struct flow *out, struct err *e)
{
	ck_assert_int_eq(read_line(line), EXCHANGE_FLOW);
	return retell_flow(r, exchange_flow(reader), out, e);
}

static void expect_addr(const struct addr *a, const char *text)
{
	char is[ADDR_TEXT];

	ck_assert_str_eq(addr_text(a, is), text);
}

#define FLOW                                                                                   \
	"{\"type\":\"flow\",\"client\":\"a\",\"client_ip\":\"10.0.0.1\","                      \
	"\"client_process\":\"curl\",\"server_ip\":\"10.0.0.2\",\"server_port\":443,"          \
	"\"server_process\":\"nginx\",\"opens\":9,\"failed\":4,\"refused\":1,\"timed_out\":1," \
	"\"bytes_to_server\":5,\"bytes_to_client\":6,\"retransmits\":7,\"live\":3,"            \
	"\"first\":1000,\"last\":1600}"

START_TEST(all_amounts_and_both_processes)
{
	struct err e = { 0 };
	struct flow f;

	learn(FLOW);
	learn("{\"type\":\"flow\",\"client_ip\":\"10.0.0.9\",\"server_ip\":\"10.0.0.2\","
	      "\"server_port\":1,\"last\":2200}");
	retell_set_shift(r, retell_shift(r, 9000000123));
	ck_assert_int_eq(tell_flow(FLOW, &f, &e), 1);
	ck_assert_int_eq(f.witness, WITNESS_MIRROR);
	ck_assert_uint_eq(f.c.opens, 9);
	ck_assert_uint_eq(f.c.refused, 1);
	ck_assert_uint_eq(f.c.timeouts, 1);
	ck_assert_uint_eq(f.c.failed_other, 2);
	ck_assert_uint_eq(counters_failed(&f.c), 4);
	ck_assert_uint_eq(f.c.bytes_to_server, 5);
	ck_assert_uint_eq(f.c.bytes_to_client, 6);
	ck_assert_uint_eq(f.c.retransmits, 7);
	ck_assert(f.c.has_bytes);
	ck_assert_uint_eq(f.live, 3);
	ck_assert_str_eq(f.client_process->name, "curl");
	ck_assert_str_eq(f.server_process->name, "nginx");
	ck_assert_uint_eq(f.last_ms, 9000000123 - 600 * 1000); /* as far before the newest */
	ck_assert_uint_eq(f.first_ms, 9000000123 - 1200 * 1000);
	ck_assert_uint_eq(f.minute, f.last_ms / 60000);
	ck_assert_uint_eq(f.proto, PROTO_TCP);
}
END_TEST

START_TEST(without_any_time_it_is_now)
{
	static const char line[] = "{\"type\":\"flow\",\"client_ip\":\"10.0.0.1\","
				   "\"server_ip\":\"10.0.0.2\",\"server_port\":53,"
				   "\"protocol\":\"udp\",\"opens\":1}";
	struct err e = { 0 };
	struct flow f;

	learn(line);
	retell_set_shift(r, retell_shift(r, 5000000));
	ck_assert_int_eq(tell_flow(line, &f, &e), 1);
	ck_assert_uint_eq(f.last_ms, 5000000);
	ck_assert_uint_eq(f.first_ms, 5000000);
	ck_assert_uint_eq(f.proto, PROTO_UDP);
	ck_assert_ptr_null(f.client_process);
	ck_assert(!f.c.has_bytes);
}
END_TEST

START_TEST(an_id_stands_for_its_address)
{
	static const char loop[] =
		"{\"type\":\"flow\",\"client\":\"a\",\"client_ip\":\"127.0.0.1\","
		"\"server\":\"a\",\"server_ip\":\"127.0.0.1\",\"server_port\":1}";
	struct err e = { 0 };
	struct flow f;

	learn("{\"type\":\"machine\",\"id\":\"a\",\"ips\":[\"127.0.0.1\",\"fe80::1\","
	      "\"10.0.0.7\",\"10.0.0.8\"]}");
	ck_assert_int_eq(tell_flow("{\"type\":\"flow\",\"client\":\"a\",\"server_ip\":"
				   "\"10.0.0.2\",\"server_port\":1}",
				   &f, &e),
			 1);
	expect_addr(&f.client, "10.0.0.7");
	ck_assert_int_eq(tell_flow(loop, &f, &e), 1);
	expect_addr(&f.client, "10.0.0.7");
	expect_addr(&f.server, "10.0.0.7");
	ck_assert_int_eq(tell_flow("{\"type\":\"flow\",\"client\":\"b\",\"server_ip\":"
				   "\"10.0.0.2\",\"server_port\":1}",
				   &f, &e),
			 -EINVAL);
	ck_assert_str_eq(e.msg, "no address is known of the client, b");
}
END_TEST

START_TEST(a_machine_is_whole)
{
	static const char line[] =
		"{\"type\":\"machine\",\"id\":\"a\",\"name\":\"web\",\"os\":\"Debian\","
		"\"cores\":4,\"ips\":[\"10.0.0.9\",\"10.0.0.2\"],\"boot\":\"uefi\"}";
	static struct machine m;
	struct err e = { 0 };

	ck_assert_int_eq(read_line(line), EXCHANGE_MACHINE);
	ck_assert_int_eq(retell_machine(r, exchange_machine(reader), &m, &e), 1);
	ck_assert_str_eq(m.id, "a");
	ck_assert_str_eq(m.name, "web");
	ck_assert_uint_eq(m.cores, 4);
	ck_assert_uint_eq(m.addrs_n, 2);
	expect_addr(&m.addrs[0], "10.0.0.2"); /* sorted */
	ck_assert_str_eq(m.extra, "{\"boot\":\"uefi\"}");
}
END_TEST

START_TEST(a_host_tells_of_the_machine_that_was_watched)
{
	static const char own[] = "{\"type\":\"machine\",\"id\":\"b\",\"sensor\":true,"
				  "\"ips\":[\"10.0.0.1\"]}";
	static const char other[] =
		"{\"type\":\"machine\",\"id\":\"a\",\"ips\":[\"10.0.0.9\"]}";
	static struct machine m;
	struct err e = { 0 };
	struct flow f;

	teardown();
	setup_as(true);
	learn(other);
	learn(own);
	learn("{\"type\":\"machine\",\"id\":\"c\",\"sensor\":true,\"ips\":[\"10.0.0.3\"]}");
	read_line(own);
	ck_assert_int_eq(retell_machine(r, exchange_machine(reader), &m, &e), 1);
	read_line(other);
	ck_assert_int_eq(retell_machine(r, exchange_machine(reader), &m, &e), 0);
	ck_assert_int_eq(tell_flow(FLOW, &f, &e), 1);
	ck_assert_int_eq(f.witness, WITNESS_CLIENT);
	ck_assert_int_eq(tell_flow("{\"type\":\"flow\",\"client_ip\":\"10.0.0.9\","
				   "\"server_ip\":\"10.0.0.1\",\"server_port\":1}",
				   &f, &e),
			 1);
	ck_assert_int_eq(f.witness, WITNESS_SERVER);
	ck_assert_int_eq(tell_flow("{\"type\":\"flow\",\"client_ip\":\"10.0.0.9\","
				   "\"server_ip\":\"10.0.0.3\",\"server_port\":1}",
				   &f, &e),
			 0);
	ck_assert_int_eq(tell_flow("{\"type\":\"flow\",\"client_ip\":\"127.0.0.1\","
				   "\"server_ip\":\"127.0.0.1\",\"server_port\":1}",
				   &f, &e),
			 1);
	expect_addr(&f.server, "127.0.0.1");
}
END_TEST

START_TEST(a_host_without_a_machine_of_its_own_is_silent)
{
	struct err e = { 0 };
	struct flow f;

	teardown();
	setup_as(true);
	ck_assert_int_eq(tell_flow(FLOW, &f, &e), 0);
	learn("{\"type\":\"machine\",\"id\":\"a\",\"ips\":[\"10.0.0.1\"]}");
	ck_assert_int_eq(tell_flow(FLOW, &f, &e), 1); /* the only one */
	learn("{\"type\":\"machine\",\"id\":\"b\",\"ips\":[\"10.0.0.2\"]}");
	ck_assert_int_eq(tell_flow(FLOW, &f, &e), 0); /* which of two? */
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, all_amounts_and_both_processes);
	tcase_add_test(t, without_any_time_it_is_now);
	tcase_add_test(t, an_id_stands_for_its_address);
	tcase_add_test(t, a_machine_is_whole);
	tcase_add_test(t, a_host_tells_of_the_machine_that_was_watched);
	tcase_add_test(t, a_host_without_a_machine_of_its_own_is_silent);
	return unit_run("retell", t);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/dynamic.h"

#include <check.h>
#include <stdlib.h>

#include "common/mem.h"
#include "tests/unit.h"

enum { CLIENTS = 60, MOST_EDGES = 4000, SERVER = CLIENTS };

/* Machines 0 to CLIENTS - 1 with one process each; the last machine serves, process SERVER. */
static struct graph *make(const char *server)
{
	struct graph *g = xcalloc(1, sizeof(*g));

	g->machine_n = g->process_n = CLIENTS + 1;
	g->machine = xcalloc(g->machine_n, sizeof(*g->machine));
	g->process = xcalloc(g->process_n + 1, sizeof(*g->process));
	g->edge = xcalloc(MOST_EDGES, sizeof(*g->edge));
	g->listener = xcalloc(2, sizeof(*g->listener));
	for (unsigned i = 0; i < g->process_n; i++)
		g->process[i] = (struct graph_process){
			.machine = i, .name = xstrdup(i == SERVER ? server : "app")
		};
	return g;
}

static void call(struct graph *g, unsigned client, unsigned server, unsigned port, bool works)
{
	ck_assert_uint_lt(g->edge_n, MOST_EDGES);
	g->edge[g->edge_n++] =
		(struct graph_edge){ .client = client,
				     .server = server,
				     .proto = PROTO_TCP,
				     .port = (uint16_t)port,
				     .c = { .opens = 2, .refused = works ? 0 : 2 } };
}

/* N ports from FIRST, each called by CALLERS machines. */
static void serve(struct graph *g, unsigned first, unsigned n, unsigned callers)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < callers; k++)
			call(g, (i * 7 + k) % CLIENTS, SERVER, first + i, true);
}

static unsigned folded(const struct graph *g)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g->edge_n; i++)
		n += g->edge[i].port == 0;
	return n;
}

static void check(struct graph *g, unsigned want)
{
	dynamic_fold(g);
	ck_assert_uint_eq(folded(g), want);
	graph_free(g);
}

START_TEST(rpc_of_a_directory)
{
	struct graph *g = make("lsass");

	serve(g, 49664, 36, 10);
	serve(g, 88, 1, CLIENTS);
	serve(g, 3268, 2, CLIENTS);
	check(g, 36 * 10);
}
END_TEST

START_TEST(rpc_without_a_sensor)
{
	struct graph *g = make("");

	serve(g, 49664, 36, 10);
	serve(g, 3300, 20, 1);
	check(g, 36 * 10);
}
END_TEST

START_TEST(passive_ftp_in_a_range_of_its_own)
{
	struct graph *g = make("vsftpd");

	serve(g, 21, 1, 9);
	serve(g, 10000, 40, 1);
	check(g, 40);
}
END_TEST

START_TEST(few_ports_keep_their_numbers)
{
	struct graph *g = make("java");

	serve(g, 21, 1, 1);
	serve(g, 32768, DYNAMIC_PORTS - 1, 2);
	serve(g, 7001, DYNAMIC_OWN - 1, 2);
	check(g, 0);
}
END_TEST

START_TEST(exactly_enough_ports_fold)
{
	struct graph *g = make("java");

	serve(g, 990, 1, 1);
	serve(g, DYNAMIC_FIRST, DYNAMIC_PORTS, 2);
	serve(g, 1024, DYNAMIC_OWN, 2);
	check(g, 2 * (DYNAMIC_PORTS + DYNAMIC_OWN));
}
END_TEST

/* Ports of one process that several call are services, even beside FTP. */
START_TEST(a_range_that_many_call_is_no_dynamic_one)
{
	struct graph *g = make("java");

	serve(g, 21, 1, 9);
	serve(g, 7001, 30, 3);
	check(g, 0);
}
END_TEST

START_TEST(low_ports_without_ftp_keep_their_numbers)
{
	struct graph *g = make("java");

	serve(g, 9000, 400, 1);
	check(g, 0);
}
END_TEST

START_TEST(a_port_that_stands_out_keeps_its_number)
{
	struct graph *g = make("java");

	serve(g, 40000, 20, 2);
	serve(g, 50000, 1, 10);
	dynamic_fold(g);
	ck_assert_uint_eq(folded(g), 40);
	for (unsigned i = 40; i < g->edge_n; i++)
		ck_assert_uint_eq(g->edge[i].port, 50000);
	graph_free(g);
}
END_TEST

/* A scanner opens nothing. */
START_TEST(failures_do_not_count)
{
	struct graph *g = make("");

	for (unsigned i = 0; i < 100; i++)
		call(g, 0, SERVER, 40000 + i, false);
	check(g, 0);
}
END_TEST

/* The failures have no server process; of another protocol the port is another one. */
START_TEST(what_leads_to_a_folded_port_folds)
{
	struct graph *g = make("lsass");
	unsigned nobody = g->process_n++;

	g->process[nobody] = (struct graph_process){ .machine = SERVER, .name = xstrdup("") };
	serve(g, 49664, 10, 1);
	call(g, 3, nobody, 49664, false);
	call(g, 3, nobody, 49700, false);
	call(g, 3, nobody, 49665, false);
	g->edge[g->edge_n - 1].proto = PROTO_UDP;
	g->listener[g->listener_n++] = (struct graph_listener){ SERVER, PROTO_TCP, 49664 };
	g->listener[g->listener_n++] = (struct graph_listener){ SERVER, PROTO_TCP, 135 };
	dynamic_fold(g);
	ck_assert_uint_eq(folded(g), 11);
	ck_assert_uint_eq(g->edge[10].port, 0);
	ck_assert_uint_eq(g->listener[0].port, 0);
	ck_assert_uint_eq(g->listener[1].port, 135);
	graph_free(g);
}
END_TEST

START_TEST(an_empty_graph)
{
	check(xcalloc(1, sizeof(struct graph)), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("dynamic");

	tcase_add_test(t, rpc_of_a_directory);
	tcase_add_test(t, rpc_without_a_sensor);
	tcase_add_test(t, passive_ftp_in_a_range_of_its_own);
	tcase_add_test(t, few_ports_keep_their_numbers);
	tcase_add_test(t, exactly_enough_ports_fold);
	tcase_add_test(t, a_range_that_many_call_is_no_dynamic_one);
	tcase_add_test(t, low_ports_without_ftp_keep_their_numbers);
	tcase_add_test(t, a_port_that_stands_out_keeps_its_number);
	tcase_add_test(t, failures_do_not_count);
	tcase_add_test(t, what_leads_to_a_folded_port_folds);
	tcase_add_test(t, an_empty_graph);
	return unit_run("dynamic", t);
}

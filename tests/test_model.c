/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/model.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>

#include "common/buf.h"
#include "tests/scenes.h"
#include "tests/unit.h"

static struct graph *load(struct scenes *s, const struct filter *f)
{
	struct err e = { 0 };
	struct graph *g = graph_load(scenes_store(s), f, &e);

	ck_assert_msg(g != NULL, "%s", e.msg);
	return g;
}

static void print_edge(struct buf *b, const struct graph *g, const struct graph_edge *e)
{
	const struct graph_process *c = &g->process[e->client], *s = &g->process[e->server];

	buf_printf(b, "%s %s %s -> %s %s %s :%u/%u %" PRIu64 "+%" PRIu64 " %" PRId64 "\n",
		   g->machine[c->machine].name, c->name, c->ip, g->machine[s->machine].name,
		   s->name, s->ip, e->port, e->proto, e->c.opens, e->live, e->first);
}

/* The whole graph as text, the caller frees it. */
static char *print(const struct graph *g)
{
	struct buf b = { 0 };

	for (unsigned i = 0; i < g->machine_n; i++)
		buf_printf(&b, "%s/%s\n", g->machine[i].name, g->machine[i].id);
	for (unsigned i = 0; i < g->process_n; i++)
		buf_printf(&b, "%u %s %s\n", g->process[i].machine, g->process[i].name,
			   g->process[i].ip);
	for (unsigned i = 0; i < g->edge_n; i++)
		print_edge(&b, g, &g->edge[i]);
	for (unsigned i = 0; i < g->listener_n; i++)
		buf_printf(&b, "%u :%u\n", g->listener[i].process, g->listener[i].port);
	return buf_take(&b);
}

static unsigned count_processes(const struct graph *g, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g->process_n; i++)
		n += !strcmp(g->process[i].name, name);
	return n;
}

static void check_same_backwards(struct scenes *s)
{
	static const struct filter all;
	struct graph *forwards = load(s, &all), *backwards;
	char *a = print(forwards), *b;

	s->backwards = true;
	backwards = load(s, &all);
	b = print(backwards);
	ck_assert_str_eq(a, b);
	graph_free(forwards);
	graph_free(backwards);
	free(a);
	free(b);
	scenes_fini(s);
}

START_TEST(order_of_rows_does_not_matter)
{
	struct scenes s = { 0 };

	scenes_one_host(&s);
	check_same_backwards(&s);
	scenes_three_tiers(&s);
	check_same_backwards(&s);
	scenes_estate(&s, 60);
	check_same_backwards(&s);
	scenes_hostile(&s);
	check_same_backwards(&s);
}
END_TEST

START_TEST(one_process_for_several_addresses)
{
	static const struct filter all;
	struct scenes s = { 0 };
	struct graph *g;

	scenes_machine(&s, "m", "m", "", "10.0.0.1", true);
	scenes_machine(&s, "n", "n", "", "10.1.0.9", true);
	scenes_edge(&s, "- 10.0.0.7", "m 10.0.0.1 nginx", 443, 1);
	scenes_edge(&s, "- 2001:db8::7", "m 2001:db8::1 nginx", 443, 1);
	scenes_edge(&s, "m 10.1.0.1 nginx", "n 10.1.0.9 java", 8080, 1);
	scenes_edge(&s, "m 127.0.0.1 nginx", "m 127.0.0.1 redis", 6379, 1);
	scenes_listener(&s, "m", "nginx", 443, PROTO_TCP);
	g = load(&s, &all);
	ck_assert_uint_eq(count_processes(g, "nginx"), 1);
	ck_assert_uint_eq(g->edge_n, 4);
	ck_assert_uint_eq(g->listener_n, 1);
	ck_assert_str_eq(g->process[g->listener[0].process].name, "nginx");
	graph_free(g);
	scenes_fini(&s);
}
END_TEST

/* Same name everywhere: only traffic between addresses tells namespaces apart. */
START_TEST(namespaces_split_processes)
{
	static const struct filter all;
	static const struct {
		const char *edges[4][2];
		unsigned processes;
	} cases[] = {
		{ { { "m 10.0.0.1 py", "m 10.0.0.1 py" } }, 1 },
		{ { { "m 10.0.0.1 py", "m 10.0.0.2 py" } }, 2 },
		{ { { "m 10.0.0.1 py", "m 10.0.0.2 py" },
		    { "m 127.0.0.1 py", "m 10.0.0.2 py" } },
		  2 },
		{ { { "m 10.0.0.9 x", "m 10.0.0.1 py" }, { "m 10.0.0.9 x", "m 10.0.0.2 py" } },
		  2 },
		{ { { "m 10.0.0.1 py", "m 10.0.0.9 x" }, { "m 10.0.0.2 py", "m 10.0.0.9 x" } },
		  2 },
		{ { { "- 10.9.0.1", "m 10.0.0.1 py" }, { "- 10.9.0.1", "m 10.0.0.2 py" } },
		  1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scenes s = { 0 };
		struct graph *g;

		scenes_machine(&s, "m", "m", "", "10.0.0.1", true);
		for (unsigned k = 0; k < 4 && cases[i].edges[k][0]; k++)
			scenes_edge(&s, cases[i].edges[k][0], cases[i].edges[k][1], 80, 1);
		g = load(&s, &all);
		ck_assert_msg(count_processes(g, "py") == cases[i].processes, "case %zu: %u",
			      i, count_processes(g, "py"));
		graph_free(g);
		scenes_fini(&s);
	}
}
END_TEST

START_TEST(containers_are_processes_of_their_own)
{
	static const struct filter all;
	struct scenes s = { 0 };
	struct graph *g;

	scenes_machine(&s, "m", "m", "", "10.0.0.1", true);
	scenes_edge(&s, "m 172.17.0.1 nginx", "m 172.17.0.2 app", 80, 1)
		->server.process.container = "c1";
	scenes_edge(&s, "m 172.17.0.1 nginx", "m 172.17.0.3 app", 80, 1)
		->server.process.container = "c2";
	scenes_edge(&s, "m 172.18.0.1 nginx", "m 172.18.0.3 app", 81, 1)
		->server.process.container = "c2";
	scenes_edge(&s, "m 10.0.0.1 psql", "m 10.0.0.1 pg", 5432, 1)->client.process.unit =
		"session-1.scope";
	scenes_edge(&s, "m 10.0.0.1 psql", "m 10.0.0.1 pg", 5432, 1)->client.process.unit =
		"session-2.scope";
	g = load(&s, &all);
	ck_assert_uint_eq(count_processes(g, "app"), 2);
	ck_assert_uint_eq(count_processes(g, "psql"), 1);
	graph_free(g);
	scenes_fini(&s);
}
END_TEST

START_TEST(addresses_without_a_machine)
{
	static const struct filter all;
	struct scenes s = { 0 };
	struct graph *g;
	int i;

	scenes_machine(&s, "m", "m", "", "10.0.0.1", true);
	scenes_machine(&s, "n", "n", "", "10.0.0.2", true);
	scenes_edge(&s, "- 198.51.100.1", "m 10.0.0.1 nginx", 443, 1);
	scenes_edge(&s, "- 127.0.0.1", "m 127.0.0.1 redis", 6379, 1);
	scenes_edge(&s, "- fe80::1", "m fe80::2 nginx", 443, 1);
	scenes_edge(&s, "- fe80::1", "n fe80::3 nginx", 443, 1);
	g = load(&s, &all);
	ck_assert_uint_eq(g->machine_n, 5);
	i = graph_find_machine(g, "198.51.100.1");
	ck_assert_int_ge(i, 0);
	ck_assert(!g->machine[i].known);
	ck_assert_str_eq(g->machine[i].id, "");
	ck_assert_int_eq(graph_find_machine(g, "127.0.0.1"), -1);
	graph_free(g);
	scenes_fini(&s);
}
END_TEST

START_TEST(edges_are_joined)
{
	static const struct filter all;
	struct scenes s = { 0 };
	struct edge_row *e;
	struct graph *g;

	scenes_machine(&s, "m", "m", "", "10.0.0.1", true);
	scenes_edge(&s, "- 10.9.0.1", "m 10.0.0.1 nginx", 443, 3);
	e = scenes_edge(&s, "- 10.9.0.1", "m 10.1.0.1 nginx", 443, 4);
	e->first = 100;
	e->last = 200;
	e->live = 2;
	e->c.has_bytes = false;
	g = load(&s, &all);
	ck_assert_uint_eq(g->edge_n, 1);
	ck_assert_uint_eq(g->edge[0].c.opens, 7);
	ck_assert_uint_eq(g->edge[0].live, 2);
	ck_assert(!g->edge[0].c.has_bytes);
	ck_assert_int_eq(g->edge[0].first, 100);
	ck_assert_int_eq(g->first, 100);
	ck_assert_int_eq(g->last, SCENES_T0 + 3000);
	graph_free(g);
	scenes_fini(&s);
}
END_TEST

START_TEST(filters_leave_machines_out)
{
	struct filter f = { .port = 8080, .since = 5, .until = 9 };
	struct scenes s = { 0 };
	struct graph *g;

	scenes_three_tiers(&s);
	g = load(&s, &f);
	ck_assert_uint_eq(g->machine_n, 7); /* three web, four app */
	ck_assert_int_eq(g->since, 5);
	ck_assert_int_eq(g->until, 9);
	graph_free(g);
	f = (struct filter){ .port = 1, .machine = "db01" };
	g = load(&s, &f);
	ck_assert_uint_eq(g->machine_n, 1);
	ck_assert_uint_eq(g->edge_n, 0);
	graph_free(g);
	scenes_fini(&s);
}
END_TEST

START_TEST(machines_are_found)
{
	static const struct filter all;
	struct scenes s = { 0 };
	struct graph *g;

	scenes_machine(&s, "id-1", "web", "", "10.0.0.1", true);
	scenes_machine(&s, "web", "db", "", "10.0.0.2", true);
	g = load(&s, &all);
	ck_assert_str_eq(g->machine[graph_find_machine(g, "id-1")].name, "web");
	ck_assert_str_eq(g->machine[graph_find_machine(g, "web")].name, "db"); /* ids first */
	ck_assert_str_eq(g->machine[graph_find_machine(g, "10.0.0.2")].name, "db");
	ck_assert_int_eq(graph_find_machine(g, ""), -1);
	ck_assert_int_eq(graph_find_machine(g, "nobody"), -1);
	graph_free(g);
	scenes_fini(&s);
}
END_TEST

START_TEST(a_broken_store_says_so)
{
	static const struct filter all;
	struct scenes s = { .fail = -EIO };
	struct err e = { 0 };

	scenes_machine(&s, "m", "m", "", "10.0.0.1", true);
	ck_assert_ptr_null(graph_load(scenes_store(&s), &all, &e));
	ck_assert_str_eq(e.msg, "the store is broken");
	scenes_fini(&s);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, order_of_rows_does_not_matter);
	tcase_add_test(t, one_process_for_several_addresses);
	tcase_add_test(t, namespaces_split_processes);
	tcase_add_test(t, containers_are_processes_of_their_own);
	tcase_add_test(t, addresses_without_a_machine);
	tcase_add_test(t, edges_are_joined);
	tcase_add_test(t, filters_leave_machines_out);
	tcase_add_test(t, machines_are_found);
	tcase_add_test(t, a_broken_store_says_so);
	return unit_run("model", t);
}

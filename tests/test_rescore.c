/* SPDX-License-Identifier: Apache-2.0 */
/* Six machines: a-b-c are one group, d-e another, f is shared; c also calls d. */
#include <string.h>

#include "common/mem.h"
#include "graph/rescore.h"
#include "tests/unit.h"

enum { A, B, C, D, E, F, MACHINES };

static struct graph g;
static struct graph_machine machine[MACHINES];
static struct graph_process process[MACHINES];
static struct graph_edge edge[] = {
	{ A, B, 6, 80, { .opens = 100, .bytes_to_server = 1000, .has_bytes = true } },
	{ B, C, 6, 5432, { .opens = 50 } },
	{ C,
	  D,
	  6,
	  80,
	  { .opens = 30, .refused = 10, .bytes_to_client = 500, .has_bytes = 1 } },
	{ C, D, 6, 81, { .opens = 2 } },
	{ D, E, 6, 80, { .opens = 40 } },
	{ A, F, 6, 53, { .opens = 9 } },
	{ E, A, 6, 9, { .opens = 7, .refused = 7 } },
	{ B, B, 6, 9, { .opens = 7 } },
};
enum { EDGES = sizeof(edge) / sizeof(edge[0]) };

/* Weights of the pairs AB, BC, CD, DE in both directions; the failed EA and AF have none. */
static unsigned start[MACHINES + 1] = { 0, 1, 3, 5, 7, 8, 8 };
static struct tie tie[] = { { B, 3 }, { A, 3 }, { C, 2 }, { B, 2 },
			    { D, 1 }, { C, 1 }, { E, 4 }, { D, 4 } };
static struct ties ties = { start, tie, MACHINES, 8 };

static struct plan *plan(const char *of_c)
{
	struct plan *p = plan_new(MACHINES);

	plan_add(p, PLAN_GROUP, "shop");
	plan_add(p, PLAN_GROUP, "billing");
	plan_add(p, PLAN_SHARED, "dns");
	for (unsigned m = 0; m < MACHINES; m++)
		p->machine[m].group = m < D ? 0 : m < F ? 1 : 2;
	if (strcmp(of_c, "shop") != 0)
		p->machine[C].group = 1;
	plan_settle(p);
	return p;
}

static void setup(void)
{
	for (unsigned m = 0; m < MACHINES; m++)
		process[m].machine = m;
	g = (struct graph){ .machine = machine,
			    .process = process,
			    .edge = edge,
			    .machine_n = MACHINES,
			    .process_n = MACHINES,
			    .edge_n = EDGES,
			    .first = 1000000,
			    .last = 1000000 + 10 * 86400 };
}

START_TEST(days)
{
	setup();
	ck_assert_double_eq_tol(rescore_days(&g), 10, 1e-9);
	g.since = g.first + 5 * 86400;
	ck_assert_double_eq_tol(rescore_days(&g), 5, 1e-9);
	g.until = g.since + 2 * 86400;
	ck_assert_double_eq_tol(rescore_days(&g), 2, 1e-9);
	g.until = g.since + 60;
	ck_assert_double_eq_tol(rescore_days(&g), 1, 1e-9);
	g = (struct graph){ 0 };
	ck_assert_double_eq_tol(rescore_days(&g), 1, 1e-9);
}
END_TEST

START_TEST(whole_plan)
{
	struct plan *p = plan("shop");
	struct rescore r;

	setup();
	r = rescore_plan(&g, &ties, p);
	ck_assert_uint_eq(r.kept.ties, 3);
	ck_assert_double_eq_tol(r.kept.weight, 9, 1e-6);
	ck_assert_uint_eq(r.kept.edges, 3);
	ck_assert_double_eq_tol(r.kept.opens, 19, 1e-6);
	ck_assert_double_eq_tol(r.kept.bytes, 100, 1e-6);
	ck_assert_uint_eq(r.cut.ties, 1);
	ck_assert_uint_eq(r.cut.edges, 2);
	ck_assert_double_eq_tol(r.cut.weight, 1, 1e-6);
	ck_assert_double_eq_tol(r.cut.opens, 2.2, 1e-6);
	ck_assert_double_eq_tol(r.cut.bytes, 50, 1e-6);
	ck_assert(r.cut.has_bytes);
	ck_assert_double_eq_tol(rescore_share(&r), .1, 1e-6);
	plan_free(p);
}
END_TEST

START_TEST(one_machine_before_and_after)
{
	struct plan *before = plan("shop"), *after = plan("billing");
	const unsigned c = C;
	struct rescore r;

	setup();
	r = rescore_machines(&g, &ties, before, &c, 1);
	ck_assert_uint_eq(r.kept.ties, 1);
	ck_assert_uint_eq(r.cut.ties, 1);
	ck_assert_double_eq_tol(rescore_share(&r), 1. / 3, 1e-6);
	r = rescore_machines(&g, &ties, after, &c, 1);
	ck_assert_uint_eq(r.kept.edges, 2);
	ck_assert_uint_eq(r.cut.edges, 1);
	ck_assert(!r.cut.has_bytes);
	ck_assert_double_eq_tol(rescore_share(&r), 2. / 3, 1e-6);
	plan_free(before);
	plan_free(after);
}
END_TEST

START_TEST(rules)
{
	struct plan *p = plan("shop");
	struct rule rule = { RULE_APART, 1, C, D, "", 0 };
	struct rescore r;

	setup();
	r = rescore_rule(&g, &ties, p, &rule);
	ck_assert_uint_eq(r.cut.ties, 1);
	ck_assert_uint_eq(r.kept.ties + r.kept.edges, 0);
	rule.kind = RULE_TOGETHER; /* BC, CD, DE, each once */
	r = rescore_rule(&g, &ties, p, &rule);
	ck_assert_uint_eq(r.cut.ties, 1);
	ck_assert_uint_eq(r.kept.ties, 2);
	rule = (struct rule){ RULE_PIN, 2, E, PLAN_NONE, "billing", 0 };
	r = rescore_rule(&g, &ties, p, &rule);
	ck_assert_uint_eq(r.cut.ties, 0);
	ck_assert_uint_eq(r.kept.ties, 1);
	rule = (struct rule){ RULE_SHARED, 3, F, PLAN_NONE, "dns", 0 };
	r = rescore_rule(&g, &ties, p, &rule);
	ck_assert_uint_eq(r.cut.ties + r.kept.ties, 0);
	ck_assert_double_eq_tol(rescore_share(&r), 0, 1e-9);
	plan_free(p);
}
END_TEST

START_TEST(a_limit_costs_what_leaves_the_groups_it_fills)
{
	struct plan *p = plan("shop");
	struct rule rule = { RULE_LIMIT, 1, PLAN_NONE, PLAN_NONE, "", 4 };
	struct rescore r;

	setup();
	r = rescore_rule(&g, &ties, p, &rule);
	ck_assert_uint_eq(r.cut.ties + r.kept.ties, 0);
	rule.size = 3;
	r = rescore_rule(&g, &ties, p, &rule);
	ck_assert_uint_eq(r.cut.ties, 1);
	ck_assert_uint_eq(r.kept.ties, 2);
	rule.name = "billing";
	rule.size = 2;
	r = rescore_rule(&g, &ties, p, &rule);
	ck_assert_uint_eq(r.cut.ties, 1);
	ck_assert_uint_eq(r.kept.ties, 1);
	plan_free(p);
}
END_TEST

START_TEST(moved)
{
	struct plan *before = plan("shop"), *after = plan("billing");
	unsigned out[MACHINES];

	ck_assert_uint_eq(rescore_moved(before, after, out), 1);
	ck_assert_uint_eq(out[0], C);
	ck_assert_uint_eq(rescore_moved(before, before, out), 0);
	after->machine[C].group = PLAN_NONE;
	ck_assert_uint_eq(rescore_moved(before, after, out), 0);
	plan_free(before);
	plan_free(after);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, days);
	tcase_add_test(t, whole_plan);
	tcase_add_test(t, one_machine_before_and_after);
	tcase_add_test(t, rules);
	tcase_add_test(t, a_limit_costs_what_leaves_the_groups_it_fills);
	tcase_add_test(t, moved);
	return unit_run("rescore", t);
}

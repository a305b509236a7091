/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/compare.h"

#include <check.h>

#include "tests/handmade.h"
#include "tests/unit.h"

enum { DAY = 86400 };

/*
 * By hand: a = 000 111, b = 00 11 22.  Pairs together in both 2 (0-1, 4-5), in a 6, in b 3, of
 * 15: chance 6 * 3 / 15 = 1.2, (2 - 1.2) / (4.5 - 1.2) = 0.2424.
 */
START_TEST(rand_index_by_hand)
{
	static const unsigned a[] = { 0, 0, 0, 1, 1, 1 }, b[] = { 0, 0, 1, 1, 2, 2 };
	static const unsigned c[] = { 7, 7, 7, 3, 3, 3 }, ones[] = { 0, 0, 0, 0, 0, 0 };

	ck_assert_double_eq_tol(compare_rand(a, b, 6), 0.8 / 3.3, 1e-9);
	ck_assert_double_eq_tol(compare_rand(b, a, 6), 0.8 / 3.3, 1e-9);
	ck_assert_double_eq(compare_rand(a, c, 6), 1); /* labels do not matter */
	ck_assert_double_eq(compare_rand(a, ones, 6), 0);
	ck_assert_double_eq(compare_rand(ones, ones, 6), 1);
	ck_assert_double_eq(compare_rand(a, b, 0), 1);
}
END_TEST

struct plans {
	struct graph *g;
	struct plan *a, *b;
	struct compare_plans *c;
};

static void plans_begin(struct plans *s, const char *a, const char *b)
{
	s->g = hand_graph((unsigned)strlen(a));
	s->a = hand_plan(a);
	s->b = hand_plan(b);
	s->c = compare_plans(s->g, s->a, s->g, s->b);
}

static void plans_end(struct plans *s)
{
	compare_plans_free(s->c);
	plan_free(s->a);
	plan_free(s->b);
	graph_free(s->g);
}

static const struct compare_group *fate(const struct plans *s, enum compare_fate fate)
{
	for (unsigned i = 0; i < s->c->group_n; i++)
		if (s->c->group[i].fate == fate)
			return &s->c->group[i];
	return NULL;
}

START_TEST(the_same_plan)
{
	struct plans s;

	plans_begin(&s, "aabbD", "aabbD");
	ck_assert_uint_eq(s.c->group_n, 0);
	ck_assert_uint_eq(s.c->move_n, 0);
	ck_assert_uint_eq(s.c->groups_same, 3);
	ck_assert_uint_eq(s.c->machines, 5);
	ck_assert_double_eq(s.c->rand, 1);
	plans_end(&s);
}
END_TEST

START_TEST(a_name_is_not_a_group)
{
	struct plans s;

	plans_begin(&s, "aaabbb", "bbbaaa"); /* the names were swapped */
	ck_assert_uint_eq(s.c->move_n, 0);
	ck_assert_uint_eq(s.c->group_n, 2);
	ck_assert_int_eq(s.c->group[0].fate, COMPARE_RENAMED);
	ck_assert_int_eq(s.c->group[1].fate, COMPARE_RENAMED);
	ck_assert_double_eq(s.c->rand, 1);
	plans_end(&s);
}
END_TEST

START_TEST(a_machine_moves)
{
	struct plans s;

	plans_begin(&s, "aaaabbbb", "aaabbbbb");
	ck_assert_uint_eq(s.c->move_n, 1);
	ck_assert_str_eq(s.c->move[0].id, "m3");
	ck_assert_str_eq(s.b->group[s.c->move[0].to].name, "b");
	ck_assert_uint_eq(s.c->group_n, 2);
	ck_assert_int_eq(s.c->group[0].fate, COMPARE_RESIZED);
	ck_assert_uint_eq(s.c->group[0].went, 1);
	ck_assert_uint_eq(s.c->group[1].came, 1);
	ck_assert_uint_eq(s.c->group[1].common, 4);
	ck_assert(!s.c->group[1].renamed);
	plans_end(&s);
}
END_TEST

START_TEST(a_group_splits_and_merges)
{
	struct plans s;
	const struct compare_group *g;

	plans_begin(&s, "aaaaabbbcc", "aaadduuuuu");
	g = fate(&s, COMPARE_SPLIT);
	ck_assert(g != NULL);
	ck_assert_str_eq(s.a->group[g->a].name, "a");
	ck_assert_uint_eq(g->part_n, 1);
	ck_assert_str_eq(s.b->group[g->part[0]].name, "d");
	g = fate(&s, COMPARE_MERGED);
	ck_assert(g != NULL);
	ck_assert_str_eq(s.a->group[g->a].name, "b");
	ck_assert_str_eq(s.b->group[g->b].name, "u");
	ck_assert(g->renamed);
	ck_assert_uint_eq(g->part_n, 1);
	ck_assert_str_eq(s.a->group[g->part[0]].name, "c");
	ck_assert_uint_eq(s.c->group_n, 2); /* nothing is new or gone */
	ck_assert_uint_eq(s.c->move_n, 4);  /* 3 4 to d, 8 9 to u */
	plans_end(&s);
}
END_TEST

START_TEST(a_machine_becomes_shared)
{
	struct plans s;

	plans_begin(&s, "aaabE", "aaDbb");
	ck_assert_uint_eq(s.c->move_n, 2);
	ck_assert(s.c->move[0].became_shared && !s.c->move[0].was_shared);
	ck_assert(s.c->move[1].was_shared && !s.c->move[1].became_shared);
	ck_assert(fate(&s, COMPARE_ADDED) && fate(&s, COMPARE_REMOVED));
	plans_end(&s);
}
END_TEST

START_TEST(a_group_becomes_shared)
{
	struct plans s;

	plans_begin(&s, "aabb", "AAbb");
	ck_assert(fate(&s, COMPARE_ADDED) && fate(&s, COMPARE_REMOVED));
	ck_assert_uint_eq(s.c->move_n, 2);
	ck_assert(s.c->move[0].became_shared);
	plans_end(&s);
}
END_TEST

START_TEST(a_group_from_everywhere_is_new)
{
	struct plans s;

	plans_begin(&s, "aaaabbbb-", "aaadbbbdd");
	ck_assert(fate(&s, COMPARE_ADDED) && !fate(&s, COMPARE_SPLIT));
	ck_assert_uint_eq(s.c->move_n, 3);
	plans_end(&s);
}
END_TEST

START_TEST(a_machine_comes_and_goes)
{
	struct plans s;

	plans_begin(&s, "aaa-b", "-aaab");
	ck_assert_uint_eq(s.c->machines, 3);
	ck_assert_uint_eq(s.c->move_n, 2);
	ck_assert_uint_eq(s.c->move[0].to, PLAN_NONE);
	ck_assert_uint_eq(s.c->move[1].from, PLAN_NONE);
	ck_assert_int_eq(s.c->group[0].fate, COMPARE_RESIZED);
	plans_end(&s);
}
END_TEST

static struct graph *window(unsigned machines, unsigned from, unsigned to)
{
	struct graph *g = hand_graph(machines);

	g->since = HAND_T0 + from * DAY;
	g->until = HAND_T0 + to * DAY;
	g->first = g->since;
	g->last = g->until - 1;
	return g;
}

static struct compare_graphs *compared(struct graph *a, struct graph *b)
{
	struct compare_graphs *c = compare_graphs(a, b, 2);

	graph_free(a);
	graph_free(b);
	return c;
}

START_TEST(edges_new_and_gone)
{
	struct graph *a = window(4, 0, 7), *b = window(4, 7, 14);
	struct compare_graphs *c;

	hand_edge(a, 0, 1, 80, 100);
	hand_edge(a, 0, 2, 443, 100);
	hand_edge(b, 0, 1, 80, 110);
	hand_edge(b, 0, 3, 5432, 70);
	c = compared(a, b);
	ck_assert_uint_eq(c->edges_same, 1);
	ck_assert_uint_eq(c->edge_n, 2);
	ck_assert_int_eq(c->edge[0].change, COMPARE_NEW);
	ck_assert_uint_eq(c->edge[0].b, 1);
	ck_assert_double_eq_tol(c->edge[0].b_opens, 10, 1e-9);
	ck_assert_int_eq(c->edge[1].change, COMPARE_GONE);
	ck_assert_uint_eq(c->edge[1].a, 1);
	ck_assert_uint_eq(c->machine_n, 2);
	ck_assert_int_eq(c->machine[0].change, COMPARE_NEW);
	ck_assert_uint_eq(c->machine[0].machine, 3);
	ck_assert_int_eq(c->machine[1].change, COMPARE_GONE);
	ck_assert_uint_eq(c->machine[1].machine, 2);
	ck_assert_uint_eq(c->machines_same, 2);
	compare_graphs_free(c);
}
END_TEST

START_TEST(edges_change_by_a_factor_and_not_by_noise)
{
	struct graph *a = window(2, 0, 1), *b = window(2, 1, 8);
	struct compare_graphs *c;

	hand_edge(a, 0, 1, 1, 100);
	hand_edge(b, 0, 1, 1, 7 * 190); /* less than twice as many a day */
	hand_edge(a, 0, 1, 2, 100);
	hand_edge(b, 0, 1, 2, 7 * 210);
	hand_edge(a, 0, 1, 3, 1);
	hand_edge(b, 0, 1, 3, 21); /* thrice, but that is noise */
	hand_edge(a, 0, 1, 4, 1000);
	hand_edge(b, 0, 1, 4, 7 * 10);
	c = compared(a, b);
	ck_assert_uint_eq(c->edge_n, 2);
	ck_assert_uint_eq(c->edge[0].b, 1);
	ck_assert_double_eq_tol(c->edge[0].factor, 2.1, 1e-9);
	ck_assert_uint_eq(c->edge[1].b, 3);
	ck_assert_double_eq_tol(c->edge[1].factor, 0.01, 1e-9);
	compare_graphs_free(c);
}
END_TEST

START_TEST(edges_that_begin_to_fail)
{
	struct graph *a = window(2, 0, 1), *b = window(2, 1, 2);
	struct compare_graphs *c;

	hand_edge(a, 0, 1, 1, 100)->c.refused = 1;
	hand_edge(b, 0, 1, 1, 100)->c.timeouts = 50;
	hand_edge(a, 0, 1, 2, 100)->c.refused = 40;
	hand_edge(b, 0, 1, 2, 100);
	hand_edge(a, 0, 1, 3, 100)->c.refused = 40;
	hand_edge(b, 0, 1, 3, 100)->c.refused = 50;
	c = compared(a, b);
	ck_assert_uint_eq(c->edge_n, 2);
	ck_assert(c->edge[0].fails && !c->edge[0].heals);
	ck_assert(!c->edge[1].fails && c->edge[1].heals);
	ck_assert_uint_eq(c->edges_same, 1);
	compare_graphs_free(c);
}
END_TEST

static void call(struct graph *g, unsigned process, const char *name)
{
	free(g->process[process].name);
	g->process[process].name = xstrdup(name);
}

START_TEST(an_unknown_process_is_any)
{
	struct graph *a = window(3, 0, 1), *b = window(3, 1, 2);
	struct compare_graphs *c;

	call(a, 1, "");
	call(b, 2, "other");
	hand_edge(a, 0, 1, 1, 5);
	hand_edge(b, 0, 1, 1, 5);
	hand_edge(a, 0, 2, 1, 5);
	hand_edge(b, 0, 2, 1, 5);
	c = compared(a, b);
	ck_assert_uint_eq(c->edges_same, 1);
	ck_assert_uint_eq(c->edge_n, 2); /* another process is another edge */
	compare_graphs_free(c);
}
END_TEST

START_TEST(imported_totals_count_whole)
{
	struct graph *a = window(2, 0, 2), *b = window(2, 2, 20);
	struct compare_graphs *c;

	for (unsigned i = 0; i < 2; i++) {
		struct graph_edge *e = hand_edge(i ? b : a, 0, 1, 1, 10000);

		e->witnesses = 1u << WITNESS_IMPORT;
		e->last = e->first + 20 * DAY;
	}
	c = compared(a, b);
	ck_assert_uint_eq(c->edge_n, 0);
	compare_graphs_free(c);
}
END_TEST

/* Two databases: what one has and the other has not, whatever the order. */
START_TEST(machines_are_known_by_id)
{
	struct graph *a = hand_graph(3), *b = hand_graph(3);
	struct compare_graphs *c;

	for (unsigned m = 0; m < 3; m++) {
		free(b->machine[m].id);
		b->machine[m].id = xasprintf("m%u", 3 - m); /* m3 m2 m1 */
	}
	hand_edge(a, 1, 2, 80, 5);
	hand_edge(b, 2, 1, 80, 5);
	call(a, 1, "x");
	call(a, 2, "y");
	call(b, 2, "x");
	call(b, 1, "y");
	c = compared(a, b);
	ck_assert_uint_eq(c->edges_same, 1);
	ck_assert_uint_eq(c->machines_same, 2);
	ck_assert_uint_eq(c->machine_n, 2);
	ck_assert_uint_eq(c->machine[0].machine, 0); /* m3 of b */
	ck_assert_uint_eq(c->machine[1].machine, 0); /* m0 of a */
	compare_graphs_free(c);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("compare");

	tcase_add_test(t, rand_index_by_hand);
	tcase_add_test(t, the_same_plan);
	tcase_add_test(t, a_name_is_not_a_group);
	tcase_add_test(t, a_machine_moves);
	tcase_add_test(t, a_group_splits_and_merges);
	tcase_add_test(t, a_machine_becomes_shared);
	tcase_add_test(t, a_group_becomes_shared);
	tcase_add_test(t, a_group_from_everywhere_is_new);
	tcase_add_test(t, a_machine_comes_and_goes);
	tcase_add_test(t, edges_new_and_gone);
	tcase_add_test(t, edges_change_by_a_factor_and_not_by_noise);
	tcase_add_test(t, edges_that_begin_to_fail);
	tcase_add_test(t, an_unknown_process_is_any);
	tcase_add_test(t, imported_totals_count_whole);
	tcase_add_test(t, machines_are_known_by_id);
	return unit_run("compare", t);
}

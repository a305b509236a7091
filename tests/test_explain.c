/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/explain.h"

#include <check.h>

#include "graph/mincut.h"
#include "tests/handmade.h"
#include "tests/unit.h"

/*
 * Machines 0 1 2 are group a, 3 4 5 group b, 6 is shared (D), 7 stands alone (c).
 *
 *	0 =4= 1 -2- 2      3 =4= 4 -3- 5      2 -1.5- 3      5 -1- 1
 */
enum { N = 8 };

struct scene {
	struct graph *g;
	struct plan *p;
	struct ties *t;
	struct explain *x;
	unsigned days[16];
};

static void scene_edges(struct graph *g)
{
	hand_edge(g, 0, 1, 5432, 100);
	hand_edge(g, 0, 1, 6379, 900);
	hand_edge(g, 1, 0, 22, 5);
	hand_edge(g, 1, 2, 80, 10);
	hand_edge(g, 0, 6, 389, 50);
	hand_edge(g, 1, 6, 389, 60)->c.refused = 7;
	hand_edge(g, 6, 3, 9100, 500);
	hand_edge(g, 7, 6, 53, 3);
	hand_edge(g, 2, 3, 443, 20);
	hand_edge(g, 0, 0, 8080, 77);
}

static void scene_begin(struct scene *s)
{
	double w[N * N] = { 0 };

	s->g = hand_graph(N);
	scene_edges(s->g);
	for (unsigned i = 0; i < 16; i++)
		s->days[i] = i;
	hand_tie(w, N, 0, 1, 4);
	hand_tie(w, N, 1, 2, 2);
	hand_tie(w, N, 3, 4, 4);
	hand_tie(w, N, 4, 5, 3);
	hand_tie(w, N, 2, 3, 1.5);
	hand_tie(w, N, 5, 1, 1);
	s->p = hand_plan("aaabbbDc");
	s->t = hand_ties(w, N);
	s->x = explain_new(s->g, s->p, s->t, s->days);
}

static void scene_end(struct scene *s)
{
	explain_free(s->x);
	ties_free(s->t);
	plan_free(s->p);
	graph_free(s->g);
}

START_TEST(ties_in_and_out)
{
	struct scene s;
	struct explain_machine *e;

	scene_begin(&s);
	e = explain_machine(s.x, 1, 0);
	ck_assert_str_eq(s.p->group[e->group].name, "a");
	ck_assert_double_eq(e->own, 6);
	ck_assert_double_eq(e->all, 7);
	ck_assert_uint_eq(e->in_n, 2);
	ck_assert_uint_eq(e->in[0].to, 0);
	ck_assert_uint_eq(e->in[1].to, 2);
	ck_assert_double_eq_tol(e->in[0].share, 4 / 7.0, 1e-9);
	ck_assert_uint_eq(e->out_n, 1);
	ck_assert_uint_eq(e->out[0].to, 5);
	ck_assert_uint_eq(e->out[0].edge_n, 0); /* a tie that the test made up */
	ck_assert_uint_eq(e->near_n, 1);
	ck_assert_str_eq(s.p->group[e->near[0].group].name, "b");
	explain_machine_free(e);
	scene_end(&s);
}
END_TEST

START_TEST(evidence_is_every_edge_between_the_two)
{
	struct scene s;
	struct explain_machine *e;

	scene_begin(&s);
	e = explain_machine(s.x, 1, 1);
	ck_assert_uint_eq(e->in_n, 1);
	ck_assert_uint_eq(e->in_all, 2);
	ck_assert_uint_eq(e->in[0].edge_n, 3);
	ck_assert_uint_eq(e->in[0].edge[0], 1); /* 900 */
	ck_assert_uint_eq(e->in[0].edge[1], 0); /* 100 */
	ck_assert_uint_eq(e->in[0].edge[2], 2); /* 5, the other way */
	ck_assert_uint_eq(e->in[0].days, 2);
	explain_machine_free(e);
	scene_end(&s);
}
END_TEST

static struct explain_without without(const struct scene *s, unsigned m)
{
	struct explain_machine *e = explain_machine(s->x, m, 0);
	struct explain_without w = e->without;

	explain_machine_free(e);
	return w;
}

START_TEST(counterfactual)
{
	struct scene s;
	struct explain_without w;

	scene_begin(&s);
	w = without(&s, 2); /* holds by 1-2 alone, 2-3 pulls */
	ck_assert(w.leaves && !w.leans);
	ck_assert_uint_eq(w.to, 1);
	ck_assert_str_eq(s.p->group[w.joins].name, "b");
	ck_assert_double_eq(w.own_before, 2);
	ck_assert_double_eq(w.own_after, 0);
	ck_assert_double_eq(w.next, 1.5);
	w = without(&s, 1); /* 2 are left inside, 1 outside */
	ck_assert(!w.leaves);
	ck_assert_double_eq(w.own_after, 2);
	ck_assert_double_eq(w.next, 1);
	w = without(&s, 0); /* nothing else anywhere */
	ck_assert(w.leaves);
	ck_assert_uint_eq(w.joins, PLAN_NONE);
	w = without(&s, 7); /* no ties at all */
	ck_assert(!w.leaves && !w.leans);
	w = without(&s, 6); /* shared */
	ck_assert(!w.leaves && !w.leans);
	scene_end(&s);
}
END_TEST

START_TEST(leans_where_it_is_held_less_than_pulled)
{
	struct scene s;
	struct explain_without w;

	scene_begin(&s);
	explain_free(s.x);
	plan_free(s.p);
	s.p = hand_plan("abaaaaaa"); /* 1 is pinned to b; all it has is in a */
	s.x = explain_new(s.g, s.p, s.t, NULL);
	w = without(&s, 1);
	ck_assert(w.leans && !w.leaves);
	ck_assert_str_eq(s.p->group[w.joins].name, "a");
	ck_assert_double_eq(w.next, 7);
	scene_end(&s);
}
END_TEST

START_TEST(shared_services_of_a_machine)
{
	struct scene s;
	struct explain_machine *e;

	scene_begin(&s);
	e = explain_machine(s.x, 1, 0);
	ck_assert_uint_eq(e->use_n, 1);
	ck_assert_str_eq(s.p->group[e->use[0].group].name, "D");
	ck_assert(e->use[0].serves && !e->use[0].calls);
	ck_assert_uint_eq(e->use[0].opens, 60);
	ck_assert_uint_eq(e->use[0].failed, 7);
	explain_machine_free(e);
	e = explain_machine(s.x, 3, 0);
	ck_assert_uint_eq(e->use_n, 1);
	ck_assert(e->use[0].calls && !e->use[0].serves);
	explain_machine_free(e);
	scene_end(&s);
}
END_TEST

START_TEST(users_of_a_shared_machine)
{
	struct scene s;
	struct explain_machine *e;

	scene_begin(&s);
	e = explain_machine(s.x, 6, 0);
	ck_assert_uint_eq(e->use_n, 3);
	ck_assert_str_eq(s.p->group[e->use[0].group].name, "b");
	ck_assert(e->use[0].calls && !e->use[0].serves);
	ck_assert_str_eq(s.p->group[e->use[1].group].name, "a");
	ck_assert(e->use[1].serves && !e->use[1].calls);
	ck_assert_uint_eq(e->use[1].far, 2);
	ck_assert_uint_eq(e->use[1].near, 1);
	ck_assert_uint_eq(e->use[1].opens, 110);
	ck_assert_uint_eq(e->glued, 3);
	ck_assert_uint_eq(e->glued_machines, 7);
	ck_assert_double_eq_tol(e->top, 500 / 613.0, 1e-9);
	explain_machine_free(e);
	e = explain_machine(s.x, 6, 1); /* fewer shown, all counted */
	ck_assert_uint_eq(e->use_n, 1);
	ck_assert_uint_eq(e->use_all, 3);
	ck_assert_uint_eq(e->glued, 3);
	explain_machine_free(e);
	scene_end(&s);
}
END_TEST

START_TEST(group_as_a_whole)
{
	struct scene s;
	struct explain_group *e;

	scene_begin(&s);
	e = explain_group(s.x, plan_find(s.p, "a"), 0);
	ck_assert_double_eq(e->inside, 6);
	ck_assert_double_eq(e->outside, 2.5);
	ck_assert_uint_eq(e->in_n, 2);
	ck_assert_uint_eq(e->out_n, 2);
	ck_assert_uint_eq(e->near_n, 1);
	ck_assert_double_eq(e->near[0].weight, 2.5);
	ck_assert_uint_eq(e->use_n, 1);
	ck_assert_uint_eq(e->use[0].near, 2);
	ck_assert_uint_eq(e->use[0].opens, 110);
	ck_assert_uint_eq(e->loners, 0);
	ck_assert(e->weak.known && !e->weak.loose);
	ck_assert_double_eq(e->weak.weight, 2);
	ck_assert_uint_eq(e->weak.part_n, 1);
	ck_assert_uint_eq(e->weak.part[0], 2);
	ck_assert_uint_eq(e->weak.tie_n, 1);
	ck_assert_uint_eq(e->weak.tie[0].to, 1);
	ck_assert_uint_eq(e->weak.tie[0].edge_n, 1);
	explain_group_free(e);
	e = explain_group(s.x, plan_find(s.p, "c"), 0);
	ck_assert(!e->weak.known);
	ck_assert_uint_eq(e->loners, 1);
	explain_group_free(e);
	scene_end(&s);
}
END_TEST

START_TEST(two_that_are_together)
{
	struct scene s;
	struct explain_pair *e;

	scene_begin(&s);
	e = explain_pair(s.x, 0, 2);
	ck_assert(e->together);
	ck_assert_double_eq(e->direct.weight, 0);
	ck_assert_uint_eq(e->path_n, 3);
	ck_assert_uint_eq(e->path[1], 1);
	ck_assert_double_eq(e->weakest, 2);
	ck_assert(e->cut.known);
	ck_assert_double_eq(e->cut.weight, 2);
	ck_assert_uint_eq(e->cut.part_n, 2); /* 0 and 1 */
	ck_assert_uint_eq(e->cut.tie_n, 1);
	ck_assert_uint_eq(e->cut.tie[0].from, 1);
	ck_assert_uint_eq(e->cut.tie[0].to, 2);
	explain_pair_free(e);
	scene_end(&s);
}
END_TEST

START_TEST(two_that_are_not)
{
	struct scene s;
	struct explain_pair *e;

	scene_begin(&s);
	e = explain_pair(s.x, 2, 3);
	ck_assert(!e->together && !e->cut.known);
	ck_assert_double_eq(e->direct.weight, 1.5);
	ck_assert_uint_eq(e->direct.edge_n, 1);
	ck_assert_double_eq(e->a_own, 2);
	ck_assert_double_eq(e->a_to_b, 1.5);
	ck_assert_double_eq(e->b_to_a, 1.5);
	explain_pair_free(e);
	e = explain_pair(s.x, 2, 5); /* three strong ties, not two of which one is weak */
	ck_assert_uint_eq(e->path_n, 4);
	ck_assert_uint_eq(e->path[1], 3);
	ck_assert_double_eq(e->weakest, 1.5);
	explain_pair_free(e);
	e = explain_pair(s.x, 0, 7);
	ck_assert_uint_eq(e->path_n, 0);
	explain_pair_free(e);
	/* an edge without a tie: with a shared service */
	e = explain_pair(s.x, 0, 6);
	ck_assert_double_eq(e->direct.weight, 0);
	ck_assert_uint_eq(e->direct.edge_n, 1);
	explain_pair_free(e);
	scene_end(&s);
}
END_TEST

/* The example of the paper's figure 1: the minimum cut is 4, {3, 4, 7, 8} against the rest. */
static void paper(double *w)
{
	static const int edges[][3] = { { 1, 2, 2 }, { 1, 5, 3 }, { 2, 3, 3 }, { 2, 5, 2 },
					{ 2, 6, 2 }, { 3, 4, 4 }, { 3, 7, 2 }, { 4, 7, 2 },
					{ 4, 8, 2 }, { 5, 6, 3 }, { 6, 7, 1 }, { 7, 8, 3 } };

	memset(w, 0, 64 * sizeof(*w));
	for (unsigned i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		hand_tie(w, 8, (unsigned)edges[i][0] - 1, (unsigned)edges[i][1] - 1,
			 edges[i][2]);
}

START_TEST(minimum_cut_of_the_paper)
{
	static const bool want[8] = { false, false, true, true, false, false, true, true };
	double w[64];
	bool side[8];
	unsigned same = 0;

	paper(w);
	ck_assert_double_eq(mincut_anywhere(w, 8, side), 4);
	for (unsigned i = 0; i < 8; i++)
		same += side[i] == want[i];
	ck_assert(same == 8 || same == 0);
	paper(w);
	ck_assert_double_eq(mincut_between(w, 8, 0, 7, side), 4);
	ck_assert(side[0] && !side[7]);
	paper(w);
	ck_assert_double_eq(mincut_between(w, 8, 0, 1, side), 5); /* 2 + 3 of 1 itself */
}
END_TEST

static unsigned marked(const bool *side, unsigned n)
{
	unsigned in = 0;

	for (unsigned i = 0; i < n; i++)
		in += side[i];
	return in;
}

/* Any cut between two is at least the least one anywhere, and one of them is it. */
START_TEST(minimum_cuts_agree)
{
	uint32_t r = 1;

	for (unsigned round = 0; round < 50; round++) {
		unsigned n = 2 + round % 9;
		double w[100] = { 0 }, copy[100], least, best = -1;
		bool side[10];

		for (unsigned i = 0; i < n; i++)
			for (unsigned j = 0; j < i; j++) {
				r = r * 1664525 + 1013904223;
				hand_tie(w, n, i, j, r >> 24 < 90 ? 0 : (double)(r >> 28));
			}
		memcpy(copy, w, sizeof(w));
		least = mincut_anywhere(copy, n, side);
		ck_assert_uint_le(2 * marked(side, n), n);
		for (unsigned t = 1; t < n; t++) {
			double cut;

			memcpy(copy, w, sizeof(w));
			cut = mincut_between(copy, n, 0, t, side);
			if (best < 0 || cut < best)
				best = cut;
		}
		ck_assert_double_eq_tol(least, best, 1e-9);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("explain");

	tcase_add_test(t, ties_in_and_out);
	tcase_add_test(t, evidence_is_every_edge_between_the_two);
	tcase_add_test(t, counterfactual);
	tcase_add_test(t, leans_where_it_is_held_less_than_pulled);
	tcase_add_test(t, shared_services_of_a_machine);
	tcase_add_test(t, users_of_a_shared_machine);
	tcase_add_test(t, group_as_a_whole);
	tcase_add_test(t, two_that_are_together);
	tcase_add_test(t, two_that_are_not);
	tcase_add_test(t, minimum_cut_of_the_paper);
	tcase_add_test(t, minimum_cuts_agree);
	return unit_run("explain", t);
}

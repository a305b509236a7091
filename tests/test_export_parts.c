/* SPDX-License-Identifier: Apache-2.0 */
/* What exports are made of: numbers, arrows between groups, evidence, boxes. */
#include <check.h>
#include <math.h>

#include "graph/arrows.h"
#include "graph/export_evidence.h"
#include "graph/export_layout.h"
#include "tests/exportkit.h"
#include "tests/unit.h"

START_TEST(numbers_are_plain)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = { { 0, "0" },
		      { -0.0, "0" },
		      { -0.0001, "0" },
		      { 1, "1" },
		      { .5, "0.5" },
		      { 100, "100" },
		      { 1e15, "1000000000000000" },
		      { 2.0 / 3, "0.667" },
		      { -2.5, "-2.5" },
		      { NAN, "0" },
		      { INFINITY, "0" },
		      { 10.0404, "10.04" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };

		export_real(&b, cases[i].v);
		ck_assert_str_eq(buf_cstr(&b), cases[i].text);
		buf_fini(&b);
	}
}
END_TEST

START_TEST(arrows_add_up)
{
	static const struct filter all;
	struct scenes s = { 0 };
	struct buf ports = { 0 };
	struct graph *g;
	struct arrows *a;

	scenes_machine(&s, "a", "a", "", "10.0.0.1", true);
	scenes_machine(&s, "b", "b", "", "10.0.0.2", true);
	scenes_edge(&s, "a 10.0.0.1 x", "b 10.0.0.2 y", 80, 5);
	scenes_edge(&s, "a 10.0.0.1 z", "b 10.0.0.2 y", 80, 6);
	scenes_edge(&s, "a 10.0.0.1 x", "b 10.0.0.2 y", 81, 2);
	scenes_edge(&s, "a 10.0.0.1 x", "b 10.0.0.2 y", 82, 100);
	scenes_edge(&s, "a 10.0.0.1 x", "b 10.0.0.2 y", 0, 3);
	scenes_edge(&s, "a 10.0.0.1 x", "b 10.0.0.2 y", 83, 1)->c.has_bytes = false;
	scenes_edge(&s, "b 10.0.0.2 x", "b 10.0.0.2 y", 84, 1);
	g = graph_load(scenes_store(&s), &all, NULL);
	a = arrows_of(g, NULL);
	ck_assert_uint_eq(a->arrow_n, 1);
	ck_assert_uint_eq(a->arrow[0].edges, 6);
	ck_assert_uint_eq(a->arrow[0].c.opens, 117);
	ck_assert(!a->arrow[0].c.has_bytes);
	ck_assert_int_eq(a->arrow[0].first, SCENES_T0 + 1);
	export_ports(&ports, &a->arrow[0]);
	ck_assert_str_eq(buf_cstr(&ports), "82, 80, dynamic and 2 more");
	buf_fini(&ports);
	arrows_free(a);
	a = arrows_of(g, (unsigned[]){ 0, PLAN_NONE });
	ck_assert_uint_eq(a->arrow_n, 0);
	arrows_free(a);
	graph_free(g);
	scenes_fini(&s);
}
END_TEST

static void estate(struct scenes *s)
{
	scenes_estate(s, 40);
}

START_TEST(evidence_is_the_strongest)
{
	struct exportkit w;
	struct evidence *v;
	unsigned found = 0;

	exportkit_init(&w, estate, false);
	v = evidence_of(&w.x);
	for (unsigned i = 0; i < w.p->group_n; i++) {
		ck_assert_uint_le(v[i].edge_n, EVIDENCE_MOST);
		found += v[i].edge_n;
		for (unsigned k = 0; k < v[i].edge_n; k++) {
			const struct graph_edge *e = &w.g->edge[v[i].edge[k].edge];
			unsigned c = w.p->machine[w.g->process[e->client].machine].group;
			unsigned s = w.p->machine[w.g->process[e->server].machine].group;

			ck_assert(c == i || s == i);
			if (w.p->group[i].kind == PLAN_GROUP)
				ck_assert(c == s);
			ck_assert(!k || v[i].edge[k - 1].weight >= v[i].edge[k].weight);
			for (unsigned q = 0; q < k; q++)
				ck_assert(v[i].edge[q].a != v[i].edge[k].a ||
					  v[i].edge[q].b != v[i].edge[k].b);
		}
	}
	ck_assert_uint_gt(found, EVIDENCE_MOST);
	free(v);
	exportkit_fini(&w);
}
END_TEST

START_TEST(of_a_pair_the_busiest_edge_speaks)
{
	static const struct filter all;
	static const uint64_t opens[] = { 5, 500, 50 };
	struct scenes s = { 0 };
	struct export x = { 0 };
	struct evidence *v;
	struct graph *g;
	struct plan *p;

	scenes_machine(&s, "a", "a", "", "10.0.0.1", true);
	scenes_machine(&s, "b", "b", "", "10.0.0.2", true);
	for (uint16_t i = 0; i < 3; i++)
		scenes_edge(&s, "a 10.0.0.1 x", "b 10.0.0.2 y", 80 + i, opens[i]);
	g = graph_load(scenes_store(&s), &all, NULL);
	p = plan_new(g->machine_n);
	plan_add(p, PLAN_GROUP, "both");
	p->machine[0].group = p->machine[1].group = 0;
	plan_settle(p);
	x.graph = g;
	x.plan = p;
	v = evidence_of(&x);
	ck_assert_uint_eq(v->edge_n, 1);
	ck_assert_uint_eq(g->edge[v->edge[0].edge].port, 81);
	free(v);
	plan_free(p);
	graph_free(g);
	scenes_fini(&s);
}
END_TEST

START_TEST(boxes_do_not_overlap)
{
	struct exportkit w;
	struct layout *l;

	exportkit_init(&w, estate, false);
	l = layout_of(&w.x, true);
	for (unsigned i = 0; i < l->group_n; i++) {
		const struct layout_box *a = &l->group[i];
		unsigned x, y;

		layout_cell(a, w.p->group[i].machine_n - 1, &x, &y);
		ck_assert(x + LAYOUT_CELL_W < a->w && y + LAYOUT_CELL_H < a->h);
		for (unsigned k = 0; k < i; k++) {
			const struct layout_box *b = &l->group[k];

			ck_assert(a->x >= b->x + b->w || b->x >= a->x + a->w ||
				  a->y >= b->y + b->h || b->y >= a->y + a->h);
		}
	}
	ck_assert_int_eq(w.p->group[l->order[0]].kind, PLAN_SHARED);
	layout_free(l);
	exportkit_fini(&w);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, numbers_are_plain);
	tcase_add_test(t, arrows_add_up);
	tcase_add_test(t, evidence_is_the_strongest);
	tcase_add_test(t, of_a_pair_the_busiest_edge_speaks);
	tcase_add_test(t, boxes_do_not_overlap);
	return unit_run("export_parts", t);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/watch.h"

#include <check.h>

#include "tests/handmade.h"
#include "tests/unit.h"

enum { DAY = 86400 };

/* Chao1, bias-corrected, by hand: 10 once, 4 twice: 10 * 9 / (2 * 5) = 9. */
START_TEST(chao_of_connections)
{
	struct watch_unseen u = watch_unseen(50, 10, 4, 0, 400);

	ck_assert_int_eq(u.method, WATCH_CONNECTIONS);
	ck_assert_double_eq_tol(u.more, 9, 1e-9);
	ck_assert_double_eq_tol(u.complete, 1 - 10 / 400.0, 1e-9);
	/* var = 9 + 10 * 19^2 / (4 * 25) + 100 * 4 * 81 / (4 * 625) = 58.06;
	   exp(1.959964 * sqrt(ln(1 + 58.06 / 81))) = 4.2263 */
	ck_assert_double_eq_tol(u.low, 9 / 4.2263, 0.01);
	ck_assert_double_eq_tol(u.high, 9 * 4.2263, 0.05);
}
END_TEST

/* Chao2: the same, times (5 - 1) / 5. */
START_TEST(chao_of_days)
{
	struct watch_unseen u = watch_unseen(50, 10, 4, 5, 200);

	ck_assert_int_eq(u.method, WATCH_DAYS);
	ck_assert_double_eq_tol(u.more, 7.2, 1e-9);
	ck_assert(u.low < u.more && u.more < u.high);
	ck_assert_int_eq(watch_unseen(50, 10, 4, 1, 200).method, WATCH_NOTHING);
	ck_assert_int_eq(watch_unseen(0, 0, 0, 9, 0).method, WATCH_NOTHING);
	u = watch_unseen(50, 1, 0, 9, 200); /* one alone tells nothing */
	ck_assert_double_eq(u.more, 0);
	u = watch_unseen(3, 3, 0, 9, 3); /* all but unknown */
	ck_assert(u.more > 0 && u.low >= 0 && u.high >= u.more);
}
END_TEST

/* A graph of two machines with EDGES[d] new edges on day D, all seen until the last. */
static struct graph *discovered(const unsigned *edges, unsigned days)
{
	struct graph *g = hand_graph(2);
	uint16_t port = 1;

	for (unsigned d = 0; d < days; d++) {
		for (unsigned i = 0; i < edges[d]; i++) {
			struct graph_edge *e = hand_edge(g, 0, 1, port++, 10);

			e->first = HAND_T0 + d * DAY + i * 10;
			e->last = HAND_T0 + days * DAY - 1;
		}
	}
	g->health.first = HAND_T0;
	g->health.last = HAND_T0 + days * DAY - 1;
	return g;
}

START_TEST(curve_counts_first_sights)
{
	static const unsigned edges[] = { 100, 7, 0, 3 };
	struct graph *g = discovered(edges, 4);
	struct watch *w = watch_of(g, NULL);

	ck_assert_int_eq(w->step, DAY);
	ck_assert_uint_eq(w->curve_n, 4);
	for (unsigned d = 0; d < 4; d++)
		ck_assert_uint_eq(w->curve[d].fresh, edges[d]);
	ck_assert_uint_eq(w->curve[3].total, 110);
	ck_assert(!w->fitted && !w->weekly && !w->monthly);
	ck_assert_int_eq(w->enough, 0);
	watch_free(w);
	graph_free(g);
}
END_TEST

START_TEST(a_short_watch_is_drawn_by_the_hour)
{
	static const unsigned edges[] = { 5 };
	struct graph *g = discovered(edges, 1);
	struct watch *w = watch_of(g, NULL);

	ck_assert_int_eq(w->step, 3600);
	ck_assert_uint_eq(w->curve_n, 24);
	ck_assert_uint_eq(w->curve[0].fresh, 5);
	watch_free(w);
	graph_free(g);
}
END_TEST

/* 400 / (t + 1)^2 new ones a day: below a thousandth of the edges on a known day.
 */
START_TEST(day_when_it_stops_paying)
{
	unsigned edges[20] = { 1000 }, known = 1000;
	struct graph *g;
	struct watch *w;
	int64_t day;

	for (unsigned d = 1; d < 20; d++)
		known += edges[d] = (unsigned)(400 / ((d + 1.5) * (d + 1.5)) + 0.5);
	g = discovered(edges, 20);
	w = watch_of(g, NULL);
	ck_assert(w->fitted && w->weekly && !w->monthly);
	/* 400 / (t + 1)^2 < 0.001 * known */
	ck_assert_uint_eq(w->edges, known);
	day = (w->enough - HAND_T0) / DAY;
	ck_assert_int_ge(day, 15);
	ck_assert_int_le(day, 19);
	ck_assert(w->past);
	ck_assert_double_eq_tol(w->next_day, 400 / (21.5 * 21.5), 0.3);
	watch_free(w);
	graph_free(g);
}
END_TEST

/* Halved every three days; no power of time that fits the days before says so little. */
START_TEST(a_fast_end_is_seen_as_one)
{
	static const unsigned edges[20] = { 500, 600, 476, 378, 300, 238, 189, 150, 119, 94,
					    75,	 60,  47,  37,	30,  24,  19,  15,  12,	 9 };
	struct graph *g = discovered(edges, 20);
	struct watch *w = watch_of(g, NULL);

	ck_assert_double_eq_tol(w->next_day, 7.4, 0.3);
	/* 600 * 2^(-(t - 1) / 3) < 2.8 from t = 24.2 on */
	ck_assert(!w->past);
	ck_assert_int_ge((w->enough - HAND_T0) / DAY, 23);
	ck_assert_int_le((w->enough - HAND_T0) / DAY, 25);
	watch_free(w);
	graph_free(g);
}
END_TEST

START_TEST(day_is_unknown_while_it_does_not_fall)
{
	unsigned edges[20];
	struct graph *g;
	struct watch *w;

	for (unsigned d = 0; d < 20; d++)
		edges[d] = 10;
	g = discovered(edges, 20);
	w = watch_of(g, NULL);
	ck_assert(w->fitted && !w->past);
	ck_assert_int_eq(w->enough, 0);
	ck_assert_double_eq_tol(w->next_day, 10, 0.1);
	watch_free(w);
	graph_free(g);
}
END_TEST

START_TEST(nothing_new_is_enough)
{
	static const unsigned edges[12] = { 300 };
	struct graph *g = discovered(edges, 12);
	struct watch *w = watch_of(g, NULL);

	ck_assert(w->fitted && w->past);
	ck_assert_double_eq(w->next_day, 0);
	watch_free(w);
	graph_free(g);
}
END_TEST

START_TEST(days_are_preferred_where_they_are_known)
{
	static const unsigned edges[] = { 20, 0, 0, 0, 0 };
	unsigned days[20];
	struct graph *g = discovered(edges, 5);
	struct watch *w;

	for (unsigned i = 0; i < 20; i++)
		days[i] = i < 6 ? 1 : i < 8 ? 2 : 5;
	w = watch_of(g, days);
	ck_assert_int_eq(w->unseen.method, WATCH_DAYS);
	ck_assert_uint_eq(w->unseen.once, 6);
	ck_assert_uint_eq(w->unseen.twice, 2);
	ck_assert_double_eq_tol(w->unseen.more, 0.8 * 6 * 5 / (2 * 3), 1e-9);
	watch_free(w);
	for (unsigned i = 0; i < 10; i++) /* of half of them nobody knows */
		days[i] = 0;
	w = watch_of(g, days);
	ck_assert_int_eq(w->unseen.method, WATCH_CONNECTIONS);
	watch_free(w);
	graph_free(g);
}
END_TEST

START_TEST(coverage)
{
	struct graph *g = hand_graph(4);
	struct plan *p = hand_plan("aab-");
	struct watch_groups *x;
	struct watch *w;

	g->machine[2].sensor = false;
	g->machine[3].known = g->machine[3].sensor = false;
	hand_edge(g, 0, 1, 1, 1);
	hand_edge(g, 0, 1, 2, 1)->witnesses = 1u << WITNESS_CLIENT;
	hand_edge(g, 0, 2, 3, 1)->witnesses = 1u << WITNESS_CLIENT;
	hand_edge(g, 1, 0, 4, 1)->witnesses = 1u << WITNESS_IMPORT;
	hand_edge(g, 3, 2, 5, 1)->guess = true;
	hand_edge(g, 0, 1, 6, 9)->c.refused = 9; /* a scanner: counted apart */
	free(g->process[1].name);
	g->process[1].name = xstrdup("");
	w = watch_of(g, NULL);
	ck_assert_uint_eq(w->machines, 3);
	ck_assert_uint_eq(w->sensors, 2);
	ck_assert_uint_eq(w->strangers, 1);
	ck_assert_uint_eq(w->edges, 5);
	ck_assert_uint_eq(w->failing, 1);
	ck_assert_uint_eq(w->both, 2);
	ck_assert_uint_eq(w->one_sided, 1);
	ck_assert_uint_eq(w->imported, 1);
	ck_assert_uint_eq(w->guessed, 1);
	ck_assert_uint_eq(w->nameless, 3);
	watch_free(w);
	x = watch_groups(g, p);
	w = watch_group(x, g, p, plan_find(p, "b"), NULL);
	ck_assert_uint_eq(w->machines, 1);
	ck_assert_uint_eq(w->sensors, 0);
	ck_assert_uint_eq(w->edges, 2);
	watch_free(w);
	w = watch_group(x, g, p, plan_find(p, "a"), NULL);
	ck_assert_uint_eq(w->machines, 2);
	ck_assert_uint_eq(w->edges, 4); /* an inner one once */
	ck_assert_uint_eq(w->failing, 1);
	watch_free(w);
	watch_groups_free(x);
	plan_free(p);
	graph_free(g);
}
END_TEST

START_TEST(a_window_knows_what_was_before)
{
	static const unsigned edges[] = { 10, 2, 2, 1, 1 };
	struct graph *g = discovered(edges, 5);
	struct watch *w;

	g->since = HAND_T0 + 2 * DAY;
	w = watch_of(g, NULL);
	ck_assert_int_eq(w->first, HAND_T0 + 2 * DAY);
	ck_assert_uint_eq(w->before, 12);
	ck_assert_uint_eq(w->curve[0].fresh + w->curve[24].fresh + w->curve[48].fresh, 4);
	ck_assert_uint_eq(w->curve[w->curve_n - 1].total, 16);
	watch_free(w);
	graph_free(g);
}
END_TEST

START_TEST(an_empty_graph)
{
	struct graph *g = hand_graph(1);
	struct watch *w = watch_of(g, NULL);

	ck_assert_int_eq(w->first, 0);
	ck_assert_uint_eq(w->curve_n, 0);
	ck_assert_int_eq(w->unseen.method, WATCH_NOTHING);
	watch_free(w);
	graph_free(g);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("watch");

	tcase_add_test(t, chao_of_connections);
	tcase_add_test(t, chao_of_days);
	tcase_add_test(t, curve_counts_first_sights);
	tcase_add_test(t, a_short_watch_is_drawn_by_the_hour);
	tcase_add_test(t, day_when_it_stops_paying);
	tcase_add_test(t, a_fast_end_is_seen_as_one);
	tcase_add_test(t, day_is_unknown_while_it_does_not_fall);
	tcase_add_test(t, nothing_new_is_enough);
	tcase_add_test(t, days_are_preferred_where_they_are_known);
	tcase_add_test(t, coverage);
	tcase_add_test(t, a_window_knows_what_was_before);
	tcase_add_test(t, an_empty_graph);
	return unit_run("watch", t);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Two machines: together or not, and the way between them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/explain_priv.h"
#include "graph/mincut.h"

/* Dijkstra, a tie being as long as it is weak: few and strong ties win. */
struct walk {
	const struct explain *x;
	double *far;
	unsigned *from;
	bool *done;
	unsigned *heap, heap_n;
};

static bool nearer(const struct walk *w, unsigned a, unsigned b)
{
	return w->far[a] != w->far[b] ? w->far[a] < w->far[b] : a < b;
}

static void swap(unsigned *a, unsigned *b)
{
	unsigned c = *a;

	*a = *b;
	*b = c;
}

/* A machine may be in the heap again with a shorter way; the older place is passed by. */
static void push(struct walk *w, unsigned m)
{
	unsigned i = w->heap_n++;

	w->heap[i] = m;
	for (; i && nearer(w, w->heap[i], w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&w->heap[i], &w->heap[(i - 1) / 2]);
}

static unsigned pop(struct walk *w)
{
	unsigned top = w->heap[0], i = 0;

	w->heap[0] = w->heap[--w->heap_n];
	for (;;) {
		unsigned l = 2 * i + 1, best = i;

		if (l < w->heap_n && nearer(w, w->heap[l], w->heap[best]))
			best = l;
		if (l + 1 < w->heap_n && nearer(w, w->heap[l + 1], w->heap[best]))
			best = l + 1;
		if (best == i)
			return top;
		swap(&w->heap[i], &w->heap[best]);
		i = best;
	}
}

/* Ways do not lead through a shared service: through those everybody is tied to everybody. */
static void relax(struct walk *w, unsigned m, unsigned goal)
{
	const struct ties *t = w->x->t;

	for (unsigned i = t->start[m]; i < t->start[m + 1]; i++) {
		unsigned to = t->tie[i].to;
		double far = w->far[m] + 1 / (double)t->tie[i].weight;

		if (w->done[to] || far >= w->far[to] || !(t->tie[i].weight > 0))
			continue;
		if (to != goal && explain_is_shared(w->x->p, w->x->p->machine[to].group))
			continue;
		w->far[to] = far;
		w->from[to] = m;
		push(w, to);
	}
}

static void walk(struct walk *w, unsigned a, unsigned b)
{
	for (unsigned m = 0; m < w->x->g->machine_n; m++)
		w->far[m] = HUGE_VAL;
	w->far[a] = 0;
	push(w, a);
	while (w->heap_n) {
		unsigned m = pop(w);

		if (w->done[m])
			continue;
		if (m == b)
			return;
		w->done[m] = true;
		relax(w, m, b);
	}
}

static void fill_path(const struct explain *x, struct explain_pair *e)
{
	size_t n = x->g->machine_n;
	struct walk w = { .x = x };
	unsigned at;

	w.far = xcalloc(n, sizeof(*w.far));
	w.from = xcalloc(n, sizeof(*w.from));
	w.done = xcalloc(n, sizeof(*w.done));
	w.heap = xcalloc(x->t->start[n] + 1ul, sizeof(*w.heap));
	walk(&w, e->a, e->b);
	if (isfinite(w.far[e->b])) {
		for (at = e->b, e->path_n = 1; at != e->a; at = w.from[at])
			e->path_n++;
		e->path = xcalloc(e->path_n, sizeof(*e->path));
		at = e->b;
		for (unsigned i = e->path_n; i--; at = w.from[at])
			e->path[i] = at;
	}
	for (unsigned i = 1; i < e->path_n; i++) {
		double weight = ties_between(x->t, e->path[i - 1], e->path[i]);

		if (i == 1 || weight < e->weakest)
			e->weakest = weight;
	}
	free(w.far);
	free(w.from);
	free(w.done);
	free(w.heap);
}

static struct explain_weak between(const struct explain *x, unsigned group, unsigned a,
				   unsigned b)
{
	const struct plan_group *pg = &x->p->group[group];
	unsigned n = pg->machine_n, s = 0, t = 0;
	struct explain_weak w = { 0 };
	double *matrix, weight;
	bool *side;

	if (pg->kind == PLAN_SHARED || n > EXPLAIN_CUT_MAX)
		return w;
	for (unsigned i = 0; i < n; i++) {
		if (pg->machine[i] == a)
			s = i;
		if (pg->machine[i] == b)
			t = i;
	}
	matrix = explain_matrix(x, pg->machine, n);
	side = xcalloc(n, sizeof(*side));
	weight = mincut_between(matrix, n, s, t, side);
	w = explain_weak(x, pg->machine, n, side, weight);
	free(matrix);
	free(side);
	return w;
}

static double to_group(const struct explain *x, unsigned m, unsigned group)
{
	return group == PLAN_NONE ? 0 : ties_to_group(x->t, x->p, m, group);
}

struct explain_pair *explain_pair(const struct explain *x, unsigned a, unsigned b)
{
	struct explain_pair *e = xcalloc(1, sizeof(*e));
	unsigned ga = x->p->machine[a].group, gb = x->p->machine[b].group;

	e->a = a;
	e->b = b;
	e->together = ga == gb && ga != PLAN_NONE;
	e->direct = explain_tie(x, a, b, ties_between(x->t, a, b), ties_all(x->t, a));
	e->a_own = to_group(x, a, ga);
	e->b_own = to_group(x, b, gb);
	e->a_to_b = to_group(x, a, gb);
	e->b_to_a = to_group(x, b, ga);
	e->a_without = explain_without(x, a);
	e->b_without = explain_without(x, b);
	if (a != b) {
		fill_path(x, e);
		if (e->together)
			e->cut = between(x, ga, a, b);
	}
	return e;
}

void explain_pair_free(struct explain_pair *e)
{
	if (!e)
		return;
	free(e->direct.edge);
	free(e->path);
	explain_weak_free(&e->cut);
	free(e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A group as a whole: what holds it, what pulls at it, where it breaks. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/explain_priv.h"
#include "graph/mincut.h"

/* Where M stands among N machines that ascend; N if it does not. */
static unsigned place(const unsigned *machine, unsigned n, unsigned m)
{
	unsigned lo = 0, hi = n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (machine[mid] < m)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && machine[lo] == m ? lo : n;
}

double *explain_matrix(const struct explain *x, const unsigned *machine, unsigned n)
{
	double *w = xcalloc((size_t)n * n + 1, sizeof(*w));

	for (unsigned i = 0; i < n; i++) {
		unsigned m = machine[i];

		for (unsigned k = x->t->start[m]; k < x->t->start[m + 1]; k++) {
			unsigned j = place(machine, n, x->t->tie[k].to);

			if (j < n && j != i)
				w[(size_t)i * n + j] = (double)x->t->tie[k].weight;
		}
	}
	return w;
}

struct explain_weak explain_weak(const struct explain *x, const unsigned *machine, unsigned n,
				 const bool *side, double weight)
{
	struct explain_weak w = { .known = true, .weight = weight };
	size_t cap = 0;

	w.part = xcalloc(n + 1ul, sizeof(*w.part));
	for (unsigned i = 0; i < n; i++) {
		unsigned m = machine[i];

		if (!side[i])
			continue;
		w.part[w.part_n++] = m;
		for (unsigned k = x->t->start[m]; k < x->t->start[m + 1]; k++) {
			const struct tie *tie = &x->t->tie[k];
			unsigned j = place(machine, n, tie->to);

			if (j == n || side[j])
				continue;
			MEM_GROW(w.tie, w.tie_n, cap);
			w.tie[w.tie_n++] = explain_bare(x, m, tie);
		}
	}
	w.loose = !w.tie_n;
	explain_keep(x, w.tie, w.tie_n, 0, weight);
	return w;
}

void explain_weak_free(struct explain_weak *w)
{
	explain_ties_free(w->tie, w->tie_n);
	free(w->part);
}

static struct explain_weak weakest(const struct explain *x, const struct plan_group *group)
{
	unsigned n = group->machine_n;
	struct explain_weak w = { 0 };
	double *matrix, weight;
	bool *side;

	if (n < 2 || n > EXPLAIN_CUT_MAX || group->kind == PLAN_SHARED)
		return w;
	matrix = explain_matrix(x, group->machine, n);
	side = xcalloc(n, sizeof(*side));
	weight = mincut_anywhere(matrix, n, side);
	w = explain_weak(x, group->machine, n, side, weight);
	free(matrix);
	free(side);
	return w;
}

struct sorting {
	struct explain_tie *in, *out;
	size_t in_cap, out_cap;
};

static void add_ties(const struct explain *x, struct explain_group *e, struct sorting *s,
		     unsigned m)
{
	bool held = false;

	for (unsigned i = x->t->start[m]; i < x->t->start[m + 1]; i++) {
		const struct tie *tie = &x->t->tie[i];
		unsigned group = x->p->machine[tie->to].group;

		held |= group == e->group;
		if ((group == e->group && tie->to < m) || explain_is_shared(x->p, group))
			continue;
		if (group == e->group) {
			MEM_GROW(s->in, e->in_all, s->in_cap);
			s->in[e->in_all++] =
				(struct explain_tie){ m, tie->to, group, (double)tie->weight,
						      0, NULL,	  0,	 0 };
			e->inside += (double)tie->weight;
		} else {
			MEM_GROW(s->out, e->out_all, s->out_cap);
			s->out[e->out_all++] =
				(struct explain_tie){ m, tie->to, group, (double)tie->weight,
						      0, NULL,	  0,	 0 };
			e->outside += (double)tie->weight;
		}
	}
	e->loners += !held;
}

struct explain_group *explain_group(const struct explain *x, unsigned group, unsigned most)
{
	struct explain_group *e = xcalloc(1, sizeof(*e));
	const struct plan_group *pg = &x->p->group[group];
	struct sorting s = { 0 };
	double all;

	e->group = group;
	for (unsigned i = 0; i < pg->machine_n; i++)
		add_ties(x, e, &s, pg->machine[i]);
	all = e->inside + e->outside;
	e->in = s.in;
	e->out = s.out;
	e->in_n = explain_keep(x, e->in, e->in_all, most, all);
	e->out_n = explain_keep(x, e->out, e->out_all, most, all);
	e->near = explain_nearest(x, pg->machine, pg->machine_n, group, all, &e->near_n);
	e->use = explain_uses(x, pg->machine, pg->machine_n, group, &e->use_all);
	e->use_n = explain_uses_cut(e->use, e->use_all, most);
	e->weak = weakest(x, pg);
	return e;
}

void explain_group_free(struct explain_group *e)
{
	if (!e)
		return;
	explain_ties_free(e->in, e->in_n);
	explain_ties_free(e->out, e->out_n);
	explain_uses_free(e->use, e->use_n);
	explain_weak_free(&e->weak);
	free(e->near);
	free(e);
}

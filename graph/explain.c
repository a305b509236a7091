/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/explain.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/explain_priv.h"

static int number_cmp(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_end(const void *pa, const void *pb)
{
	const struct explain_end *a = pa, *b = pb;
	int d;

	if ((d = number_cmp(a->machine, b->machine)) || (d = number_cmp(a->other, b->other)))
		return d;
	return number_cmp(a->edge, b->edge);
}

struct explain *explain_new(const struct graph *g, const struct plan *p, const struct ties *t,
			    const unsigned *days)
{
	struct explain *x = xcalloc(1, sizeof(*x));
	unsigned n = 0;

	*x = (struct explain){ .g = g, .p = p, .t = t, .days = days };
	x->end = xcalloc(2ul * g->edge_n + 1, sizeof(*x->end));
	x->start = xcalloc(g->machine_n + 1ul, sizeof(*x->start));
	for (unsigned i = 0; i < g->edge_n; i++) {
		unsigned c = g->process[g->edge[i].client].machine;
		unsigned s = g->process[g->edge[i].server].machine;

		if (c == s)
			continue;
		x->end[n++] = (struct explain_end){ c, s, i };
		x->end[n++] = (struct explain_end){ s, c, i };
	}
	qsort(x->end, n, sizeof(*x->end), by_end);
	for (unsigned i = 0; i < n; i++)
		x->start[x->end[i].machine + 1]++;
	for (unsigned m = 0; m < g->machine_n; m++)
		x->start[m + 1] += x->start[m];
	return x;
}

void explain_free(struct explain *x)
{
	if (!x)
		return;
	free(x->end);
	free(x->start);
	free(x);
}

bool explain_is_shared(const struct plan *p, unsigned group)
{
	return group != PLAN_NONE && p->group[group].kind == PLAN_SHARED;
}

/* Where machine M's edges with OTHER begin. */
static unsigned first_with(const struct explain *x, unsigned m, unsigned other)
{
	unsigned lo = x->start[m], hi = x->start[m + 1];

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (x->end[mid].other < other)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct busy {
	unsigned edge;
	uint64_t opens;
};

static int by_opens(const void *pa, const void *pb)
{
	const struct busy *a = pa, *b = pb;

	return a->opens != b->opens ? number_cmp(b->opens, a->opens)
				    : number_cmp(a->edge, b->edge);
}

void explain_busiest(const struct graph *g, unsigned *edge, unsigned n)
{
	struct busy *all = xcalloc(n + 1ul, sizeof(*all));

	for (unsigned i = 0; i < n; i++)
		all[i] = (struct busy){ edge[i], g->edge[edge[i]].c.opens };
	qsort(all, n, sizeof(*all), by_opens);
	for (unsigned i = 0; i < n; i++)
		edge[i] = all[i].edge;
	free(all);
}

struct explain_tie explain_tie(const struct explain *x, unsigned from, unsigned to,
			       double weight, double all)
{
	struct explain_tie tie = { .from = from,
				   .to = to,
				   .group = x->p->machine[to].group,
				   .weight = weight,
				   .share = all > 0 ? weight / all : 0 };
	unsigned first = first_with(x, from, to), end = first;

	while (end < x->start[from + 1] && x->end[end].other == to)
		end++;
	tie.edge = xcalloc(end - first + 1ul, sizeof(*tie.edge));
	for (unsigned i = first; i < end; i++) {
		unsigned e = x->end[i].edge;

		tie.edge[tie.edge_n++] = e;
		if (x->days && x->days[e] > tie.days)
			tie.days = x->days[e];
	}
	explain_busiest(x->g, tie.edge, tie.edge_n);
	return tie;
}

static int by_weight(const void *pa, const void *pb)
{
	const struct explain_tie *a = pa, *b = pb;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return a->from != b->from ? number_cmp(a->from, b->from) : number_cmp(a->to, b->to);
}

void explain_ties_free(struct explain_tie *tie, unsigned n)
{
	for (unsigned i = 0; tie && i < n; i++)
		free(tie[i].edge);
	free(tie);
}

struct explain_tie explain_bare(const struct explain *x, unsigned from, const struct tie *tie)
{
	return (struct explain_tie){ .from = from,
				     .to = tie->to,
				     .group = x->p->machine[tie->to].group,
				     .weight = (double)tie->weight };
}

unsigned explain_keep(const struct explain *x, struct explain_tie *tie, unsigned n,
		      unsigned most, double all)
{
	if (n)
		qsort(tie, n, sizeof(*tie), by_weight);
	if (most && n > most)
		n = most;
	for (unsigned i = 0; i < n; i++)
		tie[i] = explain_tie(x, tie[i].from, tie[i].to, tie[i].weight, all);
	return n;
}

static int near_by_group(const void *pa, const void *pb)
{
	const struct explain_near *a = pa, *b = pb;

	return number_cmp(a->group, b->group);
}

static int near_by_weight(const void *pa, const void *pb)
{
	const struct explain_near *a = pa, *b = pb;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return number_cmp(a->group, b->group);
}

/* Every tie that leaves, as a group of its own; how many. */
static unsigned leaving(const struct explain *x, unsigned m, unsigned own,
			struct explain_near *out)
{
	unsigned n = 0;

	for (unsigned i = x->t->start[m]; i < x->t->start[m + 1]; i++) {
		const struct tie *tie = &x->t->tie[i];
		unsigned group = x->p->machine[tie->to].group;

		if (group == own || group == PLAN_NONE || explain_is_shared(x->p, group))
			continue;
		out[n++] = (struct explain_near){ .group = group, .weight = tie->weight };
	}
	return n;
}

struct explain_near *explain_nearest(const struct explain *x, const unsigned *machine,
				     unsigned n, unsigned own, double all, unsigned *out_n)
{
	struct explain_near *near;
	unsigned room = 0, got = 0, kept = 0;

	for (unsigned i = 0; i < n; i++)
		room += x->t->start[machine[i] + 1] - x->t->start[machine[i]];
	near = xcalloc(room + 1ul, sizeof(*near));
	for (unsigned i = 0; i < n; i++)
		got += leaving(x, machine[i], own, &near[got]);
	qsort(near, got, sizeof(*near), near_by_group);
	for (unsigned i = 0; i < got; i++) {
		if (kept && near[kept - 1].group == near[i].group)
			near[kept - 1].weight += near[i].weight;
		else
			near[kept++] = near[i];
	}
	qsort(near, kept, sizeof(*near), near_by_weight);
	for (unsigned i = 0; i < kept; i++)
		near[i].share = all > 0 ? near[i].weight / all : 0;
	*out_n = kept;
	return near;
}

/* The strongest tie of M to a member of its own group. */
static const struct tie *holder(const struct explain *x, unsigned m)
{
	const struct tie *best = NULL;

	for (unsigned i = x->t->start[m]; i < x->t->start[m + 1]; i++) {
		const struct tie *tie = &x->t->tie[i];

		if (x->p->machine[tie->to].group != x->p->machine[m].group)
			continue;
		if (!best || tie->weight > best->weight)
			best = tie;
	}
	return best;
}

struct explain_without explain_without(const struct explain *x, unsigned m)
{
	struct explain_without w = { .machine = m, .to = m, .joins = PLAN_NONE };
	unsigned own = x->p->machine[m].group, n;
	const struct tie *tie;
	struct explain_near *near;

	if (own == PLAN_NONE || explain_is_shared(x->p, own))
		return w;
	near = explain_nearest(x, &m, 1, own, 0, &n);
	tie = holder(x, m);
	w.own_before = w.own_after = ties_to_group(x->t, x->p, m, own);
	w.next = n ? near[0].weight : 0;
	w.leans = w.next > w.own_before;
	w.joins = n ? near[0].group : PLAN_NONE;
	free(near);
	if (!tie)
		return w;
	w.to = tie->to;
	w.own_after -= tie->weight;
	if (w.own_after < w.own_before * 1e-6)
		w.own_after = 0;
	w.leaves = !w.leans && (w.own_after < w.next || w.own_after == 0);
	return w;
}

/* Ties of M by whether they stay in its group; shared entries are told of as uses. */
static void split_ties(const struct explain *x, struct explain_machine *e, unsigned most)
{
	unsigned m = e->machine, all = x->t->start[m + 1] - x->t->start[m];

	e->in = xcalloc(all + 1ul, sizeof(*e->in));
	e->out = xcalloc(all + 1ul, sizeof(*e->out));
	for (unsigned i = x->t->start[m]; i < x->t->start[m + 1]; i++) {
		const struct tie *tie = &x->t->tie[i];
		unsigned group = x->p->machine[tie->to].group;
		bool in = group == e->group && group != PLAN_NONE;

		if (!in && explain_is_shared(x->p, group))
			continue;
		if (in)
			e->in[e->in_all++] = explain_bare(x, m, tie);
		else
			e->out[e->out_all++] = explain_bare(x, m, tie);
	}
	e->in_n = explain_keep(x, e->in, e->in_all, most, e->all);
	e->out_n = explain_keep(x, e->out, e->out_all, most, e->all);
}

/* What the users of a shared machine would become if it were an ordinary one. */
static void glue(const struct explain *x, struct explain_machine *e)
{
	uint64_t opens = 0, top = 0;

	for (unsigned i = 0; i < e->use_all; i++) {
		const struct explain_use *u = &e->use[i];

		if (u->group == PLAN_NONE || explain_is_shared(x->p, u->group))
			continue;
		e->glued++;
		e->glued_machines += x->p->group[u->group].machine_n;
		opens += u->opens;
		if (u->opens > top)
			top = u->opens;
	}
	e->top = opens ? (double)top / (double)opens : 0;
}

struct explain_machine *explain_machine(const struct explain *x, unsigned m, unsigned most)
{
	struct explain_machine *e = xcalloc(1, sizeof(*e));

	e->machine = m;
	e->group = x->p->machine[m].group;
	e->own = e->group == PLAN_NONE ? 0 : ties_to_group(x->t, x->p, m, e->group);
	e->all = ties_all(x->t, m);
	split_ties(x, e, most);
	e->near = explain_nearest(x, &m, 1, e->group, e->all, &e->near_n);
	e->without = explain_without(x, m);
	e->use = explain_uses(x, &m, 1, e->group, &e->use_all);
	if (explain_is_shared(x->p, e->group))
		glue(x, e);
	e->use_n = explain_uses_cut(e->use, e->use_all, most);
	return e;
}

void explain_machine_free(struct explain_machine *e)
{
	if (!e)
		return;
	explain_ties_free(e->in, e->in_n);
	explain_ties_free(e->out, e->out_n);
	explain_uses_free(e->use, e->use_n);
	free(e->near);
	free(e);
}

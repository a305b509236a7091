/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/export_evidence.h"

#include <string.h>

#include "common/mem.h"

static bool stronger(const struct graph *g, const struct evidence_edge *a,
		     const struct evidence_edge *b)
{
	const struct graph_edge *x = &g->edge[a->edge], *y = &g->edge[b->edge];

	if (a->weight != b->weight)
		return a->weight > b->weight;
	if (x->c.opens + x->live != y->c.opens + y->live)
		return x->c.opens + x->live > y->c.opens + y->live;
	return a->edge < b->edge;
}

static void drop(struct evidence *v, unsigned at)
{
	v->edge_n--;
	memmove(v->edge + at, v->edge + at + 1, (v->edge_n - at) * sizeof(*v->edge));
}

static void insert(const struct graph *g, struct evidence *v, const struct evidence_edge *e)
{
	unsigned at = v->edge_n;

	while (at && stronger(g, e, &v->edge[at - 1]))
		at--;
	if (at == EVIDENCE_MOST)
		return;
	if (v->edge_n < EVIDENCE_MOST)
		v->edge_n++;
	memmove(v->edge + at + 1, v->edge + at, (v->edge_n - 1 - at) * sizeof(*v->edge));
	v->edge[at] = *e;
}

static void offer(const struct graph *g, struct evidence *v, const struct evidence_edge *e)
{
	for (unsigned i = 0; i < v->edge_n; i++) {
		if (v->edge[i].a != e->a || v->edge[i].b != e->b)
			continue;
		if (!stronger(g, e, &v->edge[i]))
			return;
		drop(v, i);
		break;
	}
	insert(g, v, e);
}

static void inner(const struct export *x, struct evidence *v, unsigned edge, unsigned client,
		  unsigned server)
{
	struct evidence_edge e = { .edge = edge };

	e.a = client < server ? client : server;
	e.b = client < server ? server : client;
	if (x->ties)
		e.weight = ties_between(x->ties, client, server);
	offer(x->graph, v, &e);
}

static bool is_shared(const struct plan *p, unsigned group)
{
	return group != PLAN_NONE && p->group[group].kind == PLAN_SHARED;
}

static void one(const struct export *x, struct evidence *all, unsigned i)
{
	const struct graph *g = x->graph;
	unsigned client = g->process[g->edge[i].client].machine;
	unsigned server = g->process[g->edge[i].server].machine;
	unsigned from = x->plan->machine[client].group, to = x->plan->machine[server].group;
	struct evidence_edge e = { .edge = i };

	if (client == server)
		return;
	if (from == to && from != PLAN_NONE && !is_shared(x->plan, from)) {
		inner(x, &all[from], i, client, server);
	} else if (from != to && is_shared(x->plan, to)) {
		e.a = from;
		offer(g, &all[to], &e);
	} else if (from != to && is_shared(x->plan, from)) {
		e.a = to; /* a scanner, a monitor: it calls those who use it */
		offer(g, &all[from], &e);
	}
}

struct evidence *evidence_of(const struct export *x)
{
	struct evidence *all = xcalloc(x->plan->group_n, sizeof(*all));

	for (unsigned i = 0; i < x->graph->edge_n; i++)
		one(x, all, i);
	return all;
}

unsigned evidence_ties(const struct ties *t, unsigned machine, struct tie *out, unsigned n)
{
	unsigned have = 0;

	for (unsigned i = t->start[machine]; i < t->start[machine + 1]; i++) {
		unsigned at = have;

		while (at && out[at - 1].weight < t->tie[i].weight)
			at--;
		if (at == n)
			continue;
		if (have < n)
			have++;
		memmove(out + at + 1, out + at, (have - 1 - at) * sizeof(*out));
		out[at] = t->tie[i];
	}
	return have;
}

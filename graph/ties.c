/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ties.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void ties_free(struct ties *t)
{
	if (!t)
		return;
	free(t->start);
	free(t->tie);
	free(t);
}

static const struct tie *find(const struct ties *t, unsigned a, unsigned b)
{
	unsigned lo = t->start[a], hi = t->start[a + 1];

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (t->tie[mid].to < b)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->start[a + 1] && t->tie[lo].to == b ? &t->tie[lo] : NULL;
}

double ties_between(const struct ties *t, unsigned a, unsigned b)
{
	const struct tie *x = find(t, a, b);

	return x ? x->weight : 0;
}

double ties_to_group(const struct ties *t, const struct plan *p, unsigned m, unsigned group)
{
	double sum = 0;

	for (unsigned i = t->start[m]; i < t->start[m + 1]; i++)
		if (p->machine[t->tie[i].to].group == group)
			sum += t->tie[i].weight;
	return sum;
}

double ties_all(const struct ties *t, unsigned m)
{
	double sum = 0;

	for (unsigned i = t->start[m]; i < t->start[m + 1]; i++)
		sum += t->tie[i].weight;
	return sum;
}

/* First form: each (client, server, port) of known machines that are not shared weighs 1. */
static int by_end(const void *pa, const void *pb)
{
	const struct {
		unsigned from, to;
		float weight;
	} *a = pa, *b = pb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

static bool apart(const struct graph *g, const struct plan *p, unsigned m)
{
	unsigned group = p->machine[m].group;

	return !g->machine[m].known || group == PLAN_NONE ||
	       p->group[group].kind == PLAN_SHARED;
}

struct ties *ties_of(const struct graph *g, const struct plan *p)
{
	struct ties *t = xcalloc(1, sizeof(*t));
	struct {
		unsigned from, to;
		float weight;
	} *half = xcalloc(2ul * g->edge_n, sizeof(*half));
	size_t n = 0, kept = 0;

	for (unsigned i = 0; i < g->edge_n; i++) {
		unsigned a = g->process[g->edge[i].client].machine;
		unsigned b = g->process[g->edge[i].server].machine;

		if (a == b || apart(g, p, a) || apart(g, p, b) ||
		    counters_failed(&g->edge[i].c) >= g->edge[i].c.opens)
			continue;
		half[n].from = a, half[n].to = b, half[n++].weight = 1;
		half[n].from = b, half[n].to = a, half[n++].weight = 1;
	}
	qsort(half, n, sizeof(*half), by_end);
	for (size_t i = 0; i < n; i++) {
		if (kept && by_end(&half[kept - 1], &half[i]) == 0)
			half[kept - 1].weight += half[i].weight;
		else
			half[kept++] = half[i];
	}
	t->machine_n = g->machine_n;
	t->tie_n = (unsigned)kept;
	t->start = xcalloc(g->machine_n + 1ul, sizeof(*t->start));
	t->tie = xcalloc(kept, sizeof(*t->tie));
	for (size_t i = 0; i < kept; i++) {
		t->start[half[i].from + 1]++;
		t->tie[i] = (struct tie){ half[i].to, half[i].weight };
	}
	for (unsigned m = 0; m < g->machine_n; m++)
		t->start[m + 1] += t->start[m];
	free(half);
	return t;
}

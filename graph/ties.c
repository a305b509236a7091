/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/ties.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "graph/contact.h"
#include "graph/lesson.h"

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

/* Who is a user or a server of what, by groups: how common a service or a habit is. */
struct commons {
	const struct contacts *c;
	unsigned *group; /* by machine: its group, or one of its own */
	bool *keep;	 /* by machine: of a group that moves */
	unsigned *mark, tick;
	float *rarity; /* by contact */
};

/* Different groups among the contacts LIST[0..n). */
static double breadth(struct commons *k, const unsigned *list, unsigned n, bool clients)
{
	unsigned distinct = 0;

	k->tick++;
	for (unsigned i = 0; i < n; i++) {
		const struct contact *x = &k->c->contact[list[i]];
		unsigned group = k->group[clients ? x->client : x->server];

		distinct += k->mark[group] != k->tick;
		k->mark[group] = k->tick;
	}
	return distinct;
}

static void weigh_rarity(struct commons *k)
{
	const struct contacts *c = k->c;

	for (unsigned s = 0; s < c->service_n; s++) {
		const unsigned *list = c->by_service + c->service[s];
		unsigned n = c->service[s + 1] - c->service[s];
		double b = breadth(k, list, n, true);

		for (unsigned i = 0; i < n; i++)
			k->rarity[list[i]] = (float)(1 / b);
	}
	for (unsigned f = 0; f < c->fan_n; f++) {
		const unsigned *list = c->by_fan + c->fan[f];
		unsigned n = c->fan[f + 1] - c->fan[f];
		double b = sqrt(breadth(k, list, n, false));

		for (unsigned i = 0; i < n; i++)
			k->rarity[list[i]] /= (float)b;
	}
}

/* Machines without a group count as one each, behind the groups. */
static void place_machines(struct commons *k, const struct plan *p)
{
	for (unsigned m = 0; m < p->machine_n; m++) {
		unsigned group = p->machine[m].group;

		k->group[m] = group == PLAN_NONE ? p->group_n + m : group;
		k->keep[m] = group != PLAN_NONE && p->group[group].kind == PLAN_GROUP;
	}
}

struct half {
	unsigned from, to;
	float weight;
};

static int by_end(const void *pa, const void *pb)
{
	const struct half *a = pa, *b = pb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

/* A database over a distance hurts at once; what anybody may call was made for it. */
static double closeness(const struct contact *k)
{
	switch (k->class) {
	case PORT_DATA:
		return 1.6;
	case PORT_WEB:
		return .6;
	case PORT_ADMIN:
		return 0;
	default:
		return 1;
	}
}

/*
 * A steady service that few groups use, of a kind that elsewhere stays inside groups, ties
 * most.  Doubling is the most that the kind can do.
 */
static size_t weigh_contacts(const struct commons *k, const struct lesson *l,
			     struct half *half)
{
	size_t n = 0;

	for (unsigned i = 0; i < k->c->contact_n; i++) {
		const struct contact *x = &k->c->contact[i];
		double kind = 2 / (1 + exp(-l->local[i]));
		double w = x->steady * k->rarity[i] * kind * closeness(x);

		if (!k->keep[x->client] || !k->keep[x->server] || w <= 0)
			continue;
		half[n++] = (struct half){ x->client, x->server, (float)w };
		half[n++] = (struct half){ x->server, x->client, (float)w };
	}
	return n;
}

static void fill(struct ties *t, struct half *half, size_t n)
{
	size_t kept = 0;

	qsort(half, n, sizeof(*half), by_end);
	for (size_t i = 0; i < n; i++) {
		if (kept && by_end(&half[kept - 1], &half[i]) == 0)
			half[kept - 1].weight += half[i].weight;
		else
			half[kept++] = half[i];
	}
	t->tie_n = (unsigned)kept;
	t->tie = xcalloc(kept, sizeof(*t->tie));
	for (size_t i = 0; i < kept; i++) {
		t->start[half[i].from + 1]++;
		t->tie[i] = (struct tie){ half[i].to, half[i].weight };
	}
	for (unsigned m = 0; m < t->machine_n; m++)
		t->start[m + 1] += t->start[m];
}

struct ties *ties_of(const struct graph *g, const struct plan *p)
{
	struct ties *t = xcalloc(1, sizeof(*t));
	struct contacts *c = contacts_new(g);
	struct traits *tr = traits_new(g, 0);
	struct commons k = { .c = c };
	struct half *half = xcalloc(2ul * c->contact_n, sizeof(*half));
	struct lesson *l;

	t->machine_n = g->machine_n;
	t->start = xcalloc(g->machine_n + 1ul, sizeof(*t->start));
	k.group = xcalloc(g->machine_n, sizeof(*k.group));
	k.keep = xcalloc(g->machine_n, sizeof(*k.keep));
	k.mark = xcalloc((size_t)p->group_n + g->machine_n, sizeof(*k.mark));
	k.rarity = xcalloc(c->contact_n, sizeof(*k.rarity));
	place_machines(&k, p);
	weigh_rarity(&k);
	l = lesson_new(c, tr, k.group, k.keep);
	fill(t, half, weigh_contacts(&k, l, half));
	lesson_free(l);
	free(half);
	free(k.group);
	free(k.keep);
	free(k.mark);
	free(k.rarity);
	traits_free(tr);
	contacts_free(c);
	return t;
}

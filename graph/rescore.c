/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/rescore.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { DAY = 86400 };

double rescore_days(const struct graph *g)
{
	int64_t first = g->first, last = g->last;

	if (g->since > first)
		first = g->since;
	if (g->until && g->until < last)
		last = g->until;
	return last - first > DAY ? (double)(last - first) / DAY : 1;
}

/* The machines asked about; OTHER, where it is set, is the only other end that counts. */
struct ask {
	const struct graph *g;
	const struct ties *t;
	const struct plan *p;
	bool *in;
	unsigned other;
};

static bool asked(const struct ask *q, unsigned a, unsigned b)
{
	if (q->other != PLAN_NONE)
		return (q->in[a] && b == q->other) || (q->in[b] && a == q->other);
	return q->in[a] || q->in[b];
}

static struct rescore_part *part_of(const struct ask *q, struct rescore *r, unsigned a,
				    unsigned b)
{
	unsigned group = q->p->machine[a].group;

	return group != PLAN_NONE && group == q->p->machine[b].group ? &r->kept : &r->cut;
}

static void add_ties(const struct ask *q, struct rescore *r)
{
	for (unsigned m = 0; m < q->t->machine_n; m++) {
		for (unsigned i = q->t->start[m]; i < q->t->start[m + 1]; i++) {
			const struct tie *tie = &q->t->tie[i];
			struct rescore_part *part;

			if (tie->to < m || !asked(q, m, tie->to))
				continue;
			part = part_of(q, r, m, tie->to);
			part->ties++;
			part->weight += tie->weight;
		}
	}
}

static void add_edge(struct rescore_part *part, const struct counters *c, double days)
{
	uint64_t failed = counters_failed(c);

	part->edges++;
	if (c->opens > failed)
		part->opens += (double)(c->opens - failed) / days;
	if (!c->has_bytes)
		return;
	part->has_bytes = true;
	part->bytes += ((double)c->bytes_to_server + (double)c->bytes_to_client) / days;
}

static void add_edges(const struct ask *q, struct rescore *r)
{
	double days = rescore_days(q->g);

	for (unsigned i = 0; i < q->g->edge_n; i++) {
		const struct graph_edge *e = &q->g->edge[i];
		unsigned a = q->g->process[e->client].machine;
		unsigned b = q->g->process[e->server].machine;

		if (a != b && asked(q, a, b) && ties_between(q->t, a, b) > 0)
			add_edge(part_of(q, r, a, b), &e->c, days);
	}
}

static struct ask ask_of(const struct graph *g, const struct ties *t, const struct plan *p)
{
	return (struct ask){ g, t, p, xcalloc(g->machine_n, sizeof(bool)), PLAN_NONE };
}

static struct rescore answer(struct ask *q)
{
	struct rescore r = { 0 };

	add_ties(q, &r);
	add_edges(q, &r);
	free(q->in);
	return r;
}

struct rescore rescore_plan(const struct graph *g, const struct ties *t, const struct plan *p)
{
	struct ask q = ask_of(g, t, p);

	memset(q.in, true, g->machine_n * sizeof(*q.in));
	return answer(&q);
}

struct rescore rescore_machines(const struct graph *g, const struct ties *t,
				const struct plan *p, const unsigned *machine, unsigned n)
{
	struct ask q = ask_of(g, t, p);

	for (unsigned i = 0; i < n; i++)
		q.in[machine[i]] = true;
	return answer(&q);
}

struct rescore rescore_pair(const struct graph *g, const struct ties *t, const struct plan *p,
			    unsigned a, unsigned b)
{
	struct ask q = ask_of(g, t, p);

	q.in[a] = true;
	q.other = b;
	return answer(&q);
}

static struct rescore at_limit(const struct graph *g, const struct ties *t,
			       const struct plan *p, const struct rule *rule)
{
	struct ask q = ask_of(g, t, p);

	for (unsigned i = 0; i < p->group_n; i++) {
		const struct plan_group *group = &p->group[i];

		if (group->machine_n < rule->size || group->kind != PLAN_GROUP ||
		    (*rule->name && strcmp(rule->name, group->name) != 0))
			continue;
		for (unsigned k = 0; k < group->machine_n; k++)
			q.in[group->machine[k]] = true;
	}
	return answer(&q);
}

struct rescore rescore_rule(const struct graph *g, const struct ties *t, const struct plan *p,
			    const struct rule *rule)
{
	const unsigned both[] = { rule->machine, rule->other };

	switch (rule->kind) {
	case RULE_LIMIT:
		return at_limit(g, t, p, rule);
	case RULE_APART:
		return rescore_pair(g, t, p, rule->machine, rule->other);
	case RULE_TOGETHER:
		return rescore_machines(g, t, p, both, 2);
	default:
		return rescore_machines(g, t, p, both, 1);
	}
}

double rescore_share(const struct rescore *r)
{
	double all = r->kept.weight + r->cut.weight;

	return all > 0 ? r->cut.weight / all : 0;
}

unsigned rescore_moved(const struct plan *before, const struct plan *after, unsigned *out)
{
	unsigned n = 0;

	for (unsigned m = 0; m < before->machine_n && m < after->machine_n; m++) {
		unsigned a = before->machine[m].group, b = after->machine[m].group;

		if (a == PLAN_NONE || b == PLAN_NONE)
			continue;
		if (strcmp(before->group[a].name, after->group[b].name) != 0)
			out[n++] = m;
	}
	return n;
}

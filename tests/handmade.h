/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graphs, ties and plans made by hand, for tests of what is pure in graph/.  Machine N has the
 * id and name "mN" and one process "pN".
 */
#ifndef TESTS_HANDMADE_H
#define TESTS_HANDMADE_H

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/plan.h"
#include "graph/ties.h"

enum { HAND_EDGES = 4096, HAND_T0 = 1767225600 }; /* 2026-01-01 */

static inline struct graph *hand_graph(unsigned machines)
{
	struct graph *g = xcalloc(1, sizeof(*g));

	g->machine_n = g->process_n = machines;
	g->machine = xcalloc(machines, sizeof(*g->machine));
	g->process = xcalloc(machines, sizeof(*g->process));
	g->edge = xcalloc(HAND_EDGES, sizeof(*g->edge));
	for (unsigned m = 0; m < machines; m++) {
		g->machine[m] = (struct graph_machine){ .id = xasprintf("m%u", m),
							.name = xasprintf("m%u", m),
							.os = xstrdup(""),
							.site = xstrdup(""),
							.extra = xstrdup(""),
							.known = true,
							.sensor = true };
		g->process[m] = (struct graph_process){ .machine = m,
							.name = xasprintf("p%u", m),
							.ip = xstrdup(""),
							.unit = xstrdup(""),
							.container = xstrdup(""),
							.exe = xstrdup("") };
	}
	return g;
}

static inline struct graph_edge *hand_edge(struct graph *g, unsigned client, unsigned server,
					   uint16_t port, uint64_t opens)
{
	struct graph_edge *e = &g->edge[g->edge_n++];

	*e = (struct graph_edge){ .client = client,
				  .server = server,
				  .proto = PROTO_TCP,
				  .port = port,
				  .c = { .opens = opens },
				  .first = HAND_T0,
				  .last = HAND_T0 + 3600,
				  .witnesses = 1u << WITNESS_CLIENT | 1u << WITNESS_SERVER };
	return e;
}

/* GROUP[M] is a letter: a to z are groups of that name, A to Z shared entries, - is none. */
static inline struct plan *hand_plan(const char *group)
{
	unsigned n = (unsigned)strlen(group);
	struct plan *p = plan_new(n);

	for (unsigned m = 0; m < n; m++) {
		char name[2] = { group[m], 0 };
		unsigned at = 0;

		if (group[m] == '-')
			continue;
		while (at < p->group_n && strcmp(p->group[at].name, name))
			at++;
		if (at == p->group_n)
			plan_add(p, group[m] < 'a' ? PLAN_SHARED : PLAN_GROUP, name);
		p->machine[m].group = at;
	}
	plan_settle(p);
	return p;
}

/* W is a matrix of N rows. */
static inline struct ties *hand_ties(const double *w, unsigned n)
{
	struct ties *t = xcalloc(1, sizeof(*t));

	t->machine_n = n;
	t->start = xcalloc(n + 1ul, sizeof(*t->start));
	t->tie = xcalloc((size_t)n * n + 1, sizeof(*t->tie));
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < n; j++)
			if (w[i * n + j] > 0)
				t->tie[t->tie_n++] = (struct tie){ j, (float)w[i * n + j] };
		t->start[i + 1] = t->tie_n;
	}
	return t;
}

static inline void hand_tie(double *w, unsigned n, unsigned a, unsigned b, double weight)
{
	w[a * n + b] = w[b * n + a] = weight;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/between.h"

#include <stdlib.h>

#include "common/mem.h"

uint64_t between_worked(const struct graph_edge *e)
{
	uint64_t failed = counters_failed(&e->c);
	uint64_t worked = e->c.opens > failed ? e->c.opens - failed : 0;

	return worked + e->live < worked ? UINT64_MAX : worked + e->live;
}

static int by_ends(const void *pa, const void *pb)
{
	const struct between *a = pa, *b = pb;

	if (a->client != b->client)
		return a->client < b->client ? -1 : 1;
	return (a->server > b->server) - (a->server < b->server);
}

static unsigned merge(struct between *b, unsigned n)
{
	unsigned out = 0;

	for (unsigned i = 0; i < n; i++) {
		struct between *last = out ? &b[out - 1] : NULL;

		if (!last || by_ends(last, &b[i]) != 0)
			b[out++] = b[i];
		else if (last->connections + b[i].connections < last->connections)
			last->connections = UINT64_MAX;
		else
			last->connections += b[i].connections;
	}
	return out;
}

struct between *between_groups(const struct graph *g, const struct plan *p, unsigned *n)
{
	struct between *b = NULL;
	size_t cap = 0;

	*n = 0;
	for (unsigned i = 0; i < g->edge_n; i++) {
		const struct graph_edge *e = &g->edge[i];
		unsigned c = p->machine[g->process[e->client].machine].group;
		unsigned s = p->machine[g->process[e->server].machine].group;
		uint64_t worked = between_worked(e);

		if (c == PLAN_NONE || s == PLAN_NONE || c == s || !worked)
			continue;
		MEM_GROW(b, *n, cap);
		b[(*n)++] = (struct between){ c, s, worked };
	}
	if (*n)
		qsort(b, *n, sizeof(*b), by_ends);
	*n = merge(b, *n);
	return b;
}

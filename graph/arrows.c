/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/arrows.h"

#include <stdlib.h>

#include "common/mem.h"

struct part {
	unsigned client, server, edge;
	uint32_t service; /* protocol and port */
};

#define COMPARE(x, y)                                                                         \
	do {                                                                                  \
		if ((x) != (y))                                                               \
			return (x) < (y) ? -1 : 1;                                            \
	} while (0)

static int by_ends(const void *pa, const void *pb)
{
	const struct part *a = pa, *b = pb;

	COMPARE(a->client, b->client);
	COMPARE(a->server, b->server);
	COMPARE(a->service, b->service);
	COMPARE(a->edge, b->edge);
	return 0;
}

static unsigned place(const struct graph *g, const unsigned *of, unsigned process)
{
	unsigned m = g->process[process].machine;

	return of ? of[m] : m;
}

static struct part *parts(const struct graph *g, const unsigned *of, unsigned *n)
{
	struct part *part = xcalloc(g->edge_n, sizeof(*part));

	*n = 0;
	for (unsigned i = 0; i < g->edge_n; i++) {
		const struct graph_edge *e = &g->edge[i];
		unsigned client = place(g, of, e->client), server = place(g, of, e->server);

		if (client == server || client == PLAN_NONE || server == PLAN_NONE)
			continue;
		part[(*n)++] =
			(struct part){ client, server, i, (uint32_t)e->proto << 16 | e->port };
	}
	qsort(part, *n, sizeof(*part), by_ends);
	return part;
}

/* Keeps the strongest; of equal ones the lower port, which comes first. */
static void add_port(struct arrow *l, const struct arrow_port *p)
{
	unsigned at = l->port_n < ARROW_PORTS ? l->port_n : ARROW_PORTS;

	l->port_n++;
	while (at && l->port[at - 1].opens < p->opens) {
		if (at < ARROW_PORTS)
			l->port[at] = l->port[at - 1];
		at--;
	}
	if (at < ARROW_PORTS)
		l->port[at] = *p;
}

static void add_edge(struct arrow *l, const struct graph_edge *e)
{
	if (l->edges++ == 0) {
		l->c = e->c;
		l->first = e->first;
	} else {
		graph_add_counters(&l->c, &e->c);
	}
	l->live += e->live;
	if (e->first && (!l->first || e->first < l->first))
		l->first = e->first;
	if (e->last > l->last)
		l->last = e->last;
}

/* The parts from I on that have the same ends; returns how many. */
static unsigned add_link(const struct graph *g, const struct part *part, unsigned n,
			 struct arrow *l)
{
	unsigned i = 0;

	*l = (struct arrow){ .client = part->client, .server = part->server };
	while (i < n && part[i].client == l->client && part[i].server == l->server) {
		uint32_t service = part[i].service;
		struct arrow_port p = { (uint8_t)(service >> 16), (uint16_t)service, 0 };

		for (; i < n && part[i].client == l->client && part[i].server == l->server &&
		       part[i].service == service;
		     i++) {
			p.opens += g->edge[part[i].edge].c.opens;
			add_edge(l, &g->edge[part[i].edge]);
		}
		add_port(l, &p);
	}
	return i;
}

struct arrows *arrows_of(const struct graph *g, const unsigned *of)
{
	struct arrows *b = xcalloc(1, sizeof(*b));
	unsigned n, cap = 0;
	struct part *part = parts(g, of, &n);

	for (unsigned i = 0; i < n;) {
		MEM_GROW(b->arrow, b->arrow_n, cap);
		i += add_link(g, part + i, n - i, &b->arrow[b->arrow_n++]);
	}
	free(part);
	return b;
}

void arrows_free(struct arrows *b)
{
	if (!b)
		return;
	free(b->arrow);
	free(b);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

const char *const compare_word[COMPARE_KINDS] = { "new", "gone", "changed" };

#define FAILING 0.1 /* share of connections */
#define NOISE 4	    /* standard deviations */

static int number_cmp(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* A machine of either graph under the number that both know it by. */
struct named {
	bool known;
	const char *key;
	unsigned index;
};

/* An edge, its machines by those numbers. */
struct link {
	unsigned client, server, edge;
	uint16_t port;
	uint8_t proto;
	const char *client_process, *server_process;
	bool matched;
};

struct side {
	const struct graph *g;
	unsigned *number; /* by machine */
	bool *there;
	struct link *link; /* sorted */
	double days;
};

static int named_cmp(const struct named *a, const struct named *b)
{
	return a->known != b->known ? a->known - b->known : strcmp(a->key, b->key);
}

static int by_named(const void *pa, const void *pb)
{
	const struct named *a = pa, *b = pb;
	int d = named_cmp(a, b);

	return d ? d : number_cmp(a->index, b->index);
}

static struct named *names_of(const struct graph *g)
{
	struct named *all = xcalloc(g->machine_n + 1ul, sizeof(*all));

	for (unsigned m = 0; m < g->machine_n; m++) {
		const struct graph_machine *x = &g->machine[m];

		all[m] = (struct named){ x->known, x->known ? x->id : x->name, m };
	}
	qsort(all, g->machine_n, sizeof(*all), by_named);
	return all;
}

/* A's machines are numbered as they stand, those of B alone behind them. */
static void number(struct side *a, struct side *b)
{
	struct named *na = names_of(a->g), *nb = names_of(b->g);
	unsigned i = 0;

	for (unsigned m = 0; m < a->g->machine_n; m++)
		a->number[m] = m;
	for (unsigned j = 0; j < b->g->machine_n; j++) {
		while (i < a->g->machine_n && named_cmp(&na[i], &nb[j]) < 0)
			i++;
		if (i < a->g->machine_n && !named_cmp(&na[i], &nb[j]))
			b->number[nb[j].index] = na[i++].index;
		else
			b->number[nb[j].index] = a->g->machine_n + nb[j].index;
	}
	free(na);
	free(nb);
}

static int bundle_cmp(const struct link *a, const struct link *b)
{
	int d;

	if ((d = number_cmp(a->client, b->client)) || (d = number_cmp(a->server, b->server)) ||
	    (d = number_cmp(a->port, b->port)))
		return d;
	return number_cmp(a->proto, b->proto);
}

static int by_link(const void *pa, const void *pb)
{
	const struct link *a = pa, *b = pb;
	int d;

	if ((d = bundle_cmp(a, b)) || (d = strcmp(a->client_process, b->client_process)) ||
	    (d = strcmp(a->server_process, b->server_process)))
		return d;
	return number_cmp(a->edge, b->edge);
}

static void fill_links(struct side *s)
{
	const struct graph *g = s->g;

	s->link = xcalloc(g->edge_n + 1ul, sizeof(*s->link));
	for (unsigned i = 0; i < g->edge_n; i++) {
		const struct graph_edge *e = &g->edge[i];
		const struct graph_process *c = &g->process[e->client];
		const struct graph_process *v = &g->process[e->server];

		s->there[c->machine] = s->there[v->machine] = true;
		s->link[i] = (struct link){ .client = s->number[c->machine],
					    .server = s->number[v->machine],
					    .edge = i,
					    .port = e->port,
					    .proto = e->proto,
					    .client_process = c->name,
					    .server_process = v->name };
	}
	qsort(s->link, g->edge_n, sizeof(*s->link), by_link);
}

static double days_of(const struct graph *g)
{
	int64_t from = g->since > g->first ? g->since : g->first;
	int64_t to = g->until && g->until < g->last ? g->until : g->last;
	double days;

	if (g->since && g->until)
		from = g->since, to = g->until;
	days = (double)(to - from) / 86400;
	return days > 1 ? days : 1;
}

static void side_begin(struct side *s, const struct graph *g)
{
	bool all = !g->since && !g->until;

	*s = (struct side){ .g = g, .days = days_of(g) };
	s->number = xcalloc(g->machine_n + 1ul, sizeof(*s->number));
	s->there = xcalloc(g->machine_n + 1ul, sizeof(*s->there));
	for (unsigned m = 0; m < g->machine_n; m++)
		s->there[m] = all && g->machine[m].known;
}

static void side_free(struct side *s)
{
	free(s->number);
	free(s->there);
	free(s->link);
}

static double days_of_edge(const struct graph_edge *e, double days)
{
	double own = (double)(e->last - e->first) / 86400;

	if (e->witnesses != 1u << WITNESS_IMPORT)
		return days;
	return own > 1 ? own : 1;
}

static bool failing(const struct graph_edge *e)
{
	return (double)counters_failed(&e->c) > FAILING * (double)e->c.opens;
}

static bool more_than_noise(double a, double a_days, double b, double b_days)
{
	double wide = sqrt(a / (a_days * a_days) + b / (b_days * b_days));

	return fabs(a / a_days - b / b_days) > NOISE * wide;
}

/* True if the two edges differ so that it should be said. */
static bool differ(struct compare_edge *out, const struct compare_graphs *c,
		   const struct graph_edge *a, const struct graph_edge *b, double factor)
{
	double a_days = days_of_edge(a, c->a_days), b_days = days_of_edge(b, c->b_days), f;

	out->a_opens = (double)a->c.opens / a_days;
	out->b_opens = (double)b->c.opens / b_days;
	out->factor = a->c.opens && b->c.opens ? out->b_opens / out->a_opens : 0;
	out->fails = failing(b) && !failing(a);
	out->heals = failing(a) && !failing(b);
	if (out->fails || out->heals)
		return true;
	f = out->factor > 0 && out->factor < 1 ? 1 / out->factor : out->factor;
	return (f >= factor || (a->c.opens == 0) != (b->c.opens == 0)) &&
	       more_than_noise((double)a->c.opens, a_days, (double)b->c.opens, b_days);
}

struct work {
	struct side a, b;
	struct compare_graphs *c;
	unsigned *partner; /* of B's edges: the edge of A */
	bool *kept;	   /* A's edges that have one */
	double factor;
};

static bool same_process(const char *a, const char *b, bool exactly)
{
	return !strcmp(a, b) || (!exactly && (!*a || !*b));
}

/* The edges between the same machines at the same port: the known processes first. */
static void pair_bundle(struct work *w, struct link *a, unsigned an, struct link *b,
			unsigned bn, bool exactly)
{
	for (unsigned j = 0; j < bn; j++) {
		for (unsigned i = 0; i < an && !b[j].matched; i++) {
			if (a[i].matched ||
			    !same_process(a[i].client_process, b[j].client_process, exactly) ||
			    !same_process(a[i].server_process, b[j].server_process, exactly))
				continue;
			a[i].matched = b[j].matched = true;
			w->partner[b[j].edge] = a[i].edge;
			w->kept[a[i].edge] = true;
		}
	}
}

static unsigned bundle(const struct link *link, unsigned from, unsigned n)
{
	unsigned to = from + 1;

	while (to < n && !bundle_cmp(&link[from], &link[to]))
		to++;
	return to;
}

static void pair_links(struct work *w)
{
	unsigned an = w->a.g->edge_n, bn = w->b.g->edge_n, i = 0, j = 0;

	while (i < an && j < bn) {
		int d = bundle_cmp(&w->a.link[i], &w->b.link[j]);
		unsigned i_end = bundle(w->a.link, i, an), j_end = bundle(w->b.link, j, bn);

		for (int exactly = 1; d == 0 && exactly >= 0; exactly--)
			pair_bundle(w, &w->a.link[i], i_end - i, &w->b.link[j], j_end - j,
				    exactly);
		i = d <= 0 ? i_end : i;
		j = d >= 0 ? j_end : j;
	}
}

static void add_edge(struct work *w, size_t *cap, unsigned a, unsigned b)
{
	struct compare_graphs *c = w->c;
	struct compare_edge e = { .a = a, .b = b };
	const struct graph_edge *ea = a == PLAN_NONE ? NULL : &w->a.g->edge[a];
	const struct graph_edge *eb = b == PLAN_NONE ? NULL : &w->b.g->edge[b];

	if (ea && eb && !differ(&e, c, ea, eb, w->factor)) {
		c->edges_same++;
		return;
	}
	e.change = ea && eb ? COMPARE_CHANGED : eb ? COMPARE_NEW : COMPARE_GONE;
	if (!eb)
		e.a_opens = (double)ea->c.opens / days_of_edge(ea, c->a_days);
	if (!ea) {
		e.b_opens = (double)eb->c.opens / days_of_edge(eb, c->b_days);
		e.fails = failing(eb);
	}
	c->count[e.change]++;
	MEM_GROW(c->edge, c->edge_n, *cap);
	c->edge[c->edge_n++] = e;
}

static void list_edges(struct work *w)
{
	size_t cap = 0;

	w->partner = xcalloc(w->b.g->edge_n + 1ul, sizeof(*w->partner));
	w->kept = xcalloc(w->a.g->edge_n + 1ul, sizeof(*w->kept));
	for (unsigned j = 0; j < w->b.g->edge_n; j++)
		w->partner[j] = PLAN_NONE;
	pair_links(w);
	for (unsigned j = 0; j < w->b.g->edge_n; j++)
		add_edge(w, &cap, w->partner[j], j);
	for (unsigned i = 0; i < w->a.g->edge_n; i++)
		if (!w->kept[i])
			add_edge(w, &cap, i, PLAN_NONE);
	free(w->partner);
	free(w->kept);
}

static void list_machines(struct work *w)
{
	struct compare_graphs *c = w->c;
	unsigned an = w->a.g->machine_n, bn = w->b.g->machine_n;
	bool *in_b = xcalloc(an + 1ul, sizeof(*in_b));

	c->machine = xcalloc((size_t)an + bn + 1, sizeof(*c->machine));
	for (unsigned m = 0; m < bn; m++) {
		unsigned n = w->b.number[m];

		if (!w->b.there[m])
			continue;
		if (n < an)
			in_b[n] = true;
		if (n < an && w->a.there[n])
			c->machines_same++;
		else
			c->machine[c->machine_n++] =
				(struct compare_machine){ COMPARE_NEW, m };
	}
	for (unsigned m = 0; m < an; m++)
		if (w->a.there[m] && !in_b[m])
			c->machine[c->machine_n++] =
				(struct compare_machine){ COMPARE_GONE, m };
	free(in_b);
}

struct compare_graphs *compare_graphs(const struct graph *a, const struct graph *b,
				      double factor)
{
	struct work w = { .c = xcalloc(1, sizeof(*w.c)), .factor = factor };

	side_begin(&w.a, a);
	side_begin(&w.b, b);
	w.c->a_days = w.a.days;
	w.c->b_days = w.b.days;
	number(&w.a, &w.b);
	fill_links(&w.a);
	fill_links(&w.b);
	list_edges(&w);
	list_machines(&w);
	side_free(&w.a);
	side_free(&w.b);
	return w.c;
}

void compare_graphs_free(struct compare_graphs *c)
{
	if (!c)
		return;
	free(c->machine);
	free(c->edge);
	free(c);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/estate.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/draw/estatecut.h"
#include "graph/draw/heading.h"
#include "graph/draw/view.h"

enum { COMMON_GROUPS = 10 }; /* below, nothing is common */

/* Shared services */

/* Which one of them it is matters; of the others a group uses what is next to it. */
static bool stands_alone(enum service kind)
{
	return kind == SERVICE_DATABASE || kind == SERVICE_BUS || kind == SERVICE_FILES ||
	       kind == SERVICE_PLATFORM || kind == SERVICE_BALANCER;
}

static enum service kind_of(const struct plan_group *g)
{
	return g->service == SERVICE_NONE ? SERVICE_PLATFORM : g->service;
}

static struct estate_service *add_service(struct estate *e, enum service kind, unsigned number)
{
	e->service[e->service_n] = (struct estate_service){ .kind = kind, .number = number };
	return &e->service[e->service_n++];
}

static void add_members(struct estate_service *s, const struct plan_group *g)
{
	s->machine =
		xreallocarray(s->machine, s->machine_n + g->machine_n, sizeof(*s->machine));
	memcpy(s->machine + s->machine_n, g->machine, g->machine_n * sizeof(*g->machine));
	s->machine_n += g->machine_n;
}

/* OF[group] is the service that a shared entry of the plan belongs to. */
static void find_services(struct estate *e, unsigned *of)
{
	e->service = xcalloc(ESTATE_SERVICES, sizeof(*e->service));
	for (unsigned k = SERVICE_NONE + 1; k < SERVICE_COUNT; k++) {
		struct estate_service *s = NULL;
		unsigned n = 0, number = 0;

		for (unsigned i = e->group_n; i < e->p->group_n; i++)
			n += kind_of(&e->p->group[i]) == k;
		bool apart = stands_alone(k) && n > 1 &&
			     e->service_n + n + SERVICE_COUNT < ESTATE_SERVICES;
		for (unsigned i = e->group_n; i < e->p->group_n; i++) {
			if (kind_of(&e->p->group[i]) != k)
				continue;
			if (!s || apart)
				s = add_service(e, k, apart ? ++number : 0);
			of[i] = (unsigned)(s - e->service);
			add_members(s, &e->p->group[i]);
		}
	}
}

/* Edges between groups */

struct crossing {
	unsigned from, to, client, server, edge;
};

static int by_crossing(const void *pa, const void *pb)
{
	const struct crossing *a = pa, *b = pb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	if (a->to != b->to)
		return a->to < b->to ? -1 : 1;
	if (a->client != b->client)
		return a->client < b->client ? -1 : 1;
	if (a->server != b->server)
		return a->server < b->server ? -1 : 1;
	return a->edge < b->edge ? -1 : a->edge > b->edge;
}

struct making {
	struct estate *e;
	unsigned *service_of; /* by group of the plan */
	struct crossing *crossing;
	unsigned crossing_n;
	bool *caller, *called; /* by machine: a stranger that calls, is called */
};

static unsigned callers_box(const struct estate *e)
{
	return e->group_n;
}

static unsigned called_box(const struct estate *e)
{
	return e->group_n + 1;
}

enum where { IN_GROUP, IN_SHARED, OUTSIDE, UNPLANNED };

static enum where where_is(const struct estate *e, unsigned machine)
{
	unsigned group = e->p->machine[machine].group;

	if (group == PLAN_NONE)
		return e->g->machine[machine].known ? UNPLANNED : OUTSIDE;
	return group < e->group_n ? IN_GROUP : IN_SHARED;
}

static void use(struct making *mk, unsigned group, unsigned shared)
{
	mk->e->box[group].uses |= (uint64_t)1 << mk->service_of[shared];
}

static void cross(struct making *mk, unsigned from, unsigned to, unsigned edge)
{
	const struct graph *g = mk->e->g;

	if (from == to)
		return;
	mk->crossing[mk->crossing_n++] =
		(struct crossing){ from, to, g->process[g->edge[edge].client].machine,
				   g->process[g->edge[edge].server].machine, edge };
}

static void sort_edge(struct making *mk, unsigned edge)
{
	struct estate *e = mk->e;
	const struct graph_edge *x = &e->g->edge[edge];
	unsigned c = e->g->process[x->client].machine, s = e->g->process[x->server].machine;
	enum where from = where_is(e, c), to = where_is(e, s);
	unsigned cg = e->p->machine[c].group, sg = e->p->machine[s].group;

	if (from == IN_GROUP && to == IN_GROUP) {
		cross(mk, cg, sg, edge);
	} else if (from == IN_GROUP && to == IN_SHARED) {
		if (!view_edge_failed(x))
			use(mk, cg, sg);
	} else if (from == IN_SHARED && to == IN_GROUP) {
		if (!view_edge_failed(x))
			use(mk, sg, cg);
	} else if (from == OUTSIDE && to == IN_GROUP) {
		mk->caller[c] = true;
		cross(mk, callers_box(e), sg, edge);
	} else if (from == IN_GROUP && to == OUTSIDE) {
		mk->called[s] = true;
		cross(mk, cg, called_box(e), edge);
	}
}

/* Links */

struct tally {
	struct estate_port *port;
	unsigned n, cap;
};

static int by_port(const void *pa, const void *pb)
{
	const struct estate_port *a = pa, *b = pb;

	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	if (a->proto != b->proto)
		return a->proto < b->proto ? -1 : 1;
	return strcmp(a->process, b->process);
}

static int by_opens(const void *pa, const void *pb)
{
	const struct estate_port *a = pa, *b = pb;

	if (a->opens != b->opens)
		return a->opens < b->opens ? 1 : -1;
	return by_port(pa, pb);
}

/* Joins what has the same port; the process of the busiest part stands for it. */
static void set_ports(struct estate_link *l, struct tally *t)
{
	uint64_t most = 0;
	unsigned n = 0;

	qsort(t->port, t->n, sizeof(*t->port), by_port);
	for (unsigned i = 0; i < t->n; i++) {
		struct estate_port *x = &t->port[i], *last = n ? &t->port[n - 1] : NULL;

		if (!last || last->port != x->port || last->proto != x->proto) {
			most = x->opens;
			t->port[n++] = *x;
			continue;
		}
		if (x->opens > most) {
			most = x->opens;
			last->process = x->process;
		}
		last->opens += x->opens;
	}
	qsort(t->port, n, sizeof(*t->port), by_opens);
	l->port_n = n;
	memcpy(l->port, t->port, (n < ESTATE_PORTS ? n : ESTATE_PORTS) * sizeof(*t->port));
	t->n = 0;
}

static void count_edge(struct estate_link *l, const struct graph *g, unsigned edge,
		       struct tally *t)
{
	const struct graph_edge *x = &g->edge[edge];

	graph_add_counters(&l->c, &x->c);
	l->live += x->live;
	l->pending += x->pending;
	if (x->first && (!l->first || x->first < l->first))
		l->first = x->first;
	if (x->last > l->last)
		l->last = x->last;
	l->edges++;
	MEM_GROW(t->port, t->n, t->cap);
	t->port[t->n++] = (struct estate_port){ g->process[x->server].name, x->port, x->proto,
						x->c.opens + x->live };
}

static void make_links(struct making *mk)
{
	struct estate *e = mk->e;
	const struct crossing *x = mk->crossing;
	struct tally t = { 0 };
	unsigned cap = 0;

	qsort(mk->crossing, mk->crossing_n, sizeof(*x), by_crossing);
	for (unsigned i = 0, end; i < mk->crossing_n; i = end) {
		struct estate_link l = { .from = x[i].from, .to = x[i].to, .drawn = true };

		l.c.has_bytes = true;
		for (end = i;
		     end < mk->crossing_n && x[end].from == l.from && x[end].to == l.to;
		     end++) {
			l.pairs += end == i || x[end].client != x[end - 1].client ||
				   x[end].server != x[end - 1].server;
			count_edge(&l, e->g, x[end].edge, &t);
		}
		set_ports(&l, &t);
		MEM_GROW(e->link, e->link_n, cap);
		e->link[e->link_n++] = l;
	}
	free(t.port);
}

static int by_ends(const void *pa, const void *pb)
{
	const struct estate_link *a = pa, *b = pb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return a->to < b->to ? -1 : a->to > b->to;
}

/* Something comes of it, and more often than once in a while. */
static bool is_steady(const struct estate *e, const struct estate_link *l)
{
	return !estate_link_dead(l) && (e->days < 1 || estate_rate(e, l) >= 1);
}

static void find_mutual(struct estate *e)
{
	for (unsigned i = 0; i < e->link_n; i++) {
		struct estate_link back = { .from = e->link[i].to, .to = e->link[i].from };
		const struct estate_link *found;

		found = bsearch(&back, e->link, e->link_n, sizeof(back), by_ends);
		e->link[i].mutual = found && is_steady(e, found) && is_steady(e, &e->link[i]);
	}
}

bool estate_link_dead(const struct estate_link *l)
{
	return !l->live && counters_failed(&l->c) >= l->c.opens;
}

bool estate_link_ailing(const struct estate_link *l)
{
	return counters_failed(&l->c) && counters_failed(&l->c) >= l->c.opens / 10;
}

double estate_rate(const struct estate *e, const struct estate_link *l)
{
	uint64_t n = l->c.opens > l->live ? l->c.opens : l->live;

	return e->days < 1 ? (double)n : (double)n / e->days;
}

/* All of it */

static void fill_boxes(struct estate *e)
{
	bool *shared = xcalloc(e->g->machine_n, sizeof(*shared));
	enum role *role = xcalloc(e->g->machine_n, sizeof(*role));

	e->box_n = e->group_n + 2;
	e->box = xcalloc(e->box_n, sizeof(*e->box));
	for (unsigned m = 0; m < e->g->machine_n; m++)
		shared[m] = where_is(e, m) == IN_SHARED;
	view_roles(e->g, shared, role);
	for (unsigned m = 0; m < e->g->machine_n; m++) {
		enum where where = where_is(e, m);

		e->unplanned += where == UNPLANNED;
		if (where != IN_GROUP)
			continue;
		e->machine_n++;
		e->box[e->p->machine[m].group].machines++;
		e->box[e->p->machine[m].group].role[role[m]]++;
	}
	for (unsigned i = 0; i < e->group_n; i++)
		e->box[i].group = i;
	e->box[callers_box(e)].kind = ESTATE_CALLERS;
	e->box[called_box(e)].kind = ESTATE_CALLED;
	e->box[callers_box(e)].group = e->box[called_box(e)].group = PLAN_NONE;
	free(role);
	free(shared);
}

static void count_users(struct estate *e)
{
	for (unsigned s = 0; s < e->service_n; s++) {
		for (unsigned i = 0; i < e->group_n; i++)
			e->service[s].users += e->box[i].uses >> s & 1;
		e->service[s].common =
			e->group_n >= COMMON_GROUPS && e->service[s].users * 2 > e->group_n;
	}
}

static void count_outside(struct making *mk)
{
	struct estate *e = mk->e;

	for (unsigned m = 0; m < e->g->machine_n; m++) {
		e->box[callers_box(e)].machines += mk->caller[m];
		e->box[called_box(e)].machines += mk->called[m];
	}
}

static void make(struct making *mk)
{
	struct estate *e = mk->e;

	mk->service_of = xcalloc(e->p->group_n, sizeof(*mk->service_of));
	mk->crossing = xcalloc(e->g->edge_n, sizeof(*mk->crossing));
	mk->caller = xcalloc(e->g->machine_n, sizeof(*mk->caller));
	mk->called = xcalloc(e->g->machine_n, sizeof(*mk->called));
	find_services(e, mk->service_of);
	fill_boxes(e);
	for (unsigned i = 0; i < e->g->edge_n; i++)
		sort_edge(mk, i);
	count_outside(mk);
	make_links(mk);
	find_mutual(e);
	count_users(e);
	free(mk->service_of);
	free(mk->crossing);
	free(mk->caller);
	free(mk->called);
}

struct estate *estate_new(const struct graph *g, const struct plan *p)
{
	struct estate *e = xcalloc(1, sizeof(*e));
	struct making mk = { .e = e };
	struct heading_period period = heading_period(g);

	e->g = g;
	e->p = p;
	if (period.first && period.last > period.first)
		e->days = (double)(period.last - period.first) / 86400;
	while (e->group_n < p->group_n && p->group[e->group_n].kind == PLAN_GROUP)
		e->group_n++;
	make(&mk);
	estatecut(e);
	return e;
}

void estate_free(struct estate *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < e->service_n; i++)
		free(e->service[i].machine);
	free(e->service);
	free(e->box);
	free(e->link);
	free(e);
}

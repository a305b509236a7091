/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/view.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/draw/chip.h"

bool view_edge_failed(const struct graph_edge *e)
{
	return e->c.opens && counters_failed(&e->c) >= e->c.opens && !e->live;
}

static unsigned client_machine(const struct view *v, unsigned edge)
{
	return v->g->process[v->g->edge[edge].client].machine;
}

static unsigned server_machine(const struct view *v, unsigned edge)
{
	return v->g->process[v->g->edge[edge].server].machine;
}

static void select_all(struct view *v)
{
	for (unsigned i = 0; i < v->g->edge_n; i++)
		v->edge[i] = VIEW_ARROW;
	for (unsigned i = 0; i < v->g->machine_n; i++)
		v->machine[i].on = true;
}

static void select_around(struct view *v, unsigned focus)
{
	v->machine[focus].on = true;
	for (unsigned i = 0; i < v->g->edge_n; i++) {
		unsigned c = client_machine(v, i), s = server_machine(v, i);

		if (c != focus && s != focus)
			continue;
		v->edge[i] = VIEW_ARROW;
		v->machine[c].on = v->machine[s].on = true;
	}
}

static void count_edges(struct view *v)
{
	for (unsigned i = 0; i < v->g->edge_n; i++) {
		unsigned c = client_machine(v, i), s = server_machine(v, i);
		const struct graph_edge *e = &v->g->edge[i];

		if (v->edge[i] == VIEW_OFF)
			continue;
		if (c != s) {
			v->machine[c].out++;
			v->machine[s].in++;
		} else if (e->client != e->server) {
			v->machine[c].inner = true;
		}
	}
}

static void weigh_edges(const struct graph *g, const bool *shared,
			uint64_t (*weight)[ROLE_COUNT])
{
	for (unsigned i = 0; i < g->edge_n; i++) {
		const struct graph_edge *e = &g->edge[i];
		unsigned c = g->process[e->client].machine, s = g->process[e->server].machine;
		enum role r = role_of(g->process[e->server].name, e->port);

		if (!view_edge_failed(e) && !(shared && shared[c] && !shared[s]))
			weight[s][r] += (e->c.opens + e->live + 1) * 16;
	}
}

void view_roles(const struct graph *g, const bool *shared, enum role *out)
{
	uint64_t(*weight)[ROLE_COUNT] = xcalloc(g->machine_n, sizeof(*weight));

	weigh_edges(g, shared, weight);
	for (unsigned i = 0; i < g->listener_n; i++) {
		const struct graph_process *p = &g->process[g->listener[i].process];
		enum role r = role_of(p->name, g->listener[i].port);

		if (weight[p->machine][r] < 16)
			weight[p->machine][r] = r;
	}
	for (unsigned m = 0; m < g->machine_n; m++) {
		uint64_t best = 0;

		out[m] = ROLE_NONE;
		for (int r = ROLE_INFRA; r < ROLE_COUNT; r++)
			if (weight[m][r] >= best && weight[m][r])
				best = weight[m][out[m] = (enum role)r];
	}
	free(weight);
}

/* A machine is what it is, in this picture or not. */
static void find_roles(struct view *v)
{
	enum role *role = xcalloc(v->g->machine_n, sizeof(*role));

	view_roles(v->g, NULL, role);
	for (unsigned m = 0; m < v->g->machine_n; m++)
		v->machine[m].role = role[m];
	free(role);
}

struct use {
	unsigned server, client, edge;
	uint16_t port;
};

static int by_use(const void *pa, const void *pb)
{
	const struct use *a = pa, *b = pb;

	if (a->server != b->server)
		return a->server < b->server ? -1 : 1;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	if (a->client != b->client)
		return a->client < b->client ? -1 : 1;
	return a->edge < b->edge ? -1 : a->edge > b->edge;
}

static void add_chip(struct view_machine *m, const char *word)
{
	unsigned at = 0;

	while (at < m->chip_n && strcmp(m->chip[at], word) < 0)
		at++;
	if (m->chip_n == VIEW_CHIPS || (at < m->chip_n && !strcmp(m->chip[at], word)))
		return;
	memmove(&m->chip[at + 1], &m->chip[at], (m->chip_n - at) * sizeof(*m->chip));
	m->chip[at] = word;
	m->chip_n++;
}

static void make_chips(struct view *v, const struct use *use, unsigned n, unsigned clients)
{
	for (unsigned i = 0; i < n; i++) {
		const struct graph_edge *e = &v->g->edge[use[i].edge];

		v->edge[use[i].edge] = VIEW_CHIP;
		v->shared_clients[e->server] = clients;
		add_chip(&v->machine[use[i].client], role_shared_service(e->port));
	}
}

/* What everybody uses hides everything else: it becomes a word in the boxes of its clients. */
static void find_shared(struct view *v)
{
	const struct graph *g = v->g;
	struct use *use = xcalloc(g->edge_n, sizeof(*use));
	unsigned n = 0;

	for (unsigned i = 0; i < g->edge_n; i++)
		if (v->edge[i] == VIEW_ARROW && role_shared_service(g->edge[i].port) &&
		    !view_edge_failed(&g->edge[i]) &&
		    client_machine(v, i) != server_machine(v, i))
			use[n++] = (struct use){ server_machine(v, i), client_machine(v, i), i,
						 g->edge[i].port };
	qsort(use, n, sizeof(*use), by_use);
	for (unsigned i = 0, end; i < n; i = end) {
		unsigned clients = 1;

		for (end = i + 1; end < n && use[end].server == use[i].server &&
				  use[end].port == use[i].port;
		     end++)
			clients += use[end].client != use[end - 1].client;
		if (clients >= VIEW_SHARED_CLIENTS)
			make_chips(v, use + i, end - i, clients);
	}
	free(use);
}

void view_init(struct view *v, const struct graph *g, int focus)
{
	*v = (struct view){ .g = g, .focus = focus };
	v->machine = xcalloc(g->machine_n, sizeof(*v->machine));
	v->edge = xcalloc(g->edge_n, sizeof(*v->edge));
	v->shared_clients = xcalloc(g->process_n, sizeof(*v->shared_clients));
	if (focus < 0)
		select_all(v);
	else
		select_around(v, (unsigned)focus);
	find_roles(v);
	if (focus < 0)
		find_shared(v);
	count_edges(v);
}

/* A group's own picture */

static void use_shared(struct view *v, unsigned edge, unsigned machine, unsigned shared)
{
	const struct plan_group *s = &v->plan->group[v->plan->machine[shared].group];

	if (view_edge_failed(&v->g->edge[edge]))
		return;
	if (machine == client_machine(v, edge))
		v->edge[edge] = VIEW_CHIP;
	add_chip(&v->machine[machine], chip_word(s->service));
}

static bool is_shared(const struct view *v, unsigned machine)
{
	unsigned group = v->plan->machine[machine].group;

	return group != PLAN_NONE && v->plan->group[group].kind == PLAN_SHARED;
}

static void select_group(struct view *v)
{
	bool chips = v->plan->group[v->group].kind == PLAN_GROUP;

	for (unsigned m = 0; m < v->g->machine_n; m++)
		v->machine[m].on = v->plan->machine[m].group == v->group;
	for (unsigned i = 0; i < v->g->edge_n; i++) {
		unsigned c = client_machine(v, i), s = server_machine(v, i);

		if (!v->machine[c].on && !v->machine[s].on)
			continue;
		if (chips && is_shared(v, s))
			use_shared(v, i, c, s);
		else if (chips && is_shared(v, c))
			use_shared(v, i, s, c);
		else
			v->edge[i] = VIEW_ARROW;
	}
}

/* What most of the group uses stands above the picture, once. */
static void drop_common_chips(struct view *v, const char *word)
{
	unsigned users = 0, machines = v->plan->group[v->group].machine_n;

	for (unsigned i = 0; i < machines; i++) {
		struct view_machine *m = &v->machine[v->plan->group[v->group].machine[i]];

		for (unsigned k = 0; k < m->chip_n; k++)
			users += !strcmp(m->chip[k], word);
	}
	if (users * 2 <= machines)
		return;
	for (unsigned i = 0; i < machines; i++) {
		struct view_machine *m = &v->machine[v->plan->group[v->group].machine[i]];
		unsigned n = 0;

		for (unsigned k = 0; k < m->chip_n; k++)
			if (strcmp(m->chip[k], word) != 0)
				m->chip[n++] = m->chip[k];
		m->chip_n = n;
	}
}

void view_init_group(struct view *v, const struct graph *g, const struct plan *p,
		     unsigned group)
{
	enum role *role = xcalloc(g->machine_n, sizeof(*role));
	bool *shared = xcalloc(g->machine_n, sizeof(*shared));

	*v = (struct view){ .g = g, .focus = -1, .plan = p, .group = group };
	v->machine = xcalloc(g->machine_n, sizeof(*v->machine));
	v->edge = xcalloc(g->edge_n, sizeof(*v->edge));
	v->shared_clients = xcalloc(g->process_n, sizeof(*v->shared_clients));
	select_group(v);
	for (unsigned s = 0; s < SERVICE_COUNT; s++)
		drop_common_chips(v, chip_word((enum service)s));
	for (unsigned m = 0; m < g->machine_n; m++)
		shared[m] = is_shared(v, m);
	view_roles(g, shared, role);
	for (unsigned m = 0; m < g->machine_n; m++)
		v->machine[m].role = role[m];
	count_edges(v);
	free(shared);
	free(role);
}

void view_fini(struct view *v)
{
	free(v->machine);
	free(v->edge);
	free(v->shared_clients);
}

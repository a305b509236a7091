/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/served.h"

#include <stdlib.h>

#include "common/mem.h"

struct item {
	unsigned process;
	struct scene_port port;
};

static int by_item(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;

	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	if (a->port.port != b->port.port)
		return a->port.port < b->port.port ? -1 : 1;
	return (int)a->port.proto - (int)b->port.proto;
}

static unsigned list_edges(const struct view *v, struct served *s, struct item *item)
{
	const struct graph *g = v->g;
	unsigned *last = xcalloc(g->process_n, sizeof(*last)), n = 0;

	for (unsigned i = 0; i < g->edge_n; i++) {
		const struct graph_edge *e = &g->edge[i];
		struct served_process *p = &s->process[e->server];
		bool arrow = v->edge[i] == VIEW_ARROW;

		if (v->edge[i] == VIEW_OFF)
			continue;
		p->shows = true;
		s->process[e->client].shows |= arrow;
		if (e->client == e->server) {
			p->self += e->c.opens + e->live;
		} else {
			s->process[e->client].calls |= arrow;
			p->clients += last[e->server] != e->client + 1;
			last[e->server] = e->client + 1;
		}
		p->opens += e->c.opens;
		item[n++] = (struct item){
			e->server, { e->port, e->proto, e->c.opens, true, view_edge_failed(e) }
		};
	}
	free(last);
	return n;
}

/* Around one machine only its own listeners matter. */
static unsigned list_listeners(const struct view *v, struct item *item)
{
	const struct graph *g = v->g;
	unsigned n = 0;

	for (unsigned i = 0; i < g->listener_n; i++) {
		const struct graph_listener *l = &g->listener[i];

		if (v->focus < 0 || (unsigned)v->focus == g->process[l->process].machine)
			item[n++] = (struct item){ l->process,
						   { l->port, l->proto, 0, false, false } };
	}
	return n;
}

static void join(struct served *s, const struct item *item, unsigned n)
{
	struct scene_port *at = s->port - 1;

	for (unsigned i = 0; i < n; i++) {
		struct served_process *p = &s->process[item[i].process];

		if (i && !by_item(&item[i - 1], &item[i])) {
			at->opens += item[i].port.opens;
			at->used |= item[i].port.used;
			at->dead &= item[i].port.dead;
			continue;
		}
		*++at = item[i].port;
		if (!p->n++)
			p->first = (unsigned)(at - s->port);
	}
}

static void find_roles(struct served *s, const struct graph *g)
{
	for (unsigned i = 0; i < g->process_n; i++) {
		struct served_process *p = &s->process[i];

		for (unsigned k = p->first; k < p->first + p->n; k++) {
			enum role r = role_of(g->process[i].name, s->port[k].port);

			if (!s->port[k].dead && r > p->role)
				p->role = r;
		}
	}
}

void served_init(struct served *s, const struct view *v)
{
	const struct graph *g = v->g;
	struct item *item = xcalloc((size_t)g->edge_n + g->listener_n, sizeof(*item));
	unsigned n;

	s->process = xcalloc(g->process_n, sizeof(*s->process));
	s->port = xcalloc((size_t)g->edge_n + g->listener_n, sizeof(*s->port));
	n = list_edges(v, s, item);
	n += list_listeners(v, item + n);
	qsort(item, n, sizeof(*item), by_item);
	join(s, item, n);
	find_roles(s, g);
	free(item);
}

void served_fini(struct served *s)
{
	free(s->process);
	free(s->port);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/mem.h"
#include "graph/draw/making.h"

struct link_key {
	int from, from_row, to, to_row, port, proto;
};
struct arrow_index {
	struct link_key key;
	unsigned link;
	UT_hash_handle hh;
};

static bool one_sided(const struct making *mk, const struct graph_edge *e)
{
	const struct graph_machine *c = &mk->g->machine[mk->g->process[e->client].machine];
	const struct graph_machine *s = &mk->g->machine[mk->g->process[e->server].machine];
	unsigned both = 1u << WITNESS_CLIENT | 1u << WITNESS_SERVER;
	unsigned seen = e->witnesses & both;

	return c != s && c->sensor && s->sensor && seen && seen != both;
}

static struct scene_link *find_link(struct making *mk, const struct link_key *key)
{
	struct scene *s = mk->s;
	struct arrow_index *found;

	HASH_FIND(hh, mk->arrows, key, sizeof(*key), found);
	if (found)
		return &s->link[found->link];
	found = xcalloc(1, sizeof(*found));
	found->key = *key;
	found->link = s->link_n;
	HASH_ADD(hh, mk->arrows, key, sizeof(found->key), found);
	MEM_GROW(s->link, s->link_n, s->link_cap);
	s->link[s->link_n] = (struct scene_link){
		.from = (unsigned)key->from,
		.to = (unsigned)key->to,
		.from_row = key->from_row,
		.to_row = key->to_row,
		.c.has_bytes = true,
	};
	return &s->link[s->link_n++];
}

static void add_port(struct scene_link *l, const struct graph_edge *e)
{
	struct scene_port new = { e->port, e->proto, e->c.opens, true, view_edge_failed(e) };
	unsigned at = 0;

	while (at < l->port_n && card_by_number(&l->port[at], &new) < 0)
		at++;
	if (at < l->port_n && !card_by_number(&l->port[at], &new)) {
		l->port[at].opens += new.opens;
		l->port[at].dead &= new.dead;
		return;
	}
	MEM_GROW(l->port, l->port_n, l->port_cap);
	memmove(&l->port[at + 1], &l->port[at], (l->port_n - at) * sizeof(new));
	l->port[at] = new;
	l->port_n++;
}

static struct making_place from_of(const struct making *mk, unsigned edge)
{
	return mk->from ? mk->from[edge] : mk->place[mk->g->edge[edge].client];
}

static struct making_place to_of(const struct making *mk, unsigned edge)
{
	return mk->to ? mk->to[edge] : mk->place[mk->g->edge[edge].server];
}

/* Of the two ends of an arrow the one outside the frame of a group. */
static void note_far(struct making *mk, struct scene_link *l, const struct graph_edge *e)
{
	const struct graph_process *p = mk->g->process;
	const char *name = "";

	if (!mk->from)
		return;
	if (mk->s->box[l->from].cluster < 0)
		name = p[e->client].name;
	else if (mk->s->box[l->to].cluster < 0)
		name = p[e->server].name;
	if (!l->far || e->c.opens > l->far_opens) {
		l->far = name;
		l->far_opens = e->c.opens;
	}
}

void arrow_add(struct making *mk, unsigned edge)
{
	const struct graph_edge *e = &mk->g->edge[edge];
	struct making_place from = from_of(mk, edge), to = to_of(mk, edge);
	struct link_key key = { from.box, from.row, to.box, to.row, e->port, e->proto };
	struct scene_link *l;

	if (from.box < 0 || to.box < 0)
		return;
	if (from.box == to.box && from.row == to.row) {
		if (e->client != e->server)
			mk->s->box[to.box].row[to.row].self += e->c.opens + e->live;
		return;
	}
	if (mk->s->compact)
		key.port = key.proto = 0;
	l = find_link(mk, &key);
	add_port(l, e);
	graph_add_counters(&l->c, &e->c);
	l->live += e->live;
	l->pending += e->pending;
	if (e->first && (!l->first || e->first < l->first))
		l->first = e->first;
	if (e->last > l->last)
		l->last = e->last;
	l->edges++;
	note_far(mk, l, e);
	l->one_sided += one_sided(mk, e);
}

void arrow_collect_ports(struct making *mk, const bool *box, unsigned max)
{
	struct scene *s = mk->s;
	struct scene_link *all = xcalloc(s->box_n, sizeof(*all));

	for (unsigned i = 0; i < mk->g->edge_n; i++) {
		struct making_place from = from_of(mk, i), to = to_of(mk, i);

		if (mk->v->edge[i] == VIEW_OFF || to.box < 0 || from.box == to.box ||
		    (box && !box[to.box]))
			continue;
		add_port(&all[to.box], &mk->g->edge[i]);
	}
	for (unsigned i = 0; i < s->box_n; i++) {
		if (box && !box[i])
			continue;
		if (all[i].port_n)
			card_set_ports(&s->box[i].row[0], all[i].port, all[i].port_n, max);
		s->box[i].row[0].role = s->box[i].role;
		free(all[i].port);
	}
	free(all);
}

void arrow_forget(struct making *mk)
{
	struct arrow_index *a, *next;

	HASH_ITER (hh, mk->arrows, a, next) {
		HASH_DEL(mk->arrows, a);
		free(a);
	}
}

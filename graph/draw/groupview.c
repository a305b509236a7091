/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/groupview.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/draw/making.h"
#include "graph/draw/words.h"

enum { NEIGHBOURS = 12 }; /* at a side; further ones are one box */

enum side { CALLERS, CALLED, SIDES };

/* Who stands at a side: each group of the plan, then these. */
struct party {
	uint64_t weight; /* connections */
	unsigned edges;
	int box; /* -1: none */
};

struct sides {
	struct making *mk;
	const struct view *v;
	unsigned outside, unplanned, party_n; /* indexes behind the groups */
	struct party *party[SIDES];
};

static unsigned party_of(const struct sides *s, unsigned machine)
{
	unsigned group = s->v->plan->machine[machine].group;

	if (group != PLAN_NONE)
		return group;
	return s->v->g->machine[machine].known ? s->unplanned : s->outside;
}

static unsigned client_of(const struct view *v, unsigned edge)
{
	return v->g->process[v->g->edge[edge].client].machine;
}

static unsigned server_of(const struct view *v, unsigned edge)
{
	return v->g->process[v->g->edge[edge].server].machine;
}

/* The party at the far end of an edge, NULL where both ends are the group's own. */
static struct party *far_party(const struct sides *s, unsigned edge)
{
	unsigned c = client_of(s->v, edge), x = server_of(s->v, edge);

	if (s->v->edge[edge] != VIEW_ARROW)
		return NULL;
	if (!s->v->machine[c].on)
		return &s->party[CALLERS][party_of(s, c)];
	if (!s->v->machine[x].on)
		return &s->party[CALLED][party_of(s, x)];
	return NULL;
}

static void weigh(struct sides *s)
{
	for (unsigned i = 0; i < s->v->g->edge_n; i++) {
		const struct graph_edge *e = &s->v->g->edge[i];
		struct party *p = far_party(s, i);

		if (!p)
			continue;
		p->edges++;
		if (!view_edge_failed(e))
			p->weight += e->c.opens + e->live;
	}
}

/* Boxes */

static char *box_id(enum side side, const char *name, unsigned index)
{
	return card_id(side == CALLERS ? "g-from-" : "g-to-", name, index);
}

static void place_group(struct sides *s, enum side side, unsigned group)
{
	const struct plan_group *g = &s->v->plan->group[group];
	struct scene *scene = s->mk->s;
	struct buf detail = { 0 };
	struct scene_box *b;

	s->party[side][group].box = (int)scene->box_n;
	b = card_add(scene, SCENE_GROUP, box_id(side, g->name, group), g->name);
	b->env = env_of(g->env);
	b->machines = g->machine_n;
	words_number(&detail, g->machine_n, "machine", "machines");
	card_part(&detail, g->env);
	if (g->wave)
		buf_printf(&detail, " · wave %u", g->wave);
	b->detail = buf_take(&detail);
	card_new_row(b);
}

/* Those of less weight than the first, in one box. */
static void place_more(struct sides *s, enum side side, const unsigned *group, unsigned n)
{
	struct scene *scene = s->mk->s;
	unsigned box = scene->box_n;
	char *name = xasprintf("%u more groups", n);
	struct scene_box *b = card_add(scene, side == CALLERS ? SCENE_CLIENTS : SCENE_SERVERS,
				       box_id(side, "more", box), name);

	b->machines = n;
	b->detail = xstrdup("each with fewer connections");
	for (unsigned i = 0; i < n; i++) {
		s->party[side][group[i]].box = (int)box;
		if (b->member_n < SCENE_MEMBERS)
			b->member[b->member_n++] = s->v->plan->group[group[i]].name;
	}
	card_new_row(b);
	free(name);
}

/* Machines at that side which stand in no group: known ones, or addresses. */
static void place_loose(struct sides *s, enum side side, unsigned party)
{
	bool known = party == s->unplanned;
	bool *seen = xcalloc(s->v->g->machine_n, sizeof(*seen));
	unsigned box = s->mk->s->box_n;
	struct buf detail = { 0 };
	struct scene_box *b;

	s->party[side][party].box = (int)box;
	b = card_add(s->mk->s, side == CALLERS ? SCENE_CLIENTS : SCENE_SERVERS,
		     box_id(side, known ? "no-group" : "outside", box),
		     known ? "in no group" : "outside");
	b->known = known;
	b->machines = 0;
	for (unsigned i = 0; i < s->v->g->edge_n; i++) {
		unsigned m = side == CALLERS ? client_of(s->v, i) : server_of(s->v, i);

		if (far_party(s, i) != &s->party[side][party] || seen[m])
			continue;
		seen[m] = true;
		b->machines++;
	}
	for (unsigned m = 0; m < s->v->g->machine_n && b->member_n < SCENE_MEMBERS; m++)
		if (seen[m])
			b->member[b->member_n++] = s->v->g->machine[m].name;
	if (known)
		words_number(&detail, b->machines, "machine", "machines");
	else
		words_number(&detail, b->machines, "unmonitored address",
			     "unmonitored addresses");
	b->detail = buf_take(&detail);
	card_new_row(b);
	free(seen);
}

static const struct party *sort_party;

static int by_weight(const void *pa, const void *pb)
{
	unsigned a = *(const unsigned *)pa, b = *(const unsigned *)pb;
	const struct party *x = &sort_party[a], *y = &sort_party[b];

	if (x->weight != y->weight)
		return x->weight < y->weight ? 1 : -1;
	return a < b ? -1 : a > b;
}

static int by_index(const void *pa, const void *pb)
{
	unsigned a = *(const unsigned *)pa, b = *(const unsigned *)pb;

	return a < b ? -1 : a > b;
}

static void place_side(struct sides *s, enum side side)
{
	unsigned groups = s->v->plan->group_n, n = 0, shown;
	unsigned *group = xcalloc(groups, sizeof(*group));

	for (unsigned i = 0; i < groups; i++)
		if (s->party[side][i].edges)
			group[n++] = i;
	sort_party = s->party[side];
	qsort(group, n, sizeof(*group), by_weight);
	shown = n > NEIGHBOURS ? NEIGHBOURS - 1 : n;
	qsort(group, shown, sizeof(*group), by_index);
	qsort(group + shown, n - shown, sizeof(*group), by_index);
	for (unsigned i = 0; i < shown; i++)
		place_group(s, side, group[i]);
	if (n > shown)
		place_more(s, side, group + shown, n - shown);
	if (s->party[side][s->outside].edges)
		place_loose(s, side, s->outside);
	if (s->party[side][s->unplanned].edges)
		place_loose(s, side, s->unplanned);
	free(group);
}

/* "12 machines · prod · 71 % sure · wave 2 · approved" */
static char *standing(const struct plan_group *g)
{
	struct buf b = { 0 };

	words_number(&b, g->machine_n, "machine", "machines");
	card_part(&b, g->env);
	buf_printf(&b, " · %.0f %% sure", g->confidence * 100);
	if (g->wave)
		buf_printf(&b, " · wave %u", g->wave);
	if (g->state != PLAN_PROPOSED)
		card_part(&b, plan_state_word[g->state]);
	if (g->locked)
		card_part(&b, "locked");
	return buf_take(&b);
}

static void place_own(struct making *mk)
{
	const struct plan_group *g = &mk->v->plan->group[mk->v->group];
	struct scene *s = mk->s;

	MEM_GROW(s->cluster, s->cluster_n, s->cluster_cap);
	s->cluster[s->cluster_n++] = (struct scene_cluster){
		.id = card_id("g-", g->name, mk->v->group),
		.name = xstrdup(g->name),
		.detail = standing(g),
		.more = xstrdup(""),
		.group = true,
		.unsure = g->confidence < GROUP_SURE,
		.env = env_of(g->env),
		.parent = -1,
	};
	for (unsigned i = 0; i < g->machine_n; i++)
		place_machine(mk, g->machine[i]);
	for (unsigned i = 0; i < s->box_n; i++)
		if (s->box[i].cluster < 0)
			s->box[i].cluster = 0;
	for (unsigned i = 1; i < s->cluster_n; i++)
		s->cluster[i].parent = 0;
}

/* Where each edge begins and ends: at a process of the group, or at the box of a party. */
static void find_ends(struct sides *s)
{
	struct making *mk = s->mk;
	unsigned n = s->v->g->edge_n;

	mk->from = xcalloc(n, sizeof(*mk->from));
	mk->to = xcalloc(n, sizeof(*mk->to));
	for (unsigned i = 0; i < n; i++) {
		const struct graph_edge *e = &s->v->g->edge[i];
		const struct party *p = far_party(s, i);

		mk->from[i] = mk->place[e->client];
		mk->to[i] = mk->place[e->server];
		if (p && s->v->machine[client_of(s->v, i)].on)
			mk->to[i] = (struct making_place){ p->box, 0 };
		else if (p)
			mk->from[i] = (struct making_place){ p->box, 0 };
	}
}

static void collect_ports(struct making *mk)
{
	bool *box = xcalloc(mk->s->box_n, sizeof(*box));

	for (unsigned i = 0; i < mk->s->box_n; i++)
		box[i] = mk->s->compact || mk->s->box[i].cluster < 0;
	arrow_collect_ports(mk, box, CARD_PORTS);
	free(box);
}

static void note_sides(struct sides *s)
{
	for (int side = CALLERS; side < SIDES; side++)
		for (unsigned i = 0; i < s->party_n; i++)
			if (s->party[side][i].box >= 0)
				s->mk->s->box[s->party[side][i].box].side =
					side == CALLERS ? -1 : 1;
}

struct scene *groupview_new(const struct view *v, bool compact, enum fold_stacks stacks)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	struct making mk = { .s = scene, .v = v, .g = v->g };
	struct sides s = { .mk = &mk,
			   .v = v,
			   .outside = v->plan->group_n,
			   .unplanned = v->plan->group_n + 1,
			   .party_n = v->plan->group_n + 2 };

	scene->v = v;
	scene->compact = compact;
	scene->stacks = stacks;
	for (int side = CALLERS; side < SIDES; side++) {
		s.party[side] = xcalloc(s.party_n, sizeof(*s.party[side]));
		for (unsigned i = 0; i < s.party_n; i++)
			s.party[side][i].box = -1;
	}
	making_begin(&mk);
	place_own(&mk);
	weigh(&s);
	for (int side = CALLERS; side < SIDES; side++)
		place_side(&s, (enum side)side);
	note_sides(&s);
	find_ends(&s);
	collect_ports(&mk);
	making_end(&mk);
	for (int side = CALLERS; side < SIDES; side++)
		free(s.party[side]);
	return scene;
}

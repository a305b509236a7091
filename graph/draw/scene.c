/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First every process gets its place: a row of a box.  Then every edge of the view becomes an
 * arrow between two places, or one with others that have the same places.
 */
#include "graph/draw/scene.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/draw/making.h"

static void index_processes(struct making *mk)
{
	unsigned p = 0;

	mk->first = xcalloc((size_t)mk->g->machine_n + 1, sizeof(*mk->first));
	for (unsigned m = 0; m < mk->g->machine_n; m++) {
		mk->first[m] = p;
		while (p < mk->g->process_n && mk->g->process[p].machine == m)
			p++;
	}
	mk->first[mk->g->machine_n] = p;
	mk->place = xcalloc(mk->g->process_n, sizeof(*mk->place));
	for (p = 0; p < mk->g->process_n; p++)
		mk->place[p].box = -1;
}

static void fill_texts(struct scene *s)
{
	for (unsigned i = 0; i < s->box_n; i++) {
		if (!s->box[i].detail)
			s->box[i].detail = xstrdup("");
		if (!s->box[i].more)
			s->box[i].more = xstrdup("");
	}
}

void making_begin(struct making *mk)
{
	served_init(&mk->served, mk->v);
	fold_find(&mk->folds, mk->v, mk->s->stacks);
	index_processes(mk);
}

void making_end(struct making *mk)
{
	for (unsigned i = 0; i < mk->g->edge_n; i++)
		if (mk->v->edge[i] == VIEW_ARROW)
			arrow_add(mk, i);
	fill_texts(mk->s);
	arrow_forget(mk);
	free(mk->first);
	free(mk->place);
	free(mk->from);
	free(mk->to);
	fold_fini(&mk->folds);
	served_fini(&mk->served);
}

static void make(struct making *mk)
{
	making_begin(mk);
	for (unsigned m = 0; m < mk->g->machine_n; m++)
		place_machine(mk, m);
	if (mk->s->compact)
		arrow_collect_ports(mk, NULL, CARD_COMPACT_PORTS);
	making_end(mk);
}

struct scene *scene_new(const struct view *v, bool compact, enum fold_stacks stacks)
{
	struct scene *s = xcalloc(1, sizeof(*s));
	struct making mk = { .s = s, .v = v, .g = v->g };

	s->v = v;
	s->compact = compact;
	s->stacks = stacks;
	make(&mk);
	return s;
}

static void free_box(struct scene_box *b)
{
	for (unsigned i = 0; i < b->row_n; i++)
		free(b->row[i].port);
	free(b->row);
	free(b->id);
	free(b->name);
	free(b->detail);
	free(b->more);
}

void scene_free(struct scene *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->box_n; i++)
		free_box(&s->box[i]);
	for (unsigned i = 0; i < s->cluster_n; i++) {
		free(s->cluster[i].id);
		free(s->cluster[i].name);
		free(s->cluster[i].detail);
		free(s->cluster[i].more);
	}
	for (unsigned i = 0; i < s->link_n; i++)
		free(s->link[i].port);
	free(s->box);
	free(s->cluster);
	free(s->link);
	free(s);
}

enum scene_state scene_link_state(const struct scene_link *l)
{
	if (!l->live && !l->c.opens)
		return l->pending || l->c.abandoned ? SCENE_WAITING : SCENE_FINE;
	if (!l->live && counters_failed(&l->c) >= l->c.opens)
		return SCENE_FAILED;
	return l->one_sided == l->edges ? SCENE_ONE_SIDED : SCENE_FINE;
}

bool scene_link_ails(const struct scene *s, const struct scene_link *l)
{
	uint64_t failed = counters_failed(&l->c);

	return failed && (!s->v->plan || failed >= l->c.opens / 10);
}

/* Keeping the top */

struct rank {
	unsigned index;
	uint64_t weight;
};

static int by_rank(const void *pa, const void *pb)
{
	const struct rank *a = pa, *b = pb;

	if (a->weight != b->weight)
		return a->weight < b->weight ? 1 : -1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/* KEEP[i] for the N of highest weight among TOTAL. */
static void choose(struct rank *rank, unsigned total, unsigned n, bool *keep)
{
	qsort(rank, total, sizeof(*rank), by_rank);
	for (unsigned i = 0; i < total; i++)
		keep[rank[i].index] = i < n;
}

static void drop_links(struct scene *s, const bool *keep)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->link_n; i++) {
		if (keep[i]) {
			s->link[n++] = s->link[i];
			continue;
		}
		s->hidden_links += s->link[i].edges;
		free(s->link[i].port);
	}
	s->link_n = n;
}

static void drop_boxes(struct scene *s, const bool *keep)
{
	unsigned *to = xcalloc(s->box_n, sizeof(*to)), n = 0;
	bool *keep_link = xcalloc(s->link_n, sizeof(*keep_link));

	for (unsigned i = 0; i < s->link_n; i++)
		keep_link[i] = keep[s->link[i].from] && keep[s->link[i].to];
	drop_links(s, keep_link);
	for (unsigned i = 0; i < s->box_n; i++) {
		to[i] = n;
		if (keep[i]) {
			s->box[n++] = s->box[i];
			continue;
		}
		s->hidden_machines += s->box[i].machines;
		free_box(&s->box[i]);
	}
	s->box_n = n;
	for (unsigned i = 0; i < s->link_n; i++) {
		s->link[i].from = to[s->link[i].from];
		s->link[i].to = to[s->link[i].to];
	}
	free(to);
	free(keep_link);
}

void scene_keep(struct scene *s, unsigned boxes, unsigned links)
{
	unsigned most = s->box_n > s->link_n ? s->box_n : s->link_n;
	struct rank *rank = xcalloc(most, sizeof(*rank));
	bool *keep = xcalloc(most, sizeof(*keep));

	for (unsigned i = 0; i < s->box_n; i++)
		rank[i].index = i;
	for (unsigned i = 0; i < s->link_n; i++) {
		rank[s->link[i].from].weight++;
		rank[s->link[i].to].weight++;
	}
	if (s->box_n > boxes) {
		choose(rank, s->box_n, boxes, keep);
		drop_boxes(s, keep);
	}
	for (unsigned i = 0; i < s->link_n; i++)
		rank[i] = (struct rank){ i, s->link[i].c.opens + s->link[i].live };
	if (s->link_n > links) {
		choose(rank, s->link_n, links, keep);
		drop_links(s, keep);
	}
	free(rank);
	free(keep);
}

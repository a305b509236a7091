/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/estatecut.h"

#include <stdlib.h>

#include "common/mem.h"

/* Above these, what is drawn is no longer read (docs/diagrams.md). */
enum {
	RICH_BOXES = 30,
	CHIPS_BOXES = 120,
	MOST_BOXES = 150,
	OUTSIDE_LINKS = 10, /* more arrows from or to the unmonitored become chips */
	LOOSE_BOXES = 6,    /* so many groups without dependencies are still boxes */
	SINGLES = 12,	    /* more groups of one machine with few arrows are listed */
	SINGLE_DEGREE = 3,
	LEAST_LINKS = 20,
};

static void hide_if(struct estate *e,
		    bool (*hide)(const struct estate *e, const struct estate_link *l),
		    unsigned *count)
{
	for (unsigned i = 0; i < e->link_n; i++) {
		if (!e->link[i].drawn || !hide(e, &e->link[i]))
			continue;
		e->link[i].drawn = false;
		++*count;
	}
}

static bool is_dead(const struct estate *e, const struct estate_link *l)
{
	(void)e;
	return estate_link_dead(l);
}

static bool is_faint(const struct estate *e, const struct estate_link *l)
{
	return e->days >= 1 && estate_rate(e, l) < 1;
}

static bool has_no_box(const struct estate *e, const struct estate_link *l)
{
	return !e->box[l->from].drawn || !e->box[l->to].drawn;
}

static unsigned count_drawn(const struct estate *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->link_n; i++)
		n += e->link[i].drawn;
	return n;
}

static unsigned count_boxes(const struct estate *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->group_n; i++)
		n += e->box[i].drawn;
	return n;
}

static void count_degrees(struct estate *e)
{
	for (unsigned i = 0; i < e->box_n; i++)
		e->box[i].degree = 0;
	for (unsigned i = 0; i < e->link_n; i++) {
		const struct estate_link *l = &e->link[i];

		if (estate_link_dead(l) || l->from >= e->group_n || l->to >= e->group_n)
			continue;
		e->box[l->from].degree++;
		e->box[l->to].degree++;
	}
}

struct rank {
	unsigned index;
	double weight;
	bool first; /* of one of its ends */
};

static int by_rank(const void *pa, const void *pb)
{
	const struct rank *a = pa, *b = pb;

	if (a->weight != b->weight)
		return a->weight < b->weight ? 1 : -1;
	return a->index < b->index ? -1 : a->index > b->index;
}

struct core {
	unsigned *degree; /* drawn arrows */
	unsigned *near;	  /* of these, to groups that were chosen */
	bool *chosen;
};

static bool between_groups(const struct estate *e, const struct estate_link *l)
{
	return l->drawn && l->from < e->group_n && l->to < e->group_n;
}

static void choose_box(struct estate *e, struct core *core, unsigned box)
{
	core->chosen[box] = true;
	for (unsigned i = 0; i < e->link_n; i++) {
		if (!between_groups(e, &e->link[i]))
			continue;
		core->near[e->link[i].from] += e->link[i].to == box;
		core->near[e->link[i].to] += e->link[i].from == box;
	}
}

/* The next is the one that hangs together most with those already there. */
static unsigned next_box(const struct estate *e, const struct core *core)
{
	unsigned best = e->group_n;

	for (unsigned i = 0; i < e->group_n; i++) {
		if (!e->box[i].drawn || core->chosen[i])
			continue;
		if (best == e->group_n || core->near[i] > core->near[best] ||
		    (core->near[i] == core->near[best] &&
		     core->degree[i] > core->degree[best]))
			best = i;
	}
	return best;
}

/* A part of the map that is whole says more than the tops of all parts. */
static void keep_boxes(struct estate *e, unsigned most)
{
	struct core core = { xcalloc(e->group_n, sizeof(unsigned)),
			     xcalloc(e->group_n, sizeof(unsigned)),
			     xcalloc(e->group_n, sizeof(bool)) };

	for (unsigned i = 0; i < e->link_n; i++) {
		if (!between_groups(e, &e->link[i]))
			continue;
		core.degree[e->link[i].from]++;
		core.degree[e->link[i].to]++;
	}
	for (unsigned n = 0; n < most; n++)
		choose_box(e, &core, next_box(e, &core));
	for (unsigned i = 0; i < e->group_n; i++) {
		if (!e->box[i].drawn || core.chosen[i])
			continue;
		e->box[i].drawn = false;
		e->hidden_boxes++;
	}
	free(core.degree);
	free(core.near);
	free(core.chosen);
	hide_if(e, has_no_box, &e->small_links);
}

/* The strongest arrow of each group stays whatever happens, then the strongest of all. */
static void keep_links(struct estate *e, unsigned most)
{
	struct rank *rank = xcalloc(e->link_n, sizeof(*rank));
	bool *has = xcalloc(e->box_n, sizeof(*has));
	unsigned n = 0, kept = 0;

	for (unsigned i = 0; i < e->link_n; i++)
		if (e->link[i].drawn)
			rank[n++] = (struct rank){ i, estate_rate(e, &e->link[i]), false };
	qsort(rank, n, sizeof(*rank), by_rank);
	for (unsigned i = 0; i < n; i++) {
		struct estate_link *l = &e->link[rank[i].index];

		rank[i].first = !has[l->from] || !has[l->to];
		has[l->from] = has[l->to] = true;
		kept += rank[i].first;
	}
	for (unsigned i = 0; i < n; i++) {
		if (rank[i].first || kept++ < most)
			continue;
		e->link[rank[i].index].drawn = false;
		e->small_links++;
	}
	free(has);
	free(rank);
}

static unsigned links_for(unsigned boxes)
{
	unsigned n = boxes + boxes / 4;

	return n > LEAST_LINKS ? n : LEAST_LINKS;
}

/* Arrows from and to a box of the unmonitored, or a chip in each box at their other ends. */
static void settle_outside(struct estate *e)
{
	for (unsigned box = e->group_n; box < e->box_n; box++) {
		unsigned n = 0;

		for (unsigned i = 0; i < e->link_n; i++)
			n += e->link[i].from == box || e->link[i].to == box;
		e->box[box].drawn = n && n <= OUTSIDE_LINKS && e->form == ESTATE_RICH;
		for (unsigned i = 0; i < e->link_n && !e->box[box].drawn; i++) {
			struct estate_link *l = &e->link[i];

			if (l->from == box || l->to == box)
				l->drawn = false;
			if (l->from == box)
				e->box[l->to].from_outside |= !estate_link_dead(l);
			if (l->to == box)
				e->box[l->from].to_outside |= !estate_link_dead(l);
		}
	}
}

/* What depends on nobody, and nobody on it, is listed, if it is more than a few. */
static void settle_loose(struct estate *e)
{
	unsigned loose = 0;

	for (unsigned i = 0; i < e->group_n; i++)
		loose += !e->box[i].degree;
	for (unsigned i = 0; i < e->group_n; i++)
		e->box[i].drawn = e->box[i].degree || loose <= LOOSE_BOXES;
}

static bool is_small(const struct estate *e, unsigned group)
{
	return e->box[group].machines == 1 && e->box[group].degree &&
	       e->box[group].degree <= SINGLE_DEGREE;
}

/* Machines on their own, if they are many, would stand before what moves together. */
static void settle_singles(struct estate *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->group_n; i++)
		n += is_small(e, i);
	if (n <= SINGLES)
		return;
	for (unsigned i = 0; i < e->group_n; i++) {
		if (!is_small(e, i))
			continue;
		e->box[i].drawn = false;
		e->box[i].single = true;
		e->singles++;
	}
	hide_if(e, has_no_box, &e->single_links);
}

/* And so is what lost all its arrows. */
static void settle_bare(struct estate *e)
{
	bool *has = xcalloc(e->box_n, sizeof(*has));
	unsigned bare = 0;

	for (unsigned i = 0; i < e->link_n; i++)
		if (e->link[i].drawn)
			has[e->link[i].from] = has[e->link[i].to] = true;
	for (unsigned i = 0; i < e->group_n; i++)
		bare += e->box[i].drawn && !has[i];
	for (unsigned i = 0; i < e->group_n && bare > LOOSE_BOXES; i++) {
		if (!e->box[i].drawn || has[i])
			continue;
		e->box[i].drawn = false;
		e->hidden_boxes += e->box[i].degree > 0;
	}
	free(has);
}

void estatecut(struct estate *e)
{
	unsigned n;

	count_degrees(e);
	settle_loose(e);
	settle_singles(e);
	n = count_boxes(e);
	e->form = n <= RICH_BOXES    ? ESTATE_RICH
		  : n <= CHIPS_BOXES ? ESTATE_CHIPS
				     : ESTATE_COMPACT;
	settle_outside(e);
	if (count_drawn(e) > links_for(n))
		hide_if(e, is_dead, &e->dead_links);
	hide_if(e, has_no_box, &e->dead_links); /* a loose group has no others */
	if (count_drawn(e) > links_for(n))
		hide_if(e, is_faint, &e->faint_links);
	if (n > MOST_BOXES) {
		n = MOST_BOXES;
		keep_boxes(e, n);
	}
	keep_links(e, links_for(n));
	settle_bare(e);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/compare.h"

const char *const compare_fate_word[COMPARE_FATES] = { "same",	 "renamed", "resized", "split",
						       "merged", "new",	    "gone" };

static int number_cmp(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* How many things have label A in one labelling and B in the other. */
struct cell {
	unsigned a, b, n;
	bool same_name;
};

static int by_labels(const void *pa, const void *pb)
{
	const struct cell *a = pa, *b = pb;

	return a->a != b->a ? number_cmp(a->a, b->a) : number_cmp(a->b, b->b);
}

/* N cells of one become fewer, each pair of labels once. */
static unsigned add_up(struct cell *cell, unsigned n)
{
	unsigned kept = 0;

	if (n)
		qsort(cell, n, sizeof(*cell), by_labels);
	for (unsigned i = 0; i < n; i++) {
		if (kept && !by_labels(&cell[kept - 1], &cell[i]))
			cell[kept - 1].n += cell[i].n;
		else
			cell[kept++] = cell[i];
	}
	return kept;
}

static double pairs(double n)
{
	return n * (n - 1) / 2;
}

static double label_pairs(const unsigned *label, unsigned n)
{
	struct cell *cell = xcalloc(n + 1ul, sizeof(*cell));
	double sum = 0;
	unsigned kept;

	for (unsigned i = 0; i < n; i++)
		cell[i] = (struct cell){ .a = label[i], .n = 1 };
	kept = add_up(cell, n);
	for (unsigned i = 0; i < kept; i++)
		sum += pairs(cell[i].n);
	free(cell);
	return sum;
}

double compare_rand(const unsigned *a, const unsigned *b, unsigned n)
{
	struct cell *cell = xcalloc(n + 1ul, sizeof(*cell));
	double both = 0, in_a = label_pairs(a, n), in_b = label_pairs(b, n), chance, most;
	unsigned kept;

	for (unsigned i = 0; i < n; i++)
		cell[i] = (struct cell){ .a = a[i], .b = b[i], .n = 1 };
	kept = add_up(cell, n);
	for (unsigned i = 0; i < kept; i++)
		both += pairs(cell[i].n);
	free(cell);
	chance = n > 1 ? in_a * in_b / pairs(n) : 0;
	most = (in_a + in_b) / 2;
	return most > chance ? (both - chance) / (most - chance) : 1;
}

/* A known machine of either graph, or of both. */
struct member {
	const char *id, *name;
	unsigned a, b; /* groups, PLAN_NONE */
};

struct work {
	const struct plan *a, *b;
	struct member *member; /* by id */
	unsigned member_n;
	struct cell *cell; /* by labels */
	unsigned cell_n;
	unsigned *to, *from;	 /* the match of A's groups, of B's; PLAN_NONE */
	unsigned *into, *out_of; /* where most of an unmatched group went to, came from */
	struct compare_plans *c;
	size_t cap;
};

static int by_id(const void *pa, const void *pb)
{
	const struct member *a = pa, *b = pb;

	return strcmp(a->id, b->id);
}

static void collect(struct work *w, const struct graph *g, const struct plan *p, bool after)
{
	for (unsigned m = 0; m < g->machine_n; m++) {
		unsigned group = p->machine[m].group;

		if (!g->machine[m].known)
			continue;
		w->member[w->member_n++] =
			(struct member){ g->machine[m].id, g->machine[m].name,
					 after ? PLAN_NONE : group,
					 after ? group : PLAN_NONE };
	}
}

/* Those of one id become one. */
static void join(struct work *w)
{
	unsigned kept = 0;

	if (w->member_n)
		qsort(w->member, w->member_n, sizeof(*w->member), by_id);
	for (unsigned i = 0; i < w->member_n; i++) {
		struct member *last = kept ? &w->member[kept - 1] : NULL;

		if (!last || strcmp(last->id, w->member[i].id)) {
			w->member[kept++] = w->member[i];
			continue;
		}
		if (last->a == PLAN_NONE)
			last->a = w->member[i].a;
		if (last->b == PLAN_NONE)
			last->b = w->member[i].b;
	}
	w->member_n = kept;
}

static void score(struct work *w)
{
	unsigned *a = xcalloc(w->member_n + 1ul, sizeof(*a));
	unsigned *b = xcalloc(w->member_n + 1ul, sizeof(*b));
	unsigned n = 0;

	w->cell = xcalloc(w->member_n + 1ul, sizeof(*w->cell));
	for (unsigned i = 0; i < w->member_n; i++) {
		const struct member *m = &w->member[i];

		if (m->a == PLAN_NONE || m->b == PLAN_NONE)
			continue;
		a[n] = m->a;
		b[n] = m->b;
		w->cell[n++] = (struct cell){
			m->a, m->b, 1, !strcmp(w->a->group[m->a].name, w->b->group[m->b].name)
		};
	}
	w->c->machines = n;
	w->c->rand = compare_rand(a, b, n);
	w->cell_n = add_up(w->cell, n);
	free(a);
	free(b);
}

static int by_overlap(const void *pa, const void *pb)
{
	const struct cell *a = pa, *b = pb;

	if (a->n != b->n)
		return number_cmp(b->n, a->n);
	if (a->same_name != b->same_name)
		return b->same_name - a->same_name;
	return by_labels(a, b);
}

static unsigned *nobody(unsigned n)
{
	unsigned *all = xcalloc(n + 1ul, sizeof(*all));

	for (unsigned i = 0; i < n; i++)
		all[i] = PLAN_NONE;
	return all;
}

static void match(struct work *w)
{
	w->to = nobody(w->a->group_n);
	w->from = nobody(w->b->group_n);
	w->into = nobody(w->a->group_n);
	w->out_of = nobody(w->b->group_n);
	if (w->cell_n)
		qsort(w->cell, w->cell_n, sizeof(*w->cell), by_overlap);
	for (unsigned i = 0; i < w->cell_n; i++) {
		const struct cell *x = &w->cell[i];

		if (w->to[x->a] != PLAN_NONE || w->from[x->b] != PLAN_NONE ||
		    w->a->group[x->a].kind != w->b->group[x->b].kind)
			continue;
		w->to[x->a] = x->b;
		w->from[x->b] = x->a;
	}
	for (unsigned i = 0; i < w->cell_n; i++) {
		const struct cell *x = &w->cell[i];

		if (w->a->group[x->a].kind != w->b->group[x->b].kind)
			continue;
		if (w->to[x->a] == PLAN_NONE && 2 * x->n > w->a->group[x->a].machine_n)
			w->into[x->a] = x->b;
		if (w->from[x->b] == PLAN_NONE && 2 * x->n > w->b->group[x->b].machine_n)
			w->out_of[x->b] = x->a;
	}
}

static struct compare_group *add(struct work *w, enum compare_fate fate, unsigned a,
				 unsigned b)
{
	struct compare_group *g;

	MEM_GROW(w->c->group, w->c->group_n, w->cap);
	g = &w->c->group[w->c->group_n++];
	*g = (struct compare_group){ .fate = fate, .a = a, .b = b };
	if (a != PLAN_NONE)
		g->went = w->a->group[a].machine_n;
	if (b != PLAN_NONE)
		g->came = w->b->group[b].machine_n;
	if (a == PLAN_NONE || b == PLAN_NONE)
		return g;
	g->renamed = strcmp(w->a->group[a].name, w->b->group[b].name) != 0;
	for (unsigned i = 0; i < w->cell_n; i++)
		if (w->cell[i].a == a && w->cell[i].b == b)
			g->common = w->cell[i].n;
	g->went -= g->common;
	g->came -= g->common;
	return g;
}

/* How many of N groups say that they are a part of GROUP; as a list too. */
static unsigned parts(const unsigned *of, unsigned n, unsigned group, unsigned **list)
{
	unsigned got = 0;

	if (list)
		*list = xcalloc(n + 1ul, sizeof(**list));
	for (unsigned i = 0; i < n; i++) {
		if (of[i] != group)
			continue;
		if (list)
			(*list)[got] = i;
		got++;
	}
	return got;
}

static void judge_pair(struct work *w, unsigned a, unsigned b)
{
	bool split = parts(w->out_of, w->b->group_n, a, NULL);
	bool merged = parts(w->into, w->a->group_n, b, NULL);
	struct compare_group *g;

	if (split) {
		g = add(w, COMPARE_SPLIT, a, b);
		g->part_n = parts(w->out_of, w->b->group_n, a, &g->part);
	}
	if (merged) {
		g = add(w, COMPARE_MERGED, a, b);
		g->part_n = parts(w->into, w->a->group_n, b, &g->part);
	}
	if (split || merged)
		return;
	g = add(w, COMPARE_RESIZED, a, b);
	if (g->came || g->went)
		return;
	g->fate = COMPARE_RENAMED;
	if (g->renamed)
		return;
	w->c->group_n--;
	w->c->groups_same++;
}

static void judge(struct work *w)
{
	for (unsigned b = 0; b < w->b->group_n; b++) {
		if (w->from[b] != PLAN_NONE)
			judge_pair(w, w->from[b], b);
		else if (w->out_of[b] == PLAN_NONE)
			add(w, COMPARE_ADDED, PLAN_NONE, b);
	}
	for (unsigned a = 0; a < w->a->group_n; a++)
		if (w->to[a] == PLAN_NONE && w->into[a] == PLAN_NONE)
			add(w, COMPARE_REMOVED, a, PLAN_NONE);
}

static bool is_shared(const struct plan *p, unsigned group)
{
	return group != PLAN_NONE && p->group[group].kind == PLAN_SHARED;
}

static int by_name(const void *pa, const void *pb)
{
	const struct compare_move *a = pa, *b = pb;
	int d = strcmp(a->name, b->name);

	return d ? d : strcmp(a->id, b->id);
}

static bool stays(const struct work *w, const struct member *m)
{
	if (m->a == PLAN_NONE || m->b == PLAN_NONE)
		return m->a == m->b;
	return w->to[m->a] == m->b;
}

static void list_moves(struct work *w)
{
	struct compare_plans *c = w->c;

	c->move = xcalloc(w->member_n + 1ul, sizeof(*c->move));
	for (unsigned i = 0; i < w->member_n; i++) {
		const struct member *m = &w->member[i];

		if (stays(w, m))
			continue;
		c->move[c->move_n++] = (struct compare_move){
			m->id,
			m->name,
			m->a,
			m->b,
			is_shared(w->b, m->b) && !is_shared(w->a, m->a),
			is_shared(w->a, m->a) && !is_shared(w->b, m->b),
		};
	}
	if (c->move_n)
		qsort(c->move, c->move_n, sizeof(*c->move), by_name);
}

struct compare_plans *compare_plans(const struct graph *ga, const struct plan *a,
				    const struct graph *gb, const struct plan *b)
{
	struct work w = { .a = a, .b = b, .c = xcalloc(1, sizeof(*w.c)) };

	w.member = xcalloc((size_t)ga->machine_n + gb->machine_n + 1, sizeof(*w.member));
	collect(&w, ga, a, false);
	collect(&w, gb, b, true);
	join(&w);
	score(&w);
	match(&w);
	judge(&w);
	list_moves(&w);
	free(w.member);
	free(w.cell);
	free(w.to);
	free(w.from);
	free(w.into);
	free(w.out_of);
	return w.c;
}

void compare_plans_free(struct compare_plans *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->group_n; i++)
		free(c->group[i].part);
	free(c->group);
	free(c->move);
	free(c);
}

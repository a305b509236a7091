/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/export_layout.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"

enum { GAP = 12, HEAD = 36, BETWEEN = 60, WIDTH_LEAST = 240 };

static unsigned rank(const struct plan_group *g)
{
	if (g->kind == PLAN_SHARED)
		return 0;
	return g->wave ? g->wave : PLAN_NONE;
}

static int by_place(const void *pa, const void *pb, void *ctx)
{
	const struct plan *p = ctx;
	unsigned a = *(const unsigned *)pa, b = *(const unsigned *)pb;
	unsigned x = rank(&p->group[a]), y = rank(&p->group[b]);

	if (x != y)
		return x < y ? -1 : 1;
	return (a > b) - (a < b); /* groups are in the order of their names */
}

/* About as wide as high. */
static struct layout_box box_for(unsigned machines)
{
	struct layout_box b = { 0 };
	unsigned rows;

	b.columns = (unsigned)ceil(
		sqrt((double)machines * (LAYOUT_CELL_H + GAP) / (LAYOUT_CELL_W + GAP)));
	if (!b.columns)
		b.columns = 1;
	rows = (machines + b.columns - 1) / b.columns;
	b.w = b.columns * (LAYOUT_CELL_W + GAP) + GAP;
	if (b.w < WIDTH_LEAST)
		b.w = WIDTH_LEAST; /* room for a name */
	b.h = HEAD + rows * (LAYOUT_CELL_H + GAP) + GAP;
	return b;
}

static unsigned page_width(const struct layout *l)
{
	double area = (double)(l->rest.w + BETWEEN) * (l->rest.h + BETWEEN);

	for (unsigned i = 0; i < l->group_n; i++)
		area += (double)(l->group[i].w + BETWEEN) * (l->group[i].h + BETWEEN);
	return (unsigned)sqrt(area * 1.8) + 1;
}

/* One row of boxes after the other. */
struct shelf {
	unsigned width, x, y, h;
};

static void next_shelf(struct shelf *s)
{
	if (s->x)
		s->y += s->h + BETWEEN;
	s->x = s->h = 0;
}

static void put(struct shelf *s, struct layout_box *b)
{
	if (s->x + b->w > s->width)
		next_shelf(s);
	b->x = s->x;
	b->y = s->y;
	s->x += b->w + BETWEEN;
	if (b->h > s->h)
		s->h = b->h;
}

static void find_rest(struct layout *l, const struct export *x, bool strangers)
{
	l->rest_machine = xcalloc(x->graph->machine_n, sizeof(*l->rest_machine));
	for (unsigned m = 0; m < x->graph->machine_n; m++)
		if (!export_group(x, m) && (strangers || x->graph->machine[m].known))
			l->rest_machine[l->rest_n++] = m;
}

struct layout *layout_of(const struct export *x, bool strangers)
{
	struct layout *l = xcalloc(1, sizeof(*l));
	struct shelf shelf = { 0 };

	l->group_n = x->plan ? x->plan->group_n : 0;
	l->group = xcalloc(l->group_n, sizeof(*l->group));
	l->order = xcalloc(l->group_n, sizeof(*l->order));
	find_rest(l, x, strangers);
	l->rest = box_for(l->rest_n);
	for (unsigned i = 0; i < l->group_n; i++) {
		l->group[i] = box_for(x->plan->group[i].machine_n);
		l->order[i] = i;
	}
	if (l->group_n)
		qsort_r(l->order, l->group_n, sizeof(*l->order), by_place, (void *)x->plan);
	shelf.width = page_width(l);
	for (unsigned i = 0; i < l->group_n; i++) {
		const struct plan_group *g = x->plan->group;

		if (i && rank(&g[l->order[i]]) != rank(&g[l->order[i - 1]]))
			next_shelf(&shelf);
		put(&shelf, &l->group[l->order[i]]);
	}
	next_shelf(&shelf);
	put(&shelf, &l->rest);
	return l;
}

void layout_free(struct layout *l)
{
	if (!l)
		return;
	free(l->order);
	free(l->group);
	free(l->rest_machine);
	free(l);
}

void layout_cell(const struct layout_box *b, unsigned i, unsigned *x, unsigned *y)
{
	*x = GAP + i % b->columns * (LAYOUT_CELL_W + GAP);
	*y = HEAD + i / b->columns * (LAYOUT_CELL_H + GAP);
}

const char *layout_colour(const struct export *x, const struct plan_group *g)
{
	static const char *const pale[] = { "#dae8fc", "#d5e8d4", "#ffe6cc", "#fff2cc",
					    "#f8cecc", "#e1d5e7", "#d4f1f4", "#fde2f3",
					    "#e2f0cb", "#f4e1d2" };

	if (!g)
		return "#ffffff";
	if (g->kind == PLAN_SHARED)
		return "#e6e6e6";
	return pale[(size_t)(g - x->plan->group) % (sizeof(pale) / sizeof(pale[0]))];
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/split.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { PASSES = 50 };

/* One group that is cut.  Its machines have places 0 to n - 1; parts are named by a place. */
struct cut {
	const struct ties *t;
	const struct bonds *b;
	const unsigned *machine; /* ascending */
	unsigned n;
	unsigned *place; /* by machine of the graph, 1 + place; 0: not in the group */
	unsigned *part;	 /* by place */
	unsigned *size;	 /* by part */
	unsigned *label; /* by part, 0: none */
};

static unsigned limit_of(const struct cut *c, unsigned part)
{
	return bonds_limit(c->b, c->label[part]);
}

static bool labels_fit(const struct cut *c, unsigned a, unsigned b)
{
	return !c->label[a] || !c->label[b] || c->label[a] == c->label[b];
}

static bool fits(const struct cut *c, unsigned a, unsigned b)
{
	unsigned label = c->label[a] ? c->label[a] : c->label[b];

	return labels_fit(c, a, b) && c->size[a] + c->size[b] <= bonds_limit(c->b, label);
}

static void put_together(struct cut *c, unsigned a, unsigned b)
{
	for (unsigned i = 0; i < c->n; i++)
		if (c->part[i] == b)
			c->part[i] = a;
	c->size[a] += c->size[b];
	c->size[b] = 0;
	c->label[a] = c->label[a] ? c->label[a] : c->label[b];
}

/* Units, each a part of its own to begin with. */
static void begin(struct cut *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		unsigned unit = c->place[c->b->unit[c->machine[i]]];

		/* a unit is named by its smallest machine, which is in the same group */
		c->part[i] = unit ? unit - 1 : i;
		c->size[c->part[i]]++;
		if (c->b->label[c->machine[i]])
			c->label[c->part[i]] = c->b->label[c->machine[i]];
	}
}

struct strand {
	unsigned a, b; /* places */
	float weight;
};

static int by_weight(const void *pa, const void *pb)
{
	const struct strand *a = pa, *b = pb;

	if (a->weight > b->weight || a->weight < b->weight)
		return a->weight > b->weight ? -1 : 1;
	if (a->a != b->a)
		return a->a < b->a ? -1 : 1;
	return a->b < b->b ? -1 : a->b > b->b;
}

static void grow(struct cut *c)
{
	struct strand *s = NULL;
	size_t n = 0, cap = 0;

	for (unsigned i = 0; i < c->n; i++) {
		unsigned m = c->machine[i];

		for (unsigned k = c->t->start[m]; k < c->t->start[m + 1]; k++) {
			unsigned to = c->place[c->t->tie[k].to];

			if (!to || to - 1 <= i)
				continue;
			MEM_GROW(s, n, cap);
			s[n++] = (struct strand){ i, to - 1, c->t->tie[k].weight };
		}
	}
	if (n)
		qsort(s, n, sizeof(*s), by_weight);
	for (size_t i = 0; i < n; i++) {
		unsigned a = c->part[s[i].a], b = c->part[s[i].b];

		if (a != b && fits(c, a, b))
			put_together(c, a < b ? a : b, a < b ? b : a);
	}
	free(s);
}

/* Parts that no tie joins any more share a group too: fewer groups, and nothing more is cut.
 */
static void pack(struct cut *c)
{
	for (unsigned a = 0; a < c->n; a++)
		for (unsigned b = a + 1; c->size[a] && b < c->n; b++)
			if (c->size[b] && fits(c, a, b))
				put_together(c, a, b);
}

/* The weight of ties between the unit that begins at place U and a part. */
static void pulls(const struct cut *c, unsigned u, double *pull)
{
	unsigned unit = c->b->unit[c->machine[u]];

	memset(pull, 0, c->n * sizeof(*pull));
	for (unsigned i = 0; i < c->n; i++) {
		unsigned m = c->machine[i];

		if (c->b->unit[m] != unit)
			continue;
		for (unsigned k = c->t->start[m]; k < c->t->start[m + 1]; k++) {
			unsigned to = c->place[c->t->tie[k].to];

			if (to && c->b->unit[c->t->tie[k].to] != unit)
				pull[c->part[to - 1]] += c->t->tie[k].weight;
		}
	}
}

static bool move_unit(struct cut *c, unsigned u, double *pull)
{
	unsigned unit = c->b->unit[c->machine[u]], from = c->part[u], best = from, n = 0;

	if (c->b->label[c->machine[u]] || unit != c->machine[u])
		return false; /* stays with its name; a unit is moved by its first machine */
	pulls(c, u, pull);
	for (unsigned i = 0; i < c->n; i++)
		n += c->b->unit[c->machine[i]] == unit;
	for (unsigned p = 0; p < c->n; p++)
		if (p != from && c->size[p] && c->size[p] + n <= limit_of(c, p) &&
		    pull[p] > pull[best] + 1e-9)
			best = p;
	if (best == from)
		return false;
	for (unsigned i = 0; i < c->n; i++)
		if (c->b->unit[c->machine[i]] == unit)
			c->part[i] = best;
	c->size[from] -= n;
	c->size[best] += n;
	return true;
}

static void improve(struct cut *c)
{
	double *pull = xcalloc(c->n, sizeof(*pull));
	bool moved = true;

	for (unsigned pass = 0; moved && pass < PASSES; pass++) {
		moved = false;
		for (unsigned i = 0; i < c->n; i++)
			moved |= move_unit(c, i, pull);
	}
	free(pull);
}

static void cut_group(struct cut *c, unsigned *group, unsigned *out)
{
	unsigned *name = xcalloc(c->n, sizeof(*name)), whole = c->machine[0];

	c->part = xcalloc(c->n, sizeof(*c->part));
	c->size = xcalloc(c->n, sizeof(*c->size));
	c->label = xcalloc(c->n, sizeof(*c->label));
	for (unsigned i = 0; i < c->n; i++)
		c->place[c->machine[i]] = i + 1;
	begin(c);
	grow(c);
	pack(c);
	improve(c);
	for (unsigned i = 0; i < c->n; i++) {
		if (!name[c->part[i]])
			name[c->part[i]] = c->machine[i] + 1;
		group[c->machine[i]] = name[c->part[i]] - 1;
		out[c->machine[i]] = whole + 1;
		c->place[c->machine[i]] = 0;
	}
	free(name);
	free(c->part);
	free(c->size);
	free(c->label);
}

static const unsigned *sort_group;

static int by_group(const void *pa, const void *pb)
{
	unsigned a = *(const unsigned *)pa, b = *(const unsigned *)pb;

	if (sort_group[a] != sort_group[b])
		return sort_group[a] < sort_group[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

void split_large(const struct ties *t, const struct bonds *b, const bool *keep,
		 unsigned *group, unsigned *out)
{
	unsigned *order = xcalloc(t->machine_n, sizeof(*order)), n = 0;
	unsigned *place = xcalloc(t->machine_n, sizeof(*place));
	unsigned *whole = xcalloc(t->machine_n, sizeof(*whole));

	memcpy(whole, group, t->machine_n * sizeof(*whole));
	memset(out, 0, t->machine_n * sizeof(*out));
	for (unsigned m = 0; m < t->machine_n; m++)
		if (keep[m])
			order[n++] = m;
	sort_group = whole;
	qsort(order, n, sizeof(*order), by_group);
	for (unsigned i = 0, end; i < n; i = end) {
		struct cut c = { .t = t, .b = b, .machine = order + i, .place = place };
		unsigned label = 0;

		for (end = i; end < n && whole[order[end]] == whole[order[i]]; end++)
			label = b->label[order[end]] ? b->label[order[end]] : label;
		c.n = end - i;
		if (c.n > bonds_limit(b, label))
			cut_group(&c, group, out);
	}
	free(order);
	free(place);
	free(whole);
}

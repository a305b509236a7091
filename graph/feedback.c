/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/feedback.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { PASSES = 8 };

/* Arcs by their ends: those that leave V are out[out_at[v]] up to out[out_at[v + 1]]. */
struct arcs {
	const struct feedback_arc *arc;
	unsigned n, *out_at, *out, *in_at, *in;
};

static void by_end(unsigned n, const struct feedback_arc *arc, unsigned arc_n, bool from,
		   unsigned *at, unsigned *list)
{
	for (unsigned i = 0; i < arc_n; i++)
		at[(from ? arc[i].from : arc[i].to) + 1]++;
	for (unsigned v = 0; v < n; v++)
		at[v + 1] += at[v];
	for (unsigned i = arc_n; i-- > 0;)
		list[--at[(from ? arc[i].from : arc[i].to) + 1]] = i;
	/* every count went down to the start of its node, which stands one place too far */
	memmove(at, at + 1, n * sizeof(*at));
	at[n] = arc_n;
}

static struct arcs arcs_of(unsigned n, const struct feedback_arc *arc, unsigned arc_n)
{
	struct arcs a = { .arc = arc, .n = n };

	a.out_at = xcalloc(n + 2ul, sizeof(*a.out_at));
	a.in_at = xcalloc(n + 2ul, sizeof(*a.in_at));
	a.out = xcalloc(arc_n + 1ul, sizeof(*a.out));
	a.in = xcalloc(arc_n + 1ul, sizeof(*a.in));
	by_end(n, arc, arc_n, true, a.out_at, a.out);
	by_end(n, arc, arc_n, false, a.in_at, a.in);
	return a;
}

static void arcs_fini(struct arcs *a)
{
	free(a->out_at);
	free(a->in_at);
	free(a->out);
	free(a->in);
}

/* Tarjan (1972), without recursion: an estate may be one long chain. */
struct tarjan {
	unsigned *index, *low, *next, *path, *stack, *comp;
	unsigned path_n, stack_n, count, comps;
	bool *on_stack;
};

static void tarjan_enter(struct tarjan *t, const struct arcs *a, unsigned v)
{
	t->index[v] = t->low[v] = ++t->count;
	t->next[v] = a->out_at[v];
	t->path[t->path_n++] = v;
	t->stack[t->stack_n++] = v;
	t->on_stack[v] = true;
}

static void tarjan_leave(struct tarjan *t)
{
	unsigned v = t->path[--t->path_n], w;

	if (t->path_n && t->low[v] < t->low[t->path[t->path_n - 1]])
		t->low[t->path[t->path_n - 1]] = t->low[v];
	if (t->low[v] != t->index[v])
		return;
	do {
		w = t->stack[--t->stack_n];
		t->on_stack[w] = false;
		t->comp[w] = t->comps;
	} while (w != v);
	t->comps++;
}

static void tarjan_from(struct tarjan *t, const struct arcs *a, unsigned root)
{
	tarjan_enter(t, a, root);
	while (t->path_n) {
		unsigned v = t->path[t->path_n - 1], to;

		if (t->next[v] == a->out_at[v + 1]) {
			tarjan_leave(t);
			continue;
		}
		to = a->arc[a->out[t->next[v]++]].to;
		if (!t->index[to])
			tarjan_enter(t, a, to);
		else if (t->on_stack[to] && t->index[to] < t->low[v])
			t->low[v] = t->index[to];
	}
}

unsigned feedback_components(unsigned n, const struct feedback_arc *arc, unsigned arc_n,
			     unsigned *comp)
{
	struct arcs a = arcs_of(n, arc, arc_n);
	unsigned *room = xcalloc(5ul * n + 1, sizeof(*room));
	struct tarjan t = { .index = room,
			    .low = room + n,
			    .next = room + 2ul * n,
			    .path = room + 3ul * n,
			    .stack = room + 4ul * n,
			    .comp = comp };

	t.on_stack = xcalloc(n + 1ul, sizeof(*t.on_stack));
	for (unsigned v = 0; v < n; v++)
		if (!t.index[v])
			tarjan_from(&t, &a, v);
	free(t.on_stack);
	free(room);
	arcs_fini(&a);
	return t.comps;
}

/* A heap of nodes; entries that are out of date stay in it and are passed over. */
struct waiting {
	double key;
	unsigned node, stamp;
};

struct heap {
	struct waiting *at;
	size_t n, cap;
};

static bool before(const struct waiting *a, const struct waiting *b)
{
	return a->key != b->key ? a->key > b->key : a->node < b->node;
}

static void heap_push(struct heap *h, struct waiting w)
{
	size_t i = h->n;

	MEM_GROW(h->at, h->n, h->cap);
	h->n++;
	for (; i && before(&w, &h->at[(i - 1) / 2]); i = (i - 1) / 2)
		h->at[i] = h->at[(i - 1) / 2];
	h->at[i] = w;
}

static struct waiting heap_pop(struct heap *h)
{
	struct waiting top = h->at[0], last = h->at[--h->n];
	size_t i = 0;

	for (size_t c = 1; c < h->n; c = 2 * i + 1) {
		if (c + 1 < h->n && before(&h->at[c + 1], &h->at[c]))
			c++;
		if (!before(&h->at[c], &last))
			break;
		h->at[i] = h->at[c];
		i = c;
	}
	if (h->n)
		h->at[i] = last;
	return top;
}

/* Sinks go to the end, sources to the front, and else the node that gives the most more. */
struct peel {
	const struct arcs *a;
	double *in, *out; /* weight that is left */
	unsigned *in_n, *out_n, *stamp, *sinks, *sources;
	unsigned sinks_n, sources_n;
	bool *gone;
	struct heap heap;
};

static void peel_changed(struct peel *p, unsigned v)
{
	if (p->gone[v])
		return;
	if (!p->out_n[v])
		p->sinks[p->sinks_n++] = v;
	else if (!p->in_n[v])
		p->sources[p->sources_n++] = v;
	else
		heap_push(&p->heap,
			  (struct waiting){ p->out[v] - p->in[v], v, ++p->stamp[v] });
}

static void peel_take(struct peel *p, unsigned v)
{
	const struct arcs *a = p->a;

	p->gone[v] = true;
	for (unsigned i = a->out_at[v]; i < a->out_at[v + 1]; i++) {
		const struct feedback_arc *x = &a->arc[a->out[i]];

		p->in[x->to] -= x->weight;
		p->in_n[x->to]--;
		peel_changed(p, x->to);
	}
	for (unsigned i = a->in_at[v]; i < a->in_at[v + 1]; i++) {
		const struct feedback_arc *x = &a->arc[a->in[i]];

		p->out[x->from] -= x->weight;
		p->out_n[x->from]--;
		peel_changed(p, x->from);
	}
}

/* The next node and whether it goes to the end; false when all are gone. */
static bool peel_next(struct peel *p, unsigned *v, bool *last)
{
	while (p->sinks_n) {
		*v = p->sinks[--p->sinks_n];
		*last = true;
		if (!p->gone[*v])
			return true;
	}
	*last = false;
	while (p->sources_n) {
		*v = p->sources[--p->sources_n];
		if (!p->gone[*v])
			return true;
	}
	while (p->heap.n) {
		struct waiting w = heap_pop(&p->heap);

		*v = w.node;
		if (!p->gone[*v] && w.stamp == p->stamp[*v])
			return true;
	}
	return false;
}

static void peel_all(const struct arcs *a, unsigned arc_n, unsigned *order)
{
	unsigned n = a->n, front = 0, back = n, v;
	unsigned *room = xcalloc(5ul * n + 2ul * arc_n + 2, sizeof(*room));
	double *weight = xcalloc(2ul * n + 1, sizeof(*weight));
	struct peel p = { .a = a, .in = weight, .out = weight + n };
	bool last;

	p.in_n = room;
	p.out_n = room + n;
	p.stamp = room + 2ul * n;
	p.sinks = room + 3ul * n; /* a node comes in once for each arc that leaves, at most */
	p.sources = xcalloc((size_t)n + 2ul * arc_n + 1, sizeof(*p.sources));
	p.gone = xcalloc(n + 1ul, sizeof(*p.gone));
	for (unsigned i = 0; i < arc_n; i++) {
		p.out[a->arc[i].from] += a->arc[i].weight;
		p.in[a->arc[i].to] += a->arc[i].weight;
		p.out_n[a->arc[i].from]++;
		p.in_n[a->arc[i].to]++;
	}
	for (v = n; v-- > 0;)
		peel_changed(&p, v);
	while (peel_next(&p, &v, &last)) {
		order[last ? --back : front++] = v;
		peel_take(&p, v);
	}
	free(p.heap.at);
	free(p.gone);
	free(p.sources);
	free(weight);
	free(room);
}

struct place {
	unsigned at; /* position of a neighbour */
	double gain; /* of standing behind it rather than before it */
};

static int by_position(const void *pa, const void *pb)
{
	const struct place *a = pa, *b = pb;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a->gain < b->gain ? -1 : a->gain > b->gain;
}

static unsigned neighbours(const struct arcs *a, const unsigned *pos, unsigned v,
			   struct place *out)
{
	unsigned n = 0;

	for (unsigned i = a->in_at[v]; i < a->in_at[v + 1]; i++)
		out[n++] =
			(struct place){ pos[a->arc[a->in[i]].from], a->arc[a->in[i]].weight };
	for (unsigned i = a->out_at[v]; i < a->out_at[v + 1]; i++)
		out[n++] =
			(struct place){ pos[a->arc[a->out[i]].to], -a->arc[a->out[i]].weight };
	qsort(out, n, sizeof(*out), by_position);
	return n;
}

/* Where V would cut least: the number of nodes before it, itself not counted. */
static unsigned best_place(const struct place *p, unsigned n, unsigned now, double *gain)
{
	double sum = 0, here = 0, best = 0;
	unsigned at = 0;

	for (unsigned i = 0; i < n; i++) {
		sum += p[i].gain;
		if (p[i].at < now)
			here = sum;
		if (sum > best) {
			best = sum;
			at = p[i].at + 1;
		}
	}
	*gain = best - here;
	return at > now ? at - 1 : at;
}

static void shift(unsigned *order, unsigned *pos, unsigned from, unsigned to)
{
	unsigned v = order[from];

	for (; from < to; from++) {
		order[from] = order[from + 1];
		pos[order[from]] = from;
	}
	for (; from > to; from--) {
		order[from] = order[from - 1];
		pos[order[from]] = from;
	}
	order[to] = v;
	pos[v] = to;
}

static bool improve(const struct arcs *a, unsigned *order, unsigned *pos, struct place *room)
{
	bool any = false;

	for (unsigned v = 0; v < a->n; v++) {
		unsigned n = neighbours(a, pos, v, room), to;
		double gain;

		to = best_place(room, n, pos[v], &gain);
		if (gain <= 1e-9)
			continue;
		shift(order, pos, pos[v], to);
		any = true;
	}
	return any;
}

/*
 * Arcs between components never have to run backwards: components stand in the order of their
 * arcs, and what improving left within one stays.
 */
static void by_component(const struct arcs *a, unsigned arc_n, unsigned *order)
{
	unsigned n = a->n, *comp = xcalloc(n + 1ul, sizeof(*comp)), comps;
	unsigned *at = xcalloc(n + 2ul, sizeof(*at)), *out = xcalloc(n + 1ul, sizeof(*out));

	comps = feedback_components(n, a->arc, arc_n, comp);
	for (unsigned v = 0; v < n; v++)
		at[comps - comp[v]]++;
	for (unsigned c = 0; c < comps; c++)
		at[c + 1] += at[c];
	for (unsigned i = 0; i < n; i++)
		out[at[comps - 1 - comp[order[i]]]++] = order[i];
	memcpy(order, out, n * sizeof(*order));
	free(comp);
	free(at);
	free(out);
}

void feedback_order(unsigned n, const struct feedback_arc *arc, unsigned arc_n,
		    unsigned *order)
{
	struct arcs a = arcs_of(n, arc, arc_n);
	unsigned *pos = xcalloc(n + 1ul, sizeof(*pos));
	struct place *room = xcalloc(2ul * arc_n + 1, sizeof(*room));

	peel_all(&a, arc_n, order);
	by_component(&a, arc_n, order);
	for (unsigned i = 0; i < n; i++)
		pos[order[i]] = i;
	for (unsigned pass = 0; pass < PASSES && improve(&a, order, pos, room); pass++)
		;
	by_component(&a, arc_n, order);
	free(room);
	free(pos);
	arcs_fini(&a);
}

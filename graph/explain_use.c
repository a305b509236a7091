/* SPDX-License-Identifier: Apache-2.0 */
/* Connections with shared services, from either side. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/explain_priv.h"

struct hit {
	unsigned group, far, near, edge;
	bool far_serves;
};

static int number_cmp(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_far(const void *pa, const void *pb)
{
	const struct hit *a = pa, *b = pb;
	int d;

	if ((d = number_cmp(a->group, b->group)) || (d = number_cmp(a->far, b->far)))
		return d;
	return number_cmp(a->edge, b->edge);
}

static int by_near(const void *pa, const void *pb)
{
	const struct hit *a = pa, *b = pb;

	return number_cmp(a->near, b->near);
}

static unsigned collect(const struct explain *x, unsigned m, unsigned own, struct hit *out)
{
	bool shared = explain_is_shared(x->p, own);
	unsigned n = 0;

	for (unsigned i = x->start[m]; i < x->start[m + 1]; i++) {
		const struct explain_end *end = &x->end[i];
		unsigned group = x->p->machine[end->other].group;
		unsigned server = x->g->process[x->g->edge[end->edge].server].machine;

		if ((group == own && group != PLAN_NONE) ||
		    (!shared && !explain_is_shared(x->p, group)))
			continue;
		out[n++] =
			(struct hit){ group, end->other, m, end->edge, server == end->other };
	}
	return n;
}

static unsigned count_near(struct hit *hit, unsigned n)
{
	unsigned near = 0;

	qsort(hit, n, sizeof(*hit), by_near);
	for (unsigned i = 0; i < n; i++)
		near += !i || hit[i].near != hit[i - 1].near;
	return near;
}

/* One entry's hits, N of them, by the far machine. */
static struct explain_use sum(const struct explain *x, struct hit *hit, unsigned n,
			      bool shared)
{
	struct explain_use u = { .group = hit->group, .edge = xcalloc(n, sizeof(*u.edge)) };

	for (unsigned i = 0; i < n; i++) {
		const struct counters *c = &x->g->edge[hit[i].edge].c;

		u.far += !i || hit[i].far != hit[i - 1].far;
		u.opens += c->opens;
		u.failed += counters_failed(c);
		u.serves |= hit[i].far_serves != shared;
		u.calls |= hit[i].far_serves == shared;
		u.edge[u.edge_n++] = hit[i].edge;
	}
	u.near = count_near(hit, n);
	explain_busiest(x->g, u.edge, u.edge_n);
	return u;
}

static int by_opens(const void *pa, const void *pb)
{
	const struct explain_use *a = pa, *b = pb;

	return a->opens != b->opens ? number_cmp(b->opens, a->opens)
				    : number_cmp(a->group, b->group);
}

struct explain_use *explain_uses(const struct explain *x, const unsigned *machine, unsigned n,
				 unsigned own, unsigned *out_n)
{
	bool shared = explain_is_shared(x->p, own);
	struct explain_use *use;
	struct hit *hit;
	unsigned room = 0, got = 0, kept = 0;

	for (unsigned i = 0; i < n; i++)
		room += x->start[machine[i] + 1] - x->start[machine[i]];
	hit = xcalloc(room + 1ul, sizeof(*hit));
	for (unsigned i = 0; i < n; i++)
		got += collect(x, machine[i], own, &hit[got]);
	qsort(hit, got, sizeof(*hit), by_far);
	use = xcalloc(got + 1ul, sizeof(*use));
	for (unsigned i = 0, end; i < got; i = end) {
		for (end = i + 1; end < got && hit[end].group == hit[i].group; end++)
			;
		use[kept++] = sum(x, &hit[i], end - i, shared);
	}
	qsort(use, kept, sizeof(*use), by_opens);
	free(hit);
	*out_n = kept;
	return use;
}

unsigned explain_uses_cut(struct explain_use *use, unsigned n, unsigned most)
{
	for (unsigned i = most; most && i < n; i++)
		free(use[i].edge);
	return most && n > most ? most : n;
}

void explain_uses_free(struct explain_use *use, unsigned n)
{
	for (unsigned i = 0; use && i < n; i++)
		free(use[i].edge);
	free(use);
}

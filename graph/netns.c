/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/netns.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "common/mem.h"

enum kind { SELF, REACHES, OFFERS };

/* What a spot holds against another: "do not put me where VALUE of this kind is". */
struct mark {
	unsigned spot;
	enum kind kind;
	uint32_t value;
	bool own; /* false: only looked for, never left behind */
};

struct marks {
	struct mark *m;
	size_t n, cap;
};

struct taken_key {
	uint32_t class, group, kind, value;
};
struct taken {
	struct taken_key key;
	UT_hash_handle hh;
};

static void mark(struct marks *a, unsigned spot, enum kind kind, uint32_t value, bool own)
{
	MEM_GROW(a->m, a->n, a->cap);
	a->m[a->n++] = (struct mark){ spot, kind, value, own };
}

static void mark_edge(struct marks *a, const struct netns_spot *spot,
		      const struct netns_edge *e)
{
	const struct netns_spot *c = &spot[e->client], *s = &spot[e->server];

	if (c->nowhere || s->nowhere || c->ip == s->ip)
		return;
	mark(a, e->client, SELF, s->ip, false);
	mark(a, e->server, SELF, c->ip, false);
	mark(a, e->client, REACHES, s->ip, true);
	mark(a, e->server, OFFERS, e->port | (uint32_t)s->v6 << 16, true);
}

static int by_spot(const void *pa, const void *pb)
{
	const struct mark *a = pa, *b = pb;

	return a->spot < b->spot ? -1 : a->spot > b->spot;
}

static bool fits(struct taken *taken, const struct marks *a, size_t i, struct taken_key key)
{
	for (unsigned spot = a->m[i].spot; i < a->n && a->m[i].spot == spot; i++) {
		struct taken *t;

		key.kind = a->m[i].kind;
		key.value = a->m[i].value;
		HASH_FIND(hh, taken, &key, sizeof(key), t);
		if (t)
			return false;
	}
	return true;
}

static void take(struct taken **taken, struct taken_key key)
{
	struct taken *t;

	HASH_FIND(hh, *taken, &key, sizeof(key), t);
	if (t)
		return;
	t = xcalloc(1, sizeof(*t));
	t->key = key;
	HASH_ADD(hh, *taken, key, sizeof(t->key), t);
}

static void place(struct taken **taken, const struct marks *a, size_t i, struct netns_spot *s,
		  unsigned spot, unsigned *groups)
{
	struct taken_key key = { .class = s->class };

	if (i < a->n && a->m[i].spot == spot)
		while (key.group < *groups && !fits(*taken, a, i, key))
			key.group++;
	s->group = key.group;
	if (*groups <= key.group)
		*groups = key.group + 1;
	take(taken, (struct taken_key){ s->class, s->group, SELF, s->ip });
	for (; i < a->n && a->m[i].spot == spot; i++)
		if (a->m[i].own)
			take(taken, (struct taken_key){ s->class, s->group, a->m[i].kind,
							a->m[i].value });
}

void netns_split(struct netns_spot *spot, unsigned spot_n, const struct netns_edge *edge,
		 unsigned edge_n)
{
	struct marks a = { 0 };
	struct taken *taken = NULL, *t, *next;
	unsigned groups = 0;
	size_t at = 0;

	for (unsigned i = 0; i < edge_n; i++)
		mark_edge(&a, spot, &edge[i]);
	if (a.n)
		qsort(a.m, a.n, sizeof(*a.m), by_spot);
	for (unsigned i = 0; i < spot_n; i++) {
		if (i && spot[i].class != spot[i - 1].class)
			groups = 0;
		while (at < a.n && a.m[at].spot < i)
			at++;
		spot[i].group = 0;
		if (!spot[i].nowhere && a.n)
			place(&taken, &a, at, &spot[i], i, &groups);
	}
	HASH_ITER (hh, taken, t, next) {
		HASH_DEL(taken, t);
		free(t);
	}
	free(a.m);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/nametab.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/mem.h"

struct host {
	struct addr addr;
	unsigned n;
	struct name_row row[NAMETAB_EACH];
	/*
	 * Space-Saving (Metwally and others 2005): who takes the place of the rarest name
	 * takes its weight too, so a name with more than a NAMETAB_EACH-th of all mentions is
	 * always there, whenever it came.
	 */
	uint64_t weight[NAMETAB_EACH];
	UT_hash_handle hh;
};

struct nametab {
	struct host *hosts; /* in the order of when they were last named */
	uint64_t lost;
};

struct nametab *nametab_new(void)
{
	return xcalloc(1, sizeof(struct nametab));
}

static void forget(struct nametab *t, struct host *h)
{
	HASH_DEL(t->hosts, h);
	for (unsigned i = 0; i < h->n; i++)
		free((char *)h->row[i].name);
	free(h);
}

void nametab_free(struct nametab *t)
{
	if (!t)
		return;
	while (t->hosts)
		forget(t, t->hosts);
	free(t);
}

static struct host *find(const struct nametab *t, const struct addr *a)
{
	struct host *h;

	HASH_FIND(hh, t->hosts, a, sizeof(*a), h);
	return h;
}

/* Its host, which is now the last that was named. */
static struct host *touch(struct nametab *t, const struct addr *a)
{
	struct host *h = find(t, a);

	if (h && !h->hh.next)
		return h;
	if (h) {
		HASH_DEL(t->hosts, h);
	} else {
		if (HASH_COUNT(t->hosts) >= NAMETAB_ADDRESSES) {
			t->lost += t->hosts->n;
			forget(t, t->hosts);
		}
		h = xcalloc(1, sizeof(*h));
		h->addr = *a;
	}
	HASH_ADD(hh, t->hosts, addr, sizeof(h->addr), h);
	return h;
}

static unsigned rank(enum name_how how)
{
	return how == NAME_SNI ? 2 : how == NAME_HOST ? 1 : 0;
}

/* Of two names of one address, negative when A goes first: lighter, vaguer, older. */
static int rarer(const struct host *h, unsigned a, unsigned b)
{
	const struct name_row *x = &h->row[a], *y = &h->row[b];

	if (h->weight[a] != h->weight[b])
		return h->weight[a] < h->weight[b] ? -1 : 1;
	if (x->how != y->how)
		return rank(x->how) < rank(y->how) ? -1 : 1;
	if (x->last_ns != y->last_ns)
		return x->last_ns < y->last_ns ? -1 : 1;
	return strcmp(x->name, y->name);
}

static unsigned place_for_another(struct nametab *t, struct host *h)
{
	unsigned rarest = 0;

	if (h->n < NAMETAB_EACH)
		return h->n++;
	for (unsigned i = 1; i < h->n; i++)
		if (rarer(h, i, rarest) < 0)
			rarest = i;
	t->lost++;
	free((char *)h->row[rarest].name);
	return rarest;
}

static unsigned place_of(struct nametab *t, struct host *h, const char *name,
			 enum name_how how)
{
	unsigned i;

	for (i = 0; i < h->n; i++)
		if (h->row[i].how == how && strcmp(h->row[i].name, name) == 0)
			return i;
	i = place_for_another(t, h);
	h->row[i] = (struct name_row){
		.addr = h->addr,
		.name = xstrdup(name),
		.how = how,
		.first_ns = UINT64_MAX,
	};
	return i;
}

void nametab_learn(struct nametab *t, const struct addr *a, const char *name,
		   enum name_how how, uint64_t time_ns)
{
	struct host *h = touch(t, a);
	unsigned i = place_of(t, h, name, how);
	struct name_row *r = &h->row[i];

	h->weight[i]++;
	r->times++;
	if (time_ns < r->first_ns)
		r->first_ns = time_ns;
	if (time_ns > r->last_ns)
		r->last_ns = time_ns;
}

static bool is_better(const struct name_row *a, const struct name_row *b)
{
	if (a->how != b->how)
		return rank(a->how) > rank(b->how);
	if (a->times != b->times)
		return a->times > b->times;
	return strcmp(a->name, b->name) < 0;
}

const struct name_row *nametab_best(const struct nametab *t, const struct addr *a)
{
	const struct host *h = find(t, a);
	const struct name_row *best = NULL;

	for (unsigned i = 0; h && i < h->n; i++)
		if (!best || is_better(&h->row[i], best))
			best = &h->row[i];
	return best;
}

static int by_addr(const void *a, const void *b)
{
	const struct host *const *x = a, *const *y = b;

	return addr_cmp(&(*x)->addr, &(*y)->addr);
}

static int by_how_and_name(const void *a, const void *b)
{
	const struct name_row *x = a, *y = b;

	return x->how != y->how ? (x->how > y->how) - (x->how < y->how)
				: strcmp(x->name, y->name);
}

static void each_name(const struct host *h, nametab_fn *fn, void *ctx)
{
	struct name_row row[NAMETAB_EACH];

	memcpy(row, h->row, sizeof(row));
	qsort(row, h->n, sizeof(*row), by_how_and_name);
	for (unsigned i = 0; i < h->n; i++)
		fn(ctx, &row[i]);
}

void nametab_each(const struct nametab *t, nametab_fn *fn, void *ctx)
{
	unsigned n = HASH_COUNT(t->hosts), i = 0;
	struct host **host = xcalloc(n + 1, sizeof(struct host *));

	for (struct host *h = t->hosts; h; h = h->hh.next)
		host[i++] = h;
	qsort(host, n, sizeof(*host), by_addr);
	for (i = 0; i < n; i++)
		each_name(host[i], fn, ctx);
	free(host);
}

uint64_t nametab_lost(const struct nametab *t)
{
	return t->lost;
}

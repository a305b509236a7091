/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/nametab.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/mem.h"

struct named {
	char *name;
	enum name_how how;
	uint64_t first_ns, last_ns, times;
};

struct place {
	struct addr addr;
	struct named named[NAMETAB_EACH];
	unsigned n;
	struct place *older, *newer; /* by when it was named last */
	UT_hash_handle hh;
};

struct nametab {
	struct place *by_addr, *oldest, *newest;
	uint64_t lost;
	struct name_row row; /* of nametab_best */
};

struct nametab *nametab_new(void)
{
	return xcalloc(1, sizeof(struct nametab));
}

static void unlink_place(struct nametab *t, struct place *o)
{
	if (o->older)
		o->older->newer = o->newer;
	else
		t->oldest = o->newer;
	if (o->newer)
		o->newer->older = o->older;
	else
		t->newest = o->older;
	o->older = o->newer = NULL;
}

static void append_place(struct nametab *t, struct place *o)
{
	o->older = t->newest;
	if (t->newest)
		t->newest->newer = o;
	else
		t->oldest = o;
	t->newest = o;
}

static void drop(struct nametab *t, struct place *o)
{
	HASH_DEL(t->by_addr, o);
	unlink_place(t, o);
	for (unsigned i = 0; i < o->n; i++)
		free(o->named[i].name);
	free(o);
}

void nametab_free(struct nametab *t)
{
	if (!t)
		return;
	while (t->oldest)
		drop(t, t->oldest);
	free(t);
}

static struct place *place_of(struct nametab *t, const struct addr *a)
{
	struct place *o;

	HASH_FIND(hh, t->by_addr, a, sizeof(*a), o);
	if (o)
		return o;
	if (HASH_COUNT(t->by_addr) >= NAMETAB_ADDRESSES) {
		t->lost += t->oldest->n;
		drop(t, t->oldest);
	}
	o = xcalloc(1, sizeof(*o));
	o->addr = *a;
	HASH_ADD(hh, t->by_addr, addr, sizeof(o->addr), o);
	append_place(t, o);
	return o;
}

/* The place of a new name: a free one, else that of the least frequent. */
static struct named *room(struct nametab *t, struct place *o)
{
	struct named *least = &o->named[0];

	if (o->n < NAMETAB_EACH)
		return &o->named[o->n++];
	for (unsigned i = 1; i < o->n; i++)
		if (o->named[i].times < least->times)
			least = &o->named[i];
	t->lost++;
	free(least->name);
	return least;
}

void nametab_learn(struct nametab *t, const struct addr *a, const char *name,
		   enum name_how how, uint64_t time_ns)
{
	struct place *o = place_of(t, a);
	struct named *m;

	if (o != t->newest) {
		unlink_place(t, o);
		append_place(t, o);
	}
	for (unsigned i = 0; i < o->n; i++) {
		m = &o->named[i];
		if (m->how != how || strcmp(m->name, name) != 0)
			continue;
		m->times++;
		if (time_ns > m->last_ns)
			m->last_ns = time_ns;
		return;
	}
	m = room(t, o);
	*m = (struct named){ xstrdup(name), how, time_ns, time_ns, 1 };
}

/* SNI and Host are what clients mean; a name of DNS may be one of many. */
static int weight(enum name_how how)
{
	return how == NAME_SNI ? 3 : how == NAME_HOST ? 2 : 1;
}

static bool is_better(const struct named *a, const struct named *b)
{
	if (weight(a->how) != weight(b->how))
		return weight(a->how) > weight(b->how);
	if (a->times != b->times)
		return a->times > b->times;
	return strcmp(a->name, b->name) < 0;
}

static struct name_row row_of(const struct place *o, const struct named *m)
{
	return (struct name_row){
		o->addr, m->name, m->how, m->first_ns, m->last_ns, m->times
	};
}

const struct name_row *nametab_best(const struct nametab *t, const struct addr *a)
{
	struct nametab *own = (struct nametab *)t; /* its row is no part of what it says */
	const struct named *best = NULL;
	struct place *o;

	HASH_FIND(hh, t->by_addr, a, sizeof(*a), o);
	if (!o)
		return NULL;
	for (unsigned i = 0; i < o->n; i++)
		if (!best || is_better(&o->named[i], best))
			best = &o->named[i];
	own->row = row_of(o, best);
	return &own->row;
}

static int by_place(const void *a, const void *b)
{
	const struct name_row *x = a, *y = b;
	int d = addr_cmp(&x->addr, &y->addr);

	d = d ? d : (int)x->how - (int)y->how;
	return d ? d : strcmp(x->name, y->name);
}

void nametab_each(const struct nametab *t, nametab_fn *fn, void *ctx)
{
	size_t n = 0;
	struct name_row *all =
		xcalloc((size_t)HASH_COUNT(t->by_addr) * NAMETAB_EACH + 1, sizeof(*all));

	for (const struct place *o = t->oldest; o; o = o->newer)
		for (unsigned i = 0; i < o->n; i++)
			all[n++] = row_of(o, &o->named[i]);
	qsort(all, n, sizeof(*all), by_place);
	for (size_t i = 0; i < n; i++)
		fn(ctx, &all[i]);
	free(all);
}

uint64_t nametab_lost(const struct nametab *t)
{
	return t->lost;
}

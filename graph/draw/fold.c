/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/fold.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"

enum {
	STRANGERS_ALONE = 3, /* so many alike are still drawn one by one */
	PEERS_ALONE = 8,     /* known machines around the one in the middle */
	IDLE_ALONE = 4,
	STACK_ALONE = 1,
	FAMILY = 256,
};

/* One end of an arrow as its machine sees it. */
struct deal {
	unsigned machine, other;
	uint16_t port;
	uint8_t proto;
};

static int by_deal(const void *pa, const void *pb)
{
	const struct deal *a = pa, *b = pb;

	if (a->machine != b->machine)
		return a->machine < b->machine ? -1 : 1;
	if (a->other != b->other)
		return a->other < b->other ? -1 : 1;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return a->proto < b->proto ? -1 : a->proto > b->proto;
}

struct alike {
	char *key;
	unsigned machine;
	enum fold_kind kind;
};

struct alikes {
	struct alike *a;
	size_t n, cap;
};

static int by_alike(const void *pa, const void *pb)
{
	const struct alike *a = pa, *b = pb;
	int d = strcmp(a->key, b->key);

	return d ? d : a->machine < b->machine ? -1 : 1;
}

static void add_alike(struct alikes *all, enum fold_kind kind, unsigned machine,
		      struct buf *key)
{
	MEM_GROW(all->a, all->n, all->cap);
	all->a[all->n++] = (struct alike){ buf_take(key), machine, kind };
}

const char *fold_family(const char *name, char *out, unsigned cap)
{
	const char *dot = strchr(name, '.');
	size_t host = dot ? (size_t)(dot - name) : strlen(name), end = host;

	while (end && isdigit((unsigned char)name[end - 1]))
		end--;
	if (end == host || !end)
		snprintf(out, cap, "%s", name);
	else
		snprintf(out, cap, "%.*s#%s", (int)end, name, name + host);
	return out;
}

/* Only callers and only servers can be alike in what they do. */
static bool may_fold(const struct view *v, unsigned m)
{
	const struct view_machine *vm = &v->machine[m];

	if (!vm->on || vm->inner || (int)m == v->focus || vm->chip_n)
		return false;
	if (v->g->machine[m].known && v->focus < 0)
		return false;
	return !vm->in != !vm->out;
}

static struct deal deal_of(const struct view *v, const struct graph_edge *e, bool client,
			   bool machines)
{
	const struct graph_process *p = v->g->process;
	struct deal d = { p[client ? e->client : e->server].machine, 0, e->port, e->proto };

	if (client)
		d.other = machines ? p[e->server].machine : e->server;
	if (client && machines)
		d.port = d.proto = 0;
	return d;
}

static struct deal *list_deals(const struct view *v, bool machines, unsigned *n)
{
	struct deal *d = xcalloc(2 * (size_t)v->g->edge_n, sizeof(*d));

	*n = 0;
	for (unsigned i = 0; i < v->g->edge_n; i++) {
		const struct graph_edge *e = &v->g->edge[i];

		if (v->edge[i] != VIEW_ARROW)
			continue;
		if (may_fold(v, v->g->process[e->client].machine))
			d[(*n)++] = deal_of(v, e, true, machines);
		if (may_fold(v, v->g->process[e->server].machine))
			d[(*n)++] = deal_of(v, e, false, machines);
	}
	qsort(d, *n, sizeof(*d), by_deal);
	return d;
}

static void find_alike(struct alikes *all, const struct view *v, bool machines)
{
	unsigned n;
	struct deal *d = list_deals(v, machines, &n);

	for (unsigned i = 0, end; i < n; i = end) {
		unsigned m = d[i].machine;
		bool client = v->machine[m].out, known = v->g->machine[m].known;
		struct buf key = { 0 };

		buf_printf(&key, "%c%d", client ? 'c' : 's', known);
		for (end = i; end < n && d[end].machine == m; end++)
			if (end == i || by_deal(&d[end], &d[end - 1]))
				buf_printf(&key, " %u:%u/%u", d[end].other, d[end].port,
					   d[end].proto);
		add_alike(all, client ? FOLD_CLIENTS : FOLD_SERVERS, m, &key);
	}
	free(d);
}

static void find_idle(struct alikes *all, const struct view *v)
{
	for (unsigned m = 0; m < v->g->machine_n; m++) {
		const struct view_machine *vm = &v->machine[m];
		struct buf key = { 0 };

		if (!vm->on || vm->in || vm->out || vm->inner || vm->chip_n ||
		    (int)m == v->focus)
			continue;
		buf_str(&key, "i");
		add_alike(all, FOLD_IDLE, m, &key);
	}
}

static int by_port(const void *pa, const void *pb)
{
	struct deal a = *(const struct deal *)pa, b = *(const struct deal *)pb;

	a.other = b.other = 0;
	return by_deal(&a, &b);
}

/* For each machine the ports that something came of, in order. */
static struct deal *list_served(const struct view *v, unsigned *n)
{
	struct deal *d = xcalloc(v->g->edge_n, sizeof(*d));

	*n = 0;
	for (unsigned i = 0; i < v->g->edge_n; i++)
		if (v->edge[i] == VIEW_ARROW && !view_edge_failed(&v->g->edge[i]))
			d[(*n)++] = deal_of(v, &v->g->edge[i], false, false);
	qsort(d, *n, sizeof(*d), by_port);
	return d;
}

static void find_families(struct alikes *all, const struct view *v, bool ports)
{
	char family[FAMILY];
	unsigned n = 0, at = 0;
	struct deal *d = ports ? list_served(v, &n) : NULL;

	for (unsigned m = 0; m < v->g->machine_n; m++) {
		const struct view_machine *vm = &v->machine[m];
		struct buf key = { 0 };

		if (!vm->on || !v->g->machine[m].known || (!vm->in && !vm->out && !vm->chip_n))
			continue;
		buf_printf(&key, "f%d %s", vm->role,
			   fold_family(v->g->machine[m].name, family, sizeof(family)));
		while (at < n && d[at].machine < m)
			at++;
		for (; at < n && d[at].machine == m; at++)
			if (!at || by_port(&d[at], &d[at - 1]))
				buf_printf(&key, " %u/%u", d[at].port, d[at].proto);
		add_alike(all, FOLD_STACK, m, &key);
	}
	free(d);
}

static unsigned alone(enum fold_kind kind, bool known)
{
	switch (kind) {
	case FOLD_IDLE:
		return IDLE_ALONE;
	case FOLD_STACK:
		return STACK_ALONE;
	default:
		return known ? PEERS_ALONE : STRANGERS_ALONE;
	}
}

static void fold_run(struct folds *f, const struct view *v, const struct alike *a, size_t n)
{
	bool known = v->g->machine[a->machine].known;
	struct fold *fold;

	if (n <= alone(a->kind, known))
		return;
	MEM_GROW(f->fold, f->n, f->cap);
	fold = &f->fold[f->n];
	*fold = (struct fold){ .kind = a->kind, .known = known };
	for (size_t i = 0; i < n; i++) {
		MEM_GROW(fold->machine, fold->n, fold->cap);
		fold->machine[fold->n++] = a[i].machine;
		f->of[a[i].machine] = (int)f->n;
	}
	f->n++;
}

void fold_find(struct folds *f, const struct view *v, enum fold_stacks stacks)
{
	struct alikes all = { 0 };

	*f = (struct folds){ .of = xcalloc(v->g->machine_n, sizeof(*f->of)) };
	for (unsigned m = 0; m < v->g->machine_n; m++)
		f->of[m] = -1;
	find_alike(&all, v, stacks != FOLD_NO_STACKS);
	find_idle(&all, v);
	if (stacks)
		find_families(&all, v, stacks == FOLD_STACKS_LIKE);
	if (all.n)
		qsort(all.a, all.n, sizeof(*all.a), by_alike);
	for (size_t i = 0, end; i < all.n; i = end) {
		for (end = i + 1; end < all.n && !strcmp(all.a[end].key, all.a[i].key); end++)
			;
		fold_run(f, v, &all.a[i], end - i);
	}
	for (size_t i = 0; i < all.n; i++)
		free(all.a[i].key);
	free(all.a);
}

void fold_fini(struct folds *f)
{
	for (unsigned i = 0; i < f->n; i++)
		free(f->fold[i].machine);
	free(f->fold);
	free(f->of);
}

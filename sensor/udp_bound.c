/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/udp_bound.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

struct walk {
	struct listening *l;
	size_t n, cap;
};

struct udp_bound {
	struct walk now, before, list;
	size_t dropped;
	bool walked;
};

struct udp_bound *udp_bound_new(void)
{
	return xcalloc(1, sizeof(struct udp_bound));
}

void udp_bound_free(struct udp_bound *t)
{
	if (!t)
		return;
	free(t->now.l);
	free(t->before.l);
	free(t->list.l);
	free(t);
}

static void append(struct walk *w, const struct listening *l)
{
	MEM_GROW(w->l, w->n, w->cap);
	w->l[w->n++] = *l;
}

void udp_bound_add(struct udp_bound *t, const struct listening *l)
{
	if (t->now.n >= UDP_BOUND)
		t->dropped++;
	else
		append(&t->now, l);
}

static int by_key(const void *a, const void *b)
{
	const struct listening *x = a, *y = b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static int by_age(const void *a, const void *b)
{
	const struct listening *x = a, *y = b;
	int d = by_key(a, b);

	d = d ? d : (x->born > y->born) - (x->born < y->born);
	return d ? d : (x->tgid > y->tgid) - (x->tgid < y->tgid);
}

static bool was_there(const struct udp_bound *t, const struct listening *l)
{
	return !t->walked ||
	       (t->before.n && bsearch(l, t->before.l, t->before.n, sizeof(*l), by_key));
}

size_t udp_bound_turn(struct udp_bound *t)
{
	struct walk was = t->before;
	size_t dropped = t->dropped;

	if (t->now.n)
		qsort(t->now.l, t->now.n, sizeof(*t->now.l), by_age);
	t->list.n = 0;
	for (size_t i = 0; i < t->now.n; i++)
		if ((i == 0 || by_key(&t->now.l[i - 1], &t->now.l[i]) != 0) &&
		    was_there(t, &t->now.l[i]))
			append(&t->list, &t->now.l[i]);
	t->before = t->now;
	t->now = was;
	t->now.n = 0;
	t->dropped = 0;
	t->walked = true;
	return dropped;
}

const struct listening *udp_bound_list(const struct udp_bound *t, size_t *n)
{
	*n = t->list.n;
	return t->list.l;
}

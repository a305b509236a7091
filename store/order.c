/* SPDX-License-Identifier: Apache-2.0 */
#include "store/order.h"

#include <stdlib.h>
#include <string.h>

static int by_label(const struct known_endpoint *x, const struct known_endpoint *y)
{
	return strcmp(x->machine ? x->machine->name : x->ip,
		      y->machine ? y->machine->name : y->ip);
}

static int by_place(const void *a, const void *b)
{
	const struct known_endpoint *x = *(const struct known_endpoint *const *)a;
	const struct known_endpoint *y = *(const struct known_endpoint *const *)b;
	int d = by_label(x, y);

	d = d ? d : addr_cmp(&x->addr, &y->addr);
	d = d ? d : strcmp(x->realm, y->realm);
	return d ? d
		 : strcmp(x->machine ? x->machine->ident : "",
			  y->machine ? y->machine->ident : "");
}

static int by_process(const void *a, const void *b)
{
	const struct known_process *x = *(const struct known_process *const *)a;
	const struct known_process *y = *(const struct known_process *const *)b;
	int d = strcmp(x->name, y->name);

	d = d ? d : strcmp(x->unit, y->unit);
	return d ? d : strcmp(x->container, y->container);
}

static void rank_endpoints(struct order *o)
{
	const struct known *k = o->known;
	const struct known_endpoint **list = xcalloc(k->endpoint_n, sizeof(*list));
	uint32_t label = 0, place = 0;

	o->label = xcalloc(k->endpoint_n, sizeof(*o->label));
	o->place = xcalloc(k->endpoint_n, sizeof(*o->place));
	for (size_t i = 0; i < k->endpoint_n; i++)
		list[i] = &k->endpoint[i];
	qsort(list, k->endpoint_n, sizeof(*list), by_place);
	for (size_t i = 0; i < k->endpoint_n; i++) {
		label += !i || by_label(list[i - 1], list[i]);
		place += !i || by_place(&list[i - 1], &list[i]);
		o->label[list[i] - k->endpoint] = label;
		o->place[list[i] - k->endpoint] = place;
	}
	free(list);
}

static void rank_processes(struct order *o)
{
	const struct known *k = o->known;
	const struct known_process **list = xcalloc(k->process_n, sizeof(*list));
	uint32_t rank = 0;

	o->process = xcalloc(k->process_n, sizeof(*o->process));
	for (size_t i = 0; i < k->process_n; i++)
		list[i] = &k->process[i];
	qsort(list, k->process_n, sizeof(*list), by_process);
	for (size_t i = 0; i < k->process_n; i++) {
		rank += !i || by_process(&list[i - 1], &list[i]);
		o->process[list[i] - k->process] = rank;
	}
	free(list);
}

void order_init(struct order *o, const struct known *k)
{
	o->known = k;
	rank_endpoints(o);
	rank_processes(o);
}

void order_fini(struct order *o)
{
	free(o->label);
	free(o->place);
	free(o->process);
}

/* What is not there comes first. */
static uint32_t process_rank(const struct order *o, int64_t id)
{
	const struct known_process *p = known_find_process(o->known, id);

	return p ? o->process[p - o->known->process] : 0;
}

static uint32_t endpoint_rank(const struct order *o, const uint32_t *rank, int64_t id)
{
	const struct known_endpoint *p = known_endpoint(o->known, id);

	return p ? rank[p - o->known->endpoint] : 0;
}

struct order_key order_key(const struct order *o, const struct order_place *p)
{
	return (struct order_key){ {
		endpoint_rank(o, o->label, p->client),
		endpoint_rank(o, o->label, p->server),
		(uint32_t)p->port << 8 | p->proto,
		process_rank(o, p->client_process),
		process_rank(o, p->server_process),
		endpoint_rank(o, o->place, p->client),
		endpoint_rank(o, o->place, p->server),
	} };
}

int order_compare(const struct order_key *x, const struct order_key *y)
{
	for (int i = 0; i < ORDER_KEYS; i++)
		if (x->v[i] != y->v[i])
			return x->v[i] < y->v[i] ? -1 : 1;
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/flowedge.h"

#include <stdlib.h>
#include <string.h>

#include "common/addrmix.h"
#include "common/mem.h"

static const uint64_t minute_ms = 60000;

/* No holes: compared as bytes. */
struct key {
	uint64_t minute;
	struct addr client, server, seen;
	uint16_t exporter, port, seen_port, proto;
};

struct row {
	struct key key;
	struct counters c;
	uint64_t first_ms, last_ms;
	uint32_t sampling;
	uint16_t samples_n;
	uint16_t port[FLOW_SAMPLES];
	uint64_t start_ms[FLOW_SAMPLES];
};

struct flowedge_table {
	struct row *row;
	uint32_t *slot; /* number of a row + 1; open addressing, at most half full */
	unsigned n, cap, mask;
	uint64_t seed;
};

static unsigned power_of_two(unsigned n)
{
	unsigned p = 1;

	while (p < n)
		p *= 2;
	return p;
}

struct flowedge_table *flowedge_new(unsigned cap, uint64_t seed)
{
	struct flowedge_table *t = xcalloc(1, sizeof(*t));
	unsigned slots = power_of_two(cap * 2);

	t->cap = cap;
	t->mask = slots - 1;
	t->row = xpages(cap * sizeof(*t->row));
	t->slot = xcalloc(slots, sizeof(*t->slot));
	t->seed = seed;
	return t;
}

void flowedge_free(struct flowedge_table *t)
{
	if (!t)
		return;
	pages_free(t->row, t->cap * sizeof(*t->row));
	free(t->slot);
	free(t);
}

static unsigned hash_of(const struct flowedge_table *t, const struct key *k)
{
	uint64_t h = addr_mix(t->seed ^ k->minute, &k->client, k->exporter);

	h = addr_mix(h, &k->server, k->port);
	return (unsigned)(addr_mix(h, &k->seen, k->seen_port ^ k->proto) >> 32);
}

static struct row *row_of(struct flowedge_table *t, const struct key *k)
{
	unsigned at = hash_of(t, k) & t->mask;

	for (; t->slot[at]; at = (at + 1) & t->mask)
		if (memcmp(&t->row[t->slot[at] - 1].key, k, sizeof(*k)) == 0)
			return &t->row[t->slot[at] - 1];
	if (t->n == t->cap)
		return NULL;
	t->slot[at] = ++t->n;
	memset(&t->row[t->n - 1], 0, sizeof(*t->row));
	t->row[t->n - 1].key = *k;
	return &t->row[t->n - 1];
}

/* Adding */

static void add(uint64_t *to, uint64_t n)
{
	*to = flowway_sum(*to, n);
}

static void keep_sample(struct row *r, uint16_t port, uint64_t start_ms)
{
	for (unsigned i = 0; i < r->samples_n; i++)
		if (r->port[i] == port)
			return;
	if (r->samples_n == FLOW_SAMPLES)
		return;
	r->port[r->samples_n] = port;
	r->start_ms[r->samples_n++] = start_ms;
}

static struct key key_of(const struct flowconn *c, const struct flowconn_news *n)
{
	struct key k;

	memset(&k, 0, sizeof(k));
	k.client = n->client.addr;
	k.server = n->server.addr;
	k.port = n->server.port;
	k.proto = c->proto;
	k.exporter = c->exporter;
	if (!flowend_eq(&n->seen, &n->server)) {
		k.seen = n->seen.addr;
		k.seen_port = n->seen.port;
	}
	return k;
}

static void add_counters(struct row *r, const struct flowconn *c,
			 const struct flowconn_news *n)
{
	add(&r->c.opens, n->c.opens);
	add(&r->c.refused, n->c.refused);
	add(&r->c.timeouts, n->c.timeouts);
	add(&r->c.resets, n->c.resets);
	add(&r->c.abandoned, n->c.abandoned);
	if (n->c.opens && !c->sampling)
		keep_sample(r, n->client.port, n->from_ms);
}

/* The part of N that falls into [FROM, TO) of LENGTH. */
static uint64_t part(uint64_t n, uint64_t from, uint64_t to, uint64_t length)
{
	return (uint64_t)((unsigned __int128)n * (to - from) / length);
}

static void touch(struct row *r, const struct flowconn *c, uint64_t from, uint64_t to)
{
	if (!r->first_ms || from < r->first_ms)
		r->first_ms = from;
	if (to > r->last_ms)
		r->last_ms = to;
	if (c->sampling > r->sampling)
		r->sampling = c->sampling;
	r->c.has_bytes = true;
}

bool flowedge_add(struct flowedge_table *t, const struct flowconn *c,
		  const struct flowconn_news *n)
{
	uint64_t last = (n->to_ms - (n->to_ms > n->from_ms)) / minute_ms;
	uint64_t first = n->from_ms / minute_ms;
	uint64_t from = n->from_ms, length, up = n->to_server, down = n->to_client;
	struct key k = key_of(c, n);

	if (last - first >= FLOWEDGE_MINUTES) {
		first = last - FLOWEDGE_MINUTES + 1;
		from = first * minute_ms;
	}
	length = n->to_ms - from;
	for (k.minute = first; k.minute <= last; k.minute++) {
		uint64_t to = k.minute == last ? n->to_ms : (k.minute + 1) * minute_ms;
		uint64_t u = k.minute == last ? up : part(n->to_server, from, to, length);
		uint64_t d = k.minute == last ? down : part(n->to_client, from, to, length);
		struct row *r = row_of(t, &k);

		if (!r)
			return false;
		if (k.minute == first)
			add_counters(r, c, n);
		touch(r, c, from, to);
		add(&r->c.bytes_to_server, u);
		add(&r->c.bytes_to_client, d);
		up -= u;
		down -= d;
		from = to;
	}
	return true;
}

/* Handing on */

static int order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_key(const void *a, const void *b)
{
	const struct key *x = &((const struct row *)a)->key;
	const struct key *y = &((const struct row *)b)->key;
	int d = order(x->exporter, y->exporter);

	if (!d)
		d = order(x->minute, y->minute);
	if (!d)
		d = addr_cmp(&x->client, &y->client);
	if (!d)
		d = addr_cmp(&x->server, &y->server);
	if (!d)
		d = order(x->proto, y->proto);
	if (!d)
		d = order(x->port, y->port);
	if (!d)
		d = addr_cmp(&x->seen, &y->seen);
	return d ? d : order(x->seen_port, y->seen_port);
}

static struct flow flow_of(const struct row *r)
{
	const struct key *k = &r->key;
	struct flow f = { .witness = WITNESS_NETFLOW,
			  .proto = (uint8_t)k->proto,
			  .port = k->port,
			  .client = k->client,
			  .server = k->server,
			  .minute = k->minute,
			  .first_ms = r->first_ms,
			  .last_ms = r->last_ms,
			  .c = r->c,
			  .samples_n = r->samples_n,
			  .seen = k->seen,
			  .seen_port = k->seen_port,
			  .sampling = r->sampling };

	f.has_seen = k->seen_port != 0;
	for (unsigned i = 0; i < r->samples_n; i++) {
		f.samples[i].client_port = r->port[i];
		f.samples[i].start_ms = r->start_ms[i];
	}
	return f;
}

void flowedge_take(struct flowedge_table *t, flowedge_fn *fn, void *ctx)
{
	if (!t->n)
		return;
	qsort(t->row, t->n, sizeof(*t->row), by_key);
	for (unsigned i = 0; i < t->n; i++) {
		struct flow f = flow_of(&t->row[i]);

		fn(t->row[i].key.exporter, &f, ctx);
	}
	memset(t->slot, 0, ((size_t)t->mask + 1) * sizeof(*t->slot));
	t->n = 0;
}

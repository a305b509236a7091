/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/nattab.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/mem.h"

enum { FORGET_MS = 6 * 3600000 }; /* without a new connection */

struct pair_key {
	struct addr client, client_seen, seen, server;
	uint16_t seen_port, port;
	uint8_t proto;
	uint8_t pad[3];
};

struct pair {
	struct pair_key key;
	uint64_t first_ms, last_ms;
	uint64_t opens; /* not told yet */
	bool told;
	UT_hash_handle hh;
};

/* What the socket of one side knows, and what it stands for. */
enum side { SIDE_CLIENT, SIDE_SERVER };
struct view_key {
	struct addr client, server;
	uint16_t port;
	uint8_t proto;
	uint8_t side;
};
struct view {
	struct view_key key;
	struct addr server;
	uint16_t port;
	bool several;
	UT_hash_handle hh;
};

struct nattab {
	struct pair *pairs;
	struct view *views;
	unsigned cap;
	uint64_t overflow;
};

struct nattab *nattab_new(unsigned cap)
{
	struct nattab *t = xcalloc(1, sizeof(*t));

	t->cap = cap;
	return t;
}

static void forget_views(struct nattab *t)
{
	struct view *v, *next;

	HASH_ITER (hh, t->views, v, next) {
		HASH_DEL(t->views, v);
		free(v);
	}
}

void nattab_free(struct nattab *t)
{
	struct pair *p, *next;

	if (!t)
		return;
	HASH_ITER (hh, t->pairs, p, next) {
		HASH_DEL(t->pairs, p);
		free(p);
	}
	forget_views(t);
	free(t);
}

static struct view_key view_key(enum side side, uint8_t proto, const struct addr *client,
				const struct addr *server, uint16_t port)
{
	struct view_key k;

	memset(&k, 0, sizeof(k));
	k.side = (uint8_t)side;
	k.proto = proto;
	k.client = *client;
	k.server = *server;
	k.port = port;
	return k;
}

static void add_view(struct nattab *t, struct view_key key, const struct addr *server,
		     uint16_t port)
{
	struct view *v;

	HASH_FIND(hh, t->views, &key, sizeof(key), v);
	if (v) {
		v->several |= v->port != port || !addr_eq(&v->server, server);
		return;
	}
	v = xcalloc(1, sizeof(*v));
	v->key = key;
	v->server = *server;
	v->port = port;
	HASH_ADD(hh, t->views, key, sizeof(v->key), v);
}

static void add_views(struct nattab *t, const struct pair_key *k)
{
	add_view(t, view_key(SIDE_CLIENT, k->proto, &k->client, &k->seen, k->seen_port),
		 &k->server, k->port);
	add_view(t, view_key(SIDE_SERVER, k->proto, &k->client_seen, &k->server, k->port),
		 &k->seen, k->seen_port);
}

static bool same_end(const struct nat_end *a, const struct nat_end *b)
{
	return a->port == b->port && addr_eq(&a->addr, &b->addr);
}

static struct pair *pair_of(struct nattab *t, const struct pair_key *key, uint64_t now_ms)
{
	struct pair *p;

	HASH_FIND(hh, t->pairs, key, sizeof(*key), p);
	if (p)
		return p;
	if (HASH_COUNT(t->pairs) >= t->cap) {
		t->overflow++;
		return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	p->key = *key;
	p->first_ms = now_ms;
	HASH_ADD(hh, t->pairs, key, sizeof(p->key), p);
	add_views(t, key);
	return p;
}

void nattab_add(struct nattab *t, const struct nat_tuple *n, bool fresh, uint64_t now_ms)
{
	struct pair_key key;
	struct pair *p;

	if (same_end(&n->dst, &n->reply_src) && addr_eq(&n->src.addr, &n->reply_dst.addr))
		return;
	memset(&key, 0, sizeof(key));
	key.proto = n->proto;
	key.client = n->src.addr;
	key.client_seen = n->reply_dst.addr;
	key.seen = n->dst.addr;
	key.seen_port = n->dst.port;
	key.server = n->reply_src.addr;
	key.port = n->reply_src.port;
	p = pair_of(t, &key, now_ms);
	if (!p)
		return;
	if (p->told && !p->opens)
		p->first_ms = now_ms;
	p->last_ms = now_ms;
	p->opens += fresh;
}

void nattab_apply(const struct nattab *t, struct flow *f)
{
	enum side side = f->witness == WITNESS_CLIENT ? SIDE_CLIENT : SIDE_SERVER;
	struct view_key key = view_key(side, f->proto, &f->client, &f->server, f->port);
	struct view *v;

	HASH_FIND(hh, t->views, &key, sizeof(key), v);
	if (!v || v->several || (v->port == f->port && addr_eq(&v->server, &f->server)))
		return;
	f->has_seen = true;
	f->seen = side == SIDE_CLIENT ? f->server : v->server;
	f->seen_port = side == SIDE_CLIENT ? f->port : v->port;
	if (side == SIDE_CLIENT) {
		f->server = v->server;
		f->port = v->port;
	}
}

static int by_key(const struct pair *a, const struct pair *b)
{
	return memcmp(&a->key, &b->key, sizeof(a->key));
}

/* The views are made anew from what is left, so that one that had several may have one again.
 */
static void forget_old(struct nattab *t, uint64_t now_ms)
{
	struct pair *p, *next;
	bool gone = false;

	HASH_ITER (hh, t->pairs, p, next) {
		if (p->last_ms + FORGET_MS > now_ms)
			continue;
		HASH_DEL(t->pairs, p);
		free(p);
		gone = true;
	}
	if (!gone)
		return;
	forget_views(t);
	for (p = t->pairs; p; p = p->hh.next)
		add_views(t, &p->key);
}

void nattab_emit(struct nattab *t, uint64_t now_ms, nattab_fn *fn, void *ctx)
{
	HASH_SORT(t->pairs, by_key);
	for (struct pair *p = t->pairs; p; p = p->hh.next) {
		struct translation x = { .proto = p->key.proto,
					 .client = p->key.client,
					 .client_seen = p->key.client_seen,
					 .seen = p->key.seen,
					 .seen_port = p->key.seen_port,
					 .server = p->key.server,
					 .port = p->key.port,
					 .first_ms = p->first_ms,
					 .last_ms = p->last_ms,
					 .opens = p->opens };

		if (p->told && !p->opens)
			continue;
		fn(&x, ctx);
		p->told = true;
		p->opens = 0;
	}
	forget_old(t, now_ms);
}

uint64_t nattab_overflow(struct nattab *t)
{
	uint64_t n = t->overflow;

	t->overflow = 0;
	return n;
}

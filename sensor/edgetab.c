/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/edgetab.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { DEBT_INTERVALS = 3, BUCKETS = 1024 };

/* No byte of it is padding: it is hashed and compared as it is. */
struct where {
	struct owner_process *owner; /* its identity's: what that has done is added up */
	uint32_t scope;
	uint16_t port;
	uint8_t dir;
	uint8_t proto; /* 0 or PROTO_UDP */
	struct addr local, remote;
};

/* There may be a hundred thousand: 216 bytes. */
struct edge {
	struct where where;
	struct owner_process *owner; /* who was seen last */
	struct edge *next;	     /* in its bucket */
	int64_t owed_tx, owed_rx;    /* of closed connections, less what was reported */
	uint64_t live_tx, live_rx;   /* of those that are open */
	int32_t owed_opens;	     /* the same of openings */
	uint32_t live_opened;
	uint32_t live, pending, told_live, told_pending;
	uint32_t lingering; /* over, and what they carried is still told as open ones' */
	uint32_t refused, timeouts, unreachable, resets, abandoned, retransmits, rtt_n;
	uint8_t sample_n;
	uint8_t debt; /* intervals for which more was told than is known */
	bool no_bytes;
	uint64_t rtt_sum_us;
	uint64_t first_ms, last_ms;
	struct edge_sample sample[FLOW_SAMPLES];
};
_Static_assert(sizeof(struct edge) <= 216, "a hundred thousand of them");

struct edgetab {
	struct edge **bucket;
	uint32_t buckets; /* a power of two */
	uint32_t n;
	unsigned cap;
	uint64_t overflow;
	uint64_t boot_ms;
	uint32_t told_ms; /* since boot: until when everything was told; 0: nothing was */
};

struct edgetab *edgetab_new(unsigned cap)
{
	struct edgetab *t = xcalloc(1, sizeof(*t));

	t->cap = cap;
	t->buckets = BUCKETS;
	t->bucket = xcalloc(BUCKETS, sizeof(*t->bucket));
	return t;
}

void edgetab_free(struct edgetab *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->buckets; i++)
		while (t->bucket[i]) {
			struct edge *ed = t->bucket[i];

			t->bucket[i] = ed->next;
			free(ed);
		}
	free(t->bucket);
	free(t);
}

void edgetab_begin(struct edgetab *t, uint64_t boot_ms)
{
	t->boot_ms = boot_ms;
	for (uint32_t i = 0; i < t->buckets; i++)
		for (struct edge *ed = t->bucket[i]; ed; ed = ed->next) {
			ed->live = ed->pending = ed->lingering = ed->live_opened = 0;
			ed->live_tx = ed->live_rx = 0;
		}
}

static uint32_t hash_of(const struct where *w)
{
	uint64_t word[sizeof(*w) / 8], h = 0;

	memcpy(word, w, sizeof(word));
	for (size_t i = 0; i < sizeof(*w) / 8; i++) {
		h = (h ^ word[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return (uint32_t)((h * 0x9e3779b97f4a7c15u) >> 32); /* the bits that all others move */
}

static void grow(struct edgetab *t)
{
	uint32_t buckets = t->buckets * 2;
	struct edge **bucket = xcalloc(buckets, sizeof(*bucket));

	for (uint32_t i = 0; i < t->buckets; i++)
		for (struct edge *ed = t->bucket[i], *next; ed; ed = next) {
			struct edge **to = &bucket[hash_of(&ed->where) & (buckets - 1)];

			next = ed->next;
			ed->next = *to;
			*to = ed;
		}
	free(t->bucket);
	t->bucket = bucket;
	t->buckets = buckets;
}

static struct edge *add_edge(struct edgetab *t, const struct where *where)
{
	struct edge **to, *ed;

	if (t->n >= t->cap)
		return NULL;
	if (t->n == t->buckets)
		grow(t);
	ed = xcalloc(1, sizeof(*ed));
	ed->where = *where;
	to = &t->bucket[hash_of(where) & (t->buckets - 1)];
	ed->next = *to;
	*to = ed;
	t->n++;
	return ed;
}

static struct edge *edge_at(struct edgetab *t, const struct edge_key *key,
			    struct owner_process *owner)
{
	struct where where;
	struct edge *ed;

	memset(&where, 0, sizeof(where));
	where.owner = owner && owner->same ? owner->same : owner;
	where.port = key->port;
	where.dir = key->dir;
	where.proto = key->proto;
	memcpy(where.local.b, key->local, 16);
	memcpy(where.remote.b, key->remote, 16);
	if (addr_is_scoped(&where.local) || addr_is_scoped(&where.remote))
		where.scope = key->netns;
	ed = t->bucket[hash_of(&where) & (t->buckets - 1)];
	while (ed && memcmp(&ed->where, &where, sizeof(where)) != 0)
		ed = ed->next;
	if (!ed)
		ed = add_edge(t, &where);
	if (ed)
		ed->owner = owner;
	return ed;
}

static void span(struct edge *ed, uint64_t first_ms, uint64_t last_ms)
{
	if (!ed->first_ms || first_ms < ed->first_ms)
		ed->first_ms = first_ms;
	if (last_ms > ed->last_ms)
		ed->last_ms = last_ms;
}

/* As keep_sample of bpf/tally.h: both ends of an edge keep the same ports. */
static void keep_sample(struct edge *ed, struct edge_sample s)
{
	for (unsigned i = 0; i < ed->sample_n; i++) {
		struct edge_sample was = ed->sample[i];

		if (was.port == s.port)
			return;
		if (edge_rank(was.port) < edge_rank(s.port))
			continue;
		ed->sample[i] = s;
		s = was;
	}
	if (ed->sample_n < FLOW_SAMPLES)
		ed->sample[ed->sample_n++] = s;
}

/* A 32-bit count of milliseconds since boot, taken to be the latest one before NOW. */
static uint64_t unwrap(uint64_t now_ms, uint32_t ms)
{
	return now_ms - (uint32_t)((uint32_t)now_ms - ms);
}

void edgetab_closed(struct edgetab *t, const struct edge_key *key, const struct edge_val *v,
		    struct owner_process *owner)
{
	struct edge *ed = edge_at(t, key, owner);

	if (!ed) {
		t->overflow += v->opens + v->closes;
		return;
	}
	ed->owed_opens += (int32_t)v->opens;
	ed->refused += v->refused;
	ed->timeouts += v->timeouts;
	ed->unreachable += v->unreachable;
	ed->resets += v->resets;
	ed->abandoned += v->abandoned;
	ed->retransmits += v->retransmits;
	ed->rtt_sum_us += v->rtt_sum_us;
	ed->rtt_n += v->rtt_n;
	ed->owed_tx += (int64_t)v->tx;
	ed->owed_rx += (int64_t)v->rx;
	ed->no_bytes |= v->no_bytes;
	span(ed, t->boot_ms + v->first_ns / 1000000, t->boot_ms + v->last_ns / 1000000);
	for (int i = 0; i < EDGE_SAMPLES; i++)
		if (v->sample[i].used)
			keep_sample(ed, v->sample[i]);
}

/* Every record says that it was opened; where and when is told once, with its opening. */
static void note_opening(struct edgetab *t, struct edge *ed, const struct live_record *r)
{
	uint64_t start;

	ed->live_opened++;
	if (t->told_ms && (int32_t)(r->start_ms - t->told_ms) < 0)
		return;
	start = t->boot_ms + unwrap((uint64_t)t->told_ms + UINT32_MAX / 2, r->start_ms);
	if (t->told_ms)
		span(ed, start, start);
	keep_sample(ed, (struct edge_sample){
				.start_ms = r->start_ms, .port = r->client_port, .used = 1 });
}

void edgetab_live(struct edgetab *t, const struct live_record *r, struct owner_process *owner)
{
	struct edge *ed;

	if (r->untold)
		return;
	ed = edge_at(t, &r->key, owner);
	if (!ed) {
		t->overflow++;
		return;
	}
	if (owner) {
		ed->live_tx += r->tx;
		ed->live_rx += r->rx;
	}
	if (r->opened)
		note_opening(t, ed, r);
	if (r->over)
		ed->lingering++;
	else if (r->pending)
		ed->pending++;
	else
		ed->live++;
}

/* What is new of an interval, as it will be told. */
struct news {
	uint64_t tx, rx;
	uint32_t opens;
};

static uint64_t above_zero(int64_t n)
{
	return n > 0 ? (uint64_t)n : 0;
}

static struct news news_of(const struct edge *ed)
{
	return (struct news){
		.tx = above_zero(ed->owed_tx + (int64_t)ed->live_tx),
		.rx = above_zero(ed->owed_rx + (int64_t)ed->live_rx),
		.opens = (uint32_t)above_zero((int64_t)ed->owed_opens + ed->live_opened),
	};
}

static bool anything_new(const struct edge *ed, const struct news *n)
{
	return n->tx || n->rx || n->opens || ed->abandoned || ed->resets || ed->rtt_n ||
	       ed->retransmits || ed->live != ed->told_live ||
	       ed->pending != ed->told_pending || (ed->no_bytes && ed->last_ms);
}

static struct counters counters_of(const struct edge *ed, const struct news *n)
{
	bool client = ed->where.dir == EDGE_CLIENT;

	return (struct counters){ .opens = n->opens,
				  .refused = ed->refused,
				  .timeouts = ed->timeouts,
				  .unreachable = ed->unreachable,
				  .resets = ed->resets,
				  .abandoned = ed->abandoned,
				  .bytes_to_server = client ? n->tx : n->rx,
				  .bytes_to_client = client ? n->rx : n->tx,
				  .retransmits = ed->retransmits,
				  .rtt_sum_us = ed->rtt_sum_us,
				  .rtt_n = ed->rtt_n,
				  .has_bytes = !ed->no_bytes };
}

static struct flow flow_of(const struct edgetab *t, const struct edge *ed,
			   const struct news *n, uint64_t end_ms)
{
	const struct where *w = &ed->where;
	bool client = w->dir == EDGE_CLIENT;
	struct flow f = { .witness = client ? WITNESS_CLIENT : WITNESS_SERVER,
			  .proto = w->proto ? w->proto : PROTO_TCP,
			  .port = w->port,
			  .client = client ? w->local : w->remote,
			  .server = client ? w->remote : w->local,
			  .scope = w->scope,
			  .c = counters_of(ed, n),
			  .live = ed->live,
			  .pending = ed->pending,
			  .samples_n = ed->sample_n };

	for (unsigned i = 0; i < ed->sample_n; i++) {
		f.samples[i].client_port = ed->sample[i].port;
		f.samples[i].start_ms =
			t->boot_ms + unwrap(end_ms - t->boot_ms, ed->sample[i].start_ms);
	}
	return f;
}

static void tell_all(struct edge *ed, const struct news *n)
{
	ed->owed_tx -= (int64_t)n->tx;
	ed->owed_rx -= (int64_t)n->rx;
	ed->owed_opens -= (int32_t)n->opens;
	ed->told_live = ed->live;
	ed->told_pending = ed->pending;
	ed->refused = ed->timeouts = ed->unreachable = ed->resets = 0;
	ed->abandoned = ed->retransmits = ed->rtt_n = 0;
	ed->rtt_sum_us = 0;
	ed->first_ms = ed->last_ms = 0;
	ed->sample_n = 0;
}

static void emit_edge(struct edgetab *t, struct edge *ed, uint64_t start_ms, uint64_t end_ms,
		      edgetab_fn *fn, void *ctx)
{
	struct news n = news_of(ed);
	struct flow f;

	if (!anything_new(ed, &n))
		return;
	f = flow_of(t, ed, &n, end_ms);
	f.minute = start_ms / 60000;
	f.first_ms = ed->first_ms ? ed->first_ms : start_ms;
	f.last_ms = n.tx || n.rx || !ed->last_ms ? end_ms : ed->last_ms;
	if (ed->last_ms && !ed->live)
		f.last_ms = ed->last_ms;
	fn(&f, ed->owner, ctx);
	tell_all(ed, &n);
}

/* An edge without open connections can go once all that was told of it is known. */
static bool settled(struct edge *ed)
{
	bool debt = ed->owed_tx < 0 || ed->owed_rx < 0 || ed->owed_opens < 0;

	if (ed->live || ed->pending || ed->lingering) {
		ed->debt = 0;
		return false;
	}
	return !debt || ++ed->debt > DEBT_INTERVALS;
}

/* Nobody is the first. */
static int by_identity(const struct owner_process *x, const struct owner_process *y)
{
	int d;

	if (!x || !y)
		return (x != NULL) - (y != NULL);
	d = strcmp(x->p.name, y->p.name);
	d = d ? d : strcmp(x->p.unit, y->p.unit);
	return d ? d : strcmp(x->p.container, y->p.container);
}

static int by_where(const void *a, const void *b)
{
	const struct where *x = &(*(struct edge *const *)a)->where;
	const struct where *y = &(*(struct edge *const *)b)->where;
	int d = addr_cmp(&x->local, &y->local);

	d = d ? d : addr_cmp(&x->remote, &y->remote);
	d = d ? d : (int)x->port - (int)y->port;
	d = d ? d : (int)x->dir - (int)y->dir;
	d = d ? d : (int)x->proto - (int)y->proto;
	d = d ? d : (x->scope > y->scope) - (x->scope < y->scope);
	return d ? d : by_identity(x->owner, y->owner);
}

static void sweep(struct edgetab *t)
{
	for (uint32_t i = 0; i < t->buckets; i++)
		for (struct edge **at = &t->bucket[i], *ed; (ed = *at);) {
			if (!settled(ed)) {
				at = &ed->next;
				continue;
			}
			*at = ed->next;
			free(ed);
			t->n--;
		}
}

void edgetab_emit(struct edgetab *t, uint64_t start_ms, uint64_t end_ms, edgetab_fn *fn,
		  void *ctx)
{
	struct edge **order = xcalloc(t->n ? t->n : 1, sizeof(struct edge *));
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->buckets; i++)
		for (struct edge *ed = t->bucket[i]; ed; ed = ed->next)
			order[n++] = ed;
	qsort(order, n, sizeof(struct edge *), by_where);
	for (uint32_t i = 0; i < n; i++)
		emit_edge(t, order[i], start_ms, end_ms, fn, ctx);
	free(order);
	sweep(t);
	t->told_ms = (uint32_t)(end_ms - t->boot_ms);
}

void edgetab_retell(struct edgetab *t)
{
	for (uint32_t i = 0; i < t->buckets; i++)
		for (struct edge *ed = t->bucket[i]; ed; ed = ed->next)
			ed->told_live = ed->told_pending = UINT32_MAX;
}

uint64_t edgetab_overflow(struct edgetab *t)
{
	uint64_t n = t->overflow;

	t->overflow = 0;
	return n;
}

unsigned edgetab_count(const struct edgetab *t)
{
	return t->n;
}

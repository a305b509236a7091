/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/edgetab.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "common/mem.h"

enum { DEBT_INTERVALS = 3 };

struct where {
	struct owner_process *owner; /* its identity's: what that has done is added up */
	uint32_t scope;
	uint16_t port;
	uint8_t dir;
	uint8_t pad;
	struct addr local, remote;
};

struct edge {
	struct where where;
	struct owner_process *owner;   /* who was seen last */
	struct counters new;	       /* but for bytes */
	uint64_t closed_tx, closed_rx; /* by connections that have ended */
	uint64_t live_tx, live_rx;     /* by those that are open */
	uint64_t told_tx, told_rx;     /* reported so far */
	uint32_t live, pending, told_live, told_pending;
	uint64_t first_ms, last_ms;
	struct sample sample[FLOW_SAMPLES];
	unsigned sample_n;
	unsigned debt; /* intervals for which more was told than is known */
	UT_hash_handle hh;
};

struct edgetab {
	struct edge *edges;
	unsigned cap;
	uint64_t overflow;
	uint64_t boot_ms;
};

struct edgetab *edgetab_new(unsigned cap)
{
	struct edgetab *t = xcalloc(1, sizeof(*t));

	t->cap = cap;
	return t;
}

static void drop(struct edgetab *t, struct edge *ed)
{
	HASH_DEL(t->edges, ed);
	free(ed);
}

void edgetab_free(struct edgetab *t)
{
	struct edge *ed, *next;

	if (!t)
		return;
	HASH_ITER (hh, t->edges, ed, next)
		drop(t, ed);
	free(t);
}

void edgetab_begin(struct edgetab *t, uint64_t boot_ms)
{
	t->boot_ms = boot_ms;
	for (struct edge *ed = t->edges; ed; ed = ed->hh.next) {
		ed->live = ed->pending = 0;
		ed->live_tx = ed->live_rx = 0;
	}
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
	memcpy(where.local.b, key->local, 16);
	memcpy(where.remote.b, key->remote, 16);
	if (addr_is_scoped(&where.local) || addr_is_scoped(&where.remote))
		where.scope = key->netns;
	HASH_FIND(hh, t->edges, &where, sizeof(where), ed);
	if (!ed) {
		if (HASH_COUNT(t->edges) >= t->cap)
			return NULL;
		ed = xcalloc(1, sizeof(*ed));
		ed->where = where;
		HASH_ADD(hh, t->edges, where, sizeof(ed->where), ed);
	}
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

/* As keep_sample of bpf/conn.bpf.c: both ends of an edge keep the same ports. */
static void keep_sample(struct edge *ed, struct sample s)
{
	for (unsigned i = 0; i < ed->sample_n; i++) {
		struct sample was = ed->sample[i];

		if (was.client_port == s.client_port)
			return;
		if (edge_rank(was.client_port) < edge_rank(s.client_port))
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
	uint64_t last = v->last_ns / 1000000;

	if (!ed) {
		t->overflow += v->opens + v->closes;
		return;
	}
	ed->new.opens += v->opens;
	ed->new.refused += v->refused;
	ed->new.timeouts += v->timeouts;
	ed->new.unreachable += v->unreachable;
	ed->new.resets += v->resets;
	ed->new.abandoned += v->abandoned;
	ed->new.retransmits += v->retransmits;
	ed->new.rtt_sum_us += v->rtt_sum_us;
	ed->new.rtt_n += v->rtt_n;
	ed->closed_tx += v->tx;
	ed->closed_rx += v->rx;
	span(ed, t->boot_ms + v->first_ns / 1000000, t->boot_ms + last);
	for (int i = 0; i < EDGE_SAMPLES; i++)
		if (v->sample[i].used)
			keep_sample(ed,
				    (struct sample){
					    .client_port = v->sample[i].port,
					    .start_ms = t->boot_ms +
							unwrap(last, v->sample[i].start_ms) });
}

void edgetab_live(struct edgetab *t, const struct live_record *r, struct owner_process *owner)
{
	struct edge *ed = edge_at(t, &r->key, owner);

	if (!ed) {
		t->overflow++;
		return;
	}
	if (owner) {
		ed->live_tx += r->tx;
		ed->live_rx += r->rx;
	}
	if (r->pending)
		ed->pending++;
	else
		ed->live++;
}

static uint64_t more(uint64_t is, uint64_t told)
{
	return is > told ? is - told : 0;
}

static bool anything_new(const struct edge *ed, uint64_t tx, uint64_t rx)
{
	const struct counters *n = &ed->new;

	return tx || rx || n->opens || n->abandoned || n->resets || n->rtt_n ||
	       n->retransmits || ed->live != ed->told_live || ed->pending != ed->told_pending;
}

static struct flow flow_of(const struct edge *ed, uint64_t tx, uint64_t rx)
{
	const struct where *w = &ed->where;
	bool client = w->dir == EDGE_CLIENT;
	struct flow f = { .witness = client ? WITNESS_CLIENT : WITNESS_SERVER,
			  .proto = PROTO_TCP,
			  .port = w->port,
			  .client = client ? w->local : w->remote,
			  .server = client ? w->remote : w->local,
			  .scope = w->scope,
			  .c = ed->new,
			  .live = ed->live,
			  .pending = ed->pending,
			  .samples_n = ed->sample_n };

	f.c.has_bytes = true;
	f.c.bytes_to_server = client ? tx : rx;
	f.c.bytes_to_client = client ? rx : tx;
	memcpy(f.samples, ed->sample, sizeof(f.samples));
	return f;
}

static void emit_edge(struct edge *ed, uint64_t start_ms, uint64_t end_ms, edgetab_fn *fn,
		      void *ctx)
{
	uint64_t tx = more(ed->closed_tx + ed->live_tx, ed->told_tx);
	uint64_t rx = more(ed->closed_rx + ed->live_rx, ed->told_rx);
	struct flow f;

	if (!anything_new(ed, tx, rx))
		return;
	f = flow_of(ed, tx, rx);
	f.minute = start_ms / 60000;
	f.first_ms = ed->first_ms ? ed->first_ms : start_ms;
	f.last_ms = tx || rx || !ed->last_ms ? end_ms : ed->last_ms;
	if (ed->last_ms && !ed->live)
		f.last_ms = ed->last_ms;
	fn(&f, ed->owner, ctx);
	ed->told_tx += tx;
	ed->told_rx += rx;
	ed->told_live = ed->live;
	ed->told_pending = ed->pending;
	memset(&ed->new, 0, sizeof(ed->new));
	ed->first_ms = ed->last_ms = 0;
	ed->sample_n = 0;
}

/* An edge without open connections can go once all that was told of it is known. */
static bool settled(struct edge *ed)
{
	bool debt = ed->told_tx > ed->closed_tx || ed->told_rx > ed->closed_rx;

	if (ed->live || ed->pending) {
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

static int by_where(const struct edge *a, const struct edge *b)
{
	const struct where *x = &a->where, *y = &b->where;
	int d = addr_cmp(&x->local, &y->local);

	d = d ? d : addr_cmp(&x->remote, &y->remote);
	d = d ? d : (int)x->port - (int)y->port;
	d = d ? d : (int)x->dir - (int)y->dir;
	d = d ? d : (x->scope > y->scope) - (x->scope < y->scope);
	return d ? d : by_identity(x->owner, y->owner);
}

void edgetab_emit(struct edgetab *t, uint64_t start_ms, uint64_t end_ms, edgetab_fn *fn,
		  void *ctx)
{
	struct edge *ed, *next;

	HASH_SORT(t->edges, by_where);
	HASH_ITER (hh, t->edges, ed, next) {
		emit_edge(ed, start_ms, end_ms, fn, ctx);
		if (settled(ed))
			drop(t, ed);
	}
}

void edgetab_retell(struct edgetab *t)
{
	for (struct edge *ed = t->edges; ed; ed = ed->hh.next)
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
	return HASH_COUNT(t->edges);
}

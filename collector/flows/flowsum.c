/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/flows/flowsum.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "common/addrmix.h"
#include "common/mem.h"

static const uint64_t day_ms = 86400000;

enum {
	EARLY_MS = 60000, /* a clock that is ahead, after it was corrected */
	SKEW_MS = 1500,
};

struct node {
	struct flowconn c;
	struct node *next; /* in its bucket */
	TAILQ_ENTRY(node) link;
	uint64_t due_ms; /* when it is told; 0: nothing waits */
};
TAILQ_HEAD(nodes, node);

struct flowsum {
	struct node *node;
	struct node **bucket;
	unsigned cap, mask, used;	  /* used: nodes that were ever touched */
	struct nodes free, waiting, told; /* waiting: as they fall due; told: as last heard */
	struct flowedge_table *edges;
	struct flowsigns signs;
	struct flowsum_stats stats;
	uint64_t lost[FLOWSUM_EXPORTERS];
	bool creates[FLOWSUM_EXPORTERS]; /* it tells when connections begin */
	uint64_t seed;
};

struct flowsum *flowsum_new(unsigned conns, unsigned edges, uint64_t seed)
{
	struct flowsum *s = xcalloc(1, sizeof(*s));
	unsigned buckets = 1;

	while (buckets < conns)
		buckets *= 2;
	s->cap = conns;
	s->mask = buckets - 1;
	s->seed = seed;
	s->node = xpages(conns * sizeof(*s->node));
	s->bucket = xcalloc(buckets, sizeof(*s->bucket));
	s->edges = flowedge_new(edges, seed);
	s->signs.listeners = listeners_new(seed);
	s->signs.fanin = fanin_new(seed);
	TAILQ_INIT(&s->free);
	TAILQ_INIT(&s->waiting);
	TAILQ_INIT(&s->told);
	return s;
}

void flowsum_free(struct flowsum *s)
{
	if (!s)
		return;
	pages_free(s->node, s->cap * sizeof(*s->node));
	free(s->bucket);
	flowedge_free(s->edges);
	listeners_free(s->signs.listeners);
	fanin_free(s->signs.fanin);
	free(s);
}

/* Connections */

static struct node **bucket_of(const struct flowsum *s, const struct flowconn *c)
{
	uint64_t h = addr_mix(s->seed ^ (uint64_t)c->exporter << 40 ^ c->proto,
			      &c->end[0].addr, c->end[0].port);

	h = addr_mix(h, &c->end[1].addr, c->end[1].port);
	return &s->bucket[(h >> 32) & s->mask];
}

static struct node *find(const struct flowsum *s, const struct flowconn *key)
{
	struct node *n = *bucket_of(s, key);

	while (n && !(n->c.exporter == key->exporter && n->c.proto == key->proto &&
		      flowend_eq(&n->c.end[0], &key->end[0]) &&
		      flowend_eq(&n->c.end[1], &key->end[1])))
		n = n->next;
	return n;
}

static void tell(struct flowsum *s, struct node *n)
{
	struct flowconn_news news;

	if (!n->due_ms)
		return;
	if (flowconn_tell(&n->c, &s->signs, &news) && !flowedge_add(s->edges, &n->c, &news)) {
		s->stats.lost++;
		s->lost[n->c.exporter]++;
	}
	n->due_ms = 0;
	TAILQ_REMOVE(&s->waiting, n, link);
	TAILQ_INSERT_TAIL(&s->told, n, link);
}

/* It is among those that were told. */
static void forget(struct flowsum *s, struct node *n)
{
	struct node **at = bucket_of(s, &n->c);

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	TAILQ_REMOVE(&s->told, n, link);
	TAILQ_INSERT_HEAD(&s->free, n, link);
	s->stats.conns--;
}

/* One that is in no list. */
static struct node *room(struct flowsum *s)
{
	struct node *n;

	if (TAILQ_EMPTY(&s->free) && s->used < s->cap)
		return &s->node[s->used++];
	if (TAILQ_EMPTY(&s->free) && TAILQ_EMPTY(&s->told)) {
		s->stats.early++;
		tell(s, TAILQ_FIRST(&s->waiting));
	}
	if (TAILQ_EMPTY(&s->free))
		forget(s, TAILQ_FIRST(&s->told));
	n = TAILQ_FIRST(&s->free);
	TAILQ_REMOVE(&s->free, n, link);
	return n;
}

static void meet(struct flowsum *s, const struct flowconn *c)
{
	struct fanin_end a = { c->end[0].addr, c->end[0].port, c->proto };
	struct fanin_end b = { c->end[1].addr, c->end[1].port, c->proto };

	fanin_add(s->signs.fanin, &a, &b);
	fanin_add(s->signs.fanin, &b, &a);
}

static struct node *make(struct flowsum *s, const struct flowconn *key)
{
	struct node *n = room(s), **bucket;

	TAILQ_INSERT_TAIL(&s->told, n, link);
	n->c = *key;
	n->due_ms = 0;
	bucket = bucket_of(s, key);
	n->next = *bucket;
	*bucket = n;
	s->stats.conns++;
	meet(s, key);
	return n;
}

/* The lower end first; which of them A became. */
static int order_ends(struct flowconn *key, const struct flowend *a, const struct flowend *b)
{
	int d = addr_cmp(&a->addr, &b->addr);
	bool swap = d ? d > 0 : a->port > b->port;

	key->end[swap] = *a;
	key->end[!swap] = *b;
	return swap;
}

/*
 * The connection F is of, and which of its ends sent it.  Where it is translated, the way back
 * may be told by the addresses of the other side.
 */
static struct node *conn_of(struct flowsum *s, unsigned exporter, const struct foreign_flow *f,
			    int *from)
{
	struct flowend src = { f->src, f->sport }, dst = { f->dst, f->dport };
	struct flowend nat_src = { f->nat_src, f->nat_sport };
	struct flowend nat_dst = { f->nat_dst, f->nat_dport };
	struct flowconn key = { .exporter = (uint16_t)exporter,
				.proto = f->proto,
				.client = FLOWCONN_UNKNOWN },
			other = key;
	struct node *n;
	int there;

	*from = order_ends(&key, &src, &dst);
	n = find(s, &key);
	if (!n && f->has_nat) {
		there = order_ends(&other, &nat_src, &nat_dst);
		n = find(s, &other);
		if (n)
			*from = there;
	}
	return n ? n : make(s, &key);
}

/* Records */

static bool is_absurd(uint64_t bytes, uint64_t packets)
{
	return bytes > FLOWWAY_MOST || packets > FLOWWAY_MOST;
}

static bool of_use(struct flowsum *s, const struct foreign_flow *f)
{
	uint64_t *why = NULL;

	s->stats.records++;
	if (f->event == FOREIGN_DENIED)
		why = &s->stats.denied;
	else if ((f->proto != PROTO_TCP && f->proto != PROTO_UDP) || (!f->sport && !f->dport))
		why = &s->stats.protocols;
	else if (addr_is_any(&f->src) || addr_is_any(&f->dst) ||
		 (addr_eq(&f->src, &f->dst) && f->sport == f->dport) ||
		 is_absurd(f->bytes, f->packets))
		why = &s->stats.odd;
	if (why)
		++*why;
	return !why;
}

/* A small difference is how the clock was told: in whole seconds. */
static uint64_t by_our_clock(const struct foreign_flow *f, uint64_t ms)
{
	bool off = f->has_skew && (f->skew_ms > SKEW_MS || f->skew_ms < -SKEW_MS);

	return off ? ms - (uint64_t)f->skew_ms : ms;
}

/* As of now where they make no sense. */
static void put_times(struct flowsum *s, const struct foreign_flow *f, uint64_t now,
		      struct flowrecord *r)
{
	uint64_t last = by_our_clock(f, f->last_ms);
	uint64_t first = f->first_ms ? by_our_clock(f, f->first_ms) : last;

	*r = (struct flowrecord){ .first_ms = now, .last_ms = now, .received_ms = now };
	if (!f->last_ms)
		return;
	if (last > now + EARLY_MS || last + day_ms < now || first > last) {
		s->stats.clocks++;
		return;
	}
	r->timed = true;
	r->last_ms = last < now ? last : now;
	r->first_ms = first < r->last_ms && first + day_ms > r->last_ms ? first : r->last_ms;
}

static struct flowrecord record_of(struct flowsum *s, const struct foreign_flow *f,
				   uint64_t now)
{
	struct flowrecord r;

	put_times(s, f, now, &r);
	r.lane = (struct flowlane){ f->domain, f->in_if, f->out_if, f->way };
	r.bytes = f->bytes;
	r.packets = f->packets;
	r.payload = f->payload;
	r.has_flags = f->has_tcp_flags;
	r.flags = f->has_tcp_flags && f->proto == PROTO_TCP ? f->tcp_flags & 0x1f : 0;
	r.sampling = f->sampling > 1 ? f->sampling : 1;
	return r;
}

/* The other half of one that tells both ways; what is told of the whole stays with the first.
 */
static struct foreign_flow other_half(const struct foreign_flow *f)
{
	struct foreign_flow back = *f;

	back.bytes = f->reverse_bytes;
	back.packets = f->reverse_packets;
	back.has_tcp_flags = false;
	back.began = FOREIGN_END_UNTOLD;
	back.has_nat = false;
	back.event = FOREIGN_UPDATED;
	return back;
}

static void take(struct flowsum *s, struct node *n, int from, const struct foreign_flow *f,
		 const struct flowrecord *r)
{
	bool creates = s->creates[n->c.exporter];

	if (flowconn_reopens(&n->c, from, r))
		tell(s, n);
	if (!flowconn_add(&n->c, from, f, r, creates)) {
		s->stats.copies++;
		return;
	}
	if (n->due_ms)
		return;
	n->due_ms = r->received_ms + FLOWSUM_HOLD_MS;
	TAILQ_REMOVE(&s->told, n, link);
	TAILQ_INSERT_TAIL(&s->waiting, n, link);
}

void flowsum_add(struct flowsum *s, unsigned exporter, const struct foreign_flow *f,
		 uint64_t now_ms)
{
	struct foreign_flow back;
	struct flowrecord r;
	struct node *n;
	int from;

	if (exporter >= FLOWSUM_EXPORTERS || !of_use(s, f))
		return;
	if (f->event == FOREIGN_CREATED)
		s->creates[exporter] = true;
	r = record_of(s, f, now_ms);
	n = conn_of(s, exporter, f, &from);
	take(s, n, from, f, &r);
	if (!f->has_reverse || !(f->reverse_packets || f->reverse_bytes))
		return;
	if (is_absurd(f->reverse_bytes, f->reverse_packets)) {
		s->stats.odd++;
		return;
	}
	back = other_half(f);
	r = record_of(s, &back, now_ms);
	take(s, n, !from, &back, &r);
}

/* Or received by a clock that has been set back since. */
static bool is_due(const struct node *n, uint64_t now_ms)
{
	return n->due_ms <= now_ms || n->due_ms - now_ms > FLOWSUM_HOLD_MS;
}

void flowsum_settle(struct flowsum *s, uint64_t now_ms)
{
	struct node *n;

	while ((n = TAILQ_FIRST(&s->waiting)) && is_due(n, now_ms))
		tell(s, n);
	while ((n = TAILQ_FIRST(&s->told))) {
		uint64_t a = n->c.way[0].heard_ms, b = n->c.way[1].heard_ms;

		if ((a > b ? a : b) + FLOWSUM_KNOWN_MS > now_ms)
			break;
		forget(s, n);
	}
}

void flowsum_take(struct flowsum *s, flowedge_fn *fn, void *ctx)
{
	flowedge_take(s->edges, fn, ctx);
}

uint64_t flowsum_lost(struct flowsum *s, unsigned exporter)
{
	uint64_t n = exporter < FLOWSUM_EXPORTERS ? s->lost[exporter] : 0;

	if (n)
		s->lost[exporter] = 0;
	return n;
}

struct flowsum_stats flowsum_stats(const struct flowsum *s)
{
	return s->stats;
}

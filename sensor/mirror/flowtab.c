/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/flowtab.h"

#include <stdlib.h>
#include <string.h>

#include "common/addrmix.h"
#include "common/listeners.h"
#include "common/mem.h"
#include "sensor/mirror/hello.h"
#include "sensor/mirror/words.h"

enum {
	WHEEL = 8192, /* seconds, a slot each; more than any time-out */
	PIECES = 16,  /* segments of one end in which a name is looked for */
};

enum { LIST_NONE, LIST_WHEEL, LIST_OVER, LIST_HELD };

#define SLOT 0x80000000u /* in BEFORE: the first of this slot of the wheel */

/* A list through BEFORE and AFTER; 0 ends it. */
struct queue {
	uint32_t head, tail, n;
};

struct flowtab {
	struct conn *conn;
	uint32_t max, used; /* numbers from 1 */
	uint32_t spare;	    /* list of free ones, through NEXT */
	uint32_t *bucket, mask;
	uint64_t seed;
	uint32_t wheel[WHEEL]; /* first of each slot's list */
	uint32_t earliest;     /* no slot before this second has any */
	uint32_t now_s;	       /* the wheel has come so far */
	struct queue over, held;
	uint32_t linger_s, held_s; /* HELD_S 0: to the end */
	struct flowtab_sink sink;
	struct holes *holes;
	struct listeners *listeners;
	struct words *words;
	struct hello_pool *hello;
	struct nametab *names;
	struct flowtab_counts count;
};

const char *const flow_how_word[HOW_KINDS] = {
	[HOW_SYN] = "syn",   [HOW_SYNACK] = "synack", [HOW_LEARNED] = "learned",
	[HOW_PORT] = "port", [HOW_FIRST] = "first",
};

static struct conn *at(const struct flowtab *t, uint32_t i)
{
	return &t->conn[i];
}

struct flowtab *flowtab_new(uint32_t max, uint64_t seed, struct nametab *names,
			    const struct flowtab_sink *sink)
{
	struct flowtab *t = xcalloc(1, sizeof(*t));
	uint32_t buckets = 1024;

	while (buckets < max)
		buckets *= 2;
	t->max = max;
	t->mask = buckets - 1;
	t->seed = seed;
	t->sink = *sink;
	t->linger_s = FLOWTAB_LINGER_S;
	t->names = names;
	t->conn = xpages((max + 1ul) * sizeof(*t->conn));
	t->bucket = xpages(buckets * sizeof(*t->bucket));
	t->holes = holes_new();
	t->listeners = listeners_new(seed);
	t->words = words_new();
	t->hello = hello_new();
	return t;
}

void flowtab_free(struct flowtab *t)
{
	if (!t)
		return;
	pages_free(t->conn, (t->max + 1ul) * sizeof(*t->conn));
	pages_free(t->bucket, (t->mask + 1ul) * sizeof(*t->bucket));
	holes_free(t->holes);
	listeners_free(t->listeners);
	words_free(t->words);
	hello_free(t->hello);
	free(t);
}

void flowtab_hasten(struct flowtab *t, uint32_t linger_s, uint32_t held_s)
{
	t->linger_s = linger_s;
	t->held_s = held_s;
}

/* Ends */

/* Both directions of a connection have one order of ends: whether P comes from the first. */
static unsigned sender(const struct packet *p)
{
	int d = memcmp(p->src.b, p->dst.b, 16);

	return d ? d > 0 : p->src_port > p->dst_port;
}

static uint32_t *bucket_of(const struct flowtab *t, const struct addr end[2],
			   const uint16_t port[2])
{
	uint64_t h = addr_mix(addr_mix(t->seed, &end[0], port[0]), &end[1], port[1]);

	return &t->bucket[(h >> 32) & t->mask];
}

static bool is_between(const struct conn *c, const struct packet *p, unsigned from)
{
	return c->port[from] == p->src_port && c->port[!from] == p->dst_port &&
	       memcmp(c->end[from].b, p->src.b, 16) == 0 &&
	       memcmp(c->end[!from].b, p->dst.b, 16) == 0;
}

/* Lists */

static void append(struct flowtab *t, struct queue *q, uint32_t i, uint8_t list)
{
	struct conn *c = at(t, i);

	c->list = list;
	c->before = q->tail;
	c->after = 0;
	if (q->tail)
		at(t, q->tail)->after = i;
	else
		q->head = i;
	q->tail = i;
	q->n++;
}

static uint32_t seconds(uint64_t ns)
{
	return (uint32_t)(ns / 1000000000u);
}

/* Established, or of unknown beginning: silence means little. */
static uint32_t deadline(const struct conn *c)
{
	bool up = !c->opener || c->side[0].bytes || c->side[1].bytes ||
		  c->seen[c->opener - 1] & SIDE_SPOKE;

	return seconds(c->last_ns) + (up ? FLOWTAB_IDLE_S : FLOWTAB_HALF_S);
}

/* The second whose slot C belongs in: one to come, and less than a turn away. */
static uint32_t slot_time(const struct flowtab *t, const struct conn *c)
{
	uint32_t when = deadline(c);

	if ((int32_t)(when - t->now_s) <= 0)
		return t->now_s + 1;
	if (when - t->now_s >= WHEEL) /* a clock that goes back */
		return t->now_s + WHEEL - 1;
	return when;
}

static void put_on_wheel(struct flowtab *t, uint32_t i)
{
	struct conn *c = at(t, i);
	uint32_t when = slot_time(t, c), *slot;

	if ((int32_t)(when - t->earliest) < 0)
		t->earliest = when;
	slot = &t->wheel[when % WHEEL];
	c->list = LIST_WHEEL;
	c->before = SLOT | when % WHEEL;
	c->after = *slot;
	if (*slot)
		at(t, *slot)->before = i;
	*slot = i;
}

static void take_off(struct flowtab *t, uint32_t i)
{
	struct conn *c = at(t, i);
	struct queue *q = c->list == LIST_OVER ? &t->over : &t->held;
	bool wheel = c->list == LIST_WHEEL;

	if (c->after)
		at(t, c->after)->before = c->before;
	else if (!wheel)
		q->tail = c->before;
	if (c->before & SLOT)
		t->wheel[c->before & ~SLOT] = c->after;
	else if (c->before)
		at(t, c->before)->after = c->after;
	else
		q->head = c->after;
	if (!wheel)
		q->n--;
	c->list = LIST_NONE;
}

/* The end of one */

static int guess(const struct conn *c)
{
	bool asks0 = c->flags & CONN_ASKS0, asks1 = c->flags & CONN_ASKS1;

	if (asks0 != asks1)
		return asks1 ? -1 : 1;
	return port_rule(c->port[0], c->port[1]);
}

/* Who is the client; false: nobody has told, and it is guessed. */
static bool judge(const struct flowtab *t, const struct conn *c, struct flow_over *f)
{
	bool listens0, listens1;
	int server;

	if (c->opener) {
		f->client = c->opener - 1u;
		f->how = c->seen[f->client] & SIDE_SYN ? HOW_SYN : HOW_SYNACK;
		return true;
	}
	if (c->flags & CONN_TOLD) {
		f->client = c->first >> 1;
		f->how = HOW_PORT;
		return true;
	}
	listens0 = listeners_has(t->listeners, &c->end[0], c->port[0]);
	listens1 = listeners_has(t->listeners, &c->end[1], c->port[1]);
	if (listens0 != listens1) {
		f->client = listens0;
		f->how = HOW_LEARNED;
		return true;
	}
	server = guess(c);
	f->how = server ? HOW_PORT : HOW_FIRST;
	f->client = server ? server < 0 : c->first & 1;
	return false;
}

static void describe(const struct flowtab *t, const struct conn *c, struct flow_over *f)
{
	f->c = c;
	f->state = conn_state(c, f->client);
	f->name = words_of(t->words, c->name);
	f->tls = c->flags & CONN_TLS;
	for (unsigned i = 0; i < 2; i++)
		f->unseen[i] = conn_unseen(c, t->holes, i);
}

/* It is told, and its place is free. */
static void tell(struct flowtab *t, uint32_t i)
{
	struct conn *c = at(t, i);
	struct flow_over f;

	judge(t, c, &f);
	describe(t, c, &f);
	t->count.unseen += f.unseen[0] + f.unseen[1];
	if (c->side[0].packets && c->side[1].packets)
		t->count.two_sided++;
	else
		t->count.one_sided++;
	t->sink.over(t->sink.ctx, &f);
	holes_drop(t->holes, &c->side[0].holes);
	holes_drop(t->holes, &c->side[1].holes);
	words_give(t->words, c->name);
	c->next = t->spare;
	t->spare = i;
	t->count.now--;
}

static void tell_oldest_held(struct flowtab *t)
{
	uint32_t i = t->held.head;

	take_off(t, i);
	tell(t, i);
}

static void unchain(struct flowtab *t, uint32_t i)
{
	struct conn *c = at(t, i);
	uint32_t *link = bucket_of(t, c->end, c->port);

	while (*link != i)
		link = &at(t, *link)->next;
	*link = c->next;
}

static void forget_hello(struct flowtab *t, uint32_t i)
{
	struct conn *c = at(t, i);

	if (!(c->flags & CONN_HELLO))
		return;
	hello_drop(t->hello, 2 * i);
	hello_drop(t->hello, 2 * i + 1);
	c->flags &= (uint8_t)~CONN_HELLO;
}

/* It is off its list; what cannot be judged yet is held back. */
static void end(struct flowtab *t, uint32_t i)
{
	struct flow_over f;

	unchain(t, i);
	forget_hello(t, i);
	if (judge(t, at(t, i), &f)) {
		tell(t, i);
		return;
	}
	if (t->held.n >= FLOWTAB_HELD)
		tell_oldest_held(t);
	append(t, &t->held, i, LIST_HELD);
}

static void end_oldest_over(struct flowtab *t)
{
	uint32_t i = t->over.head;

	take_off(t, i);
	end(t, i);
}

/* Time */

static void turn_slot(struct flowtab *t, uint32_t s)
{
	uint32_t i = t->wheel[s % WHEEL];

	t->wheel[s % WHEEL] = 0;
	while (i) {
		struct conn *c = at(t, i);
		uint32_t after = c->after;

		c->list = LIST_NONE;
		if ((int32_t)(deadline(c) - t->now_s) <= 0)
			end(t, i);
		else
			put_on_wheel(t, i);
		i = after;
	}
}

void flowtab_tick(struct flowtab *t, uint64_t now_ns)
{
	uint32_t now = seconds(now_ns), from = t->now_s + 1;

	if ((int32_t)(now - t->now_s) <= 0)
		return;
	if (!t->count.now) {
		t->now_s = now;
		t->earliest = now + 1;
		return;
	}
	if (now - t->now_s > WHEEL)
		from = now - WHEEL + 1;
	t->now_s = now;
	for (uint32_t s = from; s != now + 1; s++)
		turn_slot(t, s);
	if ((int32_t)(t->earliest - now) <= 0)
		t->earliest = now + 1;
	while (t->over.n && seconds(at(t, t->over.head)->last_ns) + t->linger_s <= now)
		end_oldest_over(t);
	while (t->held_s && t->held.n &&
	       seconds(at(t, t->held.head)->last_ns) + t->held_s <= now)
		tell_oldest_held(t);
}

/* Room */

/*
 * The one that would time out first.  Packets do not move a connection on the wheel: what has
 * spoken since it was put there is put where it belongs now.
 */
static void evict(struct flowtab *t)
{
	uint32_t i;

	for (;;) {
		while (!t->wheel[t->earliest % WHEEL])
			t->earliest++;
		i = t->wheel[t->earliest % WHEEL];
		take_off(t, i);
		if ((int32_t)(slot_time(t, at(t, i)) - t->earliest) <= 0)
			break;
		put_on_wheel(t, i);
	}
	t->count.evicted++;
	end(t, i);
}

static uint32_t place(struct flowtab *t)
{
	uint32_t i;

	while (!t->spare && t->used >= t->max) {
		if (t->over.n)
			end_oldest_over(t);
		else if (t->held.n)
			tell_oldest_held(t);
		else
			evict(t);
	}
	i = t->spare;
	if (i) {
		t->spare = at(t, i)->next;
		return i;
	}
	return ++t->used;
}

/* It is on no list yet: how long it may be silent is told by its first packet. */
static uint32_t begin(struct flowtab *t, const struct packet *p, unsigned from)
{
	uint32_t i = place(t), *bucket;
	struct conn *c = at(t, i);

	conn_begin(c, p, from);
	bucket = bucket_of(t, c->end, c->port);
	c->next = *bucket;
	*bucket = i;
	t->count.connections++;
	if (++t->count.now > t->count.peak)
		t->count.peak = t->count.now;
	return i;
}

static void move_over(struct flowtab *t, uint32_t i)
{
	struct conn *c = at(t, i);

	if (c->list != LIST_WHEEL)
		return;
	take_off(t, i);
	c->flags |= CONN_CLOSED;
	append(t, &t->over, i, LIST_OVER);
	if (t->over.n > FLOWTAB_OVER)
		end_oldest_over(t);
}

/* Which one */

/* The one that P fits best, 0: none of them. */
static uint32_t find(const struct flowtab *t, uint32_t bucket, const struct packet *p,
		     unsigned from, bool *twin)
{
	uint32_t best = 0, i;
	unsigned fits, most = 0;

	*twin = false;
	for (i = bucket; i; i = at(t, i)->next) {
		const struct conn *c = at(t, i);

		if (!is_between(c, p, from))
			continue;
		*twin = true;
		fits = conn_fits(c, p, from);
		if (fits > most) {
			most = fits;
			best = i;
		}
		if (!(c->flags & CONN_TWIN))
			break;
	}
	return best;
}

/*
 * Others between the same ends: an attempt that came to nothing is over with the next SYN, and
 * what lived is over when the new one is answered, unless it is another tenant's.
 */
static void supersede(struct flowtab *t, uint32_t bucket, uint32_t newer,
		      const struct packet *p, unsigned from)
{
	for (uint32_t i = bucket, next; i; i = next) {
		struct conn *c = at(t, i);

		next = c->next;
		if (i == newer || !is_between(c, p, from))
			continue;
		c->flags |= CONN_TWIN;
		if (conn_is_over(c) || c->tag != p->tag)
			continue;
		if (p->flags & TCP_ACK || (!conn_is_handshaken(c) && c->opener))
			move_over(t, i);
	}
}

/* Names */

static void name_it(struct flowtab *t, uint32_t i, unsigned from, const char *name, bool tls)
{
	struct conn *c = at(t, i);

	c->seen[0] |= SIDE_HEARD;
	c->seen[1] |= SIDE_HEARD;
	c->flags |= from ? CONN_ASKS1 : CONN_ASKS0;
	if (tls)
		c->flags |= CONN_TLS;
	c->name = words_take(t->words, name);
	if (t->names)
		nametab_learn(t->names, &c->end[!from], name, tls ? NAME_SNI : NAME_HOST,
			      c->last_ns);
	forget_hello(t, i);
}

static enum sniffed sniff(const struct packet *p, char *name, bool *tls)
{
	enum sniffed s = sniff_tls(p->payload, p->cap, name);

	*tls = s != SNIFF_NONE;
	return *tls ? s : sniff_http(p->payload, p->cap, name);
}

/* What a client says first is looked at for a name; of mid-stream ones whatever begins so. */
static void hear(struct flowtab *t, uint32_t i, const struct packet *p, unsigned from)
{
	struct conn *c = at(t, i);
	uint32_t offset = p->seq + !!(p->flags & TCP_SYN) - c->side[from].base;
	char name[SNIFF_NAME + 1];
	enum sniffed s;
	bool tls;

	if ((c->opener && c->opener != from + 1) || ++c->pieces[from] > PIECES) {
		c->seen[from] |= SIDE_HEARD;
		return;
	}
	if (c->flags & CONN_HELLO || (c->opener && offset)) {
		c->flags |= CONN_HELLO;
		s = hello_add(t->hello, 2 * i + from, offset, p->payload, p->cap, name, &tls);
	} else {
		s = sniff(p, name, &tls);
		if (s == SNIFF_MORE) {
			c->flags |= CONN_HELLO;
			s = hello_add(t->hello, 2 * i + from, offset, p->payload, p->cap, name,
				      &tls);
		}
	}
	if (s == SNIFF_FOUND)
		name_it(t, i, from, name, tls);
	else if (s == SNIFF_NONE && c->opener)
		c->seen[from] |= SIDE_HEARD;
}

/* A packet */

/* SYN and SYN/ACK, or SYN/ACK and what the client answers: somebody listens there. */
static void learn(struct flowtab *t, const struct conn *c, const struct packet *p,
		  unsigned from)
{
	unsigned client = c->opener - 1u;

	if (!c->opener || !(c->seen[!client] & SIDE_SYNACK))
		return;
	if (p->flags & TCP_SYN ? c->seen[client] & SIDE_SYN && from != client
			       : from == client && !(c->seen[client] & SIDE_SYN) &&
					 c->side[client].packets == 1)
		listeners_learn(t->listeners, &c->end[!client], c->port[!client]);
}

uint32_t *flowtab_seek(const struct flowtab *t, const struct packet *p)
{
	unsigned from = sender(p);
	const struct addr end[2] = { from ? p->dst : p->src, from ? p->src : p->dst };
	const uint16_t port[2] = { from ? p->dst_port : p->src_port,
				   from ? p->src_port : p->dst_port };
	uint32_t *bucket = bucket_of(t, end, port);

	__builtin_prefetch(bucket);
	return bucket;
}

void flowtab_near(const struct flowtab *t, const uint32_t *place)
{
	const char *c = (const char *)at(t, *place);

	for (int line = 0; line < 3; line++)
		__builtin_prefetch(c + line * 64, 1);
}

void flowtab_add(struct flowtab *t, const struct packet *p)
{
	flowtab_add_at(t, p, flowtab_seek(t, p));
}

void flowtab_add_at(struct flowtab *t, const struct packet *p, uint32_t *bucket)
{
	unsigned from = sender(p);
	struct conn *c;
	uint32_t i, fresh;
	bool twin;

	flowtab_tick(t, p->time_ns);
	t->count.packets++;
	i = find(t, *bucket, p, from, &twin);
	if (!i) {
		i = begin(t, p, from);
		if (twin) {
			at(t, i)->flags |= CONN_TWIN;
			supersede(t, *bucket, i, p, from);
		}
	}
	c = at(t, i);
	if (!conn_add(c, t->holes, p, from, &fresh)) {
		t->count.copies++;
		return;
	}
	t->count.payload += fresh;
	if (c->list == LIST_NONE)
		put_on_wheel(t, i);
	learn(t, c, p, from);
	if (fresh && p->cap && !(c->seen[from] & SIDE_HEARD))
		hear(t, i, p, from);
	if (c->flags & CONN_TWIN && (p->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		supersede(t, *bucket, i, p, from);
	if (conn_is_over(c))
		move_over(t, i);
}

/* All of them */

struct last {
	const struct conn *c;
	uint32_t i;
};

static int by_time(const void *a, const void *b)
{
	const struct conn *x = ((const struct last *)a)->c, *y = ((const struct last *)b)->c;
	int d;

	if (x->last_ns != y->last_ns)
		return x->last_ns < y->last_ns ? -1 : 1;
	if (x->first_ns != y->first_ns)
		return x->first_ns < y->first_ns ? -1 : 1;
	d = memcmp(x->end, y->end, sizeof(x->end));
	d = d ? d : (int)x->port[0] - (int)y->port[0];
	return d ? d : (int)x->port[1] - (int)y->port[1];
}

void flowtab_finish(struct flowtab *t)
{
	struct last *all = xcalloc(t->count.now + 1, sizeof(*all));
	uint32_t n = 0;

	for (uint32_t b = 0; b <= t->mask; b++) {
		for (uint32_t i = t->bucket[b]; i; i = at(t, i)->next)
			all[n++] = (struct last){ at(t, i), i };
		t->bucket[b] = 0;
	}
	for (uint32_t i = t->held.head; i; i = at(t, i)->after)
		all[n++] = (struct last){ at(t, i), i };
	qsort(all, n, sizeof(*all), by_time);
	for (uint32_t k = 0; k < n; k++) {
		forget_hello(t, all[k].i);
		tell(t, all[k].i);
	}
	free(all);
	memset(t->wheel, 0, sizeof(t->wheel));
	t->over = t->held = (struct queue){ 0 };
}

/* What is told of its amounts has to stay with the same client. */
static bool settle(struct flowtab *t, struct conn *c, struct flow_over *f)
{
	if (!judge(t, c, f) && seconds(c->first_ns) + t->held_s > t->now_s)
		return false;
	if (!c->opener && !(c->flags & CONN_TOLD)) {
		c->flags |= CONN_TOLD;
		c->first = (uint8_t)(c->first | f->client << 1);
	}
	return true;
}

void flowtab_each(struct flowtab *t, void (*fn)(void *ctx, const struct flow_over *f),
		  void *ctx)
{
	for (uint32_t b = 0; b <= t->mask; b++)
		for (uint32_t i = t->bucket[b]; i; i = at(t, i)->next) {
			struct flow_over f;

			if (!settle(t, at(t, i), &f))
				continue;
			describe(t, at(t, i), &f);
			fn(ctx, &f);
		}
}

void flowtab_count(const struct flowtab *t, struct flowtab_counts *out)
{
	*out = t->count;
	out->gaps_lost = holes_lost(t->holes);
	out->names_lost = words_lost(t->words);
}

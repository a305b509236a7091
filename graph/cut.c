/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/cut.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "graph/between.h"

#define DAY 86400.0
#define RTT_MS 20.0
#define CHATTY 1000.0
#define CHATTY_TRIPS 10.0 /* times as many round trips as connections make a pair chatty */
#define DB_TRIP 4096.0
#define FILES_TRIP 32768.0
#define WINDOW 14600.0

const char *const cut_class_word[CUT_CLASSES] = { "db", "files", "rpc", "batch", "admin" };

static const struct {
	uint16_t port;
	uint8_t class;
} ports[] = {
	{ 20, CUT_BATCH },   { 21, CUT_BATCH },	   { 22, CUT_ADMIN },	 { 23, CUT_ADMIN },
	{ 25, CUT_BATCH },   { 67, CUT_BATCH },	   { 69, CUT_BATCH },	 { 111, CUT_FILES },
	{ 123, CUT_BATCH },  { 137, CUT_BATCH },   { 138, CUT_BATCH },	 { 139, CUT_FILES },
	{ 161, CUT_ADMIN },  { 162, CUT_BATCH },   { 445, CUT_FILES },	 { 465, CUT_BATCH },
	{ 514, CUT_BATCH },  { 515, CUT_BATCH },   { 548, CUT_FILES },	 { 587, CUT_BATCH },
	{ 601, CUT_BATCH },  { 623, CUT_ADMIN },   { 631, CUT_BATCH },	 { 873, CUT_BATCH },
	{ 989, CUT_BATCH },  { 990, CUT_BATCH },   { 1433, CUT_DB },	 { 1434, CUT_DB },
	{ 1521, CUT_DB },    { 1526, CUT_DB },	   { 1556, CUT_BATCH },	 { 2049, CUT_FILES },
	{ 2483, CUT_DB },    { 2484, CUT_DB },	   { 3050, CUT_DB },	 { 3260, CUT_FILES },
	{ 3306, CUT_DB },    { 3389, CUT_ADMIN },  { 4505, CUT_ADMIN },	 { 4506, CUT_ADMIN },
	{ 4949, CUT_ADMIN }, { 5044, CUT_BATCH },  { 5432, CUT_DB },	 { 5666, CUT_ADMIN },
	{ 5984, CUT_DB },    { 5985, CUT_ADMIN },  { 5986, CUT_ADMIN },	 { 6379, CUT_DB },
	{ 6380, CUT_DB },    { 6432, CUT_DB },	   { 6514, CUT_BATCH },	 { 7687, CUT_DB },
	{ 8086, CUT_DB },    { 8140, CUT_ADMIN },  { 8529, CUT_DB },	 { 8530, CUT_BATCH },
	{ 8531, CUT_BATCH }, { 9042, CUT_DB },	   { 9100, CUT_ADMIN },	 { 9200, CUT_DB },
	{ 9300, CUT_DB },    { 9997, CUT_BATCH },  { 10050, CUT_ADMIN }, { 10051, CUT_BATCH },
	{ 11211, CUT_DB },   { 13724, CUT_BATCH }, { 26257, CUT_DB },	 { 27017, CUT_DB },
	{ 27018, CUT_DB },   { 30015, CUT_DB },	   { 33060, CUT_DB },	 { 50000, CUT_DB },
};

enum { PORTS_N = sizeof(ports) / sizeof(ports[0]) };

enum cut_class cut_class_of(uint8_t proto, uint16_t port)
{
	unsigned lo = 0, hi = PORTS_N;

	(void)proto;
	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (ports[mid].port < port)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < PORTS_N && ports[lo].port == port ? (enum cut_class)ports[lo].class
						      : CUT_RPC;
}

bool cut_class_hard(enum cut_class c)
{
	return c == CUT_DB || c == CUT_FILES || c == CUT_RPC;
}

void cut_add(struct cut_price *a, const struct cut_price *b)
{
	a->edges += b->edges;
	a->hard += b->hard;
	a->failed_only += b->failed_only;
	a->chatty += b->chatty;
	a->bytes_unknown += b->bytes_unknown;
	a->connections += b->connections;
	a->failed += b->failed;
	a->bytes += b->bytes;
	a->round_trips += b->round_trips;
	a->wait += b->wait;
}

static double days_of(const struct graph *g)
{
	int64_t from = g->since ? g->since : g->first, to = g->until ? g->until : g->last;

	return to > from && (double)(to - from) > DAY ? (double)(to - from) / DAY : 1;
}

static double trips(enum cut_class class, double bytes)
{
	switch (class) {
	case CUT_DB:
		return 1 + ceil(bytes / DB_TRIP);
	case CUT_FILES:
		return 1 + ceil(bytes / FILES_TRIP);
	default:
		return 2 + ceil(log2(1 + bytes / WINDOW));
	}
}

static struct cut_price price_of(const struct graph_edge *e, enum cut_class class, double days,
				 double rtt_ms)
{
	double worked = (double)between_worked(e);
	double bytes = (double)e->c.bytes_to_server + (double)e->c.bytes_to_client;
	struct cut_price p = { .failed = (double)counters_failed(&e->c) / days };

	if (worked <= 0) {
		p.failed_only = p.failed > 0;
		return p;
	}
	p.edges = 1;
	p.hard = cut_class_hard(class);
	p.connections = worked / days;
	p.bytes_unknown = !e->c.has_bytes;
	p.bytes = e->c.has_bytes ? bytes / days : 0;
	p.round_trips = p.connections * (e->c.has_bytes ? trips(class, bytes / worked) : 1);
	p.wait = p.round_trips * rtt_ms / 1000;
	return p;
}

/* One edge between groups, to be sorted. */
struct lying {
	unsigned client, server, class, client_machine, server_machine, edge;
};

static int cmp(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

static int by_pair(const void *pa, const void *pb)
{
	const struct lying *a = pa, *b = pb;
	int d = cmp(a->client, b->client);

	d = d ? d : cmp(a->server, b->server);
	d = d ? d : cmp(a->class, b->class);
	d = d ? d : cmp(a->client_machine, b->client_machine);
	d = d ? d : cmp(a->server_machine, b->server_machine);
	return d ? d : cmp(a->edge, b->edge);
}

static struct lying *between_all(const struct graph *g, const struct plan *p, size_t *n)
{
	struct lying *l = NULL;
	size_t cap = 0;

	*n = 0;
	for (unsigned i = 0; i < g->edge_n; i++) {
		const struct graph_edge *e = &g->edge[i];
		unsigned c = g->process[e->client].machine, s = g->process[e->server].machine;

		if (!g->machine[c].known || !g->machine[s].known ||
		    p->machine[c].group == p->machine[s].group)
			continue;
		MEM_GROW(l, *n, cap);
		l[(*n)++] = (struct lying){ p->machine[c].group,
					    p->machine[s].group,
					    cut_class_of(e->proto, e->port),
					    c,
					    s,
					    i };
	}
	if (*n)
		qsort(l, *n, sizeof(*l), by_pair);
	return l;
}

/* All edges between two machines in one class; whether they are a chatty pair is told here. */
static struct cut_price price_machines(const struct graph *g, const struct lying *l, size_t n,
				       double days, const struct cut_options *o)
{
	double rtt = o->rtt_ms > 0 ? o->rtt_ms : RTT_MS;
	double many = o->chatty > 0 ? o->chatty : CHATTY;
	struct cut_price sum = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct cut_price one =
			price_of(&g->edge[l[i].edge], (enum cut_class)l[i].class, days, rtt);

		cut_add(&sum, &one);
	}
	sum.chatty = sum.connections >= many || sum.round_trips >= many * CHATTY_TRIPS ||
		     (l->class == CUT_DB && sum.round_trips >= many);
	return sum;
}

enum { NEVER = PLAN_NONE };

/* The wave with which a group is in the target; NEVER. */
static unsigned arrives(const struct plan *p, const struct cut_options *o, unsigned group)
{
	const struct plan_group *g;

	if (group == PLAN_NONE)
		return NEVER;
	g = &p->group[group];
	if (o->done ? o->done[group] : g->state == PLAN_MOVED || g->state == PLAN_VERIFIED)
		return 0;
	return g->wave ? g->wave : NEVER;
}

void cut_when(const struct plan *p, const struct cut_options *o, unsigned client,
	      unsigned server, unsigned *from, unsigned *until)
{
	unsigned a = arrives(p, o, client), b = arrives(p, o, server);

	*from = *until = 0;
	if (o->everywhere && ((client != PLAN_NONE && o->everywhere[client]) ||
			      (server != PLAN_NONE && o->everywhere[server])))
		return;
	*from = a < b ? a : b;
	*until = a < b ? b : a;
}

static void add_pairs(struct cuts *out, const struct graph *g, const struct plan *p,
		      const struct lying *l, size_t n, const struct cut_options *o)
{
	size_t cap = 0;

	for (size_t i = 0, next; i < n; i = next) {
		struct cut_pair *last = out->pair_n ? &out->pair[out->pair_n - 1] : NULL;
		struct cut_price price;

		for (next = i + 1; next < n && l[next].client == l[i].client &&
				   l[next].server == l[i].server &&
				   l[next].class == l[i].class &&
				   l[next].client_machine == l[i].client_machine &&
				   l[next].server_machine == l[i].server_machine;)
			next++;
		price = price_machines(g, l + i, next - i, out->days, o);
		if (!last || last->client != l[i].client || last->server != l[i].server ||
		    last->class != l[i].class) {
			MEM_GROW(out->pair, out->pair_n, cap);
			last = &out->pair[out->pair_n++];
			*last = (struct cut_pair){ .client = l[i].client,
						   .server = l[i].server,
						   .class = (enum cut_class)l[i].class };
			cut_when(p, o, last->client, last->server, &last->from, &last->until);
		}
		cut_add(&last->price, &price);
	}
}

static void sum_waves(struct cuts *c, const struct plan *p)
{
	for (unsigned i = 0; i < p->group_n; i++)
		if (p->group[i].wave > c->wave_n)
			c->wave_n = p->group[i].wave;
	c->wave = xcalloc(c->wave_n + 1ul, sizeof(*c->wave));
	for (unsigned i = 0; i < c->pair_n; i++) {
		const struct cut_pair *x = &c->pair[i];

		if (x->from == x->until)
			continue;
		for (unsigned w = x->from; w < x->until && w <= c->wave_n; w++)
			cut_add(&c->wave[w].all, &x->price);
		if (x->from <= c->wave_n)
			cut_add(&c->wave[x->from].fresh, &x->price);
		if (x->until <= c->wave_n)
			cut_add(&c->wave[x->until].healed, &x->price);
	}
}

struct cuts *cut_between(const struct graph *g, const struct plan *p,
			 const struct cut_options *o)
{
	static const struct cut_options none;
	struct cuts *c = xcalloc(1, sizeof(*c));
	size_t n;
	struct lying *l = between_all(g, p, &n);

	c->days = days_of(g);
	add_pairs(c, g, p, l, n, o ? o : &none);
	sum_waves(c, p);
	free(l);
	return c;
}

void cut_free(struct cuts *c)
{
	if (!c)
		return;
	free(c->pair);
	free(c->wave);
	free(c);
}

bool cut_crosses(const struct cut_pair *c, unsigned wave)
{
	return c->from <= wave && wave < c->until;
}

static const struct cuts *sort_cuts;

static int by_strength(const void *pa, const void *pb)
{
	unsigned x = *(const unsigned *)pa, y = *(const unsigned *)pb;
	const struct cut_pair *a = &sort_cuts->pair[x], *b = &sort_cuts->pair[y];
	bool hard_a = cut_class_hard(a->class), hard_b = cut_class_hard(b->class);

	if (!a->price.edges != !b->price.edges)
		return a->price.edges ? -1 : 1;
	if (hard_a != hard_b)
		return hard_a ? -1 : 1;
	if (a->price.round_trips != b->price.round_trips)
		return a->price.round_trips > b->price.round_trips ? -1 : 1;
	return (x > y) - (x < y);
}

unsigned *cut_strongest(const struct cuts *c, unsigned wave, unsigned *n)
{
	unsigned *at = xcalloc(c->pair_n + 1ul, sizeof(*at));

	*n = 0;
	for (unsigned i = 0; i < c->pair_n; i++)
		if (!wave || cut_crosses(&c->pair[i], wave))
			at[(*n)++] = i;
	sort_cuts = c;
	if (*n)
		qsort(at, *n, sizeof(*at), by_strength);
	return at;
}

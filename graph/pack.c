/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/pack.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/feedback.h"
#include "graph/seat.h"

/* What a family's order weighs beside all connections together when clusters are ordered. */
#define STRICT 1000.0
/* What one more wave costs beside all connections. */
#define WAVE_SHARE 0.002

/* Of all connections, what is too light to make anybody wait where room is short. */
#define LIGHT_SHARE 0.001

enum { TRIES_NODE = 2000, TRIES_LEAST = 5000, TRIES_MOST = 400000 };

/* Nodes that move together; fixed nodes are in none. */
struct clusters {
	const struct pack *q;
	unsigned *of; /* by node; PACK_NONE for a fixed one */
	unsigned n;
	unsigned *size, *rank, *node_at, *node;
	uint64_t *bytes;
	struct feedback_arc *arc;    /* servers before clients, lower ranks of a family too */
	unsigned arc_n, strict_from; /* arcs from there on are strict */
};

/* Heavy arcs first, then by their ends. */
static int by_weight(const void *pa, const void *pb)
{
	const struct pack_arc *a = pa, *b = pb;

	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	if (a->client != b->client)
		return a->client < b->client ? -1 : 1;
	return (a->server > b->server) - (a->server < b->server);
}

static unsigned root(unsigned *up, unsigned v)
{
	while (up[v] != v)
		v = up[v] = up[up[v]];
	return v;
}

struct join {
	unsigned *up, *size, *rank; /* rank PACK_NONE: nobody in it is of a family */
	uint64_t *bytes;
};

static void join_two(const struct pack *q, struct join *j, unsigned a, unsigned b,
		     unsigned limit)
{
	if (a == b || j->size[a] > limit || j->size[b] > limit - j->size[a])
		return;
	if (q->capacity_bytes && j->bytes[a] + j->bytes[b] > q->capacity_bytes)
		return;
	/* different ranks in one cluster could wait for each other in two */
	if (j->rank[a] != PACK_NONE && j->rank[b] != PACK_NONE && j->rank[a] != j->rank[b])
		return;
	if (b < a) {
		unsigned t = a;

		a = b;
		b = t;
	}
	j->up[b] = a;
	j->size[a] += j->size[b];
	j->bytes[a] += j->bytes[b];
	if (j->rank[a] == PACK_NONE)
		j->rank[a] = j->rank[b];
}

/* Joins along the heaviest arcs up to LIMIT machines; UP is the forest. */
static void join_heavy(const struct pack *q, const struct pack_arc *sorted, unsigned limit,
		       unsigned *up)
{
	struct join j = { .up = up };

	j.size = xcalloc(q->node_n + 1ul, sizeof(*j.size));
	j.rank = xcalloc(q->node_n + 1ul, sizeof(*j.rank));
	j.bytes = xcalloc(q->node_n + 1ul, sizeof(*j.bytes));
	for (unsigned v = 0; v < q->node_n; v++) {
		const struct pack_node *n = &q->node[v];

		up[v] = v;
		j.size[v] = n->size;
		j.bytes[v] = n->bytes;
		j.rank[v] = n->family == PACK_NONE ? PACK_NONE : n->rank;
	}
	for (unsigned i = 0; i < q->arc_n && limit; i++)
		if (!q->node[sorted[i].client].fixed && !q->node[sorted[i].server].fixed)
			join_two(q, &j, root(up, sorted[i].client), root(up, sorted[i].server),
				 limit);
	free(j.size);
	free(j.rank);
	free(j.bytes);
}

static void number_clusters(struct clusters *c, unsigned *up)
{
	const struct pack *q = c->q;
	unsigned *number = xcalloc(q->node_n + 1ul, sizeof(*number));

	for (unsigned v = 0; v < q->node_n; v++) {
		unsigned r = root(up, v);

		c->of[v] = PACK_NONE;
		if (q->node[v].fixed)
			continue;
		if (r == v)
			number[v] = c->n++;
		c->of[v] = number[r];
	}
	free(number);
}

static void fill_clusters(struct clusters *c)
{
	const struct pack *q = c->q;
	unsigned *fill = xcalloc(c->n + 2ul, sizeof(*fill));

	for (unsigned k = 0; k < c->n; k++)
		c->rank[k] = PACK_NONE;
	for (unsigned v = 0; v < q->node_n; v++) {
		unsigned k = c->of[v];

		if (k == PACK_NONE)
			continue;
		c->size[k] += q->node[v].size;
		c->bytes[k] += q->node[v].bytes;
		if (q->node[v].rank < c->rank[k])
			c->rank[k] = q->node[v].rank;
		c->node_at[k + 1]++;
	}
	for (unsigned k = 0; k < c->n; k++)
		c->node_at[k + 1] += c->node_at[k];
	memcpy(fill, c->node_at, c->n * sizeof(*fill));
	for (unsigned v = 0; v < q->node_n; v++)
		if (c->of[v] != PACK_NONE)
			c->node[fill[c->of[v]]++] = v;
	free(fill);
}

static int by_ends(const void *pa, const void *pb)
{
	const struct feedback_arc *a = pa, *b = pb;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

/* Sorted from FROM on, and arcs with the same ends in one. */
static void merge_arcs(struct clusters *c, unsigned from)
{
	unsigned out = from;

	if (c->arc_n > from)
		qsort(c->arc + from, c->arc_n - from, sizeof(*c->arc), by_ends);
	for (unsigned i = from; i < c->arc_n; i++) {
		if (out > from && by_ends(&c->arc[out - 1], &c->arc[i]) == 0)
			c->arc[out - 1].weight += c->arc[i].weight;
		else
			c->arc[out++] = c->arc[i];
	}
	c->arc_n = out;
}

/* Nodes by family, then rank, then number; who has none is left out. */
static const struct pack *sort_pack;

static int by_family(const void *pa, const void *pb)
{
	unsigned x = *(const unsigned *)pa, y = *(const unsigned *)pb;
	const struct pack_node *a = &sort_pack->node[x], *b = &sort_pack->node[y];

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return (x > y) - (x < y);
}

/*
 * Between one rank of a family and the next one that it has, all with all: families are small.
 * A family that is not is held together by its first members of each rank; seat_allowed keeps
 * the rest in order.
 */
static void strict_arcs(struct clusters *c, const unsigned *member, unsigned n, double weight,
			size_t *cap)
{
	const struct pack_node *node = c->q->node;

	for (unsigned i = 0, next, end; i < n; i = next) {
		for (next = i; next < n && node[member[next]].rank == node[member[i]].rank;)
			next++;
		for (end = next; end < n && node[member[end]].rank == node[member[next]].rank;)
			end++;
		for (unsigned a = i; a < next && a < i + 8; a++) {
			for (unsigned b = next; b < end && b < next + 8; b++) {
				MEM_GROW(c->arc, c->arc_n, *cap);
				c->arc[c->arc_n++] =
					(struct feedback_arc){ c->of[member[a]],
							       c->of[member[b]], weight };
			}
		}
	}
}

static void family_arcs(struct clusters *c, double weight, size_t *cap)
{
	const struct pack *q = c->q;
	unsigned *member = xcalloc(q->node_n + 1ul, sizeof(*member)), n = 0;

	for (unsigned v = 0; v < q->node_n; v++)
		if (!q->node[v].fixed && q->node[v].family != PACK_NONE)
			member[n++] = v;
	sort_pack = q;
	if (n)
		qsort(member, n, sizeof(*member), by_family);
	for (unsigned i = 0, next; i < n; i = next) {
		for (next = i;
		     next < n && q->node[member[next]].family == q->node[member[i]].family;)
			next++;
		strict_arcs(c, member + i, next - i, weight, cap);
	}
	free(member);
}

/* LEAST: lighter arcs hold nobody back. */
static void make_arcs(struct clusters *c, double least)
{
	const struct pack *q = c->q;
	size_t cap = q->arc_n + 1ul;
	double total = 1;

	c->arc = xcalloc(cap, sizeof(*c->arc));
	for (unsigned i = 0; i < q->arc_n; i++) {
		unsigned from = c->of[q->arc[i].server], to = c->of[q->arc[i].client];

		total += q->arc[i].weight;
		if (from != PACK_NONE && to != PACK_NONE && from != to &&
		    q->arc[i].weight >= least)
			c->arc[c->arc_n++] =
				(struct feedback_arc){ from, to, q->arc[i].weight };
	}
	merge_arcs(c, 0);
	c->strict_from = c->arc_n;
	family_arcs(c, STRICT * total, &cap);
	merge_arcs(c, c->strict_from);
}

static struct clusters clusters_of(const struct pack *q, const struct pack_arc *sorted,
				   unsigned limit, double least)
{
	struct clusters c = { .q = q };
	unsigned *up = xcalloc(q->node_n + 1ul, sizeof(*up));

	c.of = xcalloc(q->node_n + 1ul, sizeof(*c.of));
	join_heavy(q, sorted, limit, up);
	number_clusters(&c, up);
	c.size = xcalloc(c.n + 1ul, sizeof(*c.size));
	c.rank = xcalloc(c.n + 1ul, sizeof(*c.rank));
	c.bytes = xcalloc(c.n + 1ul, sizeof(*c.bytes));
	c.node_at = xcalloc(c.n + 2ul, sizeof(*c.node_at));
	c.node = xcalloc(q->node_n + 1ul, sizeof(*c.node));
	fill_clusters(&c);
	make_arcs(&c, least);
	free(up);
	return c;
}

static void clusters_fini(struct clusters *c)
{
	free(c->of);
	free(c->size);
	free(c->rank);
	free(c->bytes);
	free(c->node_at);
	free(c->node);
	free(c->arc);
}

/* Wave by wave: what nothing holds back, first what has most to do with what is in it. */
struct queue {
	struct clusters *c;
	struct seat *s;
	unsigned *pos;	  /* in the order that cuts least */
	unsigned *held;	  /* by dependencies, */
	unsigned *strict; /* and by the family */
	double *near;	  /* connections with what is in the wave so far */
	bool *placed;
	unsigned *at, *arc; /* arcs of each cluster, both ends */
	unsigned left;
};

static void queue_init(struct queue *u, struct clusters *c, struct seat *s)
{
	unsigned *order = xcalloc(c->n + 1ul, sizeof(*order)), *fill;

	*u = (struct queue){ .c = c, .s = s, .left = c->n };
	u->pos = xcalloc(c->n + 1ul, sizeof(*u->pos));
	u->held = xcalloc(c->n + 1ul, sizeof(*u->held));
	u->strict = xcalloc(c->n + 1ul, sizeof(*u->strict));
	u->near = xcalloc(c->n + 1ul, sizeof(*u->near));
	u->placed = xcalloc(c->n + 1ul, sizeof(*u->placed));
	u->at = xcalloc(c->n + 2ul, sizeof(*u->at));
	u->arc = xcalloc(2ul * c->arc_n + 1, sizeof(*u->arc));
	fill = xcalloc(c->n + 1ul, sizeof(*fill));
	feedback_order(c->n, c->arc, c->arc_n, order);
	for (unsigned i = 0; i < c->n; i++)
		u->pos[order[i]] = i;
	for (unsigned i = 0; i < c->arc_n; i++) {
		const struct feedback_arc *a = &c->arc[i];

		u->at[a->from + 1]++;
		u->at[a->to + 1]++;
		if (i >= c->strict_from)
			u->strict[a->to]++;
		else if (u->pos[a->from] < u->pos[a->to])
			u->held[a->to]++;
	}
	for (unsigned k = 0; k < c->n; k++)
		u->at[k + 1] += u->at[k];
	memcpy(fill, u->at, c->n * sizeof(*fill));
	for (unsigned i = 0; i < c->arc_n; i++) {
		u->arc[fill[c->arc[i].from]++] = i;
		u->arc[fill[c->arc[i].to]++] = i;
	}
	free(fill);
	free(order);
}

static void queue_fini(struct queue *u)
{
	free(u->pos);
	free(u->held);
	free(u->strict);
	free(u->near);
	free(u->placed);
	free(u->at);
	free(u->arc);
}

static bool allowed(const struct queue *u, unsigned k, unsigned wave)
{
	const struct clusters *c = u->c;

	for (unsigned i = c->node_at[k]; i < c->node_at[k + 1]; i++)
		if (!seat_allowed(u->s, c->node[i], wave))
			return false;
	return true;
}

/* Whether A is to be placed rather than B. */
static bool rather(const struct queue *u, unsigned a, unsigned b)
{
	const struct clusters *c = u->c;

	if (b == PACK_NONE)
		return true;
	if (!u->held[a] != !u->held[b])
		return !u->held[a];
	if (u->near[a] != u->near[b])
		return u->near[a] > u->near[b];
	if (c->rank[a] != c->rank[b])
		return c->rank[a] < c->rank[b];
	return u->pos[a] < u->pos[b];
}

/* The next one for the wave, PACK_NONE for none.  HELD: also what has to wait for others. */
static unsigned next_cluster(const struct queue *u, unsigned wave, bool held)
{
	const struct clusters *c = u->c;
	unsigned best = PACK_NONE;

	for (unsigned k = 0; k < c->n; k++) {
		if (u->placed[k] || u->strict[k] || (!held && u->held[k]))
			continue;
		if (!rather(u, k, best) || !seat_room(u->s, wave, c->size[k], c->bytes[k]) ||
		    !allowed(u, k, wave))
			continue;
		best = k;
	}
	return best;
}

static void place(struct queue *u, unsigned k, unsigned wave)
{
	struct clusters *c = u->c;

	for (unsigned i = c->node_at[k]; i < c->node_at[k + 1]; i++)
		seat_put(u->s, c->node[i], wave);
	u->placed[k] = true;
	u->left--;
	for (unsigned i = u->at[k]; i < u->at[k + 1]; i++) {
		const struct feedback_arc *a = &c->arc[u->arc[i]];
		unsigned other = a->from == k ? a->to : a->from;

		if (u->arc[i] >= c->strict_from) {
			u->strict[a->to] -= a->from == k;
			continue;
		}
		u->near[other] += a->weight;
		if (a->from == k && u->pos[a->from] < u->pos[a->to])
			u->held[a->to]--;
	}
}

/* True where nothing is free: a circle of dependencies and families holds everybody. */
static bool stuck(const struct queue *u)
{
	for (unsigned k = 0; k < u->c->n; k++)
		if (!u->placed[k] && !u->strict[k] && !u->held[k])
			return false;
	return true;
}

static void schedule(struct clusters *c, struct seat *s)
{
	struct queue u;

	queue_init(&u, c, s);
	for (unsigned wave = 1; u.left; wave++) {
		unsigned k;

		do {
			k = next_cluster(&u, wave, stuck(&u));
			if (k != PACK_NONE)
				place(&u, k, wave);
		} while (k != PACK_NONE && u.left);
		memset(u.near, 0, c->n * sizeof(*u.near));
	}
	queue_fini(&u);
}

static double judged(const struct pack *q, const struct seat *s)
{
	double total = 1, cost = seat_total(s);
	unsigned waves = seat_highest(s);

	for (unsigned i = 0; i < q->arc_n; i++)
		total += q->arc[i].weight;
	cost += WAVE_SHARE * total * waves;
	if (q->waves_max && waves > q->waves_max)
		cost += 1000 * total * (waves - q->waves_max);
	return cost;
}

static unsigned tries_of(const struct pack *q)
{
	double tries = (double)q->node_n * TRIES_NODE;

	if (!q->effort || !q->arc_n)
		return 0;
	if (tries > TRIES_MOST)
		return TRIES_MOST;
	return tries < TRIES_LEAST ? TRIES_LEAST : (unsigned)tries;
}

/* What may lose at first may end worse: then it is as before. */
static void better_or_back(const struct pack *q, struct seat *s)
{
	unsigned *wave = xcalloc(q->node_n + 1ul, sizeof(*wave));
	double before;

	seat_close(s);
	before = judged(q, s);
	for (unsigned v = 0; v < q->node_n; v++)
		wave[v] = seat_wave(s, v);
	seat_better(s, tries_of(q));
	seat_close(s);
	if (judged(q, s) > before)
		for (unsigned v = 0; v < q->node_n; v++)
			seat_put(s, v, wave[v]);
	free(wave);
}

/* Joined up to LIMIT, where arcs lighter than LEAST hold nobody; packed and bettered. */
static struct seat *start(const struct pack *q, const struct pack_arc *sorted, unsigned limit,
			  double least)
{
	struct clusters c = clusters_of(q, sorted, limit, least);
	struct seat *s = seat_new(q);

	schedule(&c, s);
	clusters_fini(&c);
	better_or_back(q, s);
	return s;
}

/* The weight of the lightest arc that is not among the light ones. */
static double light(const struct pack *q, const struct pack_arc *sorted)
{
	double total = 0, sum = 0;
	unsigned i = q->arc_n;

	for (unsigned k = 0; k < q->arc_n; k++)
		total += sorted[k].weight;
	while (i && sum + sorted[i - 1].weight <= LIGHT_SHARE * total)
		sum += sorted[--i].weight;
	return i ? sorted[i - 1].weight : 0;
}

/* The better of the two; the other one is freed. */
static struct seat *better(const struct pack *q, struct seat *a, struct seat *b)
{
	if (a && judged(q, a) <= judged(q, b)) {
		seat_free(b);
		return a;
	}
	if (a)
		seat_free(a);
	return b;
}

unsigned pack_waves(const struct pack *q, unsigned *wave)
{
	struct pack_arc *sorted = xcalloc(q->arc_n + 1ul, sizeof(*sorted));
	struct seat *best = NULL;
	unsigned highest;
	double least;

	if (q->arc_n) {
		memcpy(sorted, q->arc, q->arc_n * sizeof(*sorted));
		qsort(sorted, q->arc_n, sizeof(*sorted), by_weight);
	}
	least = light(q, sorted);
	best = better(q, best, start(q, sorted, q->capacity, 0));
	best = better(q, best, start(q, sorted, q->capacity, least));
	best = better(q, best, start(q, sorted, q->capacity / 2, least));
	best = better(q, best, start(q, sorted, q->capacity / 4, least));
	if (q->waves_max && seat_highest(best) > q->waves_max)
		best = better(q, best, start(q, sorted, q->capacity / 4, HUGE_VAL));
	if (q->waves_max && seat_highest(best) > q->waves_max)
		best = better(q, best, start(q, sorted, 0, HUGE_VAL));
	for (unsigned v = 0; v < q->node_n; v++)
		wave[v] = seat_wave(best, v);
	highest = seat_highest(best);
	seat_free(best);
	free(sorted);
	return highest;
}

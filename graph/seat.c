/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/seat.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* A client that moves first is this much worse than two that move apart in good order. */
#define BACKWARDS 20.0
/* What late places cost the lower environments, all of it, beside all connections. */
#define RANK_SHARE 0.003
/* Where people put production before its test: this much beside all connections. */
#define FAMILY_SHARE 10.0
/* Of all connections, what a try may lose at first. */
#define WARM 0.02
#define COOLING 0.94 /* after 200 of them next to nothing may be lost */

enum { RANK_TOP = 3, SWEEPS = 50, SWEEP_WAVES = 100, BLOCKS = 200 };

/* What a node has to do with one other. */
struct link {
	unsigned to;
	double serves; /* weight where TO is the server */
	double asks;   /* where TO is the client */
};

struct bench {
	unsigned *node, n, cap;
	unsigned load;
	uint64_t bytes;
};

struct seat {
	const struct pack *q;
	unsigned *size; /* no more than the capacity, so that what is larger fills a wave */
	uint64_t *bytes;
	unsigned *link_at;
	struct link *link;
	unsigned *family_at, *family, family_n; /* members of each family */
	double total, rank_cost;
	unsigned *wave, *place; /* of a node: its wave, and its place on the bench */
	struct bench *bench;	/* by wave */
	unsigned bench_n;
	unsigned pilot_room; /* of the first wave, with what is fixed in it */
	uint64_t random;
};

static uint64_t draw(struct seat *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

static unsigned draw_below(struct seat *s, unsigned n)
{
	return (unsigned)((draw(s) >> 32) * n >> 32);
}

static double draw_part(struct seat *s)
{
	return (double)(draw(s) >> 11) * 0x1p-53;
}

static void add_link(struct seat *s, unsigned *fill, unsigned v, struct link l)
{
	s->link[fill[v]++] = l;
}

static int by_to(const void *pa, const void *pb)
{
	const struct link *a = pa, *b = pb;

	return (a->to > b->to) - (a->to < b->to);
}

/* Sorted, and both directions between the same two in one. */
static void merge_links(struct seat *s)
{
	unsigned out = 0;

	for (unsigned v = 0; v < s->q->node_n; v++) {
		unsigned from = s->link_at[v], to = s->link_at[v + 1], first = out;

		if (to > from)
			qsort(s->link + from, to - from, sizeof(*s->link), by_to);
		s->link_at[v] = first;
		for (unsigned i = from; i < to; i++) {
			struct link l = s->link[i];

			if (out > first && s->link[out - 1].to == l.to) {
				s->link[out - 1].serves += l.serves;
				s->link[out - 1].asks += l.asks;
			} else {
				s->link[out++] = l;
			}
		}
	}
	s->link_at[s->q->node_n] = out;
}

static void make_links(struct seat *s)
{
	const struct pack *q = s->q;
	unsigned *fill = xcalloc(q->node_n + 2ul, sizeof(*fill));

	s->link_at = xcalloc(q->node_n + 2ul, sizeof(*s->link_at));
	s->link = xcalloc(2ul * q->arc_n + 1, sizeof(*s->link));
	for (unsigned i = 0; i < q->arc_n; i++) {
		s->link_at[q->arc[i].client + 1]++;
		s->link_at[q->arc[i].server + 1]++;
		s->total += q->arc[i].weight;
	}
	for (unsigned v = 0; v < q->node_n; v++)
		s->link_at[v + 1] += s->link_at[v];
	memcpy(fill, s->link_at, q->node_n * sizeof(*fill));
	for (unsigned i = 0; i < q->arc_n; i++) {
		const struct pack_arc *a = &q->arc[i];

		add_link(s, fill, a->client, (struct link){ a->server, a->weight, 0 });
		add_link(s, fill, a->server, (struct link){ a->client, 0, a->weight });
	}
	free(fill);
	merge_links(s);
}

static void make_families(struct seat *s)
{
	const struct pack *q = s->q;
	unsigned *fill;

	for (unsigned v = 0; v < q->node_n; v++)
		if (q->node[v].family != PACK_NONE && q->node[v].family >= s->family_n)
			s->family_n = q->node[v].family + 1;
	s->family_at = xcalloc(s->family_n + 2ul, sizeof(*s->family_at));
	s->family = xcalloc(q->node_n + 1ul, sizeof(*s->family));
	fill = xcalloc(s->family_n + 1ul, sizeof(*fill));
	for (unsigned v = 0; v < q->node_n; v++)
		if (q->node[v].family != PACK_NONE)
			s->family_at[q->node[v].family + 1]++;
	for (unsigned f = 0; f < s->family_n; f++)
		s->family_at[f + 1] += s->family_at[f];
	memcpy(fill, s->family_at, s->family_n * sizeof(*fill));
	for (unsigned v = 0; v < q->node_n; v++)
		if (q->node[v].family != PACK_NONE)
			s->family[fill[q->node[v].family]++] = v;
	free(fill);
}

static void make_sizes(struct seat *s)
{
	const struct pack *q = s->q;
	double all = 0;

	s->size = xcalloc(q->node_n + 1ul, sizeof(*s->size));
	s->bytes = xcalloc(q->node_n + 1ul, sizeof(*s->bytes));
	for (unsigned v = 0; v < q->node_n; v++) {
		const struct pack_node *n = &q->node[v];

		s->size[v] = n->size < q->capacity ? n->size : q->capacity;
		s->bytes[v] = n->bytes;
		if (q->capacity_bytes && n->bytes > q->capacity_bytes)
			s->bytes[v] = q->capacity_bytes;
		all += s->size[v];
	}
	if (all > 0)
		s->rank_cost = RANK_SHARE * (s->total > 0 ? s->total : 1) /
			       (all * RANK_TOP * (all / q->capacity + 1));
}

struct seat *seat_new(const struct pack *q)
{
	struct seat *s = xcalloc(1, sizeof(*s));
	unsigned waves = 0;

	s->q = q;
	s->random = 0x9e3779b97f4a7c15;
	make_links(s);
	make_families(s);
	make_sizes(s);
	s->wave = xcalloc(q->node_n + 1ul, sizeof(*s->wave));
	s->place = xcalloc(q->node_n + 1ul, sizeof(*s->place));
	for (unsigned v = 0; v < q->node_n; v++)
		if (q->node[v].fixed > waves)
			waves = q->node[v].fixed;
	s->bench_n = waves + q->node_n + 2;
	s->bench = xcalloc(s->bench_n, sizeof(*s->bench));
	for (unsigned v = 0; v < q->node_n; v++)
		if (q->node[v].fixed)
			seat_put(s, v, q->node[v].fixed);
	if (q->pilot)
		s->pilot_room = s->bench[1].load + q->pilot;
	return s;
}

void seat_free(struct seat *s)
{
	for (unsigned w = 0; w < s->bench_n; w++)
		free(s->bench[w].node);
	free(s->bench);
	free(s->size);
	free(s->bytes);
	free(s->link_at);
	free(s->link);
	free(s->family_at);
	free(s->family);
	free(s->wave);
	free(s->place);
	free(s);
}

unsigned seat_wave(const struct seat *s, unsigned v)
{
	return s->wave[v];
}

unsigned seat_highest(const struct seat *s)
{
	unsigned w = s->bench_n - 1;

	while (w && !s->bench[w].n)
		w--;
	return w;
}

bool seat_room(const struct seat *s, unsigned wave, unsigned size, uint64_t bytes)
{
	const struct bench *b = &s->bench[wave];
	unsigned cap = s->q->capacity;

	if (wave == 1 && s->pilot_room && s->pilot_room < cap)
		cap = s->pilot_room;
	if (size > cap && wave == 1 && cap < s->q->capacity)
		return false;
	if (b->load && (b->load >= cap || size > cap - b->load))
		return false;
	return !s->q->capacity_bytes || !b->n || b->bytes + bytes <= s->q->capacity_bytes;
}

bool seat_allowed(const struct seat *s, unsigned v, unsigned wave)
{
	unsigned f = s->q->node[v].family, rank = s->q->node[v].rank;

	if (f == PACK_NONE)
		return true;
	for (unsigned i = s->family_at[f]; i < s->family_at[f + 1]; i++) {
		unsigned x = s->family[i], other = s->q->node[x].rank;

		if (!s->wave[x] || x == v)
			continue;
		if (other < rank && s->wave[x] >= wave)
			return false;
		if (other > rank && s->wave[x] <= wave && !s->q->node[x].fixed)
			return false;
	}
	return true;
}

void seat_put(struct seat *s, unsigned v, unsigned wave)
{
	struct bench *b = &s->bench[s->wave[v]];

	if (s->wave[v]) {
		unsigned last = b->node[--b->n];

		b->node[s->place[v]] = last;
		s->place[last] = s->place[v];
		b->load -= s->size[v];
		b->bytes -= s->bytes[v];
	}
	s->wave[v] = wave;
	if (!wave)
		return;
	b = &s->bench[wave];
	MEM_GROW(b->node, b->n, b->cap);
	s->place[v] = b->n;
	b->node[b->n++] = v;
	b->load += s->size[v];
	b->bytes += s->bytes[v];
}

/* A fixed member of higher rank that is not behind: a person's wish, to be met if it can. */
static double family_cost(const struct seat *s, unsigned v, unsigned wave)
{
	unsigned f = s->q->node[v].family;
	double cost = 0;

	if (f == PACK_NONE)
		return 0;
	for (unsigned i = s->family_at[f]; i < s->family_at[f + 1]; i++) {
		const struct pack_node *x = &s->q->node[s->family[i]];

		if (x->fixed && x->rank > s->q->node[v].rank && x->fixed <= wave)
			cost += FAMILY_SHARE * (s->total + 1);
	}
	return cost;
}

double seat_cost(const struct seat *s, unsigned v, unsigned wave)
{
	const struct pack_node *n = &s->q->node[v];
	double cost = 0;

	for (unsigned i = s->link_at[v]; i < s->link_at[v + 1]; i++) {
		const struct link *l = &s->link[i];
		unsigned at = s->wave[l->to];

		if (!at || at == wave)
			continue;
		cost += l->serves + l->asks + BACKWARDS * (wave < at ? l->serves : l->asks);
	}
	if (n->rank < RANK_TOP)
		cost += s->rank_cost * s->size[v] * (RANK_TOP - n->rank) * wave;
	return cost + family_cost(s, v, wave);
}

double seat_total(const struct seat *s)
{
	double sum = 0;

	for (unsigned v = 0; v < s->q->node_n; v++) {
		const struct pack_node *n = &s->q->node[v];
		double rank = n->rank < RANK_TOP ? s->rank_cost * s->size[v] *
							   (RANK_TOP - n->rank) * s->wave[v]
						 : 0;

		/* each connection is seen from both of its ends */
		sum += (seat_cost(s, v, s->wave[v]) + rank) / 2;
	}
	return sum;
}

static bool can_move(const struct seat *s, unsigned v, unsigned to)
{
	return seat_room(s, to, s->size[v], s->bytes[v]) && seat_allowed(s, v, to);
}

/* The first wave stays one where it is to be a trial. */
static bool last_pilot(const struct seat *s, unsigned v)
{
	return s->pilot_room && s->wave[v] == 1 && s->bench[1].n == 1;
}

/* Moves V if that costs no more than LIMIT. */
static bool try_move(struct seat *s, unsigned v, unsigned to, double limit)
{
	if (last_pilot(s, v) || !can_move(s, v, to) ||
	    seat_cost(s, v, to) - seat_cost(s, v, s->wave[v]) > limit)
		return false;
	seat_put(s, v, to);
	return true;
}

/* V and X change places if both may and it costs no more than LIMIT. */
static bool try_swap(struct seat *s, unsigned v, unsigned x, double limit)
{
	unsigned from = s->wave[v], to = s->wave[x];
	double before = seat_cost(s, v, from), gain;
	bool fits;

	seat_put(s, v, 0);
	before += seat_cost(s, x, to); /* what is between them counts once */
	seat_put(s, x, 0);
	fits = can_move(s, v, to);
	gain = -before;
	if (fits) {
		gain += seat_cost(s, v, to);
		seat_put(s, v, to);
		fits = can_move(s, x, from);
		if (fits)
			gain += seat_cost(s, x, from);
	}
	fits = fits && gain <= limit;
	seat_put(s, v, fits ? to : from);
	seat_put(s, x, fits ? from : to);
	return fits;
}

/* Where V could go: mostly to somebody that it has to do with. */
static unsigned draw_wave(struct seat *s, unsigned v, unsigned waves)
{
	unsigned links = s->link_at[v + 1] - s->link_at[v];

	if (links && draw_below(s, 4))
		return s->wave[s->link[s->link_at[v] + draw_below(s, links)].to];
	return 1 + draw_below(s, waves);
}

static void try_one(struct seat *s, unsigned waves, double warmth)
{
	unsigned v = draw_below(s, s->q->node_n), to = draw_wave(s, v, waves), x;
	double limit = warmth * draw_part(s);
	struct bench *b = &s->bench[to];

	if (s->q->node[v].fixed || to == s->wave[v])
		return;
	if (seat_room(s, to, s->size[v], s->bytes[v])) {
		try_move(s, v, to, limit);
		return;
	}
	if (!b->n)
		return;
	x = b->node[draw_below(s, b->n)];
	if (!s->q->node[x].fixed)
		try_swap(s, v, x, limit);
}

/* The best wave for V if it gains there, else 0; many waves are not all looked at. */
static unsigned best_wave(const struct seat *s, unsigned v, unsigned waves)
{
	unsigned links = s->link_at[v + 1] - s->link_at[v], to = 0;
	bool all = waves <= SWEEP_WAVES;
	double best = seat_cost(s, v, s->wave[v]) - 1e-9 * (s->total + 1);

	for (unsigned i = 0; i < (all ? waves : links); i++) {
		unsigned w = all ? i + 1 : s->wave[s->link[s->link_at[v] + i].to];
		double cost = w == s->wave[v] ? best : seat_cost(s, v, w);

		if (cost < best && can_move(s, v, w) && !last_pilot(s, v)) {
			best = cost;
			to = w;
		}
	}
	return to;
}

static bool sweep(struct seat *s, unsigned waves)
{
	bool any = false;

	for (unsigned v = 0; v < s->q->node_n; v++) {
		unsigned to = s->q->node[v].fixed ? 0 : best_wave(s, v, waves);

		if (to)
			seat_put(s, v, to);
		any |= to != 0;
	}
	return any;
}

void seat_better(struct seat *s, unsigned tries)
{
	unsigned waves = seat_highest(s);
	double warmth = WARM * (s->total + 1);

	for (unsigned block = 0; block < BLOCKS && waves > 1; block++) {
		for (unsigned i = 0; i < tries / BLOCKS; i++)
			try_one(s, waves, block + 1 < BLOCKS ? warmth : 0);
		warmth *= COOLING;
	}
	for (unsigned i = 0; i < SWEEPS && tries && sweep(s, waves); i++)
		;
}

/* Whether wave W + 1 may join wave W: room, no fixed node, no family in both. */
static bool mergeable(const struct seat *s, unsigned w)
{
	const struct bench *next = &s->bench[w + 1];

	if (!next->n || !s->bench[w].n || !seat_room(s, w, next->load, next->bytes))
		return false;
	for (unsigned i = 0; i < next->n; i++)
		if (s->q->node[next->node[i]].fixed || !seat_allowed(s, next->node[i], w))
			return false;
	return true;
}

static void all_to(struct seat *s, unsigned from, unsigned to)
{
	while (s->bench[from].n)
		seat_put(s, s->bench[from].node[0], to);
}

void seat_close(struct seat *s)
{
	unsigned waves = seat_highest(s), fixed = 0, to;

	for (unsigned v = 0; v < s->q->node_n; v++)
		if (s->q->node[v].fixed > fixed)
			fixed = s->q->node[v].fixed;
	to = fixed;
	for (unsigned w = fixed + 1; w <= waves; w++) {
		if (!s->bench[w].n)
			continue;
		if (++to < w)
			all_to(s, w, to);
		if (to > 1 && to > fixed && mergeable(s, to - 1)) {
			all_to(s, to, to - 1);
			to--;
		}
	}
}

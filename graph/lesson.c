/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/lesson.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum {
	CHANCE_PAIRS = 20000, /* random pairs that tell what chance is */
	DOUBT = 5,	      /* pairs that are taken to look like chance */
	KINDS = 3,	      /* port; and server's process; and client's process */
	BACK_OFF = 3,	      /* votes of the coarser kind */
};

static unsigned bucket(unsigned bits)
{
	static const unsigned char from[LESSON_NETS] = { 0, 8, 12, 16, 20, 24 };
	unsigned i = LESSON_NETS - 1;

	while (from[i] > bits)
		i--;
	return i;
}

static unsigned net_bucket(const struct traits *t, unsigned a, unsigned b)
{
	return bucket(traits_prefix(t->machine[a].net, t->machine[b].net));
}

struct tally {
	double os[2], site[2], net[LESSON_NETS];
};

/* What one of the two does not know says nothing. */
static void tally(struct tally *t, const struct traits *tr, unsigned a, unsigned b, double w)
{
	const struct trait *x = &tr->machine[a], *y = &tr->machine[b];

	if (x->os && y->os)
		t->os[x->os == y->os] += w;
	if (x->site && y->site)
		t->site[x->site == y->site] += w;
	if (x->has_net && y->has_net)
		t->net[net_bucket(tr, a, b)] += w;
}

/* OUT = log of within over chance, with DOUBT pairs that are like chance. */
static void ratio(const double *within, const double *chance, unsigned n, double *out)
{
	double w = 0, c = 0;

	for (unsigned i = 0; i < n; i++) {
		w += within[i];
		c += chance[i];
	}
	for (unsigned i = 0; i < n; i++) {
		double p = (chance[i] + 1) / (c + n);

		out[i] = c > 0 ? log((within[i] + DOUBT * p) / (w + DOUBT) / p) : 0;
	}
}

/* A fixed sequence, so that the same estate is sampled alike every time. */
static unsigned next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(*state >> 33);
}

static void count_chance(struct tally *t, const struct traits *tr, const unsigned *kept,
			 unsigned n)
{
	uint64_t state = 7;

	for (unsigned i = 0; n > 1 && i < CHANCE_PAIRS; i++) {
		unsigned a = next_random(&state) % n, b = next_random(&state) % n;

		if (a != b)
			tally(t, tr, kept[a], kept[b], 1);
	}
}

static const unsigned *sort_group;

static int by_group(const void *pa, const void *pb)
{
	unsigned a = *(const unsigned *)pa, b = *(const unsigned *)pb;

	if (sort_group[a] != sort_group[b])
		return sort_group[a] < sort_group[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Each machine of a group weighs the same, however many there are. */
static void count_within(struct tally *t, const struct traits *tr, unsigned *kept, unsigned n,
			 const unsigned *group)
{
	sort_group = group;
	qsort(kept, n, sizeof(*kept), by_group);
	for (unsigned i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && group[kept[end]] == group[kept[i]];)
			end++;
		for (unsigned x = i; x < end; x++)
			for (unsigned y = i; y < x; y++)
				tally(t, tr, kept[x], kept[y], 1. / (end - i - 1));
	}
}

static void learn_traits(struct lesson *l, const struct traits *tr, const unsigned *group,
			 const bool *keep)
{
	unsigned *kept = xcalloc(tr->machine_n, sizeof(*kept)), n = 0;
	struct tally within = { 0 }, chance = { 0 };

	for (unsigned m = 0; m < tr->machine_n; m++)
		if (keep[m])
			kept[n++] = m;
	count_chance(&chance, tr, kept, n);
	count_within(&within, tr, kept, n, group);
	ratio(within.os, chance.os, 2, l->os);
	ratio(within.site, chance.site, 2, l->site);
	ratio(within.net, chance.net, LESSON_NETS, l->net);
	free(kept);
}

/* A kind of contact, seen between two groups. */
struct seen {
	uint64_t kind; /* level, port, server's process, client's process */
	uint64_t groups;
};

static uint64_t kind_of(const struct contact *k, unsigned level)
{
	uint64_t kind = (uint64_t)level << 62 | (uint64_t)k->port << 46;

	if (level > 0)
		kind |= (uint64_t)(k->server_process & 0x7fffff) << 23;
	if (level > 1)
		kind |= k->client_process & 0x7fffff;
	return kind;
}

static int by_seen(const void *pa, const void *pb)
{
	const struct seen *a = pa, *b = pb;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->groups > b->groups) - (a->groups < b->groups);
}

struct vote {
	uint64_t kind;
	unsigned within, across;
};

static int by_kind(const void *key, const void *row)
{
	uint64_t a = *(const uint64_t *)key, b = ((const struct vote *)row)->kind;

	return (a > b) - (a < b);
}

static bool teaches(const struct contact *k, const bool *keep)
{
	return keep[k->client] && keep[k->server] && k->class != PORT_ADMIN;
}

/* How often each kind was seen within a group and across two, once for each pair of groups. */
static struct vote *count_votes(const struct contacts *c, const unsigned *group,
				const bool *keep, unsigned *out_n)
{
	struct seen *seen = xcalloc((size_t)KINDS * c->contact_n, sizeof(*seen));
	struct vote *vote;
	size_t n = 0;

	for (unsigned i = 0; i < c->contact_n; i++) {
		const struct contact *k = &c->contact[i];

		if (!teaches(k, keep))
			continue;
		for (unsigned level = 0; level < KINDS; level++)
			seen[n++] = (struct seen){ kind_of(k, level),
						   (uint64_t)group[k->client] << 32 |
							   group[k->server] };
	}
	qsort(seen, n, sizeof(*seen), by_seen);
	vote = xcalloc(n, sizeof(*vote));
	*out_n = 0;
	for (size_t i = 0; i < n; i++) {
		if (i && by_seen(&seen[i - 1], &seen[i]) == 0)
			continue;
		if (!i || seen[i - 1].kind != seen[i].kind)
			vote[(*out_n)++].kind = seen[i].kind;
		if (seen[i].groups >> 32 == (seen[i].groups & 0xffffffff))
			vote[*out_n - 1].within++;
		else
			vote[*out_n - 1].across++;
	}
	free(seen);
	return vote;
}

/* From the whole estate to the port, the server's process, the client's: each corrects the
 * coarser one by what it has seen. */
static double locality(const struct contact *k, const struct vote *vote, unsigned vote_n,
		       double base, bool within)
{
	double q = base;

	for (unsigned level = 0; level < KINDS; level++) {
		uint64_t kind = kind_of(k, level);
		const struct vote *v = bsearch(&kind, vote, vote_n, sizeof(*vote), by_kind);
		double in = v ? v->within : 0, out = v ? v->across : 0;

		if (within && in > 0)
			in--;
		if (!within && out > 0)
			out--;
		q = (in + BACK_OFF * q) / (in + out + BACK_OFF);
	}
	return log((q + .01) / (1 - q + .01));
}

static void learn_kinds(struct lesson *l, const struct contacts *c, const unsigned *group,
			const bool *keep)
{
	unsigned n;
	struct vote *vote = count_votes(c, group, keep, &n);
	double within = 0, all = 0;

	for (unsigned i = 0; i < n && vote[i].kind >> 62 == 0; i++) {
		within += vote[i].within;
		all += vote[i].within + vote[i].across;
	}
	for (unsigned i = 0; i < c->contact_n; i++) {
		const struct contact *k = &c->contact[i];

		if (teaches(k, keep))
			l->local[i] = (float)locality(k, vote, n, all > 0 ? within / all : .5,
						      group[k->client] == group[k->server]);
	}
	free(vote);
}

struct lesson *lesson_new(const struct contacts *c, const struct traits *t,
			  const unsigned *group, const bool *keep)
{
	struct lesson *l = xcalloc(1, sizeof(*l));

	l->traits = t;
	l->local = xcalloc(c->contact_n, sizeof(*l->local));
	learn_traits(l, t, group, keep);
	learn_kinds(l, c, group, keep);
	return l;
}

void lesson_free(struct lesson *l)
{
	if (!l)
		return;
	free(l->local);
	free(l);
}

double lesson_os(const struct lesson *l, unsigned a, unsigned b)
{
	const struct trait *x = &l->traits->machine[a], *y = &l->traits->machine[b];

	return x->os && y->os ? l->os[x->os == y->os] : 0;
}

double lesson_site(const struct lesson *l, unsigned a, unsigned b)
{
	const struct trait *x = &l->traits->machine[a], *y = &l->traits->machine[b];

	return x->site && y->site ? l->site[x->site == y->site] : 0;
}

double lesson_net(const struct lesson *l, unsigned a, unsigned b)
{
	const struct trait *x = &l->traits->machine[a], *y = &l->traits->machine[b];

	return x->has_net && y->has_net ? l->net[net_bucket(l->traits, a, b)] : 0;
}

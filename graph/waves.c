/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/waves.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/calendar.h"
#include "graph/feedback.h"
#include "graph/pack.h"
#include "graph/tier.h"
#include "graph/used.h"
#include "graph/wave_work.h"

enum { CAPACITY_LEAST = 10, CAPACITY_PART = 20, PILOT = 9, PILOT_FROM = 100 };
enum { FAMILY_MOST = 64 }; /* groups of one name: what is more is no application */

static bool is_done(const struct plan_group *g)
{
	return g->state == PLAN_MOVED || g->state == PLAN_VERIFIED;
}

/* Name of the entry, then kind of service, then "all", then what the kind advises. */
static enum service_advice advice_of(const struct wave_rules *r, const struct plan_group *g)
{
	const char *word[] = { g->name, service_word(g->service), "all" };

	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < r->shared_n; k++)
			if (*word[i] && strcmp(r->shared[k].what, word[i]) == 0)
				return r->shared[k].advice;
	return service_advice(g->service);
}

static uint64_t add_bytes(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static void weigh_group(struct wave_work *k, unsigned i)
{
	const struct plan_group *g = &k->p->group[i];

	for (unsigned m = 0; m < g->machine_n; m++) {
		uint64_t used;

		if (!used_bytes(&k->g->machine[g->machine[m]], &used)) {
			used = k->r->assume_bytes;
			k->unknown[i]++;
		}
		k->bytes[i] = add_bytes(k->bytes[i], used);
	}
}

/* The waves in each of which something has moved are behind us. */
static unsigned first_open(const struct plan *p)
{
	unsigned wave = 0;
	bool any;

	do {
		any = false;
		wave++;
		for (unsigned i = 0; i < p->group_n; i++)
			any |= is_done(&p->group[i]) && p->group[i].wave == wave;
	} while (any);
	return wave;
}

static struct waves *new_waves(const struct plan *p, const struct wave_rules *r)
{
	struct waves *w = xcalloc(1, sizeof(*w));

	w->first = first_open(p);
	w->place_n = p->group_n;
	w->place = xcalloc(p->group_n + 1ul, sizeof(*w->place));
	for (unsigned i = 0; i < p->group_n; i++) {
		const struct plan_group *g = &p->group[i];
		struct wave_place *at = &w->place[i];

		at->waits_for = PLAN_NONE;
		at->advice = g->kind == PLAN_SHARED ? advice_of(r, g) : SERVICE_FIRST;
		at->done = is_done(g);
		at->kept = !at->done && g->state == PLAN_APPROVED && g->wave &&
			   g->wave <= WAVES_MAX;
		at->everywhere = g->kind == PLAN_SHARED && !at->done && !at->kept &&
				 at->advice == SERVICE_REPLICATE;
		at->wave = at->done || at->kept ? g->wave : 0;
	}
	return w;
}

/* Whether the group is moved by these waves; what is done or replicated is not. */
static bool moves(const struct wave_work *k, unsigned i)
{
	return !k->w->place[i].done && !k->w->place[i].everywhere;
}

/* Whether the packer finds its wave: neither shared nor fixed by a person. */
static bool is_free(const struct wave_work *k, unsigned i)
{
	return moves(k, i) && !k->w->place[i].kept && k->p->group[i].kind == PLAN_GROUP;
}

static struct wave_work work_of(const struct graph *g, struct plan *p,
				const struct wave_rules *r)
{
	struct wave_work k = { .g = g, .p = p, .r = r };
	size_t n = p->group_n + 1ul;

	k.w = new_waves(p, r);
	k.bytes = xcalloc(n, sizeof(*k.bytes));
	k.unknown = xcalloc(n, sizeof(*k.unknown));
	k.node = xcalloc(n, sizeof(*k.node));
	k.tier = xcalloc(n, sizeof(*k.tier));
	k.family = xcalloc(n, sizeof(*k.family));
	k.median = xcalloc(n, sizeof(*k.median));
	k.share = xcalloc(n, sizeof(*k.share));
	k.load_n = 2 * p->group_n + WAVES_MAX + 2;
	k.load = xcalloc(k.load_n, sizeof(*k.load));
	k.load_bytes = xcalloc(k.load_n, sizeof(*k.load_bytes));
	k.arc = between_groups(g, p, &k.arc_n);
	for (unsigned i = 0; i < p->group_n; i++)
		weigh_group(&k, i);
	return k;
}

static void work_fini(struct wave_work *k)
{
	free(k->bytes);
	free(k->unknown);
	free(k->node);
	free(k->tier);
	free(k->family);
	free(k->median);
	free(k->share);
	free(k->load);
	free(k->load_bytes);
	free(k->arc);
}

struct named {
	char *name;
	unsigned group;
};

static int by_name(const void *pa, const void *pb)
{
	const struct named *a = pa, *b = pb;
	int d = strcmp(a->name, b->name);

	return d ? d : (a->group > b->group) - (a->group < b->group);
}

/* Whether the groups of a run are of several environments. */
static bool differ(const struct wave_work *k, const struct named *run, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		if (k->tier[run[i].group] != k->tier[run[0].group])
			return true;
	return false;
}

/* One family for each run of equal names; frees the names. */
static void make_families(struct wave_work *k, struct named *named, unsigned n,
			  unsigned *families)
{
	if (n)
		qsort(named, n, sizeof(*named), by_name);
	for (unsigned i = 0, next; i < n; i = next) {
		for (next = i + 1; next < n && !strcmp(named[next].name, named[i].name);)
			next++;
		if (!*named[i].name || next - i > FAMILY_MOST ||
		    !differ(k, named + i, next - i))
			continue;
		for (unsigned j = i; j < next; j++)
			k->family[named[j].group] = *families;
		(*families)++;
	}
	for (unsigned i = 0; i < n; i++)
		free(named[i].name);
}

/*
 * Groups whose names differ in the environment alone are one family: in a word for it, else
 * in a letter or two at the end.
 */
static void find_families(struct wave_work *k)
{
	unsigned n = k->p->group_n, families = 0, words = 0, stems = 0;
	struct named *named = xcalloc(n + 1ul, sizeof(*named));

	for (unsigned i = 0; i < n; i++) {
		const struct plan_group *g = &k->p->group[i];

		k->tier[i] = tier_of(g->env, g->name);
		k->family[i] = PLAN_NONE;
		if (g->kind == PLAN_GROUP)
			named[words++] = (struct named){ tier_family(g->name), i };
	}
	make_families(k, named, words, &families);
	for (unsigned i = 0; i < n; i++) {
		const struct plan_group *g = &k->p->group[i];

		if (g->kind == PLAN_GROUP && k->family[i] == PLAN_NONE)
			named[stems++] = (struct named){ tier_stem(g->env, g->name), i };
	}
	make_families(k, named, stems, &families);
	free(named);
}

static void choose_capacity(struct wave_work *k)
{
	unsigned long all = 0, part;

	for (unsigned i = 0; i < k->p->group_n; i++)
		if (moves(k, i))
			all += k->p->group[i].machine_n;
	part = (all + CAPACITY_PART - 1) / CAPACITY_PART;
	k->w->capacity = k->r->capacity;
	if (!k->w->capacity)
		k->w->capacity = part > CAPACITY_LEAST ? (unsigned)part : CAPACITY_LEAST;
	if (k->r->pilot == WAVES_NO_PILOT || k->w->first > 1)
		k->w->pilot = 0;
	else if (k->r->pilot)
		k->w->pilot = k->r->pilot;
	else
		k->w->pilot = all > PILOT_FROM ? PILOT : 0;
	if (k->w->pilot >= k->w->capacity)
		k->w->pilot = 0;
}

/* What is stretched moves between the others: room is left for it in every wave. */
static unsigned reserve(const struct wave_work *k, unsigned capacity)
{
	unsigned long all = 0, later = 0;

	for (unsigned i = 0; i < k->p->group_n; i++) {
		if (!moves(k, i))
			continue;
		all += k->p->group[i].machine_n;
		if (k->p->group[i].kind == PLAN_SHARED && !k->w->place[i].kept &&
		    k->w->place[i].advice == SERVICE_STRETCH)
			later += k->p->group[i].machine_n;
	}
	return all ? (unsigned)(capacity * later / all) : 0;
}

/* The packer's wave of a group that has one before: 0 for none, or one that has passed. */
static unsigned fixed_wave(const struct wave_work *k, unsigned i)
{
	unsigned wave = k->w->place[i].wave;

	return k->w->place[i].kept && wave >= k->w->first ? wave - k->w->first + 1 : 0;
}

/* Shared services that move first fill the first waves. */
static unsigned fixed_first(const struct wave_work *k, unsigned i, unsigned long *taken)
{
	if (k->p->group[i].kind != PLAN_SHARED || !moves(k, i) || k->w->place[i].kept ||
	    k->w->place[i].advice != SERVICE_FIRST)
		return 0;
	*taken += k->p->group[i].machine_n;
	return (unsigned)((*taken - 1) / k->w->capacity) + 1;
}

struct packed {
	struct pack q;
	struct pack_node *node;
	struct pack_arc *arc;
	unsigned *group, *wave;
};

static void pack_nodes(struct wave_work *k, struct packed *x)
{
	unsigned long taken = 0;

	for (unsigned i = 0; i < k->p->group_n; i++) {
		unsigned first = fixed_first(k, i, &taken), fixed = fixed_wave(k, i);

		k->node[i] = PLAN_NONE;
		if (!is_free(k, i) && !fixed && !first)
			continue;
		k->node[i] = x->q.node_n;
		x->group[x->q.node_n] = i;
		x->node[x->q.node_n++] = (struct pack_node){
			.size = k->p->group[i].machine_n,
			.bytes = k->bytes[i],
			.fixed = fixed ? fixed : first,
			.rank = k->tier[i],
			.family = k->family[i],
		};
	}
}

static void pack_arcs(struct wave_work *k, struct packed *x)
{
	for (unsigned i = 0; i < k->arc_n; i++) {
		const struct between *a = &k->arc[i];
		unsigned c = k->node[a->client], s = k->node[a->server];

		if (c == PLAN_NONE || s == PLAN_NONE ||
		    k->p->group[a->client].kind == PLAN_SHARED ||
		    k->p->group[a->server].kind == PLAN_SHARED)
			continue;
		x->arc[x->q.arc_n++] = (struct pack_arc){ c, s, (double)a->connections };
	}
}

static struct packed packed_of(struct wave_work *k)
{
	struct packed x = { 0 };

	x.node = xcalloc(k->p->group_n + 1ul, sizeof(*x.node));
	x.group = xcalloc(k->p->group_n + 1ul, sizeof(*x.group));
	x.wave = xcalloc(k->p->group_n + 1ul, sizeof(*x.wave));
	x.arc = xcalloc(k->arc_n + 1ul, sizeof(*x.arc));
	pack_nodes(k, &x);
	pack_arcs(k, &x);
	x.q.node = x.node;
	x.q.arc = x.arc;
	x.q.capacity_bytes = k->r->capacity_bytes;
	x.q.pilot = k->w->pilot;
	return x;
}

static void packed_fini(struct packed *x)
{
	free(x->node);
	free(x->group);
	free(x->wave);
	free(x->arc);
}

static unsigned pack_with(struct wave_work *k, struct packed *x, unsigned capacity,
			  unsigned effort)
{
	unsigned kept = reserve(k, capacity);

	x->q.capacity = kept < capacity ? capacity - kept : 1;
	x->q.effort = effort;
	x->q.waves_max = k->w->slots;
	return pack_waves(&x->q, x->wave);
}

/* The least capacity with which groups would be done in time; X is packed with another one. */
static unsigned capacity_in_time(struct wave_work *k, struct packed *x)
{
	unsigned lo = k->w->capacity, hi = lo;

	for (unsigned v = 0; v < x->q.node_n; v++)
		hi += x->node[v].size;
	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (pack_with(k, x, mid, 0) <= k->w->slots)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static void load_wave(struct wave_work *k, unsigned i, unsigned wave)
{
	k->w->place[i].wave = wave;
	if (wave >= k->load_n || !moves(k, i))
		return;
	k->load[wave] += k->p->group[i].machine_n;
	k->load_bytes[wave] = add_bytes(k->load_bytes[wave], k->bytes[i]);
	if (wave > k->highest)
		k->highest = wave;
}

static void place_groups(struct wave_work *k)
{
	struct packed x = packed_of(k);
	unsigned waves = 0;

	if (k->w->slots && !k->r->capacity)
		k->w->capacity = capacity_in_time(k, &x);
	if (x.q.node_n)
		waves = pack_with(k, &x, k->w->capacity, 1);
	for (unsigned v = 0; v < x.q.node_n; v++)
		load_wave(k, x.group[v], x.wave[v] + k->w->first - 1);
	if (k->w->slots && waves > k->w->slots && k->r->capacity)
		wave_note(
			k->w,
			"with %u machines a wave it takes %u waves and there are %u cutovers "
			"till the deadline: %u machines a wave would do",
			k->w->capacity, waves, k->w->slots, capacity_in_time(k, &x));
	packed_fini(&x);
	for (unsigned i = 0; i < k->p->group_n; i++) {
		if (k->w->place[i].everywhere)
			k->w->place[i].wave = k->w->first;
		else if (k->w->place[i].kept && !fixed_wave(k, i))
			load_wave(k, i, k->w->place[i].wave);
	}
}

static bool room(const struct wave_work *k, unsigned wave, unsigned i)
{
	unsigned cap = wave == k->w->first && k->w->pilot ? k->w->pilot : k->w->capacity;

	if (!k->load[wave])
		return cap == k->w->capacity || k->p->group[i].machine_n <= cap;
	if (k->load[wave] + k->p->group[i].machine_n > cap)
		return false;
	return !k->r->capacity_bytes ||
	       add_bytes(k->load_bytes[wave], k->bytes[i]) <= k->r->capacity_bytes;
}

/* Into the first wave from WAVE on that has room. */
static void place_from(struct wave_work *k, unsigned i, unsigned wave)
{
	while (wave + 1 < k->load_n && !room(k, wave, i))
		wave++;
	load_wave(k, i, wave);
}

/* The connections of every stretched service by its users' waves, then the median. */
static void find_medians(struct wave_work *k)
{
	unsigned n = k->p->group_n, width = k->highest + 1;
	double *sum = xcalloc(width, sizeof(*sum));

	for (unsigned i = 0; i < n; i++) {
		double all = 0, upto = 0;

		if (k->p->group[i].kind != PLAN_SHARED || !moves(k, i) ||
		    k->w->place[i].kept || k->w->place[i].advice != SERVICE_STRETCH)
			continue;
		memset(sum, 0, width * sizeof(*sum));
		for (unsigned a = 0; a < k->arc_n; a++) {
			unsigned c = k->arc[a].client, s = k->arc[a].server;
			unsigned user = c == i ? s : c;

			if ((c != i && s != i) || k->p->group[user].kind == PLAN_SHARED)
				continue;
			sum[k->w->place[user].done ? 0 : k->w->place[user].wave] +=
				(double)k->arc[a].connections;
			all += (double)k->arc[a].connections;
		}
		for (unsigned w = 0; w < width && all > 0 && upto * 2 < all; w++) {
			upto += sum[w];
			k->median[i] = w;
		}
		k->share[i] = all > 0 ? (unsigned)(100 * upto / all) : 0;
	}
	free(sum);
}

static void place_shared(struct wave_work *k, enum service_advice advice, unsigned last)
{
	for (unsigned i = 0; i < k->p->group_n; i++) {
		unsigned from = advice == SERVICE_LAST || !k->share[i] ? last : k->median[i];

		if (k->p->group[i].kind != PLAN_SHARED || !moves(k, i) ||
		    k->w->place[i].kept || k->w->place[i].advice != advice)
			continue;
		place_from(k, i, from > k->w->first ? from : k->w->first);
	}
}

/* Circles, and who moves before its server. */
static int by_connections(const void *pa, const void *pb)
{
	const struct wave_against *a = pa, *b = pb;

	if (a->connections != b->connections)
		return a->connections > b->connections ? -1 : 1;
	if (a->client != b->client)
		return a->client < b->client ? -1 : 1;
	return (a->server > b->server) - (a->server < b->server);
}

static void find_against(struct wave_work *k, const unsigned *comp)
{
	struct waves *w = k->w;

	w->against = xcalloc(k->arc_n + 1ul, sizeof(*w->against));
	for (unsigned i = 0; i < k->arc_n; i++) {
		unsigned c = k->arc[i].client, s = k->arc[i].server;

		if (k->p->group[c].kind == PLAN_SHARED || w->place[c].done ||
		    k->p->group[s].kind == PLAN_SHARED || w->place[s].done ||
		    w->place[c].wave >= w->place[s].wave)
			continue;
		w->against[w->against_n++] = (struct wave_against){
			.client = c,
			.server = s,
			.connections = k->arc[i].connections,
			.client_wave = w->place[c].wave,
			.server_wave = w->place[s].wave,
			.cycle = comp[c] == comp[s],
		};
	}
	if (w->against_n)
		qsort(w->against, w->against_n, sizeof(*w->against), by_connections);
}

static int by_size(const void *pa, const void *pb)
{
	const struct wave_cycle *a = pa, *b = pb;

	if (a->group_n != b->group_n)
		return a->group_n > b->group_n ? -1 : 1;
	return a->group[0] < b->group[0] ? -1 : a->group[0] > b->group[0];
}

static int by_number(const void *pa, const void *pb)
{
	unsigned a = *(const unsigned *)pa, b = *(const unsigned *)pb;

	return (a > b) - (a < b);
}

static unsigned spread(const struct wave_work *k, const struct wave_cycle *c)
{
	unsigned *wave = xcalloc(c->group_n, sizeof(*wave)), n = 0;

	for (unsigned i = 0; i < c->group_n; i++)
		wave[i] = k->w->place[c->group[i]].wave;
	qsort(wave, c->group_n, sizeof(*wave), by_number);
	for (unsigned i = 0; i < c->group_n; i++)
		n += !i || wave[i] != wave[i - 1];
	free(wave);
	return n;
}

static void find_cycles(struct wave_work *k, const unsigned *comp, unsigned comps)
{
	struct wave_cycle *all = xcalloc(comps + 1ul, sizeof(*all));
	struct waves *w = k->w;

	for (unsigned i = 0; i < k->p->group_n; i++)
		all[comp[i]].group_n++;
	for (unsigned c = 0; c < comps; c++) {
		if (all[c].group_n < 2)
			continue;
		all[c].group = xcalloc(all[c].group_n, sizeof(*all[c].group));
		all[c].group_n = 0;
	}
	for (unsigned i = 0; i < k->p->group_n; i++)
		if (all[comp[i]].group)
			all[comp[i]].group[all[comp[i]].group_n++] = i;
	for (unsigned c = 0; c < comps; c++) {
		if (!all[c].group)
			continue;
		all[c].waves = spread(k, &all[c]);
		all[w->cycle_n++] = all[c];
	}
	w->cycle = all;
	if (w->cycle_n)
		qsort(w->cycle, w->cycle_n, sizeof(*w->cycle), by_size);
}

static void find_broken(struct wave_work *k)
{
	struct feedback_arc *arc = xcalloc(k->arc_n + 1ul, sizeof(*arc));
	unsigned *comp = xcalloc(k->p->group_n + 1ul, sizeof(*comp)), n = 0, comps;

	for (unsigned i = 0; i < k->arc_n; i++) {
		unsigned c = k->arc[i].client, s = k->arc[i].server;

		if (k->p->group[c].kind == PLAN_GROUP && k->p->group[s].kind == PLAN_GROUP &&
		    !k->w->place[c].done && !k->w->place[s].done)
			arc[n++] = (struct feedback_arc){ s, c, 1 };
	}
	comps = feedback_components(k->p->group_n, arc, n, comp);
	find_against(k, comp);
	find_cycles(k, comp, comps);
	free(comp);
	free(arc);
}

static void count_waves(struct wave_work *k)
{
	struct waves *w = k->w;
	struct wave *at;

	w->wave = xcalloc(k->highest + 1ul, sizeof(*w->wave));
	for (unsigned n = 1; n <= k->highest; n++) {
		if (!k->load[n])
			continue;
		at = &w->wave[w->wave_n++];
		at->number = n;
		for (unsigned i = 0; i < k->p->group_n; i++) {
			if (w->place[i].wave != n || !moves(k, i))
				continue;
			at->groups++;
			at->machines += k->p->group[i].machine_n;
			at->bytes = add_bytes(at->bytes, k->bytes[i]);
			at->bytes_unknown += k->unknown[i];
		}
		at->over = at->machines > w->capacity ||
			   (k->r->capacity_bytes && at->bytes > k->r->capacity_bytes);
		if (k->r->link_bits)
			at->hours = (double)at->bytes * 8 / (double)k->r->link_bits / 3600;
	}
}

/* From the first cutover on, waves that have moved had theirs. */
static unsigned cutovers_gone(const struct wave_work *k)
{
	return k->r->start ? k->w->first - 1 : 0;
}

static void set_date(struct wave_work *k, struct wave *at, int64_t cutover, int64_t before)
{
	double seconds = at->hours * 3600;

	at->cutover = cutover;
	if (k->r->link_bits && at->bytes)
		at->replicate_from = cutover - (int64_t)(seconds < 1e15 ? seconds : 1e15);
	at->tight = before && at->replicate_from && at->replicate_from < before;
	k->w->finish = cutover;
}

static void set_dates(struct wave_work *k)
{
	struct waves *w = k->w;
	unsigned skip = cutovers_gone(k), passed = 0, n;
	int64_t *slot;

	while (passed < w->wave_n && w->wave[passed].number < w->first)
		passed++;
	slot = xcalloc((size_t)skip + w->wave_n + 1, sizeof(*slot));
	n = calendar_slots(k->r, slot, skip + w->wave_n - passed);
	for (unsigned i = skip; i < n; i++)
		set_date(k, &w->wave[passed + i - skip], slot[i], i ? slot[i - 1] : 0);
	free(slot);
}

static unsigned slots_left(const struct wave_work *k)
{
	unsigned all = calendar_count(k->r), gone = cutovers_gone(k);

	return !all ? 0 : all > gone ? all - gone : 1;
}

struct waves *waves_assign(const struct graph *g, struct plan *p,
			   const struct wave_rules *rules)
{
	static const struct wave_rules none;
	struct wave_work k = work_of(g, p, rules ? rules : &none);

	find_families(&k);
	choose_capacity(&k);
	k.w->slots = slots_left(&k);
	place_groups(&k);
	find_medians(&k);
	place_shared(&k, SERVICE_STRETCH, k.highest);
	place_shared(&k, SERVICE_LAST, k.highest);
	find_broken(&k);
	count_waves(&k);
	set_dates(&k);
	wave_words(&k);
	for (unsigned i = 0; i < p->group_n; i++)
		p->group[i].wave = k.w->place[i].wave;
	work_fini(&k);
	return k.w;
}

void waves_free(struct waves *w)
{
	if (!w)
		return;
	for (unsigned i = 0; i < w->place_n; i++)
		free(w->place[i].reason);
	for (unsigned i = 0; i < w->cycle_n; i++)
		free(w->cycle[i].group);
	for (unsigned i = 0; i < w->note_n; i++)
		free(w->note[i]);
	free(w->note);
	free(w->place);
	free(w->cycle);
	free(w->against);
	free(w->wave);
	free(w);
}

const struct wave *waves_number(const struct waves *w, unsigned number)
{
	for (unsigned i = 0; i < w->wave_n; i++)
		if (w->wave[i].number == number)
			return &w->wave[i];
	return NULL;
}

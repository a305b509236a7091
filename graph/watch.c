/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/watch.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"

const char *const watch_method_word[3] = { "none", "days", "connections" };

enum {
	DAY = 86400,
	HOUR = 3600,
	HOURS_UNTIL = 3 * DAY, /* a shorter window is shown by the hour */
	FIT_DAYS = 6,	       /* fewer days behind the first tell nothing of a tail */
	FAR = 3,	       /* times what was watched: no fit says more than that */
	CURVE_MAX = 4000,
};
#define NORMAL_95 1.959964

/* Who and what is spoken of: all, or a group and the edges that touch it. */
struct choice {
	const struct graph *g;
	const struct plan_group *group; /* NULL: all */
	const unsigned *edge;		/* NULL: all */
	unsigned edge_n;
	const unsigned *days;
};

static unsigned edge_at(const struct choice *c, unsigned i)
{
	return c->edge ? c->edge[i] : i;
}

/* What only ever failed is nobody's dependency: a scanner has a new one every minute. */
static bool gets_through(const struct graph_edge *e)
{
	return e->live || e->c.opens > counters_failed(&e->c) || !e->c.opens;
}

static bool import_only(const struct graph_edge *e)
{
	return e->witnesses == 1u << WITNESS_IMPORT;
}

static void count_machines(struct watch *w, const struct choice *c)
{
	unsigned n = c->group ? c->group->machine_n : c->g->machine_n;

	for (unsigned i = 0; i < n; i++) {
		unsigned m = c->group ? c->group->machine[i] : i;
		const struct graph_machine *x = &c->g->machine[m];

		w->machines += x->known;
		w->sensors += x->known && x->sensor;
		w->strangers += !x->known;
	}
}

/* Imports do not say which of the two ends told, unless they carry witnesses. */
static void count_sides(struct watch *w, const struct graph *g, const struct graph_edge *e)
{
	const struct graph_process *client = &g->process[e->client];
	const struct graph_process *server = &g->process[e->server];
	bool a = g->machine[client->machine].sensor, b = g->machine[server->machine].sensor;
	unsigned both = 1u << WITNESS_CLIENT | 1u << WITNESS_SERVER;

	w->nameless += (a && !*client->name) || (b && !*server->name);
	w->guessed += e->guess;
	w->imported += import_only(e);
	if (!a || !b || client->machine == server->machine || import_only(e))
		return;
	w->both++;
	w->one_sided += (e->witnesses & both) != both;
}

static void count_edges(struct watch *w, const struct choice *c)
{
	for (unsigned i = 0; i < c->edge_n; i++) {
		const struct graph_edge *e = &c->g->edge[edge_at(c, i)];

		w->failing += !gets_through(e);
		if (!gets_through(e))
			continue;
		w->edges++;
		count_sides(w, c->g, e);
		w->before += e->first && e->first < w->first;
	}
}

/* What was watched: the window, as far as there are facts at all. */
static void set_span(struct watch *w, const struct graph *g)
{
	int64_t first = g->health.first ? g->health.first : g->first;
	int64_t last = g->health.last ? g->health.last : g->last;

	if (g->first && g->first < first)
		first = g->first;
	if (g->last > last)
		last = g->last;
	w->first = g->since > first ? g->since : first;
	w->last = g->until && g->until < last ? g->until : last;
	if (!first || w->last < w->first)
		w->first = w->last = 0;
	w->weekly = w->last - w->first >= WATCH_WEEKLY;
	w->monthly = w->last - w->first >= WATCH_MONTHLY;
}

static void draw_curve(struct watch *w, const struct choice *c)
{
	int64_t from;
	unsigned total = w->before;

	if (!w->first)
		return;
	w->step = w->last - w->first < HOURS_UNTIL ? HOUR : DAY;
	from = w->first - w->first % w->step;
	if ((w->last - from) / w->step >= CURVE_MAX)
		from = w->last - w->last % w->step - (CURVE_MAX - 1) * w->step;
	w->curve_n = (unsigned)((w->last - from) / w->step) + 1;
	w->curve = xcalloc(w->curve_n, sizeof(*w->curve));
	for (unsigned i = 0; i < w->curve_n; i++)
		w->curve[i].at = from + i * w->step;
	for (unsigned i = 0; i < c->edge_n; i++) {
		const struct graph_edge *e = &c->g->edge[edge_at(c, i)];

		if (!e->first || e->first < w->first || e->first > w->last || !gets_through(e))
			continue;
		w->curve[e->first < from ? 0 : (e->first - from) / w->step].fresh++;
	}
	for (unsigned i = 0; i < w->curve_n; i++)
		w->curve[i].total = total += w->curve[i].fresh;
}

/*
 * The bias-corrected estimates, which need nobody seen twice, and a log-normal interval, which
 * never falls below what was seen.
 */
struct watch_unseen watch_unseen(unsigned seen, unsigned once, unsigned twice,
				 unsigned samples, uint64_t n)
{
	struct watch_unseen u = { .method = samples ? WATCH_DAYS : WATCH_CONNECTIONS,
				  .seen = seen,
				  .once = once,
				  .twice = twice };
	double f1 = once, f2 = twice, k = samples ? (samples - 1.0) / samples : 1, var, wide;

	u.complete = n ? 1 - f1 / (double)n : 0;
	if (!seen || (samples && samples < 2)) {
		u.method = WATCH_NOTHING;
		return u;
	}
	u.more = k * f1 * (f1 - 1) / (2 * (f2 + 1));
	if (u.more <= 0) {
		u.more = 0;
		return u;
	}
	if (f2 > 0)
		var = k * f1 * (f1 - 1) / (2 * (f2 + 1)) +
		      k * k * f1 * (2 * f1 - 1) * (2 * f1 - 1) / (4 * (f2 + 1) * (f2 + 1)) +
		      k * k * f1 * f1 * f2 * (f1 - 1) * (f1 - 1) / (4 * pow(f2 + 1, 4));
	else
		var = k * f1 * (f1 - 1) / 2 + k * k * f1 * (2 * f1 - 1) * (2 * f1 - 1) / 4 -
		      k * k * pow(f1, 4) / (4 * (seen + u.more));
	wide = var > 0 ? exp(NORMAL_95 * sqrt(log(1 + var / (u.more * u.more)))) : 1;
	u.low = u.more / wide;
	u.high = u.more * wide;
	return u;
}

struct tally {
	unsigned seen, once, twice;
	uint64_t n;
};

static void tally(struct tally *t, uint64_t times)
{
	if (!times)
		return;
	t->seen++;
	t->once += times == 1;
	t->twice += times == 2;
	t->n += times;
}

/*
 * Days where they are known of nearly all, since connections come in bursts: an edge with a
 * hundred connections in one minute was seen once.
 */
static void estimate(struct watch *w, const struct choice *c)
{
	struct tally days = { 0 }, opens = { 0 };
	unsigned samples = w->first ? (unsigned)(w->last / DAY - w->first / DAY) + 1 : 0;

	for (unsigned i = 0; i < c->edge_n; i++) {
		const struct graph_edge *e = &c->g->edge[edge_at(c, i)];

		if (!gets_through(e))
			continue;
		tally(&opens, e->c.opens);
		if (c->days)
			tally(&days, c->days[edge_at(c, i)]);
	}
	if (samples >= 3 && days.seen * 10ul >= w->edges * 9ul)
		w->unseen = watch_unseen(days.seen, days.once, days.twice, samples, days.n);
	else
		w->unseen = watch_unseen(opens.seen, opens.once, opens.twice, 0, opens.n);
}

/* New edges a day: A * (t + 1)^-C or A * e^(-C t), T in days since the beginning. */
struct fit {
	bool power;
	double a, c;
	double likelihood; /* its logarithm, but for what both have */
};

static double fall(const struct fit *f, double t)
{
	return f->power ? log(t + 1) : t;
}

/* How much of step I lies inside of what was watched. */
static double exposure(const struct watch *w, unsigned i)
{
	int64_t from = w->curve[i].at, to = from + w->step;

	if (from < w->first)
		from = w->first;
	if (to > w->last)
		to = w->last;
	return to > from ? (double)(to - from) / (double)w->step : 0;
}

static double middle(const struct watch *w, unsigned i)
{
	return (double)(w->curve[i].at - w->curve[0].at) / DAY + 0.5;
}

/* The later half, never the first day, on which everything is new. */
static unsigned tail_from(const struct watch *w)
{
	unsigned tail = w->curve_n / 2 > FIT_DAYS ? w->curve_n / 2 : FIT_DAYS;

	return tail < w->curve_n ? w->curve_n - tail : 1;
}

/* Given C, the A of greatest likelihood makes the sums equal; what remains is one equation. */
static double slope(const struct watch *w, struct fit *f)
{
	double fresh = 0, expect = 0, fresh_fall = 0, expect_fall = 0;

	for (unsigned i = tail_from(w); i < w->curve_n; i++) {
		double h = fall(f, middle(w, i)), rate = exposure(w, i) * exp(-f->c * h);

		fresh += w->curve[i].fresh;
		fresh_fall += w->curve[i].fresh * h;
		expect += rate;
		expect_fall += rate * h;
	}
	f->a = expect > 0 ? fresh / expect : 0;
	f->likelihood = fresh > 0 ? fresh * log(f->a) - f->c * fresh_fall : 0;
	return fresh > 0 && expect > 0 ? fresh_fall / fresh - expect_fall / expect : 0;
}

/* By Poisson likelihood. */
static struct fit fit_form(const struct watch *w, bool power)
{
	struct fit f = { .power = power };
	double lo = 0, hi = 20;

	if (slope(w, &f) >= 0) /* does not fall */
		return f;
	for (int i = 0; i < 60; i++) {
		f.c = (lo + hi) / 2;
		if (slope(w, &f) < 0)
			lo = f.c;
		else
			hi = f.c;
	}
	return f;
}

/*
 * Many rhythms mixed fall like a power of time, few of them exponentially, which ends sooner;
 * both have two numbers to choose, so the likelier one it is.
 */
static struct fit fit_tail(const struct watch *w)
{
	struct fit power = fit_form(w, true), fast = fit_form(w, false);

	return fast.likelihood > power.likelihood ? fast : power;
}

static double expected(const struct fit *f, double t)
{
	return f->a * exp(-f->c * fall(f, t));
}

static void look_ahead(struct watch *w)
{
	double end, limit = WATCH_PAYS * w->edges;
	struct fit f;

	if (w->step != DAY || w->curve_n < FIT_DAYS + 1 || !w->edges)
		return;
	f = fit_tail(w);
	w->fitted = true;
	end = middle(w, w->curve_n - 1);
	w->next_day = expected(&f, end + 1);
	for (unsigned day = 1; day < FAR * w->curve_n; day++) {
		double t = middle(w, 0) + day;

		if (expected(&f, t) >= limit)
			continue;
		w->enough = w->curve[0].at + (int64_t)day * DAY;
		w->past = t <= end;
		return;
	}
}

static struct watch *watch_choice(const struct choice *c)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	set_span(w, c->g);
	count_machines(w, c);
	count_edges(w, c);
	draw_curve(w, c);
	estimate(w, c);
	look_ahead(w);
	return w;
}

struct watch *watch_of(const struct graph *g, const unsigned *days)
{
	struct choice c = { .g = g, .edge_n = g->edge_n, .days = days };

	return watch_choice(&c);
}

/* The groups at the two ends of an edge, an inner one once. */
static unsigned groups_of(const struct graph *g, const struct plan *p, unsigned edge,
			  unsigned out[2])
{
	unsigned a = p->machine[g->process[g->edge[edge].client].machine].group;
	unsigned b = p->machine[g->process[g->edge[edge].server].machine].group;
	unsigned n = 0;

	if (a != PLAN_NONE)
		out[n++] = a;
	if (b != PLAN_NONE && b != a)
		out[n++] = b;
	return n;
}

struct watch_groups {
	unsigned *start,
		*edge; /* group K's edges are edge[start[K]] up to edge[start[K + 1]] */
};

struct watch_groups *watch_groups(const struct graph *g, const struct plan *p)
{
	struct watch_groups *x = xcalloc(1, sizeof(*x));
	unsigned *at = xcalloc(p->group_n + 2ul, sizeof(*at)), group[2];

	x->start = xcalloc(p->group_n + 1ul, sizeof(*x->start));
	x->edge = xcalloc(2ul * g->edge_n + 1, sizeof(*x->edge));
	for (unsigned i = 0; i < g->edge_n; i++)
		for (unsigned n = groups_of(g, p, i, group); n--;)
			x->start[group[n] + 1]++;
	for (unsigned k = 0; k < p->group_n; k++)
		at[k + 1] = x->start[k + 1] += x->start[k];
	for (unsigned i = 0; i < g->edge_n; i++)
		for (unsigned n = groups_of(g, p, i, group); n--;)
			x->edge[at[group[n]]++] = i;
	free(at);
	return x;
}

struct watch *watch_group(const struct watch_groups *x, const struct graph *g,
			  const struct plan *p, unsigned group, const unsigned *days)
{
	struct choice c = { .g = g,
			    .group = &p->group[group],
			    .edge = &x->edge[x->start[group]],
			    .edge_n = x->start[group + 1] - x->start[group],
			    .days = days };

	return watch_choice(&c);
}

void watch_groups_free(struct watch_groups *x)
{
	if (!x)
		return;
	free(x->start);
	free(x->edge);
	free(x);
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	free(w->curve);
	free(w);
}

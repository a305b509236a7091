/* SPDX-License-Identifier: Apache-2.0 */
/* The hand-over document: what stands around the plan, and how values are written. */
#include "graph/export_json.h"

#include "common/exchange.h"
#include "common/version.h"

enum { HANDOVER_VERSION = 1 };

void handover_text(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	if (s && *s)
		json_string(j, s);
	else
		json_null(j);
}

void handover_uint(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_uint(j, v < EXCHANGE_MAX ? v : EXCHANGE_MAX);
}

void handover_known(struct json *j, const char *key, uint64_t v)
{
	if (v) {
		handover_uint(j, key, v);
		return;
	}
	json_key(j, key);
	json_null(j);
}

void handover_time(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	if (v)
		json_int(j, v);
	else
		json_null(j);
}

void handover_number(struct json *j, double v)
{
	struct buf text = { 0 };

	export_real(&text, v);
	json_raw(j, buf_cstr(&text), text.n);
	buf_fini(&text);
}

void handover_real(struct json *j, const char *key, double v)
{
	json_key(j, key);
	handover_number(j, v);
}

void handover_group_name(const struct export *x, struct json *j, const char *key,
			 unsigned group)
{
	handover_text(j, key, group == PLAN_NONE ? "" : x->plan->group[group].name);
}

void handover_next(struct export_sink *s)
{
	buf_u8(&s->out, '\n');
	export_flow(s);
}

static void plan(const struct export *x, struct json *j)
{
	const struct plan *p = x->plan;

	json_key(j, "plan");
	if (!p) {
		json_null(j);
		return;
	}
	json_open(j, '{');
	handover_known(j, "id", (uint64_t)p->id);
	handover_time(j, "made", p->made_ms / 1000);
	handover_time(j, "since", p->since);
	handover_time(j, "until", p->until);
	handover_uint(j, "missing", p->missing);
	json_close(j, '}');
}

/* As cut_between counts them. */
static double days_of(const struct graph *g)
{
	double days = (double)(g->last - g->first) / 86400;

	return days > 1 ? days : 1;
}

static void window(const struct export *x, struct json *j)
{
	const struct graph *g = x->graph;

	json_key(j, "window");
	json_open(j, '{');
	handover_time(j, "since", g->since);
	handover_time(j, "until", g->until);
	handover_time(j, "first", g->first);
	handover_time(j, "last", g->last);
	handover_real(j, "days", x->cuts ? x->cuts->days : days_of(g));
	json_close(j, '}');
}

static void counts(const struct export *x, struct json *j)
{
	const struct graph *g = x->graph;
	unsigned known = 0, sensors = 0, placed = 0, groups = 0,
		 n = x->plan ? x->plan->group_n : 0;
	uint64_t opens = 0;

	for (unsigned m = 0; m < g->machine_n; m++) {
		known += g->machine[m].known;
		sensors += g->machine[m].sensor;
		placed += g->machine[m].known && export_group(x, m);
	}
	for (unsigned i = 0; i < n; i++)
		groups += x->plan->group[i].kind == PLAN_GROUP;
	for (unsigned i = 0; i < g->edge_n; i++)
		opens += g->edge[i].c.opens;
	handover_uint(j, "machines", known);
	handover_uint(j, "sensors", sensors);
	handover_uint(j, "addresses", g->machine_n - known);
	handover_uint(j, "groups", groups);
	handover_uint(j, "shared", n - groups);
	handover_uint(j, "ungrouped", known - placed);
	handover_uint(j, "processes", g->process_n);
	handover_uint(j, "edges", g->edge_n);
	handover_uint(j, "connections", opens);
}

static void records(const struct export *x, struct json *j)
{
	const struct health *h = &x->graph->health;

	json_key(j, "records");
	json_open(j, '{');
	handover_uint(j, "counted", h->records);
	handover_uint(j, "lost", h->lost);
	handover_uint(j, "overflow", h->overflow);
	handover_uint(j, "quarantined", h->quarantined);
	handover_uint(j, "rejected", h->rejected);
	json_close(j, '}');
}

static void coverage(const struct watch *w, struct json *j)
{
	json_key(j, "coverage");
	if (!w) {
		json_null(j);
		return;
	}
	json_open(j, '{');
	json_member_bool(j, "weekly", w->weekly);
	json_member_bool(j, "monthly", w->monthly);
	handover_uint(j, "both_ends_watched", w->both);
	handover_uint(j, "one_sided", w->one_sided);
	handover_uint(j, "process_unknown", w->nameless);
	handover_uint(j, "process_guessed", w->guessed);
	handover_uint(j, "imported", w->imported);
	json_close(j, '}');
}

static void curve(const struct watch *w, struct json *j)
{
	handover_time(j, "step_seconds", w->step);
	json_key(j, "curve");
	json_open(j, '[');
	for (unsigned i = 0; i < w->curve_n; i++) {
		json_open(j, '{');
		handover_time(j, "at", w->curve[i].at);
		handover_uint(j, "new", w->curve[i].fresh);
		handover_uint(j, "total", w->curve[i].total);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void discovery(const struct watch *w, struct json *j)
{
	bool says = w && w->unseen.method != WATCH_NOTHING;

	json_key(j, "discovery");
	if (!w) {
		json_null(j);
		return;
	}
	json_open(j, '{');
	handover_text(j, "method", watch_method_word[w->unseen.method]);
	json_key(j, "unseen");
	if (says) {
		json_open(j, '{');
		handover_real(j, "edges", w->unseen.more);
		handover_real(j, "low", w->unseen.low);
		handover_real(j, "high", w->unseen.high);
		handover_real(j, "complete", w->unseen.complete);
		json_close(j, '}');
	} else {
		json_null(j);
	}
	handover_time(j, "enough", w->enough);
	json_member_bool(j, "past", w->past);
	curve(w, j);
	json_close(j, '}');
}

static void estate(const struct export *x, struct json *j)
{
	json_key(j, "estate");
	json_open(j, '{');
	counts(x, j);
	records(x, j);
	coverage(x->watch, j);
	discovery(x->watch, j);
	json_close(j, '}');
}

void export_json(const struct export *x, struct export_sink *s)
{
	static const struct {
		const char *key;
		handover_fn *write;
	} lists[] = { { "machines", handover_machines }, { "groups", handover_groups },
		      { "shared", handover_shared },	 { "waves", handover_waves },
		      { "order", handover_order },	 { "cuts", handover_cuts },
		      { "edges", handover_edges } };
	struct json j = json_to(&s->out);

	json_open(&j, '{');
	handover_text(&j, "type", "handover");
	handover_uint(&j, "version", HANDOVER_VERSION);
	handover_text(&j, "generator", "skein " SKEIN_VERSION);
	plan(x, &j);
	window(x, &j);
	estate(x, &j);
	handover_next(s);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (lists[i].write == handover_edges && !x->edges)
			continue;
		json_key(&j, lists[i].key);
		lists[i].write(x, s, &j);
		handover_next(s);
	}
	json_close(&j, '}');
	buf_u8(&s->out, '\n');
}

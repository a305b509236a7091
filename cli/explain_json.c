/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/explain_text.h"

static void put_real(struct json *j, const char *key, double v)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%.9g", isfinite(v) ? v : 0);

	json_key(j, key);
	json_raw(j, text, (size_t)n);
}

/* Unknown is null. */
static void put_time(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	if (v)
		json_int(j, v);
	else
		json_null(j);
}

static void put_begin(struct json *j, const char *kind)
{
	json_open(j, '{');
	json_member_uint(j, "version", 1);
	json_member_string(j, "kind", kind);
}

static void put_id(struct json *j, const char *key, const struct graph_machine *m)
{
	json_key(j, key);
	if (m->known)
		json_string(j, m->id);
	else
		json_null(j);
}

static void put_group(struct json *j, const char *key, const struct explained *x,
		      unsigned group)
{
	json_key(j, key);
	if (group == PLAN_NONE)
		json_null(j);
	else
		json_string(j, x->p->group[group].name);
}

static void put_end(struct json *j, const struct explained *x, bool server, unsigned process)
{
	const struct graph_process *p = &x->g->process[process];
	const struct graph_machine *m = &x->g->machine[p->machine];

	put_id(j, server ? "server" : "client", m);
	json_member_string(j, server ? "server_name" : "client_name", m->name);
	json_member_string(j, server ? "server_process" : "client_process", p->name);
}

void explain_json_edge(struct json *j, const struct explained *x, unsigned edge)
{
	const struct graph_edge *e = &x->g->edge[edge];

	json_open(j, '{');
	put_end(j, x, false, e->client);
	put_end(j, x, true, e->server);
	json_member_uint(j, "server_port", e->port);
	json_member_string(j, "protocol", e->proto == PROTO_UDP ? "udp" : "tcp");
	json_member_uint(j, "opens", e->c.opens);
	json_member_uint(j, "failed", counters_failed(&e->c));
	if (e->c.has_bytes) {
		json_member_uint(j, "bytes_to_server", e->c.bytes_to_server);
		json_member_uint(j, "bytes_to_client", e->c.bytes_to_client);
	}
	json_member_uint(j, "live", e->live);
	put_time(j, "first", e->first);
	put_time(j, "last", e->last);
	json_key(j, "days");
	if (x->days && x->days[edge])
		json_uint(j, x->days[edge]);
	else
		json_null(j);
	json_key(j, "witnesses");
	json_open(j, '[');
	for (int w = WITNESS_CLIENT; w < WITNESS_COUNT; w++)
		if (e->witnesses & 1u << w)
			json_string(j, witness_word[w]);
	json_close(j, ']');
	json_member_bool(j, "guess", e->guess);
	json_close(j, '}');
}

static void put_edges(struct json *j, const struct explained *x, const unsigned *edge,
		      unsigned n)
{
	json_key(j, "edges");
	json_open(j, '[');
	for (unsigned i = 0; i < n; i++)
		explain_json_edge(j, x, edge[i]);
	json_close(j, ']');
}

static void put_tie(struct json *j, const struct explained *x, const struct explain_tie *tie)
{
	json_open(j, '{');
	put_id(j, "from", &x->g->machine[tie->from]);
	json_member_string(j, "from_name", x->g->machine[tie->from].name);
	put_id(j, "to", &x->g->machine[tie->to]);
	json_member_string(j, "to_name", x->g->machine[tie->to].name);
	put_group(j, "group", x, tie->group);
	put_real(j, "weight", tie->weight);
	put_real(j, "share", tie->share);
	put_edges(j, x, tie->edge, tie->edge_n);
	json_close(j, '}');
}

static void put_ties(struct json *j, const char *key, const struct explained *x,
		     const struct explain_tie *tie, unsigned n)
{
	json_key(j, key);
	json_open(j, '[');
	for (unsigned i = 0; i < n; i++)
		put_tie(j, x, &tie[i]);
	json_close(j, ']');
}

static void put_near(struct json *j, const struct explained *x,
		     const struct explain_near *near, unsigned n)
{
	json_key(j, "other_groups");
	json_open(j, '[');
	for (unsigned i = 0; i < n; i++) {
		json_open(j, '{');
		put_group(j, "group", x, near[i].group);
		put_real(j, "weight", near[i].weight);
		put_real(j, "share", near[i].share);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_uses(struct json *j, const char *key, const struct explained *x,
		     const struct explain_use *use, unsigned n)
{
	json_key(j, key);
	json_open(j, '[');
	for (unsigned i = 0; i < n; i++) {
		json_open(j, '{');
		put_group(j, "group", x, use[i].group);
		if (use[i].group != PLAN_NONE && x->p->group[use[i].group].kind == PLAN_SHARED)
			json_member_string(j, "service",
					   service_word(x->p->group[use[i].group].service));
		json_member_uint(j, "machines", use[i].far);
		json_member_uint(j, "own_machines", use[i].near);
		json_member_bool(j, "served", use[i].serves);
		json_member_bool(j, "called", use[i].calls);
		json_member_uint(j, "opens", use[i].opens);
		json_member_uint(j, "failed", use[i].failed);
		put_edges(j, x, use[i].edge, use[i].edge_n);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_without(struct json *j, const char *key, const struct explained *x,
			const struct explain_without *w)
{
	json_key(j, key);
	if (w->own_before <= 0 && w->next <= 0) {
		json_null(j);
		return;
	}
	json_open(j, '{');
	json_member_bool(j, "leaves", w->leaves);
	json_member_bool(j, "leans", w->leans);
	put_id(j, "to", &x->g->machine[w->to]);
	put_group(j, "joins", x, w->joins);
	put_real(j, "own_before", w->own_before);
	put_real(j, "own_after", w->own_after);
	put_real(j, "next", w->next);
	json_close(j, '}');
}

/* What the plan says of an entry. */
static void put_entry(struct json *j, const struct explained *x, unsigned group)
{
	const struct plan_group *g;

	put_group(j, "group", x, group);
	if (group == PLAN_NONE)
		return;
	g = &x->p->group[group];
	json_member_string(j, "group_kind", plan_kind_word[g->kind]);
	put_real(j, "group_confidence", g->confidence);
	json_member_string(j, "group_reason", g->reason);
	json_member_string(j, "state", plan_state_word[g->state]);
	if (g->kind != PLAN_SHARED)
		return;
	json_member_string(j, "service", service_word(g->service));
	json_member_string(j, "advice", service_advice_word(service_advice(g->service)));
	json_member_string(j, "advice_text", service_advice_text(g->service));
}

static bool is_shared(const struct explained *x, unsigned group)
{
	return group != PLAN_NONE && x->p->group[group].kind == PLAN_SHARED;
}

void explain_json_machine(struct json *j, const struct explained *x,
			  const struct explain_machine *e)
{
	const struct graph_machine *m = &x->g->machine[e->machine];

	put_begin(j, "machine");
	put_id(j, "machine", m);
	json_member_string(j, "name", m->name);
	put_entry(j, x, e->group);
	put_real(j, "confidence", x->p->machine[e->machine].confidence);
	json_member_string(j, "reason", x->p->machine[e->machine].reason);
	if (is_shared(x, e->group)) {
		put_uses(j, "users", x, e->use, e->use_n);
		json_member_uint(j, "would_join_groups", e->glued);
		json_member_uint(j, "would_join_machines", e->glued_machines);
		put_real(j, "top_user_share", e->top);
	} else {
		put_real(j, "own_weight", e->own);
		put_real(j, "all_weight", e->all);
		put_ties(j, "inside", x, e->in, e->in_n);
		put_ties(j, "outside", x, e->out, e->out_n);
		put_near(j, x, e->near, e->near_n);
		put_without(j, "without", x, &e->without);
		put_uses(j, "shared_services", x, e->use, e->use_n);
	}
	json_close(j, '}');
}

static void put_machines(struct json *j, const char *key, const struct explained *x,
			 const unsigned *machine, unsigned n)
{
	json_key(j, key);
	json_open(j, '[');
	for (unsigned i = 0; i < n; i++) {
		const struct graph_machine *m = &x->g->machine[machine[i]];

		json_string(j, m->known ? m->id : m->name);
	}
	json_close(j, ']');
}

static void put_weak(struct json *j, const char *key, const struct explained *x,
		     const struct explain_weak *w)
{
	json_key(j, key);
	if (!w->known) {
		json_null(j);
		return;
	}
	json_open(j, '{');
	put_real(j, "weight", w->weight);
	put_machines(j, "part", x, w->part, w->part_n);
	put_ties(j, "ties", x, w->tie, w->tie_n);
	json_close(j, '}');
}

void explain_json_group(struct json *j, const struct explained *x,
			const struct explain_group *e)
{
	const struct plan_group *g = &x->p->group[e->group];

	put_begin(j, "group");
	put_entry(j, x, e->group);
	put_machines(j, "machines", x, g->machine, g->machine_n);
	if (is_shared(x, e->group)) {
		put_uses(j, "users", x, e->use, e->use_n);
	} else {
		put_real(j, "inside_weight", e->inside);
		put_real(j, "outside_weight", e->outside);
		put_ties(j, "inside", x, e->in, e->in_n);
		put_ties(j, "outside", x, e->out, e->out_n);
		put_near(j, x, e->near, e->near_n);
		put_weak(j, "weakest", x, &e->weak);
		json_member_uint(j, "machines_without_ties", e->loners);
		put_uses(j, "shared_services", x, e->use, e->use_n);
	}
	json_close(j, '}');
}

static void put_one(struct json *j, const char *key, const struct explained *x, unsigned m,
		    double own, double other, const struct explain_without *w)
{
	json_key(j, key);
	json_open(j, '{');
	put_id(j, "machine", &x->g->machine[m]);
	json_member_string(j, "name", x->g->machine[m].name);
	put_group(j, "group", x, x->p->machine[m].group);
	put_real(j, "own_weight", own);
	put_real(j, "weight_to_others_group", other);
	put_without(j, "without", x, w);
	json_close(j, '}');
}

void explain_json_pair(struct json *j, const struct explained *x, const struct explain_pair *e)
{
	put_begin(j, "pair");
	json_member_bool(j, "together", e->together);
	put_one(j, "a", x, e->a, e->a_own, e->a_to_b, &e->a_without);
	put_one(j, "b", x, e->b, e->b_own, e->b_to_a, &e->b_without);
	put_real(j, "weight", e->direct.weight);
	put_edges(j, x, e->direct.edge, e->direct.edge_n);
	put_machines(j, "path", x, e->path, e->path_n);
	put_real(j, "path_weakest", e->weakest);
	put_weak(j, "cut", x, &e->cut);
	json_close(j, '}');
}

static void put_curve(struct json *j, const struct watch *w)
{
	json_member_uint(j, "step_seconds", (uint64_t)w->step);
	json_key(j, "discovery");
	json_open(j, '[');
	for (unsigned i = 0; i < w->curve_n; i++) {
		json_open(j, '{');
		put_time(j, "at", w->curve[i].at);
		json_member_uint(j, "new", w->curve[i].fresh);
		json_member_uint(j, "known", w->curve[i].total);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void put_unseen(struct json *j, const struct watch_unseen *u)
{
	json_key(j, "unseen");
	json_open(j, '{');
	json_member_string(j, "method", watch_method_word[u->method]);
	if (u->method != WATCH_NOTHING) {
		json_member_uint(j, "seen", u->seen);
		json_member_uint(j, "once", u->once);
		json_member_uint(j, "twice", u->twice);
		put_real(j, "edges", u->more);
		put_real(j, "low", u->low);
		put_real(j, "high", u->high);
		put_real(j, "complete", u->complete);
	}
	json_close(j, '}');
}

static void put_coverage(struct json *j, const struct watch *w)
{
	json_member_uint(j, "machines", w->machines);
	json_member_uint(j, "sensors", w->sensors);
	json_member_uint(j, "strangers", w->strangers);
	json_member_uint(j, "edges", w->edges);
	json_member_uint(j, "edges_never_through", w->failing);
	json_member_uint(j, "edges_between_sensors", w->both);
	json_member_uint(j, "one_sided", w->one_sided);
	json_member_uint(j, "unknown_process", w->nameless);
	json_member_uint(j, "guessed", w->guessed);
	json_member_uint(j, "imported", w->imported);
	json_member_uint(j, "known_before", w->before);
}

static void put_health(struct json *j, const struct health *h)
{
	json_member_uint(j, "records", h->records);
	json_member_uint(j, "lost", h->lost);
	json_member_uint(j, "overflow", h->overflow);
	json_member_uint(j, "quarantined", h->quarantined);
	json_member_uint(j, "rejected", h->rejected);
}

void explain_json_watch(struct json *j, const struct explained *x, const struct watch *w,
			const char *name)
{
	put_begin(j, "watch");
	json_key(j, "group");
	if (name)
		json_string(j, name);
	else
		json_null(j);
	put_time(j, "first", w->first);
	put_time(j, "last", w->last);
	json_member_bool(j, "long_enough_for_weekly", w->weekly);
	json_member_bool(j, "long_enough_for_monthly", w->monthly);
	put_coverage(j, w);
	put_health(j, &x->g->health);
	put_curve(j, w);
	put_unseen(j, &w->unseen);
	if (w->fitted)
		put_real(j, "new_next_day", w->next_day);
	put_time(j, "enough_from", w->enough);
	json_member_bool(j, "enough", w->past);
	json_close(j, '}');
}

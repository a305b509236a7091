/* SPDX-License-Identifier: Apache-2.0 */
/* The hand-over document: machines, groups, shared services, and single edges. */
#include <stdlib.h>

#include "common/exchange.h"
#include "common/mem.h"
#include "graph/arrows.h"
#include "graph/export_evidence.h"
#include "graph/export_json.h"
#include "graph/used.h"

enum { TIES_MOST = 3 };

/* Machines */

static void strongest(const struct export *x, struct json *j, unsigned m)
{
	struct tie tie[TIES_MOST];
	unsigned n = evidence_ties(x->ties, m, tie, TIES_MOST);

	json_key(j, "strongest");
	json_open(j, '[');
	for (unsigned i = 0; i < n; i++) {
		json_open(j, '{');
		handover_text(j, "machine", x->graph->machine[tie[i].to].id);
		handover_group_name(x, j, "group", x->plan->machine[tie[i].to].group);
		handover_real(j, "weight", (double)tie[i].weight);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void machine_ties(const struct export *x, struct json *j, unsigned m)
{
	unsigned group = x->plan ? x->plan->machine[m].group : PLAN_NONE;

	json_key(j, "ties");
	if (!x->ties || group == PLAN_NONE) {
		json_null(j);
		return;
	}
	json_open(j, '{');
	handover_real(j, "own", ties_to_group(x->ties, x->plan, m, group));
	handover_real(j, "all", ties_all(x->ties, m));
	strongest(x, j, m);
	json_close(j, '}');
}

/* The one tie without which it would leave. */
static void without(const struct export *x, struct json *j, const struct explain_without *w)
{
	if (!w->leaves || w->leans) {
		json_null(j);
		return;
	}
	json_open(j, '{');
	handover_text(j, "machine", x->graph->machine[w->to].id);
	handover_group_name(x, j, "joins", w->joins);
	handover_real(j, "own_after", w->own_after);
	handover_real(j, "next", w->next);
	json_close(j, '}');
}

static void counterfactual(const struct export *x, struct json *j, unsigned m)
{
	struct explain_machine *why;

	json_key(j, "without");
	if (!x->explain || !export_group(x, m)) {
		json_null(j);
		return;
	}
	why = explain_machine(x->explain, m, TIES_MOST);
	without(x, j, &why->without);
	explain_machine_free(why);
}

static void machine_place(const struct export *x, struct json *j, unsigned m)
{
	const struct plan_group *g = export_group(x, m);

	handover_text(j, "group", g ? g->name : "");
	handover_text(j, "kind", g ? plan_kind_word[g->kind] : "");
	handover_text(j, "env", g ? g->env : "");
	handover_known(j, "wave", g ? g->wave : 0);
	if (g) {
		handover_real(j, "confidence", x->plan->machine[m].confidence);
	} else {
		json_key(j, "confidence");
		json_null(j);
	}
	handover_text(j, "reason", x->plan ? x->plan->machine[m].reason : "");
	machine_ties(x, j, m);
	counterfactual(x, j, m);
}

static void machine_extra(struct json *j, const char *extra)
{
	json_key(j, "extra");
	json_open(j, '{');
	exchange_write_extra(j, extra ? extra : "");
	json_close(j, '}');
}

static void disk(struct json *j, const struct graph_machine *m)
{
	uint64_t used;

	json_key(j, "disk_used_bytes");
	if (used_bytes(m, &used))
		json_uint(j, used);
	else
		json_null(j);
}

static void machine(const struct export *x, struct json *j, unsigned i)
{
	const struct graph_machine *m = &x->graph->machine[i];

	json_open(j, '{');
	handover_text(j, "id", m->id);
	handover_text(j, "name", m->name);
	json_key(j, "ips");
	json_open(j, '[');
	for (unsigned k = 0; k < m->ips_n; k++)
		json_string(j, m->ips[k]);
	json_close(j, ']');
	handover_text(j, "os", m->os);
	handover_text(j, "kernel", m->kernel);
	handover_text(j, "arch", m->arch);
	handover_text(j, "site", m->site);
	handover_known(j, "cores", m->cores);
	handover_known(j, "memory_bytes", m->memory_bytes);
	disk(j, m);
	json_member_bool(j, "sensor", m->sensor);
	machine_place(x, j, i);
	machine_extra(j, m->extra);
	json_close(j, '}');
}

void handover_machines(const struct export *x, struct export_sink *s, struct json *j)
{
	json_open(j, '[');
	for (unsigned i = 0; i < x->graph->machine_n; i++) {
		if (!x->graph->machine[i].known)
			continue;
		machine(x, j, i);
		handover_next(s);
	}
	json_close(j, ']');
}

/* Groups and shared services */

static void members(const struct export *x, struct json *j, const struct plan_group *g)
{
	json_key(j, "machines");
	json_open(j, '[');
	for (unsigned i = 0; i < g->machine_n; i++)
		json_string(j, x->graph->machine[g->machine[i]].id);
	json_close(j, ']');
}

/* Sums say of how many machines a part is unknown: that is not 0. */
static void sums(const struct export *x, struct json *j, const struct plan_group *g)
{
	uint64_t cores = 0, memory = 0, disk_used = 0, used;
	unsigned no_cores = 0, no_memory = 0, no_disk = 0;

	for (unsigned i = 0; i < g->machine_n; i++) {
		const struct graph_machine *m = &x->graph->machine[g->machine[i]];

		cores += m->cores;
		memory += m->memory_bytes;
		no_cores += !m->cores;
		no_memory += !m->memory_bytes;
		if (used_bytes(m, &used))
			disk_used += used;
		else
			no_disk++;
	}
	handover_uint(j, "cores", cores);
	handover_uint(j, "cores_unknown", no_cores);
	handover_uint(j, "memory_bytes", memory);
	handover_uint(j, "memory_unknown", no_memory);
	handover_uint(j, "disk_used_bytes", disk_used);
	handover_uint(j, "disk_used_unknown", no_disk);
}

static void evidence(const struct export *x, struct json *j, const struct evidence *v)
{
	json_key(j, "evidence");
	json_open(j, '[');
	for (unsigned i = 0; i < v->edge_n; i++)
		handover_edge(x, j, v->edge[i].edge, v->edge[i].weight);
	json_close(j, ']');
}

static void entry_wave(const struct export *x, struct json *j, unsigned i)
{
	const struct wave_place *w = x->waves ? &x->waves->place[i] : NULL;

	handover_known(j, "wave", x->plan->group[i].wave);
	handover_text(j, "wave_reason", w ? w->reason : "");
	handover_group_name(x, j, "waits_for", w ? w->waits_for : PLAN_NONE);
}

/* What groups and shared services have in common; leaves the object open. */
static void entry(const struct export *x, struct json *j, unsigned i, const struct evidence *v)
{
	const struct plan_group *g = &x->plan->group[i];

	json_open(j, '{');
	handover_text(j, "name", g->name);
	handover_text(j, "kind", plan_kind_word[g->kind]);
	handover_text(j, "env", g->env);
	handover_text(j, "site", g->site);
	handover_text(j, "state", plan_state_word[g->state]);
	handover_text(j, "owner", g->owner);
	handover_text(j, "notes", g->notes);
	json_member_bool(j, "named", g->named);
	json_member_bool(j, "accepted", g->accepted);
	json_member_bool(j, "locked", g->locked);
	entry_wave(x, j, i);
	handover_real(j, "confidence", g->confidence);
	handover_text(j, "reason", g->reason);
	members(x, j, g);
	sums(x, j, g);
	evidence(x, j, v);
}

/* Who has to do with whom, either way round. */
struct touch {
	unsigned self, other;
};

static int by_self(const void *pa, const void *pb)
{
	const struct touch *a = pa, *b = pb;

	if (a->self != b->self)
		return a->self < b->self ? -1 : 1;
	return (a->other > b->other) - (a->other < b->other);
}

static struct touch *touches(const struct export *x, unsigned *n)
{
	unsigned *of;
	struct arrows *all = export_arrows(x, &of);
	struct touch *t = xcalloc(all->arrow_n, 2 * sizeof(*t));

	*n = 2 * all->arrow_n;
	for (unsigned i = 0; i < all->arrow_n; i++) {
		const struct arrow *a = &all->arrow[i];

		t[2 * i] = (struct touch){ a->client, a->server };
		t[2 * i + 1] = (struct touch){ a->server, a->client };
	}
	qsort(t, *n, sizeof(*t), by_self);
	arrows_free(all);
	free(of);
	return t;
}

/* T[0..N) begins with those of SELF, if there are any. */
static void others(const struct export *x, struct json *j, const char *key, unsigned self,
		   const struct touch *t, unsigned n, enum plan_kind wanted)
{
	unsigned i = 0;

	json_key(j, key);
	json_open(j, '[');
	for (; i < n && t[i].self == self; i++)
		if (x->plan->group[t[i].other].kind == wanted &&
		    (!i || t[i].other != t[i - 1].other))
			json_string(j, x->plan->group[t[i].other].name);
	json_close(j, ']');
}

static enum service_advice advice(const struct export *x, unsigned group)
{
	return x->waves ? x->waves->place[group].advice
			: service_advice(x->plan->group[group].service);
}

static void shared_part(const struct export *x, struct json *j, unsigned i)
{
	const struct plan_group *g = &x->plan->group[i];

	json_member_bool(j, "replicated", x->waves && x->waves->place[i].everywhere);
	handover_text(j, "service", service_word(g->service));
	handover_text(j, "title", service_title(g->service));
	handover_text(j, "advice", service_advice_word(advice(x, i)));
	handover_text(j, "advice_text", service_advice_text(g->service));
}

/* All entries of one kind, in the plan's order. */
static void entries(const struct export *x, struct export_sink *s, struct json *j,
		    enum plan_kind kind)
{
	bool shared = kind == PLAN_SHARED;
	unsigned n, at = 0;
	struct touch *t = touches(x, &n);
	struct evidence *v = evidence_of(x);

	for (unsigned i = 0; i < x->plan->group_n; i++) {
		while (at < n && t[at].self < i)
			at++;
		if (x->plan->group[i].kind != kind)
			continue;
		entry(x, j, i, &v[i]);
		if (shared)
			shared_part(x, j, i);
		others(x, j, shared ? "users" : "uses", i, t + at, n - at,
		       shared ? PLAN_GROUP : PLAN_SHARED);
		json_close(j, '}');
		handover_next(s);
	}
	free(v);
	free(t);
}

void handover_groups(const struct export *x, struct export_sink *s, struct json *j)
{
	json_open(j, '[');
	if (x->plan)
		entries(x, s, j, PLAN_GROUP);
	json_close(j, ']');
}

void handover_shared(const struct export *x, struct export_sink *s, struct json *j)
{
	json_open(j, '[');
	if (x->plan)
		entries(x, s, j, PLAN_SHARED);
	json_close(j, ']');
}

/* Edges */

static struct exchange_end end_of(const struct graph *g, unsigned process)
{
	const struct graph_process *p = &g->process[process];
	const struct graph_machine *m = &g->machine[p->machine];

	return (struct exchange_end){
		.id = m->id,
		.name = m->known ? m->name : "",
		.ip = *p->ip || m->known || !m->ips_n ? p->ip : m->ips[0],
		.process = { .name = p->name,
			     .unit = p->unit,
			     .container = p->container,
			     .exe = p->exe,
			     .user = "",
			     .app = "" },
	};
}

static unsigned group_of(const struct export *x, unsigned process)
{
	return x->plan ? x->plan->machine[x->graph->process[process].machine].group
		       : PLAN_NONE;
}

/* The keys that the exchange format does not have. */
static void more(const struct export *x, struct buf *out, unsigned i, double weight)
{
	const struct graph_edge *e = &x->graph->edge[i];
	struct json j = json_to(out);

	json_open(&j, '{');
	handover_group_name(x, &j, "client_group", group_of(x, e->client));
	handover_group_name(x, &j, "server_group", group_of(x, e->server));
	if (x->days && x->days[i])
		handover_uint(&j, "days", x->days[i]);
	if (weight > 0)
		handover_real(&j, "weight", weight);
	json_close(&j, '}');
}

void handover_edge(const struct export *x, struct json *j, unsigned i, double weight)
{
	const struct graph_edge *e = &x->graph->edge[i];
	struct buf extra = { 0 }, line = { 0 };
	struct exchange_flow flow = {
		.client = end_of(x->graph, e->client),
		.server = end_of(x->graph, e->server),
		.proto = e->proto,
		.port = e->port,
		.c = e->c,
		.failed = counters_failed(&e->c),
		.live = e->live,
		.pending = e->pending,
		.first = e->first,
		.last = e->last,
		.witnesses = e->witnesses,
		.guess = e->guess,
	};

	more(x, &extra, i, weight);
	flow.extra = buf_cstr(&extra);
	exchange_write_flow(&line, &flow);
	json_raw(j, buf_cstr(&line), line.n);
	buf_fini(&line);
	buf_fini(&extra);
}

void handover_edges(const struct export *x, struct export_sink *s, struct json *j)
{
	json_open(j, '[');
	for (unsigned i = 0; i < x->graph->edge_n; i++) {
		handover_edge(x, j, i, 0);
		handover_next(s);
	}
	json_close(j, ']');
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables for a spreadsheet: RFC 4180, and a text that a spreadsheet would take for a formula
 * gets a ' before it.  Unknown is an empty cell.  Times are UTC as spreadsheets read them.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "common/csv.h"
#include "graph/export.h"

/* One row as it grows. */
struct row {
	struct buf *out;
	bool begun;
};

static struct row row_of(struct export_sink *s)
{
	return (struct row){ .out = &s->out };
}

static void next_cell(struct row *r)
{
	if (r->begun)
		buf_u8(r->out, ',');
	r->begun = true;
}

static void end(struct row *r, struct export_sink *s)
{
	buf_str(r->out, "\r\n");
	r->begun = false;
	export_flow(s);
}

static void quoted(struct buf *b, const char *p, size_t n)
{
	buf_u8(b, '"');
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '"')
			buf_u8(b, '"');
		buf_u8(b, (uint8_t)p[i]);
	}
	buf_u8(b, '"');
}

static void text(struct row *r, const char *s)
{
	struct buf clean = { 0 };

	next_cell(r);
	csv_guard(&clean, s);
	if (memchr(clean.p ? clean.p : (const uint8_t *)"", '"', clean.n) ||
	    memchr(clean.p ? clean.p : (const uint8_t *)"", ',', clean.n))
		quoted(r->out, (const char *)clean.p, clean.n);
	else
		buf_put(r->out, clean.p, clean.n);
	buf_fini(&clean);
}

static void count(struct row *r, uint64_t v)
{
	next_cell(r);
	buf_printf(r->out, "%" PRIu64, v);
}

/* 0 is unknown. */
static void known_count(struct row *r, uint64_t v)
{
	if (v)
		count(r, v);
	else
		next_cell(r);
}

static void real(struct row *r, double v)
{
	next_cell(r);
	export_real(r->out, v);
}

static void yes(struct row *r, bool v)
{
	text(r, v ? "yes" : "no");
}

static void when(struct row *r, int64_t seconds)
{
	time_t at = (time_t)seconds;
	char stamp[32];
	struct tm tm;

	next_cell(r);
	if (seconds && gmtime_r(&at, &tm) && strftime(stamp, sizeof(stamp), "%F %T", &tm))
		buf_str(r->out, stamp);
}

static void header(struct export_sink *s, const char *names)
{
	buf_str(&s->out, names);
	buf_str(&s->out, "\r\n");
}

static const char *group_name(const struct plan *p, unsigned group)
{
	return group == PLAN_NONE ? "" : p->group[group].name;
}

/* Machines */

static void list(struct row *r, char *const *word, unsigned n)
{
	struct buf b = { 0 };

	for (unsigned i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", word[i]);
	text(r, buf_cstr(&b));
	buf_fini(&b);
}

static void placed(struct row *r, const struct export *x, unsigned m)
{
	const struct plan_group *g = export_group(x, m);

	text(r, g ? g->name : "");
	text(r, g ? plan_kind_word[g->kind] : "");
	text(r, g ? g->env : "");
	known_count(r, g ? g->wave : 0);
	if (g)
		real(r, x->plan->machine[m].confidence);
	else
		text(r, "");
	known_count(r, x->plan ? x->plan->machine[m].users : 0);
	text(r, x->plan ? x->plan->machine[m].reason : "");
}

static void machines(const struct export *x, struct export_sink *s)
{
	struct row r = row_of(s);

	header(s, "machine,name,ips,os,site,cores,memory_bytes,sensor,group,kind,env,wave,"
		  "confidence,users,reason");
	for (unsigned i = 0; i < x->graph->machine_n; i++) {
		const struct graph_machine *m = &x->graph->machine[i];

		if (!m->known)
			continue;
		text(&r, m->id);
		text(&r, m->name);
		list(&r, m->ips, m->ips_n);
		text(&r, m->os);
		text(&r, m->site);
		known_count(&r, m->cores);
		known_count(&r, m->memory_bytes);
		yes(&r, m->sensor);
		placed(&r, x, i);
		end(&r, s);
	}
}

/* Groups and shared services */

static void sums(struct row *r, const struct graph *g, const struct plan_group *group)
{
	uint64_t cores = 0, memory = 0;

	for (unsigned i = 0; i < group->machine_n; i++) {
		cores += g->machine[group->machine[i]].cores;
		memory += g->machine[group->machine[i]].memory_bytes;
	}
	count(r, group->machine_n);
	known_count(r, cores);
	known_count(r, memory);
}

static void groups(const struct export *x, struct export_sink *s)
{
	struct row r = row_of(s);

	header(s, "group,env,site,state,owner,notes,accepted,locked,wave,confidence,machines,"
		  "cores,memory_bytes,reason");
	for (unsigned i = 0; i < x->plan->group_n; i++) {
		const struct plan_group *g = &x->plan->group[i];

		if (g->kind != PLAN_GROUP)
			continue;
		text(&r, g->name);
		text(&r, g->env);
		text(&r, g->site);
		text(&r, plan_state_word[g->state]);
		text(&r, g->owner);
		text(&r, g->notes);
		yes(&r, g->accepted);
		yes(&r, g->locked);
		known_count(&r, g->wave);
		real(&r, g->confidence);
		sums(&r, x->graph, g);
		text(&r, g->reason);
		end(&r, s);
	}
}

static enum service_advice advice(const struct export *x, unsigned group)
{
	return x->waves ? x->waves->place[group].advice
			: service_advice(x->plan->group[group].service);
}

static unsigned most_users(const struct plan *p, const struct plan_group *g)
{
	unsigned most = 0;

	for (unsigned i = 0; i < g->machine_n; i++)
		if (p->machine[g->machine[i]].users > most)
			most = p->machine[g->machine[i]].users;
	return most;
}

static void shared(const struct export *x, struct export_sink *s)
{
	struct row r = row_of(s);

	header(s, "shared,service,env,site,state,owner,notes,wave,confidence,machines,cores,"
		  "memory_bytes,users,reason,advice,advice_text");
	for (unsigned i = 0; i < x->plan->group_n; i++) {
		const struct plan_group *g = &x->plan->group[i];

		if (g->kind != PLAN_SHARED)
			continue;
		text(&r, g->name);
		text(&r, service_word(g->service));
		text(&r, g->env);
		text(&r, g->site);
		text(&r, plan_state_word[g->state]);
		text(&r, g->owner);
		text(&r, g->notes);
		known_count(&r, g->wave);
		real(&r, g->confidence);
		sums(&r, x->graph, g);
		count(&r, most_users(x->plan, g));
		text(&r, g->reason);
		text(&r, service_advice_word(advice(x, i)));
		text(&r, service_advice_text(g->service));
		end(&r, s);
	}
}

/* Waves and cuts */

static void price(struct row *r, const struct cut_price *p)
{
	count(r, p->edges);
	count(r, p->hard);
	count(r, p->failed_only);
	count(r, p->chatty);
	real(r, p->connections);
	real(r, p->failed);
	real(r, p->bytes);
	count(r, p->bytes_unknown);
	real(r, p->round_trips);
	real(r, p->wait);
}
#define PRICE                                                                                   \
	"edges,hard_edges,failed_only,chatty,connections_per_day,failed_per_day,bytes_per_day," \
	"edges_without_bytes,round_trips_per_day,wait_seconds_per_day"

static void waves(const struct export *x, struct export_sink *s)
{
	static const struct cut_price nothing;
	struct row r = row_of(s);

	header(s, "wave,cutover,replicate_from,groups,machines,bytes,bytes_unknown,hours,over,"
		  "tight," PRICE);
	for (unsigned i = 0; x->waves && i < x->waves->wave_n; i++) {
		const struct wave *w = &x->waves->wave[i];
		bool priced = x->cuts && w->number <= x->cuts->wave_n;

		count(&r, w->number);
		when(&r, w->cutover);
		when(&r, w->replicate_from);
		count(&r, w->groups);
		count(&r, w->machines);
		count(&r, w->bytes);
		count(&r, w->bytes_unknown);
		if (w->hours > 0)
			real(&r, w->hours);
		else
			next_cell(&r);
		yes(&r, w->over);
		yes(&r, w->tight);
		price(&r, priced ? &x->cuts->wave[w->number].all : &nothing);
		end(&r, s);
	}
}

static void cuts(const struct export *x, struct export_sink *s)
{
	struct row r = row_of(s);

	header(s, "client,server,class,hard,crosses_from,crosses_until," PRICE);
	for (unsigned i = 0; x->cuts && i < x->cuts->pair_n; i++) {
		const struct cut_pair *c = &x->cuts->pair[i];

		text(&r, group_name(x->plan, c->client));
		text(&r, group_name(x->plan, c->server));
		text(&r, cut_class_word[c->class]);
		yes(&r, cut_class_hard(c->class));
		known_count(&r, export_crosses_from(c));
		known_count(&r, export_crosses_until(c));
		price(&r, &c->price);
		end(&r, s);
	}
}

/* Edges */

static void side(struct row *r, const struct export *x, unsigned process)
{
	const struct graph_process *p = &x->graph->process[process];
	const struct plan_group *g = export_group(x, p->machine);

	text(r, g ? g->name : "");
	text(r, x->graph->machine[p->machine].id);
	text(r, x->graph->machine[p->machine].name);
	text(r, p->ip);
	text(r, p->name);
}

static void witnesses(struct row *r, unsigned bits)
{
	char all[64] = "", *p = all;

	for (int w = WITNESS_CLIENT; w < WITNESS_COUNT; w++)
		if (bits & 1u << w)
			p = stpcpy(stpcpy(p, p == all ? "" : " "), witness_word[w]);
	text(r, all);
}

static void bytes(struct row *r, const struct counters *c)
{
	if (c->has_bytes) {
		count(r, c->bytes_to_server);
		count(r, c->bytes_to_client);
	} else {
		text(r, "");
		text(r, "");
	}
}

static void edges(const struct export *x, struct export_sink *s)
{
	struct row r = row_of(s);

	header(s, "client_group,client,client_name,client_ip,client_process,server_group,"
		  "server,server_name,server_ip,server_process,port,protocol,opens,failed,"
		  "live,bytes_to_server,bytes_to_client,days,first,last,witnesses");
	for (unsigned i = 0; i < x->graph->edge_n; i++) {
		const struct graph_edge *e = &x->graph->edge[i];

		side(&r, x, e->client);
		side(&r, x, e->server);
		next_cell(&r);
		export_port(r.out, PROTO_TCP, e->port);
		text(&r, e->proto == PROTO_UDP ? "udp" : "tcp");
		count(&r, e->c.opens);
		count(&r, counters_failed(&e->c));
		count(&r, e->live);
		bytes(&r, &e->c);
		known_count(&r, x->days ? x->days[i] : 0);
		when(&r, e->first);
		when(&r, e->last);
		witnesses(&r, e->witnesses);
		end(&r, s);
	}
}

void export_csv(const struct export *x, struct export_sink *s)
{
	static const struct {
		const char *name;
		export_fn *write;
	} tables[] = { { "machines", machines }, { "groups", groups }, { "shared", shared },
		       { "waves", waves },	 { "cuts", cuts },     { "edges", edges } };
	const struct export_table *t = export_find_table(x->table);

	for (size_t i = 0; t && i < sizeof(tables) / sizeof(tables[0]); i++)
		if (strcmp(tables[i].name, t->name) == 0 && (x->plan || !t->planned))
			tables[i].write(x, s);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/diff_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/page.h"
#include "cli/say.h"
#include "common/table.h"
#include "common/json.h"

enum { TERMINAL_ROWS = 500 };

static const struct table_column graph_columns[] = {
	{ "WHAT", "what", TABLE_TEXT },
	{ "CHANGE", "change", TABLE_TEXT },
	{ "NOTE", "note", TABLE_TEXT },
	{ "CLIENT", "client_name", TABLE_TEXT },
	{ NULL, "client", TABLE_TEXT },
	{ "PROCESS", "client_process", TABLE_TEXT },
	{ "SERVER", "server_name", TABLE_TEXT },
	{ NULL, "server", TABLE_TEXT },
	{ "PORT", "server_port", TABLE_COUNT },
	{ "PROCESS", "server_process", TABLE_TEXT },
	{ NULL, "protocol", TABLE_TEXT },
	{ "BEFORE/DAY", "before_a_day", TABLE_TEXT },
	{ "AFTER/DAY", "after_a_day", TABLE_TEXT },
};

static const struct table_column plan_columns[] = {
	{ "WHAT", "what", TABLE_TEXT },	    { "CHANGE", "change", TABLE_TEXT },
	{ "NAME", "name", TABLE_TEXT },	    { NULL, "id", TABLE_TEXT },
	{ "BEFORE", "before", TABLE_TEXT }, { "AFTER", "after", TABLE_TEXT },
	{ "BOTH", "common", TABLE_COUNT },  { "CAME", "came", TABLE_COUNT },
	{ "WENT", "went", TABLE_COUNT },    { "NOTE", "note", TABLE_TEXT },
};

struct out {
	const struct options *o;
	struct table *table;
	uint64_t limit, rows;
};

static bool json_wanted(const struct options *o)
{
	return o->format == FORMAT_JSON || o->format == FORMAT_JSON_LINES;
}

static void out_begin(struct out *x, const struct options *o,
		      const struct table_column *columns, unsigned n)
{
	struct table_look look = { .header = !o->no_header, .style = TABLE_TABS };

	*x = (struct out){ .o = o, .limit = o->all ? 0 : o->limit };
	if (o->format == FORMAT_CSV) {
		look.style = TABLE_CSV;
	} else if (isatty(STDOUT_FILENO)) {
		look.style = TABLE_TERMINAL;
		look.width = table_terminal_width();
		look.color = options_color(o, stdout);
		if (!x->limit && !o->all)
			x->limit = TERMINAL_ROWS;
	}
	x->table = table_new(stdout, &look, columns, n);
}

static struct table *out_row(struct out *x)
{
	x->rows++;
	return x->limit && x->rows > x->limit ? NULL : x->table;
}

static void out_end(struct out *x)
{
	table_finish(x->table);
	if (x->limit && x->rows > x->limit)
		say_note("%llu rows more; --all shows all",
			 (unsigned long long)(x->rows - x->limit));
}

static void put_rate(struct table *t, double v, bool known)
{
	char text[PAGE_REAL];

	table_text(t, known ? page_real(v, text) : "");
}

static const char *note_of(const struct compare_edge *e, char *out, size_t n)
{
	char factor[PAGE_REAL];

	*out = 0;
	if (e->fails || e->heals)
		snprintf(out, n, "%s", e->fails ? "fails" : "no longer fails");
	else if (e->factor > 0)
		snprintf(out, n, "x %s", page_real(e->factor, factor));
	return out;
}

static void edge_row(struct out *x, const struct graph *g, const struct graph_edge *e,
		     const struct compare_edge *d)
{
	const struct graph_process *c = &g->process[e->client], *s = &g->process[e->server];
	struct table *t = out_row(x);
	char note[64];

	if (!t)
		return;
	table_text(t, "edge");
	table_text(t, compare_word[d->change]);
	table_text(t, note_of(d, note, sizeof(note)));
	table_text(t, g->machine[c->machine].name);
	table_text(t, g->machine[c->machine].id);
	table_text(t, c->name);
	table_text(t, g->machine[s->machine].name);
	table_text(t, g->machine[s->machine].id);
	table_port(t, e->port, e->proto == PROTO_UDP);
	table_text(t, s->name);
	table_text(t, e->proto == PROTO_UDP ? "udp" : "tcp");
	put_rate(t, d->a_opens, d->a != PLAN_NONE);
	put_rate(t, d->b_opens, d->b != PLAN_NONE);
}

static void machine_row(struct out *x, const struct graph_machine *m,
			enum compare_change change)
{
	struct table *t = out_row(x);

	if (!t)
		return;
	table_text(t, "machine");
	table_text(t, compare_word[change]);
	table_unknown(t);
	table_text(t, m->name);
	table_text(t, m->id);
	for (unsigned i = 5; i < sizeof(graph_columns) / sizeof(graph_columns[0]); i++)
		table_unknown(t);
}

static void put_real(struct json *j, const char *key, double v)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%.9g", v);

	json_key(j, key);
	json_raw(j, text, (size_t)n);
}

static void put_end(struct json *j, const struct graph *g, unsigned process, bool server)
{
	const struct graph_process *p = &g->process[process];
	const struct graph_machine *m = &g->machine[p->machine];

	json_key(j, server ? "server" : "client");
	if (m->known)
		json_string(j, m->id);
	else
		json_null(j);
	json_member_string(j, server ? "server_name" : "client_name", m->name);
	json_member_string(j, server ? "server_process" : "client_process", p->name);
}

static void put_edge(struct json *j, const struct graph *g, const struct graph_edge *e,
		     const struct compare_edge *d)
{
	json_open(j, '{');
	json_member_string(j, "change", compare_word[d->change]);
	put_end(j, g, e->client, false);
	put_end(j, g, e->server, true);
	json_member_uint(j, "server_port", e->port);
	json_member_string(j, "protocol", e->proto == PROTO_UDP ? "udp" : "tcp");
	put_real(j, "before_a_day", d->a_opens);
	put_real(j, "after_a_day", d->b_opens);
	if (d->factor > 0)
		put_real(j, "factor", d->factor);
	json_member_bool(j, "fails", d->fails);
	json_member_bool(j, "no_longer_fails", d->heals);
	json_close(j, '}');
}

static void put_machines(struct json *j, const struct diff_side *a, const struct diff_side *b,
			 const struct compare_graphs *c)
{
	json_key(j, "machines");
	json_open(j, '[');
	for (unsigned i = 0; i < c->machine_n; i++) {
		const struct compare_machine *d = &c->machine[i];
		const struct graph *g = d->change == COMPARE_GONE ? a->g : b->g;

		json_open(j, '{');
		json_member_string(j, "change", compare_word[d->change]);
		json_key(j, "machine");
		if (g->machine[d->machine].known)
			json_string(j, g->machine[d->machine].id);
		else
			json_null(j);
		json_member_string(j, "name", g->machine[d->machine].name);
		json_close(j, '}');
	}
	json_close(j, ']');
}

/* The graph and the edge that tell of a difference: what is gone is known by A alone. */
static const struct graph *told_by(const struct diff_side *a, const struct diff_side *b,
				   const struct compare_edge *d, const struct graph_edge **e)
{
	const struct graph *g = d->b == PLAN_NONE ? a->g : b->g;

	*e = &g->edge[d->b == PLAN_NONE ? d->a : d->b];
	return g;
}

static void json_begin(struct json *j, const char *kind, const struct diff_side *a,
		       const struct diff_side *b)
{
	json_open(j, '{');
	json_member_uint(j, "version", 1);
	json_member_string(j, "kind", kind);
	json_member_string(j, "before", a->name);
	json_member_string(j, "after", b->name);
}

static void json_end(struct json *j, struct buf *out)
{
	json_close(j, '}');
	buf_str(out, "\n");
	fwrite(out->p, 1, out->n, stdout);
	buf_fini(out);
}

static void graphs_json(const struct diff_side *a, const struct diff_side *b,
			const struct compare_graphs *c)
{
	struct buf out = { 0 };
	struct json j = json_to(&out);
	const struct graph_edge *e;

	json_begin(&j, "graphs", a, b);
	put_real(&j, "before_days", c->a_days);
	put_real(&j, "after_days", c->b_days);
	json_member_uint(&j, "machines_same", c->machines_same);
	json_member_uint(&j, "edges_same", c->edges_same);
	for (int k = 0; k < COMPARE_KINDS; k++) {
		static const char *const key[] = { "edges_new", "edges_gone",
						   "edges_changed" };

		json_member_uint(&j, key[k], c->count[k]);
	}
	put_machines(&j, a, b, c);
	json_key(&j, "edges");
	json_open(&j, '[');
	for (unsigned i = 0; i < c->edge_n; i++) {
		const struct graph *g = told_by(a, b, &c->edge[i], &e);

		put_edge(&j, g, e, &c->edge[i]);
	}
	json_close(&j, ']');
	json_end(&j, &out);
}

void diff_print_graphs(const struct options *o, const struct diff_side *a,
		       const struct diff_side *b, const struct compare_graphs *c)
{
	struct out x;

	if (json_wanted(o)) {
		graphs_json(a, b, c);
		return;
	}
	out_begin(&x, o, graph_columns, sizeof(graph_columns) / sizeof(graph_columns[0]));
	for (unsigned i = 0; i < c->machine_n; i++)
		machine_row(&x,
			    c->machine[i].change == COMPARE_GONE
				    ? &a->g->machine[c->machine[i].machine]
				    : &b->g->machine[c->machine[i].machine],
			    c->machine[i].change);
	for (unsigned i = 0; i < c->edge_n; i++) {
		const struct graph_edge *e;
		const struct graph *g = told_by(a, b, &c->edge[i], &e);

		edge_row(&x, g, e, &c->edge[i]);
	}
	out_end(&x);
	say_note("%u machines and %u edges in both; edges: %u new, %u gone, %u changed",
		 c->machines_same, c->edges_same, c->count[COMPARE_NEW],
		 c->count[COMPARE_GONE], c->count[COMPARE_CHANGED]);
}

static const char *group_name(const struct plan *p, unsigned group)
{
	return group == PLAN_NONE ? "" : p->group[group].name;
}

/* The names of the parts of a split or a merger; the caller frees. */
static char *parts_of(const struct diff_side *a, const struct diff_side *b,
		      const struct compare_group *g)
{
	const struct plan *p = g->fate == COMPARE_SPLIT ? b->p : a->p;
	struct buf out = { 0 };

	for (unsigned i = 0; i < g->part_n; i++)
		buf_printf(&out, "%s%s",
			   i			      ? ", "
			   : g->fate == COMPARE_SPLIT ? "also "
						      : "with ",
			   p->group[g->part[i]].name);
	return buf_take(&out);
}

static void group_row(struct out *x, const struct diff_side *a, const struct diff_side *b,
		      const struct compare_group *g)
{
	bool gone = g->b == PLAN_NONE;
	struct table *t = out_row(x);
	char *parts;

	if (!t)
		return;
	parts = parts_of(a, b, g);
	table_text(t, gone ? plan_kind_word[a->p->group[g->a].kind]
			   : plan_kind_word[b->p->group[g->b].kind]);
	table_text(t, compare_fate_word[g->fate]);
	table_text(t, gone ? group_name(a->p, g->a) : group_name(b->p, g->b));
	table_text(t, "");
	table_text(t, group_name(a->p, g->a));
	table_text(t, group_name(b->p, g->b));
	table_number(t, g->common);
	table_number(t, g->came);
	table_number(t, g->went);
	table_text(t, parts);
	free(parts);
}

static const char *move_word(const struct compare_move *m)
{
	return m->became_shared	      ? "now shared"
	       : m->was_shared	      ? "no longer shared"
	       : m->from == PLAN_NONE ? "new"
	       : m->to == PLAN_NONE   ? "gone"
				      : "moved";
}

static void move_row(struct out *x, const struct diff_side *a, const struct diff_side *b,
		     const struct compare_move *m)
{
	struct table *t = out_row(x);

	if (!t)
		return;
	table_text(t, "machine");
	table_text(t, move_word(m));
	table_text(t, m->name);
	table_text(t, m->id);
	table_text(t, group_name(a->p, m->from));
	table_text(t, group_name(b->p, m->to));
	for (int i = 0; i < 4; i++)
		table_unknown(t);
}

static void put_group(struct json *j, const char *key, const struct plan *p, unsigned group)
{
	json_key(j, key);
	if (group == PLAN_NONE)
		json_null(j);
	else
		json_string(j, p->group[group].name);
}

static void put_fate(struct json *j, const struct diff_side *a, const struct diff_side *b,
		     const struct compare_group *g)
{
	const struct plan *p = g->fate == COMPARE_SPLIT ? b->p : a->p;

	json_open(j, '{');
	json_member_string(j, "change", compare_fate_word[g->fate]);
	json_member_string(j, "kind",
			   plan_kind_word[g->b == PLAN_NONE ? a->p->group[g->a].kind
							    : b->p->group[g->b].kind]);
	put_group(j, "before", a->p, g->a);
	put_group(j, "after", b->p, g->b);
	json_member_uint(j, "common", g->common);
	json_member_uint(j, "came", g->came);
	json_member_uint(j, "went", g->went);
	json_key(j, "parts");
	json_open(j, '[');
	for (unsigned i = 0; i < g->part_n; i++)
		json_string(j, p->group[g->part[i]].name);
	json_close(j, ']');
	json_close(j, '}');
}

static void plans_json(const struct diff_side *a, const struct diff_side *b,
		       const struct compare_plans *c)
{
	struct buf out = { 0 };
	struct json j = json_to(&out);

	json_begin(&j, "plans", a, b);
	json_member_uint(&j, "machines", c->machines);
	put_real(&j, "rand_index", c->rand);
	json_member_uint(&j, "groups_same", c->groups_same);
	json_key(&j, "groups");
	json_open(&j, '[');
	for (unsigned i = 0; i < c->group_n; i++)
		put_fate(&j, a, b, &c->group[i]);
	json_close(&j, ']');
	json_key(&j, "moves");
	json_open(&j, '[');
	for (unsigned i = 0; i < c->move_n; i++) {
		json_open(&j, '{');
		json_member_string(&j, "change", move_word(&c->move[i]));
		json_member_string(&j, "machine", c->move[i].id);
		json_member_string(&j, "name", c->move[i].name);
		put_group(&j, "before", a->p, c->move[i].from);
		put_group(&j, "after", b->p, c->move[i].to);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_end(&j, &out);
}

void diff_print_plans(const struct options *o, const struct diff_side *a,
		      const struct diff_side *b, const struct compare_plans *c)
{
	struct out x;

	if (json_wanted(o)) {
		plans_json(a, b, c);
		return;
	}
	out_begin(&x, o, plan_columns, sizeof(plan_columns) / sizeof(plan_columns[0]));
	for (unsigned i = 0; i < c->group_n; i++)
		group_row(&x, a, b, &c->group[i]);
	for (unsigned i = 0; i < c->move_n; i++)
		move_row(&x, a, b, &c->move[i]);
	out_end(&x);
	say_note("%s and %s: %u of %u machines moved, %u groups are the same, adjusted Rand "
		 "index %.3f",
		 a->name, b->name, c->move_n, c->machines, c->groups_same, c->rand);
}

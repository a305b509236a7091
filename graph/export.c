/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/export.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "graph/arrows.h"

enum { FULL = 1 << 16 };

const struct export_format export_formats[] = {
	{ "csv", ".csv", export_csv, true, "tables for a spreadsheet, one a file" },
	{ "json", ".json", export_json, false, "the hand-over document, docs/handover.md" },
	{ "graphml", ".graphml", export_graphml, false,
	  "machines in groups, for yEd and Gephi" },
	{ "gexf", ".gexf", export_gexf, false, "machines with groups as a column, for Gephi" },
	{ "drawio", ".drawio", export_drawio, false, "groups and arrows, for diagrams.net" },
	{ "cypher", ".cypher", export_cypher, false, "statements that fill a graph database" },
	{ "mermaid", ".mmd", export_mermaid, false, "groups and arrows as text, for a wiki" },
	{ 0 },
};

const struct export_table export_tables[] = {
	{ "machines", false, "each machine, its group and wave" },
	{ "groups", true, "each group, with its sums" },
	{ "shared", true, "each shared service, its users, what to do" },
	{ "waves", true, "each wave, its sums and its price" },
	{ "cuts", true, "what passes between groups, a day" },
	{ "edges", false, "each single edge, with both groups" },
	{ 0 },
};

const struct export_format *export_find(const char *name)
{
	for (const struct export_format *f = export_formats; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

const struct export_format *export_of_file(const char *path)
{
	size_t n = strlen(path);

	for (const struct export_format *f = export_formats; f->name; f++) {
		size_t end = strlen(f->ending);

		if (n > end && strcasecmp(path + n - end, f->ending) == 0)
			return f;
	}
	return NULL;
}

const struct export_table *export_find_table(const char *name)
{
	for (const struct export_table *t = export_tables; t->name; t++)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}

static void hand_on(struct export_sink *s)
{
	if (!s->write)
		return;
	if (!s->rc && s->out.n)
		s->rc = s->write(s->ctx, s->out.p, s->out.n);
	buf_reset(&s->out);
}

void export_flow(struct export_sink *s)
{
	if (s->out.n >= FULL)
		hand_on(s);
}

int export_write(const struct export_format *f, const struct export *x, struct export_sink *s)
{
	f->write(x, s);
	hand_on(s);
	return s->rc;
}

void export_real(struct buf *b, double v)
{
	size_t end;

	buf_printf(b, "%.3f", isfinite(v) ? v : 0);
	for (end = b->n; b->p[end - 1] == '0'; end--)
		;
	b->n = b->p[end - 1] == '.' ? end - 1 : end;
	if (b->n >= 2 && memcmp(b->p + b->n - 2, "-0", 2) == 0)
		b->n -= 2, buf_u8(b, '0');
}

const struct plan_group *export_group(const struct export *x, unsigned machine)
{
	unsigned group = x->plan ? x->plan->machine[machine].group : PLAN_NONE;

	return group == PLAN_NONE ? NULL : &x->plan->group[group];
}

void export_port(struct buf *b, uint8_t proto, uint16_t port)
{
	if (port)
		buf_printf(b, "%u", port);
	else
		buf_str(b, "dynamic");
	if (proto == PROTO_UDP)
		buf_str(b, "/udp");
}

void export_ports(struct buf *b, const struct arrow *l)
{
	for (unsigned i = 0; i < l->port_n && i < ARROW_PORTS; i++) {
		buf_str(b, i ? ", " : "");
		export_port(b, l->port[i].proto, l->port[i].port);
	}
	if (l->port_n > ARROW_PORTS)
		buf_printf(b, " and %u more", l->port_n - ARROW_PORTS);
}

struct arrows *export_arrows(const struct export *x, unsigned **of)
{
	*of = xcalloc(x->graph->machine_n, sizeof(**of));
	for (unsigned m = 0; m < x->graph->machine_n; m++)
		(*of)[m] = x->plan ? x->plan->machine[m].group : PLAN_NONE;
	return arrows_of(x->graph, *of);
}

unsigned export_crosses_from(const struct cut_pair *c)
{
	return c->from < c->until ? c->from : 0;
}

unsigned export_crosses_until(const struct cut_pair *c)
{
	return c->from < c->until && c->until != PLAN_NONE ? c->until : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GEXF 1.3 (gexf.net): machines are nodes with their group, environment and wave as columns,
 * to partition by; an edge is all that one machine calls another for.
 */
#include <inttypes.h>

#include "graph/arrows.h"
#include "graph/export.h"
#include "graph/export_xml.h"

/* The ids of columns are their places in these. */
enum { KIND, ID, OS, SITE, CORES, MEMORY, GROUP, GROUP_KIND, ENV, WAVE, CONFIDENCE };
static const char *const node_column[][2] = {
	{ "kind", "string" },  { "machine", "string" },	   { "os", "string" },
	{ "site", "string" },  { "cores", "long" },	   { "memory_bytes", "long" },
	{ "group", "string" }, { "group_kind", "string" }, { "env", "string" },
	{ "wave", "integer" }, { "confidence", "double" },
};
enum { PORTS, EDGES, OPENS, FAILED, BYTES };
static const char *const edge_column[][2] = {
	{ "ports", "string" }, { "edges", "integer" }, { "opens", "long" },
	{ "failed", "long" },  { "bytes", "long" },
};

static void columns(struct buf *b, const char *class, const char *const column[][2], size_t n)
{
	buf_printf(b, "<attributes class=\"%s\">\n", class);
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "<attribute id=\"%zu\" title=\"%s\" type=\"%s\"/>\n", i,
			   column[i][0], column[i][1]);
	buf_str(b, "</attributes>\n");
}

static void head(struct buf *b)
{
	buf_str(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		   "<gexf xmlns=\"http://gexf.net/1.3\" xmlns:viz=\"http://gexf.net/1.3/viz\""
		   " version=\"1.3\">\n<meta><creator>Skein</creator></meta>\n"
		   "<graph defaultedgetype=\"directed\" mode=\"static\">\n");
	columns(b, "node", node_column, sizeof(node_column) / sizeof(node_column[0]));
	columns(b, "edge", edge_column, sizeof(edge_column) / sizeof(edge_column[0]));
}

static void text(struct buf *b, int column, const char *s)
{
	if (!*s)
		return;
	buf_printf(b, "<attvalue for=\"%d\"", column);
	xml_attribute(b, "value", s);
	buf_str(b, "/>");
}

static void number(struct buf *b, int column, uint64_t v)
{
	buf_printf(b, "<attvalue for=\"%d\" value=\"%" PRIu64 "\"/>", column,
		   v > INT64_MAX ? (uint64_t)INT64_MAX : v);
}

static void known_number(struct buf *b, int column, uint64_t v)
{
	if (v)
		number(b, column, v);
}

static void grouped(struct buf *b, const struct export *x, unsigned m)
{
	const struct plan_group *g = export_group(x, m);

	if (!g)
		return;
	text(b, GROUP, g->name);
	text(b, GROUP_KIND, plan_kind_word[g->kind]);
	text(b, ENV, g->env);
	known_number(b, WAVE, g->wave);
	buf_printf(b, "<attvalue for=\"%d\" value=\"", CONFIDENCE);
	export_real(b, x->plan->machine[m].confidence);
	buf_str(b, "\"/>");
}

static void colour(struct buf *b, const struct export *x, unsigned m)
{
	unsigned group = x->plan ? x->plan->machine[m].group : PLAN_NONE;
	uint32_t mix = (group + 1) * 2654435761u; /* far colours for near numbers */

	if (group == PLAN_NONE || x->plan->group[group].kind == PLAN_SHARED)
		buf_str(b, "<viz:color r=\"160\" g=\"160\" b=\"160\"/>");
	else
		buf_printf(b, "<viz:color r=\"%u\" g=\"%u\" b=\"%u\"/>", 64 + (mix >> 25),
			   64 + (mix >> 17 & 127), 64 + (mix >> 9 & 127));
}

static void node(const struct export *x, struct export_sink *s, unsigned i)
{
	const struct graph_machine *m = &x->graph->machine[i];
	struct buf *b = &s->out;

	buf_printf(b, "<node id=\"%u\"", i);
	xml_attribute(b, "label", m->name);
	buf_str(b, "><attvalues>");
	text(b, KIND, m->known ? "machine" : "address");
	text(b, ID, m->id);
	text(b, OS, m->os);
	text(b, SITE, m->site);
	known_number(b, CORES, m->cores);
	known_number(b, MEMORY, m->memory_bytes);
	grouped(b, x, i);
	buf_str(b, "</attvalues>");
	colour(b, x, i);
	buf_str(b, "</node>\n");
	export_flow(s);
}

static void edge(struct export_sink *s, const struct arrow *l, unsigned i)
{
	struct buf *b = &s->out;

	buf_printf(b, "<edge id=\"%u\" source=\"%u\" target=\"%u\" weight=\"%" PRIu64 "\">", i,
		   l->client, l->server, l->c.opens + l->live + 1);
	buf_printf(b, "<attvalues><attvalue for=\"%d\" value=\"", PORTS);
	export_ports(b, l);
	buf_str(b, "\"/>");
	number(b, EDGES, l->edges);
	number(b, OPENS, l->c.opens);
	number(b, FAILED, counters_failed(&l->c));
	if (l->c.has_bytes)
		number(b, BYTES, l->c.bytes_to_server + l->c.bytes_to_client);
	buf_str(b, "</attvalues></edge>\n");
	export_flow(s);
}

void export_gexf(const struct export *x, struct export_sink *s)
{
	struct arrows *all = arrows_of(x->graph, NULL);

	head(&s->out);
	buf_str(&s->out, "<nodes>\n");
	for (unsigned i = 0; i < x->graph->machine_n; i++)
		node(x, s, i);
	buf_str(&s->out, "</nodes>\n<edges>\n");
	for (unsigned i = 0; i < all->arrow_n; i++)
		edge(s, &all->arrow[i], i);
	buf_str(&s->out, "</edges>\n</graph>\n</gexf>\n");
	arrows_free(all);
}

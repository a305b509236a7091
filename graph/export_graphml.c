/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GraphML (graphml.graphdrawing.org): machines are nodes, groups are nodes with a graph inside
 * as yEd has them, an edge is all that one machine calls another for.  What yEd draws stands
 * in data of its own; what it means stands in plain typed keys that Gephi reads too.
 */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "graph/arrows.h"
#include "graph/export.h"
#include "graph/export_layout.h"
#include "graph/export_xml.h"

static const struct {
	const char *name, *domain, *type;
} keys[] = {
	{ "label", "node", "string" },
	{ "kind", "node", "string" },	 /* machine, address, group, shared */
	{ "machine", "node", "string" }, /* its id; "id" and "label" are Gephi's own */
	{ "ips", "node", "string" },
	{ "os", "node", "string" },
	{ "site", "node", "string" },
	{ "cores", "node", "long" },
	{ "memory_bytes", "node", "long" },
	{ "group", "node", "string" },
	{ "service", "node", "string" },
	{ "env", "node", "string" },
	{ "state", "node", "string" },
	{ "owner", "node", "string" },
	{ "wave", "node", "int" },
	{ "confidence", "node", "double" },
	{ "reason", "node", "string" },
	{ "ports", "edge", "string" },
	{ "edges", "edge", "int" },
	{ "opens", "edge", "long" },
	{ "failed", "edge", "long" },
	{ "bytes", "edge", "long" },
	{ "first", "edge", "long" },
	{ "last", "edge", "long" },
	{ "weight", "edge", "double" },
};

static void head(struct buf *b)
{
	buf_str(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		   "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\""
		   " xmlns:y=\"http://www.yworks.com/xml/graphml\">\n");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		buf_printf(
			b,
			"<key id=\"%c_%s\" for=\"%s\" attr.name=\"%s\" attr.type=\"%s\"/>\n",
			keys[i].domain[0], keys[i].name, keys[i].domain, keys[i].name,
			keys[i].type);
	buf_str(b, "<key id=\"n_look\" for=\"node\" yfiles.type=\"nodegraphics\"/>\n"
		   "<key id=\"e_look\" for=\"edge\" yfiles.type=\"edgegraphics\"/>\n"
		   "<graph id=\"G\" edgedefault=\"directed\">\n");
}

/* KEY is that of the key element: n_label. */
static void text(struct buf *b, const char *key, const char *s)
{
	if (!*s)
		return;
	buf_printf(b, "<data key=\"%s\">", key);
	xml_text(b, s);
	buf_str(b, "</data>");
}

static void number(struct buf *b, const char *key, uint64_t v)
{
	if (v > INT64_MAX)
		v = INT64_MAX; /* a long */
	buf_printf(b, "<data key=\"%s\">%" PRIu64 "</data>", key, v);
}

static void known_number(struct buf *b, const char *key, uint64_t v)
{
	if (v)
		number(b, key, v);
}

static void real(struct buf *b, const char *key, double v)
{
	buf_printf(b, "<data key=\"%s\">", key);
	export_real(b, v);
	buf_str(b, "</data>");
}

/* yEd takes a label that begins with <html> for HTML, and would fetch what that names. */
static void label(struct buf *b, const char *s)
{
	if (strncasecmp(s, "<html", 5) == 0)
		buf_u8(b, ' ');
	xml_text(b, s);
}

static void look_of_machine(struct buf *b, const char *name, const char *colour,
			    const struct layout_box *box, unsigned i)
{
	unsigned x, y;

	layout_cell(box, i, &x, &y);
	buf_printf(b,
		   "<data key=\"n_look\"><y:ShapeNode><y:Geometry x=\"%u\" y=\"%u\""
		   " width=\"%d\" height=\"%d\"/><y:Fill color=\"%s\" transparent=\"false\"/>"
		   "<y:BorderStyle color=\"#666666\" type=\"line\" width=\"1.0\"/>"
		   "<y:NodeLabel fontSize=\"11\">",
		   box->x + x, box->y + y, LAYOUT_CELL_W, LAYOUT_CELL_H, colour);
	label(b, name);
	buf_str(b, "</y:NodeLabel><y:Shape type=\"roundrectangle\"/></y:ShapeNode></data>");
}

static void addresses(struct buf *b, const struct graph_machine *m)
{
	if (!m->ips_n)
		return;
	buf_str(b, "<data key=\"n_ips\">");
	for (unsigned i = 0; i < m->ips_n; i++) {
		buf_str(b, i ? " " : "");
		xml_text(b, m->ips[i]);
	}
	buf_str(b, "</data>");
}

static void node(const struct export *x, struct export_sink *s, unsigned i,
		 const struct layout_box *box, unsigned at)
{
	const struct graph_machine *m = &x->graph->machine[i];
	const struct plan_group *g = export_group(x, i);
	struct buf *b = &s->out;

	buf_printf(b, "<node id=\"n%u\">", i);
	text(b, "n_label", m->name);
	text(b, "n_kind", m->known ? "machine" : "address");
	text(b, "n_machine", m->id);
	addresses(b, m);
	text(b, "n_os", m->os);
	text(b, "n_site", m->site);
	known_number(b, "n_cores", m->cores);
	known_number(b, "n_memory_bytes", m->memory_bytes);
	if (g) {
		text(b, "n_group", g->name);
		text(b, "n_env", g->env);
		known_number(b, "n_wave", g->wave);
		real(b, "n_confidence", x->plan->machine[i].confidence);
		text(b, "n_reason", x->plan->machine[i].reason);
	}
	look_of_machine(b, m->name, m->known ? "#ffffff" : "#f5f5f5", box, at);
	buf_str(b, "</node>\n");
	export_flow(s);
}

static void look_of_group(struct buf *b, const struct export *x, const struct plan_group *g,
			  const struct layout_box *box)
{
	buf_printf(b,
		   "<data key=\"n_look\"><y:ProxyAutoBoundsNode><y:Realizers active=\"0\">"
		   "<y:GroupNode><y:Geometry x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\"/>"
		   "<y:Fill color=\"%s\" transparent=\"false\"/>"
		   "<y:BorderStyle color=\"#666666\" type=\"%s\" width=\"1.0\"/>"
		   "<y:NodeLabel fontSize=\"14\" fontStyle=\"bold\" modelName=\"internal\""
		   " modelPosition=\"t\">",
		   box->x, box->y, box->w, box->h, layout_colour(x, g),
		   g->kind == PLAN_SHARED ? "dashed" : "line");
	label(b, g->name);
	buf_str(b, "</y:NodeLabel><y:Shape type=\"roundrectangle\"/>"
		   "<y:State closed=\"false\"/></y:GroupNode></y:Realizers>"
		   "</y:ProxyAutoBoundsNode></data>");
}

static void group(const struct export *x, struct export_sink *s, unsigned i,
		  const struct layout_box *box)
{
	const struct plan_group *g = &x->plan->group[i];
	struct buf *b = &s->out;

	buf_printf(b, "<node id=\"g%u\" yfiles.foldertype=\"group\">", i);
	text(b, "n_label", g->name);
	text(b, "n_kind", plan_kind_word[g->kind]);
	text(b, "n_service", service_word(g->service));
	text(b, "n_env", g->env);
	text(b, "n_site", g->site);
	text(b, "n_state", plan_state_word[g->state]);
	text(b, "n_owner", g->owner);
	known_number(b, "n_wave", g->wave);
	real(b, "n_confidence", g->confidence);
	text(b, "n_reason", g->reason);
	look_of_group(b, x, g, box);
	buf_printf(b, "\n<graph id=\"g%u:\" edgedefault=\"directed\">\n", i);
	for (unsigned k = 0; k < g->machine_n; k++)
		node(x, s, g->machine[k], box, k);
	buf_str(b, "</graph></node>\n");
}

static void edge(struct export_sink *s, const struct arrow *l, unsigned i)
{
	struct buf *b = &s->out;

	buf_printf(b, "<edge id=\"e%u\" source=\"n%u\" target=\"n%u\">", i, l->client,
		   l->server);
	buf_str(b, "<data key=\"e_ports\">");
	export_ports(b, l);
	buf_str(b, "</data>");
	number(b, "e_edges", l->edges);
	number(b, "e_opens", l->c.opens);
	number(b, "e_failed", counters_failed(&l->c));
	if (l->c.has_bytes)
		number(b, "e_bytes", l->c.bytes_to_server + l->c.bytes_to_client);
	known_number(b, "e_first", (uint64_t)l->first);
	known_number(b, "e_last", (uint64_t)l->last);
	real(b, "e_weight", (double)(l->c.opens + l->live) + 1);
	buf_str(b, "<data key=\"e_look\"><y:PolyLineEdge>"
		   "<y:LineStyle color=\"#808080\" type=\"line\" width=\"1.0\"/>"
		   "<y:Arrows source=\"none\" target=\"standard\"/>"
		   "</y:PolyLineEdge></data></edge>\n");
	export_flow(s);
}

void export_graphml(const struct export *x, struct export_sink *s)
{
	struct layout *l = layout_of(x, true);
	struct arrows *all = arrows_of(x->graph, NULL);

	head(&s->out);
	for (unsigned i = 0; i < l->group_n; i++)
		group(x, s, i, &l->group[i]);
	for (unsigned i = 0; i < l->rest_n; i++)
		node(x, s, l->rest_machine[i], &l->rest, i);
	for (unsigned i = 0; i < all->arrow_n; i++)
		edge(s, &all->arrow[i], i);
	buf_str(&s->out, "</graph>\n</graphml>\n");
	arrows_free(all);
	layout_free(l);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A diagram for diagrams.net (draw.io), not compressed: a box a group with its machines in it,
 * laid out so that it can be read as it opens.  Arrows are between groups, or with
 * x->edges between machines.  Those to and from shared services are in a layer of their own,
 * which is switched off when it opens, since nearly everybody has them.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "graph/arrows.h"
#include "graph/export.h"
#include "graph/export_layout.h"
#include "graph/export_xml.h"

#define GROUP_STYLE                                                                           \
	"swimlane;html=0;rounded=1;startSize=28;fontStyle=1;collapsible=0;whiteSpace=wrap;"   \
	"strokeColor=#666666;"
#define MACHINE_STYLE                                                                         \
	"rounded=1;html=0;whiteSpace=wrap;overflow=hidden;fontSize=11;fillColor=#ffffff;"     \
	"strokeColor=#999999;"
#define ARROW_STYLE                                                                           \
	"edgeStyle=orthogonalEdgeStyle;rounded=1;html=0;endArrow=block;fontSize=10;"

static void head(struct buf *b)
{
	buf_str(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		   "<mxfile host=\"skein\"><diagram id=\"plan\" name=\"Plan\">\n"
		   "<mxGraphModel grid=\"1\" gridSize=\"10\" guides=\"1\" connect=\"1\""
		   " arrows=\"1\" page=\"0\" math=\"0\"><root>\n"
		   "<mxCell id=\"0\"/>\n"
		   "<mxCell id=\"groups\" value=\"Groups\" parent=\"0\"/>\n"
		   "<mxCell id=\"arrows\" value=\"Arrows between groups\" parent=\"0\"/>\n"
		   "<mxCell id=\"shared\" value=\"Arrows of shared services\" parent=\"0\""
		   " visible=\"0\"/>\n");
}

static void geometry(struct buf *b, unsigned x, unsigned y, unsigned w, unsigned h)
{
	buf_printf(b,
		   "<mxGeometry x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\""
		   " as=\"geometry\"/></mxCell>\n",
		   x, y, w, h);
}

static void machine(const struct export *x, struct export_sink *s, unsigned m,
		    const char *parent, const struct layout_box *box, unsigned i)
{
	unsigned left, top;

	layout_cell(box, i, &left, &top);
	buf_printf(&s->out, "<mxCell id=\"n%u\"", m);
	xml_attribute(&s->out, "value", x->graph->machine[m].name);
	buf_printf(&s->out, " style=\"" MACHINE_STYLE "\" vertex=\"1\" parent=\"%s\">",
		   parent);
	geometry(&s->out, left, top, LAYOUT_CELL_W, LAYOUT_CELL_H);
	export_flow(s);
}

static void box(struct buf *b, const char *id, const char *title, const char *colour,
		bool dashed, const struct layout_box *at)
{
	buf_printf(b, "<mxCell id=\"%s\"", id);
	xml_attribute(b, "value", title);
	buf_printf(b,
		   " style=\"" GROUP_STYLE "fillColor=%s;%s\" vertex=\"1\""
		   " parent=\"groups\">",
		   colour, dashed ? "dashed=1;" : "");
	geometry(b, at->x, at->y, at->w, at->h);
}

/* "shop (prod, wave 3)" */
static void title(struct buf *b, const struct plan_group *g)
{
	const char *open = " (";

	buf_str(b, g->name);
	if (g->kind == PLAN_SHARED && g->service) {
		buf_printf(b, "%s%s", open, service_word(g->service));
		open = ", ";
	}
	if (*g->env) {
		buf_printf(b, "%s%s", open, g->env);
		open = ", ";
	}
	if (g->wave) {
		buf_printf(b, "%swave %u", open, g->wave);
		open = ", ";
	}
	if (open[0] == ',')
		buf_u8(b, ')');
}

static void group(const struct export *x, struct export_sink *s, unsigned i,
		  const struct layout_box *at)
{
	const struct plan_group *g = &x->plan->group[i];
	struct buf words = { 0 };
	char id[16];

	snprintf(id, sizeof(id), "g%u", i);
	title(&words, g);
	box(&s->out, id, buf_cstr(&words), layout_colour(x, g), g->kind == PLAN_SHARED, at);
	for (unsigned k = 0; k < g->machine_n; k++)
		machine(x, s, g->machine[k], id, at, k);
	buf_fini(&words);
}

static void arrow(struct export_sink *s, const struct arrow *l, unsigned i, char ends,
		  bool shared)
{
	struct buf *b = &s->out;

	buf_printf(b, "<mxCell id=\"e%u\" value=\"", i);
	export_ports(b, l);
	buf_str(b, "\" style=\"" ARROW_STYLE "strokeWidth=");
	export_real(b, 1 + log10(1 + (double)l->c.opens) / 2);
	buf_printf(b,
		   ";strokeColor=%s;\" edge=\"1\" parent=\"%s\" source=\"%c%u\""
		   " target=\"%c%u\"><mxGeometry relative=\"1\" as=\"geometry\"/></mxCell>\n",
		   shared ? "#aaaaaa" : "#555555", shared ? "shared" : "arrows", ends,
		   l->client, ends, l->server);
	export_flow(s);
}

static void group_arrows(const struct export *x, struct export_sink *s)
{
	unsigned *of;
	struct arrows *all = export_arrows(x, &of);

	for (unsigned i = 0; i < all->arrow_n; i++) {
		const struct arrow *l = &all->arrow[i];

		arrow(s, l, i, 'g',
		      x->plan->group[l->client].kind == PLAN_SHARED ||
			      x->plan->group[l->server].kind == PLAN_SHARED);
	}
	arrows_free(all);
	free(of);
}

static bool drawn(const struct export *x, unsigned m)
{
	return x->graph->machine[m].known || export_group(x, m);
}

static bool is_shared(const struct export *x, unsigned m)
{
	const struct plan_group *g = export_group(x, m);

	return g && g->kind == PLAN_SHARED;
}

static void machine_arrows(const struct export *x, struct export_sink *s)
{
	struct arrows *all = arrows_of(x->graph, NULL);

	for (unsigned i = 0; i < all->arrow_n; i++) {
		const struct arrow *l = &all->arrow[i];

		if (drawn(x, l->client) && drawn(x, l->server))
			arrow(s, l, i, 'n',
			      is_shared(x, l->client) || is_shared(x, l->server));
	}
	arrows_free(all);
}

void export_drawio(const struct export *x, struct export_sink *s)
{
	struct layout *l = layout_of(x, false);

	head(&s->out);
	for (unsigned i = 0; i < l->group_n; i++)
		group(x, s, l->order[i], &l->group[l->order[i]]);
	if (l->rest_n)
		box(&s->out, "rest", x->plan ? "in no group" : "machines", "#ffffff", true,
		    &l->rest);
	for (unsigned i = 0; i < l->rest_n; i++)
		machine(x, s, l->rest_machine[i], "rest", &l->rest, i);
	if (x->edges || !x->plan)
		machine_arrows(x, s);
	else
		group_arrows(x, s);
	buf_str(&s->out, "</root></mxGraphModel>\n</diagram></mxfile>\n");
	layout_free(l);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/dot.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <graphviz/cgraph.h>

#include "common/mem.h"
#include "graph/draw/box.h"
#include "graph/draw/caption.h"
#include "graph/draw/words.h"

enum { HEAD_LABELS = 3 }; /* more port lists at one box would lie upon each other */

struct drawing {
	const struct scene *s;
	Agraph_t *g;
	Agraph_t **frame;
	Agnode_t **node;
	struct buf text; /* scratch */
};

/* cgraph takes char * and copies. */
static char *plain(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void set(void *obj, const char *name, const char *value)
{
	agsafeset(obj, plain(name), plain(value), plain(""));
}

static void set_text(struct drawing *d, void *obj, const char *name)
{
	set(obj, name, buf_cstr(&d->text));
	buf_reset(&d->text);
}

static void set_html(struct drawing *d, void *obj, const char *name)
{
	char *html = agstrdup_html(d->g, plain(buf_cstr(&d->text)));

	set(obj, name, html);
	agstrfree(d->g, html);
	buf_reset(&d->text);
}

static const struct {
	int kind;
	const char *name, *value;
} defaults[] = {
	{ AGRAPH, "rankdir", "LR" },
	{ AGRAPH, "newrank", "true" },
	{ AGRAPH, "splines", "true" },
	{ AGRAPH, "outputorder", "nodesfirst" },
	{ AGRAPH, "nodesep", "0.22" },
	{ AGRAPH, "ranksep", "0.9" },
	{ AGRAPH, "mclimit", "2" },
	{ AGRAPH, "pad", "0.25" },
	{ AGRAPH, "bgcolor", "white" },
	{ AGRAPH, "fontname", "DejaVu Sans" },
	{ AGRAPH, "fontsize", "10" },
	{ AGRAPH, "labelloc", "t" },
	{ AGRAPH, "labeljust", "l" },
	{ AGRAPH, "linelength", "0" },
	{ AGRAPH, "charset", "UTF-8" },
	{ AGRAPH, "label", "" },
	{ AGRAPH, "id", "" },
	{ AGRAPH, "class", "" },
	{ AGRAPH, "tooltip", "" },
	{ AGRAPH, "style", "" },
	{ AGRAPH, "color", "" },
	{ AGRAPH, "fillcolor", "" },
	{ AGRAPH, "penwidth", "1" },
	{ AGRAPH, "margin", "" }, /* of the page for the root, so set on frames alone */
	{ AGNODE, "shape", "plain" },
	{ AGNODE, "fontname", "DejaVu Sans" },
	{ AGNODE, "fontsize", "10" },
	{ AGNODE, "label", "" },
	{ AGNODE, "id", "" },
	{ AGNODE, "class", "" },
	{ AGNODE, "tooltip", "" },
	{ AGEDGE, "fontname", "DejaVu Sans" },
	{ AGEDGE, "fontsize", "8" },
	{ AGEDGE, "fontcolor", "#333333" },
	{ AGEDGE, "color", BOX_LINE },
	{ AGEDGE, "arrowsize", "0.7" },
	{ AGEDGE, "penwidth", "1" },
	{ AGEDGE, "style", "" },
	{ AGEDGE, "label", "" },
	{ AGEDGE, "headlabel", "" },
	{ AGEDGE, "headport", "" },
	{ AGEDGE, "tailport", "" },
	{ AGEDGE, "id", "" },
	{ AGEDGE, "class", "" },
	{ AGEDGE, "tooltip", "" },
	{ AGEDGE, "labeltooltip", "" },
};

static const char *kind_class(enum scene_kind kind)
{
	static const char *const words[] = {
		[SCENE_MACHINE] = "machine",	  [SCENE_PROCESS] = "process",
		[SCENE_STRANGER] = "unmonitored", [SCENE_CLIENTS] = "clients",
		[SCENE_SERVERS] = "servers",	  [SCENE_IDLE] = "idle",
		[SCENE_COMPACT] = "machine",	  [SCENE_STACK] = "stack",
	};

	return words[kind];
}

static void draw_frame(struct drawing *d, unsigned i)
{
	const struct scene_cluster *c = &d->s->cluster[i];
	char name[32];
	Agraph_t *sub;

	snprintf(name, sizeof(name), "cluster_%u", i);
	sub = d->frame[i] = agsubg(d->g, name, 1);
	box_frame_label(&d->text, c);
	set_html(d, sub, "label");
	set(sub, "id", c->id);
	set(sub, "class", "machine");
	words_text(&d->text, c->name, WORDS_TIP);
	set_text(d, sub, "tooltip");
	set(sub, "style", "rounded,filled");
	set(sub, "fillcolor", "#F7F9FB");
	set(sub, "color", role_look[c->role].line);
	set(sub, "penwidth", c->focus ? "2" : "1.4");
	set(sub, "margin", "12");
}

static void draw_box(struct drawing *d, unsigned i)
{
	const struct scene_box *b = &d->s->box[i];
	Agraph_t *in = b->cluster < 0 ? d->g : d->frame[b->cluster];
	char name[32];

	snprintf(name, sizeof(name), "b%u", i);
	d->node[i] = agnode(in, name, 1);
	box_label(&d->text, b);
	set_html(d, d->node[i], "label");
	set(d->node[i], "id", b->id);
	buf_str(&d->text, kind_class(b->kind));
	if (b->role != ROLE_NONE)
		buf_printf(&d->text, " role-%s", role_look[b->role].word);
	set_text(d, d->node[i], "class");
	box_tooltip(&d->text, b);
	set_text(d, d->node[i], "tooltip");
}

/* Arrows */

static void end_name(struct buf *b, const struct scene *s, unsigned box, int row)
{
	const struct scene_box *x = &s->box[box];
	const char *process = row >= 0 && (unsigned)row < x->row_n ? x->row[row].name : "";
	const char *machine = x->cluster >= 0 ? s->cluster[x->cluster].name : x->name;

	if (*process) {
		words_text(b, process, WORDS_TIP);
		buf_str(b, " on ");
	}
	words_text(b, machine, WORDS_TIP);
}

static void ports(struct buf *b, const struct scene_link *l, unsigned max)
{
	for (unsigned i = 0; i < l->port_n && i < max; i++) {
		if (i)
			buf_u8(b, ' ');
		words_port(b, l->port[i].port, l->port[i].proto);
	}
	if (l->port_n > max)
		buf_str(b, " …");
}

static void failures(struct buf *b, const struct counters *c)
{
	const struct {
		uint64_t n;
		const char *word;
	} kinds[] = {
		{ c->refused, "refused" },	   { c->timeouts, "timed out" },
		{ c->unreachable, "unreachable" }, { c->resets, "reset" },
		{ c->failed_other, "failed" },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!kinds[i].n)
			continue;
		buf_str(b, any ? ", " : "");
		words_count(b, kinds[i].n);
		buf_printf(b, " %s", kinds[i].word);
		any = true;
	}
}

static void link_numbers(struct buf *b, const struct scene_link *l)
{
	buf_str(b, "&#10;");
	words_number(b, l->c.opens, "connection", "connections");
	if (counters_failed(&l->c)) {
		buf_str(b, ", ");
		words_number(b, counters_failed(&l->c), "failed (", "failed (");
		failures(b, &l->c);
		buf_str(b, ")");
	}
	if (l->live) {
		buf_str(b, ", ");
		words_number(b, l->live, "open now", "open now");
	}
	if (l->pending) {
		buf_str(b, ", ");
		words_number(b, l->pending, "still connecting", "still connecting");
	}
	if (l->edges > 1) {
		buf_str(b, ", ×");
		words_number(b, l->edges, "pair of processes", "pairs of processes");
	}
	if (l->c.has_bytes && l->c.bytes_to_server + l->c.bytes_to_client) {
		buf_str(b, "&#10;");
		words_count(b, l->c.bytes_to_server);
		buf_str(b, " bytes to the server, ");
		words_count(b, l->c.bytes_to_client);
		buf_str(b, " back");
	}
}

static void tooltip(struct buf *b, const struct scene *s, const struct scene_link *l,
		    int local)
{
	end_name(b, s, l->from, l->from_row);
	buf_str(b, " → ");
	end_name(b, s, l->to, l->to_row);
	buf_u8(b, ' ');
	ports(b, l, 12);
	link_numbers(b, l);
	if (l->first) {
		buf_str(b, "&#10;");
		words_period(b, l->first, l->last, local);
	}
}

/* What went wrong is said beside the arrow; how often all went well is in its width. */
static void remark(struct buf *b, const struct scene_link *l)
{
	uint64_t failed = counters_failed(&l->c);

	if (failed) {
		words_count(b, failed);
		if (failed < l->c.opens) {
			buf_str(b, " of ");
			words_count(b, l->c.opens);
		}
		buf_str(b, " failed");
	} else if (scene_link_state(l) == SCENE_WAITING) {
		buf_str(b, l->pending ? "connecting" : "given up");
	}
}

static void set_look(struct drawing *d, Agedge_t *edge, const struct scene_link *l)
{
	static const char *const style[] = { "", "dotted", "dashed", "dashed" };
	static const char *const class[] = { "edge-fine", "edge-one-sided", "edge-waiting",
					     "edge-failed" };
	enum scene_state state = scene_link_state(l);
	uint64_t n = l->c.opens > l->live ? l->c.opens : l->live;
	double width = 0.8 + 0.55 * log10((double)n + 1);

	buf_printf(&d->text, "%.2f", width > 4.5 ? 4.5 : width);
	set_text(d, edge, "penwidth");
	set(edge, "style", style[state]);
	set(edge, "class", class[state]);
	if (counters_failed(&l->c)) {
		set(edge, "color", BOX_FAILED);
		set(edge, "fontcolor", BOX_FAILED_TEXT);
	}
}

static void set_id(struct drawing *d, Agedge_t *edge, const struct scene_link *l)
{
	buf_printf(&d->text, "e-%s.%d-%s.%d", d->s->box[l->from].id, l->from_row,
		   d->s->box[l->to].id, l->to_row);
	if (l->port_n == 1)
		buf_printf(&d->text, ".%u%s", l->port[0].port,
			   l->port[0].proto == PROTO_UDP ? "u" : "");
	set_text(d, edge, "id");
}

static void set_ends(struct drawing *d, Agedge_t *edge, const struct scene_link *l)
{
	const struct scene_box *to = &d->s->box[l->to];

	if (l->from_row >= 0 && d->s->box[l->from].row_n) {
		buf_printf(&d->text, "r%d:e", l->from_row);
		set_text(d, edge, "tailport");
	}
	if (l->port_n == 1)
		box_port(&d->text, to, l->to_row, &l->port[0]);
	buf_str(&d->text, d->text.n ? ":w" : "w");
	set_text(d, edge, "headport");
}

/* Boxes at which too many arrows with several ports each end keep these in tooltips. */
static bool may_label(const struct scene *s, const struct scene_link *l)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->link_n && n <= HEAD_LABELS; i++)
		n += s->link[i].to == l->to && s->link[i].port_n > 1;
	return n <= HEAD_LABELS;
}

static void draw_link(struct drawing *d, unsigned i, int local)
{
	const struct scene_link *l = &d->s->link[i];
	char key[32];
	Agedge_t *edge;

	snprintf(key, sizeof(key), "e%u", i);
	edge = agedge(d->g, d->node[l->from], d->node[l->to], key, 1);
	set_ends(d, edge, l);
	set_id(d, edge, l);
	set_look(d, edge, l);
	tooltip(&d->text, d->s, l, local);
	set(edge, "labeltooltip", buf_cstr(&d->text));
	set_text(d, edge, "tooltip");
	remark(&d->text, l);
	set_text(d, edge, "label");
	if (l->port_n > 1 && may_label(d->s, l)) {
		ports(&d->text, l, 3);
		set_text(d, edge, "headlabel");
	}
}

static const char no_facts[] =
	"Either no sensor has reported yet, or the time asked for holds nothing."
	"<br align=\"left\"/>Start watching: skein up<br align=\"left\"/>"
	"Bring what was watched elsewhere: skein import FILE<br align=\"left\"/>"
	"See what is known: skein machines<br align=\"left\"/>";
static const char no_match[] = "Nothing known fits what was asked for.<br align=\"left\"/>"
			       "See all there is: skein edges<br align=\"left\"/>";

static void draw_empty(struct drawing *d, const struct picture_options *o)
{
	Agnode_t *n = agnode(d->g, plain("empty"), 1);

	buf_printf(
		&d->text,
		"<table border=\"1\" style=\"rounded,dashed\" color=\"" BOX_LINE
		"\" cellborder=\"0\" cellspacing=\"4\" cellpadding=\"4\"><tr><td align=\"left\" "
		"balign=\"left\"><font point-size=\"12\"><b>No connections %s</b></font>"
		"<br align=\"left\"/><font point-size=\"9\" color=\"" BOX_SMALL
		"\">%s</font></td>"
		"</tr></table>",
		o->scope ? "found" : "seen yet", o->scope ? no_match : no_facts);
	set_html(d, n, "label");
	set(n, "id", "empty");
	set(n, "tooltip", "No connections");
}

static void draw(struct drawing *d, const struct picture_options *o)
{
	const struct scene *s = d->s;

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		agattr(d->g, defaults[i].kind, plain(defaults[i].name),
		       plain(defaults[i].value));
	if (s->compact) {
		set(d->g, "nodesep", "0.14");
		set(d->g, "ranksep", "0.7");
		set(d->g, "nslimit", "1"); /* dense graphs: a second instead of a minute */
		set(d->g, "nslimit1", "1");
		set(d->g, "mclimit", "1");
	}
	caption_write(&d->text, s, o);
	set_html(d, d->g, "label");
	set(d->g, "id", "skein");
	for (unsigned i = 0; i < s->cluster_n; i++)
		draw_frame(d, i);
	for (unsigned i = 0; i < s->box_n; i++)
		draw_box(d, i);
	for (unsigned i = 0; i < s->link_n; i++)
		draw_link(d, i, o->local_time);
	if (!s->box_n)
		draw_empty(d, o);
}

static int put_string(void *chan, const char *text)
{
	buf_str(chan, text);
	return 0;
}

static int put_nothing(void *chan)
{
	(void)chan;
	return 0;
}

int dot_write(const struct scene *s, const struct picture_options *o, struct buf *out,
	      struct err *e)
{
	static Agiodisc_t io = { .putstr = put_string, .flush = put_nothing };
	Agdisc_t disc = { &AgMemDisc, &AgIdDisc, &io };
	struct drawing d = { .s = s };
	int rc;

	d.frame = xcalloc(s->cluster_n, sizeof(*d.frame));
	d.node = xcalloc(s->box_n, sizeof(*d.node));
	d.g = agopen(plain("skein"), Agdirected, &disc);
	draw(&d, o);
	rc = agwrite(d.g, out);
	agclose(d.g);
	free(d.frame);
	free(d.node);
	buf_fini(&d.text);
	return rc ? err_set(e, -EIO, "cgraph cannot write the picture") : 0;
}

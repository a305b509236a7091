/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/dot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/draw/box.h"
#include "graph/draw/caption.h"
#include "graph/draw/heading.h"
#include "graph/draw/pen.h"
#include "graph/draw/words.h"

enum {
	HEAD_LABELS = 3, /* more port lists at one box would lie upon each other */
	LABELLED = 40,	 /* of more arrows over the border of a group only failures are told */
};

struct drawing {
	const struct scene *s;
	struct pen *pen;
	struct buf *text;     /* the pen's */
	void **frame, **node; /* the pen's, by index */
	unsigned crossings;   /* arrows over the border of a group */
};

static const char *kind_class(enum scene_kind kind)
{
	static const char *const words[] = {
		[SCENE_MACHINE] = "machine",	  [SCENE_PROCESS] = "process",
		[SCENE_STRANGER] = "unmonitored", [SCENE_CLIENTS] = "clients",
		[SCENE_SERVERS] = "servers",	  [SCENE_IDLE] = "idle",
		[SCENE_COMPACT] = "machine",	  [SCENE_STACK] = "stack",
		[SCENE_GROUP] = "group",
	};

	return words[kind];
}

static void draw_frame(struct drawing *d, unsigned i)
{
	const struct scene_cluster *c = &d->s->cluster[i];
	char name[32];
	void *sub;

	snprintf(name, sizeof(name), "cluster_%u", i);
	sub = pen_frame(c->parent < 0 ? pen_root(d->pen) : d->frame[c->parent], name);
	d->frame[i] = sub;
	box_frame_label(d->text, c);
	pen_set_html(d->pen, sub, "label");
	pen_set(sub, "id", c->id);
	pen_set(sub, "class", c->group ? "group" : "machine");
	words_text(d->text, c->name, WORDS_TIP);
	pen_set_text(d->pen, sub, "tooltip");
	pen_set(sub, "style", c->unsure ? "rounded,filled,dashed" : "rounded,filled");
	pen_set(sub, "fillcolor", "#F7F9FB");
	pen_set(sub, "color", c->group ? env_look[c->env].line : role_look[c->role].line);
	pen_set(sub, "penwidth", c->focus || c->group ? "2" : "1.4");
	pen_set(sub, "margin", "12");
}

static void draw_box(struct drawing *d, unsigned i)
{
	const struct scene_box *b = &d->s->box[i];
	void *in = b->cluster < 0 ? pen_root(d->pen) : d->frame[b->cluster];
	char name[32];

	snprintf(name, sizeof(name), "b%u", i);
	d->node[i] = pen_node(in, name);
	box_label(d->text, b);
	pen_set_html(d->pen, d->node[i], "label");
	pen_set(d->node[i], "id", b->id);
	buf_str(d->text, kind_class(b->kind));
	if (b->role != ROLE_NONE)
		buf_printf(d->text, " role-%s", role_look[b->role].word);
	pen_set_text(d->pen, d->node[i], "class");
	box_tooltip(d->text, b);
	pen_set_text(d->pen, d->node[i], "tooltip");
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

/* An arrow over the border of a group: who is there, where, and how often. */
static void crossing(struct buf *b, const struct scene *s, const struct scene_link *l)
{
	struct heading_period p = heading_period(s->v->g);

	if (*l->far) {
		words_text(b, l->far, 20);
		buf_u8(b, ' ');
	}
	ports(b, l, 2);
	buf_str(b, " · ");
	words_rate(b, l->c.opens > l->live ? l->c.opens : l->live,
		   (double)(p.last - p.first) / 86400);
}

static bool is_crossing(const struct scene *s, const struct scene_link *l)
{
	return s->v->plan && (s->box[l->from].cluster < 0 || s->box[l->to].cluster < 0);
}

/*
 * What went wrong is said beside the arrow; how often all went well is in its width, but for
 * arrows over the border of a group, where it is the question.
 */
static void remark(struct buf *b, const struct scene *s, const struct scene_link *l,
		   bool labelled)
{
	uint64_t failed = counters_failed(&l->c);

	if (labelled) {
		crossing(b, s, l);
		if (scene_link_ails(s, l))
			buf_str(b, ", ");
	}
	if (scene_link_ails(s, l)) {
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

static void set_look(struct drawing *d, void *edge, const struct scene_link *l)
{
	static const char *const style[] = { "", "dotted", "dashed", "dashed" };
	static const char *const class[] = { "edge-fine", "edge-one-sided", "edge-waiting",
					     "edge-failed" };
	enum scene_state state = scene_link_state(l);
	uint64_t n = l->c.opens > l->live ? l->c.opens : l->live;
	double width = 0.8 + 0.55 * log10((double)n + 1);

	buf_printf(d->text, "%.2f", width > 4.5 ? 4.5 : width);
	pen_set_text(d->pen, edge, "penwidth");
	pen_set(edge, "style", style[state]);
	pen_set(edge, "class", class[state]);
	if (scene_link_ails(d->s, l)) {
		pen_set(edge, "color", BOX_FAILED);
		pen_set(edge, "fontcolor", BOX_FAILED_TEXT);
	}
}

static void set_id(struct drawing *d, void *edge, const struct scene_link *l)
{
	buf_printf(d->text, "e-%s.%d-%s.%d", d->s->box[l->from].id, l->from_row,
		   d->s->box[l->to].id, l->to_row);
	if (l->port_n == 1)
		buf_printf(d->text, ".%u%s", l->port[0].port,
			   l->port[0].proto == PROTO_UDP ? "u" : "");
	pen_set_text(d->pen, edge, "id");
}

static void set_ends(struct drawing *d, void *edge, const struct scene_link *l)
{
	const struct scene_box *to = &d->s->box[l->to];

	if (l->from_row >= 0 && d->s->box[l->from].row_n) {
		buf_printf(d->text, "r%d:e", l->from_row);
		pen_set_text(d->pen, edge, "tailport");
	}
	if (l->port_n == 1)
		box_port(d->text, to, l->to_row, &l->port[0]);
	buf_str(d->text, d->text->n ? ":w" : "w");
	pen_set_text(d->pen, edge, "headport");
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
	void *edge;

	snprintf(key, sizeof(key), "e%u", i);
	edge = pen_arrow(d->pen, d->node[l->from], d->node[l->to], key);
	set_ends(d, edge, l);
	set_id(d, edge, l);
	set_look(d, edge, l);
	tooltip(d->text, d->s, l, local);
	pen_set(edge, "labeltooltip", buf_cstr(d->text));
	pen_set_text(d->pen, edge, "tooltip");
	remark(d->text, d->s, l, is_crossing(d->s, l) && d->crossings <= LABELLED);
	pen_set_text(d->pen, edge, "label");
	if (l->port_n > 1 && !d->s->v->plan && may_label(d->s, l)) {
		ports(d->text, l, 3);
		pen_set_text(d->pen, edge, "headlabel");
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
	void *n = pen_node(pen_root(d->pen), "empty");

	buf_printf(
		d->text,
		"<table border=\"1\" style=\"rounded,dashed\" color=\"" BOX_LINE
		"\" cellborder=\"0\" cellspacing=\"4\" cellpadding=\"4\"><tr><td align=\"left\" "
		"balign=\"left\"><font point-size=\"12\"><b>No connections %s</b></font>"
		"<br align=\"left\"/><font point-size=\"9\" color=\"" BOX_SMALL
		"\">%s</font></td>"
		"</tr></table>",
		o->scope ? "found" : "seen yet", o->scope ? no_match : no_facts);
	pen_set_html(d->pen, n, "label");
	pen_set(n, "id", "empty");
	pen_set(n, "tooltip", "No connections");
}

/* Neighbours of a group stand at its left and at its right, however long the arrows get. */
static void draw_side(struct drawing *d, int side, const char *name, const char *rank)
{
	void *sub = NULL;
	char box[32];

	for (unsigned i = 0; i < d->s->box_n; i++) {
		if (d->s->box[i].side != side)
			continue;
		if (!sub)
			sub = pen_frame(pen_root(d->pen), name);
		snprintf(box, sizeof(box), "b%u", i);
		pen_node(sub, box);
	}
	if (sub)
		pen_set(sub, "rank", rank);
}

static void draw(struct drawing *d, const struct picture_options *o)
{
	const struct scene *s = d->s;
	void *root = pen_root(d->pen);

	if (s->compact) {
		pen_set(root, "nodesep", "0.14");
		pen_set(root, "ranksep", "0.7");
		pen_set(root, "nslimit", "1"); /* dense graphs: a second instead of a minute */
		pen_set(root, "nslimit1", "1");
		pen_set(root, "mclimit", "1");
	}
	caption_write(d->text, s, o);
	pen_set_html(d->pen, root, "label");
	pen_set(root, "id", "skein");
	for (unsigned i = 0; i < s->cluster_n; i++)
		draw_frame(d, i);
	for (unsigned i = 0; i < s->box_n; i++)
		draw_box(d, i);
	draw_side(d, -1, "callers", "source");
	draw_side(d, 1, "called", "sink");
	for (unsigned i = 0; i < s->link_n; i++)
		d->crossings += is_crossing(s, &s->link[i]);
	for (unsigned i = 0; i < s->link_n; i++)
		draw_link(d, i, o->local_time);
	if (!s->box_n)
		draw_empty(d, o);
}

int dot_write(const struct scene *s, const struct picture_options *o, struct buf *out,
	      struct err *e)
{
	struct drawing d = { .s = s, .pen = pen_new(true) };
	int rc;

	d.text = pen_text(d.pen);
	d.frame = xcalloc(s->cluster_n, sizeof(*d.frame));
	d.node = xcalloc(s->box_n, sizeof(*d.node));
	draw(&d, o);
	rc = pen_write(d.pen, out, e);
	pen_free(d.pen);
	free(d.frame);
	free(d.node);
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/estatedot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/draw/box.h"
#include "graph/draw/env.h"
#include "graph/draw/pen.h"
#include "graph/draw/render.h"
#include "graph/draw/words.h"

enum {
	CHIPS_A_ROW = 7,
	CHIPS_MOST = 4, /* where boxes are small */
	NAME_SMALL = 24,
	MEMBER_TIPS = 12,
	CALLED_PORTS = 3,
	LABELLED = 40, /* more arrows have their words in tooltips alone */
};

struct drawing {
	const struct estate *e;
	struct pen *pen;
	struct buf *text; /* the pen's */
	void **node;	  /* by box */
	unsigned drawn;	  /* arrows */
};

static void rate(struct buf *b, const struct estate *e, const struct estate_link *l)
{
	words_rate(b, l->c.opens > l->live ? l->c.opens : l->live, e->days);
}

void estatedot_chip(const struct estate_service *s, struct chip *out)
{
	*out = (struct chip){ .hollow = false };
	if (s->number)
		snprintf(out->text, sizeof(out->text), "%s%u", chip_word(s->kind), s->number);
	else
		snprintf(out->text, sizeof(out->text), "%s", chip_word(s->kind));
}

/* Boxes */

static void small(struct buf *b, const char *size)
{
	buf_printf(b, "<font point-size=\"%s\" color=\"" BOX_SMALL "\">", size);
}

static int by_number(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	return a < b ? -1 : a > b;
}

static void name_line(struct buf *b, const struct estate *e, const struct estate_box *box)
{
	const struct plan_group *g = &e->p->group[box->group];
	enum env env = env_of(g->env);
	bool rich = e->form == ESTATE_RICH;

	buf_printf(b, "<font point-size=\"%s\"><b>", rich ? "12" : "10");
	words_text(b, g->name, rich ? WORDS_NAME : NAME_SMALL);
	buf_str(b, "</b></font> ");
	small(b, rich ? "9" : "8");
	buf_printf(b, " %u</font>", box->machines);
	if (env != ENV_OTHER || *g->env) {
		buf_printf(b, "<font point-size=\"%s\" color=\"%s\"><b>  ", rich ? "8" : "7",
			   env_look[env].line);
		words_text(b, g->env, 10);
		buf_str(b, "</b></font>");
	}
}

/* Where other groups call it; in larger pictures instead of words at the arrows. */
static void called_at(struct buf *b, const struct estate *e, unsigned box)
{
	uint32_t port[CALLED_PORTS];
	unsigned n = 0, more = 0;

	for (unsigned i = 0; i < e->link_n; i++) {
		const struct estate_link *l = &e->link[i];
		unsigned k = 0, ports = l->port_n < ESTATE_PORTS ? l->port_n : ESTATE_PORTS;

		if (l->to != box || !l->drawn || estate_link_dead(l))
			continue;
		more += l->port_n - ports;
		for (unsigned x = 0; x < ports; x++) {
			uint32_t p = l->port[x].port | (uint32_t)l->port[x].proto << 16;

			for (k = 0; k < n && port[k] != p; k++)
				;
			if (k == n && n < CALLED_PORTS)
				port[n++] = p;
			else if (k == n)
				more++;
		}
	}
	if (!n)
		return;
	qsort(port, n, sizeof(*port), by_number);
	small(b, "7");
	for (unsigned i = 0; i < n; i++) {
		buf_str(b, i ? " " : "  ");
		words_port(b, (uint16_t)port[i], (uint8_t)(port[i] >> 16));
	}
	buf_str(b, more ? " …</font>" : "</font>");
}

static void roles(struct buf *b, const struct estate_box *box)
{
	bool any = false;

	for (int r = ROLE_COUNT - 1; r >= ROLE_NONE; r--) {
		if (!box->role[r])
			continue;
		buf_printf(b,
			   "%s<font point-size=\"8\" color=\"%s\">■</font><font "
			   "point-size=\"8\" color=\"" BOX_SMALL "\"> %u %s</font>",
			   any ? "  " : "", role_look[r].line, box->role[r],
			   r == ROLE_NONE ? "other" : role_look[r].word);
		any = true;
	}
}

/* "wave 2 · approved · 62 % sure" */
static void standing(struct buf *b, const struct plan_group *g)
{
	size_t start = b->n;

	if (g->wave)
		buf_printf(b, "wave %u", g->wave);
	if (g->state != PLAN_PROPOSED)
		buf_printf(b, "%s%s", b->n > start ? " · " : "", plan_state_word[g->state]);
	if (g->locked)
		buf_printf(b, "%slocked", b->n > start ? " · " : "");
	buf_printf(b, "%s%.0f %% sure", b->n > start ? " · " : "", g->confidence * 100);
}

/* Of more than fit, those that fewest use say most about a group. */
static bool shows(const struct estate *e, const struct estate_box *box, unsigned service)
{
	const struct estate_service *s = &e->service[service];
	unsigned rarer = 0;

	if (!(box->uses >> service & 1) || s->common)
		return false;
	for (unsigned i = 0; i < e->service_n; i++)
		rarer += box->uses >> i & 1 &&
			 (e->service[i].users < s->users ||
			  (i < service && e->service[i].users == s->users));
	return e->form == ESTATE_RICH || rarer < CHIPS_MOST;
}

static unsigned list_chips(const struct estate *e, const struct estate_box *box,
			   struct chip *chip)
{
	unsigned n = 0, more = 0;

	if (box->from_outside)
		chip[n++] = (struct chip){ "IN", true };
	if (box->to_outside)
		chip[n++] = (struct chip){ "OUT", true };
	for (unsigned s = 0; s < e->service_n; s++) {
		if (shows(e, box, s))
			estatedot_chip(&e->service[s], &chip[n++]);
		else
			more += box->uses >> s & 1 && !e->service[s].common;
	}
	if (more) {
		snprintf(chip[n].text, CHIP_TEXT, "+%u", more);
		chip[n++].hollow = true;
	}
	return n;
}

#define LINE_BEGIN "<tr><td align=\"left\">"
#define LINE_END "</td></tr>"

static void group_label(struct buf *b, const struct estate *e, const struct estate_box *box)
{
	const struct plan_group *g = &e->p->group[box->group];
	const struct env_look *look = &env_look[env_of(g->env)];
	struct chip chip[ESTATE_SERVICES + 3];
	unsigned n = list_chips(e, box, chip);

	buf_printf(b,
		   "<table border=\"%d\" style=\"rounded%s\" color=\"%s\" bgcolor=\"%s\" "
		   "cellborder=\"0\" cellspacing=\"0\" cellpadding=\"%d\">" LINE_BEGIN,
		   e->form == ESTATE_RICH ? 2 : 1, g->confidence < GROUP_SURE ? ",dashed" : "",
		   look->line, look->fill, e->form == ESTATE_RICH ? 3 : 2);
	name_line(b, e, box);
	if (e->form == ESTATE_CHIPS)
		called_at(b, e, box->group);
	buf_str(b, LINE_END);
	if (e->form == ESTATE_RICH) {
		buf_str(b, LINE_BEGIN);
		roles(b, box);
		buf_str(b, LINE_END LINE_BEGIN);
		small(b, "8");
		standing(b, g);
		buf_str(b, "</font>" LINE_END);
	}
	if (n && e->form != ESTATE_COMPACT) {
		buf_str(b, "<tr><td align=\"left\" cellpadding=\"0\">");
		chip_table(b, chip, n, CHIPS_A_ROW);
		buf_str(b, LINE_END);
	}
	buf_str(b, "</table>");
}

static void outside_label(struct buf *b, const struct estate_box *box)
{
	buf_printf(b,
		   "<table border=\"1\" style=\"rounded,dashed\" color=\"" BOX_LINE
		   "\" bgcolor=\"" BOX_CELL "\" cellborder=\"0\" cellspacing=\"0\" "
		   "cellpadding=\"3\">" LINE_BEGIN
		   "<font point-size=\"12\"><b>%s</b></font>" LINE_END LINE_BEGIN,
		   box->kind == ESTATE_CALLERS ? "clients outside" : "servers outside");
	small(b, "8");
	words_number(b, box->machines, "unmonitored address", "unmonitored addresses");
	buf_str(b, "</font>" LINE_END "</table>");
}

static void members(struct buf *b, const struct estate *e, const struct plan_group *g)
{
	for (unsigned i = 0; i < g->machine_n && i < MEMBER_TIPS; i++) {
		buf_str(b, i ? ", " : "&#10;");
		words_text(b, e->g->machine[g->machine[i]].name, WORDS_NAME);
	}
	if (g->machine_n > MEMBER_TIPS)
		buf_printf(b, " and %u more", g->machine_n - MEMBER_TIPS);
}

static void tip_services(struct buf *b, const struct estate *e, const struct estate_box *box)
{
	bool any = false;

	for (unsigned s = 0; s < e->service_n; s++) {
		if (!(box->uses >> s & 1))
			continue;
		buf_str(b, any ? ", " : "&#10;shared services: ");
		words_text(b, service_title(e->service[s].kind), WORDS_SMALL);
		any = true;
	}
}

static void group_tooltip(struct buf *b, const struct estate *e, const struct estate_box *box)
{
	const struct plan_group *g = &e->p->group[box->group];

	words_text(b, g->name, WORDS_TIP);
	buf_str(b, " · ");
	words_number(b, box->machines, "machine", "machines");
	if (*g->env) {
		buf_str(b, " · ");
		words_text(b, g->env, WORDS_NAME);
	}
	buf_str(b, "&#10;");
	standing(b, g);
	if (*g->owner) {
		buf_str(b, " · owner ");
		words_text(b, g->owner, WORDS_NAME);
	}
	members(b, e, g);
	tip_services(b, e, box);
	if (*g->reason) {
		buf_str(b, "&#10;");
		words_text(b, g->reason, WORDS_TIP);
	}
}

static void draw_group(struct drawing *d, unsigned i)
{
	const struct plan_group *g = &d->e->p->group[i];
	static const char *const class[ENV_COUNT] = { "group", "group env-prod",
						      "group env-test", "group env-dev" };

	group_label(d->text, d->e, &d->e->box[i]);
	pen_set_html(d->pen, d->node[i], "label");
	words_id(d->text, "g-", g->name);
	pen_set_text(d->pen, d->node[i], "id");
	pen_set(d->node[i], "class", class[env_of(g->env)]);
	group_tooltip(d->text, d->e, &d->e->box[i]);
	pen_set_text(d->pen, d->node[i], "tooltip");
}

static void draw_outside(struct drawing *d, unsigned i)
{
	bool callers = d->e->box[i].kind == ESTATE_CALLERS;

	outside_label(d->text, &d->e->box[i]);
	pen_set_html(d->pen, d->node[i], "label");
	pen_set(d->node[i], "id", callers ? "outside-callers" : "outside-called");
	pen_set(d->node[i], "class", "unmonitored");
	pen_set(d->node[i], "tooltip",
		callers ? "unmonitored addresses that call"
			: "unmonitored addresses that are called");
}

static void draw_box(struct drawing *d, unsigned i)
{
	char name[32];

	if (!d->e->box[i].drawn)
		return;
	snprintf(name, sizeof(name), "b%u", i);
	d->node[i] = pen_node(pen_root(d->pen), name);
	if (d->e->box[i].kind == ESTATE_GROUP)
		draw_group(d, i);
	else
		draw_outside(d, i);
}

/* Arrows */

static void end_name(struct buf *b, const struct estate *e, unsigned box)
{
	if (e->box[box].kind == ESTATE_GROUP)
		words_text(b, e->p->group[e->box[box].group].name, WORDS_TIP);
	else
		buf_str(b, "outside");
}

static void ports(struct buf *b, const struct estate_link *l, unsigned most, bool processes)
{
	unsigned n = l->port_n < ESTATE_PORTS ? l->port_n : ESTATE_PORTS;

	n = n < most ? n : most;
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_u8(b, ' ');
		words_port(b, l->port[i].port, l->port[i].proto);
		if (processes && *l->port[i].process) {
			buf_u8(b, ' ');
			words_text(b, l->port[i].process, 20);
		}
	}
	if (l->port_n > n)
		buf_printf(b, " +%u", l->port_n - n);
}

static void tooltip(struct buf *b, const struct estate *e, const struct estate_link *l,
		    bool local)
{
	uint64_t failed = counters_failed(&l->c);

	end_name(b, e, l->from);
	buf_str(b, " → ");
	end_name(b, e, l->to);
	buf_u8(b, ' ');
	ports(b, l, ESTATE_PORTS, true);
	buf_str(b, "&#10;");
	rate(b, e, l);
	buf_str(b, " · ");
	words_number(b, l->c.opens, "connection", "connections");
	if (failed) {
		buf_str(b, ", ");
		words_number(b, failed, "failed", "failed");
	}
	buf_str(b, " · ");
	words_number(b, l->pairs, "pair of machines", "pairs of machines");
	if (l->c.has_bytes && l->c.bytes_to_server + l->c.bytes_to_client) {
		buf_str(b, "&#10;");
		words_count(b, l->c.bytes_to_server);
		buf_str(b, " bytes to the server, ");
		words_count(b, l->c.bytes_to_client);
		buf_str(b, " back");
	}
	if (l->first) {
		buf_str(b, "&#10;");
		words_period(b, l->first, l->last, local);
	}
}

static void set_look(struct drawing *d, void *arrow, const struct estate_link *l)
{
	double width = 0.8 + 0.5 * log10(estate_rate(d->e, l) + 1);
	bool dead = estate_link_dead(l);

	buf_printf(d->text, "%.2f", width > 4 ? 4 : width);
	pen_set_text(d->pen, arrow, "penwidth");
	if (dead || estate_link_ailing(l)) {
		pen_set(arrow, "color", BOX_FAILED);
		pen_set(arrow, "fontcolor", BOX_FAILED_TEXT);
		pen_set(arrow, "class", dead ? "edge-failed" : "edge-ailing");
		pen_set(arrow, "style", dead ? "dashed" : "");
	} else {
		pen_set(arrow, "color", l->mutual ? BOX_MUTUAL : BOX_LINE);
		pen_set(arrow, "class", l->mutual ? "edge-mutual" : "edge-fine");
	}
}

/* The port belongs to the server's end, and costs the layout less there. */
static void set_words(struct drawing *d, void *arrow, const struct estate_link *l)
{
	if (d->e->form == ESTATE_RICH && d->drawn <= LABELLED) {
		ports(d->text, l, 1, true);
		buf_str(d->text, " · ");
		if (estate_link_dead(l))
			buf_str(d->text, "failed");
		else
			rate(d->text, d->e, l);
		pen_set_text(d->pen, arrow, "label");
	}
}

static void draw_link(struct drawing *d, unsigned i, bool local)
{
	const struct estate_link *l = &d->e->link[i];
	char key[32];
	void *arrow;

	if (!l->drawn)
		return;
	snprintf(key, sizeof(key), "e%u", i);
	arrow = pen_arrow(d->pen, d->node[l->from], d->node[l->to], key);
	set_look(d, arrow, l);
	set_words(d, arrow, l);
	buf_str(d->text, "e-");
	words_id(d->text, "",
		 l->from < d->e->group_n ? d->e->p->group[l->from].name : "outside");
	words_id(d->text, "--",
		 l->to < d->e->group_n ? d->e->p->group[l->to].name : "outside");
	pen_set_text(d->pen, arrow, "id");
	tooltip(d->text, d->e, l, local);
	pen_set(arrow, "labeltooltip", buf_cstr(d->text));
	pen_set_text(d->pen, arrow, "tooltip");
}

/*
 * Without frames nothing needs newrank, and parts that do not hang together may be packed,
 * which Graphviz 2.42 survives only without it; labels at arrows do not survive packing.
 */
static void set_layout(struct drawing *d)
{
	static const char *const nodesep[] = { "0.25", "0.14", "0.1" };
	static const char *const ranksep[] = { "0.6", "0.3", "0.4" };
	void *root = pen_root(d->pen);

	pen_set(root, "nodesep", nodesep[d->e->form]);
	pen_set(root, "ranksep", ranksep[d->e->form]);
	pen_set(root, "outputorder", "edgesfirst");
	pen_set(root, RENDER_FIT, "true");
	if (d->e->form != ESTATE_RICH) {
		pen_set(root, "pack", "10");
		pen_set(root, "packmode", "node");
		pen_set(root, "nslimit", "2");
		pen_set(root, "nslimit1", "2");
	}
}

static void draw_empty(struct drawing *d)
{
	void *n = pen_node(pen_root(d->pen), "empty");

	buf_str(d->text,
		d->e->group_n
			? "<font point-size=\"12\"><b>No group depends on another</b></font>"
			: "<font point-size=\"12\"><b>The plan has no groups</b></font><br/>"
			  "<font point-size=\"9\">Make a proposal: skein groups</font>");
	pen_set_html(d->pen, n, "label");
	pen_set(n, "id", "empty");
}

static void draw(struct drawing *d, const struct picture_options *o)
{
	const struct estate *e = d->e;
	bool any = false;

	set_layout(d);
	estatehead_write(d->text, e, o);
	pen_set_html(d->pen, pen_root(d->pen), "label");
	pen_set(pen_root(d->pen), "id", "skein");
	for (unsigned i = 0; i < e->link_n; i++)
		d->drawn += e->link[i].drawn;
	for (unsigned i = 0; i < e->box_n; i++) {
		any |= e->box[i].drawn;
		draw_box(d, i);
	}
	for (unsigned i = 0; i < e->link_n; i++)
		draw_link(d, i, o->local_time);
	if (!any)
		draw_empty(d);
}

int estatedot_write(const struct estate *e, const struct picture_options *o, struct buf *out,
		    struct err *err)
{
	struct drawing d = { .e = e, .pen = pen_new(false) };
	int rc;

	d.text = pen_text(d.pen);
	d.node = xcalloc(e->box_n, sizeof(*d.node));
	draw(&d, o);
	rc = pen_write(d.pen, out, err);
	pen_free(d.pen);
	free(d.node);
	return rc;
}

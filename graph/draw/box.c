/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/box.h"

#include <stdio.h>
#include <string.h>

#include "graph/draw/words.h"

#define CELL BOX_CELL
#define CELL_LINE "#C9CED6"

static void small(struct buf *b, const char *text)
{
	buf_str(b, "<font point-size=\"8\" color=\"" BOX_SMALL "\">");
	words_text(b, text, WORDS_SMALL);
	buf_str(b, "</font>");
}

/* Words and no coloured cells: these would stretch over the whole width of the table. */
static void chips(struct buf *b, const struct view_machine *m)
{
	if (!m || !m->chip_n)
		return;
	buf_str(b, "<font point-size=\"8\" color=\"" BOX_SMALL "\">shared:<b>");
	for (unsigned i = 0; i < m->chip_n; i++)
		buf_printf(b, " %s", m->chip[i]);
	buf_str(b, "</b></font><br align=\"left\"/>");
}

/* Up to two lines, to the left, in one cell. */
static void heading(struct buf *b, const char *name, const char *detail, const char *size)
{
	buf_printf(b, "<font point-size=\"%s\"><b>", size);
	words_text(b, name, WORDS_NAME);
	buf_str(b, "</b></font><br align=\"left\"/>");
	if (!*detail)
		return;
	small(b, detail);
	buf_str(b, "<br align=\"left\"/>");
}

static void cell_name(struct buf *b, int row, const struct scene_port *port)
{
	buf_printf(b, "r%d%c%u", row, port->proto == PROTO_UDP ? 'u' : 'p', port->port);
}

static const struct scene_port *find_port(const struct scene_row *row,
					  const struct scene_port *port)
{
	for (unsigned i = 0; i < row->port_n; i++)
		if (row->port[i].port == port->port && row->port[i].proto == port->proto)
			return &row->port[i];
	return NULL;
}

void box_port(struct buf *b, const struct scene_box *box, int row,
	      const struct scene_port *port)
{
	if (row < 0 || (unsigned)row >= box->row_n)
		return;
	if (find_port(&box->row[row], port))
		cell_name(b, row, port);
	else if (box->row[row].port_more)
		buf_printf(b, "r%dmore", row);
}

/* Filled: it is used.  Outlined: it listens.  Dashed: nothing answered there. */
static void badge(struct buf *b, int n, const struct scene_port *port, enum role role)
{
	const struct role_look *look = &role_look[role];
	const char *text = CELL;

	buf_str(b, "<td port=\"");
	cell_name(b, n, port);
	if (port->dead) {
		buf_str(b, "\" border=\"1\" style=\"dashed\" color=\"" BOX_FAILED
			   "\" bgcolor=\"" CELL);
		text = BOX_FAILED_TEXT;
	} else if (port->used) {
		buf_printf(b, "\" bgcolor=\"%s", look->line);
	} else {
		buf_printf(b, "\" border=\"1\" color=\"%s\" bgcolor=\"" CELL, look->line);
		text = "#333333";
	}
	buf_printf(b, "\"><font point-size=\"9\" color=\"%s\"><b>", text);
	words_port(b, port->port, port->proto);
	buf_str(b, "</b></font></td>");
}

static void more_badge(struct buf *b, int n, const struct scene_row *row)
{
	buf_printf(b,
		   "<td port=\"r%dmore\" border=\"1\" color=\"%s\" bgcolor=\"" CELL "\"><font "
		   "point-size=\"8\" color=\"#333333\">+%u ports</font></td>",
		   n, role_look[row->role].line, row->port_more);
}

static void sep(struct buf *b, size_t start)
{
	if (b->n > start)
		buf_str(b, " · ");
}

static void row_facts(struct buf *b, const struct scene_row *row)
{
	size_t start = b->n;

	buf_str(b, row->ip);
	if (*row->container) {
		sep(b, start);
		buf_printf(b, "container %.12s", row->container);
	}
	if (row->shared_clients) {
		sep(b, start);
		buf_printf(b, "used by %u machines", row->shared_clients);
	} else if (row->clients) {
		sep(b, start);
		buf_printf(b, "%u client%s", row->clients, row->clients == 1 ? "" : "s");
	}
	if (row->opens) {
		sep(b, start);
		words_count(b, row->opens);
		buf_printf(b, " connection%s", row->opens == 1 ? "" : "s");
	}
	if (row->self) {
		sep(b, start);
		words_count(b, row->self);
		buf_str(b, " to itself");
	}
}

static bool all_dead(const struct scene_row *row)
{
	for (unsigned i = 0; i < row->port_n; i++)
		if (!row->port[i].dead)
			return false;
	return row->port_n;
}

static void row_name(struct buf *b, const struct scene_row *row)
{
	buf_str(b, "<font point-size=\"10\">");
	if (*row->name) {
		buf_str(b, "<b>");
		words_text(b, row->name, WORDS_NAME);
		buf_str(b, "</b>");
	} else if (all_dead(row)) {
		buf_str(b, "<i>nothing answers</i>");
	} else {
		buf_str(b, "<i>process unknown</i>");
	}
	buf_str(b, "</font>");
}

static void row_cell(struct buf *b, const struct scene_row *row, const char *word)
{
	struct buf facts = { 0 };

	if (*word)
		buf_str(&facts, word);
	if (*word && (*row->ip || row->clients || row->opens || row->self || *row->container))
		buf_str(&facts, " · ");
	row_facts(&facts, row);
	row_name(b, row);
	if (facts.n) {
		buf_str(b, "<br align=\"left\"/>");
		small(b, buf_cstr(&facts));
		buf_str(b, "<br align=\"left\"/>");
	}
	buf_fini(&facts);
}

typedef void inner_fn(struct buf *b, const struct scene_box *box, const struct scene_row *row);

/* About how wide a text will be, in points: DejaVu Sans, a bold name of 11 and details of 8.
 */
static unsigned name_width(const char *s)
{
	size_t n = strlen(s);

	return (unsigned)(n > WORDS_NAME ? WORDS_NAME : n) * 15 / 2;
}

static unsigned detail_width(const char *s)
{
	size_t n = strlen(s);

	return (unsigned)(n > WORDS_SMALL ? WORDS_SMALL : n) * 9 / 2;
}

static unsigned badge_width(const struct scene_box *box)
{
	unsigned most = 0;

	for (unsigned i = 0; i < box->row_n; i++)
		for (unsigned k = 0; k < box->row[i].port_n; k++) {
			const struct scene_port *p = &box->row[i].port[k];
			unsigned w =
				(p->port < 1000 ? 28 : 40) + (p->proto == PROTO_UDP ? 24 : 0);

			most = w > most ? w : most;
		}
	return most;
}

/*
 * What a wide heading has over, Graphviz would give to both columns alike; so the right one
 * asks for it, and badges stay small.
 */
static unsigned right_width(const struct scene_box *box)
{
	unsigned name = name_width(box->name), detail = detail_width(box->detail);
	unsigned all = name > detail ? name : detail, badge = badge_width(box);

	return badge && all > badge ? all - badge : 0;
}

/* Badges to the left, one below the other; what they belong to on the right, beside them all.
 */
static void table_row(struct buf *b, const struct scene_box *box, int n, const char *attrs,
		      inner_fn *inner)
{
	const struct scene_row *row = &box->row[n];
	unsigned badges = row->port_n + (row->port_more != 0);

	buf_str(b, "<tr>");
	if (row->port_n)
		badge(b, n, &row->port[0], row->role);
	buf_printf(b, "<td port=\"r%d\" align=\"left\" balign=\"left\" %s %s=\"%u\">", n,
		   attrs, badges ? "rowspan" : "colspan", badges ? badges : 2);
	inner(b, box, row);
	buf_str(b, "</td></tr>");
	for (unsigned i = 1; i < row->port_n; i++) {
		buf_str(b, "<tr>");
		badge(b, n, &row->port[i], row->role);
		buf_str(b, "</tr>");
	}
	if (row->port_more) {
		buf_str(b, "<tr>");
		more_badge(b, n, row);
		buf_str(b, "</tr>");
	}
}

static void open_table(struct buf *b, const char *style, unsigned border, const char *color,
		       const char *fill, unsigned spacing)
{
	buf_printf(
		b,
		"<table border=\"%u\" style=\"%s\" color=\"%s\" bgcolor=\"%s\" cellborder=\"0\" "
		"cellspacing=\"%u\" cellpadding=\"3\">",
		border, style, color, fill, spacing);
}

static void last_line(struct buf *b, const char *text)
{
	if (!*text)
		return;
	buf_str(b,
		"<tr><td colspan=\"2\" align=\"left\"><font point-size=\"7\" color=\"" BOX_SMALL
		"\">");
	words_text(b, text, WORDS_TIP);
	buf_str(b, "</font></td></tr>");
}

static void in_card(struct buf *b, const struct scene_box *box, const struct scene_row *row)
{
	(void)box;
	row_cell(b, row, "");
}

static void card(struct buf *b, const struct scene_box *box)
{
	const struct role_look *look = &role_look[box->role];
	char attrs[128];

	open_table(b, "rounded", box->focus ? 2 : 1, look->line, look->fill, 3);
	buf_str(b, "<tr><td colspan=\"2\" align=\"left\" balign=\"left\">");
	heading(b, box->name, box->detail, "11");
	chips(b, box->chips);
	buf_str(b, "</td></tr>");
	snprintf(attrs, sizeof(attrs),
		 "border=\"1\" color=\"" CELL_LINE "\" bgcolor=\"" CELL "\" width=\"%u\"",
		 right_width(box));
	for (unsigned i = 0; i < box->row_n; i++)
		table_row(b, box, (int)i, attrs, in_card);
	last_line(b, box->more);
	buf_str(b, "</table>");
}

static void in_process(struct buf *b, const struct scene_box *box, const struct scene_row *row)
{
	row_cell(b, row, role_look[box->role].word);
}

static void process(struct buf *b, const struct scene_box *box)
{
	const struct role_look *look = &role_look[box->role];

	open_table(b, "rounded", 1, look->line, look->fill, 3);
	table_row(b, box, 0, "", in_process);
	buf_str(b, "</table>");
}

static void members(struct buf *b, const struct scene_box *box)
{
	unsigned shown = box->kind == SCENE_CLIENTS ? 3 : SCENE_MEMBERS;

	for (unsigned i = 0; i < box->member_n && i < shown; i++) {
		small(b, box->member[i]);
		buf_str(b, "<br align=\"left\"/>");
	}
	if (box->machines > shown)
		buf_printf(b,
			   "<font point-size=\"8\" color=\"" BOX_SMALL
			   "\">… %u more</font><br align=\"left\"/>",
			   box->machines - shown);
}

static void in_plain(struct buf *b, const struct scene_box *box, const struct scene_row *row)
{
	struct buf detail = { 0 };

	buf_str(&detail, box->detail);
	if (row->shared_clients)
		buf_printf(&detail, " · used by %u machines", row->shared_clients);
	else if (row->self)
		buf_str(&detail, " · also to one another");
	heading(b, box->name, buf_cstr(&detail), "10");
	chips(b, box->chips);
	if (box->kind == SCENE_CLIENTS || box->kind == SCENE_SERVERS ||
	    box->kind == SCENE_IDLE || (box->kind == SCENE_STACK && box->cluster >= 0))
		members(b, box);
	buf_fini(&detail);
}

static void plain(struct buf *b, const struct scene_box *box)
{
	const struct role_look *look = &role_look[box->role];
	unsigned border = box->kind == SCENE_STACK ? 3 : 1;

	if (box->kind == SCENE_GROUP)
		open_table(b, "rounded", border, env_look[box->env].line,
			   env_look[box->env].fill, 3);
	else if (box->known)
		open_table(b, "rounded", border, look->line, look->fill, 3);
	else
		open_table(b, "rounded,dashed", border, BOX_LINE, CELL, 3);
	for (unsigned i = 0; i < box->row_n; i++)
		table_row(b, box, (int)i, "", in_plain);
	buf_str(b, "</table>");
}

void box_label(struct buf *b, const struct scene_box *box)
{
	if (box->kind == SCENE_MACHINE)
		card(b, box);
	else if (box->kind == SCENE_PROCESS)
		process(b, box);
	else
		plain(b, box);
}

void box_frame_label(struct buf *b, const struct scene_cluster *c)
{
	buf_str(b, "<table border=\"0\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"1\">"
		   "<tr><td align=\"left\"><font point-size=\"12\"><b>");
	words_text(b, c->name, WORDS_NAME);
	buf_str(b, "</b></font></td></tr><tr><td align=\"left\">");
	small(b, c->detail);
	buf_str(b, "</td></tr>");
	if (c->chips && c->chips->chip_n) {
		buf_str(b, "<tr><td align=\"left\">");
		chips(b, c->chips);
		buf_str(b, "</td></tr>");
	}
	last_line(b, c->more);
	buf_str(b, "</table>");
}

void box_tooltip(struct buf *b, const struct scene_box *box)
{
	if (*box->name)
		words_text(b, box->name, WORDS_TIP);
	else if (box->row_n && *box->row[0].name)
		words_text(b, box->row[0].name, WORDS_TIP);
	else
		buf_str(b, "process unknown");
	if (*box->detail) {
		buf_str(b, "&#10;");
		words_text(b, box->detail, WORDS_TIP);
	}
}

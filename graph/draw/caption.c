/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/caption.h"

#include <string.h>

#include "common/version.h"
#include "graph/draw/box.h"
#include "graph/draw/words.h"

#define GREY "#555555"

enum { ENTRIES_A_ROW = 5 };

static void line(struct buf *b, const char *color, struct buf *html)
{
	if (html->n) {
		buf_printf(b, "<tr><td align=\"left\"><font point-size=\"9\" color=\"%s\">",
			   color);
		buf_put(b, html->p, html->n);
		buf_str(b, "</font></td></tr>");
	}
	buf_fini(html);
}

static void dot(struct buf *b)
{
	if (b->n)
		buf_str(b, " · ");
}

static void title(struct buf *b, const struct scene *s, const struct picture_options *o)
{
	buf_str(b, "<tr><td align=\"left\"><font point-size=\"15\"><b>");
	if (o->level == PICTURE_MACHINE) {
		words_text(b, s->v->g->machine[o->machine].name, WORDS_NAME);
		buf_str(b, " · processes, ports and neighbours");
	} else {
		buf_str(b, "Dependency map");
	}
	if (o->scope) {
		buf_str(b, " · ");
		words_text(b, o->scope, WORDS_SMALL);
	}
	buf_str(b, "</b></font></td></tr>");
}

struct totals {
	unsigned machines, strangers, processes, edges;
};

static struct totals count(const struct view *v)
{
	const struct graph *g = v->g;
	struct totals t = { 0 };

	for (unsigned i = 0; i < g->machine_n; i++) {
		t.machines += v->machine[i].on && g->machine[i].known;
		t.strangers += v->machine[i].on && !g->machine[i].known;
	}
	for (unsigned i = 0; i < g->process_n; i++) {
		unsigned m = g->process[i].machine;
		bool on = v->focus < 0 ? v->machine[m].on : (int)m == v->focus;

		t.processes += on && g->machine[m].known && *g->process[i].name;
	}
	for (unsigned i = 0; i < g->edge_n; i++)
		t.edges += v->edge[i] != VIEW_OFF;
	return t;
}

static void period(struct buf *b, const struct graph *g, const struct picture_options *o)
{
	int64_t first = g->since ? g->since : g->first ? g->first : g->health.first;
	int64_t last = g->until ? g->until : g->last ? g->last : g->health.last;

	if (first && last >= first)
		words_period(b, first, last, o->local_time);
}

static void subtitle(struct buf *b, const struct scene *s, const struct picture_options *o)
{
	struct totals t = count(s->v);
	struct buf h = { 0 };

	period(&h, s->v->g, o);
	dot(&h);
	words_number(&h, t.machines, "machine", "machines");
	if (t.strangers) {
		dot(&h);
		words_number(&h, t.strangers, "unmonitored address", "unmonitored addresses");
	}
	if (t.processes) {
		dot(&h);
		words_number(&h, t.processes, "process", "processes");
	}
	dot(&h);
	words_number(&h, t.edges, "dependency", "dependencies");
	dot(&h);
	buf_str(&h, "Skein " SKEIN_VERSION);
	line(b, GREY, &h);
}

static void explain(struct buf *b, const struct scene *s)
{
	struct buf h = { 0 };

	if (s->stacks)
		buf_str(&h, "Machines whose names differ only in their number are one box.");
	else if (s->compact)
		buf_str(&h, "One box for each machine, one arrow for each pair of machines.");
	if (h.n)
		buf_str(&h, " Processes: skein diagram --machine NAME");
	line(b, GREY, &h);
}

static void nothing_seen(struct buf *b, const struct scene *s)
{
	const struct graph *g = s->v->g;
	struct buf h = { 0 };

	if (g->edge_n || !s->box_n)
		return;
	buf_str(&h, "No connections seen yet");
	if (g->listener_n)
		buf_str(&h,
			": what listens is drawn, arrows follow with the first connection");
	line(b, BOX_FAILED_TEXT, &h);
}

static void warnings(struct buf *b, const struct scene *s)
{
	const struct health *health = &s->v->g->health;
	struct buf h = { 0 };

	if (s->hidden_machines || s->hidden_links) {
		buf_str(&h, "Not drawn: ");
		words_number(&h, s->hidden_machines, "machine", "machines");
		buf_str(&h, " and ");
		words_number(&h, s->hidden_links, "dependency", "dependencies");
		buf_str(&h, ", those with the fewest connections. All of them: skein edges");
		line(b, BOX_FAILED_TEXT, &h);
	}
	if (health->lost) {
		words_number(&h, health->lost, "record was", "records were");
		buf_str(&h, " lost before counting");
	}
	if (health->overflow) {
		dot(&h);
		words_number(&h, health->overflow, "connection", "connections");
		buf_str(&h, " did not fit a sensor's table");
	}
	if (health->quarantined) {
		dot(&h);
		words_number(&h, health->quarantined, "record", "records");
		buf_str(&h, " in quarantine");
	}
	if (h.n)
		buf_str(&h, ": this picture may miss dependencies");
	line(b, BOX_FAILED_TEXT, &h);
}

/*
 * The legend is text with signs in it: tables inside a table would be stretched to the width
 * of the title.
 */
struct legend {
	struct buf html;
	unsigned n;
};

#define LEGEND_BEGIN "<tr><td align=\"left\">"
#define LEGEND_END "</td></tr>"

static void entry(struct legend *l, const char *color, const char *sign, const char *words)
{
	if (l->n == 0)
		buf_str(&l->html, LEGEND_BEGIN "<font point-size=\"9\" color=\"" GREY
					       "\"><b>Legend</b>     </font>");
	else if (l->n % ENTRIES_A_ROW == 0)
		buf_str(&l->html, LEGEND_END LEGEND_BEGIN);
	buf_printf(&l->html,
		   "<font point-size=\"9\" color=\"%s\"><b>%s</b></font><font "
		   "point-size=\"8\" color=\"" GREY "\"> %s     </font>",
		   color, sign, words);
	l->n++;
}

static void role_entries(struct legend *l, const struct scene *s)
{
	bool has[ROLE_COUNT] = { 0 };

	for (unsigned i = 0; i < s->box_n; i++) {
		has[s->box[i].role] = true;
		for (unsigned k = 0; k < s->box[i].row_n; k++)
			has[s->box[i].row[k].role] = true;
	}
	for (int r = ROLE_COUNT - 1; r > ROLE_NONE; r--)
		if (has[r])
			entry(l, role_look[r].line, "■", role_look[r].word);
}

static void box_entries(struct legend *l, const struct scene *s)
{
	bool ports = false, strangers = false, chips = false, stacks = false;

	for (unsigned i = 0; i < s->box_n; i++) {
		const struct scene_box *b = &s->box[i];

		for (unsigned k = 0; k < b->row_n; k++)
			ports |= b->row[k].port_n > 0;
		strangers |= !b->known;
		stacks |= b->kind == SCENE_STACK;
		chips |= b->chips && b->chips->chip_n;
	}
	for (unsigned i = 0; i < s->cluster_n; i++)
		chips |= s->cluster[i].chips->chip_n > 0;
	if (ports)
		entry(l, "#333333", ":443",
		      s->link_n ? "port of the server, where the arrow ends"
				: "port it listens on");
	if (strangers)
		entry(l, BOX_LINE, "⬚", "unmonitored: no sensor there");
	if (stacks)
		entry(l, BOX_LINE, "▣", "thick border: several machines");
	if (chips)
		entry(l, BOX_SMALL, "shared: DNS",
		      "it uses this service of all, no arrow drawn");
}

static void link_entries(struct legend *l, const struct scene *s)
{
	bool has[SCENE_FAILED + 1] = { 0 }, some = false;

	for (unsigned i = 0; i < s->link_n; i++) {
		enum scene_state state = scene_link_state(&s->link[i]);

		has[state] = true;
		some |= state != SCENE_FAILED && counters_failed(&s->link[i].c);
	}
	if (s->link_n)
		entry(l, BOX_LINE, "──▶", "client to server; thicker: more connections");
	if (has[SCENE_FAILED])
		entry(l, BOX_FAILED, "╌╌▶", "every attempt failed");
	if (some)
		entry(l, BOX_FAILED, "──▶", "some attempts failed");
	if (has[SCENE_ONE_SIDED])
		entry(l, BOX_LINE, "┈┈▶", "seen from one side only");
	if (has[SCENE_WAITING])
		entry(l, BOX_LINE, "╌╌▶", "connecting, or given up");
}

static void legend(struct buf *b, const struct scene *s)
{
	struct legend l = { 0 };

	role_entries(&l, s);
	box_entries(&l, s);
	link_entries(&l, s);
	if (l.n) {
		buf_put(b, l.html.p, l.html.n);
		buf_str(b, LEGEND_END);
	}
	buf_fini(&l.html);
}

void caption_write(struct buf *b, const struct scene *s, const struct picture_options *o)
{
	buf_str(b,
		"<table border=\"0\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"1\">");
	title(b, s, o);
	subtitle(b, s, o);
	explain(b, s);
	nothing_seen(b, s);
	warnings(b, s);
	buf_str(b, CAPTION_NOTE);
	legend(b, s);
	buf_str(b, "</table>");
}

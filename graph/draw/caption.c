/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/caption.h"

#include <string.h>

#include "common/version.h"
#include "graph/draw/box.h"
#include "graph/draw/estatedot.h"
#include "graph/draw/heading.h"
#include "graph/draw/words.h"

static void title(struct buf *b, const struct scene *s, const struct picture_options *o)
{
	struct buf h = { 0 };

	if (o->level == PICTURE_MACHINE) {
		words_text(&h, s->v->g->machine[o->machine].name, WORDS_NAME);
		buf_str(&h, " · processes, ports and neighbours");
	} else if (s->v->plan) {
		words_text(&h, s->v->plan->group[s->v->group].name, WORDS_NAME);
		buf_str(&h, " · one group and its neighbours");
	} else {
		buf_str(&h, "Dependency map");
	}
	if (o->scope) {
		buf_str(&h, " · ");
		words_text(&h, o->scope, WORDS_SMALL);
	}
	heading_title(b, &h);
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

static void subtitle(struct buf *b, const struct scene *s, const struct picture_options *o)
{
	struct totals t = count(s->v);
	struct buf h = { 0 };

	heading_period_write(&h, s->v->g, o->local_time);
	heading_sep(&h);
	words_number(&h, t.machines, "machine", "machines");
	if (t.strangers) {
		heading_sep(&h);
		words_number(&h, t.strangers, "unmonitored address", "unmonitored addresses");
	}
	if (t.processes) {
		heading_sep(&h);
		words_number(&h, t.processes, "process", "processes");
	}
	heading_sep(&h);
	words_number(&h, t.edges, "dependency", "dependencies");
	heading_sep(&h);
	buf_str(&h, "Skein " SKEIN_VERSION);
	heading_line(b, HEADING_GREY, &h);
}

static void explain_group(struct buf *b, const struct scene *s)
{
	const struct plan_group *g = &s->v->plan->group[s->v->group];
	struct buf h = { 0 };

	if (*g->reason)
		words_text(&h, g->reason, WORDS_TIP);
	heading_line(b, HEADING_GREY, &h);
	if (g->kind == PLAN_SHARED) {
		buf_str(&h, "Shared service: <b>");
		words_text(&h, service_title(g->service), WORDS_SMALL);
		buf_str(&h, "</b>. ");
		words_text(&h, service_advice_text(g->service), WORDS_TIP);
	}
	heading_line(b, HEADING_GREY, &h);
	buf_str(&h, "Left: who calls it; right: what it calls; a group that does both stands "
		    "at both sides.");
	heading_line(b, HEADING_GREY, &h);
}

static void explain(struct buf *b, const struct scene *s)
{
	struct buf h = { 0 };

	if (s->v->plan)
		explain_group(b, s);
	if (s->stacks)
		buf_str(&h, "Machines whose names differ only in their number are one box.");
	else if (s->compact)
		buf_str(&h, "One box for each machine, one arrow for each pair of machines.");
	if (h.n)
		buf_str(&h, " Processes: skein diagram --machine NAME");
	heading_line(b, HEADING_GREY, &h);
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
	heading_line(b, BOX_FAILED_TEXT, &h);
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
		heading_line(b, BOX_FAILED_TEXT, &h);
	}
	heading_health(b, health);
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
			legend_entry(l, role_look[r].line, "■", role_look[r].word);
}

static void box_entries(struct legend *l, const struct scene *s)
{
	bool ports = false, strangers = false, chips = false, stacks = false, groups = false;

	for (unsigned i = 0; i < s->box_n; i++) {
		const struct scene_box *b = &s->box[i];

		for (unsigned k = 0; k < b->row_n; k++)
			ports |= b->row[k].port_n > 0;
		strangers |= !b->known;
		stacks |= b->kind == SCENE_STACK;
		groups |= b->kind == SCENE_GROUP;
		chips |= b->chips && b->chips->chip_n;
	}
	for (unsigned i = 0; i < s->cluster_n; i++)
		chips |= s->cluster[i].chips && s->cluster[i].chips->chip_n;
	if (ports)
		legend_entry(l, "#333333", ":443",
			     s->link_n ? "port of the server, where the arrow ends"
				       : "port it listens on");
	if (strangers)
		legend_entry(l, BOX_LINE, "⬚", "unmonitored: no sensor there");
	if (s->cluster_n && s->cluster[0].unsure)
		legend_entry(l, BOX_LINE, "⬚", "dashed frame: less than 50 % sure");
	if (groups)
		legend_entry(l, env_look[ENV_PROD].line, "▢", "another group");
	if (stacks)
		legend_entry(l, BOX_LINE, "▣", "thick border: several machines");
	if (chips)
		legend_entry(l, BOX_SMALL, "shared: DNS",
			     "it uses this service of all, no arrow drawn");
}

static void link_entries(struct legend *l, const struct scene *s)
{
	bool has[SCENE_FAILED + 1] = { 0 }, some = false;

	for (unsigned i = 0; i < s->link_n; i++) {
		enum scene_state state = scene_link_state(&s->link[i]);

		has[state] = true;
		some |= state != SCENE_FAILED && scene_link_ails(s, &s->link[i]);
	}
	if (s->link_n)
		legend_entry(l, BOX_LINE, "──▶",
			     "client to server; thicker: more connections");
	if (has[SCENE_FAILED])
		legend_entry(l, BOX_FAILED, "╌╌▶", "every attempt failed");
	if (some)
		legend_entry(l, BOX_FAILED, "──▶",
			     s->v->plan ? "one attempt in ten failed, or more"
					: "some attempts failed");
	if (has[SCENE_ONE_SIDED])
		legend_entry(l, BOX_LINE, "┈┈▶", "seen from one side only");
	if (has[SCENE_WAITING])
		legend_entry(l, BOX_LINE, "╌╌▶", "connecting, or given up");
}

static void legend(struct buf *b, const struct scene *s)
{
	struct legend l = { 0 };

	role_entries(&l, s);
	box_entries(&l, s);
	link_entries(&l, s);
	legend_write(&l, b);
}

static void used_services(struct buf *b, const struct view *v)
{
	struct estate *e = estate_new(v->g, v->plan);

	if (v->group < e->group_n)
		estatehead_services(b, e, e->box[v->group].uses,
				    "<b>Shared services that it uses</b>, no arrows drawn");
	estate_free(e);
}

void caption_write(struct buf *b, const struct scene *s, const struct picture_options *o)
{
	heading_begin(b);
	title(b, s, o);
	subtitle(b, s, o);
	explain(b, s);
	nothing_seen(b, s);
	warnings(b, s);
	buf_str(b, CAPTION_NOTE);
	legend(b, s);
	if (s->v->plan)
		used_services(b, s->v);
	heading_end(b);
}

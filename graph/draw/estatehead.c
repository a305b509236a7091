/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/version.h"
#include "graph/draw/box.h"
#include "graph/draw/caption.h"
#include "graph/draw/env.h"
#include "graph/draw/estatedot.h"
#include "graph/draw/heading.h"
#include "graph/draw/words.h"

enum {
	NAMES_A_LINE = 12,
	NAMES_MOST = 72,
	NAMES_LISTED = 400, /* of more, the first ones would say nothing */
	SERVICE_MACHINES = 3,
	SERVICE_COLUMNS = 3,
	SERVICE_TEXT = 20,
};

static void title(struct buf *b, const struct estate *e, const struct picture_options *o)
{
	struct buf h = { 0 };

	buf_str(&h, "Groups that move together · ");
	words_number(&h, e->group_n, "group", "groups");
	buf_str(&h, " of ");
	words_number(&h, e->machine_n, "machine", "machines");
	if (o->scope) {
		buf_str(&h, " · ");
		words_text(&h, o->scope, WORDS_SMALL);
	}
	heading_title(b, &h);
}

static unsigned between_groups(const struct estate *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->link_n; i++)
		n += e->link[i].from < e->group_n && e->link[i].to < e->group_n &&
		     !estate_link_dead(&e->link[i]);
	return n;
}

static void subtitle(struct buf *b, const struct estate *e, const struct picture_options *o)
{
	struct buf h = { 0 };
	unsigned shared = 0;

	for (unsigned i = 0; i < e->service_n; i++)
		shared += e->service[i].machine_n;
	heading_period_write(&h, e->g, o->local_time);
	heading_sep(&h);
	words_number(&h, between_groups(e), "dependency between groups",
		     "dependencies between groups");
	heading_sep(&h);
	words_number(&h, shared, "machine of shared services", "machines of shared services");
	if (e->p->id) {
		heading_sep(&h);
		buf_printf(&h, "plan %lld", (long long)e->p->id);
	}
	heading_sep(&h);
	buf_str(&h, "Skein " SKEIN_VERSION);
	heading_line(b, HEADING_GREY, &h);
	buf_str(&h, "One group with its machines: skein diagram --group NAME");
	heading_line(b, HEADING_GREY, &h);
}

static void hidden_part(struct buf *h, unsigned n, const char *one, const char *many)
{
	if (!n)
		return;
	buf_str(h, h->n ? ", " : "Not drawn: ");
	words_number(h, n, one, many);
}

static void warnings(struct buf *b, const struct estate *e)
{
	struct buf h = { 0 };

	hidden_part(&h, e->hidden_boxes, "group with few dependencies",
		    "groups with few dependencies");
	hidden_part(&h, e->single_links, "dependency of machines on their own",
		    "dependencies of machines on their own");
	hidden_part(&h, e->small_links, "dependency with few connections",
		    "dependencies with few connections");
	hidden_part(&h, e->faint_links, "with less than one connection a day",
		    "with less than one connection a day");
	hidden_part(&h, e->dead_links, "where every attempt failed",
		    "where every attempt failed");
	if (h.n)
		buf_str(&h, ". All of them: skein groups, skein edges");
	heading_line(b, BOX_FAILED_TEXT, &h);
	if (e->unplanned || e->p->missing) {
		words_number(&h, e->unplanned, "machine stands", "machines stand");
		buf_str(&h, " in no group");
		if (e->p->missing) {
			buf_str(&h, ", ");
			words_number(&h, e->p->missing, "machine", "machines");
			buf_str(&h, " of the plan have no data here");
		}
		buf_str(&h, ": skein groups makes a new proposal");
	}
	heading_line(b, BOX_FAILED_TEXT, &h);
	heading_health(b, &e->g->health);
}

/* Legend */

static void env_entries(struct legend *l, const struct estate *e)
{
	bool has[ENV_COUNT] = { 0 };

	for (unsigned i = 0; i < e->group_n; i++)
		if (e->box[i].drawn)
			has[env_of(e->p->group[i].env)] = true;
	for (int i = ENV_PROD; i < ENV_COUNT; i++)
		if (has[i])
			legend_entry(l, env_look[i].line, "■", env_look[i].word);
	if (has[ENV_OTHER])
		legend_entry(l, env_look[ENV_OTHER].line, "■", env_look[ENV_OTHER].word);
}

static void box_entries(struct legend *l, const struct estate *e)
{
	bool unsure = false, in = false, out = false, uses = false;

	for (unsigned i = 0; i < e->group_n; i++) {
		if (!e->box[i].drawn)
			continue;
		unsure |= e->p->group[i].confidence < GROUP_SURE;
		in |= e->box[i].from_outside;
		out |= e->box[i].to_outside;
		uses |= e->box[i].uses != 0;
	}
	legend_entry(l, "#333333", "name 12", "a group and how many machines it has");
	if (e->form == ESTATE_CHIPS)
		legend_entry(l, BOX_SMALL, ":443", "where other groups call it");
	if (unsure)
		legend_entry(l, BOX_LINE, "⬚", "dashed border: less than 50 % sure");
	if (e->form == ESTATE_COMPACT)
		return;
	if (uses)
		legend_entry(l, BOX_CHIP, "■", "word in a dark field: shared service it uses");
	if (in)
		legend_entry(l, BOX_LINE, "IN", "unmonitored addresses call it");
	if (out)
		legend_entry(l, BOX_LINE, "OUT", "it calls unmonitored addresses");
}

static void link_entries(struct legend *l, const struct estate *e)
{
	bool fine = false, mutual = false, dead = false, ailing = false;

	for (unsigned i = 0; i < e->link_n; i++) {
		const struct estate_link *x = &e->link[i];

		if (!x->drawn)
			continue;
		dead |= estate_link_dead(x);
		ailing |= !estate_link_dead(x) && estate_link_ailing(x);
		mutual |= x->mutual && !estate_link_ailing(x);
		fine = true;
	}
	if (fine)
		legend_entry(l, BOX_LINE, "──▶",
			     "client to server; thicker: more connections a day");
	if (mutual)
		legend_entry(l, BOX_MUTUAL, "──▶", "each depends on the other");
	if (ailing)
		legend_entry(l, BOX_FAILED, "──▶", "one attempt in ten failed, or more");
	if (dead)
		legend_entry(l, BOX_FAILED, "╌╌▶", "every attempt failed");
}

static void legend(struct buf *b, const struct estate *e)
{
	struct legend l = { 0 };

	env_entries(&l, e);
	box_entries(&l, e);
	link_entries(&l, e);
	legend_write(&l, b);
}

/* Shared services: a table in columns, that keeps its own width. */

static void service_machines(struct buf *b, const struct estate *e,
			     const struct estate_service *s)
{
	for (unsigned i = 0; i < s->machine_n && i < SERVICE_MACHINES; i++) {
		if (i)
			buf_str(b, ", ");
		words_text(b, e->g->machine[s->machine[i]].name, SERVICE_TEXT);
	}
	if (s->machine_n > SERVICE_MACHINES)
		buf_printf(b, " +%u", s->machine_n - SERVICE_MACHINES);
}

static void service_cells(struct buf *b, const struct estate *e,
			  const struct estate_service *s, bool star)
{
	struct chip chip;

	estatedot_chip(s, &chip);
	buf_printf(b,
		   "<td bgcolor=\"" BOX_CHIP "\"><font point-size=\"7\" color=\"" BOX_CELL
		   "\"><b>%s</b></font></td><td align=\"left\"><font point-size=\"8\" "
		   "color=\"" HEADING_GREY "\">",
		   chip.text);
	words_text(b, service_title(s->kind), WORDS_SMALL);
	buf_str(b, " · ");
	service_machines(b, e, s);
	buf_str(b, " · <b>");
	words_number(b, s->users, "</b>of", "</b>of");
	buf_u8(b, ' ');
	words_number(b, e->group_n, "group", "groups");
	buf_str(b, star ? " *    </font></td>" : "    </font></td>");
}

static bool any_common(const struct estate *e)
{
	for (unsigned i = 0; i < e->service_n; i++)
		if (e->service[i].common)
			return e->form != ESTATE_COMPACT;
	return false;
}

static unsigned list_services(const struct estate *e, uint64_t mask,
			      const struct estate_service **out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->service_n; i++)
		if (mask >> i & 1)
			out[n++] = &e->service[i];
	return n;
}

static void service_table(struct buf *b, const struct estate *e, uint64_t mask,
			  const char *title, bool stars)
{
	const struct estate_service *s[ESTATE_SERVICES];
	unsigned n = list_services(e, mask, s);
	unsigned columns = e->form == ESTATE_RICH ? 2 : SERVICE_COLUMNS;
	unsigned rows = (n + columns - 1) / columns;

	if (!n)
		return;
	buf_printf(b,
		   "<tr><td align=\"left\"><font point-size=\"9\" color=\"" HEADING_GREY
		   "\">%s</font></td></tr><tr><td "
		   "align=\"left\"><table border=\"0\" cellborder=\"0\" cellspacing=\"2\" "
		   "cellpadding=\"1\" fixedsize=\"true\" align=\"left\" width=\"%u\" "
		   "height=\"%u\">",
		   title, columns * 340, rows * 14 + 4);
	for (unsigned r = 0; r < rows; r++) {
		buf_str(b, "<tr>");
		for (unsigned c = 0; c < columns && c * rows + r < n; c++)
			service_cells(b, e, s[c * rows + r], stars && s[c * rows + r]->common);
		buf_str(b, "</tr>");
	}
	buf_str(b, "</table></td></tr>");
}

void estatehead_services(struct buf *b, const struct estate *e, uint64_t mask,
			 const char *title)
{
	service_table(b, e, mask, title, false);
}

/* What is listed and not drawn */

static void names(struct buf *b, const struct estate *e, const char *const words[2],
		  bool (*wanted)(const struct estate *e, unsigned group))
{
	struct buf h = { 0 };
	unsigned n = 0, at = 0;

	for (unsigned i = 0; i < e->group_n; i++)
		n += wanted(e, i);
	if (!n)
		return;
	buf_str(&h, "<b>");
	words_number(&h, n, words[0], words[1]);
	buf_str(&h, n > NAMES_LISTED ? "</b> skein groups lists them" : "</b>");
	heading_line(b, HEADING_GREY, &h);
	for (unsigned i = 0; i < e->group_n && at < NAMES_MOST && n <= NAMES_LISTED; i++) {
		if (!wanted(e, i))
			continue;
		if (h.n)
			buf_str(&h, " · ");
		words_text(&h, e->p->group[i].name, SERVICE_TEXT);
		buf_printf(&h, " %u", e->box[i].machines);
		if (++at == NAMES_MOST && n > at)
			buf_printf(&h, " · … and %u more", n - at);
		if (at % NAMES_A_LINE == 0)
			heading_line(b, HEADING_GREY, &h);
	}
	heading_line(b, HEADING_GREY, &h);
}

static bool is_loose(const struct estate *e, unsigned group)
{
	return !e->box[group].drawn && !e->box[group].degree;
}

static bool is_single(const struct estate *e, unsigned group)
{
	return e->box[group].single;
}

static bool is_hidden(const struct estate *e, unsigned group)
{
	return !e->box[group].drawn && e->box[group].degree && !e->box[group].single;
}

void estatehead_write(struct buf *b, const struct estate *e, const struct picture_options *o)
{
	static const char *const loose[] = {
		"group has no dependency on others, and can move at any time:",
		"groups have no dependencies on others, and can move at any time:"
	};
	static const char *const single[] = {
		"machine on its own with few dependencies, not drawn:",
		"machines on their own with few dependencies, not drawn:"
	};
	static const char *const hidden[] = { "group with few dependencies, not drawn:",
					      "groups with few dependencies, not drawn:" };

	bool stars = any_common(e);

	heading_begin(b);
	title(b, e, o);
	subtitle(b, e, o);
	warnings(b, e);
	buf_str(b, CAPTION_NOTE);
	legend(b, e);
	service_table(
		b, e, UINT64_MAX,
		stars ? "<b>Shared services</b>, not drawn as boxes; * most groups use it, "
			"so their boxes do not repeat it"
		      : "<b>Shared services</b>, not drawn as boxes",
		stars);
	names(b, e, loose, is_loose);
	names(b, e, single, is_single);
	names(b, e, hidden, is_hidden);
	heading_end(b);
}

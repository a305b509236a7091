/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cell has changed when it is not what would be exported now: so text that an export
 * escapes or guards comes back unchanged.
 */
#include "cli/groups_sheet.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/say.h"
#include "common/csv.h"
#include "common/mem.h"
#include "common/number.h"

enum { SAID = 10, MISSING = -1 };

const char *const groups_sheet_title[SHEET_COLUMNS] = {
	"machine", "name",	 "group", "kind",  "service", "env",
	"wave",	   "confidence", "state", "owner", "notes",   "reason",
};

void groups_sheet_bad(struct groups_sheet *s, unsigned line, const char *fmt, ...)
{
	char words[1024];
	va_list ap;

	if (s->bad++ >= SAID)
		return;
	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	say("%s:%u: %s", s->name, line, words);
}

void groups_sheet_sum_up(const struct groups_sheet *s)
{
	if (s->bad > SAID)
		say("%s: %u more lines like these", s->name, s->bad - SAID);
}

/* The words name the line already, and nothing behind it was read. */
static void bad_csv(struct groups_sheet *s, const struct err *e)
{
	s->bad++;
	say("%s: %s", s->name, e->msg);
}

static void put_group_cell(struct buf *b, const struct plan_group *group,
			   enum sheet_column column)
{
	switch (column) {
	case SHEET_GROUP:
		buf_str(b, group->name);
		break;
	case SHEET_KIND:
		buf_str(b, plan_kind_word[group->kind]);
		break;
	case SHEET_SERVICE:
		buf_str(b, group->kind == PLAN_SHARED ? service_word(group->service) : "");
		break;
	case SHEET_ENV:
		buf_str(b, group->env);
		break;
	case SHEET_WAVE:
		if (group->wave)
			buf_printf(b, "%u", group->wave);
		break;
	case SHEET_STATE:
		buf_str(b, plan_state_word[group->state]);
		break;
	case SHEET_OWNER:
		buf_str(b, group->owner);
		break;
	case SHEET_NOTES:
		buf_str(b, group->notes);
		break;
	default:
		break;
	}
}

void groups_sheet_cell(struct buf *b, const struct groups *x, unsigned machine,
		       enum sheet_column column)
{
	const struct plan_machine *pm = &x->saved->machine[machine];

	if (column == SHEET_MACHINE)
		buf_str(b, x->graph->machine[machine].id);
	else if (column == SHEET_NAME)
		buf_str(b, x->graph->machine[machine].name);
	else if (column == SHEET_CONFIDENCE)
		buf_printf(b, "%.2f", pm->confidence);
	else if (column == SHEET_REASON)
		buf_str(b, pm->reason);
	else if (pm->group != PLAN_NONE)
		put_group_cell(b, &x->saved->group[pm->group], column);
}

/* Machines by what an export writes for them; of ids that look alike each is taken once. */
struct ident {
	char *text;
	unsigned machine;
	bool taken;
};

struct reading {
	struct groups_sheet *s;
	const struct groups *x;
	struct csv csv;
	int at[SHEET_COLUMNS]; /* the file's column, or MISSING */
	unsigned columns;
	struct ident *ident;
	unsigned ident_n;
	struct buf saved;
};

static int by_text(const void *pa, const void *pb)
{
	const struct ident *a = pa, *b = pb;
	int d = strcmp(a->text, b->text);

	return d ? d : (a->machine > b->machine) - (a->machine < b->machine);
}

static char *trim(char *s)
{
	size_t n;

	while (*s == ' ')
		s++;
	n = strlen(s);
	while (n && s[n - 1] == ' ')
		s[--n] = 0;
	return s;
}

/* As exported, without spaces at its ends; the caller frees it. */
static char *exported(const struct groups *x, unsigned machine, enum sheet_column column)
{
	struct buf raw = { 0 }, out = { 0 };
	char *text, *copy;

	groups_sheet_cell(&raw, x, machine, column);
	csv_guard(&out, buf_cstr(&raw));
	text = buf_take(&out);
	copy = xstrdup(trim(text));
	free(text);
	buf_fini(&raw);
	return copy;
}

static void index_machines(struct reading *r)
{
	const struct graph *g = r->x->graph;

	r->ident = xcalloc(g->machine_n, sizeof(*r->ident));
	for (unsigned m = 0; m < g->machine_n; m++) {
		if (!g->machine[m].known)
			continue;
		r->ident[r->ident_n++] = (struct ident){
			.text = exported(r->x, m, SHEET_MACHINE),
			.machine = m,
		};
	}
	if (r->ident_n)
		qsort(r->ident, r->ident_n, sizeof(*r->ident), by_text);
}

static struct ident *find_ident(struct reading *r, const char *text)
{
	unsigned lo = 0, hi = r->ident_n, first;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (strcmp(r->ident[mid].text, text) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == r->ident_n || strcmp(r->ident[lo].text, text) != 0)
		return NULL;
	for (first = lo; lo + 1 < r->ident_n && r->ident[lo].taken; lo++)
		if (strcmp(r->ident[lo + 1].text, text) != 0)
			break;
	return r->ident[lo].taken ? &r->ident[first] : &r->ident[lo];
}

static bool read_header(struct reading *r)
{
	struct err e = { 0 };
	unsigned others = 0;
	int rc = csv_row(&r->csv, &e);

	for (int c = 0; c < SHEET_COLUMNS; c++)
		r->at[c] = MISSING;
	if (rc < 0)
		bad_csv(r->s, &e);
	for (unsigned i = 0; rc > 0 && i < r->csv.cell_n; i++) {
		char *title = xstrdup(csv_cell(&r->csv, i));
		int c = 0;

		while (c < SHEET_COLUMNS &&
		       strcasecmp(trim(title), groups_sheet_title[c]) != 0)
			c++;
		if (c < SHEET_COLUMNS && r->at[c] != MISSING)
			groups_sheet_bad(r->s, r->csv.line, "there are two columns \"%s\"",
					 groups_sheet_title[c]);
		else if (c < SHEET_COLUMNS)
			r->at[c] = (int)i;
		else
			others++;
		free(title);
	}
	r->columns = r->csv.cell_n;
	if (rc >= 0 && (r->at[SHEET_MACHINE] == MISSING || r->at[SHEET_GROUP] == MISSING))
		groups_sheet_bad(
			r->s, 1,
			"the first line must name the columns, \"machine\" and \"group\" "
			"among them");
	else if (others)
		say_note("%s: %u column%s that mean%s nothing here", r->s->name, others,
			 number_plural(others), others > 1 ? "" : "s");
	return r->s->bad == 0;
}

static bool blank(const struct csv *c)
{
	for (unsigned i = 0; i < c->cell_n; i++)
		if (*csv_cell(c, i))
			return false;
	return true;
}

static void fill_cell(struct reading *r, struct groups_line *line, enum sheet_column column)
{
	char *saved = exported(r->x, line->machine, column), *cell, *text;

	if (r->at[column] == MISSING) {
		buf_reset(&r->saved);
		groups_sheet_cell(&r->saved, r->x, line->machine, column);
		line->cell[column] = xstrdup(buf_cstr(&r->saved));
		free(saved);
		return;
	}
	cell = xstrdup(csv_cell(&r->csv, (unsigned)r->at[column]));
	text = trim(cell);
	line->changed[column] = strcmp(text, saved) != 0;
	if (line->changed[column]) {
		line->cell[column] = xstrdup(csv_unguard(text));
	} else {
		buf_reset(&r->saved);
		groups_sheet_cell(&r->saved, r->x, line->machine, column);
		line->cell[column] = xstrdup(buf_cstr(&r->saved));
	}
	free(cell);
	free(saved);
}

static bool state_known(const char *word)
{
	for (int i = 0; i < PLAN_STATES; i++)
		if (strcmp(plan_state_word[i], word) == 0)
			return true;
	return false;
}

static void check_kind(struct reading *r, const struct groups_line *line)
{
	bool shared = strcmp(line->cell[SHEET_KIND], "shared") == 0;
	const char *service = line->cell[SHEET_SERVICE];

	if (!shared && strcmp(line->cell[SHEET_KIND], "group") != 0)
		groups_sheet_bad(r->s, line->number, "kind \"%s\" is neither group nor shared",
				 line->cell[SHEET_KIND]);
	else if (line->changed[SHEET_SERVICE] && *service && !shared)
		groups_sheet_bad(r->s, line->number,
				 "service \"%s\" of a group; only what has kind shared is one",
				 service);
	else if (line->changed[SHEET_SERVICE] && *service &&
		 service_of_word(service) == SERVICE_NONE)
		groups_sheet_bad(r->s, line->number, "service \"%s\" is not known", service);
}

static void check_line(struct reading *r, const struct groups_line *line)
{
	if (!*line->cell[SHEET_GROUP])
		groups_sheet_bad(r->s, line->number, "%s has an empty group",
				 line->cell[SHEET_MACHINE]);
	else if (line->changed[SHEET_GROUP] && !groups_name_fits(line->cell[SHEET_GROUP]))
		groups_sheet_bad(r->s, line->number, "the name of the group is not one");
	check_kind(r, line);
	if (!state_known(line->cell[SHEET_STATE]))
		groups_sheet_bad(
			r->s, line->number,
			"state \"%s\" is none of proposed, planned, approved, moved and "
			"verified",
			line->cell[SHEET_STATE]);
	if (line->changed[SHEET_ENV] && !*line->cell[SHEET_ENV])
		groups_sheet_bad(
			r->s, line->number,
			"env cannot be emptied (skein groups undo takes an edit back)");
}

static void read_line(struct reading *r)
{
	char *cell = xstrdup(csv_cell(&r->csv, (unsigned)r->at[SHEET_MACHINE]));
	char *text = trim(cell);
	struct ident *ident = find_ident(r, text);
	struct groups_line *line;
	unsigned group;

	group = ident ? r->x->saved->machine[ident->machine].group : PLAN_NONE;
	if (!*text)
		groups_sheet_bad(r->s, r->csv.line, "no machine is named");
	else if (!ident)
		groups_sheet_bad(r->s, r->csv.line, "no machine \"%s\"", text);
	else if (ident->taken)
		groups_sheet_bad(r->s, r->csv.line, "machine %s stands in an earlier line too",
				 text);
	else if (group == PLAN_NONE)
		groups_sheet_bad(
			r->s, r->csv.line,
			"machine %s is newer than the plan; run \"skein groups\" first", text);
	free(cell);
	if (!ident || ident->taken || group == PLAN_NONE)
		return;
	ident->taken = true;
	MEM_GROW(r->s->line, r->s->line_n, r->s->line_cap);
	line = &r->s->line[r->s->line_n++];
	*line = (struct groups_line){ r->csv.line, ident->machine, group, { 0 }, { 0 } };
	for (int c = 0; c < SHEET_COLUMNS; c++)
		fill_cell(r, line, (enum sheet_column)c);
	check_line(r, line);
}

static void read_lines(struct reading *r)
{
	struct err e = { 0 };
	int rc;

	while ((rc = csv_row(&r->csv, &e)) > 0) {
		if (blank(&r->csv))
			continue;
		if (r->csv.cell_n != r->columns)
			groups_sheet_bad(r->s, r->csv.line,
					 "%u cells, but the first line has %u", r->csv.cell_n,
					 r->columns);
		else
			read_line(r);
	}
	if (rc < 0)
		bad_csv(r->s, &e);
	else if (!r->s->line_n && !r->s->bad)
		groups_sheet_bad(r->s, 1, "no machine in it");
}

void groups_sheet_read(struct groups_sheet *s, const struct groups *x, const char *p, size_t n)
{
	struct reading r = { .s = s, .x = x, .csv = csv_from(p, n) };

	if (read_header(&r)) {
		index_machines(&r);
		read_lines(&r);
	}
	for (unsigned i = 0; i < r.ident_n; i++)
		free(r.ident[i].text);
	free(r.ident);
	buf_fini(&r.saved);
	csv_fini(&r.csv);
}

void groups_sheet_free(struct groups_sheet *s)
{
	for (size_t i = 0; i < s->line_n; i++)
		for (int c = 0; c < SHEET_COLUMNS; c++)
			free(s->line[i].cell[c]);
	free(s->line);
}

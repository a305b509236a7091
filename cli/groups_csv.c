/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan to a spreadsheet and back.  What differs from the saved plan becomes edits and
 * labels: a group whose members all bear one new name is renamed, any other machine with
 * another group is moved.  One bad line, and nothing is kept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/groups_sheet.h"
#include "cli/say.h"
#include "common/table.h"
#include "common/clock.h"
#include "common/exits.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/number.h"

enum { FILE_MAX = 64 << 20, NAMED = 40 };

/* Export */

static void write_sheet(FILE *f, const struct groups *x)
{
	static const struct table_look look = { .style = TABLE_CSV, .header = true };
	struct table_column columns[SHEET_COLUMNS] = { 0 };
	struct buf cell = { 0 };
	struct table *t;

	for (int c = 0; c < SHEET_COLUMNS; c++)
		columns[c].key = groups_sheet_title[c];
	t = table_new(f, &look, columns, SHEET_COLUMNS);
	for (unsigned i = 0; i < x->saved->group_n; i++) {
		const struct plan_group *group = &x->saved->group[i];

		for (unsigned k = 0; k < group->machine_n; k++) {
			for (int c = 0; c < SHEET_COLUMNS; c++) {
				buf_reset(&cell);
				groups_sheet_cell(&cell, x, group->machine[k],
						  (enum sheet_column)c);
				table_text(t, buf_cstr(&cell));
			}
		}
	}
	table_finish(t);
	buf_fini(&cell);
}

static int write_file(const struct groups *x, const char *path)
{
	struct err e = { 0 };
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int rc;

	if (!f) {
		say("out of memory");
		return EXITS_UNREACHED;
	}
	write_sheet(f, x);
	fclose(f);
	rc = file_replace(path, 0644, text, n, &e);
	free(text);
	if (rc < 0)
		say("%s", e.msg);
	return rc < 0 ? EXITS_UNREACHED : EXITS_OK;
}

int groups_export(struct groups *x)
{
	int status;

	if (x->o.format == FORMAT_JSON || x->o.format == FORMAT_JSON_LINES)
		return options_usage(
			&groups_command,
			"export writes CSV; \"skein groups show --json\" is JSON");
	status = groups_open(x, GROUPS_PLAN);
	if (status != EXITS_OK)
		return status;
	if (x->out && strcmp(x->out, "-") != 0)
		return write_file(x, x->out);
	write_sheet(stdout, x);
	return EXITS_OK;
}

/* Import */

struct import {
	struct groups *x;
	struct groups_sheet sheet;
	struct groups_line **by_group; /* sorted by the group that a line wants */
	const char **renamed;	       /* of each saved group: its new name, or NULL */
	struct groups_change *change;
	size_t change_n, change_cap;
	struct buf *words; /* of each change, in order; "" for one that has none */
};

static bool wants_shared(const struct groups_line *l)
{
	return strcmp(l->cell[SHEET_KIND], "shared") == 0;
}

static bool was_shared(const struct import *im, const struct groups_line *l)
{
	return im->x->saved->group[l->group].kind == PLAN_SHARED;
}

/* Where the kind alone was changed, the group that stands there is the old one's. */
static bool group_counts(const struct import *im, const struct groups_line *l)
{
	return was_shared(im, l) == wants_shared(l) || l->changed[SHEET_GROUP];
}

static int by_wanted(const void *pa, const void *pb)
{
	const struct groups_line *a = *(struct groups_line *const *)pa;
	const struct groups_line *b = *(struct groups_line *const *)pb;
	int d = strcmp(a->cell[SHEET_GROUP], b->cell[SHEET_GROUP]);

	return d ? d : (a->number > b->number) - (a->number < b->number);
}

static void sort_lines(struct import *im)
{
	size_t n = im->sheet.line_n;

	im->by_group = xcalloc(n, sizeof(struct groups_line *));
	for (size_t i = 0; i < n; i++)
		im->by_group[i] = &im->sheet.line[i];
	if (n)
		qsort(im->by_group, n, sizeof(struct groups_line *), by_wanted);
}

/* The end of the lines that want the same group as line FROM. */
static size_t run_end(const struct import *im, size_t from)
{
	size_t to = from + 1;

	while (to < im->sheet.line_n && strcmp(im->by_group[to]->cell[SHEET_GROUP],
					       im->by_group[from]->cell[SHEET_GROUP]) == 0)
		to++;
	return to;
}

/* The one new name of all members, or NULL. */
static const char *new_name(const struct import *im, unsigned group, unsigned *lines,
			    const struct groups_line **of)
{
	const struct plan_group *g = &im->x->saved->group[group];
	const struct groups_line *l = of[group];
	const char *name;

	if (!l || lines[group] != g->machine_n || !l->changed[SHEET_GROUP])
		return NULL;
	name = l->cell[SHEET_GROUP];
	if (plan_find(im->x->saved, name) != PLAN_NONE)
		return NULL;
	for (unsigned i = 0; i < group; i++)
		if (im->renamed[i] && strcmp(im->renamed[i], name) == 0)
			return NULL;
	return name;
}

/* LINES counts the members that agree with the first one. */
static void find_renamed(struct import *im)
{
	unsigned n = im->x->saved->group_n;
	unsigned *lines = xcalloc(n, sizeof(*lines));
	const struct groups_line **first = xcalloc(n, sizeof(*first));

	im->renamed = xcalloc(n, sizeof(char *));
	for (size_t i = 0; i < im->sheet.line_n; i++) {
		const struct groups_line *l = &im->sheet.line[i];

		if (!first[l->group])
			first[l->group] = l;
		lines[l->group] +=
			was_shared(im, l) == wants_shared(l) &&
			strcmp(l->cell[SHEET_GROUP], first[l->group]->cell[SHEET_GROUP]) == 0;
	}
	for (unsigned i = 0; i < n; i++)
		im->renamed[i] = new_name(im, i, lines, first);
	free(lines);
	free(first);
}

/* Whether a line's group is the one that it stands in now, perhaps under its new name. */
static bool stays(const struct import *im, const struct groups_line *l)
{
	return !l->changed[SHEET_GROUP] || im->renamed[l->group];
}

/* The two that do not agree are named. */
static void check_kinds(struct import *im, size_t from, size_t to)
{
	const struct groups_line *first = NULL;
	unsigned saved = plan_find(im->x->saved, im->by_group[from]->cell[SHEET_GROUP]);

	for (size_t i = from; i < to; i++) {
		const struct groups_line *l = im->by_group[i];

		if (!group_counts(im, l))
			continue;
		if (!first)
			first = l;
		if (wants_shared(l) != wants_shared(first))
			groups_sheet_bad(&im->sheet, l->number,
					 "%s is a %s here, but in line %u a %s",
					 l->cell[SHEET_GROUP], l->cell[SHEET_KIND],
					 first->number, first->cell[SHEET_KIND]);
		else if (!stays(im, l) && saved != PLAN_NONE &&
			 wants_shared(l) != (im->x->saved->group[saved].kind == PLAN_SHARED))
			groups_sheet_bad(&im->sheet, l->number,
					 "%s is %s, but the kind here is %s",
					 l->cell[SHEET_GROUP],
					 wants_shared(l) ? "a group" : "a shared service",
					 l->cell[SHEET_KIND]);
		else if (!stays(im, l) && wants_shared(l) && was_shared(im, l))
			groups_sheet_bad(
				&im->sheet, l->number,
				"%s is shared and stands in no group; all lines of %s "
				"together may have a new name",
				l->cell[SHEET_NAME], im->x->saved->group[l->group].name);
	}
}

/*
 * What a line says of its group: one that stays speaks, one that moved only where it was
 * changed, since the rest is its old group's.
 */
static bool speaks(const struct import *im, const struct groups_line *l,
		   enum sheet_column column)
{
	return group_counts(im, l) && (stays(im, l) || l->changed[column]);
}

/* The line that says what COLUMN of these lines' group is, or NULL. */
static const struct groups_line *voice(struct import *im, size_t from, size_t to,
				       enum sheet_column column)
{
	const struct groups_line *first = NULL;

	for (size_t i = from; i < to; i++) {
		const struct groups_line *l = im->by_group[i];

		if (!speaks(im, l, column))
			continue;
		if (!first) {
			first = l;
		} else if (strcmp(first->cell[column], l->cell[column]) != 0) {
			groups_sheet_bad(
				&im->sheet, l->number,
				"%s has the %s \"%s\" here, but in line %u it is \"%s\"",
				l->cell[SHEET_GROUP], groups_sheet_title[column],
				l->cell[column], first->number, first->cell[column]);
			return NULL;
		}
	}
	return first;
}

static struct groups_change *add_change(struct import *im, struct groups_change change,
					struct buf words)
{
	if (im->change_n == im->change_cap) {
		im->change_cap = im->change_cap ? 2 * im->change_cap : 16;
		im->change = xreallocarray(im->change, im->change_cap, sizeof(*im->change));
		im->words = xreallocarray(im->words, im->change_cap, sizeof(*im->words));
	}
	im->words[im->change_n] = words;
	im->change[im->change_n] = change;
	return &im->change[im->change_n++];
}

static void add_edit(struct import *im, const struct groups_line *l, enum rule_kind kind,
		     const char *name, struct buf words)
{
	const struct groups_change change = {
		.what = GROUPS_EDIT,
		.edit = { .made_ms = (int64_t)clock_ms(),
			  .kind = rule_kind_word[kind],
			  .machine = im->x->graph->machine[l->machine].id,
			  .other = "",
			  .name = name },
	};

	add_change(im, change, words);
}

/* A name that others come to as well is pinned for all, so that they find each other. */
static bool pinned_too(const struct import *im, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (group_counts(im, im->by_group[i]) && !stays(im, im->by_group[i]))
			return true;
	return false;
}

static void edit_group(struct import *im, const struct groups_line *l, bool pin_stayers)
{
	struct buf b = { 0 };

	if (wants_shared(l) || !group_counts(im, l))
		return;
	if (!stays(im, l)) {
		buf_printf(&b, "moved %s from %s to %s",
			   groups_machine_name(im->x, l->machine),
			   im->x->saved->group[l->group].name, l->cell[SHEET_GROUP]);
		add_edit(im, l, RULE_PIN, l->cell[SHEET_GROUP], b);
	} else if (pin_stayers && im->renamed[l->group]) {
		add_edit(im, l, RULE_PIN, l->cell[SHEET_GROUP], b);
	}
}

static void edit_kind(struct import *im, const struct groups_line *l)
{
	const char *name = groups_machine_name(im->x, l->machine);
	const char *service = l->cell[SHEET_SERVICE];
	struct buf b = { 0 };

	if (!wants_shared(l) && was_shared(im, l)) {
		buf_printf(&b, "%s is no shared service", name);
		add_edit(im, l, RULE_NOT_SHARED, "", b);
	} else if (wants_shared(l) && (!was_shared(im, l) || l->changed[SHEET_SERVICE])) {
		buf_printf(&b, "%s is a shared service%s%s", name, *service ? ": " : "",
			   service);
		add_edit(im, l, RULE_SHARED, service, b);
	}
}

static void edit_env(struct import *im, const struct groups_line *l)
{
	struct buf b = { 0 };

	if (!l->changed[SHEET_ENV])
		return;
	buf_printf(&b, "%s is of the environment %s", groups_machine_name(im->x, l->machine),
		   l->cell[SHEET_ENV]);
	add_edit(im, l, RULE_ENV, l->cell[SHEET_ENV], b);
}

static void edit_lines(struct import *im)
{
	for (size_t from = 0, to; from < im->sheet.line_n; from = to) {
		bool pin;

		to = run_end(im, from);
		pin = pinned_too(im, from, to);
		for (size_t i = from; i < to; i++) {
			edit_kind(im, im->by_group[i]);
			edit_group(im, im->by_group[i], pin);
			edit_env(im, im->by_group[i]);
		}
	}
}

static void rename_groups(struct import *im)
{
	for (unsigned i = 0; i < im->x->saved->group_n; i++) {
		struct buf b = { 0 };
		struct groups_change change = {
			.what = GROUPS_RENAME,
			.from = im->x->saved->group[i].name,
			.to = im->renamed[i],
		};

		if (!im->renamed[i])
			continue;
		buf_printf(&b, "renamed %s to %s", change.from, change.to);
		add_change(im, change, b);
	}
}

/* The group as it is known before any label of this sheet. */
static struct group_label_row label_before(const struct import *im, const char *name)
{
	unsigned found = plan_find(im->x->saved, name);
	struct group_label_row label = { .name = name,
					 .state = plan_state_word[PLAN_PROPOSED],
					 .owner = "",
					 .notes = "",
					 .named = true };

	for (unsigned i = 0; found == PLAN_NONE && i < im->x->saved->group_n; i++)
		if (im->renamed[i] && strcmp(im->renamed[i], name) == 0)
			found = i;
	if (found == PLAN_NONE)
		return label;
	label = groups_label_of(&im->x->saved->group[found]);
	label.named |= strcmp(label.name, name) != 0;
	label.name = name;
	return label;
}

static bool differs(const struct groups_line *l, enum sheet_column column, const char *is)
{
	return l && strcmp(l->cell[column], is) != 0;
}

static void label_group(struct import *im, size_t from, size_t to)
{
	struct groups_change change = {
		.what = GROUPS_LABEL,
		.label = label_before(im, im->by_group[from]->cell[SHEET_GROUP]),
	};
	const struct groups_line *state = voice(im, from, to, SHEET_STATE);
	const struct groups_line *owner = voice(im, from, to, SHEET_OWNER);
	const struct groups_line *notes = voice(im, from, to, SHEET_NOTES);
	struct buf b = { 0 };

	if (differs(state, SHEET_STATE, change.label.state)) {
		buf_printf(&b, ", state %s", state->cell[SHEET_STATE]);
		change.label.state = state->cell[SHEET_STATE];
	}
	if (differs(owner, SHEET_OWNER, change.label.owner)) {
		buf_printf(&b, ", owner %s", owner->cell[SHEET_OWNER]);
		change.label.owner = owner->cell[SHEET_OWNER];
	}
	if (differs(notes, SHEET_NOTES, change.label.notes)) {
		buf_printf(&b, ", note %s", notes->cell[SHEET_NOTES]);
		change.label.notes = notes->cell[SHEET_NOTES];
	}
	if (b.n) {
		struct buf words = { 0 };

		buf_printf(&words, "%s: %s", change.label.name, buf_cstr(&b) + 2);
		add_change(im, change, words);
	}
	buf_fini(&b);
}

static void compare(struct import *im)
{
	sort_lines(im);
	find_renamed(im);
	for (size_t from = 0, to; from < im->sheet.line_n; from = to) {
		to = run_end(im, from);
		check_kinds(im, from, to);
	}
	rename_groups(im);
	edit_lines(im);
	for (size_t from = 0, to; from < im->sheet.line_n; from = to) {
		to = run_end(im, from);
		label_group(im, from, to);
	}
}

static void say_changes(const struct import *im, struct buf *all)
{
	size_t said = 0;

	for (size_t i = 0; i < im->change_n; i++) {
		if (!im->words[i].n)
			continue;
		if (said++ < NAMED) {
			struct buf line = { 0 };

			buf_str(&line, buf_cstr(&im->words[i]));
			groups_print(&line);
		}
	}
	if (said > NAMED) {
		struct buf line = { 0 };

		buf_printf(&line, "and %zu more changes", said - NAMED);
		groups_print(&line);
	}
	buf_printf(all, "%zu change%s", said, number_plural(said));
}

static int run_changes(struct import *im)
{
	bool json = im->x->o.format == FORMAT_JSON || im->x->o.format == FORMAT_JSON_LINES;
	struct groups_outcome out = { 0 };
	unsigned *named = xcalloc(im->sheet.line_n, sizeof(*named)), n = 0;
	struct buf words = { 0 };
	int status = groups_rerun(im->x, im->change, im->change_n, &out);

	for (size_t i = 0; i < im->sheet.line_n; i++)
		named[n++] = im->sheet.line[i].machine;
	if (status == EXITS_OK) {
		if (!json)
			say_changes(im, &words);
		groups_say_outcome(im->x, im->change, im->change_n, &out, named, n, &words);
	} else {
		say("nothing of %s was taken", im->sheet.name);
	}
	free(named);
	groups_outcome_free(&out);
	return status;
}

static int take(struct import *im)
{
	char text[NUMBER_TEXT];

	if (!im->sheet.bad)
		compare(im);
	groups_sheet_sum_up(&im->sheet);
	if (im->sheet.bad) {
		say("nothing of %s was taken", im->sheet.name);
		return EXITS_NONE;
	}
	if (im->change_n)
		return run_changes(im);
	say_note("%s machine%s as in the plan: nothing to change",
		 number_text(im->sheet.line_n, text), number_plural(im->sheet.line_n));
	return EXITS_OK;
}

static void import_fini(struct import *im)
{
	for (size_t i = 0; i < im->change_n; i++)
		buf_fini(&im->words[i]);
	free(im->words);
	free(im->change);
	free(im->by_group);
	free(im->renamed);
	groups_sheet_free(&im->sheet);
}

int groups_import(struct groups *x)
{
	bool standard = strcmp(x->words[0], "-") == 0;
	struct import im = { .x = x, .sheet.name = standard ? "stdin" : x->words[0] };
	struct buf bytes = { 0 };
	struct err e = { 0 };
	int status;

	if (file_read(standard ? "/dev/stdin" : x->words[0], FILE_MAX, &bytes, &e) < 0) {
		say("%s", e.msg);
		return EXITS_UNREACHED;
	}
	status = groups_open(x, GROUPS_WRITE);
	if (status == EXITS_OK) {
		groups_sheet_read(&im.sheet, x, (const char *)bytes.p, bytes.n);
		status = take(&im);
	}
	import_fini(&im);
	buf_fini(&bytes);
	return status;
}

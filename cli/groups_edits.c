/* SPDX-License-Identifier: Apache-2.0 */
/* The edits that hold: a list of them with what each costs, and taking one back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/groups.h"
#include "cli/list.h"
#include "cli/say.h"
#include "common/exits.h"
#include "common/mem.h"
#include "common/number.h"
#include "common/version.h"

static const struct table_column columns[] = {
	{ "EDIT", "id", TABLE_COUNT },
	{ "MADE", "made", TABLE_TIME },
	{ "WHAT", "kind", TABLE_TEXT },
	{ "MACHINE", "machine_name", TABLE_TEXT },
	{ NULL, "machine", TABLE_TEXT },
	{ "OTHER", "other_name", TABLE_TEXT },
	{ NULL, "other", TABLE_TEXT },
	{ "NAME", "name", TABLE_TEXT },
	{ "SIZE", "size", TABLE_COUNT },
	{ "TIES", "ties", TABLE_COUNT },
	{ "CUT", "ties_cut", TABLE_COUNT, .alarm = true },
	{ NULL, "weight_cut", TABLE_COUNT },
	{ "A DAY", "connections_a_day_cut", TABLE_COUNT },
	{ "BYTES A DAY", "bytes_a_day_cut", TABLE_BYTES },
};

static const struct list_kind kind = {
	.command = &groups_command,
	.columns = columns,
	.columns_n = sizeof(columns) / sizeof(columns[0]),
	.one = "edit",
	.many = "edits",
	.from = "\"skein groups move\" and others make them",
};

struct edits {
	const struct groups *x;
	struct list list;
	struct saved_rules rules;
	struct ties *ties;
};

static const struct rule *rule_of(const struct saved_rules *rules, int64_t id)
{
	for (unsigned i = 0; i < rules->rules.rule_n; i++)
		if (rules->rules.rule[i].id == id)
			return &rules->rules.rule[i];
	return NULL;
}

static const char *name_of(const struct groups *x, unsigned machine, const char *ident)
{
	return machine == PLAN_NONE ? ident : groups_machine_name(x, machine);
}

static void put_number(struct table *t, uint64_t v)
{
	if (v)
		table_number(t, v);
	else
		table_unknown(t);
}

static void put_cost(struct table *t, const struct rescore *r)
{
	char share[32];

	snprintf(share, sizeof(share), "%.2f", rescore_share(r));
	table_number(t, r->kept.ties + r->cut.ties);
	table_number(t, r->cut.ties);
	table_text(t, share);
	table_number(t, (uint64_t)(r->cut.opens + .5));
	if (r->cut.has_bytes)
		table_number(t, (uint64_t)(r->cut.bytes + .5));
	else
		table_unknown(t);
}

static void fill(struct table *t, const struct groups *x, const struct edit_row *row,
		 const struct rule *rule, const struct rescore *cost)
{
	table_number(t, (uint64_t)row->id);
	table_time(t, row->made_ms / 1000);
	table_text(t, row->kind);
	table_text(t, name_of(x, rule ? rule->machine : PLAN_NONE, row->machine));
	table_text(t, row->machine);
	table_text(t, name_of(x, rule ? rule->other : PLAN_NONE, row->other));
	table_text(t, row->other);
	table_text(t, row->name);
	put_number(t, row->size);
	if (rule) {
		put_cost(t, cost);
		return;
	}
	for (int i = 0; i < 5; i++)
		table_unknown(t);
}

static void object(struct buf *b, const struct edit_row *row, const struct rule *rule,
		   const struct rescore *cost)
{
	struct json j = json_to(b);

	json_open(&j, '{');
	groups_json_uint(&j, "id", (uint64_t)row->id);
	groups_json_uint(&j, "version", JSON_VERSION);
	groups_json_uint(&j, "made", (uint64_t)row->made_ms / 1000);
	groups_json_text(&j, "kind", row->kind);
	groups_json_text(&j, "machine", row->machine);
	groups_json_text(&j, "other", row->other);
	groups_json_text(&j, "name", row->name);
	groups_json_uint(&j, "size", row->size);
	groups_json_bool(&j, "holds", rule != NULL);
	if (rule)
		groups_cost_json(&j, "ties", cost);
	json_close(&j, '}');
}

static int edit_row(const struct edit_row *row, void *ctx)
{
	struct edits *e = ctx;
	struct list *l = &e->list;
	const struct rule *rule = rule_of(&e->rules, row->id);
	struct rescore cost = { 0 };

	if (!list_wants(l))
		return 0;
	if (rule)
		cost = rescore_rule(e->x->graph, e->ties, e->x->saved, rule);
	if (list_table(l)) {
		fill(list_table(l), e->x, row, rule, &cost);
	} else {
		object(list_object(l), row, rule, &cost);
		list_emit(l);
	}
	return list_go_on(l);
}

int groups_edits(struct groups *x)
{
	struct edits all = { .x = x };
	struct err e = { 0 };
	int status = groups_open(x, GROUPS_PLAN), rc;

	if (status != EXITS_OK)
		return status;
	rc = saved_rules(x->store, x->graph, &all.rules, &e);
	if (rc < 0) {
		say("%s", e.msg);
		return EXITS_UNREACHED;
	}
	all.ties = ties_of(x->graph, x->saved);
	list_start(&all.list, &kind, &x->o, x->store);
	rc = query_edits(x->store, edit_row, &all, &e);
	status = list_end(&all.list, rc, &e);
	x->store = NULL;
	if (all.rules.missing)
		say_note("%u edit%s of machines that are not there; they wait",
			 all.rules.missing, number_plural(all.rules.missing));
	ties_free(all.ties);
	saved_rules_free(&all.rules);
	return status;
}

/* Taking one back */

struct wanted {
	int64_t id; /* 0: the newest */
	bool found;
	struct edit_row row; /* its strings are ours */
};

static void wanted_free(struct wanted *w)
{
	free((char *)w->row.kind);
	free((char *)w->row.machine);
	free((char *)w->row.other);
	free((char *)w->row.name);
}

static int take(const struct edit_row *row, void *ctx)
{
	struct wanted *w = ctx;

	if (w->id && row->id != w->id)
		return 0;
	wanted_free(w);
	w->found = true;
	w->row = *row;
	w->row.kind = xstrdup(row->kind);
	w->row.machine = xstrdup(row->machine);
	w->row.other = xstrdup(row->other);
	w->row.name = xstrdup(row->name);
	return 0;
}

static void put_row(struct buf *b, const struct groups *x, const struct edit_row *row)
{
	int a = graph_find_machine(x->graph, row->machine);
	int c = graph_find_machine(x->graph, row->other);

	buf_printf(b, "took back edit %lld: %s", (long long)row->id, row->kind);
	if (*row->machine)
		buf_printf(b, " %s", a < 0 ? row->machine : x->graph->machine[a].name);
	if (*row->other)
		buf_printf(b, " %s", c < 0 ? row->other : x->graph->machine[c].name);
	if (row->size)
		buf_printf(b, " %u", row->size);
	if (*row->name)
		buf_printf(b, " %s", row->name);
}

static int undo(struct groups *x, const struct wanted *w)
{
	struct groups_change change = { .what = GROUPS_UNDO, .edit = w->row };
	struct groups_outcome out = { 0 };
	struct buf b = { 0 };
	int status = groups_rerun(x, &change, 1, &out);

	if (status == EXITS_OK) {
		put_row(&b, x, &w->row);
		groups_say_outcome(x, &change, 1, &out, NULL, 0, &b);
	}
	groups_outcome_free(&out);
	return status;
}

int groups_undo(struct groups *x)
{
	struct wanted w = { 0 };
	struct err e = { 0 };
	uint64_t id = 0;
	int status;

	if (x->words_n && (options_count(x->words[0], &id, &e) < 0 || id > INT64_MAX))
		return options_usage(&groups_command, "undo: %s is not the number of an edit",
				     x->words[0]);
	w.id = (int64_t)id;
	status = groups_open(x, GROUPS_WRITE);
	if (status != EXITS_OK)
		return status;
	if (query_edits(x->store, take, &w, &e) < 0) {
		say("%s", e.msg);
		status = EXITS_UNREACHED;
	} else if (!w.found) {
		if (w.id)
			say("there is no edit %lld (skein groups edits lists them)",
			    (long long)w.id);
		else
			say("there is no edit to take back");
		status = EXITS_NONE;
	} else {
		status = undo(x, &w);
	}
	wanted_free(&w);
	return status;
}

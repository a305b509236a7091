/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan as a table or JSON.  On a terminal machines that stand alone, and of which nobody
 * has said anything, are folded into a closing line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/groups.h"
#include "cli/list.h"
#include "cli/say.h"
#include "common/exits.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/number.h"
#include "common/version.h"

#define UNSURE .5 /* a group of less confidence needs a person's look */
enum { NAMED = 8 };

static const struct table_column columns[] = {
	{ "GROUP", "group", TABLE_TEXT },
	{ NULL, "kind", TABLE_TEXT },
	{ "SERVICE", "service", TABLE_TEXT },
	{ "ENV", "env", TABLE_TEXT },
	{ "MACHINES", "machines_n", TABLE_COUNT },
	{ "WAVE", "wave", TABLE_COUNT },
	{ "CONFIDENCE", "confidence", TABLE_COUNT },
	{ "STATE", "state", TABLE_TEXT },
	{ "OWNER", "owner", TABLE_TEXT },
	{ "MEMBERS", "members", TABLE_TEXT },
	{ NULL, "machines", TABLE_TEXT },
	{ NULL, "site", TABLE_TEXT },
	{ NULL, "users", TABLE_COUNT },
	{ NULL, "accepted", TABLE_TEXT },
	{ NULL, "locked", TABLE_TEXT },
	{ NULL, "advice", TABLE_TEXT },
	{ NULL, "notes", TABLE_TEXT },
	{ NULL, "reason", TABLE_TEXT },
};

static const struct list_kind list_kind = {
	.command = &groups_command,
	.columns = columns,
	.columns_n = sizeof(columns) / sizeof(columns[0]),
	.one = "group",
	.many = "groups",
	.from = "\"skein import\" or a sensor brings machines",
};

static unsigned users_of(const struct plan *p, const struct plan_group *group)
{
	unsigned most = 0;

	for (unsigned i = 0; i < group->machine_n; i++)
		if (p->machine[group->machine[i]].users > most)
			most = p->machine[group->machine[i]].users;
	return most;
}

static const char *advice_of(const struct plan_group *group)
{
	return group->kind == PLAN_SHARED ? service_advice_word(service_advice(group->service))
					  : "";
}

static void put_shared(struct json *j, const struct plan *p, const struct plan_group *group)
{
	groups_json_text(j, "service", service_word(group->service));
	groups_json_uint(j, "users", users_of(p, group));
	groups_json_text(j, "advice", advice_of(group));
	groups_json_text(j, "advice_text", service_advice_text(group->service));
}

/* Stays open for more. */
static void open_object(struct json *j, const struct groups *x, const struct plan *p,
			const struct plan_group *group)
{
	json_open(j, '{');
	groups_json_text(j, "group", group->name);
	groups_json_text(j, "kind", plan_kind_word[group->kind]);
	json_key(j, "machines");
	json_open(j, '[');
	for (unsigned i = 0; i < group->machine_n; i++)
		json_string(j, x->graph->machine[group->machine[i]].id);
	json_close(j, ']');
	if (group->wave)
		groups_json_uint(j, "wave", group->wave);
	groups_json_share(j, "confidence", group->confidence);
	groups_json_uint(j, "version", JSON_VERSION);
	if (group->kind == PLAN_SHARED)
		put_shared(j, p, group);
	groups_json_text(j, "env", group->env);
	groups_json_text(j, "site", group->site);
	groups_json_text(j, "state", plan_state_word[group->state]);
	groups_json_text(j, "owner", group->owner);
	groups_json_text(j, "notes", group->notes);
	groups_json_text(j, "reason", group->reason);
	groups_json_bool(j, "named", group->named);
	groups_json_bool(j, "accepted", group->accepted);
	groups_json_bool(j, "locked", group->locked);
}

static void put_members(struct table *t, const struct groups *x,
			const struct plan_group *group, bool ids)
{
	struct buf all = { 0 };

	for (unsigned i = 0; i < group->machine_n; i++) {
		const struct graph_machine *m = &x->graph->machine[group->machine[i]];

		buf_printf(&all, "%s%s", i ? " " : "", ids ? m->id : m->name);
	}
	table_text(t, buf_cstr(&all));
	buf_fini(&all);
}

static void put_confidence(struct table *t, double v)
{
	char text[32];

	snprintf(text, sizeof(text), "%.2f", v);
	table_text(t, text);
}

static void put_known(struct table *t, unsigned v)
{
	if (v)
		table_number(t, v);
	else
		table_unknown(t);
}

static void fill(struct table *t, const struct groups *x, const struct plan *p,
		 const struct plan_group *group)
{
	table_text(t, group->name);
	table_text(t, plan_kind_word[group->kind]);
	table_text(t, group->kind == PLAN_SHARED ? service_word(group->service) : "");
	table_text(t, group->env);
	table_number(t, group->machine_n);
	put_known(t, group->wave);
	put_confidence(t, group->confidence);
	table_text(t, plan_state_word[group->state]);
	table_text(t, group->owner);
	put_members(t, x, group, false);
	put_members(t, x, group, true);
	table_text(t, group->site);
	put_known(t, users_of(p, group));
	table_text(t, group->accepted ? "yes" : "no");
	table_text(t, group->locked ? "yes" : "no");
	table_text(t, advice_of(group));
	table_text(t, group->notes);
	table_text(t, group->reason);
}

static bool alone(const struct plan_group *group)
{
	return group->kind == PLAN_GROUP && group->machine_n == 1;
}

static bool folded(const struct list *l, const struct plan_group *group)
{
	return list_on_terminal(l) && !l->o.all && alone(group) && !group->named &&
	       !group->accepted && !group->locked && !*group->owner && !*group->notes &&
	       group->state == PLAN_PROPOSED;
}

static void put_group(struct list *l, const struct groups *x, const struct plan *p,
		      const struct plan_group *group)
{
	struct json j;

	if (!list_wants(l))
		return;
	if (list_table(l)) {
		fill(list_table(l), x, p, group);
		return;
	}
	j = json_to(list_object(l));
	open_object(&j, x, p, group);
	json_close(&j, '}');
	list_emit(l);
}

/* "and 30 machines on their own: a, b, ... (--all lists them)" */
static void name_folded(const struct list *l, const struct groups *x, const struct plan *p)
{
	struct buf b = { 0 };
	unsigned n = 0;
	char text[NUMBER_TEXT];

	for (unsigned i = 0; i < p->group_n; i++) {
		if (!folded(l, &p->group[i]) || n++ >= NAMED)
			continue;
		buf_printf(&b, "%s%s", n > 1 ? ", " : "",
			   groups_machine_name(x, p->group[i].machine[0]));
	}
	if (n) {
		struct buf line = { 0 };

		buf_printf(&line, "and %s machine%s alone: %s%s (--all lists %s)",
			   number_text(n, text), number_plural(n), buf_cstr(&b),
			   n > NAMED ? " ..." : "", n > 1 ? "them" : "it");
		groups_print(&line);
	}
	buf_fini(&b);
}

static void print_plan(struct groups *x, const struct plan *p, struct list *l)
{
	list_start(l, &list_kind, &x->o, x->store);
	for (unsigned i = 0; i < p->group_n && !list_go_on(l); i++)
		if (!folded(l, &p->group[i]))
			put_group(l, x, p, &p->group[i]);
}

static int end_plan(struct groups *x, const struct plan *p, struct list *l)
{
	bool terminal = list_on_terminal(l);
	struct err e = { 0 };
	int status;

	if (l->printed < l->rows || !terminal)
		terminal = false; /* what was left out is not only single machines */
	l->rows = l->rows ? l->rows : p->group_n;
	l->summed = true;
	status = list_end(l, 0, &e);
	x->store = NULL;
	if (terminal)
		name_folded(l, x, p);
	return status;
}

static void count(const struct plan *p, unsigned *groups, unsigned *shared, unsigned *single)
{
	for (unsigned i = 0; i < p->group_n; i++)
		++*(p->group[i].kind == PLAN_SHARED ? shared
		    : p->group[i].machine_n > 1	    ? groups
						    : single);
}

static bool *touched(const struct graph *g)
{
	bool *seen = xcalloc(g->machine_n, sizeof(*seen));

	for (unsigned i = 0; i < g->edge_n; i++) {
		unsigned a = g->process[g->edge[i].client].machine;
		unsigned b = g->process[g->edge[i].server].machine;

		if (a != b)
			seen[a] = seen[b] = true;
	}
	return seen;
}

static void look(struct buf *b, unsigned n, const char *what, const char *many)
{
	char text[NUMBER_TEXT];

	if (n)
		buf_printf(b, "%s%s %s%s", b->n ? ", " : "", number_text(n, text), what,
			   n > 1 ? many : "");
}

/* How much there is, and what needs a person's look. */
static void sum_up(const struct groups *x, const struct plan *p, unsigned missing_edits)
{
	unsigned groups = 0, shared = 0, single = 0, unsure = 0, silent = 0;
	char g[NUMBER_TEXT], s[NUMBER_TEXT], k[NUMBER_TEXT];
	bool *seen = touched(x->graph);
	struct buf b = { 0 };

	count(p, &groups, &shared, &single);
	for (unsigned i = 0; i < p->group_n; i++)
		unsure += p->group[i].confidence < UNSURE && !alone(&p->group[i]) &&
			  p->group[i].state == PLAN_PROPOSED;
	for (unsigned m = 0; m < x->graph->machine_n; m++)
		silent += x->graph->machine[m].known && !seen[m];
	say_note("%s group%s, %s shared service%s, %s single machine%s",
		 number_text(groups, g), number_plural(groups), number_text(shared, s),
		 number_plural(shared), number_text(single, k), number_plural(single));
	look(&b, unsure, "group or service of less than 50 % confidence", "");
	look(&b, silent, "machine", "s");
	if (silent)
		buf_str(&b, " that nobody was seen talking to");
	look(&b, missing_edits, "edit", "s");
	if (missing_edits)
		buf_str(&b, " of machines that are not there");
	look(&b, p->missing, "machine", "s");
	if (p->missing)
		buf_str(&b, " of the former plan that are not there any more");
	if (b.n)
		say_note("a person should look at: %s", buf_cstr(&b));
	buf_fini(&b);
	free(seen);
}

int groups_propose(struct groups *x)
{
	struct groups_outcome out = { 0 };
	struct list l;
	int status = groups_open(x, GROUPS_GRAPH);

	if (status == EXITS_OK)
		status = groups_rerun(x, NULL, 0, &out);
	if (status == EXITS_OK) {
		if (out.before)
			out.after->missing = out.before->missing;
		print_plan(x, out.after, &l);
		status = end_plan(x, out.after, &l);
		if (out.after->group_n)
			sum_up(x, out.after, out.missing);
	}
	groups_outcome_free(&out);
	return status;
}

/* One group */

static const struct table_column member_columns[] = {
	{ "MACHINE", "name", TABLE_TEXT },
	{ NULL, "machine", TABLE_TEXT },
	{ "CONFIDENCE", "confidence", TABLE_COUNT },
	{ "TIES IN", "ties_in", TABLE_COUNT },
	{ "TIES OUT", "ties_out", TABLE_COUNT },
	{ "USERS", "users", TABLE_COUNT },
	{ "WHY", "reason", TABLE_TEXT },
};

static const struct list_kind member_kind = {
	.command = &groups_command,
	.columns = member_columns,
	.columns_n = sizeof(member_columns) / sizeof(member_columns[0]),
	.one = "machine",
	.many = "machines",
	.from = "",
};

struct detail {
	const struct groups *x;
	const struct plan_group *group;
	const struct ties *ties;
};

static void count_ties(const struct detail *d, unsigned m, unsigned *in, unsigned *out)
{
	const struct plan *p = d->x->saved;

	*in = *out = 0;
	for (unsigned i = d->ties->start[m]; i < d->ties->start[m + 1]; i++)
		++*(p->machine[d->ties->tie[i].to].group == p->machine[m].group ? in : out);
}

static void member_row(struct list *l, const struct detail *d, unsigned m)
{
	const struct plan_machine *pm = &d->x->saved->machine[m];
	struct table *t = list_table(l);
	unsigned in, out;

	count_ties(d, m, &in, &out);
	table_text(t, d->x->graph->machine[m].name);
	table_text(t, d->x->graph->machine[m].id);
	put_confidence(t, pm->confidence);
	table_number(t, in);
	table_number(t, out);
	put_known(t, pm->users);
	table_text(t, pm->reason);
}

static void member_object(struct json *j, const struct detail *d, unsigned m)
{
	const struct plan_machine *pm = &d->x->saved->machine[m];
	unsigned in, out;

	count_ties(d, m, &in, &out);
	json_open(j, '{');
	groups_json_text(j, "machine", d->x->graph->machine[m].id);
	groups_json_text(j, "name", d->x->graph->machine[m].name);
	groups_json_share(j, "confidence", pm->confidence);
	groups_json_uint(j, "ties_in", in);
	groups_json_uint(j, "ties_out", out);
	if (pm->users)
		groups_json_uint(j, "users", pm->users);
	groups_json_text(j, "reason", pm->reason);
	json_close(j, '}');
}

static void detail_object(struct list *l, const struct detail *d)
{
	struct rescore r = rescore_machines(d->x->graph, d->ties, d->x->saved,
					    d->group->machine, d->group->machine_n);
	struct json j;

	if (!list_wants(l))
		return;
	j = json_to(list_object(l));
	open_object(&j, d->x, d->x->saved, d->group);
	groups_cost_json(&j, "ties", &r);
	json_key(&j, "members");
	json_open(&j, '[');
	for (unsigned i = 0; i < d->group->machine_n; i++)
		member_object(&j, d, d->group->machine[i]);
	json_close(&j, ']');
	json_close(&j, '}');
	list_emit(l);
}

static void head_fact(struct buf *b, const char *before, const char *s)
{
	if (*s)
		buf_printf(b, ", %s%s", before, s);
}

/* Only on a terminal: elsewhere the table alone is printed. */
static void print_head(const struct detail *d)
{
	const struct plan_group *group = d->group;
	struct buf b = { 0 };
	struct rescore r;

	buf_printf(&b, "%s: %s%s", group->name,
		   group->kind == PLAN_SHARED ? "shared, " : "group",
		   group->kind == PLAN_SHARED ? service_title(group->service) : "");
	head_fact(&b, "", group->env);
	head_fact(&b, "at ", group->site);
	if (group->wave)
		buf_printf(&b, ", wave %u", group->wave);
	buf_printf(&b, ", confidence %.2f, %s", group->confidence,
		   plan_state_word[group->state]);
	buf_str(&b, group->locked ? ", locked" : group->accepted ? ", accepted" : "");
	head_fact(&b, "owner ", group->owner);
	groups_print(&b);
	if (*group->reason) {
		buf_printf(&b, "why: %s", group->reason);
		groups_print(&b);
	}
	if (*group->notes) {
		buf_printf(&b, "notes: %s", group->notes);
		groups_print(&b);
	}
	if (group->kind == PLAN_SHARED) {
		buf_printf(&b, "advice: %s; %s", advice_of(group),
			   service_advice_text(group->service));
		groups_print(&b);
		return;
	}
	r = rescore_machines(d->x->graph, d->ties, d->x->saved, group->machine,
			     group->machine_n);
	groups_cost_ties(&b, &r, "its", "go to other groups");
	groups_print(&b);
}

static int show_one(struct groups *x, unsigned number)
{
	struct ties *ties = ties_of(x->graph, x->saved);
	const struct detail d = { x, &x->saved->group[number], ties };
	struct err e = { 0 };
	struct list l;
	int status;

	list_start(&l, &member_kind, &x->o, x->store);
	if (list_on_terminal(&l))
		print_head(&d);
	if (!list_table(&l))
		detail_object(&l, &d);
	for (unsigned i = 0; list_table(&l) && i < d.group->machine_n; i++)
		if (list_wants(&l))
			member_row(&l, &d, d.group->machine[i]);
	status = list_end(&l, 0, &e);
	x->store = NULL;
	ties_free(ties);
	return status;
}

/* A group's name, or a machine of it. */
static unsigned group_meant(const struct groups *x, const char *word)
{
	unsigned found = plan_find(x->saved, word);
	int machine = graph_find_machine(x->graph, word);

	if (found == PLAN_NONE && machine >= 0)
		found = x->saved->machine[machine].group;
	return found != PLAN_NONE ? found : groups_find_group(x, word);
}

int groups_show(struct groups *x)
{
	struct list l;
	unsigned found;
	int status = groups_open(x, GROUPS_PLAN);

	if (status != EXITS_OK)
		return status;
	if (x->words_n) {
		found = group_meant(x, x->words[0]);
		return found == PLAN_NONE ? EXITS_NONE : show_one(x, found);
	}
	print_plan(x, x->saved, &l);
	status = end_plan(x, x->saved, &l);
	if (x->saved->group_n)
		sum_up(x, x->saved, 0);
	return status;
}

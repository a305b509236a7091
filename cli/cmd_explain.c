/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/explain_text.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/suggest.h"
#include "common/exits.h"
#include "common/number.h"
#include "graph/days.h"
#include "graph/group.h"
#include "graph/saved.h"

struct command {
	struct options o;
	const char *group;
	uint64_t plan;
	bool watch, json, all;
	/* while it runs */
	struct store *store;
	struct graph *g;
	struct plan *p;
	struct ties *t;
	unsigned *days;
	struct explain *x;
	struct explained show;
};

static const struct options_row rows[] = {
	{ "group", 'g', "G", options_string, offsetof(struct command, group),
	  "the group or shared service G, also where a machine has that name" },
	{ "watch", 0, NULL, options_flag, offsetof(struct command, watch),
	  "have we watched long enough: coverage, discovery, what is unseen" },
	{ "plan", 0, "N", options_count, offsetof(struct command, plan),
	  "by the plan with that number, not the newest" },
	{ "json", 0, NULL, options_flag, offsetof(struct command, json), "one JSON object" },
	{ "all", 0, NULL, options_flag, offsetof(struct command, all),
	  "every tie, edge and user (JSON always has them)" },
	{ 0 },
};

static const struct options_command command = {
	.name = "explain",
	.args = "MACHINE [MACHINE] | GROUP",
	.about = "Say why a machine, a group or two machines stand where they stand in the\n"
		 "plan, on what evidence, and what would change without it.",
	.groups = OPTIONS_DB | OPTIONS_WINDOW,
	.rows = rows,
	.examples = "skein explain db01\n"
		    "skein explain web01 db01\n"
		    "skein explain --group shop\n"
		    "skein explain --watch\n",
};

static bool check(struct command *c)
{
	if (c->watch && c->group && c->o.words_n)
		c->o.status = options_usage(&command, "--group and a word: one of them");
	else if (c->watch && c->o.words_n > 1)
		c->o.status = options_usage(&command, "--watch: all, or one group");
	else if (!c->watch && c->group && c->o.words_n)
		c->o.status = options_usage(&command, "--group, or machines: one of them");
	else if (!c->watch && !c->group && !c->o.words_n)
		c->o.status = options_usage(
			&command, "what? A machine, two machines, --group G or --watch");
	else if (c->o.words_n > 2)
		c->o.status = options_usage(&command, "one machine or two at a time");
	return c->o.status == 0;
}

static void print(struct buf *b)
{
	buf_str(b, "\n");
	fwrite(b->p, 1, b->n, stdout);
	buf_fini(b);
}

static int no_such(const struct command *c, const char *word, bool machines, bool groups)
{
	struct suggest s = suggest_for(word);

	for (unsigned m = 0; machines && m < c->g->machine_n; m++) {
		suggest_offer(&s, c->g->machine[m].name);
		suggest_offer(&s, c->g->machine[m].id);
	}
	for (unsigned i = 0; groups && i < c->p->group_n; i++)
		suggest_offer(&s, c->p->group[i].name);
	if (s.best)
		say("no %s \"%s\", did you mean %s?",
		    !machines ? "group"
		    : groups  ? "machine and no group"
			      : "machine",
		    word, s.best);
	else
		say("no %s \"%s\" (skein machines and skein groups list what there is)",
		    !machines ? "group"
		    : groups  ? "machine and no group"
			      : "machine",
		    word);
	return EXITS_NONE;
}

static int one_machine(const struct command *c, unsigned m)
{
	struct explain_machine *e = explain_machine(c->x, m, c->show.most);
	struct buf b = { 0 };

	if (c->json) {
		struct json j = json_to(&b);

		explain_json_machine(&j, &c->show, e);
		print(&b);
	} else {
		explain_text_machine(&c->show, e);
	}
	explain_machine_free(e);
	return EXITS_OK;
}

static int one_group(const struct command *c, unsigned group)
{
	struct explain_group *e = explain_group(c->x, group, c->show.most);
	struct buf b = { 0 };

	if (c->json) {
		struct json j = json_to(&b);

		explain_json_group(&j, &c->show, e);
		print(&b);
	} else {
		explain_text_group(&c->show, e);
	}
	explain_group_free(e);
	return EXITS_OK;
}

static int two_machines(const struct command *c)
{
	int a = graph_find_machine(c->g, c->o.words[0]);
	int b = graph_find_machine(c->g, c->o.words[1]);
	struct explain_pair *e;
	struct buf out = { 0 };

	if (a < 0 || b < 0)
		return no_such(c, c->o.words[a < 0 ? 0 : 1], true, false);
	if (a == b) {
		say("%s and %s are one machine", c->o.words[0], c->o.words[1]);
		return one_machine(c, (unsigned)a);
	}
	e = explain_pair(c->x, (unsigned)a, (unsigned)b);
	if (c->json) {
		struct json j = json_to(&out);

		explain_json_pair(&j, &c->show, e);
		print(&out);
	} else {
		explain_text_pair(&c->show, e);
	}
	explain_pair_free(e);
	return EXITS_OK;
}

static int watched(const struct command *c)
{
	const char *word = c->group ? c->group : c->o.words_n ? c->o.words[0] : NULL;
	unsigned group = word ? plan_find(c->p, word) : 0;
	struct watch *w;
	struct buf b = { 0 };
	int status;

	if (group == PLAN_NONE)
		return no_such(c, word, false, true);
	if (word) {
		struct watch_groups *x = watch_groups(c->g, c->p);

		w = watch_group(x, c->g, c->p, group, c->days);
		watch_groups_free(x);
	} else {
		w = watch_of(c->g, c->days);
	}
	status = w->first ? EXITS_OK : EXITS_NONE;
	if (c->json) {
		struct json j = json_to(&b);

		explain_json_watch(&j, &c->show, w, word);
		print(&b);
	} else {
		explain_text_watch(&c->show, w, word);
	}
	watch_free(w);
	return status;
}

static int one_word(const struct command *c, const char *word)
{
	int m = graph_find_machine(c->g, word);
	unsigned group = plan_find(c->p, word);

	if (m >= 0 && group != PLAN_NONE &&
	    (c->p->machine[m].group != group || c->p->group[group].machine_n > 1))
		say_note("a machine and a group are called %s; --group %s explains the group",
			 word, word);
	if (m >= 0)
		return one_machine(c, (unsigned)m);
	if (group != PLAN_NONE)
		return one_group(c, group);
	return no_such(c, word, true, true);
}

static int explain(const struct command *c)
{
	unsigned group;

	if (c->watch)
		return watched(c);
	if (c->o.words_n == 2)
		return two_machines(c);
	if (c->o.words_n)
		return one_word(c, c->o.words[0]);
	group = plan_find(c->p, c->group);
	if (group == PLAN_NONE)
		return no_such(c, c->group, false, true);
	return one_group(c, group);
}

/* What the grouper would say now, as far as nothing was kept. */
static int propose(struct command *c, struct err *e)
{
	struct saved_rules rules;
	int rc = saved_rules(c->store, c->g, &rules, e);

	if (rc < 0)
		return rc;
	c->p = group_propose(c->g, &rules.rules, NULL, e);
	saved_rules_free(&rules);
	if (!c->p)
		return e->code ? e->code : -EINVAL;
	if (!c->watch)
		say_note("no plan in %s yet: this is what \"skein groups\" would propose",
			 c->o.db);
	return 0;
}

static int begin(struct command *c, struct err *e)
{
	int rc;

	c->store = store_open(c->o.db, STORE_READ, e);
	if (!c->store)
		return e->code;
	c->g = graph_load(c->store, &c->o.filter, e);
	if (!c->g)
		return e->code;
	rc = saved_read(c->store, c->g, (int64_t)c->plan, &c->p, e);
	if (rc == 0 && c->plan) {
		say("no plan %llu in %s (skein groups plans lists them)",
		    (unsigned long long)c->plan, c->o.db);
		c->o.status = EXITS_NONE;
		return -ENOENT;
	}
	if (rc == 0)
		rc = propose(c, e);
	if (rc < 0)
		return rc;
	c->days = graph_days(c->store, c->g, e);
	if (!c->days)
		return e->code;
	if (c->p->missing)
		say_note("%u machine%s of plan %lld %s no longer known", c->p->missing,
			 number_plural(c->p->missing), (long long)c->p->id,
			 c->p->missing == 1 ? "is" : "are");
	c->t = ties_of(c->g, c->p);
	c->x = explain_new(c->g, c->p, c->t, c->days);
	c->show = (struct explained){ c->g, c->p, c->days,
				      c->all || c->json ? 0 : EXPLAIN_MOST };
	return 0;
}

static void end(struct command *c)
{
	explain_free(c->x);
	ties_free(c->t);
	plan_free(c->p);
	free(c->days);
	graph_free(c->g);
	store_close(c->store);
}

int cmd_explain(int argc, char **argv)
{
	struct command c = { 0 };
	struct err e = { 0 };
	int status;

	if (!options_parse(&command, argc, argv, &c.o, &c) || !check(&c))
		return c.o.status;
	if (begin(&c, &e) == 0) {
		status = explain(&c);
	} else if (c.o.status) {
		status = c.o.status;
	} else {
		say("%s", e.msg);
		status = EXITS_UNREACHED;
	}
	end(&c);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change is tried first: stored in a transaction that is rolled back, with the rules read
 * as they would be.  The grouper then runs without holding the database, and what it makes is
 * kept together with the change in a second transaction.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/groups.h"
#include "cli/say.h"
#include "cli/suggest.h"
#include "common/clock.h"
#include "common/exits.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/utf8.h"
#include "graph/wave_rules.h"

static const char run_key[] = "groups.run";

static const struct {
	const char *key;
	size_t at;
} run_flags[] = {
	{ "sites_apart", offsetof(struct groups_run, sites_apart) },
	{ "envs_mixed", offsetof(struct groups_run, envs_mixed) },
	{ "no_names", offsetof(struct groups_run, no_names) },
	{ "no_tags", offsetof(struct groups_run, no_tags) },
	{ "no_subnets", offsetof(struct groups_run, no_subnets) },
};
enum { RUN_FLAGS = sizeof(run_flags) / sizeof(run_flags[0]) };

static bool *flag_of(struct groups_run *run, unsigned i)
{
	return (bool *)((char *)run + run_flags[i].at);
}

static char *run_text(struct groups_run *run)
{
	struct buf b = { 0 };
	struct json j = json_to(&b);

	json_open(&j, '{');
	json_key(&j, "size");
	json_uint(&j, run->size);
	for (unsigned i = 0; i < RUN_FLAGS; i++) {
		json_key(&j, run_flags[i].key);
		json_bool(&j, *flag_of(run, i));
	}
	json_close(&j, '}');
	return buf_take(&b);
}

/* What is no good is passed by: it is our own text, or a later program's. */
static void run_parse(struct groups_run *run, const char *text)
{
	struct json_in in = json_from(text, strlen(text));
	struct buf key = { 0 }, other = { 0 };
	bool first = true;

	if (!json_enter(&in, '{'))
		return;
	while (json_more(&in, '{', &first) && (buf_reset(&key), json_read_key(&in, &key))) {
		struct json skip = json_to(&other);
		int kind = json_peek(&in);
		const char *p;
		size_t n;

		for (unsigned i = 0; i < RUN_FLAGS; i++)
			if (strcmp(buf_cstr(&key), run_flags[i].key) == 0)
				*flag_of(run, i) = kind == JSON_TRUE;
		if (kind == JSON_NUMBER && strcmp(buf_cstr(&key), "size") == 0) {
			if (!json_read_number(&in, &p, &n) ||
			    json_number_uint(p, n, &run->size) < 0)
				break;
		} else if (!json_copy(&in, &skip)) {
			break;
		}
	}
	buf_fini(&key);
	buf_fini(&other);
}

static bool run_given(const struct groups_run *run)
{
	return run->size || run->sites_apart || run->envs_mixed || run->no_names ||
	       run->no_tags || run->no_subnets;
}

static int run_remembered(struct groups *x, struct err *e)
{
	char *text = NULL;
	int rc = setting_get(x->store, run_key, &text, e);

	if (rc > 0)
		run_parse(&x->run, text);
	free(text);
	return rc < 0 ? rc : 0;
}

void groups_progress(const char *doing)
{
	static bool shown;

	if (say_quiet || !isatty(STDERR_FILENO))
		return;
	if (doing)
		fprintf(stderr, "\rskein: %s\x1b[K", doing);
	else if (shown)
		fputs("\r\x1b[K", stderr);
	shown = doing != NULL;
}

static int failed(const struct err *e)
{
	groups_progress(NULL);
	say("%s", e->msg);
	return EXITS_UNREACHED;
}

static int take_window(const struct plan_info *row, void *ctx)
{
	struct filter *f = ctx;

	f->since = row->since;
	f->until = row->until;
	return 1;
}

/* An edit looks at the window that the plan was made from. */
static int plan_window(struct groups *x, struct err *e)
{
	int rc = x->o.filtered ? 0 : query_plans(x->store, take_window, &x->o.filter, e);

	return rc < 0 ? rc : 0;
}

static int load(struct groups *x, enum groups_need need, struct err *e)
{
	bool edit = need == GROUPS_WRITE || need == GROUPS_PLAN;
	int rc = edit ? plan_window(x, e) : 0;

	if (rc == 0 && edit && !run_given(&x->run))
		rc = run_remembered(x, e);
	if (rc < 0)
		return rc;
	groups_progress("reading the map");
	x->graph = graph_load(x->store, &x->o.filter, e);
	if (!x->graph)
		return -EIO;
	rc = saved_read(x->store, x->graph, (int64_t)x->plan, &x->saved, e);
	groups_progress(NULL);
	return rc < 0 ? rc : 0;
}

static struct store *open_store(const struct groups *x, enum groups_need need, struct err *e)
{
	bool write = need == GROUPS_WRITE || (need == GROUPS_GRAPH && !x->dry_run);

	/* one that is not there is not made: reading says so */
	if (access(x->o.db, F_OK) != 0)
		write = false;
	return store_open(x->o.db, write ? STORE_WRITE : STORE_READ, e);
}

static int first_plan(struct groups *x)
{
	struct groups_outcome out = { 0 };
	int status = groups_rerun(x, NULL, 0, &out);

	x->saved = out.after;
	out.after = NULL;
	groups_outcome_free(&out);
	return status;
}

static bool any_known(const struct graph *g)
{
	for (unsigned m = 0; m < g->machine_n; m++)
		if (g->machine[m].known)
			return true;
	return false;
}

static int no_plan(const struct groups *x)
{
	if (x->plan)
		say("no plan %llu (skein groups plans lists them)",
		    (unsigned long long)x->plan);
	else
		say("no plan in %s yet; \"skein groups\" makes one", x->o.db);
	return EXITS_NONE;
}

int groups_open(struct groups *x, enum groups_need need)
{
	struct err e = { 0 };

	if (x->plan && need != GROUPS_PLAN)
		return options_usage(&groups_command, "--plan is for show and export");
	x->store = open_store(x, need, &e);
	if (!x->store)
		return failed(&e);
	if (need == GROUPS_STORE)
		return EXITS_OK;
	if (load(x, need, &e) < 0)
		return failed(&e);
	if (!x->saved && (need == GROUPS_PLAN || (need == GROUPS_WRITE && x->dry_run)))
		return no_plan(x);
	if (need != GROUPS_WRITE || x->saved)
		return EXITS_OK;
	if (any_known(x->graph))
		return first_plan(x);
	say("no machines in %s yet; \"skein import\" or a sensor brings them", x->o.db);
	return EXITS_NONE;
}

void groups_close(struct groups *x)
{
	groups_progress(NULL);
	plan_free(x->saved);
	graph_free(x->graph);
	store_close(x->store);
}

static int no_such_edit(int64_t id, struct err *e)
{
	return err_set(e, -ENOENT, "there is no edit %lld (skein groups edits lists them)",
		       (long long)id);
}

static int apply_one(struct groups *x, struct groups_change *c, struct err *e)
{
	int rc;

	switch (c->what) {
	case GROUPS_EDIT:
		return edit_add(x->store, &c->edit, &c->edit.id, e);
	case GROUPS_UNDO:
		rc = edit_remove(x->store, c->edit.id, e);
		return rc == 0 ? no_such_edit(c->edit.id, e) : rc < 0 ? rc : 0;
	case GROUPS_RENAME:
		return group_rename(x->store, c->from, c->to, e);
	case GROUPS_LABEL:
		return group_label_set(x->store, &c->label, e);
	}
	return 0;
}

static int apply(struct groups *x, struct groups_change *change, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int rc = apply_one(x, &change[i], e);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The rules and the plan as they are once the changes are made. */
static int attempt(struct groups *x, struct groups_change *change, size_t n,
		   struct saved_rules *rules, struct plan **before, struct err *e)
{
	int rc = n ? store_begin(x->store, e) : 0;

	if (rc < 0)
		return rc;
	rc = apply(x, change, n, e);
	if (rc >= 0)
		rc = saved_rules(x->store, x->graph, rules, e);
	if (rc >= 0)
		rc = saved_read(x->store, x->graph, 0, before, e);
	if (n)
		store_rollback(x->store);
	return rc < 0 ? rc : 0;
}

/* The edits, and the limit that was asked for; the caller frees the array. */
static struct rule *rules_of(const struct groups *x, const struct rules *saved, unsigned *n)
{
	struct rule *rule = xcalloc(saved->rule_n + 1ul, sizeof(*rule));

	*n = saved->rule_n;
	if (saved->rule_n)
		memcpy(rule, saved->rule, saved->rule_n * sizeof(*rule));
	if (x->run.size)
		rule[(*n)++] = (struct rule){
			.kind = RULE_LIMIT,
			.machine = PLAN_NONE,
			.other = PLAN_NONE,
			.name = "",
			.size = x->run.size < UINT_MAX ? (unsigned)x->run.size : UINT_MAX,
		};
	return rule;
}

static struct plan *propose(struct groups *x, const struct saved_rules *saved,
			    const struct plan *before, struct err *e)
{
	struct rules rules = saved->rules;
	struct rule *rule = rules_of(x, &saved->rules, &rules.rule_n);
	struct plan *after;

	rules.rule = rule;
	rules.sites_apart |= x->run.sites_apart;
	rules.envs_mixed |= x->run.envs_mixed;
	rules.no_names |= x->run.no_names;
	rules.no_tags |= x->run.no_tags;
	rules.no_subnets |= x->run.no_subnets;
	groups_progress("grouping");
	after = group_propose(x->graph, &rules, before, e);
	free(rule);
	if (!after)
		return NULL;
	after->since = x->o.filter.since;
	after->until = x->o.filter.until;
	if (waves_refresh(x->store, x->graph, after, e) >= 0)
		return after;
	plan_free(after);
	return NULL;
}

/* Labels come last, since they may be of groups that only the new plan has. */
static int labels(struct groups *x, const struct groups_change *change, size_t n,
		  struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < n; i++)
		if (change[i].what == GROUPS_LABEL)
			rc = group_label_set(x->store, &change[i].label, e);
	return rc;
}

static int keep(struct groups *x, struct groups_change *change, size_t n, struct plan *after,
		struct err *e)
{
	char *run = run_text(&x->run);
	int rc = store_begin(x->store, e);

	if (rc == 0) {
		rc = apply(x, change, n, e);
		if (rc >= 0)
			rc = saved_write(x->store, x->graph, after, (int64_t)clock_ms(), e);
		if (rc >= 0)
			rc = labels(x, change, n, e);
		if (rc >= 0)
			rc = setting_set(x->store, run_key, run, e);
		if (rc >= 0)
			rc = store_commit(x->store, e);
		else
			store_rollback(x->store);
	}
	free(run);
	return rc;
}

static int refused(const struct err *e, int rc)
{
	groups_progress(NULL);
	say("%s", e->msg);
	return rc == -ENOENT || rc == -EEXIST || rc == -EINVAL ? EXITS_NONE : EXITS_UNREACHED;
}

int groups_rerun(struct groups *x, struct groups_change *change, size_t n,
		 struct groups_outcome *out)
{
	struct saved_rules rules = { 0 };
	struct plan *before = NULL;
	struct err e = { 0 };
	int rc = attempt(x, change, n, &rules, &before, &e), status = EXITS_OK;

	if (rc < 0)
		return refused(&e, rc);
	out->missing = rules.missing;
	out->after = propose(x, &rules, before, &e);
	if (!out->after)
		status = refused(&e, -EINVAL);
	else if (!x->dry_run && (rc = keep(x, change, n, out->after, &e)) < 0)
		status = refused(&e, rc);
	if (status == EXITS_OK && n)
		out->ties = ties_of(x->graph, out->after);
	out->before = before;
	saved_rules_free(&rules);
	groups_progress(NULL);
	return status;
}

void groups_outcome_free(struct groups_outcome *out)
{
	plan_free(out->before);
	plan_free(out->after);
	ties_free(out->ties);
}

int groups_keep(struct groups *x, struct groups_change *change, size_t n)
{
	struct err e = { 0 };
	int rc = store_begin(x->store, &e);

	if (rc < 0)
		return refused(&e, rc);
	rc = apply(x, change, n, &e);
	if (rc >= 0 && !x->dry_run)
		rc = store_commit(x->store, &e);
	else
		store_rollback(x->store);
	return rc < 0 ? refused(&e, rc) : EXITS_OK;
}

const char *groups_machine_name(const struct groups *x, unsigned machine)
{
	return x->graph->machine[machine].name;
}

unsigned groups_find_machine(const struct groups *x, const char *word)
{
	const struct graph *g = x->graph;
	int found = graph_find_machine(g, word);
	struct suggest s = suggest_for(word);

	if (found >= 0 && g->machine[found].known)
		return (unsigned)found;
	if (found >= 0) {
		say("%s is an address that no known machine has; it stands in no group", word);
		return PLAN_NONE;
	}
	for (unsigned m = 0; m < g->machine_n; m++) {
		if (!g->machine[m].known)
			continue;
		suggest_offer(&s, g->machine[m].name);
		suggest_offer(&s, g->machine[m].id);
	}
	if (s.best)
		say("no machine \"%s\", did you mean %s?", word, s.best);
	else
		say("no machine \"%s\" (skein machines lists them)", word);
	return PLAN_NONE;
}

unsigned groups_find_group(const struct groups *x, const char *name)
{
	unsigned found = plan_find(x->saved, name);
	struct suggest s = suggest_for(name);

	if (found != PLAN_NONE)
		return found;
	for (unsigned i = 0; i < x->saved->group_n; i++)
		suggest_offer(&s, x->saved->group[i].name);
	if (s.best)
		say("no group \"%s\", did you mean %s?", name, s.best);
	else
		say("no group \"%s\" (skein groups show lists them)", name);
	return PLAN_NONE;
}

bool groups_name_fits(const char *name)
{
	struct buf shown = { 0 };
	size_t n = strlen(name);
	bool fits;

	utf8_show(&shown, name, n);
	fits = n && n <= NAME_LEN && shown.n == n && utf8_valid(name, n) &&
	       memcmp(shown.p, name, n) == 0 && name[0] != ' ' && name[n - 1] != ' ';
	buf_fini(&shown);
	if (!fits)
		say("\"%s\" cannot be a group's name: 1 to %d bytes of text, "
		    "no control characters, no space at its ends",
		    name, NAME_LEN);
	return fits;
}

struct group_label_row groups_label_of(const struct plan_group *group)
{
	return (struct group_label_row){
		.name = group->name,
		.state = plan_state_word[group->state],
		.owner = group->owner,
		.notes = group->notes,
		.named = group->named,
		.accepted = group->accepted,
		.locked = group->locked,
	};
}

char *groups_text(const struct groups *x, int from)
{
	struct buf b = { 0 };

	for (int i = from; i < x->words_n; i++)
		buf_printf(&b, "%s%s", i > from ? " " : "", x->words[i]);
	return buf_take(&b);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/revise.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "graph/group.h"
#include "graph/wave_rules.h"

static const char run_key[] = "groups.run";

static const struct {
	const char *key;
	size_t at;
} run_flags[] = {
	{ "sites_apart", offsetof(struct revise_run, sites_apart) },
	{ "envs_mixed", offsetof(struct revise_run, envs_mixed) },
	{ "no_names", offsetof(struct revise_run, no_names) },
	{ "no_tags", offsetof(struct revise_run, no_tags) },
	{ "no_subnets", offsetof(struct revise_run, no_subnets) },
};
enum { RUN_FLAGS = sizeof(run_flags) / sizeof(run_flags[0]) };

static bool *flag_of(struct revise_run *run, unsigned i)
{
	return (bool *)((char *)run + run_flags[i].at);
}

static char *run_text(struct revise_run *run)
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
static void run_parse(struct revise_run *run, const char *text)
{
	struct json_in in = json_from(text, strlen(text));
	struct buf key = { 0 }, other = { 0 };
	bool first = true;

	if (!json_enter(&in, '{'))
		return;
	while (json_more(&in, '}', &first) && (buf_reset(&key), json_read_key(&in, &key))) {
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

bool revise_given(const struct revise_run *run)
{
	return run->size || run->sites_apart || run->envs_mixed || run->no_names ||
	       run->no_tags || run->no_subnets;
}

int revise_remembered(struct store *s, struct revise_run *run, struct err *e)
{
	char *text = NULL;
	int rc = setting_get(s, run_key, &text, e);

	if (rc > 0)
		run_parse(run, text);
	free(text);
	return rc < 0 ? rc : 0;
}

static int no_such_edit(int64_t id, struct err *e)
{
	return err_set(e, -ENOENT, "there is no edit %lld (skein groups edits lists them)",
		       (long long)id);
}

static int apply_one(struct revise *x, struct revise_change *c, struct err *e)
{
	int rc;

	switch (c->what) {
	case REVISE_EDIT:
		return edit_add(x->store, &c->edit, &c->edit.id, e);
	case REVISE_UNDO:
		rc = edit_remove(x->store, c->edit.id, e);
		return rc == 0 ? no_such_edit(c->edit.id, e) : rc < 0 ? rc : 0;
	case REVISE_RENAME:
		return group_rename(x->store, c->from, c->to, e);
	case REVISE_LABEL:
		return group_label_set(x->store, &c->label, e);
	}
	return 0;
}

static int apply(struct revise *x, struct revise_change *change, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int rc = apply_one(x, &change[i], e);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* The rules and the plan as they are once the changes are made. */
static int attempt(struct revise *x, struct revise_change *change, size_t n,
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
static struct rule *rules_of(const struct revise *x, const struct rules *saved, unsigned *n)
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

static struct plan *propose(struct revise *x, const struct saved_rules *saved,
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
	if (x->progress)
		x->progress("grouping");
	after = group_propose(x->graph, &rules, before, e);
	free(rule);
	if (!after)
		return NULL;
	after->since = x->since;
	after->until = x->until;
	if (waves_refresh(x->store, x->graph, after, e) >= 0)
		return after;
	plan_free(after);
	return NULL;
}

/* Labels come last, since they may be of groups that only the new plan has. */
static int labels(struct revise *x, const struct revise_change *change, size_t n,
		  struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < n; i++)
		if (change[i].what == REVISE_LABEL)
			rc = group_label_set(x->store, &change[i].label, e);
	return rc;
}

static int keep(struct revise *x, struct revise_change *change, size_t n, struct plan *after,
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
		if (rc >= 0 && x->kept)
			rc = x->kept(x, e);
		if (rc >= 0)
			rc = store_commit(x->store, e);
		else
			store_rollback(x->store);
	}
	free(run);
	return rc;
}

int revise_rerun(struct revise *x, struct revise_change *change, size_t n,
		 struct revise_outcome *out, struct err *e)
{
	struct saved_rules rules = { 0 };
	struct plan *before = NULL;
	int rc = attempt(x, change, n, &rules, &before, e);

	if (rc < 0)
		return rc;
	out->missing = rules.missing;
	out->after = propose(x, &rules, before, e);
	if (!out->after)
		rc = e->code = e->code < 0 ? e->code : -EINVAL; /* rules that contradict */
	else if (!x->dry_run)
		rc = keep(x, change, n, out->after, e);
	if (rc >= 0 && n)
		out->ties = ties_of(x->graph, out->after);
	out->before = before;
	saved_rules_free(&rules);
	return rc < 0 ? rc : 0;
}

void revise_outcome_free(struct revise_outcome *out)
{
	plan_free(out->before);
	plan_free(out->after);
	ties_free(out->ties);
}

int revise_keep(struct revise *x, struct revise_change *change, size_t n, struct err *e)
{
	int rc = store_begin(x->store, e);

	if (rc < 0)
		return rc;
	rc = apply(x, change, n, e);
	if (rc >= 0 && !x->dry_run && x->kept)
		rc = x->kept(x, e);
	if (rc >= 0 && !x->dry_run)
		return store_commit(x->store, e);
	store_rollback(x->store);
	return rc < 0 ? rc : 0;
}

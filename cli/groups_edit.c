/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that people make, and what each of them did to the plan. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/groups.h"
#include "cli/say.h"
#include "cli/suggest.h"
#include "common/clock.h"
#include "common/exits.h"
#include "common/mem.h"
#include "common/number.h"
#include "common/version.h"

enum { WORDS_MAX = 32, EDITS_MAX = WORDS_MAX * WORDS_MAX / 2 };

/* The machines that an edit names. */
struct named {
	unsigned machine[WORDS_MAX], n;
};

static bool find_all(struct groups *x, int n, struct named *named)
{
	if (n > WORDS_MAX) {
		options_usage(&groups_command, "not more than %d machines at a time",
			      WORDS_MAX);
		return false;
	}
	for (int i = 0; i < n; i++) {
		unsigned m = groups_find_machine(x, x->words[i]);

		if (m == PLAN_NONE)
			return false;
		for (unsigned k = 0; k < named->n; k++) {
			if (named->machine[k] != m)
				continue;
			say("%s is named twice", x->words[i]);
			return false;
		}
		named->machine[named->n++] = m;
	}
	return true;
}

static struct groups_change edit_of(const struct groups *x, enum rule_kind kind,
				    unsigned machine, unsigned other)
{
	const struct graph *g = x->graph;

	return (struct groups_change){
		.what = GROUPS_EDIT,
		.edit = { .made_ms = (int64_t)clock_ms(),
			  .kind = rule_kind_word[kind],
			  .machine = machine == PLAN_NONE ? "" : g->machine[machine].id,
			  .other = other == PLAN_NONE ? "" : g->machine[other].id,
			  .name = "" },
	};
}

static void edit_object(struct json *j, const struct edit_row *edit)
{
	json_open(j, '{');
	groups_json_uint(j, "id", (uint64_t)edit->id);
	groups_json_text(j, "kind", edit->kind);
	groups_json_text(j, "machine", edit->machine);
	groups_json_text(j, "other", edit->other);
	groups_json_text(j, "name", edit->name);
	groups_json_uint(j, "size", edit->size);
	json_close(j, '}');
}

static void moved_array(struct json *j, const struct groups *x,
			const struct groups_outcome *out)
{
	unsigned *moved = xcalloc(x->graph->machine_n, sizeof(*moved));
	unsigned n = rescore_moved(out->before, out->after, moved);

	json_key(j, "moved");
	json_open(j, '[');
	for (unsigned i = 0; i < n; i++) {
		unsigned m = moved[i];

		json_open(j, '{');
		groups_json_text(j, "machine", x->graph->machine[m].id);
		groups_json_text(j, "from",
				 out->before->group[out->before->machine[m].group].name);
		groups_json_text(j, "to",
				 out->after->group[out->after->machine[m].group].name);
		json_close(j, '}');
	}
	json_close(j, ']');
	free(moved);
}

static void print_json(const struct groups *x, const struct groups_change *change, size_t n,
		       const struct groups_outcome *out)
{
	struct ties *ties = ties_of(x->graph, out->before);
	struct rescore was = rescore_plan(x->graph, ties, out->before);
	struct rescore is = rescore_plan(x->graph, out->ties, out->after);
	struct buf b = { 0 };
	struct json j = json_to(&b);

	json_open(&j, '{');
	groups_json_uint(&j, "version", JSON_VERSION);
	groups_json_bool(&j, "kept", !x->dry_run);
	json_key(&j, "edits");
	json_open(&j, '[');
	for (size_t i = 0; i < n; i++)
		if (change[i].what == GROUPS_EDIT || change[i].what == GROUPS_UNDO)
			edit_object(&j, &change[i].edit);
	json_close(&j, ']');
	groups_cost_json(&j, "before", &was);
	groups_cost_json(&j, "after", &is);
	moved_array(&j, x, out);
	json_close(&j, '}');
	buf_str(&b, "\n");
	fwrite(b.p, 1, b.n, stdout);
	buf_fini(&b);
	ties_free(ties);
}

void groups_say_outcome(const struct groups *x, const struct groups_change *change, size_t n,
			const struct groups_outcome *out, const unsigned *named,
			unsigned named_n, struct buf *words)
{
	if (x->o.format == FORMAT_JSON || x->o.format == FORMAT_JSON_LINES) {
		print_json(x, change, n, out);
		buf_fini(words);
	} else {
		groups_print(words);
		groups_cost_print(x, out, named, named_n);
	}
	if (x->dry_run)
		say_note("a dry run: nothing of this was kept");
}

static const char *group_of(const struct plan *p, unsigned machine)
{
	return p->machine[machine].group == PLAN_NONE
		       ? "no group"
		       : p->group[p->machine[machine].group].name;
}

/* ": 3 of its 4 ties (...) now cross groups; before: 1" */
static void put_cost(struct buf *b, const struct groups *x, const struct groups_outcome *out,
		     const struct named *named)
{
	struct rescore is =
		rescore_machines(x->graph, out->ties, out->after, named->machine, named->n);
	struct rescore was =
		rescore_machines(x->graph, out->ties, out->before, named->machine, named->n);

	buf_str(b, ": ");
	groups_cost_ties(b, &is, named->n > 1 ? "their" : "its", "now go to other groups");
	if (is.kept.ties + is.cut.ties)
		buf_printf(b, "; before: %u", was.cut.ties);
}

static void put_names(struct buf *b, const struct groups *x, const struct named *named)
{
	for (unsigned i = 0; i < named->n; i++)
		buf_printf(b, "%s%s",
			   i == 0	       ? ""
			   : i + 1 == named->n ? " and "
					       : ", ",
			   groups_machine_name(x, named->machine[i]));
}

int groups_pin(struct groups *x)
{
	struct groups_outcome out = { 0 };
	struct groups_change change;
	struct named named = { 0 };
	struct buf b = { 0 };
	unsigned group, fresh;
	int status = groups_open(x, GROUPS_WRITE);

	if (status != EXITS_OK)
		return status;
	if (!find_all(x, 1, &named) || !groups_name_fits(x->words[1]))
		return EXITS_NONE;
	group = plan_find(x->saved, x->words[1]);
	fresh = group == PLAN_NONE;
	if (!fresh && x->saved->group[group].kind == PLAN_SHARED) {
		say("%s is a shared service, not a group (skein groups shared M makes one)",
		    x->words[1]);
		return EXITS_NONE;
	}
	change = edit_of(x, RULE_PIN, named.machine[0], PLAN_NONE);
	change.edit.name = x->words[1];
	status = groups_rerun(x, &change, 1, &out);
	if (status == EXITS_OK) {
		buf_printf(&b, "moved %s to %s%s", groups_machine_name(x, named.machine[0]),
			   x->words[1], fresh ? " (a new group)" : "");
		put_cost(&b, x, &out, &named);
		groups_say_outcome(x, &change, 1, &out, named.machine, 1, &b);
	}
	groups_outcome_free(&out);
	return status;
}

int groups_together(struct groups *x)
{
	struct groups_change change[WORDS_MAX];
	struct groups_outcome out = { 0 };
	struct named named = { 0 };
	struct buf b = { 0 };
	int status = groups_open(x, GROUPS_WRITE);

	if (status != EXITS_OK)
		return status;
	if (!find_all(x, x->words_n, &named))
		return EXITS_NONE;
	for (unsigned i = 1; i < named.n; i++)
		change[i - 1] = edit_of(x, RULE_TOGETHER, named.machine[0], named.machine[i]);
	status = groups_rerun(x, change, named.n - 1, &out);
	if (status == EXITS_OK) {
		put_names(&b, x, &named);
		buf_printf(&b, " stand together in %s", group_of(out.after, named.machine[0]));
		put_cost(&b, x, &out, &named);
		groups_say_outcome(x, change, named.n - 1, &out, named.machine, named.n, &b);
	}
	groups_outcome_free(&out);
	return status;
}

static void add_part(struct rescore_part *a, const struct rescore_part *b)
{
	a->ties += b->ties;
	a->weight += b->weight;
	a->edges += b->edges;
	a->opens += b->opens;
	a->bytes += b->bytes;
	a->has_bytes |= b->has_bytes;
}

/* What ties them to each other is what it costs to keep them apart. */
static void put_apart(struct buf *b, const struct groups *x, const struct groups_outcome *out,
		      const struct named *named)
{
	struct rescore_part between = { 0 };

	for (unsigned i = 0; i < named->n; i++) {
		for (unsigned k = i + 1; k < named->n; k++) {
			struct rescore r = rescore_pair(x->graph, out->ties, out->after,
							named->machine[i], named->machine[k]);

			add_part(&between, &r.cut);
		}
	}
	put_names(b, x, named);
	buf_str(b, " are kept apart (");
	for (unsigned i = 0; i < named->n; i++)
		buf_printf(b, "%s%s", i ? ", " : "", group_of(out->after, named->machine[i]));
	if (!between.ties) {
		buf_str(b, "): no tie between them is cut");
		return;
	}
	buf_printf(b, "): %u tie%s between them (", between.ties, number_plural(between.ties));
	groups_cost_rate(b, &between);
	buf_printf(b, ") now cross%s groups", between.ties > 1 ? "" : "es");
}

int groups_apart(struct groups *x)
{
	struct groups_change *change = xcalloc(EDITS_MAX, sizeof(*change));
	struct groups_outcome out = { 0 };
	struct named named = { 0 };
	struct buf b = { 0 };
	size_t n = 0;
	int status = groups_open(x, GROUPS_WRITE);

	if (status == EXITS_OK && !find_all(x, x->words_n, &named))
		status = EXITS_NONE;
	if (status == EXITS_OK) {
		for (unsigned i = 0; i < named.n; i++)
			for (unsigned k = i + 1; k < named.n; k++)
				change[n++] = edit_of(x, RULE_APART, named.machine[i],
						      named.machine[k]);
		status = groups_rerun(x, change, n, &out);
	}
	if (status == EXITS_OK) {
		put_apart(&b, x, &out, &named);
		groups_say_outcome(x, change, n, &out, named.machine, named.n, &b);
	}
	groups_outcome_free(&out);
	free(change);
	return status;
}

bool groups_service_fits(const char *word)
{
	struct suggest s = suggest_for(word);

	if (service_of_word(word) != SERVICE_NONE)
		return true;
	for (unsigned i = SERVICE_NONE + 1; i < SERVICE_COUNT; i++)
		suggest_offer(&s, service_word((enum service)i));
	if (s.best) {
		say("no kind of service \"%s\", did you mean %s?", word, s.best);
	} else {
		struct buf b = { 0 };

		for (unsigned i = SERVICE_NONE + 1; i < SERVICE_COUNT; i++)
			buf_printf(&b, " %s", service_word((enum service)i));
		say("no kind of service \"%s\"; there are:%s", word, buf_cstr(&b));
		buf_fini(&b);
	}
	return false;
}

static void put_shared(struct buf *b, const struct groups *x, const struct groups_outcome *out,
		       const struct named *named)
{
	unsigned m = named->machine[0], users = out->after->machine[m].users;
	unsigned group = out->after->machine[m].group;
	struct ties *ties = ties_of(x->graph, out->before);
	struct rescore was = rescore_machines(x->graph, ties, out->before, &m, 1);
	struct rescore_part all = was.kept;

	add_part(&all, &was.cut);
	ties_free(ties);
	buf_printf(b, "%s is a shared service now", groups_machine_name(x, m));
	if (group != PLAN_NONE && out->after->group[group].service)
		buf_printf(b, " (%s)", service_word(out->after->group[group].service));
	if (users)
		buf_printf(b, ", used by %u group%s", users, number_plural(users));
	if (!all.ties) {
		buf_str(b, "; no tie held it to a group before");
		return;
	}
	buf_printf(b, ": its %u tie%s (", all.ties, number_plural(all.ties));
	groups_cost_rate(b, &all);
	buf_printf(b, ") hold%s no group together any more", all.ties > 1 ? "" : "s");
}

int groups_shared(struct groups *x)
{
	struct groups_outcome out = { 0 };
	struct groups_change change;
	struct named named = { 0 };
	struct buf b = { 0 };
	int status = groups_open(x, GROUPS_WRITE);

	if (status != EXITS_OK)
		return status;
	if (!find_all(x, 1, &named) || (x->words_n > 1 && !groups_service_fits(x->words[1])))
		return EXITS_NONE;
	change = edit_of(x, RULE_SHARED, named.machine[0], PLAN_NONE);
	change.edit.name = x->words_n > 1 ? x->words[1] : "";
	status = groups_rerun(x, &change, 1, &out);
	if (status == EXITS_OK) {
		put_shared(&b, x, &out, &named);
		groups_say_outcome(x, &change, 1, &out, named.machine, 1, &b);
	}
	groups_outcome_free(&out);
	return status;
}

/* A rule about one machine, which is then in some group. */
static int about_one(struct groups *x, enum rule_kind kind, const char *name, const char *is)
{
	struct groups_outcome out = { 0 };
	struct groups_change change;
	struct named named = { 0 };
	struct buf b = { 0 };
	int status = groups_open(x, GROUPS_WRITE);

	if (status != EXITS_OK)
		return status;
	if (!find_all(x, 1, &named) || (*name && !groups_name_fits(name)))
		return EXITS_NONE;
	change = edit_of(x, kind, named.machine[0], PLAN_NONE);
	change.edit.name = name;
	status = groups_rerun(x, &change, 1, &out);
	if (status == EXITS_OK) {
		buf_printf(&b, "%s %s%s and stands in %s",
			   groups_machine_name(x, named.machine[0]), is, name,
			   group_of(out.after, named.machine[0]));
		put_cost(&b, x, &out, &named);
		groups_say_outcome(x, &change, 1, &out, named.machine, 1, &b);
	}
	groups_outcome_free(&out);
	return status;
}

int groups_not_shared(struct groups *x)
{
	return about_one(x, RULE_NOT_SHARED, "", "is no shared service");
}

int groups_env(struct groups *x)
{
	return about_one(x, RULE_ENV, x->words[1], "is of the environment ");
}

int groups_site(struct groups *x)
{
	return about_one(x, RULE_SITE, x->words[1], "is at the site ");
}

static void put_limit(struct buf *b, const struct groups *x, const struct groups_outcome *out,
		      const struct rule *rule)
{
	struct rescore r = rescore_rule(x->graph, out->ties, out->after, rule);
	unsigned full = 0;

	for (unsigned i = 0; i < out->after->group_n; i++) {
		const struct plan_group *group = &out->after->group[i];

		full += group->kind == PLAN_GROUP && group->machine_n >= rule->size &&
			(!*rule->name || strcmp(rule->name, group->name) == 0);
	}
	buf_printf(b, "%s%s more than %u machine%s; %u group%s full",
		   *rule->name ? rule->name : "no group", *rule->name ? " never has" : " has",
		   rule->size, number_plural(rule->size), full, full == 1 ? " is" : "s are");
	if (!full)
		return;
	buf_str(b, ": ");
	groups_cost_ties(b, &r, full > 1 ? "their" : "its", "now go to other groups");
}

int groups_limit(struct groups *x)
{
	struct groups_outcome out = { 0 };
	struct rule rule = { .kind = RULE_LIMIT, .name = x->words_n > 1 ? x->words[1] : "" };
	struct groups_change change;
	struct buf b = { 0 };
	struct err e = { 0 };
	uint64_t size;
	int status;

	if (options_count(x->words[0], &size, &e) < 0 || size > 1000000)
		return options_usage(&groups_command, "limit: %s is not a number of machines",
				     x->words[0]);
	status = groups_open(x, GROUPS_WRITE);
	if (status != EXITS_OK)
		return status;
	if (*rule.name && groups_find_group(x, rule.name) == PLAN_NONE)
		return EXITS_NONE;
	change = edit_of(x, RULE_LIMIT, PLAN_NONE, PLAN_NONE);
	change.edit.name = rule.name;
	change.edit.size = rule.size = (unsigned)size;
	status = groups_rerun(x, &change, 1, &out);
	if (status == EXITS_OK) {
		put_limit(&b, x, &out, &rule);
		groups_say_outcome(x, &change, 1, &out, NULL, 0, &b);
	}
	groups_outcome_free(&out);
	return status;
}

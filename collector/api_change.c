/* SPDX-License-Identifier: Apache-2.0 */
/* What people change in the plan: a request's orders, tried and kept (graph/revise.h). */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "collector/api_body.h"
#include "collector/api_plan.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/version.h"
#include "graph/revise.h"
#include "store/audit.h"

enum { CHANGES = 2000 };

struct order {
	struct body top, run, change[CHANGES];
	unsigned n;
	const char *why; /* what is wrong with it */
};

static bool read_nested(const char *key, struct json_in *in, void *ctx)
{
	struct order *o = ctx;
	bool first = true;

	if (strcmp(key, "run") == 0) {
		body_free(&o->run); /* it may stand there twice */
		return body_read(&o->run, in, NULL, NULL);
	}
	if (strcmp(key, "changes") != 0 || json_peek(in) != JSON_ARRAY || !json_enter(in, '['))
		return false;
	while (json_more(in, ']', &first)) {
		if (o->n == CHANGES) {
			o->why = "too many changes at once";
			return false;
		}
		if (!body_read(&o->change[o->n++], in, NULL, NULL))
			return false;
	}
	return !in->why;
}

static void order_free(struct order *o)
{
	body_free(&o->top);
	body_free(&o->run);
	for (unsigned i = 0; i < o->n; i++)
		body_free(&o->change[i]);
	free(o);
}

static struct order *order_read(struct api_call *c)
{
	struct order *o = xcalloc(1, sizeof(*o));
	struct json_in in = json_from((const char *)c->ask->body, c->ask->body_n);

	if (!c->ask->body_n || (body_read(&o->top, &in, read_nested, o) && json_at_end(&in)))
		return o;
	api_fail(c, 400, "the body: %s",
		 o->why ? o->why
			: "an object such as {\"changes\":[{\"what\":\"edit\", ...}]}");
	order_free(o);
	return NULL;
}

/* The id that the store keeps; by name or address too. */
static const char *machine_of(const struct graph *g, const char *word, struct err *e)
{
	int found = *word ? graph_find_machine(g, word) : -1;

	if (!*word)
		return "";
	if (found >= 0 && g->machine[found].known)
		return g->machine[found].id;
	err_set(e, -ENOENT, "there is no machine %.100s", word);
	return NULL;
}

static int edit_of(const struct body *b, const struct graph *g, struct edit_row *out,
		   struct err *e)
{
	uint64_t size = 0;

	*out = (struct edit_row){ .made_ms = (int64_t)clock_ms(),
				  .kind = body_text(b, "kind"),
				  .machine = machine_of(g, body_text(b, "machine"), e),
				  .other = machine_of(g, body_text(b, "other"), e),
				  .name = body_text(b, "name") };
	if (!out->machine || !out->other)
		return e->code;
	if (!body_number(b, "size", INT_MAX, &size))
		return err_set(e, -EINVAL, "size: a whole number of machines");
	out->size = (unsigned)size;
	return 0;
}

static bool state_fits(const char *word)
{
	for (int i = 0; i < PLAN_STATES; i++)
		if (strcmp(plan_state_word[i], word) == 0)
			return true;
	return false;
}

/* All of a label, as it shall be: what is not said stays. */
static int label_of(const struct body *b, const struct plan *p, struct group_label_row *out,
		    struct err *e)
{
	unsigned i = p ? plan_find(p, body_text(b, "group")) : PLAN_NONE;
	const struct plan_group *group;

	if (i == PLAN_NONE)
		return err_set(e, -ENOENT, "there is no group %.100s", body_text(b, "group"));
	group = &p->group[i];
	*out = (struct group_label_row){
		.name = group->name,
		.state = body_has(b, "state") ? body_text(b, "state")
					      : plan_state_word[group->state],
		.owner = body_has(b, "owner") ? body_text(b, "owner") : group->owner,
		.notes = body_has(b, "notes") ? body_text(b, "notes") : group->notes,
		.named = group->named,
		.accepted =
			body_has(b, "accepted") ? body_flag(b, "accepted") : group->accepted,
		.locked = body_has(b, "locked") ? body_flag(b, "locked") : group->locked,
	};
	return state_fits(out->state)
		       ? 0
		       : err_set(e, -EINVAL, "there is no state %.60s", out->state);
}

static int change_of(const struct body *b, const struct api_view *v, struct revise_change *out,
		     struct err *e)
{
	const char *what = body_text(b, "what");
	uint64_t id = 0;

	*out = (struct revise_change){ .what = REVISE_EDIT };
	if (strcmp(what, "edit") == 0)
		return edit_of(b, v->g, &out->edit, e);
	if (strcmp(what, "label") == 0) {
		out->what = REVISE_LABEL;
		return label_of(b, v->p, &out->label, e);
	}
	if (strcmp(what, "rename") == 0) {
		out->what = REVISE_RENAME;
		out->from = body_text(b, "from");
		out->to = body_text(b, "to");
		return 0;
	}
	if (strcmp(what, "undo") != 0 || !body_number(b, "id", INT64_MAX, &id) || !id)
		return err_set(
			e, -EINVAL,
			"what: edit, undo (with its id), rename or label, not \"%.60s\"",
			what);
	out->what = REVISE_UNDO;
	out->edit.id = (int64_t)id;
	return 0;
}

static int take_run(struct revise *r, const struct body *b, struct err *e)
{
	struct revise_run given = { .sites_apart = body_flag(b, "sites_apart"),
				    .envs_mixed = body_flag(b, "envs_mixed"),
				    .no_names = body_flag(b, "no_names"),
				    .no_tags = body_flag(b, "no_tags"),
				    .no_subnets = body_flag(b, "no_subnets") };

	if (!body_number(b, "size", INT_MAX, &given.size))
		return err_set(e, -EINVAL, "size: a whole number of machines");
	if (b->n) {
		r->run = given;
		return 0;
	}
	return revise_remembered(r->store, &r->run, e);
}

/* For the audit, one line each; of what was asked, cut to what a row takes. */
static void audit_words(const struct revise_change *c, struct buf *b)
{
	static const char *const words[] = { "edit", "undo", "rename", "label" };

	buf_printf(b, "%s", words[c->what]);
	switch (c->what) {
	case REVISE_EDIT:
		buf_printf(b, " %s %s %s %s", c->edit.kind, c->edit.machine, c->edit.other,
			   c->edit.name);
		break;
	case REVISE_UNDO:
		buf_printf(b, " %lld", (long long)c->edit.id);
		break;
	case REVISE_RENAME:
		buf_printf(b, " %s to %s", c->from, c->to);
		break;
	case REVISE_LABEL:
		buf_printf(b, " %s %s %s", c->label.name, c->label.state, c->label.owner);
		break;
	}
}

struct record {
	const struct api_call *c;
	const struct revise_change *change;
	unsigned n;
};

static int write_audit(struct revise *x, struct err *e)
{
	const struct record *r = x->ctx;
	uint64_t now = clock_ms();
	int rc = r->n ? 0 : audit_add(x->store, now, r->c->who, "plan made", "", e);

	for (unsigned i = 0; i < r->n && !rc; i++) {
		struct buf b = { 0 };

		audit_words(&r->change[i], &b);
		rc = audit_add(x->store, now, r->c->who, "plan changed", buf_cstr(&b), e);
		buf_fini(&b);
	}
	return rc;
}

static void put_moved(struct json *j, const struct graph *g, const struct revise_outcome *out)
{
	unsigned *moved = xcalloc(g->machine_n + 1ul, sizeof(*moved)), n = 0;

	if (out->before && out->after)
		n = rescore_moved(out->before, out->after, moved);
	json_key(j, "moved");
	json_open(j, '[');
	for (unsigned i = 0; i < n; i++) {
		unsigned m = moved[i];

		json_open(j, '{');
		json_member_string(j, "machine", g->machine[m].id);
		json_member_string(j, "from",
				   out->before->group[out->before->machine[m].group].name);
		json_member_string(j, "to",
				   out->after->group[out->after->machine[m].group].name);
		json_close(j, '}');
	}
	json_close(j, ']');
	free(moved);
}

static void say_outcome(struct api_call *c, const struct revise *x,
			const struct record *record, const struct revise_outcome *out)
{
	struct json j = json_to(&c->out);

	json_open(&j, '{');
	json_member_uint(&j, "version", JSON_VERSION);
	json_member_bool(&j, "kept", !x->dry_run);
	if (out->after)
		json_member_uint(&j, "plan", (uint64_t)out->after->id);
	json_key(&j, "edits");
	json_open(&j, '[');
	for (unsigned i = 0; i < record->n; i++)
		if (record->change[i].what == REVISE_EDIT)
			api_edit_row(&record->change[i].edit, &j);
	json_close(&j, ']');
	put_moved(&j, x->graph, out);
	json_close(&j, '}');
	buf_str(&c->out, "\n");
}

static bool changes_rules(const struct record *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->change[i].what == REVISE_EDIT || r->change[i].what == REVISE_UNDO)
			return true;
	return !r->n;
}

/* Whoever changes what they have not seen is told to look again. */
static int check_plan(const struct order *o, const struct api_view *v, struct err *e)
{
	uint64_t plan = v->p ? (uint64_t)v->p->id : 0, seen = plan;

	if (!body_number(&o->top, "plan", INT64_MAX, &seen))
		return err_set(e, -EINVAL, "plan: its number");
	if (seen != plan)
		return err_set(e, -EEXIST,
			       "the plan has changed meanwhile: it is number %llu; look again",
			       (unsigned long long)plan);
	return 0;
}

static int revise(struct api_call *c, const struct order *o, struct store *s)
{
	struct revise_change *change = xcalloc(o->n + 1ul, sizeof(*change));
	struct record record = { c, change, o->n };
	struct revise x = { .store = s,
			    .dry_run = body_flag(&o->top, "dry_run"),
			    .kept = write_audit,
			    .ctx = &record };
	struct revise_outcome out = { 0 };
	struct err e = { 0 };
	struct api_view v;
	int rc = api_view_load(&v, s, &e);

	if (rc >= 0)
		rc = check_plan(o, &v, &e);
	for (unsigned i = 0; i < o->n && rc >= 0; i++)
		rc = change_of(&o->change[i], &v, &change[i], &e);
	if (rc >= 0)
		rc = take_run(&x, &o->run, &e);
	if (rc >= 0) {
		x.graph = v.g;
		x.since = v.p ? v.p->since : 0;
		x.until = v.p ? v.p->until : 0;
		rc = changes_rules(&record) ? revise_rerun(&x, change, o->n, &out, &e)
					    : revise_keep(&x, change, o->n, &e);
	}
	if (rc >= 0) {
		__atomic_fetch_add(&c->api->stats->http_changes, !x.dry_run, __ATOMIC_RELAXED);
		say_outcome(c, &x, &record, &out);
	}
	revise_outcome_free(&out);
	free(change);
	api_view_free(&v);
	return rc < 0 ? api_fail_err(c, &e) : 0;
}

static int order_run(struct api_call *c, bool changes)
{
	struct order *o = order_read(c);
	struct store *s;
	int rc;

	if (!o)
		return c->status;
	if (changes != (o->n > 0)) {
		order_free(o);
		return api_fail(c, 400,
				changes ? "the body has no changes"
					: "changes go to /api/v1/edits");
	}
	s = api_writer(c);
	rc = s ? revise(c, o, s) : c->status;
	store_close(s);
	order_free(o);
	return rc;
}

int api_groups_propose(struct api_call *c)
{
	return order_run(c, false);
}

int api_edits_add(struct api_call *c)
{
	return order_run(c, true);
}

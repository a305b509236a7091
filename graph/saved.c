/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/saved.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "store/edit.h"
#include "store/plan.h"

/* Known machines by id, to be found. */
struct index {
	const struct graph *g;
	unsigned *order, n;
};

static const struct graph_machine *sort_machines;

static int by_id(const void *pa, const void *pb)
{
	return strcmp(sort_machines[*(const unsigned *)pa].id,
		      sort_machines[*(const unsigned *)pb].id);
}

static struct index index_of(const struct graph *g)
{
	struct index x = { .g = g, .order = xcalloc(g->machine_n, sizeof(*x.order)) };

	for (unsigned m = 0; m < g->machine_n; m++)
		if (g->machine[m].known)
			x.order[x.n++] = m;
	sort_machines = g->machine;
	qsort(x.order, x.n, sizeof(*x.order), by_id);
	return x;
}

static unsigned find(const struct index *x, const char *id)
{
	unsigned lo = 0, hi = x->n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		int d = strcmp(x->g->machine[x->order[mid]].id, id);

		if (d == 0)
			return x->order[mid];
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return PLAN_NONE;
}

/* Writing */

static struct plan_group_row *group_rows(const struct plan *p)
{
	struct plan_group_row *row = xcalloc(p->group_n, sizeof(*row));

	for (unsigned i = 0; i < p->group_n; i++) {
		const struct plan_group *g = &p->group[i];

		row[i] = (struct plan_group_row){ .number = i,
						  .name = g->name,
						  .kind = plan_kind_word[g->kind],
						  .service = service_word(g->service),
						  .env = g->env,
						  .site = g->site,
						  .reason = g->reason,
						  .confidence = g->confidence,
						  .wave = g->wave };
	}
	return row;
}

static struct plan_machine_row *machine_rows(const struct graph *g, const struct plan *p,
					     size_t *n)
{
	struct plan_machine_row *row = xcalloc(p->machine_n, sizeof(*row));

	*n = 0;
	for (unsigned m = 0; m < p->machine_n; m++) {
		const struct plan_machine *pm = &p->machine[m];

		if (pm->group == PLAN_NONE || !g->machine[m].known)
			continue;
		row[(*n)++] = (struct plan_machine_row){ .machine = g->machine[m].id,
							 .group = pm->group,
							 .confidence = pm->confidence,
							 .users = pm->users,
							 .reason = pm->reason };
	}
	return row;
}

int saved_write(struct store *s, const struct graph *g, struct plan *p, int64_t now_ms,
		struct err *e)
{
	struct plan_info info = { .made_ms = now_ms, .since = p->since, .until = p->until };
	struct plan_group_row *group = group_rows(p);
	size_t n;
	struct plan_machine_row *machine = machine_rows(g, p, &n);
	int rc = plan_save(s, &info, group, p->group_n, machine, n, e);

	if (!rc) {
		p->id = info.id;
		p->made_ms = now_ms;
	}
	free(group);
	free(machine);
	return rc;
}

/* Reading */

struct reader {
	struct plan *p;
	struct index index;
	int64_t want;
	bool found;
};

static int on_plan(const struct plan_info *row, void *ctx)
{
	struct reader *r = ctx;

	if (r->want && row->id != r->want)
		return 0;
	r->found = true;
	r->p->id = row->id;
	r->p->made_ms = row->made_ms;
	r->p->since = row->since;
	r->p->until = row->until;
	return 1;
}

static int on_group(const struct plan_group_row *row, void *ctx)
{
	struct reader *r = ctx;
	enum plan_kind kind =
		strcmp(row->kind, plan_kind_word[PLAN_SHARED]) == 0 ? PLAN_SHARED : PLAN_GROUP;
	struct plan_group *g;

	if (row->number != r->p->group_n)
		return -EBADMSG;
	g = plan_add(r->p, kind, row->name);
	g->service = service_of_word(row->service);
	g->confidence = row->confidence;
	g->wave = row->wave;
	plan_text(&g->env, row->env);
	plan_text(&g->site, row->site);
	plan_text(&g->reason, row->reason);
	return 0;
}

static int on_machine(const struct plan_machine_row *row, void *ctx)
{
	struct reader *r = ctx;
	unsigned m = find(&r->index, row->machine);

	if (m == PLAN_NONE || row->group >= r->p->group_n) {
		r->p->missing++;
		return 0;
	}
	r->p->machine[m].group = row->group;
	r->p->machine[m].confidence = row->confidence;
	r->p->machine[m].users = row->users;
	plan_text(&r->p->machine[m].reason, row->reason);
	return 0;
}

static enum plan_state state_of(const char *word)
{
	for (int i = 0; i < PLAN_STATES; i++)
		if (strcmp(plan_state_word[i], word) == 0)
			return (enum plan_state)i;
	return PLAN_PROPOSED;
}

static int on_label(const struct group_label_row *row, void *ctx)
{
	struct reader *r = ctx;
	unsigned i = plan_find(r->p, row->name);
	struct plan_group *g;

	if (i == PLAN_NONE)
		return 0;
	g = &r->p->group[i];
	g->state = state_of(row->state);
	g->named = row->named;
	g->accepted = row->accepted;
	g->locked = row->locked;
	plan_text(&g->owner, row->owner);
	plan_text(&g->notes, row->notes);
	return 0;
}

static int read_plan(struct store *s, struct reader *r, struct err *e)
{
	int rc = query_plans(s, on_plan, r, e);

	if (rc < 0 || !r->found)
		return rc < 0 ? rc : 0;
	rc = query_plan_groups(s, r->p->id, on_group, r, e);
	if (rc == -EBADMSG)
		err_set(e, rc, "%s: plan %lld is damaged", store_path(s), (long long)r->p->id);
	if (rc >= 0)
		rc = query_plan_machines(s, r->p->id, on_machine, r, e);
	if (rc >= 0)
		rc = query_group_labels(s, on_label, r, e);
	if (rc < 0)
		return rc;
	plan_settle(r->p);
	return 1;
}

int saved_read(struct store *s, const struct graph *g, int64_t id, struct plan **out,
	       struct err *e)
{
	struct reader r = { .p = plan_new(g->machine_n), .index = index_of(g), .want = id };
	int rc = read_plan(s, &r, e);

	free(r.index.order);
	*out = rc > 0 ? r.p : NULL;
	if (rc <= 0)
		plan_free(r.p);
	return rc;
}

/* Rules */

struct own {
	struct rule *rule;
	char **name;
	unsigned n, rule_cap, name_cap;
};

struct ruler {
	struct own *own;
	struct index index;
	unsigned missing;
};

static int kind_of(const char *word)
{
	for (int i = 0; i < RULE_KINDS; i++)
		if (strcmp(rule_kind_word[i], word) == 0)
			return i;
	return -1;
}

static int on_edit(const struct edit_row *row, void *ctx)
{
	struct ruler *r = ctx;
	struct own *own = r->own;
	int kind = kind_of(row->kind);
	struct rule x = { .id = row->id,
			  .machine = find(&r->index, row->machine),
			  .other = find(&r->index, row->other),
			  .size = row->size };
	bool two = kind == RULE_TOGETHER || kind == RULE_APART;

	if (kind < 0 || (kind != RULE_LIMIT && x.machine == PLAN_NONE) ||
	    (two && x.other == PLAN_NONE)) {
		r->missing++;
		return 0;
	}
	x.kind = (enum rule_kind)kind;
	MEM_GROW(own->rule, own->n, own->rule_cap);
	MEM_GROW(own->name, own->n, own->name_cap);
	own->name[own->n] = xstrdup(row->name);
	x.name = own->name[own->n];
	own->rule[own->n++] = x;
	return 0;
}

int saved_rules(struct store *s, const struct graph *g, struct saved_rules *out, struct err *e)
{
	struct own *own = xcalloc(1, sizeof(*own));
	struct ruler r = { .own = own, .index = index_of(g) };
	int rc = query_edits(s, on_edit, &r, e);

	free(r.index.order);
	memset(out, 0, sizeof(*out));
	out->own = own;
	out->rules.rule = own->rule;
	out->rules.rule_n = own->n;
	out->missing = r.missing;
	if (rc < 0)
		saved_rules_free(out);
	return rc < 0 ? rc : 0;
}

void saved_rules_free(struct saved_rules *r)
{
	struct own *own = r->own;

	if (!own)
		return;
	for (unsigned i = 0; i < own->n; i++)
		free(own->name[i]);
	free(own->name);
	free(own->rule);
	free(own);
	r->own = NULL;
}

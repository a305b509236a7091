/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/bond.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"

/* Why two machines are one unit. */
struct tied {
	unsigned a, b;
	int64_t edit;	   /* 0: a kept group */
	const char *group; /* of a kept group, else NULL */
};

struct maker {
	struct bonds *b;
	const struct graph *g;
	const struct traits *t;
	const struct rules *r;
	const struct plan *before;
	struct tied *tied;
	size_t tied_n, tied_cap;
	unsigned *first;     /* by label: its first machine, PLAN_NONE for none */
	int64_t *label_edit; /* by machine: the pin that gave it its label; 0 */
	bool *moved;	     /* by machine: an edit takes it out of its kept group */
	struct err *e;
};

static const char *name_of(const struct maker *k, unsigned m)
{
	return k->g->machine[m].name;
}

static unsigned root(unsigned *unit, unsigned m)
{
	while (unit[m] != m)
		m = unit[m] = unit[unit[m]];
	return m;
}

static void tie(struct maker *k, unsigned a, unsigned b, int64_t edit, const char *group)
{
	unsigned x = root(k->b->unit, a), y = root(k->b->unit, b);

	MEM_GROW(k->tied, k->tied_n, k->tied_cap);
	k->tied[k->tied_n++] = (struct tied){ a, b, edit, group };
	if (x != y)
		k->b->unit[x < y ? y : x] = x < y ? x : y;
}

static unsigned label_of(struct maker *k, const char *name)
{
	struct bonds *b = k->b;

	for (unsigned i = 1; i <= b->label_n; i++)
		if (strcmp(b->label_name[i], name) == 0)
			return i;
	b->label_n++;
	b->label_name = xreallocarray(b->label_name, b->label_n + 1ul, sizeof(char *));
	b->label_limit = xreallocarray(b->label_limit, b->label_n + 1ul, sizeof(unsigned));
	k->first = xreallocarray(k->first, b->label_n + 1ul, sizeof(unsigned));
	b->label_name[b->label_n] = name;
	b->label_limit[b->label_n] = 0;
	k->first[b->label_n] = PLAN_NONE;
	return b->label_n;
}

static unsigned env_of(struct bonds *b, const char *name)
{
	for (unsigned i = 1; i <= b->env_n; i++)
		if (strcmp(b->env_name[i], name) == 0)
			return i;
	b->env_n++;
	b->env_name = xreallocarray(b->env_name, b->env_n + 1ul, sizeof(char *));
	b->env_name[b->env_n] = xstrdup(name);
	return b->env_n;
}

/* Contradictions */

/* The ties that lead from A to B, in words: "3, 5" and the groups that are kept. */
static void trail(const struct maker *k, unsigned a, unsigned b, struct buf *edits,
		  struct buf *groups)
{
	unsigned n = k->g->machine_n, head = 0, tail = 0;
	unsigned *queue = xcalloc(n, sizeof(*queue));
	size_t *by = xcalloc(n, sizeof(*by)); /* 1 + the tie that led here */
	unsigned *from = xcalloc(n, sizeof(*from));

	queue[tail++] = a;
	by[a] = SIZE_MAX;
	while (head < tail && !by[b]) {
		unsigned m = queue[head++];

		for (size_t i = 0; i < k->tied_n; i++) {
			const struct tied *t = &k->tied[i];
			unsigned to = t->a == m ? t->b : t->a;

			if ((t->a != m && t->b != m) || by[to])
				continue;
			by[to] = i + 1;
			from[to] = m;
			queue[tail++] = to;
		}
	}
	for (unsigned m = b; m != a && by[m]; m = from[m]) {
		const struct tied *t = &k->tied[by[m] - 1];

		if (t->edit)
			buf_printf(edits, ", %lld", (long long)t->edit);
		else if (!groups->n)
			buf_printf(groups, " and the kept group \"%s\"", t->group);
	}
	free(queue);
	free(by);
	free(from);
}

/* "edits 7, 3, 5 contradict each other: WHY". */
static int contradiction(struct maker *k, int64_t one, int64_t two, unsigned a, unsigned b,
			 const char *why)
{
	struct buf edits = { 0 }, groups = { 0 };
	char *list, *kept;
	int rc;

	if (one)
		buf_printf(&edits, ", %lld", (long long)one);
	if (two && two != one)
		buf_printf(&edits, ", %lld", (long long)two);
	if (a != b)
		trail(k, a, b, &edits, &groups);
	list = buf_take(&edits);
	kept = buf_take(&groups);
	rc = err_set(k->e, -EINVAL,
		     "edit%s %s%s: %s (skein groups edits lists them, "
		     "skein groups undo N takes one back)",
		     strchr(list + (*list ? 2 : 0), ',') ? "s" : "", *list ? list + 2 : "",
		     kept, why);
	free(list);
	free(kept);
	return rc;
}

static int contradict(struct maker *k, int64_t one, int64_t two, unsigned a, unsigned b,
		      const char *fmt, ...) __attribute__((format(printf, 6, 7)));

static int contradict(struct maker *k, int64_t one, int64_t two, unsigned a, unsigned b,
		      const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return contradiction(k, one, two, a, b, why);
}

/* Rules, one kind after the other */

static int give_label(struct maker *k, unsigned m, unsigned label, int64_t edit,
		      const char *group)
{
	struct bonds *b = k->b;

	if (b->label[m] && b->label[m] != label)
		return contradict(k, edit, k->label_edit[m], m, m,
				  "%s cannot be in \"%s\" and in \"%s\"", name_of(k, m),
				  b->label_name[label], b->label_name[b->label[m]]);
	b->label[m] = label;
	k->label_edit[m] = edit;
	if (k->first[label] == PLAN_NONE)
		k->first[label] = m;
	else if (k->first[label] != m)
		tie(k, k->first[label], m, edit, group);
	return 0;
}

static int take_roles(struct maker *k)
{
	for (unsigned i = 0; k->r && i < k->r->rule_n; i++) {
		const struct rule *r = &k->r->rule[i];
		unsigned char role = r->kind == RULE_SHARED ? BOND_SHARED : BOND_NOT_SHARED;

		if (r->kind == RULE_PIN || r->kind == RULE_SHARED)
			k->moved[r->machine] = true;
		if (r->kind != RULE_SHARED && r->kind != RULE_NOT_SHARED)
			continue;
		if (k->b->role[r->machine] && k->b->role[r->machine] != role)
			return contradict(k, r->id, 0, r->machine, r->machine,
					  "%s cannot be shared and not shared",
					  name_of(k, r->machine));
		k->b->role[r->machine] = role;
		if (r->kind == RULE_SHARED)
			k->b->kind[r->machine] = r->name;
	}
	return 0;
}

/* Groups that people accepted or locked; an edit may take a machine out of an accepted one. */
static int keep_groups(struct maker *k)
{
	int rc = 0;

	for (unsigned i = 0; k->before && i < k->before->group_n; i++) {
		const struct plan_group *pg = &k->before->group[i];
		unsigned label;

		if (pg->kind != PLAN_GROUP || (!pg->accepted && !pg->locked))
			continue;
		label = label_of(k, pg->name);
		for (unsigned n = 0; n < pg->machine_n && !rc; n++) {
			unsigned m = pg->machine[n];

			if (k->moved[m] && !pg->locked)
				continue;
			k->b->frozen[m] = pg->locked;
			rc = give_label(k, m, label, 0, pg->name);
		}
	}
	return rc;
}

static int pin_machines(struct maker *k)
{
	int rc = 0;

	for (unsigned i = 0; k->r && i < k->r->rule_n && !rc; i++) {
		const struct rule *r = &k->r->rule[i];

		if (r->kind == RULE_PIN)
			rc = give_label(k, r->machine, label_of(k, r->name), r->id, NULL);
	}
	return rc;
}

static void tie_together(struct maker *k)
{
	for (unsigned i = 0; k->r && i < k->r->rule_n; i++)
		if (k->r->rule[i].kind == RULE_TOGETHER)
			tie(k, k->r->rule[i].machine, k->r->rule[i].other, k->r->rule[i].id,
			    NULL);
}

/* All of a unit get its label; two labels in one are a contradiction. */
static int spread_labels(struct maker *k)
{
	struct bonds *b = k->b;
	unsigned *from = xcalloc(b->machine_n, sizeof(*from)); /* by unit: 1 + who had it */
	int rc = 0;

	for (unsigned m = 0; m < b->machine_n && !rc; m++) {
		unsigned u = root(b->unit, m);

		if (!b->label[m])
			continue;
		if (!from[u])
			from[u] = m + 1;
		else if (b->label[from[u] - 1] != b->label[m])
			rc = contradict(
				k, k->label_edit[m], k->label_edit[from[u] - 1], from[u] - 1,
				m, "%s of \"%s\" and %s of \"%s\" cannot be together",
				name_of(k, from[u] - 1), b->label_name[b->label[from[u] - 1]],
				name_of(k, m), b->label_name[b->label[m]]);
	}
	for (unsigned m = 0; m < b->machine_n && !rc; m++) {
		unsigned u = root(b->unit, m);

		b->unit[m] = u;
		if (!from[u])
			continue;
		b->label[m] = b->label[from[u] - 1];
		if (b->frozen[from[u] - 1] && !b->frozen[m])
			rc = contradict(k, k->label_edit[m], 0, from[u] - 1, m,
					"the group \"%s\" is locked, %s cannot join it",
					b->label_name[b->label[m]], name_of(k, m));
	}
	free(from);
	return rc;
}

static int check_roles(struct maker *k)
{
	struct bonds *b = k->b;

	for (unsigned i = 0; i < k->tied_n; i++) {
		unsigned end[2] = { k->tied[i].a, k->tied[i].b };

		for (unsigned n = 0; n < 2; n++) {
			if (end[0] == end[1] || b->role[end[n]] != BOND_SHARED)
				continue;
			return contradict(k, k->tied[i].edit, 0, end[0], end[1],
					  "%s is said to be shared, and to stand in a group",
					  name_of(k, end[n]));
		}
	}
	for (unsigned m = 0; m < b->machine_n; m++)
		if (b->label[m] && b->role[m] == BOND_SHARED)
			return contradict(k, k->label_edit[m], 0, m, m,
					  "%s is said to be shared, and to be in \"%s\"",
					  name_of(k, m), b->label_name[b->label[m]]);
	return 0;
}

/* Environments and sites: what people said first, then what all of a unit were tagged with. */
static int give_place(struct maker *k, enum rule_kind kind, unsigned *of, const char *what)
{
	struct bonds *b = k->b;
	int64_t *edit = xcalloc(b->machine_n, sizeof(*edit));
	unsigned *who = xcalloc(b->machine_n, sizeof(*who)); /* by unit */
	int rc = 0;

	for (unsigned i = 0; k->r && i < k->r->rule_n && !rc; i++) {
		const struct rule *r = &k->r->rule[i];
		unsigned u, place;

		if (r->kind != kind)
			continue;
		u = b->unit[r->machine];
		place = env_of(b, r->name);
		if (edit[u] && of[u] != place)
			rc = contradict(k, r->id, edit[u], who[u], r->machine,
					"%s is of the %s \"%s\" and %s of \"%s\", "
					"and they are together",
					name_of(k, r->machine), what, b->env_name[place],
					name_of(k, who[u]), b->env_name[of[u]]);
		if (!edit[u])
			who[u] = r->machine;
		of[u] = place;
		edit[u] = r->id;
	}
	free(edit);
	free(who);
	return rc;
}

enum { MIXED = UINT_MAX };

/* PLACE of M where nobody said otherwise; a unit of several has none. */
static void suggest(unsigned *of, const bool *said, unsigned unit, unsigned place)
{
	if (said[unit] || !place)
		return;
	if (of[unit] && of[unit] != place)
		of[unit] = MIXED;
	else
		of[unit] = place;
}

static bool *who_said(const unsigned *of, unsigned n)
{
	bool *said = xcalloc(n, sizeof(*said));

	for (unsigned m = 0; m < n; m++)
		said[m] = of[m] != 0;
	return said;
}

static void hand_down(const struct bonds *b, unsigned *of)
{
	for (unsigned m = 0; m < b->machine_n; m++)
		of[m] = of[b->unit[m]] == MIXED ? 0 : of[b->unit[m]];
}

static int give_envs(struct maker *k)
{
	struct bonds *b = k->b;
	int rc = give_place(k, RULE_ENV, b->env, "environment");
	bool *said = who_said(b->env, b->machine_n);

	for (unsigned m = 0; m < b->machine_n && !rc; m++)
		if ((!k->r || !k->r->envs_mixed) && *k->t->machine[m].env)
			suggest(b->env, said, b->unit[m], env_of(b, k->t->machine[m].env));
	hand_down(b, b->env);
	free(said);
	return rc;
}

static int give_sites(struct maker *k)
{
	struct bonds *b = k->b;
	int rc = give_place(k, RULE_SITE, b->site, "site");
	bool *said = who_said(b->site, b->machine_n);
	unsigned *first = xcalloc(b->machine_n, sizeof(*first));

	for (unsigned m = 0; m < b->machine_n && !rc; m++) {
		const char *site = k->g->machine[m].site;
		unsigned u = b->unit[m];

		if (!k->r || !k->r->sites_apart || !*site || !k->g->machine[m].known)
			continue;
		if (b->site[u] && !said[u] && b->site[u] != env_of(b, site))
			rc = contradict(k, 0, 0, first[u], m,
					"sites are kept apart, and %s is at \"%s\" but %s at "
					"\"%s\"",
					name_of(k, m), site, name_of(k, first[u]),
					b->env_name[b->site[u]]);
		first[u] = m;
		suggest(b->site, said, u, env_of(b, site));
	}
	hand_down(b, b->site);
	free(said);
	free(first);
	return rc;
}

static int set_apart(struct maker *k)
{
	struct bonds *b = k->b;
	unsigned *at;

	b->apart_start = xcalloc(b->machine_n + 1ul, sizeof(*b->apart_start));
	for (unsigned i = 0; k->r && i < k->r->rule_n; i++) {
		const struct rule *r = &k->r->rule[i];

		if (r->kind != RULE_APART)
			continue;
		if (b->unit[r->machine] == b->unit[r->other])
			return contradict(k, r->id, 0, r->machine, r->other,
					  "%s and %s cannot be apart and together",
					  name_of(k, r->machine), name_of(k, r->other));
		b->apart_start[r->machine + 1]++;
		b->apart_start[r->other + 1]++;
	}
	for (unsigned m = 0; m < b->machine_n; m++)
		b->apart_start[m + 1] += b->apart_start[m];
	b->apart = xcalloc(b->apart_start[b->machine_n], sizeof(*b->apart));
	at = xcalloc(b->machine_n, sizeof(*at));
	memcpy(at, b->apart_start, b->machine_n * sizeof(*at));
	for (unsigned i = 0; k->r && i < k->r->rule_n; i++) {
		const struct rule *r = &k->r->rule[i];

		if (r->kind != RULE_APART)
			continue;
		b->apart[at[r->machine]++] = r->other;
		b->apart[at[r->other]++] = r->machine;
	}
	free(at);
	return 0;
}

/* The group that a limit names is held by one machine of it, if nothing else holds it. */
static void hold_by_one(struct maker *k, const char *name)
{
	unsigned i = k->before ? plan_find(k->before, name) : PLAN_NONE;
	unsigned label = label_of(k, name);

	if (k->first[label] != PLAN_NONE || i == PLAN_NONE)
		return;
	for (unsigned n = 0; n < k->before->group[i].machine_n; n++) {
		unsigned m = k->before->group[i].machine[n];

		if (k->b->label[m] || k->b->role[m] == BOND_SHARED)
			continue;
		k->b->label[m] = label;
		k->first[label] = m;
		return;
	}
}

static void set_limits(struct maker *k)
{
	struct bonds *b = k->b;

	for (unsigned i = 0; k->r && i < k->r->rule_n; i++) {
		const struct rule *r = &k->r->rule[i];
		unsigned *limit = &b->limit;

		if (r->kind != RULE_LIMIT)
			continue;
		if (*r->name) {
			hold_by_one(k, r->name);
			limit = &b->label_limit[label_of(k, r->name)];
		}
		if (!*limit || r->size < *limit)
			*limit = r->size;
	}
}

static int64_t limit_edit(const struct maker *k, unsigned limit)
{
	for (unsigned i = 0; i < k->r->rule_n; i++)
		if (k->r->rule[i].kind == RULE_LIMIT && k->r->rule[i].size == limit)
			return k->r->rule[i].id;
	return 0;
}

static int check_limits(struct maker *k)
{
	struct bonds *b = k->b;
	unsigned *size = xcalloc(b->machine_n, sizeof(*size));
	unsigned *last = xcalloc(b->machine_n, sizeof(*last));
	int rc = 0;

	for (unsigned m = 0; m < b->machine_n; m++) {
		size[b->unit[m]]++;
		last[b->unit[m]] = m;
	}
	for (unsigned u = 0; u < b->machine_n && !rc; u++) {
		unsigned limit = bonds_limit(b, b->label[u]);

		if (size[u] <= limit || (size[u] == 1 && limit))
			continue;
		rc = contradict(k, limit_edit(k, limit), 0, u, last[u],
				"%u machines are to be together with %s, and a group may have "
				"%u",
				size[u], name_of(k, u), limit);
	}
	free(size);
	free(last);
	return rc;
}

unsigned bonds_limit(const struct bonds *b, unsigned label)
{
	unsigned limit = b->limit ? b->limit : UINT_MAX;

	if (label && b->label_limit[label] && b->label_limit[label] < limit)
		limit = b->label_limit[label];
	return limit;
}

/* A machine that a person put into a group is not shared, whatever it looks like. */
static void settle_roles(struct bonds *b)
{
	unsigned *size = xcalloc(b->machine_n, sizeof(*size));

	for (unsigned m = 0; m < b->machine_n; m++)
		size[b->unit[m]]++;
	for (unsigned m = 0; m < b->machine_n; m++)
		if (!b->role[m] && (size[b->unit[m]] > 1 || b->label[m]))
			b->role[m] = BOND_NOT_SHARED;
	free(size);
}

static int check_rules(struct maker *k)
{
	unsigned n = k->g->machine_n;

	for (unsigned i = 0; k->r && i < k->r->rule_n; i++) {
		const struct rule *r = &k->r->rule[i];
		bool two = r->kind == RULE_TOGETHER || r->kind == RULE_APART;

		if (r->kind != RULE_LIMIT && r->machine >= n)
			return contradict(k, r->id, 0, 0, 0, "its machine is not known");
		if (two && r->other >= n)
			return contradict(k, r->id, 0, 0, 0, "its machine is not known");
		if (r->kind == RULE_LIMIT && !r->size)
			return contradict(k, r->id, 0, 0, 0, "no group can have 0 machines");
	}
	return 0;
}

static int make(struct maker *k)
{
	int rc = check_rules(k);

	if (!rc)
		rc = take_roles(k);
	if (!rc)
		rc = keep_groups(k);
	if (!rc)
		rc = pin_machines(k);
	if (rc)
		return rc;
	tie_together(k);
	rc = spread_labels(k);
	if (!rc)
		rc = check_roles(k);
	if (!rc)
		rc = give_envs(k);
	if (!rc)
		rc = give_sites(k);
	if (!rc)
		rc = set_apart(k);
	if (rc)
		return rc;
	set_limits(k);
	rc = check_limits(k);
	settle_roles(k->b);
	return rc;
}

struct bonds *bonds_new(const struct graph *g, const struct traits *t, const struct rules *r,
			const struct plan *before, struct err *e)
{
	struct bonds *b = xcalloc(1, sizeof(*b));
	struct maker k = { .b = b, .g = g, .t = t, .r = r, .before = before, .e = e };
	unsigned n = g->machine_n;
	int rc;

	b->machine_n = n;
	b->unit = xcalloc(n, sizeof(*b->unit));
	b->label = xcalloc(n, sizeof(*b->label));
	b->env = xcalloc(n, sizeof(*b->env));
	b->site = xcalloc(n, sizeof(*b->site));
	b->frozen = xcalloc(n, sizeof(*b->frozen));
	b->role = xcalloc(n, sizeof(*b->role));
	b->kind = xcalloc(n, sizeof(*b->kind));
	b->label_name = xcalloc(1, sizeof(*b->label_name));
	b->label_limit = xcalloc(1, sizeof(*b->label_limit));
	b->env_name = xcalloc(1, sizeof(*b->env_name));
	k.first = xcalloc(1, sizeof(*k.first));
	k.label_edit = xcalloc(n, sizeof(*k.label_edit));
	k.moved = xcalloc(n, sizeof(*k.moved));
	for (unsigned m = 0; m < n; m++)
		b->unit[m] = m;
	rc = make(&k);
	free(k.tied);
	free(k.first);
	free(k.label_edit);
	free(k.moved);
	if (!rc)
		return b;
	bonds_free(b);
	return NULL;
}

void bonds_free(struct bonds *b)
{
	if (!b)
		return;
	for (unsigned i = 1; i <= b->env_n; i++)
		free(b->env_name[i]);
	free(b->env_name);
	free(b->unit);
	free(b->label);
	free(b->env);
	free(b->site);
	free(b->frozen);
	free(b->role);
	free(b->kind);
	free(b->apart_start);
	free(b->apart);
	free(b->label_name);
	free(b->label_limit);
	free(b);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/bond.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/blame.h"

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
	bool *kept;	     /* by machine: of a group that is kept */
	int64_t *role_edit;  /* by machine: that said whether it is shared */
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

static void tie(struct maker *k, unsigned a, unsigned b, int64_t edit, int64_t with,
		const char *group)
{
	unsigned x = root(k->b->unit, a), y = root(k->b->unit, b);

	MEM_GROW(k->tied, k->tied_n, k->tied_cap);
	k->tied[k->tied_n++] = (struct tied){ a, b, edit, with, group };
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

/* Contradictions.  The edits that are named contradict each other without any others. */

static struct blame blame_between(const struct maker *k, int64_t one, int64_t two, unsigned a,
				  unsigned b)
{
	struct blame blame = blame_of(one, two);

	blame_trail(&blame, k->tied, k->tied_n, k->g->machine_n, a, b);
	return blame;
}

static void blame_unit(const struct maker *k, struct blame *blame, unsigned unit)
{
	for (size_t i = 0; i < k->tied_n; i++)
		if (k->b->unit[k->tied[i].a] == unit)
			blame_tie(blame, &k->tied[i]);
}

/* Rules, one kind after the other */

static int give_label(struct maker *k, unsigned m, unsigned label, int64_t edit,
		      const char *group)
{
	struct bonds *b = k->b;
	unsigned first = k->first[label];

	if (b->label[m] && b->label[m] != label) {
		struct blame blame = blame_of(edit, k->label_edit[m]);

		blame.group = group;
		return blame_say(&blame, k->e, "%s cannot be in \"%s\" and in \"%s\"",
				 name_of(k, m), b->label_name[label],
				 b->label_name[b->label[m]]);
	}
	b->label[m] = label;
	k->label_edit[m] = edit;
	if (first == PLAN_NONE)
		k->first[label] = m;
	else if (first != m)
		tie(k, first, m, edit, k->label_edit[first], group);
	return 0;
}

static int take_role(struct maker *k, unsigned m, unsigned char role, int64_t edit,
		     const char *group)
{
	struct blame blame;

	if (!k->b->role[m] || k->b->role[m] == role) {
		k->b->role[m] = role;
		k->role_edit[m] = edit;
		return 0;
	}
	blame = blame_of(k->role_edit[m], edit);
	blame.group = group;
	return blame_say(&blame, k->e, "%s cannot be shared and not shared", name_of(k, m));
}

static int take_roles(struct maker *k)
{
	int rc = 0;

	for (unsigned i = 0; k->r && i < k->r->rule_n && !rc; i++) {
		const struct rule *r = &k->r->rule[i];
		bool shared = r->kind == RULE_SHARED;

		if (shared || r->kind == RULE_PIN || r->kind == RULE_NOT_SHARED)
			k->moved[r->machine] = true;
		if (shared || r->kind == RULE_NOT_SHARED)
			rc = take_role(k, r->machine, shared ? BOND_SHARED : BOND_NOT_SHARED,
				       r->id, NULL);
		if (shared)
			k->b->kind[r->machine] = r->name;
	}
	return rc;
}

static int keep_member(struct maker *k, const struct plan_group *pg, unsigned m,
		       unsigned label)
{
	if (k->moved[m] && !pg->locked)
		return 0; /* an edit takes it out */
	k->b->frozen[m] = pg->locked;
	if (pg->kind == PLAN_GROUP) {
		k->kept[m] = true;
		return give_label(k, m, label, 0, pg->name);
	}
	k->b->entry[m] = label;
	if (!k->b->kind[m])
		k->b->kind[m] = service_word(pg->service);
	return take_role(k, m, BOND_SHARED, 0, pg->name);
}

/* Groups and shared services that people accepted or locked. */
static int keep_groups(struct maker *k)
{
	int rc = 0;

	for (unsigned i = 0; k->before && i < k->before->group_n; i++) {
		const struct plan_group *pg = &k->before->group[i];
		unsigned label;

		if (!pg->accepted && !pg->locked)
			continue;
		label = label_of(k, pg->name);
		for (unsigned n = 0; n < pg->machine_n && !rc; n++)
			rc = keep_member(k, pg, pg->machine[n], label);
	}
	return rc;
}

static int pin_machines(struct maker *k)
{
	int rc = 0;

	for (unsigned i = 0; k->r && i < k->r->rule_n && !rc; i++) {
		const struct rule *r = &k->r->rule[i];

		if (r->kind != RULE_PIN)
			continue;
		k->b->guest[r->machine] = true;
		rc = give_label(k, r->machine, label_of(k, r->name), r->id, NULL);
	}
	return rc;
}

static void tie_together(struct maker *k)
{
	for (unsigned i = 0; k->r && i < k->r->rule_n; i++) {
		const struct rule *r = &k->r->rule[i];

		if (r->kind == RULE_TOGETHER && r->machine != r->other)
			tie(k, r->machine, r->other, r->id, 0, NULL);
	}
}

/* All of a unit get its label; two labels in one are a contradiction. */
static int spread_labels(struct maker *k)
{
	struct bonds *b = k->b;
	unsigned *from = xcalloc(b->machine_n, sizeof(*from)); /* by unit: 1 + who had it */
	int rc = 0;

	for (unsigned m = 0; m < b->machine_n; m++)
		b->unit[m] = root(b->unit, m);
	for (unsigned m = 0; m < b->machine_n && !rc; m++) {
		unsigned *had = &from[b->unit[m]];
		struct blame blame;

		if (!b->label[m])
			continue;
		if (!*had)
			*had = m + 1;
		if (b->label[*had - 1] == b->label[m])
			continue;
		blame = blame_between(k, k->label_edit[m], k->label_edit[*had - 1], *had - 1,
				      m);
		rc = blame_say(&blame, k->e,
			       "%s of \"%s\" and %s of \"%s\" cannot be together",
			       name_of(k, *had - 1), b->label_name[b->label[*had - 1]],
			       name_of(k, m), b->label_name[b->label[m]]);
	}
	for (unsigned m = 0; m < b->machine_n && !rc; m++) {
		unsigned had = from[b->unit[m]];
		struct blame blame;

		if (!had)
			continue;
		b->label[m] = b->label[had - 1];
		if (!b->frozen[had - 1] || b->frozen[m])
			continue;
		blame = blame_between(k, k->label_edit[m], 0, had - 1, m);
		rc = blame_say(&blame, k->e, "the group \"%s\" is locked, %s cannot join it",
			       b->label_name[b->label[m]], name_of(k, m));
	}
	free(from);
	return rc;
}

static int shared_in_group(struct maker *k, const struct tied *t, unsigned m)
{
	struct blame blame = blame_of(k->role_edit[m], 0);

	blame_tie(&blame, t);
	return blame_say(&blame, k->e, "%s is said to be shared, and to stand in a group",
			 name_of(k, m));
}

static int check_roles(struct maker *k)
{
	struct bonds *b = k->b;

	for (unsigned i = 0; i < k->tied_n; i++) {
		const struct tied *t = &k->tied[i];

		if (b->role[t->a] == BOND_SHARED)
			return shared_in_group(k, t, t->a);
		if (b->role[t->b] == BOND_SHARED)
			return shared_in_group(k, t, t->b);
	}
	for (unsigned m = 0; m < b->machine_n; m++) {
		struct blame blame;

		if (!b->label[m] || b->role[m] != BOND_SHARED)
			continue;
		blame = blame_of(k->label_edit[m], k->role_edit[m]);
		return blame_say(&blame, k->e, "%s is said to be shared, and to be in \"%s\"",
				 name_of(k, m), b->label_name[b->label[m]]);
	}
	return 0;
}

/* Environments that people said; what tags and names say weighs, and no more. */
static int said_envs(struct maker *k)
{
	struct bonds *b = k->b;
	int64_t *edit = xcalloc(b->machine_n, sizeof(*edit)); /* by unit */
	unsigned *who = xcalloc(b->machine_n, sizeof(*who));
	int rc = 0;

	for (unsigned i = 0; k->r && i < k->r->rule_n && !rc; i++) {
		const struct rule *r = &k->r->rule[i];
		unsigned u = r->kind == RULE_ENV ? b->unit[r->machine] : 0, env;
		struct blame blame;

		if (r->kind != RULE_ENV)
			continue;
		env = env_of(b, r->name);
		if (edit[u] && b->env[u] != env) {
			blame = blame_between(k, r->id, edit[u], who[u], r->machine);
			rc = blame_say(&blame, k->e,
				       "%s is of the environment \"%s\" and %s of \"%s\", "
				       "and they are together",
				       name_of(k, r->machine), b->env_name[env],
				       name_of(k, who[u]), b->env_name[b->env[u]]);
		}
		if (!edit[u])
			who[u] = r->machine;
		b->env[u] = env;
		edit[u] = r->id;
	}
	free(edit);
	free(who);
	return rc;
}

static void hand_down(const struct bonds *b, unsigned *of)
{
	for (unsigned m = 0; m < b->machine_n; m++)
		of[m] = of[b->unit[m]];
}

static int give_envs(struct maker *k)
{
	struct bonds *b = k->b;
	int rc = said_envs(k);

	hand_down(b, b->env);
	for (unsigned m = 0; m < b->machine_n && !rc; m++) {
		const char *env = k->t->machine[m].env;

		b->told[m] = b->env[m] || !*env ? b->env[m] : env_of(b, env);
	}
	return rc;
}

/* Where M is: as a person said, else as it is known; 0 nowhere. */
static unsigned site_of(struct maker *k, unsigned m, int64_t *edit)
{
	const char *site = k->g->machine[m].known ? k->g->machine[m].site : "";

	*edit = 0;
	for (unsigned i = 0; i < k->r->rule_n; i++) {
		if (k->r->rule[i].kind != RULE_SITE || k->r->rule[i].machine != m)
			continue;
		site = k->r->rule[i].name;
		*edit = k->r->rule[i].id;
	}
	return *site ? env_of(k->b, site) : 0;
}

/* Sites matter where they are kept apart. */
static int give_sites(struct maker *k)
{
	struct bonds *b = k->b;
	int64_t *edit, here;
	unsigned *who;
	int rc = 0;

	if (!k->r || !k->r->sites_apart)
		return 0;
	edit = xcalloc(b->machine_n, sizeof(*edit));
	who = xcalloc(b->machine_n, sizeof(*who));
	for (unsigned m = 0; m < b->machine_n && !rc; m++) {
		unsigned u = b->unit[m], site = site_of(k, m, &here);
		struct blame blame;

		if (!site)
			continue;
		if (!b->site[u]) {
			b->site[u] = site;
			who[u] = m;
			edit[u] = here;
		}
		if (b->site[u] == site)
			continue;
		blame = blame_between(k, here, edit[u], who[u], m);
		rc = blame_say(&blame, k->e,
			       "sites are kept apart, and %s is at \"%s\" but %s at \"%s\"",
			       name_of(k, m), b->env_name[site], name_of(k, who[u]),
			       b->env_name[b->site[u]]);
	}
	hand_down(b, b->site);
	free(edit);
	free(who);
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
		if (b->unit[r->machine] == b->unit[r->other]) {
			struct blame blame = blame_between(k, r->id, 0, r->machine, r->other);

			return blame_say(&blame, k->e,
					 "%s and %s cannot be apart and together",
					 name_of(k, r->machine), name_of(k, r->other));
		}
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

/* The limit that holds for a unit, and the pin that makes it hold. */
static void blame_limit(const struct maker *k, struct blame *blame, unsigned unit)
{
	const struct bonds *b = k->b;
	unsigned limit = bonds_limit(b, b->label[unit]);
	const char *label = b->label[unit] ? b->label_name[b->label[unit]] : "";
	const struct rule *holds = NULL;

	for (unsigned i = 0; i < k->r->rule_n; i++) {
		const struct rule *r = &k->r->rule[i];

		if (r->kind == RULE_LIMIT && r->size == limit &&
		    (!*r->name || (!holds && strcmp(r->name, label) == 0)))
			holds = r;
	}
	if (!holds)
		return;
	blame_edit(blame, holds->id);
	for (unsigned m = 0; m < b->machine_n && *holds->name; m++) {
		if (b->unit[m] != unit || !k->label_edit[m])
			continue;
		blame_edit(blame, k->label_edit[m]);
		return;
	}
}

static int check_limits(struct maker *k)
{
	struct bonds *b = k->b;
	unsigned *size = xcalloc(b->machine_n, sizeof(*size));
	int rc = 0;

	for (unsigned m = 0; m < b->machine_n; m++)
		size[b->unit[m]]++;
	for (unsigned u = 0; u < b->machine_n && !rc; u++) {
		unsigned limit = bonds_limit(b, b->label[u]);
		struct blame blame = { 0 };

		if (size[u] <= limit)
			continue;
		blame_limit(k, &blame, u);
		blame_unit(k, &blame, u);
		rc = blame_say(&blame, k->e,
			       "%s and %u others are to be together, and a group may have %u",
			       name_of(k, u), size[u] - 1, limit);
	}
	free(size);
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

static int check_rule(struct maker *k, const struct rule *r)
{
	unsigned n = k->g->machine_n;
	bool two = r->kind == RULE_TOGETHER || r->kind == RULE_APART;
	struct blame blame = { 0 };

	if (r->kind == RULE_LIMIT ? r->size > 0 : r->machine < n && (!two || r->other < n))
		return 0;
	blame_edit(&blame, r->id);
	return blame_say(&blame, k->e,
			 r->kind == RULE_LIMIT ? "no group can have 0 machines"
					       : "its machine is not known");
}

static int check_rules(struct maker *k)
{
	int rc = 0;

	for (unsigned i = 0; k->r && i < k->r->rule_n && !rc; i++)
		rc = check_rule(k, &k->r->rule[i]);
	return rc;
}

/* What is together with a guest is one too, but for members of a group that is kept. */
static void spread_guests(struct maker *k)
{
	struct bonds *b = k->b;
	bool *some = xcalloc(b->machine_n, sizeof(*some)); /* by unit */

	for (unsigned m = 0; m < b->machine_n; m++)
		some[b->unit[m]] |= b->guest[m];
	for (unsigned m = 0; m < b->machine_n; m++)
		b->guest[m] = some[b->unit[m]] && !k->kept[m];
	for (unsigned i = 1; i <= b->label_n && k->before; i++) {
		unsigned at = plan_find(k->before, b->label_name[i]);
		const struct plan_group *g = at == PLAN_NONE ? NULL : &k->before->group[at];

		for (unsigned n = 0; g && g->kind == PLAN_GROUP && n < g->machine_n; n++)
			b->former[g->machine[n]] = i;
	}
	free(some);
}

static void make_cores(struct bonds *b)
{
	unsigned *first = xcalloc(b->machine_n, sizeof(*first)); /* by unit: 1 + its core */

	for (unsigned m = 0; m < b->machine_n; m++) {
		unsigned *core = &first[b->unit[m]];

		if (!*core && !b->guest[m])
			*core = m + 1;
		b->core[m] = b->guest[m] ? m : *core - 1;
	}
	free(first);
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
	spread_guests(k);
	make_cores(k->b);
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
	b->core = xcalloc(n, sizeof(*b->core));
	b->label = xcalloc(n, sizeof(*b->label));
	b->env = xcalloc(n, sizeof(*b->env));
	b->site = xcalloc(n, sizeof(*b->site));
	b->told = xcalloc(n, sizeof(*b->told));
	b->guest = xcalloc(n, sizeof(*b->guest));
	b->former = xcalloc(n, sizeof(*b->former));
	b->frozen = xcalloc(n, sizeof(*b->frozen));
	b->role = xcalloc(n, sizeof(*b->role));
	b->kind = xcalloc(n, sizeof(*b->kind));
	b->entry = xcalloc(n, sizeof(*b->entry));
	b->label_name = xcalloc(1, sizeof(*b->label_name));
	b->label_limit = xcalloc(1, sizeof(*b->label_limit));
	b->env_name = xcalloc(1, sizeof(*b->env_name));
	k.first = xcalloc(1, sizeof(*k.first));
	k.label_edit = xcalloc(n, sizeof(*k.label_edit));
	k.role_edit = xcalloc(n, sizeof(*k.role_edit));
	k.moved = xcalloc(n, sizeof(*k.moved));
	k.kept = xcalloc(n, sizeof(*k.kept));
	for (unsigned m = 0; m < n; m++)
		b->unit[m] = m;
	rc = make(&k);
	free(k.tied);
	free(k.first);
	free(k.label_edit);
	free(k.role_edit);
	free(k.moved);
	free(k.kept);
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
	free(b->core);
	free(b->label);
	free(b->env);
	free(b->site);
	free(b->told);
	free(b->guest);
	free(b->former);
	free(b->frozen);
	free(b->role);
	free(b->kind);
	free(b->entry);
	free(b->apart_start);
	free(b->apart);
	free(b->label_name);
	free(b->label_limit);
	free(b);
}

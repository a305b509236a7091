/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/plan.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

const char *const plan_state_word[PLAN_STATES] = { "proposed", "planned", "approved", "moved",
						   "verified" };
const char *const plan_kind_word[2] = { "group", "shared" };

struct plan *plan_new(unsigned machine_n)
{
	struct plan *p = xcalloc(1, sizeof(*p));

	p->machine = xcalloc(machine_n, sizeof(*p->machine));
	p->machine_n = machine_n;
	for (unsigned m = 0; m < machine_n; m++) {
		p->machine[m].group = PLAN_NONE;
		p->machine[m].reason = xstrdup("");
	}
	return p;
}

static void free_group(struct plan_group *g)
{
	free(g->name);
	free(g->env);
	free(g->site);
	free(g->reason);
	free(g->owner);
	free(g->notes);
	free(g->machine);
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->group_n; i++)
		free_group(&p->group[i]);
	for (unsigned m = 0; m < p->machine_n; m++)
		free(p->machine[m].reason);
	free(p->group);
	free(p->machine);
	free(p);
}

struct plan_group *plan_add(struct plan *p, enum plan_kind kind, const char *name)
{
	struct plan_group *g;

	/* grown by doubling, whenever the count is a power of two */
	if (!(p->group_n & (p->group_n - 1)))
		p->group = xreallocarray(p->group, p->group_n ? p->group_n * 2ul : 1,
					 sizeof(*p->group));
	g = &p->group[p->group_n++];
	*g = (struct plan_group){ .kind = kind,
				  .name = xstrdup(name),
				  .env = xstrdup(""),
				  .site = xstrdup(""),
				  .reason = xstrdup(""),
				  .owner = xstrdup(""),
				  .notes = xstrdup("") };
	return g;
}

void plan_text(char **at, const char *text)
{
	char *copy = xstrdup(text ? text : "");

	free(*at);
	*at = copy;
}

static const struct plan *sort_plan;

static int by_group(const void *pa, const void *pb)
{
	unsigned x = *(const unsigned *)pa, y = *(const unsigned *)pb;
	const struct plan_group *a = &sort_plan->group[x], *b = &sort_plan->group[y];
	int d = strcmp(a->name, b->name);

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return d ? d : (x > y) - (x < y);
}

static int by_name(const void *pa, const void *pb)
{
	unsigned x = *(const unsigned *)pa, y = *(const unsigned *)pb;
	const struct plan_group *a = &sort_plan->group[x], *b = &sort_plan->group[y];
	int d = strcmp(a->name, b->name);

	if (d)
		return d;
	if (a->named != b->named)
		return a->named ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (x > y) - (x < y);
}

static bool name_taken(const struct plan *p, const unsigned *order, const char *name)
{
	unsigned lo = 0, hi = p->group_n;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (strcmp(p->group[order[mid]].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->group_n && strcmp(p->group[order[lo]].name, name) == 0;
}

/* The first of several with one name keeps it; the others get a number behind it. */
static void unique_names(struct plan *p)
{
	unsigned *order = xcalloc(p->group_n, sizeof(*order)), number = 2;
	char **fresh = xcalloc(p->group_n, sizeof(*fresh));

	for (unsigned i = 0; i < p->group_n; i++)
		order[i] = i;
	sort_plan = p;
	qsort(order, p->group_n, sizeof(*order), by_name);
	for (unsigned i = 1; i < p->group_n; i++) {
		const char *name = p->group[order[i]].name;

		if (strcmp(name, p->group[order[i - 1]].name) != 0) {
			number = 2;
			continue;
		}
		do {
			free(fresh[order[i]]);
			fresh[order[i]] = xasprintf("%s-%u", name, number++);
		} while (name_taken(p, order, fresh[order[i]]));
	}
	for (unsigned i = 0; i < p->group_n; i++) {
		if (!fresh[i])
			continue;
		free(p->group[i].name);
		p->group[i].name = fresh[i];
	}
	free(fresh);
	free(order);
}

static void drop_empty(struct plan *p)
{
	unsigned *to = xcalloc(p->group_n, sizeof(*to)), n = 0;

	for (unsigned m = 0; m < p->machine_n; m++)
		if (p->machine[m].group != PLAN_NONE)
			to[p->machine[m].group] = 1;
	for (unsigned i = 0; i < p->group_n; i++) {
		if (!to[i]) {
			free_group(&p->group[i]);
			continue;
		}
		to[i] = n;
		p->group[n++] = p->group[i];
	}
	for (unsigned m = 0; m < p->machine_n; m++)
		if (p->machine[m].group != PLAN_NONE)
			p->machine[m].group = to[p->machine[m].group];
	p->group_n = n;
	free(to);
}

static void put_in_order(struct plan *p)
{
	unsigned *order = xcalloc(p->group_n, sizeof(*order));
	unsigned *to = xcalloc(p->group_n, sizeof(*to));
	struct plan_group *sorted = xcalloc(p->group_n, sizeof(*sorted));

	for (unsigned i = 0; i < p->group_n; i++)
		order[i] = i;
	sort_plan = p;
	qsort(order, p->group_n, sizeof(*order), by_group);
	for (unsigned i = 0; i < p->group_n; i++) {
		sorted[i] = p->group[order[i]];
		to[order[i]] = i;
	}
	if (p->group_n)
		memcpy(p->group, sorted, p->group_n * sizeof(*sorted));
	for (unsigned m = 0; m < p->machine_n; m++)
		if (p->machine[m].group != PLAN_NONE)
			p->machine[m].group = to[p->machine[m].group];
	free(sorted);
	free(order);
	free(to);
}

static void fill_members(struct plan *p)
{
	for (unsigned i = 0; i < p->group_n; i++) {
		free(p->group[i].machine);
		p->group[i].machine = NULL;
		p->group[i].machine_n = 0;
	}
	for (unsigned m = 0; m < p->machine_n; m++)
		if (p->machine[m].group != PLAN_NONE)
			p->group[p->machine[m].group].machine_n++;
	for (unsigned i = 0; i < p->group_n; i++) {
		p->group[i].machine =
			xcalloc(p->group[i].machine_n, sizeof(*p->group[i].machine));
		p->group[i].machine_n = 0;
	}
	for (unsigned m = 0; m < p->machine_n; m++) {
		struct plan_group *g;

		if (p->machine[m].group == PLAN_NONE)
			continue;
		g = &p->group[p->machine[m].group];
		g->machine[g->machine_n++] = m;
	}
}

void plan_settle(struct plan *p)
{
	drop_empty(p);
	unique_names(p);
	put_in_order(p);
	fill_members(p);
}

unsigned plan_find(const struct plan *p, const char *name)
{
	for (unsigned i = 0; i < p->group_n; i++)
		if (strcmp(p->group[i].name, name) == 0)
			return i;
	return PLAN_NONE;
}

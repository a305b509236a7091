/* SPDX-License-Identifier: Apache-2.0 */
/* A first form: what has very many peers is shared, connected machines are a group. */
#include "graph/group.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/ties.h"

const char *const rule_kind_word[RULE_KINDS] = { "together", "apart",	   "pin", "shared",
						 "not-shared", "env",	   "site", "limit" };

static unsigned root(unsigned *up, unsigned m)
{
	while (up[m] != m)
		m = up[m] = up[up[m]];
	return m;
}

struct plan *group_propose(const struct graph *g, const struct rules *rules,
			   const struct plan *before, struct err *e)
{
	struct plan *p = plan_new(g->machine_n), *all = plan_new(g->machine_n);
	unsigned *up = xcalloc(g->machine_n, sizeof(*up));
	unsigned *group = xcalloc(g->machine_n, sizeof(*group));
	struct ties *t;

	(void)rules;
	(void)before;
	(void)e;
	plan_add(all, PLAN_GROUP, "all");
	for (unsigned m = 0; m < g->machine_n; m++) {
		all->machine[m].group = g->machine[m].known ? 0 : PLAN_NONE;
		up[m] = m;
		group[m] = PLAN_NONE;
	}
	t = ties_of(g, all);
	for (unsigned m = 0; m < g->machine_n; m++) {
		if (t->start[m + 1] - t->start[m] > 20) {
			struct plan_group *s = plan_add(p, PLAN_SHARED, g->machine[m].name);

			s->service = SERVICE_PLATFORM;
			s->confidence = .9;
			plan_text(&s->reason, "called by more than 20 machines");
			group[m] = p->group_n - 1;
		}
	}
	for (unsigned m = 0; m < g->machine_n; m++)
		for (unsigned i = t->start[m]; i < t->start[m + 1]; i++)
			if (group[m] == PLAN_NONE && group[t->tie[i].to] == PLAN_NONE &&
			    t->tie[i].weight > 1)
				up[root(up, m)] = root(up, t->tie[i].to);
	for (unsigned m = 0; m < g->machine_n; m++) {
		unsigned r = root(up, m);

		if (!g->machine[m].known)
			continue;
		if (group[r] == PLAN_NONE) {
			plan_add(p, PLAN_GROUP, g->machine[m].name)->confidence = .5;
			group[r] = p->group_n - 1;
		}
		p->machine[m].group = group[r];
		p->machine[m].confidence = .5;
	}
	plan_settle(p);
	plan_free(all);
	ties_free(t);
	free(up);
	free(group);
	return p;
}

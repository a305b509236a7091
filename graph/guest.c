/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/guest.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

/* What holds for a group as it is without guests. */
struct hall {
	unsigned label, env, site;
	bool frozen;
};

struct place {
	const struct bonds *b;
	const bool *keep;
	unsigned *group;
	struct hall *hall; /* by group */
	unsigned *home;	   /* by label: 1 + its group; 0: none yet */
	unsigned *guest;   /* by label */
	unsigned guest_n;
};

static void look_at_groups(struct place *p)
{
	const struct bonds *b = p->b;

	for (unsigned m = 0; m < b->machine_n; m++) {
		struct hall *h = &p->hall[p->group[m]];

		if (!p->keep[m] || b->guest[m])
			continue;
		h->label = b->label[m] ? b->label[m] : h->label;
		h->env = b->env[m] ? b->env[m] : h->env;
		h->site = b->site[m] ? b->site[m] : h->site;
		h->frozen |= b->frozen[m];
		if (b->label[m])
			p->home[b->label[m]] = p->group[m] + 1;
	}
}

struct vote {
	unsigned label, group, n;
};

static int by_vote(const void *pa, const void *pb)
{
	const struct vote *a = pa, *b = pb;

	if (a->label != b->label)
		return a->label < b->label ? -1 : 1;
	return (a->group > b->group) - (a->group < b->group);
}

static int by_count(const void *pa, const void *pb)
{
	const struct vote *a = pa, *b = pb;

	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return by_vote(a, b);
}

static bool differ(unsigned a, unsigned b)
{
	return a && b && a != b;
}

/* Whether all guests of LABEL may be in GROUP. */
static bool welcome(const struct place *p, unsigned label, unsigned group)
{
	const struct bonds *b = p->b;
	const struct hall *h = &p->hall[group];

	if (h->frozen || differ(h->label, label))
		return false;
	for (unsigned i = 0; i < p->guest_n; i++) {
		unsigned m = p->guest[i];

		if (b->label[m] != label)
			continue;
		if (differ(h->env, b->env[m]) || differ(h->site, b->site[m]))
			return false;
		for (unsigned k = b->apart_start[m]; k < b->apart_start[m + 1]; k++)
			if (p->keep[b->apart[k]] && !b->guest[b->apart[k]] &&
			    p->group[b->apart[k]] == group)
				return false;
	}
	return true;
}

/* The groups that former members are in, those with most of them first; each takes one name.
 */
static void find_homes(struct place *p)
{
	const struct bonds *b = p->b;
	struct vote *vote = xcalloc(b->machine_n, sizeof(*vote));
	unsigned n = 0, kept = 0;

	for (unsigned m = 0; m < b->machine_n; m++)
		if (p->keep[m] && !b->guest[m] && b->former[m])
			vote[n++] = (struct vote){ b->former[m], p->group[m], 1 };
	qsort(vote, n, sizeof(*vote), by_vote);
	for (unsigned i = 0; i < n; i++) {
		if (kept && by_vote(&vote[kept - 1], &vote[i]) == 0)
			vote[kept - 1].n++;
		else
			vote[kept++] = vote[i];
	}
	qsort(vote, kept, sizeof(*vote), by_count);
	for (unsigned i = 0; i < kept; i++) {
		unsigned label = vote[i].label, group = vote[i].group;

		if (p->home[label] || !welcome(p, label, group))
			continue;
		p->home[label] = group + 1;
		p->hall[group].label = label;
	}
	free(vote);
}

static const unsigned *sort_label;

static int by_label(const void *pa, const void *pb)
{
	unsigned a = *(const unsigned *)pa, b = *(const unsigned *)pb;

	if (sort_label[a] != sort_label[b])
		return sort_label[a] < sort_label[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* A number that no group has: there are no more groups than machines. */
static unsigned free_number(bool *used)
{
	unsigned i = 0;

	while (used[i])
		i++;
	used[i] = true;
	return i;
}

/* Guests have left the groups that they were clustered in, whose numbers may be theirs. */
static void move_in(struct place *p)
{
	const struct bonds *b = p->b;
	bool *used = xcalloc(b->machine_n + 1ul, sizeof(*used));

	for (unsigned m = 0; m < b->machine_n; m++)
		if (!p->keep[m] || !b->guest[m])
			used[p->group[m]] = true;
	for (unsigned i = 0; i < p->guest_n; i++) {
		unsigned m = p->guest[i], *home = &p->home[b->label[m]];

		if (!*home)
			*home = free_number(used) + 1;
		p->group[m] = *home - 1;
	}
	free(used);
}

/* A group is named by its smallest machine again. */
static void renumber(unsigned *group, unsigned n)
{
	unsigned *first = xcalloc(n, sizeof(*first)); /* by old number: 1 + the new one */

	for (unsigned m = 0; m < n; m++) {
		if (!first[group[m]])
			first[group[m]] = m + 1;
		group[m] = first[group[m]] - 1;
	}
	free(first);
}

void guests_place(const struct bonds *b, const bool *keep, unsigned *group)
{
	struct place p = { .b = b, .keep = keep, .group = group };

	p.guest = xcalloc(b->machine_n, sizeof(*p.guest));
	for (unsigned m = 0; m < b->machine_n; m++)
		if (b->guest[m] && keep[m])
			p.guest[p.guest_n++] = m;
	p.hall = xcalloc(b->machine_n, sizeof(*p.hall));
	p.home = xcalloc(b->label_n + 1ul, sizeof(*p.home));
	sort_label = b->label;
	qsort(p.guest, p.guest_n, sizeof(*p.guest), by_label);
	if (p.guest_n) {
		look_at_groups(&p);
		find_homes(&p);
		move_in(&p);
		renumber(group, b->machine_n);
	}
	free(p.guest);
	free(p.hall);
	free(p.home);
}

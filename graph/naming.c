/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/naming.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

static int by_number(const void *pa, const void *pb)
{
	unsigned a = *(const unsigned *)pa, b = *(const unsigned *)pb;

	return (a > b) - (a < b);
}

/* The commonest of LIST (0 left out), its count in *N; of several the longest text, then the
 * first. */
static unsigned commonest(const struct traits *t, unsigned *list, unsigned n, unsigned *count)
{
	unsigned best = 0, run = 0;

	*count = 0;
	qsort(list, n, sizeof(*list), by_number);
	for (unsigned i = 0; i < n; i++) {
		run = i && list[i] == list[i - 1] ? run + 1 : 1;
		if (!list[i] || run < *count)
			continue;
		if (run > *count || strlen(t->text[list[i]]) > strlen(t->text[best])) {
			best = list[i];
			*count = run;
		}
	}
	return best;
}

static const char *by_application(const struct traits *t, const unsigned *member, unsigned n)
{
	unsigned *list = xcalloc(n, sizeof(*list)), count, best;

	for (unsigned i = 0; i < n; i++)
		list[i] = t->machine[member[i]].application;
	best = commonest(t, list, n, &count);
	free(list);
	return best && 2 * count >= n ? t->text[best] : NULL;
}

static const char *by_word(const struct traits *t, const unsigned *member, unsigned n)
{
	unsigned *list = xcalloc((size_t)n * TRAIT_WORDS, sizeof(*list)), words = 0, count,
		 best;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < t->machine[member[i]].word_n; k++)
			list[words++] = t->machine[member[i]].word[k];
	best = commonest(t, list, words, &count);
	free(list);
	return best && count > 1 && 2 * count > n ? t->text[best] : NULL;
}

/* The machine that most other members call. */
static unsigned most_called(const struct contacts *c, const unsigned *member, unsigned n)
{
	unsigned best = member[0], most = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned m = member[i], called = 0;

		for (unsigned k = c->machine[m]; k < c->machine[m + 1]; k++) {
			const struct contact *x = &c->contact[c->by_machine[k]];

			if (x->server == m &&
			    bsearch(&x->client, member, n, sizeof(*member), by_number))
				called++;
		}
		if (called > most) {
			most = called;
			best = m;
		}
	}
	return best;
}

char *naming_of(const struct contacts *c, const struct traits *t, const unsigned *member,
		unsigned n)
{
	const struct graph *g = c->g;
	const char *name = n > 1 ? by_application(t, member, n) : NULL;

	if (!name && n > 1)
		name = by_word(t, member, n);
	if (!name)
		name = g->machine[n > 1 ? most_called(c, member, n) : member[0]].name;
	return xstrdup(name);
}

/* Former names */

struct overlap {
	unsigned was, is, common;
	bool named;
};

static int by_overlap(const void *pa, const void *pb)
{
	const struct overlap *a = pa, *b = pb;

	if (a->named != b->named)
		return a->named ? -1 : 1;
	if (a->common != b->common)
		return a->common > b->common ? -1 : 1;
	if (a->was != b->was)
		return a->was < b->was ? -1 : 1;
	return (a->is > b->is) - (a->is < b->is);
}

static int by_groups(const void *pa, const void *pb)
{
	const struct overlap *a = pa, *b = pb;

	if (a->was != b->was)
		return a->was < b->was ? -1 : 1;
	return (a->is > b->is) - (a->is < b->is);
}

static struct overlap *overlaps(const struct plan *p, const struct plan *before,
				unsigned *out_n)
{
	struct overlap *o = xcalloc(p->machine_n, sizeof(*o));
	unsigned n = 0, kept = 0;

	for (unsigned m = 0; m < p->machine_n; m++)
		if (p->machine[m].group != PLAN_NONE && before->machine[m].group != PLAN_NONE)
			o[n++] = (struct overlap){ before->machine[m].group,
						   p->machine[m].group, 1, false };
	qsort(o, n, sizeof(*o), by_groups);
	for (unsigned i = 0; i < n; i++) {
		if (kept && by_groups(&o[kept - 1], &o[i]) == 0)
			o[kept - 1].common++;
		else
			o[kept++] = o[i];
	}
	for (unsigned i = 0; i < kept; i++)
		o[i].named = before->group[o[i].was].named;
	if (kept)
		qsort(o, kept, sizeof(*o), by_overlap);
	*out_n = kept;
	return o;
}

static void take_over(struct plan_group *to, const struct plan_group *from)
{
	plan_text(&to->name, from->name);
	plan_text(&to->owner, from->owner);
	plan_text(&to->notes, from->notes);
	to->state = from->state;
	to->named = from->named;
	to->accepted = from->accepted;
	to->locked = from->locked;
	to->wave = from->wave;
}

/* A name that a label gave already (NAMED in a new group) is not given to another. */
static bool spoken_for(const struct plan *p, const struct plan_group *from, unsigned is)
{
	for (unsigned i = 0; i < p->group_n; i++)
		if (i != is && p->group[i].named && strcmp(p->group[i].name, from->name) == 0)
			return true;
	return false;
}

void naming_keep(struct plan *p, const struct plan *before)
{
	unsigned n;
	struct overlap *o;
	bool *was, *is;

	if (!before)
		return;
	o = overlaps(p, before, &n);
	was = xcalloc(before->group_n, sizeof(*was));
	is = xcalloc(p->group_n, sizeof(*is));
	for (unsigned i = 0; i < n; i++) {
		const struct plan_group *from = &before->group[o[i].was];
		struct plan_group *to = &p->group[o[i].is];
		bool own = strcmp(from->name, to->name) == 0;

		if (was[o[i].was] || is[o[i].is] || from->kind != to->kind)
			continue;
		if (!own && (to->named || 2 * o[i].common < from->machine_n ||
			     spoken_for(p, from, o[i].is)))
			continue;
		was[o[i].was] = is[o[i].is] = true;
		take_over(to, from);
	}
	free(o);
	free(was);
	free(is);
}

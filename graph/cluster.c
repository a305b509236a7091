/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/guest.h"
#include "graph/merge.h"
#include "graph/shared.h"

enum {
	ROUNDS = 2,
	MANY = 5000, /* machines from which fewer trials must do */
};

/* Below a half: parts that stay apart cost a planner more than a part too many, since he sees
 * a group, and not what is missing in it. */
#define JOIN_LEAST .4

static unsigned *run(const struct clustering *k, struct merge_job job)
{
	job.contacts = k->contacts;
	job.traits = k->traits;
	job.bonds = k->bonds;
	job.keep = k->keep;
	job.cap = CLUSTER_CAP;
	return merge_run(&job);
}

static void place(const struct clustering *k, unsigned *group)
{
	if (k->bonds)
		guests_place(k->bonds, k->keep, group);
}

static unsigned *cluster(const struct clustering *k, const struct merge_model *model,
			 const unsigned *group, const struct lesson *l)
{
	return run(k,
		   (struct merge_job){
			   .lesson = l, .group = group, .model = model, .least = JOIN_LEAST });
}

static bool decide(const struct clustering *k, unsigned m, bool shared)
{
	unsigned char role = k->bonds ? k->bonds->role[m] : BOND_FREE;

	if (!k->contacts->g->machine[m].known)
		return false;
	return role == BOND_FREE ? !shared : role == BOND_NOT_SHARED;
}

static void first_look(struct clustering *k)
{
	shared_first_look(k->contacts, k->keep);
	for (unsigned m = 0; m < k->contacts->machine_n; m++)
		k->keep[m] = decide(k, m, !k->keep[m]);
}

/* True when somebody's part has changed. */
static bool find_shared(struct clustering *k, const struct shared_model *model,
			const struct lesson *l)
{
	double *f = shared_describe(k->contacts, k->group, k->keep, l);
	bool changed = false;

	for (unsigned m = 0; m < k->contacts->machine_n; m++) {
		bool keep;

		if (!k->contacts->g->machine[m].known)
			continue;
		k->shared[m] = shared_probability(model, f + (size_t)m * SHARED_FEATURES);
		keep = decide(k, m, k->shared[m] >= .5);
		changed |= keep != k->keep[m];
		k->keep[m] = keep;
	}
	free(f);
	return changed;
}

static void learn(struct clustering *k)
{
	lesson_free(k->lesson);
	k->lesson = lesson_new(k->contacts, k->traits, k->group, k->keep);
}

/* Clusters again from what the present grouping teaches. */
static void again(struct clustering *k)
{
	unsigned *group = cluster(k, &merge_model_next, k->group, k->lesson);

	free(k->former);
	k->former = k->group;
	k->group = group;
}

struct clustering *clustering_new(const struct contacts *c, const struct traits *t,
				  const struct bonds *bonds)
{
	struct clustering *k = xcalloc(1, sizeof(*k));

	k->contacts = c;
	k->traits = t;
	k->bonds = bonds;
	k->keep = xcalloc(c->machine_n, sizeof(*k->keep));
	k->shared = xcalloc(c->machine_n, sizeof(*k->shared));
	first_look(k);
	k->group = cluster(k, &merge_model_first, NULL, NULL);
	if (find_shared(k, &shared_model_first, NULL)) {
		free(k->group);
		k->group = cluster(k, &merge_model_first, NULL, NULL);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		learn(k);
		again(k);
		learn(k);
		if (find_shared(k, &shared_model_next, k->lesson) || round + 1 == ROUNDS)
			again(k);
	}
	place(k, k->group);
	return k;
}

void clustering_free(struct clustering *k)
{
	if (!k)
		return;
	free(k->group);
	free(k->former);
	free(k->keep);
	free(k->shared);
	lesson_free(k->lesson);
	free(k);
}

/* Agreement */

struct trial {
	double least, drop;
};

static const struct trial trials[] = {
	{ .2, 0 },	    { .6, 0 },		{ JOIN_LEAST, .1 },
	{ JOIN_LEAST, .2 }, { JOIN_LEAST, .1 }, { JOIN_LEAST, .3 },
};

enum { TRIALS = sizeof(trials) / sizeof(trials[0]), TRIALS_OF_MANY = 3 };

static unsigned *sizes(const unsigned *group, unsigned n)
{
	unsigned *size = xcalloc(n, sizeof(*size));

	for (unsigned m = 0; m < n; m++)
		size[group[m]]++;
	return size;
}

static const unsigned *sort_one, *sort_other;

static int by_both(const void *pa, const void *pb)
{
	unsigned a = *(const unsigned *)pa, b = *(const unsigned *)pb;

	if (sort_one[a] != sort_one[b])
		return sort_one[a] < sort_one[b] ? -1 : 1;
	if (sort_other[a] != sort_other[b])
		return sort_other[a] < sort_other[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* AGREE[m] += how alike the two groups of M are: machines in both over machines in either. */
static void compare(const unsigned *one, const unsigned *other, unsigned n, double *agree)
{
	unsigned *order = xcalloc(n, sizeof(*order));
	unsigned *one_n = sizes(one, n), *other_n = sizes(other, n);

	for (unsigned m = 0; m < n; m++)
		order[m] = m;
	sort_one = one;
	sort_other = other;
	qsort(order, n, sizeof(*order), by_both);
	for (unsigned i = 0, end; i < n; i = end) {
		unsigned m = order[i];

		for (end = i + 1;
		     end < n && one[order[end]] == one[m] && other[order[end]] == other[m];)
			end++;
		for (unsigned x = i; x < end; x++)
			agree[order[x]] += (double)(end - i) /
					   (one_n[one[m]] + other_n[other[m]] - (end - i));
	}
	free(order);
	free(one_n);
	free(other_n);
}

double *clustering_agreement(const struct clustering *k)
{
	unsigned n = k->contacts->machine_n;
	unsigned most = n > MANY ? TRIALS_OF_MANY : TRIALS;
	double *agree = xcalloc(n, sizeof(*agree));

	for (unsigned i = 0; i < most; i++) {
		struct merge_job job = { .lesson = k->lesson,
					 .group = k->former,
					 .model = &merge_model_next,
					 .least = trials[i].least,
					 .drop = trials[i].drop,
					 .seed = i + 1 };
		unsigned *group = run(k, job);

		place(k, group);
		compare(k->group, group, n, agree);
		free(group);
	}
	for (unsigned m = 0; m < n; m++)
		agree[m] /= most;
	return agree;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grouping by agglomeration: begins with single machines (or what must stay together), and
 * joins, again and again, the two clusters that most probably are parts of one application,
 * until no two more probably are than not.
 *
 * How probable that is, a logistic model says from what is between the two clusters and around
 * them (enum merge_feature); its weights were fitted on generated estates (graph/fit.inc,
 * docs/grouping.md).  Nothing in it depends on the size of the estate.
 */
#ifndef GRAPH_MERGE_H
#define GRAPH_MERGE_H

#include "graph/bond.h"
#include "graph/contact.h"
#include "graph/lesson.h"

enum merge_feature {
	MERGE_SHARE_MAX, /* log odds: the tie's share of all ties of the one it matters to more
			  */
	MERGE_SHARE_MIN, /* ... of the other */
	MERGE_OUTSIDE,	 /* log odds: its share of the ties that leave the other */
	MERGE_WEIGHT,	 /* log: the tie, steadiness by inverse group frequency */
	MERGE_STEADY,	 /* log: its steadiness alone */
	MERGE_RARITY,	 /* log: mean inverse group frequency */
	MERGE_WEB,	 /* share of the tie over ports that anybody may call */
	MERGE_SIZE_MIN,	 /* log machines of the smaller */
	MERGE_SIZE_MAX,
	MERGE_NET, /* what networks, systems and sites have in common (lesson.h) */
	MERGE_OS,
	MERGE_SITE,
	MERGE_WORDS,	    /* rare words of names in common, per pair of machines */
	MERGE_WORDS_DIFFER, /* both have such words, and none in common */
	MERGE_CONTACTS,	    /* log contacts between the two */
	MERGE_LOCAL,	    /* do contacts of these kinds stay inside elsewhere (lesson.h) */
	MERGE_RATE,	    /* log10 connections of the busiest contact */
	MERGE_STRONGEST,    /* log: the strongest contact */
	MERGE_SHARE_SIZE,   /* MERGE_SHARE_MAX times MERGE_SIZE_MIN */
	MERGE_EXCLUSIVE,    /* share of the services' clients that are of the two */
	MERGE_TRIANGLES,    /* ties of both to the same third cluster */
	MERGE_APP_SAME,	    /* share of tagged pairs with one application */
	MERGE_APP_DIFFER,
	MERGE_OWNER_SAME,
	MERGE_OWNER_DIFFER,
	MERGE_FEATURES
};
extern const char *const merge_feature_word[MERGE_FEATURES];

struct merge_model {
	double bias, weight[MERGE_FEATURES];
};
extern const struct merge_model merge_model_first, merge_model_next;

struct merge_job {
	const struct contacts *contacts;
	const struct traits *traits;
	const struct lesson *lesson; /* NULL: nothing was learnt yet */
	const unsigned *group;	     /* a former grouping by machine; NULL: none yet */
	const bool *keep;	     /* by machine: takes part */
	const struct bonds *bonds;   /* NULL: no rules */
	const struct merge_model *model;
	double least; /* joins what is at least so probable; .5 but to test */
	unsigned cap; /* machines of a cluster at most */
	double drop;  /* share of the contacts to leave out, to test; by SEED */
	uint64_t seed;
	/* In place of the model, to fit one: the members of both clusters are told. */
	double (*judge)(const double *f, const unsigned *a, unsigned an, const unsigned *b,
			unsigned bn, void *ctx);
	void *ctx;
};

/*
 * The group of each machine: the smallest machine in it.  One that takes no part is in a group
 * of its own.  The caller frees it.
 */
unsigned *merge_run(const struct merge_job *job);

double merge_probability(const struct merge_model *m, const double *f);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs between two graphs (two windows, two databases) and between two plans.
 *
 * Pure.  A is before, B is after.  Machines are the same where their ids are (an address that
 * is no known machine: its address); edges, where machines, protocol, port and processes are,
 * a process that one side does not know being any.  Lists are in the order of B's arrays,
 * what is gone in the order of A's.
 */
#ifndef GRAPH_COMPARE_H
#define GRAPH_COMPARE_H

#include "graph/plan.h"

enum compare_change { COMPARE_NEW, COMPARE_GONE, COMPARE_CHANGED, COMPARE_KINDS };
extern const char *const compare_word[COMPARE_KINDS]; /* "new", "gone", "changed" */

struct compare_machine {
	enum compare_change change; /* new or gone */
	unsigned machine;	    /* of B; of A where it is gone */
};

struct compare_edge {
	enum compare_change change;
	unsigned a, b;		 /* edges; PLAN_NONE where there is none */
	double a_opens, b_opens; /* a day */
	double factor;		 /* b_opens / a_opens, 0: one of them is 0 */
	bool fails;		 /* connections fail that did not */
	bool heals;		 /* and the other way round */
};

struct compare_graphs {
	struct compare_machine *machine;
	struct compare_edge *edge;
	unsigned machine_n, edge_n;
	unsigned machines_same, edges_same;
	unsigned count[COMPARE_KINDS]; /* edges */
	double a_days, b_days;	       /* that opens are divided by, 1 at least */
};

/*
 * A machine is there if an edge touches it, or if it is known in a graph without a window.  An
 * edge has changed when its connections a day rose or fell by FACTOR or more, both being more
 * than noise (four standard deviations of Poisson counts), or when more than a tenth of them
 * fail and before it was less, or the other way round.  What imports alone tell of is divided
 * by its own first and last, since it counts whole in every window that it touches.
 */
struct compare_graphs *compare_graphs(const struct graph *a, const struct graph *b,
				      double factor);
void compare_graphs_free(struct compare_graphs *c);

enum compare_fate {
	COMPARE_SAME,	 /* not in any list */
	COMPARE_RENAMED, /* the same members */
	COMPARE_RESIZED, /* members came or went */
	COMPARE_SPLIT,	 /* groups of B, its parts, come mostly from this one of A */
	COMPARE_MERGED,	 /* groups of A, its parts, went mostly into this one of B */
	COMPARE_ADDED,
	COMPARE_REMOVED,
	COMPARE_FATES
};
extern const char *const compare_fate_word[COMPARE_FATES];

/*
 * Groups are matched by their members: the largest overlap first, of equal ones that with one
 * name.  A pair stands in the list once for each fate; a part of a split or a merger is not
 * added or removed.
 */
struct compare_group {
	enum compare_fate fate;
	bool renamed;	 /* whatever else happened */
	unsigned a, b;	 /* groups; PLAN_NONE where there is none */
	unsigned common; /* members of both */
	unsigned came, went;
	unsigned *part,
		part_n; /* of a split B's groups, of a merger A's; largest share first */
};

/* A machine whose group is another one than the match of its old one. */
struct compare_move {
	const char *id, *name; /* borrowed of a graph */
	unsigned from, to;     /* groups of A and B; PLAN_NONE: it was not, is not in a plan */
	bool became_shared, was_shared;
};

struct compare_plans {
	struct compare_group *group;
	struct compare_move *move;
	unsigned group_n, move_n;
	unsigned groups_same; /* name and members */
	unsigned machines;    /* in both plans */
	double rand;	      /* adjusted Rand index over those, 1: the same partition */
};

/* GA and GB may be one graph. */
struct compare_plans *compare_plans(const struct graph *ga, const struct plan *a,
				    const struct graph *gb, const struct plan *b);
void compare_plans_free(struct compare_plans *c);

/* Adjusted Rand index of two labellings of N things (Hubert and Arabie, 1985). */
double compare_rand(const unsigned *a, const unsigned *b, unsigned n);

#endif

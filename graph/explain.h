/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a machine, a group or two machines stand where they stand in a plan: the ties that hold
 * and those that pull, the connections behind them, and what would change without one.
 *
 * Pure.  An explanation borrows the graph, the plan and the ties, and owns its lists, which
 * are in a fixed order: strongest first, then by the names' order in the graph.  Weights have
 * no unit (graph/ties.h); shares are of all the ties of whoever is explained.
 */
#ifndef GRAPH_EXPLAIN_H
#define GRAPH_EXPLAIN_H

#include "graph/plan.h"
#include "graph/ties.h"

enum { EXPLAIN_MOST = 8 }; /* ties and users that a person reads; 0 asks for all */

struct explain; /* what all explanations of one plan have in common */

/* DAYS: for each edge of G on how many days it was seen, 0: unknown; or NULL.  Borrowed. */
struct explain *explain_new(const struct graph *g, const struct plan *p, const struct ties *t,
			    const unsigned *days);
void explain_free(struct explain *x);

/* A tie between two machines, and the edges of the graph behind it, most opens first. */
struct explain_tie {
	unsigned from, to; /* machines; FROM is the one explained, or inside of the group */
	unsigned group;	   /* of TO; PLAN_NONE: none */
	double weight, share;
	unsigned *edge, edge_n;
	unsigned days; /* of the edge that was seen on most; 0: unknown */
};

/*
 * What would happen without one tie: the machine's sum of ties to its own group falls to
 * OWN_AFTER, and NEXT is what ties it to the group JOINS.
 */
struct explain_without {
	bool leaves;	      /* false: no single tie decides */
	bool leans;	      /* NEXT is more than its own group even with all ties */
	unsigned machine, to; /* the tie */
	unsigned joins;	      /* PLAN_NONE: it would stand alone */
	double own_before, own_after, next;
};

/*
 * Connections with a shared service: of an ordinary machine or group with one shared entry, of
 * a shared machine or entry with one group.  FAR of that other entry's machines and NEAR of
 * the explained side's take part.  CALLS: the shared side opens connections (a scanner).
 */
struct explain_use {
	unsigned group; /* the other entry; PLAN_NONE: addresses that are no known machine */
	unsigned far, near;
	bool serves, calls;
	uint64_t opens, failed;
	unsigned *edge, edge_n; /* most opens first */
};

struct explain_near {
	unsigned group;
	double weight, share;
};

struct explain_machine {
	unsigned machine, group;
	double own, all; /* sums of its ties: to its group, and to everybody */
	struct explain_tie *in, *out;
	unsigned in_n, out_n;
	unsigned in_all, out_all;  /* how many there are, in_n and out_n may be fewer */
	struct explain_near *near; /* other groups that it is tied to, strongest first */
	unsigned near_n;
	struct explain_without without;
	/*
	 * Shared services it uses; of a shared machine its users by group, most opens first,
	 * and what the users' groups would be if it were an ordinary machine: one of GLUED
	 * groups with GLUED_MACHINES machines, TOP of its connections with the first of them.
	 */
	struct explain_use *use;
	unsigned use_n, use_all;
	unsigned glued, glued_machines;
	double top; /* share of the opens, 0 to 1 */
};

/* Where a group falls in two most easily: PART is the smaller side. */
struct explain_weak {
	bool known;    /* false: one machine, or more than EXPLAIN_CUT_MAX */
	bool loose;    /* no tie between the two sides */
	double weight; /* of the ties cut */
	unsigned *part, part_n;
	struct explain_tie *tie; /* the ties cut, from PART to the rest */
	unsigned tie_n;
};
enum { EXPLAIN_CUT_MAX = 400 };

struct explain_group {
	unsigned group;
	double inside, outside; /* sums of ties, each once */
	struct explain_tie *in, *out;
	unsigned in_n, out_n, in_all, out_all;
	struct explain_near *near;
	unsigned near_n;
	struct explain_use *use; /* shared services it uses; of a shared entry its users */
	unsigned use_n, use_all;
	struct explain_weak weak;
	unsigned loners; /* members that no tie holds */
};

struct explain_pair {
	unsigned a, b;
	bool together;		   /* in one group, or in one shared entry */
	struct explain_tie direct; /* weight 0: none; its edges may be there even so */
	unsigned *path, path_n;	   /* machines from A to B by the strongest ties; 0: no way */
	double weakest;		   /* tie on that path */
	double a_to_b, b_to_a;	   /* A's ties to B's group, B's to A's */
	double a_own, b_own;	   /* to their own groups */
	struct explain_without a_without, b_without;
	/* The least that keeps them apart inside their one group; {0} where they are not in
	 * one, PART is A's side. */
	struct explain_weak cut;
};

/* MOST: how many of each list; 0: all. */
struct explain_machine *explain_machine(const struct explain *x, unsigned m, unsigned most);
void explain_machine_free(struct explain_machine *m);
struct explain_group *explain_group(const struct explain *x, unsigned group, unsigned most);
void explain_group_free(struct explain_group *g);
struct explain_pair *explain_pair(const struct explain *x, unsigned a, unsigned b);
void explain_pair_free(struct explain_pair *p);

#endif

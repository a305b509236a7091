/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How strongly two machines belong together: the weights that the grouper clusters by, made
 * again from a plan, so that a plan can be explained, rescored and cut.
 *
 * A tie is undirected and has a weight above 0, without a unit; what nearly everybody does
 * (agents, directory, names) weighs nothing or little.  The connections behind a tie are the
 * graph's edges between the two machines.
 */
#ifndef GRAPH_TIES_H
#define GRAPH_TIES_H

#include "graph/plan.h"

struct tie {
	unsigned to; /* machine */
	float weight;
};

struct ties {
	unsigned *start; /* machine M's ties are tie[start[M]] up to tie[start[M + 1]] */
	struct tie *tie; /* by `to`; each tie stands at both of its machines */
	unsigned machine_n, tie_n;
};

struct ties *ties_of(const struct graph *g, const struct plan *p);
void ties_free(struct ties *t);

/* The weight between two machines, 0 for none. */
double ties_between(const struct ties *t, unsigned a, unsigned b);
/* What ties M to the members of GROUP (M itself left out), and to all. */
double ties_to_group(const struct ties *t, const struct plan *p, unsigned m, unsigned group);
double ties_all(const struct ties *t, unsigned m);

#endif

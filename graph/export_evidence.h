/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few edges that say most about each group: for a group those behind its strongest inner
 * ties, one for each pair of machines; for a shared service the busiest of each group that
 * uses it.
 */
#ifndef GRAPH_EXPORT_EVIDENCE_H
#define GRAPH_EXPORT_EVIDENCE_H

#include "graph/export.h"

enum { EVIDENCE_MOST = 5 };

struct evidence_edge {
	unsigned edge;
	double weight; /* of the tie, 0 where it is not known or there is none */
	unsigned a, b; /* what it stands for: two machines, or the user's group and 0 */
};

struct evidence {
	struct evidence_edge edge[EVIDENCE_MOST]; /* strongest first */
	unsigned edge_n;
};

/* One for each group of x->plan; the caller frees the array. */
struct evidence *evidence_of(const struct export *x);

/* The N ties of a machine that weigh most, strongest first, into OUT; returns how many. */
unsigned evidence_ties(const struct ties *t, unsigned machine, struct tie *out, unsigned n);

#endif

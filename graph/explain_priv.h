/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of graph/explain*.c alone. */
#ifndef GRAPH_EXPLAIN_PRIV_H
#define GRAPH_EXPLAIN_PRIV_H

#include "graph/explain.h"

/* An edge at one of its machines. */
struct explain_end {
	unsigned machine, other, edge;
};

struct explain {
	const struct graph *g;
	const struct plan *p;
	const struct ties *t;
	const unsigned *days;
	struct explain_end *end; /* by machine, other, edge */
	unsigned *start;	 /* machine M's are end[start[M]] up to end[start[M + 1]] */
};

/* With its evidence; SHARE is of ALL. */
struct explain_tie explain_tie(const struct explain *x, unsigned from, unsigned to,
			       double weight, double all);
/* A tie without evidence yet. */
struct explain_tie explain_bare(const struct explain *x, unsigned from, const struct tie *tie);
/*
 * N bare ties: strongest first, then by the machines; the MOST first get their evidence and
 * shares of ALL, and their number is returned.
 */
unsigned explain_keep(const struct explain *x, struct explain_tie *tie, unsigned n,
		      unsigned most, double all);
void explain_ties_free(struct explain_tie *tie, unsigned n);

/* Edges by opens, most first, then by their number. */
void explain_busiest(const struct graph *g, unsigned *edge, unsigned n);
bool explain_is_shared(const struct plan *p, unsigned group);

/* What ties MACHINEs to the groups that are not OWN, strongest first; frees nothing. */
struct explain_near *explain_nearest(const struct explain *x, const unsigned *machine,
				     unsigned n, unsigned own, double all, unsigned *out_n);
/*
 * Connections of MACHINEs with shared entries, or, where they are of a shared entry
 * themselves, with everybody outside of it.
 */
struct explain_use *explain_uses(const struct explain *x, const unsigned *machine, unsigned n,
				 unsigned own, unsigned *out_n);
void explain_uses_free(struct explain_use *use, unsigned n);
/* Frees those behind the MOST first. */
unsigned explain_uses_cut(struct explain_use *use, unsigned n, unsigned most);

struct explain_without explain_without(const struct explain *x, unsigned m);

/* N machines, those that SIDE marks and the rest, with the ties between them. */
struct explain_weak explain_weak(const struct explain *x, const unsigned *machine, unsigned n,
				 const bool *side, double weight);
void explain_weak_free(struct explain_weak *w);
/* The ties among N machines (ascending) as a matrix that the caller frees. */
double *explain_matrix(const struct explain *x, const unsigned *machine, unsigned n);

#endif

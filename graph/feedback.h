/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Circles in a graph of N nodes, and an order that cuts them where it is cheapest: the
 * heuristic of Eades, Lin and Smyth (1993) with weights, then every node tried at the places
 * beside its neighbours until none gains.
 */
#ifndef GRAPH_FEEDBACK_H
#define GRAPH_FEEDBACK_H

struct feedback_arc {
	unsigned from, to; /* FROM wants to stand before TO; no arc to itself */
	double weight;	   /* above 0 */
};

/*
 * Strongly connected components: COMP[v] is a number from 0, returned is how many there are.
 * Numbers ascend against the arcs: what is reached has the lower one.
 */
unsigned feedback_components(unsigned n, const struct feedback_arc *arc, unsigned arc_n,
			     unsigned *comp);

/*
 * ORDER becomes a permutation of the nodes; arcs that run backwards in it are the cut ones,
 * all of them within components.  Ties go to the lower number.
 */
void feedback_order(unsigned n, const struct feedback_arc *arc, unsigned arc_n,
		    unsigned *order);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cheapest way to take a small weighted graph apart.
 *
 * Pure.  W is a symmetric matrix of N rows, weights 0 or more, with nothing on the diagonal;
 * it is used up.  SIDE has N elements and tells the two sides apart.  What is returned is the
 * weight of the cut.
 */
#ifndef GRAPH_MINCUT_H
#define GRAPH_MINCUT_H

#include <stdbool.h>

/*
 * Anywhere (Stoer and Wagner, "A simple min-cut algorithm", 1997); N is 2 or more.  Of equal
 * cuts the one whose smaller side is larger; true is the smaller side.
 */
double mincut_anywhere(double *w, unsigned n, bool *side);
/* Between S and T (Edmonds and Karp, 1972); true is the side of S. */
double mincut_between(double *w, unsigned n, unsigned s, unsigned t, bool *side);

#endif

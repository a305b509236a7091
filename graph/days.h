/* SPDX-License-Identifier: Apache-2.0 */
/* On how many days the edges of a graph were seen. */
#ifndef GRAPH_DAYS_H
#define GRAPH_DAYS_H

#include "graph/model.h"

/*
 * One number for each edge of G, in its window, 0 where nobody knows (imports); an edge that
 * several of the store's became has that of the one seen most.  The caller frees it; NULL
 * with words in *E.
 */
unsigned *graph_days(struct store *s, const struct graph *g, struct err *e);

#endif

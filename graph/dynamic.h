/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many high ports of one server process are one service: RPC end points and the data channel
 * of passive FTP move with every start or every transfer, and as ports they tell nothing.  All
 * of them become port 0, which is shown as "dynamic".
 *
 * Counted are ports of one process and protocol on which a connection ever succeeded, by how
 * many machines call each.  One that far more call than its like is a service of its own and
 * keeps its number.  The others fold where at least DYNAMIC_PORTS of them lie in the ranges
 * that systems give out (from DYNAMIC_FIRST: Linux begins at 32768, IANA and Windows at
 * 49152), or, of a process that also serves FTP, at least DYNAMIC_OWN lie from 1024 up to
 * there and hardly anybody calls the same one twice: a range that the server was given.  What
 * leads to a folded port of the machine folds with it, whoever was seen to serve it.
 */
#ifndef GRAPH_DYNAMIC_H
#define GRAPH_DYNAMIC_H

#include "graph/model.h"

enum { DYNAMIC_PORTS = 8, DYNAMIC_OWN = 16, DYNAMIC_FIRST = 32768 };

/* Sets ports of edges and listeners to 0; equal ones are not joined, and no order changes. */
void dynamic_fold(struct graph *g);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts groups that are larger than their limit where least is cut: parts are grown along the
 * strongest ties, packed into as few as the limit allows, and units are moved between parts
 * as long as that cuts less.
 */
#ifndef GRAPH_SPLIT_H
#define GRAPH_SPLIT_H

#include "graph/bond.h"
#include "graph/ties.h"

/*
 * GROUP by machine (the smallest machine of its group); groups above their limit get new
 * numbers, which are again smallest machines.  OUT[m] becomes 1 + the smallest machine of the
 * group that was cut, 0 elsewhere.  T: ties over that grouping.
 */
void split_large(const struct ties *t, const struct bonds *b, const bool *keep,
		 unsigned *group, unsigned *out);

#endif

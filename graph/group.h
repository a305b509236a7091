/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grouper: from a graph to a plan.  docs/grouping.md says how and how well.
 *
 * Pure: the same graph, rules and former plan give the same plan, in whatever order the facts
 * came.
 */
#ifndef GRAPH_GROUP_H
#define GRAPH_GROUP_H

#include "common/err.h"
#include "graph/plan.h"
#include "graph/rules.h"

/*
 * NULL with words in *E that name the edits, when RULES contradict each other.  RULES may be
 * NULL.  BEFORE is the former plan over the same graph or NULL: its accepted and locked groups
 * are kept, names, states, owners and notes go to the groups that have most of the old
 * members.
 */
struct plan *group_propose(const struct graph *g, const struct rules *rules,
			   const struct plan *before, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests: machines that a person pinned to a group.  Who moves a machine means that machine
 * alone: clustering goes on as if nothing was said, so that those that it leaves stay
 * together, and when it is done guests are put into the group that most former members of the
 * named one are in.
 */
#ifndef GRAPH_GUEST_H
#define GRAPH_GUEST_H

#include "graph/bond.h"

/*
 * GROUP by machine (the smallest machine of its group), of machines that KEEP.  Where the
 * group of that name is gone, or must not have them, guests of one name make a group of their
 * own.
 */
void guests_place(const struct bonds *b, const bool *keep, unsigned *group);

#endif

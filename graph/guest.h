/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests: machines that a person pinned to a group.  Who moves a machine means that machine
 * alone, so its ties draw nobody along: guests take no part in clustering and are put, when it
 * is done, into the group that most former members of the named one are in.
 */
#ifndef GRAPH_GUEST_H
#define GRAPH_GUEST_H

#include "graph/bond.h"

/*
 * GROUP by machine (a number below machine_n), of machines that KEEP.  Where the group of
 * that name is gone, or must not have them, guests of one name make a group of their own.
 */
void guests_place(const struct bonds *b, const bool *keep, unsigned *group);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of groups: from the application that machines are tagged with, from the word that
 * their host names share, else from the machine that most others of the group call.  What
 * people named keeps its name, and a group that has most of a former one's machines takes
 * that one's name, with what people said of it.
 */
#ifndef GRAPH_NAMING_H
#define GRAPH_NAMING_H

#include "graph/contact.h"
#include "graph/plan.h"
#include "graph/traits.h"

/* A name for the machines MEMBER[0..n); the caller frees it. */
char *naming_of(const struct contacts *c, const struct traits *t, const unsigned *member,
		unsigned n);

/* P before it is settled; BEFORE over the same graph, or NULL. */
void naming_keep(struct plan *p, const struct plan *before);

#endif

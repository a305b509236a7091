/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules made ready for the grouper: what must stay together as units, and what may never
 * meet.  Contradictions are found here, before anything is grouped.
 *
 * A unit is named by its smallest machine.  Labels, environments and sites are numbers, 0 for
 * none; two units with different ones never meet.
 */
#ifndef GRAPH_BOND_H
#define GRAPH_BOND_H

#include "common/err.h"
#include "graph/plan.h"
#include "graph/rules.h"
#include "graph/traits.h"

enum bond_role { BOND_FREE, BOND_SHARED, BOND_NOT_SHARED };

struct bonds {
	unsigned machine_n;
	unsigned *unit;	       /* by machine: its unit */
	unsigned *core;	       /* by machine: what is clustered as one; guests alone */
	unsigned *label;       /* by machine: the named group that it must be in */
	unsigned *env, *site;  /* as people said */
	unsigned *told;	       /* by machine: its environment by whatever tells it */
	bool *guest;	       /* by machine: pinned to its label (graph/guest.h) */
	unsigned *former;      /* by machine: the label whose former group it was in */
	bool *frozen;	       /* by machine: of a locked group; nobody joins */
	unsigned char *role;   /* enum bond_role */
	const char **kind;     /* by machine: of a shared one as people say, "" or NULL */
	unsigned *entry;       /* by machine: the named entry that a shared one stays in */
	unsigned *apart_start; /* enemies of M: apart[apart_start[M]] up to the next */
	unsigned *apart;
	const char **label_name; /* by label, from 1; borrowed from rules or the former plan */
	unsigned *label_limit;	 /* by label, 0: none of its own */
	unsigned label_n;
	char **env_name; /* by number, from 1 */
	unsigned env_n;
	unsigned limit; /* of every group, 0: none */
};

/*
 * NULL with words that name the edits when the rules contradict each other.  R and BEFORE may
 * be NULL.  BEFORE's locked and accepted groups become labels.
 */
struct bonds *bonds_new(const struct graph *g, const struct traits *t, const struct rules *r,
			const struct plan *before, struct err *e);
void bonds_free(struct bonds *b);

/* The most machines that a group with LABEL may have. */
unsigned bonds_limit(const struct bonds *b, unsigned label);

#endif

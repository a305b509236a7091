/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a graph goes into one picture, before anything has a shape: the machines and edges
 * selected, and what can be said of each machine from the selected edges alone.
 */
#ifndef GRAPH_DRAW_VIEW_H
#define GRAPH_DRAW_VIEW_H

#include <stdbool.h>

#include "graph/draw/role.h"
#include "graph/plan.h"

enum {
	VIEW_SHARED_CLIENTS = 8, /* so many client machines make DNS and the like a chip */
	VIEW_CHIPS = 6,
};

struct view_machine {
	bool on;
	bool inner;	  /* it has an edge between two processes of its own */
	unsigned in, out; /* edges from and to other machines */
	enum role role;
	const char *chip[VIEW_CHIPS]; /* shared services it uses, sorted by word */
	unsigned chip_n;
};

enum view_edge { VIEW_OFF, VIEW_ARROW, VIEW_CHIP };

struct view {
	const struct graph *g;
	int focus; /* the machine in the middle, -1: overview */
	struct view_machine *machine;
	unsigned char *edge;	  /* enum view_edge, by edge */
	unsigned *shared_clients; /* by process: machines that use it as a chip */
	const struct plan *plan;  /* of the one group that is drawn, NULL: another picture */
	unsigned group;
};

void view_init(struct view *v, const struct graph *g, int focus);
/*
 * One group of a plan: `on` are its machines, and edges are selected that touch them.  Those
 * with shared services are chips, in the boxes of machines that are not most of the group.
 */
void view_init_group(struct view *v, const struct graph *g, const struct plan *p,
		     unsigned group);
void view_fini(struct view *v);

/*
 * OUT[m] for each machine: what its busiest service is for; listening alone counts where
 * nothing is used.  Where SHARED is given, what machines marked in it call or serve tells
 * nothing of the other end.
 */
void view_roles(const struct graph *g, const bool *shared, enum role *out);

/* Every attempt failed: there is no dependency, only the wish for one. */
bool view_edge_failed(const struct graph_edge *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where boxes stand in formats that have places: groups as boxes in rows, machines in a grid
 * inside of their box.  Shared services come first, then groups by name, each wave in
 * rows of its own; what is in no group comes last.
 */
#ifndef GRAPH_EXPORT_LAYOUT_H
#define GRAPH_EXPORT_LAYOUT_H

#include "graph/export.h"

enum { LAYOUT_CELL_W = 170, LAYOUT_CELL_H = 34 };

struct layout_box {
	unsigned x, y, w, h;
	unsigned columns;
};

struct layout {
	unsigned *order;	  /* of the groups */
	struct layout_box *group; /* by group */
	unsigned group_n;
	struct layout_box rest; /* for REST_N machines in no group */
	unsigned *rest_machine, rest_n;
};

/* STRANGERS: addresses that are no known machine have a place in the rest too. */
struct layout *layout_of(const struct export *x, bool strangers);
void layout_free(struct layout *l);
/* The corner of the machine with number I in its box, relative to the box. */
void layout_cell(const struct layout_box *b, unsigned i, unsigned *x, unsigned *y);
/* "#rrggbb": of a group, pale; of NULL white. */
const char *layout_colour(const struct export *x, const struct plan_group *g);

#endif

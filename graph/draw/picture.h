/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a graph to a picture: what is drawn how is chosen here, by how much there is.
 *
 * Small graphs show machines with their processes and ports; larger ones a box for each
 * machine, then a box for each family of machines ("app01 … app08"), and at last only the
 * boxes with most arrows.  Whatever is folded or left out is said in the picture itself.
 */
#ifndef GRAPH_DRAW_PICTURE_H
#define GRAPH_DRAW_PICTURE_H

#include "common/buf.h"
#include "common/err.h"
#include "graph/plan.h"

enum picture_level {
	PICTURE_OVERVIEW, /* machines, all of them */
	PICTURE_MACHINE,  /* one and its neighbours */
	PICTURE_GROUPS,	  /* the groups of a plan */
	PICTURE_GROUP,	  /* one of them and its neighbours */
};

struct picture_options {
	enum picture_level level;
	unsigned machine;	 /* index, for PICTURE_MACHINE */
	const struct plan *plan; /* for the two of groups; of the same graph */
	unsigned group;		 /* index in the plan, for PICTURE_GROUP */
	bool local_time;	 /* in the zone of the process instead of UTC */
	const char *scope; /* what the filter left, in words ("port 5432"); NULL: everything */
	const char
		*format; /* for picture_draw: "dot", "svg", "png", "pdf"; NULL: by the path */
};

/* Appends DOT text.  The same graph and options give the same bytes. */
int picture_dot(const struct graph *g, const struct picture_options *o, struct buf *out,
		struct err *e);

/* Loads, draws and writes by rename; PATH "-" is standard output. */
int picture_draw(struct store *s, const struct filter *f, const struct picture_options *o,
		 const char *path, struct err *e);

/* As picture_draw, of a graph that is there already. */
int picture_write(const struct graph *g, const struct picture_options *o, const char *path,
		  struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the blocks above all pictures have in common: lines, the period, what is missing from
 * the data, and the legend.  Everything is rows of one table in Graphviz's HTML.
 */
#ifndef GRAPH_DRAW_HEADING_H
#define GRAPH_DRAW_HEADING_H

#include "common/buf.h"
#include "graph/draw/picture.h"

#define HEADING_GREY "#555555"

void heading_begin(struct buf *b);
void heading_end(struct buf *b);
/* The large line.  HTML is emptied, as below. */
void heading_title(struct buf *b, struct buf *html);
/* A small line of that colour, or nothing where HTML is empty. */
void heading_line(struct buf *b, const char *color, struct buf *html);
/* " · ", but not at the beginning of a line. */
void heading_sep(struct buf *b);

/* Unix seconds, 0: nothing known. */
struct heading_period {
	int64_t first, last;
};
/* The window asked for, else what was seen in it. */
struct heading_period heading_period(const struct graph *g);
void heading_period_write(struct buf *b, const struct graph *g, bool local);
/* What sensors and collector had to drop. */
void heading_health(struct buf *b, const struct health *health);

/* Text with signs in it: tables inside a table would be stretched to the title's width. */
struct legend {
	struct buf html;
	unsigned n;
};

void legend_entry(struct legend *l, const char *color, const char *sign, const char *words);
/* Nothing without entries. */
void legend_write(struct legend *l, struct buf *b);

#endif

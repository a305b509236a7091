/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boxes of a scene as Graphviz's HTML-like labels.
 *
 * Row N has the cell port "rN" (arrows leave there, to the right) and one cell "rNpPORT" or
 * "rNuPORT" (TCP, UDP) for each port it serves, at the left edge of the box, where arrows end.
 */
#ifndef GRAPH_DRAW_BOX_H
#define GRAPH_DRAW_BOX_H

#include "common/buf.h"
#include "graph/draw/scene.h"

#define BOX_LINE "#5A6270"   /* arrows, and boxes without a role */
#define BOX_MUTUAL "#7A3B8F" /* arrows that have one the other way */
#define BOX_FAILED "#D55E00"
#define BOX_FAILED_TEXT "#B34A00"
#define BOX_SMALL "#444444"
#define BOX_CELL                                                                              \
	"#fdfdfd" /* not "white", which is the page: both change apart in the dark            \
		   */
#define BOX_CHIP "#4A4F5A"

void box_label(struct buf *b, const struct scene_box *box);
/* The heading of a frame: name, detail, shared services. */
void box_frame_label(struct buf *b, const struct scene_cluster *c);
/* Plain text, escaped, for the tooltip. */
void box_tooltip(struct buf *b, const struct scene_box *box);
/* "r0p443"; "" where the box has no cell for that port. */
void box_port(struct buf *b, const struct scene_box *box, int row,
	      const struct scene_port *port);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One group of a plan: its machines in a frame, and its neighbours, each other group in one
 * box, at the left those that call it and at the right those that it calls; one that does both
 * stands at both sides.
 */
#ifndef GRAPH_DRAW_GROUPVIEW_H
#define GRAPH_DRAW_GROUPVIEW_H

#include "graph/draw/scene.h"

/* V is of view_init_group; COMPACT and STACKS as for scene_new. */
struct scene *groupview_new(const struct view *v, bool compact, enum fold_stacks stacks);

#endif

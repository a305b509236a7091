/* SPDX-License-Identifier: Apache-2.0 */
/* The block above a picture: title, what it rests on, what is missing, and the legend. */
#ifndef GRAPH_DRAW_CAPTION_H
#define GRAPH_DRAW_CAPTION_H

#include "common/buf.h"
#include "graph/draw/picture.h"
#include "graph/draw/scene.h"

/* Where render.c puts what it had to give up, if it had to; a comment, so that it shows
 * nothing. */
#define CAPTION_NOTE "<!--note-->"

/* A label in Graphviz's HTML. */
void caption_write(struct buf *b, const struct scene *s, const struct picture_options *o);

#endif

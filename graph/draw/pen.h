/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph being written as DOT, by way of cgraph, which nothing else here knows: nodes, frames
 * and arrows with the fonts and colours of all pictures, in the order in which they are made.
 *
 * Texts are built in pen_text and then given to an attribute, which empties it again.  What
 * comes from strangers goes through words.h on its way there.
 */
#ifndef GRAPH_DRAW_PEN_H
#define GRAPH_DRAW_PEN_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

struct pen;

/* FRAMES: there may be some, and ranks go through them all. */
struct pen *pen_new(bool frames);
void pen_free(struct pen *p);

/* Things are cgraph's and live as long as the pen; IN is pen_root or a frame. */
void *pen_root(struct pen *p);
void *pen_frame(void *in, const char *name);
void *pen_node(void *in, const char *name);
void *pen_arrow(struct pen *p, void *from, void *to, const char *key);

struct buf *pen_text(struct pen *p);
void pen_set(void *thing, const char *name, const char *value);
void pen_set_text(struct pen *p, void *thing, const char *name);
void pen_set_html(struct pen *p, void *thing, const char *name);

int pen_write(struct pen *p, struct buf *out, struct err *e);

#endif

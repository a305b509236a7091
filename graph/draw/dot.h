/* SPDX-License-Identifier: Apache-2.0 */
/* A scene as DOT text, by way of cgraph. */
#ifndef GRAPH_DRAW_DOT_H
#define GRAPH_DRAW_DOT_H

#include "common/buf.h"
#include "common/err.h"
#include "graph/draw/picture.h"
#include "graph/draw/scene.h"

int dot_write(const struct scene *s, const struct picture_options *o, struct buf *out,
	      struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What Graphviz's SVG lacks: fonts to fall back on, and colours for a dark page. */
#ifndef GRAPH_DRAW_SVG_H
#define GRAPH_DRAW_SVG_H

#include <stddef.h>

#include "common/buf.h"

/* Appends the SVG text P[0..N), finished. */
void svg_finish(struct buf *out, const char *p, size_t n);

#endif

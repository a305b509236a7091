/* SPDX-License-Identifier: Apache-2.0 */
/* What of an estate is drawn, so that it can be read, and how much is said of each group. */
#ifndef GRAPH_DRAW_ESTATECUT_H
#define GRAPH_DRAW_ESTATECUT_H

#include "graph/draw/estate.h"

/* Sets the form, degrees, what is `drawn`, chips for the outside, and counts what is not. */
void estatecut(struct estate *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* An estate as DOT text: its boxes and arrows get their shapes here, its heading in
 * estatehead.c. */
#ifndef GRAPH_DRAW_ESTATEDOT_H
#define GRAPH_DRAW_ESTATEDOT_H

#include "common/buf.h"
#include "common/err.h"
#include "graph/draw/chip.h"
#include "graph/draw/estate.h"
#include "graph/draw/picture.h"

int estatedot_write(const struct estate *e, const struct picture_options *o, struct buf *out,
		    struct err *err);

/* The block above: title, what it rests on, legend, shared services, what is not drawn. */
void estatehead_write(struct buf *b, const struct estate *e, const struct picture_options *o);

/* Rows of it: the shared services whose bits are set in MASK. */
void estatehead_services(struct buf *b, const struct estate *e, uint64_t mask,
			 const char *title);

/* "DNS", "DB2". */
void estatedot_chip(const struct estate_service *s, struct chip *out);

#endif

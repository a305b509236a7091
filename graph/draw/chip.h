/* SPDX-License-Identifier: Apache-2.0 */
/* Shared services as small words in the boxes of those who use them. */
#ifndef GRAPH_DRAW_CHIP_H
#define GRAPH_DRAW_CHIP_H

#include <stdbool.h>

#include "common/buf.h"
#include "graph/service.h"

enum { CHIP_TEXT = 12 };

struct chip {
	char text[CHIP_TEXT];
	bool hollow; /* says something else than "uses this service" */
};

/* "DNS", "LDAP": at most seven letters, and none that must be escaped. */
const char *chip_word(enum service s);
/*
 * A table of them, PER_ROW in a row, that keeps its own width in whatever cell it stands.
 * Nothing for none.
 */
void chip_table(struct buf *b, const struct chip *chip, unsigned n, unsigned per_row);

#endif

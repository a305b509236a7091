/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first words about a machine: what listens on it and who is connected, in a few lines.
 */
#ifndef CLI_GLANCE_H
#define CLI_GLANCE_H

#include <stdio.h>

#include "common/err.h"
#include "store/store.h"

/* What is known now; 0 or negative errno with words. */
struct glance {
	unsigned machines, services, edges;
	uint64_t live, opens, failed;
};
int glance_count(struct store *s, struct glance *out, struct err *e);

/* At most LINES lines to OUT, none wider than WIDTH columns. */
int glance_print(struct store *s, FILE *out, unsigned lines, unsigned width, struct err *e);

#endif

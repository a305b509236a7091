/* SPDX-License-Identifier: Apache-2.0 */
/* Differences as a table, or as one JSON object (docs/explain.md has the fields). */
#ifndef CLI_DIFF_PRINT_H
#define CLI_DIFF_PRINT_H

#include "cli/options.h"
#include "graph/compare.h"

struct diff_side {
	struct graph *g;
	struct plan *p; /* NULL: graphs are compared */
	char *name;	/* the window, the database, "plan 3" */
};

void diff_print_graphs(const struct options *o, const struct diff_side *a,
		       const struct diff_side *b, const struct compare_graphs *c);
void diff_print_plans(const struct options *o, const struct diff_side *a,
		      const struct diff_side *b, const struct compare_plans *c);

#endif

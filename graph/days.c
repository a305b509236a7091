/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/days.h"

#include <stdlib.h>

#include "common/mem.h"

/* Both come by the store's number, so that one walk finds all. */
struct walk {
	const struct graph *g;
	unsigned *days;
	unsigned at;
};

static int on_days(int64_t edge, unsigned days, void *ctx)
{
	struct walk *w = ctx;

	while (w->at < w->g->row_n && w->g->row[w->at].row < edge)
		w->at++;
	for (; w->at < w->g->row_n && w->g->row[w->at].row == edge; w->at++) {
		unsigned *best = &w->days[w->g->row[w->at].edge];

		if (days > *best)
			*best = days;
	}
	return 0;
}

unsigned *graph_days(struct store *s, const struct graph *g, struct err *e)
{
	struct filter f = { .since = g->since, .until = g->until };
	struct walk w = { .g = g, .days = xcalloc(g->edge_n + 1ul, sizeof(*w.days)) };

	if (query_edge_days(s, &f, on_days, &w, e) == 0)
		return w.days;
	free(w.days);
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The plan that is kept, for what shows it (api_plan.c) and what changes it (api_change.c). */
#ifndef COLLECTOR_API_PLAN_H
#define COLLECTOR_API_PLAN_H

#include "collector/api.h"
#include "graph/plan.h"
#include "store/edit.h"

/* A graph and the plan over it, over the plan's own window. */
struct api_view {
	struct graph *g;
	struct plan *p; /* NULL: none yet */
};

/* Negative errno with words; V is to be freed in all cases. */
int api_view_load(struct api_view *v, struct store *s, struct err *e);
void api_view_free(struct api_view *v);

/* For query_edits: CTX is a struct json. */
int api_edit_row(const struct edit_row *row, void *ctx);

#endif

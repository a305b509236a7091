/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a plan as JSON (docs/groups.schema.json), for the command and for the API. */
#ifndef GRAPH_PLAN_JSON_H
#define GRAPH_PLAN_JSON_H

#include "common/json.h"
#include "graph/plan.h"

/* The object stays open for more. */
void plan_json_group(struct json *j, const struct graph *g, const struct plan *p,
		     const struct plan_group *group);
/* Of a shared entry: the most groups that use one of its machines, and what is advised. */
unsigned plan_users(const struct plan *p, const struct plan_group *group);
const char *plan_advice(const struct plan_group *group);

#endif

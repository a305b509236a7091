/* SPDX-License-Identifier: Apache-2.0 */
/* Plans and rules between the store and the graph: rows there, indexes here. */
#ifndef GRAPH_SAVED_H
#define GRAPH_SAVED_H

#include "graph/plan.h"
#include "graph/rules.h"
#include "store/store.h"

/* Writes the plan as the newest; sets p->id and p->made_ms (NOW_MS). */
int saved_write(struct store *s, const struct graph *g, struct plan *p, int64_t now_ms,
		struct err *e);
/*
 * The newest plan, or the one with that ID, over G: 1 with *OUT, 0 if there is none.  A
 * machine of the plan that G does not have is counted in `missing`; one of G that the plan
 * does not have stands in no group.
 */
int saved_read(struct store *s, const struct graph *g, int64_t id, struct plan **out,
	       struct err *e);

/* The edits as rules; saved_rules_free frees what they borrow. */
struct saved_rules {
	struct rules rules;
	void *own;
	unsigned missing; /* edits that speak of a machine which G does not have; left out */
};
int saved_rules(struct store *s, const struct graph *g, struct saved_rules *out,
		struct err *e);
void saved_rules_free(struct saved_rules *r);

#endif

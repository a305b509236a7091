/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plan keeps together and what it cuts, and what one rule in it costs: ties (graph/
 * ties.h) and the connections behind them, by whether both ends stand in one group.
 *
 * Pure.  What shared services are asked for is no tie, so it is in neither part.
 */
#ifndef GRAPH_RESCORE_H
#define GRAPH_RESCORE_H

#include "graph/plan.h"
#include "graph/rules.h"
#include "graph/ties.h"

struct rescore_part {
	unsigned ties;	/* pairs of machines */
	double weight;	/* of these ties */
	unsigned edges; /* of the graph, behind these ties */
	double opens;	/* connections a day, those that failed left out */
	double bytes;	/* payload a day, both ways, as far as it is known */
	bool has_bytes; /* false: unknown for all of them */
};

struct rescore {
	struct rescore_part kept, cut;
};

/* The days that the counts of G stand for, at least one. */
double rescore_days(const struct graph *g);

/* All ties of the plan. */
struct rescore rescore_plan(const struct graph *g, const struct ties *t, const struct plan *p);
/* The ties that have one of these N machines at an end. */
struct rescore rescore_machines(const struct graph *g, const struct ties *t,
				const struct plan *p, const unsigned *machine, unsigned n);
/* The tie between two machines. */
struct rescore rescore_pair(const struct graph *g, const struct ties *t, const struct plan *p,
			    unsigned a, unsigned b);
/*
 * What RULE has to do with: the tie of two machines that are kept apart; all ties of the
 * machines of another rule; those that leave the groups which a limit has filled.
 */
struct rescore rescore_rule(const struct graph *g, const struct ties *t, const struct plan *p,
			    const struct rule *rule);

/* The share of the weight that is cut, 0 to 1. */
double rescore_share(const struct rescore *r);

/*
 * The machines whose group has another name in AFTER than in BEFORE, both over one graph; OUT
 * has room for all and gets their indexes, ascending.
 */
unsigned rescore_moved(const struct plan *before, const struct plan *after, unsigned *out);

#endif

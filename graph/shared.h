/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared services, found by behaviour: a machine that many groups use, or that uses many, and
 * that has no home in any.  A logistic model weighs the signs (enum shared_feature); ports and
 * processes are a prior among them, and tell the kind.
 */
#ifndef GRAPH_SHARED_H
#define GRAPH_SHARED_H

#include "graph/contact.h"
#include "graph/lesson.h"

enum shared_feature {
	SHARED_IN_BREADTH,  /* log of the effective number of groups that call it */
	SHARED_OUT_BREADTH, /* ... that it calls */
	SHARED_IN_TOP,	    /* share of the group that calls most */
	SHARED_OUT_TOP,
	SHARED_TOP,	    /* share of its ties with one group */
	SHARED_HOME,	    /* ... with the group it stands in */
	SHARED_IN_MACHINES, /* log of machines that call it */
	SHARED_OUT_MACHINES,
	SHARED_PORT_IN, /* as IN_BREADTH, of its broadest port */
	SHARED_PORT_OUT,
	SHARED_PORT_IN_INFRA, /* that port is known for infrastructure */
	SHARED_PORT_OUT_INFRA,
	SHARED_INFRA_IN,  /* log of groups that call its infrastructure ports */
	SHARED_INFRA_OUT, /* ... whose agents it calls */
	SHARED_BOTH_WAYS,
	SHARED_CALLS_NONE,
	SHARED_CALLED_BY_NONE,
	SHARED_WEB, /* share of its contacts over ports that anybody may call */
	SHARED_DATA,
	SHARED_NET_MIX, /* its users are of different networks, systems (lesson.h) */
	SHARED_OS_MIX,
	SHARED_HOME_SIZE,
	SHARED_WIDE, /* was taken for shared before */
	SHARED_IN_TOP_BREADTH,
	SHARED_SINK,
	SHARED_DATA_BREADTH,
	SHARED_TIES,
	SHARED_FEATURES
};
extern const char *const shared_feature_word[SHARED_FEATURES];

struct shared_model {
	double bias, weight[SHARED_FEATURES];
};
extern const struct shared_model shared_model_first, shared_model_next;

/*
 * Before anything is grouped: KEEP[m] is false for what has so many steady peers that no
 * application would (40), and for strangers.
 */
void shared_first_look(const struct contacts *c, bool *keep);

/*
 * F[m * SHARED_FEATURES ...] for every known machine, over a grouping of those that are kept;
 * LESSON may be NULL.  The caller frees it.
 */
double *shared_describe(const struct contacts *c, const unsigned *group, const bool *keep,
			const struct lesson *l);
double shared_probability(const struct shared_model *m, const double *f);

/* What kind of service machine M is, and why, in one line that the caller frees. */
struct shared_story {
	enum service kind;
	unsigned users;	     /* groups that use it, or that it looks after */
	uint16_t port;	     /* by which most do */
	const char *process; /* its own at that port, borrowed from the graph; "" unknown */
	char *reason;
};
struct shared_story shared_tell(const struct contacts *c, const unsigned *group, unsigned m);

#endif

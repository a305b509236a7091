/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of the grouper: cluster, see who is shared, learn, cluster again.
 */
#ifndef GRAPH_CLUSTER_H
#define GRAPH_CLUSTER_H

#include "graph/bond.h"
#include "graph/contact.h"
#include "graph/lesson.h"

enum { CLUSTER_CAP = 1000 }; /* machines of one group, whatever the ties */

struct clustering {
	const struct contacts *contacts;
	const struct traits *traits;
	const struct bonds *bonds;
	unsigned *group;       /* by machine: the smallest machine of its group */
	bool *keep;	       /* by machine: known and not shared */
	double *shared;	       /* by machine: how probably it is shared, 0 to 1 */
	struct lesson *lesson; /* of the last round */
	unsigned *former;      /* the grouping that the last round began from */
};

/* BONDS may be NULL.  The arguments are borrowed by the result. */
struct clustering *clustering_new(const struct contacts *c, const struct traits *t,
				  const struct bonds *bonds);
void clustering_free(struct clustering *k);

/*
 * By machine: how much of its group it keeps, 0 to 1, when ties are taken away by chance and
 * when joining is made harder and easier.  The caller frees it.
 */
double *clustering_agreement(const struct clustering *k);

#endif

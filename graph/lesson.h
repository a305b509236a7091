/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an estate teaches about itself once a first grouping is there: how often machines of
 * one group share operating system, site and network compared to chance, and which kinds of
 * contacts (port, server's process, client's process) stay inside groups.
 *
 * All are log likelihood ratios, smoothed, so that little evidence says little: where
 * applications mix systems or networks freely, those say nothing.
 */
#ifndef GRAPH_LESSON_H
#define GRAPH_LESSON_H

#include "graph/contact.h"
#include "graph/traits.h"

enum { LESSON_NETS = 6 };

struct lesson {
	const struct traits *traits;
	double os[2], site[2], net[LESSON_NETS]; /* [equal], [equal], [bits in common] */
	float *local; /* by contact: how much its kind stays inside, its own vote left out */
};

/* GROUP and KEEP by machine; only kept machines teach. */
struct lesson *lesson_new(const struct contacts *c, const struct traits *t,
			  const unsigned *group, const bool *keep);
void lesson_free(struct lesson *l);

double lesson_os(const struct lesson *l, unsigned a, unsigned b);
double lesson_site(const struct lesson *l, unsigned a, unsigned b);
double lesson_net(const struct lesson *l, unsigned a, unsigned b);

#endif

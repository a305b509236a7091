/* SPDX-License-Identifier: Apache-2.0 */
/* What merge.c, which joins clusters, and merge_describe.c, which compares them, share. */
#ifndef GRAPH_MERGE_WORK_H
#define GRAPH_MERGE_WORK_H

#include "graph/merge.h"

enum { NOT = -1 };

/* What is between two clusters. */
struct pair {
	double weight, web, steady, rarity, local;
	float strongest, rate;
	unsigned contacts;
	int first, last; /* its contacts, a list through merge.next */
};

struct link {
	unsigned to; /* cluster */
	unsigned pair;
};

struct cluster {
	unsigned *member, member_n, member_cap;
	struct link *link; /* by `to` */
	unsigned link_n, link_cap;
	double inside, outside; /* weight of ties */
	unsigned stamp;		/* one more at each join */
	unsigned label, env, site;
	bool alive, frozen;
};

struct candidate {
	double p;
	unsigned a, b, a_stamp, b_stamp;
};

struct merge {
	const struct merge_job *job;
	const struct contacts *c;
	struct cluster *cluster; /* by its smallest machine */
	unsigned *where;	 /* by machine: its cluster */
	struct pair *pair;
	unsigned pair_n;
	int *next;	  /* by contact: the next of its pair */
	unsigned *fan_in; /* by service: clients that take part */
	unsigned *mark;	  /* by service or group: seen at the tick */
	unsigned tick;
	struct candidate *heap;
	size_t heap_n, heap_cap;
	bool tagged;
};

/* Whether contact I is between two machines that are clustered. */
bool merge_takes_part(const struct merge *m, unsigned i);

/* F gets the signs of clusters A and B, which have P between them. */
void merge_describe(struct merge *m, unsigned a, unsigned b, const struct pair *p, double *f);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers into waves: nodes with sizes and arcs from clients to servers, so that as much
 * weight as possible stays within a wave, next to none has its client move first, and no wave
 * is over its capacity.  graph/waves.h says what the nodes are.
 *
 * Heavy arcs are joined into clusters in several sizes, each lot is put in order
 * (graph/feedback.h), packed wave by wave, and the best is bettered by moves and swaps that
 * may at first make it worse (threshold accepting, Dueck and Scheuer 1990).
 */
#ifndef GRAPH_PACK_H
#define GRAPH_PACK_H

#include <limits.h>
#include <stdint.h>

#define PACK_NONE UINT_MAX

struct pack_node {
	unsigned size; /* machines */
	uint64_t bytes;
	unsigned fixed;	 /* its wave, from 1; 0: to be found */
	unsigned rank;	 /* lower ones rather earlier */
	unsigned family; /* within one, a lower rank is strictly earlier; PACK_NONE */
};

struct pack_arc {
	unsigned client, server; /* never the same */
	double weight;		 /* above 0 */
};

struct pack {
	const struct pack_node *node;
	const struct pack_arc *arc; /* none twice */
	unsigned node_n, arc_n;
	unsigned capacity;	 /* machines a wave, above 0 */
	uint64_t capacity_bytes; /* 0: no limit */
	unsigned pilot;		 /* machines of the first wave; 0: as the others */
	unsigned waves_max;	 /* 0: as many as it takes */
	unsigned effort;	 /* 0: packed only, 1: bettered as well */
};

/*
 * WAVE[v] is from 1 for every node; returns the highest.  A node that is larger than the
 * capacity has a wave to itself.  Fixed nodes take room first, and may break every rule.
 */
unsigned pack_waves(const struct pack *q, unsigned *wave);

#endif

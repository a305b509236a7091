/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which process is at the other end: the claims of one conversation put together.
 *
 * A host's sensor knows the process of its own end only.  A claim that does not know an end
 * takes the one process that other claims know there; where they know several, the one with
 * which it shares most client ports, else the one with most opens, and then it is a guess.
 * Where nobody knows any it stays unknown, so an unknown process never makes a second edge.
 * Pure: no store, no clock; the outcome does not depend on the order of the claims.
 */
#ifndef COMMON_PAIR_H
#define COMMON_PAIR_H

#include <stdbool.h>
#include <stdint.h>

enum { PAIR_CLIENT, PAIR_SERVER, PAIR_SIDES };
enum { PAIR_PORTS = 16 };

struct pair_claim {
	int64_t process[PAIR_SIDES]; /* as the witness knows them; 0: unknown */
	uint64_t opens;
	uint16_t port[PAIR_PORTS]; /* client ports of a few of its connections */
	unsigned ports_n;
	int64_t edge[PAIR_SIDES]; /* out */
	bool guess;		  /* out: more than one would have done */
};

/* Fills in edge and guess of all claims. */
void pair_resolve(struct pair_claim *claims, unsigned n);

#endif

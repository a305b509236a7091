/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a set of rules is refused: the edits that contradict each other, all that it takes and
 * no other, and the words around them.
 */
#ifndef GRAPH_BLAME_H
#define GRAPH_BLAME_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

/* Why two machines are one unit: up to two edits, 0 for none, or a group that is kept. */
struct tied {
	unsigned a, b;
	int64_t edit, with;
	const char *group;
};

struct blame {
	struct buf edits;
	const char *group; /* a kept one among the reasons */
};

/* 0 is no edit. */
struct blame blame_of(int64_t one, int64_t two);
void blame_edit(struct blame *b, int64_t edit);
void blame_tie(struct blame *b, const struct tied *t);
/* The ties that lead from machine A to machine B, of N in all, over so many MACHINES. */
void blame_trail(struct blame *blame, const struct tied *tied, size_t n, unsigned machines,
		 unsigned a, unsigned b);

/* -EINVAL with "edits 7, 3: WHY" in *E; empties BLAME. */
int blame_say(struct blame *blame, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif

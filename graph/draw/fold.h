/* SPDX-License-Identifier: Apache-2.0 */
/* Machines that a picture shows as one box, since they would say the same thing many times. */
#ifndef GRAPH_DRAW_FOLD_H
#define GRAPH_DRAW_FOLD_H

#include "graph/draw/view.h"

enum fold_kind {
	FOLD_CLIENTS, /* they only call, and all call the same ports of the same processes */
	FOLD_SERVERS, /* they only serve, and all serve the same ports */
	FOLD_IDLE,    /* no edge at all */
	FOLD_STACK,   /* known machines whose names differ in their number only */
};

struct fold {
	enum fold_kind kind;
	bool known; /* false: unmonitored addresses */
	unsigned *machine, n, cap;
};

struct folds {
	int *of; /* by machine, -1: stands alone */
	struct fold *fold;
	unsigned n, cap;
};

/*
 * STACKS: families of names too, and clients are alike when they call the same machines; LIKE:
 * only if they serve the same ports.
 */
enum fold_stacks { FOLD_NO_STACKS, FOLD_STACKS, FOLD_STACKS_LIKE };
void fold_find(struct folds *f, const struct view *v, enum fold_stacks stacks);
void fold_fini(struct folds *f);

/* "hr-app01.example.com" is "hr-app#.example.com"; OUT holds CAP bytes and is returned. */
const char *fold_family(const char *name, char *out, unsigned cap);

#endif

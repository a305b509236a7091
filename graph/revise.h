/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people change in a plan, tried and kept: for the command and for the API.
 *
 * A change is tried first: stored in a transaction that is rolled back, with the rules read
 * as they would be.  The grouper then runs without holding the database, and what it makes is
 * kept together with the change in a second transaction.
 */
#ifndef GRAPH_REVISE_H
#define GRAPH_REVISE_H

#include "graph/rescore.h"
#include "graph/saved.h"
#include "store/edit.h"
#include "store/plan.h"

/* How the grouper runs; kept beside the plan, so that edits run it in the same way. */
struct revise_run {
	uint64_t size; /* machines a group, 0: no limit */
	bool sites_apart, envs_mixed, no_names, no_tags, no_subnets;
};
/* Any of it was asked for. */
bool revise_given(const struct revise_run *run);
/* What was kept, where there is something. */
int revise_remembered(struct store *s, struct revise_run *run, struct err *e);

/* One thing that a person asks for.  Strings are borrowed. */
struct revise_change {
	enum { REVISE_EDIT, REVISE_UNDO, REVISE_RENAME, REVISE_LABEL } what;
	struct edit_row edit;	      /* its id is set when it is stored */
	const char *from, *to;	      /* rename */
	struct group_label_row label; /* all of it, as it shall be */
};

/* A plan before and after, over one graph, and the ties of the plan after. */
struct revise_outcome {
	struct plan *before, *after;
	struct ties *ties;
	unsigned missing; /* edits that speak of machines which are not there */
};
void revise_outcome_free(struct revise_outcome *out);

struct revise {
	struct store *store; /* to write, unless DRY_RUN and without changes */
	struct graph *graph;
	struct revise_run run;
	int64_t since, until; /* the window that the graph has */
	bool dry_run;
	void (*progress)(const char *doing); /* or NULL */
	/* In the transaction that keeps, before it ends; NULL: nothing.  Negative: nothing is
	 * kept. */
	int (*kept)(struct revise *x, struct err *e);
	void *ctx; /* of KEPT */
};

/*
 * Tries the changes, runs the grouper under them and keeps both, or neither.  Negative errno
 * with words: -EINVAL, -ENOENT and -EEXIST for what cannot be, rules that contradict each
 * other among it.  OUT is zeroed by the caller and freed in all cases.
 */
int revise_rerun(struct revise *x, struct revise_change *change, size_t n,
		 struct revise_outcome *out, struct err *e);
/* Keeps changes that need no new plan: labels, names. */
int revise_keep(struct revise *x, struct revise_change *change, size_t n, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People's edits of the plan: rules that every later run of the grouper keeps.  Kinds are the
 * words of graph/rules.h.  Machines are idents, since they outlive numbers.
 */
#ifndef STORE_EDIT_H
#define STORE_EDIT_H

#include <stdint.h>

#include "store/store.h"

struct edit_row {
	int64_t id; /* given by the store, ascending */
	int64_t made_ms;
	const char *kind;
	const char *machine, *other; /* idents, "" for none */
	const char *name;	     /* of a group, kind of service, environment, site; "" */
	unsigned size;
};

typedef int edit_fn(const struct edit_row *row, void *ctx);

/*
 * The same edit twice is one; an edit that says the opposite of an older one takes its place
 * (together/apart of the same two, pin of the same machine, shared/not-shared, env, site,
 * limit of the same group).  *ID is its number.  -EINVAL with words for no such kind, and for
 * one that lacks its machines, its name or its size.
 */
int edit_add(struct store *s, const struct edit_row *row, int64_t *id, struct err *e);
/* 1 if it was there, 0 if not. */
int edit_remove(struct store *s, int64_t id, struct err *e);
/* In the order of their numbers. */
int query_edits(struct store *s, edit_fn *fn, void *ctx, struct err *e);

#endif

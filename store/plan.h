/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans in the database, and what people say of groups.
 *
 * Each run of the grouper is a plan; the newest PLAN_KEEP are kept (and those that a person
 * named), so that two can be compared.  What people say of a group (state, owner, notes,
 * accepted, locked, named) belongs to its name and outlives plans.  Settings are small JSON
 * texts by key (the rules of waves, for one).  Rows and strings are borrowed for the call.
 */
#ifndef STORE_PLAN_H
#define STORE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum { PLAN_KEEP = 20 };

struct plan_info {
	int64_t id;	      /* given by the store */
	int64_t made_ms;      /* given by whoever saves */
	int64_t since, until; /* the window, 0: open */
	const char *label;    /* a person's word for it ("before cleanup"), "" none */
	unsigned groups, shared, machines;
};

struct plan_group_row {
	unsigned number; /* within the plan, from 0 */
	const char *name, *kind, *service, *env, *site, *reason;
	double confidence;
	unsigned wave;
};

struct plan_machine_row {
	const char *machine; /* ident, to the letter */
	unsigned group;	     /* number */
	double confidence;
	unsigned users;
	const char *reason;
};

struct group_label_row {
	const char *name, *state, *owner, *notes;
	bool named, accepted, locked;
};

typedef int plan_info_fn(const struct plan_info *row, void *ctx);
typedef int plan_group_fn(const struct plan_group_row *row, void *ctx);
typedef int plan_machine_fn(const struct plan_machine_row *row, void *ctx);
typedef int group_label_fn(const struct group_label_row *row, void *ctx);

/* One transaction: the plan, and the oldest ones go.  INFO->id is set. */
int plan_save(struct store *s, struct plan_info *info, const struct plan_group_row *group,
	      size_t group_n, const struct plan_machine_row *machine, size_t machine_n,
	      struct err *e);
/* The waves of a plan's groups, by name; a group that is not named keeps its own. */
struct plan_wave_row {
	const char *group;
	unsigned wave;
};
int plan_set_waves(struct store *s, int64_t plan, const struct plan_wave_row *row, size_t n,
		   struct err *e);
/* Newest first. */
int query_plans(struct store *s, plan_info_fn *fn, void *ctx, struct err *e);
/* 1 with *ID, the newest; 0 if there is none. */
int plan_newest(struct store *s, int64_t *id, struct err *e);
int query_plan_groups(struct store *s, int64_t plan, plan_group_fn *fn, void *ctx,
		      struct err *e);
int query_plan_machines(struct store *s, int64_t plan, plan_machine_fn *fn, void *ctx,
			struct err *e);
int plan_label(struct store *s, int64_t plan, const char *label, struct err *e);

int query_group_labels(struct store *s, group_label_fn *fn, void *ctx, struct err *e);
int group_label_set(struct store *s, const struct group_label_row *row, struct err *e);
/* In the newest plan, in labels and in edits; -EEXIST if another group has that name. */
int group_rename(struct store *s, const char *from, const char *to, struct err *e);

/* 1 with a copy in *VALUE that the caller frees, 0 if there is none. */
int setting_get(struct store *s, const char *key, char **value, struct err *e);
int setting_set(struct store *s, const char *key, const char *value, struct err *e);

#endif

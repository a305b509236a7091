/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan: every known machine of a graph in one entry, a group that moves together or a
 * shared service, with what people said of each.  graph/group.h proposes one, graph/saved.h
 * keeps it in the store and brings it back, graph/waves.h puts its groups in order.
 *
 * Machines are indexes of the graph that the plan was made for.  Groups stand in a fixed
 * order: kind (groups first), then name, byte by byte; names are unique.  The members of a
 * group ascend.  The plan owns all of its strings; none is NULL.
 */
#ifndef GRAPH_PLAN_H
#define GRAPH_PLAN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "graph/model.h"
#include "graph/service.h"

#define PLAN_NONE UINT_MAX

enum plan_kind { PLAN_GROUP, PLAN_SHARED };

enum plan_state {
	PLAN_PROPOSED,
	PLAN_PLANNED,
	PLAN_APPROVED,
	PLAN_MOVED,
	PLAN_VERIFIED,
	PLAN_STATES
};
extern const char *const plan_state_word[PLAN_STATES];
extern const char *const plan_kind_word[2]; /* "group", "shared" */

struct plan_group {
	char *name;
	enum plan_kind kind;
	enum service service; /* of a shared entry */
	char *env;	      /* "prod", "test", "dev" ...; "": unknown */
	char *site;	      /* "": unknown or several */
	char *reason;	      /* why shared, or why the members stand together; one line */
	enum plan_state state;
	char *owner, *notes;
	bool named;	   /* a person gave it its name */
	bool accepted;	   /* its members stay; others may join */
	bool locked;	   /* its members stay and nobody joins */
	double confidence; /* 0 to 1 */
	unsigned wave;	   /* from 1; 0: none yet */
	unsigned *machine, machine_n;
};

/* One for each machine of the graph, strangers too. */
struct plan_machine {
	unsigned group; /* PLAN_NONE: a stranger, or a machine that the plan does not know */
	double confidence; /* how surely it belongs where it is, 0 to 1 */
	unsigned users;	   /* of a shared one: how many groups use it */
	char *reason;	   /* one line: why it is here, or why it is shared */
};

struct plan {
	int64_t id;	      /* in the store; 0: not saved */
	int64_t made_ms;      /* 0: not saved */
	int64_t since, until; /* the window it was made from; 0: open */
	struct plan_group *group;
	unsigned group_n;
	struct plan_machine *machine;
	unsigned machine_n; /* of the graph */
	unsigned missing;   /* machines of the saved plan that the graph does not have */
};

/* Every machine in none; strings "". */
struct plan *plan_new(unsigned machine_n);
void plan_free(struct plan *p);
/*
 * Another group; the pointer is good until the next.  NAME is copied; env, site, reason,
 * owner and notes are "" and are replaced with plan_text.
 */
struct plan_group *plan_add(struct plan *p, enum plan_kind kind, const char *name);
/* *AT becomes a copy of TEXT (NULL: ""). */
void plan_text(char **at, const char *text);
/*
 * After groups were added and plan_machine.group set: makes names unique ("shop", "shop-2"),
 * drops groups without members, puts all in order and fills the members.
 */
void plan_settle(struct plan *p);
/* The index of the group of that name, PLAN_NONE for none. */
unsigned plan_find(const struct plan *p, const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan as a picture sees it: a box for each group, an arrow for each pair of groups that
 * depend on each other, and who uses which shared service; with what has to be left out so
 * that it can still be read.  Nothing in it has a shape yet (estatedot.h).
 *
 * What nothing came of (every attempt failed) is no dependency: it makes no service used and
 * no group dependent, but it is drawn where there is room.
 */
#ifndef GRAPH_DRAW_ESTATE_H
#define GRAPH_DRAW_ESTATE_H

#include "graph/draw/role.h"
#include "graph/plan.h"

enum estate_form {
	ESTATE_RICH,	/* few: all is said in the box, numbers at the arrows */
	ESTATE_CHIPS,	/* up to about a hundred: names, and services that not all use */
	ESTATE_COMPACT, /* more: names and sizes */
};

enum estate_kind {
	ESTATE_GROUP,
	ESTATE_CALLERS, /* unmonitored addresses that call */
	ESTATE_CALLED,	/* unmonitored addresses that are called */
};

enum {
	ESTATE_SERVICES = 64, /* bits of estate_box.uses */
	ESTATE_PORTS = 3,
};

struct estate_box {
	enum estate_kind kind;
	unsigned group;		       /* index in the plan; PLAN_NONE for the unmonitored */
	unsigned machines;	       /* or addresses */
	unsigned role[ROLE_COUNT];     /* machines by role */
	uint64_t uses;		       /* bits by index of estate.service */
	bool from_outside, to_outside; /* where the unmonitored have no arrows */
	unsigned degree;	       /* groups that it depends on or that depend on it */
	bool single;		       /* one machine of many such, listed and not drawn */
	bool drawn;
};

struct estate_port {
	const char *process; /* of the server, borrowed; "" unknown */
	uint16_t port;
	uint8_t proto;
	uint64_t opens;
};

struct estate_link {
	unsigned from, to; /* boxes */
	struct counters c;
	uint64_t live, pending;
	int64_t first, last;
	unsigned edges, pairs;		       /* pairs of machines */
	struct estate_port port[ESTATE_PORTS]; /* busiest first */
	unsigned port_n;		       /* of all */
	bool mutual; /* there is one the other way, and neither is rare */
	bool drawn;
};

struct estate_service {
	enum service kind;
	unsigned number; /* where several of a kind are told apart, from 1; else 0 */
	unsigned *machine, machine_n;
	unsigned users; /* groups */
	bool common;	/* most groups use it */
};

struct estate {
	const struct graph *g;
	const struct plan *p;
	enum estate_form form;
	struct estate_box *box; /* group I of the plan is box I; then callers, called */
	struct estate_link *link;
	struct estate_service *service;
	unsigned box_n, link_n, service_n;
	unsigned group_n, machine_n; /* of kind PLAN_GROUP, and in them */
	unsigned unplanned;	     /* known machines that stand in no group */
	double days;		     /* of the period, 0: unknown */
	unsigned dead_links, faint_links, small_links; /* not drawn: failed, rare, cut */
	unsigned singles, single_links;		       /* of boxes marked `single` */
	unsigned hidden_boxes; /* groups with dependencies, not drawn */
};

struct estate *estate_new(const struct graph *g, const struct plan *p);
void estate_free(struct estate *e);

/* Nothing came of any attempt. */
bool estate_link_dead(const struct estate_link *l);
/* A tenth or more failed. */
bool estate_link_ailing(const struct estate_link *l);
/* Connections a day; below a day of watching, of the whole period. */
double estate_rate(const struct estate *e, const struct estate_link *l);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in a picture: boxes with rows and ports, arrows between them, frames around
 * boxes of one machine.  Texts in it are raw; whoever writes them out makes them safe
 * (words.h).
 */
#ifndef GRAPH_DRAW_SCENE_H
#define GRAPH_DRAW_SCENE_H

#include "graph/draw/env.h"
#include "graph/draw/fold.h"
#include "graph/draw/view.h"

enum scene_kind {
	SCENE_MACHINE,	/* a card: header, a row for each process */
	SCENE_PROCESS,	/* one process inside the frame of its machine */
	SCENE_STRANGER, /* an unmonitored address */
	SCENE_CLIENTS,	/* several alike that only call */
	SCENE_SERVERS,	/* several alike that only serve */
	SCENE_IDLE,	/* several that do neither */
	SCENE_COMPACT,	/* a machine without its processes */
	SCENE_STACK,	/* several of those */
	SCENE_GROUP,	/* a group of the plan, as a neighbour */
};

/* NO_ROW: the arrow meets the box, not a row of it. */
enum { SCENE_NO_ROW = -1, SCENE_MEMBERS = 6 };

struct scene_port {
	uint16_t port;
	uint8_t proto;
	uint64_t opens;
	bool used; /* false: it only listens */
	bool dead; /* every attempt failed */
};

struct scene_row {
	const char *name; /* borrowed from the graph; "" unknown */
	const char *ip;	  /* told where processes of one machine differ in it, else "" */
	const char *container;
	enum role role;
	struct scene_port *port;    /* by number */
	unsigned port_n, port_more; /* more: not shown */
	unsigned clients, shared_clients;
	uint64_t opens; /* by its clients */
	uint64_t self;	/* connections to itself */
	bool calls;
};

struct scene_box {
	enum scene_kind kind;
	char *id;		    /* safe in XML */
	char *name, *detail, *more; /* more: a last small line, "" for none */
	enum role role;
	enum env env; /* of a group */
	bool known, focus;
	int cluster; /* -1: none */
	int side;    /* of the frame of a group: -1 left, 1 right, 0 neither */
	struct scene_row *row;
	unsigned row_n, row_cap;
	const struct view_machine *chips;  /* NULL: none */
	const char *member[SCENE_MEMBERS]; /* names, borrowed */
	unsigned member_n, machines;	   /* machines: how many it stands for */
};

struct scene_cluster {
	char *id, *name, *detail, *more;
	bool group, unsure; /* of the plan, else a machine; less than half sure */
	enum env env;
	int parent; /* the frame it stands in, -1: none */
	enum role role;
	bool focus;
	const struct view_machine *chips; /* NULL: none */
};

struct scene_link {
	unsigned from, to; /* boxes */
	int from_row, to_row;
	struct scene_port *port; /* one of them, but in compact scenes; by number */
	unsigned port_n, port_cap;
	struct counters c;
	uint64_t live, pending;
	int64_t first, last;
	unsigned edges, one_sided; /* how many of the graph's it stands for */
	const char *far; /* the busiest process at the end that is a neighbour, "" unknown */
	uint64_t far_opens;
};

struct scene {
	const struct view *v;
	bool compact;
	enum fold_stacks stacks;
	struct scene_box *box;
	struct scene_cluster *cluster;
	struct scene_link *link;
	unsigned box_n, box_cap, cluster_n, cluster_cap, link_n, link_cap;
	unsigned hidden_machines, hidden_links; /* dropped by scene_keep */
};

enum scene_state {
	SCENE_FINE,
	SCENE_ONE_SIDED, /* one of two sensors should have seen it and did not */
	SCENE_WAITING,	 /* nothing came of it yet: still connecting, or given up */
	SCENE_FAILED,	 /* every attempt failed */
};
enum scene_state scene_link_state(const struct scene_link *l);

/* Whether failures are many enough to show; in a group's picture one in ten. */
bool scene_link_ails(const struct scene *s, const struct scene_link *l);

struct scene *scene_new(const struct view *v, bool compact, enum fold_stacks stacks);
void scene_free(struct scene *s);

/* Drops all but the boxes with most arrows and the arrows with most connections, and counts.
 */
void scene_keep(struct scene *s, unsigned boxes, unsigned links);

#endif
